// QEMU's control protocol: JSON lines over a socket, one command in flight, events kept for later.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "vmm/host/deadline.h"

namespace ktstr::vmm {

/// Something QEMU says unasked, e.g. {"SHUTDOWN", {"guest": true, "reason": "guest-reset"}}.
struct QmpEvent {
  std::string name;
  nlohmann::json data;     // an object, possibly empty
  std::int64_t at_us = 0;  // when, by the host's wall clock as QEMU read it
};

struct QmpCommand {
  std::string name;
  nlohmann::json arguments;  // an object or null
};

/// The client's end of one QMP connection. Errors of the connection are permanent: after one, every call
/// returns it again. Their kinds: kMachine "QEMU closed its control socket"; kProtocol for bytes that are not
/// QMP; kTimeout for a deadline. A refused command is an ordinary kMachine error and leaves the connection
/// usable. After a timeout the late reply is dropped when it comes, and commands may go on.
///
/// Execute() and Handshake() wait here; a caller with other descriptors to serve uses Begin(), OnReadable()
/// and TakeReply() from its own poll loop.
class QmpClient {
 public:
  /// A message from QEMU longer than this is a protocol error, not memory spent.
  static constexpr std::size_t kMaxMessage = std::size_t{4} << 20;
  /// Events kept for TakeEvent(); the oldest go first.
  static constexpr std::size_t kMaxEvents = 1024;

  /// REQUIRES: `socket` is a connected non-blocking stream socket. When `cancel_fd` becomes readable,
  /// Handshake() and Execute() return kCancelled "interrupted"; it is never read, -1 is none.
  explicit QmpClient(Fd socket, int cancel_fd = -1) : socket_(std::move(socket)), cancel_fd_(cancel_fd) {}

  /// Sends what leaves negotiation mode, then `commands`, and returns at once: QEMU carries them out as soon
  /// as it gets to it. Call once, first. Errors: those of Begin().
  Result<> Open(std::span<const QmpCommand> commands, Deadline deadline);
  /// Waits for the greeting and the replies to what Open() sent. Errors: the first that QEMU refused.
  Result<> AwaitOpen(Deadline deadline);
  /// Open() without commands, and AwaitOpen().
  Result<> Handshake(Deadline deadline);

  /// Runs one command to its reply, the "return" value. `arguments` is an object or null.
  /// REQUIRES: no command in flight.
  Result<nlohmann::json> Execute(std::string_view command, const nlohmann::json& arguments,
                                 Deadline deadline);

  /// Sends a command; its reply comes through TakeReply(). `passed_fd`: a descriptor that goes with it, for
  /// getfd; -1 is none. REQUIRES: no command in flight.
  Result<> Begin(std::string_view command, const nlohmann::json& arguments, Deadline deadline,
                 int passed_fd = -1);
  /// Reads what is there without blocking. Messages that came before an error or the end stay available.
  Result<> OnReadable();
  /// The reply of the command in flight once it has come, which ends it.
  std::optional<Result<nlohmann::json>> TakeReply();
  [[nodiscard]] bool in_flight() const { return in_flight_.has_value(); }
  /// Gives the command in flight up; its reply will be ignored.
  void Abandon() { in_flight_.reset(); }

  std::optional<QmpEvent> TakeEvent();

  /// QEMU's version as its greeting tells it, "7.2.22"; "" before that, or when it does not.
  [[nodiscard]] const std::string& qemu_version() const { return qemu_version_; }

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Set once the connection is of no more use.
  [[nodiscard]] const std::optional<Error>& broken() const { return broken_; }

 private:
  struct InFlight {
    std::uint64_t id;
    std::string command;
  };

  Result<> WaitReadable(Deadline deadline);
  Result<> SendLine(const QmpCommand& command, Deadline deadline, int passed_fd);
  Result<> Break(ErrorKind kind, std::string message);
  Result<> TakeMessages();
  Result<> TakeMessage(std::string_view line);
  Result<> TakeResponse(nlohmann::json& message);
  void TakeEventMessage(nlohmann::json& message);

  Fd socket_;
  int cancel_fd_;
  std::string received_;
  std::size_t scanned_ = 0;  // bytes of received_ known to hold no newline
  bool greeted_ = false;
  std::string qemu_version_;
  std::deque<InFlight> opening_;  // what Open() sent and QEMU has not answered
  std::optional<Error> refused_;  // the first of those it refused
  std::uint64_t next_id_ = 1;
  std::optional<InFlight> in_flight_;
  std::optional<Result<nlohmann::json>> reply_;
  std::deque<QmpEvent> events_;
  std::optional<Error> broken_;
};

}  // namespace ktstr::vmm
