// How a kernel for guests is configured.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ktstr::vmm {

/// vmm/kernel/kernel_config/ktstr.config, carried inside the program.
std::string_view KernelFragment();

/// What is laid over `make allnoconfig`: our fragment, then the user's, then what makes the release
/// "6.12.117-ktstr" (`local_version` is "-ktstr"). The last word on an option counts. Pure.
std::string MergedFragment(std::string_view users, std::string_view local_version);

/// An option without which a guest does not work, or scenarios lose what they measure.
struct RequiredOption {
  std::string_view name;
  std::string_view hint;  // why it is needed, and what it takes to get it
};
std::span<const RequiredOption> RequiredOptions();

/// The required options that `config` has not built in. Pure.
std::vector<RequiredOption> LackingOptions(std::string_view config);

/// "the configuration lacks 2 required options" and a line for each with its hint. REQUIRES: not empty.
std::string LackingText(std::span<const RequiredOption> lacking);

}  // namespace ktstr::vmm
