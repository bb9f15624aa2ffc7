/// The conformance scenarios and the stories, over a socket, on every strategy that claims the rules: the same files and
/// the same expectations as in vectors_test and replay_test. Prints a line of the README's table for each strategy.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "harness/http/http_server.hpp"
#include "harness/http/rest_handler.hpp"
#include "harness/rest/scenario.hpp"
#include "tests/harness/http/http_client.hpp"
#include "tests/variants/contract.hpp"

namespace occ {
namespace {

/// The rows of the README's table, by the first word of a scenario's name.
std::string group_of(const std::string& name) {
  static const std::map<std::string, std::string> groups = {
      {"auto", "index"},        {"index", "index"},        {"location", "index"}, {"internal", "index"},
      {"cas", "if_seq_no"},     {"conflict", "if_seq_no"}, {"seq", "if_seq_no"},  {"create", "create"},
      {"op", "create"},         {"delete", "delete"},      {"gc", "delete"},      {"recreate", "delete"},
      {"external", "external"}, {"version", "external"},   {"get", "read"},       {"head", "read"},
      {"if", "read"},           {"mget", "read"},          {"bulk", "bulk"},      {"update", "update"},
      {"search", "search"}};
  const auto at = groups.find(name.substr(0, name.find('-')));
  return at == groups.end() ? name : at->second;
}

/// A server as `occkit serve` is one, but on a clock that scenarios move.
class ConformanceServer {
 public:
  ConformanceServer(std::string_view strategy, Compatibility compatibility)
      : node_({.make_table = [strategy](const TableOptions& options) { return make_table(strategy, options); },
               .compatibility = compatibility,
               .clock = &clock_,
               .manual_clock = &clock_}),
        server_({.port = 0, .threads = 2}, [this] { return std::make_unique<RestHandler>(node_); }) {
    server_.start();
  }
  /// What is not as expected, one line each.
  std::vector<std::string> carry_out(const std::string& text) {
    std::vector<std::string> complaints;
    Response response;
    // A connection for every other request: they are dealt out to both threads.
    std::vector<HttpClient> clients;
    clients.emplace_back(server_.port());
    clients.emplace_back(server_.port());
    std::size_t requests = 0;
    for (const auto& [line, what] : parse_scenario(text)) {
      if (const auto* request = std::get_if<Request>(&what)) {
        response = clients[++requests % 2].ask(request->method, request->uri, request->body, request->headers);
      } else if (const auto* expectation = std::get_if<Expectation>(&what)) {
        if (auto complaint = unmet(*expectation, response)) {
          complaints.push_back("line " + std::to_string(line) + ": " + *complaint);
        }
      }
    }
    if (requests == 0) complaints.emplace_back("no request");
    return complaints;
  }

 private:
  ManualClock clock_;
  Node node_;
  HttpServer server_;
};

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class HttpConformanceTest : public ::testing::TestWithParam<StrategyInfo> {};

TEST_P(HttpConformanceTest, serve_conformance_scenarios_answers_as_elasticsearch) {
  std::map<std::string, std::pair<int, int>> passed_of;
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(OCCKIT_TEST_DATA "/conformance")) files.push_back(file);
  std::ranges::sort(files);
  EXPECT_EQ(files.size(), 56U);
  for (const auto& file : files) {
    SCOPED_TRACE(file.stem());
    const auto complaints = ConformanceServer(GetParam().name, Compatibility::v7).carry_out(read_text(file));
    for (const auto& complaint : complaints) ADD_FAILURE() << complaint;
    auto& [passed, of] = passed_of[group_of(file.stem())];
    passed += complaints.empty() ? 1 : 0;
    ++of;
  }
  std::cout << "| `" << GetParam().name << "`";
  for (const auto& [group, counts] : passed_of) {
    std::cout << " | " << group << " " << counts.first << "/" << counts.second;
  }
  std::cout << " |\n";
}

TEST_P(HttpConformanceTest, serve_stories_meet_what_they_expect) {
  for (const auto& file : std::filesystem::directory_iterator(OCCKIT_SCENARIOS)) {
    SCOPED_TRACE(file.path().filename());
    const std::string text = read_text(file);
    const auto compatibility = text.find("--compat 6") != text.npos ? Compatibility::v6 : Compatibility::v7;
    const auto complaints = ConformanceServer(GetParam().name, compatibility).carry_out(text);
    for (const auto& complaint : complaints) ADD_FAILURE() << complaint;
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, HttpConformanceTest, ::testing::ValuesIn(contract::checking()), contract::name_of);

}  // namespace
}  // namespace occ
