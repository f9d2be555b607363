#include "vmm/introspection/watch/gdb_client.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

#include "vmm/host/host_file.h"
#include "vmm/machine/machine.h"

namespace ktstr::vmm {
namespace {

/// The stub counts CPUs from 1 on.
std::string SelectCpu(std::uint32_t cpu) { return fmt::format("Hg{:x}", cpu + 1); }

Error Refused(std::string_view request, std::string_view answer) {
  return {ErrorKind::kMachine, fmt::format("QEMU's debugger stub refused '{}': {}", request.substr(0, 40),
                                           answer.empty() ? "it does not know it" : answer.substr(0, 40))};
}

}  // namespace

Result<GdbClient> GdbClient::Attach(Machine& machine) {
  Fd socket = machine.TakeGdbSocket();
  if (!socket.valid()) return Error{ErrorKind::kMachine, "QEMU's debugger stub is attached already"};
  GdbClient client(std::move(socket));
  const auto said = TRY(
      machine.Command("human-monitor-command", {{"command-line", "gdbserver chardev:gdb"}}, After(kTimeout)));
  if (!said.is_string() || !said.get<std::string>().starts_with("Waiting for gdb connection"))
    return Error{ErrorKind::kMachine, "QEMU does not attach its debugger stub: " + FirstMessage(said.dump())};
  // The stub answers for single registers only after it was asked which there are.
  const std::string features = TRY(client.Ask("qXfer:features:read:target.xml:0,ff0"));
  if (features.find("i386:x86-64") == std::string::npos)
    return Error{ErrorKind::kMachine, "QEMU's debugger stub is not one of x86-64"};
  return client;
}

Result<> GdbClient::Break(ErrorKind kind, std::string message) {
  broken_ = Error{kind, std::move(message)};
  return *broken_;
}

Result<> GdbClient::OnReadable() {
  while (!broken_) {
    std::string bytes;
    const IoState state = ReadSome(socket_.get(), bytes);
    if (state == IoState::kBlocked) return {};
    if (state == IoState::kFailed)
      return Break(ErrorKind::kEnvironment, "QEMU's debugger socket cannot be read: " + ErrnoText(errno));
    if (state == IoState::kClosed) return Break(ErrorKind::kMachine, "QEMU closed its debugger socket");
    reader_.Append(bytes);
    TRY(TakePackets());
  }
  return *broken_;
}

Result<> GdbClient::TakePackets() {
  while (true) {
    Result<std::optional<std::string>> packet = reader_.Next();
    if (!packet.ok()) return Break(packet.error().kind, packet.error().message);
    if (!*packet) return {};
    if (!IsStopReply(**packet)) {
      answers_.push_back(std::move(**packet));
      continue;
    }
    const Result<StopReply> stop = ParseStopReply(**packet);
    if (!stop.ok()) return Break(stop.error().kind, stop.error().message);
    stops_.push_back(*stop);
  }
}

std::optional<StopReply> GdbClient::TakeStop() {
  if (stops_.empty()) return std::nullopt;
  const StopReply stop = stops_.front();
  stops_.pop_front();
  return stop;
}

Result<> GdbClient::Send(std::string_view bytes, Deadline deadline, const std::string& request) {
  while (!bytes.empty()) {
    std::size_t sent = 0;
    if (SendSome(socket_.get(), bytes, sent) == IoState::kClosed)
      return Break(ErrorKind::kMachine, "QEMU closed its debugger socket");
    bytes.remove_prefix(sent);
    if (bytes.empty()) break;
    if (Passed(deadline))
      return Break(ErrorKind::kTimeout,
                   fmt::format("QEMU's debugger stub did not take '{}' in time", request));
    pollfd wait{socket_.get(), POLLOUT, 0};
    poll(&wait, 1, PollTimeout(deadline));
  }
  return {};
}

Result<std::vector<std::string>> GdbClient::Ask(std::span<const std::string> requests) {
  if (broken_) return *broken_;
  const Deadline deadline = After(kTimeout);
  TRY(OnReadable());
  answers_.clear();  // none is awaited
  std::string bytes;
  for (const std::string& request : requests) bytes += FramePacket(request);
  TRY(Send(bytes, deadline, requests.front()));
  while (answers_.size() < requests.size()) {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (poll(&wait, 1, PollTimeout(deadline)) > 0) {
      TRY(OnReadable());
    } else if (Passed(deadline)) {
      TRY(Break(ErrorKind::kTimeout,
                fmt::format("QEMU's debugger stub did not answer '{}' in time", requests[answers_.size()])));
    }
  }
  std::vector<std::string> answers(std::make_move_iterator(answers_.begin()),
                                   std::make_move_iterator(answers_.end()));
  answers_.clear();
  return answers;
}

Result<std::string> GdbClient::Ask(const std::string& request) {
  return std::move(TRY(Ask(std::span(&request, 1))).front());
}

Result<> GdbClient::Expect(const std::string& request, std::string_view answer) {
  const std::string got = TRY(Ask(request));
  return got == answer ? Result<>() : Refused(request, got);
}

Result<std::uint64_t> GdbClient::ReadRegister(std::uint32_t cpu, GdbRegister which) {
  const std::string requests[] = {SelectCpu(cpu), fmt::format("p{:x}", static_cast<std::uint32_t>(which))};
  const std::vector<std::string> answers = TRY(Ask(requests));
  if (answers[0] != "OK") return Refused(requests[0], answers[0]);
  const auto bytes = FromHex(answers[1]);
  std::uint64_t value = 0;
  if (!bytes || bytes->size() != sizeof value) return Refused(requests[1], answers[1]);
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

Result<> GdbClient::ReadMemory(std::uint64_t address, std::span<std::byte> into) {
  while (!into.empty()) {
    const std::size_t size = std::min(into.size(), kMaxChunk);
    const std::string request = fmt::format("m{:x},{:x}", address, size);
    const std::string answer = TRY(Ask(request));
    const auto bytes = FromHex(answer);
    if (!bytes || bytes->size() != size) return Refused(request, answer);
    std::memcpy(into.data(), bytes->data(), size);
    into = into.subspan(size);
    address += size;
  }
  return {};
}

Result<> GdbClient::WriteMemory(std::uint64_t address, std::span<const std::byte> from) {
  while (!from.empty()) {
    const std::size_t size = std::min(from.size(), kMaxChunk);
    TRY(Expect(fmt::format("M{:x},{:x}:{}", address, size, ToHex(from.first(size))), "OK"));
    from = from.subspan(size);
    address += size;
  }
  return {};
}

Result<> GdbClient::UsePhysicalAddresses(bool physical) {
  return Expect(fmt::format("Qqemu.PhyMemMode:{}", physical ? 1 : 0), "OK");
}

Result<> GdbClient::InsertWatch(std::uint64_t address, std::uint32_t bytes) {
  return Expect(fmt::format("Z2,{:x},{:x}", address, bytes), "OK");
}

Result<> GdbClient::RemoveWatch(std::uint64_t address, std::uint32_t bytes) {
  return Expect(fmt::format("z2,{:x},{:x}", address, bytes), "OK");
}

bool GdbMemory::Read(std::uint64_t address, std::span<std::byte> into) {
  return client_.ReadMemory(address, into).ok();
}

std::size_t GdbMemory::ReadSome(std::uint64_t address, std::span<std::byte> into) {
  constexpr std::uint64_t kPage = 4096;
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t size = std::min<std::uint64_t>(into.size() - done, kPage - (address + done) % kPage);
    if (!Read(address + done, into.subspan(done, size))) break;
    done += size;
  }
  return done;
}

bool GdbMemory::Write(std::uint64_t address, std::span<const std::byte> from) {
  return client_.WriteMemory(address, from).ok();
}

}  // namespace ktstr::vmm
