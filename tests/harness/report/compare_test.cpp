#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "harness/report/columns.hpp"
#include "harness/report/comparison.hpp"
#include "harness/support/bad_input.hpp"
#include "nlohmann/json.hpp"

namespace occ {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Values = std::map<std::string, std::string>;

/// A row in which everything is there and nothing went wrong.
Values ordinary_row() {
  Values row{{"workload", "hot"},
             {"client", "update"},
             {"docs", "1000"},
             {"fill_percent", "100"},
             {"shards", "1"},
             {"body_bytes", "256"},
             {"dist", "hot:1"},
             {"mix", "update=100"},
             {"batch", "1"},
             {"transform", "counter"},
             {"think_ns", "0"},
             {"backoff", "none"},
             {"gc_deletes_ms", "60000"},
             {"fail_over_every_ms", "0"},
             {"pinned", "no"},
             {"update_form", "in_place"},
             {"progress", "blocking"},
             {"semantics", "full"},
             {"threads", "2"},
             {"replicate", "0"},
             {"attempt", "1"},
             {"disturbed", "no"},
             {"seed", "1"},
             {"retry_on_conflict", "1000"},
             {"seq_no_source", "shard"},
             {"ops_per_s", "100"},
             {"exhausted", "0"},
             {"attempts", "1000"},
             {"applied", "1000"},
             {"publication_failures", "0"},
             {"latency_p50_ns", "500"},
             {"latency_p99_ns", "2000"},
             {"oversold", "0"},
             {"torn_reads", "0"},
             {"lost_updates", "0"},
             {"checked", "sums"},
             {"history_operations", ""},
             {"history_overlap", ""},
             {"verified", "yes"},
             {"violation", ""},
             {"strategy", "mutex_global"},
             {"cycles_per_op", "not available"}};
  for (const char* conflict : {"conflict_missing", "conflict_seq_no", "conflict_exists", "conflict_version"})
    row.emplace(conflict, "0");
  for (int k = 0; k < 16; ++k) row.emplace(fmt::format("retries_{}", k), "0");
  row.emplace("retries_16_plus", "0");
  return row;
}

/// As many equal speeds as a winner needs.
std::vector<double> six(double ops_per_s) {
  return std::vector<double>(6, ops_per_s);
}

class Rows {
 public:
  /// One replicate per speed, numbered from 0.
  Rows& add(const std::string& strategy, const std::vector<double>& ops_per_s, const Values& changes = {}) {
    for (std::size_t k = 0; k < ops_per_s.size(); ++k) {
      Values row = ordinary_row();
      row["strategy"] = strategy;
      row["ops_per_s"] = fmt::format("{}", ops_per_s[k]);
      row["replicate"] = fmt::format("{}", k);
      for (const auto& [column, value] : changes) row[column] = value;
      rows_.push_back(std::move(row));
    }
    return *this;
  }

  [[nodiscard]] ResultFile file(const std::string& name = "results.csv") const {
    ResultFile file{name, {}};
    for (const auto& [column, value] : ordinary_row()) file.table.header.push_back(column);
    for (const Values& row : rows_) {
      file.table.rows.emplace_back();
      for (const std::string& column : file.table.header) file.table.rows.back().push_back(row.at(column));
    }
    return file;
  }

 private:
  std::vector<Values> rows_;
};

Comparison compared(const ResultFile& file, const ComparisonOptions& options = {}) {
  return compare({&file, 1}, options);
}

const Entry& entry_of(const Comparison& comparison, const std::string& label, std::size_t cell = 0) {
  for (const Entry& entry : comparison.cells.at(cell).entries) {
    if (entry.label == label) return entry;
  }
  throw std::out_of_range(label);
}

std::string refusal(const std::vector<ResultFile>& files, const ComparisonOptions& options = {}) {
  try {
    (void)compare(files, options);
  } catch (const BadInput& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Compare, compare_known_speeds_gives_their_medians_and_paired_ratios) {
  const auto comparison = compared(Rows{}
                                       .add("mutex_global", {100, 200, 400, 800, 1600, 400})
                                       .add("packed_cas", {300, 600, 1200, 2400, 4800, 1200})
                                       .file(),
                                   {.baseline = "mutex_global"});
  ASSERT_EQ(comparison.cells.size(), 1u);
  const Entry& fast = entry_of(comparison, "packed_cas");
  EXPECT_DOUBLE_EQ(fast.metric.median, 1200);
  EXPECT_EQ(fast.replicates, 6u);
  ASSERT_TRUE(fast.ratio);
  // Paired: every replicate is three times as fast, however much the replicates differ among themselves.
  EXPECT_DOUBLE_EQ(fast.ratio->low, 3);
  EXPECT_DOUBLE_EQ(fast.ratio->median, 3);
  EXPECT_DOUBLE_EQ(fast.ratio->high, 3);
  EXPECT_EQ(fast.standing, Standing::winner);
  EXPECT_EQ(entry_of(comparison, "mutex_global").standing, Standing::behind);
  EXPECT_TRUE(entry_of(comparison, "mutex_global").is_baseline);
}

TEST(Compare, compare_rows_in_another_order_pairs_by_replicate) {
  ResultFile file = Rows{}.add("mutex_global", {100, 200, 400}).add("packed_cas", {200, 400, 800}).file();
  std::swap(file.table.rows[0], file.table.rows[2]);
  std::swap(file.table.rows[1], file.table.rows[4]);
  const auto comparison = compared(file, {.baseline = "mutex_global"});
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas").ratio->low, 2);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas").ratio->high, 2);
}

TEST(Compare, compare_replicate_missing_on_one_side_pairs_the_others) {
  const auto comparison = compared(Rows{}.add("mutex_global", {100, 200}).add("packed_cas", {300, 600, 5}).file(),
                                   {.baseline = "mutex_global"});
  EXPECT_EQ(entry_of(comparison, "packed_cas").pairs, 2u);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas").ratio->median, 3);
}

TEST(Compare, compare_ratio_interval_that_includes_one_is_a_tie) {
  const auto comparison = compared(Rows{}
                                       .add("mutex_global", {100, 110, 90, 105, 95, 100})
                                       .add("packed_cas", {110, 100, 95, 100, 100, 95})
                                       .add("unknown", six(10))
                                       .file());
  EXPECT_EQ(entry_of(comparison, "mutex_global").standing, Standing::tied);
  EXPECT_EQ(entry_of(comparison, "packed_cas").standing, Standing::tied);
  EXPECT_EQ(entry_of(comparison, "unknown").standing, Standing::behind);
}

TEST(Compare, compare_single_replicates_declares_no_winner) {
  const auto comparison = compared(Rows{}.add("mutex_global", {100}).add("packed_cas", {900}).file());
  EXPECT_EQ(entry_of(comparison, "packed_cas").standing, Standing::undecided);
  EXPECT_THAT(describe(comparison, TableStyle::text), HasSubstr("fewer give a range and nobody wins"));
}

TEST(Compare, compare_five_replicates_give_a_range_and_no_winner) {
  const std::vector<double> slow{100, 101, 99, 100, 102};
  const std::vector<double> fast{900, 901, 899, 900, 902};
  const auto few = compared(Rows{}.add("mutex_global", slow).add("packed_cas", fast).file());
  const Entry& ahead = entry_of(few, "packed_cas");
  EXPECT_EQ(ahead.standing, Standing::undecided);
  EXPECT_TRUE(ahead.metric.is_range);
  EXPECT_DOUBLE_EQ(ahead.metric.low, 899);
  EXPECT_DOUBLE_EQ(ahead.metric.high, 902);
  EXPECT_THAT(describe(few, TableStyle::text), HasSubstr("range 899 - 902"));
  const std::string winners = describe_winners(few, TableStyle::text);
  EXPECT_THAT(winners, AllOf(HasSubstr("none named (packed_cas ahead)"), HasSubstr("fewer than 6 undisturbed")));

  const auto enough = compared(Rows{}
                                   .add("mutex_global", {100, 101, 99, 100, 102, 100})
                                   .add("packed_cas", {900, 901, 899, 900, 902, 900})
                                   .file());
  EXPECT_EQ(entry_of(enough, "packed_cas").standing, Standing::winner);
  EXPECT_FALSE(entry_of(enough, "packed_cas").metric.is_range);
}

TEST(Compare, compare_one_side_of_fewer_replicates_leaves_the_leader_undecided) {
  const auto comparison =
      compared(Rows{}.add("packed_cas", six(900)).add("packed_claim", {800, 800}).add("mutex_global", six(100)).file());
  EXPECT_EQ(entry_of(comparison, "packed_cas").standing, Standing::undecided);
  EXPECT_EQ(entry_of(comparison, "packed_claim").standing, Standing::undecided);
  EXPECT_EQ(entry_of(comparison, "mutex_global").standing, Standing::behind);
}

TEST(Compare, compare_disturbed_replicates_are_left_out) {
  const Values disturbed{{"disturbed", "yes"}, {"replicate", "6"}};
  const ResultFile file = Rows{}
                              .add("mutex_global", six(100))
                              .add("packed_cas", six(300))
                              .add("mutex_global", {9}, disturbed)
                              .add("packed_cas", {8}, disturbed)
                              .file();
  const auto comparison = compared(file, {.baseline = "mutex_global"});
  const Entry& fast = entry_of(comparison, "packed_cas");
  EXPECT_EQ(fast.standing, Standing::winner);
  EXPECT_EQ(fast.replicates, 6u);
  EXPECT_EQ(fast.disturbed, 1u);
  EXPECT_FALSE(fast.all_disturbed);
  EXPECT_EQ(fast.pairs, 6u);
  EXPECT_DOUBLE_EQ(fast.metric.low, 300);
  EXPECT_THAT(describe(comparison, TableStyle::text), HasSubstr("2 replicates stayed so"));
}

TEST(Compare, compare_strategy_that_was_always_disturbed_is_marked_and_nobody_wins) {
  const auto comparison =
      compared(Rows{}.add("mutex_global", six(100)).add("packed_cas", six(300), {{"disturbed", "yes"}}).file());
  const Entry& disturbed = entry_of(comparison, "packed_cas");
  EXPECT_TRUE(disturbed.all_disturbed);
  EXPECT_EQ(disturbed.disturbed, 6u);
  EXPECT_DOUBLE_EQ(disturbed.metric.median, 300);
  EXPECT_EQ(disturbed.standing, Standing::undecided);
  EXPECT_NE(entry_of(comparison, "mutex_global").standing, Standing::winner);
  EXPECT_THAT(describe(comparison, TableStyle::text), HasSubstr("disturbed  packed_cas"));
  EXPECT_THAT(describe_winners(comparison, TableStyle::text), HasSubstr("none named (packed_cas ahead, disturbed)"));
}

TEST(Compare, compare_repeated_replicate_counts_once) {
  const auto comparison = compared(Rows{}
                                       .add("packed_cas", {300, 301, 302, 303, 304, 5}, {{"disturbed", "yes"}})
                                       .add("packed_cas", {600, 601, 602, 603, 604, 6}, {{"attempt", "2"}})
                                       .file());
  ASSERT_EQ(comparison.cells[0].entries.size(), 1u);
  EXPECT_TRUE(comparison.noise.empty());
  EXPECT_EQ(comparison.cells[0].entries[0].replicates, 6u);
  EXPECT_EQ(comparison.cells[0].entries[0].disturbed, 0u);
  EXPECT_DOUBLE_EQ(comparison.cells[0].entries[0].metric.median, 601.5);
}

TEST(Compare, compare_failure_that_was_repeated_is_no_second_measurement) {
  const Values failed{{"verified", "no"}, {"violation", "lost"}, {"disturbed", "yes"}};
  const auto comparison = compared(Rows{}
                                       .add("mutex_global", six(100))
                                       .add("packed_cas", {5}, failed)
                                       .add("packed_cas", {6}, {{"attempt", "2"}})
                                       .file());
  EXPECT_TRUE(comparison.sources.empty());
  EXPECT_EQ(entry_of(comparison, "packed_cas").standing, Standing::voided);
}

TEST(Compare, compare_ratio_within_the_noise_floor_is_no_difference) {
  const auto comparison_of = [](double twice) {
    return compare(std::vector{Rows{}.add("mutex_global", six(100)).add("packed_cas", six(110)).file("a.csv"),
                               Rows{}.add("mutex_global", six(twice)).file("b.csv")},
                   {.baseline = "mutex_global"});
  };
  // 1.2 is as far from 1 as 1 / 1.2: whichever of the two came first.
  for (const double twice : {120.0, 100 / 1.2}) {
    const auto comparison = comparison_of(twice);
    ASSERT_TRUE(comparison.floor);
    EXPECT_NEAR(comparison.floor->low, 1 / 1.2, 1e-9);
    EXPECT_NEAR(comparison.floor->high, 1.2, 1e-9);
    EXPECT_EQ(entry_of(comparison, "packed_cas [1]").standing, Standing::tied) << twice;
  }
  EXPECT_EQ(entry_of(comparison_of(102), "packed_cas [1]").standing, Standing::winner);
}

TEST(Compare, compare_single_strategy_is_alone) {
  EXPECT_EQ(entry_of(compared(Rows{}.add("mutex_global", {100, 100}).file()), "mutex_global").standing,
            Standing::alone);
}

TEST(Compare, compare_failed_row_voids_the_strategy_in_that_cell_only) {
  Rows rows;
  rows.add("mutex_global", six(100)).add("packed_cas", six(900));
  rows.add("packed_cas", {777},
           {{"verified", "no"}, {"lost_updates", "12"}, {"violation", "sum 88, acknowledged 100"}, {"replicate", "6"}});
  rows.add("mutex_global", six(100), {{"threads", "4"}}).add("packed_cas", six(900), {{"threads", "4"}});
  const auto comparison = compared(rows.file());
  ASSERT_EQ(comparison.cells.size(), 2u);
  const Entry& voided = entry_of(comparison, "packed_cas", 0);
  EXPECT_EQ(voided.standing, Standing::voided);
  EXPECT_EQ(voided.loss.rows_failed, 1u);
  EXPECT_EQ(voided.loss.rows, 7u);
  EXPECT_FALSE(voided.loss.expected);
  EXPECT_DOUBLE_EQ(voided.loss.lost_updates, 12);
  EXPECT_EQ(entry_of(comparison, "mutex_global", 0).standing, Standing::alone);
  EXPECT_EQ(entry_of(comparison, "packed_cas", 1).standing, Standing::winner);
  const std::string text = describe(comparison, TableStyle::text);
  EXPECT_THAT(text, AllOf(HasSubstr("1 of 7 rows failed verification: 12 updates lost"),
                          HasSubstr("sum 88, acknowledged 100")));
  EXPECT_THAT(text, Not(HasSubstr("777")));
  EXPECT_THAT(describe_winners(comparison, TableStyle::text), HasSubstr("12 updates lost"));
}

TEST(Compare, compare_failed_history_voids_the_timed_rows_too) {
  const auto comparison = compared(Rows{}
                                       .add("mutex_global", {100, 100})
                                       .add("packed_cas", {900, 900})
                                       .add("packed_cas", {1}, {{"checked", "history"}, {"verified", "no"}})
                                       .file());
  EXPECT_EQ(entry_of(comparison, "packed_cas").standing, Standing::voided);
}

TEST(Compare, compare_passed_history_is_told_and_no_speed) {
  const Values history{{"checked", "history"}, {"history_operations", "3000000"}, {"history_overlap", "0.25"}};
  const auto comparison = compared(
      Rows{}.add("mutex_global", six(100)).add("packed_cas", six(400)).add("packed_cas", {100}, history).file());
  ASSERT_EQ(comparison.cells.size(), 1u);
  const Entry& entry = entry_of(comparison, "packed_cas");
  EXPECT_EQ(entry.standing, Standing::winner);
  EXPECT_EQ(entry.replicates, 6u);
  EXPECT_DOUBLE_EQ(entry.recorded_speed.value(), 0.25);
  EXPECT_THAT(describe(comparison, TableStyle::text),
              AllOf(HasSubstr("1 of 2 also passed"), HasSubstr("3.00 M operations"), HasSubstr("25 % of neighbours"),
                    HasSubstr("at 25 % of the speed")));
}

TEST(Compare, compare_failed_history_is_said) {
  const auto comparison = compared(
      Rows{}
          .add("mutex_global", {100, 100})
          .add("packed_cas", {900, 900})
          .add("packed_cas", {1},
               {{"checked", "history"}, {"verified", "no"}, {"violation", "history of 1 of 9 documents: stale"}})
          .file());
  for (const std::string& text :
       {describe(comparison, TableStyle::text), describe_winners(comparison, TableStyle::text)})
    EXPECT_THAT(text, AllOf(HasSubstr("voided: packed_cas, 1 of 3 rows"), HasSubstr("stale"), Not(HasSubstr("900"))));
}

TEST(Compare, compare_file_without_later_columns_is_as_with_their_former_values) {
  ResultFile old = Rows{}.add("mutex_global", {100, 100}).file();
  for (const char* column : {"fill_percent", "batch", "history_operations", "history_overlap"}) {
    const auto at = std::ranges::find(old.table.header, column) - old.table.header.begin();
    old.table.header.erase(old.table.header.begin() + at);
    for (auto& row : old.table.rows) row.erase(row.begin() + at);
  }
  const ResultFile fresh = Rows{}.add("packed_cas", {300, 300}).file("fresh.csv");
  const ResultFile other = Rows{}.add("packed_cas", {300, 300}, {{"fill_percent", "10"}}).file("other.csv");
  EXPECT_EQ(compare(std::vector{old, fresh}, {}).cells.size(), 1u);
  EXPECT_EQ(compare(std::vector{old, other}, {}).cells.size(), 2u);
  const ResultFile bulk = Rows{}.add("packed_cas", {300, 300}, {{"batch", "16"}}).file("bulk.csv");
  EXPECT_EQ(compare(std::vector{old, bulk}, {}).cells.size(), 2u);
}

TEST(Compare, compare_negative_control_is_never_ranked) {
  const Values control{{"semantics", "unchecked"}};
  Values caught = control;
  caught["verified"] = "caught";
  caught["threads"] = "4";
  Rows rows;
  rows.add("mutex_global", {100, 100}).add("unchecked", {900, 900}, control);
  rows.add("mutex_global", {100, 100}, {{"threads", "4"}}).add("unchecked", {900, 900}, caught);
  const auto comparison = compared(rows.file());
  EXPECT_EQ(entry_of(comparison, "unchecked", 0).standing, Standing::control);
  EXPECT_FALSE(entry_of(comparison, "unchecked", 0).ratio);
  EXPECT_EQ(entry_of(comparison, "unchecked", 1).standing, Standing::voided);
  EXPECT_TRUE(entry_of(comparison, "unchecked", 1).loss.expected);
  EXPECT_EQ(comparison.summary.size(), 1u);
}

TEST(Compare, compare_null_strategy_is_shown_and_not_ranked) {
  const auto comparison = compared(
      Rows{}
          .add("mutex_global", {100, 100})
          .add("null", {9000, 9000}, {{"semantics", "none"}, {"checked", "none"}, {"verified", "not_applicable"}})
          .file());
  ASSERT_EQ(comparison.cells.size(), 1u);
  EXPECT_EQ(entry_of(comparison, "null").standing, Standing::control);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "null").metric.median, 9000);
  EXPECT_EQ(comparison.cells[0].entries.front().label, "mutex_global");
}

TEST(Compare, compare_with_floors_gives_the_share_of_their_medians) {
  const Values floor{{"semantics", "floor"}, {"checked", "none"}, {"verified", "not_applicable"}};
  Values uniform_floor = floor;
  uniform_floor["dist"] = "uniform";
  const Values uniform{{"dist", "uniform"}};
  const auto comparison = compared(Rows{}
                                       .add("packed_cas", {100, 300, 200})
                                       .add("floor_plain", {400, 100, 1000}, floor)
                                       .add("floor_cas", {800, 800, 900}, floor)
                                       .add("packed_cas", {60}, uniform)
                                       .add("floor_plain", {120}, uniform_floor)
                                       .add("floor_cas", {120}, uniform_floor)
                                       .add("packed_cas", {60}, {{"threads", "4"}})
                                       .file());
  ASSERT_EQ(comparison.cells.size(), 3u);
  EXPECT_EQ(entry_of(comparison, "floor_plain").standing, Standing::control);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas").efficiency.value(), 0.5);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas").of_contended_cas.value(), 0.25);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "floor_cas").efficiency.value(), 2);
  EXPECT_FALSE(entry_of(comparison, "packed_cas", 1).efficiency);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas", 2).efficiency.value(), 0.5);
  // Elsewhere nobody has to take a line from anybody.
  EXPECT_FALSE(entry_of(comparison, "packed_cas", 2).of_contended_cas);

  const std::string text = describe(comparison, TableStyle::text);
  EXPECT_THAT(text, AllOf(HasSubstr("efficiency  of CAS"), HasSubstr("50.0 %  25.0 %"),
                          HasSubstr("no floor in this run"), HasSubstr("share of floor_plain's median")));
  EXPECT_THAT(describe_winners(comparison, TableStyle::text),
              AllOf(HasSubstr("50.0 %"), HasSubstr("no floor in this run")));
}

TEST(Compare, compare_floor_of_the_same_file_is_divided_by) {
  const Values floor{{"semantics", "floor"}, {"checked", "none"}, {"verified", "not_applicable"}};
  const auto comparison =
      compare(std::vector{Rows{}.add("packed_cas", {100}).add("floor_plain", {200}, floor).file("a.csv"),
                          Rows{}.add("packed_cas", {100}).add("floor_plain", {400}, floor).file("b.csv")},
              {});
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas [1]").efficiency.value(), 0.5);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas [2]").efficiency.value(), 0.25);
}

TEST(Compare, compare_another_metric_has_no_efficiency) {
  const auto comparison = compared(
      Rows{}
          .add("packed_cas", {100})
          .add("floor_plain", {200}, {{"semantics", "floor"}, {"checked", "none"}, {"verified", "not_applicable"}})
          .file(),
      {.metric = "latency_p50_ns"});
  EXPECT_FALSE(entry_of(comparison, "packed_cas").efficiency);
  EXPECT_THAT(describe(comparison, TableStyle::text), Not(HasSubstr("efficiency:")));
}

TEST(Compare, compare_rows_checked_differently_are_not_paired) {
  const auto comparison =
      compared(Rows{}
                   .add("mutex_global", {100, 100})
                   .add("packed_cas", {900, 900}, {{"checked", "none"}, {"verified", "not_applicable"}})
                   .file(),
               {.baseline = "mutex_global"});
  ASSERT_EQ(comparison.cells.size(), 2u);
  EXPECT_EQ(comparison.cells[0].checked, "none");
  EXPECT_FALSE(entry_of(comparison, "packed_cas", 0).ratio);
  EXPECT_EQ(entry_of(comparison, "packed_cas", 0).standing, Standing::alone);
  EXPECT_EQ(entry_of(comparison, "mutex_global", 1).standing, Standing::alone);
  EXPECT_THAT(comparison.notes, ::testing::Contains(HasSubstr("never paired")));
}

TEST(Compare, compare_one_strategy_checked_in_two_ways_keeps_the_speeds_apart) {
  Rows rows;
  rows.add("mutex_global", {100, 100}).add("mutex_global", {500, 500}, {{"checked", "none"}});
  const auto comparison = compared(rows.file());
  ASSERT_EQ(comparison.cells.size(), 2u);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "mutex_global", 0).metric.median, 500);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "mutex_global", 1).metric.median, 100);
  EXPECT_TRUE(comparison.noise.empty());
}

TEST(Compare, compare_history_rows_count_as_a_check_and_not_as_speed) {
  const auto comparison = compared(Rows{}
                                       .add("mutex_global", {100, 100})
                                       .add("mutex_global", {1}, {{"checked", "history"}, {"replicate", "2"}})
                                       .file());
  ASSERT_EQ(comparison.cells.size(), 1u);
  const Entry& entry = entry_of(comparison, "mutex_global");
  EXPECT_EQ(entry.replicates, 2u);
  EXPECT_DOUBLE_EQ(entry.metric.low, 100);
  EXPECT_EQ(entry.history_passed, 1u);
}

TEST(Compare, compare_other_settings_stand_in_cells_of_their_own) {
  Rows rows;
  rows.add("mutex_global", {100, 100}, {{"docs", "100000"}}).add("packed_cas", {200, 200}, {{"docs", "9000"}});
  const auto comparison = compared(rows.file());
  ASSERT_EQ(comparison.cells.size(), 2u);
  // As numbers: 9000 before 100000.
  EXPECT_THAT(comparison.cells[0].settings, ElementsAre(std::pair<std::string, std::string>{"docs", "9000"}));
}

TEST(Compare, compare_update_forms_compete_under_names_of_their_own) {
  Rows rows;
  rows.add("mutex_global", {100, 100}).add("mutex_global", {50, 50}, {{"update_form", "optimistic"}});
  const auto comparison = compared(rows.file(), {.baseline = "mutex_global/optimistic"});
  ASSERT_EQ(comparison.cells.size(), 1u);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "mutex_global/in_place").ratio->median, 2);
  EXPECT_THAT(refusal({rows.file()}, {.baseline = "mutex_global"}),
              AllOf(HasSubstr("several update forms"), HasSubstr("mutex_global/in_place")));
}

TEST(Compare, compare_baseline_with_another_form_in_each_cell_needs_no_form) {
  Rows rows;
  rows.add("mutex_striped", {100, 100}).add("packed_cas", {50, 50});
  rows.add("mutex_striped", {10, 10}, {{"workload", "zipf"}, {"update_form", "none"}})
      .add("packed_cas", {40, 40}, {{"workload", "zipf"}, {"update_form", "none"}});
  const auto comparison = compared(rows.file(), {.baseline = "mutex_striped"});
  ASSERT_EQ(comparison.cells.size(), 2u);
  for (const auto& cell : comparison.cells) {
    for (const Entry& entry : cell.entries) EXPECT_TRUE(entry.is_baseline || entry.ratio.has_value()) << cell.workload;
  }
}

TEST(Compare, compare_rates_and_retries_follow_from_the_counters) {
  const Values counters{
      {"attempts", "2000"}, {"conflict_seq_no", "30"}, {"conflict_version", "10"}, {"publication_failures", "100"},
      {"retries_0", "60"},  {"retries_1", "30"},       {"retries_2", "10"},        {"exhausted", "3"}};
  const auto comparison = compared(Rows{}.add("packed_cas", {100, 100}, counters).file());
  const Entry& entry = entry_of(comparison, "packed_cas");
  EXPECT_DOUBLE_EQ(*entry.conflicts_per_1000, 20);
  EXPECT_DOUBLE_EQ(*entry.publication_failures_per_1000, 50);
  EXPECT_DOUBLE_EQ(*entry.retries_per_update, 0.5);
  EXPECT_FALSE(entry.retries_at_least);
  EXPECT_DOUBLE_EQ(entry.exhausted, 6);
  EXPECT_DOUBLE_EQ(*entry.p50_ns, 500);
  EXPECT_DOUBLE_EQ(*entry.p99_ns, 2000);
}

TEST(Compare, compare_no_attempts_gives_no_rates) {
  const auto comparison = compared(Rows{}.add("packed_cas", {100, 100}, {{"attempts", "0"}}).file());
  EXPECT_FALSE(entry_of(comparison, "packed_cas").conflicts_per_1000);
  EXPECT_FALSE(entry_of(comparison, "packed_cas").retries_per_update);
}

TEST(Compare, compare_outlier_is_flagged_and_kept) {
  const auto comparison = compared(Rows{}.add("packed_cas", {100, 101, 102, 103, 104, 900}).file());
  EXPECT_EQ(entry_of(comparison, "packed_cas").outliers, 1u);
  EXPECT_EQ(entry_of(comparison, "packed_cas").replicates, 6u);
}

TEST(Compare, compare_latency_metric_ranks_the_smaller_first) {
  Rows rows;
  rows.add("mutex_global", six(100), {{"latency_p99_ns", "9000"}})
      .add("packed_cas", six(10), {{"latency_p99_ns", "1000"}});
  const auto comparison = compared(rows.file(), {.metric = "latency_p99_ns"});
  EXPECT_FALSE(comparison.higher_is_better);
  EXPECT_EQ(entry_of(comparison, "packed_cas").standing, Standing::winner);
}

TEST(Compare, compare_metric_of_zero_has_no_ratio_and_still_a_winner) {
  Rows rows;
  rows.add("mutex_global", six(100)).add("packed_cas", six(100), {{"conflict_seq_no", "10"}});
  const auto comparison = compared(rows.file(), {.baseline = "mutex_global", .metric = "conflicts_per_1000"});
  EXPECT_FALSE(entry_of(comparison, "packed_cas").ratio);
  EXPECT_EQ(entry_of(comparison, "mutex_global").standing, Standing::winner);
}

TEST(Compare, compare_several_cells_summarises_ratios_by_their_geometric_mean) {
  Rows rows;
  rows.add("mutex_global", six(100)).add("packed_cas", six(200));
  rows.add("mutex_global", six(100), {{"threads", "8"}}).add("packed_cas", six(800), {{"threads", "8"}});
  const auto comparison = compared(rows.file(), {.baseline = "mutex_global"});
  ASSERT_EQ(comparison.summary.size(), 2u);
  EXPECT_EQ(comparison.summary[0].label, "packed_cas");
  EXPECT_DOUBLE_EQ(comparison.summary[0].geometric_mean, 4);
  EXPECT_EQ(comparison.summary[0].cells, 2u);
  EXPECT_EQ(comparison.summary[0].won, 2u);
}

TEST(Compare, compare_same_strategy_in_two_files_gives_the_noise_floor) {
  const std::vector<ResultFile> files{
      Rows{}.add("mutex_global", {100, 100}).file("a.csv"),
      Rows{}.add("mutex_global", {110, 110}).add("packed_cas", {330, 330}).file("b.csv")};
  const auto comparison = compare(files, {.baseline = "mutex_global"});
  ASSERT_EQ(comparison.noise.size(), 1u);
  EXPECT_NEAR(comparison.noise[0].smallest_ratio, 1.1, 1e-9);
  // The baseline of the same file.
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas [2]").ratio->median, 3);
  EXPECT_FALSE(entry_of(comparison, "packed_cas [2]").ratio_across_files);
  EXPECT_THAT(describe(comparison, TableStyle::text), AllOf(HasSubstr("A/A noise floor"), HasSubstr("[2] b.csv")));
}

TEST(Compare, compare_same_replicate_twice_in_one_file_gives_the_noise_floor) {
  const auto comparison = compared(Rows{}.add("packed_cas", {100, 100}).add("packed_cas", {120, 120}).file());
  ASSERT_EQ(comparison.noise.size(), 1u);
  EXPECT_NEAR(comparison.noise[0].largest_ratio, 1.2, 1e-9);
}

TEST(Compare, compare_strategies_of_two_files_says_that_replicates_were_not_interleaved) {
  const std::vector<ResultFile> files{Rows{}.add("mutex_global", {100, 100}).file("a.csv"),
                                      Rows{}.add("packed_cas", {300, 300}).file("b.csv")};
  const auto comparison = compare(files, {.baseline = "mutex_global"});
  EXPECT_TRUE(entry_of(comparison, "packed_cas").ratio_across_files);
  EXPECT_THAT(describe(comparison, TableStyle::text), AllOf(HasSubstr("~3.00"), HasSubstr("not interleaved")));
}

TEST(Compare, compare_default_baseline_is_the_first_registered_strategy) {
  const auto comparison = compared(Rows{}.add("a_new_one", {100, 100}).add("packed_cas", {300, 300}).file());
  EXPECT_EQ(comparison.baseline, "packed_cas");
}

TEST(Compare, compare_unknown_baseline_lists_the_known) {
  EXPECT_THAT(
      refusal({Rows{}.add("mutex_global", {1, 1}).add("packed_cas", {1, 1}).file()}, {.baseline = "mutex_globl"}),
      AllOf(HasSubstr("mutex_globl"), HasSubstr("known: mutex_global, packed_cas")));
}

TEST(Compare, compare_voided_baseline_is_refused_with_the_reason) {
  EXPECT_THAT(refusal({Rows{}.add("mutex_global", {1, 1}).add("packed_cas", {1, 1}, {{"verified", "no"}}).file()},
                      {.baseline = "packed_cas"}),
              AllOf(HasSubstr("failed verification"), HasSubstr("known: mutex_global")));
}

TEST(Compare, compare_missing_column_names_it) {
  ResultFile file = Rows{}.add("mutex_global", {1}).file();
  for (std::string& column : file.table.header) {
    if (column == "retries_7") column = "retries";
  }
  EXPECT_THAT(refusal({file}), AllOf(HasSubstr("results.csv"), HasSubstr("no column 'retries_7'")));
}

TEST(Compare, compare_no_rows_is_refused) {
  EXPECT_THAT(refusal({Rows{}.file()}), HasSubstr("no rows"));
}

TEST(Compare, compare_value_that_is_no_number_names_line_and_column) {
  EXPECT_THAT(refusal({Rows{}.add("mutex_global", {1, 2}).add("mutex_global", {1}, {{"attempts", "12x"}}).file()}),
              AllOf(HasSubstr("results.csv:4"), HasSubstr("'attempts'"), HasSubstr("'12x'")));
}

TEST(Compare, compare_speed_that_cannot_be_is_refused_with_file_and_line) {
  for (const char* speed : {"nan", "-nan", "inf", "-1", "-0.5"}) {
    EXPECT_THAT(refusal({Rows{}.add("mutex_global", {1}).add("packed_cas", {1}, {{"ops_per_s", speed}}).file("a.csv")}),
                AllOf(HasSubstr("a.csv:3"), HasSubstr("'ops_per_s'"), HasSubstr(speed)))
        << speed;
  }
  EXPECT_THAT(refusal({Rows{}.add("mutex_global", {1}, {{"disturbed", "perhaps"}}).file("a.csv")}),
              AllOf(HasSubstr("a.csv:2"), HasSubstr("'perhaps'")));
}

TEST(Compare, compare_unknown_verdict_is_refused) {
  EXPECT_THAT(refusal({Rows{}.add("mutex_global", {1}, {{"verified", "maybe"}}).file()}),
              AllOf(HasSubstr("'maybe'"), HasSubstr("caught")));
}

TEST(Compare, compare_threads_that_no_run_has_is_refused) {
  for (const char* threads : {"0", "1.5", "-1", "1e308", ""}) {
    EXPECT_THAT(refusal({Rows{}.add("mutex_global", {1}, {{"threads", threads}}).file()}),
                AllOf(HasSubstr("'threads'"), HasSubstr("from 1 to 1000000")))
        << threads;
  }
}

TEST(Compare, compare_unknown_metric_lists_the_accepted_and_identity_is_none) {
  const ResultFile file = Rows{}.add("mutex_global", {1}).file();
  EXPECT_THAT(refusal({file}, {.metric = "speed"}),
              AllOf(HasSubstr("'speed'"), HasSubstr("ops_per_s"), HasSubstr("conflicts_per_1000")));
  EXPECT_THAT(refusal({file}, {.metric = "docs"}), HasSubstr("no metric 'docs'"));
}

TEST(Compare, compare_metric_not_available_shows_a_dash) {
  const auto comparison =
      compared(Rows{}.add("mutex_global", {1, 1}).add("packed_cas", {1, 1}).file(), {.metric = "cycles_per_op"});
  EXPECT_TRUE(std::isnan(entry_of(comparison, "packed_cas").metric.median));
  EXPECT_EQ(describe(comparison, TableStyle::text).find("nan"), std::string::npos);
}

TEST(Compare, describe_short_names_the_winner_once_per_workload_and_thread_count) {
  Rows rows;
  rows.add("mutex_global", six(100)).add("packed_cas", six(200));
  rows.add("mutex_global", six(100), {{"workload", "zipf"}, {"dist", "zipf:0.99"}});
  const std::string text = describe_winners(compared(rows.file(), {.baseline = "mutex_global"}), TableStyle::text);
  EXPECT_THAT(text, AllOf(HasSubstr("packed_cas"), HasSubstr("2.00"), HasSubstr("mutex_global (alone)"),
                          Not(HasSubstr("hot:1"))));
}

TEST(Compare, describe_markdown_is_a_table) {
  const std::string text =
      describe(compared(Rows{}.add("mutex_global", six(100)).add("packed_cas", six(200)).file()), TableStyle::markdown);
  EXPECT_THAT(text, AllOf(HasSubstr("### hot, 2 threads"), HasSubstr("| winner | packed_cas "), HasSubstr("-:|")));
}

TEST(Compare, compare_reads_columns_that_a_run_writes) {
  const std::vector<std::string> written = header(result_columns());
  for (const auto& [column, value] : ordinary_row()) EXPECT_THAT(written, ::testing::Contains(column));
}

TEST(Compare, compare_same_seed_gives_the_same_text) {
  const ResultFile file = Rows{}.add("mutex_global", {100, 130, 90, 95}).add("packed_cas", {120, 100, 99, 140}).file();
  EXPECT_EQ(describe(compared(file, {.seed = 3}), TableStyle::text),
            describe(compared(file, {.seed = 3}), TableStyle::text));
}

TEST(Compare, compare_floor_that_a_strategy_is_faster_than_is_none) {
  const Values floor{{"semantics", "floor"}, {"checked", "none"}, {"verified", "not_applicable"}};
  const auto with_floor = [&](const std::vector<double>& speeds) {
    return compared(Rows{}
                        .add("packed_cas", {200, 210, 220})
                        .add("mutex_global", {10, 10, 10})
                        .add("floor_plain", speeds, floor)
                        .file());
  };
  const Comparison beaten = with_floor({100, 110, 120});
  EXPECT_EQ(beaten.cells[0].faster_than_floor, "packed_cas");
  EXPECT_FALSE(entry_of(beaten, "packed_cas").efficiency);
  EXPECT_FALSE(entry_of(beaten, "mutex_global").efficiency);
  EXPECT_THAT(describe(beaten, TableStyle::text), HasSubstr("packed_cas is faster than floor_plain"));
  EXPECT_THAT(describe_winners(beaten, TableStyle::text), HasSubstr("faster than the floor"));
  // Within the noise it is a floor still.
  const Comparison close = with_floor({190, 200, 215});
  EXPECT_EQ(close.cells[0].faster_than_floor, "");
  EXPECT_DOUBLE_EQ(entry_of(close, "packed_cas").efficiency.value(), 210.0 / 200);
}

TEST(Compare, compare_update_form_is_named_only_where_one_cell_holds_two) {
  Rows rows;
  rows.add("packed_cas", {1, 1}, {{"update_form", "optimistic"}});
  rows.add("packed_cas", {1, 1}, {{"update_form", "none"}, {"mix", "get=100"}});
  const Comparison comparison = compared(rows.file());
  for (const ComparedCell& cell : comparison.cells) EXPECT_EQ(cell.entries.front().label, "packed_cas");
  ASSERT_EQ(comparison.summary.size(), 1u);
  EXPECT_EQ(comparison.summary.front().cells, 2u);
}

TEST(Compare, compare_rates_have_an_interval_over_replicates) {
  Rows rows;
  for (const auto& [replicate, conflicts] : {std::pair{"0", "0"}, std::pair{"1", "100"}, std::pair{"2", "20"}})
    rows.add("packed_cas", {1}, {{"replicate", replicate}, {"conflict_seq_no", conflicts}});
  const Comparison comparison = compared(rows.file());
  const Interval interval = entry_of(comparison, "packed_cas").conflicts_interval.value();
  EXPECT_DOUBLE_EQ(interval.median, 40);  // 120 of 3,000
  EXPECT_DOUBLE_EQ(interval.low, 0);
  EXPECT_DOUBLE_EQ(interval.high, 100);
  EXPECT_DOUBLE_EQ(entry_of(comparison, "packed_cas").conflicts_per_1000.value(), interval.median);
}

TEST(Compare, compare_latency_keeps_the_smallest_and_the_largest_replicate) {
  Rows rows;
  for (const auto& [replicate, p99] : {std::pair{"0", "3000"}, std::pair{"1", "1000"}, std::pair{"2", "9000"}})
    rows.add("packed_cas", {1}, {{"replicate", replicate}, {"latency_p99_ns", p99}});
  const Comparison comparison = compared(rows.file());
  const Spread spread = entry_of(comparison, "packed_cas").latency[2].value();
  EXPECT_DOUBLE_EQ(spread.smallest, 1000);
  EXPECT_DOUBLE_EQ(spread.median, 3000);
  EXPECT_DOUBLE_EQ(spread.largest, 9000);
  EXPECT_FALSE(entry_of(comparison, "packed_cas").latency[1]);  // the file has no p90
}

TEST(Compare, describe_as_json_says_what_the_tables_say) {
  const Values floor{{"semantics", "floor"}, {"checked", "none"}, {"verified", "not_applicable"}};
  const Comparison comparison =
      compared(Rows{}
                   .add("mutex_global", {100, 130, 90, 260})
                   .add("packed_cas", {300, 150, 420, 280}, {{"retries_0", "9"}, {"retries_1", "3"}})
                   .add("unchecked", {1}, {{"semantics", "unchecked"}, {"verified", "caught"}, {"violation", "lost"}})
                   .add("floor_plain", {1000, 1000, 1000}, floor)
                   .file(),
               {.baseline = "mutex_global"});
  const auto json = nlohmann::json::parse(describe_as_json(comparison));
  EXPECT_EQ(json.at("format"), "occkit-comparison");
  EXPECT_EQ(json.at("baseline"), "mutex_global");
  EXPECT_EQ(json.at("cells").size(), 1u);
  const auto& cell = json.at("cells")[0];
  EXPECT_EQ(cell.at("threads"), 2);
  EXPECT_EQ(cell.at("settings").at("mix"), "update=100");
  const auto named = [&](const std::string& label) {
    for (const auto& entry : cell.at("entries")) {
      if (entry.at("label") == label) return entry;
    }
    throw std::out_of_range(label);
  };
  const Entry& fast = entry_of(comparison, "packed_cas");
  const auto told = named("packed_cas");
  EXPECT_EQ(named("unchecked").at("standing"), "voided");
  EXPECT_EQ(named("floor_plain").at("standing"), "control");
  EXPECT_EQ(told.at("metric").at("low"), fast.metric.low);
  EXPECT_EQ(told.at("metric").at("median"), fast.metric.median);
  EXPECT_EQ(told.at("metric").at("high"), fast.metric.high);
  EXPECT_EQ(told.at("ratio").at("high"), fast.ratio->high);
  EXPECT_EQ(told.at("ratio").at("pairs"), 4);
  EXPECT_EQ(told.at("metric").at("is_range"), true);
  EXPECT_EQ(told.at("standing"), "undecided");
  EXPECT_EQ(told.at("all_disturbed"), false);
  EXPECT_TRUE(json.at("noise_floor").is_null());
  EXPECT_DOUBLE_EQ(told.at("efficiency").at("median").get<double>(), fast.efficiency.value());
  EXPECT_DOUBLE_EQ(told.at("efficiency").at("low").get<double>(), fast.metric.low / 1000);
  EXPECT_EQ(told.at("updates_by_retries")[1], 12);
  EXPECT_EQ(told.at("latency_ns").at("p50").at("median"), 500);
  EXPECT_EQ(named("unchecked").at("failed").at("violation"), "lost");
  EXPECT_TRUE(named("unchecked").at("metric").is_null());
  EXPECT_TRUE(named("floor_plain").at("ratio").is_null());
}

TEST(Compare, describe_as_json_of_one_replicate_has_no_interval) {
  const auto json = nlohmann::json::parse(describe_as_json(compared(Rows{}.add("packed_cas", {7}).file())));
  const auto& metric = json.at("cells")[0].at("entries")[0].at("metric");
  EXPECT_EQ(metric.at("median"), 7);
  EXPECT_TRUE(metric.at("low").is_null());
  EXPECT_TRUE(metric.at("high").is_null());
}

TEST(Compare, describe_as_json_says_which_files_the_labels_mean) {
  const auto json = nlohmann::json::parse(describe_as_json(compare(
      std::vector{Rows{}.add("packed_cas", {1}).file("a.csv"), Rows{}.add("packed_cas", {2}).file("b.csv")}, {})));
  EXPECT_EQ(json.at("sources"), nlohmann::json::parse(R"([{"file":"a.csv","time":1},{"file":"b.csv","time":1}])"));
  EXPECT_EQ(json.at("cells")[0].at("entries")[0].at("source"), 1);
  EXPECT_EQ(json.at("noise")[0].at("largest_ratio"), 2);
  EXPECT_EQ(json.at("noise_floor").at("low"), 0.5);
  EXPECT_EQ(json.at("noise_floor").at("high"), 2);
}

}  // namespace
}  // namespace occ
