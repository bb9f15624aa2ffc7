#include <algorithm>
#include <cmath>
#include <string_view>

#include "fmt/format.h"
#include "harness/report/comparison.hpp"

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

/// Columns of text, the first `left` of them flush left.
class Table {
 public:
  Table(TableStyle style, std::size_t left, std::vector<std::string> header)
      : style_(style), left_(left), rows_{std::move(header)} {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    for (const auto& row : rows_) {
      for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
    }
    std::string out;
    for (std::size_t index = 0; index < rows_.size(); ++index) {
      std::string line;
      for (std::size_t k = 0; k < widths.size(); ++k) {
        const std::string cell = k < left_ ? fmt::format("{:<{}}", rows_[index][k], widths[k])
                                           : fmt::format("{:>{}}", rows_[index][k], widths[k]);
        line +=
            style_ == TableStyle::markdown ? fmt::format("| {} ", cell) : fmt::format("{}{}", k == 0 ? "" : "  ", cell);
      }
      if (style_ == TableStyle::markdown) {
        line += "|";
      } else {
        line.erase(line.find_last_not_of(' ') + 1);
      }
      out += line + "\n";
      if (index == 0) out += ruler(widths);
    }
    return out;
  }

 private:
  [[nodiscard]] std::string ruler(const std::vector<std::size_t>& widths) const {
    std::string line;
    for (std::size_t k = 0; k < widths.size(); ++k) {
      if (style_ == TableStyle::markdown) {
        line += fmt::format("|{:-<{}}{}", "", widths[k] + 1, k < left_ ? '-' : ':');
      } else {
        line += fmt::format("{}{:-<{}}", k == 0 ? "" : "  ", "", widths[k]);
      }
    }
    return line + (style_ == TableStyle::markdown ? "|\n" : "\n");
  }

  TableStyle style_;
  std::size_t left_;
  std::vector<std::vector<std::string>> rows_;
};

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

/// The settings of the cell that its workload's name does not already tell.
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

std::string cell_table(const Comparison& comparison, const ComparedCell& cell, TableStyle style) {
  std::vector<std::string> header{"", "strategy", "update", "progress", comparison.metric, "95 % interval", "n", "out"};
  const bool disturbed = any_disturbed(cell);
  if (disturbed) header.emplace_back("disturbed");
  header.push_back(comparison.baseline.empty() ? "ratio" : "ratio to " + comparison.baseline);
  const bool efficiency = any_efficiency(cell);
  const bool of_contended_cas = any_of_contended_cas(cell);
  if (efficiency) header.emplace_back("efficiency");
  if (of_contended_cas) header.emplace_back("of CAS");
  for (const char* const name : {"conflicts/1000", "failed pub./1000", "retries/update", "exhausted", "p50", "p99"}) {
    header.emplace_back(name);
  }
  const std::size_t columns = header.size();
  Table table(style, 4, std::move(header));
  for (const Entry& entry : cell.entries) {
    std::vector<std::string> row{mark(entry), entry.label, entry.update_form, entry.progress};
    if (entry.standing == Standing::voided) {
      row.resize(columns, "-");
      table.add(std::move(row));
      continue;
    }
    const auto add = [&row](std::string text) { row.push_back(std::move(text)); };
    add(metric_text(comparison.metric, entry.metric.median));
    add(interval_text(comparison.metric, entry.metric, entry.replicates));
    add(fmt::format("{}", entry.replicates));
    add(fmt::format("{}", entry.outliers));
    if (disturbed) add(fmt::format("{}", entry.disturbed));
    add(ratio_text(entry));
    if (efficiency) add(share_text(entry.efficiency));
    if (of_contended_cas) add(share_text(entry.of_contended_cas));
    add(optional_text(entry.conflicts_per_1000));
    add(optional_text(entry.publication_failures_per_1000));
    add(retries_text(entry));
    add(fmt::format("{:.0f}", entry.exhausted));
    add(entry.p50_ns ? duration(*entry.p50_ns) : "-");
    add(entry.p99_ns ? duration(*entry.p99_ns) : "-");
    table.add(std::move(row));
  }
  return table.text();
}

/// What a cell's efficiency divides by, or that there is nothing to divide by; empty for another metric.
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

/// "30% - 40%", or one of them if they are the same.
std::string percent_range(const std::vector<double>& shares) {
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  const std::string low = fmt::format("{:.0f}", 100 * *least);
  const std::string high = fmt::format("{:.0f}", 100 * *most);
  return low == high ? low + " %" : fmt::format("{} to {} %", low, high);
}

/// What the recorded histories of a cell showed; empty if there are none.
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

std::string line(TableStyle style, const std::string& text) {
  return fmt::format("{}{}\n", style == TableStyle::markdown ? "- " : "", text);
}

std::string heading(TableStyle style, const std::string& text) {
  return fmt::format("{}{}\n\n", style == TableStyle::markdown ? "### " : "", text);
}

std::string introduction(const Comparison& comparison, TableStyle style) {
  std::string text = fmt::format(
      "{}: {} is better; medians over n replicates with 95 % bootstrap intervals, or the range of fewer than {}; out: "
      "outliers among the n (none is dropped).",
      comparison.metric, comparison.higher_is_better ? "more" : "less", kFewestForInterval);
  const std::string settings = settings_text(comparison.common_settings);
  if (!settings.empty())
    text += (style == TableStyle::markdown ? " In all cells: " : "\nIn all cells: ") + settings + ".";
  return text + "\n\n";
}

std::string noise_and_notes(const Comparison& comparison, TableStyle style) {
  std::string out;
  for (const NoiseFloor& floor : comparison.noise) {
    out += line(style, fmt::format("A/A noise floor: {} against {} is {} to {} over {} cell{}.", floor.second,
                                   floor.first, ratio_number(floor.smallest_ratio), ratio_number(floor.largest_ratio),
                                   floor.cells, floor.cells == 1 ? "" : "s"));
  }
  if (comparison.floor) {
    out +=
        line(style, fmt::format("A ratio from {} to {} is no difference: the same strategy, measured twice, gives it.",
                                ratio_number(comparison.floor->low), ratio_number(comparison.floor->high)));
  }
  for (const std::string& note : comparison.notes) out += line(style, note);
  return out;
}

/// The one with the best median, and who is as good.
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

}  // namespace

std::string describe(const Comparison& comparison, TableStyle style) {
  std::string out = introduction(comparison, style);
  for (const ComparedCell& cell : comparison.cells) {
    out += heading(style, title(cell)) + cell_table(comparison, cell, style);
    std::string below;
    for (const Entry& entry : cell.entries) {
      if (entry.standing == Standing::voided) below += line(style, loss_text(entry));
    }
    if (const std::string history = history_text(cell); !history.empty()) below += line(style, history);
    if (const std::string floor = floor_text(comparison, cell); !floor.empty()) below += line(style, floor);
    out += (style == TableStyle::markdown && !below.empty() ? "\n" : "") + below + "\n";
  }
  if (!comparison.summary.empty()) {
    out += heading(style, fmt::format("Geometric mean of the ratios to {}", comparison.baseline));
    Table table(style, 1, {"strategy", "geometric mean", "smallest", "largest", "cells", "won", "tied"});
    for (const Summary& summary : comparison.summary) {
      table.add({summary.label, ratio_number(summary.geometric_mean), ratio_number(summary.smallest),
                 ratio_number(summary.largest), fmt::format("{}", summary.cells), fmt::format("{}", summary.won),
                 fmt::format("{}", summary.tied)});
    }
    out += table.text() + "\n";
  }
  return out + noise_and_notes(comparison, style);
}

std::string describe_winners(const Comparison& comparison, TableStyle style) {
  Table table(style, 3,
              {"workload", "threads", "winner", comparison.metric, "95 % interval",
               comparison.baseline.empty() ? "ratio" : "ratio to " + comparison.baseline, "efficiency",
               "conflicts/1000", "retries/update"});
  std::string failed;
  for (const ComparedCell& cell : comparison.cells) {
    const std::string settings = settings_text(settings_beside_workload(comparison, cell));
    const std::string workload = settings.empty() ? cell.workload : fmt::format("{} ({})", cell.workload, settings);
    const Entry* leader = nullptr;
    for (const Entry& entry : cell.entries) {
      const bool first = entry.standing == Standing::winner || entry.standing == Standing::tied ||
                         entry.standing == Standing::alone || entry.standing == Standing::undecided;
      if (leader == nullptr && first) leader = &entry;
      if (entry.standing == Standing::voided && !entry.loss.expected)
        failed += line(style, title(cell) + ": " + loss_text(entry));
    }
    if (leader == nullptr) {
      table.add({workload, fmt::format("{}", cell.threads), "(none verified)", "-", "-", "-", "-", "-", "-"});
      continue;
    }
    table.add({workload, fmt::format("{}", cell.threads), winner_text(cell, *leader),
               metric_text(comparison.metric, leader->metric.median),
               interval_text(comparison.metric, leader->metric, leader->replicates), ratio_text(*leader),
               any_efficiency(cell)             ? share_text(leader->efficiency)
               : cell.faster_than_floor.empty() ? "no floor in this run"
                                                : "faster than the floor",
               optional_text(leader->conflicts_per_1000), retries_text(*leader)});
  }
  std::string out = table.text() + "\n";
  if (!failed.empty()) out += failed;
  const auto has_tie = std::any_of(comparison.cells.begin(), comparison.cells.end(), [](const ComparedCell& cell) {
    return std::any_of(cell.entries.begin(), cell.entries.end(),
                       [](const Entry& entry) { return entry.standing == Standing::tied; });
  });
  if (has_tie) {
    out +=
        line(style, fmt::format("a = b: a has the better median, but the interval of their paired ratio includes 1{}.",
                                comparison.floor ? ", or the ratio is within the A/A floor" : ""));
  }
  const auto has_undecided = std::ranges::any_of(comparison.cells, [](const ComparedCell& cell) {
    return std::ranges::any_of(cell.entries, [](const Entry& entry) { return entry.standing == Standing::undecided; });
  });
  if (has_undecided) {
    out += line(style,
                fmt::format("none named: some strategy of the cell shares fewer than {} undisturbed replicates with "
                            "the one that is ahead.",
                            kFewestForInterval));
  }
  return out + noise_and_notes(comparison, style);
}

}  // namespace occ
