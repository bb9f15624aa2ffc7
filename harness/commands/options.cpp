#include "harness/commands/options.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "CLI/Config.hpp"
#include "core/table/shard.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/validators.hpp"
#include "harness/measure/cell.hpp"
#include "harness/support/near_name.hpp"

namespace occ {
namespace {

constexpr std::uint64_t kMostThreads = 1024;
constexpr std::uint64_t kMostShards = 1024;
constexpr std::uint64_t kMostDocuments = 0xffff'ffff;
constexpr std::uint64_t kLargestBatch = 4096;
constexpr std::uint64_t kMostReplicates = 1'000'000;
constexpr double kLongestS = 24 * 3600;
constexpr std::uint64_t kMostClients = 1'000'000;
constexpr std::uint64_t kHighestRate = 100'000'000;

enum class Takes { value, nothing, perhaps };

struct OptionSpec {
  std::string name;
  std::string placeholder;
  std::string help;
  /// Of any text if nothing else is said.
  CLI::Validator accepts = {};
  Takes takes = Takes::value;
  bool in_file = true;
};

template <class Names>
CLI::Validator one_of_these(const Names& names) {
  return one_of({std::begin(names), std::end(names)});
}

const std::vector<OptionSpec>& option_specs() {
  static const std::vector<OptionSpec> all{
      {"strategy", "A,B,...|all",
       "strategies to compare; peers: the maps of other libraries; floors: what the machine can do (default: all; see "
       "occkit list)",
       different_names()},
      {"threads", "N,M,...", "thread counts, ranges too: 1-4,8 (default: 1,2,4)",
       whole_numbers(1, kMostThreads, Repeats::refused)},
      {"workload", "NAME,...", "named workloads (see occkit list); options below override what they bundle",
       different_names()},
      {"docs", "N[,...]", "documents, 100k and 1M too (default: 100000)",
       whole_numbers(1, kMostDocuments, Repeats::accepted)},
      {"fill", "PERCENT", "documents that are there before; the others come by index and create (default: 100)",
       whole_number(0, 100)},
      {"shards", "N", "shards (default: 1)", whole_number(1, kMostShards)},
      {"body", "BYTES[,...]",
       "bytes of a source (default: 100); 24 or more show torn reads. Several: each is measured, in pairs with as many "
       "--docs",
       whole_numbers(0, UINT32_MAX, Repeats::accepted)},
      {"dist", "DIST", "uniform | zipf:THETA | hot:K (default: uniform)"},
      {"mix", "KIND=PERCENT,...", "of get, index, create, delete, update, cond (default: update=100)"},
      {"batch", "N",
       "operations of one kind by one bulk call (_mget, _bulk); 1: each by a call of its own (default: 1)",
       whole_number(1, kLargestBatch)},
      {"client", "WHO",
       "who tries again: update (the table) | if_seq_no | version (the client's own loop) | server (the one behind "
       "--url, by a script in its _update)",
       one_of_these(kClients)},
      {"retry-on-conflict", "N", "tries after the first (default: 0; 1000 in named workloads)",
       whole_number(0, UINT32_MAX - 1)},
      {"update", "FORM", "default | in_place | optimistic", one_of({"default", "in_place", "optimistic"})},
      {"backoff", "KIND",
       "waiting after a failure, of strategies that do: none | exponential | adaptive; of the client's own loop: "
       "exponential:FIRST..MOST | full-jitter:FIRST..MOST, such as full-jitter:1ms..100ms (default: none)",
       backoff()},
      {"lease", "N",
       "sequence numbers that a handle takes at once, up to 512 (default: 1; more order only a document's writes)",
       whole_number(1, Shard::kMostAtOnce)},
      {"transform", "HOW", "counter | json (default: counter; json with --load)", one_of({"counter", "json"})},
      {"json-field", "NAME", "the field that the json transform adds 1 to (default: counter)"},
      {"think-ns", "NS", "work between read and write of an update (default: 0)", whole_number(0, 1'000'000'000)},
      {"clients", "N[,...]",
       "clients with one operation at a time, shared out over the threads (default: one for each)",
       whole_numbers(1, kMostClients, Repeats::refused)},
      {"think-between", "TIME[,...]",
       "time between a client's operations: TIME | exponential:TIME | gamma:SHAPE:TIME | file:NAME (a histogram), by "
       "their means (default: 0)"},
      {"think-within", "TIME",
       "time between read and write of the client's own loop, in which others of its thread go on; forms as "
       "--think-between (default: 0)"},
      {"rate", "R[,...]|auto",
       "open loop: operations that begin per second, whatever becomes of them; auto: the highest one with --p99-below",
       whole_numbers_or("auto", 1, kHighestRate)},
      {"arrivals", "HOW", "how they follow one another: poisson | constant (default: poisson)",
       one_of_these(kArrivals)},
      {"p99-below", "TIME", "of --rate auto: what 99 % of the response times are to stay below",
       seconds(1e-9, kLongestS)},
      {"duration", "TIME", "window of a replicate: 500ms, 2s, 1min (default: 1s)", seconds(0.001, kLongestS)},
      {"warmup", "TIME", "time before it (default: 200ms)", seconds(0, kLongestS)},
      {"replicates", "N",
       "replicates of each cell (default: 8; a winner needs 6); 0 if only histories are to be checked. With --resume: "
       "so many in all",
       whole_number(0, kMostReplicates)},
      {"repeats", "N", "how often a replicate that was disturbed is measured again, at the end (default: 2)",
       whole_number(0, 100)},
      {"until", "PERCENT",
       "more replicates, up to 50 of each cell, until every interval ends within PERCENT of its median", percent()},
      {"check", "HOW",
       "record and check the history of all documents, of PERCENT%, the hottest among them, or of none (default: all)",
       share("the documents"), Takes::perhaps},
      {"check-replicates", "N", "replicates so checked, before the others and apart from them (default: 1)",
       whole_number(1, kMostReplicates)},
      {"check-operations", "N", "operations recorded in each, at most; 128 bytes each (default: 4000000)",
       whole_number(1, UINT64_MAX / Recording::kBytesPerOperation)},
      {"history", "FILE", "write the history of the only checked replicate as JSON lines", {}, Takes::value, false},
      {"seed", "N", "seed of everything random (default: 1)", whole_number(0, UINT64_MAX)},
      {"url", "URL,...",
       "the server of strategy elasticsearch, or the nodes of its cluster, over which threads are spread: "
       "http://HOST:PORT or https://HOST:PORT"},
      {"url-route", "HOW",
       "at which address a thread begins: each at the next, turn, or all at the first, first (default: turn)",
       one_of({"turn", "first"})},
      {"preference", "COPY",
       "which copy of a document answers reads, as the parameter of Elasticsearch: _local, or _primary where there is "
       "such a thing (default: any)"},
      {"request-timeout", "TIME", "how long to wait for one answer of it (default: 10s)", seconds(0.1, kLongestS)},
      {"url-patience", "TIME", "how long to go on while it answers nobody (default: 60s)", seconds(0.1, kLongestS)},
      {"replicas", "N", "copies of each shard of its index beside the primary (default: 0)", whole_number(0, 100)},
      {"index-setting", "NAME=VALUE,...", "further settings of its index, e.g. translog.durability=async"},
      {"keep-index", "", "leave its indices there", {}, Takes::nothing},
      {"label", "NAME", "tells results of several servers apart: the strategy is then elasticsearch:NAME"},
      {"latency", "HOW", "sampled | none: no operation is timed (default: sampled)", one_of({"sampled", "none"})},
      {"pin", "", "pin threads to processors", {}, Takes::nothing},
      {"gc-deletes", "TIME", "how long a tombstone keeps its version; 0 and -1 are allowed (default: 60s)",
       seconds_or_minus_one(kLongestS)},
      {"fail-over-every", "TIME", "raise the primary term of all shards so often (default: 0, never)",
       seconds(0, kLongestS)},
      {"load", "FILE", "fill the table with the documents of a _bulk file (NDJSON)"},
      {"out", "DIR", "folder for the results (default: results/run-<UTC time>)"},
      {"resume", "[DIR]", "go on with an interrupted run in DIR (or in --out)", {}, Takes::perhaps, false},
      {"dry-run",
       "",
       "say what would be measured, how long that takes and where it goes; measure nothing, write nothing",
       {},
       Takes::nothing,
       false},
      {"quiet", "", "say nothing of plan and progress; failures and warnings are said", {}, Takes::nothing, false},
      {"config",
       "FILE",
       "read options from a file, or an experiment by its name: main for harness/experiments/main.toml",
       {},
       Takes::value,
       false},
  };
  return all;
}

}  // namespace

void add_options(CLI::App& command, Options& into) {
  for (const OptionSpec& spec : option_specs()) {
    const std::string& name = spec.name;
    if (spec.takes == Takes::nothing) {
      command.add_flag_callback(
          "--" + name, [&into, name] { into[name] = "true"; }, spec.help);
      continue;
    }
    CLI::Option* option = command.add_option(
        "--" + name,
        [&into, name](const CLI::results_t& values) {
          into[name] = values.empty() ? "" : values.front();
          return true;
        },
        spec.help);
    option->type_name(spec.placeholder)->check(spec.accepts);
    if (spec.takes == Takes::perhaps) {
      option->expected(0, 1);
    } else {
      option->expected(1);
    }
  }
}

void read_option_file(const std::filesystem::path& file, Options& options) {
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_file(file.string());
  } catch (const CLI::Error& error) {
    throw BadInput(fmt::format("--config: cannot read '{}': {}", file.string(), error.what()));
  }
  for (const CLI::ConfigItem& item : items) {
    const auto known = std::ranges::find(option_specs(), item.name, &OptionSpec::name);
    if (known == option_specs().end() || !known->in_file || !item.parents.empty()) {
      throw BadInput(fmt::format("--config: {}: unknown option '{}'{}; accepted are {}", file.string(), item.fullname(),
                                 did_you_mean(item.name, options_in_files()), fmt::join(options_in_files(), ", ")));
    }
    if (known->takes == Takes::nothing) {
      if (item.inputs != std::vector<std::string>{"true"} && item.inputs != std::vector<std::string>{"false"}) {
        throw BadInput(fmt::format("--config: {}: {} is true or false", file.string(), item.name));
      }
      if (item.inputs.front() == "false") continue;
    }
    options.emplace(item.name, fmt::format("{}", fmt::join(item.inputs, ",")));
  }
}

std::vector<std::string> options_in_files() {
  std::vector<std::string> names;
  for (const OptionSpec& spec : option_specs()) {
    if (spec.in_file) names.push_back(spec.name);
  }
  return names;
}

std::optional<std::string> plain_text(const Options& options, std::string_view name) {
  const auto given = options.find(name);
  if (given == options.end()) return std::nullopt;
  std::string text = given->second;
  const auto& spec = *std::ranges::find(option_specs(), name, &OptionSpec::name);
  if (const std::string wrong = spec.accepts(text); !wrong.empty())
    throw BadInput(fmt::format("--{}: {}", name, wrong));
  return text;
}

}  // namespace occ
