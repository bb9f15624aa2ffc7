#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/report/comparison_cells.hpp"

namespace occ {

// Ranking: who is better than whom in a cell.

/// Whom the others are divided by.
struct Baseline {
  std::string strategy;
  /// Empty: whatever form a cell has.
  std::string update_form;

  [[nodiscard]] bool is(const Competitor& competitor) const {
    return competitor.contestant.strategy == strategy &&
           (update_form.empty() || competitor.contestant.update_form == update_form);
  }
};

/// `wanted` is a strategy, or one with its form; empty: the first registered one among those ranked in most cells.
/// Throws BadInput if nobody is that, or several forms of one cell are.
Baseline choose_baseline(const Cells& cells, const std::string& wanted);

/// By which two competitors are compared.
struct RankingRules {
  std::string metric;
  bool higher_is_better;
  Bootstrap bootstrap;
  /// A ratio inside it is no difference.
  std::optional<Interval> noise;
  /// Entry::ratios too.
  bool every_ratio = false;
};

class Ranking {
 public:
  Ranking(const Cells& cells, const Baseline& baseline, const RankingRules& rules)
      : cells_(cells), baseline_(baseline), rules_(rules) {}

  ComparedCell rank_cell(const CellKey& key, const RowsByCompetitor& competitors);

  /// Some ratio is to a baseline of another file.
  [[nodiscard]] bool across_files() const { return across_files_; }

 private:
  struct Ranked {
    Entry entry;
    const Competitor* competitor;
  };
  enum class Against : std::uint8_t { better, no_difference, undecided };

  void add_ratio(const std::string& level, const RowsByCompetitor& competitors, Ranked& ranked);
  void add_every_ratio(const std::string& level, const RowsByCompetitor& competitors, Ranked& ranked) const;
  void divide_by_floors(std::vector<Ranked>& entries, ComparedCell& cell) const;
  void sort(std::vector<Ranked>& entries) const;
  void name_winner(const std::string& level, const RowsByCompetitor& competitors, std::vector<Ranked>& entries) const;
  [[nodiscard]] Against against(const Rows& leader, const Rows& other) const;
  [[nodiscard]] bool is_better(const Interval& leader, const Interval& other) const;
  [[nodiscard]] bool is_within_floor(double ratio) const;
  static std::string divide_by_floor(std::string_view floor, std::optional<double> Entry::*share,
                                     std::vector<Ranked>& entries);

  const Cells& cells_;
  const Baseline& baseline_;
  const RankingRules& rules_;
  bool across_files_ = false;
};

}  // namespace occ
