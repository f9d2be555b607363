// The patterns a series can be held against. Each is a pure function that reports every sample that breaks
// it.
//
// What they share:
//  - A wrong parameter (bounds the wrong way round, a negative tolerance) is one Fail, and nothing else is
//    looked at.
//  - Samples without a value are left out, with one Inconclusive outcome that lists each with its own error:
//    a pattern that the other values do not break may be broken by them. The order of values is compared
//    across them, a rate is not.
//  - Corrupt numbers (NaN, infinite) Fail, except in SteadyWithin, which leaves them out like missing ones.
//  - Nothing to divide by (no time between two samples, a zero denominator) is Inconclusive.
//  - Too little data is a Note here and shows in PatternResult::decided; what that means for a verdict is
//    said in temporal_check.h.
//  - A rate is per second.
#pragma once

#include <limits>

#include "interpreter/temporal/temporal_series.h"

namespace ktstr {

/// Inclusive bounds; an infinite end is open.
struct ValueRange {
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();
};

/// Each value is at least the one before.
PatternResult Nondecreasing(const Series& series);
/// Each value is more than the one before.
PatternResult StrictlyIncreasing(const Series& series);

/// Change of value per second of elapsed time between adjacent samples. A pair without both times is left
/// out, which is Inconclusive.
PatternResult RateWithin(const Series& series, ValueRange per_second);

/// Every sample with elapsed_ms >= warmup_ms lies within mean * (1 - tolerance) .. mean * (1 + tolerance),
/// the mean being that of those samples. Samples without a time and values that are not finite are left out,
/// which is Inconclusive, as are those without a value after the warmup. A single sample decides nothing: it
/// is its own mean.
PatternResult SteadyWithin(const Series& series, double warmup_ms, double tolerance);

/// Three consecutive samples, each at or before the deadline, lie in target - tolerance .. target +
/// tolerance. A sample without value or time interrupts them; consecutive means adjacent, however far apart
/// in time. When there are none, but would be if the unknown samples were in the band, it is Inconclusive.
/// Undecided with fewer than three values by the deadline.
PatternResult ConvergesTo(const Series& series, double target, double tolerance, double deadline_ms);

/// Every sample is true; an integer is when it is not 0, a real number never is.
PatternResult AlwaysTrue(const Series& series);

/// series[i] / other[i] at each index. REQUIRES: the two are of the same samples; only the lengths are
/// compared, and different ones are one Fail.
PatternResult RatioWithin(const Series& series, const Series& other, ValueRange range);

/// Every sample lies in `range`.
PatternResult Each(const Series& series, ValueRange range);

/// "1..5", "at least 1", "at most 5".
std::string RangeText(ValueRange range);

}  // namespace ktstr
