// Whether a payload has become ready: a file that it makes is there, or its output says so.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "guest-init/base/awaited_file.h"
#include "guest-init/event_loop.h"
#include "guest-init/wire/messages.h"

namespace ktstr {
class LinePattern;  // base/line_pattern.h
}

namespace ktstr::guest {

/// One thread; `loop` outlives it. It is made before the payload starts, so that nothing is missed.
/// The caller looks at every wake of `loop`, and at NextLook().
class PayloadReadiness {
 public:
  PayloadReadiness(EventLoop& loop, AwaitReadiness wanted, std::uint64_t now_ns);
  PayloadReadiness(const PayloadReadiness&) = delete;
  ~PayloadReadiness();

  /// Output as it comes, in pieces of any size; each stream has lines of its own.
  void TakeOutput(Stream stream, std::string_view bytes);
  /// Looks; once true it stays so.
  bool Ready();
  [[nodiscard]] bool TimedOut(std::uint64_t now_ns) const { return now_ns >= deadline_ns_; }
  /// When to look again at the latest.
  std::uint64_t NextLook(std::uint64_t now_ns);
  /// "/run/x.sock was not there", "no line of its output matched 'listening'".
  [[nodiscard]] std::string WhatIsMissing() const;
  [[nodiscard]] const AwaitReadiness& wanted() const { return wanted_; }

 private:
  EventLoop& loop_;
  AwaitReadiness wanted_;
  std::uint64_t deadline_ns_;
  // One of these two is there.
  std::optional<AwaitedFile> file_;
  std::unique_ptr<LinePattern> pattern_;
  std::array<std::string, 2> lines_;  // the last line of each stream, as far as it has come
  bool ready_ = false;
};

}  // namespace ktstr::guest
