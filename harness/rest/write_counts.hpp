#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/model/outcome.hpp"
#include "core/sync/atomic.hpp"

namespace occ {

/// What writes on one shard have come to.
struct WriteCounts {
  std::int64_t live = 0;  ///< documents created less those deleted
  std::int64_t indexed = 0;
  std::int64_t deleted = 0;

  WriteCounts& operator+=(const WriteCounts& other) noexcept {
    live += other.live;
    indexed += other.indexed;
    deleted += other.deleted;
    return *this;
  }
};

/// The counts of one thread on one shard. One thread writes, others may read: a write costs two plain stores.
class OwnWriteCounts {
 public:
  void add(Result result) noexcept {
    if (result == Result::created) raise(live_, 1);
    if (result == Result::deleted) raise(live_, -1);
    const bool is_delete = result == Result::deleted || result == Result::not_found;
    if (result != Result::noop) raise(is_delete ? deleted_ : indexed_, 1);
  }
  [[nodiscard]] WriteCounts read() const noexcept {
    // relaxed: a report, exact while nobody writes
    return {live_.load(std::memory_order_relaxed), indexed_.load(std::memory_order_relaxed),
            deleted_.load(std::memory_order_relaxed)};
  }

 private:
  static void raise(atomic<std::int64_t>& count, std::int64_t by) noexcept {
    count.store(count.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);  // relaxed: one thread writes
  }

  atomic<std::int64_t> live_{0};
  atomic<std::int64_t> indexed_{0};
  atomic<std::int64_t> deleted_{0};
};

/// The counts of all threads that have written to an index. Thread-safe.
class WriteCountsByThread {
 public:
  /// By shard.
  using Lent = std::shared_ptr<std::vector<OwnWriteCounts>>;

  /// For one thread, which may let go of them: they are kept.
  [[nodiscard]] Lent take(std::uint32_t shards) {
    auto lent = std::make_shared<std::vector<OwnWriteCounts>>(shards);
    const std::lock_guard lock(mutex_);
    lent_.push_back(lent);
    return lent;
  }
  [[nodiscard]] WriteCounts of_shard(std::uint32_t shard) const {
    WriteCounts sum;
    const std::lock_guard lock(mutex_);
    for (const auto& each : lent_) sum += (*each)[shard].read();
    return sum;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Lent> lent_;
};

}  // namespace occ
