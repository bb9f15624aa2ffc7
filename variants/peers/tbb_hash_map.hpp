#pragma once

#include <tbb/concurrent_hash_map.h>

#include <utility>

#include "core/peers/map_table.hpp"

namespace occ {

/// tbb::concurrent_hash_map through accessors, which are locks on an element.
class TbbMap {
 public:
  static constexpr bool kVisitsSeveral = false;

  explicit TbbMap(MapMemory& memory) : map_(Allocator(memory)) {}

  template <class F>
  OCCKIT_INLINE bool look(const MapId& id, F&& f) {
    Map::const_accessor found;
    if (!map_.find(found, id)) return false;
    f(found->second);
    return true;
  }
  template <class F>
  OCCKIT_INLINE bool change(const MapId& id, F&& f) {
    Map::accessor found;
    if (!map_.find(found, id)) return false;
    f(found->second);
    return true;
  }
  template <class F, class First>
  void change_or_insert(const MapId& id, F&& f, First&& first) {
    Map::accessor found;
    if (map_.insert(found, id)) {
      first(found->second);
    } else {
      f(found->second);
    }
  }
  template <class F>
  void erase_if(const MapId& id, F&& f) {
    Map::accessor found;
    if (map_.find(found, id) && f(found->second)) map_.erase(found);
  }

 private:
  struct HashCompare : MapKey::Hash, MapKey::Equal {
    using is_transparent = void;
    template <class Id>
    [[nodiscard]] std::size_t hash(const Id& id) const noexcept {
      return MapKey::Hash::operator()(id);
    }
    template <class A, class B>
    [[nodiscard]] bool equal(const A& a, const B& b) const noexcept {
      return MapKey::Equal::operator()(a, b);
    }
  };
  using Allocator = MapAllocator<std::pair<const MapKey, MapRecord>>;
  using Map = tbb::concurrent_hash_map<MapKey, MapRecord, HashCompare, Allocator>;

  Map map_;
};

/// Peer: tbb::concurrent_hash_map.
///
/// Progress: blocking throughout: a reader-writer spin lock per bucket and one per element, taken by readers too.
/// Cost: dependent misses 3 (segment, bucket, node). Locked instructions: get 4 (two locks), write 4, update in place 4,
/// optimistic 8; and 1 to draw a number.
/// When not: many readers of few documents: they write the element's lock.
class TbbHashMap : public MapTable<TbbMap> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "tbb_hash_map",
      .summary = "peer: tbb::concurrent_hash_map, one accessor per call",
      .reuses_slots = true,
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable::MapTable;

  using Handle = MapHandle<TbbHashMap>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<TbbHashMap>);

}  // namespace occ
