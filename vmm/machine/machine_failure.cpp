#include "vmm/machine/machine_failure.h"

#include <algorithm>

namespace ktstr::vmm {
namespace {

constexpr std::string_view kPanicMark = "Kernel panic - not syncing: ";
constexpr std::string_view kUnpackMark = "Initramfs unpacking failed: ";
constexpr std::string_view kCrashMark = "PANIC:";

/// Without surrounding blanks and without what a terminal would act on.
std::string Cleaned(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  const auto first = out.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return out.substr(first, out.find_last_not_of(' ') - first + 1);
}

std::string WithDetail(const std::string& text, const std::string& detail) {
  return detail.empty() ? text : text + ": " + detail;
}

}  // namespace

Error MachineFailure::ToError() const {
  const bool guest = kind == Kind::kUnpackFailed || kind == Kind::kGuestPanic || kind == Kind::kInitCrash ||
                     kind == Kind::kGuestShutdown;
  if (kind == Kind::kHostFault) return {ErrorKind::kEnvironment, cause};
  return {guest ? ErrorKind::kGuest : ErrorKind::kMachine, cause};
}

MachineFailure ClassifyFailure(const MachineSigns& signs) {
  using Kind = MachineFailure::Kind;
  if (!signs.host_fault.empty()) return {Kind::kHostFault, signs.host_fault};
  if (!signs.unpack_error.empty()) {
    // The tmpfs that takes the files is full at half of the memory.
    const bool full = signs.unpack_error == "write error";
    return {Kind::kUnpackFailed, "the guest could not unpack its files: " + signs.unpack_error +
                                     (full ? "; it needs more memory" : "")};
  }
  const auto crash = CrashHeadline(signs.crash_text, /*ended=*/true);
  const bool about_init = signs.panic.starts_with("Attempted to kill init!");
  if (crash.has_value() && (signs.panic.empty() || about_init)) {
    return {Kind::kInitCrash, WithDetail("PID 1 in the guest crashed", *crash)};
  }
  if (!signs.panic.empty()) {
    // "Fatal exception" only says that a fault came before.
    const bool vague = signs.panic.starts_with("Fatal exception") && !signs.oops.empty();
    return {Kind::kGuestPanic, "the guest kernel panicked: " + (vague ? signs.oops : signs.panic)};
  }
  if (signs.exit.has_value() && signs.exit->by_signal) {
    return {Kind::kQemuKilled, WithDetail("QEMU " + signs.exit->Describe(), signs.qemu_message)};
  }
  if (signs.shutdown_reason == "guest-shutdown") return {Kind::kGuestShutdown, "the guest powered off"};
  if (signs.shutdown_reason == "guest-reset") return {Kind::kGuestShutdown, "the guest reset itself"};
  if (signs.exit.has_value()) {
    return {Kind::kQemuExited, WithDetail("QEMU " + signs.exit->Describe(), signs.qemu_message)};
  }
  return {Kind::kStreamClosed,
          WithDetail("QEMU closed its " + signs.closed_stream + " stream", signs.qemu_message)};
}

std::string FirstMessage(std::string_view stderr_text) {
  std::string fallback;
  while (!stderr_text.empty()) {
    const std::size_t end = std::min(stderr_text.find('\n'), stderr_text.size());
    std::string line = Cleaned(stderr_text.substr(0, end));
    stderr_text.remove_prefix(std::min(end + 1, stderr_text.size()));
    if (line.empty()) continue;
    if (line.find(": warning: ") == std::string::npos) return line;
    if (fallback.empty()) fallback = line;
  }
  return fallback;
}

std::optional<std::string> CrashHeadline(std::string_view crash_text, bool ended) {
  const std::size_t mark = crash_text.find(kCrashMark);
  if (mark == std::string_view::npos) return std::nullopt;
  const std::string_view rest = crash_text.substr(mark + kCrashMark.size());
  const std::size_t newline = rest.find('\n');
  if (newline == std::string_view::npos && !ended) return std::nullopt;
  return Cleaned(rest.substr(0, newline));
}

void ConsoleScanner::Append(std::string_view text) {
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::size_t take = std::min({newline, text.size(), kMaxLine - line_.size()});
    line_.append(text.substr(0, take));
    text.remove_prefix(take);
    const bool at_newline = !text.empty() && text.front() == '\n';
    if (at_newline) text.remove_prefix(1);
    if (at_newline || line_.size() == kMaxLine) ScanLine();
  }
}

void ConsoleScanner::Finish() { ScanLine(); }

void ConsoleScanner::ScanLine() {
  const std::string line = std::exchange(line_, {});
  const std::size_t panic = line.find(kPanicMark);
  if (panic != std::string::npos) {
    if (panic_.empty()) panic_ = Cleaned(std::string_view(line).substr(panic + kPanicMark.size()));
    if (panic_.empty()) panic_ = "no reason given";
    return;
  }
  const std::size_t unpack = line.find(kUnpackMark);
  if (unpack != std::string::npos && unpack_error_.empty()) {
    unpack_error_ = Cleaned(std::string_view(line).substr(unpack + kUnpackMark.size()));
  }
  if (!oops_.empty() || !panic_.empty()) return;
  for (const std::string_view mark : {"BUG: ", "kernel BUG at ", "Oops: ", "general protection fault"}) {
    const std::size_t at = line.find(mark);
    if (at == std::string::npos) continue;
    oops_ = Cleaned(std::string_view(line).substr(at));
    return;
  }
}

}  // namespace ktstr::vmm
