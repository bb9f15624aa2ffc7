// What people expect of any program: help, a version, what was meant, a plan, silence, colours, completion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "harness/commands/time_left.hpp"
#include "nlohmann/json.hpp"
#include "tests/harness/commands/program_test.hpp"

namespace occ {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kShort =
    "run --strategy null --docs 10 --threads 1 --duration 200ms --warmup 0 --repeats 0 --replicates 2 ";

class Habits : public ProgramTest {
 protected:
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// What the program writes to a terminal of so many columns.
  [[nodiscard]] std::string on_a_terminal(const std::string& arguments, unsigned short columns,
                                          const std::string& environment) const {
    winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    int master = -1;
    const pid_t child = forkpty(&master, nullptr, nullptr, &size);
    if (child == 0) {
      const std::string command = fmt::format("cd '{}' && unset NO_COLOR && {} exec {} {}", folder_.string(),
                                              environment, OCCKIT_PROGRAM, arguments);
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(98);
    }
    std::string output;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::read(master, buffer.data(), buffer.size())) > 0;)
      output.append(buffer.data(), static_cast<std::size_t>(got));
    close(master);
    waitpid(child, nullptr, 0);
    return output;
  }
};

TEST_F(Habits, version_is_said) {
  const Ended ended = occkit("--version");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.output, testing::MatchesRegex("occkit [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(Habits, help_is_that_of_the_option) {
  EXPECT_EQ(occkit("help").output, occkit("--help").output);
  EXPECT_EQ(occkit("help run").output, occkit("run --help").output);
  expect_refused("help rnu", AllOf(HasSubstr("did you mean 'run'?"), HasSubstr("compare")));
}

TEST_F(Habits, what_was_probably_meant_is_said) {
  expect_refused("comapre x.csv",
                 AllOf(HasSubstr("no command 'comapre'; did you mean 'compare'?"), HasSubstr("verify")));
  expect_refused("run --thraeds 1", HasSubstr("Did you mean '--threads' by '--thraeds'?"));
  expect_refused("run --strategy packed_cs", HasSubstr("did you mean 'packed_cas'?"));
  expect_refused("verify --strategy packed_cs", HasSubstr("did you mean 'packed_cas'?"));
  expect_refused("memory --strategy packed_cs", HasSubstr("did you mean 'packed_cas'?"));
  expect_refused("run --workload zpif", HasSubstr("did you mean 'zipf'?"));
  expect_refused("run --config shotout", HasSubstr("did you mean 'shootout'?"));
  std::ofstream(folder_ / "x.toml") << "threds = 1\n";
  expect_refused("run --config x.toml", HasSubstr("did you mean 'threads'?"));
}

TEST_F(Habits, an_experiment_is_found_by_its_name) {
  const Ended ended = occkit("run --config retries --dry-run");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("if nothing disturbs it"));
}

TEST_F(Habits, dry_run_says_the_plan_and_writes_nothing) {
  const Ended ended = occkit(
      "run --dry-run --strategy packed_cas,null --workload hot,zipf --threads 1,2 --docs 50 "
      "--replicates 3 --duration 2s --warmup 0 --out here/below");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(
      ended.output,
      AllOf(HasSubstr("strategies: packed_cas, null\n"), HasSubstr("hot (50 documents of 100 B, hot:1, update=100)"),
            HasSubstr("threads: 1, 2\n"), HasSubstr("8 cells, 3 replicates each, 4 histories: about "),
            HasSubstr("rows go to here/below/results.csv\n")));
  EXPECT_EQ(files(), 0U);
}

TEST_F(Habits, dry_run_refuses_what_the_run_would) {
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  expect_refused(std::string(kShort) + "--out a --dry-run", HasSubstr("is there already"));
  expect_refused("run --dry-run --threads 0", HasSubstr("1 to 1024"));
}

TEST_F(Habits, a_plan_stands_before_every_run_and_its_options_are_not_the_runs) {
  const Ended ended = occkit(std::string(kShort) + "--out a --quiet");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("a/results.csv\n"), Not(HasSubstr("rows go to")), Not(HasSubstr("[1/2]"))));
  EXPECT_THAT(read("a/results.json"), Not(HasSubstr("quiet")));
  EXPECT_THAT(
      occkit(std::string(kShort) + "--out b").output,
      AllOf(HasSubstr("1 cell, 2 replicates each: about "), HasSubstr("rows go to b/results.csv"), HasSubstr("[2/2]")));
}

TEST_F(Habits, progress_fits_the_terminal_and_knows_the_time_left_at_once) {
  const std::string output = on_a_terminal(std::string(kShort) + "--out a", 40, "TERM=xterm");
  std::size_t lines = 0;
  for (std::size_t at = output.find("\033[K["); at != std::string::npos; at = output.find("\033[K[", at + 1), ++lines) {
    const std::size_t begin = at + 3;
    EXPECT_LE(output.find_first_of("\r\n", begin) - begin, 39U) << output.substr(begin, 60);
    EXPECT_THAT(output.substr(begin, 20), testing::ContainsRegex("\\[[0-9]/2\\] [0-9]+ s left"));
  }
  EXPECT_EQ(lines, 2U) << output;
}

TEST_F(Habits, colours_are_for_terminals_that_want_them) {
  ASSERT_EQ(
      occkit("run --strategy mutex_global,packed_cas --docs 100 --threads 1 --duration 20ms --warmup 0 --repeats 0 "
             "--replicates 1 --check none --out a")
          .status,
      0);
  // Whoever stands in it, the row of a control is none of these; so the rows get their marks here.
  std::string rows = read("a/results.csv");
  for (std::size_t at = 0; (at = rows.find(",yes,", at)) != std::string::npos;) rows.replace(at, 5, ",no,");
  std::ofstream(folder_ / "failed.csv") << rows;
  constexpr const char* kRed = "\033[31m";
  EXPECT_THAT(on_a_terminal("compare failed.csv", 200, "TERM=xterm"), HasSubstr(kRed));
  EXPECT_THAT(on_a_terminal("compare failed.csv", 200, "TERM=xterm NO_COLOR=1"), Not(HasSubstr("\033")));
  EXPECT_THAT(on_a_terminal("compare failed.csv", 200, "TERM=dumb"), Not(HasSubstr("\033")));
  EXPECT_THAT(occkit("compare failed.csv").output, Not(HasSubstr("\033")));
}

TEST_F(Habits, list_takes_a_word) {
  const std::string all = occkit("list").output;
  std::string together;
  for (const char* what : {"strategies", "workloads", "points", "columns"}) {
    const Ended ended = occkit(std::string("list ") + what);
    EXPECT_EQ(ended.status, 0);
    together += ended.output;
  }
  EXPECT_EQ(together, all);
  EXPECT_THAT(occkit("list workloads").output, AllOf(HasSubstr("ycsb-a"), Not(HasSubstr("packed_cas"))));
  expect_refused("list everything", HasSubstr("strategies, workloads, points, columns"));
}

TEST_F(Habits, compare_takes_folders_and_gives_rows_and_markdown) {
  ASSERT_EQ(occkit(std::string(kShort) + "--out a").status, 0);
  EXPECT_EQ(occkit("compare a").output, occkit("compare a/results.csv").output);
  expect_refused("compare .", HasSubstr("without a results.csv"));
  expect_refused("compare a a/results.csv", HasSubstr("the same file"));

  const std::string rows = occkit("compare --rows a").output;
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 2);
  const auto first = nlohmann::json::parse(rows.substr(0, rows.find('\n')));
  EXPECT_EQ(first["strategy"], "null");
  EXPECT_EQ(first["docs"], 10);
  EXPECT_TRUE(first["history_overlap"].is_null());

  const std::string text = occkit("compare a --export-markdown a.md").output;
  EXPECT_EQ(text, occkit("compare a").output);
  EXPECT_EQ(read("a.md"), occkit("compare --markdown a").output);
  expect_refused("compare a --export-markdown a.md", HasSubstr("is there already"));
  expect_refused("compare a --export-markdown no/a.md", HasSubstr("in a folder that is there"));
}

TEST_F(Habits, completion_knows_commands_options_and_names) {
  expect_refused("completion fish", HasSubstr("bash, zsh"));
  std::ofstream(folder_ / "bash") << occkit("completion bash").output;
  const auto complete = [&](const std::string& words, int at) {
    const std::string command = fmt::format(
        "cd '{}' && bash -c 'source ./bash; compopt() {{ :; }}; COMP_WORDS=({}); COMP_CWORD={}; _occkit; echo "
        "${{COMPREPLY[@]}}'",
        folder_.string(), words, at);
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    std::array<char, 4096> buffer;
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
      output.append(buffer.data(), got);
    pclose(pipe);
    return output;
  };
  EXPECT_EQ(complete("occkit ru", 1), "run\n");
  EXPECT_EQ(complete("occkit run --thr", 2), "--threads\n");
  EXPECT_EQ(complete("occkit run --strategy packed_ca", 3), "packed_cas\n");
  EXPECT_EQ(complete("occkit run --strategy null,packed_ca", 3), "null,packed_cas\n");
  EXPECT_EQ(complete("occkit run --workload ycsb", 3), "ycsb-a ycsb-b ycsb-c ycsb-f\n");
  EXPECT_EQ(complete("occkit help comp", 2), "compare completion\n");
  EXPECT_EQ(complete("occkit run --out x", 3), "\n");
}

TEST(TimeLeftOfARun, knows_the_windows_to_come_and_learns_how_long_they_take) {
  const Plan plan = make_plan({{"strategy", "packed_cas,null"},
                               {"docs", "10"},
                               {"threads", "1"},
                               {"duration", "2"},
                               {"warmup", "1"},
                               {"replicates", "3"},
                               {"check-operations", "2000"}});
  Agenda agenda{.cells = {{.is_checked = true}, {.is_checked = false}}, .recorded = 1, .replicates = 3};
  Course course(agenda);
  TimeLeft time(plan);
  const Step first = *course.next();
  ASSERT_TRUE(first.is_recorded);
  EXPECT_NEAR(time.left_s(course, &first), plan.estimated_s(), 1e-9);
  EXPECT_NEAR(plan.estimated_s(), 6 * 3 + 2, 0.5);
  // The other kind is not known yet, so it is taken to be as slow.
  time.ended(first, 2 * plan.step_s(plan.cells[0], true));
  EXPECT_NEAR(time.left_s(course), 2 * 6 * plan.step_s(plan.cells[0], false), 1e-9);
  course.ended(first, false, 1);
  const Step second = *course.next();
  time.ended(second, plan.step_s(plan.cells[0], false) / 2);
  EXPECT_NEAR(time.left_s(course), 5 * plan.step_s(plan.cells[0], false) / 2, 1e-9);
}

}  // namespace
}  // namespace occ
