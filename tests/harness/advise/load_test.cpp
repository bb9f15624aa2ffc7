// What a load is made of: distributions of time, popularity, back-off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "harness/advise/popularity.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/workload/backoff_policy.hpp"
#include "harness/workload/time_distribution.hpp"

namespace occ {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class TextFile {
 public:
  explicit TextFile(const std::string& text) { std::ofstream(path_) << text; }
  ~TextFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ =
      testing::TempDir() + "occkit-load-test-" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

double mean_of_draws(const TimeDistribution& distribution) {
  constexpr int kDraws = 200'000;
  Random random(7);
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) sum += distribution.draw(random);
  return sum / kDraws;
}

TEST(TimeDistribution, draws_have_the_mean_and_the_share_that_is_said) {
  for (const TimeDistribution& each :
       {TimeDistribution::fixed(2), TimeDistribution::exponential(2), TimeDistribution::gamma(4, 2),
        TimeDistribution::gamma(0.5, 2), TimeDistribution::histogram({{1, 1}, {5, 1}}, "x")}) {
    EXPECT_NEAR(mean_of_draws(each), each.mean_s(), 0.01 * each.mean_s() + 0.01) << each.text();
    Random random(9);
    double below = 0;
    constexpr int kDraws = 100'000;
    for (int i = 0; i < kDraws; ++i) below += each.draw(random) <= 1.5 ? 1 : 0;
    EXPECT_NEAR(below / kDraws, each.share_below(1.5), 0.01) << each.text();
    EXPECT_NEAR(each.share_below(each.longest_s()), 1, 1e-9) << each.text();
    EXPECT_DOUBLE_EQ(each.scaled(3).mean_s(), 3 * each.mean_s());
  }
}

TEST(TimeDistribution, text_is_read_with_its_unit) {
  EXPECT_DOUBLE_EQ(TimeDistribution::parse("--window", "300ns", 1e-9).mean_s(), 300e-9);
  EXPECT_DOUBLE_EQ(TimeDistribution::parse("--window", "exponential:2ms", 1e-9).mean_s(), 0.002);
  const TimeDistribution gamma = TimeDistribution::parse("--window", "gamma:4:2ms", 1e-9);
  EXPECT_EQ(gamma.kind(), TimeDistribution::Kind::gamma);
  EXPECT_EQ(gamma.text(), "gamma:4:2ms");
}

TEST(TimeDistribution, text_that_is_none_is_refused_with_what_is_accepted) {
  for (const char* text : {"", "0", "-1ms", "2 ms", "normal:2ms", "gamma:2ms", "gamma:x:2ms",
                           "exponential:", "exponential:-2ms", "gamma:0:2ms"}) {
    EXPECT_THROW((void)TimeDistribution::parse("--window", text, 1e-9), BadInput) << text;
  }
  EXPECT_THAT([] { (void)TimeDistribution::parse("--window", "normal:2ms", 0); },
              ThrowsMessage<BadInput>(HasSubstr("exponential:TIME | gamma:SHAPE:TIME | file:NAME")));
}

TEST(TimeDistribution, histogram_file_is_read_in_nanoseconds) {
  const TextFile file("# window\n1000 5\n3000, 15  # more\n\n");
  const TimeDistribution read = TimeDistribution::parse("--window", "file:" + file.path(), 0);
  EXPECT_NEAR(read.mean_s(), 0.25 * 500e-9 + 0.75 * 2000e-9, 1e-15);
  EXPECT_NEAR(read.share_below(2000e-9), 0.25 + 0.375, 1e-12);
}

TEST(TimeDistribution, histogram_file_that_is_none_is_refused_with_its_line) {
  const auto refused = [](const char* text, const char* message) {
    const TextFile file(text);
    EXPECT_THAT([&] { (void)TimeDistribution::parse("--window", "file:" + file.path(), 0); },
                ThrowsMessage<BadInput>(HasSubstr(message)))
        << text;
  };
  refused("", "no numbers");
  refused("1000 5\nx 3\n", ":2: 'x' is not a number");
  refused("1000\n", "1 number; accepted are lines of 2");
  refused("1000 5\n1000 5\n", "do not ascend");
  refused("1000 -5\n", "below 0");
  refused("1000 0\n", "no sample");
  EXPECT_THROW((void)TimeDistribution::parse("--window", "file:/nowhere/x", 0), BadInput);
}

TEST(BackoffPolicy, waits_double_up_to_the_longest) {
  const BackoffPolicy plain = BackoffPolicy::parse("exponential:1ms..5ms");
  EXPECT_DOUBLE_EQ(plain.mean_s(0), 1e-3);
  EXPECT_DOUBLE_EQ(plain.mean_s(2), 4e-3);
  EXPECT_DOUBLE_EQ(plain.mean_s(3), 5e-3);
  EXPECT_DOUBLE_EQ(plain.mean_s(4'000'000'000), 5e-3);
  const BackoffPolicy jitter = BackoffPolicy::parse("full-jitter:1ms..5ms");
  EXPECT_DOUBLE_EQ(jitter.mean_s(1), 1e-3);
  Random random(1);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double wait = jitter.draw(1, random);
    ASSERT_TRUE(wait > 0 && wait <= 2e-3);
    sum += wait;
  }
  EXPECT_NEAR(sum / 100'000, 1e-3, 1e-5);
  EXPECT_DOUBLE_EQ(BackoffPolicy::parse("none").draw(3, random), 0);
}

TEST(BackoffPolicy, text_that_is_none_is_refused) {
  for (const char* text : {"", "exponential", "exponential:1ms", "jitter:1ms..2ms", "none:1ms..2ms",
                           "full-jitter:0..1s", "full-jitter:2ms..1ms", "full-jitter:1ms..", "full-jitter:..1ms"}) {
    EXPECT_THROW((void)BackoffPolicy::parse(text), BadInput) << text;
  }
}

TEST(Popularity, classes_hold_every_document_and_sum_to_one) {
  for (const char* text : {"uniform", "zipf:0.99", "zipf:1", "zipf:2", "hot:8"}) {
    const Popularity popularity = Popularity::of(Distribution::parse(text), 1'000'000);
    double sum = 0;
    double documents = 0;
    double before = 1;
    for (const DocumentClass& each : popularity.classes()) {
      EXPECT_LE(each.probability, before);
      before = each.probability;
      sum += each.probability * each.documents;
      documents += each.documents;
    }
    EXPECT_NEAR(sum, 1, 1e-9) << text;
    EXPECT_DOUBLE_EQ(documents, std::string(text) == "hot:8" ? 8 : 1e6);
  }
}

// Exact sums: classes must give sum p^2 as the closed form does.
TEST(Popularity, classes_of_zipf_are_narrow_enough_for_squares) {
  const Popularity popularity = Popularity::of(Distribution::parse("zipf:0.8"), 10'000'000);
  double squares = 0;
  for (const DocumentClass& each : popularity.classes())
    squares += each.probability * each.probability * each.documents;
  EXPECT_NEAR(squares / popularity.collision_probability(), 1, 1e-4);
}

TEST(Popularity, draws_of_counts_follow_the_counts) {
  const Popularity popularity = Popularity::of_counts({50, 0, 10, 30, 7, 3}, "x");
  Random random(3);
  std::map<std::uint32_t, double> seen;
  for (int i = 0; i < 100'000; ++i) ++seen[popularity.draw(random)];
  EXPECT_EQ(seen.count(1), 0U);
  for (const auto& [document, share] :
       std::map<std::uint32_t, double>{{0, 0.5}, {2, 0.1}, {3, 0.3}, {4, 0.07}, {5, 0.03}})
    EXPECT_NEAR(seen[document] / 1e5, share, 0.005);
  EXPECT_NEAR(popularity.collision_probability(), 0.25 + 0.01 + 0.09 + 0.0049 + 0.0009, 1e-12);
}

TEST(Popularity, draws_of_zipf_follow_their_probabilities) {
  const Popularity popularity = Popularity::of(Distribution::parse("zipf:0.99"), 10'000'000);
  Random random(3);
  double first = 0;
  for (int i = 0; i < 200'000; ++i) first += popularity.draw(random) == 0 ? 1 : 0;
  EXPECT_NEAR(first / 200'000, popularity.classes().front().probability, 0.002);
}

TEST(Popularity, files_of_counts_and_of_ids_are_read) {
  const TextFile file("3\n1\n");
  EXPECT_DOUBLE_EQ(Popularity::read_counts(file.path()).classes().front().probability, 0.75);
  const TextFile ids("b\na\na\r\n\na\n");
  EXPECT_DOUBLE_EQ(Popularity::read_ids(ids.path()).classes().front().probability, 0.75);
  const TextFile empty("");
  EXPECT_THROW((void)Popularity::read_ids(empty.path()), BadInput);
  EXPECT_THROW((void)Popularity::of_counts({0, 0}, "x"), BadInput);
  EXPECT_THROW((void)Popularity::of_counts({1, -1}, "x"), BadInput);
  EXPECT_THROW((void)Popularity::of({}, 200'000'000), BadInput);
}

}  // namespace
}  // namespace occ
