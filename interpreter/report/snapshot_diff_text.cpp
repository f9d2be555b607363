// Differences of snapshots as text and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "interpreter/report/snapshot_diff.h"

namespace ktstr {
namespace {

constexpr std::size_t kMaxValues = 8;  // of one item

const char* StatusName(DiffStatus status) {
  constexpr const char* kNames[] = {"added", "removed", "changed"};
  return kNames[static_cast<std::size_t>(status)];
}
char Mark(DiffStatus status) { return "+-~"[static_cast<std::size_t>(status)]; }

template <typename T>
std::optional<T> Whole(const std::string& text) {
  T number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// " (+2)" for whole numbers.
std::string Delta(const std::string& before, const std::string& after, bool nanoseconds) {
  std::uint64_t size = 0;
  bool negative = false;
  if (const auto a = Whole<std::uint64_t>(before), b = Whole<std::uint64_t>(after); a && b) {
    negative = *b < *a;
    size = negative ? *a - *b : *b - *a;
  } else if (const auto x = Whole<std::int64_t>(before), y = Whole<std::int64_t>(after); x && y) {
    negative = *y < *x;
    size = static_cast<std::uint64_t>(negative ? *x : *y) - static_cast<std::uint64_t>(negative ? *y : *x);
  } else {
    return {};
  }
  const char sign = negative ? '-' : '+';
  if (nanoseconds) return fmt::format(" ({}{:.3f} ms)", sign, static_cast<double>(size) / 1e6);
  return fmt::format(" ({}{})", sign, size);
}

std::string ValueText(const ValueDiff& value, bool nanoseconds) {
  const std::string name = value.field.empty() ? "" : value.field + " ";
  if (!value.before) return fmt::format("{}{}", name, *value.after);
  if (!value.after) return fmt::format("{}{}", name, *value.before);
  return fmt::format("{}{} -> {}{}", name, *value.before, *value.after,
                     Delta(*value.before, *value.after, nanoseconds));
}

/// A value that came or went inside an item that stayed.
std::string ChangeText(const ValueDiff& value, bool nanoseconds) {
  const char* mark = !value.before ? "+" : (!value.after ? "-" : "");
  return mark + ValueText(value, nanoseconds);
}

bool IsTime(const std::string& section, const std::string& field) {
  return (section == "CPU time" && !field.starts_with("softirqs[") && field != "irqs_sum") ||
         (section == "tasks" && field == "sum_exec_runtime") || (section == "run queues" && field == "clock");
}

/// Of a task or CPU that came or went the name is enough.
bool OnlyName(const SectionDiff& section, const ItemDiff& item) {
  return item.status != DiffStatus::kChanged && !section.name.starts_with("map '") && item.values.size() > 1;
}

std::string ItemText(const SectionDiff& section, const ItemDiff& item, bool fold) {
  if (fold && OnlyName(section, item)) return fmt::format("  {} {}\n", Mark(item.status), item.name);
  std::vector<std::string> texts;
  const std::size_t shown = fold ? std::min(kMaxValues, item.values.size()) : item.values.size();
  for (std::size_t i = 0; i < shown; ++i) {
    const ValueDiff& value = item.values[i];
    const bool time = IsTime(section.name, value.field);
    texts.push_back(item.status == DiffStatus::kChanged ? ChangeText(value, time) : ValueText(value, time));
  }
  if (shown < item.values.size()) texts.push_back(fmt::format("... and {} more", item.values.size() - shown));
  return fmt::format("  {} {}{}{}\n", Mark(item.status), item.name, texts.empty() ? "" : "  ",
                     fmt::join(texts, ", "));
}

/// "1 added, 2 changed".
std::string Counts(const SectionDiff& section) {
  std::vector<std::string> parts;
  for (const DiffStatus status : {DiffStatus::kAdded, DiffStatus::kRemoved, DiffStatus::kChanged}) {
    const auto count = std::count_if(section.items.begin(), section.items.end(),
                                     [&](const ItemDiff& item) { return item.status == status; });
    if (count > 0) parts.push_back(fmt::format("{} {}", count, StatusName(status)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string RenderSnapshotDiff(const std::vector<SectionDiff>& diff, const SnapshotTextStyle& style) {
  const bool fold = style.max_rows > 0;
  std::string text;
  for (const SectionDiff& section : diff) {
    if (section.status != DiffStatus::kChanged) {
      text += fmt::format("{} {}  {} {}\n", Mark(section.status), section.name, section.items.size(),
                          section.items.size() == 1 ? "item" : "items");
      continue;
    }
    text += fmt::format("{}  {}\n", section.name, Counts(section));
    const std::size_t shown = fold ? std::min(style.max_rows, section.items.size()) : section.items.size();
    for (std::size_t i = 0; i < shown; ++i) text += ItemText(section, section.items[i], fold);
    if (shown < section.items.size())
      text += fmt::format("  ... and {} more\n", section.items.size() - shown);
  }
  return text;
}

nlohmann::json SnapshotDiffJson(const std::vector<SectionDiff>& diff) {
  using Json = nlohmann::json;
  const auto side = [](const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); };
  Json sections = Json::array();
  for (const SectionDiff& section : diff) {
    Json items = Json::array();
    for (const ItemDiff& item : section.items) {
      Json values = Json::array();
      for (const ValueDiff& value : item.values)
        values.push_back(
            {{"field", value.field}, {"before", side(value.before)}, {"after", side(value.after)}});
      items.push_back(
          {{"item", item.name}, {"status", StatusName(item.status)}, {"values", std::move(values)}});
    }
    sections.push_back(
        {{"section", section.name}, {"status", StatusName(section.status)}, {"items", std::move(items)}});
  }
  return sections;
}

}  // namespace ktstr
