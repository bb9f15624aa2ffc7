#include <algorithm>
#include <map>
#include <string_view>

#include "fmt/format.h"
#include "harness/report/html_parts.hpp"
#include "harness/report/html_text.hpp"

namespace occ {
namespace {

/// Of the picture, in its own units.
constexpr double kWidth = 900;
constexpr double kLeft = 90;
constexpr double kTrack = 34;
constexpr double kBar = 20;

/// How an operation is painted.
std::string_view kind_of(const HistoryEntry& entry) {
  if (entry.end == HistoryEntry::kUnanswered) return "open";
  if (entry.result == Result::conflict) return "conflict";
  return entry.kind == HistoryKind::get ? "read" : "write";
}

/// The operations of a contradiction on a track per thread, each with the number that it has in the list below.
std::string picture(const Contradiction& contradiction, const HistoryRules& rules) {
  const std::vector<HistoryEntry>& operations = contradiction.operations;
  std::uint64_t first = HistoryEntry::kUnanswered;
  std::uint64_t last = 0;
  std::map<std::uint16_t, std::size_t> tracks;
  for (const HistoryEntry& entry : operations) {
    first = std::min(first, entry.begin);
    last = std::max({last, entry.begin, entry.end == HistoryEntry::kUnanswered ? 0 : entry.end});
    tracks[entry.thread] = 0;
  }
  std::size_t next = 0;
  for (auto& [thread, track] : tracks) track = next++;
  const double span = std::max<double>(1, static_cast<double>(last - first));
  const auto x = [&](std::uint64_t ticks) {
    if (ticks == HistoryEntry::kUnanswered) return kWidth - 4;
    return kLeft + (kWidth - kLeft - 40) * static_cast<double>(ticks - first) / span;
  };
  const double height = kTrack * static_cast<double>(tracks.size()) + 24;
  std::string out = fmt::format(
      "<svg class=\"timeline\" viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{} operations of {} thread{} by "
      "time; "
      "the list below says the same\">",
      kWidth, height, operations.size(), tracks.size(), tracks.size() == 1 ? "" : "s");
  for (const auto& [thread, track] : tracks) {
    const double y = kTrack * static_cast<double>(track) + kTrack / 2;
    out += fmt::format(
        "<text x=\"0\" y=\"{:.0f}\">thread {}</text><line class=\"track\" x1=\"{}\" x2=\"{}\" y1=\"{:.0f}\" "
        "y2=\"{:.0f}\"/>",
        y + 4, thread, kLeft, kWidth, y, y);
  }
  for (std::size_t number = 0; number < operations.size(); ++number) {
    const HistoryEntry& entry = operations[number];
    const double y = kTrack * static_cast<double>(tracks.at(entry.thread)) + (kTrack - kBar) / 2;
    const double left = x(entry.begin);
    const double width = std::max(3.0, x(entry.end) - left);
    out += fmt::format(
        "<g class=\"{}\"><title>{}</title><rect x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{}\"/><text "
        "x=\"{:.1f}\" y=\"{:.0f}\">{}</text></g>",
        kind_of(entry), html_text(describe_operation(entry)), left, y, width, kBar, left + 3, y + kBar - 5, number + 1);
  }
  return out +
         fmt::format(
             "<text x=\"{}\" y=\"{:.0f}\">0</text><text class=\"end\" x=\"{}\" y=\"{:.0f}\">{:.3f} us</text></svg>\n",
             kLeft, height - 4, kWidth - 40, height - 4, static_cast<double>(last - first) / rules.ticks_per_ms * 1000);
}

std::string contradiction_text(const Contradiction& contradiction, const HistoryFile& file) {
  std::string out =
      fmt::format("<h3>{}: {}</h3>\n{}<ol class=\"operations\">\n", html_text(file.ids[contradiction.document]),
                  html_text(to_string(contradiction.violation)), picture(contradiction, file.rules));
  for (const HistoryEntry& entry : contradiction.operations) {
    out += fmt::format(
        "<li>thread {}{}: {}</li>\n", entry.thread,
        entry.document == contradiction.document ? "" : fmt::format(", on {}", html_text(file.ids[entry.document])),
        html_text(describe_operation(entry)));
  }
  return out + fmt::format("</ol>\n<p><strong>Impossible:</strong> {}.</p>\n", html_text(contradiction.reason));
}

}  // namespace

std::string html_history(const ReportedHistory& history) {
  const HistoryReport& report = history.report;
  std::string out = fmt::format(
      "<p><code>{}</code>: {} operations on {} documents, {} judged; {:.1f} % of neighbours overlapped. {}</p>\n",
      html_text(history.name), report.operations, report.documents, report.judged, 100 * report.overlap(),
      report.wrong_documents == 0
          ? (report.judged == 0 ? "No verdict: nothing could be judged."
                                : "Linearizable: one order explains every answer.")
          : fmt::format("<span class=\"failed\">Not linearizable: {} of the documents {} wrong.</span>",
                        report.wrong_documents, report.wrong_documents == 1 ? "is" : "are"));
  for (const Contradiction& each : report.contradictions) out += contradiction_text(each, history.file);
  return out;
}

}  // namespace occ
