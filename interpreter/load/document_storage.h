// What a Document owns. Internal to document*.cpp.
#pragma once

#include <memory_resource>
#include <string>

#include "interpreter/load/document.h"
#include "interpreter/load/source_text.h"

namespace ktstr {

/// All of it lives until the Document goes; nothing in the arena is destroyed one by one.
struct Document::Storage {
  Storage(std::string file_name, std::string file_text)
      : name(std::move(file_name)), text(std::move(file_text)), source(text), arena(text.size() + 4096) {}

  std::string name;  // as the user wrote it; diagnostics begin with it
  std::string text;  // without a byte order mark; nodes view into it
  SourceText source;
  /// Nodes, entries, item lists and texts that differ from the source.
  std::pmr::monotonic_buffer_resource arena;
  const Node* root = nullptr;  // in the arena; null when nothing could be read
  bool complete = false;       // the text was read to its end without a syntax error

  /// A copy in the arena; T is trivially copyable.
  template <typename T>
  std::span<const T> Copy(std::span<const T> values) {
    if (values.empty()) return {};
    T* copy = static_cast<T*>(arena.allocate(values.size_bytes(), alignof(T)));
    std::uninitialized_copy(values.begin(), values.end(), copy);
    return {copy, values.size()};
  }
  std::string_view Copy(std::string_view text_value) {
    const std::span<const char> copy = Copy(std::span<const char>(text_value));
    return {copy.data(), copy.size()};
  }
  /// A T in the arena. Its destructor is never run.
  template <typename T>
  T* Make(const T& value) {
    return std::construct_at(static_cast<T*>(arena.allocate(sizeof(T), alignof(T))), value);
  }
};

}  // namespace ktstr
