#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "harness/report/comparison_rows.hpp"

namespace occ {

// Grouping: which rows stand in one cell, and whose they are there.

/// Rows that agree in every setting, the thread count and how they were checked.
struct CellKey {
  Place place;
  std::string checked;
  auto operator<=>(const CellKey&) const = default;
};

/// What is compared: a strategy in a form. `source` tells apart the same one measured several times.
struct Competitor {
  std::size_t rank;  ///< in the registry, so that tables and the default baseline do not depend on the rows' order
  Contestant contestant;
  std::size_t source;
  auto operator<=>(const Competitor&) const = default;
};

using Rows = std::vector<const ComparedRow*>;
using RowsByCompetitor = std::map<Competitor, Rows>;

bool any_failed(const Rows& rows);

/// The rows that were measured for speed at that level; none for a competitor that failed.
Rows measured(const Rows& rows, const std::string& level);

/// Those of them whose speed counts: the undisturbed ones; all, if every one was disturbed.
Rows timed(const Rows& rows, const std::string& level);
bool is_disturbed(const Rows& timed);

bool ranked(const Rows& rows, const std::string& level);

/// The metric of replicates that two competitors both have.
struct Pairs {
  std::vector<double> above, below;
  [[nodiscard]] bool divisible() const;
};
Pairs pair_by_replicate(const Rows& above, const Rows& below);

/// Cells of all rows but those that recorded their history, with the competitors that failed somewhere apart.
class Cells {
 public:
  /// `rows` must live as long.
  Cells(const std::vector<ComparedRow>& rows, std::span<const ResultFile> files);

  [[nodiscard]] const std::map<CellKey, RowsByCompetitor>& all() const { return cells_; }
  /// Empty unless something was measured several times.
  [[nodiscard]] const std::vector<ComparedSource>& sources() const { return sources_; }

  [[nodiscard]] std::string label(const Competitor& competitor, bool with_source = true) const;
  [[nodiscard]] bool has_several_forms(const std::string& strategy) const { return forms_.at(strategy).size() > 1; }
  /// Rows of one place were checked in several ways.
  [[nodiscard]] bool any_place_twice() const;

 private:
  /// A file and a time at which it measured the same again.
  struct Source {
    std::size_t file;
    std::size_t time;
    auto operator<=>(const Source&) const = default;
  };

  static std::vector<Source> find_sources(const std::vector<ComparedRow>& rows);
  void split_by_level(const Place& place, const RowsByCompetitor& competitors);

  std::map<std::string, std::set<std::string>> forms_, seq_no_sources_;
  /// Strategies of which one cell holds several update forms: elsewhere the form is the cell's, not the strategy's.
  std::set<std::string> in_several_forms_;
  std::map<CellKey, RowsByCompetitor> cells_;
  std::vector<ComparedSource> sources_;
};

}  // namespace occ
