#pragma once

#include <cpuid.h>

#include <cstdint>
#include <string_view>

namespace occ {

/// What is missing for hardware transactions (Intel RTM) to be worth anything here; empty if they commit. Found once,
/// by trying: processors that have the instructions may abort every transaction, by microcode or in a virtual machine.
inline std::string_view transactions_lack() noexcept {
  static const std::string_view lack = []() -> std::string_view {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    constexpr unsigned kRtm = 1U << 11U;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (ebx & kRtm) == 0)
      return "a processor with hardware transactions (RTM), which this one is not";
    constexpr int kTries = 1000;
    constexpr unsigned kStarted = ~0U;
    int committed = 0;
    volatile std::uint64_t line = 0;
    for (int i = 0; i < kTries; ++i) {
      if (static_cast<unsigned>(__builtin_ia32_xbegin()) != kStarted) continue;
      line = line + 1;
      __builtin_ia32_xend();
      ++committed;
    }
    return committed > kTries / 2 ? "" : "hardware transactions that commit; this processor aborts them";
  }();
  return lack;
}

}  // namespace occ
