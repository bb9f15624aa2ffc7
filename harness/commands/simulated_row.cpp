#include "harness/commands/simulated_row.hpp"

#include <algorithm>
#include <map>

#include "fmt/format.h"
#include "harness/measure/operation_counts.hpp"
#include "harness/support/statistics.hpp"

namespace occ {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

std::string number(double value) {
  return fmt::format("{:.6g}", value);
}
template <std::integral T>
std::string number(T value) {
  return fmt::format("{}", value);
}

/// Every conflict is one of these in a run too; a simulation knows only the one of seq_no.
constexpr const char* kNever[] = {
    "conflict_missing", "conflict_exists",    "conflict_version", "publication_failures", "noop",    "not_found",
    "rejected",         "fail_over_every_ms", "pinned",           "body_bytes",           "ops_get", "ops_index",
    "ops_create",       "ops_delete",         "ops_cond"};

void add_identity(const SimulatedRow& row, Texts& texts) {
  const SimulationLoad& load = row.load;
  texts["workload"] = workload_name(load);
  texts["strategy"] = row.label.empty() ? "simulated" : fmt::format("simulated:{}", row.label);
  texts["update_form"] = "optimistic";
  texts["client"] = load.at == UpdateAt::server ? "update" : "if_seq_no";
  texts["semantics"] = "full";
  texts["seq_no_source"] = "shard_counter";
  texts["threads"] = number(std::max(load.clients, 1U));
  texts["replicate"] = number(row.replicate);
  texts["attempt"] = "1";
  texts["seed"] = number(row.seed);
  texts["docs"] = number(load.popularity.documents());
  texts["fill_percent"] = "100";
  texts["shards"] = "1";
  texts["dist"] = load.popularity.text();
  texts["mix"] = "update=100";
  texts["batch"] = "1";
  texts["think_ns"] = "0";
  texts["think_between"] = load.think.mean_s() > 0 ? load.think.text() : "0";
  texts["think_within"] = load.window.text();
  if (load.clients > 0) {
    texts["clients"] = number(load.clients);
  } else {
    texts["rate_per_s"] = number(load.rate_per_s);
    texts["arrivals"] = "poisson";
  }
  texts["retry_on_conflict"] = number(load.retries);
  texts["backoff"] = load.backoff.text();
  texts["window_s"] = number(row.result.window_s);
  texts["collision_probability"] = number(load.popularity.collision_probability());
  texts["disturbed"] = "no";
  texts["checked"] = "none";
  texts["verified"] = "not_applicable";
}

void add_counts(const SimulatedRow& row, Texts& texts) {
  const SimulationResult& result = row.result;
  texts["ops"] = texts["ops_update"] = texts["applied"] = number(result.committed);
  texts["ops_per_s"] = number(result.window_s > 0 ? static_cast<double>(result.committed) / result.window_s : 0);
  texts["exhausted"] = number(result.exhausted);
  texts["attempts"] = number(result.attempts);
  texts["conflict_seq_no"] = texts["transforms_discarded"] = number(result.conflicts);
  texts["backoff_ns"] = "0";
  texts["client_backoff_ns"] = number(result.backoff_s * 1e9);
  std::uint64_t rest = result.operations();
  for (std::size_t retries = 0; retries + 1 < kRetryBins; ++retries) {
    texts[fmt::format("retries_{}", retries)] = number(result.retries[retries]);
    rest -= result.retries[retries];
  }
  texts[fmt::format("retries_{}_plus", kRetryBins - 1)] = number(rest);
}

void add_latency(const SimulatedRow& row, Texts& texts) {
  texts["latency_kind"] = "service";
  texts["latency_samples"] = number(row.latency.count());
  if (row.latency.count() == 0) return;
  for (const auto& [name, percent] : {std::pair("50", 50.0), {"90", 90.0}, {"99", 99.0}, {"999", 99.9}})
    texts[fmt::format("latency_p{}_ns", name)] = number(row.latency.percentile_ns(percent));
  texts["latency_max_ns"] = number(row.latency.max_ns());
}

void add_fairness(const SimulatedRow& row, Texts& texts) {
  const auto& commits = row.result.client_commits;
  if (commits.empty()) return;
  texts["jain"] = number(jain(std::vector<double>(commits.begin(), commits.end())));
  texts["thread_ops_min"] = number(std::ranges::min(commits));
  texts["thread_ops_max"] = number(std::ranges::max(commits));
}

}  // namespace

std::string workload_name(const SimulationLoad& load) {
  std::string name = load.popularity.text();
  if (load.clients == 0) {
    name += fmt::format(" rate {:g}/s", load.rate_per_s);
  } else if (load.think.mean_s() > 0) {
    name += fmt::format(" think {}", load.think.text());
  }
  name += fmt::format(" window {}", load.window.text());
  if (load.workers > 0) {
    name += fmt::format(" workers {}", load.workers);
    if (load.at == UpdateAt::client) name += fmt::format(" service {}", load.service.text());
  }
  return name;
}

std::vector<std::string> fields(const SimulatedRow& row, const std::vector<std::string>& columns) {
  Texts texts;
  for (const char* name : kNever) texts[name] = "0";
  add_identity(row, texts);
  add_counts(row, texts);
  add_latency(row, texts);
  add_fairness(row, texts);
  std::vector<std::string> values;
  for (const std::string& column : columns) {
    const auto found = texts.find(column);
    values.push_back(found == texts.end() ? "" : found->second);
  }
  return values;
}

}  // namespace occ
