#include "ops/guest_file.h"

#include <csignal>
#include <cstring>

#include "guest-init/base/signal_name.h"

namespace ktstr {
namespace {

constexpr int kMostErrno = 133;

std::string ParseErrno(std::string_view text, void* value) {
  for (int number = 1; number <= kMostErrno; ++number) {
    const char* const name = strerrorname_np(number);
    if (name == nullptr || text != name) continue;
    static_cast<ErrnoName*>(value)->number = number;
    return {};
  }
  return "'" + std::string(text) + "' is no error of the kernel";
}

std::string ParseSignal(std::string_view text, void* value) {
  const std::string_view bare = text.starts_with("SIG") ? text.substr(3) : text;
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* const name = sigabbrev_np(number);
    if (name == nullptr || bare != name) continue;
    static_cast<SignalChoice*>(value)->number = number;
    return {};
  }
  return "'" + std::string(text) + "' is no signal";
}

constexpr ScalarDecl kErrno{"Errno",
                            "The name of an error of the kernel.",
                            "^E[A-Z0-9]+$",
                            "EINVAL, EBUSY",
                            false,
                            &ParseErrno,
                            [](const void* v) {
                              const char* const name =
                                  strerrorname_np(static_cast<const ErrnoName*>(v)->number);
                              return std::string(name != nullptr ? name : "");
                            }};
constexpr ScalarDecl kSignal{
    "Signal",
    "The name of a signal, with or without SIG.",
    "^[A-Z][A-Z0-9]+$",
    "STOP, SIGTERM",
    false,
    &ParseSignal,
    [](const void* v) { return SignalName(static_cast<const SignalChoice*>(v)->number).substr(3); }};

}  // namespace

const ScalarDecl& ErrnoName::Scalar() { return kErrno; }
const ScalarDecl& SignalChoice::Scalar() { return kSignal; }

}  // namespace ktstr
