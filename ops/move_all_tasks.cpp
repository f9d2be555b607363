// MoveAllTasks: all workers of a cgroup go to another one.
#include "ops/op.h"

namespace ktstr {
namespace {

struct Args {
  std::optional<std::string> from;
  std::string to;
  static const StructDecl& Decl();
};

const StructDecl& Args::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Args::from>("from",
                            "Where the workers are; absent: in the runner's own cgroup, where Spawn without "
                            "`cgroup:` starts them.",
                            {}, Refers::kCgroup),
      Required<&Args::to>("to", "Where they go.", {}, Refers::kCgroup),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Args>(
      "MoveAllTasks",
      "Moves all workers of a cgroup, with what they have forked, into another one; payloads stay. From then "
      "on they count there, in every figure and for every Op, and begin no new life: their reports are "
      "whole. Workers of a step that come into a cgroup of the backdrop stay to the end of the scenario; "
      "those of the backdrop cannot go into a cgroup that ends with its step.",
      kFields);
  return kDecl;
}

void Plan(const Args& args, PlanContext& context) {
  const bool known = !args.from || context.UseCgroup("from", *args.from) != nullptr;
  CgroupState* const to = context.UseCgroup("to", args.to);
  if (!known || to == nullptr) return;
  if (args.from == args.to)
    return context.Diagnose("to", "same-cgroup", "the workers of cgroup '" + args.to + "' are there already");
  context.MoveWorkers(args.from.value_or(""), *to);
}

}  // namespace

extern constexpr OpDecl op_move_all_tasks = DeclareOp<Args, Plan>();

}  // namespace ktstr
