#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "core/sync/atomic.hpp"

namespace occ {

// Sleeping and waking by Linux' futex. std::atomic::wait gives the core away four times before it sleeps (libstdc++ 12),
// which costs a whole slice of time each where others keep the cores busy, and notify_one looks at lines that all waiters
// of the process share.

/// Sleeps if `word` is `value`. Returns when it is woken, and now and then for no reason.
inline void sleep_if(const atomic<std::uint32_t>& word, std::uint32_t value) noexcept {
  static_assert(sizeof word == sizeof value);
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

/// Wakes one that sleeps at that address. Nothing is read there: the word may be gone, and somebody else's be there.
inline void wake_one_at(const atomic<std::uint32_t>* word) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace occ
