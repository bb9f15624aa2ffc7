/// Any text as a scenario: what does not parse is refused with a line of it; what does is carried out under every
/// compatibility, on a strategy and on the sequential model, with equal answers.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/rest/scenario.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/rest_pair.hpp"

namespace occ {
namespace {

void carry_out(const std::vector<ScenarioStep>& steps, std::string_view strategy, Compatibility compatibility) {
  RestPair pair(strategy, compatibility);
  Response response;
  for (const ScenarioStep& step : steps) {
    if (const auto* request = std::get_if<Request>(&step.what)) {
      response = pair.handle(*request);
    } else if (const auto* expectation = std::get_if<Expectation>(&step.what)) {
      if (const auto complaint = unmet(*expectation, response)) {
        require(!complaint->empty(), "an expectation that is not met without a word");
      }
    }
  }
}

void check(std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  (void)looks_like_bulk(text);
  std::vector<ScenarioStep> steps;
  try {
    steps = parse_scenario(text);
  } catch (const ScenarioError& error) {
    require(error.line >= 1 && error.line <= lines, "an error in a line that is not there");
    require(*error.what() != '\0', "an error without a message");
    return;
  }
  std::size_t last = 0;
  for (const ScenarioStep& step : steps) {
    require(step.line > last && step.line <= lines, "steps that are not in the order of their lines");
    last = step.line;
  }
  carry_out(steps, "packed_cas", Compatibility::v7);
  carry_out(steps, "version_retry", Compatibility::v6);
  carry_out(steps, "mutex_keyed", Compatibility::v8);
}

}  // namespace
}  // namespace occ

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  occ::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
