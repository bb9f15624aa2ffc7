#include <algorithm>
#include <string_view>

#include "fmt/format.h"
#include "harness/advise/advice.hpp"

namespace occ {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::uint32_t kShownRetries = 4;

std::string_view name_of(Alternative::Kind kind) {
  switch (kind) {
    case Alternative::Kind::full_jitter:
      return "back off with full jitter";
    case Alternative::Kind::update_at_server:
      return "_update at the server";
    case Alternative::Kind::in_place:
      return "update in place, or combine";
    default:
      return "split the hot documents";
  }
}

std::string percent(double share) {
  return fmt::format("{:.3g} %", 100 * share);
}

/// "N = 9: exhausted 3e-07, 1.42 attempts an operation, 29 % of the work wasted, added latency p50 0, p99 14 ms"
std::string costs_text(const RetryCosts& costs) {
  return fmt::format(
      "{}: exhausted {:.2g}, {:.3g} attempts an operation, {} of the work wasted, added latency p50 {}, p99 {}",
      costs.retries ? fmt::format("N = {}", *costs.retries) : fmt::format("even N = {}", kMostRetriesAdvised),
      costs.exhausted, costs.attempts_per_operation, percent(costs.wasted()), time_text(costs.added_p50_s),
      time_text(costs.added_p99_s));
}

std::string alternative_text(const Alternative& alternative) {
  std::string text = fmt::format("  {:<28}{:<24} ", name_of(alternative.kind), alternative.parameter);
  if (!alternative.costs) {
    return text + (alternative.kind == Alternative::Kind::in_place ? "the document would be busy all the time\n"
                                                                   : "does not reach it either\n");
  }
  if (alternative.kind == Alternative::Kind::in_place) {
    return text + fmt::format("no conflicts, N = 0; the hottest document is busy {} of the time\n",
                              percent(alternative.costs->hottest_rho));
  }
  return text + costs_text(*alternative.costs) + "\n";
}

std::string joined_names(const std::vector<Alternative>& alternatives) {
  std::string names;
  for (const Alternative& each : alternatives) {
    if (!each.reaches_target()) continue;
    if (!names.empty()) names += "; or ";
    names += fmt::format("{} ({}, N = {})", name_of(each.kind), each.parameter, *each.costs->retries);
  }
  return names.empty() ? "nothing here is enough; fewer clients, or a shorter window, are" : names;
}

std::string words(const Advice& advice) {
  const double target = advice.question.target;
  if (!advice.prediction) {
    return fmt::format(
        "no number of retries helps: the hottest document is asked for faster than it can be committed. {}",
        joined_names(advice.alternatives));
  }
  const double rho = advice.prediction->hottest_rho;
  if (advice.retries_help())
    return fmt::format("retry_on_conflict = {} keeps exhausted updates below {:g}", *advice.costs.retries, target);
  if (advice.costs.retries) {
    return fmt::format(
        "no number of retries is a way out: retry_on_conflict = {} reaches {:g} for this very load, but the hottest "
        "document is committed {:.2g} times in a window, so a little more load needs many more. {}",
        *advice.costs.retries, target, rho, joined_names(advice.alternatives));
  }
  return fmt::format("no number of retries helps: {} still exhaust {:.2g}. {}", kMostRetriesAdvised,
                     advice.costs.exhausted, joined_names(advice.alternatives));
}

OrderedJson to_json(const RetryCosts& costs) {
  return {{"retry_on_conflict", costs.retries ? OrderedJson(*costs.retries) : OrderedJson(nullptr)},
          {"exhausted", costs.exhausted},
          {"conflict_probability", costs.conflict},
          {"attempts_per_operation", costs.attempts_per_operation},
          {"wasted_share", costs.wasted()},
          {"operations_per_s", costs.operations_per_s},
          {"hottest_rho", costs.hottest_rho},
          {"added_latency_p50_s", costs.added_p50_s},
          {"added_latency_p99_s", costs.added_p99_s}};
}

}  // namespace

std::string describe(const Advice& advice) {
  std::string text;
  if (advice.prediction) {
    const RetryPrediction& there = *advice.prediction;
    text += fmt::format(
        "conflict probability   {:.3g} of an attempt; at the hottest document {:.3g}, which is committed {:.3g} times "
        "in "
        "a window\n",
        there.conflict, there.hottest_conflict, there.hottest_rho);
    text += "retries needed         none";
    for (std::uint32_t k = 0; k <= kShownRetries; ++k) {
      const double share = (k == 0 ? 1 : there.beyond(k - 1)) - there.beyond(k);
      text += k == 0 ? " " + percent(share) : fmt::format(", {}: {}", k, percent(share));
    }
    text += fmt::format(", more: {}\nexhausted             ", percent(there.beyond(kShownRetries)));
    for (const auto& [retries, share] : advice.exhausted_with)
      text += fmt::format(" with N = {}: {:.2g}{}", retries, share,
                          retries == advice.exhausted_with.back().first ? "\n" : ",");
    if (const auto& given = advice.with_given) {
      text +=
          fmt::format("with N = {:<14}conflict probability {:.3g}, exhausted {:.2g}, {:.3g} attempts an operation\n",
                      given->retries, given->conflict, given->exhausted(), given->attempts_per_operation);
    }
    text += fmt::format("below {:<17g}{}\ninstead\n", advice.question.target, costs_text(advice.costs));
  }
  for (const Alternative& alternative : advice.alternatives) text += alternative_text(alternative);
  return text + "advice: " + words(advice) + "\n";
}

OrderedJson to_json(const Advice& advice) {
  OrderedJson json;
  json["target"] = advice.question.target;
  json["steady"] = advice.prediction.has_value();
  json["retries_help"] = advice.retries_help();
  if (advice.prediction) {
    const RetryPrediction& there = *advice.prediction;
    OrderedJson needed = OrderedJson::array();
    OrderedJson beyond = OrderedJson::array();
    for (std::uint32_t k = 0; k <= std::min(there.retries, 64U); ++k) {
      needed.push_back(there.with_retries(k));
      beyond.push_back(there.beyond(k));
    }
    json["hottest_conflict_probability"] = there.hottest_conflict;
    json["retries_probability"] = needed;
    json["beyond_probability"] = beyond;
    for (const auto& [retries, share] : advice.exhausted_with)
      json["exhausted_with"].push_back({{"retry_on_conflict", retries}, {"exhausted", share}});
    if (const auto& given = advice.with_given) {
      OrderedJson retries = OrderedJson::array();
      for (std::uint32_t k = 0; k <= std::min(given->retries, 64U); ++k) retries.push_back(given->with_retries(k));
      json["given"] = {{"retry_on_conflict", given->retries},
                       {"conflict_probability", given->conflict},
                       {"exhausted", given->exhausted()},
                       {"operations_per_s", given->operations_per_s},
                       {"retries_probability", retries}};
    }
    json["advised"] = to_json(advice.costs);
  }
  for (const Alternative& each : advice.alternatives) {
    json["alternatives"].push_back({{"what", name_of(each.kind)},
                                    {"parameter", each.parameter},
                                    {"reaches_target", each.reaches_target()},
                                    {"costs", each.costs ? to_json(*each.costs) : OrderedJson(nullptr)}});
  }
  json["words"] = words(advice);
  return json;
}

}  // namespace occ
