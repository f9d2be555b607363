#include "interpreter/report/probe_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "interpreter/report/probe_story.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

/// The named task first, the others by their pids.
std::vector<const ProbeLog::Task*> InOrder(const ProbeLog& log, std::optional<std::int32_t> named) {
  std::vector<const ProbeLog::Task*> tasks;
  for (const ProbeLog::Task& task : log.tasks) tasks.push_back(&task);
  const auto rank = [&](const ProbeLog::Task* task) {
    return std::pair(!named || task->pid != *named, task->pid);
  };
  std::sort(tasks.begin(), tasks.end(), [&](const auto* a, const auto* b) { return rank(a) < rank(b); });
  return tasks;
}

std::string TaskStory(const ProbeLog& log, const ProbeLog::Task& task, bool named) {
  std::string text = fmt::format(
      "\n{}{}: {} of {} calls\n", TaskText(log, task.pid),
      named ? ", the task that the failure is about" : "",
      task.events.size() < task.seen ? fmt::format("the last {}", task.events.size()) : std::string("all"),
      task.seen);
  for (const ProbeLog::Event& event : task.events) {
    const std::string by = event.caller == task.pid ? "" : "  by " + TaskText(log, event.caller);
    text += fmt::format("{:>14}  CPU {:<2}  {}{}\n", WhenText(log, event.at_ns, 6), event.cpu,
                        CallText(log, task, event), by);
  }
  return text;
}

/// Since when the callbacks are in what is told.
std::string CallbacksText(const ProbeLog& log) {
  if (log.schedulers == 0) return "No scheduler was seen whose callbacks could be probed.\n";
  return fmt::format("The scheduler's callbacks are all in it from {} on.\n",
                     WhenText(log, log.callbacks_ns, 3));
}

}  // namespace

std::string ProbeText(const ProbeLog& log, std::optional<std::int32_t> named) {
  std::string text = EndText(log) + "\n";
  if (log.end != ProbeLog::End::kNone) {
    text += fmt::format("Times are relative to that. Of each task its last {} calls are kept.\n",
                        ProbeLog::kMaxEvents);
    text += CallbacksText(log);
  }
  if (log.lost > 0) text += fmt::format("{} calls were about tasks for which there was no room.\n", log.lost);
  if (named) text += "\n" + LastOf(log, *named) + "\n";
  for (const ProbeLog::Task* task : InOrder(log, named)) text += TaskStory(log, *task, task->pid == named);
  text += "\nProbed:\n";
  for (const ProbeLog::Function& function : log.functions)
    if (!function.name.empty()) text += fmt::format("  {:<8}  {}\n", function.how, function.name);
  if (!log.missing.empty()) text += "\nNot probed:\n";
  for (const ProbeLog::Missing& missing : log.missing)
    text += fmt::format("  {}: {}\n", missing.function, missing.why);
  if (log.not_understood > 0)
    text += fmt::format("\n{} lines of the probe's output were not understood.\n", log.not_understood);
  return text;
}

Json ProbeJson(const ProbeLog& log, std::optional<std::int32_t> named) {
  Json json = {{"end", EndText(log)}, {"complete", log.complete}, {"end_ns", log.end_ns}};
  if (!log.unable.empty()) json["unable"] = log.unable;
  if (named) json["task"] = *named;
  if (named) json["story"] = LastOf(log, *named);
  json["callbacks_ns"] = log.schedulers > 0 ? Json(log.callbacks_ns) : Json(nullptr);
  json["lost"] = log.lost;
  json["not_understood"] = log.not_understood;
  json["functions"] = Json::array();
  for (const ProbeLog::Function& function : log.functions)
    if (!function.name.empty()) json["functions"].push_back({{"name", function.name}, {"how", function.how}});
  json["missing"] = Json::array();
  for (const ProbeLog::Missing& missing : log.missing)
    json["missing"].push_back({{"function", missing.function}, {"why", missing.why}});
  json["tasks"] = Json::array();
  for (const ProbeLog::Task* task : InOrder(log, named)) {
    Json events = Json::array();
    for (const ProbeLog::Event& event : task->events)
      events.push_back({{"number", event.number},
                        {"at_ns", event.at_ns},
                        {"cpu", event.cpu},
                        {"caller", event.caller},
                        {"function", log.functions[event.function].name},
                        {"call", CallText(log, *task, event)}});
    json["tasks"].push_back(
        {{"pid", task->pid}, {"comm", task->comm}, {"seen", task->seen}, {"events", std::move(events)}});
  }
  return json;
}

}  // namespace ktstr
