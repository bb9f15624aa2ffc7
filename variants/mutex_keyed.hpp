#pragma once

#include "core/slots/locked_table.hpp"
#include "core/sync/keyed_locks.hpp"

namespace occ {

/// The locks of core/sync/keyed_locks.hpp; the slot of the id is the key.
template <class Lock>
class LocksById : public KeyedLocks<Lock> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = LockTraits<Lock>::pick("mutex_keyed", "mutex_keyed_tbb_spin", "mutex_keyed_tbb_queuing"),
      .summary = LockTraits<Lock>::pick("a counted std::mutex per id, as Elasticsearch's engine has",
                                        "a counted TBB spin mutex per id", "a counted TBB queuing mutex (fair) per id"),
      .reuses_slots = true,
      .updates_in_place = true,
      .default_form = UpdateForm::optimistic,
  };
};

/// One lock per document id, made when somebody needs it and gone when nobody does: what Elasticsearch's engine does.
/// Its `_update` reads, computes and writes conditionally, so that is the default form here. `Lock` is any type that
/// LockTraits knows.
///
/// Progress: blocking throughout; a thread that is suspended inside stops its id only (and its bucket of the lock map,
/// if it is unlucky).
/// Memory: bounded.
/// Cost: dependent misses 3 (bucket, slot, body), besides the lock map's bucket and entry. Locked instructions: each
/// section 3 or more (bucket, entry, bucket); sections as mutex_global.
/// When not: short transforms; the way in costs more than most of them.
template <class Lock>
using MutexKeyed = LockedTable<LocksById<Lock>>;

static_assert(DocumentTable<MutexKeyed<std::mutex>>);

}  // namespace occ
