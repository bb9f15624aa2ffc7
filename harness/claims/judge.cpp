#include "harness/claims/judge.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/column.hpp"

namespace occ {
namespace {

/// One row of a table, by names of columns.
class Row {
 public:
  Row(const ClaimRows& rows, std::size_t number) : rows_(rows), number_(number) {}

  [[nodiscard]] const std::string& text(const std::string& column) const {
    const auto at = rows_.table.find_column(column);
    if (!at) throw BadInput(fmt::format("{} has no column '{}'", rows_.file, column));
    return rows_.table.rows[number_][*at];
  }
  [[nodiscard]] double number(const std::string& column) const {
    const std::size_t line = number_ < rows_.table.lines.size() ? rows_.table.lines[number_] : number_ + 2;
    return Field(text(column), column, rows_.file, line).signed_number();
  }
  [[nodiscard]] bool is(const std::vector<std::pair<std::string, std::string>>& columns) const {
    return std::ranges::all_of(columns, [this](const auto& each) { return text(each.first) == each.second; });
  }

 private:
  const ClaimRows& rows_;
  std::size_t number_;
};

struct Found {
  /// NaN: nothing that counts.
  double value = std::numeric_limits<double>::quiet_NaN();
  bool any = false;
  bool failed = false;
};

/// What the selected rows of one round show.
Found find(const Expectation& expectation, const RowSelection& selection, const std::vector<ClaimRows>& all,
           std::size_t round) {
  Found found;
  for (const ClaimRows& rows : all) {
    if (rows.run != selection.run || rows.round != round) continue;
    for (std::size_t number = 0; number < rows.table.rows.size(); ++number) {
      const Row row(rows, number);
      if (!row.is(selection.columns)) continue;
      if (const std::string& checked = row.text("checked"); checked == "history" || checked == "fill") continue;
      found.any = true;
      found.failed |= row.text("verified") == "no";
      if (row.text("disturbed") == "yes") continue;
      const double value = row.number(expectation.metric) / (expectation.per.empty() ? 1 : row.number(expectation.per));
      if (!std::isfinite(value)) continue;
      if (!std::isnan(found.value))
        throw BadInput(fmt::format("{}: '{}' means several rows; name more columns", rows.file, selection.text));
      found.value = value;
    }
  }
  return found;
}

ClaimVerdict compare(const Expectation& expectation, const Interval& measured) {
  const double least = expectation.at_least.value_or(-std::numeric_limits<double>::infinity());
  const double most = expectation.at_most.value_or(std::numeric_limits<double>::infinity());
  if (measured.low >= least && measured.high <= most) return ClaimVerdict::holds;
  if (measured.high < least || measured.low > most) return ClaimVerdict::fails;
  return ClaimVerdict::undecided;
}

JudgedExpectation judge_one(const Expectation& expectation, const std::vector<ClaimRows>& rows, unsigned cores) {
  JudgedExpectation judged;
  if (cores < expectation.cores) {
    judged.why =
        fmt::format("{} processors are needed, {} {} here", expectation.cores, cores, cores == 1 ? "is" : "are");
    return judged;
  }
  std::size_t last = 0;
  for (const ClaimRows& each : rows) last = std::max(last, each.round);
  std::vector<double> above;
  std::vector<double> below;
  bool any = false;
  bool failed = false;
  for (std::size_t round = 1; round <= last; ++round) {
    const Found of = find(expectation, expectation.of, rows, round);
    const Found over = expectation.over ? find(expectation, *expectation.over, rows, round)
                                        : Found{.value = 1, .any = true, .failed = false};
    any = any || (of.any && over.any);
    failed = failed || of.failed || over.failed;
    if (std::isnan(of.value) || std::isnan(over.value) || over.value == 0) continue;
    above.push_back(of.value);
    below.push_back(over.value);
  }
  judged.rounds = above.size();
  if (!above.empty()) judged.measured = paired_ratio(above, below);
  if (failed) {
    judged.why = "a row of it failed its verification, so its numbers mean nothing";
  } else if (!any) {
    judged.why = "no such row was measured";
  } else if (above.size() < kFewestForInterval) {
    judged.why = fmt::format("{} undisturbed rounds of {}; a verdict needs {}", above.size(), last, kFewestForInterval);
  } else {
    judged.verdict = compare(expectation, *judged.measured);
  }
  return judged;
}

}  // namespace

JudgedClaim judge(const Claim& claim, const std::vector<ClaimRows>& rows, unsigned cores) {
  JudgedClaim judged;
  const auto any_is = [&judged](ClaimVerdict verdict) {
    return std::ranges::find(judged.expectations, verdict, &JudgedExpectation::verdict) != judged.expectations.end();
  };
  for (const Expectation& expectation : claim.expectations)
    judged.expectations.push_back(judge_one(expectation, rows, cores));
  for (const ClaimVerdict verdict : {ClaimVerdict::fails, ClaimVerdict::undecided, ClaimVerdict::holds}) {
    if (any_is(verdict)) {
      judged.verdict = verdict;
      break;
    }
  }
  return judged;
}

std::string describe(const Expectation& expectation, const JudgedExpectation& judged) {
  std::vector<std::string> bounds;
  if (expectation.at_least) bounds.push_back(fmt::format("at least {:.3g}", *expectation.at_least));
  if (expectation.at_most) bounds.push_back(fmt::format("at most {:.3g}", *expectation.at_most));
  const std::string expected = fmt::format("expected {}", fmt::join(bounds, " and "));
  if (!judged.measured) return fmt::format("{}; {}", expected, judged.why);
  const Interval& interval = *judged.measured;
  return fmt::format("{:.3g} [{:.3g}, {:.3g}], {}{}{}", interval.median, interval.low, interval.high, expected,
                     judged.why.empty() ? "" : "; ", judged.why);
}

}  // namespace occ
