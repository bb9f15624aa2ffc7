#include "harness/advise/conflict_curve.hpp"

#include <algorithm>
#include <cmath>

namespace occ {
namespace {

constexpr std::size_t kTimes = 2000;
constexpr double kLeastLoad = 1e-5;
constexpr double kMostLoad = 1e6;
constexpr double kLoadStep = 1.06;
/// What is left of an integral is nothing beside it.
constexpr double kNothing = 1e-18;

}  // namespace

ConflictCurve::ConflictCurve(const TimeDistribution& window)
    : is_fixed_(window.kind() == TimeDistribution::Kind::fixed) {
  if (is_fixed_) return;
  const double mean = window.mean_s();
  const double longest = window.longest_s() / mean;
  double before = window.share_below(0);
  times_.push_back(0);
  integral_.push_back(0);
  // Close together where the curve of a high load is decided: at the shortest windows.
  for (std::size_t i = 1; i <= kTimes; ++i) {
    const double part = static_cast<double>(i) / kTimes;
    const double time = longest * part * part * part;
    const double share = window.share_below(time * mean);
    integral_.push_back(integral_.back() + (time - times_.back()) * (share + before) / 2);
    times_.push_back(time);
    before = share;
  }
  tabulate();
}

double ConflictCurve::attempts(double load) const {
  if (is_fixed_) return 1 + load;
  double expected = 0;
  double high = 1;
  for (std::size_t i = 1; i < times_.size(); ++i) {
    const double low = std::exp(-load * integral_[i]);
    const double slope = load * (integral_[i] - integral_[i - 1]);
    // exp(-s G) between two points on which G is linear.
    const double mean = slope > 1e-6 ? (high - low) / slope : (high + low) / 2;
    expected += (times_[i] - times_[i - 1]) * mean;
    high = low;
    if (low < kNothing) break;
  }
  return load * expected + high;
}

void ConflictCurve::tabulate() {
  rho_.push_back(0);
  ratio_.push_back(1);
  for (double load = kLeastLoad; load < kMostLoad; load *= kLoadStep) {
    const double tries = attempts(load);
    const double rho = load / tries;
    if (rho <= rho_.back()) break;
    rho_.push_back(rho);
    ratio_.push_back((1 - 1 / tries) / rho);
  }
}

double ConflictCurve::conflict(double rho) const noexcept {
  if (rho <= 0) return 0;
  if (is_fixed_) return std::min(rho, 1.0);
  const auto above = std::lower_bound(rho_.begin() + 1, rho_.end(), rho);
  if (above == rho_.end()) return 1;
  const auto i = static_cast<std::size_t>(above - rho_.begin());
  const double part = (rho - rho_[i - 1]) / (rho_[i] - rho_[i - 1]);
  return rho * (ratio_[i - 1] + part * (ratio_[i] - ratio_[i - 1]));
}

double ramanujan_attempts(std::uint64_t clients) {
  double sum = 0;
  double term = 1;
  const auto n = static_cast<double>(clients);
  for (double k = 1; k <= n && term > 1e-16; ++k) {
    sum += term;
    term *= (n - k) / n;
  }
  return sum;
}

double lockstep_conflict(std::uint64_t clients) {
  return 1 - 1 / static_cast<double>(std::max<std::uint64_t>(clients, 1));
}

}  // namespace occ
