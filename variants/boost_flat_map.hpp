#pragma once

#include <boost/unordered/concurrent_flat_map.hpp>
#include <functional>
#include <span>
#include <utility>

#include "core/map_table.hpp"

namespace occ {

/// boost::concurrent_flat_map through visitation.
class BoostFlat {
  using Allocator = MapAllocator<std::pair<const MapKey, MapRecord>>;
  using Map = boost::concurrent_flat_map<MapKey, MapRecord, MapKey::Hash, std::equal_to<MapKey>, Allocator>;
  template <class M>
  static constexpr bool kHasBulkVisits = requires {
    M::bulk_visit_size;
  };

 public:
  /// Boost 1.84 and newer.
  static constexpr bool kVisitsSeveral = kHasBulkVisits<Map>;

  explicit BoostFlat(MapMemory& memory) : map_(Allocator(memory)) {}

  template <class F>
  bool look(const MapKey& key, F&& f) {
    return map_.cvisit(key, [&](const auto& entry) { f(entry.second); }) != 0;
  }
  template <class F>
  bool change(const MapKey& key, F&& f) {
    return map_.visit(key, [&](auto& entry) { f(entry.second); }) != 0;
  }
  template <class F>
  void change_or_insert(const MapKey& key, F&& f) {
    map_.try_emplace(key);
    map_.visit(key, [&](auto& entry) { f(entry.second); });
  }
  void erase_absent(const MapKey& key) {
    map_.erase_if(key, [](const auto& entry) { return entry.second.absent(); });
  }

  template <class F>
  void look_at_all(std::span<const MapKey> keys, F&& f) {
    map_.cvisit(keys.begin(), keys.end(), [&](const auto& entry) { f(entry.first, entry.second); });
  }
  template <class F>
  void change_all(std::span<const MapKey> keys, F&& f) {
    map_.visit(keys.begin(), keys.end(), [&](auto& entry) { f(entry.first, entry.second); });
  }

 private:
  Map map_;
};

/// Peer: boost::concurrent_flat_map (Boost 1.83 and newer).
///
/// A bulk call is one bulk visit for gets that follow one another, and one for writes, with Boost 1.84 and newer.
/// Progress: blocking throughout; growth stops everybody.
/// Cost: dependent misses 2 (metadata, entry in place). Locked instructions: get 4, two-call update 7.
/// When not: values that are referred to from elsewhere: they move.
class BoostFlatMap : public MapTable<BoostFlat> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "boost_flat_map",
      .summary = "peer: boost::concurrent_flat_map, one visit per call",
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable::MapTable;

  class Handle : public MapHandle<Handle, BoostFlatMap> {
   public:
    static constexpr const StrategyInfo& kInfo = BoostFlatMap::kInfo;
    using MapHandle::MapHandle;
  };
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<BoostFlatMap>);

}  // namespace occ
