#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace occ {

/// A slot and its number among those of its segment of the directory, from 0 on, which it keeps.
template <class Slot>
struct NumberedSlot {
  Slot* slot = nullptr;
  std::uint32_t number = 0;
};

/// Slots of consecutive numbers lie one after the other in runs that begin at these: of 4 slots below kLongRun, then of
/// kLongRun. So a segment with few ids takes little memory, and one with many has one long run more than it needs.
inline constexpr std::uint32_t kShortRun = 4;
inline constexpr std::uint32_t kLongRun = 128;

/// Without a branch, which nobody could predict.
[[nodiscard]] constexpr std::size_t run_of(std::uint32_t number) noexcept {
  return std::min(number / kShortRun, kLongRun / kShortRun - 1 + number / kLongRun);
}
[[nodiscard]] constexpr std::uint32_t run_length(std::uint32_t number) noexcept {
  return number < kLongRun ? kShortRun : kLongRun;
}
static_assert(run_of(0) == 0 && run_of(3) == 0 && run_of(4) == 1 && run_of(127) == 31);
static_assert(run_of(128) == 32 && run_of(255) == 32 && run_of(256) == 33);

}  // namespace occ
