#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/model/clock.hpp"
#include "harness/rest/rest_api.hpp"
#include "tests/variants/reference_table.hpp"

namespace occ {

/// Requests to a node of its own, on the sequential model, without HTTP. Its clock stands still.
class SessionTest : public ::testing::Test {
 protected:
  explicit SessionTest(Compatibility compatibility = Compatibility::v7)
      : node_({.make_table = [](const auto& options) { return std::make_unique<ErasedTable<ReferenceTable>>(options); },
               .compatibility = compatibility,
               .clock = &clock_,
               .manual_clock = &clock_}),
        session_(node_) {}

  Response ask(std::string_view method, std::string_view target, std::string body = {}) {
    return session_.handle(make_request(method, target, std::move(body)));
  }
  /// The status and the answer.
  std::string answer(std::string_view method, std::string_view target, std::string body = {}) {
    const Response got = ask(method, target, std::move(body));
    return std::to_string(got.status) + " " + got.body;
  }

  ManualClock clock_;
  Node node_;
  Session session_;
};

}  // namespace occ
