#include "core/sync/owner.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/sync/owner_thread.hpp"
#include "tests/variants/contract.hpp"

namespace occ {
namespace {

class Call final : public Owner::Request {
 public:
  explicit Call(std::function<void()> call) : call_(std::move(call)) {}

 private:
  void carry_out() override { call_(); }
  std::function<void()> call_;
};

template <class Anyone>
void run(Anyone& owner, std::function<void()> call) {
  Call request(std::move(call));
  owner.run(request);
}

TEST(OwnerThread, run_by_many_threads_carries_out_one_at_a_time_on_its_own_thread) {
  OwnerThread owner;
  std::uint64_t count = 0;
  const std::uint64_t times = contract::scaled(1'000);
  std::thread::id where;
  run(owner, [&] { where = std::this_thread::get_id(); });
  contract::run_threads(4, [&](std::size_t) {
    for (std::uint64_t i = 0; i < times; ++i) {
      bool there = false;
      run(owner, [&] {
        ++count;
        there = std::this_thread::get_id() == where;
      });
      ASSERT_TRUE(there);
    }
  });
  EXPECT_EQ(count, 4 * times);
}

TEST(OwnerThread, run_whose_request_throws_throws_it_and_the_owner_goes_on) {
  OwnerThread owner;
  EXPECT_THROW(run(owner, [] { throw std::runtime_error("refused"); }), std::runtime_error);
  bool ran = false;
  run(owner, [&] { ran = true; });
  EXPECT_TRUE(ran);
}

/// Far longer than anybody waits on the processor.
constexpr std::chrono::milliseconds kLong(20);

TEST(OwnerThread, run_after_the_owner_has_gone_to_sleep_wakes_it) {
  contract::expect_returns("a request to an owner that sleeps", [] {
    OwnerThread owner;
    int count = 0;
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(kLong);
      run(owner, [&] { ++count; });
    }
    EXPECT_EQ(count, 5);
  });
}

TEST(OwnerThread, run_of_a_request_that_takes_long_is_woken_with_the_answer) {
  contract::expect_returns("a thread that sleeps until its answer", [] {
    OwnerThread owner;
    int count = 0;
    for (int i = 0; i < 5; ++i) {
      run(owner, [&] {
        std::this_thread::sleep_for(kLong);
        ++count;
      });
    }
    EXPECT_EQ(count, 5);
  });
}

TEST(Owner, run_by_more_threads_than_the_queue_holds_carries_out_all) {
  contract::expect_returns("a request that found the queue full", [] {
    constexpr std::size_t kThreads = RequestQueue<Owner::Request>::kCapacity + 8;
    Owner owner;
    std::size_t count = 0;
    std::vector<std::jthread> asking;
    for (std::size_t i = 0; i < kThreads; ++i) asking.emplace_back([&] { run(owner, [&] { ++count; }); });
    std::this_thread::sleep_for(kLong);  // until then nobody takes any out
    std::jthread working([&] { owner.work(); });
    asking.clear();
    EXPECT_EQ(count, kThreads);
    owner.end();
  });
}

TEST(RequestQueue, push_into_a_full_one_fails_and_the_rest_comes_out_in_order) {
  RequestQueue<std::size_t> queue;
  std::vector<std::size_t> numbers(RequestQueue<std::size_t>::kCapacity + 1);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_EQ(queue.push(&numbers[i]), i + 1 < numbers.size());
  }
  std::size_t* taken = nullptr;
  for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
    ASSERT_TRUE(queue.pop(taken));
    EXPECT_EQ(taken, &numbers[i]);
  }
  EXPECT_FALSE(queue.pop(taken));
}

}  // namespace
}  // namespace occ
