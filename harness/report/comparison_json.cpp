#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/report/comparison.hpp"
#include "nlohmann/json.hpp"

namespace occ {
namespace {

using OrderedJson = nlohmann::ordered_json;

// What was not measured is null; so is NaN.

OrderedJson number(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

/// Of one replicate there is no interval, of a few a range.
OrderedJson interval(const Interval& of, std::size_t replicates) {
  if (std::isnan(of.median)) return nullptr;
  OrderedJson json{{"low", of.low}, {"median", of.median}, {"high", of.high}, {"is_range", of.is_range}};
  if (replicates < 2) json["low"] = json["high"] = nullptr;
  return json;
}

OrderedJson interval(const std::optional<Interval>& of, std::size_t replicates) {
  return of ? interval(*of, replicates) : OrderedJson();
}

/// The interval of a share of a constant: the metric's own, scaled.
OrderedJson share(const std::optional<double>& of, const Entry& entry) {
  if (!of) return nullptr;
  const double scale = *of / entry.metric.median;
  return interval({entry.metric.low * scale, *of, entry.metric.high * scale, entry.metric.is_range}, entry.replicates);
}

OrderedJson spread(const std::optional<Spread>& of) {
  if (!of) return nullptr;
  return {{"smallest", of->smallest}, {"median", of->median}, {"largest", of->largest}};
}

OrderedJson percentiles(const std::array<std::optional<Spread>, kLatencyPercentiles.size()>& all) {
  OrderedJson json = OrderedJson::object();
  for (std::size_t k = 0; k < kLatencyPercentiles.size(); ++k) {
    if (all[k]) json[kLatencyPercentiles[k]] = spread(all[k]);
  }
  return json;
}

const char* name_of(Standing standing) {
  switch (standing) {
    case Standing::winner:
      return "winner";
    case Standing::tied:
      return "tied";
    case Standing::undecided:
      return "undecided";
    case Standing::behind:
      return "behind";
    case Standing::alone:
      return "alone";
    case Standing::control:
      return "control";
    case Standing::voided:
      return "voided";
  }
  return "";
}

OrderedJson json_of(const Entry& entry) {
  const std::size_t n = entry.replicates;
  OrderedJson ratio = interval(entry.ratio, entry.pairs);
  if (entry.ratio) ratio.update({{"pairs", entry.pairs}, {"across_files", entry.ratio_across_files}});
  return {{"label", entry.label},
          {"strategy", entry.strategy},
          {"update_form", entry.update_form},
          {"seq_no_source", entry.seq_no_source},
          {"source", entry.source},
          {"progress", entry.progress},
          {"semantics", entry.semantics},
          {"standing", name_of(entry.standing)},
          {"is_baseline", entry.is_baseline},
          {"replicates", n},
          {"outliers", entry.outliers},
          {"disturbed", entry.disturbed},
          {"all_disturbed", entry.all_disturbed},
          {"metric", interval(entry.metric, n)},
          {"ratio", ratio},
          {"efficiency", share(entry.efficiency, entry)},
          {"of_contended_cas", share(entry.of_contended_cas, entry)},
          {"conflicts_per_1000", interval(entry.conflicts_interval, n)},
          {"publication_failures_per_1000", interval(entry.publication_failures_interval, n)},
          {"retries_per_update", number(entry.retries_per_update)},
          {"retries_at_least", entry.retries_at_least},
          {"updates_by_retries", entry.retries},
          {"exhausted", entry.exhausted},
          {"latency_ns", percentiles(entry.latency)},
          {"response_ns", percentiles(entry.response)},
          {"achieved_per_s", spread(entry.achieved_per_s)},
          {"history",
           {{"rows", entry.history_passed},
            {"operations", entry.history_operations},
            {"overlap", entry.history_overlap},
            {"speed", number(entry.recorded_speed)}}},
          {"failed",
           {{"rows", entry.loss.rows_failed},
            {"of", entry.loss.rows},
            {"as_declared", entry.loss.rows_failed > 0 && entry.loss.expected},
            {"lost_updates", entry.loss.lost_updates},
            {"torn_reads", entry.loss.torn_reads},
            {"oversold", entry.loss.oversold},
            {"violation", entry.loss.violation}}}};
}

OrderedJson json_of(const Comparison& comparison, const ComparedCell& cell) {
  OrderedJson settings = OrderedJson::object();
  for (const auto* some : {&comparison.common_settings, &cell.settings}) {
    for (const auto& [name, value] : *some) settings[name] = value;
  }
  OrderedJson entries = OrderedJson::array();
  for (const Entry& entry : cell.entries) entries.push_back(json_of(entry));
  const auto name_or_null = [](const std::string& name) { return name.empty() ? OrderedJson() : OrderedJson(name); };
  return {{"workload", cell.workload},
          {"threads", cell.threads},
          {"checked", cell.checked},
          {"settings", settings},
          {"faster_than_floor", name_or_null(cell.faster_than_floor)},
          {"faster_than_contended_cas", name_or_null(cell.faster_than_contended_cas)},
          {"entries", entries}};
}

}  // namespace

std::string describe_as_json(const Comparison& comparison) {
  OrderedJson sources = OrderedJson::array();
  for (const ComparedSource& source : comparison.sources)
    sources.push_back({{"file", source.file}, {"time", source.time}});
  OrderedJson cells = OrderedJson::array();
  for (const ComparedCell& cell : comparison.cells) cells.push_back(json_of(comparison, cell));
  OrderedJson summary = OrderedJson::array();
  for (const Summary& of : comparison.summary) {
    summary.push_back({{"label", of.label},
                       {"geometric_mean", of.geometric_mean},
                       {"smallest", of.smallest},
                       {"largest", of.largest},
                       {"cells", of.cells},
                       {"won", of.won},
                       {"tied", of.tied}});
  }
  OrderedJson noise = OrderedJson::array();
  for (const NoiseFloor& floor : comparison.noise) {
    noise.push_back({{"first", floor.first},
                     {"second", floor.second},
                     {"cells", floor.cells},
                     {"smallest_ratio", floor.smallest_ratio},
                     {"largest_ratio", floor.largest_ratio}});
  }
  const OrderedJson json{{"format", "occkit-comparison"},
                         {"format_version", 1},
                         {"metric", comparison.metric},
                         {"higher_is_better", comparison.higher_is_better},
                         {"baseline", comparison.baseline},
                         {"bootstrap",
                          {{"seed", comparison.bootstrap.seed},
                           {"resamples", comparison.bootstrap.resamples},
                           {"confidence", comparison.bootstrap.confidence}}},
                         {"sources", sources},
                         {"fewest_replicates", comparison.fewest_replicates},
                         {"cells", cells},
                         {"summary", summary},
                         {"noise", noise},
                         {"noise_floor", comparison.floor ? interval(comparison.floor, 2) : OrderedJson()},
                         {"notes", comparison.notes}};
  return json.dump(2) + "\n";
}

}  // namespace occ
