#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "guest-init/base/printable.h"
#include "interpreter/fold/kernel_log_scan.h"

namespace ktstr {
namespace {

constexpr std::uint64_t kTaintMachineCheck = 1U << 4;
constexpr std::uint64_t kTaintBadPage = 1U << 5;
constexpr std::uint64_t kTaintDie = 1U << 7;
constexpr std::uint64_t kTaintWarn = 1U << 9;
constexpr std::uint64_t kTaintSoftLockup = 1U << 14;

// What is more special stands first: every row that begins with BUG is one of "kernel bug" too.
constexpr ComplaintKind kKinds[] = {
    {"scheduling while atomic", "BUG: scheduling while atomic*", kTaintWarn},
    {"sleeping in atomic context", "BUG: sleeping function called from invalid context*", kTaintWarn},
    {"bad page", "BUG: Bad page*", kTaintBadPage},
    {"soft lockup", "*BUG: soft lockup*", kTaintSoftLockup, true},
    {"hard lockup", "*atchdog detected hard LOCKUP*", 0, true},
    {"workqueue lockup", "BUG: workqueue lockup*", 0, true},
    {"kernel bug", "BUG: *", kTaintWarn | kTaintDie | kTaintBadPage},
    {"kernel bug", "kernel BUG at *", kTaintDie},
    {"warning", "WARNING: *", kTaintWarn},
    {"oops", "Oops: *", kTaintDie | kTaintWarn},
    {"oops", "general protection fault*", kTaintDie | kTaintWarn},
    {"oops", "divide error: *", kTaintDie},
    {"oops", "invalid opcode: *", kTaintDie},
    {"oops", "*double fault: *", kTaintDie},
    {"panic", "Kernel panic - *", 0},
    {"hung task", "INFO: task * blocked * more than *", 0, true},
    {"RCU stall", "*INFO: rcu*stall*", 0, true},
    {"RCU stall", "rcu: * kthread starved for *", 0, true},
    {"lock order", "INFO: possible recursive locking*", 0},
    {"lock order", "INFO: trying to register non-static key*", 0},
    {"undefined behaviour", "UBSAN: *", 0},
};

constexpr TaintBit kTaints[] = {
    {kTaintMachineCheck, "M", "a machine check"},
    {kTaintBadPage, "B", "a bad page"},
    {kTaintDie, "D", "an oops"},
    {kTaintWarn, "W", "a warning"},
    {kTaintSoftLockup, "L", "a soft lockup"},
};

constexpr std::size_t kKeptComplaints = 100;
constexpr std::size_t kLinesBehind = 24;  // of a complaint: registers and the first part of the stack

/// Whether `pattern`, in which * stands for any text, is the whole of `text`.
bool Matches(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  while (!pattern.empty()) {
    const std::size_t next = pattern.find('*');
    const std::string_view part = pattern.substr(0, next);
    if (next == std::string_view::npos) return text.ends_with(part);
    const std::size_t at = text.find(part);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + part.size());
    pattern.remove_prefix(next + 1);
  }
  return true;
}

/// The CPU of "smpboot: CPU 1 is now offline".
std::optional<std::uint32_t> CpuThatWentOffline(std::string_view text) {
  constexpr std::string_view kBegin = "smpboot: CPU ";
  constexpr std::string_view kEnd = " is now offline";
  if (!text.starts_with(kBegin)) return std::nullopt;
  std::uint32_t cpu = 0;
  const auto [at, error] = std::from_chars(text.data() + kBegin.size(), text.data() + text.size(), cpu);
  if (error != std::errc() || std::string_view(at, text.data() + text.size()) != kEnd) return std::nullopt;
  return cpu;
}

}  // namespace

bool FromKernel(const KernelMessage& message) {
  constexpr std::uint32_t kLevels = 8;  // a priority is level + kLevels * facility
  return message.priority < kLevels;
}

std::span<const ComplaintKind> AllComplaintKinds() { return kKinds; }
std::span<const TaintBit> ComplaintTaints() { return kTaints; }

const ComplaintKind* FindComplaint(std::string_view text) {
  const auto at = std::find_if(std::begin(kKinds), std::end(kKinds),
                               [&](const ComplaintKind& kind) { return Matches(kind.pattern, text); });
  return at == std::end(kKinds) ? nullptr : &*at;
}

std::string TaintText(std::uint64_t mask) {
  std::string text;
  for (const TaintBit& taint : kTaints)
    if ((mask & taint.bit) != 0)
      text += (text.empty() ? "" : ", ") + std::string(taint.letter) + " (" + std::string(taint.doc) + ")";
  return text;
}

bool KernelLogRecord::ComplainsOfTimeOnly() const {
  const std::uint64_t tainted = taint_after.value_or(0) & ~taint_before.value_or(0) & ~taint_allowed;
  for (const TaintBit& taint : kTaints)
    if (taint.bit != kTaintSoftLockup && (tainted & taint.bit) != 0) return false;
  const auto of_time = [](const KernelComplaint& complaint) {
    const ComplaintKind* kind = FindComplaint(complaint.text);
    return kind != nullptr && kind->of_time;
  };
  return complaints_seen > 0 && complaints_seen == complaints.size() &&
         std::all_of(complaints.begin(), complaints.end(), of_time);
}

KernelLogScan::KernelLogScan(const std::vector<std::string>& allowed,
                             const std::vector<std::string>& searched) {
  for (const std::string& pattern : allowed) allowed_.emplace_back(pattern);
  for (const std::string& pattern : searched) searched_.push_back({pattern, LinePattern(pattern)});
}

void KernelLogScan::Take(const KernelMessages& messages, const RunPosition& at, KernelLogRecord& record) {
  if (!messages.fault.empty()) record.fault = messages.fault;
  if (messages.early) {
    // In several parts; only the last one knows the mask.
    record.begun = true;
    if (messages.taint) record.taint_before = record.taint_after = messages.taint;
    return;
  }
  record.lost += messages.lost;
  for (const KernelMessage& message : messages.messages) TakeMessage(message, at, record);
  if (!messages.taint) return;
  if (record.taint_after && *record.taint_after != *messages.taint) {
    record.taint_phase = at.phase;
    record.taint_after_phase = at.after_phase;
  }
  record.taint_after = messages.taint;
}

void KernelLogScan::Search(const KernelMessage& message, const RunPosition& at, KernelLogRecord& record) {
  for (const Searched& searched : searched_) {
    if (!searched.matcher.Found(message.text)) continue;
    const auto same = std::find_if(record.finds.begin(), record.finds.end(), [&](const LogFind& find) {
      return find.pattern == searched.pattern && find.phase == at.phase && find.after_phase == at.after_phase;
    });
    if (same == record.finds.end())
      record.finds.push_back({searched.pattern, at.phase, at.after_phase, 1, message.at_us, message.text});
    else
      ++same->count;
  }
}

void KernelLogScan::TakeMessage(const KernelMessage& message, const RunPosition& at,
                                KernelLogRecord& record) {
  ++record.messages;
  Search(message, at, record);
  if (!FromKernel(message)) return;
  if (const std::optional<std::uint32_t> cpu = CpuThatWentOffline(message.text)) {
    const CpuOffline offline{*cpu, at.phase, at.after_phase};
    if (std::find(record.offline.begin(), record.offline.end(), offline) == record.offline.end())
      record.offline.push_back(offline);
    return;
  }
  const ComplaintKind* const kind = FindComplaint(message.text);
  if (kind == nullptr) {
    if (following_ && record.complaints.back().more.size() < kLinesBehind)
      record.complaints.back().more.push_back(message.text);
    return;
  }
  following_ = false;
  if (std::any_of(allowed_.begin(), allowed_.end(),
                  [&](const LinePattern& allowed) { return allowed.Found(message.text); })) {
    ++record.allowed;
    record.taint_allowed |= kind->taint;
    return;
  }
  ++record.complaints_seen;
  if (record.complaints.size() == kKeptComplaints) return;
  record.complaints.push_back(
      {std::string(kind->name), message.text, message.at_us, at.phase, at.after_phase, {}});
  following_ = true;
}

std::string RenderKernelMessages(const KernelMessages& messages) {
  std::string text;
  std::array<char, 64> head{};
  if (messages.lost > 0)
    text += "(" + std::to_string(messages.lost) + " messages were overwritten before they could be read)\n";
  for (const KernelMessage& message : messages.messages) {
    std::snprintf(head.data(), head.size(), "<%u>[%5llu.%06llu] ", message.priority,
                  static_cast<unsigned long long>(message.at_us / 1'000'000),
                  static_cast<unsigned long long>(message.at_us % 1'000'000));
    text += head.data() + Printable(message.text) + "\n";
  }
  return text;
}

const StructDecl& KernelComplaint::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&KernelComplaint::kind>("kind", ""),
      Required<&KernelComplaint::text>("text", ""),
      Required<&KernelComplaint::at_us>("at_us", "the log's clock"),
      Required<&KernelComplaint::phase>("phase", ""),
      Required<&KernelComplaint::after_phase>("after_phase", "the phase had ended and no other had begun"),
      Required<&KernelComplaint::more>("more", "the messages that follow it"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<KernelComplaint>("KernelComplaint", "A complaint of the guest's kernel.", kFields);
  return kDecl;
}

const StructDecl& CpuOffline::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&CpuOffline::cpu>("cpu", ""),
      Required<&CpuOffline::phase>("phase", "in which it did, told once each"),
      Required<&CpuOffline::after_phase>("after_phase", "the phase had ended and no other had begun"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<CpuOffline>("CpuOffline", "A CPU that went offline.", kFields);
  return kDecl;
}

const StructDecl& LogFind::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&LogFind::pattern>("pattern", ""),
      Required<&LogFind::phase>("phase", ""),
      Required<&LogFind::after_phase>("after_phase", "the phase had ended and no other had begun"),
      Required<&LogFind::count>("count", "messages in which it was found"),
      Required<&LogFind::at_us>("at_us", "of the first, by the log's clock"),
      Required<&LogFind::text>("text", "of the first"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<LogFind>("LogFind", "What a console check searched for was found.", kFields);
  return kDecl;
}

const StructDecl& KernelLogRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&KernelLogRecord::begun>("begun", "its messages have come"),
      Required<&KernelLogRecord::ended>("ended", "to the scenario's end"),
      Required<&KernelLogRecord::fault>("fault", "why it could not be read"),
      Required<&KernelLogRecord::messages>("messages", "since the scenario began"),
      Required<&KernelLogRecord::lost>("lost", "overwritten before they could be read"),
      Required<&KernelLogRecord::complaints>("complaints", "the first ones"),
      Required<&KernelLogRecord::complaints_seen>("complaints_seen", "without those that are allowed"),
      Required<&KernelLogRecord::allowed>("allowed", "complaints that the scenario allows"),
      Required<&KernelLogRecord::taint_before>("taint_before", "/proc/sys/kernel/tainted at the begin"),
      Required<&KernelLogRecord::taint_after>("taint_after", "at the end"),
      Required<&KernelLogRecord::taint_allowed>("taint_allowed", "bits that allowed complaints set"),
      Required<&KernelLogRecord::taint_phase>("taint_phase", "in which the mask was last seen to change"),
      Required<&KernelLogRecord::taint_after_phase>("taint_after_phase", "after that phase"),
      Required<&KernelLogRecord::offline>("offline", "CPUs that went offline"),
      Optional<&KernelLogRecord::finds>("finds", "what console checks searched for and found"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<KernelLogRecord>("KernelLogRecord", "What the guest's kernel said.", kFields);
  return kDecl;
}

}  // namespace ktstr
