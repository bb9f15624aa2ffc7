#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace occ {

/// A median and what surrounds it. An interval of one value is that value.
struct Interval {
  double low;
  double median;
  double high;
  /// From the smallest value to the largest: there were too few for a bootstrap interval.
  bool is_range = false;
};

/// Of fewer values the bootstrap's 95 % interval of a median covers much less than 95 % (50 % of two, 75 % of three),
/// so that there is only a range.
inline constexpr std::size_t kFewestForInterval = 6;

/// How an interval is made: percentile bootstrap (Efron), `resamples` times, by a stream of its own, so that the same
/// values give the same interval.
struct Bootstrap {
  std::uint64_t seed = 1;
  std::uint32_t resamples = 10'000;
  double confidence = 0.95;
};

// Of no values, all of these are NaN. No value may be NaN.

/// The `fraction` quantile, 0 to 1, with linear interpolation between neighbours (type 7 of Hyndman and Fan 1996).
[[nodiscard]] double quantile(std::span<const double> values, double fraction);
[[nodiscard]] double median(std::span<const double> values);
/// The median of the values, and its bootstrap interval; of fewer than kFewestForInterval their range.
[[nodiscard]] Interval median_interval(std::span<const double> values, const Bootstrap& bootstrap = {});

/// The median of numerators[i] / denominators[i], and its bootstrap interval over pairs, or range. Both sides have the same size,
/// else std::invalid_argument.
[[nodiscard]] Interval paired_ratio(std::span<const double> numerators, std::span<const double> denominators,
                                    const Bootstrap& bootstrap = {});

/// Events by trials, those of all replicates together, and its bootstrap interval over replicates. Both sides have the
/// same size, else std::invalid_argument. NaN without trials; of fewer than kFewestForInterval the range of their rates.
[[nodiscard]] Interval pooled_rate(std::span<const double> events, std::span<const double> trials,
                                   const Bootstrap& bootstrap = {});

/// Values above 0; NaN if one is not.
[[nodiscard]] double geometric_mean(std::span<const double> values);

/// Jain's index of fairness, (sum x)^2 / (n sum x^2): 1 if all are equal, 1/n if one has everything. 1 if all are 0.
[[nodiscard]] double jain(std::span<const double> values);

/// For each value whether it lies more than 1.5 interquartile ranges outside the quartiles (Tukey). Flags; drops
/// nothing.
[[nodiscard]] std::vector<bool> outliers(std::span<const double> values);

}  // namespace occ
