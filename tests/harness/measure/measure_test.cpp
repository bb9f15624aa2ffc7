#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "harness/measure/disturbance.hpp"
#include "harness/measure/latency_histogram.hpp"
#include "harness/measure/perf_counters.hpp"
#include "harness/report/environment.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/cycle_clock.hpp"
#include "harness/support/permutation.hpp"
#include "harness/support/process_usage.hpp"
#include "harness/support/random.hpp"
#include "harness/support/statistics.hpp"
#include "harness/workload/distribution.hpp"
#include "harness/workload/doc_id.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/increment.hpp"
#include "harness/workload/zipf.hpp"

namespace occ {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Seeds are fixed, so a p-value is the same at every run; right generators fall below this once in 10,000 seeds.
constexpr double kLeastP = 1e-4;

double chi_square_p(const std::vector<double>& expected, const std::vector<double>& observed) {
  double statistic = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    statistic += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
  }
  const boost::math::chi_squared distribution{static_cast<double>(expected.size() - 1)};
  return boost::math::cdf(boost::math::complement(distribution, statistic));
}

TEST(Random, next_same_seed_gives_same_stream) {
  Random a{stream_seed(7, 3, 2)};
  Random b{stream_seed(7, 3, 2)};
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(a.next(), b.next());
}

TEST(Random, next_from_seed_zero_follows_the_reference) {
  // xoshiro256++ whose state is the first four outputs of splitmix64 from 0.
  Random random{0};
  for (const std::uint64_t expected :
       {5987356902031041503U, 7051070477665621255U, 6633766593972829180U, 211316841551650330U, 9136120204379184874U}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(Random, stream_seed_any_argument_changed_gives_other_stream) {
  std::set<std::uint64_t> first_values;
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    for (std::uint64_t thread = 0; thread < 16; ++thread) {
      for (std::uint64_t replicate = 0; replicate < 16; ++replicate) {
        seeds.insert(stream_seed(seed, thread, replicate));
        first_values.insert(Random{stream_seed(seed, thread, replicate)}.next());
      }
    }
  }
  EXPECT_EQ(seeds.size(), 16U * 16 * 16);
  EXPECT_EQ(first_values.size(), 16U * 16 * 16);
}

TEST(Random, next_neighbouring_threads_are_uncorrelated) {
  Random a{stream_seed(1, 0, 0)};
  Random b{stream_seed(1, 1, 0)};
  constexpr int kWords = 100'000;
  std::int64_t equal_bits = 0;
  for (int i = 0; i < kWords; ++i) equal_bits += std::popcount(~(a.next() ^ b.next()));
  const double mean = 32.0 * kWords;
  EXPECT_NEAR(static_cast<double>(equal_bits), mean, 5 * std::sqrt(16.0 * kWords));
}

TEST(Random, below_small_bound_is_uniform) {
  Random random{5};
  for (const std::uint64_t bound : {1U, 2U, 3U, 7U, 100U}) {
    std::vector<double> observed(bound);
    for (int i = 0; i < 100'000; ++i) ++observed.at(random.below(bound));
    if (bound == 1) continue;
    EXPECT_GT(chi_square_p(std::vector<double>(bound, 100'000.0 / static_cast<double>(bound)), observed), kLeastP);
  }
}

TEST(Random, below_bound_that_does_not_divide_is_unbiased) {
  // Scaling without rejection would give the middle third of this range half of the weight it should have.
  Random random{6};
  constexpr std::uint64_t kBound = 0xc000000000000000;
  std::vector<double> observed(3);
  for (int i = 0; i < 300'000; ++i) ++observed.at(random.below(kBound) % 3);
  EXPECT_GT(chi_square_p({100'000, 100'000, 100'000}, observed), kLeastP);
}

TEST(Random, uniform_many_draws_stays_above_zero_up_to_one) {
  Random random{8};
  double sum = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const double value = random.uniform();
    ASSERT_GT(value, 0);
    ASSERT_LE(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 1e6, 0.5, 0.002);
}

class ZipfOf : public ::testing::TestWithParam<std::tuple<double, std::uint64_t>> {};

TEST_P(ZipfOf, draw_many_ranks_has_exact_frequencies) {
  const auto [exponent, n] = GetParam();
  constexpr double kDraws = 2'000'000;
  const Zipf zipf{n, exponent};
  Random random{stream_seed(11, n, 0)};
  const std::uint64_t head = std::min<std::uint64_t>(n, 200);
  std::vector<double> observed(head + (n > head ? 1 : 0));
  for (int i = 0; i < static_cast<int>(kDraws); ++i) {
    const std::uint64_t rank = zipf(random);
    ASSERT_GE(rank, 1U);
    ASSERT_LE(rank, n);
    ++observed[std::min(rank - 1, observed.size() - 1)];
  }
  // The normaliser by plain summation, not by the code under test.
  double normaliser = 0;
  for (std::uint64_t rank = n; rank > 0; --rank) normaliser += std::pow(static_cast<double>(rank), -exponent);
  std::vector<double> expected(observed.size());
  for (std::uint64_t rank = 1; rank <= n; ++rank) {
    const double probability = std::pow(static_cast<double>(rank), -exponent) / normaliser;
    ASSERT_NEAR(zipf.probability(rank), probability, 1e-12 * probability);
    expected[std::min(rank - 1, expected.size() - 1)] += probability * kDraws;
  }
  if (n == 1) return;
  EXPECT_GT(chi_square_p(expected, observed), kLeastP);
}

INSTANTIATE_TEST_SUITE_P(ExponentsAndSizes, ZipfOf,
                         ::testing::Combine(::testing::Values(0.5, 0.99, 1.0, 1.0 + 1e-9, 1.5),
                                            ::testing::Values(1, 2, 3, 10, 1000, 1'000'000)));

TEST(Zipf, draw_extreme_exponent_stays_in_range) {
  Random random{1};
  for (const double exponent : {1e-6, 0.01, 3.0, 20.0, 100.0}) {
    for (const std::uint64_t n :
         {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 32U, std::uint64_t{1} << 53U}) {
      const Zipf zipf{n, exponent};
      for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t rank = zipf(random);
        ASSERT_GE(rank, 1U);
        ASSERT_LE(rank, n);
      }
    }
  }
}

TEST(Zipf, harmonic_above_the_switch_agrees_with_summation) {
  for (const double exponent : {0.2, 0.99, 1.0, 1.5, 2.0, 6.0}) {
    for (const std::uint64_t n : {999U, 1000U, 1001U, 5000U, 300'000U}) {
      double sum = 0;
      for (std::uint64_t k = n; k > 0; --k) sum += std::pow(static_cast<double>(k), -exponent);
      EXPECT_NEAR(Zipf::harmonic(n, exponent), sum, 1e-12 * sum) << n << " " << exponent;
    }
  }
}

TEST(Permutation, call_every_index_is_a_bijection) {
  std::vector<std::uint64_t> sizes(600);
  std::iota(sizes.begin(), sizes.end(), 1);
  for (const std::uint64_t n : {1023U, 1024U, 1025U, 65'537U, 100'000U}) sizes.push_back(n);
  for (const std::uint64_t n : sizes) {
    for (const std::uint64_t seed : {0U, 1U, 42U}) {
      const Permutation permutation{n, seed};
      std::vector<bool> seen(n);
      for (std::uint64_t index = 0; index < n; ++index) {
        const std::uint64_t image = permutation(index);
        ASSERT_LT(image, n);
        ASSERT_FALSE(seen[image]) << n << " " << seed;
        seen[image] = true;
        ASSERT_EQ(permutation.inverse(image), index);
      }
    }
  }
}

TEST(Permutation, call_other_seed_gives_other_order) {
  const Permutation a{1000, 1};
  const Permutation b{1000, 2};
  int equal = 0;
  for (std::uint64_t index = 0; index < 1000; ++index) equal += a(index) == b(index) ? 1 : 0;
  EXPECT_LT(equal, 10);  // about 1 by chance
}

TEST(Permutation, call_over_seeds_spreads_the_hottest_rank_evenly) {
  constexpr std::uint64_t kDocuments = 50;
  std::vector<double> observed(kDocuments);
  for (std::uint64_t seed = 0; seed < 50'000; ++seed) ++observed[Permutation{kDocuments, seed}(0)];
  EXPECT_GT(chi_square_p(std::vector<double>(kDocuments, 1000), observed), kLeastP);
}

TEST(Permutation, call_largest_range_comes_back) {
  const Permutation permutation{~std::uint64_t{0}, 3};
  for (std::uint64_t index = 0; index < 1000; ++index) EXPECT_EQ(permutation.inverse(permutation(index)), index);
}

TEST(Distribution, parse_accepted_forms_come_back_as_text) {
  for (const char* text : {"uniform", "zipf:0.99", "zipf:1", "zipf:1.5", "hot:1", "hot:16"}) {
    EXPECT_EQ(Distribution::parse(text).text(), text);
    EXPECT_EQ(Distribution::parse(Distribution::parse(text).text()), Distribution::parse(text));
  }
  EXPECT_EQ(Distribution::parse("hot:16").hot_documents, 16U);
  EXPECT_EQ(Distribution::parse("zipf:0.99").theta, 0.99);
}

TEST(Distribution, parse_bad_text_names_the_accepted_forms) {
  for (const char* text : {"",         "zipf",      "zipf:",    "zipf:x",  "zipf:-1", "zipf:0",
                           "zipf:nan", "zipf:inf",  "zipf:1e9", "zipf:1x", "zipf: 1", "hot",
                           "hot:",     "hot:0",     "hot:-1",   "hot:1.5", "hot:x",   "hot:99999999999999999999",
                           "Uniform",  "uniform:1", "flat"}) {
    try {
      (void)Distribution::parse(text);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const BadInput& error) {
      EXPECT_THAT(error.what(), HasSubstr("uniform | zipf:THETA | hot:K"));
      EXPECT_THAT(error.what(), HasSubstr("'" + std::string{text} + "'"));
    }
  }
}

TEST(Distribution, check_more_hot_documents_than_documents_throws) {
  EXPECT_NO_THROW(Distribution::parse("hot:10").check(10));
  EXPECT_THROW(Distribution::parse("hot:11").check(10), BadInput);
  EXPECT_THROW((IndexRing{Distribution::parse("hot:11"), 10, 1, 1}), BadInput);
}

TEST(Distribution, check_document_count_out_of_range_throws) {
  EXPECT_THROW(Distribution{}.check(0), BadInput);
  EXPECT_NO_THROW(Distribution{}.check(0xffffffff));
  EXPECT_THROW(Distribution{}.check(std::uint64_t{1} << 32U), BadInput);
}

TEST(Distribution, collision_probability_is_the_sum_of_squares) {
  EXPECT_DOUBLE_EQ(collision_probability(Distribution::parse("uniform"), 1000), 1e-3);
  EXPECT_DOUBLE_EQ(collision_probability(Distribution::parse("hot:4"), 1000), 0.25);
  const Zipf zipf{5000, 0.99};
  double sum = 0;
  for (std::uint64_t rank = 1; rank <= 5000; ++rank) sum += zipf.probability(rank) * zipf.probability(rank);
  EXPECT_NEAR(collision_probability(Distribution::parse("zipf:0.99"), 5000), sum, 1e-12);
}

TEST(IndexRing, sample_every_distribution_passes_its_own_check) {
  for (const char* text :
       {"uniform", "zipf:0.5", "zipf:0.99", "zipf:1", "zipf:1.5", "zipf:20", "hot:1", "hot:16", "hot:1000"}) {
    for (const std::uint64_t documents : {1000U, 1001U, 1'000'000U}) {
      const auto distribution = Distribution::parse(text);
      const IndexRing ring{distribution, documents, 9, stream_seed(9, 0, 0)};
      EXPECT_GT(generator_p(distribution, documents, 9, ring.sample(200'000)), kLeastP) << text << " " << documents;
    }
  }
}

TEST(IndexRing, sample_fewer_documents_than_cells_passes) {
  for (const char* text : {"uniform", "zipf:1", "hot:1"}) {
    for (const std::uint64_t documents : {1U, 2U, 3U}) {
      const auto distribution = Distribution::parse(text);
      const IndexRing ring{distribution, documents, 2, 3};
      const auto sample = ring.sample(100'000);
      EXPECT_LT(*std::max_element(sample.begin(), sample.end()), documents);
      EXPECT_GT(generator_p(distribution, documents, 2, sample), kLeastP) << text << " " << documents;
    }
  }
}

TEST(GeneratorP, other_distribution_is_refused) {
  const IndexRing ring{Distribution::parse("zipf:0.99"), 100'000, 9, 1};
  const auto sample = ring.sample(200'000);
  EXPECT_LT(generator_p(Distribution::parse("zipf:0.95"), 100'000, 9, sample), 1e-9);
  EXPECT_LT(generator_p(Distribution::parse("uniform"), 100'000, 9, sample), 1e-9);
  EXPECT_EQ(generator_p(Distribution::parse("hot:16"), 100'000, 9, sample), 0);
  // Another permutation: the right ranks on the wrong documents.
  EXPECT_LT(generator_p(Distribution::parse("zipf:0.99"), 100'000, 10, sample), 1e-9);
}

TEST(GeneratorP, tail_out_of_shape_is_refused) {
  // The head is right; half of the tail's draws are moved to the last rank.
  const auto distribution = Distribution::parse("zipf:0.99");
  const Permutation permutation{100'000, 9};
  const IndexRing ring{distribution, 100'000, 9, 1};
  auto sample = ring.sample(200'000);
  bool move = false;
  for (auto& index : sample) {
    if (permutation.inverse(index) >= 64 && (move = !move)) index = static_cast<std::uint32_t>(permutation(99'999));
  }
  EXPECT_LT(generator_p(distribution, 100'000, 9, sample), 1e-9);
}

TEST(GeneratorP, right_generator_is_uniform_over_seeds) {
  const auto distribution = Distribution::parse("zipf:0.99");
  const Permutation permutation{10'000, 4};
  const Zipf zipf{10'000, 0.99};
  std::vector<double> deciles(10);
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random{seed};
    std::vector<std::uint32_t> sample(20'000);
    for (auto& index : sample) index = static_cast<std::uint32_t>(permutation(zipf(random) - 1));
    const double p = generator_p(distribution, 10'000, 4, sample);
    ++deciles[std::min<std::size_t>(9, static_cast<std::size_t>(p * 10))];
  }
  EXPECT_GT(chi_square_p(std::vector<double>(10, 50), deciles), kLeastP);
}

TEST(IndexRing, next_gives_what_sample_foretold) {
  for (const char* text : {"uniform", "zipf:1", "hot:7"}) {
    IndexRing ring{Distribution::parse(text), 1000, 1, 2};
    const auto sample = ring.sample(5000);
    for (const std::uint32_t index : sample) ASSERT_EQ(ring.next(), index);
  }
}

TEST(IndexRing, next_past_the_end_of_the_ring_begins_anew) {
  IndexRing ring{Distribution::parse("zipf:1"), 1000, 1, 2};
  const auto sample = ring.sample(2 * IndexRing::kSize);
  EXPECT_TRUE(std::equal(sample.begin(), sample.begin() + IndexRing::kSize, sample.begin() + IndexRing::kSize));
}

TEST(IndexRing, next_threads_of_a_run_agree_on_the_hot_documents) {
  const auto distribution = Distribution::parse("hot:5");
  const auto first = IndexRing{distribution, 1'000'000, 8, stream_seed(1, 0, 0)}.sample(10'000);
  const auto second = IndexRing{distribution, 1'000'000, 8, stream_seed(1, 1, 0)}.sample(10'000);
  EXPECT_NE(first, second);
  EXPECT_EQ(std::set<std::uint32_t>(first.begin(), first.end()), std::set<std::uint32_t>(second.begin(), second.end()));
  EXPECT_EQ(std::set<std::uint32_t>(first.begin(), first.end()).size(), 5U);
}

TEST(DocId, call_any_index_is_d_and_hexadecimal_digits) {
  DocId id;
  Random random{1};
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t index = random.next() >> random.below(64);
    std::array<char, 32> expected{};
    std::snprintf(expected.data(), expected.size(), "d%016llx", static_cast<unsigned long long>(index));
    ASSERT_EQ(id(index), std::string_view{expected.data()});
  }
  EXPECT_EQ(id(0), "d0000000000000000");
  EXPECT_EQ(id(0x9abcdef), "d0000000009abcdef");
}

/// What an update computes from a source of document 3.
class IncrementOf : public ::testing::TestWithParam<SourceLayout> {
 protected:
  IncrementOf() {
    documents_.write_initial(3, source_);
    increment_.aim(3);
  }
  Transformed apply() { return increment_({.version = 1, .source = source_.bytes()}, next_); }

  Documents documents_ = Documents::generated(GetParam(), 10, 100, "");
  Increment increment_{documents_, 0};
  Source source_;
  Source next_;
};
INSTANTIATE_TEST_SUITE_P(Every, IncrementOf, ::testing::Values(SourceLayout::counter, SourceLayout::stock));

TEST_P(IncrementOf, whole_source_raises_the_counter_and_nothing_else) {
  EXPECT_EQ(apply(), Transformed::write);
  EXPECT_EQ(documents_.increments(3, next_.bytes(), source_), 1);
  EXPECT_EQ(increment_.torn(), 0U);
}

TEST_P(IncrementOf, source_with_two_counters_is_torn) {
  source_.data()[99] ^= std::byte{1};
  apply();
  EXPECT_EQ(increment_.torn(), 1U);
}

TEST_P(IncrementOf, source_of_another_document_is_torn) {
  increment_.aim(4);
  apply();
  EXPECT_EQ(increment_.torn(), 1U);
}

TEST(LatencyHistogram, percentile_random_data_keeps_the_error_bound) {
  Random random{3};
  for (const double spread : {3.0, 8.0, 25.0}) {
    auto histogram = std::make_unique<LatencyHistogram>();
    std::vector<std::uint64_t> values(20'000);
    for (auto& value : values) {
      value = static_cast<std::uint64_t>(std::exp(spread * random.uniform()));
      histogram->record(value);
    }
    std::sort(values.begin(), values.end());
    for (const double percent : {0.0, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
      const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(percent / 100 * 20'000)));
      const std::uint64_t exact = values[rank - 1];
      const std::uint64_t reported = histogram->percentile_ns(percent);
      EXPECT_GE(reported, exact);
      EXPECT_LE(static_cast<double>(reported - exact), LatencyHistogram::kRelativeError * static_cast<double>(exact));
    }
    EXPECT_EQ(histogram->max_ns(), values.back());
    EXPECT_EQ(histogram->percentile_ns(100), values.back());
  }
}

TEST(LatencyHistogram, record_every_boundary_lands_within_the_error_bound) {
  for (std::uint64_t power = 0; power < 37; ++power) {
    for (const std::int64_t off : {-1, 0, 1}) {
      const std::uint64_t value = (std::uint64_t{1} << power) + static_cast<std::uint64_t>(off);
      if (value > LatencyHistogram::kHighestNs) continue;
      auto histogram = std::make_unique<LatencyHistogram>();
      histogram->record(value);
      histogram->record(LatencyHistogram::kHighestNs);
      const std::uint64_t reported = histogram->percentile_ns(50);
      EXPECT_GE(reported, value);
      EXPECT_LE(reported - value, value / 128);
    }
  }
}

TEST(LatencyHistogram, merge_two_halves_equals_the_whole) {
  Random random{4};
  auto whole = std::make_unique<LatencyHistogram>();
  auto left = std::make_unique<LatencyHistogram>();
  auto right = std::make_unique<LatencyHistogram>();
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t value = random.next() >> random.below(64);
    whole->record(value);
    (i % 3 == 0 ? left : right)->record(value);
  }
  left->merge(*right);
  EXPECT_TRUE(*left == *whole);
  EXPECT_EQ(left->count(), 50'000U);
  right->record(1);
  EXPECT_FALSE(*right == *whole);
}

TEST(LatencyHistogram, record_above_the_range_keeps_the_maximum) {
  auto histogram = std::make_unique<LatencyHistogram>();
  EXPECT_EQ(histogram->percentile_ns(50), 0U);
  histogram->record(0);
  histogram->record(~std::uint64_t{0});
  EXPECT_EQ(histogram->count(), 2U);
  EXPECT_EQ(histogram->percentile_ns(50), 0U);
  EXPECT_EQ(histogram->percentile_ns(100), ~std::uint64_t{0});
}

TEST(CycleClock, stamps_in_program_order_never_go_back) {
  const CycleClock& clock = CycleClock::instance();
  std::uint64_t last = clock.begin();
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t stamp = i % 2 == 0 ? clock.end() : clock.end_after_store();
    ASSERT_GE(stamp, last);
    last = stamp;
  }
}

TEST(CycleClock, to_ns_agrees_with_the_steady_clock) {
  // Each stamp lies between two of the steady clock, so that waiting for the processor cannot make this fail.
  using std::chrono::steady_clock;
  const auto ns = [](steady_clock::duration time) {
    return static_cast<double>(std::chrono::nanoseconds{time}.count());
  };
  const CycleClock& clock = CycleClock::instance();
  const auto before_begin = steady_clock::now();
  const std::uint64_t begin = clock.begin();
  const auto after_begin = steady_clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds{100});
  const auto before_end = steady_clock::now();
  const std::uint64_t end = clock.end();
  const auto after_end = steady_clock::now();
  const auto measured = static_cast<double>(clock.to_ns(end - begin));
  EXPECT_GE(measured, ns(before_end - after_begin) * (1 - 1e-3));
  EXPECT_LE(measured, ns(after_end - before_begin) * (1 + 1e-3));
  EXPECT_GT(clock.cost_ns(), 0);
}

TEST(CycleClock, sample_around_nothing_takes_what_it_says) {
  const CycleClock& clock = CycleClock::instance();
  for (const bool after_store : {false, true}) {
    EXPECT_GT(clock.sample_cost_ns(after_store), 0);
    const std::uint64_t begin = clock.begin_sample(after_store);
    EXPECT_LE(begin, clock.end_sample(after_store));
  }
}

TEST(CycleClock, to_ns_large_stamp_loses_nothing) {
  const CycleClock& clock = CycleClock::instance();
  const std::uint64_t year = clock.to_ticks(365ULL * 86'400 * 1'000'000'000);
  const std::uint64_t step = clock.to_ticks(1'000'000);
  EXPECT_THAT(static_cast<double>(clock.to_ns(year + step) - clock.to_ns(year)), DoubleNear(1e6, 2));
}

TEST(CpuTimes, since_busy_thread_counts_it_as_this_process) {
  const CpuTimes before = CpuTimes::now();
  volatile std::uint64_t sink = 0;
  CpuTimes used;
  do {
    for (int i = 0; i < 1'000'000; ++i) sink = sink + 1;
    used = CpuTimes::now().since(before);
  } while (used.user_s + used.sys_s < 0.05);
  EXPECT_GE(used.machine_s, 0);
  EXPECT_GE(used.other_s(), 0);
}

TEST(CpuTimes, other_s_is_what_the_process_did_not_use) {
  EXPECT_DOUBLE_EQ((CpuTimes{.user_s = 1, .sys_s = 0.5, .machine_s = 4}.other_s()), 2.5);
  EXPECT_EQ((CpuTimes{.user_s = 1, .sys_s = 0, .machine_s = 0.99}.other_s()), 0);
}

TEST(CpuTimes, since_thread_that_slept_counts_voluntary_switches) {
  const CpuTimes before = CpuTimes::now();
  for (int i = 0; i < 5; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  const CpuTimes used = CpuTimes::now().since(before);
  EXPECT_GE(used.voluntary_switches, 5U);
  EXPECT_GE(used.steal_s, 0);
}

/// A second of two threads on two processors, with nothing else there.
WindowReadings quiet_second() {
  return {.window_s = 1,
          .cpu = {.user_s = 1.9, .sys_s = 0.05, .machine_s = 1.97},
          .threads = 2,
          .processors = 2,
          .mhz = 3000};
}

TEST(Disturbance, judge_quiet_second_convicts_nothing) {
  const Disturbance found = judge(quiet_second(), 3000);
  EXPECT_FALSE(found.is_disturbed()) << found.by;
  EXPECT_EQ(found.text(), "");
  EXPECT_NEAR(found.cpu_other_share, 0.02, 1e-9);
}

TEST(Disturbance, judge_two_busy_loops_beside_it_says_so) {
  WindowReadings readings = quiet_second();
  readings.cpu.user_s = 0.95;
  readings.cpu.involuntary_switches = 400;
  const Disturbance found = judge(readings);
  EXPECT_EQ(found.by, "cpu_other+switches");
  EXPECT_EQ(found.text(), "others took 97 % of a processor, 400 involuntary switches");
  EXPECT_NEAR(found.cpu_other_share, 0.97, 1e-9);
}

TEST(Disturbance, judge_each_reading_alone_beyond_its_limit_is_named) {
  const DisturbanceLimits limits;
  const double most_s = limits.share + limits.resolution_s * std::sqrt(2);
  for (const double beyond : {0.0, 0.001}) {
    const bool convicts = beyond > 0;
    WindowReadings readings = quiet_second();
    readings.cpu.machine_s = 1.95 + most_s - 0.0005 + beyond;
    EXPECT_EQ(judge(readings).by, convicts ? "cpu_other" : "");
    readings = quiet_second();
    readings.cpu.steal_s = most_s - 0.0005 + beyond;
    EXPECT_EQ(judge(readings).by, convicts ? "steal" : "");
    readings = quiet_second();
    readings.cpu.involuntary_switches = convicts ? 121 : 120;
    EXPECT_EQ(judge(readings).by, convicts ? "switches" : "");
    readings = quiet_second();
    readings.mhz = convicts ? 2699 : 2701;
    EXPECT_EQ(judge(readings, 3000).by, convicts ? "frequency" : "");
    EXPECT_EQ(judge(readings).by, "");
  }
}

TEST(Disturbance, judge_switches_of_more_threads_than_processors_convicts_nothing) {
  WindowReadings readings = quiet_second();
  readings.cpu.involuntary_switches = 5000;
  readings.threads = 3;
  EXPECT_EQ(judge(readings).by, "");
  readings.threads = 2;
  EXPECT_EQ(judge(readings).by, "switches");
}

TEST(Disturbance, judge_switches_that_waking_threads_of_its_own_caused_convicts_nothing) {
  WindowReadings readings = quiet_second();
  readings.cpu.involuntary_switches = 5000;
  readings.cpu.voluntary_switches = 5000;
  EXPECT_EQ(judge(readings).by, "");
}

TEST(Disturbance, judge_server_on_the_same_machine_is_not_another) {
  WindowReadings readings = quiet_second();
  readings.cpu.user_s = 0.5;
  readings.cpu.involuntary_switches = 5000;
  readings.is_remote = true;
  EXPECT_EQ(judge(readings).by, "");
  readings.cpu.steal_s = 0.5;
  EXPECT_EQ(judge(readings).by, "steal");
}

TEST(MachineWarnings, quiet_machine_has_none) {
  EXPECT_TRUE(machine_warnings({.others = 0.1,
                                .processors = 2,
                                .usable = 2,
                                .load_average = 3,
                                .governor = "performance",
                                .has_invariant_clock = true},
                               2)
                  .empty());
}

TEST(MachineWarnings, each_fault_has_a_line_with_what_to_do) {
  const auto warnings = machine_warnings({.others = 1.9,
                                          .processors = 2,
                                          .usable = 2,
                                          .load_average = 3,
                                          .governor = "powersave",
                                          .has_invariant_clock = false},
                                         4);
  EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("1.9 of 2 processors (load average 3.0)"), HasSubstr("stop them")),
                                    AllOf(HasSubstr("powersave"), HasSubstr("cpupower")),
                                    AllOf(HasSubstr("time stamp counter"), HasSubstr("constant_tsc")),
                                    AllOf(HasSubstr("4 threads share 2"), HasSubstr("--threads"))));
}

TEST(MemoryUsage, now_after_touching_memory_has_grown_and_peak_resets) {
  constexpr std::uint64_t kBytes = 64 << 20;
  const MemoryUsage before = MemoryUsage::now();
  ASSERT_GT(before.rss_bytes, 0U);
  EXPECT_EQ(before.rss_bytes % 4096, 0U);  // whole pages
  {
    std::vector<char> block(kBytes, 'x');
    const MemoryUsage during = MemoryUsage::now();
    EXPECT_GE(during.rss_bytes + (4 << 20), before.rss_bytes + kBytes) << block[kBytes / 2];
    EXPECT_GE(during.rss_peak_bytes, during.rss_bytes);
  }
  const MemoryUsage after = MemoryUsage::now();
  EXPECT_GE(after.rss_peak_bytes + (4 << 20), before.rss_bytes + kBytes);
  // Sanitizers keep freed memory, so that there may be nothing to see.
  if (reset_peak_rss() && after.rss_bytes < before.rss_bytes + kBytes / 2) {
    EXPECT_LT(MemoryUsage::now().rss_peak_bytes, after.rss_peak_bytes - kBytes / 2);
  }
}

TEST(PerfCounters, read_gives_counts_or_says_why_not) {
  PerfCounters counters;
  counters.start();
  volatile int sink = 0;
  for (int i = 0; i < 100'000; ++i) sink = sink + 1;
  counters.stop();
  const PerfCounts counts = counters.read();
  EXPECT_GT(counts.instructions.value_or(1'000'000), 100'000U);
  if (!counters.why_not().empty()) {
    EXPECT_FALSE(counts.cycles && counts.instructions && counts.cache_misses);
  }
}

TEST(PerfCounts, merge_with_something_unavailable_is_unavailable) {
  PerfCounts sum;
  sum.merge({.cycles = 5, .instructions = 7, .cache_misses = std::nullopt});
  sum.merge({.cycles = 6, .instructions = std::nullopt, .cache_misses = 1});
  EXPECT_EQ(sum.cycles, 11U);
  EXPECT_EQ(sum.instructions, std::nullopt);
  EXPECT_EQ(sum.cache_misses, std::nullopt);
}

TEST(Environment, environment_names_every_part_of_the_provenance) {
  const nlohmann::json json = environment();
  for (const char* key : {"cpu", "kernel", "transparent_hugepage", "compiler", "flags", "commit", "dirty", "allocator",
                          "clock", "load_average", "performance_counters"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  for (const char* key : {"model", "cores_online", "smt_active", "governor"})
    EXPECT_TRUE(json["cpu"].contains(key)) << key;
  EXPECT_GE(json["cpu"]["cores_online"].get<int>(), 1);
  EXPECT_FALSE(json["commit"].get<std::string>().empty());
}

TEST(Statistics, quantile_interpolates_between_neighbours) {
  const std::vector<double> values{4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(median(values), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(values, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 4);
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(Statistics, median_interval_is_repeatable_and_holds_the_median) {
  Random random{2};
  std::vector<double> values(30);
  for (double& value : values) value = random.uniform();
  const Interval first = median_interval(values);
  const Interval second = median_interval(values);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
  EXPECT_LT(first.low, first.median);
  EXPECT_LT(first.median, first.high);
  EXPECT_EQ(first.median, median(values));
  const Interval wider = median_interval(values, {.confidence = 0.999});
  EXPECT_LT(wider.low, first.low);
  EXPECT_GT(wider.high, first.high);
}

TEST(Statistics, median_interval_of_one_or_equal_values_is_a_point) {
  const Interval one = median_interval(std::vector<double>{5});
  EXPECT_EQ(one.low, 5);
  EXPECT_EQ(one.high, 5);
  const Interval same = median_interval(std::vector<double>(10, 3.0));
  EXPECT_EQ(same.low, 3);
  EXPECT_EQ(same.high, 3);
}

TEST(Statistics, median_interval_of_fewer_than_six_is_their_range) {
  const Interval five = median_interval(std::vector<double>{3, 1, 2, 5, 4});
  EXPECT_TRUE(five.is_range);
  EXPECT_EQ(five.low, 1);
  EXPECT_EQ(five.median, 3);
  EXPECT_EQ(five.high, 5);
  EXPECT_FALSE(median_interval(std::vector<double>{3, 1, 2, 5, 4, 6}).is_range);
}

TEST(Statistics, median_interval_covers_the_true_median_as_often_as_it_says) {
  int covered = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random{seed};
    std::vector<double> values(25);
    for (double& value : values) value = -std::log(random.uniform());
    const Interval interval = median_interval(values, {.seed = seed, .resamples = 500});
    covered += interval.low <= std::log(2) && std::log(2) <= interval.high ? 1 : 0;
  }
  EXPECT_GT(covered, 400 * 0.90);
  EXPECT_LT(covered, 400 * 0.995);
}

TEST(Statistics, median_interval_of_25_ranks_has_the_binomial_quantiles) {
  // The median of a resample is at most k exactly when 13 of 25 draws are: the 2.5 % quantile is 8, the 5 % one 9.
  std::vector<double> ranks(25);
  std::iota(ranks.begin(), ranks.end(), 1);
  const Interval interval = median_interval(ranks);
  EXPECT_EQ(interval.low, 8);
  EXPECT_EQ(interval.high, 18);
}

TEST(Statistics, paired_ratio_removes_what_pairs_share) {
  Random random{3};
  std::vector<double> a(10);
  std::vector<double> b(10);
  for (std::size_t i = 0; i < 10; ++i) {
    b[i] = 1 + 100 * random.uniform();
    a[i] = 2 * b[i];
  }
  const Interval ratio = paired_ratio(a, b);
  EXPECT_DOUBLE_EQ(ratio.low, 2);
  EXPECT_DOUBLE_EQ(ratio.median, 2);
  EXPECT_DOUBLE_EQ(ratio.high, 2);
  EXPECT_THROW((void)paired_ratio(a, std::vector<double>(9, 1.0)), std::invalid_argument);
}

TEST(Statistics, geometric_mean_of_reciprocals_is_one) {
  EXPECT_DOUBLE_EQ(geometric_mean(std::vector<double>{0.5, 2, 4, 0.25}), 1);
  EXPECT_TRUE(std::isnan(geometric_mean(std::vector<double>{1, 0})));
  EXPECT_TRUE(std::isnan(geometric_mean({})));
}

TEST(Statistics, jain_equal_shares_is_one_and_one_winner_is_one_in_n) {
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{3, 3, 3, 3}), 1);
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{8, 0, 0, 0}), 0.25);
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{1, 2, 3}), 36.0 / (3 * 14));
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{0, 0}), 1);
}

TEST(Statistics, outliers_far_value_is_flagged) {
  // Quartiles 2.25 and 4.75: the fence stands at 8.5.
  EXPECT_THAT(outliers(std::vector<double>{1, 2, 9, 3, 4, 5}), ElementsAre(false, false, true, false, false, false));
  EXPECT_THAT(outliers(std::vector<double>{1, 2, 8, 3, 4, 5}), ElementsAre(false, false, false, false, false, false));
  EXPECT_THAT(outliers(std::vector<double>{1, 1, 1}), ElementsAre(false, false, false));
}

}  // namespace
}  // namespace occ
