#include "harness/commands/pace_options.hpp"

#include <algorithm>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

void refuse_beside_rate(const OptionReader& options) {
  for (const char* name : {"clients", "think-between"}) {
    if (options.text(name)) {
      throw BadInput(
          fmt::format("--{}: in an open loop operations begin at their times, whoever is done; leave out "
                      "either --{} or --rate",
                      name, name));
    }
  }
}

void check_clients(const std::vector<std::uint64_t>& clients, const std::vector<std::uint32_t>& threads) {
  const std::uint32_t most = std::ranges::max(threads);
  for (const std::uint64_t each : clients) {
    if (each < most) {
      throw BadInput(fmt::format(
          "--clients {}: fewer than --threads {}, which share them; accepted are as many and more", each, most));
    }
  }
}

}  // namespace

bool is_client_backoff(std::string_view text) {
  return text.find(':') != text.npos;
}

std::vector<Pace> paces_of(const OptionReader& options, const std::vector<std::uint32_t>& threads,
                           const std::optional<RateSearch>& search) {
  Pace pace;
  if (const auto text = options.text("backoff"); text && is_client_backoff(*text))
    pace.backoff = BackoffPolicy::parse(*text);
  if (const auto text = options.text("think-within"))
    pace.think_within = TimeDistribution::parse("--think-within", *text, 0);
  pace.arrivals = static_cast<Arrivals>(options.choice("arrivals", kArrivals).value_or(0));
  std::vector<Pace> all;
  if (options.text("rate")) {
    refuse_beside_rate(options);
    if (search) {
      pace.rate_per_s = search->first();
      return {pace};
    }
    for (const std::uint64_t rate : options.numbers<std::uint64_t>("rate")) {
      pace.rate_per_s = static_cast<double>(rate);
      all.push_back(pace);
    }
    return all;
  }
  if (options.text("arrivals")) throw BadInput("--arrivals: of an open loop; accepted beside --rate");
  auto clients = options.numbers<std::uint64_t>("clients");
  check_clients(clients, threads);
  if (clients.empty()) clients.push_back(0);
  std::vector<std::string> thinks = options.list("think-between");
  if (thinks.empty()) thinks.emplace_back("0");
  for (const std::string& think : thinks) {
    pace.think_between = TimeDistribution::parse("--think-between", think, 0);
    for (const std::uint64_t each : clients) {
      pace.clients = each;
      all.push_back(pace);
    }
  }
  return all;
}

std::optional<RateSearch> rate_search_of(const OptionReader& options, double window_s) {
  const auto limit = options.number<double>("p99-below");
  if (options.text("rate") != "auto") {
    if (limit) throw BadInput("--p99-below: the limit of --rate auto; accepted beside it");
    return std::nullopt;
  }
  if (!limit) throw BadInput("--rate auto: below which p99? Accepted with --p99-below TIME");
  if (options.text("latency") == "none")
    throw BadInput("--rate auto: response times are what it looks at; leave out --latency none");
  return RateSearch(*limit, window_s);
}

void check_pace(const Workload& workload) {
  const bool has_loop = workload.mix.has(OperationKind::update) && is_own_loop(workload.client);
  const bool waits = workload.pace.backoff.kind != BackoffPolicy::Kind::none;
  if (waits && !has_loop) {
    throw BadInput(
        fmt::format("--backoff {}: it is the client that waits, between tries of its own; accepted with updates and "
                    "--client if_seq_no or --client version",
                    workload.pace.backoff.text()));
  }
  if (workload.pace.think_within.mean_s() == 0) return;
  if ((!has_loop && !workload.mix.has(OperationKind::cond)) || workload.batch > 1) {
    throw BadInput(
        fmt::format("--think-within {}: between the two calls of a client's own read-modify-write; accepted with "
                    "--client if_seq_no or --client version, or with cond in the mix, and without --batch",
                    workload.pace.think_within.text()));
  }
}

}  // namespace occ
