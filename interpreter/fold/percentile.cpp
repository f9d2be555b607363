#include "interpreter/fold/percentile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace ktstr {
namespace {

constexpr std::uint64_t kSeedFactor = 0x9E3779B97F4A7C15;

/// ceil(n * permille / 1000), without overflow.
std::uint64_t CeilPermille(std::uint64_t n, std::uint32_t permille) {
  return n / 1000 * permille + (n % 1000 * permille + 999) / 1000;
}

double WeightOf(std::uint64_t total, std::size_t size) {
  return static_cast<double>(total) / static_cast<double>(size);
}

}  // namespace

void Samples::Add(std::span<const std::uint64_t> values, std::uint64_t total) {
  total = std::max<std::uint64_t>(total, values.size());  // a total below what arrived is not believed
  total_ = AddSaturating(total_, total);
  if (values.empty()) {
    incomplete_ = incomplete_ || total > 0;
    return;
  }
  if (samples_.size() + values.size() > cap_) {
    Thin(values, total);
    return;
  }
  sources_.push_back({samples_.size(), values.size(), total});
  weight_ = AddSaturating(weight_, total);
  const double weight = WeightOf(total, values.size());
  for (const std::uint64_t value : values) samples_.push_back({value, weight});
}

void Samples::Thin(std::span<const std::uint64_t> values, std::uint64_t total) {
  std::vector<std::uint64_t> ends;  // cumulative observations of the old sources
  std::uint64_t old_weight = 0;
  for (const Source& source : sources_) ends.push_back(old_weight = AddSaturating(old_weight, source.total));

  const std::uint64_t both = AddSaturating(old_weight, total);
  const std::uint64_t seed = (old_weight ^ std::rotl(total, 32) ^
                              std::rotl(std::uint64_t{samples_.size()}, 16) ^ std::uint64_t{values.size()}) *
                             kSeedFactor;
  Xorshift64 random(seed);
  std::vector<WeightedSample> drawn(cap_);
  for (WeightedSample& sample : drawn) {
    sample.weight = WeightOf(both, cap_);
    const std::uint64_t at = random.Next() % both;
    if (at >= old_weight) {
      sample.value = values[random.Next() % values.size()];
      continue;
    }
    const auto found = std::upper_bound(ends.begin(), ends.end(), at) - ends.begin();
    const Source& source = sources_[static_cast<std::size_t>(found)];
    sample.value = samples_[source.begin + random.Next() % source.size].value;
  }
  samples_ = std::move(drawn);
  sources_ = {{0, cap_, both}};
  weight_ = both;
}

void Samples::Pool(const Samples& other) {
  samples_.insert(samples_.end(), other.samples_.begin(), other.samples_.end());
  weight_ = AddSaturating(weight_, other.weight_);
  total_ = AddSaturating(total_, other.total_);
  incomplete_ = incomplete_ || other.incomplete_;
}

void Samples::Seal() {
  // By weight too, so that sums over equal values do not depend on the order of the workers.
  std::sort(samples_.begin(), samples_.end(), [](const WeightedSample& a, const WeightedSample& b) {
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  });
  sources_.clear();
}

std::optional<std::uint64_t> Samples::Percentile(std::uint32_t permille) const {
  if (!readable()) return std::nullopt;
  const auto wanted = static_cast<double>(std::max<std::uint64_t>(1, CeilPermille(weight_, permille)));
  const double reached = wanted * (1 - 1e-9);  // thirds do not add up exactly
  double sum = 0;
  for (const WeightedSample& sample : samples_) {
    sum += sample.weight;
    if (sum >= reached) return sample.value;
  }
  return samples_.back().value;
}

std::optional<double> Samples::Cv() const {
  if (!readable() || total_ < 2) return std::nullopt;
  double weight = 0;
  double sum = 0;
  for (const WeightedSample& sample : samples_) {
    weight += sample.weight;
    sum += sample.weight * static_cast<double>(sample.value);
  }
  const double mean = sum / weight;
  if (mean == 0) return 0;
  double squares = 0;
  for (const WeightedSample& sample : samples_) {
    const double off = static_cast<double>(sample.value) - mean;
    squares += sample.weight * off * off;
  }
  return std::sqrt(squares / weight) / mean;
}

std::optional<double> Cv(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  if (mean == 0) return 0;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / count) / mean;
}

}  // namespace ktstr
