#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/history/history.hpp"
#include "harness/history/history_file.hpp"
#include "harness/report/comparison.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// A result file as a report shows it.
struct ReportedFile {
  ResultFile result;
  /// The file's own bytes, for whoever downloads them from the report.
  std::string csv;
  /// What stands beside it (results.json); null if there is nothing.
  nlohmann::ordered_json provenance;
};

/// The library that draws the charts, as texts.
struct ChartLibrary {
  std::string script;
  std::string style;
};

/// A history, and what its check found.
struct ReportedHistory {
  std::string name;
  HistoryFile file;
  HistoryReport report;
};

struct ReportInput {
  std::vector<ReportedFile> files;
  ComparisonOptions comparison;
  /// Nothing: tables without charts, and why.
  std::optional<ChartLibrary> charts;
  std::string why_no_charts;
  std::optional<ReportedHistory> history;
  /// Of the program.
  std::string version;
};

/// By what a report is known as one, in its first bytes.
inline constexpr std::string_view kReportBeginning = "<!DOCTYPE html>\n<!-- a report of occkit -->\n";

/// A page that needs nothing but itself: what was asked, where and by what build it was measured, what to beware of, who
/// won, charts, and every replicate. Its numbers are those of `compare`. Nothing of a file is markup in it, and it says
/// to the browser that no other script than its own may run and that nothing may be loaded. Throws BadInput, as compare().
std::string html_report(const ReportInput& input);

}  // namespace occ
