#include "guest-init/bpf_pins.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "guest-init/base/fd.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

constexpr std::size_t kLongestName = BPF_OBJ_NAME_LEN - 1;
/// How many names an error lists.
constexpr std::size_t kShownNames = 12;

int Bpf(int command, bpf_attr& attr) {
  return static_cast<int>(syscall(SYS_bpf, command, &attr, sizeof attr));
}

std::string NameOf(int map) {
  bpf_map_info info{};
  bpf_attr attr{};
  attr.info.bpf_fd = static_cast<std::uint32_t>(map);
  attr.info.info_len = sizeof info;
  attr.info.info = reinterpret_cast<std::uintptr_t>(&info);
  if (Bpf(BPF_OBJ_GET_INFO_BY_FD, attr) != 0) return {};
  return {info.name, strnlen(info.name, sizeof info.name)};
}

}  // namespace

Result<> BpfPins::Pin(const std::string& name) {
  const std::string cut = name.substr(0, kLongestName);
  if (held_.contains(cut)) return {};
  std::string others;
  std::size_t count = 0;
  for (std::uint32_t id = 0;;) {
    bpf_attr next{};
    next.start_id = id;
    if (Bpf(BPF_MAP_GET_NEXT_ID, next) != 0) {
      if (errno == ENOENT) break;
      return SystemError("looking for BPF maps");
    }
    id = next.next_id;
    bpf_attr open{};
    open.map_id = id;
    Fd map(Bpf(BPF_MAP_GET_FD_BY_ID, open));
    if (!map.valid()) continue;  // it went away in between
    const std::string found = NameOf(map.get());
    if (found == cut) {
      held_.emplace(cut, std::move(map));
      return {};
    }
    if (++count <= kShownNames)
      others += (others.empty() ? "" : ", ") + (found.empty() ? "(no name)" : found);
  }
  if (count > kShownNames) others += ", ...";
  return Error{ErrorKind::kGuest, "there is no BPF map '" + cut + "'; the guest has " +
                                      (others.empty() ? std::string("none") : others)};
}

}  // namespace ktstr::guest
