#include "interpreter/report_progress.h"

#include <fmt/format.h>

#include <ostream>

#include "interpreter/report_run.h"
#include "interpreter/report_terminal.h"

namespace ktstr {
namespace {

constexpr std::chrono::milliseconds kRenewEvery{200};
constexpr std::size_t kLineBytes = 76;  // a line that wraps could not be rewritten
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

std::string RenderEvent(const RunEvent& event) {
  return fmt::format("{:>9.3f} s  {:<11}  {}\n", static_cast<double>(event.host_us) / 1e6,
                     kEventKinds[static_cast<std::size_t>(event.kind)].name, OneLine(event.text));
}

void Progress::Begin(std::string title) {
  End();
  title_ = std::move(title);
  phase_ = "booting";
  start_ = std::chrono::steady_clock::now();
  ++index_;
  if (verbose_) io_.err << title_ << '\n' << std::flush;
  if (io_.live && !verbose_) renewer_.emplace([this](const std::stop_token& stop) { KeepRenewing(stop); });
}

void Progress::End() {
  if (!renewer_) return;
  renewer_.reset();  // asks it to stop and joins
  io_.err << kEraseLine << std::flush;
}

void Progress::OnEvent(const RunEvent& event) {
  const std::lock_guard lock(mutex_);
  if (verbose_) io_.err << RenderEvent(event) << std::flush;
  if (event.kind == EventKind::kPhaseBegin) {
    phase_ = event.text;
  } else if (event.kind == EventKind::kReady) {
    phase_ = "setting up";
  } else if (event.kind == EventKind::kFault) {
    phase_ = "ending";
  } else {
    return;
  }
  if (renewer_) Draw();
}

void Progress::KeepRenewing(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    Draw();
    wake_.wait_for(lock, stop, kRenewEvery, [] { return false; });
  }
}

void Progress::Draw() {
  const auto elapsed = std::chrono::steady_clock::now() - start_;
  const std::string text = fmt::format("[{}/{}] {}  {}", index_, total_, title_, phase_);
  io_.err << kEraseLine << OneLine(text, kLineBytes - 12) << "  "
          << FormatElapsed(std::chrono::duration<double, std::milli>(elapsed).count()) << std::flush;
}

}  // namespace ktstr
