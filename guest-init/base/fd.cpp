#include "guest-init/base/fd.h"

#include <cerrno>

namespace ktstr {

void Fd::Reset(int fd) {
  // Descriptors go out of scope on the way from a failed call to whoever reads its errno.
  const int saved = errno;
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  errno = saved;
}

}  // namespace ktstr
