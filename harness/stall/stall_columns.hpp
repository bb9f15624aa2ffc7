#pragma once

#include "harness/stall/stall_verdict.hpp"
#include "harness/support/column.hpp"

namespace occ {

/// What one row of stall.csv is made from.
struct JudgedRow {
  const StrategyInfo& strategy;
  unsigned threads;
  const StallRow& row;
};

/// What one row of stall_series.csv is made from: an operation in a slice of time.
struct SeriesRow {
  const StrategyInfo& strategy;
  FaultPoint point;
  StallOperation operation;
  const StallSlice& slice;
};

/// The columns of stall.csv.
const Columns<JudgedRow>& stall_columns();

/// The columns of stall_series.csv.
const Columns<SeriesRow>& stall_series_columns();

}  // namespace occ
