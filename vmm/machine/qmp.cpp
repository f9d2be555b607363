#include "vmm/machine/qmp.h"

#include <fmt/format.h>
#include <poll.h>

#include <utility>

#include "vmm/host/byte_stream.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {

using nlohmann::json;

namespace {

std::string Excerpt(std::string_view text) {
  std::string out(text.substr(0, 60));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return text.size() > 60 ? out + "..." : out;
}

/// The string member `key`, or "" when it is missing or something else.
std::string StringMember(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Microseconds of Unix time; 0 when the message carries no such time.
std::int64_t Timestamp(const json& message) {
  const auto stamp = message.find("timestamp");
  if (stamp == message.end() || !stamp->is_object()) return 0;
  const auto member = [&](const char* key) -> std::int64_t {
    const auto found = stamp->find(key);
    return found != stamp->end() && found->is_number_unsigned() ? found->get<std::int64_t>() & 0xffffffffff
                                                                : 0;
  };
  return member("seconds") * 1'000'000 + member("microseconds");
}

/// Of QEMU, in its greeting; "" when it is not there.
std::string VersionIn(const json& greeting) {
  std::string version;
  for (const char* part : {"major", "minor", "micro"}) {
    const json::json_pointer at(fmt::format("/QMP/version/qemu/{}", part));
    if (!greeting.contains(at) || !greeting.at(at).is_number_unsigned()) return {};
    version += fmt::format("{}{}", version.empty() ? "" : ".", greeting.at(at).get<std::uint64_t>());
  }
  return version;
}

Error Refusal(const std::string& command, const json& error) {
  return {ErrorKind::kMachine, fmt::format("QEMU refused '{}': {}", command, StringMember(error, "desc"))};
}

}  // namespace

Result<> QmpClient::Break(ErrorKind kind, std::string message) {
  broken_ = Error{kind, std::move(message)};
  return *broken_;
}

Result<> QmpClient::WaitReadable(Deadline deadline) {
  while (true) {
    pollfd wait[] = {{socket_.get(), POLLIN, 0}, {cancel_fd_, POLLIN, 0}};
    if (poll(wait, 2, PollTimeout(deadline)) > 0) {
      if (wait[1].revents != 0) return Error{ErrorKind::kCancelled, "interrupted"};
      return {};
    }
    if (Passed(deadline)) return Error{ErrorKind::kTimeout, "QEMU did not answer in time"};
  }
}

Result<> QmpClient::Open(std::span<const QmpCommand> commands, Deadline deadline) {
  const auto send = [&](const QmpCommand& command) -> Result<> {
    opening_.push_back({next_id_, command.name});
    return SendLine(command, deadline, -1);
  };
  TRY(send({"qmp_capabilities", nullptr}));
  for (const QmpCommand& command : commands) TRY(send(command));
  return {};
}

Result<> QmpClient::AwaitOpen(Deadline deadline) {
  while (!greeted_ || !opening_.empty()) {
    if (refused_.has_value()) return *refused_;
    if (broken_.has_value()) return *broken_;
    TRY(WaitReadable(deadline));
    const Result<> read = OnReadable();
    if (!read.ok() && (!greeted_ || !opening_.empty())) return read.error();
  }
  return refused_.has_value() ? Result<>(*refused_) : Result<>();
}

Result<> QmpClient::Handshake(Deadline deadline) {
  TRY(Open({}, deadline));
  return AwaitOpen(deadline);
}

Result<json> QmpClient::Execute(std::string_view command, const json& arguments, Deadline deadline) {
  TRY(Begin(command, arguments, deadline));
  while (true) {
    if (auto reply = TakeReply()) return *std::move(reply);
    if (broken_.has_value()) return *broken_;
    const Result<> readable = WaitReadable(deadline);
    if (!readable.ok()) {
      Abandon();
      if (readable.error().kind == ErrorKind::kCancelled) return readable.error();
      return Error{ErrorKind::kTimeout, fmt::format("QEMU did not answer '{}' in time", command)};
    }
    static_cast<void>(OnReadable());  // an error shows in broken_, after the messages before it
  }
}

Result<> QmpClient::Begin(std::string_view command, const json& arguments, Deadline deadline, int passed_fd) {
  const std::uint64_t id = next_id_;
  TRY(SendLine({std::string(command), arguments}, deadline, passed_fd));
  in_flight_ = InFlight{id, std::string(command)};
  reply_.reset();
  return {};
}

Result<> QmpClient::SendLine(const QmpCommand& command, Deadline deadline, int passed_fd) {
  if (broken_.has_value()) return *broken_;
  json message = {{"execute", command.name}, {"id", next_id_++}};
  if (!command.arguments.is_null()) message["arguments"] = command.arguments;
  const std::string line = message.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    std::size_t sent = 0;
    if (SendSome(socket_.get(), rest, sent, passed_fd) == IoState::kClosed) {
      return Break(ErrorKind::kMachine, "QEMU closed its control socket");
    }
    if (sent > 0) passed_fd = -1;  // it went with the first bytes
    rest.remove_prefix(sent);
    if (rest.empty()) break;
    if (Passed(deadline)) {  // half a line is out: the connection cannot be used any more
      return Break(ErrorKind::kTimeout, fmt::format("QEMU did not take '{}' in time", command.name));
    }
    pollfd wait{socket_.get(), POLLOUT, 0};
    poll(&wait, 1, PollTimeout(deadline));
  }
  return {};
}

Result<> QmpClient::OnReadable() {
  while (!broken_.has_value()) {
    const IoState state = ReadSome(socket_.get(), received_);
    if (state == IoState::kBlocked) return {};
    if (state == IoState::kFailed)
      return Break(ErrorKind::kEnvironment, "QEMU's control socket cannot be read: " + ErrnoText(errno));
    if (state == IoState::kClosed) return Break(ErrorKind::kMachine, "QEMU closed its control socket");
    TRY(TakeMessages());
  }
  return *broken_;
}

Result<> QmpClient::TakeMessages() {
  std::size_t start = 0;
  std::size_t newline;
  while ((newline = received_.find('\n', std::max(start, scanned_))) != std::string::npos) {
    std::string_view line(received_.data() + start, newline - start);
    start = newline + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) TRY(TakeMessage(line));
  }
  received_.erase(0, start);
  scanned_ = received_.size();
  if (received_.size() > kMaxMessage) {
    return Break(ErrorKind::kProtocol,
                 fmt::format("QEMU sent a control message of over {} bytes", kMaxMessage));
  }
  return {};
}

Result<> QmpClient::TakeMessage(std::string_view line) {
  json message = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) {
    return Break(ErrorKind::kProtocol,
                 "QEMU sent a control message that is not a JSON object: " + Excerpt(line));
  }
  if (message.contains("QMP")) {
    greeted_ = true;
    qemu_version_ = VersionIn(message);
    return {};
  }
  if (!greeted_) {
    return Break(ErrorKind::kProtocol, "QEMU's control socket did not greet, it sent: " + Excerpt(line));
  }
  if (message.contains("event")) {
    TakeEventMessage(message);
    return {};
  }
  if (message.contains("return") || message.contains("error")) return TakeResponse(message);
  return Break(ErrorKind::kProtocol, "QEMU sent a control message of an unknown kind: " + Excerpt(line));
}

void QmpClient::TakeEventMessage(json& message) {
  json data = json::object();
  const auto found = message.find("data");
  if (found != message.end() && found->is_object()) data = std::move(*found);
  if (events_.size() == kMaxEvents) events_.pop_front();
  events_.push_back({StringMember(message, "event"), std::move(data), Timestamp(message)});
}

Result<> QmpClient::TakeResponse(json& message) {
  const auto id = message.find("id");
  const bool has_id = id != message.end() && id->is_number_unsigned();
  const std::uint64_t number = has_id ? id->get<std::uint64_t>() : 0;
  if (number == 0 || number >= next_id_) {
    return Break(ErrorKind::kProtocol, "QEMU answered a control command that was never sent");
  }
  const auto error = message.find("error");
  if (!opening_.empty() && number == opening_.front().id) {
    if (error != message.end() && !refused_.has_value()) refused_ = Refusal(opening_.front().command, *error);
    opening_.pop_front();
    return {};
  }
  if (!in_flight_.has_value() || number != in_flight_->id) return {};  // a reply given up on
  if (error == message.end()) {
    reply_.emplace(std::move(message["return"]));
  } else {
    reply_.emplace(Refusal(in_flight_->command, *error));
  }
  return {};
}

std::optional<Result<json>> QmpClient::TakeReply() {
  if (!reply_.has_value()) return std::nullopt;
  in_flight_.reset();
  return std::exchange(reply_, std::nullopt);
}

std::optional<QmpEvent> QmpClient::TakeEvent() {
  if (events_.empty()) return std::nullopt;
  QmpEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace ktstr::vmm
