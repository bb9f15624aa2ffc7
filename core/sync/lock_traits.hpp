#pragma once

#include <oneapi/tbb/queuing_mutex.h>
#include <oneapi/tbb/spin_mutex.h>

#include <mutex>
#include <string_view>
#include <type_traits>

#include "core/sync/hardware_transactions.hpp"

namespace occ {

/// What the mutex family needs to know of a lock type: how it is held (TBB's mutexes bring their own holder, a queuing
/// mutex has no other way in), which of the texts (for the standard, the spin, the queuing and the speculative mutex) is
/// about it, and what this machine lacks for it.
template <class Lock>
struct LockTraits;

struct LacksNothing {
  static std::string_view lacks() noexcept { return {}; }
};

template <>
struct LockTraits<std::mutex> : LacksNothing {
  using Holder = std::unique_lock<std::mutex>;
  static constexpr std::string_view pick(std::string_view standard, std::string_view, std::string_view,
                                         std::string_view = {}) {
    return standard;
  }
};

template <>
struct LockTraits<tbb::spin_mutex> : LacksNothing {
  using Holder = tbb::spin_mutex::scoped_lock;
  static constexpr std::string_view pick(std::string_view, std::string_view spin, std::string_view,
                                         std::string_view = {}) {
    return spin;
  }
};

template <>
struct LockTraits<tbb::queuing_mutex> : LacksNothing {
  using Holder = tbb::queuing_mutex::scoped_lock;
  static constexpr std::string_view pick(std::string_view, std::string_view, std::string_view queuing,
                                         std::string_view = {}) {
    return queuing;
  }
};

static_assert(!std::is_same_v<tbb::speculative_spin_mutex, tbb::spin_mutex>,
              "without -mrtm TBB's speculative mutex is its spin mutex");

/// A spin mutex that is not taken where a hardware transaction does without.
template <>
struct LockTraits<tbb::speculative_spin_mutex> {
  using Holder = tbb::speculative_spin_mutex::scoped_lock;
  static constexpr std::string_view pick(std::string_view, std::string_view, std::string_view,
                                         std::string_view speculative) {
    return speculative;
  }
  static std::string_view lacks() noexcept { return transactions_lack(); }
};

template <class Lock>
using ScopedLock = typename LockTraits<Lock>::Holder;

}  // namespace occ
