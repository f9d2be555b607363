// Recoverable failures as values. Host and guest share this file, so it uses the standard library only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ktstr {

/// Who is at fault; it decides the verdict and the exit code.
enum class ErrorKind {
  kUsage,        // the command line is wrong
  kInput,        // a scenario or another file given by the user is wrong
  kEnvironment,  // the host lacks something: QEMU, a kernel, disk space, permission
  kMachine,      // QEMU died, would not start, or does not answer
  kGuest,        // the guest kernel or PID 1 panicked, hung or refused a request
  kProtocol,     // bytes on the channel do not follow the format
  kTimeout,      // a deadline passed
  kCancelled,    // SIGINT or SIGTERM
};

/// A failure: `message` is one line that names the cause, without a trailing full stop.
struct Error {
  ErrorKind kind = ErrorKind::kEnvironment;
  std::string message;

  /// The same error with what was being done put in front: "reading x: no such file".
  [[nodiscard]] Error Within(std::string_view doing) const {
    return {kind, std::string(doing) + ": " + message};
  }
};

/// What a file that the user gave is wrong in.
inline Error InputError(std::string message) { return {ErrorKind::kInput, std::move(message)}; }

/// Either a value or an Error. Use `TRY` to hand an error on.
template <typename T = std::monostate>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result() requires std::is_same_v<T, std::monostate> : state_(std::in_place_index<0>) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  /// REQUIRES: ok().
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  /// REQUIRES: !ok().
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace ktstr

/// Evaluates to the value of a Result, or returns its Error from the enclosing function.
#define TRY(expression)                                          \
  __extension__({                                                \
    auto&& ktstr_try_result = (expression);                      \
    if (!ktstr_try_result.ok()) return ktstr_try_result.error(); \
    std::move(ktstr_try_result).value();                         \
  })
