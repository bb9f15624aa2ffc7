/// How a lock is held, without TBB's locks, whose atomics a model cannot see.
#pragma once

#include <mutex>

namespace occ {

template <class Lock>
using ScopedLock = std::unique_lock<Lock>;

}  // namespace occ
