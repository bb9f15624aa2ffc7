#pragma once

#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/map_table.hpp"

namespace occ {

/// `stripes` std::unordered_maps, each under its own std::mutex, chosen by the high bits of the hash (the map takes the
/// low ones).
template <std::size_t stripes>
class StripedUnorderedMap {
 public:
  explicit StripedUnorderedMap(MapMemory& memory) {
    for (Stripe& stripe : stripes_) stripe.map = std::make_unique<Map>(kFirstBuckets, Allocator(memory));
  }

  template <class F>
  bool look(const MapKey& key, F&& f) {
    return change(key, std::forward<F>(f));
  }
  template <class F>
  bool change(const MapKey& key, F&& f) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard held(stripe.lock);
    const auto at = stripe.map->find(key);
    if (at == stripe.map->end()) return false;
    f(at->second);
    return true;
  }
  template <class F>
  void change_or_insert(const MapKey& key, F&& f) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard held(stripe.lock);
    f(stripe.map->try_emplace(key).first->second);
  }
  void erase_absent(const MapKey& key) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard held(stripe.lock);
    const auto at = stripe.map->find(key);
    if (at != stripe.map->end() && at->second.absent()) stripe.map->erase(at);
  }

 private:
  using Allocator = MapAllocator<std::pair<const MapKey, MapRecord>>;
  using Map = std::unordered_map<MapKey, MapRecord, MapKey::Hash, std::equal_to<>, Allocator>;
  static constexpr std::size_t kFirstBuckets = 16;
  struct alignas(kFalseSharingRange) Stripe {
    std::mutex lock;
    std::unique_ptr<Map> map;
  };

  Stripe& stripe_of(const MapKey& key) noexcept {
    if constexpr (stripes == 1) return stripes_[0];
    return stripes_[(MapKey::Hash()(key) >> 40) % stripes];
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
      .peer = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
  };

  using MapTable<StripedUnorderedMap<stripes>>::MapTable;

  class Handle : public MapHandle<Handle, StdUnorderedMap> {
   public:
    static constexpr const StrategyInfo& kInfo = StdUnorderedMap::kInfo;
    using MapHandle<Handle, StdUnorderedMap>::MapHandle;
  };
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<StdUnorderedMap<1>>);

}  // namespace occ
