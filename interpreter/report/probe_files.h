// What a probed run noted, as the files probe.txt and probe.json of a run directory.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "interpreter/fold/probe_log.h"

namespace ktstr {

/// For people: how it ended, then each task with its calls in order, the one the failure is about first, then
/// what was probed and what could not be.
std::string ProbeText(const ProbeLog& log, std::optional<std::int32_t> named);

nlohmann::ordered_json ProbeJson(const ProbeLog& log, std::optional<std::int32_t> named);

}  // namespace ktstr
