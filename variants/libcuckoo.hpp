#pragma once

#include <libcuckoo/cuckoohash_map.hh>
#include <utility>

#include "core/map_table.hpp"

namespace occ {

/// libcuckoo's map through functions that run under the locks of an element's two buckets.
class CuckooMap {
 public:
  explicit CuckooMap(MapMemory& memory)
      : map_(libcuckoo::DEFAULT_SIZE, MapKey::Hash(), std::equal_to<>(), Allocator(memory)) {}

  template <class F>
  bool look(const MapKey& key, F&& f) {
    return map_.find_fn(key, std::forward<F>(f));
  }
  template <class F>
  bool change(const MapKey& key, F&& f) {
    return map_.update_fn(key, std::forward<F>(f));
  }
  template <class F>
  void change_or_insert(const MapKey& key, F&& f) {
    map_.insert(key);
    map_.update_fn(key, std::forward<F>(f));
  }
  void erase_absent(const MapKey& key) {
    map_.erase_fn(key, [](const MapRecord& record) { return record.absent(); });
  }

 private:
  using Allocator = MapAllocator<std::pair<const MapKey, MapRecord>>;
  libcuckoo::cuckoohash_map<MapKey, MapRecord, MapKey::Hash, std::equal_to<>, Allocator> map_;
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
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable::MapTable;

  class Handle : public MapHandle<Handle, LibCuckoo> {
   public:
    static constexpr const StrategyInfo& kInfo = LibCuckoo::kInfo;
    using MapHandle::MapHandle;
  };
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<LibCuckoo>);

}  // namespace occ
