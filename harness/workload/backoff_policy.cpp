#include "harness/workload/backoff_policy.hpp"

#include <algorithm>
#include <cmath>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/quantity.hpp"

namespace occ {
namespace {

constexpr std::array<std::string_view, 3> kKinds{"none", "exponential", "full-jitter"};
constexpr double kHour = 3600;

}  // namespace

BackoffPolicy BackoffPolicy::parse(std::string_view text) {
  if (text == "none") return {};
  const std::size_t colon = text.find(':');
  const std::size_t dots = text.find("..");
  const auto found = std::ranges::find(kKinds, text.substr(0, colon));
  if (found == kKinds.end() || found == kKinds.begin() || colon == std::string_view::npos ||
      dots == std::string_view::npos || dots < colon) {
    throw BadInput(
        fmt::format("--backoff '{}': accepted are none | exponential:FIRST..MOST | full-jitter:FIRST..MOST, such as "
                    "full-jitter:1ms..1s",
                    text));
  }
  BackoffPolicy policy;
  policy.kind = static_cast<Kind>(found - kKinds.begin());
  policy.first_s = read_seconds("--backoff FIRST", text.substr(colon + 1, dots - colon - 1), 1e-9, kHour);
  policy.most_s = read_seconds("--backoff MOST", text.substr(dots + 2), 1e-9, kHour);
  if (policy.most_s < policy.first_s)
    throw BadInput(fmt::format("--backoff '{}': MOST is below FIRST; accepted are FIRST and longer", text));
  return policy;
}

std::string BackoffPolicy::text() const {
  if (kind == Kind::none) return "none";
  const auto time = [](double seconds) {
    if (seconds >= 1) return fmt::format("{:.4g}s", seconds);
    return seconds >= 1e-3 ? fmt::format("{:.4g}ms", seconds * 1e3) : fmt::format("{:.4g}us", seconds * 1e6);
  };
  return fmt::format("{}:{}..{}", kKinds[static_cast<std::size_t>(kind)], time(first_s), time(most_s));
}

double BackoffPolicy::limit_s(std::uint32_t conflict) const noexcept {
  return std::min(std::ldexp(first_s, static_cast<int>(std::min(conflict, 1000U))), most_s);
}

double BackoffPolicy::mean_s(std::uint32_t conflict) const noexcept {
  if (kind == Kind::none) return 0;
  return kind == Kind::full_jitter ? limit_s(conflict) / 2 : limit_s(conflict);
}

double BackoffPolicy::draw(std::uint32_t conflict, Random& random) const noexcept {
  if (kind == Kind::none) return 0;
  return kind == Kind::full_jitter ? limit_s(conflict) * random.uniform() : limit_s(conflict);
}

}  // namespace occ
