/// harness/claims: what a file of a claim says, and the verdict that rows give. The rows are made up, so that every
/// verdict is forced; `occkit claims` itself runs once, on a small claim.
#include <fstream>

#include "harness/claims/claim.hpp"
#include "harness/claims/judge.hpp"
#include "harness/support/bad_input.hpp"
#include "nlohmann/json.hpp"
#include "tests/harness/commands/program_test.hpp"

namespace occ {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::ThrowsMessage;

constexpr const char* kClaim = R"(statement = "a is faster than b"
source = "nobody"

[run.only]
strategy = "a,b"
threads = "1,c,2c"

[expect.by_half]
metric = "ops_per_s"
of = "strategy=a threads=c"
over = "strategy=b threads=c"
at_least = 1.5
)";

class ClaimFile : public testing::Test {
 protected:
  ClaimFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "occkit-claims-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ClaimFile() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Claim read(const std::string& text, unsigned cores = 2) const {
    const auto file = folder_ / "faster.toml";
    std::ofstream(file) << text;
    return read_claim(file, cores);
  }
  void expect_refused(const std::string& text, const std::string& why) const {
    EXPECT_THAT([&] { static_cast<void>(read(text)); },
                ThrowsMessage<BadInput>(AllOf(HasSubstr("faster.toml"), HasSubstr(why))));
  }
  /// kClaim with one text in place of another.
  static std::string with(const std::string& from, const std::string& to) {
    std::string text = kClaim;
    return text.replace(text.find(from), from.size(), to);
  }

  std::filesystem::path folder_;
};

TEST_F(ClaimFile, says_what_is_run_and_what_is_expected) {
  const Claim claim = read(kClaim);
  EXPECT_EQ(claim.name, "faster");
  EXPECT_EQ(claim.statement, "a is faster than b");
  EXPECT_EQ(claim.source, "nobody");
  ASSERT_EQ(claim.runs.size(), 1U);
  EXPECT_EQ(claim.runs.front().first, "only");
  EXPECT_THAT(claim.runs.front().second, ElementsAre(Pair("strategy", "a,b"), Pair("threads", "1,2,4")));
  ASSERT_EQ(claim.expectations.size(), 1U);
  const Expectation& expectation = claim.expectations.front();
  EXPECT_EQ(expectation.metric, "ops_per_s");
  EXPECT_THAT(expectation.of.columns, ElementsAre(Pair("strategy", "a"), Pair("threads", "2")));
  EXPECT_THAT(expectation.over->columns, ElementsAre(Pair("strategy", "b"), Pair("threads", "2")));
  EXPECT_EQ(expectation.at_least, 1.5);
  EXPECT_FALSE(expectation.at_most);
}

TEST_F(ClaimFile, options_of_every_run_are_said_once) {
  const Claim claim = read(R"(statement = "a is faster with fewer documents"
source = "nobody"

[run]
strategy = "a"
threads = "c"
docs = 10

[run.few]

[run.many]
docs = 1000

[run.some]
threads = "2c"

[expect.faster]
metric = "ops_per_s"
of = "run=some"
over = "run=many"
at_least = 1
)");
  ASSERT_EQ(claim.runs.size(), 3U);
  const auto is = [&](std::size_t run, const char* name, const char* docs, const char* threads) {
    EXPECT_EQ(claim.runs[run].first, name);
    EXPECT_THAT(claim.runs[run].second,
                ElementsAre(Pair("docs", docs), Pair("strategy", "a"), Pair("threads", threads)));
  };
  is(0, "few", "10", "2");
  is(1, "many", "1000", "2");
  is(2, "some", "10", "4");
}

TEST_F(ClaimFile, names_may_be_sentences) {
  const Claim claim = read(with("[expect.by_half]", "[expect.\"1.5 times, or more\"]"));
  EXPECT_EQ(claim.expectations.front().name, "1.5 times, or more");
}

TEST_F(ClaimFile, one_processor_measures_each_number_of_threads_once) {
  EXPECT_THAT(read(kClaim, 1).runs.front().second, testing::Contains(Pair("threads", "1,2")));
}

TEST_F(ClaimFile, predictions_follow_the_processors) {
  const auto about = [this](const std::string& prediction, unsigned cores) {
    const Claim claim = read(with("at_least = 1.5", "about = \"" + prediction + "\"\nwithin = 0"), cores);
    return *claim.expectations.front().at_least;
  };
  EXPECT_DOUBLE_EQ(about("ramanujan_q", 2), 1.5);
  EXPECT_DOUBLE_EQ(about("wasted_by_ramanujan", 2), 1 - 1 / 1.5);
  EXPECT_DOUBLE_EQ(about("lockstep", 2), 0.5);
  EXPECT_DOUBLE_EQ(about("lockstep", 8), 0.875);
}

TEST_F(ClaimFile, no_more_attempts_are_at_once_than_processors) {
  std::string text = with("at_least = 1.5", "about = \"ramanujan_q\"\nwithin = 0");
  text.replace(text.find("of = \"strategy=a threads=c\""), 27, "of = \"strategy=a threads=4c\"");
  EXPECT_DOUBLE_EQ(*read(text, 2).expectations.front().at_least, 1.5);
}

TEST(RamanujanQ, first_values_are_those_of_the_literature) {
  // 1 + 1/2; 1 + 2/3 + 2/9; and the values that Alistarh and others give for 4, 8 and 16.
  EXPECT_DOUBLE_EQ(ramanujan_q(1), 1);
  EXPECT_DOUBLE_EQ(ramanujan_q(2), 1.5);
  EXPECT_NEAR(ramanujan_q(3), 17.0 / 9, 1e-12);
  EXPECT_NEAR(ramanujan_q(4), 2.22, 0.005);
  EXPECT_NEAR(ramanujan_q(8), 3.25, 0.005);
  EXPECT_NEAR(ramanujan_q(16), 4.70, 0.005);
}

TEST_F(ClaimFile, within_is_a_share_on_both_sides) {
  const Claim claim = read(with("at_least = 1.5", "about = 2\nwithin = 0.25"));
  EXPECT_THAT(claim.expectations.front().at_least, testing::Optional(DoubleNear(1.5, 1e-12)));
  EXPECT_THAT(claim.expectations.front().at_most, testing::Optional(DoubleNear(2.5, 1e-12)));
}

TEST_F(ClaimFile, what_is_wrong_is_said) {
  expect_refused("x = [", "faster.toml");
  expect_refused(with("statement = \"a is faster than b\"", ""), "'statement'");
  expect_refused(with("source = \"nobody\"", ""), "'source'");
  expect_refused(with("source", "sauce"), "'sauce' is unknown");
  expect_refused(with("[run.only]", "[ran.only]"), "[ran.only] is unknown");
  expect_refused(with("[run.only]", "[run]"), "there is no section [run.NAME]");
  expect_refused(with("at_least", "atleast"), "'atleast' is unknown");
  expect_refused(with("at_least = 1.5", ""), "at_least, at_most");
  expect_refused(with("at_least = 1.5", "at_least = \"many\""), "'many' is no number");
  expect_refused(with("at_least = 1.5", "about = 1"), "'within'");
  expect_refused(with("at_least = 1.5", "at_least = nan"), "no number");
  expect_refused(with("metric = \"ops_per_s\"", ""), "'metric'");
  expect_refused(with("strategy=a threads=c", "strategy"), "'strategy' is not COLUMN=VALUE");
  expect_refused(with("strategy=a threads=c", "run=other strategy=a"), "run=only");
  expect_refused(with("at_least = 1.5", "at_least = 1.5\ncores = 0"), "accepted are 1 to 4096");
  expect_refused(with("[expect.by_half]", "[run.second]\nstrategy = \"a\"\n\n[expect.by_half]"),
                 "run=only, run=second");
}

/// Rows of both strategies in each round, and what each column of them is.
class Judging : public ClaimFile {
 protected:
  struct Round {
    double a;
    double b;
    std::string disturbed = "no";
    std::string verified = "yes";
  };

  [[nodiscard]] JudgedClaim judge_rounds(const std::vector<Round>& rounds, const std::string& text = kClaim,
                                         unsigned cores = 2) const {
    std::vector<ClaimRows> rows;
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      CsvTable table{.header = {"strategy", "threads", "checked", "verified", "disturbed", "ops_per_s", "nothing"},
                     .rows = {}};
      const Round& round = rounds[i];
      // What records its history is slow, and does not count.
      table.rows.push_back({"a", "2", "history", "yes", "no", "1", "0"});
      table.rows.push_back({"a", "2", "sums", round.verified, round.disturbed, std::to_string(round.a), "0"});
      table.rows.push_back({"b", "2", "sums", "yes", "no", std::to_string(round.b), "0"});
      rows.push_back({.run = "only", .round = i + 1, .file = "r", .table = table});
    }
    return judge(read(text, cores), rows, cores);
  }
  static std::vector<Round> six(double a, double b) { return std::vector<Round>(6, Round{a, b}); }
};

TEST_F(Judging, whole_interval_decides) {
  EXPECT_EQ(judge_rounds(six(16, 10)).verdict, ClaimVerdict::holds);
  EXPECT_EQ(judge_rounds(six(14, 10)).verdict, ClaimVerdict::fails);
  std::vector<Round> around = six(16, 10);
  for (std::size_t i = 0; i < 3; ++i) around[i].a = 14;
  EXPECT_EQ(judge_rounds(around).verdict, ClaimVerdict::undecided);
}

TEST_F(Judging, ratio_is_of_the_same_round) {
  // By round the ratio is 2; by medians of each side it would be anything.
  std::vector<Round> rounds;
  for (const double b : {1.0, 5.0, 100.0, 2.0, 70.0, 9.0}) rounds.push_back({2 * b, b});
  const JudgedClaim judged = judge_rounds(rounds);
  EXPECT_EQ(judged.verdict, ClaimVerdict::holds);
  EXPECT_DOUBLE_EQ(judged.expectations.front().measured->median, 2);
  EXPECT_DOUBLE_EQ(judged.expectations.front().measured->low, 2);
}

TEST_F(Judging, disturbed_rounds_do_not_count) {
  std::vector<Round> rounds = six(16, 10);
  rounds.push_back({1, 10, "yes"});
  EXPECT_EQ(judge_rounds(rounds).verdict, ClaimVerdict::holds);
  rounds[0].disturbed = "yes";
  const JudgedClaim judged = judge_rounds(rounds);
  EXPECT_EQ(judged.verdict, ClaimVerdict::cannot_be_seen);
  EXPECT_THAT(judged.expectations.front().why, HasSubstr("5 undisturbed rounds of 7"));
}

TEST_F(Judging, rows_that_failed_their_verification_say_nothing) {
  std::vector<Round> rounds = six(16, 10);
  rounds[5].verified = "no";
  const JudgedClaim judged = judge_rounds(rounds);
  EXPECT_EQ(judged.verdict, ClaimVerdict::cannot_be_seen);
  EXPECT_THAT(judged.expectations.front().why, HasSubstr("failed its verification"));
}

TEST_F(Judging, too_few_processors_and_missing_rows_cannot_be_seen) {
  const JudgedClaim judged = judge_rounds(six(16, 10), with("at_least = 1.5", "at_least = 1.5\ncores = 4"));
  EXPECT_EQ(judged.verdict, ClaimVerdict::cannot_be_seen);
  EXPECT_THAT(judged.expectations.front().why, HasSubstr("4 processors are needed, 2 are here"));
  EXPECT_THAT(judge_rounds(six(16, 10), with("strategy=a threads=c", "strategy=c threads=c")).expectations.front().why,
              HasSubstr("no such row was measured"));
  EXPECT_THAT(judge_rounds({}).expectations.front().why, HasSubstr("no such row was measured"));
}

TEST_F(Judging, round_that_was_not_finished_does_not_count) {
  const std::string text = with("[expect.by_half]", "[run.other]\nstrategy = \"b\"\n\n[expect.by_half]");
  const auto in_two_runs = [&](std::string both) {
    both.replace(both.find("strategy=a"), 10, "run=only strategy=a");
    return both.replace(both.find("strategy=b"), 10, "run=other strategy=b");
  };
  const CsvTable a{.header = {"strategy", "threads", "checked", "verified", "disturbed", "ops_per_s"},
                   .rows = {{"a", "2", "sums", "yes", "no", "16"}}};
  CsvTable b = a;
  b.rows = {{"b", "2", "sums", "yes", "no", "10"}};
  std::vector<ClaimRows> rows;
  for (std::size_t round = 1; round <= 7; ++round) {
    rows.push_back({.run = "only", .round = round, .file = "r", .table = a});
    if (round < 7) rows.push_back({.run = "other", .round = round, .file = "r", .table = b});
  }
  const JudgedClaim judged = judge(read(in_two_runs(text)), rows, 2);
  EXPECT_EQ(judged.verdict, ClaimVerdict::holds);
  EXPECT_EQ(judged.expectations.front().rounds, 6U);
}

TEST_F(Judging, division_by_nothing_is_no_measurement) {
  const JudgedClaim judged = judge_rounds(six(16, 0));
  EXPECT_EQ(judged.verdict, ClaimVerdict::cannot_be_seen);
  EXPECT_FALSE(judged.expectations.front().measured);
  EXPECT_EQ(judge_rounds(six(16, 10), with("ops_per_s", "ops_per_s/nothing")).verdict, ClaimVerdict::cannot_be_seen);
}

TEST_F(Judging, columns_can_be_divided) {
  const std::string text = with("metric = \"ops_per_s\"", "metric = \"ops_per_s/threads\"");
  EXPECT_DOUBLE_EQ(
      judge_rounds(six(16, 10), with("over = \"strategy=b threads=c\"", "")).expectations.front().measured->median, 16);
  std::string alone = text;
  alone.erase(alone.find("over = "), std::string("over = \"strategy=b threads=c\"\n").size());
  EXPECT_DOUBLE_EQ(judge_rounds(six(16, 10), alone).expectations.front().measured->median, 8);
}

TEST_F(Judging, several_rows_of_a_round_are_refused) {
  EXPECT_THAT(
      [this] { static_cast<void>(judge_rounds(six(16, 10), with("\"strategy=a threads=c\"", "\"threads=c\""))); },
      ThrowsMessage<BadInput>(HasSubstr("'threads=c' means several rows")));
  EXPECT_THAT([this] { static_cast<void>(judge_rounds(six(16, 10), with("ops_per_s", "speed"))); },
              ThrowsMessage<BadInput>(HasSubstr("no column 'speed'")));
}

TEST_F(Judging, one_expectation_that_fails_decides_and_unseen_ones_do_not) {
  const std::string another = std::string(kClaim) +
                              "\n[expect.another]\nmetric = \"ops_per_s\"\nof = \"strategy=a threads=c\"\n"
                              "at_most = 1\ncores = ";
  EXPECT_EQ(judge_rounds(six(16, 10), another + "1\n").verdict, ClaimVerdict::fails);
  EXPECT_EQ(judge_rounds(six(16, 10), another + "64\n").verdict, ClaimVerdict::holds);
}

class ClaimsCommand : public ProgramTest {
 protected:
  /// A claim that holds whatever the machine does: what is verified has attempts.
  void write_claim(const std::string& at_least, const std::string& option = "") const {
    std::ofstream(folder_ / "counted.toml")
        << "statement = \"attempts are counted\"\nsource = \"the schema\"\n"
           "[run.one]\nstrategy = \"packed_cas\"\nworkload = \"hot\"\nthreads = \"1\"\ndocs = 10\n"
           "duration = \"20ms\"\nwarmup = \"1ms\"\nrepeats = 0\ncheck = \"none\"\n"
        << option
        << "\n[expect.each]\nmetric = \"attempts/ops\"\nof = \"strategy=packed_cas threads=1\"\nat_least = " << at_least
        << "\n";
  }
};

TEST_F(ClaimsCommand, rows_are_measured_and_judged_again_from_where_they_are) {
  write_claim("0.5");
  const Ended run = occkit("claims counted.toml --rounds 2 --out r");
  EXPECT_EQ(run.status, 0) << run.output;
  // Two rounds are too few for a verdict, whatever they show.
  EXPECT_THAT(run.output, AllOf(HasSubstr("counted: cannot be seen on this machine"), HasSubstr("a verdict needs 6")));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "r" / "counted" / "one-2" / "results.csv"));
  for (int round = 3; round <= 9; ++round) {
    std::filesystem::copy(folder_ / "r" / "counted" / "one-2",
                          folder_ / "r" / "counted" / ("one-" + std::to_string(round)),
                          std::filesystem::copy_options::recursive);
    const auto csv = folder_ / "r" / "counted" / ("one-" + std::to_string(round)) / "results.csv";
    std::stringstream text;
    text << std::ifstream(csv).rdbuf();
    std::string rows = text.str();
    // Whatever disturbed the one that was copied.
    for (std::size_t at = rows.find(",yes,cpu"); at != rows.npos; at = rows.find(",yes,cpu"))
      rows.replace(at, 4, ",no");
    std::ofstream(csv) << rows;
  }
  const Ended again = occkit("claims counted.toml --judge r --json");
  ASSERT_EQ(again.status, 0) << again.output;
  const auto json = nlohmann::json::parse(again.output);
  EXPECT_EQ(json["claims"][0]["name"], "counted");
  EXPECT_THAT(occkit("claims counted.toml --judge r --markdown").output, HasSubstr("| attempts are counted | each |"));
}

TEST_F(ClaimsCommand, bad_input_is_refused_before_anything_is_measured) {
  write_claim("0.5");
  expect_refused("claims nobody", HasSubstr("there is no claim 'nobody'"));
  expect_refused("claims counted.toml counted.toml", HasSubstr("'counted' is given twice"));
  expect_refused("claims counted.toml --rounds 0", HasSubstr("--rounds"));
  expect_refused("claims counted.toml --judge nowhere", HasSubstr("there is no folder 'nowhere'"));
  std::filesystem::create_directory(folder_ / "there");
  expect_refused("claims counted.toml --out there", HasSubstr("is there already"));
  write_claim("0.5", "speed = 3");
  expect_refused("claims counted.toml", AllOf(HasSubstr("[run.one]"), HasSubstr("unknown option 'speed'")));
  write_claim("0.5", "seed = 3");
  expect_refused("claims counted.toml", HasSubstr("'seed' is not a claim's to say"));
  write_claim("0.5", "body = -1");
  expect_refused("claims counted.toml", AllOf(HasSubstr("[run.one]"), HasSubstr("--body")));
}

/// The claims of this project can be read; they are not measured here.
TEST_F(ClaimsCommand, those_of_the_project_are_read) {
  const Ended listed = occkit("claims --list");
  EXPECT_EQ(listed.status, 0) << listed.output;
  EXPECT_THAT(listed.output, AllOf(HasSubstr("ramanujan"), HasSubstr("lockstep"), HasSubstr("leases")));
}

}  // namespace
}  // namespace occ
