#pragma once

#include <filesystem>
#include <fstream>
#include <vector>

#include "harness/stall/stall_verdict.hpp"
#include "harness/support/column.hpp"
#include "nlohmann/json.hpp"

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

/// The folder of one `occkit stall`: stall.csv (what it was judged by), stall_series.csv (over time) and stall.json (what
/// they were made from). What a cell gave is in the files before the next one begins.
class StallResults {
 public:
  /// Throws BadInput if there are such files already or they cannot be written.
  explicit StallResults(std::filesystem::path folder);

  void append(const StrategyInfo& strategy, unsigned threads, FaultPoint point, const StallRun& run,
              const std::vector<StallRow>& rows);
  void write_provenance(const nlohmann::ordered_json& provenance) const;

  [[nodiscard]] std::filesystem::path csv() const { return folder_ / "stall.csv"; }
  [[nodiscard]] std::filesystem::path series() const { return folder_ / "stall_series.csv"; }
  [[nodiscard]] std::filesystem::path json() const { return folder_ / "stall.json"; }

 private:
  std::filesystem::path folder_;
  std::ofstream rows_;
  std::ofstream series_;
};

}  // namespace occ
