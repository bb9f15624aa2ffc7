#include "harness/commands/run_summary.hpp"

#include <algorithm>
#include <iterator>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/history/recording_handle.hpp"
#include "harness/support/statistics.hpp"

namespace occ {
namespace {

std::string first_of(const std::vector<std::string>& all) {
  constexpr std::size_t kShown = 5;
  const std::size_t shown = std::min(all.size(), kShown);
  std::string text = fmt::format("{}", fmt::join(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  return shown == all.size() ? text : text + "; ...";
}

}  // namespace

void RunSummary::add(const std::string& what, const Cell& cell, const Measurement& measurement) {
  Verdicts& verdicts = verdicts_[std::string(cell.strategy.name)];
  switch (measurement.verification.verified) {
    case Verification::Verified::no:
      ++verdicts.wrong;
      break;
    case Verification::Verified::caught:
      ++verdicts.caught;
      break;
    case Verification::Verified::yes:
      // One thread alone does nothing wrong.
      if (cell.strategy.semantics == Semantics::unchecked && cell.threads > 1) verdicts.let_pass.push_back(what);
      break;
    default:
      break;
  }
  const double ops_per_s = static_cast<double>(measurement.window.total_operations()) / measurement.window_s;
  Speeds& speeds = speeds_[&cell];
  if (!measurement.history) {
    speeds.measured.push_back(ops_per_s);
    return;
  }
  speeds.recorded.push_back(ops_per_s);
  const HistoryReport& report = measurement.history->report;
  ++histories_;
  operations_ += report.operations;
  not_judged_ += report.not_judged;
  pairs_ += report.pairs;
  overlapping_ += report.overlapping;
  check_s_ += report.check_s * report.check_threads;
  if (power_of(report, cell.threads) == "too_few")
    powerless_.push_back(fmt::format("{} ({})", what, report.overlapping));
}

std::string RunSummary::text() const {
  if (verdicts_.empty()) return "";
  std::string text;
  if (histories_ > 0) text += histories_text();
  return text + powerless_text() + contradictions_text();
}

std::string RunSummary::histories_text() const {
  std::string text = fmt::format(
      "histories checked: {}, {} operations{}, {:.1f} % of neighbours overlapped; {:.1f} M operations per s and "
      "thread of the check\n",
      histories_, operations_, not_judged_ == 0 ? "" : fmt::format(", {} of them not judged", not_judged_),
      pairs_ == 0 ? 0 : 100 * static_cast<double>(overlapping_) / static_cast<double>(pairs_),
      static_cast<double>(operations_) / check_s_ / 1e6);
  std::vector<double> shares;
  for (const auto& [cell, speeds] : speeds_) {
    if (speeds.recorded.empty() || speeds.measured.empty()) continue;
    shares.push_back(100 * median(speeds.recorded) / median(speeds.measured));
  }
  if (!shares.empty()) {
    const auto [least, most] = std::ranges::minmax(shares);
    text += fmt::format(
        "recording: {:.0f} ns an operation; recorded replicates ran at {:.0f} % of the measured "
        "speed (median of the cells; {:.0f} to {:.0f} %)\n",
        recording_cost_ns(), median(shares), least, most);
  }
  return text;
}

/// Where the check could not have found much, by what it saw and by what it let pass.
std::string RunSummary::powerless_text() const {
  std::string text;
  if (!powerless_.empty()) {
    text += fmt::format("fewer than {} overlapping pairs, so nothing is shown of races, in {} of {} histories: {}\n",
                        kLeastOverlapping, powerless_.size(), histories_, first_of(powerless_));
  }
  for (const auto& [strategy, verdicts] : verdicts_) {
    if (verdicts.let_pass.empty()) continue;
    text += fmt::format("{}, a negative control, passed {} replicate{}, so that others show nothing by passing: {}\n",
                        strategy, verdicts.let_pass.size(), verdicts.let_pass.size() == 1 ? "" : "s",
                        first_of(verdicts.let_pass));
  }
  return text;
}

/// Whose the contradictions were.
std::string RunSummary::contradictions_text() const {
  std::vector<std::string> wrong;
  std::vector<std::string> expected;
  for (const auto& [strategy, verdicts] : verdicts_) {
    if (verdicts.wrong > 0) wrong.push_back(fmt::format("{} of {}", verdicts.wrong, strategy));
    if (verdicts.caught > 0) expected.push_back(fmt::format("{} of {}, as they should be", verdicts.caught, strategy));
  }
  if (wrong.empty() && expected.empty()) return "contradictions: none\n";
  if (wrong.empty()) return fmt::format("contradictions: {}; no others\n", fmt::join(expected, "; "));
  std::ranges::move(expected, std::back_inserter(wrong));
  return fmt::format("contradictions: {}\n", fmt::join(wrong, "; "));
}

}  // namespace occ
