#include "guest-init/bpf_pins.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
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

/// The next map behind `id`; 0 when there is none, and errno says why.
std::uint32_t NextMap(std::uint32_t id) {
  bpf_attr next{};
  next.start_id = id;
  return Bpf(BPF_MAP_GET_NEXT_ID, next) == 0 ? next.next_id : 0;
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
    id = NextMap(id);
    if (id == 0) {
      if (errno == ENOENT) break;
      return SystemError("looking for BPF maps");
    }
    bpf_attr open{};
    open.map_id = id;
    Fd map(Bpf(BPF_MAP_GET_FD_BY_ID, open));
    if (!map.valid()) continue;  // it went away in between
    const std::string found = NameOf(map.get());
    if (found == cut) {
      held_.emplace(cut, Held{std::move(map), id});
      return {};
    }
    if (++count <= kShownNames)
      others += (others.empty() ? "" : ", ") + (found.empty() ? "(no name)" : found);
  }
  if (count > kShownNames) others += ", ...";
  return Error{ErrorKind::kGuest, "there is no BPF map '" + cut + "'; the guest has " +
                                      (others.empty() ? std::string("none") : others)};
}

bool BpfPins::OthersAbove(std::uint32_t id) const {
  while ((id = NextMap(id)) != 0)
    if (std::none_of(held_.begin(), held_.end(), [&](const auto& held) { return held.second.id == id; }))
      return true;
  return false;
}

std::uint32_t NewestBpfMap() {
  std::uint32_t newest = 0;
  for (std::uint32_t id = NextMap(0); id != 0; id = NextMap(id)) newest = id;
  return newest;
}

}  // namespace ktstr::guest
