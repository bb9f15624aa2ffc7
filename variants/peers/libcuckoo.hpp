#pragma once

#include <libcuckoo/cuckoohash_map.hh>
#include <utility>

#include "core/peers/map_table.hpp"

namespace occ {

/// libcuckoo's map through functions that run under the locks of an element's two buckets.
class CuckooMap {
 public:
  static constexpr bool kVisitsSeveral = false;

  explicit CuckooMap(MapMemory& memory)
      : map_(libcuckoo::DEFAULT_SIZE, MapKey::Hash(), MapKey::Equal(), Allocator(memory)) {}

  template <class F>
  OCCKIT_INLINE bool look(const MapId& id, F&& f) {
    return map_.find_fn(id, std::forward<F>(f));
  }
  template <class F>
  OCCKIT_INLINE bool change(const MapId& id, F&& f) {
    return map_.update_fn(id, std::forward<F>(f));
  }
  template <class F, class First>
  void change_or_insert(const MapId& id, F&& f, First&& first) {
    map_.upsert(id, std::forward<F>(f), std::forward<First>(first));
  }
  template <class F>
  void erase_if(const MapId& id, F&& f) {
    map_.erase_fn(id, std::forward<F>(f));
  }

 private:
  using Allocator = MapAllocator<std::pair<const MapKey, MapRecord>>;
  libcuckoo::cuckoohash_map<MapKey, MapRecord, MapKey::Hash, MapKey::Equal, Allocator> map_;
};

/// Peer: libcuckoo::cuckoohash_map.
///
/// Progress: blocking throughout, on spin locks that do not yield; growth stops everybody.
/// Cost: dependent misses 2 (one of two locks and buckets, whose entries are in place). Locked instructions: get 2,
/// write 2, update in place 2, optimistic 4; and 1 to draw a number. Entries move when buckets fill.
/// When not: more threads than processors.
class LibCuckoo : public MapTable<CuckooMap> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "libcuckoo",
      .summary = "peer: libcuckoo::cuckoohash_map, one find_fn or update_fn per call",
      .reuses_slots = true,
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable::MapTable;

  using Handle = MapHandle<LibCuckoo>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<LibCuckoo>);

}  // namespace occ
