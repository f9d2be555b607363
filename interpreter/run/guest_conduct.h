// What an honest guest never does, whatever its kernel and its workers do: who sees it done has a guest that
// lies or is broken, and trusts none of its results.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "guest-init/wire/messages.h"
#include "interpreter/plan/plan.h"

namespace ktstr {

/// Follows one conversation with a guest: requests in the order in which they are answered, and all that the
/// guest sends, in the order of its arrival. Only what contradicts the plan, the protocol or itself is
/// noticed; a guest can always make up telemetry that fits. All errors are kProtocol, one line. One thread.
class GuestConduct {
 public:
  /// `plan` outlives this.
  explicit GuestConduct(const RunPlan& plan) : plan_(plan) {}

  /// The guest is at this request: the next reply is to it.
  void Begin(const AnyStruct& request);
  /// What comes before the plan has been answered.
  void PlanBegins() { plan_begun_ = true; }
  /// The run is lost, and whatever the guest still says of its results is taken: nothing is an error from
  /// here on.
  void Forgive() { forgiving_ = true; }

  /// E.g. "worker first/0 left two reports", "the guest sent output of payload 'web', which has ended", "the
  /// guest's kernel was tainted and is not any more", "the guest sent a piece of a file that was not asked
  /// for: '/etc/passwd'".
  Result<> CheckEvent(const AnyStruct& event);
  /// E.g. "the guest's clock went back by 5 ns", "the guest held for 1 ns of 100ms", "the guest marked no
  /// phase", "the guest's file '/proc/kallsyms' ends in the middle".
  Result<> CheckReply(const Reply& reply);

 private:
  Result<> Check(const Ready& ready);
  Result<> Check(const CgroupFigures& figures) const;
  Result<> Check(const WorkerDone& done);
  Result<> Check(const PayloadOutput& output) const;
  Result<> Check(const PayloadDone& done);
  Result<> Check(const SchedulerLook& look);
  Result<> Check(const FileContent& piece);
  Result<> Check(const KernelMessages& messages);
  Result<> CheckMark(const Reply& reply);
  Result<> CheckEnded(std::uint32_t handle) const;
  Result<> CheckDone(const AnyStruct& request, std::uint64_t passed_ns) const;
  Result<> CheckRunning(std::uint32_t handle, const char* what) const;

  const RunPlan& plan_;
  bool forgiving_ = false;
  std::optional<AnyStruct> request_;  // that is under way
  std::optional<Ready> ready_;
  std::uint64_t clock_ns_ = 0;    // of the last reply
  std::uint64_t iterations_ = 0;  // of the last mark
  std::uint64_t latest_ns_ = 0;   // the latest time of the guest that a report speaks of
  /// Of each group that was to be started, the cgroups that it may be in.
  std::map<std::uint32_t, std::vector<std::string>> places_;
  std::set<std::string> cgroups_;                               // that were to be made
  std::set<std::pair<std::uint32_t, std::uint32_t>> reported_;  // group and index
  std::map<std::uint32_t, bool> payloads_;                      // by handle, those that were started: ended
  std::set<std::uint32_t> attached_;  // handles of schedulers that the guest said are
  std::set<std::uint32_t> stopping_;  // and that it said it was about to stop
  std::uint32_t payloads_done_ = 0;
  std::uint64_t file_bytes_ = 0;  // of the file under way
  bool file_ended_ = false;
  bool plan_begun_ = false;
  bool refused_ = false;  // a request was: what it would have begun need not end
  bool log_seen_ = false;
  std::optional<std::uint64_t> log_sequence_;
  std::uint64_t taint_ = 0;
};

}  // namespace ktstr
