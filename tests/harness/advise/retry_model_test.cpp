// The retry model against values derived by hand: in each test the algebra stands beside it. W = 1 unless said otherwise.
#include "harness/advise/retry_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/advise/conflict_curve.hpp"

namespace occ {
namespace {

const std::vector<DocumentClass> kOneDocument{{1, 1}};

RetryModel closed(std::uint64_t clients, double think_s, const TimeDistribution& window = TimeDistribution::fixed(1),
                  std::vector<DocumentClass> classes = kOneDocument) {
  return RetryModel({.clients = clients, .think = TimeDistribution::fixed(think_s), .window = window}, classes);
}
RetryModel open(double rate_per_s, BackoffPolicy backoff = {}) {
  return RetryModel({.rate_per_s = rate_per_s, .window = TimeDistribution::fixed(1), .backoff = backoff}, kOneDocument);
}

// E[T] = W + 1/s, so A = 1 + s W and q = s W / (1 + s W) = rho.
TEST(ConflictCurve, fixed_windows_conflict_as_often_as_the_load_says) {
  const ConflictCurve curve(TimeDistribution::fixed(0.002));
  EXPECT_DOUBLE_EQ(curve.attempts(1), 2);
  EXPECT_DOUBLE_EQ(curve.conflict(0), 0);
  EXPECT_DOUBLE_EQ(curve.conflict(0.3), 0.3);
  EXPECT_DOUBLE_EQ(curve.conflict(1.7), 1);
}

// A = a^(1-a) e^a gamma(a, a): e - 1 for a = 1, (e^2 - 3) / 2 for a = 2.
TEST(ConflictCurve, exponential_windows_follow_the_incomplete_gamma_function) {
  const ConflictCurve curve(TimeDistribution::exponential(0.002));
  const double one = std::exp(1) - 1;
  const double two = (std::exp(2) - 3) / 2;
  EXPECT_NEAR(curve.attempts(1), one, 1e-4);
  EXPECT_NEAR(curve.attempts(2), two, 1e-4);
  EXPECT_NEAR(curve.conflict(1 / one), 1 - 1 / one, 1e-4);
  EXPECT_NEAR(curve.conflict(2 / two), 1 - 1 / two, 1e-4);
  EXPECT_NEAR(curve.attempts(1e6) / std::sqrt(std::acos(-1.0) * 1e6 / 2), 1, 5e-3);
}

// Even from 0 to 2: G(u) = u^2 / 4 up to 2, then u - 1, so A(1) = sqrt(pi) erf(1) + 1/e.
TEST(ConflictCurve, measured_windows_are_integrated) {
  const ConflictCurve curve(TimeDistribution::histogram({{1, 1}, {2, 1}}, "even"));
  EXPECT_NEAR(curve.attempts(1), std::sqrt(std::acos(-1.0)) * std::erf(1) + std::exp(-1), 1e-5);
}

TEST(ConflictCurve, gamma_of_shape_one_is_exponential) {
  const ConflictCurve gamma(TimeDistribution::gamma(1, 3));
  const ConflictCurve exponential(TimeDistribution::exponential(3));
  for (const double rho : {1e-6, 0.01, 0.3, 1.0, 3.0})
    EXPECT_NEAR(gamma.conflict(rho), exponential.conflict(rho), 1e-6);
}

TEST(ConflictCurve, any_windows_conflict_in_proportion_where_the_load_is_small) {
  for (const auto& window : {TimeDistribution::exponential(1), TimeDistribution::gamma(4, 1)})
    EXPECT_NEAR(ConflictCurve(window).conflict(1e-4) / 1e-4, 1, 1e-3);
}

TEST(Unfairness, ramanujan_and_lockstep_are_as_by_hand) {
  EXPECT_DOUBLE_EQ(ramanujan_attempts(1), 1);
  EXPECT_DOUBLE_EQ(ramanujan_attempts(2), 1.5);
  EXPECT_DOUBLE_EQ(ramanujan_attempts(4), 1 + 3.0 / 4 + 6.0 / 16 + 6.0 / 64);
  EXPECT_NEAR(ramanujan_attempts(16), 4.70, 0.005);
  EXPECT_NEAR(ramanujan_attempts(1'000'000), std::sqrt(std::acos(-1.0) * 5e5) - 1.0 / 3, 1e-3);
  EXPECT_DOUBLE_EQ(lockstep_conflict(1), 0);
  EXPECT_DOUBLE_EQ(lockstep_conflict(4), 0.75);
}

// Attempts of one try: s = Y, so q = Y / (1 + Y).
TEST(RetryModel, open_loop_without_retries_loses_what_conflicts) {
  const auto there = open(1).predict(0).value();
  EXPECT_NEAR(there.conflict, 0.5, 1e-9);
  EXPECT_NEAR(there.exhausted(), 0.5, 1e-9);
  EXPECT_DOUBLE_EQ(there.attempts_per_operation, 1);
  EXPECT_NEAR(there.hottest_rho, 0.5, 1e-9);
}

// Every operation commits, so rho = Y and q = Y.
TEST(RetryModel, open_loop_with_endless_retries_has_geometric_retries) {
  const auto there = open(0.5).predict(kUnboundedRetries).value();
  EXPECT_NEAR(there.conflict, 0.5, 1e-9);
  EXPECT_NEAR(there.attempts_per_operation, 2, 1e-8);
  EXPECT_NEAR(there.with_retries(0), 0.5, 1e-9);
  EXPECT_NEAR(there.with_retries(2), 0.125, 1e-9);
  EXPECT_NEAR(there.beyond(2), 0.125, 1e-9);
  EXPECT_DOUBLE_EQ(there.exhausted(), 0);
}

TEST(RetryModel, open_loop_beyond_one_commit_a_window_has_no_steady_state) {
  EXPECT_FALSE(open(1.01).predict(kUnboundedRetries));
  EXPECT_TRUE(open(1.01).predict(3));
}

TEST(RetryModel, last_retry_holds_the_exhausted_ones_too) {
  const auto there = open(0.5).predict(2).value();
  double sum = 0;
  for (std::uint32_t k = 0; k <= 3; ++k) sum += there.with_retries(k);
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_NEAR(there.with_retries(2), there.beyond(1), 1e-12);
}

// Z = 0: rho = (C - 1) / A and q = rho, so A = C.
TEST(RetryModel, clients_without_think_time_need_as_many_attempts_as_they_are) {
  for (const std::uint64_t clients : {2U, 16U, 128U}) {
    const auto there = closed(clients, 0).predict(kUnboundedRetries).value();
    EXPECT_NEAR(there.conflict, lockstep_conflict(clients), 1e-6) << clients;
  }
}

// C = 2, Z = W: q = Y/2 and 2 = Y (1 + 1/(1 - q)), so q^2 - 3 q + 1 = 0.
TEST(RetryModel, two_clients_that_think_a_window_solve_a_quadratic) {
  const auto there = closed(2, 1).predict(kUnboundedRetries).value();
  EXPECT_NEAR(there.conflict, (3 - std::sqrt(5)) / 2, 1e-9);
  EXPECT_NEAR(there.operations_per_s, 3 - std::sqrt(5), 1e-9);
}

TEST(RetryModel, one_client_alone_never_conflicts) {
  const auto there = closed(1, 3).predict(5).value();
  EXPECT_DOUBLE_EQ(there.conflict, 0);
  EXPECT_NEAR(there.operations_per_s, 0.25, 1e-9);
}

// Two documents that are alike halve the load of each.
TEST(RetryModel, documents_share_the_load) {
  const auto there = RetryModel({.rate_per_s = 0.5, .window = TimeDistribution::fixed(1)}, {{0.5, 2}})
                         .predict(kUnboundedRetries)
                         .value();
  EXPECT_NEAR(there.conflict, 0.25, 1e-9);
}

// Conflicts by attempts: (0.9 A0 q0 + 0.1 A1 q1) / (0.9 A0 + 0.1 A1), A = 1 / (1 - q).
TEST(RetryModel, conflict_probability_weighs_documents_by_their_attempts) {
  const auto there = RetryModel({.rate_per_s = 0.5, .window = TimeDistribution::fixed(1)}, {{0.9, 1}, {0.1, 1}})
                         .predict(kUnboundedRetries)
                         .value();
  const double hot = 0.9 / 0.55;
  const double cold = 0.1 / 0.95;
  EXPECT_NEAR(there.conflict, (hot * 0.45 + cold * 0.05) / (hot + cold), 1e-9);
  EXPECT_NEAR(there.beyond(3), 0.9 * std::pow(0.45, 4) + 0.1 * std::pow(0.05, 4), 1e-12);
}

// Waits after the conflicts of an operation with two retries: q b0 + q^2 b1; with full jitter b0 = 2, b1 = 4 = b2.
TEST(RetryModel, operations_wait_between_their_tries) {
  const BackoffPolicy backoff{BackoffPolicy::Kind::full_jitter, 4, 8};
  const auto two = open(0.5, backoff).predict(2).value();
  const double q = two.conflict;
  EXPECT_NEAR(two.operation_s, two.attempts_per_operation + 2 * q + 4 * q * q, 1e-9);
  const auto endless = open(0.5, backoff).predict(kUnboundedRetries).value();
  EXPECT_NEAR(endless.operation_s, 2 + 2 * 0.5 + 4 * 0.5, 1e-6);
}

TEST(RetryModel, waiting_clients_conflict_less) {
  RetryLoad load{.clients = 16, .think = TimeDistribution::fixed(10), .window = TimeDistribution::fixed(1)};
  const double without = RetryModel(load, kOneDocument).predict(10)->exhausted();
  load.backoff = {BackoffPolicy::Kind::full_jitter, 2, 2048};
  EXPECT_LT(RetryModel(load, kOneDocument).predict(10)->exhausted(), without / 4);
}

// 0.2^(N + 1) < 1e-6 from N = 8 on.
TEST(RetryModel, fewest_retries_are_the_first_that_reach_the_target) {
  const RetryModel model = open(0.2);
  EXPECT_EQ(model.fewest_retries(1e-6, 1000)->retries, 8U);
  EXPECT_GE(model.predict(7)->exhausted(), 1e-6);
  EXPECT_EQ(model.fewest_retries(3e-6, 1000)->retries, 7U);
  EXPECT_EQ(model.fewest_retries(0.5, 1000)->retries, 0U);
  EXPECT_FALSE(model.fewest_retries(1e-6, 7));
}

// Zipf 0.99: the tail of retries is the hot documents', so the mean conflict probability says too few.
TEST(RetryModel, skewed_documents_need_more_retries_than_their_mean_says) {
  const auto classes = Popularity::of(Distribution::parse("zipf:0.99"), 100'000).classes();
  const RetryModel model(
      {.clients = 64, .think = TimeDistribution::fixed(0.05), .window = TimeDistribution::fixed(0.004)}, classes);
  EXPECT_EQ(model.fewest_retries(1e-2, 100)->retries, 2U);
  EXPECT_EQ(model.fewest_retries(1e-3, 100)->retries, 4U);
  EXPECT_EQ(model.fewest_retries(1e-4, 100)->retries, 6U);
  EXPECT_LT(std::pow(model.predict(3)->conflict, 4), 1e-4);
}

}  // namespace
}  // namespace occ
