#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace occ {

__extension__ using Uint128 = unsigned __int128;

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014): a bijection of the 64-bit numbers.
constexpr std::uint64_t mix64(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

/// The step of splitmix64: 2^64 divided by the golden ratio.
inline constexpr std::uint64_t kGoldenStep = 0x9e3779b97f4a7c15U;

/// The seed of one thread's stream in one replicate. For a given seed and replicate, different threads always get
/// different seeds; otherwise two seeds are equal by chance only (1 in 2^64).
constexpr std::uint64_t stream_seed(std::uint64_t seed, std::uint64_t thread, std::uint64_t replicate) noexcept {
  return mix64(mix64(mix64(seed + kGoldenStep) + replicate + kGoldenStep) + thread + kGoldenStep);
}

/// xoshiro256++ (Blackman and Vigna 2021): 64 bits in under a nanosecond, period 2^256 - 1. For experiments, not for
/// secrets. One per thread. Usable as a standard uniform random bit generator.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) word = mix64(seed += kGoldenStep);
  }

  std::uint64_t next() noexcept {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// Uniform in [0, bound), without bias (Lemire 2019). `bound` is at least 1.
  std::uint64_t below(std::uint64_t bound) noexcept {
    Uint128 product = Uint128{next()} * bound;
    if (static_cast<std::uint64_t>(product) < bound) [[unlikely]] {
      const std::uint64_t threshold = (0 - bound) % bound;
      while (static_cast<std::uint64_t>(product) < threshold) product = Uint128{next()} * bound;
    }
    return static_cast<std::uint64_t>(product >> 64U);
  }

  /// Uniform in (0, 1], in steps of 2^-53.
  double uniform() noexcept { return static_cast<double>((next() >> 11U) + 1) * 0x1p-53; }

  static constexpr std::uint64_t min() noexcept { return 0; }
  static constexpr std::uint64_t max() noexcept { return std::numeric_limits<std::uint64_t>::max(); }
  std::uint64_t operator()() noexcept { return next(); }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace occ
