// What could not be read of a document, so that checking can go on with the rest: a name that is not there
// may be one that an unreadable place was to make, and is then no mistake of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"

namespace ktstr {

/// What unreadable places may have done, had they been read: made, started, ended, frozen or thawed things.
class NameDoubts {
 public:
  [[nodiscard]] bool MayMake(Refers kind) const { return (makes_ >> static_cast<unsigned>(kind) & 1U) != 0; }
  [[nodiscard]] bool MayStart() const { return starts_; }
  [[nodiscard]] bool MayEnd() const { return ends_; }
  [[nodiscard]] bool MayFreeze() const { return freezes_; }
  /// Whoever stops what is in a cgroup thaws it, too.
  [[nodiscard]] bool MayThaw() const { return thaws_; }
  /// Adds what `field` does with its name.
  void Add(const FieldDecl& field);
  void Add(const NameDoubts& other);

 private:
  std::uint32_t makes_ = 0;  // a bit for each of Refers
  bool starts_ = false;
  bool ends_ = false;
  bool freezes_ = false;
  bool thaws_ = false;
};

/// Document paths (see Diagnostic) of values that say nothing: unreadable, missing though required, or
/// misspelt. Reading it is thread-safe.
class BrokenPlaces {
 public:
  /// `root` declares the whole document; it must outlive this.
  explicit BrokenPlaces(const StructDecl& root) : root_(root) {}

  void Add(std::string path) { paths_.push_back(std::move(path)); }
  [[nodiscard]] bool empty() const { return paths_.empty(); }
  /// Whether `path` is such a place, or in one.
  [[nodiscard]] bool Covers(std::string_view path) const;
  /// Whether `path` is such a place, or one is in it or around it.
  [[nodiscard]] bool Touches(std::string_view path) const;
  /// What `path` itself may have done when it is such a place.
  [[nodiscard]] NameDoubts DoubtsAt(std::string_view path) const;
  /// The same of it and of everything in it.
  [[nodiscard]] NameDoubts DoubtsIn(std::string_view path) const;

 private:
  const StructDecl& root_;
  std::vector<std::string> paths_;
};

}  // namespace ktstr
