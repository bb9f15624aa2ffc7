/// The real directory.hpp and spin_lock.hpp under the C++11 memory model: finds and inserts of ids while the one
/// segment grows. Keys are plain variables, so an entry that a reader reaches before its slot was published is a data
/// race that the model reports.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/atomic.hpp"
#include "core/directory.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

/// Eight ids that share a bucket of a directory of two: the eighth overflows.
constexpr std::size_t kIdCount = 8;
const std::array<std::string, kIdCount> kIds = [] {
  std::array<std::string, kIdCount> ids;
  std::size_t found = 0;
  for (unsigned number = 0; found < kIdCount; ++number) {
    const std::string id = std::to_string(number);
    if ((hash_id(id) >> 24 & 1) == 0) ids[found++] = id;
  }
  return ids;
}();

struct Slot {
  struct Key {
    rl::var<unsigned> number;
    [[nodiscard]] std::string_view view() const { return kIds[const_cast<rl::var<unsigned>&>(number)($).load()]; }
    [[nodiscard]] bool matches(std::string_view id) const { return view() == id; }
  };
  Key key;
};

/// A directory of one segment, and slots to put in.
struct Fixture {
  Directory<Slot, 0> directory;
  std::array<Slot, 24> slots;
  /// Every thread makes slots of its own.
  std::array<unsigned, 3> made{};

  Slot* insert(unsigned id, unsigned thread) {
    return &directory.find_or_insert(hash_id(kIds[id]), kIds[id], [&]() -> Slot& {
      Slot& slot = slots[8 * thread + made[thread]++];
      slot.key.number($).store(id);
      return slot;
    });
  }
  Slot* find(unsigned id) { return directory.find(hash_id(kIds[id]), kIds[id]); }
};

template <class Self, int threads>
struct OnOneSegment : rl::test_suite<Self, threads> {
  std::optional<Fixture> fixture;
  void before() { fixture.emplace(); }
};

/// Five entries fill the first bucket to its bound: the sixth insert grows the segment. An id that is there is found
/// throughout, one that is being inserted is found or not, and whoever inserted it finds it.
struct GrowthAgainstFind : OnOneSegment<GrowthAgainstFind, 2> {
  std::array<Slot*, 5> there{};
  void before() {
    OnOneSegment::before();
    for (unsigned id = 0; id < 5; ++id) there[id] = fixture->insert(id, 0);
  }
  void thread(unsigned index) {
    if (index == 0) {
      Slot* const slot = fixture->insert(5, 1);
      RL_ASSERT(fixture->find(5) == slot);
    } else {
      RL_ASSERT(fixture->find(4) == there[4]);
      Slot* const seen = fixture->find(5);
      RL_ASSERT(fixture->find(0) == there[0]);
      if (seen != nullptr) RL_ASSERT(fixture->find(5) == seen);
    }
  }
  void after() {
    for (unsigned id = 0; id < 5; ++id) RL_ASSERT(fixture->find(id) == there[id]);
    RL_ASSERT(fixture->directory.size() == 6);
    fixture.reset();
  }
};

/// The bucket is full: the eighth insert marks it and goes to the next one. What was in it is found throughout.
struct OverflowAgainstFind : OnOneSegment<OverflowAgainstFind, 2> {
  std::array<Slot*, 7> there{};
  void before() {
    OnOneSegment::before();
    for (unsigned id = 0; id < 7; ++id) there[id] = fixture->insert(id, 0);
  }
  void thread(unsigned index) {
    if (index == 0) {
      Slot* const slot = fixture->insert(7, 1);
      RL_ASSERT(fixture->find(7) == slot);
    } else {
      RL_ASSERT(fixture->find(6) == there[6]);
      Slot* const seen = fixture->find(7);
      RL_ASSERT(fixture->find(0) == there[0]);
      if (seen != nullptr) RL_ASSERT(fixture->find(7) == seen);
    }
  }
  void after() {
    RL_ASSERT(fixture->find(7) != nullptr && fixture->directory.size() == 8);
    fixture.reset();
  }
};

/// Two inserts of one id, one of which may grow the segment: one slot, the same for both, and a third thread that finds
/// it, finds that one.
template <int there>
struct TwoInserts : OnOneSegment<TwoInserts<there>, 3> {
  std::array<Slot*, 3> got{};
  void before() {
    OnOneSegment<TwoInserts<there>, 3>::before();
    got = {};
    for (unsigned id = 0; id < there; ++id) this->fixture->insert(id, 0);
  }
  void thread(unsigned index) { got[index] = index == 2 ? this->fixture->find(7) : this->fixture->insert(7, index); }
  void after() {
    RL_ASSERT(got[0] == got[1] && (got[2] == nullptr || got[2] == got[0]));
    RL_ASSERT(this->fixture->directory.size() == there + 1);
    this->fixture.reset();
  }
};

}  // namespace
}  // namespace occ::model

int main() {
  using namespace occ::model;
  bool passed = explore<GrowthAgainstFind>("growth against find", 2);
  passed &= explore<OverflowAgainstFind>("overflow against find", 2);
  passed &= explore<TwoInserts<0>>("two inserts of one id", 1);
  passed &= sample<TwoInserts<4>>("two inserts of one id, then growth", 100'000);
  passed &= sample<TwoInserts<5>>("two inserts of one id that grows the segment", 100'000);
  return passed ? 0 : 1;
}
