#include "vmm/machine/machine.h"

#include <fmt/format.h>
#include <poll.h>

#include <utility>

#include "vmm/host/host_file.h"
#include "vmm/host/thread_pause.h"
#include "vmm/host/thread_states.h"

namespace ktstr::vmm {
namespace {

/// A panicking guest resets itself and QEMU follows; a crashed PID 1 takes the kernel with it. If not, the
/// run ends after this.
constexpr std::chrono::seconds kDoomGrace{2};
/// QEMU's name for the thread that runs all CPUs in turn.
constexpr std::string_view kCpuThread = "ALL CPUs/TCG";

/// How often, and for how long each, a QEMU whose CPUs are held is asked whether it still answers.
constexpr int kPauseTries = 5;
constexpr std::chrono::milliseconds kPausePatience{200};

void KeepTail(std::string& text, std::size_t limit) {
  if (text.size() > limit) text.erase(0, text.size() - limit);
}

}  // namespace

void Machine::SetSinks(ByteSink on_console, ByteSink on_crash) {
  hooks_.on_console = std::move(on_console);
  hooks_.on_crash = std::move(on_crash);
}

Result<> Machine::ResumeWithMail(Deadline deadline) {
  // QEMU does not read the channel of a machine that is paused, so this one goes on with its CPUs held still.
  // One that was caught with QEMU's big lock would keep QEMU from ever going on; it lets go within
  // microseconds.
  std::optional<ThreadPause> cpus;
  for (int tries = 0; tries < kPauseTries; ++tries) {
    cpus.reset();
    cpus.emplace(process_.pid(), kCpuThread);
    const auto answers = Command("query-status", nullptr, std::min(deadline, After(kPausePatience)));
    if (answers.ok()) break;
    if (answers.error().kind != ErrorKind::kTimeout) return answers.error();
    cpus.reset();
  }
  outbox_.Release();
  WriteChannel();
  TRY(Command("cont", nullptr, deadline));
  const auto left = [this] { return channel_.valid() ? outgoing() + UnreadBytes(channel_.get()) : 0; };
  // QEMU looks at the channel about once between two commands. When it reads no more, the guest's buffers are
  // full, and the rest has to wait for the guest.
  constexpr int kPatience = 4;
  int idle = 0;
  for (std::size_t before = left(); before > 0 && idle < kPatience;) {
    WriteChannel();
    TRY(Command("query-status", nullptr, deadline));
    idle = left() == before ? idle + 1 : 0;
    before = left();
  }
  // What the last bytes gave QEMU to do is done once it answers again.
  TRY(Command("query-status", nullptr, deadline));
  return {};
}

Result<> Machine::Resume(Deadline deadline) {
  if (in_handler_) return {};
  if (served_fd_ >= 0) TRY(CallHandler());
  const bool mail = channel_.valid() && outgoing() + UnreadBytes(channel_.get()) > 0;
  if (outbox_.held() || (outbox_.portioned() && mail)) return ResumeWithMail(deadline);
  TRY(Command("cont", nullptr, deadline));
  return {};
}

Result<> Machine::Pause(Deadline deadline) {
  stop_asked_ = true;
  TRY(Command("stop", nullptr, deadline));
  // It stands, whatever the handler thinks of that.
  if (served_fd_ >= 0 && !in_handler_) TRY(CallHandler());
  return {};
}

void Machine::Serve(int fd, StreamHandler on_readable) {
  served_fd_ = fd;
  on_served_ = std::move(on_readable);
}

Result<bool> Machine::CallHandler() {
  const StreamHandler handler = on_served_;  // it may put another in its place
  in_handler_ = true;
  Result<bool> goes_on = handler();
  in_handler_ = false;
  return goes_on;
}

Result<> Machine::GoOnAfterHandler() {
  const auto before = paused_time_;
  TRY(Command("cont", nullptr, After(kControlTimeout)));
  paused_time_served_ += paused_time_ - before;
  return {};
}

std::string Machine::LastConsoleLine() const {
  const std::size_t end = console_tail_.find_last_not_of("\r\n ");
  if (end == std::string::npos) return "; its console is empty";
  const std::size_t begin = console_tail_.find_last_of("\r\n", end);
  return "; its last console line: " +
         console_tail_.substr(begin + 1, std::min<std::size_t>(end - begin, 200));
}

Result<nlohmann::json> Machine::Command(std::string_view command, const nlohmann::json& arguments,
                                        Deadline deadline, int passed_fd) {
  if (failure_.has_value()) return failure_->ToError();
  if (killed_) return Error{ErrorKind::kMachine, "the machine has been stopped"};
  const Result<> begun = qmp_.Begin(command, arguments, deadline, passed_fd);
  if (!begun.ok()) {
    if (qmp_.broken()->kind == ErrorKind::kMachine) Conclude();
    return failure_.has_value() ? failure_->ToError() : begun.error();
  }
  while (true) {
    if (auto reply = qmp_.TakeReply()) return *std::move(reply);
    if (qmp_.broken().has_value() && !failure_.has_value()) return *qmp_.broken();
    const Result<> pumped = Pump(deadline);
    if (pumped.ok()) continue;
    if (auto reply = qmp_.TakeReply()) return *std::move(reply);
    qmp_.Abandon();
    if (pumped.error().kind != ErrorKind::kTimeout) return pumped.error();
    return Error{ErrorKind::kTimeout, fmt::format("QEMU did not answer '{}' in time; its threads: {}",
                                                  command, DescribeThreads(process_.pid()))};
  }
}

void Machine::NoteUnaskedStop() {
  const bool only_waited_for = !running_ && !stop_asked_ && !in_handler_ && !qmp_.in_flight();
  if (!only_waited_for) unasked_until_.reset();
  if (only_waited_for && !unasked_until_.has_value()) unasked_until_ = After(kUnaskedStop);
}

Error Machine::StoppedByItself() {
  const auto status = Command("query-status", nullptr, After(kControlTimeout));
  if (!status.ok()) return status.error();
  return {ErrorKind::kMachine, fmt::format("QEMU has stopped the guest by itself (its status is '{}') and "
                                           "does not let it go on",
                                           status->value("status", ""))};
}

void Machine::Kill() {
  if (!failure_.has_value()) killed_ = true;
  process_.Kill();
  DrainStreams();
}

Result<> Machine::QueueOutgoing(std::span<const std::byte> bytes) {
  if (outgoing() + bytes.size() > kMaxOutgoing) {
    return Error{ErrorKind::kGuest,
                 fmt::format("the guest has not read the last {} bytes sent to it", outgoing())};
  }
  outbox_.Append(bytes);
  WriteChannel();
  return {};
}

void Machine::WriteChannel() {
  if (channel_.valid()) outbox_.SendTo(channel_.get());
}

Result<> Machine::Pump(Deadline deadline) {
  if (failure_.has_value()) return failure_->ToError();
  if (killed_) return Error{ErrorKind::kMachine, "the machine has been stopped"};

  short channel_events = 0;
  if (inbox_.size() < kMaxIncoming) channel_events |= POLLIN;
  if (outgoing() > 0 && !outbox_.held()) channel_events |= POLLOUT;
  enum { kQmp, kConsole, kCrash, kChannel, kExit, kStderr, kCancel, kServed, kCount };
  pollfd fds[kCount] = {
      {qmp_.broken().has_value() ? -1 : qmp_.fd(), POLLIN, 0},
      {console_.get(), POLLIN, 0},
      {crash_.get(), POLLIN, 0},
      {channel_events != 0 ? channel_.get() : -1, channel_events, 0},
      {process_.pidfd(), POLLIN, 0},
      {process_.stderr_fd(), POLLIN, 0},
      {hooks_.cancel_fd, POLLIN, 0},
      {in_handler_ || qmp_.in_flight() ? -1 : served_fd_, POLLIN, 0},
  };
  NoteUnaskedStop();
  const Deadline until =
      std::min({deadline, doomed_until_.value_or(deadline), unasked_until_.value_or(deadline)});
  const int ready = poll(fds, kCount, PollTimeout(until));
  if (ready > 0) {
    if (fds[kConsole].revents != 0) ReadConsole();
    if (fds[kCrash].revents != 0) ReadCrash();
    if ((fds[kChannel].revents & POLLOUT) != 0) WriteChannel();
    if ((fds[kChannel].revents & ~POLLOUT) != 0) ReadChannel();
    if (fds[kQmp].revents != 0) ReadQmp();
    if (fds[kStderr].revents != 0) process_.DrainStderr();
    NoteDoom();
  }
  const bool ended = fds[kExit].revents != 0 || !signs_.closed_stream.empty();
  if (ended || (doomed_until_.has_value() && Passed(*doomed_until_))) {
    Conclude();
    return failure_->ToError();
  }
  if (fds[kCancel].revents != 0) return Error{ErrorKind::kCancelled, "interrupted"};
  if (fds[kServed].revents != 0 && TRY(CallHandler())) TRY(GoOnAfterHandler());
  NoteUnaskedStop();
  if (unasked_until_.has_value() && Passed(*unasked_until_)) return StoppedByItself();
  if (!Passed(deadline)) return {};  // even a stream that never falls silent must not hide the deadline
  return Error{ErrorKind::kTimeout, "the guest did not answer in time"};
}

void Machine::Feed(ByteSink& sink, std::string_view chunk) {
  if (!sink || chunk.empty()) return;
  bool more = false;
  try {
    more = sink(chunk);
  } catch (...) {  // a sink that throws has failed like one that returns false
  }
  if (more) return;
  sink = nullptr;
  sinks_healthy_ = false;
}

void Machine::NoteEnd(IoState state, Fd& stream, const char* name) {
  if (state == IoState::kFailed && signs_.host_fault.empty())
    signs_.host_fault = fmt::format("QEMU's {} stream cannot be read: {}", name, ErrnoText(errno));
  if (state != IoState::kClosed && state != IoState::kFailed) return;
  stream.Reset();
  if (signs_.closed_stream.empty()) signs_.closed_stream = name;
}

void Machine::ReadConsole() {
  std::string chunk;
  NoteEnd(ReadSome(console_.get(), chunk), console_, "console");
  console_tail_ += chunk;
  KeepTail(console_tail_, kKeptText);
  scanner_.Append(chunk);
  Feed(hooks_.on_console, chunk);
}

void Machine::ReadCrash() {
  std::string chunk;
  NoteEnd(ReadSome(crash_.get(), chunk), crash_, "crash");
  // The headline comes first, so here the beginning is what is kept.
  signs_.crash_text.append(chunk, 0, kKeptText - std::min(kKeptText, signs_.crash_text.size()));
  Feed(hooks_.on_crash, chunk);
}

void Machine::ReadChannel() { NoteEnd(ReadSome(channel_.get(), inbox_), channel_, "channel"); }

void Machine::ReadQmp() {
  static_cast<void>(qmp_.OnReadable());  // an error stays in broken()
  while (const auto event = qmp_.TakeEvent()) NoteEvent(*event);
  // A protocol error is the problem of the command that waits; only the end of the socket is the machine's.
  const std::optional<Error>& broken = qmp_.broken();
  const bool unreadable = broken && broken->kind == ErrorKind::kEnvironment;
  if (unreadable && signs_.host_fault.empty()) signs_.host_fault = broken->message;
  const bool closed = unreadable || (broken && broken->kind == ErrorKind::kMachine);
  if (closed && signs_.closed_stream.empty()) signs_.closed_stream = "control";
}

void Machine::NoteEvent(const QmpEvent& event) {
  if (event.name == "STOP") {
    running_ = false;
    stopped_at_us_ = event.at_us;
  } else if (event.name == "RESUME") {
    running_ = true;
    stop_asked_ = false;
    // The wall clock may be set between the two.
    const std::int64_t paused_us =
        stopped_at_us_ == 0 ? 0 : std::max<std::int64_t>(0, event.at_us - stopped_at_us_);
    paused_time_ += std::chrono::microseconds(paused_us);
  } else if (event.name == "SHUTDOWN") {
    const auto reason = event.data.find("reason");
    if (reason != event.data.end() && reason->is_string())
      signs_.shutdown_reason = reason->get<std::string>();
  }
}

void Machine::NoteDoom() {
  // A guest that lost files would go on and answer wrongly: nothing more of it is wanted.
  if (!scanner_.unpack_error().empty()) doomed_until_ = After(std::chrono::seconds(0));
  if (doomed_until_.has_value()) return;
  const bool crashed = CrashHeadline(signs_.crash_text, /*ended=*/false).has_value();
  if (crashed || !scanner_.panic().empty()) doomed_until_ = After(kDoomGrace);
}

void Machine::DrainStreams() {
  // Once QEMU is gone, what is left is finite. Before, a guest could write without end.
  const bool finite = process_.exit_status().has_value();
  const auto drain = [finite](Fd& fd, auto read) {
    for (int reads = 0; fd.valid() && (finite || reads < 64); ++reads) {
      pollfd now{fd.get(), POLLIN, 0};
      if (poll(&now, 1, 0) <= 0) return;
      read();
    }
  };
  drain(console_, [this] { ReadConsole(); });
  drain(crash_, [this] { ReadCrash(); });
  if (finite || inbox_.size() < kMaxIncoming) drain(channel_, [this] { ReadChannel(); });
  if (!qmp_.broken().has_value()) ReadQmp();
  process_.DrainStderr();
}

void Machine::Conclude() {
  // After one stream has closed, the exit follows at once; QEMU's buffers are readable until we close them.
  const Deadline grace = doomed_until_.value_or(After(kDoomGrace));
  do {
    DrainStreams();
    signs_.exit = process_.Wait(std::min(grace, After(std::chrono::milliseconds(20))));
  } while (!signs_.exit.has_value() && !Passed(grace));
  process_.Kill();
  DrainStreams();
  scanner_.Finish();
  signs_.panic = scanner_.panic();
  signs_.oops = scanner_.oops();
  signs_.unpack_error = scanner_.unpack_error();
  signs_.qemu_message = FirstMessage(process_.stderr_text());
  failure_ = ClassifyFailure(signs_);
}

}  // namespace ktstr::vmm
