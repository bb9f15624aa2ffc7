#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "core/model/outcome.hpp"
#include "core/table/counters.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

/// Retries of one update: 0 to 15, and 16 or more.
inline constexpr std::size_t kRetryBins = 17;

/// What one thread saw its operations return, counted apart from what the strategy counts. Plain numbers, so that two
/// snapshots can be subtracted.
struct OperationCounts {
  /// Ended applied, noop, found or not_found, by OperationKind.
  std::array<std::uint64_t, kOperationKinds.size()> operations{};
  /// Gave up after their retries.
  std::uint64_t exhausted = 0;
  std::array<std::uint64_t, kRetryBins> retries{};
  /// Writes of a document or tombstone; those of them that the strategy counts as applied; those that added one.
  std::uint64_t writes = 0;
  std::uint64_t applied = 0;
  std::uint64_t increments = 0;
  /// Of the applied writes: those that made a document where none was, and deletes; and the sums of the versions that
  /// they gave.
  std::uint64_t created = 0;
  std::uint64_t created_versions = 0;
  std::uint64_t deleted = 0;
  std::uint64_t deleted_versions = 0;
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
  void count_created(Version version) noexcept {
    ++created;
    created_versions += static_cast<std::uint64_t>(version);
  }
  void count_deleted(Version version) noexcept {
    ++deleted;
    deleted_versions += static_cast<std::uint64_t>(version);
  }
  void count_retries(std::uint64_t count) noexcept {
    if (count == 0) [[likely]] {
      ++retries[0];
    } else {
      ++retries[std::min(count, std::uint64_t{kRetryBins - 1})];
    }
  }

  OperationCounts& operator+=(const OperationCounts& other) noexcept { return combine(other, 1); }
  [[nodiscard]] OperationCounts since(const OperationCounts& earlier) const noexcept {
    OperationCounts difference = *this;
    return difference.combine(earlier, ~std::uint64_t{0});
  }

 private:
  /// Adds `other` times `factor`, modulo 2^64: a factor of -1 subtracts.
  OperationCounts& combine(const OperationCounts& other, std::uint64_t factor) noexcept {
    for (std::size_t i = 0; i < operations.size(); ++i) operations[i] += factor * other.operations[i];
    for (std::size_t i = 0; i < retries.size(); ++i) retries[i] += factor * other.retries[i];
    for (const auto member :
         {&OperationCounts::exhausted, &OperationCounts::writes, &OperationCounts::applied,
          &OperationCounts::increments, &OperationCounts::created, &OperationCounts::created_versions,
          &OperationCounts::deleted, &OperationCounts::deleted_versions, &OperationCounts::torn_reads,
          &OperationCounts::disorder, &OperationCounts::rejected, &OperationCounts::unknown, &OperationCounts::ended}) {
      this->*member += factor * other.*member;
    }
    return *this;
  }
};

/// What a thread saw of operations that have intended starts, in its window.
struct PaceCounts {
  /// Intended starts, and operations that ended, in whatever way, per second.
  double offered_per_s = 0;
  double achieved_per_s = 0;
  /// Operations that should have begun by the window's end and had not.
  std::uint64_t queued = 0;
  /// What clients waited between their tries, by the time at which they began to wait.
  double backoff_ns = 0;

  PaceCounts& operator+=(const PaceCounts& other) noexcept {
    offered_per_s += other.offered_per_s;
    achieved_per_s += other.achieved_per_s;
    queued += other.queued;
    backoff_ns += other.backoff_ns;
    return *this;
  }
};

}  // namespace occ
