// The texts by which people address what is in a snapshot: paths and keys of maps.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "vmm/introspection/snapshot/snapshot_value.h"

namespace ktstr::vmm {
namespace {

using Kind = RenderedValue::Kind;
using Fault = SnapshotError::Kind;
using Steps = std::vector<SnapshotPathStep>;

constexpr std::string_view kHex = "hex:";

SnapshotError EmptyComponent(std::string_view path) {
  return {Fault::kEmptyPathComponent, fmt::format("path '{}' has an empty component", path)};
}

/// What stands between brackets.
SnapshotOutcome<SnapshotPathStep> ParseBrackets(std::string_view inside, std::string_view path) {
  if (inside.empty()) return EmptyComponent(path);
  SnapshotPathStep step;
  if (inside.find('=') == std::string_view::npos) {
    std::uint64_t index = 0;
    const auto [end, fault] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
    if (fault != std::errc() || end != inside.data() + inside.size())
      return SnapshotError{Fault::kProjectionFailed,
                           fmt::format("path '{}': [{}] is neither an index nor member=value", path, inside)};
    step.index = index;
    return step;
  }
  while (true) {
    const std::size_t comma = inside.find(',');
    const std::string_view pair = inside.substr(0, comma);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) {  // a comma of the value: "cpus_allowed=0-2,5"
      if (step.match.empty()) return EmptyComponent(path);
      step.match.back().second += fmt::format(",{}", pair);
    } else {
      if (equals == 0) return EmptyComponent(path);
      step.match.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    if (comma == std::string_view::npos) return step;
    inside.remove_prefix(comma + 1);
  }
}

/// The scalars in a value, by their dotted names.
void CollectLeaves(const RenderedValue& value, const std::string& name,
                   std::vector<std::pair<std::string, const RenderedValue*>>& leaves) {
  if (ScalarText(value) || (value.kind != Kind::kStruct && value.kind != Kind::kArray)) {
    leaves.emplace_back(name, &value);
    return;
  }
  for (std::size_t i = 0; i < value.members.size(); ++i) {
    const RenderedMember& member = value.members[i];
    std::string inner = name;
    if (value.kind == Kind::kArray)
      inner += fmt::format("[{}]", i);
    else if (!member.name.empty())
      inner += (name.empty() ? "" : ".") + member.name;
    CollectLeaves(member.value, inner, leaves);
  }
}

/// A whole number in decimal or 0x; negative ones as two's complement.
std::optional<std::uint64_t> ParseWhole(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return negative ? 0 - number : number;
}

bool ScalarIs(const RenderedValue& value, std::string_view wanted) {
  if (ScalarText(value) == wanted) return true;
  switch (value.kind) {
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kChar:
    case Kind::kBool:
    case Kind::kEnum:
    case Kind::kPtr:
      return ParseWhole(wanted) == value.number;
    default:
      return false;
  }
}

bool SameHex(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string WholeKeyText(const RenderedValue& key) {
  if (std::optional<std::string> text = ScalarText(key)) return *std::move(text);
  std::vector<std::pair<std::string, const RenderedValue*>> leaves;
  CollectLeaves(key, "", leaves);
  std::string text;
  for (const auto& [name, leaf] : leaves)
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, ScalarText(*leaf).value_or("?"));
  return text;
}

}  // namespace

SnapshotOutcome<Steps> ParseSnapshotPath(std::string_view path) {
  Steps steps;
  std::string_view rest = path;
  while (!rest.empty()) {
    if (rest.front() == '[') {
      const std::size_t close = rest.find(']');
      if (close == std::string_view::npos)
        return SnapshotError{Fault::kProjectionFailed, fmt::format("path '{}': '[' is not closed", path)};
      steps.push_back(TRY(ParseBrackets(rest.substr(1, close - 1), path)));
      rest.remove_prefix(close + 1);
      if (!rest.empty() && rest.front() != '.' && rest.front() != '[')
        return SnapshotError{Fault::kProjectionFailed,
                             fmt::format("path '{}': '.' or '[' must follow ']'", path)};
      continue;
    }
    if (rest.front() == '.') {
      if (steps.empty()) return EmptyComponent(path);
      rest.remove_prefix(1);
    }
    const std::string_view name = rest.substr(0, rest.find_first_of(".["));
    if (name.empty()) return EmptyComponent(path);
    steps.push_back({.name = std::string(name)});
    rest.remove_prefix(name.size());
  }
  return steps;
}

std::string KeyText(const std::optional<RenderedValue>& key, const std::string& key_hex) {
  constexpr std::size_t kLongest = 80;
  std::string text = key ? WholeKeyText(*key) : std::string(kHex) + key_hex;
  if (text.size() > kLongest) text = text.substr(0, kLongest - 3) + "...";
  return text;
}

bool KeyIs(const std::optional<RenderedValue>& key, const std::string& key_hex, std::string_view wanted) {
  if (wanted.starts_with(kHex) && SameHex(key_hex, wanted.substr(kHex.size()))) return true;
  if (!key) return false;
  if (ScalarIs(*key, wanted) || WholeKeyText(*key) == wanted) return true;
  if (key->kind != Kind::kStruct || wanted.empty()) return false;
  std::vector<std::pair<std::string, const RenderedValue*>> leaves;
  CollectLeaves(*key, "", leaves);
  while (true) {
    const std::size_t comma = wanted.find(',');
    const std::string_view pair = wanted.substr(0, comma);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return false;
    const bool fits = std::any_of(leaves.begin(), leaves.end(), [&](const auto& leaf) {
      return leaf.first == pair.substr(0, equals) && ScalarIs(*leaf.second, pair.substr(equals + 1));
    });
    if (!fits) return false;
    if (comma == std::string_view::npos) return true;
    wanted.remove_prefix(comma + 1);
  }
}

}  // namespace ktstr::vmm
