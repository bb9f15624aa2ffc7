#pragma once

#include "core/atomic.hpp"

namespace occ {

/// A waiting loop gives the turn to another model thread.
class SpinWait {
 public:
  void pause() { rl::yield(1, $); }
};

}  // namespace occ
