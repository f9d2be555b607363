#include "vmm/template/template_key.h"

#include <fmt/format.h>

#include <fstream>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "vmm/image/guest_image.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/qemu_args.h"

namespace ktstr::vmm {
namespace {

/// To be changed when the same inputs are saved in another way.
constexpr std::string_view kFormat = "template 2";

/// With KVM the guest has seen this processor; a cache may be carried to, or shared with, another one.
std::string HostProcessor() {
  std::ifstream lines("/proc/cpuinfo");
  std::string found;
  for (std::string line; std::getline(lines, line) && !line.empty();)
    if (line.starts_with("model") || line.starts_with("flags") || line.starts_with("stepping")) found += line;
  return found;
}

}  // namespace

Result<std::uint64_t> TemplateKeys::HashOf(const std::filesystem::path& path) {
  if (const auto known = hashes_.find(path); known != hashes_.end()) return known->second;
  return hashes_[path] = TRY(known_.Hash(path));
}

Result<std::string> TemplateKeys::KeyOf(const TemplateSpec& spec) {
  if (constants_.empty())
    constants_ = fmt::format("{}{:c}{:016x}", kFormat, '\0',
                             XXH3_64bits(GuestInitImage().data(), GuestInitImage().size()));
  std::string identity = constants_;
  const auto add = [&](std::string_view text) { (identity += '\0') += text; };
  const auto add_hash = [&](std::uint64_t hash) { add(fmt::format("{:016x}", hash)); };
  const std::filesystem::path qemu = TRY(FindQemu(spec.machine.qemu));
  add_hash(TRY(HashOf(qemu)));
  add_hash(TRY(HashOf(spec.machine.kernel)));
  InitramfsSpec files;
  files.files = spec.files;
  if (!spec.files.empty()) add_hash(TRY(HashInitramfs(files)));
  MachineConfig machine = spec.machine;
  machine.kernel = "kernel";  // where it lies does not matter
  machine.initrd.clear();
  MachineFds fds;
  fds.ram.assign(machine.topology.numa_nodes, 0);
  // The guest has read the disk's size when it found it; a clone's is another file of the same size.
  if (machine.disk_mib > 0) add(fmt::format("a disk of {} MiB", machine.disk_mib));
  if (machine.accel == Accel::kKvm) add(HostProcessor());
  for (const std::string& argument : BuildQemuArgs(machine, fds)) add(argument);
  return fmt::format("{:016x}", XXH3_64bits(identity.data(), identity.size()));
}

}  // namespace ktstr::vmm
