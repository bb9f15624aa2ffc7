#include "harness/commands/load_options.hpp"

#include "fmt/format.h"
#include "harness/commands/validators.hpp"
#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

constexpr std::uint64_t kMostClients = 1'000'000;
constexpr double kMostRate = 1e9;
constexpr double kShortestWindowSeconds = 1e-9;

}  // namespace

void add_load_options(CLI::App& command, LoadOptions& into) {
  CLI::Option* const clients =
      command.add_option("--clients", into.clients, "closed loop: clients with one operation at a time, 1 to 1000000")
          ->type_name("N,M,...")
          ->delimiter(',')
          ->transform(whole_number(1, kMostClients));
  command.add_option("--rate", into.rates_per_s, "open loop: operations that begin per second (Poisson)")
      ->type_name("R,S,...")
      ->delimiter(',')
      ->transform(number(1e-6, kMostRate))
      ->excludes(clients);
  command.add_option("--think", into.think, "think time between a client's operations (default: 0); forms as --window")
      ->type_name("TIME,...")
      ->delimiter(',');
  command
      .add_option("--window", into.window,
                  "from an attempt's read to its write taking effect: TIME | exponential:TIME | gamma:SHAPE:TIME | "
                  "file:NAME (a histogram, lines 'NS COUNT'); by their means, 300ns, 2ms, ...")
      ->type_name("TIME");
  command.add_option("--docs", into.documents, "documents (default: 1)")
      ->type_name("N")
      ->transform(whole_number(1, Popularity::kMostDocuments));
  CLI::Option* const distribution =
      command.add_option("--dist", into.distribution, "uniform | zipf:THETA | hot:K (default: uniform)")
          ->type_name("DIST");
  CLI::Option* const counts =
      command.add_option("--counts", into.counts, "how often each document is updated: a file with a count a line")
          ->type_name("FILE")
          ->excludes(distribution);
  command.add_option("--ids", into.ids, "the same from a log: a file with an id a line, one for each operation")
      ->type_name("FILE")
      ->excludes(distribution)
      ->excludes(counts);
  command
      .add_option("--backoff", into.backoff,
                  "between tries: none | exponential:FIRST..MOST | full-jitter:FIRST..MOST (default: none)")
      ->type_name("KIND");
}

std::vector<RetryLoad> loads_of(const LoadOptions& options, const std::optional<TimeDistribution>& measured) {
  if (options.clients.empty() && options.rates_per_s.empty())
    throw BadInput(
        "--clients or --rate: one is needed, how many clients there are or how many operations begin a second");
  if (options.window.empty() && !measured)
    throw BadInput("--window: needed: the time from an attempt's read to its write taking effect, such as 2ms");
  RetryLoad load;
  load.window = measured ? *measured : TimeDistribution::parse("--window", options.window, kShortestWindowSeconds);
  load.backoff = BackoffPolicy::parse(options.backoff);
  std::vector<RetryLoad> loads;
  for (const double rate : options.rates_per_s) {
    load.rate_per_s = rate;
    loads.push_back(load);
  }
  for (const std::string& think : options.think) {
    load.think = TimeDistribution::parse("--think", think, 0);
    for (const std::uint64_t clients : options.clients) {
      load.clients = clients;
      loads.push_back(load);
    }
  }
  return loads;
}

Popularity popularity_of(const LoadOptions& options) {
  if (!options.counts.empty()) return Popularity::read_counts(options.counts);
  if (!options.ids.empty()) return Popularity::read_ids(options.ids);
  const Distribution distribution =
      options.distribution.empty() ? Distribution{} : Distribution::parse(options.distribution);
  return Popularity::of(distribution, options.documents);
}

}  // namespace occ
