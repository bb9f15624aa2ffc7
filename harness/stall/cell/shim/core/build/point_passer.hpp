/// Stands in for core/build/point_passer.hpp beside the other header of this folder.
#pragma once

#include "core/build/fault_point.hpp"

namespace occ {

/// An owner that works for another thread is stopped by that one's gate.
using PointPasser = FaultGate*;
inline PointPasser this_passer() noexcept {
  return FaultGate::of_this_thread();
}
inline void pass_points_as(PointPasser passer) noexcept {
  FaultGate::of_this_thread() = passer;
}

}  // namespace occ
