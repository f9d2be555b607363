#include "guest-init/frozen_times.h"

#include <algorithm>
#include <string_view>

namespace ktstr::guest {

void FrozenTimes::Begin(const std::string& cgroup, std::uint64_t now_ns) {
  std::vector<Span>& spans = spans_[cgroup];
  if (spans.empty() || spans.back().end_ns != kGoesOn) spans.push_back({now_ns, kGoesOn});
}

void FrozenTimes::End(const std::string& cgroup, std::uint64_t now_ns) {
  const auto found = spans_.find(cgroup);
  if (found != spans_.end() && found->second.back().end_ns == kGoesOn) found->second.back().end_ns = now_ns;
}

std::uint64_t FrozenTimes::Within(const std::string& cgroup, std::uint64_t begin_ns, std::uint64_t end_ns,
                                  const FrozenTimes* held) const {
  std::vector<Span> found;
  const auto take = [&](const std::vector<Span>& spans) {
    for (const Span& span : spans)
      if (span.begin_ns < end_ns && span.end_ns > begin_ns)
        found.push_back({std::max(span.begin_ns, begin_ns), std::min(span.end_ns, end_ns)});
  };
  if (held != nullptr)
    for (const auto& [name, spans] : held->spans_) take(spans);
  // The cgroup itself, then those above it.
  for (std::string_view name = cgroup; !name.empty();) {
    if (const auto own = spans_.find(name); own != spans_.end()) take(own->second);
    const std::size_t slash = name.rfind('/');
    name = name.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  std::sort(found.begin(), found.end(),
            [](const Span& left, const Span& right) { return left.begin_ns < right.begin_ns; });
  std::uint64_t frozen = 0;
  for (const Span& span : found) {  // they may overlap; what was counted lies before `begin_ns`
    begin_ns = std::max(begin_ns, span.begin_ns);
    if (span.end_ns <= begin_ns) continue;
    frozen += span.end_ns - begin_ns;
    begin_ns = span.end_ns;
  }
  return frozen;
}

}  // namespace ktstr::guest
