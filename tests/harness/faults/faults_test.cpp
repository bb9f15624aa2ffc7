/// Runs with faults against a server of the test's own: what is recorded, what is found.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "harness/faults/fault_results.hpp"
#include "harness/faults/fault_run.hpp"
#include "harness/faults/send_lines.hpp"
#include "harness/support/bad_input.hpp"
#include "tests/harness/remote/scripted_server.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

NodeOptions node_options() {
  return {.make_table = [](const TableOptions& options) { return make_table("packed_cas", options); }};
}

bool is_append(const Request& request) {
  return request.method == "PUT" && request.path.size() == 3;
}

class FaultRunTest : public testing::Test {
 protected:
  FaultObservation run(const ScriptedServer& server, FaultOptions options = {}) {
    options.duration_s = 0.5;
    options.settle_s = 600;
    options.documents = 3;
    options.clients = 3;
    options.longest_list = 20;
    RemoteOptions remote{.request_timeout = std::chrono::seconds(60)};
    remote.addresses.push_back(read_server_address(server.url()));
    remote_ = std::make_unique<RemoteServer>(std::move(remote));
    remote_->greet(false);
    options_ = options;
    return run_with_faults(
        *remote_, options_, [] { return false; }, [](const std::string&) {});
  }

  /// Of clients whose every fifth write ends so. Nothing impossible may be seen.
  Judgement judged_where_a_fifth(Doing ends) {
    std::atomic<int> writes{0};
    const ScriptedServer server(node_, [&](const Request& request, Response&) {
      return is_append(request) && ++writes % 5 == 0 ? ends : Doing::answer;
    });
    const FaultObservation seen = run(server);
    const Judgement judgement = judge(seen.history, Contract::atomic);
    EXPECT_EQ(judgement.impossible(), 0U) << judgement_text(judgement, seen.history);
    return judgement;
  }

  Node node_{node_options()};
  std::unique_ptr<RemoteServer> remote_;
  FaultOptions options_;
};

TEST_F(FaultRunTest, server_that_keeps_its_promises_is_judged_atomic_and_its_end_is_known) {
  const ScriptedServer server(node_);
  const FaultObservation seen = run(server);
  const Judgement judgement = judge(seen.history, Contract::atomic);
  EXPECT_EQ(judgement.impossible(), 0U) << judgement_text(judgement, seen.history);
  EXPECT_TRUE(seen.is_closed);
  EXPECT_GT(judgement.acknowledged, 3U);
  EXPECT_GT(judgement.reads, 3U);
  EXPECT_EQ(judgement.unknown, 0U);
  EXPECT_EQ(seen.history.lists.size(), seen.history.documents);
  std::size_t listed = 0;
  for (const FinalList& list : seen.history.lists) listed += list.operations.size();
  EXPECT_EQ(listed, judgement.acknowledged);
  EXPECT_EQ(node_.indices()->size(), 0U);
}

TEST_F(FaultRunTest, command_of_a_fault_finds_the_index_and_its_time_is_a_band) {
  const ScriptedServer server(node_);
  FaultOptions options;
  options.commands = {{.at_s = 0.1,
                       .heals = false,
                       .command = "curl -sS -X POST " + server.url() + "/_occkit/fail_over/$OCCKIT_INDEX"}};
  const FaultObservation seen = run(server, options);
  ASSERT_EQ(seen.commands.size(), 1U);
  EXPECT_EQ(seen.commands.front().problem, "");
  const Judgement judgement = judge(seen.history, Contract::replicated);
  EXPECT_EQ(judgement.impossible(), 0U) << judgement_text(judgement, seen.history);
  EXPECT_THAT(judgement.terms, ::testing::Contains(2U));  // of the closing writes, if of no other
  ASSERT_EQ(seen.history.bands.size(), 1U);
  EXPECT_EQ(seen.history.bands.front().begin_ns, seen.commands.front().begin_ns);
  EXPECT_NE(seen.well_ns, Send::kNever);
  EXPECT_GE(seen.history.bands.front().end_ns, seen.commands.front().end_ns);
}

TEST_F(FaultRunTest, lost_answers_are_unknown_outcomes_that_have_happened) {
  const Judgement judgement = judged_where_a_fifth(Doing::carry_out_drop);
  EXPECT_GT(judgement.unknown, 0U);
  EXPECT_GT(judgement.unknown_happened, 0U);
}

TEST_F(FaultRunTest, requests_without_an_answer_may_not_have_happened) {
  const Judgement judgement = judged_where_a_fifth(Doing::drop);
  EXPECT_GT(judgement.unknown, 0U);
  EXPECT_EQ(judgement.unknown_happened, 0U);
}

TEST_F(FaultRunTest, server_that_forgets_conditions_is_convicted) {
  std::atomic<int> writes{0};
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!is_append(request) || ++writes % 4 != 0) return Doing::answer;
    // What it says that it did, and never did.
    response.status = 200;
    response.body = fmt::format(
        R"({{"_version":9,"result":"updated","_shards":{{"total":1,"successful":1}},"_seq_no":{},"_primary_term":1}})",
        writes * 1'000);
    return Doing::answered;
  });
  const FaultObservation seen = run(server);
  const Judgement judgement = judge(seen.history, Contract::replicated);
  EXPECT_GT(judgement.impossible(), 0U);
}

TEST_F(FaultRunTest, answers_that_say_later_are_unknown_and_bad_requests_are_refused) {
  std::atomic<int> writes{0};
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    const int number = is_append(request) ? ++writes : 1;
    if (number % 4 != 0) return Doing::answer;
    response.status = number % 8 == 0 ? 503 : number % 12 == 0 ? 404 : 400;  // 404: of a shard that is not there
    response.body = R"({"error":{"type":"x","reason":"y"}})";
    return Doing::answered;
  });
  const FaultObservation seen = run(server);
  const Judgement judgement = judge(seen.history, Contract::atomic);
  EXPECT_EQ(judgement.impossible(), 0U) << judgement_text(judgement, seen.history);
  EXPECT_GT(judgement.unknown, 0U);
  EXPECT_GT(std::ranges::count(seen.history.sends, SendAnswer::refused, &Send::answer), 0);
}

TEST_F(FaultRunTest, timeline_has_every_answer_once) {
  const ScriptedServer server(node_);
  const FaultObservation seen = run(server);
  const Judgement judgement = judge(seen.history, Contract::atomic);
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t conflicts = 0;
  for (const TimelineStep& step : timeline_of(seen, judgement)) {
    EXPECT_EQ(step.at_ms % kStepMs, 0U);
    reads += step.reads;
    writes += step.writes;
    conflicts += step.conflicts;
  }
  EXPECT_EQ(reads, judgement.reads);
  EXPECT_EQ(writes, judgement.acknowledged);
  EXPECT_EQ(conflicts, judgement.conflicts);
  const FaultRow row{*remote_, options_, seen, judgement};
  EXPECT_EQ(fields(fault_columns(), row).size(), header(fault_columns()).size());
  EXPECT_THAT(fault_text(row), HasSubstr("acknowledged writes"));
}

TEST(FaultSchedule, texts_are_a_time_and_a_command) {
  const FaultCommand read = read_fault("--fault", "500ms:  kill -9 4711 ; echo a:b ", false);
  EXPECT_DOUBLE_EQ(read.at_s, 0.5);
  EXPECT_EQ(read.command, "kill -9 4711 ; echo a:b");
  for (const char* text : {"kill -9 4711", "2s:", "2s", ": x", "-1s: x", "soon: x"}) {
    EXPECT_THROW((void)read_fault("--fault", text, false), BadInput) << text;
  }
}

TEST(FaultSchedule, commands_are_carried_out_in_the_order_of_their_times_and_failures_are_told) {
  std::vector<std::string> told;
  const auto ends = carry_out_faults(
      {{.at_s = 0.02, .heals = true, .command = "echo no >&2; exit 3"},
       {.at_s = 0.01, .heals = false, .command = "true"}},
      now_ns(), [] { return false; },
      [&](const FaultCommand& command, const FaultEnd* end) {
        told.push_back((end == nullptr ? "begin " : "end ") + command.command);
      });
  EXPECT_THAT(told, ElementsAre("begin true", "end true", "begin echo no >&2; exit 3", "end echo no >&2; exit 3"));
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[0].problem, "");
  EXPECT_THAT(ends[1].problem, HasSubstr("status 3"));
  EXPECT_THAT(ends[1].problem, HasSubstr("no"));
}

TEST(FaultSchedule, what_was_harmed_is_healed_at_once_when_it_is_stopped) {
  bool is_stopped = false;
  const auto ends = carry_out_faults(
      {{.at_s = 0, .heals = false, .command = "true"},
       {.at_s = 3'000, .heals = false, .command = "false"},
       {.at_s = 4'000, .heals = true, .command = "true"}},
      now_ns(), [&] { return is_stopped; },
      [&](const FaultCommand&, const FaultEnd* end) { is_stopped |= end != nullptr; });
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_TRUE(ends[1].command.heals);
  // Nothing was harmed.
  EXPECT_THAT(carry_out_faults(
                  {{.at_s = 9, .heals = true, .command = "true"}}, now_ns(), [] { return true; },
                  [](const FaultCommand&, const FaultEnd*) {}),
              ElementsAre());
}

TEST(SendLines, history_is_written_a_send_a_line) {
  std::ostringstream out;
  write_sends(
      out,
      {.sends = {{.begin_ns = 100, .operation = 1, .kind = SendKind::index, .conditional = true, .condition = {4, 1}},
                 {.begin_ns = 50,
                  .end_ns = 60,
                  .operation = 2,
                  .answer = SendAnswer::found,
                  .word = {4, 1},
                  .version = 7,
                  .content = 9}},
       .bands = {{70, Send::kNever}},
       .lists = {},
       .documents = 1});
  EXPECT_EQ(
      out.str(),
      R"({"format":"occkit-sends","format_version":1,"time_unit":"ns","faults":[[20,null]]})"
      "\n"
      R"({"operation":2,"client":0,"document":0,"kind":"get","begin":0,"end":10,"answer":"found","word":[4,1],"_version":7,"content":9})"
      "\n"
      R"({"operation":1,"client":0,"document":0,"kind":"index","begin":50,"if":[4,1],"answer":"unknown"})"
      "\n");
}

}  // namespace
}  // namespace occ
