#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/support/random.hpp"
#include "harness/workload/backoff_policy.hpp"
#include "harness/workload/time_distribution.hpp"

namespace occ {

/// How the starts of an open loop follow one another: independently of each other, or at equal distances.
enum class Arrivals : std::uint8_t { poisson, constant };
inline constexpr std::array<std::string_view, 2> kArrivals{"poisson", "constant"};

/// When operations begin, where a thread does not simply go on with the next one.
struct Pace {
  /// Closed loop: so many clients with one operation at a time, shared out over the threads; 0: one for each thread.
  std::uint64_t clients = 0;
  /// Between the end of a client's operation and the start of its next one.
  TimeDistribution think_between = TimeDistribution::fixed(0);
  /// Between the two calls of a client's own read-modify-write.
  TimeDistribution think_within = TimeDistribution::fixed(0);
  /// Of a client's own loop, between its tries.
  BackoffPolicy backoff;
  /// Open loop: so many operations begin per second, over all threads; 0: closed loop.
  double rate_per_s = 0;
  Arrivals arrivals = Arrivals::poisson;

  [[nodiscard]] bool is_open() const noexcept { return rate_per_s > 0; }
  [[nodiscard]] bool is_set() const noexcept {
    return clients > 0 || is_open() || think_between.mean_s() > 0 || think_within.mean_s() > 0 ||
           backoff.kind != BackoffPolicy::Kind::none;
  }
  /// What tells it from others of one run: "rate 500/s", "64 clients"; empty where nothing does.
  [[nodiscard]] std::string text() const;
};

/// The intended starts of one thread's operations: its share of a stream of so many per second. Poisson streams add up
/// to one; constant ones are shifted against each other, so that they add up to a constant one.
class ArrivalStream {
 public:
  ArrivalStream(const Pace& pace, std::uint32_t thread, std::uint32_t threads, std::uint64_t seed)
      : is_constant_(pace.arrivals == Arrivals::constant),
        gap_ns_(1e9 * threads / pace.rate_per_s),
        random_(seed),
        next_ns_(is_constant_ ? gap_ns_ * (thread + 1) / threads : gap()) {}

  [[nodiscard]] double next_ns() const noexcept { return next_ns_; }
  void advance() noexcept { next_ns_ += gap(); }

 private:
  double gap() noexcept { return is_constant_ ? gap_ns_ : -gap_ns_ * std::log(random_.uniform()); }

  bool is_constant_;
  double gap_ns_;
  Random random_;
  double next_ns_;
};

}  // namespace occ
