// Ops planned one after the other, by name, with what came of them as text.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ops/op.h"

namespace ktstr {

/// On 4 CPUs, with a payload `probe`; it begins in step 'one', whose Ops are at steps/0/ops/0, 1, ...
class OpBench {
 public:
  OpBench() { EnterStep("one"); }

  void EnterStep(const std::string& name) {
    ++step_;
    op_ = 0;
    context.EnterSlot(Slot::kStep, "step '" + name + "'");
    context.EnterOp("steps/" + std::to_string(step_));
  }
  /// Plans an Op that takes a cgroup and nothing else.
  void Plan(std::string_view op, const std::string& cgroup) {
    const auto all = Ops::Alternatives();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const StructDecl* decl) { return decl->name == op; });
    AnyStruct args(**found);
    *static_cast<std::string*>(args.decl()->Find("cgroup")->member(args.data())) = cgroup;
    context.EnterOp("steps/" + std::to_string(step_) + "/ops/" + std::to_string(op_++));
    OpOf(args).plan(args.data(), context);
  }
  bool Spawn(const std::string& cgroup) {
    return context.StartWorkers("work", context.state().LiveCgroup(cgroup), WorkSpec());
  }

  /// The labels of the requests since the last call, a line each.
  std::string Labels() {
    std::string all;
    for (; seen_ < context.requests().size(); ++seen_) all += context.requests()[seen_].label + "\n";
    return all;
  }
  /// "path: message (hint) [path of a note: its text]" of each fault, a line each.
  [[nodiscard]] std::string Messages() const {
    std::string all;
    for (const Diagnostic& d : diagnostics.items()) {
      all += d.path + ": " + d.message + (d.hint.empty() ? "" : " (" + d.hint + ")");
      for (const Note& note : d.notes) all += " [" + note.path + ": " + note.message + "]";
      all += "\n";
    }
    return all;
  }

 private:
  vmm::Topology topology_{1, 2, 2, 1};
  std::vector<PayloadPlan> payloads_{{"probe", "probe", {}, {}, true}};
  int step_ = -1;
  int op_ = 0;
  std::size_t seen_ = 0;

 public:
  Diagnostics diagnostics;
  PlanContext context{topology_, payloads_, 1, diagnostics};
};

}  // namespace ktstr
