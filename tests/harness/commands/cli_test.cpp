// The program as people call it: exit statuses, messages, files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>

#include "fmt/format.h"
#include "harness/measure/cell.hpp"
#include "harness/report/results_folder.hpp"
#include "harness/support/csv.hpp"
#include "tests/harness/commands/program_test.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Cli : public ProgramTest {
 protected:
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// The program as a child; what it prints is in the files output and errors.
  [[nodiscard]] pid_t start(std::vector<const char*> arguments) const {
    arguments.insert(arguments.begin(), "occkit");
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      if (chdir(folder_.c_str()) != 0 || freopen("output", "w", stdout) == nullptr ||
          freopen("errors", "w", stderr) == nullptr) {
        _exit(99);
      }
      execv(OCCKIT_PROGRAM, const_cast<char* const*>(arguments.data()));
      _exit(98);
    }
    return child;
  }

  /// Ctrl-C once a file that the program writes has two rows: they stay, whole, and it ends with 130. What it printed is
  /// in the files output and errors.
  void interrupt_after_two_rows(std::vector<const char*> arguments, const char* csv) const {
    const pid_t child = start(std::move(arguments));
    const auto rows = [&] {
      return fs::exists(folder_ / csv) && !read(csv).empty() ? parse_csv(read(csv), csv).rows.size() : 0;
    };
    interrupt_once(child, [&] { return rows() >= 2; });
    EXPECT_GE(rows(), 2U);
    EXPECT_FALSE(read_csv(folder_ / csv).unterminated);
  }

  /// Ctrl-C for a child, once something is so that will be so: it ends with 130.
  template <class Happened>
  static void interrupt_once(pid_t child, Happened&& happened) {
    int status = 0;
    bool has_ended = false;
    while (!happened() && !has_ended) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      has_ended = waitpid(child, &status, WNOHANG) == child;
    }
    if (!has_ended) {
      kill(child, SIGINT);
      waitpid(child, &status, 0);
    }
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 130);
  }
};

// Each of these windows is far longer than any operation waits for a processor. Rows are counted here, so what a busy
// machine disturbs is not repeated.
constexpr const char* kShort =
    "run --strategy null --docs 10 --threads 1 --duration 200ms --warmup 0 --repeats 0 --replicates 2 ";

TEST_F(Cli, run_unknown_strategy_lists_the_known) {
  expect_refused("run --strategy nonsense", AllOf(HasSubstr("'nonsense'"), HasSubstr("packed_cas"), HasSubstr("all")));
}
TEST_F(Cli, run_unknown_workload_lists_the_known) {
  expect_refused("run --workload nonsense", AllOf(HasSubstr("'nonsense'"), HasSubstr("ycsb-a"), HasSubstr("stock")));
}
TEST_F(Cli, any_file_that_is_a_folder_is_refused) {
  expect_refused("replay /tmp", HasSubstr("it is a folder"));
  expect_refused("run --load /tmp", HasSubstr("it is a folder"));
  expect_refused("compare /tmp", HasSubstr("folder"));
}
TEST_F(Cli, run_json_field_that_documents_have_is_refused) {
  expect_refused("run --transform json --json-field filler", HasSubstr("accepted is any other"));
}
TEST_F(Cli, run_number_out_of_range_names_the_range) {
  expect_refused("run --threads 0", HasSubstr("1 to 1024"));
  expect_refused("run --threads -1", HasSubstr("1 to 1024"));
  expect_refused("run --threads 1,1", HasSubstr("twice"));
  expect_refused("run --threads 1,", HasSubstr("1 to 1024"));
  expect_refused("run --threads 4-1", HasSubstr("smaller number"));
  expect_refused("run --threads 1-2,2", HasSubstr("twice"));
  expect_refused("run --docs 0", HasSubstr("from 1"));
  expect_refused("run --docs 5G", HasSubstr("5G"));
  expect_refused("run --docs -5", HasSubstr("from 1"));
  expect_refused("run --docs 1e6", HasSubstr("whole numbers"));
  expect_refused("run --shards 0", HasSubstr("1 to 1024"));
  expect_refused("run --body 7", HasSubstr("0 and 8 to 16777216"));
  expect_refused("run --workload stock --body 0", HasSubstr("40 to"));
  expect_refused("run --transform json --body 0", HasSubstr("64 to"));
  expect_refused("run --body 8,100 --docs 10,20,30", HasSubstr("as many of both"));
  expect_refused("run --body 8,8", HasSubstr("same size is given twice"));
  expect_refused("run --body 8,7", HasSubstr("0 and 8 to 16777216"));
  expect_refused("run --body 8,", HasSubstr("whole numbers"));
  expect_refused("run --body 16777217", HasSubstr("8 to 16777216"));
  expect_refused("run --workload stock --body 39", HasSubstr("40 to"));
  expect_refused("run --replicates 0 --check none", HasSubstr("--check"));
  expect_refused("run --replicates 0 --strategy null", HasSubstr("stores something"));
  expect_refused("run --replicates -1", HasSubstr("from 0"));
  expect_refused("run --fill 101", HasSubstr("0 to 100"));
  expect_refused("run --workload stock --fill 50", HasSubstr("stock"));
  for (const char* share : {"5", "0%", "101%", "-1%", "some", "5 %", "nan%"}) {
    expect_refused(fmt::format("run --check '{}'", share), AllOf(HasSubstr("none, all"), HasSubstr("5%")));
  }
  expect_refused("run --check-operations 0", HasSubstr("from 1"));
  expect_refused("run --check-operations 100000000000000", HasSubstr("GiB"));
  expect_refused("run --check all --check-operations 100", HasSubstr("accepted are more operations"));
  expect_refused("run --check-replicates 0", HasSubstr("from 1"));
  expect_refused("run --retry-on-conflict -1", HasSubstr("from 0"));
  expect_refused("run --think-ns -1", HasSubstr("from 0"));
  expect_refused("run --batch 0", HasSubstr("1 to 4096"));
  expect_refused("run --batch 4097", HasSubstr("1 to 4096"));
  expect_refused("run --batch 4 --client if_seq_no", HasSubstr("accepted are --client update, or cond"));
  expect_refused("run --batch 4 --strategy elasticsearch --url http://127.0.0.1:1", HasSubstr("mixes without update"));
  expect_refused("run --batch 4096 --check all --check-operations 300000 --docs 10 --threads 8",
                 HasSubstr("accepted are more operations"));
  expect_refused("run --seed -1", HasSubstr("from 0"));
  expect_refused("run --docs 4000000000 --body 1000000", HasSubstr("GiB"));
}
TEST_F(Cli, run_time_out_of_range_names_the_forms) {
  for (const char* time : {"0", "-1s", "2x", "s", "nan", "inf", "1e99"}) {
    expect_refused(std::string("run --duration ") + time, HasSubstr("500ms"));
  }
  expect_refused("run --gc-deletes -2", HasSubstr("gc-deletes"));
}
TEST_F(Cli, run_unknown_word_names_the_accepted) {
  expect_refused("run --dist pareto", HasSubstr("zipf:THETA"));
  expect_refused("run --dist zipf:-1", HasSubstr("zipf:THETA"));
  expect_refused("run --dist hot:11 --docs 10", HasSubstr("hot:1"));
  expect_refused("run --mix get=50", HasSubstr("sum is 50"));
  expect_refused("run --mix get=50,get=50", HasSubstr("twice"));
  expect_refused("run --mix fetch=100", HasSubstr("cond"));
  expect_refused("run --mix get=-1", HasSubstr("percentage"));
  expect_refused("run --client nobody", HasSubstr("if_seq_no"));
  expect_refused("run --update sideways", HasSubstr("in_place"));
  expect_refused("run --transform xml", HasSubstr("json"));
  expect_refused("run --update in_place --strategy packed_cas", HasSubstr("in_place"));
  expect_refused("run --workload stock --mix delete=100", HasSubstr("stock accepts"));
  expect_refused("run --nonsense", HasSubstr("--nonsense"));
}
TEST_F(Cli, run_into_a_folder_that_cannot_be_written_is_said_before_it_starts) {
  write("plain", "text");
  expect_refused(std::string(kShort) + "--out plain/below", HasSubstr("plain/below"));
}
TEST_F(Cli, run_into_existing_results_overwrites_nothing) {
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  const std::string before = read("a/results.csv");
  expect_refused(std::string(kShort) + "--out a", AllOf(HasSubstr("not overwritten"), HasSubstr("--resume")));
  EXPECT_EQ(read("a/results.csv"), before);
}
TEST_F(Cli, run_load_of_malformed_lines_names_the_line) {
  write("a.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{\"n\":1}\n{\"index\":{\"_id\":\"2\"}}\n{\"n\":\n");
  expect_refused("run --load a.ndjson", HasSubstr("a.ndjson:4:"));
  write("b.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{\"n\":1}\nnonsense\n{}\n");
  expect_refused("run --load b.ndjson", HasSubstr("b.ndjson:3:"));
  write("c.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"index\":{\"_id\":\"1\"}}\n{}\n");
  expect_refused("run --load c.ndjson", AllOf(HasSubstr("c.ndjson:3:"), HasSubstr("twice")));
  write("d.ndjson", "{\"delete\":{\"_id\":\"1\"}}\n");
  expect_refused("run --load d.ndjson", AllOf(HasSubstr("d.ndjson:1:"), HasSubstr("index and create")));
  write("e.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{\"counter\":\"six\"}\n");
  expect_refused("run --load e.ndjson", AllOf(HasSubstr("e.ndjson:2:"), HasSubstr("--json-field")));
  write("f.ndjson", "");
  expect_refused("run --load f.ndjson", HasSubstr("f.ndjson"));
  expect_refused("run --load nowhere.ndjson", HasSubstr("nowhere.ndjson"));
  // A run counts on from there, and would come to 2^63.
  for (const std::string counter : {"4611686018427387905", "9223372036854775800", "9223372036854775808", "-1", "1.5"}) {
    write("g.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{\"counter\":" + counter + "}\n");
    expect_refused("run --load g.ndjson",
                   AllOf(HasSubstr("g.ndjson:2:"), HasSubstr("whole number from 0 to 4611686018427387904")));
  }
}
TEST_F(Cli, run_load_of_ids_and_sources_beyond_the_limits_is_refused) {
  write("empty.ndjson", "{\"index\":{\"_id\":\"\"}}\n{}\n");
  expect_refused("run --load empty.ndjson", AllOf(HasSubstr("empty.ndjson:1:"), HasSubstr("1 to 512")));
  write("long.ndjson", "{\"index\":{\"_id\":\"" + std::string(513, 'i') + "\"}}\n{}\n");
  expect_refused("run --load long.ndjson", AllOf(HasSubstr("long.ndjson:1:"), HasSubstr("1 to 512")));
  write("big.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{\"a\":\"" + std::string(16U << 20U, 'a') + "\"}\n");
  expect_refused("run --load big.ndjson", AllOf(HasSubstr("big.ndjson:2:"), HasSubstr("16777216")));
}
TEST_F(Cli, run_load_of_good_documents_verifies) {
  write("a.ndjson", "{\"index\":{\"_id\":\"1\"}}\n{\"counter\":41,\"t\":\"x\"}\n{\"create\":{\"_id\":\"" +
                        std::string(512, 'i') + "\"}}\n{}\n");
  const Ended ended =
      occkit("run --strategy mutex_global --load a.ndjson --threads 2 --duration 200ms --replicates 1 --out a");
  EXPECT_EQ(ended.status, 0) << ended.output;
  const CsvTable table = read_csv(folder_ / "a/results.csv");
  EXPECT_EQ(table.rows.at(0).at(table.find_column("verified").value()), "yes");
  EXPECT_EQ(table.rows.at(0).at(table.find_column("docs").value()), "2");
}
TEST_F(Cli, run_option_file_gives_way_to_the_command_line) {
  write("x.toml",
        "# an experiment\nstrategy = [\"null\"]\nthreads = [1, 2]\nduration = \"200ms\"\nwarmup = 0\n"
        "docs = 10\nreplicates = 3\nrepeats = 0\nmix = \"get=50,update=50\"\npin = true\n");
  ASSERT_EQ(occkit("run --config x.toml --replicates 1 --out a").status, 0);
  const CsvTable table = read_csv(folder_ / "a/results.csv");
  EXPECT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows.at(0).at(table.find_column("mix").value()), "get=50,update=50");
  EXPECT_EQ(table.rows.at(0).at(table.find_column("pinned").value()), "1");
}
TEST_F(Cli, resume_with_more_replicates_adds_them) {
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  expect_refused("run --resume a --replicates 1", AllOf(HasSubstr("has 2"), HasSubstr("as many and more")));
  const Ended ended = occkit("run --resume a --replicates 5");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(read_csv(folder_ / "a/results.csv").rows.size(), 5U);
  // It has five from now on.
  EXPECT_THAT(read("a/results.json"), AllOf(HasSubstr("\"replicates\": 5"), HasSubstr("\"replicates\": \"5\"")));
  EXPECT_EQ(occkit("run --resume a").status, 0);
  EXPECT_EQ(read_csv(folder_ / "a/results.csv").rows.size(), 5U);
}
TEST_F(Cli, resume_of_a_run_that_goes_on_is_refused) {
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  const std::string before = read("a/results.csv");
  const std::string provenance = read("a/results.json");
  const FolderLock other(folder_ / "a");
  expect_refused("run --resume a --replicates 3", AllOf(HasSubstr("'a'"), HasSubstr("another run")));
  EXPECT_EQ(read("a/results.csv"), before);
  EXPECT_EQ(read("a/results.json"), provenance);
}
TEST_F(Cli, run_says_before_what_is_wrong_and_how_long_it_takes) {
  const std::size_t threads = processors().size() + 1;
  const Ended ended = occkit(
      fmt::format("run --strategy null --docs 10 --threads {} --duration 200ms --warmup 0 --repeats 0 --replicates 1 "
                  "--out a",
                  threads));
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr(fmt::format("machine: {} threads share {}", threads, threads - 1)),
                    HasSubstr("leave such counts out of --threads"), HasSubstr("1 cell, 1 replicate each: about 1 s")));
}
TEST_F(Cli, full_disk_is_said_with_status_74) {
  fs::create_directory(folder_ / "a");
  fs::create_symlink("/dev/full", folder_ / "a/results.json.new");
  const Ended ended = occkit(std::string(kShort) + "--out a");
  EXPECT_EQ(ended.status, 74) << ended.output;
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("No space left"), HasSubstr("results.json.new"), testing::Not(HasSubstr("internal"))));
  for (const char* command : {"list", "run --help"}) {
    EXPECT_EQ(occkit(std::string(command) + " >/dev/full").status, 74) << command;
  }
}
TEST_F(Cli, run_option_file_with_an_unknown_option_is_refused) {
  write("x.toml", "threds = 1\n");
  expect_refused("run --config x.toml", AllOf(HasSubstr("threds"), HasSubstr("threads")));
  expect_refused("run --config nowhere.toml", HasSubstr("nowhere.toml"));
}
TEST_F(Cli, resume_after_a_cut_row_completes_the_run) {
  ASSERT_EQ(occkit(std::string(kShort) + "--threads 1 --out a").status, 2);  // given twice
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  const std::string whole = read("a/results.csv");
  write("a/results.csv", whole.substr(0, whole.size() - 5));
  const Ended ended = occkit("run --resume a");
  EXPECT_EQ(ended.status, 0) << ended.output;
  const CsvTable table = read_csv(folder_ / "a/results.csv");
  EXPECT_EQ(table.rows.size(), 2U);
  EXPECT_FALSE(table.unterminated);
  EXPECT_EQ(occkit("run --out a --resume").status, 0);
  EXPECT_EQ(read_csv(folder_ / "a/results.csv").rows.size(), 2U);
}
constexpr const char* kChecked =
    "run --strategy mutex_global,null --docs 10 --threads 1,2 --duration 200ms --warmup 0 --repeats 0 --replicates 1 ";

TEST_F(Cli, run_checks_one_history_of_each_cell_before_it_is_measured) {
  const Ended ended = occkit(std::string(kChecked) + "--out a");
  ASSERT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("histories checked: 2"), HasSubstr("contradictions: none"),
                                  HasSubstr("of the measured speed")));
  const CsvTable table = read_csv(folder_ / "a/results.csv");
  ASSERT_EQ(table.rows.size(), 6U);
  for (std::size_t row = 0; row < 6; ++row) {
    EXPECT_EQ(table.rows[row].at(table.find_column("checked").value()) == "history", row < 2);
  }
}
TEST_F(Cli, run_without_check_or_without_measured_replicates) {
  ASSERT_EQ(occkit(std::string(kChecked) + "--check none --out a").status, 0);
  EXPECT_EQ(read_csv(folder_ / "a/results.csv").rows.size(), 4U);
  const Ended ended = occkit(
      "run --strategy mutex_global --docs 10 --threads 2 --duration 200ms --replicates 0 --check --check-replicates 2 "
      "--out b");
  EXPECT_EQ(ended.status, 0) << ended.output;
  const CsvTable table = read_csv(folder_ / "b/results.csv");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].at(table.find_column("replicate").value()), "1");
  EXPECT_EQ(table.rows[1].at(table.find_column("replicate").value()), "2");
}
TEST_F(Cli, resume_tells_checked_and_measured_replicates_apart) {
  ASSERT_EQ(occkit(std::string(kChecked) + "--out a").status, 0);
  const std::string whole = read("a/results.csv");
  const CsvTable before = read_csv(folder_ / "a/results.csv");
  // Without the first row, which was checked, and without the last, which was measured.
  const auto first = whole.find('\n') + 1;
  const auto second = whole.find('\n', first) + 1;
  const auto last = whole.rfind('\n', whole.size() - 2) + 1;
  write("a/results.csv", whole.substr(0, first) + whole.substr(second, last - second));
  const Ended ended = occkit("run --resume a");
  EXPECT_EQ(ended.status, 0) << ended.output;
  const CsvTable after = read_csv(folder_ / "a/results.csv");
  const auto keys = [](const CsvTable& table) {
    std::multiset<std::string> all;
    for (const auto& row : table.rows) {
      const auto field = [&](std::string_view name) { return row.at(table.find_column(name).value()); };
      all.insert(field("strategy") + field("threads") + field("replicate") + field("checked"));
    }
    return all;
  };
  EXPECT_EQ(keys(after), keys(before));
}
TEST_F(Cli, run_of_several_sizes_measures_each_and_resumes_each) {
  const std::string sizes =
      "run --strategy packed_cas --body 0,8,5000 --docs 20,10,20 --mix get=50,update=50 --threads 1 --duration 200ms "
      "--warmup 0 --repeats 0 --replicates 1 --out a";
  const Ended ended = occkit(sizes);
  ASSERT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("custom of 20 x 0 B packed_cas 1 thread, replicate 1"));
  const auto keys = [&] {
    const CsvTable table = read_csv(folder_ / "a/results.csv");
    std::multiset<std::string> all;
    for (const auto& row : table.rows) {
      const auto field = [&](std::string_view name) { return row.at(table.find_column(name).value()); };
      EXPECT_EQ(field("verified"), "yes") << field("violation");
      all.insert(field("body_bytes") + " x " + field("docs") + " " + field("strategy") + " " + field("checked"));
    }
    return all;
  };
  const auto whole = keys();
  EXPECT_EQ(whole.size(), 6U);
  EXPECT_EQ(whole.count("0 x 20 packed_cas sums"), 1U);
  EXPECT_EQ(whole.count("8 x 10 packed_cas sums"), 1U);
  EXPECT_EQ(whole.count("5000 x 20 packed_cas history"), 1U);
  const std::string rows = read("a/results.csv");
  write("a/results.csv", rows.substr(0, rows.rfind('\n', rows.size() - 2) + 1));
  const Ended resumed = occkit("run --resume a");
  EXPECT_EQ(resumed.status, 0) << resumed.output;
  EXPECT_EQ(keys(), whole);
}
TEST_F(Cli, run_history_is_exported_once) {
  const std::string one = "run --strategy mutex_global --docs 10 --threads 2 --duration 200ms --replicates 0 ";
  expect_refused(one + "--check none --history h.jsonl", HasSubstr("nothing is left to do"));
  expect_refused(one + "--check-replicates 2 --history h.jsonl", HasSubstr("2 would be checked"));
  expect_refused(std::string(kChecked) + "--history h.jsonl", HasSubstr("one history"));
  expect_refused(one + "--history nowhere/h.jsonl", HasSubstr("nowhere/h.jsonl"));
  const Ended ended = occkit(one + "--check-operations 5000 --history h.jsonl --out a");
  ASSERT_EQ(ended.status, 0) << ended.output;
  const std::string text = read("h.jsonl");
  const CsvTable table = read_csv(folder_ / "a/results.csv");
  EXPECT_EQ(std::to_string(std::ranges::count(text, '\n') - 1),
            table.rows.at(0).at(table.find_column("history_operations").value()));
  EXPECT_THAT(text, AllOf(HasSubstr("\"format\""), HasSubstr("mutex_global")));
  expect_refused(one + "--history h.jsonl --out b", HasSubstr("not overwritten"));
  EXPECT_EQ(read("h.jsonl"), text);
}
TEST_F(Cli, verify_says_what_each_strategy_is) {
  const Ended ended = occkit("verify --strategy mutex_global,version_retry,unchecked");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("correct"), HasSubstr("lost update, as declared (version_only)"),
                                  HasSubstr("caught, as it should be")));
}
TEST_F(Cli, verify_interrupted_says_what_was_done) {
  // The seconds are for both, so that the second is under way for hours.
  const pid_t child = start({"verify", "--strategy", "mutex_global,mutex_striped", "--seconds", "80000"});
  interrupt_once(child, [this] { return fs::exists(folder_ / "output") && !read("output").empty(); });
  EXPECT_THAT(read("output"), AllOf(HasSubstr("mutex_global"), HasSubstr("interrupted, nothing wrong until then")));
  EXPECT_THAT(read("errors"),
              HasSubstr("interrupted while mutex_global was under way; 0 of 2 strategies are verified\n"));
}
TEST_F(Cli, run_names_whose_the_contradictions_were) {
  // The think time makes it race on one processor, too. Again, for longer, until an update was lost in both replicates.
  Ended ended;
  for (int window_ms = 200; ended.output.find("contradictions: 2 of unchecked") == std::string::npos; window_ms *= 2) {
    fs::remove_all(folder_ / "a");
    ended = occkit(
        "run --strategy unchecked,mutex_global --workload hot --docs 10000 --check 1% --think-ns 2000 --threads 4 "
        "--replicates 1 --repeats 0 --out a --duration " +
        std::to_string(window_ms) + "ms");
    if (ended.status == 1) break;
  }
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("\ncontradictions: 2 of unchecked, as they should be; no others\n"));
}
TEST_F(Cli, run_of_a_control_that_passes_says_that_others_show_nothing) {
  // Gets alone race with nobody.
  const Ended ended = occkit(
      "run --strategy unchecked --mix get=100 --docs 10 --threads 1,2 --duration 200ms --warmup 0 --replicates 0 --out "
      "a");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("unchecked, a negative control, passed 1 replicate, so that others show "
                                            "nothing by passing: custom unchecked 2 threads, history 1\n"),
                                  HasSubstr("contradictions: none")));
  const CsvTable table = read_csv(folder_ / "a/results.csv");
  for (const auto& row : table.rows) {
    const bool is_alone = row.at(table.find_column("threads").value()) == "1";
    EXPECT_EQ(row.at(table.find_column("history_power").value()) == "one_thread", is_alone);
  }
}
TEST_F(Cli, run_without_an_operation_in_the_window_is_no_verdict) {
  // An operation begun before the window thinks until after it. Again, where the thread had no processor for so long.
  Ended ended;
  do {
    fs::remove_all(folder_ / "a");
    ended = occkit(
        "run --strategy mutex_global --docs 10 --threads 1 --think-ns 1000000000 --warmup 500ms --duration 1ms "
        "--replicates 1 --check none --out a");
  } while (ended.status == 0);
  EXPECT_EQ(ended.status, 2) << ended.output;
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("NO VERDICT: custom mutex_global 1 thread, replicate 1: no operation ended in "
                              "the window; a longer --duration lets some end"),
                    Not(HasSubstr("VERIFICATION FAILED"))));
  const CsvTable table = read_csv(folder_ / "a/results.csv");
  EXPECT_EQ(table.rows.at(0).at(table.find_column("verified").value()), "no_verdict");
  EXPECT_EQ(occkit("run --resume a").status, 2);
  const Ended compared = occkit("compare a/results.csv");
  EXPECT_THAT(compared.output, HasSubstr("1 of 1 rows have no verdict: no operation ended in the window"));
}
TEST_F(Cli, verify_bad_input_names_the_accepted) {
  expect_refused("verify --strategy nonsense", AllOf(HasSubstr("'nonsense'"), HasSubstr("packed_cas")));
  expect_refused("verify --strategy null", HasSubstr("nothing is promised"));
  expect_refused("verify --lease 0", HasSubstr("--lease"));
  expect_refused("run --lease 1000", HasSubstr("--lease: '1000': accepted are whole numbers from 1 to 512"));
  expect_refused("serve --lease 64", HasSubstr("--lease 64: refused here: Elasticsearch numbers"));
  expect_refused("replay --lease 64 nothing.txt", HasSubstr("--lease 64: refused here: Elasticsearch numbers"));
  expect_refused("verify --threads 1", HasSubstr("--threads"));
  expect_refused("verify --seconds -1", HasSubstr("--seconds"));
}
TEST_F(Cli, resume_of_a_run_with_a_void_row_ends_with_status_1) {
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  std::string text = read("a/results.csv");
  const std::string verified = "none,not_applicable,";
  ASSERT_NE(text.find(verified), std::string::npos);
  write("a/results.csv", text.replace(text.find(verified), verified.size(), "sums,no,"));
  EXPECT_EQ(occkit("run --resume a").status, 1);
}
TEST_F(Cli, resume_with_other_options_says_which) {
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  const std::string before = read("a/results.csv");
  expect_refused("run --resume a --docs 11", AllOf(HasSubstr("--docs was 10, is 11")));
  expect_refused("run --resume a --shards 2", HasSubstr("--shards 2 was not given"));
  expect_refused("run --resume nowhere", HasSubstr("nowhere"));
  expect_refused("run --resume", HasSubstr("--resume DIR"));
  EXPECT_EQ(read("a/results.csv"), before);
}
TEST_F(Cli, run_after_an_interrupt_keeps_finished_rows_and_ends_with_130) {
  interrupt_after_two_rows({"run", "--strategy", "null", "--docs", "10", "--threads", "1", "--warmup", "0",
                            "--duration", "200ms", "--replicates", "100000", "--out", "a"},
                           "a/results.csv");
  EXPECT_THAT(read("errors"), HasSubstr("--resume a"));
}
TEST_F(Cli, run_negative_control_is_caught_with_status_0) {
  // Again, for longer, until an update was lost.
  std::string verified;
  for (int window_ms = 200; verified != "caught"; window_ms *= 2) {
    fs::remove_all(folder_ / "a");
    const Ended ended = occkit(
        "run --strategy unchecked --workload hot --threads 4 --think-ns 2000 --replicates 1 --out a --duration " +
        std::to_string(window_ms) + "ms");
    ASSERT_EQ(ended.status, 0) << ended.output;
    const CsvTable table = read_csv(folder_ / "a/results.csv");
    verified = table.rows.at(0).at(table.find_column("verified").value());
    ASSERT_TRUE(verified == "caught" || verified == "yes") << verified;
  }
}
TEST_F(Cli, list_names_strategies_workloads_and_columns) {
  const Ended ended = occkit("list");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("packed_cas"), HasSubstr("lock_free"), HasSubstr("read-mostly"),
                                  HasSubstr("life_attempts"), HasSubstr("zipf:0.99"), HasSubstr("--batch 64")));
}
TEST_F(Cli, memory_has_a_row_for_each_strategy_and_point) {
  const Ended ended =
      occkit("memory --strategy packed_cas,std_unordered_map --docs 20000,40000 --body 100 --churn 20000 --out a");
  ASSERT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("17 + 100 + 24 = 141"), HasSubstr("packed_cas"), HasSubstr("a/memory.csv")));
  const CsvTable table = read_csv(folder_ / "a/memory.csv");
  ASSERT_EQ(table.rows.size(), 4U);
  const auto field = [&](std::size_t row, std::string_view name) {
    return table.rows.at(row).at(table.find_column(name).value());
  };
  EXPECT_EQ(field(0, "strategy"), "packed_cas");
  EXPECT_EQ(field(0, "docs"), "20000");
  EXPECT_EQ(field(3, "strategy"), "std_unordered_map");
  EXPECT_EQ(field(3, "docs"), "40000");
  for (std::size_t row = 0; row < 4; ++row) {
    EXPECT_GE(std::stod(field(row, "rss_bytes_per_doc")), 117) << row;
    EXPECT_GE(std::stod(field(row, "table_bytes_per_doc")), 117) << row;
    EXPECT_GE(std::stod(field(row, "rss_peak_ratio")), 1) << row;
    EXPECT_EQ(field(row, "churn_ids"), "20000");
    EXPECT_GT(std::stoull(field(row, "churn_last_rss_bytes")), 0U);
  }
  EXPECT_EQ(field(0, "churn_memory"), "bounded");
  EXPECT_THAT(read("a/memory.json"), AllOf(HasSubstr("\"exit_status\": 0"), HasSubstr("rss_peak_ratio")));
}
TEST_F(Cli, memory_bad_input_names_the_accepted) {
  expect_refused("memory --strategy nonsense", AllOf(HasSubstr("'nonsense'"), HasSubstr("packed_cas")));
  expect_refused("memory --strategy null", AllOf(HasSubstr("'null'"), HasSubstr("peers")));
  expect_refused("memory --strategy floors", HasSubstr("'floors'"));
  expect_refused("memory --strategy peers,tbb_hash_map", HasSubstr("given twice"));
  expect_refused("memory --docs 0", HasSubstr("docs"));
  expect_refused("memory --docs 10,10", HasSubstr("ascend"));
  expect_refused("memory --docs 20,10", HasSubstr("ascend"));
  expect_refused("memory --docs many", HasSubstr("docs"));
  expect_refused("memory --churn -1", HasSubstr("churn"));
  expect_refused("memory --churn 4000000000", HasSubstr("churn"));
  expect_refused("memory --body 16777217", HasSubstr("16777216"));
  expect_refused("memory --body 16777216 --docs 4000000000", HasSubstr("GiB"));
  write("plain", "text");
  expect_refused("memory --strategy packed_cas --docs 10 --out plain/below", HasSubstr("plain/below"));
}
TEST_F(Cli, memory_into_existing_results_overwrites_nothing) {
  ASSERT_EQ(occkit("memory --strategy packed_cas --docs 10 --out a").status, 0);
  const std::string before = read("a/memory.csv");
  expect_refused("memory --strategy packed_cas --docs 10 --out a", HasSubstr("not overwritten"));
  EXPECT_EQ(read("a/memory.csv"), before);
}
TEST_F(Cli, memory_after_an_interrupt_keeps_finished_rows_and_ends_with_130) {
  interrupt_after_two_rows({"memory", "--strategy", "all", "--docs", "10,100000", "--out", "a"}, "a/memory.csv");
  EXPECT_THAT(read("errors"), HasSubstr("finished rows are in"));
  EXPECT_THAT(read("output"), HasSubstr("mutex_global"));
}
TEST_F(Cli, no_subcommand_is_bad_input) {
  expect_refused("", HasSubstr("subcommand"));
}

}  // namespace
}  // namespace occ
