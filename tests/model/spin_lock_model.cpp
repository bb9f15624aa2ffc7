/// The real spin_lock.hpp and keyed_locks.hpp: what a lock protects is a plain variable, so two threads inside at once, or
/// one that does not see what the last one did, are a data race.
#include <optional>

#include "core/sync/keyed_locks.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

template <int threads>
struct SpinLockExcludes : rl::test_suite<SpinLockExcludes<threads>, threads> {
  std::optional<SpinLock> lock;
  rl::var<int> count;
  void before() {
    lock.emplace();
    count($).store(0);
  }
  void thread(unsigned) {
    const std::lock_guard held(*lock);
    count($).store(count($).load() + 1);
  }
  void after() {
    RL_ASSERT(count($).load() == threads);
    lock.reset();
  }
};

/// Threads with one key, each of which enters twice and may be the one that makes or removes its entry; a second key
/// shares the bucket.
template <int threads, int times>
struct KeyedLocksExclude : rl::test_suite<KeyedLocksExclude<threads, times>, threads> {
  std::optional<KeyedLocks<SpinLock, 1>> locks;
  char keys[2];
  rl::var<int> count[2];
  void before() {
    locks.emplace();
    for (rl::var<int>& one : count) one($).store(0);
  }
  void thread(unsigned index) {
    for (int i = 0; i < times; ++i) {
      const int key = index == 2 && i == 0 ? 1 : 0;
      const typename KeyedLocks<SpinLock, 1>::Guard held(*locks, &keys[key], 0);
      count[key]($).store(count[key]($).load() + 1);
    }
  }
  void after() {
    RL_ASSERT(count[0]($).load() + count[1]($).load() == threads * times);
    locks.reset();
  }
};

}  // namespace
}  // namespace occ::model

int main(int count, char** arguments) {
  using namespace occ::model;
  return run_scenarios(count, arguments,
                       {
                           explore<SpinLockExcludes<2>>("two_threads", 3),
                           explore<SpinLockExcludes<3>>("three_threads", 2),
                           explore<KeyedLocksExclude<2, 1>>("two_threads_one_key", 2),
                           explore<KeyedLocksExclude<2, 2>>("two_threads_one_key_twice", 1),
                           sample<KeyedLocksExclude<3, 2>>("three_threads_two_keys", 50'000),
                       });
}
