// Simulation and model agree within max(0.01, 10 %) in the conflict probability where clients think for longer than a
// window. Seeds are fixed, so the test says the same every time.
#include <gtest/gtest.h>

#include <cmath>

#include "fmt/format.h"
#include "harness/advise/retry_model.hpp"
#include "harness/advise/simulation.hpp"

namespace occ {
namespace {

constexpr std::uint32_t kRetries = 10'000;

struct Both {
  double simulated;
  double modelled;
};

Both both(std::uint32_t clients, double think, const TimeDistribution& window, const Popularity& popularity,
          const BackoffPolicy& backoff = {}) {
  SimulationLoad load;
  load.clients = clients;
  load.think = TimeDistribution::exponential(think);
  load.window = window;
  load.popularity = popularity;
  load.retries = kRetries;
  load.backoff = backoff;
  load.warmup_operations = 2'000 + 10 * clients;
  load.operations = 30'000;
  const RetryModel model({.clients = clients, .think = load.think, .window = window, .backoff = backoff},
                         popularity.classes());
  return {simulate(load).conflict(), model.predict(kRetries)->conflict};
}

class Agreement : public testing::TestWithParam<std::tuple<std::uint32_t, double, const char*, const char*>> {};

TEST_P(Agreement, simulation_and_model_have_the_same_conflict_probability) {
  const auto& [clients, think, window, documents] = GetParam();
  const Distribution distribution = Distribution::parse(documents);
  const Popularity popularity =
      Popularity::of(distribution, distribution.kind == Distribution::Kind::hot ? distribution.hot_documents : 1000);
  const auto [simulated, modelled] = both(clients, think, TimeDistribution::parse("window", window, 0), popularity);
  RecordProperty("error", fmt::format("{:.4f}", modelled - simulated));
  EXPECT_NEAR(modelled, simulated, std::max(0.01, 0.1 * simulated));
}

INSTANTIATE_TEST_SUITE_P(Loads, Agreement,
                         testing::Combine(testing::Values(2U, 8U, 64U), testing::Values(1.5, 5.0, 20.0, 100.0),
                                          testing::Values("1s", "gamma:4:1s", "exponential:1s"),
                                          testing::Values("hot:1", "hot:8", "zipf:0.99")));

}  // namespace
}  // namespace occ
