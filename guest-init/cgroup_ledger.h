// The kernel's own counters of our cgroups, cut at the marks of phases.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/cgroup_tree.h"
#include "guest-init/wire/cgroup_figures.h"
#include "guest-init/wire/report.h"

namespace ktstr::guest {

/// Every moment of a cgroup that was opened here is in exactly one of the figures it gives out, up to the
/// last Turn() or its Close(). Times are guest time.
class CgroupLedger {
 public:
  /// `tree` outlives this.
  explicit CgroupLedger(const CgroupTree& tree) : tree_(tree) {}

  /// The cgroup was made now.
  void Open(const std::string& cgroup, std::uint64_t now_ns);
  /// Another phase (or kBetweenPhases) begins: of every open cgroup, what it had in the one that ends.
  std::vector<CgroupFigures> Turn(std::uint32_t phase, std::uint64_t now_ns);
  /// The cgroup is about to be removed: what it had since the last Turn(). All absent for one that was never
  /// opened.
  CgroupFigures Close(const std::string& cgroup, std::uint64_t now_ns);

 private:
  struct Account {
    CgroupFigures counted;  // since it was made
    std::uint64_t until_ns = 0;
  };

  CgroupFigures Settle(const std::string& cgroup, Account& account, std::uint64_t now_ns) const;
  [[nodiscard]] CgroupFigures Read(const std::string& cgroup) const;

  const CgroupTree& tree_;
  std::map<std::string, Account> accounts_;
  std::uint32_t phase_ = kBetweenPhases;
};

/// The number behind `name` at the begin of a line of a cgroup's file; nullopt when no line has it.
std::optional<std::uint64_t> ParseCounter(std::string_view text, std::string_view name);
/// The total of the line `some` of a pressure file, in us; nullopt when there is none.
std::optional<std::uint64_t> ParsePressure(std::string_view text);

}  // namespace ktstr::guest
