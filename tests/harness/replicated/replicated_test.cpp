/// judge() on a simulated cluster: what only looks wrong is allowed and counted, and every broken rule is found.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "harness/replicated/judgement.hpp"
#include "tests/harness/replicated/broken_rule.hpp"
#include "tests/harness/replicated/simulated_cluster.hpp"

namespace occ {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSeeds = 120;

/// Every kind of cluster.
template <class F>
void for_each_cluster(F&& check) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const Fault fault : {Fault::none, Fault::cut, Fault::pause}) {
      const SimulatedCluster::Options options{.seed = seed,
                                              .fault = fault,
                                              .documents = static_cast<std::uint32_t>(1 + seed % 4),
                                              .unconditional = seed % 3 == 0,
                                              .deletes = seed % 5 == 0};
      SCOPED_TRACE(fmt::format("seed {}, fault {}", seed, static_cast<int>(fault)));
      check(options);
    }
  }
}

Send write(std::uint64_t operation, std::uint64_t begin, std::uint64_t end, SeqNoTerm word) {
  return {.begin_ns = begin,
          .end_ns = end,
          .operation = operation,
          .kind = SendKind::index,
          .answer = SendAnswer::acknowledged,
          .word = word,
          .version = kVersionNotFound};
}
Send conditional(std::uint64_t operation, std::uint64_t begin, std::uint64_t end, SeqNoTerm on, SeqNoTerm word) {
  Send made = write(operation, begin, end, word);
  made.conditional = true;
  made.condition = on;
  return made;
}
Send get(std::uint64_t operation, std::uint64_t begin, std::uint64_t end, SeqNoTerm word, std::uint64_t content) {
  return {.begin_ns = begin,
          .end_ns = end,
          .operation = operation,
          .client = 1,
          .kind = SendKind::get,
          .answer = SendAnswer::found,
          .word = word,
          .content = content};
}
Judgement judge_sends(std::vector<Send> sends, std::vector<FaultBand> bands = {},
                      Contract contract = Contract::replicated) {
  return judge({.sends = std::move(sends), .bands = std::move(bands), .lists = {}, .documents = 1}, contract);
}

TEST(Judge, cluster_that_keeps_its_promises_is_allowed) {
  std::map<Finding, std::uint64_t> allowed;
  std::uint64_t happened = 0;
  std::uint64_t not_happened = 0;
  for_each_cluster([&](const SimulatedCluster::Options& options) {
    SimulatedCluster cluster(options);
    const ReplicatedHistory history = cluster.run();
    const Judgement judgement = judge(history, Contract::replicated);
    ASSERT_EQ(judgement.impossible(), 0U) << judgement_text(judgement, history);
    for (std::size_t i = 0; i < kFindings; ++i) allowed[static_cast<Finding>(i)] += judgement.findings[i].allowed;
    happened += judgement.unknown_happened;
    not_happened += judgement.unknown_not_happened;
    std::set<std::uint64_t> truly;
    for (const auto& [word, operation] : cluster.committed()) truly.insert(operation);
    std::uint64_t unknown_that_happened = 0;
    for (const Send& send : history.sends) {
      const bool is_unknown = send.is_write() && send.answer == SendAnswer::unknown;
      unknown_that_happened += is_unknown && truly.contains(send.operation) ? 1 : 0;
    }
    EXPECT_LE(judgement.unknown_happened, unknown_that_happened);
    EXPECT_GE(judgement.unknown - judgement.unknown_not_happened, unknown_that_happened);
  });
  // What looks wrong did come about.
  for (const Finding finding : {Finding::stale_read, Finding::inverted_read, Finding::backwards_read,
                                Finding::dirty_read, Finding::number_twice}) {
    EXPECT_GT(allowed[finding], 0U) << to_string(finding);
  }
  EXPECT_GT(happened, 0U);
  EXPECT_GT(not_happened, 0U);
}

TEST(Judge, cluster_that_breaks_a_rule_is_convicted) {
  std::map<std::string, std::uint64_t> broken;
  for_each_cluster([&](const SimulatedCluster::Options& options) {
    SimulatedCluster cluster(options);
    const ReplicatedHistory intact = cluster.run();
    for (const BrokenRule& rule : broken_rules()) {
      ReplicatedHistory history = intact;
      if (!rule.break_it(history, cluster)) continue;
      ++broken[rule.name];
      const Judgement judgement = judge(history, Contract::replicated);
      EXPECT_GT(judgement.impossible(), 0U) << rule.name;
      if (rule.finding) {
        EXPECT_GT(judgement[*rule.finding].impossible, 0U) << rule.name << "\n" << judgement_text(judgement, history);
      }
    }
  });
  for (const BrokenRule& rule : broken_rules()) EXPECT_GT(broken[rule.name], 5U) << rule.name;
}

TEST(Judge, atomic_cluster_without_faults_is_allowed_and_one_with_replicas_is_not) {
  // With one copy, a read never shows less than one that had ended before it; with three it may.
  const std::vector<Send> sends = {write(1, 0, 1, {0, 1}), conditional(2, 5, 30, {0, 1}, {1, 1}),
                                   get(3, 10, 12, {1, 1}, 2), get(4, 14, 16, {0, 1}, 1)};
  EXPECT_EQ(judge_sends(sends).impossible(), 0U);
  EXPECT_EQ(judge_sends(sends)[Finding::inverted_read].allowed, 1U);
  EXPECT_EQ(judge_sends(sends, {}, Contract::atomic)[Finding::inverted_read].impossible, 1U);
  const std::vector<Send> fine = {sends[0], sends[1], get(3, 10, 12, {0, 1}, 1), get(4, 14, 16, {1, 1}, 2)};
  EXPECT_EQ(judge_sends(fine, {}, Contract::atomic).impossible(), 0U);
}

TEST(Judge, dirty_word_beside_a_committed_one_of_its_number_is_allowed_in_a_fault) {
  // _seq_no 5 in term 1, read at the primary that was cut off, and in term 2.
  Send lost = conditional(2, 10, Send::kNever, {4, 1}, {});
  lost.answer = SendAnswer::unknown;
  const std::vector<Send> sends = {write(1, 0, 1, {4, 1}), lost, get(3, 12, 14, {5, 1}, 2),
                                   conditional(4, 20, 22, {4, 1}, {5, 2}), get(5, 40, 41, {5, 2}, 4)};
  const Judgement judgement = judge_sends(sends, {{8, 30}});
  EXPECT_EQ(judgement.impossible(), 0U);
  EXPECT_EQ(judgement[Finding::dirty_read].allowed, 1U);
  EXPECT_EQ(judgement[Finding::number_twice].allowed, 1U);
  EXPECT_EQ(judgement.unknown_not_happened, 1U);
  EXPECT_EQ(judge_sends(sends)[Finding::dirty_read].impossible, 1U);
}

TEST(Judge, unconditional_write_of_a_fault_may_have_happened_twice) {
  // Its node sent it again to the next primary; somebody had named what the first one made of it.
  const std::vector<Send> sends = {write(1, 0, 1, {0, 1}), write(2, 10, 25, {3, 2}), get(3, 12, 13, {1, 1}, 2),
                                   conditional(4, 14, 20, {1, 1}, {2, 2})};
  EXPECT_EQ(judge_sends(sends, {{8, 30}}).impossible(), 0U);
  EXPECT_EQ(judge_sends(sends, {{8, 30}})[Finding::applied_twice].allowed, 1U);
  EXPECT_EQ(judge_sends(sends)[Finding::applied_twice].impossible, 1U);
}

TEST(Judge, stale_read_has_its_age) {
  const std::vector<Send> sends = {write(1, 0, 1, {0, 1}), conditional(2, 12, 15, {0, 1}, {1, 1}),
                                   get(3, 20, 21, {0, 1}, 1), get(4, 28, 29, {0, 1}, 1)};
  const Judgement judgement = judge_sends(sends, {{11, 40}});
  EXPECT_EQ(judgement[Finding::stale_read].allowed, 2U);
  EXPECT_EQ(judgement[Finding::stale_read].greatest_age_ns, 13U);
  EXPECT_EQ(judgement[Finding::stale_read].of, 2U);
  EXPECT_EQ(judge_sends(sends, {{16, 40}})[Finding::stale_read].impossible, 2U);
}

TEST(Judge, lists_tell_of_what_was_lost_and_what_happened_twice) {
  const std::vector<Send> sends = {write(1, 0, 1, {0, 1}), conditional(2, 5, 6, {0, 1}, {1, 1})};
  const auto judge_list = [&](std::vector<std::uint64_t> list) {
    return judge({.sends = sends, .bands = {}, .lists = {{0, std::move(list)}}, .documents = 1}, Contract::replicated);
  };
  EXPECT_EQ(judge_list({1, 2}).impossible(), 0U);
  EXPECT_EQ(judge_list({1})[Finding::lost_write].impossible, 1U);
  EXPECT_EQ(judge_list({1, 2, 2})[Finding::applied_twice].impossible, 1U);
  EXPECT_EQ(judge_list({1, 2, 3})[Finding::unsent_content].impossible, 1U);
}

TEST(Judge, numbers_of_two_documents_of_a_shard_are_one_order) {
  std::vector<Send> sends = {write(1, 0, 1, {3, 1}), write(2, 5, 6, {2, 1})};
  sends[1].document = 1;
  ReplicatedHistory history{.sends = sends, .bands = {}, .lists = {}, .documents = 2};
  EXPECT_EQ(judge(history, Contract::replicated)[Finding::wrong_order].impossible, 1U);
  history.one_shard = false;
  EXPECT_EQ(judge(history, Contract::replicated).impossible(), 0U);
  history.sends[1].word = {3, 1};
  EXPECT_EQ(judge(history, Contract::replicated).impossible(), 0U);
  history.one_shard = true;
  EXPECT_EQ(judge(history, Contract::replicated)[Finding::number_twice].impossible, 1U);
}

TEST(Judge, text_has_every_finding_with_its_example_on_a_time_line) {
  const ReplicatedHistory history{
      .sends = {write(1, 0, 1'000'000, {0, 1}), conditional(2, 2'000'000, 3'000'000, {0, 1}, {1, 1}),
                get(3, 5'500'000, 6'000'000, {0, 1}, 1)},
      .bands = {},
      .lists = {},
      .documents = 1};
  const std::string text = judgement_text(judge(history, Contract::replicated), history);
  EXPECT_THAT(text, HasSubstr("IMPOSSIBLE under the contract 'replicated': 3 sends, 2 acknowledged writes, 1 reads"));
  EXPECT_THAT(text, HasSubstr("stale read: 1 of 1, 1 of them IMPOSSIBLE, by 2.500 ms at most"));
  EXPECT_THAT(text, HasSubstr("[     5.500,      6.000] ms  client 1, operation 3: get of document 0: read (0, 1)"));
  EXPECT_THAT(text, HasSubstr("[     2.000,      3.000] ms  client 0, operation 2: index if (0, 1)"));
}

TEST(Judge, history_that_is_none_is_refused) {
  EXPECT_THROW(judge_sends({write(1, 0, 1, {0, 1}), write(1, 2, 3, {1, 1})}), std::invalid_argument);
  EXPECT_THROW(judge_sends({write(0, 0, 1, {0, 1})}), std::invalid_argument);
  std::vector<Send> elsewhere = {write(1, 0, 1, {0, 1})};
  elsewhere.front().document = 1;
  EXPECT_THROW(judge_sends(elsewhere), std::invalid_argument);
}

}  // namespace
}  // namespace occ
