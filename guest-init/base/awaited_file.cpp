#include "guest-init/base/awaited_file.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace ktstr {

AwaitedFile::AwaitedFile(std::string path)
    : path_(std::move(path)), inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  WatchDirectory();
}

void AwaitedFile::WatchDirectory() {
  if (watched_ || !inotify_.valid()) return;
  const std::string directory = path_.substr(0, path_.rfind('/') + 1);
  watched_ = inotify_add_watch(inotify_.get(), directory.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
}

void AwaitedFile::Drain() {
  std::array<char, 4096> events;
  while (inotify_.valid() && read(inotify_.get(), events.data(), events.size()) > 0) continue;
}

bool AwaitedFile::IsThere() {
  WatchDirectory();  // first, so that nothing can happen between the look and the watch
  return access(path_.c_str(), F_OK) == 0;
}

}  // namespace ktstr
