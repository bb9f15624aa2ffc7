#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "harness/stall_verdict.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// What one row of stall.csv is made from.
struct StallRowContext {
  const StrategyInfo& strategy;
  unsigned threads;
  const StallRow& row;
};

struct StallColumn {
  std::string name;
  /// With unit.
  std::string meaning;
  std::function<std::string(const StallRowContext&)> value;
};

/// The columns of stall.csv, in the order of the file.
const std::vector<StallColumn>& stall_columns();

/// Names and meanings of the columns of stall_series.csv.
const std::vector<std::pair<std::string, std::string>>& stall_series_columns();

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
