/// Memory: the hot path allocates nothing in steady state, queues do not only grow, and where memory ends the table is
/// right afterwards. A program of its own, because it replaces the global operator new, and mmap; an allocation that goes
/// to malloc directly is not seen.
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <new>
#include <optional>

#include "core/memory/epoch.hpp"
#include "core/memory/rcu.hpp"
#include "tests/variants/contract.hpp"

namespace {

std::atomic<std::uint64_t> allocations{0};
/// Bytes that were taken and not given back.
std::atomic<std::int64_t> held{0};

/// The allocations still to come before one fails; none fails while it is negative.
std::atomic<std::int64_t> left{-1};
/// All that follow fail too.
std::atomic<bool> for_good{false};
std::atomic<std::uint64_t> failures{0};

bool fails() {
  // relaxed, all of them: set while no other thread allocates, or meant for whichever comes first
  if (left.load(std::memory_order_relaxed) < 0) return false;
  if (left.fetch_sub(1, std::memory_order_relaxed) > 0) return false;
  if (for_good.load(std::memory_order_relaxed)) left.store(0, std::memory_order_relaxed);
  failures.fetch_add(1, std::memory_order_relaxed);
  return true;
}

/// What became of mappings while some fail, by size. By one thread at a time.
struct Mapping {
  std::size_t size = 0;
  bool refused = false;

  static Mapping* of(std::size_t size) noexcept {
    for (Mapping& one : known) {
      if (one.size == size) return &one;
    }
    return nullptr;
  }
  static bool note(std::size_t size, bool refused) noexcept {
    if (left.load(std::memory_order_relaxed) < 0 && !refused) return false;  // relaxed: as above
    Mapping* to = of(size);
    if (to == nullptr) to = &known[next++ % known.size()];
    *to = {size, refused};
    return refused;
  }
  static void forget() noexcept { known = {}; }

  static std::array<Mapping, 32> known;
  static std::size_t next;
};
std::array<Mapping, 32> Mapping::known{};
std::size_t Mapping::next = 0;

void* counted(std::size_t size, std::size_t alignment) {
  if (fails()) throw std::bad_alloc();
  allocations.fetch_add(1, std::memory_order_relaxed);  // relaxed: read by the thread that counts, or after a join
  size = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, size)) {
    held.fetch_add(static_cast<std::int64_t>(malloc_usable_size(memory)),
                   std::memory_order_relaxed);  // relaxed: as above
    return memory;
  }
  throw std::bad_alloc();
}

void released(void* memory) noexcept {
  held.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)),
                 std::memory_order_relaxed);  // relaxed: as above
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new[](std::size_t size) {
  return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  released(memory);
}
void operator delete[](void* memory) noexcept {
  released(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  released(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  released(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  released(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  released(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  released(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  released(memory);
}
/// The C library's own calls do not come here. liburcu ends the program where a mapping is refused, so core/peers/lfht.hpp asks
/// for one of that size first: what was had can be had again at once, what was refused is refused again, and what only
/// gives memory up succeeds.
void* mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
  const bool fixed = (flags & MAP_FIXED) != 0;
  bool refused = false;
  if (fixed || protection == PROT_NONE) {
    const Mapping* const before = Mapping::of(size);
    refused = before != nullptr ? before->refused && !(fixed && protection == PROT_NONE)
                                : !fixed && Mapping::note(size, fails());
  } else {
    refused = Mapping::note(size, fails());
  }
  if (refused) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, size, protection, flags, file, offset));
}

namespace occ::contract {
namespace {

class Allocation : public StrategyTest {
 protected:
  static constexpr std::size_t kLargest = 4096;
  static constexpr std::size_t kDocuments = 8;

  /// Every operation of the hot path once, with bodies of `size` bytes, on ids that exist.
  static void once(AnyHandle& handle, UpdateForm form, Document& document, std::size_t size, std::uint64_t turn) {
    static const std::string bytes(kLargest, 'x');
    std::array<char, 32> buffer;
    const int length = std::snprintf(buffer.data(), buffer.size(), turn % 2 == 0 ? "id%u" : "a-rather-long-id-%u",
                                     static_cast<unsigned>(turn % kDocuments));
    const std::string_view id(buffer.data(), static_cast<std::size_t>(length));
    const Bytes source = occ::as_bytes(std::string_view(bytes).substr(0, size));
    handle.index(id, source);
    handle.get(id, document);
    handle.index(id, source, Precondition::if_word(document.word));
    handle.index(id, source, Precondition::if_seq_no(-1, 1));
    handle.create(id, source);
    handle.update(id,
                  [&](const DocumentView&, Source& next) {
                    next.assign(source);
                    return Transformed::write;
                  },
                  {.retry_on_conflict = 100, .form = form});
    handle.update(id, [](const DocumentView&, Source&) { return Transformed::keep; }, {.form = form});
  }
  static constexpr std::array<std::size_t, 12> kSizes{0, 1, 8, 16, 63, 64, 100, 500, 1'000, 2'048, 4'000, kLargest};
};
INSTANTIATE_TEST_SUITE_P(Every, Allocation, ::testing::ValuesIn(storing()), name_of);

TEST_P(Allocation, of_this_program_is_counted) {
  const std::uint64_t before = allocations.load();
  const auto one = std::make_unique<std::array<char, 100>>();
  const auto aligned = std::make_unique<Shard>();
  EXPECT_EQ(allocations.load() - before, 2U);
}

TEST_P(Allocation, hot_path_in_steady_state_allocates_nothing) {
  for (const UpdateForm form : forms_of(GetParam())) {
    SCOPED_TRACE(to_string(form));
    Document document;
    std::uint64_t turn = 0;
    const auto rounds = [&](std::uint64_t n) {
      for (std::uint64_t round = 0; round < n; ++round) {
        for (const std::size_t size : kSizes) once(*handle_, form, document, size, turn++);
      }
    };
    rounds(100);
    const std::uint64_t before = allocations.load();
    rounds(scaled(1'000));
    EXPECT_EQ(allocations.load() - before, 0U);
  }
}

/// Lists that grow to the most that two threads ever need at once (entries of keyed locks, blocks that wait for a
/// reader) can meet a new maximum late, and double then: it depends on who is interrupted where. Anything that allocates
/// by operation, of which there are thousands at the least effort, is far beyond this.
TEST_P(Allocation, hot_path_of_two_threads_in_steady_state_allocates_next_to_nothing) {
  const std::uint64_t turns = scaled(2'000);
  for (const UpdateForm form : forms_of(GetParam())) {
    SCOPED_TRACE(to_string(form));
    std::atomic<std::uint64_t> before{0}, after{0};
    std::barrier phase(2);
    run_threads(2, [&](std::size_t thread) {
      const auto handle = table_->handle();
      Document document;
      std::uint64_t turn = thread;
      const auto rounds = [&](std::uint64_t n) {
        for (std::uint64_t round = 0; round < n; ++round) {
          for (const std::size_t size : kSizes) once(*handle, form, document, size, turn++);
        }
      };
      rounds(turns);
      phase.arrive_and_wait();
      if (thread == 0) before = allocations.load();
      phase.arrive_and_wait();
      rounds(turns);
      phase.arrive_and_wait();
      if (thread == 0) after = allocations.load();
      phase.arrive_and_wait();
    });
    const std::uint64_t operations = 2 * turns * kSizes.size() * 7;
    EXPECT_LE(after.load() - before.load(), 32 + operations / 5'000);
  }
}

/// A queue that only grows takes memory without an end, and so do tombstones that nobody purges. What the table reports
/// is not all: queues lie elsewhere.
class Queues : public Allocation {
 protected:
  /// Does something often, and some more of it takes no more memory.
  template <class Turn>
  void expect_no_growth(int first, int then, Turn turn) {
    for (int i = 0; i < first; ++i) turn(i);
    const std::int64_t before = held.load();
    const std::size_t mapped = table_->memory().total();
    for (int i = first; i < first + then; ++i) turn(i);
    EXPECT_LE(held.load(), before + (std::int64_t{64} << 10));
    EXPECT_LE(table_->memory().total(), mapped + mapped / 4 + (std::size_t{128} << 10));
  }
};
INSTANTIATE_TEST_SUITE_P(Every, Queues, ::testing::ValuesIn(storing()), name_of);

TEST_P(Queues, deletes_of_one_id_over_and_over_wait_in_one_place) {
  table_->set_gc_deletes(std::int64_t{1} << 40);
  expect_no_growth(4'000, 40'000, [&](int i) {
    handle_->index("id", occ::as_bytes("source"));
    ASSERT_EQ(handle_->remove("id").result, Result::deleted) << i;
  });
}

/// Deletes of missing ids write tombstones too.
TEST_P(Queues, deletes_of_a_missing_id_over_and_over_wait_in_one_place) {
  table_->set_gc_deletes(std::int64_t{1} << 40);
  expect_no_growth(4'000, 40'000, [&](int i) { ASSERT_EQ(handle_->remove("id").result, Result::not_found) << i; });
}

TEST_P(Queues, of_handles_that_come_and_go_do_not_grow) {
  table_->set_gc_deletes(std::int64_t{1} << 40);
  expect_no_growth(1'000, 10'000, [&](int) {
    const auto handle = table_->handle();
    for (int id = 0; id < 3; ++id) {
      handle->index(std::to_string(id), occ::as_bytes("source"));
      handle->remove(std::to_string(id));
    }
  });
}

/// Of many ids that were deleted once; after that there are creations only.
TEST_P(Queues, tombstones_are_purged_where_nobody_deletes_any_more) {
  if (!GetParam().reuses_slots || GetParam().peer) GTEST_SKIP() << "slots stay with their ids, or deletes alone purge";
  constexpr int kIds = 1'000;
  for (int i = 0; i < kIds; ++i) handle_->index(std::to_string(i), occ::as_bytes("source"));
  for (int i = 0; i < kIds; ++i) handle_->remove(std::to_string(i));
  clock_.advance_ms(120'000);
  for (int i = kIds; i < 2 * kIds; ++i) handle_->create(std::to_string(i), occ::as_bytes("source"));
  Document document;
  for (int i = 0; i < kIds; ++i) {
    // Of a tombstone that is still there the word would be told.
    ASSERT_TRUE(handle_->get(std::to_string(i), document).word.vacant()) << i;
  }
}

/// While an allocation, or all of them, fail.
class Failing {
 public:
  explicit Failing(std::int64_t after, bool all) {
    Mapping::forget();
    failures.store(0);
    for_good.store(all);
    left.store(after);
  }
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  ~Failing() {
    left.store(-1);
    Mapping::forget();
  }
};

/// What memory looks like where it ends: the n-th allocation of an operation fails, or all from the n-th on, for each n.
/// Then the operation has done nothing, or what it should; nobody waits for ever, nothing is thrown where nothing may be,
/// and the same operation succeeds afterwards.
class MemoryEnds : public StrategyTest {
 protected:
  struct Seen {
    Result result = Result::not_found;
    Version version = 0;
    SeqNoTerm word;
    std::string source;
    friend bool operator==(const Seen&, const Seen&) = default;
    friend void PrintTo(const Seen& seen, std::ostream* out) {
      *out << "version " << seen.version << ", " << seen.source.size() << " bytes";
    }
  };
  using Sight = std::map<std::string, Seen>;

  static Sight look(AnyHandle& handle, const std::vector<std::string>& ids) {
    Sight sight;
    for (const std::string& id : ids) {
      Document document;
      const Outcome got = handle.get(id, document);
      Seen& seen = sight[id];
      if (got.result == Result::found) seen = {got.result, got.version, got.word, std::string(document.source.text())};
    }
    return sight;
  }

  struct Case {
    const char* name;
    /// Both get the handle; `act` is what meets the end of memory, and says what came of it.
    std::function<void(AnyHandle&)> prepare;
    std::function<Outcome(AnyHandle&)> act;
    /// What it may change.
    std::vector<std::string> ids;
    std::int64_t gc_deletes_ms = 60'000;
    /// What it writes is many things, each of which may have happened.
    bool several = false;
  };

  void sweep(const Case& of) {
    SCOPED_TRACE(of.name);
    const auto fresh = [&] {
      auto table = make({.gc_deletes_ms = of.gc_deletes_ms, .clock = &clock_});
      auto handle = table->handle();
      of.prepare(*handle);
      return std::pair{std::move(table), std::move(handle)};
    };
    auto [expected_table, expected_handle] = fresh();
    const Outcome expected = of.act(*expected_handle);
    const Sight expected_sight = look(*expected_handle, of.ids);
    for (const bool all : {false, true}) {
      for (std::int64_t n = 0;; ++n) {
        SCOPED_TRACE(std::to_string(n) + (all ? " allocations, then none" : " allocations, then one that fails"));
        ASSERT_LT(n, 2'000) << "no end of allocations";
        auto [table, handle] = fresh();
        const Sight before = look(*handle, of.ids);
        bool threw = false;
        contract::expect_returns("an operation that met the end of memory", [&, &handle = handle] {
          const Failing now(n, all);
          try {
            of.act(*handle);
          } catch (const std::bad_alloc&) {
            threw = true;
          }
        });
        const bool failed = failures.load() != 0;
        ASSERT_TRUE(failed || !threw);
        const Sight after = look(*handle, of.ids);
        for (const auto& [id, seen] : after) {
          if (of.several) {
            ASSERT_TRUE(seen == before.at(id) || seen.source == expected_sight.at(id).source) << id;
          } else {
            ASSERT_EQ(seen.source, (threw ? before : expected_sight).at(id).source) << id;
            ASSERT_EQ(seen.version, (threw ? before : expected_sight).at(id).version) << id;
          }
        }
        ASSERT_TRUE(balance(handle->counters()));
        contract::expect_returns("an operation after the end of memory", [&, &handle = handle] {
          if (!threw) return;
          const Outcome again = of.act(*handle);
          if (of.several) return;
          ASSERT_EQ(again.result, expected.result);
          ASSERT_EQ(again.version, expected.version);
        });
        for (const auto& [id, seen] : look(*handle, of.ids)) ASSERT_EQ(seen.source, expected_sight.at(id).source) << id;
        ASSERT_TRUE(balance(handle->counters()));
        {
          const Failing now(0, true);
          handle.reset();
        }
        auto other = table->handle();
        ASSERT_TRUE(other->index("after", occ::as_bytes("all")).wrote());
        ASSERT_TRUE(other->remove("after").wrote());
        {
          const Failing now(0, true);
          other.reset();
          table.reset();
        }
        if (!failed) break;
      }
    }
  }
  static Outcome index(AnyHandle& handle, std::string_view id, const std::string& source) {
    return handle.index(id, occ::as_bytes(source));
  }

  const std::string small_ = std::string(100, 's');
  const std::string large_ = std::string(100'000, 'l');
  const std::string huge_ = std::string(3'000'000, 'h');
  const std::string long_id_ = std::string(300, 'i');
};
INSTANTIATE_TEST_SUITE_P(Every, MemoryEnds, ::testing::ValuesIn(strategies_that([](const StrategyInfo& strategy) {
                           // Of the other maps those whose tables are ours.
                           return strategy.is_verifiable() &&
                                  (!strategy.peer || strategy.reclamation == Reclamation::rcu);
                         })),
                         name_of);

TEST_P(MemoryEnds, in_one_operation_it_did_nothing_and_succeeds_afterwards) {
  const auto nothing = [](AnyHandle&) {};
  const auto with = [](const std::string& id, const std::string& source) {
    return [&id, &source](AnyHandle& handle) { index(handle, id, source); };
  };
  static const std::string kId = "id";
  const auto grow = [&](const DocumentView&, Source& next) {
    next.assign(occ::as_bytes(large_));
    return Transformed::write;
  };
  sweep({"create", nothing, [&](AnyHandle& handle) { return handle.create(kId, occ::as_bytes(small_)); }, {kId}});
  sweep({"index of a long id and a large source",
         nothing,
         [&](AnyHandle& handle) { return index(handle, long_id_, large_); },
         {long_id_}});
  sweep({"index of a huge source", nothing, [&](AnyHandle& handle) { return index(handle, kId, huge_); }, {kId}});
  sweep({"index over a small source",
         with(kId, small_),
         [&](AnyHandle& handle) { return index(handle, kId, large_); },
         {kId}});
  sweep({"index over a large source",
         with(kId, large_),
         [&](AnyHandle& handle) { return index(handle, kId, small_); },
         {kId}});
  sweep({"conditional index",
         with(kId, small_),
         [&](AnyHandle& handle) {
           Document document;
           const Outcome got = handle.get(kId, document);
           return handle.index(kId, occ::as_bytes(small_ + "more"), Precondition::if_word(got.word));
         },
         {kId}});
  for (const UpdateForm form : forms_of(GetParam())) {
    SCOPED_TRACE(to_string(form));
    sweep({"update that grows",
           with(kId, small_),
           [&](AnyHandle& handle) { return handle.update(kId, grow, {.form = form}); },
           {kId}});
    sweep({"upsert",
           nothing,
           [&](AnyHandle& handle) { return handle.update(kId, grow, {.form = form, .upsert = occ::as_bytes(large_)}); },
           {kId}});
  }
  sweep({"delete", with(kId, large_), [&](AnyHandle& handle) { return handle.remove(kId); }, {kId}});
  sweep({"delete of a missing id", nothing, [&](AnyHandle& handle) { return handle.remove(long_id_); }, {long_id_}});
  sweep({"get",
         with(kId, large_),
         [&](AnyHandle& handle) {
           Document document;
           return handle.get(kId, document);
         },
         {kId}});
}

TEST_P(MemoryEnds, where_slots_pass_on_and_directories_grow_the_others_stay) {
  std::vector<std::string> ids;
  for (int i = 0; i < 80; ++i) ids.push_back(in_one_segment("id" + std::to_string(i)));
  const auto nothing = [](AnyHandle&) {};
  sweep({"creations until the directory has grown", nothing,
         [&](AnyHandle& handle) {
           Outcome last;
           for (const std::string& id : ids) last = index(handle, id, id);
           return last;
         },
         ids, 60'000, true});
  sweep({"deletes, purges and creations",
         [&](AnyHandle& handle) {
           for (std::size_t i = 0; i < 8; ++i) index(handle, ids[i], small_);
         },
         [&](AnyHandle& handle) {
           Outcome last;
           for (std::size_t i = 0; i < 8; ++i) handle.remove(ids[i]);
           for (std::size_t i = 8; i < 16; ++i) last = index(handle, ids[i], small_);
           return last;
         },
         std::vector<std::string>(ids.begin(), ids.begin() + 16), -1, true});
  sweep({"bulk of creations, updates and deletes",
         [&](AnyHandle& handle) {
           for (std::size_t i = 0; i < 8; ++i) index(handle, ids[i], small_);
         },
         [&](AnyHandle& handle) {
           const auto append = [&](const DocumentView&, Source& next) {
             next.assign(occ::as_bytes(large_));
             return Transformed::write;
           };
           const Transform transform(append);
           std::array<BulkItem, 16> items;
           for (std::size_t i = 0; i < items.size(); ++i) {
             items[i] = {.kind = i < 4   ? BulkItem::Kind::update
                                 : i < 8 ? BulkItem::Kind::remove
                                         : BulkItem::Kind::index,
                         .id = ids[i],
                         .source = occ::as_bytes(small_)};
             items[i].transform = &transform;
           }
           handle.bulk(items);
           return items.back().outcome;
         },
         std::vector<std::string>(ids.begin(), ids.begin() + 16), 60'000, true});
}

TEST_P(MemoryEnds, while_tables_and_handles_are_made_nothing_is_left) {
  for (const bool all : {false, true}) {
    for (std::int64_t n = 0;; ++n) {
      SCOPED_TRACE(n);
      ASSERT_LT(n, 5'000) << "no end of allocations";
      contract::expect_returns("making a table at the end of memory", [&] {
        const Failing now(n, all);
        try {
          const auto table = make(options());
          const auto one = table->handle();
          const auto another = table->handle();
        } catch (const std::bad_alloc&) {
        } catch (const std::system_error&) {  // of a thread
        }
      });
      if (failures.load() == 0) break;
    }
  }
}

/// A deleted id waits in its handle's queue. If that dies and cannot hand it on, the next delete of the id counts.
TEST_P(MemoryEnds, as_a_handle_dies_its_deleted_ids_are_purged_after_their_next_delete) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "slots stay with their ids";
  const auto churn = [&](int from, int times) {
    for (int i = from; i < from + times; ++i) {
      const std::string id = "id" + std::to_string(i);
      auto dying = table_->handle();
      dying->index(id, occ::as_bytes(small_));
      if (i % 2 == 0) {
        dying->remove(id);
      } else {
        // Its queue may have no memory either; whether the delete itself has some, is another matter.
        const Failing now(0, true);
        try {
          dying->remove(id);
        } catch (const std::bad_alloc&) {
        }
      }
      {
        const Failing now(0, true);
        dying.reset();
      }
      handle_->index(id, occ::as_bytes(small_));
      handle_->remove(id);
      clock_.advance_ms(120'000);
    }
  };
  churn(0, 3'000);
  const std::size_t warm = table_->memory().slots;
  churn(3'000, 12'000);
  EXPECT_LE(table_->memory().slots, warm + warm / 2);
}

/// Blocks that wait for readers, where their participant dies and there is no memory to hand them on.
template <class Domain>
class DyingParticipant : public ::testing::Test {};
using Domains = ::testing::Types<EpochDomain, RcuDomain>;
TYPED_TEST_SUITE(DyingParticipant, Domains);

TYPED_TEST(DyingParticipant, without_memory_leaves_its_blocks_to_others) {
  constexpr std::size_t kBytes = 100'000;
  BlockPool pool;
  TypeParam domain;
  BlockPool::Cache cache(pool);
  using Participant = typename TypeParam::Participant;
  const auto retire = [&](Participant& participant) {
    Block* block = cache.take(kBytes);
    {
      const typename Participant::Guard pinned(participant);
      participant.make_room();
      participant.retire(block);
    }
    participant.collect();
  };
  std::optional<Participant> longer(std::in_place, domain, cache);
  const auto live_and_die = [&] {
    std::optional<Participant> one(std::in_place, domain, cache);
    std::optional<Participant> two(std::in_place, domain, cache);
    for (int i = 0; i < 10; ++i) {
      retire(*one);
      retire(*two);
    }
    const Failing now(0, true);
    one.reset();
    two.reset();
  };
  for (int life = 0; life < 50; ++life) live_and_die();
  const std::size_t warm = pool.bytes();
  for (int life = 0; life < 500; ++life) live_and_die();
  EXPECT_LE(pool.bytes(), warm + (std::size_t{8} << 20));
}

}  // namespace
}  // namespace occ::contract
