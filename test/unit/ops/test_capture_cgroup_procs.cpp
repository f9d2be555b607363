// CaptureCgroupProcs: who receives the file that the guest read.
#include <catch2/catch.hpp>

#include "ops/op.h"

using namespace ktstr;

namespace {

class Host final : public HostContext {
 public:
  Result<> Capture(const std::string&) override { return {}; }
  Result<> Access(const KernelAccess&) override { return {}; }
  Result<> Watch(const WatchRequest&) override { return {}; }
  void KeepCgroupProcs(const std::string& tag, const std::string& cgroup,
                       std::vector<std::uint32_t> pids) override {
    kept += tag + " of " + cgroup + ":";
    for (const std::uint32_t pid : pids) kept += " " + std::to_string(pid);
  }
  void KeepGuestFile(const std::string&, const std::string&, std::string_view) override {}
  std::string kept;
};

/// Plans the Op on a cgroup `hot` and hands `content` to whoever the plan says receives it.
std::string Received(std::string_view content) {
  const vmm::Topology topology{1, 1, 2, 1};
  const std::vector<PayloadPlan> payloads;
  Diagnostics diagnostics;
  PlanContext context(topology, payloads, 1, diagnostics);
  context.MakeCgroup("", "hot");
  const StructDecl* decl = nullptr;
  for (const StructDecl* op : Ops::Alternatives())
    if (op->name == "CaptureCgroupProcs") decl = op;
  AnyStruct args(*decl);
  *static_cast<std::string*>(decl->Find("tag")->member(args.data())) = "inside";
  *static_cast<std::string*>(decl->Find("cgroup")->member(args.data())) = "hot";
  OpOf(args).plan(args.data(), context);
  REQUIRE(diagnostics.empty());
  const PlannedRequest& planned = context.requests().back();
  REQUIRE(planned.As<ReadFile>() != nullptr);
  CHECK(planned.As<ReadFile>()->path == std::string(kCgroupParent) + "/hot/cgroup.procs");
  const AnyStruct& receiver = planned.guest()->receiver;
  Host host;
  const Result<> received = OpOf(receiver).receive(receiver.data(), content, host);
  return received.ok() ? host.kept : received.error().message;
}

}  // namespace

TEST_CASE("CaptureCgroupProcs keeps the pids under its tag") {
  CHECK(Received("12\n7\n4000000\n") == "inside of hot: 12 7 4000000");
  CHECK(Received("12") == "inside of hot: 12");
  CHECK(Received("") == "inside of hot:");
  CHECK(Received("12\nx\n") == "cgroup.procs has a line that is no pid");
}
