#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

namespace occ {

/// Sizes of blocks: every 8 bytes from 32 to 256, then four steps to each doubling, so at most a fifth of a larger
/// block is unused.
struct SizeClass {
  static constexpr std::size_t kSmallest = 32;
  static constexpr std::size_t kFineStep = 8;
  static constexpr std::size_t kLastFineLog2 = 8;
  static constexpr std::size_t kLastFineBytes = std::size_t{1} << kLastFineLog2;
  static constexpr std::size_t kFineClasses = (kLastFineBytes - kSmallest) / kFineStep + 1;

  [[nodiscard]] static constexpr std::size_t of(std::size_t bytes) noexcept {
    if (bytes <= kLastFineBytes) return (std::max(bytes, kSmallest) - kSmallest + kFineStep - 1) / kFineStep;
    const auto log2 = static_cast<std::size_t>(std::bit_width(bytes - 1) - 1);
    const std::size_t below = std::size_t{1} << log2;
    const std::size_t step = below / 4;
    return kFineClasses + (log2 - kLastFineLog2) * 4 + (bytes - below + step - 1) / step - 1;
  }

  [[nodiscard]] static constexpr std::size_t bytes(std::size_t size_class) noexcept {
    if (size_class < kFineClasses) return kSmallest + kFineStep * size_class;
    const std::size_t coarse = size_class - kFineClasses;
    const std::size_t below = kLastFineBytes << (coarse / 4);
    return below + below / 4 * (coarse % 4 + 1);
  }
};
static_assert(SizeClass::bytes(SizeClass::of(128)) == 128 && SizeClass::bytes(SizeClass::of(129)) == 136);
static_assert(SizeClass::bytes(SizeClass::of(256)) == 256 && SizeClass::bytes(SizeClass::of(257)) == 320);

}  // namespace occ
