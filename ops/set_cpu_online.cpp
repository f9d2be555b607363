// SetCpuOnline: CPU hotplug.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::uint32_t cpu = 0;
  bool online = false;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Args::cpu>("cpu", "Its number; not 0, which x86 does not let go.", Between(0, 4095)),
      Required<&Args::online>("online", "Whether it is to be there.", Limits{.on_off = true}),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "SetCpuOnline",
      "Takes a CPU offline, or brings it back. At the end of the step it is again what it was before (of the "
      "backdrop: at the end of the scenario). Workers whose cpuset has no CPU left run where the kernel puts "
      "them, "
      "and are judged by that. Shares of CPUs and affinities count those that are online. A sched_ext "
      "scheduler "
      "that does not handle hotplug is ejected by the kernel: its end is `kernel`.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) { context.SetCpuOnline(args.cpu, args.online); }

}  // namespace

extern constexpr OpDecl op_set_cpu_online = DeclareOp<Args, Plan>();

}  // namespace ktstr
