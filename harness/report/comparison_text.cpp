#include <algorithm>

#include "fmt/format.h"
#include "harness/report/comparison.hpp"
#include "harness/report/comparison_words.hpp"

namespace occ {
namespace {

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
  for (const NoiseFloor& floor : comparison.noise) out += line(style, noise_floor_text(floor));
  if (comparison.floor) out += line(style, no_difference_text(*comparison.floor));
  for (const std::string& note : comparison.notes) out += line(style, note);
  return out;
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
    const Entry* const leader = leader_of(cell);
    for (const Entry& entry : cell.entries) {
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
  if (any_standing(comparison, Standing::tied)) out += line(style, tie_text(comparison));
  if (any_standing(comparison, Standing::undecided)) out += line(style, undecided_text());
  return out + noise_and_notes(comparison, style);
}

}  // namespace occ
