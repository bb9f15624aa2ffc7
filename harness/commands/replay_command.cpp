#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "CLI/App.hpp"
#include "core/model/clock.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/node_choice.hpp"
#include "harness/remote/remote_session.hpp"
#include "harness/rest/rest_api.hpp"
#include "harness/rest/scenario.hpp"
#include "harness/support/bulk_parser.hpp"
#include "harness/support/read_file.hpp"

namespace occ {
namespace {

struct ReplayOptions {
  std::string file;
  NodeChoice node;
  std::string index = "documents";
  std::string url;
  bool quiet = false;
};

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
  std::vector<ScenarioStep> steps(1);
  steps[0].line = 1;
  steps[0].what = make_request("POST", "/" + percent_encoded(options.index) + "/_bulk", std::move(text));
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

/// Sends the requests to `answer`, prints what it says, and holds it against what is expected.
int replay_to(const ReplayOptions& options, const std::vector<ScenarioStep>& steps, const std::string& whom,
              FunctionRef<Response(const Request&)> answer) {
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
      response = answer(*request);
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
    fmt::print("{} of {} expectations met by {}\n", expectations - failures, expectations, whom);
  }
  return failures == 0 ? kExitOk : kExitVerificationFailed;
}

int replay_here(ReplayOptions& options) {
  ManualClock clock;
  NodeOptions node_options = to_node_options(options.node);
  node_options.clock = &clock;
  node_options.manual_clock = &clock;
  const auto steps = read_steps(options, node_options.compatibility);
  Node node(std::move(node_options));
  Session session(node);
  return replay_to(options, steps, fmt::format("{} (compatibility {})", options.node.strategy, options.node.compat),
                   [&session](const Request& request) { return session.handle(request); });
}

int replay_there(const ReplayOptions& options) {
  const auto steps = read_steps(options, compatibility_of(options.node.compat));
  const ServerAddress address = read_server_address(options.url);
  RemoteSession session(address, steps);
  return replay_to(options, steps, address.url(),
                   [&session](const Request& request) { return session.handle(request); });
}

}  // namespace

void add_replay(CLI::App& app, int& exit_status) {
  const auto options = std::make_shared<ReplayOptions>();
  CLI::App* command =
      app.add_subcommand("replay", "Answer requests from a file as Elasticsearch would, and check what it expects");
  command->add_option("FILE", options->file, "A scenario or _bulk NDJSON; - is standard input")->required();
  add_node_options(*command, options->node);
  command->add_option("--index", options->index, "The index of _bulk lines that name none")->capture_default_str();
  command
      ->add_option(
          "--url", options->url,
          "Send the requests to the server at http://HOST:PORT instead; indices that they name must not be there, "
          "and are deleted afterwards")
      ->excludes("--strategy", "--shards", "--gc-deletes");
  command->add_flag("--quiet", options->quiet, "Print only expectations that are not met, and how many were");
  command->callback(
      [options, &exit_status] { exit_status = options->url.empty() ? replay_here(*options) : replay_there(*options); });
}

}  // namespace occ
