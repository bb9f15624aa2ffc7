// Windows of a table whose calls take known times.
#include "harness/measure/window_probe.hpp"

#include <gtest/gtest.h>

#include "tests/variants/reference_table.hpp"

namespace occ {
namespace {

class TestClock final : public PaceClock {
 public:
  std::uint64_t now_ns() override { return now_ns_; }
  void wait_until(std::uint64_t due_ns) override { now_ns_ = due_ns; }
  void pass(std::uint64_t ns) { now_ns_ += ns; }

 private:
  std::uint64_t now_ns_ = 1'000;
};

/// A get takes 2 us, an index 1 us or, every fourth, 101 us.
class TimedHandle final : public AnyHandle {
 public:
  TimedHandle(ReferenceTable& table, TestClock& clock) : inner_(table), clock_(clock) {}
  Outcome get(std::string_view id, Document& into) override {
    clock_.pass(2'000);
    return inner_.get(id, into);
  }
  Outcome index(std::string_view id, Bytes source, const Precondition& precondition) override {
    clock_.pass(++writes_ % 4 == 0 ? 101'000 : 1'000);
    return inner_.index(id, source, precondition);
  }
  Outcome create(std::string_view id, Bytes source) override { return inner_.create(id, source); }
  Outcome remove(std::string_view id, const Precondition& precondition) override {
    return inner_.remove(id, precondition);
  }
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options) override {
    return inner_.update(id, transform, options);
  }
  void bulk(std::span<BulkItem> items) override { inner_.bulk(items); }
  [[nodiscard]] const Counters& counters() const override { return inner_.counters(); }

 private:
  ReferenceTable::Handle inner_;
  TestClock& clock_;
  std::uint64_t writes_ = 0;
};

TEST(WindowProbe, windows_run_from_the_middle_of_the_read_to_that_of_the_write) {
  ReferenceTable table(TableOptions{});
  TestClock clock;
  TimedHandle handle(table, clock);
  const Documents documents = Documents::generated(SourceLayout::counter, 16, 100, "counter");
  const MeasuredWindows windows = measure_windows(handle, documents, 0.01, clock);
  EXPECT_NEAR(static_cast<double>(windows.middle.count()), 0.01 / 28e-6, 5);
  EXPECT_NEAR(static_cast<double>(windows.middle.percentile_ns(50)), 1'500, 15);
  EXPECT_NEAR(static_cast<double>(windows.middle.percentile_ns(90)), 51'500, 500);
  EXPECT_DOUBLE_EQ(windows.shortest_mean_s, 0);
  EXPECT_NEAR(windows.longest_mean_s, 28e-6, 0.3e-6);
}

TEST(WindowProbe, distribution_is_that_of_the_windows) {
  MeasuredWindows windows;
  for (int i = 0; i < 300; ++i) windows.middle.record(1'500);
  for (int i = 0; i < 100; ++i) windows.middle.record(51'500);
  const TimeDistribution distribution = windows.distribution("as measured");
  EXPECT_EQ(distribution.text(), "as measured");
  EXPECT_NEAR(distribution.mean_s(), 14e-6, 0.1e-6);
  EXPECT_DOUBLE_EQ(distribution.share_below(1.4e-6), 0);
  // Nothing was between them.
  EXPECT_DOUBLE_EQ(distribution.share_below(2e-6), 0.75);
  EXPECT_DOUBLE_EQ(distribution.share_below(50e-6), 0.75);
  EXPECT_DOUBLE_EQ(distribution.share_below(60e-6), 1);
}

TEST(WindowProbe, one_attempt_is_made_however_long_it_takes) {
  ReferenceTable table(TableOptions{});
  TestClock clock;
  TimedHandle handle(table, clock);
  const Documents documents = Documents::generated(SourceLayout::counter, 1, 100, "counter");
  EXPECT_EQ(measure_windows(handle, documents, 0, clock).middle.count(), 1U);
}

}  // namespace
}  // namespace occ
