#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/harness/rest/session_test.hpp"

namespace occ {

struct Asked {
  const char* method;
  std::string target;
  std::string body;
  int status;
  /// The whole answer if it begins with '{' or '[' and ends so, else a part of it; empty: whatever it is.
  std::string answer;
};

class EngineAnswersTest : public SessionTest {
 protected:
  using SessionTest::SessionTest;

  /// One after another, so that each sees what those before it did.
  void expect(const std::vector<Asked>& all) {
    for (const auto& [method, target, body, status, answer] : all) {
      SCOPED_TRACE(std::string(method) + " " + target + " " + body);
      const Response got = ask(method, target, body);
      EXPECT_EQ(got.status, status) << got.body;
      const bool is_whole = answer.size() > 1 && (answer.front() == '{' || answer.front() == '[') &&
                            (answer.back() == '}' || answer.back() == ']') && Json::accept(answer);
      if (is_whole) {
        EXPECT_EQ(got.body, answer);
      } else {
        EXPECT_THAT(got.body, ::testing::HasSubstr(answer));
      }
    }
  }
};
class EngineAnswers6Test : public EngineAnswersTest {
 protected:
  EngineAnswers6Test() : EngineAnswersTest(Compatibility::v6) {}
};
class EngineAnswers8Test : public EngineAnswersTest {
 protected:
  EngineAnswers8Test() : EngineAnswersTest(Compatibility::v8) {}
};

}  // namespace occ
