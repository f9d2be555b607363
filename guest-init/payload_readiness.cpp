#include "guest-init/payload_readiness.h"

#include <algorithm>

#include "guest-init/base/line_pattern.h"

namespace ktstr::guest {

PayloadReadiness::PayloadReadiness(EventLoop& loop, AwaitReadiness wanted, std::uint64_t now_ns)
    : loop_(loop), wanted_(std::move(wanted)), deadline_ns_(now_ns + wanted_.timeout_ns) {
  if (wanted_.file.empty()) {
    pattern_ = std::make_unique<LinePattern>(wanted_.output_pattern);
    return;
  }
  file_.emplace(wanted_.file);
  // Without the descriptor there is still the deadline to look at.
  [[maybe_unused]] const Result<> added =
      loop_.Add(file_->fd(), EPOLLIN, [this](std::uint32_t) { file_->Drain(); });
}

PayloadReadiness::~PayloadReadiness() {
  if (file_) loop_.Remove(file_->fd());
}

bool PayloadReadiness::Ready() {
  if (!ready_ && file_) ready_ = file_->IsThere();
  return ready_;
}

std::uint64_t PayloadReadiness::NextLook(std::uint64_t now_ns) {
  if (!file_ || (file_->watched() && loop_.Watches(file_->fd()))) return deadline_ns_;
  return std::min(deadline_ns_, now_ns + AwaitedFile::kPollNs);
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
