#include <algorithm>
#include <numeric>
#include <utility>

#include "fmt/format.h"
#include "harness/report/comparison_words.hpp"
#include "harness/report/html_parts.hpp"
#include "harness/report/html_text.hpp"

namespace occ {
namespace {

/// One row: what it is about, how many updates, which share that is and was predicted to be.
std::string row_of(const std::string& what, const std::string& updates, const std::optional<double>& share,
                   const std::string& predicted) {
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{}</tr>", what, updates, share_text(share),
                     predicted.empty() ? "" : fmt::format("<td>{}</td>", predicted));
}

std::string bin_text(std::size_t bin) {
  return fmt::format("{} {}{}", bin, bin == 1 ? "retry" : "retries", bin + 1 == kRetryBins ? " or more" : "");
}

/// `predicted`: null where nobody predicts.
std::string table_of(const Entry& entry, double updates, const PredictedRetries* predicted) {
  const bool any = predicted != nullptr && predicted->prediction;
  const bool tells_retries = any && predicted->tells_retries;
  const auto beside = [&](const std::optional<double>& share) { return any ? share_text(share) : std::string(); };
  const auto beside_retries = [&](const auto& share_of) {
    return beside(tells_retries ? std::optional<double>(share_of()) : std::nullopt);
  };
  std::string rows;
  if (entry.conflicts_per_1000) {
    rows += row_of("conflicts, of attempts", "-", *entry.conflicts_per_1000 / 1000,
                   beside(any ? std::optional<double>(predicted->prediction->conflict) : std::nullopt));
  }
  if (updates > 0) {
    rows += row_of("exhausted", metric_text("updates", entry.exhausted), entry.exhausted / updates,
                   beside_retries([&] { return predicted->prediction->exhausted(); }));
    for (std::size_t bin = 0; bin < kRetryBins; ++bin) {
      // Also what was not seen where it should have been.
      const bool is_expected = tells_retries && predicted->share(bin) * updates >= 1;
      if (entry.retries[bin] <= 0 && !is_expected) continue;
      rows += row_of(bin_text(bin), metric_text("updates", entry.retries[bin]), entry.retries[bin] / updates,
                     beside_retries([&] { return predicted->share(bin); }));
    }
  }
  return fmt::format(
      "<div class=\"wide\"><table class=\"numbers narrow\"><caption>Conflicts and retries, all replicates together{}"
      "</caption><thead><tr><td></td><th scope=\"col\">updates</th><th scope=\"col\">share</th>{}</tr></thead>"
      "<tbody>{}</tbody></table></div>\n",
      any ? "; predicted: what <code>occkit advise</code> says of " + html_text(predicted->asked) : "",
      any ? "<th scope=\"col\">predicted</th>" : "", rows);
}

}  // namespace

std::map<const Entry*, PredictedRetries> predict_retries(const ReportInput& input, const Comparison& comparison) {
  // The strategies of a cell share its load.
  std::map<std::pair<LoadTexts, unsigned>, PredictedRetries> known;
  std::map<const Entry*, PredictedRetries> all;
  for (const ComparedCell& cell : comparison.cells) {
    for (const Entry& entry : cell.entries) {
      const auto counted = std::ranges::find(entry.rows, true, &EntryRow::counts);
      if (entry.standing == Standing::control || counted == entry.rows.end()) continue;
      LoadTexts load;
      for (const char* column : kLoadColumns) load[column] = field_of(input, *counted, column);
      const unsigned processors = processors_of(input.files[counted->file]).value_or(0);
      const auto [at, is_new] = known.try_emplace({std::move(load), processors});
      if (is_new) at->second = predict_retries(at->first.first, processors);
      all.emplace(&entry, at->second);
    }
  }
  return all;
}

std::string html_retries(const Reported& reported, const Entry& entry) {
  const double updates = std::accumulate(entry.retries.begin(), entry.retries.end(), 0.0);
  if (updates <= 0 && !entry.conflicts_per_1000) return "";
  const auto at = reported.predicted.find(&entry);
  const PredictedRetries* const predicted = at == reported.predicted.end() ? nullptr : &at->second;
  const bool conflicted = entry.conflicts_per_1000.value_or(0) > 0 || entry.retries.front() < updates;
  std::string out;
  if (conflicted || (predicted != nullptr && predicted->prediction)) out += table_of(entry, updates, predicted);
  if (predicted != nullptr && !predicted->why_not.empty()) {
    out += fmt::format("<p class=\"notes\">The retry model says nothing of {}: {}.</p>\n",
                       predicted->prediction ? "exhausted updates and retries here" : "this load",
                       html_text(predicted->why_not));
  }
  return out;
}

}  // namespace occ
