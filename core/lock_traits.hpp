#pragma once

#include <oneapi/tbb/queuing_mutex.h>
#include <oneapi/tbb/spin_mutex.h>

#include <mutex>
#include <string_view>

namespace occ {

/// What the mutex family needs to know of a lock type: how it is held (TBB's mutexes bring their own holder, a queuing
/// mutex has no other way in), and which of three texts (for the standard, the spin and the queuing mutex) is about it.
template <class Lock>
struct LockTraits;

template <>
struct LockTraits<std::mutex> {
  using Holder = std::unique_lock<std::mutex>;
  static constexpr std::string_view pick(std::string_view standard, std::string_view, std::string_view) {
    return standard;
  }
};

template <>
struct LockTraits<tbb::spin_mutex> {
  using Holder = tbb::spin_mutex::scoped_lock;
  static constexpr std::string_view pick(std::string_view, std::string_view spin, std::string_view) { return spin; }
};

template <>
struct LockTraits<tbb::queuing_mutex> {
  using Holder = tbb::queuing_mutex::scoped_lock;
  static constexpr std::string_view pick(std::string_view, std::string_view, std::string_view queuing) {
    return queuing;
  }
};

template <class Lock>
using ScopedLock = typename LockTraits<Lock>::Holder;

}  // namespace occ
