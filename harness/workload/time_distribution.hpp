#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/support/random.hpp"

namespace occ {

/// How long something takes, in seconds: a window, a think time, a service. Immutable once made.
///
/// As a text: "2ms" (always that long), "exponential:2ms" and "gamma:4:2ms" (shape 4) by their mean, and "file:NAME", a
/// measured histogram: a line "NS COUNT" for each cell, in ascending order, which says that COUNT samples were longer
/// than the cell before and at most NS nanoseconds; `#` begins a comment. Within a cell they are spread evenly.
class TimeDistribution {
 public:
  enum class Kind : std::uint8_t { fixed, exponential, gamma, histogram };
  /// A cell of a histogram: samples up to `upper_s` and above the cell before.
  struct Cell {
    double upper_s;
    double count;
  };

  static TimeDistribution fixed(double seconds);
  static TimeDistribution exponential(double mean_s);
  /// `shape` is above 0; 1 is exponential.
  static TimeDistribution gamma(double shape, double mean_s);
  /// `text` is what text() says. Throws BadInput unless bounds ascend from above 0 and counts are not all 0.
  static TimeDistribution histogram(std::vector<Cell> cells, std::string text);

  /// `option` is for messages. Throws BadInput, which says what is accepted: means from `least_s` to a day.
  static TimeDistribution parse(std::string_view option, std::string_view text, double least_s);

  [[nodiscard]] double mean_s() const noexcept { return mean_s_; }
  /// As given.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// The same shape, `factor` times as long.
  [[nodiscard]] TimeDistribution scaled(double factor) const;

  /// One of them; about 20 ns, a histogram's by a binary search.
  [[nodiscard]] double draw(Random& random) const noexcept;
  /// The share that is at most so long.
  [[nodiscard]] double share_below(double seconds) const;
  /// Longer ones are rarer than 1e-12.
  [[nodiscard]] double longest_s() const;

 private:
  TimeDistribution(Kind kind, double mean_s, double shape, std::string text)
      : kind_(kind), mean_s_(mean_s), shape_(shape), text_(std::move(text)) {}
  [[nodiscard]] double draw_gamma(Random& random) const noexcept;

  Kind kind_;
  double mean_s_;
  double shape_;
  std::string text_;
  /// Of a histogram: bounds, the first of them 0, and the share below each.
  std::vector<double> bounds_s_;
  std::vector<double> shares_;
};

/// "2 ms", "350 ns": three digits and a fitting unit.
[[nodiscard]] std::string time_text(double seconds);

}  // namespace occ
