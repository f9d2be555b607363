#include "interpreter/cli/cli_values.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <sstream>

#include "vmm/kernel/schedulers.h"
#include "vmm/machine/topology.h"

namespace ktstr {

Duration ParseDurationOption(const std::string& text) {
  Duration value;
  const std::string fault = Duration::Scalar().parse(text, &value);
  if (!fault.empty()) throw CLI::ValidationError("--timeout", fault);
  if (value.ns <= 0) throw CLI::ValidationError("--timeout", "must be more than 0s");
  return value;
}

Clock ParseClockOption(const std::string& text) {
  for (const EnumValue& clock : kClocks)
    if (clock.name == text) return static_cast<Clock>(clock.value);
  throw CLI::ValidationError("--clock", fmt::format("'{}' is not a clock; use wall or virtual", text));
}

std::uint64_t ParseBytesOption(const std::string& text) {
  ByteSize value;
  const std::string fault = ByteSize::Scalar().parse(text, &value);
  if (!fault.empty()) throw CLI::ValidationError("--cache-size", fault);
  return value.bytes;
}

namespace {

constexpr std::string_view kObjectSuffix = ".bpf.o";

/// The words behind an object's name.
NamedMap<VariableValue> VariablesOf(std::istringstream& words) {
  NamedMap<VariableValue> variables;
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw CLI::ValidationError(
          "--scheduler",
          fmt::format("'{}' is not VARIABLE=VALUE, which is all that an object can be given", word));
    variables.items.emplace_back(word.substr(0, equals), VariableValue{word.substr(equals + 1)});
  }
  return variables;
}

}  // namespace

SchedulerOverride ParseSchedulerOption(const std::string& text) {
  std::istringstream words(text);
  std::string program;
  if (!(words >> program)) throw CLI::ValidationError("--scheduler", "it names no program");
  SchedulerOverride scheduler;
  scheduler.text = text;
  scheduler.name = std::filesystem::path(program).filename().string();
  scheduler.def.from_user = true;
  if (scheduler.name.empty())
    throw CLI::ValidationError("--scheduler", fmt::format("'{}' is a directory", program));
  const bool path = program.find('/') != std::string::npos;
  if (path && scheduler.name == kEevdf)
    throw CLI::ValidationError("--scheduler", "eevdf is the name of the kernel's own scheduler");
  if (program.ends_with(kObjectSuffix)) {
    scheduler.name.resize(scheduler.name.size() - kObjectSuffix.size());
    scheduler.def.object = program;
    scheduler.def.variables = VariablesOf(words);
    return scheduler;
  }
  for (std::string word; words >> word;) scheduler.def.args.push_back(std::move(word));
  (!path && vmm::FindShippedScheduler(program) != nullptr ? scheduler.def.use : scheduler.def.binary) =
      program;
  return scheduler;
}

TopologySpec ParseTopologyOption(const std::string& text) {
  const Result<vmm::Topology> topology = vmm::ParseTopology(text);
  if (!topology.ok()) throw CLI::ValidationError("--topology", topology.error().message);
  return {topology->numa_nodes, topology->llcs, topology->cores_per_llc, topology->threads_per_core};
}

Percent ParseGrowthOption(const std::string& text) {
  Percent value;
  const std::string fault = Percent::Scalar().parse(text, &value);
  if (!fault.empty()) throw CLI::ValidationError("--max-growth", fault);
  return value;
}

std::uint64_t ParseNumber(const std::string& option, const std::string& text, std::uint64_t min,
                          std::uint64_t max) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc{} || stop != end || text.empty() || value < min || value > max)
    throw CLI::ValidationError(option,
                               fmt::format("'{}' is not a whole number from {} to {}", text, min, max));
  return value;
}

}  // namespace ktstr
