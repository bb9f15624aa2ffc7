#pragma once

#include "harness/report/comparison_cells.hpp"

namespace occ {

/// What one competitor did in a cell that was checked at `level`, before anybody is compared with it: `standing` is
/// voided, control or behind.
Entry make_entry(const Competitor& competitor, const std::string& label, const Rows& rows, const std::string& level,
                 const Bootstrap& bootstrap);

/// The metric's median and its interval.
Interval metric_interval(const Rows& rows, const Bootstrap& bootstrap);

}  // namespace occ
