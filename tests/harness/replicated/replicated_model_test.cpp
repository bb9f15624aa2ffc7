/// judge() against an exhaustive search for explanations, on small random histories of one document.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "harness/replicated/judgement.hpp"
#include "tests/harness/replicated/exhaustive_replicated.hpp"
#include "tests/harness/replicated/small_replicated.hpp"

namespace occ {
namespace {

/// 1,000,000 by default, less under a sanitizer (OCCKIT_TEST_EFFORT, see contract.hpp); OCCKIT_HISTORIES says how many.
std::size_t histories() {
  if (const char* text = std::getenv("OCCKIT_HISTORIES")) return static_cast<std::size_t>(std::atof(text));
  double effort = 1;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  effort = 0.1;
#endif
  if (const char* text = std::getenv("OCCKIT_TEST_EFFORT")) effort = std::max(0.001, std::atof(text));
  return static_cast<std::size_t>(1'000'000 * effort);
}

std::string text_of(const ReplicatedHistory& history, const Judgement& judgement) {
  std::string text = fmt::format("tombstones match: {}\n", history.tombstones_match);
  for (const FaultBand& band : history.bands) text += fmt::format("fault [{}, {}]\n", band.begin_ns, band.end_ns);
  for (const Send& send : history.sends) {
    text += fmt::format("[{}, {}] {} version {}\n", send.begin_ns,
                        send.end_ns == Send::kNever ? "..." : std::to_string(send.end_ns), describe_send(send),
                        send.version);
  }
  return text + judgement_text(judgement, history);
}

TEST(Judge, small_histories_are_accused_if_and_only_if_nothing_explains_them) {
  SmallReplicated small(1);
  std::size_t allowed = 0;
  std::size_t wrong = 0;
  const std::size_t count = histories();
  for (std::size_t i = 0; i < count && wrong < 3; ++i) {
    const ReplicatedHistory history = small.next();
    const Judgement judgement = judge(history, Contract::replicated);
    const bool expected = ExhaustiveReplicated(history).allowed();
    allowed += expected ? 1 : 0;
    if ((judgement.impossible() == 0) == expected) continue;
    ++wrong;
    ADD_FAILURE() << "history " << i << (expected ? " is allowed" : " is impossible") << "\n"
                  << text_of(history, judgement);
  }
  // Neither kind is rare.
  if (wrong == 0) {
    EXPECT_GT(allowed, count / 10);
    EXPECT_LT(allowed, count * 9 / 10);
  }
  RecordProperty("allowed", std::to_string(allowed));
}

}  // namespace
}  // namespace occ
