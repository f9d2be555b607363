// The part of RunSlotWorker that runs a failed run once more with probes.
#include <fmt/format.h>

#include "interpreter/cli/run_slot_worker.h"
#include "interpreter/cli/tee.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/plan/probe_plan.h"
#include "interpreter/report/json_value.h"
#include "interpreter/report/probe_files.h"
#include "interpreter/report/probe_story.h"
#include "interpreter/report/report_plan.h"
#include "interpreter/report/run_directory.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr {
namespace {

/// Keeps what the probe says; the session has bounded it.
class ProbeOutput final : public EventSink {
 public:
  explicit ProbeOutput(std::uint32_t handle) : handle_(handle) {}
  void OnEvent(const RunEvent&) override {}
  void OnPayloadOutput(std::uint32_t handle, std::string_view, Stream stream,
                       std::string_view bytes) override {
    if (handle == handle_ && stream == Stream::kStdout) text_ += bytes;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::uint32_t handle_;
  std::string text_;
};

/// Of the last scheduler that has one.
std::vector<std::string> ExitStack(const RunRecord& record) {
  for (auto scheduler = record.schedulers.rbegin(); scheduler != record.schedulers.rend(); ++scheduler)
    if (!scheduler->stack.empty()) return scheduler->stack;
  return {};
}

std::string HowAgain(const RunOutcome& again, bool alike) {
  if (again.verdict == Verdict::kFail)
    return fmt::format("it failed again{}: {}", alike ? "" : ", in another check", again.cause);
  if (again.verdict == Verdict::kPass) return "it did not fail again";
  return fmt::format("it was an {} this time: {}", VerdictName(again.verdict), again.cause);
}

/// What there is to tell on the terminal; the rest is in probe.txt.
std::vector<std::string> LinesOf(const ProbeLog& log, const RunOutcome& again, bool alike) {
  std::vector<std::string> lines = {HowAgain(again, alike)};
  if (!log.unable.empty() || !log.complete) {
    lines.push_back(EndText(log));
  } else if (const auto named = NamedTask(again.record); named && again.verdict == Verdict::kFail) {
    lines.push_back(LastOf(log, *named));
  }
  if (!log.missing.empty())
    lines.push_back(
        fmt::format("not probed: {}{}; probe.txt says why", log.missing.front().function,
                    log.missing.size() == 1 ? "" : fmt::format(" and {} more", log.missing.size() - 1)));
  return lines;
}

}  // namespace

bool RunSlotWorker::Probe(RunItem& item, RunDirectory& directory) {
  const RunPlan& plan = *item.selected->plan;
  FinishedRun& failed = item.run;
  const bool wanted = shared_.options.probe || plan.scenario.on_failure.probe;
  if (!wanted || !WorthProbing(failed.outcome.record) || !shared_.signals.Caught().empty()) return false;
  ProbedAgain& probed = failed.probed.emplace();
  const vmm::TemplateSpec* const shape = ShapeOf(item);
  const Result<std::filesystem::path> built = [&]() -> Result<std::filesystem::path> {
    return vmm::FindBuiltScheduler(TRY(vmm::SchedulerCacheDir()), vmm::kProbeProgram,
                                   environment_.kernel.version);
  }();
  if (!built.ok() || shape == nullptr) {
    probed.lines = {"it was not run again: " +
                    (built.ok() ? "its machine is not known" : built.error().message)};
    return true;
  }
  const RunPlan again_plan =
      WithProbe(plan, FunctionsToProbe(ExitStack(failed.outcome.record)), shape->machine.memory_mib);
  RunDirectory again_directory(item.directory / "probed");
  again_directory.WriteInputs(ToYaml(again_plan.scenario), TitleOf(failed) + "\n" + RenderPlan(again_plan));
  FinishedRun again = failed;
  again.directory = again_directory.path().string();
  again.probed.reset();
  again.reruns.reset();
  ProbeOutput output(again_plan.payloads.back().handle);
  {
    const auto shown = shared_.progress.Begin(TitleOf(failed) + ", again with probes");
    Tee sinks(again_directory, output);
    again.outcome =
        shared_.world.run_scenario(again_plan, item.selected->scenario->directory, environment_, sinks);
  }
  if (!shared_.signals.Caught().empty()) {  // it was broken off
    failed.probed.reset();
    return false;
  }
  again_directory.WriteResults(again);
  const ProbeLog log = ReadProbeLog(output.text());
  const auto named = NamedTask(again.outcome.record);
  directory.WriteProbe(ProbeText(log, named), DumpJson(ProbeJson(log, named)));
  probed.ran = true;
  probed.alike = again.outcome.verdict == Verdict::kFail && again.outcome.cause_path == item.cause_path;
  probed.lines = LinesOf(log, again.outcome, probed.alike);
  return true;
}

}  // namespace ktstr
