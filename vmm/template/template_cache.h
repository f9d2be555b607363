// Templates: guests that were booted once, up to the point where guest-init waits for its first request, and
// saved. A clone continues from there.
//
// A template is a directory <cache>/templates/<key>/ with the memory (ram0, ram1, ...: sparse), the device
// state (state) and manifest.json. It is complete from the moment it has that name: it is written under
// another one and renamed. Hashes in the manifest are compared before use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/image/initramfs.h"
#include "vmm/machine/guest_ram.h"
#include "vmm/machine/machine_config.h"

namespace ktstr::vmm {

/// What a template is made from.
struct TemplateSpec {
  /// Without `initrd` and `rng_seed`: the image is made here, and randomness differs from clone to clone.
  MachineConfig machine;
  /// Files that every clone has from its first moment. Usually empty: what a scenario needs is sent to it.
  std::vector<InitramfsFile> files;
};

/// manifest.json.
struct TemplateFacts {
  std::string key;
  std::string description;      // for people: kernel, topology, memory, accelerator, clock
  std::string kernel_release;   // of the running guest
  std::string boot_id;          // the guest's own: a machine that tells another one is not a clone of this
  std::uint64_t parked_ns = 0;  // the guest's CLOCK_MONOTONIC when it was saved; a clone's is later
  double build_ms = 0;          // host time it took to boot and save
  std::vector<std::uint64_t> ram_hashes;  // HashPages, one per NUMA node
  std::uint64_t state_hash = 0;
};

/// A template, opened: it can be cloned as long as this lives, whatever happens to its directory. Any thread.
class Template {
 public:
  Template(TemplateFacts facts, MachineFiles files) : facts_(std::move(facts)), files_(std::move(files)) {}
  [[nodiscard]] const TemplateFacts& facts() const { return facts_; }
  /// Descriptors for one clone. Error (kEnvironment): the process has none left.
  [[nodiscard]] Result<MachineFiles> FilesForClone() const;
  /// Whether the files hold what was saved. Reads them all the first time, which takes as long as QEMU needs
  /// to start: so call it between starting a clone and resuming it.
  [[nodiscard]] bool Intact() const;

 private:
  TemplateFacts facts_;
  MachineFiles files_;
  mutable std::once_flag checked_;
  mutable bool intact_ = false;
};

struct StoredTemplate {
  std::string key;
  std::string description;               // empty when the manifest cannot be read
  std::uint64_t bytes = 0;               // on disk
  std::filesystem::file_time_type used;  // last time it was cloned from or made
};

/// Any thread; safe against other processes that use the same directory.
class TemplateCache {
 public:
  static constexpr std::uint64_t kDefaultLimit = std::uint64_t{4} << 30;

  /// `directory` is made when it is missing. `limit_bytes`: see Collect(). Error (kEnvironment): it cannot be
  /// written.
  static Result<TemplateCache> Open(std::filesystem::path directory,
                                    std::uint64_t limit_bytes = kDefaultLimit);

  /// The template of that name (TemplateKeys), if there is a complete one. Its content has not been looked
  /// at: see Template::Intact(). What is not complete stays until Obtain() replaces it.
  [[nodiscard]] std::shared_ptr<const Template> Find(const std::string& key) const;

  /// Find(), or else boots and saves it. Of several callers with one key, in any process, one does so and the
  /// others wait; `on_progress` tells people which. `cancel_fd` as in MachineHooks. Afterwards the least
  /// recently used templates above the limit are removed. Errors: whatever kept the guest from coming up
  /// (kGuest, kMachine, kTimeout, kCancelled) or the template from being kept (kEnvironment).
  Result<std::shared_ptr<const Template>> Obtain(
      const TemplateSpec& spec, const std::string& key, int cancel_fd,
      const std::function<void(std::string_view)>& on_progress) const;

  /// Removes the template of that name.
  void Discard(const std::string& key) const;
  /// Removes one that is not intact or that QEMU would not load, unless another one has its name by now.
  void Discard(const Template& bad) const;

  /// Most recently used first.
  [[nodiscard]] std::vector<StoredTemplate> List() const;
  /// Removes what is left of interrupted builds and then templates, least recently used first, until
  /// `limit_bytes` are enough; those that are being made are left alone. Returns the bytes freed.
  std::uint64_t Collect(std::uint64_t limit_bytes) const;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  TemplateCache(std::filesystem::path directory, std::uint64_t limit)
      : directory_(std::move(directory)), limit_bytes_(limit) {}

  [[nodiscard]] std::filesystem::path LockPath(const std::string& key) const;
  Result<std::shared_ptr<const Template>> Build(const TemplateSpec& spec, const std::string& key,
                                                int cancel_fd) const;

  std::filesystem::path directory_;
  std::uint64_t limit_bytes_;
};

}  // namespace ktstr::vmm
