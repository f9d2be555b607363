#include "guest-init/provision.h"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <ctime>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

void MakeParents(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), 0755);  // what cannot be made is missed by open()
}

Result<> AddEntropy(std::string_view entropy) {
  const Fd random(open("/dev/urandom", O_WRONLY | O_CLOEXEC));
  if (!random.valid()) return SystemError("opening /dev/urandom");
  std::vector<int> pool(2 + (entropy.size() + sizeof(int) - 1) / sizeof(int));  // rand_pool_info
  pool[0] = static_cast<int>(entropy.size() * 8);                               // bits credited
  pool[1] = static_cast<int>(entropy.size());
  std::memcpy(&pool[2], entropy.data(), entropy.size());
  if (ioctl(random.get(), RNDADDENTROPY, pool.data()) != 0) return SystemError("adding entropy");
  // Without this the generator would hand out what the template's would have, for up to a minute.
  if (ioctl(random.get(), RNDRESEEDCRNG) != 0) return SystemError("reseeding the random generator");
  return {};
}

}  // namespace

Result<> StoreFile(const PutFile& request) {
  const Fd file([&] {
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (request.append ? O_APPEND : O_TRUNC);
    const int fd = open(request.path.c_str(), flags, 0600);
    if (fd >= 0 || errno != ENOENT) return fd;
    MakeParents(request.path);
    return open(request.path.c_str(), flags, 0600);
  }());
  if (!file.valid()) return SystemError("opening " + request.path);
  if (const int code = WriteAll(file.get(), request.content); code != 0)
    return SystemError("writing " + request.path, code);
  if (fchmod(file.get(), request.mode & 07777) != 0)
    return SystemError("setting the mode of " + request.path);
  return {};
}

Result<> TakeIdentity(const SetIdentity& request) {
  if (request.wall_ns != 0) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const timespec now{request.wall_ns / kSecond, request.wall_ns % kSecond};
    if (clock_settime(CLOCK_REALTIME, &now) != 0) return SystemError("setting the wall clock");
  }
  return request.entropy.empty() ? Result<>() : AddEntropy(request.entropy);
}

}  // namespace ktstr::guest
