// What the guest's kernel said during a run: its complaints, found in the stream of its messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/wire/messages.h"

namespace ktstr {

/// One row of what counts as a complaint of the kernel.
struct ComplaintKind {
  std::string_view name;     // "hung task"
  std::string_view pattern;  // the whole message; * is any text
  std::uint64_t taint;       // the bits of /proc/sys/kernel/tainted that it sets
  bool of_time = false;      // that something took too long: a host that gave the guest no CPU can be why
};
/// The first row that matches counts.
std::span<const ComplaintKind> AllComplaintKinds();
/// The row of a message, or nullptr.
const ComplaintKind* FindComplaint(std::string_view text);

/// One bit of /proc/sys/kernel/tainted that only a complaint sets.
struct TaintBit {
  std::uint64_t bit;
  std::string_view letter;
  std::string_view doc;
};
std::span<const TaintBit> ComplaintTaints();
/// "W (the kernel warned), L (a CPU locked up)".
std::string TaintText(std::uint64_t mask);

/// Whether the kernel itself wrote a message, and no program of the guest.
bool FromKernel(const KernelMessage& message);

/// One complaint, with the messages that follow it.
struct KernelComplaint {
  std::string kind;
  std::string text;
  std::uint64_t at_us = 0;  // the log's clock
  std::uint32_t phase = 0;
  bool after_phase = false;  // the phase had ended and no other had begun
  std::vector<std::string> more;
  static const StructDecl& Decl();
};

/// A CPU that went offline, told once for each phase or time after one.
struct CpuOffline {
  std::uint32_t cpu = 0;
  std::uint32_t phase = 0;
  bool after_phase = false;  // the phase had ended and no other had begun
  bool operator==(const CpuOffline&) const = default;
  static const StructDecl& Decl();
};

/// Messages in which a pattern of the scenario was found, in one phase or in the time after one.
struct LogFind {
  std::string pattern;
  std::uint32_t phase = 0;
  bool after_phase = false;  // the phase had ended and no other had begun
  std::uint64_t count = 0;
  std::uint64_t at_us = 0;  // of the first, by the log's clock
  std::string text;         // of the first
  static const StructDecl& Decl();
};

struct KernelLogRecord {
  bool begun = false;  // its messages have come, from the scenario's begin on
  bool ended = false;  // to the scenario's end
  std::string fault;   // why it could not be read
  std::uint64_t messages = 0;
  std::uint64_t lost = 0;
  std::vector<KernelComplaint> complaints;  // the first ones
  std::uint64_t complaints_seen = 0;        // without those that are allowed
  std::uint64_t allowed = 0;                // complaints that the scenario allows
  std::optional<std::uint64_t> taint_before;
  std::optional<std::uint64_t> taint_after;
  std::uint64_t taint_allowed = 0;  // bits that allowed complaints set
  std::uint32_t taint_phase = 0;    // in which the mask was last seen to change
  bool taint_after_phase = false;
  std::vector<CpuOffline> offline;
  std::vector<LogFind> finds;
  static const StructDecl& Decl();

  /// Whether there are complaints, all of them are known, and all are of time.
  [[nodiscard]] bool ComplainsOfTimeOnly() const;
};

/// The messages as `dmesg --raw` shows them: "<4>[    1.234567] text", a line each; a line that says what is
/// missing first.
std::string RenderKernelMessages(const KernelMessages& messages);

}  // namespace ktstr
