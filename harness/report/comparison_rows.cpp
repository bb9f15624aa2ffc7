#include "harness/report/comparison_rows.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/column.hpp"

namespace occ {
namespace {

constexpr std::array kTextColumns = {
    "strategy",      "update_form", "progress", "semantics", "seq_no_source", "replicate",
    "attempt",       "threads",     "seed",     "checked",   "verified",      "latency_kind",
    "response_kind", "violation",   "window_s", "warmup_s",  "generator_p",   "collision_probability",
    "disturbed",     "disturbed_by"};
constexpr std::array kDerivedMetrics = {"conflicts_per_1000", "publication_failures_per_1000", "retries_per_update"};
constexpr std::uint64_t kMostThreads = 1'000'000;
/// Where the system does not tell, it is negative.
constexpr std::string_view kMayBeNegative = "load_average";

using RowColumn = ReadColumn<ComparedRow>;

bool is_derived(std::string_view metric) {
  return std::find(kDerivedMetrics.begin(), kDerivedMetrics.end(), metric) != kDerivedMetrics.end();
}

bool is_identity(std::string_view column) {
  return std::find(kSettingColumns.begin(), kSettingColumns.end(), column) != kSettingColumns.end() ||
         std::find(kTextColumns.begin(), kTextColumns.end(), column) != kTextColumns.end();
}

void check_metric(const ResultFile& file, const std::string& metric) {
  if (is_derived(metric) || (file.table.find_column(metric) && !is_identity(metric))) return;
  std::vector<std::string_view> accepted(kDerivedMetrics.begin(), kDerivedMetrics.end());
  for (const std::string& column : file.table.header) {
    if (!is_identity(column) && !column.starts_with("life_")) accepted.push_back(column);
  }
  throw BadInput(fmt::format("{}: no metric '{}'; accepted: {}", file.name, metric, fmt::join(accepted, ", ")));
}

double per_1000(double count, double attempts) {
  return attempts > 0 ? 1000 * count / attempts : kNothing;
}

void read_disturbed(const Field& field, ComparedRow& row) {
  if (field.text() != "yes" && field.text() != "no") field.refuse("is neither yes nor no");
  row.disturbed = field.text() == "yes";
}

/// After `checked` has been read.
void read_verified(const Field& field, ComparedRow& row) {
  const std::string& verified = field.text();
  if (verified != "yes" && verified != "no" && verified != "caught" && verified != "not_applicable" &&
      verified != "no_verdict") {
    field.refuse("is none of yes, no, caught, not_applicable and no_verdict");
  }
  row.caught = verified == "caught";
  row.no_verdict = verified == "no_verdict";
  // A speed without a verdict means nothing either; a recorded replicate's is none anyway.
  row.failed = row.caught || verified == "no" || (row.no_verdict && !row.is_history());
}

auto text_into(std::string ComparedRow::*member) {
  return [member](const Field& field, ComparedRow& row) { row.*member = field.text(); };
}
auto number_into(double ComparedRow::*member) {
  return [member](const Field& field, ComparedRow& row) { row.*member = field.number(); };
}
auto count_into(double ComparedRow::*member) {
  return [member](const Field& field, ComparedRow& row) { row.*member += field.count(); };
}

void add_identity(std::vector<RowColumn>& all) {
  for (const std::string_view name : kSettingColumns) {
    RowColumn& column = all.emplace_back(RowColumn{std::string(name), [](const Field& field, ComparedRow& row) {
                                                     row.place.setting.values.push_back(field.text());
                                                   }});
    if (name == "fill_percent") column.otherwise = "100";
    if (name == "batch") column.otherwise = "1";
    if (name == "think_between" || name == "think_within") column.otherwise = "0";
    if (name == "clients" || name == "rate_per_s" || name == "arrivals") column.otherwise = "";
  }
  all.push_back({"threads", [](const Field& field, ComparedRow& row) {
                   row.place.threads = field.whole_number(1, kMostThreads);
                 }});
  all.push_back({"strategy", [](const Field& field, ComparedRow& row) { row.contestant.strategy = field.text(); }});
  all.push_back(
      {"update_form", [](const Field& field, ComparedRow& row) { row.contestant.update_form = field.text(); }});
  all.push_back(
      {"seq_no_source", [](const Field& field, ComparedRow& row) { row.contestant.seq_no_source = field.text(); }});
  all.push_back({"progress", text_into(&ComparedRow::progress)});
  all.push_back({"semantics", text_into(&ComparedRow::semantics)});
  all.push_back({"replicate", text_into(&ComparedRow::replicate)});
  all.push_back({"attempt", number_into(&ComparedRow::attempt), "1"});
  all.push_back({"disturbed", read_disturbed, "no"});
  all.push_back({"checked", text_into(&ComparedRow::checked)});
  all.push_back({"verified", read_verified});
  all.push_back({"violation", text_into(&ComparedRow::violation)});
}

void add_counts(std::vector<RowColumn>& all) {
  for (const char* cause : {"conflict_missing", "conflict_seq_no", "conflict_exists", "conflict_version"})
    all.push_back({cause, count_into(&ComparedRow::conflicts)});
  all.push_back({"attempts", count_into(&ComparedRow::attempts)});
  all.push_back({"publication_failures", count_into(&ComparedRow::publication_failures)});
  for (std::size_t bin = 0; bin < kRetryBins; ++bin) {
    all.push_back({bin + 1 == kRetryBins ? "retries_16_plus" : fmt::format("retries_{}", bin),
                   [bin](const Field& field, ComparedRow& row) {
                     const double updates = field.count();
                     row.updates += updates;
                     row.retries += static_cast<double>(bin) * updates;
                     row.updates_by_retries[bin] = updates;
                   }});
  }
  all.push_back({"exhausted", count_into(&ComparedRow::exhausted)});
  for (std::size_t k = 0; k < kLatencyPercentiles.size(); ++k) {
    const std::string_view percentile = kLatencyPercentiles[k];
    RowColumn& column =
        all.emplace_back(RowColumn{fmt::format("latency_{}_ns", percentile),
                                   [k](const Field& field, ComparedRow& row) { row.latency_ns[k] = field.number(); }});
    if (percentile != "p50" && percentile != "p99") column.otherwise = "";
    all.push_back({fmt::format("response_{}_ns", percentile),
                   [k](const Field& field, ComparedRow& row) { row.response_ns[k] = field.number(); }, ""});
  }
  all.push_back({"achieved_per_s", number_into(&ComparedRow::achieved_per_s), ""});
  all.push_back({"lost_updates", count_into(&ComparedRow::lost_updates)});
  all.push_back({"torn_reads", count_into(&ComparedRow::torn_reads)});
  all.push_back({"oversold", count_into(&ComparedRow::oversold)});
  all.push_back({"ops_per_s", number_into(&ComparedRow::ops_per_s), ""});
  all.push_back({"history_operations", count_into(&ComparedRow::history_operations), ""});
  all.push_back({"history_overlap", count_into(&ComparedRow::history_overlap), ""});
}

/// Files of earlier versions lack some columns.
std::vector<RowColumn> columns_but_the_metric() {
  std::vector<RowColumn> all;
  add_identity(all);
  add_counts(all);
  return all;
}

void add_metric(const std::string& metric, std::vector<RowColumn>& all) {
  if (metric == kMayBeNegative) {
    all.push_back({metric, [](const Field& field, ComparedRow& row) { row.metric = field.signed_number(); }});
  } else if (!is_derived(metric)) {
    all.push_back({metric, number_into(&ComparedRow::metric)});
  }
}

void derive_metric(const std::string& metric, ComparedRow& row) {
  if (metric == "conflicts_per_1000") row.metric = per_1000(row.conflicts, row.attempts);
  if (metric == "publication_failures_per_1000") row.metric = per_1000(row.publication_failures, row.attempts);
  if (metric == "retries_per_update") row.metric = row.updates > 0 ? row.retries / row.updates : kNothing;
}

/// A replicate of one file, however often it was tried.
struct ReplicateKey {
  std::size_t file;
  Place place;
  Contestant contestant;
  bool is_history;
  std::string replicate;
  auto operator<=>(const ReplicateKey&) const = default;
};

ReplicateKey key_of(const ComparedRow& row) {
  return {row.file, row.place, row.contestant, row.is_history(), row.replicate};
}

/// A disturbed row stands for nothing once its replicate was measured again, be that disturbed or not.
void drop_repeated(std::vector<ComparedRow>& rows) {
  std::map<ReplicateKey, double> last;
  for (const ComparedRow& row : rows) {
    double& attempt = last[key_of(row)];
    attempt = std::max(attempt, row.attempt);
  }
  std::erase_if(
      rows, [&](const ComparedRow& row) { return row.disturbed && !row.failed && row.attempt < last.at(key_of(row)); });
}

/// As numbers where both are.
std::weak_ordering compare_naturally(const std::string& a, const std::string& b) {
  double x = 0;
  double y = 0;
  const bool numbers = std::from_chars(a.data(), a.data() + a.size(), x).ptr == a.data() + a.size() &&
                       std::from_chars(b.data(), b.data() + b.size(), y).ptr == b.data() + b.size() && !a.empty() &&
                       !b.empty();
  if (numbers && x < y) return std::weak_ordering::less;
  if (numbers && x > y) return std::weak_ordering::greater;
  return a <=> b;
}

}  // namespace

std::weak_ordering operator<=>(const Setting& a, const Setting& b) {
  return std::lexicographical_compare_three_way(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                                                compare_naturally);
}

std::vector<ComparedRow> read_compared_rows(std::span<const ResultFile> files, const std::string& metric) {
  std::vector<ComparedRow> rows;
  for (std::size_t file = 0; file < files.size(); ++file) {
    const ResultFile& from = files[file];
    if (from.table.rows.empty()) {
      throw BadInput(fmt::format(
          "{}: no rows below the header; was the run interrupted before its first replicate ended?", from.name));
    }
    std::vector<RowColumn> columns = columns_but_the_metric();
    check_columns(from.table, from.name, columns);
    check_metric(from, metric);
    add_metric(metric, columns);
    std::size_t index = 0;
    for (ComparedRow& row : read_rows(from.table, from.name, columns)) {
      row.file = file;
      row.row = index++;
      derive_metric(metric, row);
      rows.push_back(std::move(row));
    }
  }
  drop_repeated(rows);
  return rows;
}

}  // namespace occ
