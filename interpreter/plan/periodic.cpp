#include "interpreter/plan/periodic.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "guest-init/wire/messages.h"

namespace ktstr {
namespace {

std::uint64_t LengthOf(const PlannedRequest& planned) {
  const auto* hold = planned.As<Hold>();
  if (hold == nullptr) return 0;
  return hold->from_mark ? static_cast<std::uint64_t>(std::max<std::int64_t>(planned.budget.ns, 0))
                         : hold->duration_ns;
}

std::string NanosecondsText(std::uint64_t ns) {
  return FormatDuration(Nanoseconds(static_cast<std::int64_t>(ns)));
}

/// One hold being cut: emits its pieces into a plan.
class HoldCutter {
 public:
  HoldCutter(const PlannedRequest& hold, std::vector<PlannedRequest>& out)
      : hold_(hold), out_(out), length_(LengthOf(hold)) {
    const Hold& request = *hold.As<Hold>();
    // Where the hold begins, seen from its mark.
    begin_ = request.from_mark ? request.duration_ns - std::min(length_, request.duration_ns) : 0;
    if (!request.from_mark) Emit(AnyStruct::Of(SetHoldMark{}), "begin of " + hold.label, 0);
  }

  void HoldUntil(std::uint64_t offset) {
    Emit(AnyStruct::Of(Hold{begin_ + offset, true}), hold_.label + ", to " + NanosecondsText(begin_ + offset),
         offset - done_);
    done_ = offset;
  }
  void Rest() {
    if (done_ < length_) HoldUntil(length_);
  }

 private:
  void Emit(AnyStruct request, std::string label, std::uint64_t budget_ns) {
    PlannedRequest piece = hold_;
    piece.what = GuestRequest{std::move(request)};
    piece.label = std::move(label);
    piece.budget = Nanoseconds(static_cast<std::int64_t>(budget_ns));
    out_.push_back(std::move(piece));
  }

  const PlannedRequest& hold_;
  std::vector<PlannedRequest>& out_;
  std::uint64_t length_;
  std::uint64_t begin_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace

std::vector<std::uint64_t> PeriodicBoundaries(std::uint64_t start_ns, std::uint64_t end_ns,
                                              std::uint32_t count) {
  if (count == 0 || end_ns <= start_ns) return {};
  const std::uint64_t available = end_ns - start_ns;
  const std::uint64_t pre = available / 10;
  const std::uint64_t window = available - 2 * pre;
  const std::uint64_t parts = std::uint64_t{count} + 1;
  if (window < parts) return {};
  std::vector<std::uint64_t> boundaries;
  boundaries.reserve(count);
  // window * i / parts, written so that no product exceeds 64 bits.
  for (std::uint64_t i = 1; i <= count; ++i)
    boundaries.push_back(start_ns + pre + window / parts * i + window % parts * i / parts);
  return boundaries;
}

std::optional<std::string> WhyNotPeriodic(std::uint32_t count, Duration holds) {
  if (count == 0) return std::nullopt;
  if (count > kMaxPeriodic)
    return fmt::format("{} periodic snapshots are asked for; {} are the most", count, kMaxPeriodic);
  const std::int64_t parts = std::int64_t{count} + 1;
  // Spacing is 4/5 of the holds over the parts; without fractions.
  const std::int64_t least = kLeastPeriodicSpacing.ns * parts * 5 / 4;
  if (holds.ns >= least) return std::nullopt;
  const Duration spacing = Microseconds(holds.ns / 5 * 4 / parts / 1000);
  return fmt::format(
      "{} periodic snapshot{} in holds of {} together would be {} apart; {} is the least, for which the "
      "holds must "
      "take {}",
      count, count == 1 ? "" : "s", FormatDuration(holds), FormatDuration(spacing),
      FormatDuration(kLeastPeriodicSpacing), FormatDuration(Nanoseconds(least)));
}

std::vector<PlannedRequest> PlacePeriodic(std::vector<PlannedRequest> plan, std::uint32_t count,
                                          const MakePeriodicCapture& make_capture) {
  if (count > kMaxPeriodic) return plan;
  std::uint64_t total = 0;
  for (const PlannedRequest& planned : plan) total += LengthOf(planned);
  const std::vector<std::uint64_t> boundaries = PeriodicBoundaries(0, total, count);
  if (boundaries.empty()) return plan;

  std::vector<PlannedRequest> placed;
  placed.reserve(plan.size() + 3 * boundaries.size());
  std::uint32_t next = 0;
  std::uint64_t begin = 0;  // of the request at hand, on the hold timeline
  for (PlannedRequest& planned : plan) {
    const std::uint64_t end = begin + LengthOf(planned);
    if (begin == end || next == boundaries.size() || boundaries[next] > end) {
      begin = end;
      placed.push_back(std::move(planned));
      continue;
    }
    HoldCutter cutter(planned, placed);
    for (; next < boundaries.size() && boundaries[next] <= end; ++next) {
      cutter.HoldUntil(boundaries[next] - begin);
      placed.push_back(make_capture(next, boundaries[next], planned));
    }
    cutter.Rest();
    begin = end;
  }
  return placed;
}

}  // namespace ktstr
