/// The list of strategies. A new one is one header of this folder, one #include and one line below; command line,
/// tests, verification, CSV and plots take it from here.
#pragma once

#if __has_include(<libcuckoo/cuckoohash_map.hh>)
#define OCCKIT_LIBCUCKOO 1
#include "variants/libcuckoo.hpp"
#endif
#if __has_include(<urcu/rculfhash.h>)
#define OCCKIT_URCU_LFHT 1
#include "variants/urcu_lfht.hpp"
#include "variants/urcu_lfht_copy.hpp"
#endif
#if __has_include(<boost/unordered/concurrent_flat_map.hpp>)
#define OCCKIT_BOOST_FLAT_MAP 1
#include "variants/boost_flat_map.hpp"
#endif
#include "variants/combining.hpp"
#include "variants/delegation.hpp"
#include "variants/floor_document.hpp"
#include "variants/floor_line.hpp"
#include "variants/mutex_global.hpp"
#include "variants/mutex_keyed.hpp"
#include "variants/mutex_striped.hpp"
#include "variants/null.hpp"
#include "variants/packed_cas.hpp"
#include "variants/packed_claim.hpp"
#include "variants/std_unordered_map.hpp"
#include "variants/tbb_hash_map.hpp"
#include "variants/unchecked.hpp"
#include "variants/version_retry.hpp"

namespace occ {

template <class... Tables>
struct StrategyList {};

using Strategies = StrategyList<       //
    MutexGlobal<std::mutex>,           //
    MutexGlobal<tbb::spin_mutex>,      //
    MutexGlobal<tbb::queuing_mutex>,   //
    MutexStriped<std::mutex>,          //
    MutexStriped<tbb::spin_mutex>,     //
    MutexStriped<tbb::queuing_mutex>,  //
    MutexSpeculative,                  //
    MutexKeyed<std::mutex>,            //
    MutexKeyed<tbb::spin_mutex>,       //
    MutexKeyed<tbb::queuing_mutex>,    //
    PackedCas,                         //
    PackedClaim,                       //
    Combining,                         //
    Delegation,                        //
    VersionRetry<EpochDomain>,         //
    VersionRetry<RcuDomain>,           //
    StdUnorderedMap<1>,                //
    StdUnorderedMap<1024>,             //
    TbbHashMap,                        //
#ifdef OCCKIT_LIBCUCKOO
    LibCuckoo,  //
#endif
#ifdef OCCKIT_URCU_LFHT
    UrcuLfht,      //
    UrcuLfhtCopy,  //
#endif
#ifdef OCCKIT_BOOST_FLAT_MAP
    BoostFlatMap,  //
#endif
    Unchecked,                      //
    NullTable,                      //
    FloorDocument<Unsynchronised>,  //
    FloorDocument<ByWord>,          //
    FloorLine<CompareAndSwapLine>,  //
    FloorLine<FetchAddLine>,        //
    FloorLine<ShardCounterLine>>;

/// Calls function.operator()<Table>() for every strategy, in the order of the list.
template <class F>
void for_each_strategy(F&& function) {
  [&]<class... Tables>(StrategyList<Tables...>) { (function.template operator()<Tables>(), ...); }(Strategies{});
}

}  // namespace occ
