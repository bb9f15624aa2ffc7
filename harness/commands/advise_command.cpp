#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "harness/advise/advice.hpp"
#include "harness/advise/conflict_log.hpp"
#include "harness/advise/log_estimate.hpp"
#include "harness/advise/simulation.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/load_options.hpp"
#include "harness/commands/measured_window.hpp"
#include "harness/commands/validators.hpp"
#include "harness/support/quantity.hpp"

namespace occ {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// What the server alone takes of a window, where nobody says: the rest is network and client.
constexpr double kServerShare = 0.1;

struct AdviseOptions {
  LoadOptions load;
  double target = 1e-6;
  std::string server_window;
  std::string measure;
  std::string conflicts;
  std::uint32_t log_retries = 0;
  std::optional<std::uint32_t> retries;
  bool simulate = false;
  bool json = false;
};

double server_window_s(const AdviseOptions& options, const RetryLoad& load) {
  const double window = load.window.mean_s();
  if (options.server_window.empty()) return kServerShare * window;
  return read_seconds("--server-window", options.server_window, 1e-9, 24 * 3600);
}

/// A question, and what it is about in words.
struct Asked {
  std::string what;
  AdviceQuestion question;
  /// Nothing where documents are known by their rates only.
  std::optional<Popularity> popularity = std::nullopt;
};

std::vector<Asked> ask_about_loads(const AdviseOptions& options, std::string& told, OrderedJson& json) {
  std::optional<TimeDistribution> window;
  if (!options.measure.empty()) {
    if (!options.load.window.empty())
      throw BadInput("--measure: it measures the windows; leave out either --window or --measure");
    // What is wrong with the other options is said before anything is measured.
    (void)loads_of(options.load, TimeDistribution::fixed(1));
    MeasuredWindow measured = measure_window(options.measure);
    window = measured.window;
    told = std::move(measured.told);
    json["measured"] = std::move(measured.json);
  }
  const std::vector<RetryLoad> loads = loads_of(options.load, window);
  const Popularity popularity = popularity_of(options.load);
  std::vector<Asked> all;
  all.reserve(loads.size());
  for (const RetryLoad& load : loads) {
    all.push_back({load_text(load, popularity),
                   {.load = load,
                    .classes = popularity.classes(),
                    .target = options.target,
                    .server_window_s = server_window_s(options, load),
                    .retries = options.retries},
                   popularity});
  }
  return all;
}

constexpr std::uint64_t kOperations = 1'000'000;
constexpr std::uint64_t kOperationsUnasked = 100'000;

/// The same load by events instead of by formula, with the retries that the question names, else with those of the
/// answer (ten where it has none, or no number is a way out).
std::string simulate_answer(const Asked& asked, const Advice& advice, std::uint64_t operations, OrderedJson& json) {
  constexpr std::uint32_t kRetries = 10;
  const std::uint32_t of_answer = advice.retries_help() ? advice.costs.retries.value_or(kRetries) : kRetries;
  const RetryLoad& load = asked.question.load;
  const SimulationLoad simulation{.clients = static_cast<std::uint32_t>(load.clients),
                                  .rate_per_s = load.rate_per_s,
                                  .think = load.think,
                                  .window = load.window,
                                  .popularity = asked.popularity.value(),
                                  .retries = asked.question.retries.value_or(of_answer),
                                  .backoff = load.backoff,
                                  .operations = operations};
  const RetryModel model(load, asked.question.classes);
  const auto predicted = model.predict(simulation.retries);
  const SimulationResult result = simulate(simulation);
  json["simulated"] = {{"retry_on_conflict", simulation.retries},
                       {"operations", result.operations()},
                       {"conflict_probability", result.conflict()},
                       {"exhausted", result.exhausted_share()}};
  return fmt::format(
      "simulated, N = {:<7}conflict probability {:.3g} (the model: {:.3g}), exhausted {:.2g} ({:.2g}), of {} "
      "operations\n",
      simulation.retries, result.conflict(), predicted ? predicted->conflict : std::nan(""), result.exhausted_share(),
      predicted ? predicted->exhausted() : std::nan(""), result.operations());
}

std::string describe_log(const ConflictLog& log, const LogEstimate& estimate) {
  constexpr std::size_t kShown = 5;
  std::string text =
      fmt::format("{} conflicts at {} documents in {}; {} other line{}\n", log.conflicts.size(), log.ids.size(),
                  time_text(estimate.seconds), log.other_lines, log.other_lines == 1 ? "" : "s");
  for (std::size_t i = 0; i < kConflictTexts; ++i) {
    if (log.seen[i] == 0) continue;
    const auto kind = static_cast<ConflictText>(i);
    text += fmt::format("  {} x \"{}\": {}\n", log.seen[i], to_string(kind), explain(kind));
  }
  if (log.other_terms > 0) text += fmt::format("  {} of them across a change of primary, left out\n", log.other_terms);
  text += fmt::format(
      "writes of the shard    {:.4g}/s, by the growth of the numbers\n"
      "mean window            {} [{}, {}], from {} conflicts at {} documents\n"
      "bounds of one window   {} to {} (medians)\n"
      "clients                {} were at one document at once\n",
      estimate.writes_per_s, time_text(estimate.window_s.median), time_text(estimate.window_s.low),
      time_text(estimate.window_s.high), estimate.conflicts_used, estimate.documents_used,
      time_text(estimate.lower_bound_s), time_text(estimate.upper_bound_s), estimate.least_clients);
  for (std::size_t i = 0; i < std::min(kShown, estimate.hot.size()); ++i) {
    const HotDocument& each = estimate.hot[i];
    text += fmt::format("  {:<20} {} conflicts, committed {:.3g} times a second, {:.2g} times in a window\n", each.id,
                        each.conflicts, each.commits_per_s, each.rho);
  }
  return text;
}

OrderedJson to_json(const ConflictLog& log, const LogEstimate& estimate) {
  OrderedJson json{
      {"seconds", estimate.seconds},
      {"conflicts", log.conflicts.size()},
      {"other_lines", log.other_lines},
      {"shard_writes_per_s", estimate.writes_per_s},
      {"window_s",
       {{"low", estimate.window_s.low}, {"estimate", estimate.window_s.median}, {"high", estimate.window_s.high}}},
      {"lower_bound_s", estimate.lower_bound_s},
      {"upper_bound_s", estimate.upper_bound_s},
      {"least_clients", estimate.least_clients}};
  for (std::size_t i = 0; i < kConflictTexts; ++i)
    json["texts"][std::string(to_string(static_cast<ConflictText>(i)))] = log.seen[i];
  json["hot"] = OrderedJson::array();
  for (const HotDocument& each : estimate.hot) {
    json["hot"].push_back(
        {{"id", each.id}, {"conflicts", each.conflicts}, {"commits_per_s", each.commits_per_s}, {"rho", each.rho}});
  }
  return json;
}

void refuse_load(const LoadOptions& load) {
  if (load.clients.size() <= 1 && load.rates_per_s.empty() && load.distribution.empty() && load.counts.empty() &&
      load.ids.empty() && load.documents == 1) {
    return;
  }
  throw BadInput(
      "--conflicts: the log says how many operations go to which documents; leave out --rate, --docs, --dist, --counts "
      "and --ids; accepted is --clients with one number, of those that wrote then");
}

/// The load that a log shows, at the rate of its shard: an open loop, or a closed one if somebody knows how many clients
/// there were, who think for the rest of their time.
RetryLoad load_of(const LogEstimate& found, const BackoffPolicy& backoff, std::uint64_t clients) {
  RetryLoad load{.rate_per_s = found.writes_per_s,
                 .window = found.shape.scaled(found.window_s.median / found.shape.mean_s()),
                 .backoff = backoff};
  if (clients == 0) return load;
  const auto open = RetryModel(load, found.classes()).predict(kUnboundedRetries);
  const double busy_s = open ? open->operation_s : load.window.mean_s();
  load.clients = clients;
  load.think = TimeDistribution::fixed(std::max(0.0, static_cast<double>(clients) / found.writes_per_s - busy_s));
  load.rate_per_s = 0;
  return load;
}

Asked ask_about_log(const AdviseOptions& options, std::string& told, OrderedJson& json) {
  refuse_load(options.load);
  LogQuestion question{.retries = options.log_retries};
  if (!options.load.window.empty()) question.shape = TimeDistribution::parse("--window", options.load.window, 1e-9);
  if (!options.load.clients.empty()) question.clients = options.load.clients.front();
  const auto backoff = BackoffPolicy::parse(options.load.backoff);
  const ConflictLog log = read_conflict_log(options.conflicts);
  const LogEstimate found = estimate(log, question);
  told = describe_log(log, found);
  json["log"] = to_json(log, found);
  const RetryLoad load = load_of(found, backoff, question.clients);
  const std::string who =
      question.clients == 0 ? "" : fmt::format("{} clients, think {}, ", load.clients, time_text(load.think.mean_s()));
  return {fmt::format("{}{:.4g} operations/s, mean window {}, documents as in the log, back-off {}", who,
                      found.writes_per_s, time_text(found.window_s.median), load.backoff.text()),
          {.load = load,
           .classes = found.classes(),
           .target = options.target,
           .server_window_s = server_window_s(options, load),
           .retries = options.retries}};
}

int advise_all(const AdviseOptions& options) {
  OrderedJson json{{"format", "occkit-advice"}, {"format_version", 1}};
  std::string text;
  std::vector<Asked> all;
  if (options.conflicts.empty()) {
    all = ask_about_loads(options, text, json);
  } else {
    all.push_back(ask_about_log(options, text, json));
  }
  json["answers"] = OrderedJson::array();
  for (const Asked& asked : all) {
    const Advice advice = advise(asked.question);
    if (!text.empty()) text += "\n";
    text += asked.what + "\n" + describe(advice);
    json["answers"].push_back({{"load", asked.what}});
    OrderedJson& answer = json["answers"].back();
    answer.update(to_json(advice));
    if (!advice.prediction || !asked.popularity) continue;
    // Attempts at a document that is always asked for are not independent (README.md).
    if (options.simulate) {
      text += simulate_answer(asked, advice, kOperations, answer);
    } else if (advice.prediction->hottest_rho >= kOverloadedRho) {
      text += simulate_answer(asked, advice, kOperationsUnasked, answer);
    }
  }
  if (options.json) text = json.dump(2) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kExitOk;
}

}  // namespace

void add_advise(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand(
      "advise", "How many retries a load needs, what they cost, and what helps where no number does");
  const auto options = std::make_shared<AdviseOptions>();
  add_load_options(*command, options->load);
  command
      ->add_option("--exhausted-below", options->target,
                   "operations may run out of retries less often than this (default: 1e-6)")
      ->type_name("P")
      ->transform(number(1e-15, 0.999999));
  command->add_option("--retry-on-conflict", options->retries, "say what so many tries after the first give, too")
      ->type_name("N")
      ->transform(whole_number(0, UINT32_MAX - 1));
  command
      ->add_option("--server-window", options->server_window,
                   "mean window of an `_update` at the server (default: a tenth of --window)")
      ->type_name("TIME");
  CLI::Option* const measure =
      command
          ->add_option("--measure", options->measure,
                       "measure the windows of one client at a server, in an index of its own, or on a strategy of "
                       "this process, and take their histogram for --window")
          ->type_name("URL|STRATEGY");
  CLI::Option* const conflicts =
      command
          ->add_option(
              "--conflicts", options->conflicts,
              "take the load from a log of 409s: lines with a time and Elasticsearch's text; of --window only the "
              "shape is then taken (default: any from always the same to exponential), and --clients says how many "
              "wrote then (default: not known)")
          ->type_name("FILE")
          ->excludes(measure);
  command
      ->add_option(
          "--log-retries", options->log_retries,
          "retry_on_conflict that was in force then at the server, which told only of the last try (default: 0)")
      ->type_name("N")
      ->check(CLI::Range(0U, 1000U))
      ->needs(conflicts);
  command->add_flag("--simulate", options->simulate, "simulate a million operations of each load, and say both figures")
      ->excludes(conflicts);
  command->add_flag("--json", options->json, "all figures in JSON, for programs");
  command->callback([options, &exit_status] { exit_status = advise_all(*options); });
}

}  // namespace occ
