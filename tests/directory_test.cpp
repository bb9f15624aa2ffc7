#include "core/directory.hpp"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>

#include "core/slot_key.hpp"
#include "tests/contract.hpp"

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
  Slot* find(std::string_view id) const { return directory_.find(hash_id(id), id); }
  Slot& insert(std::string_view id) { return insert(id, hash_id(id)); }
  Slot& insert(std::string_view id, std::uint64_t hash) {
    return directory_.find_or_insert(hash, id, [&]() -> Slot& {
      Slot& slot = arena_.make(id);
      slot.made.fetch_add(1, std::memory_order_relaxed);  // relaxed: inside the directory's lock
      return slot;
    });
  }
  static std::string id_of(std::uint64_t number) {
    return std::to_string(number) + (number % 5 == 0 ? " and so many more bytes that the id is not in the slot" : "");
  }

  Directory<Slot> directory_;
  SlotArena<Slot> arena_;
};

TEST_F(DirectoryTest, find_in_an_empty_directory_is_null) {
  EXPECT_EQ(find("id"), nullptr);
  EXPECT_EQ(directory_.size(), 0U);
  EXPECT_GT(directory_.bytes(), 0U);
}

TEST_F(DirectoryTest, insert_of_a_present_id_returns_its_slot) {
  Slot& slot = insert("id");
  EXPECT_EQ(slot.key.view(), "id");
  EXPECT_EQ(&insert("id"), &slot);
  EXPECT_EQ(find("id"), &slot);
  EXPECT_EQ(slot.made.load(), 1U);
  EXPECT_EQ(directory_.size(), 1U);
}

TEST_F(DirectoryTest, find_tells_ids_of_one_hash_apart) {
  // As many as fit before the segment grows and asks for the true hashes.
  constexpr std::array<std::string_view, 5> kIds{"a", "b", "ab", "a longer one", "another longer one"};
  std::array<Slot*, kIds.size()> slots{};
  for (std::size_t i = 0; i < kIds.size(); ++i) slots[i] = &insert(kIds[i], 42);
  for (std::size_t i = 0; i < kIds.size(); ++i) EXPECT_EQ(directory_.find(42, kIds[i]), slots[i]);
  EXPECT_EQ(directory_.find(42, "c"), nullptr);
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
    ASSERT_EQ(slots[i]->key.view(), id_of(i));
    ASSERT_EQ(find(id_of(i + ids)), nullptr);
  }
  EXPECT_EQ(directory_.size(), ids);
  EXPECT_GT(directory_.bytes(), empty_bytes);
  EXPECT_LT(directory_.bytes(), empty_bytes + ids * 64) << "more than a line for an entry of 8 bytes";
}

TEST_F(DirectoryTest, insert_whose_slot_cannot_be_made_changes_nothing) {
  for (int i = 0; i < 10; ++i) insert("before " + std::to_string(i));
  const auto fails = []() -> Slot& { throw std::bad_alloc(); };
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_THROW(directory_.find_or_insert(hash_id(id), id, fails), std::bad_alloc);
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
        ASSERT_EQ(slot->key.view(), id_of(number));
      }
    }
  });
}

}  // namespace
}  // namespace occ
