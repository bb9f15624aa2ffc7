#pragma once

#include <span>
#include <string>
#include <vector>

#include "harness/stall/stall_verdict.hpp"

namespace occ {

// What `occkit stall` says on the terminal.

/// All that is to be said of a strategy in the end.
struct StrategyResult {
  StrategyInfo info;
  std::vector<StallRow> rows;
  std::vector<std::string> problems;

  [[nodiscard]] std::string verdict() const;
  [[nodiscard]] bool fault() const { return !problems.empty() || summarize(info, rows).fault(); }
};

std::string measured_text(const MeasuredProgress& kind);
std::string declared_text(const MeasuredProgress& kind);
/// How many of the operations stopped.
std::string stops_text(std::span<const StallRow> rows);

void print_legend();
void print_detail_header(const StrategyInfo& info);
void print_details(const std::vector<StallRow>& rows);
void print_summary(const std::vector<StrategyResult>& results);

}  // namespace occ
