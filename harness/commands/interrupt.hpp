#pragma once

#include <atomic>
#include <csignal>

namespace occ {

/// Set by SIGINT and SIGTERM once somebody listens.
inline std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// From now on the first signal asks for an orderly end; a second one ends the program at once.
inline void listen_for_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.store(true, std::memory_order_relaxed); };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace occ
