#pragma once

#include <tbb/concurrent_hash_map.h>

#include <utility>

#include "core/map_table.hpp"

namespace occ {

/// tbb::concurrent_hash_map through accessors, which are locks on an element.
class TbbMap {
 public:
  explicit TbbMap(MapMemory& memory) : map_(Allocator(memory)) {}

  template <class F>
  bool look(const MapKey& key, F&& f) {
    Map::const_accessor found;
    if (!map_.find(found, key)) return false;
    f(found->second);
    return true;
  }
  template <class F>
  bool change(const MapKey& key, F&& f) {
    Map::accessor found;
    if (!map_.find(found, key)) return false;
    f(found->second);
    return true;
  }
  template <class F>
  void change_or_insert(const MapKey& key, F&& f) {
    Map::accessor found;
    map_.insert(found, key);
    f(found->second);
  }
  void erase_absent(const MapKey& key) {
    Map::accessor found;
    if (map_.find(found, key) && found->second.absent()) map_.erase(found);
  }

 private:
  struct HashCompare {
    static std::size_t hash(const MapKey& key) noexcept { return MapKey::Hash()(key); }
    static bool equal(const MapKey& a, const MapKey& b) noexcept { return a == b; }
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
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable::MapTable;

  class Handle : public MapHandle<Handle, TbbHashMap> {
   public:
    static constexpr const StrategyInfo& kInfo = TbbHashMap::kInfo;
    using MapHandle::MapHandle;
  };
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<TbbHashMap>);

}  // namespace occ
