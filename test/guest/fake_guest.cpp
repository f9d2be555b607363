#include "test/guest/fake_guest.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "workloads/work_type.h"

namespace ktstr::test {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

}  // namespace

void FakeGuest::Boot() {
  booted_ = true;
  if (lie_.boot != nullptr && lie_.boot(*this)) return;
  Ready ready;
  ready.decl_hash = WireHash(WorkTypes::Alternatives());
  ready.kernel_release = "6.12.0-fake";
  ready.online_cpus = 2;
  ready.boot_id = "0b9a7c0e-5f0e-4d2a-9d5c-8a4f5f3f1c11";
  ready.clock_ns = clock_ns_;
  if (lie_.ready != nullptr) lie_.ready(ready);
  Send(ready);
}

void FakeGuest::Read() {
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

void FakeGuest::Answer(const Frame& frame) {
  std::span<const std::byte> payload = frame.payload;
  Reply reply;
  std::memcpy(&reply.request_id, payload.data(), sizeof reply.request_id);
  payload = payload.subspan(sizeof reply.request_id);
  const Result<AnyStruct> request = DecodeAny(RequestTypes(), payload);
  if (!request.ok()) _exit(4);
  clock_ns_ += kMs;
  reply.clock_ns = clock_ns_;
  if (lie_.request != nullptr && lie_.request(*this, *request, reply)) return;
  Obey(*request, reply);
  reply.clock_ns = clock_ns_;
  if (lie_.reply != nullptr) lie_.reply(*request, reply);
  SendReply(reply);
}

void FakeGuest::Obey(const AnyStruct& request, Reply& reply) {
  if (request.Is<Program>()) SendLog(/*early=*/true);
  if (request.Is<SetHoldMark>()) hold_mark_ns_ = clock_ns_;
  if (request.Is<Hold>()) {
    const auto& hold = request.As<Hold>();
    clock_ns_ = std::max(clock_ns_, (hold.from_mark ? hold_mark_ns_ : clock_ns_) + hold.duration_ns);
  }
  if (request.Is<MarkPhase>()) {
    const auto& mark = request.As<MarkPhase>();
    phase_ = mark.end || mark.opening ? kBetweenPhases : mark.phase;
    reply.mark = PhaseMark{clock_ns_, iterations_ += 100, static_cast<std::uint32_t>(groups_.size())};
  }
  if (request.Is<StartWorkers>()) groups_.push_back({request.As<StartWorkers>(), clock_ns_});
  if (request.Is<StopWorkers>()) Collect();
  if (request.Is<StartPayload>()) {
    payloads_.push_back(request.As<StartPayload>().handle);
    reply.pid = 100 + static_cast<std::int32_t>(payloads_.back());
    if (request.As<StartPayload>().attach) SendLook(payloads_.back(), SchedulerMoment::kAttached);
  }
  if (request.Is<StopScheduler>()) {
    SendLook(request.As<StopScheduler>().handle, SchedulerMoment::kStopping);
    EndPayload(request.As<StopScheduler>().handle);
  }
  if (request.Is<AwaitPayload>()) EndPayload(request.As<AwaitPayload>().handle);
  if (request.Is<ReadFile>()) SendFile(request.As<ReadFile>().path);
  if (request.Is<Finish>()) {
    Collect();
    SendLog(/*early=*/false);
  }
}

void FakeGuest::Collect() {
  for (const Group& group : groups_) {
    for (std::uint32_t index = 0; index < group.request.count; ++index) {
      WorkerDone done{group.request.group, group.request.cgroup, {}};
      WorkerReport& report = done.report;
      report.completed = true;
      report.index = index;
      report.created_ns = group.created_ns;
      report.wall_ns = clock_ns_ - group.created_ns;
      report.cpu_time_ns = report.wall_ns;
      report.work_units = 4096;
      report.iterations = 4;
      report.cpus_used = {0, 1};
      PhaseSlice slice;
      static_cast<Measures&>(slice) = report;
      slice.phase = phase_ == kBetweenPhases ? 1 : phase_;
      slice.begin_ns = report.created_ns;
      report.phase_slices = {slice};
      if (lie_.report == nullptr || !lie_.report(*this, done)) Send(done);
    }
  }
  groups_.clear();
}

void FakeGuest::EndPayload(std::uint32_t handle) {
  PayloadOutput output{handle, Stream::kStdout, "speed=7\n"};
  if (lie_.output != nullptr) lie_.output(output);
  Send(output);
  PayloadDone done;
  done.handle = handle;
  done.payload_index = payloads_done_++;
  done.pid = 100 + static_cast<std::int32_t>(handle);
  done.exit_code = 0;
  done.started_ns = clock_ns_ - kMs;
  done.ended_ns = clock_ns_;
  done.stdout_bytes = output.bytes.size();
  if (lie_.ended == nullptr || !lie_.ended(*this, done)) Send(done);
}

void FakeGuest::SendLook(std::uint32_t handle, SchedulerMoment moment) {
  SchedulerLook look{handle, moment, "enabled", "mine", 1, clock_ns_};
  if (lie_.look == nullptr || !lie_.look(*this, look)) Send(look);
}

void FakeGuest::SendFile(const std::string& path) {
  FileContent piece{path, 0, "17\n", true};
  if (lie_.piece == nullptr || !lie_.piece(*this, piece)) Send(piece);
}

void FakeGuest::SendLog(bool early) {
  KernelMessages messages;
  messages.early = early;
  messages.taint = 0;
  messages.messages.push_back(
      {++log_sequence_, clock_ns_ / 1000, 6, early ? "Linux version" : "all is well"});
  if (lie_.log == nullptr || !lie_.log(*this, messages)) Send(messages);
}

void FakeGuest::SendEvent(const AnyStruct& event) {
  Bytes payload;
  EncodeAny(event, payload);
  SendFrame(FrameType::kEvent, payload);
}

void FakeGuest::SendReply(const Reply& reply) { SendFrame(FrameType::kReply, Encode(reply)); }

void FakeGuest::SendFrame(FrameType type, const Bytes& payload) { SendBytes(MakeFrame(type, payload)); }

void FakeGuest::SendBytes(const Bytes& bytes) {
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const ssize_t put = write(fd_, left.data(), left.size());
    if (put <= 0) _exit(3);
    left = left.subspan(static_cast<std::size_t>(put));
  }
}

void FakeGuest::CloseChannel() { close(fd_); }

}  // namespace ktstr::test
