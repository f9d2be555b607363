#include "ops/kernel_io.h"

namespace ktstr {

std::string ReadLabel(std::string_view op, const KernelReadArgs& args) {
  return std::string(op) + " " + args.tag + " <- " + ToText(args.target.Entry());
}

std::string WritesLabel(std::string_view op, const KernelWriteArgs& args) {
  std::string label(op);
  for (const KernelWriteSpec& write : args.writes) label += " " + ToText(write.target.Entry());
  return label;
}

bool CheckRead(const KernelReadArgs& args, PlanContext& context) {
  // A per-CPU variable has its type in BTF, and so has every field.
  const bool typed =
      !args.target.field.empty() || !args.target.type.empty() || args.target.cpu || args.target.var;
  const bool wide = typed || args.width || context.Unread("target") || context.Unread("width");
  if (!wide)
    context.Diagnose("target", "missing-width", "the kernel does not say how wide this is",
                     "give `width: u32` or u64");
  if (args.target.symbol) context.NeedSymbol("target", *args.target.symbol);
  return context.MakeTag(Tags::kRead, "tag", args.tag) && wide;
}

bool CheckWrites(const KernelWriteArgs& args, bool cold, PlanContext& context) {
  const std::size_t before = context.diagnostic_count();
  for (std::size_t i = 0; i < args.writes.size(); ++i) {
    const KernelWriteSpec& write = args.writes[i];
    const std::string at = "writes/" + std::to_string(i) + "/value/";
    const std::string target = "writes/" + std::to_string(i) + "/target";
    if (write.target.symbol) context.NeedSymbol(target, *write.target.symbol);
    const bool typed = !write.target.field.empty() || !write.target.type.empty() || write.target.cpu ||
                       write.target.var || context.Unread(target);
    if (write.value.or_mask && !cold)
      context.Diagnose(at + "or_mask", "bad-write", "or_mask needs the guest paused", "use WriteKernelCold");
    if (write.value.set && !typed)
      context.Diagnose(at + "set", "bad-write", "the kernel does not say how wide this place is",
                       "write u32 or u64");
    const bool task = write.target.task || write.target.pid;
    if (task && (write.value.bytes || write.value.or_mask))
      context.Diagnose(at + (write.value.bytes ? "bytes" : "or_mask"), "bad-write",
                       "a task's field takes a number", "write set, u32 or u64");
  }
  return context.diagnostic_count() == before;
}

Result<> RunRead(const KernelReadArgs& args, bool cold, HostContext& host) {
  KernelAccess access;
  access.cold = cold;
  access.tag = args.tag;
  access.entries.push_back(args.target.Entry());
  if (args.width) access.entries.front().width = args.width->width;
  return host.Access(access);
}

Result<> RunWrites(const KernelWriteArgs& args, bool cold, HostContext& host) {
  KernelAccess access;
  access.cold = cold;
  access.write = true;
  for (const KernelWriteSpec& write : args.writes) {
    access.entries.push_back(write.target.Entry());
    access.entries.back().value = write.value.Value();
  }
  return host.Access(access);
}

}  // namespace ktstr
