/// Several threads on the same documents: nothing lost, nothing torn, nothing twice. Every race ends with exact sums,
/// with the chain of the document's writes and with the equations of the counters.
#include <array>
#include <mutex>
#include <utility>

#include "core/sync/atomic.hpp"
#include "tests/variants/contract.hpp"

namespace occ::contract {
namespace {

/// Far more retries than any of these races needs; an update that runs out of them fails the test.
constexpr std::uint32_t kEnough = 1'000'000'000;

class ContractRaces : public StrategyTest {
 protected:
  /// Runs `body(thread, handle)` on `threads` threads with a handle each, and keeps what their handles counted.
  template <class Body>
  void race(AnyTable& table, std::size_t threads, Body body) {
    std::mutex merging;
    run_threads(threads, [&](std::size_t thread) {
      const auto handle = table.handle();
      body(thread, *handle);
      const std::scoped_lock lock(merging);
      EXPECT_TRUE(balance(handle->counters()));
      counted_.merge(handle->counters());
    });
  }
  /// The equation of the numbers: each was written or is a counted gap.
  void expect_every_number_accounted_for(const AnyTable& table, std::uint64_t writes) const {
    std::uint64_t drawn = 0;
    for (std::uint32_t shard = 0; shard < table.shards(); ++shard) drawn += table.next(shard).seq_no();
    EXPECT_EQ(drawn, writes + counted_.seq_no_gaps);
    EXPECT_EQ(counted_.rejected, 0U);
  }

  Counters counted_;
};
INSTANTIATE_TEST_SUITE_P(Every, ContractRaces, ::testing::ValuesIn(checking()), name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ContractRaces);

/// How a client adds 1 to a counter.
enum class Client { update_in_place, update_optimistically, if_seq_no, version };

std::string_view to_string(Client client) {
  constexpr std::string_view kNames[] = {"update in place", "update optimistically", "if_seq_no", "_version"};
  return kNames[static_cast<int>(client)];
}

/// Adds 1 until it took. Gives the core away between read and write now and then: the races are to happen on two cores.
Outcome add_one_as(Client client, AnyHandle& handle, std::string_view id, Document& document, std::uint64_t turn) {
  const bool yields = turn % 8 == 0;
  if (client == Client::update_in_place || client == Client::update_optimistically) {
    const auto transform = [&](const DocumentView& current, Source& next) {
      if (yields) sched_yield();
      return add_one(current, next);
    };
    return handle.update(id, transform,
                         {.retry_on_conflict = kEnough,
                          .form = client == Client::update_in_place ? UpdateForm::in_place : UpdateForm::optimistic});
  }
  for (;;) {
    EXPECT_EQ(handle.get(id, document).result, Result::found);
    const std::uint64_t number = to_number(document.source.bytes()) + 1;
    if (yields) sched_yield();
    const Outcome outcome = handle.index(id, as_bytes(number),
                                         client == Client::if_seq_no ? Precondition::if_word(document.word)
                                                                     : Precondition::if_version(document.version));
    if (!outcome.conflicted()) return outcome;
    EXPECT_EQ(outcome.cause, client == Client::if_seq_no ? Cause::seq_no_mismatch : Cause::version_mismatch);
    EXPECT_FALSE(outcome.wrote());
  }
}

TEST_P(ContractRaces, counters_under_every_client_sum_up_exactly) {
  std::vector<Client> clients{Client::if_seq_no, Client::version};
  if (GetParam().updates_in_place) clients.push_back(Client::update_in_place);
  if (GetParam().updates_optimistically) clients.push_back(Client::update_optimistically);
  for (const Client client : clients) {
    for (std::size_t threads = 1; threads <= 4; ++threads) {
      for (const std::size_t documents : {1, 3}) {
        SCOPED_TRACE(std::string(to_string(client)) + ", " + std::to_string(threads) + " threads, " +
                     std::to_string(documents) + " documents");
        const std::uint64_t turns = scaled(4'000);
        const auto table = make({.shards = 2, .clock = &clock_});
        std::vector<std::string> ids;
        std::vector<std::array<Writes, 5>> writes(documents);
        counted_ = {};
        {
          const auto handle = table->handle();
          const std::uint64_t zero = 0;
          for (std::size_t d = 0; d < documents; ++d) {
            ids.push_back("counter" + std::to_string(d));
            record(writes[d][4], handle->create(ids[d], as_bytes(zero)));
          }
          counted_.merge(handle->counters());
        }
        race(*table, threads, [&](std::size_t thread, AnyHandle& handle) {
          Document document;
          for (std::uint64_t turn = 0; turn < turns; ++turn) {
            const std::size_t d = (turn + thread) % documents;
            const Outcome outcome = add_one_as(client, handle, ids[d], document, turn + thread);
            ASSERT_EQ(outcome.result, Result::updated);
            record(writes[d][thread], outcome);
          }
        });
        const auto handle = table->handle();
        Document document;
        std::uint64_t sum = 0;
        for (std::size_t d = 0; d < documents; ++d) {
          ASSERT_EQ(handle->get(ids[d], document).result, Result::found);
          const std::uint64_t number = to_number(document.source.bytes());
          sum += number;
          EXPECT_EQ(document.version, static_cast<Version>(number + 1));
          Writes all;
          for (const Writes& some : writes[d]) all.insert(all.end(), some.begin(), some.end());
          EXPECT_TRUE(form_a_chain(all));
        }
        EXPECT_EQ(sum, turns * threads);
        EXPECT_EQ(counted_.applied, turns * threads + documents);
        expect_every_number_accounted_for(*table, turns * threads + documents);
        if (threads == 1 || client == Client::update_in_place) {
          EXPECT_EQ(counted_.conflicts(), 0U);
        }
      }
    }
  }
}

TEST_P(ContractRaces, update_with_upsert_by_all_threads_loses_nothing) {
  constexpr std::size_t kThreads = 3;
  const std::uint64_t rounds = scaled(3'000);
  const std::uint64_t one = 1;
  for (const UpdateForm form : forms_of(GetParam())) {
    const auto table = make(options());
    counted_ = {};
    std::vector<std::array<Writes, kThreads>> writes(rounds);
    std::barrier next(static_cast<std::ptrdiff_t>(kThreads));
    race(*table, kThreads, [&](std::size_t thread, AnyHandle& handle) {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        if (round % 16 == 0) next.arrive_and_wait();
        const std::string id = "id" + std::to_string(round);
        record(writes[round][thread],
               handle.update(id, add_one, {.retry_on_conflict = kEnough, .form = form, .upsert = as_bytes(one)}));
      }
    });
    const auto handle = table->handle();
    Document document;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      ASSERT_EQ(handle->get("id" + std::to_string(round), document).result, Result::found);
      ASSERT_EQ(to_number(document.source.bytes()), kThreads);
      Writes all;
      for (const Writes& some : writes[round]) all.insert(all.end(), some.begin(), some.end());
      ASSERT_TRUE(form_a_chain(all));
    }
    expect_every_number_accounted_for(*table, rounds * kThreads);
  }
}

TEST_P(ContractRaces, create_by_all_threads_is_won_by_exactly_one) {
  constexpr std::size_t kThreads = 4;
  const std::uint64_t rounds = scaled(8'000);
  const auto table = make({.shards = 3, .clock = &clock_});
  std::vector<std::array<Outcome, kThreads>> outcomes(rounds);
  std::barrier next(static_cast<std::ptrdiff_t>(kThreads));
  race(*table, kThreads, [&](std::size_t thread, AnyHandle& handle) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      if (round % 16 == 0) next.arrive_and_wait();
      const std::uint64_t mine = thread;
      outcomes[round][thread] = handle.create("id" + std::to_string(round), as_bytes(mine));
    }
  });
  const auto handle = table->handle();
  Document document;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    std::size_t won = 0;
    const Outcome got = handle->get("id" + std::to_string(round), document);
    for (std::size_t thread = 0; thread < kThreads; ++thread) {
      const Outcome& outcome = outcomes[round][thread];
      if (outcome.result == Result::created) {
        ++won;
        EXPECT_EQ(to_number(document.source.bytes()), thread);
        EXPECT_EQ(outcome.word, got.word);
        EXPECT_EQ(outcome.version, 1);
      } else {
        EXPECT_EQ(outcome.cause, Cause::already_exists);
        EXPECT_EQ(outcome.decided_on, got.word);
      }
    }
    ASSERT_EQ(won, 1U) << "round " << round;
  }
  EXPECT_EQ(counted_.applied, rounds);
  EXPECT_EQ(counted_.conflict_exists, rounds * (kThreads - 1));
  expect_every_number_accounted_for(*table, rounds);
}

TEST_P(ContractRaces, create_and_remove_by_all_threads_keep_one_chain) {
  constexpr std::size_t kThreads = 4, kDocuments = 3;
  const std::uint64_t turns = scaled(20'000);
  std::array<std::array<Writes, kThreads>, kDocuments> writes;
  race(*table_, kThreads, [&](std::size_t thread, AnyHandle& handle) {
    std::mt19937_64 random(thread);
    Document document;
    std::array<SeqNoTerm, kDocuments> last{};
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      const std::size_t d = random() % kDocuments;
      const std::string id = "id" + std::to_string(d);
      Outcome outcome;
      switch (random() % 5) {
        case 0:
          outcome = handle.create(id, occ::as_bytes("created"));
          break;
        case 1:
          outcome = handle.remove(id);
          break;
        case 2:
          outcome = handle.index(id, occ::as_bytes("indexed"));
          break;
        case 3:
          outcome = handle.update(id, [](const DocumentView&, Source&) { return Transformed::remove; },
                                  {.retry_on_conflict = kEnough});
          break;
        default:
          outcome = handle.get(id, document);
      }
      record(writes[d][thread], outcome);
      // One thread never sees a document go back.
      const SeqNoTerm seen = outcome.word;
      if (!seen.vacant()) {
        ASSERT_GE(seen, last[d]);
        last[d] = seen;
      }
    }
  });
  std::uint64_t written = 0;
  for (const auto& of_document : writes) {
    Writes all;
    for (const Writes& some : of_document) all.insert(all.end(), some.begin(), some.end());
    written += all.size();
    EXPECT_TRUE(form_a_chain(all));
  }
  expect_every_number_accounted_for(*table_, written);
}

TEST_P(ContractRaces, create_and_remove_without_kept_tombstones_never_give_a_number_twice) {
  constexpr std::size_t kThreads = 3;
  const std::uint64_t turns = scaled(10'000);
  table_->set_gc_deletes(-1);
  std::array<Writes, kThreads> writes;
  std::array<std::uint64_t, kThreads> created{}, deleted{};
  race(*table_, kThreads, [&](std::size_t thread, AnyHandle& handle) {
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      const Outcome outcome = (turn + thread) % 2 == 0 ? handle.create("id", occ::as_bytes("x")) : handle.remove("id");
      record(writes[thread], outcome);
      created[thread] += outcome.result == Result::created ? 1 : 0;
      deleted[thread] += outcome.result == Result::deleted ? 1 : 0;
    }
  });
  Writes all;
  std::int64_t live = 0;
  for (std::size_t t = 0; t < kThreads; ++t) {
    all.insert(all.end(), writes[t].begin(), writes[t].end());
    live += static_cast<std::int64_t>(created[t]) - static_cast<std::int64_t>(deleted[t]);
  }
  std::ranges::sort(all, {}, &Write::word);
  EXPECT_EQ(std::ranges::adjacent_find(all, {}, &Write::word), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_LT(all[i].decided_on.vacant() ? SeqNoTerm() : all[i].decided_on, all[i].word);
  }
  // In the order of the numbers each ended as what was there then says, forgotten or not.
  bool there = false;
  for (const Write& write : all) {
    ASSERT_EQ(write.result == Result::deleted, there) << ::testing::PrintToString(write.word);
    there = write.result == Result::created;
  }
  Document document;
  EXPECT_EQ(handle_->get("id", document).result == Result::found ? 1 : 0, live);
  expect_every_number_accounted_for(*table_, all.size());
}

TEST_P(ContractRaces, fail_over_under_writers_keeps_order_and_what_clients_read) {
  constexpr std::size_t kThreads = 3;
  const std::uint64_t turns = scaled(10'000);
  std::array<Writes, kThreads> writes;
  const std::uint64_t zero = 0;
  Writes first;
  record(first, handle_->create("id", as_bytes(zero)));
  const Outcome untouched = handle_->index("untouched", {});
  atomic<bool> stop{false};
  std::uint64_t terms = 1;
  std::jthread failing([&] {
    while (!stop.load(std::memory_order_acquire) && terms < SeqNoTerm::kMaxTerm) {
      ASSERT_TRUE(table_->fail_over(0));
      ++terms;
      for (int i = 0; i < 20; ++i) sched_yield();
    }
  });
  race(*table_, kThreads, [&](std::size_t thread, AnyHandle& handle) {
    Document document;
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      const Outcome outcome =
          add_one_as(turn % 2 == 0 ? Client::if_seq_no : Client::version, handle, "id", document, turn);
      ASSERT_EQ(outcome.result, Result::updated);
      record(writes[thread], outcome);
    }
  });
  stop.store(true, std::memory_order_release);
  failing.join();
  EXPECT_EQ(table_->next(0).term(), terms);
  EXPECT_EQ(handle_->index("untouched", {}, Precondition::if_word(untouched.word)).word.term(), terms);
  Writes all = first;
  for (const Writes& some : writes) {
    EXPECT_TRUE(std::ranges::is_sorted(some, {}, &Write::word));
    all.insert(all.end(), some.begin(), some.end());
  }
  EXPECT_TRUE(form_a_chain(all));
  std::ranges::sort(all, {}, &Write::word);
  const auto term = [](const Write& write) { return write.word.term(); };
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, term)) << "a later number carries an earlier term";
  EXPECT_EQ(table_->next(0).seq_no(), 3 + turns * kThreads + counted_.seq_no_gaps);
}

/// A source whose every 64-bit word, and whose size, follow from one number.
struct Pattern {
  static constexpr std::size_t kMaxWords = 1'500;

  static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
  }
  /// Every magnitude from one word to 12 kB as likely as another.
  static std::size_t words(std::uint64_t number) {
    const std::uint64_t x = mixed(number);
    return 1 + (x >> 8U) % std::min(kMaxWords, std::size_t{1} << x % 12);
  }
  static Bytes make(std::uint64_t number, std::vector<std::uint64_t>& into) {
    into.resize(words(number));
    for (std::size_t i = 0; i < into.size(); ++i) into[i] = mixed(number + i * 0x9e3779b97f4a7c15U);
    return std::as_bytes(std::span(into));
  }
  static bool holds(std::uint64_t number, Bytes source) {
    if (source.size() != words(number) * sizeof(std::uint64_t)) return false;
    for (std::size_t i = 0; i < source.size() / sizeof(std::uint64_t); ++i) {
      std::uint64_t word;
      std::memcpy(&word, source.data() + i * sizeof word, sizeof word);
      if (word != mixed(number + i * 0x9e3779b97f4a7c15U)) return false;
    }
    return true;
  }
};

TEST_P(ContractRaces, get_under_writers_of_changing_sizes_is_never_torn) {
  constexpr std::size_t kWriters = 2, kReaders = 2, kDocuments = 2;
  const std::uint64_t turns = scaled(20'000);
  // External versions tie a source to its `_version`: what is written under v is the pattern of v.
  std::array<atomic<Version>, kDocuments> next_version{};
  atomic<std::size_t> writing{kWriters};
  // The writers go on until a reader has met one of them.
  atomic<bool> has_met{false};
  struct Seen {
    Version version;
    SeqNoTerm word;
    auto operator<=>(const Seen&) const = default;
  };
  std::array<std::array<std::vector<Seen>, kDocuments>, kWriters> written;
  std::array<std::array<std::vector<Seen>, kDocuments>, kReaders> seen;
  const auto id_of = [](std::size_t d) { return "id" + std::to_string(d); };

  race(*table_, kWriters + kReaders, [&](std::size_t thread, AnyHandle& handle) {
    std::mt19937_64 random(thread);
    if (thread < kWriters) {
      std::vector<std::uint64_t> words;
      for (std::uint64_t turn = 0; turn < turns || !has_met.load(std::memory_order_relaxed); ++turn) {
        const std::size_t d = random() % kDocuments;
        // relaxed: only uniqueness is needed
        const Version version = next_version[d].fetch_add(1, std::memory_order_relaxed) + 1;
        const Bytes source = Pattern::make(static_cast<std::uint64_t>(version), words);
        const Outcome outcome = handle.index(id_of(d), source, Precondition::external(version));
        if (outcome.wrote()) {
          written[thread][d].push_back({version, outcome.word});
        } else {
          ASSERT_EQ(outcome.cause, Cause::version_not_higher);
        }
        if (random() % 64 == 0) handle.remove(id_of(d), Precondition::external(version));
        if (random() % 64 == 0) sched_yield();
      }
      writing.fetch_sub(1, std::memory_order_release);
      return;
    }
    Document document;
    std::array<SeqNoTerm, kDocuments> last{};
    // acquire: pairs with the release above, no more than good manners
    while (writing.load(std::memory_order_acquire) != 0) {
      const std::size_t d = random() % kDocuments;
      const Outcome outcome = handle.get(id_of(d), document);
      if (random() % 64 == 0) sched_yield();  // on two cores the writers would starve behind spinning readers
      if (outcome.result != Result::found) continue;
      has_met.store(true, std::memory_order_relaxed);  // relaxed: it carries no data
      ASSERT_EQ(document.version, outcome.version);
      ASSERT_EQ(document.word, outcome.word);
      ASSERT_TRUE(Pattern::holds(static_cast<std::uint64_t>(document.version), document.source.bytes()))
          << "torn read of version " << document.version << ", " << document.source.size() << " bytes";
      ASSERT_GE(document.word, last[d]);
      if (document.word != last[d]) seen[thread - kWriters][d].push_back({document.version, document.word});
      last[d] = document.word;
    }
  });
  for (std::size_t d = 0; d < kDocuments; ++d) {
    std::vector<Seen> all;
    for (const auto& some : written) all.insert(all.end(), some[d].begin(), some[d].end());
    std::ranges::sort(all);
    // External versions grow with the numbers.
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Seen::word));
    for (std::size_t r = 0; r < kReaders; ++r) {
      for (const Seen& one : seen[r][d]) {
        ASSERT_TRUE(std::ranges::binary_search(all, one))
            << "nobody wrote version " << one.version << " as " << ::testing::PrintToString(one.word);
      }
    }
  }
}

TEST_P(ContractRaces, update_under_readers_shows_whole_sources_to_the_transform) {
  constexpr std::size_t kThreads = 3;
  const std::uint64_t turns = scaled(6'000);
  for (const UpdateForm form : forms_of(GetParam())) {
    const auto table = make(options());
    counted_ = {};
    {
      std::vector<std::uint64_t> words;
      table->handle()->create("id", Pattern::make(1, words));
    }
    race(*table, kThreads, [&](std::size_t, AnyHandle& handle) {
      std::vector<std::uint64_t> words;
      bool torn = false;
      const auto transform = [&](const DocumentView& current, Source& next) {
        torn |= !Pattern::holds(static_cast<std::uint64_t>(current.version), current.source);
        next.assign(Pattern::make(static_cast<std::uint64_t>(current.version) + 1, words));
        return Transformed::write;
      };
      for (std::uint64_t turn = 0; turn < turns; ++turn) {
        ASSERT_EQ(handle.update("id", transform, {.retry_on_conflict = kEnough, .form = form}).result, Result::updated);
        ASSERT_FALSE(torn) << "a transform was shown a torn source";
      }
    });
    Document document;
    const auto handle = table->handle();
    handle->get("id", document);
    EXPECT_EQ(document.version, static_cast<Version>(1 + kThreads * turns));
    EXPECT_TRUE(Pattern::holds(static_cast<std::uint64_t>(document.version), document.source.bytes()));
    expect_every_number_accounted_for(*table, 1 + kThreads * turns);
  }
}

TEST_P(ContractRaces, growth_from_empty_under_readers_loses_and_doubles_no_id) {
  constexpr std::size_t kInserters = 2;
  const std::uint64_t documents = scaled(300'000);
  // Every inserter tries every id, in an order of its own.
  constexpr std::array<std::uint64_t, kInserters> kStrides{7'919, 104'729};
  std::vector<atomic<std::uint8_t>> created(documents), there(documents);
  atomic<std::size_t> inserting{kInserters};
  const auto id_of = [](std::uint64_t number, std::array<char, 24>& buffer) {
    // Some ids are short, some too long for any inline key.
    const int size = std::snprintf(buffer.data(), buffer.size(), number % 4 == 0 ? "a-longer-id-%llu" : "%llu",
                                   static_cast<unsigned long long>(number));
    return std::string_view(buffer.data(), static_cast<std::size_t>(size));
  };
  const auto table = make({.shards = 4, .clock = &clock_});
  race(*table, kInserters + 1, [&](std::size_t thread, AnyHandle& handle) {
    std::array<char, 24> buffer;
    if (thread < kInserters) {
      for (std::uint64_t i = 0; i < documents; ++i) {
        const std::uint64_t number = i * kStrides[thread] % documents;
        const Outcome outcome = handle.create(id_of(number, buffer), as_bytes(number));
        if (outcome.result == Result::created) {
          created[number].fetch_add(1, std::memory_order_relaxed);  // relaxed: read after the join
        } else {
          ASSERT_EQ(outcome.cause, Cause::already_exists);
        }
        there[number].store(1, std::memory_order_release);
      }
      inserting.fetch_sub(1, std::memory_order_release);
      return;
    }
    std::mt19937_64 random(thread);
    Document document;
    while (inserting.load(std::memory_order_acquire) != 0) {
      const std::uint64_t number = random() % documents;
      const bool must = there[number].load(std::memory_order_acquire) != 0;
      const Outcome outcome = handle.get(id_of(number, buffer), document);
      if (random() % 16 == 0) sched_yield();  // or the inserters wait behind a reader that has nothing else to do
      ASSERT_TRUE(outcome.result == Result::found || !must) << "id " << number << " is gone";
      if (outcome.result == Result::found) {
        ASSERT_EQ(to_number(document.source.bytes()), number);
      }
    }
  });
  const auto handle = table->handle();
  Document document;
  std::array<char, 24> buffer;
  for (std::uint64_t number = 0; number < documents; ++number) {
    ASSERT_EQ(created[number].load(), 1) << "id " << number << " was created more than once, or never";
    ASSERT_EQ(handle->get(id_of(number, buffer), document).result, Result::found) << "id " << number;
    ASSERT_EQ(to_number(document.source.bytes()), number);
    ASSERT_EQ(document.version, 1);
  }
  EXPECT_EQ(handle->get("never", document).result, Result::not_found);
  EXPECT_EQ(counted_.applied, documents);
  expect_every_number_accounted_for(*table, documents);
}

TEST_P(ContractRaces, growth_under_updates_of_existing_ids_loses_no_update) {
  const std::uint64_t fresh = scaled(60'000);
  const std::uint64_t zero = 0;
  handle_->create("counter", as_bytes(zero));
  atomic<bool> stop{false};
  atomic<std::uint64_t> added{0};
  race(*table_, 3, [&](std::size_t thread, AnyHandle& handle) {
    if (thread == 0) {
      for (std::uint64_t i = 0; i < fresh; ++i) handle.create("fresh" + std::to_string(i), as_bytes(i));
      stop.store(true, std::memory_order_release);
      return;
    }
    std::uint64_t mine = 0;
    while (!stop.load(std::memory_order_acquire)) {
      ASSERT_EQ(handle.update("counter", add_one, {.retry_on_conflict = kEnough}).result, Result::updated);
      ++mine;
    }
    added.fetch_add(mine);
  });
  Document document;
  ASSERT_EQ(handle_->get("counter", document).result, Result::found);
  EXPECT_EQ(to_number(document.source.bytes()), added.load());
  expect_every_number_accounted_for(*table_, 1 + fresh + added.load());
}

/// A body that was prepared for a publication which then failed or was refused is used again.
TEST_P(ContractRaces, memory_under_writers_that_get_in_each_others_way_is_bounded) {
  if (!GetParam().memory_bounded) GTEST_SKIP() << "declares that a suspended thread holds memory back";
  constexpr std::size_t kThreads = 3, kBytes = 1'000'000;
  const std::uint64_t turns = scaled(3'000);
  const std::vector<std::byte> source(kBytes);
  handle_->index("id", source);
  race(*table_, kThreads, [&](std::size_t, AnyHandle& handle) {
    Document document;
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      // The larger the source, the longer between the look and the publication. Sizes of two classes in turn.
      const Bytes mine(source.data(), turn % 2 == 0 ? kBytes : kBytes / 2);
      if (turn % 4 == 0) handle.get("id", document);
      handle.index("id", mine, turn % 4 < 2 ? Precondition::if_word(document.word) : Precondition::none());
    }
  });
  EXPECT_LE(table_->memory().bodies, std::size_t{48} << 20);
}

/// As above, for the bodies of those that come second where all create one id.
TEST_P(ContractRaces, memory_under_creations_by_all_threads_is_bounded) {
  if (!GetParam().memory_bounded) GTEST_SKIP() << "declares that a suspended thread holds memory back";
  constexpr std::size_t kThreads = 4;
  const std::uint64_t rounds = scaled(4'000);
  const std::vector<std::byte> source(100'000);
  table_->set_gc_deletes(-1);
  std::barrier next(static_cast<std::ptrdiff_t>(kThreads));
  race(*table_, kThreads, [&](std::size_t thread, AnyHandle& handle) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::string id = "id" + std::to_string(round);
      next.arrive_and_wait();
      handle.create(id, source);
      next.arrive_and_wait();
      if (thread == round % kThreads) {
        handle.remove(id);
      }
    }
  });
  EXPECT_LE(table_->memory().bodies, std::size_t{32} << 20);
}

TEST_P(ContractRaces, handles_made_and_destroyed_under_writers_lose_nothing) {
  constexpr std::size_t kThreads = 4;
  const std::uint64_t turns = scaled(2'000);
  const std::uint64_t zero = 0;
  handle_->create("id", as_bytes(zero));
  run_threads(kThreads, [&](std::size_t) {
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      const auto one = table_->handle();
      const auto other = table_->handle();
      ASSERT_EQ(one->update("id", add_one, {.retry_on_conflict = kEnough}).result, Result::updated);
      ASSERT_EQ(other->update("id", add_one, {.retry_on_conflict = kEnough}).result, Result::updated);
    }
  });
  Document document;
  handle_->get("id", document);
  EXPECT_EQ(to_number(document.source.bytes()), 2 * kThreads * turns);
}

/// Ids that come and go under all threads, while their tombstones expire at once, so that slots pass from id to id:
/// nobody ever reads another id's source, and everybody finds its own.
TEST_P(ContractRaces, slots_that_pass_from_id_to_id_never_show_another_ids_source) {
  constexpr std::size_t kThreads = 4;
  const std::uint64_t turns = scaled(40'000);
  table_->set_gc_deletes(-1);
  const auto source_of = [](const std::string& id) { return id + "|" + std::string(id.size() % 7 * 9, id.back()); };
  constexpr std::size_t kIds = 64;
  std::vector<std::string> shared_ids;
  for (int i = 0; i < 8; ++i) shared_ids.push_back(in_one_segment("shared " + std::to_string(i)));
  std::vector<std::string> short_ids, long_ids;  // kIds of each thread
  for (std::size_t i = 0; i < kThreads * kIds; ++i) {
    const std::string id = "thread " + std::to_string(i / kIds) + " " + std::to_string(i % kIds);
    short_ids.push_back(in_one_segment(id));
    long_ids.push_back(in_one_segment(id + std::string(60, '.')));
  }
  run_threads(kThreads, [&](std::size_t thread) {
    const auto handle = table_->handle();
    std::mt19937_64 random(thread);
    Document document;
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      // Its own id: nobody else writes it.
      const std::string& id = (turn % 5 == 0 ? long_ids : short_ids)[thread * kIds + turn % kIds];
      const std::string source = source_of(id);
      ASSERT_EQ(handle->create(id, occ::as_bytes(source)).result, Result::created) << id;
      ASSERT_EQ(handle->get(id, document).result, Result::found) << id;
      ASSERT_EQ(document.source.text(), source);
      ASSERT_EQ(document.version, 1);
      // One that all threads fight for.
      const std::string& shared = shared_ids[random() % shared_ids.size()];
      switch (random() % 4) {
        case 0:
          handle->create(shared, occ::as_bytes(source_of(shared)));
          break;
        case 1:
          handle->remove(shared);
          break;
        case 2:
          handle->update(shared, [&](const DocumentView& current, Source& next) {
            EXPECT_EQ(as_text(current.source), source_of(shared));
            next.assign(current.source);
            return Transformed::write;
          });
          break;
        default:
          if (handle->get(shared, document).result == Result::found) {
            ASSERT_EQ(document.source.text(), source_of(shared));
          }
      }
      // And somebody else's.
      const std::string& other = short_ids[random() % short_ids.size()];
      if (handle->get(other, document).result == Result::found) {
        ASSERT_EQ(document.source.text().substr(0, other.size()), other);
      }
      ASSERT_EQ(handle->remove(id).result, Result::deleted) << id;
      ASSERT_EQ(handle->get(id, document).result, Result::not_found) << id;
    }
  });
}

/// Strategies whose readers look again: that they do is counted, or nobody could see readers starve.
class ContractReadRetries : public StrategyTest {};
INSTANTIATE_TEST_SUITE_P(Every, ContractReadRetries, ::testing::ValuesIn([] {
                           auto chosen = checking();
                           std::erase_if(chosen, [](const StrategyInfo& strategy) {
                             return strategy.reclamation != Reclamation::word_validated;
                           });
                           return chosen;
                         }()),
                         name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ContractReadRetries);

TEST_P(ContractReadRetries, read_retries_under_writers_are_counted) {
  const std::vector<std::byte> source(100'000);
  handle_->index("id", source);
  // A round without one is rare even on one processor, where the reader has to be interrupted in the middle of a copy: if
  // nine of ten rounds had none, all would be without once in 10^9.
  constexpr int kMostRounds = 200;
  Counters counted;
  for (int round = 0; counted.read_retries == 0; ++round) {
    ASSERT_LT(round, kMostRounds) << "no read was ever begun again, or none was counted";
    atomic<bool> stop{false};
    run_threads(2, [&](std::size_t thread) {
      const auto handle = table_->handle();
      if (thread == 0) {
        for (int turn = 0; turn < 2'000; ++turn) handle->index("id", source);
        stop.store(true, std::memory_order_release);
        return;
      }
      Document document;
      while (!stop.load(std::memory_order_acquire)) handle->get("id", document);
      counted.merge(handle->counters());
    });
    EXPECT_EQ(counted.read_retries == 0, counted.read_retries_longest == 0);
    EXPECT_LE(counted.read_retries_longest, counted.read_retries);
  }
}

/// Negative controls must be caught, or the sums above prove nothing.
class ContractUnchecked : public StrategyTest {};
INSTANTIATE_TEST_SUITE_P(Every, ContractUnchecked,
                         ::testing::ValuesIn(strategies_that([](const StrategyInfo& strategy) {
                           return strategy.semantics == Semantics::unchecked;
                         })),
                         name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ContractUnchecked);

TEST_P(ContractUnchecked, update_by_two_threads_is_seen_to_lose_updates) {
  constexpr std::size_t kThreads = 2;
  const std::uint64_t zero = 0;
  // A round loses one almost always, since each thread gives the core away between read and write. If it did so once in
  // 20 rounds, all would be without once in 10^22.
  constexpr std::uint64_t kMostRounds = 1'000;
  for (std::uint64_t round = 0;; ++round) {
    ASSERT_LT(round, kMostRounds) << "no update was lost: the control controls nothing";
    const std::string id = "id" + std::to_string(round);
    std::array<Writes, kThreads + 1> writes;
    record(writes[kThreads], handle_->create(id, as_bytes(zero)));
    run_threads(kThreads, [&](std::size_t thread) {
      const auto handle = table_->handle();
      for (int turn = 0; turn < 100; ++turn) {
        // The other thread gets the core between read and write.
        const auto transform = [](const DocumentView& current, Source& next) {
          sched_yield();
          return add_one(current, next);
        };
        const Outcome outcome = handle->update(id, transform);
        ASSERT_EQ(outcome.result, Result::updated) << "an unchecked update never conflicts";
        record(writes[thread], outcome);
      }
    });
    Document document;
    handle_->get(id, document);
    const std::uint64_t sum = to_number(document.source.bytes());
    ASSERT_LE(sum, kThreads * 100);
    Writes all;
    for (const Writes& some : writes) all.insert(all.end(), some.begin(), some.end());
    if (sum < kThreads * 100) {
      // Whoever looks at the writes alone sees it as well.
      EXPECT_FALSE(form_a_chain(all));
      return;
    }
  }
}

}  // namespace
}  // namespace occ::contract
