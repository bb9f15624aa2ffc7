#pragma once

#include <optional>

namespace occ {

/// Finds the highest rate that holds, among rates that are 6 % apart and the same for everybody: every other one is
/// four times the one before until one does not hold, then halves of what is left between. Assumes that a rate below
/// one that holds does too.
class RateSearch {
 public:
  /// Of a search from kFirst to some millions per second.
  static constexpr double kUsualSteps = 11;

  /// Tries no rate at which fewer than 100 operations are to begin in a window of `window_s`: less have no hundredth.
  RateSearch(double p99_below_s, double window_s);

  /// The one that is tried first.
  [[nodiscard]] double first() const { return rate(first_step()); }
  /// What 99 % of the response times are to stay below.
  [[nodiscard]] double p99_below_s() const noexcept { return p99_below_s_; }
  /// Per second; nothing at the end.
  [[nodiscard]] std::optional<double> next() const;
  /// Whether next() held.
  void tell(bool holds);
  /// The highest that held; nothing if none did.
  [[nodiscard]] std::optional<double> highest() const;

  /// The rate number `step`: three digits of 1000 * 2^(step / 12).
  [[nodiscard]] static double rate(int step);

 private:
  [[nodiscard]] int first_step() const noexcept { return least_step_ > 0 ? least_step_ : 0; }
  [[nodiscard]] std::optional<int> next_step() const;

  double p99_below_s_;
  int least_step_;
  /// The highest step that held, and the lowest that did not.
  std::optional<int> holds_;
  std::optional<int> fails_;
};

}  // namespace occ
