#include "ops/host/stored_snapshot.h"

#include <fmt/format.h>

#include <algorithm>

namespace ktstr {
namespace {

constexpr std::string_view kPeriodic = "periodic_";

}  // namespace

std::string PeriodicTag(std::uint32_t index) { return fmt::format("{}{:03}", kPeriodic, index); }

bool IsPeriodicTag(std::string_view tag) {
  return tag.size() == kPeriodic.size() + 3 && tag.starts_with(kPeriodic) &&
         std::all_of(tag.begin() + kPeriodic.size(), tag.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace ktstr
