#pragma once

#include <type_traits>

#include "core/floors/storeless_table.hpp"
#include "core/table/shard.hpp"

namespace occ {

/// Every write is one fetch_add on one line for all threads, which always succeeds.
class FetchAddLine {
 public:
  SeqNoTerm look() const noexcept {
    return SeqNoTerm::from_bits(bits_.load(std::memory_order_relaxed));  // relaxed: it carries nothing
  }
  SeqNoTerm change() noexcept {
    return SeqNoTerm::from_bits(bits_.fetch_add(kOne, std::memory_order_relaxed));  // relaxed: it carries nothing
  }

 private:
  static constexpr std::uint64_t kOne = SeqNoTerm(1, 0).bits();
  alignas(kFalseSharingRange) atomic<std::uint64_t> bits_{SeqNoTerm(0, 1).bits()};
};

/// Every write is one compare-and-swap that succeeds on one line for all threads, and those that fail before it.
class CompareAndSwapLine {
 public:
  SeqNoTerm look() const noexcept {
    return SeqNoTerm::from_bits(bits_.load(std::memory_order_relaxed));  // relaxed: it carries nothing
  }
  SeqNoTerm change() noexcept {
    std::uint64_t seen = bits_.load(std::memory_order_relaxed);  // relaxed: the exchange checks it
    // relaxed: it carries nothing
    while (!bits_.compare_exchange_strong(seen, seen + kOne, std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
    return SeqNoTerm::from_bits(seen);
  }

 private:
  static constexpr std::uint64_t kOne = SeqNoTerm(1, 0).bits();
  alignas(kFalseSharingRange) atomic<std::uint64_t> bits_{SeqNoTerm(0, 1).bits()};
};

/// Every write draws its number as the tables do, from one shard, with all that belongs to it.
class ShardCounterLine {
 public:
  static SeqNoTerm look() noexcept { return {0, 1}; }
  SeqNoTerm change() noexcept { return shard_.draw(); }

 private:
  Shard shard_;
};

/// Floor: what threads can do who all write one line, and do nothing else: no document, no id, no transform. A get is a
/// load of that line (of nothing, for the shard counter), a write one read-modify-write of it. What a document that
/// everybody wants can get at most, if each of its writes has to take its line from the last writer's cache.
///
/// Progress: wait-free, but for the compare-and-swap, which is lock-free.
/// Cost: no dependent miss but the line itself. Locked instructions: get 0, write 1.
template <class Line>
class FloorLine : public StorelessTable {
  static constexpr bool kAdds = std::is_same_v<Line, FetchAddLine>;
  static constexpr bool kSwaps = std::is_same_v<Line, CompareAndSwapLine>;

 public:
  static constexpr StrategyInfo kInfo{
      .name = kAdds    ? "floor_fetch_add"
              : kSwaps ? "floor_cas"
                       : "floor_shard_counter",
      .summary = kAdds    ? "floor: a write is one fetch_add on one line for all threads, and nothing else"
                 : kSwaps ? "floor: a write is one compare-and-swap on one line for all threads, and nothing else"
                          : "floor: a write draws a number from one shard's counter, and nothing else",
      .semantics = Semantics::floor,
      .get = Progress::wait_free,
      .write = kSwaps ? Progress::lock_free : Progress::wait_free,
      .create = kSwaps ? Progress::lock_free : Progress::wait_free,
      .updates_in_place = true,
  };

  using StorelessTable::StorelessTable;

  class Handle : public StorelessHandle<Handle> {
   public:
    explicit Handle(Line& line) noexcept : line_(line) {}
    SeqNoTerm look() const noexcept { return line_.look(); }
    SeqNoTerm change() noexcept { return line_.change(); }

   private:
    Line& line_;
  };

  Handle handle() noexcept { return Handle(line_); }

 private:
  Line line_;
};

static_assert(DocumentTable<FloorLine<CompareAndSwapLine>>);

}  // namespace occ
