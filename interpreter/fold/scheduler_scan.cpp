#include "interpreter/fold/scheduler_scan.h"

#include <algorithm>
#include <utility>

namespace ktstr {
namespace {

constexpr std::size_t kMostStack = 32;

constexpr std::string_view kFrom = "sched_ext: ";
constexpr std::string_view kDisabled = "sched_ext: BPF scheduler \"";
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

SchedulerEnd EndOf(std::string_view reason, const std::optional<PayloadDone>& program) {
  if (reason == kUserSpace) {
    if (!program) return SchedulerEnd::kUnregistered;
    return program->signal != 0 ? SchedulerEnd::kProgramKilled : SchedulerEnd::kProgramExited;
  }
  const auto found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                  [&](const auto& known) { return known.first == reason; });
  // A newer kernel may have further ones: of errors.
  return found == std::end(kReasons) ? SchedulerEnd::kError : found->second;
}

constexpr std::uint32_t kLevels = 8;  // a priority is level + kLevels * facility

}  // namespace

SchedulerRecord* SchedulerScan::Find(std::uint32_t handle) {
  const auto found = std::find_if(records_.begin(), records_.end(),
                                  [&](const SchedulerRecord& record) { return record.handle == handle; });
  return found == records_.end() ? nullptr : &*found;
}

void SchedulerScan::Begin() {
  attached_.reset();
  stopping_ = false;
  words_.reset();
  words_go_on_ = false;
}

/// What the kernel said of the end of the one that is attached becomes part of its record.
void SchedulerScan::Settle() {
  if (!attached_ || stopping_ || !words_) return;
  SchedulerRecord& record = *Find(*attached_);
  record.reason = words_->reason;
  record.message = words_->message;
  record.stack = words_->stack;
  record.ended_ns = words_->at_ns;
  record.end_phase = words_->at.phase;
  record.after_phase = words_->at.after_phase;
  record.end = EndOf(record.reason, record.program);
}

void SchedulerScan::Take(const SchedulerLook& look, const std::string& name, const RunPosition& at) {
  if (look.moment == SchedulerMoment::kAttached) {
    SchedulerRecord& record = records_.emplace_back();
    record.handle = look.handle;
    record.name = name;
    record.ops = look.ops;
    record.phase = at.phase;
    record.attached_ns = look.clock_ns;
    attached_ = look.handle;
    return Settle();
  }
  SchedulerRecord* const record = Find(look.handle);
  if (record == nullptr || stopping_) return;
  stopping_ = true;
  if (words_ || look.state == "enabled") return;
  record->end = SchedulerEnd::kUnknown;
  record->ended_ns = look.clock_ns;
  record->end_phase = at.phase;
  record->after_phase = at.after_phase;
}

void SchedulerScan::Take(const KernelMessages& messages, const RunPosition& at) {
  if (messages.early) return;
  for (const KernelMessage& message : messages.messages) TakeMessage(message, at);
}

void SchedulerScan::TakeMessage(const KernelMessage& message, const RunPosition& at) {
  if (message.priority >= kLevels) return;  // a program of the guest wrote it
  const std::string_view text = message.text;
  if (const auto disabled = ReadDisabled(text)) {
    words_go_on_ = !words_ && !stopping_;  // later ones are of a later one, or of our making
    if (words_go_on_)
      words_ = Words{
          std::string(disabled->first), std::string(disabled->second), {}, {}, message.at_us * 1000, at};
    return Settle();
  }
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

void SchedulerScan::Take(const PayloadDone& done, std::string stderr_end) {
  SchedulerRecord* const record = Find(done.handle);
  if (record == nullptr) return;
  record->program = done;
  record->stderr_end = std::move(stderr_end);
  if (record->reason == kUserSpace) record->end = EndOf(record->reason, record->program);
}

std::string SchedulerScan::WhyRefused() const {
  if (!words_) return {};
  std::string why = "the kernel said: " + words_->reason;
  if (!words_->message.empty()) why += ": " + words_->message;
  return why;
}

}  // namespace ktstr
