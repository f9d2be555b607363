// Stands in for QEMU where a guest must misbehave on cue: it speaks enough QMP to be resumed, then plays the
// part named by $KTSTR_FAKE on the guest channel ("good" plays a guest that does all it is asked to). Used as
// `ktstr-interp run --qemu <this>`.
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "guest-init/wire/codec.h"
#include "guest-init/wire/frame.h"
#include "guest-init/wire/messages.h"
#include "workloads/work_type.h"

namespace {

using namespace ktstr;
using Bytes = std::vector<std::byte>;

void WriteAll(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t put = write(fd, at, size);
    if (put <= 0) _exit(3);
    at += put;
    size -= static_cast<std::size_t>(put);
  }
}

/// The guest's side of the channel.
class Guest {
 public:
  Guest(int fd, std::string part) : fd_(fd), part_(std::move(part)) {}

  /// Before, the port is closed: what the host has sent already waits.
  [[nodiscard]] bool booted() const { return booted_; }

  void Boot() {
    booted_ = true;
    if (part_ == "garbage") return SendGarbage();
    if (part_ == "oversized") return SendOversized();
    if (part_ == "skipped") ++sequence_;
    Ready ready;
    ready.decl_hash = part_ == "other-build" ? 1 : WireHash(WorkTypes::Alternatives());
    ready.kernel_release = "6.12.0-fake";
    ready.online_cpus = part_ == "one-cpu" ? 1 : 2;
    if (part_ == "forged-id") ready.kernel_build_id = std::string("../../../../tmp/mine\0", 21);
    if (part_ == "damaged") return SendDamaged(AnyStruct::Of(ready));
    Send(FrameType::kEvent, AnyStruct::Of(ready));
    if (part_ == "bad-event") SendFrame(EncodeFrame(FrameType::kEvent, sequence_++, Bytes(9)));
  }

  void Read() {
    Bytes bytes(65536);
    const ssize_t got = read(fd_, bytes.data(), bytes.size());
    if (got <= 0) _exit(0);
    in_.Append(std::span(bytes).first(static_cast<std::size_t>(got)));
    while (true) {
      Result<std::optional<Frame>> frame = in_.Next();
      if (!frame.ok() || !*frame) return;
      Answer(**frame);
    }
  }

 private:
  void Answer(const Frame& frame) {
    std::span<const std::byte> payload = frame.payload;
    Reply reply;
    std::memcpy(&reply.request_id, payload.data(), sizeof reply.request_id);
    payload = payload.subspan(sizeof reply.request_id);
    const Result<AnyStruct> request = DecodeAny(RequestTypes(), payload);
    if (!request.ok()) _exit(4);
    clock_ += 1'000'000;
    reply.clock_ns = clock_;
    if (request->Is<MarkPhase>()) reply.mark = PhaseMark{clock_, 100 * clock_ / 1'000'000, 1};
    if (request->Is<StartWorkers>()) groups_.push_back(request->As<StartWorkers>());
    if (request->Is<StopWorkers>()) Collect();
    if (request->Is<Hold>() && part_ == "late-garbage") return SendGarbage();
    if (request->Is<Hold>() && part_ == "wrong-id") reply.request_id += 7;
    if (request->Is<DestroyCgroup>() && part_ == "garbage-after-reports") return SendGarbage();
    if (request->Is<Hold>() && part_ == "dies") _exit(9);
    if (request->Is<Hold>()) Flood();
    if (request->Is<Hold>() && part_ == "asks")
      return SendFrame(EncodeFrame(FrameType::kRequest, sequence_++, Encode(reply)));
    Send(reply);
  }

  /// Without end, where that is the part.
  void Flood() {
    Warning warning;
    warning.text = "more";
    while (part_ == "floods-warnings") Send(FrameType::kEvent, AnyStruct::Of(warning));
    while (part_ == "floods-reports") Send(FrameType::kEvent, AnyStruct::Of(WorkerDone{}));
    FileContent file;
    file.path = "/proc/kallsyms";
    file.bytes.assign(1 << 20, 'x');
    for (file.offset = 1; part_ == "floods-files";) Send(FrameType::kEvent, AnyStruct::Of(file));
    PayloadOutput output;
    output.handle = 4711;  // which does not exist
    output.bytes.assign(1 << 10, 'x');
    while (part_ == "floods-output") Send(FrameType::kEvent, AnyStruct::Of(output));
  }

  void Collect() {
    for (const StartWorkers& group : groups_) {
      if (part_ == "lost-report") continue;
      WorkerDone done{group.group, group.cgroup, {}};
      done.report.completed = true;
      done.report.work_units = 4096;
      done.report.iterations = 4;
      done.report.wall_ns = 1'000'000;
      done.report.cpu_time_ns = 900'000;
      Send(FrameType::kEvent, AnyStruct::Of(done));
    }
    groups_.clear();
  }

  void Send(FrameType type, const AnyStruct& message) {
    Bytes payload;
    EncodeAny(message, payload);
    SendFrame(EncodeFrame(type, sequence_++, payload));
  }
  void Send(const Reply& reply) { SendFrame(EncodeFrame(FrameType::kReply, sequence_++, Encode(reply))); }
  void SendFrame(const Bytes& frame) { WriteAll(fd_, frame.data(), frame.size()); }
  void SendDamaged(const AnyStruct& message) {
    Bytes payload;
    EncodeAny(message, payload);
    Bytes frame = EncodeFrame(FrameType::kEvent, sequence_++, payload);
    frame.back() ^= std::byte{1};
    SendFrame(frame);
  }
  void SendGarbage() { WriteAll(fd_, "this is not a frame, however long one looks at it", 49); }
  void SendOversized() {
    Bytes frame = EncodeFrame(FrameType::kEvent, sequence_++, {});
    const std::uint32_t length = 1U << 30;
    std::memcpy(&frame[8], &length, sizeof length);
    const std::uint64_t hash = XXH3_64bits(frame.data(), 24);
    std::memcpy(&frame[24], &hash, sizeof hash);
    SendFrame(frame);
  }

  int fd_;
  std::string part_;
  bool booted_ = false;
  FrameAssembler in_;
  std::uint32_t sequence_ = 0;
  std::uint64_t clock_ = 0;
  std::vector<StartWorkers> groups_;
};

/// Answers every QMP command; "cont" boots the guest.
class Qmp {
 public:
  /// A mute one neither greets nor answers.
  Qmp(int fd, Guest& guest, bool mute) : fd_(fd), guest_(guest), mute_(mute) {
    if (mute) return;
    Say(R"({"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}})");
  }
  void Read() {
    char buffer[4096];
    const ssize_t got = read(fd_, buffer, sizeof buffer);
    if (got <= 0) _exit(0);
    if (mute_) return;
    text_.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1))
      Answer(text_.substr(0, end));
  }

 private:
  void Say(const std::string& line) {
    const std::string text = line + "\r\n";
    WriteAll(fd_, text.data(), text.size());
  }
  void Answer(const std::string& command) {
    const std::size_t id_at = command.find("\"id\":");
    std::string id;
    if (id_at != std::string::npos) {
      const std::size_t end = command.find_first_of(",}", id_at);
      id = ", " + command.substr(id_at, end - id_at);
    }
    const bool status = command.find("query-status") != std::string::npos;
    Say(std::string("{\"return\": ") +
        (status ? R"({"running": false, "status": "prelaunch", "singlestep": false})" : "{}") + id + "}");
    if (command.find("\"cont\"") != std::string::npos) guest_.Boot();
  }

  int fd_;
  Guest& guest_;
  bool mute_;
  std::string text_;
};

/// The descriptor of `-chardev socket,id=<id>,fd=<n>`.
std::map<std::string, int> Chardevs(int argc, char** argv) {
  std::map<std::string, int> fds;
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    const std::size_t id = text.find("id="), fd = text.find("fd=");
    if (!text.starts_with("socket,") || id == std::string::npos || fd == std::string::npos) continue;
    fds[text.substr(id + 3, text.find(',', id) - id - 3)] = std::atoi(text.c_str() + fd + 3);
  }
  return fds;
}

}  // namespace

int main(int argc, char** argv) {
  const char* part = std::getenv("KTSTR_FAKE");
  if (part == nullptr) return 2;
  if (std::string(part) == "refuses") {
    std::cerr << "qemu-system-x86_64: warning: something minor\nqemu-system-x86_64: cannot set up guest "
                 "memory 'ram': Cannot allocate memory\n";
    return 1;
  }
  std::map<std::string, int> fds = Chardevs(argc, argv);
  Guest guest(fds.at("channel"), part);
  Qmp qmp(fds.at("qmp"), guest, std::string(part) == "mute");
  while (true) {
    pollfd polled[2] = {{fds.at("qmp"), POLLIN, 0}, {guest.booted() ? fds.at("channel") : -1, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0) return 1;
    if (polled[0].revents != 0) qmp.Read();
    if (polled[1].revents != 0) guest.Read();
  }
}
