/// The real directory.hpp and spin_lock.hpp under the C++11 memory model: finds, inserts and erases of ids while the one
/// segment grows. Keys are plain variables, so an entry that a reader reaches before its slot was published is a data
/// race that the model reports.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/slots/directory.hpp"
#include "core/sync/atomic.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

/// Ids that share a bucket of a directory of two: the fifth overflows. A directory of two is due with the fourth, one of
/// four with the seventh, and with the ninth slot entries get wide.
constexpr std::size_t kIdCount = 11;
const std::array<std::string, kIdCount> kIds = [] {
  std::array<std::string, kIdCount> ids;
  std::size_t found = 0;
  for (unsigned number = 0; found < kIdCount; ++number) {
    const std::string id = std::to_string(number);
    const std::uint64_t hash = hash_id(id);
    if ((hash >> 24 & 1) == 0) ids[found++] = id;
  }
  return ids;
}();

struct Slot {
  struct Key {
    using Buffer = int;
    rl::var<unsigned> number;
    [[nodiscard]] std::string_view copy(Buffer&) const {
      return kIds[const_cast<rl::var<unsigned>&>(number)($).load()];
    }
    [[nodiscard]] std::uint64_t occupant_if(std::string_view id) const {
      Buffer none;
      return copy(none) == id ? 1 : 0;
    }
  };
  Key key;
};

/// A directory of one segment, and slots to put in.
struct Fixture {
  Directory<Slot, 0> directory;
  std::array<Slot, 24> slots;
  /// Under the segment's lock.
  std::uint32_t made = 0;

  Slot* insert(unsigned id) {
    Slot* fresh = nullptr;
    const auto make = [&] {
      const std::uint32_t number = made++;
      fresh = &slots[number];
      fresh->key.number($).store(id);
      return NumberedSlot<Slot>{fresh, number};
    };
    const auto place = directory.find_or_insert(hash_id(kIds[id]), kIds[id], make, [](Slot&) {});
    return place.slot != nullptr ? place.slot : fresh;
  }
  void erase(unsigned id) {
    RL_ASSERT(directory.erase(hash_id(kIds[id]), find(id), [] { return true; }).slot != nullptr);
  }
  Slot* find(unsigned id) { return directory.find(hash_id(kIds[id]), kIds[id]).slot; }
};

template <class Self, int threads>
struct OnOneSegment : rl::test_suite<Self, threads> {
  std::optional<Fixture> fixture;
  void before() { fixture.emplace(); }
};

/// Some ids are there and one more is inserted. With three there the first bucket is full to its bound, and the
/// insert grows the segment; with four the bucket is full, and the insert goes on to the next one, with a slot of another
/// run; with eight numbers need wide entries. An id that is there is found
/// throughout, one that is being inserted is found or not, and whoever inserted it finds it.
template <unsigned count>
struct InsertAgainstFind : OnOneSegment<InsertAgainstFind<count>, 2> {
  std::array<Slot*, count> there{};
  void before() {
    OnOneSegment<InsertAgainstFind<count>, 2>::before();
    for (unsigned id = 0; id < count; ++id) there[id] = this->fixture->insert(id);
  }
  void thread(unsigned index) {
    Fixture& fixture = *this->fixture;
    if (index == 0) {
      Slot* const slot = fixture.insert(count);
      RL_ASSERT(fixture.find(count) == slot);
    } else {
      RL_ASSERT(fixture.find(count - 1) == there[count - 1]);
      Slot* const seen = fixture.find(count);
      RL_ASSERT(fixture.find(0) == there[0]);
      if (seen != nullptr) RL_ASSERT(fixture.find(count) == seen);
    }
  }
  void after() {
    for (unsigned id = 0; id < count; ++id) RL_ASSERT(this->fixture->find(id) == there[id]);
    RL_ASSERT(this->fixture->find(count) != nullptr && this->fixture->directory.size() == count + 1);
    this->fixture.reset();
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
    for (unsigned id = 0; id < there; ++id) this->fixture->insert(id);
  }
  void thread(unsigned index) { got[index] = index == 2 ? this->fixture->find(7) : this->fixture->insert(7); }
  void after() {
    RL_ASSERT(got[0] == got[1] && (got[2] == nullptr || got[2] == got[0]));
    RL_ASSERT(this->fixture->directory.size() == there + 1);
    this->fixture.reset();
  }
};

/// Inserts of two ids into one bucket: neither takes the other's lane, and a third thread finds each of them or not,
/// and what it has found it finds again.
struct OneBucket : OnOneSegment<OneBucket, 3> {
  void thread(unsigned index) {
    if (index < 2) {
      Slot* const slot = fixture->insert(index);
      RL_ASSERT(fixture->find(index) == slot);
    } else {
      Slot* const seen = fixture->find(0);
      if (seen != nullptr) RL_ASSERT(fixture->find(0) == seen);
      fixture->find(1);
    }
  }
  void after() {
    RL_ASSERT(fixture->find(0) != nullptr && fixture->find(1) != nullptr && fixture->find(0) != fixture->find(1));
    RL_ASSERT(fixture->directory.size() == 2);
    fixture.reset();
  }
};

/// One thread makes the bucket overflow, another one's insert then grows the segment; a third finds what was there, on
/// either side of the overflow.
struct OverflowAndGrowth : OnOneSegment<OverflowAndGrowth, 3> {
  std::array<Slot*, 4> there{};
  void before() {
    OnOneSegment::before();
    for (unsigned id = 0; id < 4; ++id) there[id] = fixture->insert(id);
  }
  void thread(unsigned index) {
    if (index == 0) {
      Slot* const slot = fixture->insert(4);
      for (unsigned id = 5; id < 7; ++id) fixture->insert(id);
      RL_ASSERT(fixture->find(4) == slot);
    } else if (index == 1) {
      Slot* const slot = fixture->insert(4);
      RL_ASSERT(fixture->find(4) == slot);
    } else {
      RL_ASSERT(fixture->find(3) == there[3]);
      Slot* const seen = fixture->find(4);
      RL_ASSERT(fixture->find(0) == there[0]);
      if (seen != nullptr) RL_ASSERT(fixture->find(4) == seen);
    }
  }
  void after() {
    for (unsigned id = 0; id < 4; ++id) RL_ASSERT(fixture->find(id) == there[id]);
    RL_ASSERT(fixture->directory.size() == 7);
    fixture.reset();
  }
};

/// A lane's tag is published, then hidden by another thread's store that counts an overflow of the same bucket.
struct OverflowHidesALane : OnOneSegment<OverflowHidesALane, 3> {
  void before() {
    OnOneSegment::before();
    for (unsigned id = 1; id < 5; ++id) fixture->insert(id);
    fixture->erase(4);
  }
  void thread(unsigned index) {
    if (index == 0) {
      fixture->insert(0);
    } else if (index == 1) {
      fixture->insert(7);
    } else if (Slot* const seen = fixture->find(0); seen != nullptr) {
      RL_ASSERT(fixture->find(0) == seen);
    }
  }
  void after() {
    RL_ASSERT(fixture->find(0) != nullptr && fixture->find(7) != nullptr && fixture->directory.size() == 5);
    fixture.reset();
  }
};

/// A lane's tag is published, then hidden by another thread's erase of another one.
struct EraseHidesALane : OnOneSegment<EraseHidesALane, 3> {
  Slot* there = nullptr;
  void before() {
    OnOneSegment::before();
    fixture->insert(1);
    there = fixture->insert(2);
  }
  void thread(unsigned index) {
    if (index == 0) {
      fixture->insert(0);
    } else if (index == 1) {
      fixture->erase(1);
    } else {
      Slot* const seen = fixture->find(0);
      RL_ASSERT(fixture->find(2) == there);
      if (seen != nullptr) RL_ASSERT(fixture->find(0) == seen);
    }
  }
  void after() {
    RL_ASSERT(fixture->find(0) != nullptr && fixture->find(1) == nullptr && fixture->directory.size() == 2);
    fixture.reset();
  }
};

/// An id leaves and comes back in another slot, in the same lane: whoever still looks there under the old tag finds the
/// old slot, the new one or none. The last one, which with five has overflowed past the bucket, is found throughout. With
/// nine entries are wide.
template <unsigned count>
struct LaneIsUsedAgain : OnOneSegment<LaneIsUsedAgain<count>, 2> {
  using OnOneSegment<LaneIsUsedAgain<count>, 2>::fixture;
  Slot* first = nullptr;
  Slot* second = nullptr;
  Slot* there = nullptr;
  void before() {
    OnOneSegment<LaneIsUsedAgain<count>, 2>::before();
    for (unsigned id = 0; id < count; ++id) fixture->insert(id);
    first = fixture->find(0);
    there = fixture->find(count - 1);
  }
  void thread(unsigned index) {
    if (index == 0) {
      fixture->erase(0);
      second = fixture->insert(0);
    } else {
      Slot* const seen = fixture->find(0);
      RL_ASSERT(fixture->find(count - 1) == there);
      if (seen != nullptr) RL_ASSERT(seen == first || seen == &fixture->slots[count]);
    }
  }
  void after() {
    RL_ASSERT(second != first && fixture->find(0) == second && fixture->directory.size() == count);
    fixture.reset();
  }
};

}  // namespace
}  // namespace occ::model

int main(int count, char** arguments) {
  using namespace occ::model;
  return run_scenarios(count, arguments,
                       {
                           explore<InsertAgainstFind<3>>("growth_against_find", 2),
                           explore<InsertAgainstFind<4>>("overflow_against_find", 2),
                           sample<InsertAgainstFind<8>>("wide_growth_against_find", 10'000),
                           explore<OneBucket>("two_ids_one_bucket", 1),
                           explore<OverflowHidesALane>("overflow_hides_a_lane", 2),
                           explore<EraseHidesALane>("erase_hides_a_lane", 2),
                           explore<LaneIsUsedAgain<5>>("lane_is_used_again", 2),
                           explore<LaneIsUsedAgain<9>>("wide_lane_is_used_again", 2),
                           explore<TwoInserts<0>>("two_inserts_of_one_id", 1),
                           sample<TwoInserts<2>>("two_inserts_of_one_id_then_growth", 30'000),
                           sample<TwoInserts<3>>("two_inserts_that_grow", 30'000),
                           sample<OverflowAndGrowth>("overflow_and_growth", 30'000),
                       });
}
