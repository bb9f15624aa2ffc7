#include "core/slots/directory.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <stdexcept>
#include <string>

#include "core/slots/slot_arena.hpp"
#include "tests/variants/contract.hpp"

namespace occ {
namespace {

using contract::run_threads;
using contract::scaled;

struct Slot {
  SlotKey key;
  atomic<std::uint64_t> made{0};
};

class DirectoryTest : public ::testing::Test {
 protected:
  Slot* find(std::string_view id) const { return directory_.find(hash_id(id), id).slot; }
  Slot& insert(std::string_view id) { return insert(id, hash_id(id)); }
  Slot& insert(std::string_view id, std::uint64_t hash) {
    Slot* made = nullptr;
    const auto make = [&] {
      const auto taken = arena_.take(id, Directory<Slot>::segment_of(hash), 0);
      made = taken.slot;
      made->made.fetch_add(1, std::memory_order_relaxed);  // relaxed: inside the directory's lock
      return taken;
    };
    const auto place = directory_.find_or_insert(hash, id, make, [](Slot&) {});
    return place.slot != nullptr ? *place.slot : *made;
  }
  /// As a purge does: out of the directory, then back to the arena.
  bool erase(std::string_view id) {
    Slot* const slot = find(id);
    if (slot == nullptr) return false;
    const auto erased = directory_.erase(hash_id(id), slot, [] { return true; });
    if (erased.slot == nullptr) return false;
    arena_.give(erased, id.size(), Directory<Slot>::segment_of(hash_id(id)), 0);
    return true;
  }
  /// An id that begins so and is in the other one's segment, where its slot stays.
  static std::string beside(std::string_view other, std::string id) {
    const auto segment = [](std::string_view of) { return Directory<Slot>::segment_of(hash_id(of)); };
    for (std::string begin = id; segment(id) != segment(other);) {
      static unsigned tries = 0;
      id = begin + std::to_string(tries++ % 100'000 + 100'000);
    }
    return id;
  }
  static std::string id_in(const Slot& slot) {
    SlotKey::Buffer buffer;
    return std::string(slot.key.copy(buffer));
  }
  static std::string id_of(std::uint64_t number) {
    return std::to_string(number) + (number % 5 == 0 ? " and so many more bytes that the id is not in the slot" : "");
  }

  Directory<Slot> directory_;
  SlotArena<Slot> arena_{Directory<Slot>::kSegments};
};

TEST_F(DirectoryTest, find_in_an_empty_directory_is_null) {
  EXPECT_EQ(find("id"), nullptr);
  EXPECT_EQ(directory_.size(), 0U);
  EXPECT_GT(directory_.bytes(), 0U);
}

TEST_F(DirectoryTest, insert_of_a_present_id_returns_its_slot) {
  Slot& slot = insert("id");
  EXPECT_EQ(id_in(slot), "id");
  EXPECT_EQ(&insert("id"), &slot);
  EXPECT_EQ(find("id"), &slot);
  EXPECT_EQ(slot.made.load(), 1U);
  EXPECT_EQ(directory_.size(), 1U);
}

TEST_F(DirectoryTest, find_tells_ids_of_one_hash_apart) {
  // As many as fit before the segment grows and asks for the true hashes.
  constexpr std::array<std::string_view, 5> kIds{"a", "ab", "a longer one", "twice 8 bytes...", "twice 8 "};
  std::array<Slot*, kIds.size()> slots{};
  for (std::size_t i = 0; i < kIds.size(); ++i) slots[i] = &insert(kIds[i], 42);
  EXPECT_EQ(std::set<Slot*>(slots.begin(), slots.end()).size(), kIds.size());
  for (std::size_t i = 0; i < kIds.size(); ++i) EXPECT_EQ(directory_.find(42, kIds[i]).slot, slots[i]);
  EXPECT_EQ(directory_.find(42, "c").slot, nullptr);
}

TEST_F(DirectoryTest, candidate_is_the_slot_of_an_id_that_is_there_and_seldom_that_of_one_that_is_not) {
  constexpr std::uint64_t kIds = 20'000;
  EXPECT_EQ(directory_.candidate(hash_id("id")), nullptr);
  for (std::uint64_t i = 0; i < kIds; ++i) insert(id_of(i));
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < kIds; ++i) {
    directory_.prefetch(hash_id(id_of(i)));
    wrong += directory_.candidate(hash_id(id_of(i))) == find(id_of(i)) ? 0 : 1;
    wrong += directory_.candidate(hash_id(id_of(i + kIds))) == nullptr ? 0 : 1;
  }
  EXPECT_LE(wrong, kIds / 8);
}

TEST_F(DirectoryTest, growth_moves_no_slot_and_loses_none) {
  const std::uint64_t ids = scaled(200'000);
  const std::size_t empty_bytes = directory_.bytes();
  std::vector<Slot*> slots;
  for (std::uint64_t i = 0; i < ids; ++i) {
    slots.push_back(&insert(id_of(i)));
    if (i % 1'000 == 0) {
      ASSERT_EQ(find(id_of(i / 2)), slots[i / 2]);
    }
  }
  for (std::uint64_t i = 0; i < ids; ++i) {
    ASSERT_EQ(find(id_of(i)), slots[i]);
    ASSERT_EQ(id_in(*slots[i]), id_of(i));
    ASSERT_EQ(find(id_of(i + ids)), nullptr);
  }
  EXPECT_EQ(directory_.size(), ids);
  EXPECT_GT(directory_.bytes(), empty_bytes);
  EXPECT_LT(directory_.bytes(), empty_bytes + ids * 64) << "more than a line for an entry of 8 bytes";
}

TEST_F(DirectoryTest, insert_whose_slot_cannot_be_made_changes_nothing) {
  for (int i = 0; i < 10; ++i) insert("before " + std::to_string(i));
  const auto fails = []() -> NumberedSlot<Slot> { throw std::bad_alloc(); };
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_THROW(directory_.find_or_insert(hash_id(id), id, fails, [](Slot&) {}), std::bad_alloc);
    EXPECT_EQ(find(id), nullptr);
  }
  contract::expect_returns("an insert after one that failed", [&] {
    for (int i = 0; i < 1'000; ++i) insert(std::to_string(i));
  });
  EXPECT_EQ(directory_.size(), 1'010U);
}

TEST_F(DirectoryTest, insert_by_all_threads_makes_one_slot_for_an_id) {
  constexpr std::size_t kThreads = 4;
  const std::uint64_t ids = scaled(50'000);
  std::array<std::vector<Slot*>, kThreads> slots;
  run_threads(kThreads, [&](std::size_t thread) {
    for (std::uint64_t i = 0; i < ids; ++i) slots[thread].push_back(&insert(id_of(i)));
  });
  for (std::uint64_t i = 0; i < ids; ++i) {
    for (const auto& of_thread : slots) ASSERT_EQ(of_thread[i], slots[0][i]) << id_of(i);
    ASSERT_EQ(slots[0][i]->made.load(), 1U);
    ASSERT_EQ(find(id_of(i)), slots[0][i]);
  }
  EXPECT_EQ(directory_.size(), ids);
}

TEST_F(DirectoryTest, find_while_it_grows_misses_no_id_that_is_there) {
  const std::uint64_t ids = scaled(200'000);
  atomic<std::uint64_t> there{0};
  run_threads(3, [&](std::size_t thread) {
    if (thread == 0) {
      for (std::uint64_t i = 0; i < ids; ++i) {
        insert(id_of(i));
        there.store(i + 1, std::memory_order_release);
      }
      return;
    }
    std::mt19937_64 random(thread);
    for (;;) {
      const std::uint64_t present = there.load(std::memory_order_acquire);
      if (present == ids) break;
      if (present == 0) continue;
      // The newest ones and any other.
      for (const std::uint64_t number : {present - 1, random() % present}) {
        const Slot* slot = find(id_of(number));
        ASSERT_NE(slot, nullptr) << id_of(number);
        ASSERT_EQ(id_in(*slot), id_of(number));
      }
    }
  });
}

TEST_F(DirectoryTest, erase_of_an_id_leaves_all_others) {
  for (int i = 0; i < 1'000; ++i) insert(id_of(i));
  for (int i = 0; i < 1'000; i += 2) EXPECT_TRUE(erase(id_of(i)));
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(find(id_of(i)) != nullptr, i % 2 == 1) << id_of(i);
  EXPECT_EQ(directory_.size(), 500U);
  EXPECT_FALSE(erase(id_of(0)));
}

TEST_F(DirectoryTest, erase_that_is_not_allowed_changes_nothing) {
  Slot& slot = insert("id");
  EXPECT_EQ(directory_.erase(hash_id("id"), &slot, [] { return false; }).slot, nullptr);
  EXPECT_EQ(find("id"), &slot);
  EXPECT_EQ(directory_.size(), 1U);
}

TEST_F(DirectoryTest, a_slot_given_to_another_id_is_no_longer_its_first_ones) {
  Slot& slot = insert("first");
  const auto before = directory_.find(hash_id("first"), "first");
  EXPECT_TRUE(slot.key.held_by(before.occupant));
  EXPECT_TRUE(erase("first"));
  EXPECT_FALSE(slot.key.held_by(before.occupant));
  const std::string second = beside("first", "second");
  EXPECT_EQ(&insert(second), &slot);
  EXPECT_FALSE(slot.key.held_by(before.occupant));
  EXPECT_EQ(find("first"), nullptr);
  EXPECT_EQ(find(second), &slot);
  EXPECT_TRUE(erase(second));
  EXPECT_EQ(&insert("first"), &slot);
  EXPECT_FALSE(slot.key.held_by(before.occupant)) << "an occupant came back";
}

TEST_F(DirectoryTest, long_and_short_ids_do_not_share_slots) {
  Slot& slot = insert("short");
  EXPECT_TRUE(erase("short"));
  const std::string longer = beside("short", std::string(100, 'l'));
  Slot& other = insert(longer);
  EXPECT_NE(&other, &slot);
  EXPECT_TRUE(erase(longer));
  const std::string shorter = beside("short", std::string(41, 'm'));
  EXPECT_EQ(&insert(shorter), &other);
  EXPECT_TRUE(erase(shorter));
  EXPECT_NE(&insert(beside("short", std::string(500, 'n'))), &other);
}

/// The numbers of two shards cannot be compared, and the words of a slot must only ever grow.
TEST(SlotArena, slot_of_one_shard_is_not_given_to_another) {
  SlotArena<Slot> arena(1);
  const auto slot = arena.take("a", 0, 0);
  arena.give(slot, 1, 0, 0);
  EXPECT_NE(arena.take("b", 0, 1).slot, slot.slot);
  const auto again = arena.take("c", 0, 0);
  EXPECT_EQ(again.slot, slot.slot);
  EXPECT_EQ(again.number, slot.number);
  const auto other = arena.take("d", 0, 1);
  arena.give(other, 1, 0, 1);
  EXPECT_NE(arena.take("e", 0, 0).slot, other.slot);
  EXPECT_EQ(arena.take("f", 0, 1).slot, other.slot);
}

/// A directory's entries are numbers of their segment.
TEST(SlotArena, slot_of_one_segment_is_not_given_to_another) {
  SlotArena<Slot> arena(2);
  const auto slot = arena.take("a", 0, 0);
  arena.give(slot, 1, 0, 0);
  const auto other = arena.take("b", 1, 0);
  EXPECT_NE(other.slot, slot.slot);
  EXPECT_EQ(other.number, 0U);
  EXPECT_EQ(arena.take("c", 0, 0).slot, slot.slot);
}

TEST(SlotArena, slots_of_a_run_lie_one_after_the_other) {
  SlotArena<Slot> arena(1);
  std::array<const Slot*, 1'000> slots{};
  for (std::uint32_t number = 0; number < slots.size(); ++number) {
    const auto taken = arena.take("id", 0, 0);
    ASSERT_EQ(taken.number, number);
    slots[number] = taken.slot;
    if (number > 0 && run_of(number) == run_of(number - 1)) {
      ASSERT_EQ(taken.slot, slots[number - 1] + 1);
    }
  }
  EXPECT_EQ(std::set<const Slot*>(slots.begin(), slots.end()).size(), slots.size());
}

/// All in one segment: more than numbers of 16 bits can tell apart.
TEST(Directory, more_slots_than_narrow_entries_can_name_are_found) {
  Directory<Slot, 0> directory;
  SlotArena<Slot> arena(1);
  constexpr std::uint64_t kIds = 90'000;
  std::vector<Slot*> slots;
  const auto id_of = [](std::uint64_t number) { return std::to_string(number); };
  for (std::uint64_t i = 0; i < kIds; ++i) {
    const std::string id = id_of(i);
    directory.find_or_insert(
        hash_id(id), id, [&] { return arena.take(id, 0, 0); }, [&](Slot& slot) { slots.push_back(&slot); });
  }
  for (std::uint64_t i = 0; i < kIds; ++i) {
    ASSERT_EQ(directory.find(hash_id(id_of(i)), id_of(i)).slot, slots[i]) << i;
    ASSERT_EQ(directory.find(hash_id(id_of(i + kIds)), id_of(i + kIds)).slot, nullptr);
  }
}

/// Before an array lies where its slots are, and before that the array of another segment. Numbers go up while there are
/// few entries, as where slots of one shard are idle and another one's are wanted.
TEST(Directory, slots_of_ever_higher_numbers_leave_the_segment_beside_alone) {
  using Two = Directory<Slot, 1>;
  const auto ids_of = [](std::size_t segment, std::size_t count) {
    std::vector<std::string> ids;
    for (std::uint64_t i = 0; ids.size() < count; ++i) {
      if (Two::segment_of(hash_id(std::to_string(i))) == segment) ids.push_back(std::to_string(i));
    }
    return ids;
  };
  constexpr std::uint32_t kNumbers = 3'000;
  // As many as an array of that size takes: the last lanes of its last bucket are among them.
  for (const std::size_t beside : {std::size_t{17}, std::size_t{34}, std::size_t{69}, std::size_t{139}}) {
    Two directory;
    SlotArena<Slot> arena(1);
    const auto insert = [&](const std::string& id) {
      Slot* made = nullptr;
      const auto make = [&] {
        const auto taken = arena.take(id, 0, 0);
        made = taken.slot;
        return taken;
      };
      static_cast<void>(directory.find_or_insert(hash_id(id), id, make, [](Slot&) {}));
      return made;
    };
    const auto there = ids_of(0, beside);
    std::vector<Slot*> slots;
    for (const std::string& id : there) slots.push_back(insert(id));
    // The other segment's numbers are its own.
    SlotArena<Slot> others(1);
    const auto comes_and_goes = ids_of(1, kNumbers);
    for (std::uint32_t number = 0; number < kNumbers; ++number) {
      const std::string& id = comes_and_goes[number];
      NumberedSlot<Slot> taken;
      const auto make = [&] { return taken = others.take(id, 0, 0); };
      static_cast<void>(directory.find_or_insert(hash_id(id), id, make, [](Slot&) {}));
      ASSERT_EQ(taken.number, number);
      ASSERT_EQ(directory.find(hash_id(id), id).slot, taken.slot) << number;
      // Gone, but not given back: the next one gets the next number.
      ASSERT_EQ(directory.erase(hash_id(id), taken.slot, [] { return true; }).slot, taken.slot);
      for (std::size_t i = 0; i < there.size(); ++i)
        ASSERT_EQ(directory.find(hash_id(there[i]), there[i]).slot, slots[i])
            << "number " << number << " beside " << beside;
    }
  }
}

/// Many more than a bucket takes: searches go on and on, and counts of what was passed on get high.
TEST(Directory, ids_that_all_begin_in_one_bucket_are_found_however_far_they_lie) {
  Directory<Slot, 0> directory;
  SlotArena<Slot> arena(1);
  std::vector<std::pair<std::string, Slot*>> there;
  const auto insert = [&](const std::string& id) {
    const auto make = [&] {
      const auto taken = arena.take(id, 0, 0);
      there.emplace_back(id, taken.slot);
      return taken;
    };
    static_cast<void>(directory.find_or_insert(hash_id(id), id, make, [](Slot&) {}));
  };
  constexpr std::uint64_t kMembers = 700;
  std::uint64_t next = 0;
  for (; next < 6'000; ++next) insert(std::to_string(next));
  for (std::uint64_t found = 0; found < kMembers; ++next) {
    const std::string id = "m" + std::to_string(next);
    if ((hash_id(id) >> 24 & 511) != 7) continue;
    insert(id);
    ++found;
  }
  const auto all_are_found = [&] {
    for (const auto& [id, slot] : there) ASSERT_EQ(directory.find(hash_id(id), id).slot, slot) << id;
  };
  all_are_found();
  // Half of them go, those that were passed by first.
  const std::size_t first = there.size() - kMembers;
  for (std::size_t i = first; i < there.size(); i += 2) {
    ASSERT_NE(directory.erase(hash_id(there[i].first), there[i].second, [] { return true; }).slot, nullptr);
    ASSERT_EQ(directory.find(hash_id(there[i].first), there[i].first).slot, nullptr);
  }
  for (std::size_t i = first + 1; i < there.size(); i += 2)
    ASSERT_EQ(directory.find(hash_id(there[i].first), there[i].first).slot, there[i].second);
  // And come back.
  std::vector<std::string> gone;
  for (std::size_t i = first; i < there.size(); i += 2) gone.push_back(there[i].first);
  for (const std::string& id : gone) insert(id);
  for (std::size_t i = there.size() - gone.size(); i < there.size(); ++i)
    ASSERT_EQ(directory.find(hash_id(there[i].first), there[i].first).slot, there[i].second);
  EXPECT_EQ(directory.size(), 6'000 + kMembers);
}

/// As many as are measured, up to where nearly every segment is about to grow again, and past that.
TEST_F(DirectoryTest, of_a_million_ids_none_is_lost) {
  const std::uint64_t ids = scaled(1'250'000);
  const std::uint64_t full = scaled(1'130'000);
  std::vector<Slot*> slots;
  slots.reserve(ids);
  const auto all_are_found = [&] {
    for (std::uint64_t i = 0; i < slots.size(); ++i) ASSERT_EQ(find(std::to_string(i)), slots[i]) << i;
  };
  for (std::uint64_t i = 0; i < ids; ++i) {
    if (i == full) all_are_found();
    slots.push_back(&insert(std::to_string(i)));
  }
  all_are_found();
  EXPECT_EQ(directory_.size(), ids);
  EXPECT_EQ(std::set<Slot*>(slots.begin(), slots.end()).size(), ids);
}

/// More than a million in one segment: more than wide entries of 20 bits could name.
TEST(Directory, of_a_million_ids_in_one_segment_none_is_lost) {
  Directory<Slot, 0> directory;
  SlotArena<Slot> arena(1);
  const std::uint64_t ids = scaled(1'100'000);
  std::vector<Slot*> slots;
  slots.reserve(ids);
  for (std::uint64_t i = 0; i < ids; ++i) {
    const std::string id = std::to_string(i);
    const auto make = [&] {
      const auto taken = arena.take(id, 0, 0);
      slots.push_back(taken.slot);
      return taken;
    };
    static_cast<void>(directory.find_or_insert(hash_id(id), id, make, [](Slot&) {}));
  }
  ASSERT_EQ(slots.size(), ids);
  for (std::uint64_t i = 0; i < ids; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_EQ(directory.find(hash_id(id), id).slot, slots[i]) << i;
  }
}

TEST_F(DirectoryTest, inserts_and_erases_in_any_order_agree_with_a_set) {
  std::mt19937_64 random(7);
  std::set<std::string> expected;
  for (std::uint64_t i = 0; i < scaled(400'000); ++i) {
    // Few ids, so that buckets fill, overflow and empty again; from time to time all go.
    const std::string id = id_of(random() % 6'000);
    if (random() % 100 < (i / 20'000 % 2 == 0 ? 60U : 30U)) {
      insert(id);
      expected.insert(id);
    } else {
      ASSERT_EQ(erase(id), expected.erase(id) == 1) << id;
    }
    const std::string other = id_of(random() % 6'000);
    ASSERT_EQ(find(other) != nullptr, expected.contains(other)) << other;
  }
  EXPECT_EQ(directory_.size(), expected.size());
}

TEST_F(DirectoryTest, ids_that_come_and_go_take_no_more_memory) {
  const auto churn = [&](std::uint64_t from, std::uint64_t times) {
    for (std::uint64_t i = from; i < from + times; ++i) {
      insert(id_of(i));
      if (i >= 100) {
        ASSERT_TRUE(erase(id_of(i - 100)));
      }
    }
  };
  churn(0, 200'000);  // until nearly every segment has met its greatest moment
  const std::size_t directory_bytes = directory_.bytes();
  const std::size_t arena_bytes = arena_.bytes();
  churn(200'000, scaled(500'000));
  EXPECT_LE(directory_.bytes(), directory_bytes + 16 * 1024) << "a segment may still meet its greatest moment";
  EXPECT_LE(arena_.bytes(), arena_bytes + 64 * 1024) << "as above";
}

TEST_F(DirectoryTest, find_while_others_come_and_go_misses_no_id_that_stays) {
  for (std::uint64_t i = 0; i < 2'000; ++i) insert("stays " + std::to_string(i));
  atomic<bool> done{false};
  run_threads(3, [&](std::size_t thread) {
    if (thread == 0) {
      for (std::uint64_t i = 0; i < scaled(300'000); ++i) {
        insert(id_of(i));
        if (i >= 64) erase(id_of(i - 64));
      }
      done.store(true, std::memory_order_release);
      return;
    }
    std::mt19937_64 random(thread);
    while (!done.load(std::memory_order_acquire)) {
      const std::string id = "stays " + std::to_string(random() % 2'000);
      const Slot* slot = find(id);
      ASSERT_NE(slot, nullptr) << id;
      ASSERT_EQ(id_in(*slot), id);
    }
  });
}

}  // namespace
}  // namespace occ
