/// Stands in for core/build/fault_point.hpp in interleaving_test: whoever passes a point runs what the test has set for it.
/// Found first on the include path of that program, and of nothing else.
#pragma once

#include <functional>
#include <utility>

#include "core/build/fault_point_list.hpp"

namespace occ {

/// What happens, once, when a thread next passes `point`.
struct Interruption {
  FaultPoint point{};
  std::function<void()> action;

  static Interruption& next() noexcept {
    static Interruption interruption;
    return interruption;
  }
};

inline void fault_point(FaultPoint point) {
  Interruption& next = Interruption::next();
  if (next.action && next.point == point) std::exchange(next.action, {})();
}

}  // namespace occ
