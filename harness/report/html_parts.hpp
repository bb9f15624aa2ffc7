#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/report/comparison.hpp"
#include "harness/report/html_looks.hpp"
#include "harness/report/html_page.hpp"
#include "harness/report/predicted_retries.hpp"
#include "nlohmann/json.hpp"

namespace occ {

// The parts of a report. Each is HTML, with every text of a file escaped.

/// What a report is made from: one comparison by throughput, and one by each further metric that the files have.
struct Reported {
  const ReportInput& input;
  Comparison comparison;
  Comparison fairness;
  Comparison memory;
  Competitors competitors;
  /// Of the entries of `comparison` that are no controls and have rows that count.
  std::map<const Entry*, PredictedRetries> predicted;
};

/// Who won, a row for each workload and number of threads. Rows lead to the cells, by their number.
std::string html_verdicts(const Reported& reported);

/// Every cell: its strategies, and under them their replicates.
std::string html_cells(const Reported& reported);

/// The replicates of an entry as points on a line from `low` to `high`, with median and interval; a picture (SVG).
std::string replicate_strip(const Reported& reported, const Entry& entry, double low, double high);

/// The replicates of an entry, a row each, and html_retries.
std::string html_replicates(const Reported& reported, const Entry& entry);

/// Reported::predicted.
std::map<const Entry*, PredictedRetries> predict_retries(const ReportInput& input, const Comparison& comparison);

/// An entry's conflicts, exhausted updates, and updates by how many retries they needed, each beside what was predicted
/// or why nothing is. Empty where nothing could conflict.
std::string html_retries(const Reported& reported, const Entry& entry);

/// What the charts show, for page/report.js.
nlohmann::ordered_json chart_data(const Reported& reported);

/// What the check of a history found: each contradiction with its operations, a track per thread.
std::string html_history(const ReportedHistory& history);

/// A field of a row of the files; empty if the file has no such column.
const std::string& field_of(const ReportInput& input, const EntryRow& row, std::string_view column);

/// The processors of the machine that a file is from; nothing if no JSON says so.
std::optional<unsigned> processors_of(const ReportedFile& file);

/// What a file's JSON has at a place, whatever else it is; null where there is nothing.
nlohmann::ordered_json json_at(const nlohmann::ordered_json& tree, const char* pointer);

/// The entry of that label in the same cell of another comparison; null if there is none.
const Entry* same_entry(const Comparison& other, std::size_t cell, const std::string& label);

/// The cells' workloads with the settings that tell them apart.
std::string workload_text(const Comparison& comparison, const ComparedCell& cell);

}  // namespace occ
