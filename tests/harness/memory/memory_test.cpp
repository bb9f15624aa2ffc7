// What a table's memory is, and how far it rises while the table grows: judged from made-up samples, measured on made-up
// tables. The command is tested as people call it, in cli_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/table/any_table.hpp"
#include "harness/memory/memory_growth.hpp"

namespace occ {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// Memory of its own from the system.
class Pages {
 public:
  Pages() = default;
  explicit Pages(std::size_t bytes) : bytes_(bytes) {
    at_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at_ == MAP_FAILED) throw std::bad_alloc();
    std::memset(at_, 1, bytes_);
  }
  Pages(Pages&& other) noexcept : at_(std::exchange(other.at_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(at_, other.at_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Pages() {
    if (at_ != nullptr) munmap(at_, bytes_);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* at_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Counts documents. With document 1,000 it grows from 16 MiB to 32 MiB, and has both for so many documents more.
class MadeUpTable final : public AnyTable {
 public:
  enum class Old { at_once, within_a_call, for_100_documents };
  /// What a deleted document leaves behind.
  std::size_t left_behind_bytes = 0;
  bool refuses_deletes = false;

  explicit MadeUpTable(Old old) : old_(old), now_(16 * kMiB) {}

  [[nodiscard]] const StrategyInfo& info() const override { return info_; }
  [[nodiscard]] std::unique_ptr<AnyHandle> handle() override { return std::make_unique<Handle>(*this); }
  bool fail_over(std::uint32_t) override { return false; }
  void set_gc_deletes(std::int64_t ms) override { gc_deletes_ms_ = ms; }
  [[nodiscard]] std::uint32_t shards() const override { return 1; }
  [[nodiscard]] std::uint32_t shard_of(std::string_view) const override { return 0; }
  [[nodiscard]] SeqNoTerm next(std::uint32_t) const override { return {0, 1}; }
  [[nodiscard]] MemoryUse memory() const override { return {.slots = now_.bytes() + before_.bytes()}; }

 private:
  class Handle final : public AnyHandle {
   public:
    explicit Handle(MadeUpTable& table) : table_(table) {}
    Outcome get(std::string_view, Document&) override { return {}; }
    Outcome index(std::string_view, Bytes, const Precondition&) override { return {}; }
    Outcome create(std::string_view, Bytes source) override {
      if (source.size() > 100) return {.result = Result::rejected};
      table_.count();
      return {.result = Result::created};
    }
    Outcome remove(std::string_view, const Precondition&) override {
      table_.forget();
      return {.result = table_.refuses_deletes ? Result::conflict : Result::deleted};
    }
    Outcome update(std::string_view, Transform, const UpdateOptions&) override { return {}; }
    void bulk(std::span<BulkItem>) override {}
    [[nodiscard]] const Counters& counters() const override { return counters_; }

   private:
    MadeUpTable& table_;
    Counters counters_;
  };

  void count() {
    ++documents_;
    if (documents_ == 1000) {
      if (old_ != Old::at_once) before_ = std::move(now_);
      now_ = Pages();
      now_ = Pages(32 * kMiB);
      if (old_ == Old::within_a_call) before_ = Pages();
    }
    if (documents_ == 1100) before_ = Pages();
  }

  void forget() {
    EXPECT_EQ(gc_deletes_ms_, -1);
    waste_ += left_behind_bytes;
    if (waste_ < kMiB) return;
    wasted_.emplace_back(waste_);
    waste_ = 0;
  }

  StrategyInfo info_{.name = "made_up"};
  std::int64_t gc_deletes_ms_ = 60'000;
  std::size_t waste_ = 0;
  std::vector<Pages> wasted_;
  Old old_;
  std::uint64_t documents_ = 0;
  Pages now_;
  Pages before_;
};

std::vector<MemoryPoint> measured(MadeUpTable::Old old, const std::vector<std::uint64_t>& points = {900, 2000},
                                  std::size_t body_bytes = 10) {
  return measure_memory([old] { return std::make_unique<MadeUpTable>(old); }, points, body_bytes);
}

MemorySample sample(std::uint64_t documents, std::uint64_t bytes) {
  return {.documents = documents, .table_bytes = bytes, .resident_bytes = bytes, .resident_peak_bytes = bytes};
}

std::vector<MemoryPoint> judged(const std::vector<MemorySample>& samples, std::vector<std::uint64_t> documents) {
  std::vector<MemoryPoint> points;
  for (const std::uint64_t at : documents) points.push_back({.documents = at});
  judge_peaks(samples, points);
  return points;
}

TEST(MemoryPeaks, judge_memory_that_only_grows_has_no_peak) {
  const auto points = judged({sample(50, 100), sample(100, 300), sample(150, 900)}, {100, 150});
  EXPECT_EQ(points[0].table_peak, 1);
  EXPECT_EQ(points[1].table_peak, 1);
  EXPECT_EQ(points[1].resident_peak, 1);
}
TEST(MemoryPeaks, judge_old_beside_new_is_the_peak_of_its_step_only) {
  // Doubles from 100 to 200 after document 120, with both there until document 140.
  const auto points =
      judged({sample(60, 100), sample(100, 100), sample(120, 300), sample(140, 200), sample(200, 200)}, {100, 200});
  EXPECT_EQ(points[0].table_peak, 1);
  EXPECT_EQ(points[1].table_peak, 1.5);
  EXPECT_EQ(points[1].resident_peak, 1.5);
}
TEST(MemoryPeaks, judge_peak_is_held_against_the_least_that_comes_later) {
  const auto points = judged({sample(60, 100), sample(80, 400), sample(100, 300), sample(200, 200)}, {100, 200});
  EXPECT_EQ(points[0].table_peak, 2);
}
TEST(MemoryPeaks, judge_peak_between_two_samples_is_seen_of_resident_memory) {
  std::vector<MemorySample> samples{sample(60, 100), sample(80, 200), sample(100, 200)};
  samples[1].resident_peak_bytes = 500;
  const auto points = judged(samples, {100});
  EXPECT_EQ(points[0].table_peak, 1);
  EXPECT_EQ(points[0].resident_peak, 2.5);
}
TEST(MemoryPeaks, judge_before_half_the_first_point_nothing_counts) {
  const auto points = judged({sample(10, 900), sample(50, 800), sample(60, 100), sample(100, 100)}, {100});
  EXPECT_EQ(points[0].table_peak, 1);
}

TEST(MemoryGrowth, measure_counts_what_the_table_says_and_what_is_resident) {
  const auto points = measured(MadeUpTable::Old::at_once);
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].documents, 900U);
  EXPECT_EQ(points[0].table_bytes, 16 * kMiB);
  EXPECT_EQ(points[1].table_bytes, 32 * kMiB);
  EXPECT_EQ(points[1].table_peak, 1);
  // At least: a sanitizer has memory of its own for each page.
  EXPECT_GE(points[0].resident_bytes, 15 * kMiB);
  EXPECT_GE(points[1].resident_bytes, 31 * kMiB);
}
TEST(MemoryGrowth, measure_old_kept_for_a_while_is_a_peak) {
  const auto points = measured(MadeUpTable::Old::for_100_documents);
  EXPECT_EQ(points[0].table_peak, 1);
  EXPECT_EQ(points[1].table_peak, 1.5);
}
// A sanitizer's own memory for a page stays when the page goes.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST(MemoryGrowth, measure_old_kept_within_one_call_is_a_peak_of_resident_memory) {
  const auto points = measured(MadeUpTable::Old::within_a_call, {1500, 2000});
  EXPECT_EQ(points[0].table_peak, 1);
  EXPECT_GE(points[0].resident_peak, 1.4);
  EXPECT_LE(points[0].resident_peak, 1.6);
  EXPECT_LE(points[1].resident_peak, 1.1);
}
TEST(MemoryGrowth, measure_nothing_kept_is_no_peak_of_resident_memory) {
  EXPECT_LE(measured(MadeUpTable::Old::at_once)[1].resident_peak, 1.1);
}
#endif
TEST(MemoryGrowth, measure_table_that_refuses_a_document_throws) {
  EXPECT_THROW((void)measured(MadeUpTable::Old::at_once, {10}, 101), std::runtime_error);
}
ChurnMemory churned(std::size_t left_behind_bytes) {
  const auto make = [=] {
    auto table = std::make_unique<MadeUpTable>(MadeUpTable::Old::at_once);
    table->left_behind_bytes = left_behind_bytes;
    return table;
  };
  return measure_churn(make, 10'000, 10);
}

TEST(MemoryChurn, measure_table_that_forgets_ids_does_not_grow) {
  const ChurnMemory churn = churned(0);
  EXPECT_EQ(churn.ids_per_round, 10'000U);
  EXPECT_EQ(churn.first_table_bytes, 32 * kMiB);
  EXPECT_EQ(churn.last_table_bytes, 32 * kMiB);
  EXPECT_FALSE(churn.grows());
}
TEST(MemoryChurn, measure_table_that_keeps_something_of_each_id_grows) {
  const ChurnMemory churn = churned(500);
  EXPECT_TRUE(churn.grows());
  EXPECT_GE(churn.bytes_per_id(), 400);
}
TEST(MemoryChurn, measure_table_that_refuses_a_delete_throws) {
  const auto make = [] {
    auto table = std::make_unique<MadeUpTable>(MadeUpTable::Old::at_once);
    table->refuses_deletes = true;
    return table;
  };
  EXPECT_THROW((void)measure_churn(make, 1, 10), std::runtime_error);
}
TEST(MemoryChurn, churn_as_json_is_read_back) {
  const ChurnMemory churn{.ids_per_round = 1,
                          .first_table_bytes = 2,
                          .last_table_bytes = 3,
                          .first_resident_bytes = 4,
                          .last_resident_bytes = 5};
  const auto back = nlohmann::json::parse(nlohmann::json(churn).dump()).get<ChurnMemory>();
  EXPECT_EQ(nlohmann::json(back), nlohmann::json(churn));
  EXPECT_EQ(back.last_resident_bytes, 5U);
}
TEST(MemoryGrowth, points_as_json_are_read_back) {
  const MemoryPoint point{.documents = 1,
                          .table_bytes = 2,
                          .resident_bytes = 3,
                          .huge_page_bytes = 4,
                          .table_peak = 1.25,
                          .resident_peak = 1.5};
  const auto back = nlohmann::json::parse(nlohmann::json(point).dump()).get<MemoryPoint>();
  EXPECT_EQ(nlohmann::json(back), nlohmann::json(point));
  EXPECT_EQ(back.documents, 1U);
  EXPECT_EQ(back.resident_peak, 1.5);
}

}  // namespace
}  // namespace occ
