/// The list of strategies. A new one is one header of this folder, one #include and one line below; command line,
/// tests, verification, CSV and plots take it from here.
#pragma once

#include "core/build/configuration.hpp"

#if OCCKIT_HAS_LIBCUCKOO
#include "variants/peers/libcuckoo.hpp"
#endif
#if OCCKIT_HAS_URCU_LFHT
#include "variants/peers/urcu_lfht.hpp"
#include "variants/peers/urcu_lfht_copy.hpp"
#endif
#if OCCKIT_HAS_BOOST_FLAT_MAP
#include "variants/peers/boost_flat_map.hpp"
#endif
#include "variants/combining.hpp"
#include "variants/controls/floor_document.hpp"
#include "variants/controls/floor_line.hpp"
#include "variants/controls/null.hpp"
#include "variants/delegation.hpp"
#include "variants/mutex_global.hpp"
#include "variants/mutex_keyed.hpp"
#include "variants/mutex_striped.hpp"
#include "variants/packed_cas.hpp"
#include "variants/packed_claim.hpp"
#include "variants/peers/std_unordered_map.hpp"
#include "variants/peers/tbb_hash_map.hpp"
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
#if OCCKIT_HAS_LIBCUCKOO
    LibCuckoo,  //
#endif
#if OCCKIT_HAS_URCU_LFHT
    UrcuLfht,      //
    UrcuLfhtCopy,  //
#endif
#if OCCKIT_HAS_BOOST_FLAT_MAP
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
