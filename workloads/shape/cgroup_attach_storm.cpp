// CgroupAttachStorm: moves of processes that are about to end.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/wire/messages.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

enum class ReapMode : std::uint8_t { kSigIgn, kWaitpid };
constexpr EnumValue kReapModes[] = {
    {"sig_ign", 0, "The kernel, as the worker ignores SIGCHLD; up to 32 children end at a time."},
    {"waitpid", 1, "The worker, before it forks the next one."}};
constexpr EnumDecl DescribeEnum(ReapMode) { return {"ReapMode", kReapModes, nullptr, nullptr}; }

struct CgroupAttachStorm {
  std::string dest = "dest";
  ReapMode reap = ReapMode::kSigIgn;
  [[nodiscard]] OtherCgroup UsedCgroup() const { return {"dest", dest}; }
  static const StructDecl& Decl();
};

const StructDecl& CgroupAttachStorm::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CgroupAttachStorm::dest>(
          "dest", "The cgroup that the children are moved to; not the worker's own.", {}, Refers::kCgroup),
      Optional<&CgroupAttachStorm::reap>("reap", "Who reaps the children."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<CgroupAttachStorm>("CgroupAttachStorm",
                                       "Forks a child that exits at once, and moves it to another cgroup "
                                       "meanwhile; that is one iteration, and a "
                                       "work unit when the child was still there to be moved. What the "
                                       "children get of a CPU there is no matter "
                                       "of the worker's: it waits for them by its own wish.",
                                       kFields);
  return kDecl;
}

class Storm {
 public:
  Storm(const CgroupAttachStorm& params, WorkerContext& context)
      : params_(params),
        context_(context),
        procs_(open((std::string(kCgroupParent) + "/" + params.dest + "/cgroup.procs").c_str(),
                    O_WRONLY | O_CLOEXEC)) {
    if (!procs_.valid()) context.FailCall("opening cgroup.procs of cgroup '" + params.dest + "'");
    if (params.reap == ReapMode::kSigIgn) signal(SIGCHLD, SIG_IGN);
  }

  /// One child, from its birth.
  void Turn() {
    Fd& death = deaths_[turn_++ % deaths_.size()];
    if (!AwaitDeath(death)) return;
    std::atomic<std::uint64_t>& exiting_ns = context_.Member(context_.position()).woken_ns;
    const pid_t child = fork();
    if (child == 0) {
      exiting_ns.store(MonotonicNs());
      _exit(0);
    }
    if (child < 0) context_.FailCall("fork");
    death = Fd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    // The kernel may have reaped it already.
    if (!death.valid() && errno != ESRCH) context_.FailCall("pidfd_open of the child");
    const bool moved = Move(child);
    if (params_.reap == ReapMode::kWaitpid && !Reap(child, death)) return;
    // With its iteration, or one that was broken off would count.
    if (!moved) context_.CountRefusals(1);
    context_.EndIteration(moved ? 1 : 0);
  }

 private:
  bool Move(pid_t child) {
    const std::string pid = std::to_string(child);
    if (write(procs_.get(), pid.data(), pid.size()) == static_cast<ssize_t>(pid.size())) return true;
    if (errno != ESRCH) context_.FailCall("moving a child to cgroup '" + params_.dest + "'");
    return false;
  }

  /// False: asked to stop instead.
  bool Reap(pid_t child, Fd& death) {
    if (!AwaitDeath(death)) return false;  // it dies with the worker's process group
    if (waitpid(child, nullptr, 0) != child) context_.FailCall("waitpid");
    const std::uint64_t end = MonotonicNs();
    context_.RecordWake(end - std::min(context_.Member(context_.position()).woken_ns.load(), end));
    return true;
  }

  /// Of the child, if there is one. False: asked to stop instead.
  bool AwaitDeath(Fd& death) {
    pollfd ended{death.get(), POLLIN, 0};
    if (!death.valid() || poll(&ended, 1, 0) > 0) return true;
    const std::uint64_t begin = context_.BeginBlock();
    int seen = 0;
    while (seen <= 0 && !context_.ShouldStop())
      seen = poll(&ended, 1, static_cast<int>(kStopPollNs / 1'000'000));
    context_.EndBlock(begin);
    return seen > 0;
  }

  const CgroupAttachStorm& params_;
  WorkerContext& context_;
  Fd procs_;
  std::array<Fd, 32> deaths_;  // of the last children
  std::size_t turn_ = 0;
};

void Run(const CgroupAttachStorm& params, WorkerContext& context) {
  context.CountRefusals(0);
  Storm storm(params, context);
  while (!context.ShouldStop()) storm.Turn();
}

}  // namespace

extern constexpr WorkTypeDecl work_type_cgroup_attach_storm = DeclareWorkType<CgroupAttachStorm, Run>(
    {.wake_sample = "with `reap: waitpid`, from the child's exit until the worker has reaped it, its move "
                    "included; else none",
     .refusal = "a move of a child that had ended"});

}  // namespace ktstr
