// Any text as what the probe of a guest wrote: the bounds of a reading hold, and whatever it claims can be
// told on one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "interpreter/report/probe_story.h"

namespace {

void DemandLine(const std::string& text) {
  if (text.empty() || text.find('\n') != std::string::npos) std::abort();
}

void DemandBounds(const ktstr::ProbeLog& log) {
  using ktstr::ProbeLog;
  if (log.functions.size() > ProbeLog::kMaxFunctions || log.missing.size() > ProbeLog::kMaxMissing ||
      log.names.size() > ProbeLog::kMaxNames || log.tasks.size() > ProbeLog::kMaxTasks)
    std::abort();
  for (const ProbeLog::Task& task : log.tasks) {
    if (task.events.size() > ProbeLog::kMaxEvents) std::abort();
    for (std::size_t i = 0; i < task.events.size(); ++i) {
      if (task.events[i].function >= log.functions.size()) std::abort();
      if (i > 0 && task.events[i].at_ns < task.events[i - 1].at_ns) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr;
  const ProbeLog log = ReadProbeLog(std::string_view(reinterpret_cast<const char*>(data), size));
  DemandBounds(log);
  DemandLine(EndText(log));
  DemandLine(TaskText(log, 1));
  for (const ProbeLog::Task& task : log.tasks) {
    DemandLine(TaskText(log, task.pid));
    DemandLine(LastOf(log, task.pid));
    for (const ProbeLog::Event& event : task.events) {
      DemandLine(CallText(log, task, event));
      if (log.end != ProbeLog::End::kNone) DemandLine(WhenText(log, event.at_ns, 3));
    }
  }
  return 0;
}
