#include <algorithm>
#include <array>
#include <cmath>

#include "fmt/format.h"
#include "harness/report/comparison_words.hpp"
#include "harness/report/html_parts.hpp"
#include "harness/report/html_text.hpp"
#include "harness/support/column.hpp"

namespace occ {
namespace {

/// Of a picture, in its own units.
constexpr double kWidth = 200;
constexpr double kHeight = 22;
constexpr double kMargin = 6;

/// What a table of replicates shows of a row.
struct Shown {
  const char* column;
  const char* heading;
  bool is_number;
};
constexpr std::array kShown = {Shown{"replicate", "replicate", false},
                               Shown{"attempt", "attempt", false},
                               Shown{"ops_per_s", "ops_per_s", true},
                               Shown{"attempts", "attempts", true},
                               Shown{"conflict_seq_no", "seq_no conflicts", true},
                               Shown{"conflict_version", "version conflicts", true},
                               Shown{"publication_failures", "failed pub.", true},
                               Shown{"exhausted", "exhausted", true},
                               Shown{"latency_p50_ns", "p50", true},
                               Shown{"latency_p99_ns", "p99", true},
                               Shown{"jain", "Jain", true},
                               Shown{"checked", "checked", false},
                               Shown{"verified", "verified", false},
                               Shown{"disturbed_by", "disturbed by", false}};

std::string shown_text(const Shown& shown, const std::string& text, const Reported& reported, const EntryRow& row) {
  if (!shown.is_number || text.empty()) return text;
  const Field field(text, shown.column, reported.input.files[row.file].result.name, row.row);
  return metric_text(shown.column, field.number());
}

bool is_column_used(const Shown& shown, const Reported& reported, const Entry& entry) {
  return std::ranges::any_of(entry.rows, [&](const EntryRow& row) {
    const std::string& text = field_of(reported.input, row, shown.column);
    return !text.empty() && !(shown.is_number && text == "0");
  });
}

}  // namespace

std::string replicate_strip(const Reported& reported, const Entry& entry, double low, double high) {
  if (entry.replicates == 0 || std::isnan(entry.metric.median)) return "";
  const double span = high > low ? high - low : 1;
  const auto x = [&](double value) { return kMargin + (kWidth - 2 * kMargin) * (value - low) / span; };
  std::string points;
  std::size_t shown = 0;
  for (const EntryRow& row : entry.rows) {
    const std::string& text = field_of(reported.input, row, reported.comparison.metric);
    if (row.is_history || text.empty()) continue;
    const double value =
        Field(text, reported.comparison.metric, reported.input.files[row.file].result.name, row.row).number();
    if (value < low || value > high) continue;
    const bool hollow = !row.counts || entry.all_disturbed;
    points += fmt::format("<circle cx=\"{:.1f}\" cy=\"{}\" r=\"3\"{}/>", x(value), kHeight / 2,
                          hollow ? " class=\"disturbed\"" : "");
    ++shown;
  }
  if (shown == 0) return "";
  return fmt::format(
      "<svg class=\"strip\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{} replicates, median {}, {} {}\">"
      "<rect class=\"interval\" x=\"{:.1f}\" y=\"7\" width=\"{:.1f}\" height=\"8\"/>"
      "<line class=\"median\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"2\" y2=\"20\"/>{}</svg>",
      kWidth, kHeight, shown, html_text(metric_text(reported.comparison.metric, entry.metric.median)),
      entry.metric.is_range ? "range" : "interval",
      html_text(interval_text(reported.comparison.metric, entry.metric, entry.replicates)), x(entry.metric.low),
      std::max(0.5, x(entry.metric.high) - x(entry.metric.low)), x(entry.metric.median), x(entry.metric.median),
      points);
}

std::string html_replicates(const Reported& reported, const Entry& entry) {
  std::string head, body;
  for (const Shown& shown : kShown) {
    if (is_column_used(shown, reported, entry)) head += fmt::format("<th scope=\"col\">{}</th>", shown.heading);
  }
  for (const EntryRow& row : entry.rows) {
    body += fmt::format("<tr{}>", row.counts ? "" : " class=\"aside\"");
    for (const Shown& shown : kShown) {
      if (!is_column_used(shown, reported, entry)) continue;
      body += fmt::format("<td>{}</td>",
                          html_text(shown_text(shown, field_of(reported.input, row, shown.column), reported, row)));
    }
    body += "</tr>\n";
  }
  const auto aside = std::ranges::count(entry.rows, false, &EntryRow::counts);
  return fmt::format(
      "<details class=\"replicates\"><summary>{}: {} row{}{}</summary>\n<div class=\"wide\"><table class=\"numbers\">"
      "<caption>Replicates of "
      "{}{}</caption><thead><tr>{}</tr></thead><tbody>\n{}</tbody></table></div>\n{}</details>\n",
      html_text(entry.label), entry.rows.size(), entry.rows.size() == 1 ? "" : "s",
      entry.disturbed > 0 ? fmt::format(", {} disturbed", entry.disturbed) : "", html_text(entry.label),
      aside > 0 ? "; pale: not in its numbers (recorded its history, disturbed, or failed)" : "", head, body,
      html_retries(reported, entry));
}

}  // namespace occ
