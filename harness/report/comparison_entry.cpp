#include "harness/report/comparison_entry.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace occ {
namespace {

/// The metric where it was measured.
std::vector<double> metric_values(const Rows& rows) {
  std::vector<double> values;
  for (const ComparedRow* row : rows) {
    if (!std::isnan(row->metric)) values.push_back(row->metric);
  }
  return values;
}

Loss loss_of(const Rows& rows) {
  Loss loss;
  loss.rows = rows.size();
  for (const ComparedRow* row : rows) {
    if (!row->failed) continue;
    ++(row->no_verdict ? loss.rows_without_verdict : loss.rows_failed);
    loss.expected = loss.expected && row->caught;
    loss.lost_updates += row->lost_updates;
    loss.torn_reads += row->torn_reads;
    loss.oversold += row->oversold;
    if (loss.violation.empty()) loss.violation = row->violation;
  }
  return loss;
}

/// Of the values that were measured.
template <class Value>
std::optional<Spread> spread(const Rows& rows, Value&& value_of) {
  std::vector<double> found;
  for (const ComparedRow* row : rows) {
    if (const double value = value_of(*row); !std::isnan(value)) found.push_back(value);
  }
  if (found.empty()) return std::nullopt;
  const auto [smallest, largest] = std::ranges::minmax(found);
  return Spread{smallest, median(found), largest};
}

void add_history(const Rows& rows, const Rows& timed, Entry& entry) {
  std::vector<double> recorded, measured;
  double overlapping = 0;
  for (const ComparedRow* row : rows) {
    if (!row->is_history() || row->no_verdict) continue;
    ++entry.history_passed;
    entry.history_operations += row->history_operations;
    overlapping += row->history_operations * row->history_overlap;
    if (!std::isnan(row->ops_per_s)) recorded.push_back(row->ops_per_s);
  }
  for (const ComparedRow* row : timed) {
    if (!std::isnan(row->ops_per_s)) measured.push_back(row->ops_per_s);
  }
  if (entry.history_operations > 0) entry.history_overlap = overlapping / entry.history_operations;
  if (!recorded.empty() && !measured.empty() && median(measured) > 0)
    entry.recorded_speed = median(recorded) / median(measured);
}

/// Conflicts, failures and retries.
void add_rates(const Rows& mine, const Bootstrap& bootstrap, Entry& entry) {
  std::vector<double> conflicts, failures, attempts;
  double updates = 0, retries = 0;
  for (const ComparedRow* row : mine) {
    conflicts.push_back(1000 * row->conflicts);
    failures.push_back(1000 * row->publication_failures);
    attempts.push_back(row->attempts);
    updates += row->updates;
    retries += row->retries;
    for (std::size_t bin = 0; bin < kRetryBins; ++bin) entry.retries[bin] += row->updates_by_retries[bin];
    entry.exhausted += row->exhausted;
  }
  entry.retries_at_least = entry.retries.back() > 0;
  const auto rate = [&](const std::vector<double>& events, std::optional<double>& value,
                        std::optional<Interval>& interval) {
    const Interval found = pooled_rate(events, attempts, bootstrap);
    if (std::isnan(found.median)) return;
    value = found.median;
    interval = found;
  };
  rate(conflicts, entry.conflicts_per_1000, entry.conflicts_interval);
  rate(failures, entry.publication_failures_per_1000, entry.publication_failures_interval);
  if (updates > 0) entry.retries_per_update = retries / updates;
}

/// Those of its rows that belong to a cell which was checked at `level`.
std::vector<EntryRow> rows_of(const Rows& rows, const Rows& timed, const std::string& level) {
  std::vector<EntryRow> found;
  for (const ComparedRow* row : rows) {
    if (!row->failed && !row->is_history() && !row->is_control() && row->checked != level) continue;
    const bool counts = std::ranges::find(timed, row) != timed.end();
    found.push_back({.file = row->file, .row = row->row, .counts = counts, .is_history = row->is_history()});
  }
  return found;
}

}  // namespace

Interval metric_interval(const Rows& rows, const Bootstrap& bootstrap) {
  return median_interval(metric_values(rows), bootstrap);
}

Entry make_entry(const Competitor& competitor, const std::string& label, const Rows& rows, const std::string& level,
                 const Bootstrap& bootstrap) {
  Entry entry;
  entry.label = label;
  entry.strategy = competitor.contestant.strategy;
  entry.update_form = competitor.contestant.update_form;
  entry.seq_no_source = competitor.contestant.seq_no_source;
  entry.source = competitor.source;
  entry.progress = rows.front()->progress;
  entry.semantics = rows.front()->semantics;
  entry.metric = {kNothing, kNothing, kNothing};
  if (any_failed(rows)) {
    entry.standing = Standing::voided;
    entry.loss = loss_of(rows);
    entry.rows = rows_of(rows, {}, level);
    return entry;
  }
  if (rows.front()->is_control()) entry.standing = Standing::control;
  const Rows mine = timed(rows, level);
  entry.rows = rows_of(rows, mine, level);
  add_history(rows, mine, entry);
  entry.replicates = mine.size();
  const Rows all = measured(rows, level);
  entry.disturbed =
      static_cast<std::size_t>(std::ranges::count_if(all, [](const ComparedRow* row) { return row->disturbed; }));
  entry.all_disturbed = is_disturbed(mine);
  entry.metric = metric_interval(mine, bootstrap);
  const std::vector<bool> flags = outliers(metric_values(mine));
  entry.outliers = static_cast<std::size_t>(std::count(flags.begin(), flags.end(), true));
  add_rates(mine, bootstrap, entry);
  for (std::size_t k = 0; k < kLatencyPercentiles.size(); ++k) {
    entry.latency[k] = spread(mine, [k](const ComparedRow& row) { return row.latency_ns[k]; });
    entry.response[k] = spread(mine, [k](const ComparedRow& row) { return row.response_ns[k]; });
  }
  entry.achieved_per_s = spread(mine, [](const ComparedRow& row) { return row.achieved_per_s; });
  if (entry.latency[0]) entry.p50_ns = entry.latency[0]->median;
  if (entry.latency[2]) entry.p99_ns = entry.latency[2]->median;
  return entry;
}

}  // namespace occ
