#pragma once

#include <memory>

#include "core/slots/locked_table.hpp"
#include "core/sync/lock_traits.hpp"

namespace occ {

/// A fixed number of locks; the hash of the id says which.
template <class Lock>
class StripedLocks {
 public:
  static constexpr StrategyInfo kInfo{
      .name = LockTraits<Lock>::pick("mutex_striped", "mutex_striped_tbb_spin", "mutex_striped_tbb_queuing",
                                     "mutex_striped_tbb_speculative"),
      .summary = LockTraits<Lock>::pick("1,024 std::mutexes, chosen by the id's hash",
                                        "1,024 TBB spin mutexes, chosen by the id's hash",
                                        "1,024 TBB queuing mutexes (fair), chosen by the id's hash",
                                        "1,024 TBB speculative spin mutexes: hardware transactions first"),
      .reuses_slots = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
      .lacks = LockTraits<Lock>::lacks,
  };

  /// Two threads meet by chance in one of 1,024 stripes with probability 0.001; 128 KiB of locks.
  static constexpr std::size_t kStripes = 1024;

  class Guard {
   public:
    Guard(StripedLocks& locks, const void*, std::uint64_t hash) : held_(locks.stripes_[hash % kStripes].lock) {}

   private:
    ScopedLock<Lock> held_;
  };

 private:
  struct alignas(kFalseSharingRange) Stripe {
    Lock lock;
  };
  std::unique_ptr<Stripe[]> stripes_ = std::make_unique<Stripe[]>(kStripes);
};

/// 1,024 locks by hash of the id: the usual second step. `Lock` is any type that LockTraits knows.
///
/// Progress: blocking throughout; a thread that is suspended inside stops its stripe only.
/// Memory: bounded.
/// Cost: dependent misses 4 (bucket, slot, body, and independent of them the stripe). Locked instructions: as
/// mutex_global.
/// When not: transforms that take long, since ids that share a stripe wait for them without reason.
template <class Lock>
using MutexStriped = LockedTable<StripedLocks<Lock>>;

/// Where transactions commit, threads in one stripe, and in one document as long as they only read, do not wait for each
/// other; the draw of a number, which all writes share, makes them conflict again.
using MutexSpeculative = MutexStriped<tbb::speculative_spin_mutex>;

static_assert(DocumentTable<MutexStriped<std::mutex>>);

}  // namespace occ
