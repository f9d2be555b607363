// Values of options that have a grammar of their own. What cannot be read throws CLI::ValidationError, which
// CLI11 shows behind the option's name.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "guest-init/base/units.h"
#include "interpreter/plan/plan.h"
#include "interpreter/scenario/scenario.h"

namespace ktstr {

/// "30s": a time with its unit, more than 0.
Duration ParseDurationOption(const std::string& text);
/// One of kClocks, by name.
Clock ParseClockOption(const std::string& text);
/// "4GiB": a size with its unit.
std::uint64_t ParseBytesOption(const std::string& text);
/// "PROGRAM [ARG]...". A program with a '/' is meant from the directory in which the runs happen.
SchedulerOverride ParseSchedulerOption(const std::string& text);
/// "1n2l2c1t" or a preset's name.
TopologySpec ParseTopologyOption(const std::string& text);
/// "5%".
Percent ParseGrowthOption(const std::string& text);
/// A whole number from `min` to `max`, as CLI11 itself does not read them: to it -1 is 2^64-1.
std::uint64_t ParseNumber(const std::string& option, const std::string& text, std::uint64_t min,
                          std::uint64_t max);

// The largest values that go into numbers of these sizes.
inline constexpr std::uint64_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint64_t kMaxU64 = std::numeric_limits<std::uint64_t>::max();

/// AddNumber() takes both kinds of targets: plain numbers,
/// and optional ones, which stay empty when the option is absent.
/// The number's type, of itself or of an optional of it.
template <typename T>
struct NumberOf {
  using Type = T;
};
template <typename T>
struct NumberOf<std::optional<T>> {
  using Type = T;
};
/// An option with a whole number. `names` as for add_option.
template <typename T>
void AddNumber(CLI::App& app, const std::string& names, T& target, std::uint64_t min, std::uint64_t max,
               const std::string& help) {
  const std::string option = names.substr(names.rfind("--"));
  app.add_option_function<std::string>(
         names,
         [&target, option, min, max](const std::string& text) {
           target = static_cast<typename NumberOf<T>::Type>(ParseNumber(option, text, min, max));
         },
         help)
      ->type_name("N");
}

}  // namespace ktstr
