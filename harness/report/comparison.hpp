#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/measure/operation_counts.hpp"
#include "harness/support/csv.hpp"
#include "harness/support/statistics.hpp"

namespace occ {

struct ComparisonOptions {
  /// `strategy` or `strategy/update_form`; empty: the first registered strategy among those ranked in most cells.
  std::string baseline;
  /// A numeric column that is not part of a row's identity, or conflicts_per_1000, publication_failures_per_1000,
  /// retries_per_update.
  std::string metric = "ops_per_s";
  /// Of the bootstrap.
  std::uint64_t seed = 1;
  /// Fills Entry::ratios too, which takes time by the square of the strategies.
  bool every_ratio = false;
};

struct ResultFile {
  std::string name;
  CsvTable table;
};

/// Where a strategy stands in its cell.
enum class Standing : std::uint8_t {
  winner,     ///< better than every other ranked one, by the interval of the paired ratio and beyond the A/A floor
  tied,       ///< has the best median, or its paired ratio to the one that has is no difference
  undecided,  ///< has the best median, or shares fewer undisturbed replicates with the one that has than a winner needs
  behind,
  alone,    ///< nothing to compare it with
  control,  ///< a negative control, the null strategy or a floor: shown, not ranked
  voided,   ///< a row of it failed verification in this cell: its numbers mean nothing and are not given
};

/// What a verification that failed found, over the rows that failed.
struct Loss {
  std::size_t rows_failed = 0;
  /// In which nothing ended that could be judged.
  std::size_t rows_without_verdict = 0;
  std::size_t rows = 0;
  /// Every failed row is `caught`: a declared negative control.
  bool expected = true;
  double lost_updates = 0;
  double torn_reads = 0;
  double oversold = 0;
  /// Of the first failed row that has one.
  std::string violation;
};

/// Of each replicate's own percentile; percentiles are not averaged.
struct Spread {
  double smallest = 0;
  double median = 0;
  double largest = 0;
};

/// A row of the files that an entry is made from, or that stands beside those.
struct EntryRow {
  /// Index of its file, and of the row in it.
  std::size_t file = 0;
  std::size_t row = 0;
  /// The entry's numbers are made from it. The others are disturbed, recorded their history, or failed.
  bool counts = false;
  bool is_history = false;
};

/// A ratio to somebody else of the cell, over the replicates that both have.
struct RatioTo {
  std::string label;
  Interval ratio;
  std::size_t pairs = 0;
};

/// The percentiles of latency that a row has.
inline constexpr std::array kLatencyPercentiles = {"p50", "p90", "p99", "p999", "max"};

/// One strategy, in one update form, in one cell.
struct Entry {
  /// The strategy's name, and what else tells it apart from others of the same cell.
  std::string label;
  std::string strategy;
  std::string update_form;
  std::string seq_no_source;
  /// Index in Comparison::sources; 0 if there are none.
  std::size_t source = 0;
  std::string progress;
  std::string semantics;
  Standing standing = Standing::behind;
  /// The metric's median over replicates and its 95 % bootstrap interval, or a range (Interval::is_range); NaN if nothing
  /// was measured.
  Interval metric{};
  /// Those that these numbers are made from: the undisturbed ones, or all if every one was disturbed.
  std::size_t replicates = 0;
  /// Replicates that were still disturbed when they had been repeated.
  std::size_t disturbed = 0;
  bool all_disturbed = false;
  std::size_t outliers = 0;
  /// To the baseline, over the replicates that both have; absent without a baseline or a common replicate.
  std::optional<Interval> ratio;
  std::size_t pairs = 0;
  bool is_baseline = false;
  /// The baseline's rows come from another run, so equal replicates were not measured side by side.
  bool ratio_across_files = false;
  /// To every ranked one of the cell, itself included; empty unless ComparisonOptions::every_ratio.
  std::vector<RatioTo> ratios;
  /// The median as a share of that of the unsynchronised floor, and of the contended compare-and-swap where all
  /// operations go to a few documents; absent if the run has no such floor, or the metric is not ops_per_s.
  std::optional<double> efficiency;
  std::optional<double> of_contended_cas;
  /// Over all replicates together; absent without attempts or updates.
  std::optional<double> conflicts_per_1000;
  std::optional<double> publication_failures_per_1000;
  std::optional<double> retries_per_update;
  /// Their bootstrap intervals over replicates.
  std::optional<Interval> conflicts_interval;
  std::optional<Interval> publication_failures_interval;
  /// Updates of all replicates by how many retries they needed: 0 to 15, and 16 or more.
  std::array<double, kRetryBins> retries{};
  /// Some updates had 16 retries or more, so that the mean is a lower bound.
  bool retries_at_least = false;
  double exhausted = 0;
  /// Medians over replicates of each replicate's percentile.
  std::optional<double> p50_ns;
  std::optional<double> p99_ns;
  /// In ns, as kLatencyPercentiles.
  std::array<std::optional<Spread>, kLatencyPercentiles.size()> latency;
  /// The same of response times, where operations have intended starts; and how many ended per second.
  std::array<std::optional<Spread>, kLatencyPercentiles.size()> response;
  std::optional<Spread> achieved_per_s;
  /// Rows that recorded their history and passed, how many operations were checked, and the share of neighbouring
  /// ones that overlapped; not part of any speed.
  std::size_t history_passed = 0;
  double history_operations = 0;
  double history_overlap = 0;
  /// The recorded rows' median ops_per_s as a share of that of the others, if there are both.
  std::optional<double> recorded_speed;
  Loss loss;
  /// In the order of the files.
  std::vector<EntryRow> rows;
};

/// Rows that agree in every setting, the thread count and how they were checked.
struct ComparedCell {
  std::string workload;
  std::uint64_t threads = 0;
  std::string checked;
  /// All operations go to a few documents.
  bool is_hot = false;
  /// Settings in which the compared cells differ, name and value.
  std::vector<std::pair<std::string, std::string>> settings;
  /// Who is faster than floor_plain, or floor_cas, by intervals that do not touch: then that one is no floor of this
  /// cell, and there is no share of it. Empty otherwise.
  std::string faster_than_floor;
  std::string faster_than_contended_cas;
  /// Ranked ones first, best median first; then controls, then voided ones.
  std::vector<Entry> entries;
};

/// The geometric mean of the ratios to the baseline over the cells.
struct Summary {
  std::string label;
  double geometric_mean = 0;
  double smallest = 0;
  double largest = 0;
  std::size_t cells = 0;
  std::size_t won = 0;
  std::size_t tied = 0;
};

/// One strategy measured twice under the same settings: what a ratio looks like when nothing differs.
struct NoiseFloor {
  std::string first;
  std::string second;
  std::size_t cells = 0;
  double smallest_ratio = 0;
  double largest_ratio = 0;
};

/// A file, or a later time at which it measured the same replicate of a strategy again.
struct ComparedSource {
  std::string file;
  std::size_t time = 1;
};

struct Comparison {
  std::string metric;
  bool higher_is_better = true;
  std::string baseline;
  /// Settings that all cells share, name and value.
  std::vector<std::pair<std::string, std::string>> common_settings;
  std::vector<ComparedCell> cells;
  /// In descending order of the mean; the baseline is among them.
  std::vector<Summary> summary;
  std::vector<NoiseFloor> noise;
  /// The widest of them, as a range around 1: a ratio inside it is no difference. Absent where nothing was measured twice.
  std::optional<Interval> floor;
  std::size_t fewest_replicates = 0;
  Bootstrap bootstrap;
  /// What the labels' numbers in brackets stand for; empty if nothing was measured twice.
  std::vector<ComparedSource> sources;
  std::vector<std::string> notes;
};

/// Throws BadInput for a missing column, a cell that is not a number where one is needed, no rows, an unknown baseline
/// or metric.
Comparison compare(std::span<const ResultFile> files, const ComparisonOptions& options);

enum class TableStyle : std::uint8_t { text, markdown };

/// A table per cell, what failed, the summary and the notes.
std::string describe(const Comparison& comparison, TableStyle style);
/// The winner of each cell, one line each.
std::string describe_winners(const Comparison& comparison, TableStyle style);
/// Everything, for programs; what results/plot.py draws. results/README.md explains it.
std::string describe_as_json(const Comparison& comparison);

}  // namespace occ
