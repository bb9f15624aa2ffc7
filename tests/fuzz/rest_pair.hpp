#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/model/clock.hpp"
#include "harness/rest/rest_api.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/variants/reference_table.hpp"
#include "variants/strategies.hpp"

namespace occ {

/// Two nodes that are asked the same: one keeps its documents under a strategy, the other in the sequential model.
class RestPair {
 public:
  RestPair(std::string_view strategy, Compatibility compatibility)
      : mine_([strategy](const TableOptions& table) { return make_table(strategy, table); }, compatibility),
        model_([](const TableOptions& table) { return std::make_unique<ErasedTable<ReferenceTable>>(table); },
               compatibility) {}

  /// The answer, which must be a well-formed one and the same from both.
  Response handle(const Request& request) {
    Response answer = mine_.session.handle(request);
    const Response expected = model_.session.handle(request);
    require(answer.status >= 200 && answer.status <= 599, "an answer without an HTTP status");
    if (answer.status != expected.status || timeless(answer.text()) != timeless(expected.text()) ||
        answer.headers != expected.headers) {
      fail(request.method + " " + request.uri + "\n" + request.body + "\nanswer:   " + std::string(answer.text()) +
           "\nexpected: " + std::string(expected.text()));
    }
    require(answer.text().empty() || answer.content_type != kJsonContentType ||
                !parse_checked(answer.text()).is_discarded(),
            "an answer that is not JSON");
    return answer;
  }

 private:
  /// Without the digits of an index's creation_date, which is of the system's clock.
  static std::string timeless(std::string_view text) {
    constexpr std::string_view kName = "creation_date\"";
    std::string out(text);
    for (auto at = out.find(kName); at != out.npos; at = out.find(kName, at + 1)) {
      auto digit = out.find_first_of("0123456789", at);
      for (; digit < out.size() && out[digit] >= '0' && out[digit] <= '9'; ++digit) out[digit] = '0';
    }
    return out;
  }

  struct Side {
    Side(decltype(NodeOptions::make_table) make, Compatibility compatibility)
        : node(
              {.make_table = std::move(make), .compatibility = compatibility, .clock = &clock, .manual_clock = &clock}),
          session(node) {}
    ManualClock clock;
    Node node;
    Session session;
  };
  Side mine_;
  Side model_;
};

}  // namespace occ
