#pragma once

#include "core/slots/locked_table.hpp"
#include "core/sync/lock_traits.hpp"

namespace occ {

class TwoLocks {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "mutex_two",
      .summary = "two std::mutexes, by the parity of the id's hash",
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  class Guard {
   public:
    Guard(TwoLocks& locks, const void*, std::uint64_t hash) : held_(locks.locks_[hash & 1]) {}

   private:
    ScopedLock<std::mutex> held_;
  };

 private:
  std::mutex locks_[2];
};

/// Two locks for the table, by the parity of the id's hash. Progress: blocking. Cost: as mutex_global.
using MutexTwo = LockedTable<TwoLocks>;

static_assert(DocumentTable<MutexTwo>);

}  // namespace occ
