#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "fmt/format.h"
#include "harness/report/comparison_words.hpp"
#include "harness/report/html_parts.hpp"
#include "harness/report/html_text.hpp"

namespace occ {
namespace {

std::string cells_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += fmt::format("<td>{}</td>", html_text(text));
  return out;
}

std::string heads_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += fmt::format("<th scope=\"col\">{}</th>", html_text(text));
  return out;
}

std::string ratio_heading(const Comparison& comparison) {
  return comparison.baseline.empty() ? "ratio" : "ratio to " + comparison.baseline;
}

/// What verification found in a cell; a failure that nobody declared is told apart.
std::string verification(const ComparedCell& cell) {
  std::size_t verified = 0, promising = 0, histories = 0;
  std::string voided;
  for (const Entry& entry : cell.entries) {
    if (entry.standing == Standing::voided) {
      const bool expected = entry.loss.expected && entry.loss.rows_failed > 0;
      voided += fmt::format("<br><span class=\"{}\">{}</span>", expected ? "caught" : "failed",
                            html_text(expected ? entry.label + " caught, as it should be" : loss_text(entry)));
      promising += expected ? 0 : 1;
      continue;
    }
    histories += entry.history_passed > 0 ? 1 : 0;
    if (entry.standing == Standing::control) continue;
    ++promising;
    ++verified;
  }
  const std::string text =
      cell.checked == "none" ? "not checked"
                             : fmt::format("{} of {} verified ({}){}", verified, promising, cell.checked,
                                           histories > 0 ? fmt::format(", histories of {}", histories) : std::string());
  return html_text(text) + voided;
}

std::string disturbed_mark(const Entry& entry) {
  if (entry.disturbed == 0) return "";
  return fmt::format(" <span class=\"badge\">{}</span>",
                     entry.all_disturbed ? "disturbed" : fmt::format("{} disturbed", entry.disturbed));
}

std::string verdict_row(const Reported& reported, std::size_t number) {
  const Comparison& comparison = reported.comparison;
  const ComparedCell& cell = comparison.cells[number];
  std::string out =
      fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td>", html_text(workload_text(comparison, cell)), cell.threads);
  const Entry* const leader = leader_of(cell);
  if (leader == nullptr) {
    out += fmt::format("<td class=\"words\"><a href=\"#cell-{}\">none verified</a></td>", number) +
           cells_of({"-", "-", "-", "-", "-"});
  } else {
    std::size_t disturbed = 0;
    for (const Entry& entry : cell.entries) disturbed += entry.disturbed;
    const std::string others = disturbed > leader->disturbed
                                   ? fmt::format(" <span class=\"badge\">{} disturbed in the cell</span>", disturbed)
                                   : "";
    out += fmt::format("<td class=\"words\"><a href=\"#cell-{}\"><strong>{}</strong></a>{}{}</td>", number,
                       html_text(winner_text(cell, *leader)), disturbed_mark(*leader), others) +
           cells_of({metric_text(comparison.metric, leader->metric.median),
                     interval_text(comparison.metric, leader->metric, leader->replicates), ratio_text(*leader),
                     optional_text(leader->conflicts_per_1000), retries_text(*leader)});
  }
  return out + fmt::format("<td class=\"words\">{}</td></tr>\n", verification(cell));
}

/// The scale that the strips of a cell have in common.
std::pair<double, double> scale_of(const Reported& reported, const ComparedCell& cell) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const Entry& entry : cell.entries) {
    if (entry.standing == Standing::voided || std::isnan(entry.metric.median)) continue;
    // A control may be ten times as fast as what is ranked, which would all be one point.
    if (entry.standing == Standing::control) continue;
    for (const EntryRow& row : entry.rows) {
      const std::string& text = field_of(reported.input, row, reported.comparison.metric);
      if (row.is_history || text.empty()) continue;
      const double value = std::strtod(text.c_str(), nullptr);
      low = std::min(low, value);
      high = std::max(high, value);
    }
    low = std::min(low, entry.metric.low);
    high = std::max(high, entry.metric.high);
  }
  return {low, high};
}

std::string median_of(const Comparison& comparison, std::size_t cell, const std::string& label) {
  const Entry* const entry = same_entry(comparison, cell, label);
  return entry == nullptr ? "-" : metric_text(comparison.metric, entry->metric.median);
}

std::string entry_row(const Reported& reported, std::size_t number, const Entry& entry,
                      const std::pair<double, double>& scale, std::size_t columns) {
  const Comparison& comparison = reported.comparison;
  const bool voided = entry.standing == Standing::voided;
  std::string out = fmt::format("<tr{}><td class=\"words\">{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td>",
                                voided ? " class=\"aside\"" : "", html_text(mark(entry)), html_text(entry.label),
                                html_text(entry.update_form), html_text(entry.progress));
  std::vector<std::string> texts(columns, "-");
  if (voided) return out + "<td></td>" + cells_of(texts) + "</tr>\n";
  out += fmt::format("<td class=\"picture\">{}</td>",
                     entry.standing == Standing::control ? std::string()
                                                         : replicate_strip(reported, entry, scale.first, scale.second));
  texts = {
      metric_text(comparison.metric, entry.metric.median),
      interval_text(comparison.metric, entry.metric, entry.replicates),
      fmt::format("{}{}", entry.replicates, entry.disturbed > 0 ? fmt::format(" ({} disturbed)", entry.disturbed) : ""),
      ratio_text(entry)};
  if (any_efficiency(comparison.cells[number])) texts.push_back(share_text(entry.efficiency));
  if (any_of_contended_cas(comparison.cells[number])) texts.push_back(share_text(entry.of_contended_cas));
  texts.insert(
      texts.end(),
      {optional_text(entry.conflicts_per_1000), optional_text(entry.publication_failures_per_1000), retries_text(entry),
       entry.p50_ns ? duration(*entry.p50_ns) : "-", entry.p99_ns ? duration(*entry.p99_ns) : "-",
       median_of(reported.fairness, number, entry.label), median_of(reported.memory, number, entry.label)});
  return out + cells_of(texts) + "</tr>\n";
}

std::string cell_details(const Reported& reported, std::size_t number) {
  const Comparison& comparison = reported.comparison;
  const ComparedCell& cell = comparison.cells[number];
  const Entry* const leader = leader_of(cell);
  const std::string threads = fmt::format("{} thread{}", cell.threads, cell.threads == 1 ? "" : "s");
  std::vector<std::string> heads{"", "strategy", "update", "progress", "replicates"};
  const std::size_t before = heads.size();
  heads.insert(heads.end(), {comparison.metric, "95 % interval", "n", ratio_heading(comparison)});
  if (any_efficiency(cell)) heads.emplace_back("efficiency");
  if (any_of_contended_cas(cell)) heads.emplace_back("of CAS");
  heads.insert(heads.end(),
               {"conflicts/1000", "failed pub./1000", "retries/update", "p50", "p99", "Jain", "bytes/doc"});
  std::string out = fmt::format(
      "<details class=\"cell\" id=\"cell-{}\"><summary><span class=\"where\">{}, {}</span> <span>{}</span></summary>\n"
      "<div class=\"wide\"><table class=\"numbers\"><caption>{}</caption><thead><tr>{}</tr></thead><tbody>\n",
      number, html_text(workload_text(comparison, cell)), threads,
      leader == nullptr ? "none verified" : html_text(winner_text(cell, *leader)), html_text(title(cell)),
      heads_of(heads));
  const auto scale = scale_of(reported, cell);
  for (const Entry& entry : cell.entries) out += entry_row(reported, number, entry, scale, heads.size() - before);
  out += "</tbody></table></div>\n";
  std::string below;
  for (const Entry& entry : cell.entries) {
    if (entry.standing == Standing::voided) below += fmt::format("<li>{}</li>", html_text(loss_text(entry)));
  }
  const bool floors = any_efficiency(cell) || any_of_contended_cas(cell) || !cell.faster_than_floor.empty();
  for (const std::string& text : {history_text(cell), floors ? floor_text(comparison, cell) : std::string()}) {
    if (!text.empty()) below += fmt::format("<li>{}</li>", html_text(text));
  }
  if (!below.empty()) out += fmt::format("<ul class=\"notes\">{}</ul>\n", below);
  for (const Entry& entry : cell.entries) out += html_replicates(reported, entry);
  return out + "</details>\n";
}

}  // namespace

std::string workload_text(const Comparison& comparison, const ComparedCell& cell) {
  const std::string settings = settings_text(settings_beside_workload(comparison, cell));
  return settings.empty() ? cell.workload : fmt::format("{} ({})", cell.workload, settings);
}

const std::string& field_of(const ReportInput& input, const EntryRow& row, std::string_view column) {
  static const std::string nothing;
  const CsvTable& table = input.files[row.file].result.table;
  const auto at = table.find_column(column);
  return at ? table.rows[row.row][*at] : nothing;
}

const Entry* same_entry(const Comparison& other, std::size_t cell, const std::string& label) {
  if (cell >= other.cells.size()) return nullptr;
  const auto found = std::ranges::find(other.cells[cell].entries, label, &Entry::label);
  return found == other.cells[cell].entries.end() ? nullptr : &*found;
}

std::string html_verdicts(const Reported& reported) {
  const Comparison& comparison = reported.comparison;
  std::string out = fmt::format(
      "<div class=\"wide\"><table class=\"numbers verdicts\"><caption>{}: {} is better. The strategy with the best "
      "median "
      "of its replicates, by workload and threads</caption><thead><tr>{}</tr></thead><tbody>\n",
      html_text(comparison.metric), comparison.higher_is_better ? "more" : "less",
      heads_of({"workload", "threads", "winner", comparison.metric, "95 % interval", ratio_heading(comparison),
                "conflicts/1000", "retries/update", "verification"}));
  for (std::size_t number = 0; number < comparison.cells.size(); ++number) out += verdict_row(reported, number);
  out += "</tbody></table></div>\n<ul class=\"notes\">\n";
  const auto note = [&](const std::string& text) { out += fmt::format("<li>{}</li>\n", html_text(text)); };
  if (any_standing(comparison, Standing::tied)) note(tie_text(comparison));
  if (any_standing(comparison, Standing::undecided)) note(undecided_text());
  for (const NoiseFloor& floor : comparison.noise) note(noise_floor_text(floor));
  if (comparison.floor) note(no_difference_text(*comparison.floor));
  return out + "</ul>\n";
}

std::string html_cells(const Reported& reported) {
  std::string out;
  for (std::size_t number = 0; number < reported.comparison.cells.size(); ++number)
    out += cell_details(reported, number);
  return out;
}

}  // namespace occ
