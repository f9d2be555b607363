#include "guest-init/payload_readiness.h"

#include <sys/inotify.h>

#include <algorithm>

#include "guest-init/base/line_pattern.h"

namespace ktstr::guest {

PayloadReadiness::PayloadReadiness(EventLoop& loop, AwaitReadiness wanted, std::uint64_t now_ns)
    : loop_(loop), wanted_(std::move(wanted)), deadline_ns_(now_ns + wanted_.timeout_ns) {
  if (wanted_.file.empty()) {
    pattern_ = std::make_unique<LinePattern>(wanted_.output_pattern);
    return;
  }
  inotify_ = Fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  // What exactly happened does not matter: every wake looks for the file.
  const Result<> added = loop_.Add(inotify_.get(), EPOLLIN, [this](std::uint32_t) {
    std::array<char, 4096> events;
    while (read(inotify_.get(), events.data(), events.size()) > 0) continue;
  });
  if (!added.ok()) inotify_.Reset();
  WatchDirectory();
}

PayloadReadiness::~PayloadReadiness() { loop_.Remove(inotify_.get()); }

void PayloadReadiness::WatchDirectory() {
  if (watched_ || !inotify_.valid()) return;
  const std::string directory = wanted_.file.substr(0, wanted_.file.rfind('/') + 1);
  watched_ = inotify_add_watch(inotify_.get(), directory.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
}

bool PayloadReadiness::Ready() {
  if (ready_ || wanted_.file.empty()) return ready_;
  WatchDirectory();  // first, so that nothing can happen between the look and the watch
  ready_ = access(wanted_.file.c_str(), F_OK) == 0;
  return ready_;
}

std::uint64_t PayloadReadiness::NextLook(std::uint64_t now_ns) {
  if (wanted_.file.empty() || watched_) return deadline_ns_;
  return std::min(deadline_ns_, now_ns + kPollNs);
}

void PayloadReadiness::TakeOutput(Stream stream, std::string_view bytes) {
  if (!pattern_ || ready_) return;
  std::string& line = lines_[static_cast<std::size_t>(stream)];
  while (!bytes.empty() && !ready_) {
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    line += part.substr(0, LinePattern::kMaxLine - std::min(LinePattern::kMaxLine, line.size()));
    // A prompt has no end of line; so what there is of a line is looked at too.
    if (!line.empty()) ready_ = pattern_->Found(line);
    if (end == std::string_view::npos) return;
    line.clear();
    bytes.remove_prefix(end + 1);
  }
}

std::string PayloadReadiness::WhatIsMissing() const {
  if (!wanted_.file.empty()) return wanted_.file + " was not there";
  return "no line of its output matched '" + wanted_.output_pattern + "'";
}

}  // namespace ktstr::guest
