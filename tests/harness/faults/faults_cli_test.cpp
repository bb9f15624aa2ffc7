/// `occkit faults` as people call it, at an `occkit serve` and at servers that lie.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/harness/remote/url_run.hpp"

namespace occ {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FaultsTest : public UrlTest {
 protected:
  [[nodiscard]] Ended faults(const std::string& url, const std::string& arguments) const {
    return occkit("faults --clients 3 --docs 3 --duration 1s --out r --url " + url + " " + arguments);
  }
  [[nodiscard]] std::map<std::string, std::string> row() const {
    const CsvTable table = read_csv(folder_ / "r" / "faults.csv");
    std::map<std::string, std::string> values;
    if (table.rows.size() != 1) return values;
    for (std::size_t i = 0; i < table.header.size(); ++i) values[table.header[i]] = table.rows.front()[i];
    return values;
  }
  [[nodiscard]] bool exists(const char* name) const { return std::filesystem::exists(folder_ / "r" / name); }
};

TEST_F(FaultsTest, run_without_faults_is_one_row_and_a_timeline) {
  const ScriptedServer server(node_);
  const Ended ended = faults(server.url(), "");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(row()["verified"], "yes");
  EXPECT_EQ(row()["contract"], "atomic");
  EXPECT_EQ(row()["closed"], "yes");
  EXPECT_GT(read_csv(folder_ / "r" / "timeline.csv").rows.size(), 9U);
  EXPECT_TRUE(exists("judgement.txt"));
  EXPECT_TRUE(exists("faults.json"));
  EXPECT_FALSE(exists("history.jsonl"));
  expect_no_index_left();
  // What is there is not written over.
  EXPECT_EQ(faults(server.url(), "").status, 2);
}

TEST_F(FaultsTest, fail_over_and_pause_of_a_server_are_faults_with_nothing_impossible) {
  // A server of its own, which a command can stop and let go on.
  const std::string serve = OCCKIT_PROGRAM " serve --listen 127.0.0.1:0 > serve.txt & echo $! > pid; ";
  const std::string wait = "until grep -q http serve.txt; do sleep 0.05; done; ";
  const std::string url = "U=$(grep -o 'http://[0-9.:]*[0-9]' serve.txt | head -n 1); ";
  const std::string run = OCCKIT_PROGRAM
      " faults --clients 4 --docs 2 --duration 2s --out r --url $U --request-timeout 300ms --keep-history"
      " --fault \"0.3s: curl -sS -X POST $U/_occkit/fail_over/\\$OCCKIT_INDEX\""
      " --fault \"0.6s: kill -STOP $(cat pid)\" --heal \"1.5s: kill -CONT $(cat pid)\"";
  const Ended ended = occkit("--version > /dev/null; " + serve + wait + url + run + "; S=$?; kill $(cat pid); exit $S");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(row()["verified"], "yes") << ended.output;
  EXPECT_EQ(row()["terms"], "2");
  EXPECT_NE(row()["unknown"], "");
  EXPECT_EQ(row()["lost_write"], "0");
  EXPECT_EQ(row()["command_failures"], "0");
  EXPECT_TRUE(exists("history.jsonl"));
}

TEST_F(FaultsTest, server_that_lies_is_status_one_and_its_history_is_kept) {
  std::atomic<int> writes{0};
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.method != "PUT" || request.path.size() != 3 || ++writes % 6 != 0) return Doing::answer;
    response.status = 200;
    response.body =
        fmt::format(R"({{"_version":9,"result":"updated","_seq_no":{},"_primary_term":1}})", writes * 1'000);
    return Doing::answered;
  });
  const Ended ended = faults(server.url(), "");
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_EQ(row()["verified"], "no");
  EXPECT_THAT(ended.output, HasSubstr("IMPOSSIBLE"));
  EXPECT_TRUE(exists("history.jsonl"));
}

TEST_F(FaultsTest, dry_run_shows_what_would_be_run_and_runs_nothing) {
  const Ended ended = occkit(
      "faults --url http://127.0.0.1:1 --dry-run --fault '2s: touch harmed' --heal '6s: touch healed' --replicas 2");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("2.00 s: touch harmed"), HasSubstr("6.00 s: (heals) touch healed"),
                                  HasSubstr("2 replicas")));
  EXPECT_EQ(files(), 0U);
}

TEST_F(FaultsTest, bad_input_is_refused) {
  const std::string url = "faults --url http://127.0.0.1:1 ";
  expect_refused("faults", HasSubstr("--url"));
  expect_refused(url + "--fault 'kill -9 1'", AllOf(HasSubstr("--fault 'kill -9 1'"), HasSubstr("accepted are")));
  expect_refused(url + "--fault '99s: true'", HasSubstr("after the end of the window"));
  expect_refused(url + "--index-setting x", HasSubstr("NAME=VALUE"));
  expect_refused(url + "--contract strict", HasSubstr("atomic"));
  expect_refused("faults --url nonsense", HasSubstr("accepted"));
  expect_refused(url, Not(HasSubstr("internal error")));
}

TEST_F(FaultsTest, command_that_fails_is_told) {
  const ScriptedServer server(node_);
  const Ended ended = faults(server.url(), "--fault '0.1s: echo it is not there >&2; exit 7'");
  EXPECT_EQ(ended.status, 2) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("FAILED: ended with status 7: it is not there"));
  EXPECT_EQ(row()["command_failures"], "1");
}

TEST_F(FaultsTest, interrupt_keeps_what_there_is_and_heals_what_was_harmed) {
  const ScriptedServer server(node_);
  const Ended ended =
      occkit("--version > /dev/null; " OCCKIT_PROGRAM " faults --clients 2 --docs 2 --duration 1000s --out r --url " +
             server.url() +
             " --fault '0s: touch harmed' --heal '900s: touch healed' & P=$!; until [ -e harmed ]; do sleep 0.05; done;"
             " kill -INT $P; wait $P");
  EXPECT_EQ(ended.status, 130) << ended.output;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "healed"));
  EXPECT_EQ(row()["verified"], "yes");
}

}  // namespace
}  // namespace occ
