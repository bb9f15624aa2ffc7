#include <cmath>
#include <map>
#include <set>

#include "fmt/format.h"
#include "harness/report/comparison_words.hpp"
#include "harness/report/html_parts.hpp"

namespace occ {
namespace {

using Json = nlohmann::ordered_json;

/// [low, median, high, is a range]; null if nothing was measured.
Json interval(const Interval& of) {
  if (std::isnan(of.median)) return nullptr;
  return Json::array({of.low, of.median, of.high, of.is_range});
}

Json interval(const std::optional<Interval>& of) {
  return of ? interval(*of) : Json();
}

/// What the model says of conflicts and of retries; null where it says nothing.
Json predicted(const Reported& reported, const Entry& entry) {
  const auto at = reported.predicted.find(&entry);
  if (at == reported.predicted.end() || !at->second.prediction) return nullptr;
  const RetryPrediction& there = *at->second.prediction;
  return {{"conflicts", 1000 * there.conflict},
          {"retries", at->second.tells_retries ? Json(there.attempts_per_operation - 1) : Json()}};
}

Json point(const Reported& reported, std::size_t cell, const Entry& entry) {
  Json latency = Json::object();
  for (std::size_t k = 0; k < kLatencyPercentiles.size(); ++k) {
    if (const auto& of = entry.latency[k])
      latency[kLatencyPercentiles[k]] = Json::array({of->smallest, of->median, of->largest, true});
  }
  Json ratios = Json::object();
  for (const RatioTo& to : entry.ratios) ratios[to.label] = interval(to.ratio);
  const Entry* const fair = same_entry(reported.fairness, cell, entry.label);
  const Entry* const memory = same_entry(reported.memory, cell, entry.label);
  const Json retries = entry.retries_per_update ? Json::array({*entry.retries_per_update, *entry.retries_per_update,
                                                               *entry.retries_per_update, entry.retries_at_least})
                                                : Json();
  return {{"throughput", interval(entry.metric)},
          {"ratios", ratios},
          {"conflicts", interval(entry.conflicts_interval)},
          {"retries", retries},
          {"predicted", predicted(reported, entry)},
          {"latency", latency},
          {"fairness", fair == nullptr ? Json() : interval(fair->metric)},
          {"memory", memory == nullptr ? Json() : interval(memory->metric)},
          {"n", entry.replicates},
          {"disturbed", entry.all_disturbed}};
}

/// The processors of the machine, where all files come from machines with as many; null otherwise.
Json cores(const Reported& reported) {
  std::set<std::optional<unsigned>> found;
  for (const ReportedFile& file : reported.input.files) found.insert(processors_of(file));
  return found.size() == 1 && *found.begin() ? Json(**found.begin()) : Json();
}

}  // namespace

Json chart_data(const Reported& reported) {
  const Comparison& comparison = reported.comparison;
  Json competitors = Json::array();
  for (const std::string& label : reported.competitors.labels) {
    const Look& look = reported.competitors.looks.at(label);
    competitors.push_back({{"label", label}, {"color", look.color}, {"marker", look.marker}, {"dash", look.dash}});
  }
  // The cells that differ in threads only are a panel.
  Json panels = Json::array();
  std::map<std::string, std::size_t> panel_of;
  for (std::size_t number = 0; number < comparison.cells.size(); ++number) {
    const ComparedCell& cell = comparison.cells[number];
    Json points = Json::object();
    for (const Entry& entry : cell.entries) {
      if (reported.competitors.looks.contains(entry.label) && entry.standing != Standing::voided)
        points[entry.label] = point(reported, number, entry);
    }
    if (points.empty()) continue;
    const std::string key = cell.workload + "\n" + settings_text(cell.settings) + "\n" + cell.checked;
    const auto [at, is_new] = panel_of.try_emplace(key, panels.size());
    if (is_new) {
      const std::string settings = settings_text(cell.settings);
      panels.push_back(
          {{"name", workload_text(comparison, cell)},
           {"settings", fmt::format("{}{}checked: {}", settings, settings.empty() ? "" : ", ", cell.checked)},
           {"cells", Json::array()}});
    }
    panels[at->second]["cells"].push_back({{"threads", cell.threads}, {"points", points}});
  }
  return {{"metric", comparison.metric},           {"higher_is_better", comparison.higher_is_better},
          {"baseline", comparison.baseline},       {"cores", cores(reported)},
          {"competitors", std::move(competitors)}, {"panels", std::move(panels)}};
}

}  // namespace occ
