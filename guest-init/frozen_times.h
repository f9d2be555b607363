// When which cgroups were frozen: the account by which nobody is blamed for not having run then.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ktstr::guest {

/// Times are CLOCK_MONOTONIC in ns and do not go back. A cgroup is named by its path below the managed
/// directory ("a/b"); what is said of one holds for all below it.
class FrozenTimes {
 public:
  /// `cgroup` is being frozen. Nothing changes when it is already.
  void Begin(const std::string& cgroup, std::uint64_t now_ns);
  /// `cgroup` is being thawed. Nothing changes when it is not frozen.
  void End(const std::string& cgroup, std::uint64_t now_ns);

  /// How much of the time from `begin_ns` to `end_ns` a task in `cgroup` could not run because of a freeze,
  /// its own or that of one above it. A freeze that goes on counts up to `end_ns`. `held`: other times in
  /// which it could not run, whatever they are of; what both have counts once.
  [[nodiscard]] std::uint64_t Within(const std::string& cgroup, std::uint64_t begin_ns, std::uint64_t end_ns,
                                     const FrozenTimes* held = nullptr) const;

 private:
  static constexpr std::uint64_t kGoesOn = UINT64_MAX;
  struct Span {
    std::uint64_t begin_ns = 0;
    std::uint64_t end_ns = kGoesOn;
  };

  std::map<std::string, std::vector<Span>, std::less<>> spans_;  // of each in order; kept after its removal
};

}  // namespace ktstr::guest
