/// Stands in for the system call. It looks at the newest value and goes to sleep at one instant; nobody is woken for no
/// reason, except by who means another one that slept at that address before.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>

#include "core/sync/atomic.hpp"

namespace occ {

/// How often somebody was woken at an address, of a few addresses; no container, since the model counts allocations.
inline std::uint64_t& wakings_at(const void* address) {
  struct Place {
    const void* address;
    std::uint64_t wakings;
  };
  static std::array<Place, 64> places{};
  for (Place& place : places) {
    if (place.address == nullptr) place.address = address;
    if (place.address == address) return place.wakings;
  }
  std::abort();
}

inline void sleep_if(const atomic<std::uint32_t>& word, std::uint32_t value) {
  rl::ctx().sched();
  const std::uint64_t before = wakings_at(&word);
  {
    const rl::preemption_disabler at_once(rl::ctx());
    // An exchange of nothing: it reads the newest value.
    if (const_cast<atomic<std::uint32_t>&>(word).fetch_add(0, std::memory_order_relaxed) != value) return;
  }
  while (wakings_at(&word) == before) rl::yield(1, $);
}

inline void wake_one_at(const atomic<std::uint32_t>* word) {
  rl::ctx().sched();
  ++wakings_at(word);
}

}  // namespace occ
