#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/peers/map_table.hpp"

namespace occ {

/// `stripes` std::unordered_maps, each under its own std::mutex, chosen by the high bits of the hash (the map takes the
/// low ones).
template <std::size_t stripes>
class StripedUnorderedMap {
 public:
  static constexpr bool kVisitsSeveral = false;

  explicit StripedUnorderedMap(MapMemory& memory) {
    for (Stripe& stripe : stripes_) stripe.map.emplace(kFirstBuckets, Allocator(memory));
  }

  template <class F>
  OCCKIT_INLINE bool look(const MapId& id, F&& f) {
    return change(id, std::forward<F>(f));
  }
  template <class F>
  OCCKIT_INLINE bool change(const MapId& id, F&& f) {
    Stripe& stripe = stripe_of(id);
    const std::lock_guard held(stripe.lock);
    const auto at = stripe.map->find(id);
    if (at == stripe.map->end()) return false;
    f(at->second);
    return true;
  }
  template <class F, class First>
  void change_or_insert(const MapId& id, F&& f, First&& first) {
    MapKey key(id);
    Stripe& stripe = stripe_of(id);
    const std::lock_guard held(stripe.lock);
    const auto [at, made] = stripe.map->try_emplace(std::move(key));
    if (made) {
      first(at->second);
    } else {
      f(at->second);
    }
  }
  template <class F>
  void erase_if(const MapId& id, F&& f) {
    Stripe& stripe = stripe_of(id);
    const std::lock_guard held(stripe.lock);
    const auto at = stripe.map->find(id);
    if (at != stripe.map->end() && f(at->second)) stripe.map->erase(at);
  }

 private:
  using Allocator = MapAllocator<std::pair<const MapKey, MapRecord>>;
  using Map = std::unordered_map<MapKey, MapRecord, MapKey::Hash, MapKey::Equal, Allocator>;
  static constexpr std::size_t kFirstBuckets = 16;
  struct alignas(kFalseSharingRange) Stripe {
    std::mutex lock;
    /// There from the constructor on.
    std::optional<Map> map;
  };

  Stripe& stripe_of(const MapId& id) noexcept {
    if constexpr (stripes == 1) return stripes_[0];
    return stripes_[(id.hash >> 40) % stripes];
  }

  std::array<Stripe, stripes> stripes_;
};

/// Peer: std::unordered_map under a mutex, or many of them under one each: what most programs begin with.
///
/// Progress: blocking throughout; growth of a map holds its lock until every entry is moved.
/// Cost: dependent misses 3 (lock, bucket, node; a second node where ids collide). Locked instructions as those of
/// mutex_global with a std::mutex.
/// When not: one map, more than one thread.
template <std::size_t stripes>
class StdUnorderedMap : public MapTable<StripedUnorderedMap<stripes>> {
 public:
  static constexpr StrategyInfo kInfo{
      .name = stripes == 1 ? "std_unordered_map" : "std_unordered_map_striped",
      .summary = stripes == 1 ? "peer: std::unordered_map under one std::mutex"
                              : "peer: 1,024 std::unordered_maps, each under its std::mutex",
      .reuses_slots = true,
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable<StripedUnorderedMap<stripes>>::MapTable;

  using Handle = MapHandle<StdUnorderedMap>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<StdUnorderedMap<1>>);

}  // namespace occ
