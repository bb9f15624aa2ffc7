#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/clock.hpp"
#include "harness/bulk_parser.hpp"
#include "harness/commands.hpp"
#include "harness/read_file.hpp"
#include "harness/rest_api.hpp"
#include "harness/scenario.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

struct ReplayOptions {
  std::string file;
  std::string strategy;
  int compat = 7;
  std::uint32_t shards = 1;
  std::string gc_deletes = "60s";
  std::string index = "documents";
  bool quiet = false;
};

std::string default_strategy() {
  if (find_strategy("packed_cas")) return "packed_cas";
  for (const StrategyInfo& info : strategies()) {
    if (info.semantics == Semantics::full) return std::string(info.name);
  }
  return {};
}

std::string checked_strategy(const std::string& name) {
  const StrategyInfo* info = find_strategy(name);
  if (info && info->semantics != Semantics::none) return name;
  std::vector<std::string_view> known;
  for (const StrategyInfo& each : strategies()) {
    if (each.semantics != Semantics::none) known.push_back(each.name);
  }
  throw BadInput(fmt::format("{} strategy '{}': accepted are {}", info ? "nothing is kept by the" : "unknown", name,
                             fmt::join(known, ", ")));
}

std::string read_all(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  return read_file(file);
}

BadInput at_line(const ReplayOptions& options, std::size_t line, std::string_view message) {
  return BadInput(fmt::format("{}:{}: {}", options.file == "-" ? "standard input" : options.file, line, message));
}

/// A `_bulk` file is a scenario of one request. Everything in it is read first: nothing is run of a file that has a
/// malformed line.
std::vector<ScenarioStep> bulk_as_scenario(const ReplayOptions& options, std::string text,
                                           Compatibility compatibility) {
  try {
    for_each_bulk_entry(
        text,
        [&](const BulkEntry& entry) {
          if (entry.action == BulkEntry::Action::remove) return;
          try {
            check_json_object(entry.source);
          } catch (const JsonError& error) {
            throw BulkError(entry.source_line, error.what());
          }
        },
        compatibility);
  } catch (const BulkError& error) {
    throw at_line(options, error.line, error.what());
  }
  std::vector<ScenarioStep> steps;
  steps.push_back({1, make_request("POST", "/" + percent_encoded(options.index) + "/_bulk", std::move(text))});
  return steps;
}

std::vector<ScenarioStep> read_steps(const ReplayOptions& options, Compatibility compatibility) {
  std::string text = read_all(options.file);
  if (looks_like_bulk(text)) return bulk_as_scenario(options, std::move(text), compatibility);
  try {
    auto steps = parse_scenario(text);
    for (const ScenarioStep& step : steps) {
      if (std::holds_alternative<Request>(step.what)) return steps;
    }
  } catch (const ScenarioError& error) {
    throw at_line(options, error.line, error.what());
  }
  throw at_line(options, 1, "there is no request in it");
}

void print_answer(const Response& response) {
  fmt::print("{} {}\n", response.status, status_text(response.status));
  for (const auto& [name, value] : response.headers) fmt::print("{}: {}\n", name, value);
  if (response.has_body) fmt::print("{}", pretty_text(response.json()));
  fmt::print("\n");
}

int replay(const ReplayOptions& options) {
  const auto compatibility = options.compat == 6   ? Compatibility::v6
                             : options.compat == 8 ? Compatibility::v8
                                                   : Compatibility::v7;
  const std::string strategy = checked_strategy(options.strategy.empty() ? default_strategy() : options.strategy);
  ManualClock clock;
  std::int64_t gc_deletes_ms = 0;
  try {
    gc_deletes_ms = parse_time_ms("--gc-deletes", options.gc_deletes);
  } catch (const IllegalArgument& error) {
    throw BadInput(error.what());
  }
  const auto steps = read_steps(options, compatibility);

  Node node({.make_table = [&](const TableOptions& table) { return make_table(strategy, table); },
             .compatibility = compatibility,
             .shards = options.shards,
             .gc_deletes_ms = gc_deletes_ms,
             .clock = &clock,
             .manual_clock = &clock});
  Session session(node);
  Response response;
  std::size_t expectations = 0;
  std::size_t failures = 0;
  for (const auto& [line, what] : steps) {
    if (const auto* comment = std::get_if<std::string>(&what)) {
      if (!options.quiet) fmt::print("# {}\n", *comment);
    } else if (const auto* request = std::get_if<Request>(&what)) {
      if (!options.quiet) {
        fmt::print("{} {}\n", request->method, request->uri);
        for (const auto& [name, value] : request->headers) fmt::print("{}: {}\n", name, value);
        if (!request->body.empty()) fmt::print("{}{}", request->body, request->body.ends_with('\n') ? "" : "\n");
      }
      response = session.handle(*request);
      if (!options.quiet) print_answer(response);
    } else {
      ++expectations;
      if (const auto complaint = unmet(std::get<Expectation>(what), response)) {
        ++failures;
        std::fflush(stdout);
        fmt::print(stderr, "{}:{}: {}\n", options.file, line, *complaint);
      }
    }
  }
  if (expectations > 0) {
    fmt::print("{} of {} expectations met by {} (compatibility {})\n", expectations - failures, expectations, strategy,
               options.compat);
  }
  return failures == 0 ? kExitOk : kExitVerificationFailed;
}

}  // namespace

void add_replay(CLI::App& app, int& exit_status) {
  const auto options = std::make_shared<ReplayOptions>();
  CLI::App* command =
      app.add_subcommand("replay", "Answer requests from a file as Elasticsearch would, and check what it expects");
  command->add_option("FILE", options->file, "A scenario or _bulk NDJSON; - is standard input")->required();
  command->add_option("--strategy", options->strategy, "The strategy of every index (packed_cas)");
  command->add_option("--compat", options->compat, "Which Elasticsearch to imitate: 6, 7 or 8")
      ->check(CLI::IsMember({6, 7, 8}))
      ->capture_default_str();
  command->add_option("--shards", options->shards, "Shards of an index that does not say")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option("--gc-deletes", options->gc_deletes,
                   "How long a tombstone keeps its version: -1, 0, 500ms, 60s, ...")
      ->capture_default_str();
  command->add_option("--index", options->index, "The index of _bulk lines that name none")->capture_default_str();
  command->add_flag("--quiet", options->quiet, "Print only expectations that are not met, and how many were");
  command->callback([options, &exit_status] { exit_status = replay(*options); });
}

}  // namespace occ
