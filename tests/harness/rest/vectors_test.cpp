/// The conformance scenarios of tests/data/conformance, and of conformance-6 under the rules of 6, on the sequential
/// model and on every strategy that claims the rules. A scenario of the collection that they come from is left out: the
/// one on a mapping failure, since the kit stores values whatever their mapping says.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <variant>
#include <vector>

#include "harness/rest/rest_api.hpp"
#include "harness/rest/scenario.hpp"
#include "tests/variants/contract.hpp"
#include "tests/variants/reference_table.hpp"

namespace occ {
namespace {

struct Scenario {
  std::string name;
  std::vector<ScenarioStep> steps;
};

std::vector<Scenario> read_scenarios(const std::string& folder) {
  std::vector<Scenario> all;
  for (const auto& file : std::filesystem::directory_iterator(OCCKIT_TEST_DATA "/" + folder)) {
    std::ifstream in(file.path(), std::ios::binary);
    all.push_back({file.path().stem(), parse_scenario(std::string(std::istreambuf_iterator<char>(in), {}))});
  }
  std::ranges::sort(all, {}, &Scenario::name);
  return all;
}

using MakeTable = std::function<std::unique_ptr<AnyTable>(const TableOptions&)>;

void expect_all_met(const MakeTable& make, const std::string& folder, std::size_t count, Compatibility compatibility) {
  const auto scenarios = read_scenarios(folder);
  EXPECT_EQ(scenarios.size(), count);
  for (const auto& [name, steps] : scenarios) {
    SCOPED_TRACE(name);
    ManualClock clock;
    Node node({.make_table = make, .compatibility = compatibility, .clock = &clock, .manual_clock = &clock});
    Session session(node);
    Response response;
    std::size_t expectations = 0;
    for (const auto& [line, what] : steps) {
      if (const auto* request = std::get_if<Request>(&what)) {
        response = session.handle(*request);
      } else if (const auto* expectation = std::get_if<Expectation>(&what)) {
        ++expectations;
        const auto complaint = unmet(*expectation, response);
        EXPECT_FALSE(complaint) << "line " << line << ": " << *complaint;
      }
    }
    EXPECT_GT(expectations, 1U);
  }
}

void expect_all_met(const MakeTable& make) {
  expect_all_met(make, "conformance", 56, Compatibility::v7);
  expect_all_met(make, "conformance-6", 3, Compatibility::v6);
}

class VectorsTest : public ::testing::TestWithParam<StrategyInfo> {};

TEST_P(VectorsTest, handle_conformance_scenarios_answers_as_elasticsearch) {
  expect_all_met([](const TableOptions& options) { return make_table(GetParam().name, options); });
}

INSTANTIATE_TEST_SUITE_P(Strategies, VectorsTest, ::testing::ValuesIn(contract::checking()), contract::name_of);

TEST(ReferenceVectorsTest, handle_conformance_scenarios_answers_as_elasticsearch) {
  expect_all_met([](const TableOptions& options) { return std::make_unique<ErasedTable<ReferenceTable>>(options); });
}

}  // namespace
}  // namespace occ
