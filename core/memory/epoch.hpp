#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "core/build/fault_point.hpp"
#include "core/memory/block_pool.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/spin_lock.hpp"

namespace occ {

/// Epoch-based reclamation: a block that was taken out of a slot is given back to the pool when no reader that could
/// have seen it is left.
///
/// Every participant announces the global epoch that it read before it touches a shared pointer, and withdraws
/// afterwards. The global epoch goes from e to e + 1 only if everybody announced is at e. A block retired by a
/// participant announced at r is free once the global epoch is r + 3: a reader announced at e keeps the global epoch at
/// or below e + 1, so it must have e >= r + 2; for the epoch to have come that far somebody saw the retiring
/// participant withdrawn from r, hence (E1, E2) everything that it did before, taking the block out included, happened
/// before the reader began.
///
/// Progress: pin is lock-free (it announces again only if the epoch moved on); retire is wait-free; make_room may ask
/// the general allocator until the bags have found their size.
/// Memory: unbounded while a participant stays pinned; that is the price of this scheme.
/// Source: Fraser 2004, with three epochs of distance instead of two so that block pointers need no sequential
/// consistency.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | withdrawal to advance | E1 store in unpin | E2 scan | what the participant did while pinned |
/// | advance to pin | E3 compare_exchange of the epoch | E4 load of the epoch | what E2 has seen |
/// | announcement to advance | E5 store, seq_cst | E2 scan, seq_cst | the pin; or E4 sees an advance that missed it |
/// | new participant to scan | E6 store, seq_cst | E7 load, seq_cst | the record; one that is missed announces later |
class EpochDomain {
  static constexpr std::uint64_t kDistance = 3;
  static constexpr std::size_t kBags = kDistance + 1;
  /// An advance reads every participant's line; once per this many retired blocks it costs next to nothing.
  /// Models, whose histories are short, do without the thrift.
  static constexpr std::uint32_t kRetiredPerAdvance = kLayoutIsReal ? 64 : 1;
  /// Large blocks wait in smaller numbers: a few times this, and three blocks, per participant if nobody stays pinned.
  static constexpr std::size_t kRetiredBytesPerAdvance = std::size_t{4} << 20;

  struct Bag {
    std::uint64_t epoch = 0;
    std::vector<Block*> blocks;
  };
  using Limbo = std::array<Bag, kBags>;

  struct alignas(kFalseSharingRange) Record {
    /// 0 while withdrawn, else epoch + 1.
    atomic<std::uint64_t> announced{0};
    /// Under the domain's lock.
    bool taken = true;
    Record* next = nullptr;
    /// Under the domain's lock: what the last participant with this record had not yet given back. Empty while it is
    /// taken.
    Limbo left;
  };

 public:
  EpochDomain() = default;
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;
  ~EpochDomain() {
    const Record* record = records_.load(std::memory_order_relaxed);  // relaxed: nobody else is left
    while (record != nullptr) delete std::exchange(record, record->next);
  }

  /// One handle's part. Used by one thread.
  class Participant {
   public:
    Participant(EpochDomain& domain, BlockPool::Cache& cache)
        : domain_(domain), cache_(cache), record_(domain.join(limbo_)) {}
    Participant(const Participant&) = delete;
    Participant& operator=(const Participant&) = delete;
    /// Moves the epoch on once, or short-lived participants would only ever hand their blocks to one another.
    ~Participant() {
      retired_ = kRetiredPerAdvance;
      collect();
      domain_.leave(record_, limbo_);
    }

    /// While it lives, no block that is reachable now or later is given back. Not nested.
    class Guard {
     public:
      explicit Guard(Participant& participant) noexcept : participant_(participant) {
        participant_.pin();
        fault_point(FaultPoint::pinned);
      }
      Guard(const Guard&) = delete;
      Guard& operator=(const Guard&) = delete;
      ~Guard() {
        participant_.record_.announced.store(0, std::memory_order_release);  // E1 with E2
      }

     private:
      Participant& participant_;
    };

    /// Room for one retire, while pinned. May throw std::bad_alloc, so it comes before the block is taken out.
    void make_room() {
      Bag& bag = limbo_[epoch_ % kBags];
      if (bag.epoch != epoch_) {
        empty(bag);  // it is kBags epochs old or more
        bag.epoch = epoch_;
      }
      if (bag.blocks.size() == bag.blocks.capacity()) bag.blocks.reserve(2 * bag.blocks.size() + kRetiredPerAdvance);
    }

    /// After make_room: a block that this participant, since it was pinned, took out of the only place where others could find it.
    void retire(Block* block) noexcept {
      limbo_[epoch_ % kBags].blocks.push_back(block);
      ++retired_;
      retired_bytes_ += SizeClass::bytes(block->size_class);
    }

    /// After an operation, while not pinned: moves the epoch on now and then, and gives back what has become free.
    void collect() noexcept {
      if (retired_ < kRetiredPerAdvance && retired_bytes_ < kRetiredBytesPerAdvance) return;
      retired_ = 0;
      retired_bytes_ = 0;
      const std::uint64_t now = domain_.try_advance();
      for (Bag& bag : limbo_) {
        if (bag.epoch + kDistance <= now) empty(bag);
      }
    }

   private:
    void pin() noexcept {
      std::uint64_t epoch = domain_.epoch_.load(std::memory_order_relaxed);  // relaxed: a guess, E4 below decides
      for (;;) {
        record_.announced.store(epoch + 1, std::memory_order_seq_cst);             // E5 with E2
        const std::uint64_t now = domain_.epoch_.load(std::memory_order_seq_cst);  // E4 with E3
        if (now == epoch) break;
        epoch = now;
      }
      epoch_ = epoch;
    }

    void empty(Bag& bag) noexcept {
      for (Block* block : bag.blocks) cache_.give(block);
      bag.blocks.clear();
    }

    EpochDomain& domain_;
    BlockPool::Cache& cache_;
    Limbo limbo_;
    Record& record_;
    std::uint64_t epoch_ = 0;
    std::uint32_t retired_ = 0;
    std::size_t retired_bytes_ = 0;
  };

 private:
  /// The epoch after the attempt. Wait-free: one pass over the participants.
  std::uint64_t try_advance() noexcept {
    std::uint64_t epoch = epoch_.load(std::memory_order_seq_cst);  // E4 with E3
    for (const Record* record = records_.load(std::memory_order_seq_cst); record != nullptr;
         record = record->next) {                                                         // E7 with E6
      const std::uint64_t announced = record->announced.load(std::memory_order_seq_cst);  // E2 with E1, E5
      if (announced != 0 && announced != epoch + 1) return epoch;
    }
    if (epoch_.compare_exchange_strong(epoch, epoch + 1, std::memory_order_seq_cst,
                                       std::memory_order_seq_cst)) {  // E3 with E4
      return epoch + 1;
    }
    return epoch;
  }

  /// Blocking, as leave: making and destroying handles is on nobody's hot path. What others left behind comes along.
  Record& join(Limbo& limbo) {
    const std::lock_guard held(lock_);
    Record* const first = records_.load(std::memory_order_relaxed);  // relaxed: stored under this lock
    for (Record* record = first; record != nullptr; record = record->next) {
      if (!std::exchange(record->taken, true)) {
        std::swap(limbo, record->left);
        gather(limbo, first);
        return *record;
      }
    }
    auto* record = new Record;
    gather(limbo, first);
    record->next = first;
    records_.store(record, std::memory_order_seq_cst);  // E6 with E7
    return *record;
  }

  /// Under the lock. Where there is no memory to put two bags together, one waits for another participant.
  static void gather(Limbo& limbo, Record* first) noexcept {
    for (Record* record = first; record != nullptr; record = record->next) {
      for (std::size_t i = 0; i < kBags; ++i) {
        Bag& mine = limbo[i];
        Bag& left = record->left[i];
        if (left.blocks.empty()) continue;
        try {
          mine.blocks.insert(mine.blocks.end(), left.blocks.begin(), left.blocks.end());
        } catch (const std::bad_alloc&) {
          continue;
        }
        mine.epoch = std::max(mine.epoch, left.epoch);  // the later one: freed later than need be, never earlier
        left.blocks.clear();
      }
    }
  }

  /// Asks for no memory: it is called where nothing may be thrown.
  void leave(Record& record, Limbo& limbo) noexcept {
    const std::lock_guard held(lock_);
    std::swap(record.left, limbo);
    record.taken = false;
  }

  alignas(kFalseSharingRange) atomic<std::uint64_t> epoch_{0};
  alignas(kFalseSharingRange) atomic<Record*> records_{nullptr};
  SpinLock lock_;
};

}  // namespace occ
