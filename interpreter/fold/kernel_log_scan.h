// Complaints found in the kernel's log while it comes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "guest-init/base/line_pattern.h"
#include "interpreter/fold/kernel_log.h"

namespace ktstr {

/// Where in the run a message came.
struct RunPosition {
  std::uint32_t phase = 0;
  bool after_phase = false;
};

/// Takes the messages in as they come. Messages from before the scenario, and those that programs of the
/// guest wrote, are no complaints.
class KernelLogScan {
 public:
  /// Complaints in which one of `allowed` is found do not count; where one of `searched` is found is
  /// recorded, whoever wrote the message. REQUIRES: LinePatternFault() is "" for each.
  explicit KernelLogScan(const std::vector<std::string>& allowed,
                         const std::vector<std::string>& searched = {});

  void Take(const KernelMessages& messages, const RunPosition& at, KernelLogRecord& record);

 private:
  /// Compiled once; the text is what finds are called by.
  struct Searched {
    std::string pattern;
    LinePattern matcher;
  };

  void Search(const KernelMessage& message, const RunPosition& at, KernelLogRecord& record);
  void TakeMessage(const KernelMessage& message, const RunPosition& at, KernelLogRecord& record);

  std::vector<LinePattern> allowed_;
  std::vector<Searched> searched_;
  bool following_ = false;  // the last complaint kept still takes lines
};

}  // namespace ktstr
