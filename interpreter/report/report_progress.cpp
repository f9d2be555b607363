#include "interpreter/report/report_progress.h"

#include <fmt/format.h>

#include <ostream>

#include "guest-init/base/one_line.h"
#include "interpreter/report/report_run.h"
#include "interpreter/report/report_terminal.h"

namespace ktstr {
namespace {

constexpr std::chrono::milliseconds kRenewEvery{200};
constexpr std::size_t kLineBytes = 76;  // a line that wraps could not be rewritten
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

std::string RenderEvent(const RunEvent& event) {
  return fmt::format("{:>9.3f} s  {:<11}  {}\n", static_cast<double>(event.host_us) / 1e6,
                     kEventKinds[static_cast<std::size_t>(event.kind)].name, OneLine(event.text, kTextBytes));
}

Progress::~Progress() {
  if (renewer_.joinable()) {
    renewer_.request_stop();
    renewer_.join();
  }
  Erase();
}

std::unique_ptr<Progress::Run> Progress::Begin(std::string title) {
  const std::lock_guard lock(mutex_);
  if (verbose_ && !several_) io_.err << OneLine(title, kTextBytes) << '\n' << std::flush;
  running_.push_back({std::move(title)});
  ++begun_;
  if (io_.live && !verbose_) {
    Draw();
    if (!renewer_.joinable())
      renewer_ = std::jthread([this](const std::stop_token& stop) { KeepRenewing(stop); });
  }
  return std::make_unique<Run>(*this, std::prev(running_.end()));
}

void Progress::End(std::list<State>::iterator state) {
  const std::lock_guard lock(mutex_);
  running_.erase(state);
  if (running_.empty()) Erase();
}

void Progress::Aside(const std::function<void()>& write) {
  const std::lock_guard lock(mutex_);
  const bool was_drawn = drawn_;
  Erase();
  write();
  if (was_drawn) Draw();
}

void Progress::OnEvent(State& state, const RunEvent& event) {
  const std::lock_guard lock(mutex_);
  if (verbose_) {
    if (several_) io_.err << OneLine(state.title, kTextBytes) << "  ";
    io_.err << RenderEvent(event) << std::flush;
  }
  if (event.kind == EventKind::kPhaseBegin) {
    state.phase = event.text;
  } else if (event.kind == EventKind::kReady) {
    state.phase = "setting up";
  } else if (event.kind == EventKind::kFailure) {
    state.phase = "ending";
  } else {
    return;
  }
  if (drawn_) Draw();
}

void Progress::KeepRenewing(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kRenewEvery, [] { return false; });
    if (!running_.empty()) Draw();
  }
}

void Progress::Draw() {
  const State& oldest = running_.front();
  const auto elapsed = std::chrono::steady_clock::now() - oldest.start;
  const std::string others = running_.size() > 1 ? fmt::format(", {} run", running_.size()) : "";
  const std::string text =
      fmt::format("[{}/{}{}] {}  {}", begun_, total_, others, oldest.title, oldest.phase);
  io_.err << kEraseLine << OneLine(text, kLineBytes - 12) << "  "
          << FormatElapsed(std::chrono::duration<double, std::milli>(elapsed).count()) << std::flush;
  drawn_ = true;
}

void Progress::Erase() {
  if (drawn_) io_.err << kEraseLine << std::flush;
  drawn_ = false;
}

}  // namespace ktstr
