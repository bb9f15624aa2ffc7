#include "harness/comparison.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "core/counters.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

// What the rows of one cell agree in, beside threads. collision_probability follows from docs and dist; the window's
// own time is a measurement. The update form belongs to the strategy: a lock that updates in place competes with a
// compare-and-swap that cannot.
constexpr std::array kSettingColumns = {"workload",     "client",        "docs",
                                        "fill_percent", "shards",        "body_bytes",
                                        "dist",         "mix",           "batch",
                                        "transform",    "think_ns",      "retry_on_conflict",
                                        "backoff",      "gc_deletes_ms", "fail_over_every_ms",
                                        "pinned"};
constexpr std::array kTextColumns = {"strategy",      "update_form", "progress",     "semantics",
                                     "seq_no_source", "replicate",   "threads",      "seed",
                                     "checked",       "verified",    "latency_kind", "violation",
                                     "window_s",      "warmup_s",    "generator_p",  "collision_probability"};
constexpr std::array kConflictColumns = {"conflict_missing", "conflict_seq_no", "conflict_exists", "conflict_version"};
constexpr std::array kDerivedMetrics = {"conflicts_per_1000", "publication_failures_per_1000", "retries_per_update"};
constexpr std::size_t kRetryBins = 17;
constexpr double kMostThreads = 1'000'000;
/// What efficiency divides by.
constexpr std::string_view kUnsynchronisedFloor = "floor_plain";
constexpr std::string_view kContendedCas = "floor_cas";
/// Columns that files of earlier versions lack, and what holds there.
constexpr std::pair<std::string_view, std::string_view> kLaterColumns[] = {
    {"fill_percent", "100"}, {"batch", "1"}, {"history_operations", ""}, {"history_overlap", ""}, {"ops_per_s", ""}};
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::string retry_column(std::size_t bin) {
  return bin + 1 == kRetryBins ? "retries_16_plus" : fmt::format("retries_{}", bin);
}

bool is_higher_better(std::string_view metric) {
  return metric.starts_with("ops") || metric.starts_with("thread_ops") || metric == "jain" || metric == "applied" ||
         metric == "gets_found";
}

/// One file's columns by name, and its rows' values.
class Reader {
 public:
  Reader(const ResultFile& file, const std::string& metric) : file_(file) {
    if (file.table.rows.empty()) {
      throw BadInput(fmt::format(
          "{}: no rows below the header; was the run interrupted before its first replicate ended?", file.name));
    }
    for (std::size_t column = 0; column < file.table.header.size(); ++column)
      columns_.emplace(file.table.header[column], column);
    std::vector<std::string> missing;
    const auto need = [&](const std::string& column) {
      if (!columns_.contains(column) && !is_later(column)) missing.push_back(column);
    };
    for (const char* column : kSettingColumns) need(column);
    for (const char* column :
         {"strategy", "update_form", "progress", "semantics", "seq_no_source", "threads", "replicate", "exhausted",
          "attempts", "publication_failures", "latency_p50_ns", "latency_p99_ns", "oversold", "torn_reads",
          "lost_updates", "checked", "verified", "violation"}) {
      need(column);
    }
    for (const char* column : kConflictColumns) need(column);
    for (std::size_t bin = 0; bin < kRetryBins; ++bin) need(retry_column(bin));
    if (!missing.empty()) {
      throw BadInput(
          fmt::format("{}: no column '{}'{}; a CSV written by `occkit run` is expected", file.name, missing.front(),
                      missing.size() > 1 ? fmt::format(" (and {} more are missing)", missing.size() - 1) : ""));
    }
    if (!is_derived(metric) && (!columns_.contains(metric) || is_identity(metric))) {
      std::vector<std::string_view> accepted(kDerivedMetrics.begin(), kDerivedMetrics.end());
      for (const std::string& column : file.table.header) {
        if (!is_identity(column) && !column.starts_with("life_")) accepted.push_back(column);
      }
      throw BadInput(fmt::format("{}: no metric '{}'; accepted: {}", file.name, metric, fmt::join(accepted, ", ")));
    }
  }

  [[nodiscard]] const std::string& text(std::size_t row, const std::string& column) const {
    const auto found = columns_.find(column);
    if (found != columns_.end()) return file_.table.rows[row][found->second];
    return later_.at(column);
  }

  /// NaN where nothing was measured.
  [[nodiscard]] double number(std::size_t row, const std::string& column) const {
    const std::string& field = text(row, column);
    if (field.empty() || field == "not available" || field == "not_available") return kNothing;
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc{} || end != field.data() + field.size()) {
      throw BadInput(fmt::format("{}: row {}, column '{}': '{}' is not a number", file_.name, row + 1, column, field));
    }
    return std::isfinite(value) ? value : kNothing;
  }

  /// As `number`, 0 where nothing was measured.
  [[nodiscard]] double count(std::size_t row, const std::string& column) const {
    const double value = number(row, column);
    return std::isnan(value) ? 0 : value;
  }

  static bool is_derived(std::string_view metric) {
    return std::find(kDerivedMetrics.begin(), kDerivedMetrics.end(), metric) != kDerivedMetrics.end();
  }

 private:
  static bool is_identity(std::string_view column) {
    return std::find(kSettingColumns.begin(), kSettingColumns.end(), column) != kSettingColumns.end() ||
           std::find(kTextColumns.begin(), kTextColumns.end(), column) != kTextColumns.end();
  }

  static bool is_later(std::string_view column) {
    return std::ranges::find(kLaterColumns, column, &std::pair<std::string_view, std::string_view>::first) !=
           std::end(kLaterColumns);
  }

  const ResultFile& file_;
  std::map<std::string, std::size_t> columns_;
  const std::map<std::string, std::string, std::less<>> later_{std::begin(kLaterColumns), std::end(kLaterColumns)};
};

struct Row {
  std::size_t file = 0;
  std::vector<std::string> setting;
  std::uint64_t threads = 0;
  std::string strategy, update_form, seq_no_source, progress, semantics, replicate, checked, violation;
  bool failed = false;
  bool caught = false;
  double metric = kNothing;
  double conflicts = 0, publication_failures = 0, attempts = 0;
  double updates = 0, retries = 0, retries_16_plus = 0;
  double exhausted = 0;
  double p50_ns = kNothing, p99_ns = kNothing;
  double lost_updates = 0, torn_reads = 0, oversold = 0;
  double ops_per_s = kNothing;
  double history_operations = 0, history_overlap = 0;

  [[nodiscard]] bool is_control() const {
    return semantics == "none" || semantics == "unchecked" || semantics == "floor";
  }
  [[nodiscard]] bool is_history() const { return checked == "history"; }
};

double per_1000(double count, double attempts) {
  return attempts > 0 ? 1000 * count / attempts : kNothing;
}

Row read_row(const Reader& reader, const ResultFile& source, std::size_t file, std::size_t index,
             const std::string& metric) {
  Row row;
  row.file = file;
  for (const char* column : kSettingColumns) row.setting.push_back(reader.text(index, column));
  const double threads = reader.number(index, "threads");
  if (!(threads >= 1 && threads <= kMostThreads) || threads != std::floor(threads)) {
    throw BadInput(fmt::format("{}: row {}, column 'threads': '{}' is not a whole number from 1 to {}", source.name,
                               index + 1, reader.text(index, "threads"), kMostThreads));
  }
  row.threads = static_cast<std::uint64_t>(threads);
  row.strategy = reader.text(index, "strategy");
  row.update_form = reader.text(index, "update_form");
  row.seq_no_source = reader.text(index, "seq_no_source");
  row.progress = reader.text(index, "progress");
  row.semantics = reader.text(index, "semantics");
  row.replicate = reader.text(index, "replicate");
  row.checked = reader.text(index, "checked");
  row.violation = reader.text(index, "violation");
  const std::string& verified = reader.text(index, "verified");
  if (verified != "yes" && verified != "no" && verified != "caught" && verified != "not_applicable") {
    throw BadInput(fmt::format("{}: row {}, column 'verified': '{}'; yes, no, caught or not_applicable is expected",
                               source.name, index + 1, verified));
  }
  row.caught = verified == "caught";
  row.failed = row.caught || verified == "no";
  for (const char* column : kConflictColumns) row.conflicts += reader.count(index, column);
  row.attempts = reader.count(index, "attempts");
  row.publication_failures = reader.count(index, "publication_failures");
  for (std::size_t bin = 0; bin < kRetryBins; ++bin) {
    const double updates = reader.count(index, retry_column(bin));
    row.updates += updates;
    row.retries += static_cast<double>(bin) * updates;
    if (bin + 1 == kRetryBins) row.retries_16_plus = updates;
  }
  row.exhausted = reader.count(index, "exhausted");
  row.p50_ns = reader.number(index, "latency_p50_ns");
  row.p99_ns = reader.number(index, "latency_p99_ns");
  row.lost_updates = reader.count(index, "lost_updates");
  row.torn_reads = reader.count(index, "torn_reads");
  row.oversold = reader.count(index, "oversold");
  row.ops_per_s = reader.number(index, "ops_per_s");
  row.history_operations = reader.count(index, "history_operations");
  row.history_overlap = reader.count(index, "history_overlap");
  if (metric == "conflicts_per_1000") {
    row.metric = per_1000(row.conflicts, row.attempts);
  } else if (metric == "publication_failures_per_1000") {
    row.metric = per_1000(row.publication_failures, row.attempts);
  } else if (metric == "retries_per_update") {
    row.metric = row.updates > 0 ? row.retries / row.updates : kNothing;
  } else {
    row.metric = reader.number(index, metric);
  }
  return row;
}

/// What is compared: a strategy in a form. `source` tells apart the same one measured several times.
struct Competitor {
  std::size_t rank;  ///< in the registry, so that tables and the default baseline do not depend on the rows' order
  std::string strategy;
  std::string update_form;
  std::string seq_no_source;
  std::size_t source;
  auto operator<=>(const Competitor&) const = default;
};

/// Settings compare as numbers where both are.
struct NaturalOrder {
  static bool less(const std::string& a, const std::string& b) {
    double x = 0;
    double y = 0;
    const bool numbers = std::from_chars(a.data(), a.data() + a.size(), x).ptr == a.data() + a.size() &&
                         std::from_chars(b.data(), b.data() + b.size(), y).ptr == b.data() + b.size() && !a.empty() &&
                         !b.empty();
    return numbers && x != y ? x < y : a < b;
  }
  bool operator()(const std::vector<std::string>& a, const std::vector<std::string>& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), less);
  }
};

using Rows = std::vector<const Row*>;
using RowsByCompetitor = std::map<Competitor, Rows>;

struct Pairs {
  std::vector<double> above, below;
  [[nodiscard]] bool divisible() const {
    return !above.empty() && std::all_of(below.begin(), below.end(), [](double value) { return value > 0; });
  }
};

Pairs pair_by_replicate(const Rows& above, const Rows& below) {
  std::map<std::string_view, double> denominators;
  for (const Row* row : below) {
    if (!std::isnan(row->metric)) denominators.emplace(row->replicate, row->metric);
  }
  Pairs pairs;
  for (const Row* row : above) {
    const auto found = denominators.find(row->replicate);
    if (found == denominators.end() || std::isnan(row->metric)) continue;
    pairs.above.push_back(row->metric);
    pairs.below.push_back(found->second);
  }
  return pairs;
}

Interval metric_interval(const Rows& rows, const Bootstrap& bootstrap) {
  std::vector<double> values;
  for (const Row* row : rows) {
    if (!std::isnan(row->metric)) values.push_back(row->metric);
  }
  return median_interval(values, bootstrap);
}

class Comparer {
 public:
  Comparer(std::span<const ResultFile> files, const ComparisonOptions& options) : files_(files), options_(options) {
    bootstrap_.seed = options.seed;
    result_.metric = options.metric;
    result_.higher_is_better = is_higher_better(options.metric);
  }

  Comparison run() {
    read();
    group();
    choose_baseline();
    for (const auto& [key, competitors] : cells_) compare_cell(key, competitors);
    find_common_settings();
    summarise();
    measure_noise();
    write_notes();
    return std::move(result_);
  }

 private:
  struct Key {
    std::vector<std::string> setting;
    std::uint64_t threads;
    std::string checked;
    bool operator<(const Key& other) const {
      const NaturalOrder order;
      if (order(setting, other.setting)) return true;
      if (order(other.setting, setting)) return false;
      return std::tie(threads, checked) < std::tie(other.threads, other.checked);
    }
  };

  void read() {
    for (std::size_t file = 0; file < files_.size(); ++file) {
      const Reader reader(files_[file], options_.metric);
      for (std::size_t index = 0; index < files_[file].table.rows.size(); ++index) {
        rows_.push_back(read_row(reader, files_[file], file, index, options_.metric));
      }
      if (files_[file].table.unterminated) {
        result_.notes.push_back(
            fmt::format("{} ends in the middle of a row, which was left out if incomplete.", files_[file].name));
      }
    }
  }

  static std::size_t rank_of(const std::string& strategy) {
    const auto known = strategies();
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const StrategyInfo& info) { return info.name == strategy; });
    return static_cast<std::size_t>(found - known.begin());
  }

  /// Cells of all rows but those that recorded their history, with the competitors that failed somewhere apart.
  void group() {
    // The same strategy under the same settings more than once, in one file or in several, is an A/A measurement.
    std::map<std::tuple<std::vector<std::string>, std::uint64_t, std::string, std::string, std::string, std::string,
                        std::string, std::size_t>,
             std::size_t>
        times;
    std::map<std::tuple<std::vector<std::string>, std::uint64_t, std::string, std::string, std::string>,
             std::set<std::pair<std::size_t, std::size_t>>>
        sources_of;
    std::set<std::pair<std::size_t, std::size_t>> sources;
    std::vector<std::pair<std::size_t, std::size_t>> source_of_row;
    for (const Row& row : rows_) {
      const std::size_t time = times[{row.setting, row.threads, row.strategy, row.update_form, row.seq_no_source,
                                      row.checked, row.replicate, row.file}]++;
      source_of_row.emplace_back(row.file, time);
      sources.insert(source_of_row.back());
      sources_of[{row.setting, row.threads, row.strategy, row.update_form, row.seq_no_source}].insert(
          source_of_row.back());
    }
    several_sources_ =
        std::any_of(sources_of.begin(), sources_of.end(), [](const auto& entry) { return entry.second.size() > 1; });
    const std::vector<std::pair<std::size_t, std::size_t>> ordered(sources.begin(), sources.end());
    for (const auto& [file, time] : ordered) {
      source_names_.push_back(files_[file].name + (time > 0 ? fmt::format(" (time {} of a replicate)", time + 1) : ""));
    }

    std::map<std::pair<NaturalKey, std::uint64_t>, RowsByCompetitor> by_setting;
    for (std::size_t index = 0; index < rows_.size(); ++index) {
      const Row& row = rows_[index];
      const auto source =
          static_cast<std::size_t>(std::find(ordered.begin(), ordered.end(), source_of_row[index]) - ordered.begin());
      const Competitor competitor{rank_of(row.strategy), row.strategy, row.update_form, row.seq_no_source,
                                  several_sources_ ? source : 0};
      forms_[row.strategy].insert(row.update_form);
      seq_no_sources_[row.strategy].insert(row.seq_no_source);
      by_setting[{NaturalKey{row.setting}, row.threads}][competitor].push_back(&row);
    }
    for (const auto& [place, competitors] : by_setting) {
      std::set<std::string> levels;
      for (const auto& [competitor, rows] : competitors) {
        if (any_failed(rows) || rows.front()->is_control()) continue;
        for (const Row* row : rows) {
          if (!row->is_history()) levels.insert(row->checked);
        }
      }
      if (levels.empty()) levels.insert(competitors.begin()->second.front()->checked);
      for (const std::string& level : levels) {
        RowsByCompetitor& cell = cells_[Key{place.first.setting, place.second, level}];
        for (const auto& [competitor, rows] : competitors) {
          const bool everywhere = any_failed(rows) || rows.front()->is_control();
          if (everywhere ||
              std::any_of(rows.begin(), rows.end(), [&](const Row* row) { return row->checked == level; })) {
            cell[competitor] = rows;
          }
        }
      }
    }
  }

  struct NaturalKey {
    std::vector<std::string> setting;
    bool operator<(const NaturalKey& other) const { return NaturalOrder{}(setting, other.setting); }
  };

  static bool any_failed(const Rows& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const Row* row) { return row->failed; });
  }

  /// The rows whose speed counts at that level; none for a competitor that failed.
  static Rows timed(const Rows& rows, const std::string& level) {
    Rows found;
    if (any_failed(rows)) return found;
    const bool control = rows.front()->is_control();
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(found),
                 [&](const Row* row) { return !row->is_history() && (control || row->checked == level); });
    return found;
  }

  static bool ranked(const Rows& rows, const std::string& level) {
    return !rows.front()->is_control() && !timed(rows, level).empty();
  }

  std::string label(const Competitor& competitor, bool with_source = true) const {
    std::string text = competitor.strategy;
    if (forms_.at(competitor.strategy).size() > 1) text += "/" + competitor.update_form;
    if (seq_no_sources_.at(competitor.strategy).size() > 1) text += ", " + competitor.seq_no_source;
    if (several_sources_ && with_source) text += fmt::format(" [{}]", competitor.source + 1);
    return text;
  }

  [[nodiscard]] bool is_baseline(const Competitor& competitor) const {
    return competitor.strategy == baseline_strategy_ &&
           (baseline_form_.empty() || competitor.update_form == baseline_form_);
  }

  void choose_baseline() {
    std::map<std::pair<std::size_t, std::pair<std::string, std::string>>, std::size_t> cells_of;
    std::set<std::string> known;
    std::set<std::string> shown;
    // Strategies of which one cell holds several update forms.
    std::set<std::string> ambiguous;
    for (const auto& [key, competitors] : cells_) {
      std::set<std::pair<std::size_t, std::pair<std::string, std::string>>> here;
      for (const auto& [competitor, rows] : competitors) {
        shown.insert(competitor.strategy);
        if (!ranked(rows, key.checked)) continue;
        here.insert({competitor.rank, {competitor.strategy, competitor.update_form}});
        known.insert(forms_.at(competitor.strategy).size() > 1 ? competitor.strategy + "/" + competitor.update_form
                                                               : competitor.strategy);
      }
      for (const auto& one : here) {
        ++cells_of[one];
        const auto of_strategy = [&](const auto& other) { return other.second.first == one.second.first; };
        if (std::ranges::count_if(here, of_strategy) > 1) ambiguous.insert(one.second.first);
      }
    }
    if (options_.baseline.empty()) {
      std::size_t most = 0;
      for (const auto& [one, cells] : cells_of) {
        if (cells <= most) continue;
        most = cells;
        std::tie(baseline_strategy_, baseline_form_) = one.second;
      }
      if (!ambiguous.contains(baseline_strategy_)) baseline_form_.clear();
    } else {
      const auto slash = options_.baseline.find('/');
      baseline_strategy_ = options_.baseline.substr(0, slash);
      if (slash != std::string::npos) baseline_form_ = options_.baseline.substr(slash + 1);
      std::size_t matches = 0;
      for (const auto& [one, cells] : cells_of) {
        matches +=
            one.second.first == baseline_strategy_ && (baseline_form_.empty() || one.second.second == baseline_form_)
                ? 1
                : 0;
      }
      if (matches == 0) {
        throw BadInput(fmt::format("no baseline '{}'{}; known: {}", options_.baseline,
                                   shown.contains(options_.baseline) ? ": it is a control or failed verification" : "",
                                   fmt::join(known, ", ")));
      }
      if (baseline_form_.empty() && ambiguous.contains(baseline_strategy_)) {
        throw BadInput(fmt::format("baseline '{}' stands for several update forms; give one of: {}", options_.baseline,
                                   fmt::join(known, ", ")));
      }
    }
    result_.baseline = baseline_strategy_;
    if (!baseline_form_.empty() && forms_.at(baseline_strategy_).size() > 1) result_.baseline += "/" + baseline_form_;
  }

  void compare_cell(const Key& key, const RowsByCompetitor& competitors) {
    ComparedCell cell;
    cell.workload = key.setting.front();
    cell.threads = key.threads;
    cell.checked = key.checked;
    for (std::size_t k = 1; k < kSettingColumns.size(); ++k)
      cell.settings.emplace_back(kSettingColumns[k], key.setting[k]);
    cell.is_hot = std::ranges::any_of(cell.settings, [](const auto& setting) {
      return setting.first == "dist" && setting.second.starts_with("hot:");
    });
    std::vector<std::pair<Entry, const Competitor*>> entries;
    for (const auto& [competitor, rows] : competitors) {
      entries.emplace_back(make_entry(key, competitor, rows), &competitor);
      add_ratio(key, competitors, competitor, entries.back().first);
      add_efficiency(key, competitors, competitor, cell.is_hot, entries.back().first);
    }
    const auto order = [&](const auto& a, const auto& b) {
      const auto place = [](Standing standing) {
        return standing == Standing::voided ? 2 : standing == Standing::control ? 1 : 0;
      };
      if (place(a.first.standing) != place(b.first.standing)) return place(a.first.standing) < place(b.first.standing);
      const bool a_measured = !std::isnan(a.first.metric.median);
      const bool b_measured = !std::isnan(b.first.metric.median);
      if (!a_measured || !b_measured) return a_measured && !b_measured;
      return result_.higher_is_better ? a.first.metric.median > b.first.metric.median
                                      : a.first.metric.median < b.first.metric.median;
    };
    std::stable_sort(entries.begin(), entries.end(), order);
    rank(key, competitors, entries);
    for (auto& [entry, competitor] : entries) cell.entries.push_back(std::move(entry));
    result_.cells.push_back(std::move(cell));
  }

  Entry make_entry(const Key& key, const Competitor& competitor, const Rows& rows) {
    Entry entry;
    entry.label = label(competitor);
    entry.strategy = competitor.strategy;
    entry.update_form = competitor.update_form;
    entry.progress = rows.front()->progress;
    entry.semantics = rows.front()->semantics;
    entry.metric = {kNothing, kNothing, kNothing};
    if (any_failed(rows)) {
      entry.standing = Standing::voided;
      entry.loss.rows = rows.size();
      for (const Row* row : rows) {
        if (!row->failed) continue;
        ++entry.loss.rows_failed;
        entry.loss.expected = entry.loss.expected && row->caught;
        entry.loss.lost_updates += row->lost_updates;
        entry.loss.torn_reads += row->torn_reads;
        entry.loss.oversold += row->oversold;
        if (entry.loss.violation.empty()) entry.loss.violation = row->violation;
      }
      return entry;
    }
    if (rows.front()->is_control()) entry.standing = Standing::control;
    const Rows mine = timed(rows, key.checked);
    add_history(rows, mine, entry);
    entry.replicates = mine.size();
    entry.metric = metric_interval(mine, bootstrap_);
    std::vector<double> values, p50, p99;
    double conflicts = 0, failures = 0, attempts = 0, updates = 0, retries = 0;
    for (const Row* row : mine) {
      if (!std::isnan(row->metric)) values.push_back(row->metric);
      if (!std::isnan(row->p50_ns)) p50.push_back(row->p50_ns);
      if (!std::isnan(row->p99_ns)) p99.push_back(row->p99_ns);
      conflicts += row->conflicts;
      failures += row->publication_failures;
      attempts += row->attempts;
      updates += row->updates;
      retries += row->retries;
      entry.retries_at_least = entry.retries_at_least || row->retries_16_plus > 0;
      entry.exhausted += row->exhausted;
    }
    const std::vector<bool> flags = outliers(values);
    entry.outliers = static_cast<std::size_t>(std::count(flags.begin(), flags.end(), true));
    if (attempts > 0) {
      entry.conflicts_per_1000 = per_1000(conflicts, attempts);
      entry.publication_failures_per_1000 = per_1000(failures, attempts);
    }
    if (updates > 0) entry.retries_per_update = retries / updates;
    if (!p50.empty()) entry.p50_ns = median(p50);
    if (!p99.empty()) entry.p99_ns = median(p99);
    return entry;
  }

  static void add_history(const Rows& rows, const Rows& timed, Entry& entry) {
    std::vector<double> recorded, measured;
    double overlapping = 0;
    for (const Row* row : rows) {
      if (!row->is_history()) continue;
      ++entry.history_passed;
      entry.history_operations += row->history_operations;
      overlapping += row->history_operations * row->history_overlap;
      if (!std::isnan(row->ops_per_s)) recorded.push_back(row->ops_per_s);
    }
    for (const Row* row : timed) {
      if (!std::isnan(row->ops_per_s)) measured.push_back(row->ops_per_s);
    }
    if (entry.history_operations > 0) entry.history_overlap = overlapping / entry.history_operations;
    if (!recorded.empty() && !measured.empty() && median(measured) > 0)
      entry.recorded_speed = median(recorded) / median(measured);
  }

  void add_ratio(const Key& key, const RowsByCompetitor& competitors, const Competitor& competitor, Entry& entry) {
    if (entry.standing == Standing::voided || entry.standing == Standing::control) return;
    const Rows mine = timed(competitors.at(competitor), key.checked);
    const Competitor* chosen = nullptr;
    for (const auto& [other, rows] : competitors) {
      if (!is_baseline(other) || !ranked(rows, key.checked)) continue;
      // The baseline of the same run, if it has one: those replicates were interleaved with these.
      if (chosen == nullptr || (other.source == competitor.source && chosen->source != competitor.source))
        chosen = &other;
    }
    if (chosen == nullptr || mine.empty()) return;
    entry.is_baseline = *chosen == competitor;
    const Rows below = timed(competitors.at(*chosen), key.checked);
    const Pairs pairs = pair_by_replicate(mine, below);
    entry.pairs = pairs.above.size();
    entry.ratio_across_files = mine.front()->file != below.front()->file;
    across_files_ = across_files_ || entry.ratio_across_files;
    if (pairs.divisible()) entry.ratio = paired_ratio(pairs.above, pairs.below, bootstrap_);
  }

  void add_efficiency(const Key& key, const RowsByCompetitor& competitors, const Competitor& competitor, bool is_hot,
                      Entry& entry) const {
    if (result_.metric != "ops_per_s" || entry.standing == Standing::voided) return;
    const auto share_of = [&](std::string_view floor) -> std::optional<double> {
      const Rows* below = nullptr;
      for (const auto& [other, rows] : competitors) {
        // That of the same run, if it has one.
        if (other.strategy == floor && (below == nullptr || other.source == competitor.source)) below = &rows;
      }
      if (below == nullptr) return std::nullopt;
      const double share = entry.metric.median / metric_interval(timed(*below, key.checked), bootstrap_).median;
      return std::isfinite(share) ? std::optional(share) : std::nullopt;
    };
    entry.efficiency = share_of(kUnsynchronisedFloor);
    if (is_hot) entry.of_contended_cas = share_of(kContendedCas);
  }

  [[nodiscard]] bool is_better(const Interval& leader, const Interval& other) const {
    return result_.higher_is_better ? leader.low > other.high : leader.high < other.low;
  }

  void rank(const Key& key, const RowsByCompetitor& competitors,
            std::vector<std::pair<Entry, const Competitor*>>& entries) {
    std::vector<std::pair<Entry, const Competitor*>*> contenders;
    for (auto& entry : entries) {
      if (entry.first.standing == Standing::behind && !std::isnan(entry.first.metric.median))
        contenders.push_back(&entry);
    }
    if (contenders.empty()) return;
    Entry& leader = contenders.front()->first;
    if (contenders.size() == 1) {
      leader.standing = Standing::alone;
      return;
    }
    leader.standing = Standing::winner;
    const Rows first = timed(competitors.at(*contenders.front()->second), key.checked);
    for (std::size_t k = 1; k < contenders.size(); ++k) {
      const Rows other = timed(competitors.at(*contenders[k]->second), key.checked);
      const Pairs pairs = pair_by_replicate(first, other);
      bool better = false;
      if (pairs.above.size() >= 2 && pairs.divisible()) {
        const Interval ratio = paired_ratio(pairs.above, pairs.below, bootstrap_);
        better = is_better(ratio, {1, 1, 1});
      } else if (pairs.above.size() != 1 && first.size() >= 2 && other.size() >= 2) {
        // No common replicates, or a division by zero: the intervals themselves must be apart.
        better = is_better(leader.metric, contenders[k]->first.metric);
      }
      if (better) continue;
      contenders[k]->first.standing = Standing::tied;
      leader.standing = Standing::tied;
    }
  }

  void find_common_settings() {
    if (result_.cells.empty()) return;
    const auto all = result_.cells.front().settings;
    std::set<std::string> common;
    for (const auto& [name, value] : all) {
      const auto same = [&, &column = name, &shared = value](const ComparedCell& cell) {
        return std::find(cell.settings.begin(), cell.settings.end(), std::pair{column, shared}) != cell.settings.end();
      };
      if (std::all_of(result_.cells.begin(), result_.cells.end(), same)) {
        common.insert(name);
        result_.common_settings.emplace_back(name, value);
      }
    }
    for (ComparedCell& cell : result_.cells)
      std::erase_if(cell.settings, [&](const auto& one) { return common.contains(one.first); });
  }

  void summarise() {
    std::map<std::string, std::vector<double>> ratios;
    std::map<std::string, Summary> summaries;
    result_.fewest_replicates = std::numeric_limits<std::size_t>::max();
    for (const ComparedCell& cell : result_.cells) {
      for (const Entry& entry : cell.entries) {
        if (entry.standing == Standing::voided || entry.standing == Standing::control || entry.replicates == 0)
          continue;
        result_.fewest_replicates = std::min(result_.fewest_replicates, entry.replicates);
        Summary& summary = summaries[entry.label];
        summary.label = entry.label;
        summary.won += entry.standing == Standing::winner ? 1 : 0;
        summary.tied += entry.standing == Standing::tied ? 1 : 0;
        if (entry.ratio && entry.ratio->median > 0) ratios[entry.label].push_back(entry.ratio->median);
      }
    }
    if (summaries.empty()) result_.fewest_replicates = 0;
    for (auto& [name, summary] : summaries) {
      const auto found = ratios.find(name);
      if (found == ratios.end()) continue;
      summary.cells = found->second.size();
      summary.geometric_mean = geometric_mean(found->second);
      const auto [smallest, largest] = std::minmax_element(found->second.begin(), found->second.end());
      summary.smallest = *smallest;
      summary.largest = *largest;
      result_.summary.push_back(summary);
    }
    std::stable_sort(result_.summary.begin(), result_.summary.end(), [&](const Summary& a, const Summary& b) {
      return result_.higher_is_better ? a.geometric_mean > b.geometric_mean : a.geometric_mean < b.geometric_mean;
    });
  }

  void measure_noise() {
    std::map<std::pair<std::string, std::string>, NoiseFloor> floors;
    for (const auto& [key, competitors] : cells_) {
      for (const auto& [first, first_rows] : competitors) {
        for (const auto& [second, second_rows] : competitors) {
          if (first.source >= second.source || label(first, false) != label(second, false) ||
              !ranked(first_rows, key.checked) || !ranked(second_rows, key.checked)) {
            continue;
          }
          const Pairs pairs = pair_by_replicate(timed(second_rows, key.checked), timed(first_rows, key.checked));
          if (!pairs.divisible()) continue;
          const double ratio = paired_ratio(pairs.above, pairs.below, bootstrap_).median;
          NoiseFloor& floor = floors[{label(first), label(second)}];
          if (floor.cells++ == 0) floor.smallest_ratio = floor.largest_ratio = ratio;
          floor.smallest_ratio = std::min(floor.smallest_ratio, ratio);
          floor.largest_ratio = std::max(floor.largest_ratio, ratio);
        }
      }
    }
    for (auto& [names, floor] : floors) {
      floor.first = names.first;
      floor.second = names.second;
      result_.noise.push_back(floor);
    }
  }

  void write_notes() {
    if (result_.fewest_replicates > 0 && result_.fewest_replicates < 10) {
      result_.notes.push_back(
          fmt::format("Quick look: {} replicate{} in the smallest cell; an interval of fewer than 10 is rough{}.",
                      result_.fewest_replicates, result_.fewest_replicates == 1 ? "" : "s",
                      result_.fewest_replicates == 1 ? ", of 1 there is none and nobody wins" : ""));
    }
    if (across_files_) {
      result_.notes.push_back(
          "~ ratio to a baseline of another file: the replicates were not interleaved, so the machine's drift is in "
          "it.");
    }
    if (several_sources_) {
      for (std::size_t k = 0; k < source_names_.size(); ++k)
        result_.notes.push_back(fmt::format("[{}] {}", k + 1, source_names_[k]));
    }
    std::set<std::pair<std::vector<std::string>, std::uint64_t>> places;
    for (const auto& [key, competitors] : cells_) {
      if (!places.insert({key.setting, key.threads}).second) {
        result_.notes.push_back(
            "Rows that were checked differently stand in tables of their own and are never paired.");
        break;
      }
    }
  }

  std::span<const ResultFile> files_;
  const ComparisonOptions& options_;
  Bootstrap bootstrap_;
  std::vector<Row> rows_;
  std::map<std::string, std::set<std::string>> forms_, seq_no_sources_;
  std::vector<std::string> source_names_;
  std::map<Key, RowsByCompetitor> cells_;
  std::string baseline_strategy_, baseline_form_;
  bool several_sources_ = false;
  bool across_files_ = false;
  Comparison result_;
};

}  // namespace

Comparison compare(std::span<const ResultFile> files, const ComparisonOptions& options) {
  return Comparer(files, options).run();
}

}  // namespace occ
