// Planning: the requests Ops resolve to, and every fault of names and lifetimes.
#include <catch2/catch.hpp>
#include <set>

#include "guest-init/wire/codec.h"
#include "ops/op.h"
#include "ops/plan/plan_context.h"

using namespace ktstr;

namespace {

/// A context on 4 CPUs in 2 LLCs with payloads `stress` and `probe`, and what was found.
struct Bench {
  vmm::Topology topology{1, 2, 2, 1};
  std::vector<PayloadPlan> payloads{{"stress", "stress-ng", {"--cpu", "2"}, {"A=b"}, true},
                                    {"probe", "probe", {}, {}, true}};
  Diagnostics diagnostics;
  PlanContext context{topology, payloads, 7, diagnostics};

  Bench() { In("warm", 0); }

  void In(const std::string& step, int index) {
    context.EnterSlot(Slot::kStep, "step '" + step + "'");
    context.EnterOp("steps/" + std::to_string(index));
  }
  std::string Labels() {
    std::string all;
    for (const PlannedRequest& planned : context.requests()) all += planned.label + "\n";
    return all;
  }
  /// "path: message (hint)" of each fault.
  std::string Messages() {
    std::string all;
    for (const Diagnostic& d : diagnostics.items())
      all += d.path + ": " + d.message + (d.hint.empty() ? "" : " (" + d.hint + ")") + "\n";
    return all;
  }
  CgroupState& Cgroup(const std::string& name) { return *context.state().LiveCgroup(name); }
};

WorkSpec Work(std::string_view type) {
  WorkSpec work;
  work.type = AnyStruct(FindWorkType(type)->params());
  return work;
}

}  // namespace

TEST_CASE("a definition becomes requests in the order of the kernel's needs") {
  Bench bench;
  CgroupDef def;
  def.name = "hot";
  def.cpuset.emplace().llc = 1;
  def.cpu.emplace();
  def.cpu->weight = 200;
  def.cpu->max.emplace().quota = Milliseconds(150);
  def.memory.emplace().max = SizeLimit{false, 64 << 20};
  def.memory->swap_max = SizeLimit{true, 0};
  def.pids.emplace().max = 9;
  def.work = {Work("SpinWait")};
  def.payload = "stress";
  bench.context.ApplyDef("", def);
  CHECK(bench.Messages().empty());
  CHECK(bench.Labels() ==
        "enable the memory controller\n"
        "enable the pids controller\n"
        "enable the cpuset controller\n"
        "enable the cpu controller\n"
        "AddCgroup hot\n"
        "hot: cpuset.cpus = 2-3\n"
        "hot: cpu.weight = 200\n"
        "hot: cpu.max = 150000 100000\n"
        "hot: memory.max = 67108864\n"
        "hot: memory.swap.max = max\n"
        "hot: pids.max = 9\n"
        "Spawn 1 x SpinWait in hot\n"
        "RunPayload stress in hot\n");
  const auto& payload = *bench.context.requests().back().As<StartPayload>();
  CHECK(payload.argv == std::vector<std::string>{"stress-ng", "--cpu", "2"});
  CHECK(payload.env == std::vector<std::string>{"A=b"});
}

TEST_CASE("worker counts: a share of the recorded cpuset, rounded up, in whole groups") {
  Bench bench;
  CgroupState& cgroup = *bench.context.MakeCgroup("", "c");
  const auto count = [&](const WorkSpec& work) {
    CHECK(bench.context.StartWorkers("work", &bench.Cgroup("c"), work));
    return bench.context.requests().back().As<StartWorkers>()->count;
  };
  WorkSpec work = Work("SpinWait");
  CHECK(count(work) == 1);
  CHECK(count(Work("PipeIo")) == 2);
  work.workers = WorkerCount{0, 0.9};
  CHECK(count(work) == 3);  // 3 usable of 4 CPUs: ceil(2.7)
  CpusetSpec all;
  all.cpus = CpuSet{{0, 1, 2, 3}};
  bench.context.SetCpuset("", &cgroup, all);
  CHECK(count(work) == 4);  // ceil(3.6)
  work = Work("PipeIo");
  work.workers = WorkerCount{0, 0.7};
  CHECK(count(work) == 4);  // ceil(2.8) = 3, up to whole pairs
}

TEST_CASE("affinities are resolved against the cgroup's CPUs") {
  Bench bench;
  bench.context.MakeCgroup("", "c");
  CpusetSpec spec;
  spec.cpus = CpuSet{{1, 2, 3}};
  bench.context.SetCpuset("", &bench.Cgroup("c"), spec);
  const auto mask = [&](const Affinity& affinity) {
    WorkSpec work = Work("SpinWait");
    work.affinity = affinity;
    if (!bench.context.StartWorkers("work", &bench.Cgroup("c"), work)) return std::string("refused");
    return FormatCpus({bench.context.requests().back().As<StartWorkers>()->affinity});
  };
  CHECK(mask({AffinityKind::kInherit, {}, {}}) == "");
  CHECK(mask({AffinityKind::kSingleCpu, {}, {}}) == "1");
  CHECK(mask({AffinityKind::kLlcAligned, {}, {}}) == "2-3");
  CHECK(mask({AffinityKind::kCrossCgroup, {}, {}}) == "0-3");
  CHECK(mask({AffinityKind::kInherit, CpuSet{{0, 1}}, {}}) == "1");
  CHECK(mask({AffinityKind::kInherit, CpuSet{{0}}, {}}) == "refused");
  CHECK(mask({AffinityKind::kSmtSiblingPair, {}, {}}) == "refused");
  CHECK(bench.Messages() ==
        "steps/0/work/affinity: none of the CPUs 0 is among the cgroup's (1-3)\n"
        "steps/0/work/affinity: no core of 1n2l2c1t has two SMT siblings among the CPUs 1-3\n");
}

TEST_CASE("the CPUs a group was ever allowed are remembered for the isolation check") {
  Bench bench;
  bench.context.MakeCgroup("", "c");
  CpusetSpec llc;
  llc.llc = 0;
  bench.context.SetCpuset("", &bench.Cgroup("c"), llc);
  bench.context.StartWorkers("", &bench.Cgroup("c"), Work("SpinWait"));
  llc.llc = 1;
  bench.context.SetCpuset("", &bench.Cgroup("c"), llc);
  CHECK(FormatCpus(bench.context.state().groups[0].allowed) == "0-3");
  CHECK(bench.context.state().groups[0].always_restricted);
  bench.context.ClearCpuset(bench.Cgroup("c"));
  CHECK_FALSE(bench.context.state().groups[0].always_restricted);
}

TEST_CASE("unknown, removed and doubled cgroups") {
  Bench bench;
  bench.context.UseCgroup("cgroup", "hot");
  bench.context.MakeCgroup("", "hot");
  bench.context.UseCgroup("cgroup", "hto");
  bench.context.UseCgroup("cgroup", "quite-different");
  bench.context.MakeCgroup("name", "hot");
  bench.context.MakeCgroup("name", "a/b");
  bench.context.EndStep();
  bench.In("later", 1);
  bench.context.UseCgroup("cgroup", "hot");
  CHECK(bench.Messages() ==
        "steps/0/cgroup: no cgroup 'hot' is alive at this point (no cgroup exists yet; declare one under "
        "`cgroups:`)\n"
        "steps/0/cgroup: no cgroup 'hto' is alive at this point (did you mean 'hot' (created in step "
        "'warm')?)\n"
        "steps/0/cgroup: no cgroup 'quite-different' is alive at this point (alive here: 'hot')\n"
        "steps/0/name: cgroup 'hot' already exists (it was created in step 'warm')\n"
        "steps/0/name: the parent cgroup 'a' does not exist at this point (create 'a' first)\n"
        "steps/1/cgroup: cgroup 'hot' no longer exists at this point (it ended in the end of step 'warm')\n");
}

TEST_CASE("payload lifetimes") {
  Bench bench;
  bench.context.UsePayload("name", "stress", std::nullopt);
  bench.context.UsePayload("name", "stres", std::nullopt);
  bench.context.StartPayload("payload", "stress", {"-x"}, "");
  bench.context.StartPayload("payload", "stress", {}, "");
  bench.context.MakeCgroup("", "c");
  bench.context.StartPayload("payload", "stress", {}, "c");
  CHECK(bench.context.UsePayload("name", "stress", std::nullopt) == nullptr);
  PayloadState* unplaced = bench.context.UsePayload("name", "stress", "");
  REQUIRE(unplaced != nullptr);
  CHECK(unplaced->handle == 0);
  bench.context.state().Consume(*unplaced, bench.context.Here());
  CHECK(bench.context.UsePayload("name", "stress", std::nullopt)->handle == 1);
  CHECK(bench.context.UsePayload("name", "stress", "") == nullptr);
  CHECK(bench.Messages() ==
        "steps/0/name: payload 'stress' was never started (start it with RunPayload first)\n"
        "steps/0/name: no payload 'stres' is declared (did you mean 'stress'?)\n"
        "steps/0/payload: payload 'stress' already runs outside any cgroup (wait for it or kill it first "
        "(started in step 'warm'))\n"
        "steps/0/name: payload 'stress' runs in several cgroups: '', 'c' (say which with `cgroup:`)\n"
        "steps/0/name: payload 'stress' has already ended at this point (it was finished in step 'warm')\n");
}

TEST_CASE(
    "the end of a step stops payloads last-started first, then workers, then removes cgroups last-made "
    "first") {
  Bench bench;
  bench.context.EnterSlot(Slot::kBackdrop, "the backdrop");
  bench.context.MakeCgroup("", "base");
  bench.context.StartWorkers("", &bench.Cgroup("base"), Work("SpinWait"));
  bench.In("warm", 0);
  bench.context.MakeCgroup("", "a");
  bench.context.MakeCgroup("", "b");
  bench.context.StartWorkers("", &bench.Cgroup("a"), Work("SpinWait"));
  bench.context.StartPayload("", "stress", {}, "");
  bench.context.StartPayload("", "probe", {}, "");
  bench.context.requests().clear();
  bench.context.EndStep();
  CHECK(bench.Labels() ==
        "end of step: stop payload probe\n"
        "end of step: stop payload stress\n"
        "end of step: collect workers\n"
        "end of step: remove cgroup b\n"
        "end of step: remove cgroup a\n");
  CHECK(bench.context.requests()[2].As<StopWorkers>()->groups == std::vector<std::uint32_t>{1});
  CHECK(bench.context.requests()[0].cleanup);
  CHECK(bench.context.state().LiveCgroupNames() == std::vector<std::string>{"base"});
}

TEST_CASE("removing a cgroup with children is a diagnostic") {
  Bench bench;
  bench.context.MakeCgroup("", "a");
  bench.context.MakeCgroup("", "a/b");
  const auto all = Ops::Alternatives();
  const auto remove =
      std::find_if(all.begin(), all.end(), [](const StructDecl* op) { return op->name == "RemoveCgroup"; });
  REQUIRE(remove != all.end());
  AnyStruct op(**remove);
  *static_cast<std::string*>(op.decl()->Find("cgroup")->member(op.data())) = "a";
  OpOf(op).plan(op.data(), bench.context);
  CHECK(bench.Messages() ==
        "steps/0/cgroup: cgroup 'a' still has the child 'a/b' (remove the child first)\n");
}

TEST_CASE("every Op is declared once, with documented fields") {
  std::set<std::string_view> names;
  for (const StructDecl* op : Ops::Alternatives()) {
    INFO(op->name);
    CHECK(names.insert(op->name).second);
    CHECK(&OpOf(AnyStruct(*op)).args() == op);
    CHECK_FALSE(op->doc.empty());
    for (const FieldDecl& field : op->fields) CHECK_FALSE(field.doc.empty());
  }
  CHECK(names.size() == AllOps().size());
}
