#pragma once

namespace occ {

/// For whom a thread passes the points of core/build/fault_point.hpp: itself, or another one that it works for. Nothing here,
/// as there; `occkit stall` has another core/build/point_passer.hpp too.
struct PointPasser {};
constexpr PointPasser this_passer() noexcept {
  return {};
}
/// From now on.
constexpr void pass_points_as(PointPasser) noexcept {}

}  // namespace occ
