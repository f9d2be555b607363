#include "interpreter/fold/scheduler_scan.h"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace ktstr {
namespace {

constexpr std::size_t kMostStack = 32;

constexpr std::string_view kFrom = "sched_ext: ";
constexpr std::string_view kDisabled = "sched_ext: BPF scheduler \"";
constexpr std::string_view kEnabled = "enabled";
constexpr std::string_view kUserSpace = "unregistered from user space";
constexpr std::string_view kSysrq = "disabled by sysrq-S";

/// The kernel's words for the ways in which a scheduler ends, as far as they alone tell.
constexpr std::pair<std::string_view, SchedulerEnd> kReasons[] = {
    {"runtime error", SchedulerEnd::kError},
    {"scx_bpf_error", SchedulerEnd::kError},
    {"runnable task stall", SchedulerEnd::kStall},
    {"unregistered from BPF", SchedulerEnd::kExit},
    {"unregistered from the main kernel", SchedulerEnd::kKernel},
    {kSysrq, SchedulerEnd::kSysrq},
};

/// `sched_ext: BPF scheduler "x" disabled (reason)`, in parts.
std::optional<std::pair<std::string_view, std::string_view>> ReadDisabled(std::string_view text) {
  if (!text.starts_with(kDisabled) || !text.ends_with(')')) return std::nullopt;
  text.remove_prefix(kDisabled.size());
  text.remove_suffix(1);
  constexpr std::string_view kBetween = "\" disabled (";
  const std::size_t end = text.rfind(kBetween);
  if (end == std::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, end), text.substr(end + kBetween.size()));
}

/// The words of scx_bpf_exit() are in no log of the kernel's; programs say them last, as all do that report a
/// user_exit_info: "EXIT: REASON (WORDS)". "" when these do not.
std::string WordsOfExit(std::string_view output, std::string_view reason) {
  while (!output.empty() && output.back() == '\n') output.remove_suffix(1);
  const std::string begin = "EXIT: " + std::string(reason) + " (";
  const std::size_t at = output.rfind(begin);
  if (at == std::string_view::npos || (at != 0 && output[at - 1] != '\n')) return {};
  std::string_view words = output.substr(at + begin.size());
  words = words.substr(0, words.find('\n'));
  return words.ends_with(')') ? std::string(words.substr(0, words.size() - 1)) : std::string();
}

/// How a scheduler ended that was unregistered from user space.
SchedulerEnd EndByProgram(const std::optional<PayloadDone>& program, std::uint64_t stopping_ns) {
  if (!program) return SchedulerEnd::kUnregistered;
  const bool by_us = stopping_ns != 0 && program->ended_ns > stopping_ns &&
                     (program->signal == 0 || program->signal == SIGTERM || program->signal == SIGKILL);
  if (by_us) return SchedulerEnd::kUnregistered;
  return program->signal != 0 ? SchedulerEnd::kProgramKilled : SchedulerEnd::kProgramExited;
}

}  // namespace

SchedulerRecord* SchedulerScan::Find(std::uint32_t handle) {
  const auto found = std::find_if(records_.begin(), records_.end(),
                                  [&](const SchedulerRecord& record) { return record.handle == handle; });
  return found == records_.end() ? nullptr : &*found;
}

void SchedulerScan::Begin() {
  attached_.reset();
  stopping_.reset();
  still_there_ = false;
  detached_ = false;
  words_.reset();
  words_go_on_ = false;
  ended_.reset();
}

SchedulerEnd SchedulerScan::EndOf(const SchedulerRecord& record) const {
  if (record.reason == kUserSpace) return EndByProgram(record.program, stopping_ ? stopping_->clock_ns : 0);
  const auto found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                  [&](const auto& known) { return known.first == record.reason; });
  // A newer kernel may have further ones: of errors.
  return found == std::end(kReasons) ? SchedulerEnd::kError : found->second;
}

/// What the kernel said of the end of the one that is attached becomes part of its record.
void SchedulerScan::Settle() {
  if (!attached_ || !words_) return;
  SchedulerRecord& record = *Find(attached_->handle);
  record.reason = words_->reason;
  record.message = words_->message;
  record.stack = words_->stack;
  record.ended_ns = words_->at_ns;
  record.end_phase = words_->at.phase;
  record.after_phase = words_->at.after_phase;
  record.end = EndOf(record);
  TakeWordsOfExit(record);
}

void SchedulerScan::TakeWordsOfExit(SchedulerRecord& record) {
  if (record.end == SchedulerEnd::kExit && record.message.empty())
    record.message = WordsOfExit(record.stderr_end, record.reason);
}

void SchedulerScan::Take(const SchedulerLook& look, const std::string& name, const RunPosition& at) {
  if (look.moment == SchedulerMoment::kAttached)
    TakeAttached(look, name, at);
  else
    TakeStopping(look, at);
}

void SchedulerScan::TakeAttached(const SchedulerLook& look, const std::string& name, const RunPosition& at) {
  SchedulerRecord& record = records_.emplace_back();
  record.handle = look.handle;
  record.name = name;
  record.ops = look.ops;
  record.phase = at.phase;
  record.attached_ns = look.clock_ns;
  if (ended_ && ended_->done.handle == look.handle) {
    record.program = ended_->done;
    record.stderr_end = ended_->stderr_end;
  }
  attached_ = look;
  // It is attached now, so that what ended before was an earlier attempt of its program.
  if (look.state == kEnabled) words_.reset();
  words_go_on_ = words_go_on_ && words_;
  Settle();
}

void SchedulerScan::TakeStopping(const SchedulerLook& look, const RunPosition& at) {
  if (!attached_ || attached_->handle != look.handle || stopping_) return;
  stopping_ = look;
  if (words_) return;
  still_there_ =
      attached_->state == kEnabled && look.state == kEnabled && look.attached == attached_->attached;
  if (still_there_) return;
  SchedulerRecord& record = *Find(look.handle);
  record.end = SchedulerEnd::kUnknown;  // unless the kernel is about to say it
  record.ended_ns = look.clock_ns;
  record.end_phase = at.phase;
  record.after_phase = at.after_phase;
}

void SchedulerScan::Take(const KernelMessages& messages, const RunPosition& at) {
  if (messages.early) return;
  for (const KernelMessage& message : messages.messages) TakeMessage(message, at);
}

void SchedulerScan::TakeMessage(const KernelMessage& message, const RunPosition& at) {
  if (!FromKernel(message)) return;
  const std::string_view text = message.text;
  if (const auto disabled = ReadDisabled(text))
    return TakeDisabled(
        {std::string(disabled->first), std::string(disabled->second), {}, {}, message.at_us * 1000, at});
  if (!words_go_on_) return;
  const std::string said = std::string(kFrom) + words_->ops + ": ";
  if (words_->message.empty() && words_->stack.empty() && text.starts_with(said)) {
    words_->message = text.substr(said.size());
  } else if (text.starts_with(' ') && words_->stack.size() < kMostStack) {
    words_->stack.emplace_back(text.substr(std::min(text.find_first_not_of(' '), text.size())));
  } else {
    words_go_on_ = false;
  }
  Settle();
}

void SchedulerScan::TakeDisabled(Words words) {
  const bool told_to = still_there_ && (words.reason == kSysrq || words.reason == kUserSpace);
  words_go_on_ = !words_ && !detached_ && !told_to;  // later ones are of a later one
  detached_ = detached_ || told_to;
  if (words_go_on_) words_ = std::move(words);
  Settle();
}

void SchedulerScan::Take(const PayloadDone& done, std::string stderr_end) {
  SchedulerRecord* const record = Find(done.handle);
  if (record == nullptr) {
    ended_ = Ended{done, std::move(stderr_end)};
    return;
  }
  record->program = done;
  record->stderr_end = std::move(stderr_end);
  if (record->reason == kUserSpace) record->end = EndOf(*record);
  TakeWordsOfExit(*record);
}

std::string SchedulerScan::WhyRefused() const {
  if (!words_) return {};
  std::string why = "the kernel said: " + words_->reason;
  if (!words_->message.empty()) why += ": " + words_->message;
  return why;
}

}  // namespace ktstr
