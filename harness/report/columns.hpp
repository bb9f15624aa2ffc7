#pragma once

#include "harness/measure/cell.hpp"
#include "harness/support/column.hpp"

namespace occ {

/// What one row of results.csv is made from: one replicate of one cell.
struct ReplicateRow {
  const Cell& cell;
  const Conditions& conditions;
  std::uint32_t replicate;
  std::uint32_t attempt;
  /// p of the chi-square test of the index stream, and the probability that two operations meet.
  double generator_p;
  double collision_probability;
  const Measurement& measurement;
};

/// The columns of results.csv, which `occkit run` writes.
const Columns<ReplicateRow>& result_columns();

}  // namespace occ
