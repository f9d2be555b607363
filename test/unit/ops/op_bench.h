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
  void Plan(std::string_view op, const std::string& cgroup) { Plan(op, {{"cgroup", cgroup}}); }
  /// Plans an Op with these arguments, written as in a scenario.
  void Plan(std::string_view op, const std::vector<std::pair<std::string, std::string>>& arguments) {
    const auto all = Ops::Alternatives();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const StructDecl* decl) { return decl->name == op; });
    AnyStruct args(**found);
    for (const auto& [name, text] : arguments) {
      const FieldDecl* const field = args.decl()->Find(name);
      Put(field->type(), field->member(args.data()), text);
    }
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
  static void Put(const TypeDecl& type, void* value, const std::string& text) {
    switch (type.kind) {
      case Kind::kOptional:
        return Put(type.container->element(), type.container->append(value, ""), text);
      case Kind::kString:
        *static_cast<std::string*>(value) = text;
        return;
      case Kind::kScalar:
        type.scalar->parse(text, value);
        return;
      case Kind::kBool:
        *static_cast<bool*>(value) = text == "true";
        return;
      case Kind::kEnum:
        for (const EnumValue& one : type.enumeration->values)
          if (one.name == text) type.enumeration->store(value, one.value);
        return;
      case Kind::kStruct:
        type.structure().shorthand->parse(text, value);
        return;
      default:
        type.integer->store(value, std::stoll(text));
    }
  }

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
