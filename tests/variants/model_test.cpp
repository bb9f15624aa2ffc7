/// Random sequences of operations by one thread, on a strategy and on the sequential model, outcome by outcome. The
/// fuzzer of tests/fuzz does the same with sequences that it looks for.
#include <gtest/gtest.h>

#include <string>

#include "tests/choices.hpp"
#include "tests/variants/contract.hpp"
#include "tests/variants/model_pair.hpp"

namespace occ {
namespace {

class ModelTest : public ::testing::TestWithParam<StrategyInfo> {};

TEST_P(ModelTest, random_operations_of_one_thread_have_the_outcomes_of_the_model) {
  constexpr int kSteps = 1'000;
  const std::uint64_t seeds = contract::scaled(60);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    RandomChoices choices(seed);
    ModelPair pair(GetParam().name, choices, nullptr, seed % 3 == 0 ? Compatibility::v6 : Compatibility::v7);
    for (int step = 0; step < kSteps && !HasFailure(); ++step) {
      ASSERT_EQ(pair.step(), "") << "seed " << seed << ", step " << step;
    }
    ASSERT_EQ(pair.finish(), "") << "seed " << seed << ", at the end";
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, ModelTest, ::testing::ValuesIn(contract::storing()), contract::name_of);

}  // namespace
}  // namespace occ
