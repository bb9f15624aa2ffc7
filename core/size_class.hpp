#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

namespace occ {

/// Sizes of blocks: every 16 bytes from 32 to 128, then four steps to each doubling, so at most a fifth of a larger
/// block is unused.
struct SizeClass {
  static constexpr std::size_t kSmallest = 32;
  static constexpr std::size_t kLastFineBytes = 128;
  static constexpr std::size_t kFineClasses = (kLastFineBytes - kSmallest) / 16 + 1;

  [[nodiscard]] static constexpr std::size_t of(std::size_t bytes) noexcept {
    if (bytes <= kLastFineBytes) return (std::max(bytes, kSmallest) - kSmallest + 15) / 16;
    const auto log2 = static_cast<std::size_t>(std::bit_width(bytes - 1) - 1);
    const std::size_t below = std::size_t{1} << log2;
    const std::size_t step = below / 4;
    return kFineClasses + (log2 - 7) * 4 + (bytes - below + step - 1) / step - 1;
  }

  [[nodiscard]] static constexpr std::size_t bytes(std::size_t size_class) noexcept {
    if (size_class < kFineClasses) return kSmallest + 16 * size_class;
    const std::size_t coarse = size_class - kFineClasses;
    const std::size_t below = kLastFineBytes << (coarse / 4);
    return below + below / 4 * (coarse % 4 + 1);
  }
};
static_assert(SizeClass::bytes(SizeClass::of(128)) == 128 && SizeClass::bytes(SizeClass::of(129)) == 160);
static_assert(SizeClass::bytes(SizeClass::of(256)) == 256 && SizeClass::bytes(SizeClass::of(257)) == 320);

}  // namespace occ
