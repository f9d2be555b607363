// Finds out what became of schedulers, while the events of a run come.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/fold/kernel_log_scan.h"
#include "interpreter/fold/scheduler_record.h"

namespace ktstr {

/// One thread. The kernel has one scheduler at a time, so what it says is of the one that is attached, or is
/// being attached.
class SchedulerScan {
 public:
  explicit SchedulerScan(std::vector<SchedulerRecord>& records) : records_(records) {}

  /// A scheduler's program is being started: what the kernel says from here on is of it.
  void Begin();
  /// `name` is the scenario's for it.
  void Take(const SchedulerLook& look, const std::string& name, const RunPosition& at);
  void Take(const KernelMessages& messages, const RunPosition& at);
  void Take(const PayloadDone& done, std::string stderr_end);
  /// Of the one that is being attached: the kernel's words, "the kernel said: runtime error: init failed
  /// (-22)"; "" when it said nothing.
  [[nodiscard]] std::string WhyRefused() const;

 private:
  /// What the kernel says of an end.
  struct Words {
    std::string ops;
    std::string reason;
    std::string message;
    std::vector<std::string> stack;
    std::uint64_t at_ns = 0;
    RunPosition at;
  };

  /// A scheduler's program that has ended.
  struct Ended {
    PayloadDone done;
    std::string stderr_end;
  };

  void TakeAttached(const SchedulerLook& look, const std::string& name, const RunPosition& at);
  void TakeStopping(const SchedulerLook& look, const RunPosition& at);
  void TakeMessage(const KernelMessage& message, const RunPosition& at);
  void TakeDisabled(Words words);
  void Settle();
  static void TakeWordsOfExit(SchedulerRecord& record);
  [[nodiscard]] SchedulerEnd EndOf(const SchedulerRecord& record) const;
  [[nodiscard]] SchedulerRecord* Find(std::uint32_t handle);

  std::vector<SchedulerRecord>& records_;
  // All since Begin().
  std::optional<SchedulerLook> attached_;
  std::optional<SchedulerLook> stopping_;
  bool still_there_ = false;    // and then it was: that it ends from there on may be of our making
  bool detached_ = false;       // the kernel said so: what it says from there on is of another one
  std::optional<Words> words_;  // of its end that is not of our making
  bool words_go_on_ = false;    // the next messages may belong to them
  std::optional<Ended> ended_;
};

}  // namespace ktstr
