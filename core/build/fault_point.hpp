#pragma once

#include "core/build/fault_point_list.hpp"

namespace occ {

/// Marks a place. Does nothing and leaves no instruction behind (tests/core/build/fault_point_test.py compares the generated
/// code). `occkit stall` stops threads here: it runs these very headers with another core/build/fault_point.hpp first on the
/// include path, as the models do with core/sync/atomic.hpp.
constexpr void fault_point(FaultPoint) noexcept {}

}  // namespace occ
