#include "harness/report/comparison_cells.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "fmt/format.h"
#include "variants/strategies.hpp"

namespace occ {
namespace {

std::size_t rank_of(const std::string& strategy) {
  const auto known = strategies();
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const StrategyInfo& info) { return info.name == strategy; });
  return static_cast<std::size_t>(found - known.begin());
}

/// What a file ought to hold once.
struct ReplicateOfFile {
  Place place;
  Contestant contestant;
  std::string checked;
  std::string replicate;
  double attempt;
  std::size_t file;
  auto operator<=>(const ReplicateOfFile&) const = default;
};

/// What one strategy was measured for.
struct Contest {
  Place place;
  Contestant contestant;
  auto operator<=>(const Contest&) const = default;
};

}  // namespace

bool any_failed(const Rows& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const ComparedRow* row) { return row->failed; });
}

Rows measured(const Rows& rows, const std::string& level) {
  Rows found;
  if (any_failed(rows)) return found;
  const bool control = rows.front()->is_control();
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(found),
               [&](const ComparedRow* row) { return !row->is_history() && (control || row->checked == level); });
  return found;
}

Rows timed(const Rows& rows, const std::string& level) {
  const Rows all = measured(rows, level);
  Rows undisturbed;
  std::ranges::copy_if(all, std::back_inserter(undisturbed), [](const ComparedRow* row) { return !row->disturbed; });
  return undisturbed.empty() ? all : undisturbed;
}

bool is_disturbed(const Rows& timed) {
  return !timed.empty() && timed.front()->disturbed;
}

bool ranked(const Rows& rows, const std::string& level) {
  return !rows.front()->is_control() && !timed(rows, level).empty();
}

bool Pairs::divisible() const {
  return !above.empty() && std::all_of(below.begin(), below.end(), [](double value) { return value > 0; });
}

Pairs pair_by_replicate(const Rows& above, const Rows& below) {
  std::map<std::string_view, double> denominators;
  for (const ComparedRow* row : below) {
    if (!std::isnan(row->metric)) denominators.emplace(row->replicate, row->metric);
  }
  Pairs pairs;
  for (const ComparedRow* row : above) {
    const auto found = denominators.find(row->replicate);
    if (found == denominators.end() || std::isnan(row->metric)) continue;
    pairs.above.push_back(row->metric);
    pairs.below.push_back(found->second);
  }
  return pairs;
}

Cells::Cells(const std::vector<ComparedRow>& rows, std::span<const ResultFile> files) {
  const std::vector<Source> source_of_row = find_sources(rows);
  // The same strategy under the same settings more than once, in one file or in several, is an A/A measurement.
  std::map<Contest, std::set<Source>> sources_of;
  for (std::size_t index = 0; index < rows.size(); ++index)
    sources_of[{rows[index].place, rows[index].contestant}].insert(source_of_row[index]);
  const std::set<Source> sources(source_of_row.begin(), source_of_row.end());
  const std::vector<Source> ordered(sources.begin(), sources.end());
  if (std::ranges::any_of(sources_of, [](const auto& entry) { return entry.second.size() > 1; })) {
    for (const auto& [file, time] : ordered) sources_.push_back({files[file].name, time + 1});
  }

  std::map<Place, RowsByCompetitor> by_place;
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const ComparedRow& row = rows[index];
    const auto source = static_cast<std::size_t>(std::ranges::find(ordered, source_of_row[index]) - ordered.begin());
    const auto& [strategy, update_form, seq_no_source] = row.contestant;
    forms_[strategy].insert(update_form);
    seq_no_sources_[strategy].insert(seq_no_source);
    by_place[row.place][{rank_of(strategy), row.contestant, sources_.empty() ? 0 : source}].push_back(&row);
  }
  for (const auto& [place, competitors] : by_place) {
    std::map<std::string_view, std::string_view> form_of;
    for (const auto& [competitor, of_competitor] : competitors) {
      const auto& [strategy, update_form, seq_no_source] = competitor.contestant;
      if (form_of.try_emplace(strategy, update_form).first->second != update_form) in_several_forms_.insert(strategy);
    }
    split_by_level(place, competitors);
  }
}

/// Of each row.
std::vector<Cells::Source> Cells::find_sources(const std::vector<ComparedRow>& rows) {
  std::map<ReplicateOfFile, std::size_t> times;
  std::vector<Source> sources;
  for (const ComparedRow& row : rows) {
    const std::size_t time = times[{row.place, row.contestant, row.checked, row.replicate, row.attempt, row.file}]++;
    sources.push_back({row.file, time});
  }
  return sources;
}

/// Rows of a place that were checked differently are a cell each; controls and who failed are in every one.
void Cells::split_by_level(const Place& place, const RowsByCompetitor& competitors) {
  std::set<std::string> levels;
  for (const auto& [competitor, rows] : competitors) {
    if (any_failed(rows) || rows.front()->is_control()) continue;
    for (const ComparedRow* row : rows) {
      if (!row->is_history()) levels.insert(row->checked);
    }
  }
  if (levels.empty()) levels.insert(competitors.begin()->second.front()->checked);
  for (const std::string& level : levels) {
    RowsByCompetitor& cell = cells_[{place, level}];
    for (const auto& [competitor, rows] : competitors) {
      const bool everywhere = any_failed(rows) || rows.front()->is_control();
      if (everywhere ||
          std::any_of(rows.begin(), rows.end(), [&](const ComparedRow* row) { return row->checked == level; })) {
        cell[competitor] = rows;
      }
    }
  }
}

std::string Cells::label(const Competitor& competitor, bool with_source) const {
  const auto& [strategy, update_form, seq_no_source] = competitor.contestant;
  std::string text = strategy;
  if (in_several_forms_.contains(strategy)) text += "/" + update_form;
  if (seq_no_sources_.at(strategy).size() > 1) text += ", " + seq_no_source;
  if (!sources_.empty() && with_source) text += fmt::format(" [{}]", competitor.source + 1);
  return text;
}

bool Cells::any_place_twice() const {
  return std::adjacent_find(cells_.begin(), cells_.end(), [](const auto& a, const auto& b) {
           return a.first.place == b.first.place;
         }) != cells_.end();
}

}  // namespace occ
