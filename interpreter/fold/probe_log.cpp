#include "interpreter/fold/probe_log.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "guest-init/base/one_line.h"

namespace ktstr {
namespace {

std::string_view TakeWord(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

/// The next word, if all of it is a number.
template <typename T>
bool TakeNumber(std::string_view& line, T& number, int base = 10) {
  const std::string_view word = TakeWord(line);
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number, base);
  return fault == std::errc{} && end == word.data() + word.size();
}

/// The next word as a name.
bool TakeName(std::string_view& line, std::string& name) {
  const std::string_view word = TakeWord(line);
  name = OneLine(word, ProbeLog::kMaxWord);
  return !name.empty() && name == word;
}

bool ReadKind(std::string_view word, ProbeLog::Argument& argument) {
  if (word.empty() || std::string_view("-trqbpsu").find(word[0]) == std::string_view::npos) return false;
  argument.kind = word[0];
  const bool sized = word[0] == 's' || word[0] == 'u';
  if (!sized) return word.size() == 1;
  if (word.size() != 2 || std::string_view("1248").find(word[1]) == std::string_view::npos) return false;
  argument.bytes = static_cast<std::uint32_t>(word[1] - '0');
  return true;
}

class Reader {
 public:
  explicit Reader(ProbeLog& log) : log_(log) {}

  /// False: the line is not as it should be.
  bool Take(std::string_view line) {
    const std::string_view what = TakeWord(line);
    if (what == "event") return TakeEvent(line);
    if (what == "task") return TakeTask(line);
    if (what == "function") return TakeFunction(line);
    if (what == "missing") return TakeMissing(line);
    if (what == "name") return TakeNameOf(line);
    if (what == "end") return TakeEnd(line);
    if (what == "scheduler") return TakeScheduler(line);
    if (what == "self") return TakeNumber(line, log_.self);
    if (what == "lost") return TakeNumber(line, log_.lost);
    if (what == "unable") return !(log_.unable = OneLine(line, ProbeLog::kMaxWhy)).empty();
    if (what == "done") return log_.complete = true;
    return what == "armed";
  }

 private:
  bool TakeFunction(std::string_view line) {
    std::size_t id = 0;
    ProbeLog::Function function;
    if (!TakeNumber(line, id) || id >= ProbeLog::kMaxFunctions ||
        (id < log_.functions.size() && !log_.functions[id].name.empty()) || !TakeName(line, function.how) ||
        !TakeName(line, function.name) || !ReadKind(TakeWord(line), function.result))
      return false;
    while (!line.empty() && function.arguments.size() < ProbeLog::kMaxArguments) {
      const std::string_view word = TakeWord(line);
      const std::size_t colon = word.rfind(':');
      ProbeLog::Argument& argument = function.arguments.emplace_back();
      std::string_view name = word.substr(0, colon);
      if (colon == std::string_view::npos || !TakeName(name, argument.name) ||
          !ReadKind(word.substr(colon + 1), argument) || argument.kind == '-')
        return false;
    }
    if (id >= log_.functions.size()) log_.functions.resize(id + 1);
    log_.functions[id] = std::move(function);
    return true;
  }

  bool TakeMissing(std::string_view line) {
    ProbeLog::Missing missing;
    if (log_.missing.size() == ProbeLog::kMaxMissing || !TakeName(line, missing.function)) return false;
    missing.why = OneLine(line, ProbeLog::kMaxWhy);
    log_.missing.push_back(std::move(missing));
    return true;
  }

  bool TakeNameOf(std::string_view line) {
    ProbeLog::Name name;
    if (log_.names.size() == ProbeLog::kMaxNames || !TakeName(line, name.parameter) ||
        !TakeName(line, name.name) || !TakeNumber(line, name.value, 16))
      return false;
    log_.names.push_back(std::move(name));
    return true;
  }

  bool TakeScheduler(std::string_view line) {
    std::uint64_t seen_ns = 0;
    if (!TakeNumber(line, seen_ns) || !TakeNumber(line, log_.callbacks_ns)) return false;
    ++log_.schedulers;
    return true;
  }

  bool TakeEnd(std::string_view line) {
    constexpr std::pair<std::string_view, ProbeLog::End> kEnds[] = {{"ejected", ProbeLog::End::kEjected},
                                                                    {"detached", ProbeLog::End::kDetached},
                                                                    {"stopped", ProbeLog::End::kStopped}};
    const std::string_view how = TakeWord(line);
    const auto* const end = std::find_if(std::begin(kEnds), std::end(kEnds),
                                         [&](const auto& known) { return known.first == how; });
    if (end == std::end(kEnds) || !TakeNumber(line, log_.end_ns) || !TakeNumber(line, log_.kind))
      return false;
    log_.end = end->second;
    return true;
  }

  bool TakeTask(std::string_view line) {
    ProbeLog::Task task;
    in_task_ = false;
    if (log_.tasks.size() == ProbeLog::kMaxTasks || !TakeNumber(line, task.pid) || task.pid < 0 ||
        !TakeNumber(line, task.seen) || log_.FindTask(task.pid) != nullptr)
      return false;
    task.comm = OneLine(line, ProbeLog::kMaxWord);
    log_.tasks.push_back(std::move(task));
    return in_task_ = true;
  }

  bool TakeEvent(std::string_view line) {
    ProbeLog::Event event;
    if (!in_task_ || !TakeNumber(line, event.number) || !TakeNumber(line, event.at_ns) ||
        !TakeNumber(line, event.function) || !TakeNumber(line, event.cpu) ||
        !TakeNumber(line, event.caller) || !TakeNumber(line, event.result, 16))
      return false;
    for (std::uint64_t& argument : event.arguments)
      if (!TakeNumber(line, argument, 16)) return false;
    ProbeLog::Task& task = log_.tasks.back();
    if (event.function >= log_.functions.size() || log_.functions[event.function].name.empty() ||
        task.events.size() == ProbeLog::kMaxEvents || event.number == 0 || event.number > task.seen)
      return false;
    if (!task.events.empty() && event.number <= task.events.back().number) return false;
    task.events.push_back(event);
    return true;
  }

  ProbeLog& log_;
  bool in_task_ = false;
};

}  // namespace

const ProbeLog::Task* ProbeLog::FindTask(std::int32_t pid) const {
  const auto found =
      std::find_if(tasks.begin(), tasks.end(), [&](const Task& task) { return task.pid == pid; });
  return found == tasks.end() ? nullptr : &*found;
}

bool ProbeLog::Probed(std::string_view function) const {
  return std::any_of(functions.begin(), functions.end(),
                     [&](const Function& probed) { return probed.name == function; });
}

ProbeLog ReadProbeLog(std::string_view text) {
  ProbeLog log;
  Reader reader(log);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    log.complete = false;
    if (!line.empty() && (end == std::string_view::npos || !reader.Take(line))) ++log.not_understood;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  // Two CPUs may note something of one task at once; what is told in order has to be in order.
  for (ProbeLog::Task& task : log.tasks)
    std::stable_sort(task.events.begin(), task.events.end(),
                     [](const ProbeLog::Event& a, const ProbeLog::Event& b) { return a.at_ns < b.at_ns; });
  return log;
}

}  // namespace ktstr
