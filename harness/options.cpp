#include "harness/options.hpp"

#include <algorithm>
#include <array>

#include "CLI/Config.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands.hpp"

namespace occ {
namespace {

enum class Takes { value, nothing, perhaps };

struct OptionSpec {
  std::string_view name;
  std::string_view placeholder;
  std::string_view help;
  Takes takes = Takes::value;
  bool in_file = true;
};

constexpr OptionSpec kOptions[] = {
    {"strategy", "A,B,...|all",
     "strategies to compare; peers: the maps of other libraries; floors: what the machine can do (default: all; see "
     "occkit list)"},
    {"threads", "N,M,...", "thread counts (default: 1,2,4)"},
    {"workload", "NAME,...", "named workloads (see occkit list); options below override what they bundle"},
    {"docs", "N[,...]", "documents (default: 100000)"},
    {"fill", "PERCENT", "documents that are there before; the others come by index and create (default: 100)"},
    {"shards", "N", "shards (default: 1)"},
    {"body", "BYTES[,...]",
     "bytes of a source (default: 100); 24 or more show torn reads. Several: each is measured, in pairs with as many "
     "--docs"},
    {"dist", "DIST", "uniform | zipf:THETA | hot:K (default: uniform)"},
    {"mix", "KIND=PERCENT,...", "of get, index, create, delete, update, cond (default: update=100)"},
    {"batch", "N", "operations of one kind by one bulk call (_mget, _bulk); 1: each by a call of its own (default: 1)"},
    {"client", "WHO", "who tries again: update (the table) | if_seq_no | version (the client's own loop)"},
    {"retry-on-conflict", "N", "tries after the first (default: 0; 1000 in named workloads)"},
    {"update", "FORM", "default | in_place | optimistic"},
    {"backoff", "KIND",
     "waiting after a failure, of strategies that do: none | exponential | adaptive (default: none)"},
    {"lease", "N",
     "sequence numbers that a handle takes at once, up to 512 (default: 1; more order only a document's writes)"},
    {"transform", "HOW", "counter | json (default: counter; json with --load)"},
    {"json-field", "NAME", "the field that the json transform adds 1 to (default: counter)"},
    {"think-ns", "NS", "work between read and write of an update (default: 0)"},
    {"duration", "TIME", "window of a replicate: 500ms, 2s, 1min (default: 1s)"},
    {"warmup", "TIME", "time before it (default: 200ms)"},
    {"replicates", "N", "replicates of each cell (default: 5); 0 if only histories are to be checked"},
    {"check", "HOW", "record and check the history of all documents, of PERCENT%, or of none (default: all)",
     Takes::perhaps},
    {"check-replicates", "N", "replicates so checked, before the others and apart from them (default: 1)"},
    {"check-operations", "N", "operations recorded in each, at most; 128 bytes each (default: 4000000)"},
    {"history", "FILE", "write the history of the only checked replicate as JSON lines", Takes::value, false},
    {"seed", "N", "seed of everything random (default: 1)"},
    {"url", "URL", "the server of strategy elasticsearch: http://HOST:PORT or https://HOST:PORT"},
    {"url-patience", "TIME", "how long to wait for it, and to try again where it does not answer (default: 10s)"},
    {"label", "NAME", "tells results of several servers apart: the strategy is then elasticsearch:NAME"},
    {"pin", "", "pin threads to processors", Takes::nothing},
    {"gc-deletes", "TIME", "how long a tombstone keeps its version; 0 and -1 are allowed (default: 60s)"},
    {"fail-over-every", "TIME", "raise the primary term of all shards so often (default: 0, never)"},
    {"load", "FILE", "fill the table with the documents of a _bulk file (NDJSON)"},
    {"out", "DIR", "folder for the results (default: results/run-<UTC time>)"},
    {"resume", "[DIR]", "go on with an interrupted run in DIR (or in --out)", Takes::perhaps, false},
    {"config", "FILE", "read options from a file, e.g. harness/experiments/main.toml", Takes::value, false},
};

}  // namespace

void add_options(CLI::App& command, Options& into) {
  for (const OptionSpec& spec : kOptions) {
    const std::string name(spec.name);
    if (spec.takes == Takes::nothing) {
      command.add_flag_callback(
          "--" + name, [&into, name] { into[name] = "true"; }, std::string(spec.help));
      continue;
    }
    CLI::Option* option = command.add_option(
        "--" + name,
        [&into, name](const CLI::results_t& values) {
          into[name] = values.empty() ? "" : values.front();
          return true;
        },
        std::string(spec.help));
    option->type_name(std::string(spec.placeholder));
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
    const auto known = std::ranges::find(kOptions, item.name, &OptionSpec::name);
    if (known == std::end(kOptions) || !known->in_file || !item.parents.empty()) {
      std::vector<std::string_view> names;
      for (const OptionSpec& spec : kOptions) {
        if (spec.in_file) names.push_back(spec.name);
      }
      throw BadInput(fmt::format("--config: {}: unknown option '{}'; accepted are {}", file.string(), item.fullname(),
                                 fmt::join(names, ", ")));
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

}  // namespace occ
