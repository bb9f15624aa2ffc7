// Clients that think and wait, and open loops, as people ask `occkit run` for them.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "harness/support/csv.hpp"
#include "tests/harness/commands/program_test.hpp"

namespace occ {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Rows are looked at, so what a busy machine disturbs is not repeated.
constexpr const char* kShort =
    "run --strategy packed_cas --docs 100 --threads 2 --warmup 10ms --repeats 0 --replicates 1 --check none --out r ";
constexpr const char* kLoop = " --client if_seq_no --retry-on-conflict 100 --dist hot:4 ";

class PaceCli : public ProgramTest {
 protected:
  [[nodiscard]] std::vector<std::map<std::string, std::string>> rows() const {
    const CsvTable table = read_csv(folder_ / "r" / "results.csv");
    std::vector<std::map<std::string, std::string>> all;
    for (const auto& fields : table.rows) {
      auto& row = all.emplace_back();
      for (std::size_t i = 0; i < fields.size(); ++i) row[table.header[i]] = fields[i];
    }
    return all;
  }
  /// Longer windows until operations ended in each: nothing hangs on how fast the machine is.
  Ended run(const std::string& arguments) const {
    for (int window_ms = 100;; window_ms *= 4) {
      std::filesystem::remove_all(folder_ / "r");
      Ended ended = occkit(fmt::format("{} {} --duration {}ms", kShort, arguments, window_ms));
      if (ended.output.find("NO VERDICT") == ended.output.npos) return ended;
    }
  }
};

TEST_F(PaceCli, bad_input_is_refused) {
  expect_refused("run --think-between soon", AllOf(HasSubstr("--think-between 'soon'"), HasSubstr("500ms")));
  expect_refused("run --think-between normal:2ms", HasSubstr("gamma:SHAPE:TIME"));
  expect_refused("run --think-between exponential:-1ms", HasSubstr("times"));
  expect_refused("run --think-between file:nowhere", HasSubstr("nowhere"));
  expect_refused("run --think-within 2ms", HasSubstr("--client if_seq_no"));
  expect_refused("run --think-within 2ms --mix cond=100 --batch 4", HasSubstr("without --batch"));
  expect_refused("run --clients 0", HasSubstr("from 1"));
  expect_refused("run --clients 2 --threads 1,4", AllOf(HasSubstr("--threads 4"), HasSubstr("as many and more")));
  expect_refused("run --clients 4,4", HasSubstr("twice"));
  expect_refused("run --backoff full-jitter:1ms..100ms", HasSubstr("--client if_seq_no"));
  expect_refused("run --backoff full-jitter:1ms --client if_seq_no",
                 AllOf(HasSubstr("--backoff"), HasSubstr("full-jitter:FIRST..MOST"), HasSubstr("adaptive")));
  expect_refused("run --backoff exponential:2ms..1ms --client if_seq_no", HasSubstr("accepted are"));
  expect_refused("run --backoff sometimes", HasSubstr("adaptive"));
  expect_refused("run --rate 0", HasSubstr("from 1"));
  expect_refused("run --rate 200M", HasSubstr("or auto"));
  expect_refused("run --rate 1k,1000", HasSubstr("twice"));
  expect_refused("run --rate 10 --clients 4", HasSubstr("leave out either --clients or --rate"));
  expect_refused("run --rate 10 --think-between 1ms", HasSubstr("leave out either --think-between or --rate"));
  expect_refused("run --rate auto", HasSubstr("--p99-below TIME"));
  expect_refused("run --rate auto --p99-below 1ms --latency none", HasSubstr("leave out --latency none"));
  expect_refused("run --rate auto --p99-below 1ms --until 5%", HasSubstr("rates that are given"));
  expect_refused("run --rate 10 --p99-below 1ms", HasSubstr("--rate auto"));
  expect_refused("run --p99-below 1ms", HasSubstr("--rate auto"));
  expect_refused("run --arrivals constant", HasSubstr("--rate"));
  expect_refused("run --rate 10 --arrivals sometimes", HasSubstr("poisson, constant"));
}

TEST_F(PaceCli, clients_are_a_setting_of_their_rows) {
  const std::string arguments = std::string(kLoop) +
                                "--clients 4,16 --think-between exponential:1ms,2ms --think-within 100us "
                                "--backoff full-jitter:100us..2ms";
  const Ended ended = run(arguments);
  ASSERT_EQ(ended.status, 0) << ended.output;
  std::multiset<std::string> settings;
  for (const auto& row : rows()) {
    settings.insert(row.at("clients") + " " + row.at("think_between"));
    EXPECT_EQ(row.at("think_within"), "100us");
    EXPECT_EQ(row.at("backoff"), "full-jitter:100us..2ms");
    EXPECT_EQ(row.at("rate_per_s"), "");
    EXPECT_EQ(row.at("latency_kind"), "service");
    EXPECT_EQ(row.at("response_kind"), "response");
    EXPECT_EQ(row.at("latency_samples"), row.at("response_samples"));
    EXPECT_EQ(row.at("verified"), "yes") << row.at("violation");
  }
  EXPECT_EQ(settings, (std::multiset<std::string>{"4 exponential:1ms", "16 exponential:1ms", "4 2ms", "16 2ms"}));
  const Ended compared = occkit("compare r/results.csv");
  EXPECT_EQ(compared.status, 0) << compared.output;
  // Nothing is left to be done.
  const Ended resumed = occkit("run --resume r");
  EXPECT_EQ(resumed.status, 0) << resumed.output;
  EXPECT_EQ(rows().size(), 4U);
}

TEST_F(PaceCli, plain_loop_has_no_intended_starts) {
  ASSERT_EQ(run("").status, 0);
  const auto row = rows().at(0);
  EXPECT_EQ(row.at("clients") + row.at("rate_per_s") + row.at("arrivals") + row.at("response_kind") +
                row.at("response_p99_ns") + row.at("offered_per_s") + row.at("queue_at_end"),
            "");
  EXPECT_EQ(row.at("think_between") + row.at("think_within"), "00");
}

TEST_F(PaceCli, rates_are_a_setting_of_their_rows_and_resumed_each) {
  const Ended ended = run("--rate 500,2k --arrivals constant --mix get=50,update=50");
  ASSERT_EQ(ended.status, 0) << ended.output;
  std::set<std::string> rates;
  for (const auto& row : rows()) {
    rates.insert(row.at("rate_per_s"));
    EXPECT_EQ(row.at("arrivals"), "constant");
    EXPECT_GT(std::stod(row.at("offered_per_s")), 0);
    EXPECT_GT(std::stod(row.at("achieved_per_s")), 0);
    EXPECT_NE(row.at("queue_at_end"), "");
    EXPECT_NE(row.at("response_p99_ns"), "");
    EXPECT_GE(std::stod(row.at("response_max_ns")), std::stod(row.at("latency_max_ns")));
  }
  EXPECT_EQ(rates, (std::set<std::string>{"500", "2000"}));
  ASSERT_EQ(occkit("run --resume r --replicates 2").status, 0);
  EXPECT_EQ(rows().size(), 4U);
}

// Whatever the machine, the smallest limit is kept by no rate, and the largest by the first one that is tried.
TEST_F(PaceCli, rate_auto_tries_rates_until_it_knows_the_highest) {
  const Ended never = run("--rate auto --p99-below 1ns");
  ASSERT_EQ(never.status, 0) << never.output;
  EXPECT_THAT(never.output, HasSubstr("p99 is not below 1 ns at any rate that was tried"));
  EXPECT_GE(rows().size(), 1U);
  const std::size_t tried = rows().size();
  const Ended resumed = occkit("run --resume r");
  EXPECT_EQ(resumed.status, 0) << resumed.output;
  EXPECT_THAT(resumed.output, HasSubstr("p99 is not below 1 ns at any rate that was tried"));
  EXPECT_EQ(rows().size(), tried);
}

TEST_F(PaceCli, histories_of_paced_clients_are_checked) {
  const Ended ended = occkit(
      std::string("run --strategy packed_cas --docs 10 --threads 2 --replicates 0 --duration 1s --out r --clients 8 "
                  "--backoff exponential:20us..1ms --think-within 20us") +
      kLoop);
  ASSERT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(rows().at(0).at("checked"), "history");
  EXPECT_EQ(rows().at(0).at("verified"), "yes");
}

}  // namespace
}  // namespace occ
