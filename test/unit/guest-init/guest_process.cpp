#include "test/unit/guest-init/guest_process.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/executor.h"
#include "workloads/work_type.h"

namespace ktstr::guest {
namespace {

constexpr int kPatienceMs = 60'000;  // only ever reached when something is broken

/// From here on each fork fails with EAGAIN.
bool RefuseForks() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
  };
  const sock_fprog program{std::size(rules), rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

[[noreturn]] void ServeInChild(Fd socket, ExecutorConfig config, bool may_fork) {
  if (!may_fork && !RefuseForks()) _exit(77);
  for (int number = 1; number < SIGRTMIN; ++number) signal(number, SIG_DFL);  // Catch's handlers
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // as PID 1, it inherits orphans
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  auto executor = Executor::Create(std::move(socket), std::move(config));
  if (!executor.ok()) _exit(1);
  (*executor)->Run();
  _exit(0);
}

}  // namespace

GuestProcess::GuestProcess(std::string payload_bin, bool may_fork) {
  std::string pattern = (std::filesystem::temp_directory_path() / "ktstr-guest-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  cgroup_parent_ = directory_ + "/ktstr";
  REQUIRE(mkfifo((directory_ + "/kmsg").c_str(), 0600) == 0);
  kmsg_ = Fd(open((directory_ + "/kmsg").c_str(), O_RDWR | O_CLOEXEC));
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  socket_ = Fd(ends[0]);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    socket_.Reset();
    kmsg_.Reset();
    ServeInChild(Fd(ends[1]),
                 {directory_,
                  cgroup_parent_,
                  std::move(payload_bin),
                  directory_ + "/kmsg",
                  directory_ + "/tainted",
                  {directory_ + "/sched_ext", directory_ + "/sysrq", directory_ + "/traces"},
                  true},
                 may_fork);
  }
  close(ends[1]);
  ready = NextEvent<Ready>();
}

GuestProcess::~GuestProcess() {
  const std::vector<pid_t> children = pid_ > 0 ? Children() : std::vector<pid_t>();
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const pid_t child : children) kill(child, SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void GuestProcess::Cork(bool corked) {
  corked_ = corked;
  if (!corked) SendRaw(std::exchange(held_back_, {}));
}

void GuestProcess::SendRaw(std::span<const std::byte> bytes) {
  if (corked_) {
    held_back_.insert(held_back_.end(), bytes.begin(), bytes.end());
    return;
  }
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    REQUIRE(sent > 0);
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

std::uint32_t GuestProcess::SendBody(std::span<const std::byte> body) {
  const std::uint32_t id = next_id_++;
  std::vector<std::byte> payload(sizeof id);
  std::memcpy(payload.data(), &id, sizeof id);
  payload.insert(payload.end(), body.begin(), body.end());
  SendRaw(EncodeFrame(FrameType::kRequest, sequence_++, payload));
  return id;
}

std::optional<Frame> GuestProcess::TryNextFrame() {
  for (;;) {
    auto next = assembler_.Next();
    REQUIRE(next.ok());
    if (next->has_value()) return std::move(**next);
    pollfd readable{socket_.get(), POLLIN, 0};
    REQUIRE(poll(&readable, 1, kPatienceMs) == 1);
    std::array<std::byte, 65536> chunk;
    const ssize_t got = read(socket_.get(), chunk.data(), chunk.size());
    if (got <= 0) return std::nullopt;
    assembler_.Append(std::span(chunk).first(static_cast<std::size_t>(got)));
  }
}

Frame GuestProcess::NextFrame() {
  std::optional<Frame> frame = TryNextFrame();
  REQUIRE(frame.has_value());
  return *std::move(frame);
}

bool GuestProcess::AtEnd() { return !TryNextFrame().has_value(); }

void GuestProcess::Note(const AnyStruct& event) {
  if (event.Is<WorkerDone>()) {
    reports.push_back(event.As<WorkerDone>().report);
    report_groups.push_back(event.As<WorkerDone>().group);
    event_order += 'W';
  } else if (event.Is<PayloadDone>()) {
    done.push_back(event.As<PayloadDone>());
    event_order += 'P';
  } else if (event.Is<SchedulerLook>()) {
    looks.push_back(event.As<SchedulerLook>());
    event_order += 'S';
  } else if (event.Is<KernelMessages>()) {
    if (!event.As<KernelMessages>().messages.empty()) event_order += 'K';
  } else if (event.Is<Warning>()) {
    warnings.push_back(event.As<Warning>().text);
    event_order += '!';
  } else if (event.Is<PayloadOutput>()) {
    const auto& output = event.As<PayloadOutput>();
    (output.stream == Stream::kStdout ? out : err) += output.bytes;
  }
}

AnyStruct GuestProcess::TakeEvent() {
  const Frame frame = NextFrame();
  REQUIRE(frame.type == FrameType::kEvent);
  std::span<const std::byte> in = frame.payload;
  Result<AnyStruct> event = DecodeAny(EventTypes(), in);
  REQUIRE(event.ok());
  REQUIRE(in.empty());
  Note(*event);
  return std::move(event).value();
}

void GuestProcess::BecomeNextHost() {
  sequence_ = 0;
  assembler_ = {};
}

Reply GuestProcess::NextReply() {
  for (;;) {
    const Frame frame = NextFrame();
    std::span<const std::byte> in = frame.payload;
    if (frame.type == FrameType::kReply) {
      Result<Reply> reply = Decode<Reply>(in);
      REQUIRE(reply.ok());
      return std::move(reply).value();
    }
    Result<AnyStruct> event = DecodeAny(EventTypes(), in);
    REQUIRE(event.ok());
    Note(*event);
  }
}

int GuestProcess::WaitForExit() {
  int status = 0;
  REQUIRE(waitpid(pid_, &status, 0) == pid_);
  pid_ = 0;
  return status;
}

void GuestProcess::AwaitQuiet() const {
  // The CPU time and the run count of each; equal twice in a row while all sleep means that none runs.
  std::string before = "none";
  for (int equal = 0; equal < 50;) {
    std::string now;
    std::vector<pid_t> all = Children();
    all.push_back(pid_);
    for (const pid_t pid : all)
      now += ReadSmallFile(("/proc/" + std::to_string(pid) + "/schedstat").c_str()) + "/";
    equal = now == before ? equal + 1 : 0;
    before = std::move(now);
    poll(nullptr, 0, 1);
  }
}

std::vector<pid_t> GuestProcess::Children() const {
  const std::string pid = std::to_string(pid_);
  std::istringstream list(ReadSmallFile(("/proc/" + pid + "/task/" + pid + "/children").c_str()));
  std::vector<pid_t> children;
  for (pid_t child = 0; list >> child;) children.push_back(child);
  return children;
}

std::size_t GuestProcess::ResidentKb() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; status >> word;) {
    std::size_t kb = 0;
    if (word == "VmHWM:" && status >> kb) return kb;  // the highest it ever was
  }
  return 0;
}

StartWorkers Workers(std::uint32_t group, const std::string& type, std::uint32_t count) {
  StartWorkers request;
  request.group = group;
  request.count = count;
  request.work_type = type;
  request.seed = 1;
  if (const WorkTypeDecl* decl = FindWorkType(type)) {
    std::vector<std::byte> params;
    EncodeStruct(decl->params(), AnyStruct(decl->params()).data(), params);
    for (const std::byte b : params) request.work_params.push_back(std::to_integer<std::uint8_t>(b));
  }
  return request;
}

StartPayload Shell(std::uint32_t handle, const std::string& script) {
  StartPayload request;
  request.handle = handle;
  request.name = "p" + std::to_string(handle);
  request.argv = {"sh", "-c", script};
  return request;
}

}  // namespace ktstr::guest
