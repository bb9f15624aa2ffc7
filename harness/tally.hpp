#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "core/counters.hpp"
#include "harness/workload.hpp"

namespace occ {

/// Retries of one update: 0 to 15, and 16 or more.
inline constexpr std::size_t kRetryBins = 17;

/// What one thread saw its operations return, counted apart from what the strategy counts. Plain numbers, so that two
/// snapshots can be subtracted.
struct Tally {
  /// Ended applied, noop, found or not_found, by OperationKind.
  std::array<std::uint64_t, kOperationKinds.size()> operations{};
  /// Gave up after their retries.
  std::uint64_t exhausted = 0;
  std::array<std::uint64_t, kRetryBins> retries{};
  /// Writes of a document or tombstone; those of them that the strategy counts as applied; those that added one.
  std::uint64_t writes = 0;
  std::uint64_t applied = 0;
  std::uint64_t increments = 0;
  /// Gets whose source nobody can have written.
  std::uint64_t torn_reads = 0;
  /// Writes whose word is not above the one that they replaced, or that replaced another one than their condition
  /// names.
  std::uint64_t disorder = 0;
  std::uint64_t rejected = 0;
  /// Writes that were sent and never answered; increments all of them, if nothing else is written.
  std::uint64_t unknown = 0;
  /// Attempts of any kind that ended, so that a thread knows how long one takes.
  std::uint64_t ended = 0;

  [[nodiscard]] std::uint64_t total_operations() const noexcept {
    return std::accumulate(operations.begin(), operations.end(), std::uint64_t{0});
  }
  void count_retries(std::uint64_t count) noexcept {
    if (count == 0) [[likely]] {
      ++retries[0];
    } else {
      ++retries[std::min(count, std::uint64_t{kRetryBins - 1})];
    }
  }

  Tally& operator+=(const Tally& other) noexcept { return combine(other, 1); }
  [[nodiscard]] Tally since(const Tally& earlier) const noexcept {
    Tally difference = *this;
    return difference.combine(earlier, ~std::uint64_t{0});
  }

 private:
  /// Adds `other` times `factor`, modulo 2^64: a factor of -1 subtracts.
  Tally& combine(const Tally& other, std::uint64_t factor) noexcept {
    for (std::size_t i = 0; i < operations.size(); ++i) operations[i] += factor * other.operations[i];
    for (std::size_t i = 0; i < retries.size(); ++i) retries[i] += factor * other.retries[i];
    for (const auto member : {&Tally::exhausted, &Tally::writes, &Tally::applied, &Tally::increments,
                              &Tally::torn_reads, &Tally::disorder, &Tally::rejected, &Tally::unknown, &Tally::ended}) {
      this->*member += factor * other.*member;
    }
    return *this;
  }
};

}  // namespace occ
