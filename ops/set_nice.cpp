// SetNice: live workers get another nice value.
#include "ops/workers_fields.h"

namespace ktstr {
namespace {

struct Args {
  std::optional<std::string> cgroup;
  std::optional<std::string> group;
  std::int32_t nice = 0;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr auto kFields = JoinFields(
      kWorkersFields<Args>,
      std::array{Required<&Args::nice>("nice", "The nice value; low is favoured.", Between(-20, 19))});
  static constexpr StructDecl kDecl =
      DeclareStruct<Args>("SetNice",
                          "Gives live workers, all their threads, another nice value. It holds until the "
                          "next one; workers that are started later have that of their `work:`.",
                          kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  AdjustWorkers change;
  change.nice = args.nice;
  context.AdjustWorkers(context.UseWorkers(args.cgroup, args.group), std::move(change), "SetNice",
                        std::to_string(args.nice));
}

}  // namespace

extern constexpr OpDecl op_set_nice = DeclareOp<Args, Plan>();

}  // namespace ktstr
