#include "ops/host/snapshot_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace ktstr {
namespace {

struct Describer {
  std::string operator()(const CaptureUnavailable& event) const {
    return fmt::format("snapshot '{}': the capture gave nothing", event.tag);
  }
  std::string operator()(const SnapshotOverwritten& event) const {
    return fmt::format("snapshot '{}' replaces an earlier one ({}) of the same tag", event.tag,
                       event.prior_schema);
  }
  std::string operator()(const SnapshotEvicted& event) const {
    return fmt::format("snapshot '{}' was dropped to make room for '{}': at most {} are kept",
                       event.evicted_tag, event.new_tag, event.cap);
  }
  std::string operator()(const DrainOrderViolated& event) const {
    return fmt::format("snapshot '{}' was in no order ({}); it comes last", event.tag, event.drain_variant);
  }
  std::string operator()(const SnapshotCapViolated& event) const {
    return fmt::format("{} snapshots (at most {} are kept) were in no order; all were dropped", event.reports,
                       event.cap);
  }
  std::string operator()(const EventLogTruncated& event) const {
    return fmt::format("{} older snapshot events were dropped", event.dropped);
  }
};

}  // namespace

std::string Describe(const SnapshotEvent& event) { return std::visit(Describer{}, event); }

void SnapshotStore::Put(const std::string& tag, StoredSnapshot snapshot, SnapshotEvents& events) {
  const auto [at, fresh] = reports.try_emplace(tag);
  at->second = std::move(snapshot);
  if (!fresh) {
    std::erase(order, tag);
    events.emplace_back(SnapshotOverwritten{tag, "single"});
  }
  order.push_back(tag);
  while (reports.size() > kMax) {
    if (order.empty()) {
      events.emplace_back(SnapshotCapViolated{reports.size(), kMax});
      reports.clear();
      return;
    }
    const std::string oldest = std::move(order.front());
    order.pop_front();
    if (reports.erase(oldest) > 0) events.emplace_back(SnapshotEvicted{oldest, tag, kMax});
  }
}

std::vector<std::pair<std::string, StoredSnapshot>> SnapshotStore::TakeOrdered(const char* drain_variant,
                                                                               SnapshotEvents& events) {
  std::vector<std::pair<std::string, StoredSnapshot>> taken;
  taken.reserve(reports.size());
  for (std::string& tag : order) {
    const auto at = reports.find(tag);
    if (at == reports.end()) continue;
    taken.emplace_back(std::move(tag), std::move(at->second));
    reports.erase(at);
  }
  order.clear();
  const std::size_t ordered = taken.size();
  for (auto& [tag, snapshot] : reports) taken.emplace_back(tag, std::move(snapshot));
  reports.clear();
  std::sort(taken.begin() + static_cast<std::ptrdiff_t>(ordered), taken.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = ordered; i < taken.size(); ++i)
    events.emplace_back(DrainOrderViolated{taken[i].first, drain_variant});
  return taken;
}

bool IsPeriodicTag(const std::string& tag) {
  constexpr std::string_view kPrefix = "periodic_";
  return tag.size() == kPrefix.size() + 3 && tag.starts_with(kPrefix) &&
         std::all_of(tag.begin() + kPrefix.size(), tag.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace ktstr
