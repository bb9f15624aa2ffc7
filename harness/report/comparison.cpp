#include "harness/report/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "core/table/counters.hpp"
#include "fmt/format.h"
#include "harness/report/comparison_cells.hpp"
#include "harness/report/comparison_ranking.hpp"
#include "harness/report/comparison_rows.hpp"

namespace occ {
namespace {

bool is_higher_better(std::string_view metric) {
  return metric.starts_with("ops") || metric.starts_with("thread_ops") || metric == "jain" || metric == "applied" ||
         metric == "gets_found";
}

/// The labels of two measurements of one strategy.
struct MeasuredTwice {
  std::string first;
  std::string second;
  auto operator<=>(const MeasuredTwice&) const = default;
};

/// One strategy measured several times under the same settings.
void measure_noise(const Cells& cells, Comparison& result) {
  std::map<MeasuredTwice, NoiseFloor> floors;
  for (const auto& [key, competitors] : cells.all()) {
    for (const auto& [first, first_rows] : competitors) {
      for (const auto& [second, second_rows] : competitors) {
        if (first.source >= second.source || cells.label(first, false) != cells.label(second, false) ||
            !ranked(first_rows, key.checked) || !ranked(second_rows, key.checked)) {
          continue;
        }
        const Rows above = timed(second_rows, key.checked);
        const Rows below = timed(first_rows, key.checked);
        const Pairs pairs = pair_by_replicate(above, below);
        if (!pairs.divisible() || is_disturbed(above) || is_disturbed(below)) continue;
        const double ratio = paired_ratio(pairs.above, pairs.below, result.bootstrap).median;
        NoiseFloor& floor = floors[{cells.label(first), cells.label(second)}];
        if (floor.cells++ == 0) floor.smallest_ratio = floor.largest_ratio = ratio;
        floor.smallest_ratio = std::min(floor.smallest_ratio, ratio);
        floor.largest_ratio = std::max(floor.largest_ratio, ratio);
      }
    }
  }
  double widest = 0;
  for (auto& [names, floor] : floors) {
    floor.first = names.first;
    floor.second = names.second;
    result.noise.push_back(floor);
    widest = std::max({widest, std::abs(std::log(floor.smallest_ratio)), std::abs(std::log(floor.largest_ratio))});
  }
  if (!floors.empty() && std::isfinite(widest)) result.floor = {std::exp(-widest), 1, std::exp(widest)};
}

/// Settings that all cells share are said once.
void find_common_settings(Comparison& result) {
  if (result.cells.empty()) return;
  const auto all = result.cells.front().settings;
  std::set<std::string> common;
  for (const auto& [name, value] : all) {
    const auto same = [&, &column = name, &shared = value](const ComparedCell& cell) {
      return std::find(cell.settings.begin(), cell.settings.end(), std::pair{column, shared}) != cell.settings.end();
    };
    if (std::all_of(result.cells.begin(), result.cells.end(), same)) {
      common.insert(name);
      result.common_settings.emplace_back(name, value);
    }
  }
  for (ComparedCell& cell : result.cells)
    std::erase_if(cell.settings, [&](const auto& one) { return common.contains(one.first); });
}

void summarise(Comparison& result) {
  std::map<std::string, std::vector<double>> ratios;
  std::map<std::string, Summary> summaries;
  result.fewest_replicates = std::numeric_limits<std::size_t>::max();
  for (const ComparedCell& cell : result.cells) {
    for (const Entry& entry : cell.entries) {
      if (entry.standing == Standing::voided || entry.standing == Standing::control || entry.replicates == 0) continue;
      result.fewest_replicates = std::min(result.fewest_replicates, entry.replicates);
      Summary& summary = summaries[entry.label];
      summary.label = entry.label;
      summary.won += entry.standing == Standing::winner ? 1 : 0;
      summary.tied += entry.standing == Standing::tied ? 1 : 0;
      if (entry.ratio && entry.ratio->median > 0) ratios[entry.label].push_back(entry.ratio->median);
    }
  }
  if (summaries.empty()) result.fewest_replicates = 0;
  for (auto& [name, summary] : summaries) {
    const auto found = ratios.find(name);
    if (found == ratios.end()) continue;
    summary.cells = found->second.size();
    summary.geometric_mean = geometric_mean(found->second);
    const auto [smallest, largest] = std::minmax_element(found->second.begin(), found->second.end());
    summary.smallest = *smallest;
    summary.largest = *largest;
    result.summary.push_back(summary);
  }
  std::stable_sort(result.summary.begin(), result.summary.end(), [&](const Summary& a, const Summary& b) {
    return result.higher_is_better ? a.geometric_mean > b.geometric_mean : a.geometric_mean < b.geometric_mean;
  });
}

void write_notes(const Cells& cells, bool across_files, Comparison& result) {
  if (result.fewest_replicates > 0 && result.fewest_replicates < 10) {
    result.notes.push_back(
        fmt::format("Quick look: {} replicate{} in the smallest cell; {}.", result.fewest_replicates,
                    result.fewest_replicates == 1 ? "" : "s",
                    result.fewest_replicates < kFewestForInterval
                        ? fmt::format("a winner and a 95 % interval take {}, fewer give a range and nobody wins",
                                      kFewestForInterval)
                        : "an interval of fewer than 10 is rough"));
  }
  std::size_t disturbed = 0;
  for (const ComparedCell& cell : result.cells) {
    for (const Entry& entry : cell.entries) disturbed += entry.disturbed;
  }
  if (disturbed > 0) {
    result.notes.push_back(
        fmt::format("Disturbed: {} replicate{} stayed so, by what column disturbed_by says, and {} left out; where a "
                    "strategy has no others, its numbers are theirs, it is marked disturbed, and nobody wins.",
                    disturbed, disturbed == 1 ? "" : "s", disturbed == 1 ? "is" : "are"));
  }
  if (across_files) {
    result.notes.push_back(
        "~ ratio to a baseline of another file: the replicates were not interleaved, so the machine's drift is in "
        "it.");
  }
  for (std::size_t k = 0; k < result.sources.size(); ++k) {
    const auto& [file, time] = result.sources[k];
    result.notes.push_back(
        fmt::format("[{}] {}{}", k + 1, file, time > 1 ? fmt::format(" (time {} of a replicate)", time) : ""));
  }
  if (cells.any_place_twice())
    result.notes.push_back("Rows that were checked differently stand in tables of their own and are never paired.");
}

}  // namespace

Comparison compare(std::span<const ResultFile> files, const ComparisonOptions& options) {
  Comparison result;
  result.metric = options.metric;
  result.higher_is_better = is_higher_better(options.metric);
  result.bootstrap.seed = options.seed;

  const std::vector<ComparedRow> rows = read_compared_rows(files, options.metric);
  for (const ResultFile& file : files) {
    if (file.table.unterminated) {
      result.notes.push_back(
          fmt::format("{} ends in the middle of a row, which was left out if incomplete.", file.name));
    }
  }
  const Cells cells(rows, files);
  result.sources = cells.sources();
  const Baseline baseline = choose_baseline(cells, options.baseline);
  result.baseline = baseline.strategy;
  if (!baseline.update_form.empty() && cells.has_several_forms(baseline.strategy))
    result.baseline += "/" + baseline.update_form;
  measure_noise(cells, result);
  const RankingRules rules{result.metric, result.higher_is_better, result.bootstrap, result.floor, options.every_ratio};
  Ranking ranking(cells, baseline, rules);
  for (const auto& [key, competitors] : cells.all()) result.cells.push_back(ranking.rank_cell(key, competitors));
  find_common_settings(result);
  summarise(result);
  write_notes(cells, ranking.across_files(), result);
  return result;
}

}  // namespace occ
