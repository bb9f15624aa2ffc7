#pragma once

#include "core/sync/atomic.hpp"

namespace occ {

/// Models do not wait for a while.
inline void cpu_pause() {}

/// A waiting loop gives the turn to another model thread.
class SpinWait {
 public:
  static constexpr int kRoundsBeforeSleep = 1;

  void pause() { rl::yield(1, $); }
};

}  // namespace occ
