/// The real slot_key.hpp: a slot that goes from one id to another while others compare its key or copy it.
#include <optional>
#include <string>

#include "core/slots/slot_key.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

/// Ids of two words, which differ in both, and of one size: a key that is half of each is neither.
const std::string kFirst = "11111111aaaaaaaa";
const std::string kSecond = "22222222bbbbbbbb";
/// Ids that lie outside the slot.
const std::string kLongFirst = std::string(48, '1');
const std::string kLongSecond = std::string(48, '2');

/// A slot, with storage for a long id, that is an id's when the threads begin.
struct Fixture {
  SlotKey key;
  SlotKey::Words external[16];
  std::uint64_t first;
  explicit Fixture(const std::string& id) {
    key.assign(id, external);
    first = key.occupant();
  }
};

/// One thread gives the slot to another id, and back to the first one; the other one asks whether it is the first's, or
/// the second's, and copies it.
template <bool is_long>
struct ChangeOfOccupant : rl::test_suite<ChangeOfOccupant<is_long>, 2> {
  std::optional<Fixture> fixture;
  static const std::string& first() { return is_long ? kLongFirst : kFirst; }
  static const std::string& second() { return is_long ? kLongSecond : kSecond; }

  void before() { fixture.emplace(first()); }
  void thread(unsigned index) {
    SlotKey& key = fixture->key;
    if (index == 0) {
      key.detach(nullptr);
      key.assign(second(), fixture->external);
      return;
    }
    const std::uint64_t as_first = key.occupant_if(first());
    RL_ASSERT(as_first == 0 || as_first == fixture->first);
    const std::uint64_t as_second = key.occupant_if(second());
    RL_ASSERT(as_second == 0 || (as_second != fixture->first && key.occupant_if(first()) == 0));
    if (as_second != 0) RL_ASSERT(!key.held_by(fixture->first));
    SlotKey::Buffer buffer;
    const std::uint64_t occupant = key.occupant();
    if (SlotKey::is_nobody(occupant)) return;
    const auto id = key.copy_if(occupant, buffer);
    if (id) RL_ASSERT(*id == (occupant == fixture->first ? first() : second()));
  }
  void after() {
    RL_ASSERT(fixture->key.occupant_if(second()) != 0 && fixture->key.occupant_if(first()) == 0);
    fixture.reset();
  }
};

/// The mark that a slot waits in a queue: who takes it away sees what was done before it was set.
struct Mark : rl::test_suite<Mark, 2> {
  std::optional<Fixture> fixture;
  rl::var<int> queued;
  void before() { fixture.emplace(kFirst); }
  void thread(unsigned) {
    if (!fixture->key.try_queue()) return;
    queued($).store(1);
    fixture->key.unqueue();
  }
  void after() { fixture.reset(); }
};

}  // namespace
}  // namespace occ::model

int main(int count, char** arguments) {
  using namespace occ::model;
  return run_scenarios(count, arguments,
                       {
                           sample<ChangeOfOccupant<false>>("change_of_occupant", 100'000),
                           sample<ChangeOfOccupant<true>>("change_of_long_id", 100'000),
                           explore<Mark>("mark", 3),
                       });
}
