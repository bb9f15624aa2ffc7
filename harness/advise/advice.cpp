#include "harness/advise/advice.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fmt/format.h"

namespace occ {
namespace {

/// More tries than these are a load of their own, for clients and for the server.
constexpr std::uint32_t kFewRetries = 16;
constexpr std::size_t kSampledOperations = 100'000;
/// Documents from this load on are split.
constexpr double kSplitRho = 0.1;
constexpr double kMostParts = 1024;

/// The percentiles of the time that retries add, from operations drawn by the model.
void sample_added(const RetryPrediction& prediction, const RetryLoad& load, RetryCosts& costs) {
  std::vector<double> reaches;
  double sum = 0;
  for (const ClassPrediction& each : prediction.classes)
    reaches.push_back(sum += each.documents.probability * each.documents.documents);
  Random random(1);
  std::vector<double> added_s(kSampledOperations);
  for (double& added : added_s) {
    const auto above = std::ranges::lower_bound(reaches, random.uniform() * sum);
    const auto at = std::min(static_cast<std::size_t>(above - reaches.begin()), reaches.size() - 1);
    const double q = prediction.classes[at].conflict;
    for (std::uint32_t k = 0; k < prediction.retries && random.uniform() <= q; ++k)
      added += load.backoff.draw(k, random) + load.window.draw(random);
  }
  const auto percentile = [&](double share) {
    const auto at = added_s.begin() + static_cast<std::ptrdiff_t>(share * (kSampledOperations - 1));
    std::nth_element(added_s.begin(), at, added_s.end());
    return *at;
  };
  costs.added_p50_s = percentile(0.5);
  costs.added_p99_s = percentile(0.99);
}

RetryCosts costs_of(const RetryPrediction& prediction, const RetryLoad& load, double target) {
  RetryCosts costs;
  costs.exhausted = prediction.exhausted();
  if (costs.exhausted < target) costs.retries = prediction.retries;
  costs.conflict = prediction.conflict;
  costs.attempts_per_operation = prediction.attempts_per_operation;
  costs.operations_per_s = prediction.operations_per_s;
  costs.hottest_rho = prediction.hottest_rho;
  sample_added(prediction, load, costs);
  return costs;
}

/// With the fewest retries that are enough, else with as many as are advised at most.
std::optional<RetryPrediction> best_of(const RetryModel& model, double target) {
  std::optional<RetryPrediction> best = model.fewest_retries(target, kMostRetriesAdvised);
  return best ? best : model.predict(kMostRetriesAdvised);
}

std::optional<RetryCosts> costs_of(const RetryModel& model, double target) {
  const std::optional<RetryPrediction> best = best_of(model, target);
  if (!best) return std::nullopt;
  return costs_of(*best, model.load(), target);
}

/// Few retries before many; of few those that make an operation shortest.
bool is_better(const RetryPrediction& a, const RetryPrediction& b) {
  const bool a_is_few = a.retries <= kFewRetries;
  const bool b_is_few = b.retries <= kFewRetries;
  if (a_is_few != b_is_few) return a_is_few;
  return a_is_few ? a.operation_s < b.operation_s : a.retries < b.retries;
}

/// With the best first wait, by powers of two of the window.
Alternative try_full_jitter(const RetryModel& model, double target) {
  constexpr int kDoublings = 8;
  constexpr double kMostOfFirst = 1024;
  std::optional<RetryPrediction> best;
  RetryLoad best_load = model.load();
  for (int doubling = 0; doubling < kDoublings; ++doubling) {
    RetryLoad load = model.load();
    load.backoff.kind = BackoffPolicy::Kind::full_jitter;
    load.backoff.first_s = std::ldexp(load.window.mean_s(), doubling);
    load.backoff.most_s = kMostOfFirst * load.backoff.first_s;
    std::optional<RetryPrediction> there =
        model.with(load, model.classes()).fewest_retries(target, kMostRetriesAdvised);
    if (!there || (best && !is_better(*there, *best))) continue;
    best = std::move(there);
    best_load = load;
  }
  Alternative result{Alternative::Kind::full_jitter, "", std::nullopt};
  if (!best) return result;
  result.parameter = best_load.backoff.text();
  result.costs = costs_of(*best, best_load, target);
  return result;
}

Alternative try_update_at_server(const RetryModel& model, const AdviceQuestion& question) {
  RetryLoad load = model.load();
  load.window = load.window.scaled(question.server_window_s / load.window.mean_s());
  // What the client no longer does within the window is not gone, but outside it.
  if (load.clients > 0 && model.load().window.mean_s() > question.server_window_s) {
    load.think = TimeDistribution::fixed(load.think.mean_s() + model.load().window.mean_s() - question.server_window_s);
  }
  return {Alternative::Kind::update_at_server, fmt::format("window {}", time_text(question.server_window_s)),
          costs_of(model.with(load, model.classes()), question.target)};
}

/// No conflicts; one update after the other, each as long as the server's window.
Alternative try_in_place(const RetryModel& model, const AdviceQuestion& question) {
  const RetryLoad& load = model.load();
  const double busy_s = question.server_window_s;
  RetryCosts costs;
  costs.operations_per_s = load.clients == 0
                               ? load.rate_per_s
                               : static_cast<double>(load.clients) / (load.think.mean_s() + load.window.mean_s());
  costs.retries = 0;
  for (const DocumentClass& each : model.classes())
    costs.hottest_rho = std::max(costs.hottest_rho, costs.operations_per_s * each.probability * busy_s);
  Alternative result{Alternative::Kind::in_place, fmt::format("{} each", time_text(busy_s)), std::nullopt};
  if (costs.hottest_rho < 1) result.costs = costs;
  return result;
}

/// Of the hot documents, each into the fewest parts, by a power of two, that need few retries.
Alternative try_split(const RetryModel& model, const RetryPrediction* now, double target) {
  Alternative best{Alternative::Kind::split, "", std::nullopt};
  for (double parts = 2; parts <= kMostParts; parts *= 2) {
    std::vector<DocumentClass> classes = model.classes();
    for (std::size_t i = 0; i < classes.size(); ++i) {
      const bool is_hot = now == nullptr ? i == 0 : now->classes[i].rho >= kSplitRho || i == 0;
      if (!is_hot) continue;
      classes[i].probability /= parts;
      classes[i].documents *= parts;
    }
    const std::optional<RetryCosts> costs = costs_of(model.with(model.load(), std::move(classes)), target);
    if (!costs || !costs->retries) continue;
    best.parameter = fmt::format("into {:.0f}", parts);
    best.costs = costs;
    if (*costs->retries <= kFewRetries && costs->hottest_rho < kSplitRho) break;
  }
  return best;
}

}  // namespace

bool Advice::retries_help() const {
  return prediction && costs.retries && prediction->hottest_rho < kOverloadedRho;
}

Advice advise(const AdviceQuestion& question) {
  const RetryModel model(question.load, question.classes);
  Advice advice{question, best_of(model, question.target), {}, {}, {}, {}};
  if (question.retries) advice.with_given = model.predict(*question.retries);
  for (const std::uint32_t retries : {0U, 3U, 10U}) {
    if (const auto there = model.predict(retries)) advice.exhausted_with.emplace_back(retries, there->exhausted());
  }
  if (advice.prediction) advice.costs = costs_of(*advice.prediction, question.load, question.target);
  advice.alternatives.push_back(try_full_jitter(model, question.target));
  advice.alternatives.push_back(try_update_at_server(model, question));
  advice.alternatives.push_back(try_in_place(model, question));
  advice.alternatives.push_back(try_split(model, advice.prediction ? &*advice.prediction : nullptr, question.target));
  return advice;
}

}  // namespace occ
