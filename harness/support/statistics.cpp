#include "harness/support/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "harness/support/random.hpp"

namespace occ {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// `values` is reordered and not empty.
double quantile_in_place(std::span<double> values, double fraction) {
  const double place = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), values.begin() + below, values.end());
  const double low = values[static_cast<std::size_t>(below)];
  const double rest = place - static_cast<double>(below);
  if (rest == 0) return low;
  return std::lerp(low, *std::min_element(values.begin() + below + 1, values.end()), rest);
}

}  // namespace

double quantile(std::span<const double> values, double fraction) {
  if (values.empty()) return kNaN;
  std::vector<double> copy(values.begin(), values.end());
  return quantile_in_place(copy, fraction);
}

double median(std::span<const double> values) {
  return quantile(values, 0.5);
}

Interval median_interval(std::span<const double> values, const Bootstrap& bootstrap) {
  const double middle = median(values);
  if (values.empty() || bootstrap.resamples == 0) return {middle, middle, middle};
  if (values.size() < kFewestForInterval) {
    const auto [least, most] = std::ranges::minmax(values);
    return {least, middle, most, true};
  }
  Random random{bootstrap.seed};
  std::vector<double> resample(values.size());
  std::vector<double> medians(bootstrap.resamples);
  for (double& one : medians) {
    for (double& value : resample) value = values[random.below(values.size())];
    one = quantile_in_place(resample, 0.5);
  }
  const double outside = (1 - bootstrap.confidence) / 2;
  return {quantile_in_place(medians, outside), middle, quantile_in_place(medians, 1 - outside)};
}

Interval paired_ratio(std::span<const double> numerators, std::span<const double> denominators,
                      const Bootstrap& bootstrap) {
  if (numerators.size() != denominators.size()) {
    throw std::invalid_argument{"paired_ratio: the two sides have different sizes"};
  }
  std::vector<double> ratios(numerators.size());
  std::transform(numerators.begin(), numerators.end(), denominators.begin(), ratios.begin(), std::divides<>{});
  return median_interval(ratios, bootstrap);
}

Interval pooled_rate(std::span<const double> events, std::span<const double> trials, const Bootstrap& bootstrap) {
  if (events.size() != trials.size()) throw std::invalid_argument{"pooled_rate: the two sides have different sizes"};
  const auto rate = [](double happened, double tried) { return tried > 0 ? happened / tried : kNaN; };
  const double all = rate(std::reduce(events.begin(), events.end()), std::reduce(trials.begin(), trials.end()));
  if (std::isnan(all) || events.size() < 2 || bootstrap.resamples == 0) return {all, all, all};
  if (events.size() < kFewestForInterval) {
    Interval range{all, all, all, true};
    for (std::size_t i = 0; i < events.size(); ++i) {
      const double one = rate(events[i], trials[i]);
      if (std::isnan(one)) continue;
      range.low = std::min(range.low, one);
      range.high = std::max(range.high, one);
    }
    return range;
  }
  Random random{bootstrap.seed};
  std::vector<double> rates;
  rates.reserve(bootstrap.resamples);
  for (std::uint32_t k = 0; k < bootstrap.resamples; ++k) {
    double happened = 0;
    double tried = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const auto chosen = random.below(events.size());
      happened += events[chosen];
      tried += trials[chosen];
    }
    if (tried > 0) rates.push_back(happened / tried);
  }
  const double outside = (1 - bootstrap.confidence) / 2;
  return {quantile_in_place(rates, outside), all, quantile_in_place(rates, 1 - outside)};
}

double geometric_mean(std::span<const double> values) {
  if (values.empty()) return kNaN;
  double sum = 0;
  for (const double value : values) {
    if (!(value > 0)) return kNaN;
    sum += std::log(value);
  }
  return std::exp(sum / static_cast<double>(values.size()));
}

double jain(std::span<const double> values) {
  if (values.empty()) return kNaN;
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares == 0 ? 1 : sum * sum / (static_cast<double>(values.size()) * squares);
}

std::vector<bool> outliers(std::span<const double> values) {
  const double first = quantile(values, 0.25);
  const double third = quantile(values, 0.75);
  const double reach = 1.5 * (third - first);
  std::vector<bool> flags;
  flags.reserve(values.size());
  for (const double value : values) flags.push_back(value < first - reach || value > third + reach);
  return flags;
}

}  // namespace occ
