#pragma once

#include <boost/unordered/concurrent_flat_map.hpp>
#include <span>
#include <utility>

#include "core/peers/map_table.hpp"

namespace occ {

/// boost::concurrent_flat_map through visitation.
class BoostFlat {
  using Allocator = MapAllocator<std::pair<const MapKey, MapRecord>>;
  using Map = boost::concurrent_flat_map<MapKey, MapRecord, MapKey::Hash, MapKey::Equal, Allocator>;
  template <class M>
  static constexpr bool kHasBulkVisits = requires {
    M::bulk_visit_size;
  };

 public:
  /// Boost 1.84 and newer.
  static constexpr bool kVisitsSeveral = kHasBulkVisits<Map>;

  explicit BoostFlat(MapMemory& memory) : map_(Allocator(memory)) {}

  template <class F>
  OCCKIT_INLINE bool look(const MapId& id, F&& f) {
    return map_.cvisit(id, [&](const auto& entry) { f(entry.second); }) != 0;
  }
  template <class F>
  OCCKIT_INLINE bool change(const MapId& id, F&& f) {
    return map_.visit(id, [&](auto& entry) { f(entry.second); }) != 0;
  }
  template <class F, class First>
  void change_or_insert(const MapId& id, F&& f, First&& first) {
    map_.try_emplace_or_visit(id, first, [&](auto& entry) { f(entry.second); });
  }
  template <class F>
  void erase_if(const MapId& id, F&& f) {
    map_.erase_if(id, [&](auto& entry) { return f(entry.second); });
  }

  template <class F>
  void look_at_all(std::span<const MapId> ids, F&& f) {
    map_.cvisit(ids.begin(), ids.end(), [&](const auto& entry) { f(entry.first, entry.second); });
  }
  template <class F>
  void change_all(std::span<const MapId> ids, F&& f) {
    map_.visit(ids.begin(), ids.end(), [&](auto& entry) { f(entry.first, entry.second); });
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
      .reuses_slots = true,
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable::MapTable;

  using Handle = MapHandle<BoostFlatMap>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<BoostFlatMap>);

}  // namespace occ
