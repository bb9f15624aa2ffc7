#pragma once

#include "core/slots/locked_table.hpp"
#include "core/sync/lock_traits.hpp"

namespace occ {

/// One lock for the whole table.
template <class Lock>
class GlobalLock {
 public:
  static constexpr StrategyInfo kInfo{
      .name = LockTraits<Lock>::pick("mutex_global", "mutex_global_tbb_spin", "mutex_global_tbb_queuing"),
      .summary = LockTraits<Lock>::pick("one std::mutex for the table", "one TBB spin mutex for the table",
                                        "one TBB queuing mutex (fair) for the table"),
      .reuses_slots = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  class Guard {
   public:
    Guard(GlobalLock& locks, const void*, std::uint64_t) : held_(locks.lock_) {}

   private:
    ScopedLock<Lock> held_;
  };

 private:
  alignas(kFalseSharingRange) Lock lock_;
};

/// One lock for the table: what most programs begin with. `Lock` is any type that LockTraits knows.
///
/// Progress: blocking throughout.
/// Memory: bounded.
/// Cost: dependent misses 3 (bucket, slot, body) and the lock's line, which every core writes. Locked instructions: to
/// enter a section 1 (std::mutex and the queuing mutex leave by one more); sections: get 1, write 1, update in place 1,
/// optimistic 2; and 1 to draw a number.
/// When not: more than one thread.
template <class Lock>
using MutexGlobal = LockedTable<GlobalLock<Lock>>;

static_assert(DocumentTable<MutexGlobal<std::mutex>>);

}  // namespace occ
