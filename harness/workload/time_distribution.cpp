#include "harness/workload/time_distribution.hpp"

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <iterator>
#include <utility>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/quantity.hpp"
#include "harness/workload/number_lines.hpp"

namespace occ {
namespace {

constexpr double kDay = 24 * 3600;
constexpr double kRare = 1e-12;
constexpr std::string_view kAccepted = "TIME | exponential:TIME | gamma:SHAPE:TIME | file:NAME";

/// A standard normal by the polar method of Marsaglia.
double draw_normal(Random& random) noexcept {
  for (;;) {
    const double x = 2 * random.uniform() - 1;
    const double y = 2 * random.uniform() - 1;
    const double square = x * x + y * y;
    if (square < 1 && square > 0) return x * std::sqrt(-2 * std::log(square) / square);
  }
}

TimeDistribution read_histogram(std::string_view option, std::string_view name) {
  std::vector<TimeDistribution::Cell> cells;
  for (const NumberLine& line : read_number_lines(option, std::string(name), 2))
    cells.push_back({line.numbers[0] * 1e-9, line.numbers[1]});
  return TimeDistribution::histogram(std::move(cells), fmt::format("file:{}", name));
}

}  // namespace

TimeDistribution TimeDistribution::fixed(double seconds) {
  return {Kind::fixed, seconds, 0, fmt::format("{}s", seconds)};
}

TimeDistribution TimeDistribution::exponential(double mean_s) {
  return {Kind::exponential, mean_s, 1, fmt::format("exponential:{}s", mean_s)};
}

TimeDistribution TimeDistribution::gamma(double shape, double mean_s) {
  return {Kind::gamma, mean_s, shape, fmt::format("gamma:{}:{}s", shape, mean_s)};
}

TimeDistribution TimeDistribution::histogram(std::vector<Cell> cells, std::string text) {
  TimeDistribution result(Kind::histogram, 0, 0, std::move(text));
  const auto refuse = [&result](std::string_view why) {
    return BadInput(fmt::format("{}: {}; accepted are lines 'NS COUNT', NS ascending from above 0", result.text_, why));
  };
  double count = 0;
  result.bounds_s_.push_back(0);
  result.shares_.push_back(0);
  for (const Cell& cell : cells) {
    if (!(cell.upper_s > result.bounds_s_.back())) throw refuse("the bounds do not ascend");
    if (!(cell.count >= 0) || !std::isfinite(cell.count)) throw refuse("a count is below 0");
    count += cell.count;
    result.mean_s_ += cell.count * (cell.upper_s + result.bounds_s_.back()) / 2;
    result.bounds_s_.push_back(cell.upper_s);
    result.shares_.push_back(count);
  }
  if (!(count > 0)) throw refuse("it has no sample");
  for (double& share : result.shares_) share /= count;
  result.mean_s_ /= count;
  return result;
}

TimeDistribution TimeDistribution::parse(std::string_view option, std::string_view text, double least_s) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (colon == std::string_view::npos) {
    const double seconds = read_seconds(option, text, least_s, kDay);
    TimeDistribution result = fixed(seconds);
    result.text_ = text;
    return result;
  }
  if (kind == "file") return read_histogram(option, rest);
  if (kind == "exponential") {
    TimeDistribution result = exponential(read_seconds(option, rest, least_s, kDay));
    result.text_ = text;
    return result;
  }
  if (kind == "gamma" && rest.find(':') != std::string_view::npos) {
    const std::size_t second = rest.find(':');
    const double shape = read_number(fmt::format("{}: SHAPE", option), rest.substr(0, second), 0.1, 1000);
    TimeDistribution result = gamma(shape, read_seconds(option, rest.substr(second + 1), least_s, kDay));
    result.text_ = text;
    return result;
  }
  throw BadInput(fmt::format("{} '{}': accepted are {}", option, text, kAccepted));
}

TimeDistribution TimeDistribution::scaled(double factor) const {
  TimeDistribution result = *this;
  result.mean_s_ *= factor;
  for (double& bound : result.bounds_s_) bound *= factor;
  if (factor != 1) result.text_ = fmt::format("{:.3g} x {}", factor, text_);
  return result;
}

double TimeDistribution::draw(Random& random) const noexcept {
  switch (kind_) {
    case Kind::fixed:
      return mean_s_;
    case Kind::exponential:
      return -mean_s_ * std::log(random.uniform());
    case Kind::gamma:
      return draw_gamma(random);
    default: {
      const double share = random.uniform();
      const auto above = std::lower_bound(shares_.begin() + 1, shares_.end() - 1, share);
      const auto cell = static_cast<std::size_t>(above - shares_.begin());
      const double part = (share - shares_[cell - 1]) / (shares_[cell] - shares_[cell - 1]);
      return bounds_s_[cell - 1] + part * (bounds_s_[cell] - bounds_s_[cell - 1]);
    }
  }
}

/// Marsaglia and Tsang 2000; shapes below 1 through the shape above.
double TimeDistribution::draw_gamma(Random& random) const noexcept {
  const double shape = shape_ < 1 ? shape_ + 1 : shape_;
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double normal = draw_normal(random);
    const double root = 1 + c * normal;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(random.uniform()) >= normal * normal / 2 + d - d * v + d * std::log(v)) continue;
    const double scale = mean_s_ / shape_;
    return shape_ < 1 ? d * v * scale * std::pow(random.uniform(), 1 / shape_) : d * v * scale;
  }
}

double TimeDistribution::share_below(double seconds) const {
  if (seconds < 0) return 0;
  switch (kind_) {
    case Kind::fixed:
      return seconds >= mean_s_ ? 1 : 0;
    case Kind::exponential:
      return -std::expm1(-seconds / mean_s_);
    case Kind::gamma:
      return boost::math::gamma_p(shape_, seconds * shape_ / mean_s_);
    default: {
      const auto above = std::upper_bound(bounds_s_.begin(), bounds_s_.end(), seconds);
      if (above == bounds_s_.end()) return 1;
      const auto cell = static_cast<std::size_t>(above - bounds_s_.begin());
      const double part = (seconds - bounds_s_[cell - 1]) / (bounds_s_[cell] - bounds_s_[cell - 1]);
      return shares_[cell - 1] + part * (shares_[cell] - shares_[cell - 1]);
    }
  }
}

double TimeDistribution::longest_s() const {
  switch (kind_) {
    case Kind::fixed:
      return mean_s_;
    case Kind::exponential:
      return -mean_s_ * std::log(kRare);
    case Kind::gamma:
      return boost::math::gamma_q_inv(shape_, kRare) * mean_s_ / shape_;
    default:
      return bounds_s_.back();
  }
}

std::string time_text(double seconds) {
  constexpr std::pair<double, std::string_view> kUnits[] = {{1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  if (seconds == 0) return "0";
  if (std::abs(seconds) >= 1) return fmt::format("{:.3g} s", seconds);
  for (const auto& [unit_s, unit] : kUnits) {
    if (std::abs(seconds) >= 0.9995 * unit_s) return fmt::format("{:.3g} {}", seconds / unit_s, unit);
  }
  return fmt::format("{:.3g} ns", seconds * 1e9);
}

}  // namespace occ
