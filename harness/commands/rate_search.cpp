#include "harness/commands/rate_search.hpp"

#include <algorithm>
#include <cmath>

namespace occ {
namespace {

constexpr double kFirstRate = 1000;
constexpr int kStepsOfADoubling = 12;
constexpr int kStride = 2 * kStepsOfADoubling;
/// 65 million a second: beyond, the loop that measures is what waits.
constexpr int kMostStep = 16 * kStepsOfADoubling;
constexpr double kLeastOperations = 100;

}  // namespace

RateSearch::RateSearch(double p99_below_s, double window_s)
    : p99_below_s_(p99_below_s),
      least_step_(
          static_cast<int>(std::ceil(kStepsOfADoubling * std::log2(kLeastOperations / window_s / kFirstRate) - 1e-9))) {
}

double RateSearch::rate(int step) {
  const double exact = kFirstRate * std::exp2(static_cast<double>(step) / kStepsOfADoubling);
  const double unit = std::pow(10, std::floor(std::log10(exact)) - 2);
  return std::round(exact / unit) * unit;
}

std::optional<int> RateSearch::next_step() const {
  if (!holds_ && !fails_) return first_step();
  if (!fails_) return *holds_ < kMostStep ? std::optional(std::min(*holds_ + kStride, kMostStep)) : std::nullopt;
  if (!holds_) return *fails_ > least_step_ ? std::optional(std::max(*fails_ - kStride, least_step_)) : std::nullopt;
  return *fails_ - *holds_ > 1 ? std::optional((*fails_ + *holds_) / 2) : std::nullopt;
}

std::optional<double> RateSearch::next() const {
  const auto step = next_step();
  return step ? std::optional(rate(*step)) : std::nullopt;
}

void RateSearch::tell(bool holds) {
  (holds ? holds_ : fails_) = next_step();
}

std::optional<double> RateSearch::highest() const {
  return holds_ ? std::optional(rate(*holds_)) : std::nullopt;
}

}  // namespace occ
