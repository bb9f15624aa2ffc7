#include "harness/report/comparison_words.hpp"

#include <algorithm>
#include <cmath>

#include "fmt/format.h"

namespace occ {
namespace {

/// Three significant digits.
std::string significant(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e6 || size < 1e-3) return fmt::format("{:.2e}", value);
  if (size >= 99.95) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value,
                     size >= 9.995      ? 1
                     : size >= 0.9995   ? 2
                     : size >= 0.09995  ? 3
                     : size >= 0.009995 ? 4
                                        : 5);
}

std::string with_prefix(double value) {
  struct Prefix {
    double factor;
    std::string_view name;
  };
  for (const Prefix prefix : {Prefix{1e9, " G"}, Prefix{1e6, " M"}, Prefix{1e3, " k"}}) {
    if (std::abs(value) >= 0.9995 * prefix.factor) return significant(value / prefix.factor) + std::string(prefix.name);
  }
  return significant(value);
}

/// "30 to 40 %", or one of them if they are the same.
std::string percent_range(const std::vector<double>& shares) {
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  const std::string low = fmt::format("{:.0f}", 100 * *least);
  const std::string high = fmt::format("{:.0f}", 100 * *most);
  return low == high ? low + " %" : fmt::format("{} to {} %", low, high);
}

}  // namespace

std::string duration(double nanoseconds) {
  if (nanoseconds >= 0.9995e9) return significant(nanoseconds / 1e9) + " s";
  if (nanoseconds >= 0.9995e6) return significant(nanoseconds / 1e6) + " ms";
  if (nanoseconds >= 0.9995e3) return significant(nanoseconds / 1e3) + " us";
  return significant(nanoseconds) + " ns";
}

std::string metric_text(std::string_view metric, double value) {
  if (std::isnan(value)) return "-";
  if (metric.ends_with("_ns")) return duration(value);
  return std::abs(value) >= 1000 ? with_prefix(value) : significant(value);
}

std::string interval_text(std::string_view metric, const Interval& interval, std::size_t replicates) {
  if (replicates < 2 || std::isnan(interval.median)) return "-";
  return fmt::format("{}{} - {}", interval.is_range ? "range " : "", metric_text(metric, interval.low),
                     metric_text(metric, interval.high));
}

std::string ratio_number(double ratio) {
  return ratio < 0.0995 || ratio >= 99.95 ? significant(ratio) : fmt::format("{:.2f}", ratio);
}

std::string ratio_text(const Entry& entry) {
  if (entry.is_baseline) return "1 (baseline)";
  if (!entry.ratio) return "-";
  std::string text = fmt::format("{}{}", entry.ratio_across_files ? "~" : "", ratio_number(entry.ratio->median));
  if (entry.pairs < 2) return text;
  return fmt::format("{} [{}{}, {}]", text, entry.ratio->is_range ? "range " : "", ratio_number(entry.ratio->low),
                     ratio_number(entry.ratio->high));
}

std::string optional_text(const std::optional<double>& value) {
  return value ? significant(*value) : "-";
}

std::string retries_text(const Entry& entry) {
  if (!entry.retries_per_update) return "-";
  return fmt::format("{}{}", entry.retries_at_least ? ">= " : "", significant(*entry.retries_per_update));
}

std::string share_text(const std::optional<double>& share) {
  return share ? significant(100 * *share) + " %" : "-";
}

std::string settings_text(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    if (value.empty()) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

std::string title(const ComparedCell& cell) {
  const std::string settings = settings_text(cell.settings);
  return fmt::format("{}, {} thread{}{}{} (checked: {})", cell.workload, cell.threads, cell.threads == 1 ? "" : "s",
                     settings.empty() ? "" : ", ", settings, cell.checked);
}

std::vector<std::pair<std::string, std::string>> settings_beside_workload(const Comparison& comparison,
                                                                          const ComparedCell& cell) {
  auto settings = cell.settings;
  std::erase_if(settings, [&](const auto& setting) {
    return std::all_of(comparison.cells.begin(), comparison.cells.end(), [&](const ComparedCell& other) {
      return other.workload != cell.workload ||
             std::find(other.settings.begin(), other.settings.end(), setting) != other.settings.end();
    });
  });
  return settings;
}

std::string mark(const Entry& entry) {
  if (entry.all_disturbed) return "disturbed";
  switch (entry.standing) {
    case Standing::winner:
      return "winner";
    case Standing::tied:
      return "tie";
    case Standing::undecided:
      return "undecided";
    case Standing::alone:
      return "alone";
    case Standing::control:
      return entry.semantics == "floor" ? "floor" : "control";
    case Standing::voided:
      return "voided";
    default:
      return "";
  }
}

std::string loss_text(const Entry& entry) {
  if (entry.loss.rows_failed == 0) {
    return fmt::format("voided: {}, {} of {} rows have no verdict: {}", entry.label, entry.loss.rows_without_verdict,
                       entry.loss.rows, entry.loss.violation);
  }
  std::string text =
      fmt::format("voided: {}, {} of {} rows failed verification{}: {:.0f} updates lost, {:.0f} torn reads",
                  entry.label, entry.loss.rows_failed, entry.loss.rows, entry.loss.expected ? ", as declared" : "",
                  entry.loss.lost_updates, entry.loss.torn_reads);
  if (entry.loss.oversold > 0) text += fmt::format(", {:.0f} units oversold", entry.loss.oversold);
  if (!entry.loss.violation.empty()) text += "; first: " + entry.loss.violation;
  return text;
}

bool any_efficiency(const ComparedCell& cell) {
  return std::ranges::any_of(cell.entries, [](const Entry& entry) { return entry.efficiency.has_value(); });
}
bool any_of_contended_cas(const ComparedCell& cell) {
  return std::ranges::any_of(cell.entries, [](const Entry& entry) { return entry.of_contended_cas.has_value(); });
}

bool any_disturbed(const ComparedCell& cell) {
  return std::ranges::any_of(cell.entries, [](const Entry& entry) { return entry.disturbed > 0; });
}

std::string floor_text(const Comparison& comparison, const ComparedCell& cell) {
  if (comparison.metric != "ops_per_s") return "";
  std::string text =
      !cell.faster_than_floor.empty()
          ? fmt::format("efficiency: {} is faster than floor_plain, which is no floor here", cell.faster_than_floor)
      : any_efficiency(cell) ? "efficiency: share of floor_plain's median"
                             : "efficiency: no floor in this run; --strategy floors adds it";
  if (!cell.faster_than_contended_cas.empty())
    text +=
        fmt::format("; of CAS: {} is faster than floor_cas, which is no floor here", cell.faster_than_contended_cas);
  if (any_of_contended_cas(cell)) text += "; of CAS: share of floor_cas's";
  return text + ".";
}

std::string history_text(const ComparedCell& cell) {
  std::size_t passed = 0;
  double operations = 0;
  std::vector<double> overlaps, speeds;
  for (const Entry& entry : cell.entries) {
    if (entry.history_passed == 0) continue;
    ++passed;
    operations += entry.history_operations;
    overlaps.push_back(entry.history_overlap);
    if (entry.recorded_speed) speeds.push_back(*entry.recorded_speed);
  }
  if (passed == 0) return "";
  std::string text =
      fmt::format("{} of {} also passed the check of their recorded history", passed, cell.entries.size());
  if (operations > 0) {
    text +=
        fmt::format(": {} operations, {} of neighbours overlapped", with_prefix(operations), percent_range(overlaps));
  }
  if (!speeds.empty()) text += fmt::format("; recorded, they ran at {} of the speed above", percent_range(speeds));
  return text + ".";
}

std::string winner_text(const ComparedCell& cell, const Entry& leader) {
  std::string name = leader.label;
  if (leader.standing == Standing::alone) name += " (alone)";
  if (leader.standing == Standing::undecided)
    return fmt::format("none named ({} ahead{})", name, leader.all_disturbed ? ", disturbed" : "");
  const auto tied = std::ranges::count(cell.entries, Standing::tied, &Entry::standing);
  if (tied == 2) {
    const auto other = std::find_if(cell.entries.begin(), cell.entries.end(), [&](const Entry& entry) {
      return entry.standing == Standing::tied && &entry != &leader;
    });
    name += " = " + other->label;
  } else if (tied > 2) {
    name += fmt::format(" = {} others", tied - 1);
  }
  return name;
}

std::string noise_floor_text(const NoiseFloor& floor) {
  return fmt::format("A/A noise floor: {} against {} is {} to {} over {} cell{}.", floor.second, floor.first,
                     ratio_number(floor.smallest_ratio), ratio_number(floor.largest_ratio), floor.cells,
                     floor.cells == 1 ? "" : "s");
}

std::string no_difference_text(const Interval& floor) {
  return fmt::format("A ratio from {} to {} is no difference: the same strategy, measured twice, gives it.",
                     ratio_number(floor.low), ratio_number(floor.high));
}

const Entry* leader_of(const ComparedCell& cell) {
  const auto leads = [](const Entry& entry) {
    return entry.standing == Standing::winner || entry.standing == Standing::tied ||
           entry.standing == Standing::alone || entry.standing == Standing::undecided;
  };
  const auto found = std::ranges::find_if(cell.entries, leads);
  return found == cell.entries.end() ? nullptr : &*found;
}

std::string tie_text(const Comparison& comparison) {
  return fmt::format("a = b: a has the better median, but the interval of their paired ratio includes 1{}.",
                     comparison.floor ? ", or the ratio is within the A/A floor" : "");
}

std::string undecided_text() {
  return fmt::format(
      "none named: some strategy of the cell shares fewer than {} undisturbed replicates with the one that is ahead.",
      kFewestForInterval);
}

bool any_standing(const Comparison& comparison, Standing standing) {
  return std::ranges::any_of(comparison.cells, [&](const ComparedCell& cell) {
    return std::ranges::find(cell.entries, standing, &Entry::standing) != cell.entries.end();
  });
}

}  // namespace occ
