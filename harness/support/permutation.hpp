#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "harness/support/random.hpp"

namespace occ {

/// A bijection of [0, n) chosen by a seed, without a table: a Feistel network over the smallest power of two that holds
/// n, walked until the value lies below n (Black and Rogaway 2002); under two walks on average. Spreads the ranks of a
/// skewed distribution over the documents. n is at least 1.
class Permutation {
 public:
  Permutation(std::uint64_t n, std::uint64_t seed) noexcept
      : n_{n}, low_bits_{static_cast<unsigned>(std::bit_width(n - 1) + 1) / 2} {
    const auto bits = static_cast<unsigned>(std::bit_width(n - 1));
    low_mask_ = mask(low_bits_);
    high_mask_ = mask(bits - low_bits_);
    for (std::uint64_t& key : keys_) key = mix64(seed += kGoldenStep);
  }

  /// Where `index`, which lies in [0, n), goes.
  [[nodiscard]] std::uint64_t operator()(std::uint64_t index) const noexcept {
    do index = forward(index);
    while (index >= n_);
    return index;
  }
  /// What goes to `image`, which lies in [0, n).
  [[nodiscard]] std::uint64_t inverse(std::uint64_t image) const noexcept {
    do image = backward(image);
    while (image >= n_);
    return image;
  }

 private:
  static constexpr std::uint64_t mask(unsigned bits) noexcept {
    return bits == 0 ? 0 : ~std::uint64_t{0} >> (64U - bits);
  }

  // Each line changes one half by a function of the other, so each can be undone, whatever the widths of the halves.
  [[nodiscard]] std::uint64_t forward(std::uint64_t value) const noexcept {
    std::uint64_t low = value & low_mask_;
    std::uint64_t high = value >> low_bits_;
    for (std::size_t round = 0; round < keys_.size(); round += 2) {
      low ^= mix64(high ^ keys_[round]) & low_mask_;
      high ^= mix64(low ^ keys_[round + 1]) & high_mask_;
    }
    return high << low_bits_ | low;
  }
  [[nodiscard]] std::uint64_t backward(std::uint64_t value) const noexcept {
    std::uint64_t low = value & low_mask_;
    std::uint64_t high = value >> low_bits_;
    for (std::size_t round = keys_.size(); round > 0; round -= 2) {
      high ^= mix64(low ^ keys_[round - 1]) & high_mask_;
      low ^= mix64(high ^ keys_[round - 2]) & low_mask_;
    }
    return high << low_bits_ | low;
  }

  std::uint64_t n_;
  unsigned low_bits_;
  std::uint64_t low_mask_;
  std::uint64_t high_mask_;
  std::array<std::uint64_t, 6> keys_;
};

}  // namespace occ
