#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "core/build/inlining.hpp"
#include "core/sync/spin_wait.hpp"

namespace occ {

/// What a handle does after somebody else was faster: after a publication that failed, a claim that another thread
/// holds, and before it reports a version conflict on a word or `_version` that the client had read. All kinds wait on
/// the processor and give no core away, so that the lines of the document stay with the thread that has them.
enum class BackoffKind : std::uint8_t {
  /// Tries again at once.
  none,
  /// A random time below a limit that doubles with each failure in a row and falls back with a success: for documents
  /// that threads share now and then, or whose lines travel quickly between their cores.
  exponential,
  /// A limit that doubles with each failure and halves with every so many successes, so that a thread that fails more
  /// often than that stands back for longer and longer, and the others have the document to themselves meanwhile: for
  /// few and hot documents, where one thread alone does more than all of them together.
  adaptive,
};

inline constexpr std::array<std::string_view, 3> kBackoffKinds{"none", "exponential", "adaptive"};

constexpr std::string_view to_string(BackoffKind kind) noexcept {
  return kBackoffKinds[static_cast<std::size_t>(kind)];
}

/// The back-off of one handle.
class Backoff {
 public:
  /// Of `adaptive`: fewer failures than one in so many successes are no contention.
  static constexpr std::uint32_t kSuccessesForgiven = 256;
  /// About a failed publication, and about what keeps a document for 200 operations in a row, after which moving its
  /// lines is a small part of them.
  static constexpr double kLeastNs = 250;
  static constexpr double kMostNs = 16'000;

  explicit Backoff(BackoffKind kind) : kind_(kind) {
    if (kind_ == BackoffKind::none) return;
    ns_per_pause_ = measured_ns_per_pause();
    least_ = pauses_in(kLeastNs);
    most_ = pauses_in(kMostNs);
    limit_ = least_;
    // Handles differ in where they are; a stream of its own keeps two threads from failing in step.
    random_ = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(this) >> 4U) | 1U;
  }

  /// Waits as the kind says, and returns for how long, in ns.
  std::uint64_t after_failure() noexcept {
    if (kind_ == BackoffKind::none) return 0;
    // Full jitter, but `adaptive` waits half of it at least: the others need the time to themselves.
    const std::uint32_t least = kind_ == BackoffKind::adaptive ? limit_ / 2 : 1;
    const std::uint32_t pauses = least + next_random() % limit_;
    for (std::uint32_t i = 0; i < pauses; ++i) cpu_pause();
    limit_ = std::min(2 * limit_, most_);
    return static_cast<std::uint64_t>(pauses * ns_per_pause_);
  }

  OCCKIT_INLINE void after_success() noexcept {
    if (kind_ == BackoffKind::none) return;
    if (kind_ == BackoffKind::exponential) {
      limit_ = least_;
    } else if (++successes_ % kSuccessesForgiven == 0) {
      limit_ = std::max(limit_ / 2, least_);
    }
  }

 private:
  /// `pause` takes 4 to 140 cycles, by the processor. The least of some tries, since another thread may run between;
  /// once per process, in about 0.2 ms.
  static double measured_ns_per_pause() {
    static const double measured = [] {
      constexpr int kPauses = 1000;
      std::chrono::duration<double, std::nano> least{1e9};
      for (int attempt = 0; attempt < 8; ++attempt) {
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < kPauses; ++i) cpu_pause();
        least = std::min<decltype(least)>(least, std::chrono::steady_clock::now() - began);
      }
      return least.count() / kPauses;
    }();
    return measured;
  }
  [[nodiscard]] std::uint32_t pauses_in(double ns) const noexcept {
    return std::max(1U, static_cast<std::uint32_t>(ns / ns_per_pause_));
  }

  /// Marsaglia's xorshift of 32 bits.
  std::uint32_t next_random() noexcept {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 17U;
    random_ ^= random_ << 5U;
    return random_;
  }

  BackoffKind kind_;
  double ns_per_pause_ = 1;
  /// In pauses.
  std::uint32_t least_ = 1;
  std::uint32_t most_ = 1;
  std::uint32_t limit_ = 1;
  std::uint32_t successes_ = 0;
  std::uint32_t random_ = 1;
};

}  // namespace occ
