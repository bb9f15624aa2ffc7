#include "core/table/backoff.hpp"

#include <gtest/gtest.h>

#include "tests/variants/contract.hpp"

namespace occ {
namespace {

using contract::add_one;
using contract::as_bytes;
using contract::to_number;

std::uint64_t waited_after(Backoff& backoff, int failures) {
  std::uint64_t longest = 0;
  for (int i = 0; i < failures; ++i) longest = std::max(longest, backoff.after_failure());
  return longest;
}

TEST(Backoff, none_never_waits) {
  Backoff backoff(BackoffKind::none);
  EXPECT_EQ(waited_after(backoff, 100), 0U);
}

TEST(Backoff, exponential_grows_to_its_limit_and_falls_back_with_a_success) {
  Backoff backoff(BackoffKind::exponential);
  EXPECT_LE(backoff.after_failure(), Backoff::kLeastNs * 1.5);
  const std::uint64_t longest = waited_after(backoff, 100);
  EXPECT_GT(longest, Backoff::kMostNs / 2);
  EXPECT_LE(longest, Backoff::kMostNs * 1.1);
  backoff.after_success();
  EXPECT_LE(backoff.after_failure(), Backoff::kLeastNs * 1.5);
}

TEST(Backoff, adaptive_forgives_only_after_many_successes) {
  Backoff backoff(BackoffKind::adaptive);
  EXPECT_LE(backoff.after_failure(), Backoff::kLeastNs * 2);
  waited_after(backoff, 20);
  EXPECT_GE(backoff.after_failure(), Backoff::kMostNs * 0.4);
  for (std::uint32_t i = 0; i < Backoff::kSuccessesForgiven / 2; ++i) backoff.after_success();
  EXPECT_GE(backoff.after_failure(), Backoff::kMostNs * 0.4);
  for (std::uint32_t i = 0; i < 20 * Backoff::kSuccessesForgiven; ++i) backoff.after_success();
  EXPECT_LE(backoff.after_failure(), Backoff::kLeastNs * 2);
}

/// Every strategy that backs off, under every kind.
class BackoffTest : public ::testing::TestWithParam<StrategyInfo> {};

TEST_P(BackoffTest, update_of_one_document_by_many_threads_loses_none) {
  for (const BackoffKind kind : {BackoffKind::none, BackoffKind::exponential, BackoffKind::adaptive}) {
    SCOPED_TRACE(to_string(kind));
    const auto table = make_table(GetParam().name, {.backoff = kind});
    constexpr std::size_t kThreads = 4;
    const std::uint64_t each = contract::scaled(20'000);
    table->handle()->index("a", as_bytes(0));
    std::vector<Counters> counters(kThreads);
    contract::run_threads(kThreads, [&](std::size_t t) {
      const auto handle = table->handle();
      Document document;
      for (std::uint64_t i = 0; i < each; ++i) {
        if (i % 2 == 0) {
          handle->update("a", add_one, {.retry_on_conflict = 0xffff'fffe});
          continue;
        }
        for (;;) {  // the client's own loop
          handle->get("a", document);
          const std::uint64_t next = to_number(document.source.bytes()) + 1;
          if (!handle->index("a", as_bytes(next), Precondition::if_word(document.word)).conflicted()) break;
        }
      }
      counters[t] = handle->counters();
    });
    Document document;
    table->handle()->get("a", document);
    EXPECT_EQ(to_number(document.source.bytes()), kThreads * each);
    for (const Counters& one : counters) {
      const bool failed = one.conflicts() + one.publication_failures > 0;
      EXPECT_TRUE(kind == BackoffKind::none || !failed || one.backoff_ns > 0);
      EXPECT_TRUE(kind != BackoffKind::none || one.backoff_ns == 0);
    }
  }
}

TEST_P(BackoffTest, index_on_a_condition_that_a_client_cannot_repair_does_not_wait) {
  const auto table = make_table(GetParam().name, {.backoff = BackoffKind::adaptive});
  const auto handle = table->handle();
  handle->create("a", as_bytes(1));
  EXPECT_TRUE(handle->create("a", as_bytes(2)).conflicted());
  EXPECT_EQ(handle->counters().backoff_ns, 0U);
  EXPECT_TRUE(handle->index("a", as_bytes(2), Precondition::if_seq_no(77, 1)).conflicted());
  EXPECT_GT(handle->counters().backoff_ns, 0U);
}

INSTANTIATE_TEST_SUITE_P(Strategies, BackoffTest,
                         ::testing::ValuesIn(contract::strategies_that([](const StrategyInfo& i) {
                           return i.backs_off;
                         })),
                         contract::name_of);

}  // namespace
}  // namespace occ
