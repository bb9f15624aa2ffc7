#include "harness/report/comparison_ranking.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/report/comparison_entry.hpp"
#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

/// What efficiency divides by.
constexpr std::string_view kUnsynchronisedFloor = "floor_plain";
constexpr std::string_view kContendedCas = "floor_cas";

/// Who can be the baseline: a strategy in a form, by its place in the registry.
struct Candidate {
  std::size_t rank;
  std::string strategy;
  std::string update_form;
  auto operator<=>(const Candidate&) const = default;
};

/// Who can be the baseline of all cells.
struct Candidates {
  std::map<Candidate, std::size_t> cells_of;
  /// As a user names them.
  std::set<std::string> known;
  std::set<std::string> shown;
  /// Strategies of which one cell holds several update forms.
  std::set<std::string> ambiguous;

  explicit Candidates(const Cells& cells) {
    for (const auto& [key, competitors] : cells.all()) {
      std::set<Candidate> here;
      for (const auto& [competitor, rows] : competitors) {
        const auto& [strategy, update_form, seq_no_source] = competitor.contestant;
        shown.insert(strategy);
        if (!ranked(rows, key.checked)) continue;
        here.insert({competitor.rank, strategy, update_form});
        known.insert(cells.has_several_forms(strategy) ? strategy + "/" + update_form : strategy);
      }
      for (const Candidate& one : here) {
        ++cells_of[one];
        if (std::ranges::count(here, one.strategy, &Candidate::strategy) > 1) ambiguous.insert(one.strategy);
      }
    }
  }

  [[nodiscard]] Baseline most_frequent() const {
    Baseline baseline;
    std::size_t most = 0;
    for (const auto& [one, cells] : cells_of) {
      if (cells <= most) continue;
      most = cells;
      baseline = {one.strategy, one.update_form};
    }
    if (!ambiguous.contains(baseline.strategy)) baseline.update_form.clear();
    return baseline;
  }

  [[nodiscard]] bool contains(const Baseline& baseline) const {
    return std::ranges::any_of(cells_of, [&](const auto& one) {
      return one.first.strategy == baseline.strategy &&
             (baseline.update_form.empty() || one.first.update_form == baseline.update_form);
    });
  }
};

}  // namespace

Baseline choose_baseline(const Cells& cells, const std::string& wanted) {
  const Candidates candidates(cells);
  if (wanted.empty()) return candidates.most_frequent();
  const auto slash = wanted.find('/');
  Baseline baseline{wanted.substr(0, slash), slash == std::string::npos ? "" : wanted.substr(slash + 1)};
  if (!candidates.contains(baseline)) {
    throw BadInput(fmt::format("no baseline '{}'{}; known: {}", wanted,
                               candidates.shown.contains(wanted) ? ": it is a control or failed verification" : "",
                               fmt::join(candidates.known, ", ")));
  }
  if (baseline.update_form.empty() && candidates.ambiguous.contains(baseline.strategy)) {
    throw BadInput(fmt::format("baseline '{}' stands for several update forms; give one of: {}", wanted,
                               fmt::join(candidates.known, ", ")));
  }
  return baseline;
}

ComparedCell Ranking::rank_cell(const CellKey& key, const RowsByCompetitor& competitors) {
  const auto& [setting, threads] = key.place;
  ComparedCell cell;
  cell.workload = setting.workload();
  cell.threads = threads;
  cell.checked = key.checked;
  for (std::size_t k = 1; k < kSettingColumns.size(); ++k)
    cell.settings.emplace_back(kSettingColumns[k], setting.values[k]);
  cell.is_hot = std::ranges::any_of(
      cell.settings, [](const auto& one) { return one.first == "dist" && one.second.starts_with("hot:"); });
  std::vector<Ranked> entries;
  for (const auto& [competitor, rows] : competitors) {
    entries.push_back(
        {make_entry(competitor, cells_.label(competitor), rows, key.checked, rules_.bootstrap), &competitor});
    add_ratio(key.checked, competitors, entries.back());
    if (rules_.every_ratio) add_every_ratio(key.checked, competitors, entries.back());
  }
  if (rules_.metric == "ops_per_s") divide_by_floors(entries, cell);
  sort(entries);
  name_winner(key.checked, competitors, entries);
  for (Ranked& each : entries) cell.entries.push_back(std::move(each.entry));
  return cell;
}

void Ranking::add_ratio(const std::string& level, const RowsByCompetitor& competitors, Ranked& ranked_entry) {
  auto& [entry, competitor] = ranked_entry;
  if (entry.standing == Standing::voided || entry.standing == Standing::control) return;
  const Rows mine = timed(competitors.at(*competitor), level);
  const Competitor* chosen = nullptr;
  for (const auto& [other, rows] : competitors) {
    if (!baseline_.is(other) || !ranked(rows, level)) continue;
    // The baseline of the same run, if it has one: those replicates were interleaved with these.
    if (chosen == nullptr || (other.source == competitor->source && chosen->source != competitor->source))
      chosen = &other;
  }
  if (chosen == nullptr || mine.empty()) return;
  entry.is_baseline = *chosen == *competitor;
  const Rows below = timed(competitors.at(*chosen), level);
  const Pairs pairs = pair_by_replicate(mine, below);
  entry.pairs = pairs.above.size();
  entry.ratio_across_files = mine.front()->file != below.front()->file;
  across_files_ = across_files_ || entry.ratio_across_files;
  if (pairs.divisible()) entry.ratio = paired_ratio(pairs.above, pairs.below, rules_.bootstrap);
}

void Ranking::add_every_ratio(const std::string& level, const RowsByCompetitor& competitors,
                              Ranked& ranked_entry) const {
  auto& [entry, competitor] = ranked_entry;
  if (entry.standing == Standing::voided || entry.standing == Standing::control) return;
  const Rows mine = timed(competitors.at(*competitor), level);
  for (const auto& [other, rows] : competitors) {
    if (!ranked(rows, level)) continue;
    const Pairs pairs = pair_by_replicate(mine, timed(rows, level));
    if (!pairs.divisible()) continue;
    entry.ratios.push_back({.label = cells_.label(other),
                            .ratio = paired_ratio(pairs.above, pairs.below, rules_.bootstrap),
                            .pairs = pairs.above.size()});
  }
}

void Ranking::divide_by_floors(std::vector<Ranked>& entries, ComparedCell& cell) const {
  cell.faster_than_floor = divide_by_floor(kUnsynchronisedFloor, &Entry::efficiency, entries);
  if (cell.is_hot) cell.faster_than_contended_cas = divide_by_floor(kContendedCas, &Entry::of_contended_cas, entries);
}

/// Gives every entry its share of that floor's median, unless somebody is faster than the floor, whose label is
/// returned: then nobody gets one.
std::string Ranking::divide_by_floor(std::string_view floor, std::optional<double> Entry::*share,
                                     std::vector<Ranked>& entries) {
  std::string faster;
  for (auto& [entry, competitor] : entries) {
    const Entry* below = nullptr;
    for (const auto& [other, from] : entries) {
      // That of the same run, if it has one.
      if (other.strategy == floor && other.standing != Standing::voided &&
          (below == nullptr || from->source == competitor->source)) {
        below = &other;
      }
    }
    if (below == nullptr || entry.standing == Standing::voided) continue;
    if (const double of = entry.metric.median / below->metric.median; std::isfinite(of)) entry.*share = of;
    if (faster.empty() && entry.standing != Standing::control && entry.metric.low > below->metric.high)
      faster = entry.label;
  }
  if (!faster.empty()) {
    for (auto& [entry, competitor] : entries) (entry.*share).reset();
  }
  return faster;
}

/// Ranked ones first, best median first; then controls, then voided ones.
void Ranking::sort(std::vector<Ranked>& entries) const {
  const auto place = [](Standing standing) {
    return standing == Standing::voided ? 2 : standing == Standing::control ? 1 : 0;
  };
  std::stable_sort(entries.begin(), entries.end(), [&](const Ranked& one, const Ranked& other) {
    const Entry& a = one.entry;
    const Entry& b = other.entry;
    if (place(a.standing) != place(b.standing)) return place(a.standing) < place(b.standing);
    const bool a_measured = !std::isnan(a.metric.median);
    const bool b_measured = !std::isnan(b.metric.median);
    if (!a_measured || !b_measured) return a_measured && !b_measured;
    return rules_.higher_is_better ? a.metric.median > b.metric.median : a.metric.median < b.metric.median;
  });
}

void Ranking::name_winner(const std::string& level, const RowsByCompetitor& competitors,
                          std::vector<Ranked>& entries) const {
  std::vector<Ranked*> contenders;
  for (Ranked& each : entries) {
    if (each.entry.standing == Standing::behind && !std::isnan(each.entry.metric.median)) contenders.push_back(&each);
  }
  if (contenders.empty()) return;
  Entry& leader = contenders.front()->entry;
  if (contenders.size() == 1) {
    leader.standing = Standing::alone;
    return;
  }
  leader.standing = Standing::winner;
  const Rows first = timed(competitors.at(*contenders.front()->competitor), level);
  for (std::size_t k = 1; k < contenders.size(); ++k) {
    const Rows other = timed(competitors.at(*contenders[k]->competitor), level);
    switch (against(first, other)) {
      case Against::better:
        break;
      case Against::no_difference:
        contenders[k]->entry.standing = Standing::tied;
        if (leader.standing == Standing::winner) leader.standing = Standing::tied;
        break;
      case Against::undecided:
        contenders[k]->entry.standing = Standing::undecided;
        leader.standing = Standing::undecided;
        break;
    }
  }
}

/// The one with the best median against another one. To be better takes kFewestForInterval undisturbed pairs, an
/// interval of their ratio that excludes 1, and a ratio outside the A/A floor.
Ranking::Against Ranking::against(const Rows& leader, const Rows& other) const {
  if (is_disturbed(leader) || is_disturbed(other)) return Against::undecided;
  const Pairs pairs = pair_by_replicate(leader, other);
  if (!pairs.above.empty() && pairs.divisible()) {
    if (pairs.above.size() < kFewestForInterval) return Against::undecided;
    const Interval ratio = paired_ratio(pairs.above, pairs.below, rules_.bootstrap);
    return is_better(ratio, {1, 1, 1}) && !is_within_floor(ratio.median) ? Against::better : Against::no_difference;
  }
  // No common replicates, or a division by zero: the intervals themselves must be apart.
  if (leader.size() < kFewestForInterval || other.size() < kFewestForInterval) return Against::undecided;
  const Interval first = metric_interval(leader, rules_.bootstrap);
  const Interval second = metric_interval(other, rules_.bootstrap);
  return is_better(first, second) && !is_within_floor(first.median / second.median) ? Against::better
                                                                                    : Against::no_difference;
}

bool Ranking::is_better(const Interval& leader, const Interval& other) const {
  return rules_.higher_is_better ? leader.low > other.high : leader.high < other.low;
}

bool Ranking::is_within_floor(double ratio) const {
  return rules_.noise && rules_.noise->low <= ratio && ratio <= rules_.noise->high;
}

}  // namespace occ
