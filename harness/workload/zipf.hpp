#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace occ {

/// Ranks in [1, n] with probability rank^-exponent / harmonic(n, exponent): exact, for every exponent > 0, 1 included.
///
/// Rejection-inversion (Hörmann and Derflinger 1996): at most 1.013 tries a rank for exponents from 0.5 to 2, some
/// 20 ns each, so draw before the timed loop. The constructor takes tens of microseconds whatever n is.
/// n is 1 to 2^53.
class Zipf {
 public:
  Zipf(std::uint64_t n, double exponent) noexcept
      : exponent_{exponent},
        n_{static_cast<double>(n)},
        lowest_{integral(1.5) - 1},
        highest_{integral(n_ + 0.5)},
        shortcut_{2 - inverse(integral(2.5) - density(2))},
        normaliser_{harmonic(n, exponent)} {}

  /// A rank in [1, n].
  template <class R>
  std::uint64_t operator()(R& random) const noexcept {
    for (;;) {
      const double area = highest_ + random.uniform() * (lowest_ - highest_);
      const double x = inverse(area);
      const double rank = std::clamp(std::floor(x + 0.5), 1.0, n_);
      if (rank - x <= shortcut_ || area >= integral(rank + 0.5) - density(rank))
        return static_cast<std::uint64_t>(rank);
    }
  }

  /// The exact probability of one rank.
  [[nodiscard]] double probability(std::uint64_t rank) const noexcept {
    return density(static_cast<double>(rank)) / normaliser_;
  }

  /// The sum of k^-exponent for k from 1 to n, to about 1e-14 of itself, in constant time: the first terms one by one,
  /// the rest by the Euler-Maclaurin formula.
  [[nodiscard]] static double harmonic(std::uint64_t n, double exponent) noexcept {
    constexpr std::uint64_t kTermsOneByOne = 1000;
    double sum = 0;
    for (std::uint64_t k = std::min(n, kTermsOneByOne); k > 0; --k) sum += std::pow(static_cast<double>(k), -exponent);
    if (n <= kTermsOneByOne) return sum;
    const auto first = static_cast<double>(kTermsOneByOne);
    const auto last = static_cast<double>(n);
    const double s = exponent;
    const auto slope = [s](double x) { return -s * std::pow(x, -s - 1); };
    const auto third_derivative = [s](double x) { return -s * (s + 1) * (s + 2) * std::pow(x, -s - 3); };
    return sum + (integral(last, s) - integral(first, s)) + (std::pow(last, -s) - std::pow(first, -s)) / 2 +
           (slope(last) - slope(first)) / 12 - (third_derivative(last) - third_derivative(first)) / 720;
  }

 private:
  /// (e^t - 1) / t, and ln(1 + t) / t, continued through t = 0.
  static double expm1_ratio(double t) noexcept {
    return std::abs(t) > 1e-8 ? std::expm1(t) / t : 1 + t / 2 * (1 + t / 3);
  }
  static double log1p_ratio(double t) noexcept {
    return std::abs(t) > 1e-8 ? std::log1p(t) / t : 1 - t * (0.5 - t / 3);
  }

  /// The integral of x^-s from 1 to x.
  static double integral(double x, double s) noexcept {
    const double log_x = std::log(x);
    return expm1_ratio((1 - s) * log_x) * log_x;
  }

  [[nodiscard]] double density(double x) const noexcept { return std::exp(-exponent_ * std::log(x)); }
  [[nodiscard]] double integral(double x) const noexcept { return integral(x, exponent_); }
  [[nodiscard]] double inverse(double area) const noexcept {
    // Rounding may carry the argument past the pole at -1.
    const double t = std::max(area * (1 - exponent_), -1.0);
    return std::exp(log1p_ratio(t) * area);
  }

  double exponent_;
  double n_;
  double lowest_;
  double highest_;
  double shortcut_;
  double normaliser_;
};

}  // namespace occ
