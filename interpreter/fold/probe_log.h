// Reads what the probe (workloads/scheduler/ktstr_probe.c) writes to its standard output, in lines of words:
//   unable WHY...                       nothing could be probed
//   missing FUNCTION WHY...             this one could not
//   function ID HOW NAME RESULT ARG...  this one was; ARG is name:kind, RESULT a kind, "-" for none. IDs may
//                                       come in any order, and not all
//   self PID                            of the probe
//   armed                               from here on the kernel's functions are noted
//   scheduler SEEN_NS ARMED_NS          from ARMED_NS on so are all callbacks of one that came at SEEN_NS
//   name PARAMETER NAME HEX             what a value, or a bit, of such a parameter is called
//   end HOW NS KIND                     HOW is ejected, detached or stopped; KIND is an enum scx_exit_kind
//   lost N                              events of tasks for which there was no room
//   task PID SEEN COMM...               the events of a task follow, of SEEN the last ones
//   event NUMBER NS ID CPU CALLER RESULT ARG...   the last ones in hexadecimal
//   done                                nothing is missing behind
// A kind is t (a task's pid), r (a run queue's CPU), q (a dispatch queue's id), b (a boolean), p (a pointer),
// or s or u with a size in bytes. Times are of the guest's monotonic clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ktstr {

/// A guest's words are not to be trusted: what is not as above is passed over, and counted.
struct ProbeLog {
  static constexpr std::size_t kMaxArguments = 6;
  static constexpr std::size_t kMaxFunctions = 192;
  static constexpr std::size_t kMaxMissing = 256;
  static constexpr std::size_t kMaxNames = 256;
  static constexpr std::size_t kMaxTasks = 1024;
  static constexpr std::size_t kMaxEvents = 32;  // of a task
  static constexpr std::size_t kMaxWord = 96;    // of a name; longer ones are not as above
  static constexpr std::size_t kMaxWhy = 300;

  struct Argument {
    std::string name;
    char kind = '-';
    std::uint32_t bytes = 8;  // of an s or u
  };
  struct Function {
    std::string how;   // fentry, fexit, kprobe, callback
    std::string name;  // "": there is none of this number
    Argument result;   // its name is ""
    std::vector<Argument> arguments;
  };
  struct Missing {
    std::string function;
    std::string why;
  };
  struct Name {
    std::string parameter;
    std::string name;
    std::uint64_t value = 0;
  };
  struct Event {
    std::uint64_t number = 0;  // of this task's, from 1
    std::uint64_t at_ns = 0;
    std::uint32_t function = 0;  // index of `functions`
    std::uint32_t cpu = 0;
    std::int32_t caller = 0;  // a pid
    std::uint64_t result = 0;
    std::array<std::uint64_t, kMaxArguments> arguments{};
  };
  struct Task {
    std::int32_t pid = 0;
    std::string comm;
    std::uint64_t seen = 0;
    std::vector<Event> events;  // their times rise
  };
  enum class End : std::uint8_t { kNone, kEjected, kDetached, kStopped };

  std::string unable;
  std::int32_t self = 0;  // pid of the probe; 0: it did not say
  std::vector<Function> functions;
  std::vector<Missing> missing;
  std::vector<Name> names;
  End end = End::kNone;
  std::uint64_t end_ns = 0;
  std::uint64_t kind = 0;
  std::uint64_t lost = 0;
  std::uint64_t schedulers = 0;      // whose callbacks were looked at
  std::uint64_t callbacks_ns = 0;    // since when those of the last one are all noted
  std::vector<Task> tasks;           // in the order in which they came
  std::uint64_t not_understood = 0;  // lines
  bool complete = false;             // the last line was "done"

  [[nodiscard]] const Task* FindTask(std::int32_t pid) const;
  /// Whether a function of this name was probed.
  [[nodiscard]] bool Probed(std::string_view function) const;
};

/// All texts of the result are printable and on one line.
ProbeLog ReadProbeLog(std::string_view text);

}  // namespace ktstr
