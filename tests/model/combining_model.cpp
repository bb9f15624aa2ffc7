/// The real combining_lock.hpp: what sections change is a plain variable, and so is what they return to their thread,
/// so two sections at once, one that does not see what the last one did, and a result that is read too early are data
/// races.
#include <optional>
#include <stdexcept>

#include "core/sync/combining_lock.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

template <int threads, int times>
struct SectionsExclude : rl::test_suite<SectionsExclude<threads, times>, threads> {
  std::optional<CombiningLock> lock;
  rl::var<int> count;
  void before() {
    lock.emplace();
    count($).store(0);
  }
  void thread(unsigned) {
    for (int i = 0; i < times; ++i) {
      rl::var<int> given;
      rl::var<int> taken;
      given($).store(1);
      const bool ran = lock->run(
          [&] {
            count($).store(count($).load() + given($).load());
            taken($).store(1);
            return true;
          },
          [] {});
      RL_ASSERT(ran);
      RL_ASSERT(taken($).load() == 1);
    }
  }
  void after() {
    RL_ASSERT(count($).load() == threads * times);
    lock.reset();
  }
};

/// Every section of the first thread throws: the exception is that thread's, whoever ran it, and the lock goes on.
struct ExceptionsReachTheirThread : rl::test_suite<ExceptionsReachTheirThread, 2> {
  std::optional<CombiningLock> lock;
  rl::var<int> count;
  void before() {
    lock.emplace();
    count($).store(0);
  }
  void thread(unsigned index) {
    bool threw = false;
    try {
      lock->run(
          [&] {
            count($).store(count($).load() + 1);
            if (index == 0) throw std::runtime_error("refused");
            return true;
          },
          [] {});
    } catch (const std::runtime_error&) {
      threw = true;
    }
    RL_ASSERT(threw == (index == 0));
  }
  void after() {
    RL_ASSERT(count($).load() == 2);
    lock.reset();
  }
};

}  // namespace
}  // namespace occ::model

int main(int count, char** arguments) {
  using namespace occ::model;
  return run_scenarios(count, arguments,
                       {
                           explore<SectionsExclude<2, 1>>("two_threads", 3),
                           explore<SectionsExclude<2, 2>>("two_threads_twice", 2),
                           explore<SectionsExclude<3, 1>>("three_threads", 2),
                           sample<SectionsExclude<3, 2>>("three_threads_twice", 20'000),
                           explore<ExceptionsReachTheirThread>("exceptions_reach_their_thread", 2),
                       });
}
