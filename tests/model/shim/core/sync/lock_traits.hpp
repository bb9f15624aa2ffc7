/// How a lock is held, without TBB's locks, whose atomics a model cannot see.
#pragma once

#include <mutex>
#include <string_view>

namespace occ {

template <class Lock>
struct LockTraits {
  static constexpr std::string_view pick(std::string_view first, std::string_view, std::string_view,
                                         std::string_view = {}) {
    return first;
  }
};

template <class Lock>
using ScopedLock = std::unique_lock<Lock>;

}  // namespace occ
