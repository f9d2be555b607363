// Text as what a kernel and a guest say of schedulers, an event in each line by its first character: '+' a
// look at an attach, '-' a look before a detach, with the state behind it, '!' the scheduler's program ends
// with what it said last, '>' a line of sched_ext's dump, and any other line is a message of the kernel. No
// more ends than attaches, and each is told on one line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/fold/scheduler_dump.h"
#include "interpreter/fold/scheduler_scan.h"

namespace {

/// Events of a run as the lines come, a millisecond each.
class Events {
 public:
  void Take(std::string_view line) {
    now_ms_ += 1;
    const std::string rest(line.substr(line.empty() ? 0 : 1));
    const char kind = line.empty() ? ' ' : line.front();
    if (kind == '+')
      Attach(rest);
    else if (kind == '-')
      scan_.Take(Look(ktstr::SchedulerMoment::kStopping, rest), "mine", {1, false});
    else if (kind == '!')
      End(rest);
    else if (kind == '>')
      dump_.Take(rest + '\n', 1, tasks_);
    else
      Say(std::string(line));
  }

  void Demand() const {
    if (records_.size() > attaches_ || tasks_.size() > ktstr::SchedulerDumpReader::kMaxTasks) std::abort();
    for (const ktstr::SchedulerRecord& record : records_)
      if (ktstr::HowSchedulerEnded(record).find('\n') != std::string::npos) std::abort();
    for (const ktstr::QueuedTask& task : tasks_)
      if (ktstr::WhereItWaited(task).empty()) std::abort();
    if (scan_.WhyRefused().find('\n') != std::string::npos) std::abort();
  }

 private:
  [[nodiscard]] ktstr::SchedulerLook Look(ktstr::SchedulerMoment moment, const std::string& state) const {
    return {static_cast<std::uint32_t>(attaches_), moment, state, "mine", attaches_, now_ms_ * 1'000'000};
  }
  void Attach(const std::string& state) {
    ++attaches_;
    scan_.Begin();
    scan_.Take(Look(ktstr::SchedulerMoment::kAttached, state), "mine", {1, false});
  }
  void End(const std::string& last_words) {
    ktstr::PayloadDone done;
    done.handle = static_cast<std::uint32_t>(attaches_);
    done.exit_code = static_cast<std::int32_t>(last_words.size() % 3);
    done.ended_ns = now_ms_ * 1'000'000;
    scan_.Take(done, last_words);
  }
  void Say(const std::string& text) {
    ktstr::KernelMessages event;
    event.messages.push_back({now_ms_, now_ms_ * 1000, 3, text});
    scan_.Take(event, {1, false});
  }

  std::vector<ktstr::SchedulerRecord> records_;
  ktstr::SchedulerScan scan_{records_};
  ktstr::SchedulerDumpReader dump_;
  std::vector<ktstr::QueuedTask> tasks_;
  std::size_t attaches_ = 0;
  std::uint64_t now_ms_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Events events;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    events.Take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  events.Demand();
  return 0;
}
