#include "guest-init/worker_nics.h"

#include <dirent.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/system_error.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {
namespace {

constexpr const char* kInterfaces = "/sys/class/net";

/// The name of the interface with that address; empty when there is none.
std::string FindInterface(const std::string& address) {
  const std::unique_ptr<DIR, int (*)(DIR*)> interfaces(opendir(kInterfaces), &closedir);
  if (!interfaces) return {};
  while (const dirent* entry = readdir(interfaces.get())) {
    std::string name = entry->d_name;
    if (ReadLine(std::string(kInterfaces) + "/" + name + "/address") == address) return name;
  }
  return {};
}

/// REQUIRES: six bytes in hexadecimal.
std::array<std::uint8_t, 6> ParseAddress(const std::string& text) {
  std::array<std::uint8_t, 6> address{};
  for (std::size_t i = 0; i < address.size(); ++i)
    std::from_chars(text.data() + 3 * i, text.data() + 3 * i + 2, address[i], 16);
  return address;
}

Result<> Raise(const std::string& name) {
  const int code = WriteOnce("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6", "1");
  if (code != 0 && code != ENOENT) return SystemError("switching IPv6 off on " + name, code);
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return SystemError("making a socket");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return SystemError("reading the flags of " + name);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return SystemError("switching " + name + " on");
  return {};
}

Result<Nic> SwitchOnOne(const std::string& address, std::string& name) {
  name = FindInterface(address);
  if (name.empty())
    return Error{ErrorKind::kGuest, "this machine has no network card for work: none of " +
                                        std::string(kInterfaces) + " has the address " + address};
  TRY(Raise(name));
  return Nic{static_cast<int>(if_nametoindex(name.c_str())), ParseAddress(address)};
}

}  // namespace

Result<WorkerNics> WorkerNics::SwitchOn() {
  WorkerNics nics;
  std::string first, second;
  nics.pair.sends = TRY(SwitchOnOne(kNicAddresses[0], first));
  nics.pair.receives = TRY(SwitchOnOne(kNicAddresses[1], second));
  nics.about = "virtio-net cards " + first + " and " + second + " on a wire of their own";
  return nics;
}

}  // namespace ktstr::guest
