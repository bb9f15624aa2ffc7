#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/support/random.hpp"

namespace occ {

/// How long a client waits after a conflict before it tries again. As a text: "none", "exponential:FIRST..MOST" (a time
/// that doubles with each conflict of the operation, without chance) and "full-jitter:FIRST..MOST" (a random time
/// between 0 and that; AWS 2015). FIRST and MOST are times: "full-jitter:4ms..1s".
struct BackoffPolicy {
  enum class Kind : std::uint8_t { none, exponential, full_jitter };
  Kind kind = Kind::none;
  double first_s = 0;
  double most_s = 0;

  /// Throws BadInput, which says what is accepted.
  static BackoffPolicy parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  /// Mean wait after the conflict number `conflict` of an operation, counted from 0.
  [[nodiscard]] double mean_s(std::uint32_t conflict) const noexcept;
  [[nodiscard]] double draw(std::uint32_t conflict, Random& random) const noexcept;

 private:
  [[nodiscard]] double limit_s(std::uint32_t conflict) const noexcept;
};

}  // namespace occ
