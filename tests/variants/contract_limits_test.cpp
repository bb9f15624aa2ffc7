/// The boundaries of ids, sources, numbers, terms and memory, on every strategy.
#include <array>
#include <set>

#include "tests/variants/contract.hpp"

namespace occ::contract {
namespace {

class ContractLimits : public StrategyTest {
 protected:
  Outcome put(std::string_view id, std::string_view source = "a") { return handle_->index(id, occ::as_bytes(source)); }
  std::string read(std::string_view id) {
    return handle_->get(id, document_).result == Result::found ? std::string(document_.source.text()) : "(none)";
  }
  /// Bytes that depend on `seed` and on the place, so that a shifted or mixed copy shows.
  static std::string filled(std::size_t size, std::uint64_t seed) {
    std::string text(size, '\0');
    std::uint64_t x = seed * 0x9e3779b97f4a7c15U + 1;
    for (char& c : text) {
      x = x * 6364136223846793005U + 1442695040888963407U;
      c = static_cast<char>(x >> 56U);
    }
    return text;
  }
  static void expect_rejected(const Outcome& outcome, Cause cause) {
    EXPECT_EQ(outcome.result, Result::rejected);
    EXPECT_EQ(outcome.cause, cause);
    EXPECT_FALSE(outcome.wrote());
  }

  Document document_;
};
INSTANTIATE_TEST_SUITE_P(Every, ContractLimits, ::testing::ValuesIn(storing()), name_of);

TEST_P(ContractLimits, id_outside_1_to_512_bytes_is_rejected_by_every_call) {
  const auto keep = [](const DocumentView&, Source&) {
    ADD_FAILURE() << "the transform ran";
    return Transformed::keep;
  };
  const std::string long_id(kMaxIdBytes + 1, 'x');
  for (const auto& [id, cause] : {std::pair{std::string(), Cause::id_empty}, std::pair{long_id, Cause::id_too_long},
                                  std::pair{std::string(5'000'000, 'x'), Cause::id_too_long}}) {
    SCOPED_TRACE(id.size());
    expect_rejected(put(id), cause);
    expect_rejected(handle_->create(id, {}), cause);
    expect_rejected(handle_->remove(id), cause);
    expect_rejected(handle_->update(id, keep), cause);
    expect_rejected(handle_->update(id, keep, {.upsert = Bytes{}}), cause);
    expect_rejected(handle_->get(id, document_), cause);
  }
  EXPECT_EQ(table_->next(0), SeqNoTerm(0, 1));
  EXPECT_EQ(handle_->counters().attempts, 0U);
  EXPECT_TRUE(balance(handle_->counters()));
}

TEST_P(ContractLimits, id_of_every_length_is_a_document_of_its_own) {
  for (std::size_t size = 1; size <= kMaxIdBytes; ++size) {
    ASSERT_EQ(put(std::string(size, 'x'), std::to_string(size)).result, Result::created) << size;
  }
  for (std::size_t size = 1; size <= kMaxIdBytes; ++size) {
    ASSERT_EQ(read(std::string(size, 'x')), std::to_string(size));
  }
}

TEST_P(ContractLimits, id_is_bytes_not_text) {
  std::vector<std::string> ids;
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    ids.push_back(std::string(1, c));
    ids.push_back(std::string(2, c));
    ids.push_back(std::string(1, c) + "tail");
    ids.push_back(std::string("head") + c);
    ids.push_back(std::string(60, c));
  }
  ASSERT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
  for (const std::string& id : ids) ASSERT_EQ(put(id, "of " + id).result, Result::created);
  for (const std::string& id : ids) ASSERT_EQ(read(id), "of " + id);
}

TEST_P(ContractLimits, id_with_a_long_common_part_is_told_apart) {
  const auto with = [](std::size_t at, char c) {
    std::string id(kMaxIdBytes, 'p');
    id[at] = c;
    return id;
  };
  for (std::size_t at = 0; at < kMaxIdBytes; ++at) {
    ASSERT_EQ(put(with(at, 'a'), std::to_string(at) + "a").result, Result::created) << at;
    ASSERT_EQ(put(with(at, 'b'), std::to_string(at) + "b").result, Result::created) << at;
  }
  for (std::size_t at = 0; at < kMaxIdBytes; ++at) {
    ASSERT_EQ(read(with(at, 'a')), std::to_string(at) + "a");
    ASSERT_EQ(read(with(at, 'b')), std::to_string(at) + "b");
  }
}

TEST_P(ContractLimits, id_is_read_during_the_call_only) {
  std::string id = "a long enough id not to fit into any inline buffer of a string or of a key";
  std::string source = "a";
  put(id, source);
  const std::string kept = id;
  std::ranges::fill(id, 'x');
  std::ranges::fill(source, 'x');
  EXPECT_EQ(read(kept), "a");
  EXPECT_EQ(read(id), "(none)");
}

TEST_P(ContractLimits, source_of_every_small_size_comes_back) {
  for (std::size_t size = 0; size <= 200; ++size) {
    const std::string id = "id" + std::to_string(size);
    ASSERT_EQ(put(id, filled(size, size)).result, Result::created);
  }
  for (std::size_t size = 0; size <= 200; ++size) {
    ASSERT_TRUE(read("id" + std::to_string(size)) == filled(size, size)) << size;
  }
  // The same sizes one after another in one document, up and down.
  for (std::size_t step = 0; step <= 400; ++step) {
    const std::size_t size = step <= 200 ? step : 400 - step;
    put("same", filled(size, step));
    ASSERT_TRUE(read("same") == filled(size, step)) << size;
  }
}

TEST_P(ContractLimits, source_around_powers_of_two_comes_back) {
  for (std::size_t power = 8; power <= 20; ++power) {
    for (const std::size_t size :
         {(std::size_t{1} << power) - 1, std::size_t{1} << power, (std::size_t{1} << power) + 1}) {
      put("id", filled(size, size));
      ASSERT_TRUE(read("id") == filled(size, size)) << size;
    }
  }
}

TEST_P(ContractLimits, conditional_write_of_every_size_follows_every_other) {
  constexpr std::size_t kSizes[] = {100, 112, 113, 112, 300, 8, 5'000, 0, 113, 100, 120, 64};
  std::string before = filled(16, 1);
  ASSERT_EQ(put("id", before).result, Result::created);
  for (const std::size_t size : kSizes) {
    ASSERT_EQ(handle_->get("id", document_).result, Result::found);
    ASSERT_TRUE(document_.source.text() == before) << size;
    before = filled(size, size);
    const Outcome written = handle_->index("id", occ::as_bytes(before), Precondition::if_word(document_.word));
    ASSERT_EQ(written.result, Result::updated) << size;
    ASSERT_TRUE(read("id") == before) << size;
  }
}

TEST_P(ContractLimits, source_of_16_mib_is_the_largest) {
  const std::string largest = filled(kMaxSourceBytes, 1);
  const std::string too_large = largest + "x";
  ASSERT_EQ(put("id", largest).result, Result::created);
  EXPECT_TRUE(read("id") == largest);
  expect_rejected(put("id", too_large), Cause::source_too_large);
  expect_rejected(put("new", too_large), Cause::source_too_large);
  expect_rejected(handle_->create("new", occ::as_bytes(too_large)), Cause::source_too_large);
  const auto swell = [&](const DocumentView&, Source& next) {
    next.assign(occ::as_bytes(too_large));
    return Transformed::write;
  };
  for (const UpdateForm form : forms_of(GetParam())) {
    expect_rejected(handle_->update("id", swell, {.form = form}), Cause::source_too_large);
    expect_rejected(handle_->update("new", swell, {.form = form, .upsert = occ::as_bytes(too_large)}),
                    Cause::source_too_large);
  }
  EXPECT_TRUE(read("id") == largest);
  EXPECT_EQ(read("new"), "(none)");
  EXPECT_EQ(table_->next(0), SeqNoTerm(1, 1));
  EXPECT_EQ(put("id", "small").result, Result::updated);
  EXPECT_EQ(read("id"), "small");
  EXPECT_TRUE(balance(handle_->counters()));
}

TEST_P(ContractLimits, get_with_a_used_buffer_leaves_nothing_of_the_former_source) {
  put("large", filled(10'000, 1));
  put("small", "s");
  put("empty", "");
  EXPECT_TRUE(read("large") == filled(10'000, 1));
  EXPECT_EQ(read("small"), "s");
  EXPECT_EQ(read("empty"), "");
}

TEST_P(ContractLimits, seq_no_that_runs_out_is_reported) {
  constexpr std::uint64_t kSlotLost = 5;
  const auto table = make({.clock = &clock_, .first_seq_no = Shard::kSeqNoLimit - kSlotLost});
  const auto handle = table->handle();
  for (std::uint64_t i = 0; i < kSlotLost; ++i) {
    ASSERT_EQ(handle->index("id", occ::as_bytes("good")).word, SeqNoTerm(Shard::kSeqNoLimit - kSlotLost + i, 1));
  }
  for (int i = 0; i < 3; ++i) {
    expect_rejected(handle->index("id", occ::as_bytes("bad")), Cause::seq_no_exhausted);
    expect_rejected(handle->index("new", occ::as_bytes("bad")), Cause::seq_no_exhausted);
    expect_rejected(handle->remove("id"), Cause::seq_no_exhausted);
    expect_rejected(handle->remove("new"), Cause::seq_no_exhausted);
    for (const UpdateForm form : forms_of(GetParam())) {
      expect_rejected(handle->update("id",
                                     [](const DocumentView&, Source& next) {
                                       next.assign(occ::as_bytes("bad"));
                                       return Transformed::write;
                                     },
                                     {.retry_on_conflict = 3, .form = form}),
                      Cause::seq_no_exhausted);
    }
  }
  EXPECT_EQ(table->next(0), SeqNoTerm(Shard::kSeqNoLimit, 1));
  EXPECT_EQ(handle->get("id", document_).version, static_cast<Version>(kSlotLost));
  EXPECT_EQ(document_.source.text(), "good");
  EXPECT_EQ(handle->get("new", document_).result, Result::not_found);
  EXPECT_TRUE(balance(handle->counters()));
}

TEST_P(ContractLimits, seq_no_that_runs_out_costs_no_memory) {
  const auto table = make({.clock = &clock_, .first_seq_no = Shard::kSeqNoLimit - 1});
  const auto handle = table->handle();
  handle->index("id", occ::as_bytes("small"));
  const std::string large = filled(100'000, 1);
  const auto refuse = [&](int times) {
    for (int i = 0; i < times; ++i) {
      expect_rejected(handle->index("id", occ::as_bytes(large)), Cause::seq_no_exhausted);
      expect_rejected(handle->remove("id"), Cause::seq_no_exhausted);
    }
  };
  refuse(10);
  const std::size_t warm = table->memory().total();
  refuse(200);
  EXPECT_LE(table->memory().total(), warm + (std::size_t{1} << 20));
  const auto refuse_new = [&](int first, int end) {
    for (int i = first; i < end; ++i)
      expect_rejected(handle->create("new" + std::to_string(i), {}), Cause::seq_no_exhausted);
  };
  refuse_new(0, 5'000);  // each segment of a directory has had a slot to give back
  const std::size_t slots = table->memory().slots;
  refuse_new(5'000, 10'000);
  EXPECT_EQ(table->memory().slots, slots);
}

TEST_P(ContractLimits, seq_no_that_runs_out_under_all_threads_is_given_once_each) {
  constexpr std::uint64_t kSlotLost = 2'000;
  constexpr std::size_t kThreads = 4;
  const auto table = make({.clock = &clock_, .first_seq_no = Shard::kSeqNoLimit - kSlotLost});
  std::array<Writes, kThreads> writes;
  std::array<std::uint64_t, kThreads> rejected{}, gaps{};
  run_threads(kThreads, [&](std::size_t thread) {
    const auto handle = table->handle();
    for (std::uint64_t i = 0; i < kSlotLost; ++i) {
      const std::string id = "id" + std::to_string(thread * 10 + i % 10);
      const Outcome outcome = i % 2 == 0 ? handle->index(id, occ::as_bytes("s")) : handle->remove(id);
      record(writes[thread], outcome);
      if (outcome.result == Result::rejected) {
        EXPECT_EQ(outcome.cause, Cause::seq_no_exhausted);
        ++rejected[thread];
      }
    }
    gaps[thread] = handle->counters().seq_no_gaps;
    EXPECT_TRUE(balance(handle->counters()));
    EXPECT_EQ(handle->counters().rejected, rejected[thread]);
  });
  std::set<std::uint64_t> given;
  std::uint64_t written = 0, refused = 0, lost = 0;
  for (std::size_t t = 0; t < kThreads; ++t) {
    for (const Write& write : writes[t]) given.insert(write.word.seq_no());
    written += writes[t].size();
    refused += rejected[t];
    lost += gaps[t];
  }
  EXPECT_EQ(given.size(), written);
  EXPECT_LT(*given.rbegin(), Shard::kSeqNoLimit);
  EXPECT_EQ(written + lost, kSlotLost);
  EXPECT_EQ(written + refused, kThreads * kSlotLost);
  EXPECT_EQ(table->next(0), SeqNoTerm(Shard::kSeqNoLimit, 1));
}

TEST_P(ContractLimits, fail_over_beyond_the_last_term_is_refused_and_writes_go_on) {
  for (std::uint64_t term = 2; term <= SeqNoTerm::kMaxTerm; ++term) ASSERT_TRUE(table_->fail_over(0)) << term;
  EXPECT_FALSE(table_->fail_over(0));
  EXPECT_FALSE(table_->fail_over(0));
  EXPECT_EQ(table_->next(0), SeqNoTerm(0, SeqNoTerm::kMaxTerm));
  const Outcome first = put("id");
  EXPECT_EQ(first.word, SeqNoTerm(0, SeqNoTerm::kMaxTerm));
  EXPECT_EQ(handle_->index("id", {}, Precondition::if_word(first.word)).word, SeqNoTerm(1, SeqNoTerm::kMaxTerm));
}

TEST_P(ContractLimits, memory_grows_with_documents_and_is_bounded_under_replacement) {
  const std::size_t empty = table_->memory().total();
  std::mt19937_64 random(1);
  const std::string bytes = filled(100'000, 1);
  const auto replace_all = [&](std::uint64_t rounds) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (int i = 0; i < 20; ++i) {
        // Sizes from 0 to 100,000, every magnitude as likely as another.
        const std::size_t size = (std::size_t{1} << random() % 17) * (random() % 1000) / 1000;
        put("id" + std::to_string(i), std::string_view(bytes).substr(0, std::min(size, bytes.size())));
      }
    }
  };
  replace_all(scaled(200));
  const std::size_t warm = table_->memory().total();
  EXPECT_GT(warm, empty);
  replace_all(scaled(2'000));
  const std::size_t after = table_->memory().total();
  // 20 documents of at most 100 kB in every size class that they can be in, twice.
  EXPECT_LE(after, empty + (std::size_t{32} << 20));
  EXPECT_LE(after, warm + (std::size_t{8} << 20));
}

TEST_P(ContractLimits, memory_is_bounded_under_deletes_and_new_creations) {
  table_->set_gc_deletes(-1);
  const std::string larger = filled(300, 1);
  const auto cycle = [&](std::uint64_t rounds) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (int i = 0; i < 50; ++i) put("id" + std::to_string(i), i % 2 == 0 ? larger : "0123456789");
      for (int i = 0; i < 50; ++i) handle_->remove("id" + std::to_string(i));
    }
  };
  cycle(scaled(50));
  const std::size_t warm = table_->memory().total();
  cycle(scaled(1'000));
  EXPECT_LE(table_->memory().total(), warm + (std::size_t{2} << 20));
}

TEST_P(ContractLimits, memory_declared_bounded_is_bounded_by_the_ids_that_are_remembered_too) {
  // A peer is as its library is; what ids leave behind in it is in the table of `occkit memory`.
  if (!GetParam().memory_bounded || GetParam().peer) GTEST_SKIP() << "declares no bound, or is another's";
  EXPECT_TRUE(GetParam().reuses_slots);
}

/// Ever new ids, short and long, each deleted after a while: memory follows those that are remembered at one time.
TEST_P(ContractLimits, memory_follows_the_ids_that_are_remembered_where_slots_are_reused) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "declares that memory grows with the ids ever written";
  table_->set_gc_deletes(1'000);
  std::uint64_t born = 0;
  const auto id_of = [](std::uint64_t number) {
    return "id" + std::to_string(number) + std::string(number % 3 == 0 ? number % 300 : 0, 'x');
  };
  // 500 alive, 1,000 remembered: a tombstone expires 1,001 turns after its delete.
  const auto live_and_die = [&](std::uint64_t turns) {
    for (std::uint64_t turn = 0; turn < turns; ++turn, ++born) {
      ASSERT_EQ(put(id_of(born)).result, Result::created);
      if (born >= 500) {
        ASSERT_EQ(handle_->remove(id_of(born - 500)).result, Result::deleted);
      }
      clock_.advance_ms(1);
    }
  };
  live_and_die(10'000);
  const MemoryUse warm = table_->memory();
  live_and_die(scaled(100'000));
  // Each segment of a directory keeps as many slots as it ever needed at one time, which goes on growing, more and more
  // slowly. Without reuse it would be eleven times as many.
  EXPECT_LE(table_->memory().slots, 3 * warm.slots);
  EXPECT_LE(table_->memory().total(), warm.total() + 2 * warm.slots + (std::size_t{1} << 20));
  // Those that live are found, the dead are not, and what is remembered of them lasts as long as it should.
  for (std::uint64_t number = born - 500; number < born; ++number)
    ASSERT_EQ(handle_->get(id_of(number), document_).result, Result::found) << id_of(number);
  EXPECT_EQ(put(id_of(born - 600)).version, 3) << "a tombstone that is not yet forgotten";
  EXPECT_EQ(put(id_of(born - 1'600)).version, 1);
}

/// By all that deletes; and a slot whose id was deleted again in the meantime waits for the later tombstone.
TEST_P(ContractLimits, slots_of_ids_that_are_deleted_again_are_reused) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "declares that memory grows with the ids ever written";
  table_->set_gc_deletes(100);
  const auto live_and_die = [&](std::uint64_t number) {
    const std::string id = "id" + std::to_string(number);
    ASSERT_EQ(put(id).result, Result::created);
    const Outcome deleted = number % 2 == 0
                                ? handle_->remove(id)
                                : handle_->update(id, [](const DocumentView&, Source&) { return Transformed::remove; });
    ASSERT_EQ(deleted.result, Result::deleted);
  };
  std::uint64_t born = 0;
  const auto turns = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i, ++born) {
      live_and_die(born);
      if (born >= 5) live_and_die(born - 5);
      clock_.advance_ms(10);
    }
  };
  turns(1'000);
  const MemoryUse warm = table_->memory();
  turns(scaled(20'000));
  EXPECT_LE(table_->memory().slots, warm.slots + (std::size_t{64} << 10));
  EXPECT_LE(table_->memory().total(), warm.total() + (std::size_t{1} << 20));
}

/// What waits for a tombstone to expire does not take what came after it.
TEST_P(ContractLimits, document_created_again_outlives_its_tombstone) {
  table_->set_gc_deletes(100);
  put("id");
  handle_->remove("id");
  const Outcome again = put("id", "again");
  clock_.advance_ms(101);
  for (int i = 0; i < 10; ++i) {
    put("other" + std::to_string(i));
    handle_->remove("other" + std::to_string(i));
  }
  EXPECT_EQ(read("id"), "again");
  EXPECT_EQ(document_.word, again.word);
}

/// Whoever deletes leaves the slots of its dead to those that come after it.
TEST_P(ContractLimits, slots_of_handles_that_are_gone_are_reused) {
  if (!GetParam().reuses_slots) GTEST_SKIP() << "declares that memory grows with the ids ever written";
  table_->set_gc_deletes(10);
  std::uint64_t born = 0;
  const auto generation = [&] {
    const auto handle = table_->handle();
    for (int i = 0; i < 100; ++i, ++born) {
      handle->create("id" + std::to_string(born), {});
      handle->remove("id" + std::to_string(born));
    }
    clock_.advance_ms(11);
  };
  for (int i = 0; i < 30; ++i) generation();
  const MemoryUse warm = table_->memory();
  for (std::uint64_t i = 0; i < scaled(1'000); ++i) generation();
  EXPECT_LE(table_->memory().slots, warm.slots + (std::size_t{64} << 10));
  EXPECT_LE(table_->memory().total(), warm.total() + (std::size_t{1} << 20));
}

TEST_P(ContractLimits, what_a_missing_id_refuses_takes_no_memory) {
  const auto transform = [](const DocumentView&, Source&) { return Transformed::keep; };
  const std::size_t before = table_->memory().total();
  for (std::uint64_t i = 0; i < scaled(50'000); ++i) {
    const std::string id = "id" + std::to_string(i);
    ASSERT_EQ(handle_->index(id, {}, Precondition::if_seq_no(0, 1)).cause, Cause::document_missing);
    ASSERT_EQ(handle_->remove(id, Precondition::if_version(1)).cause, Cause::version_mismatch);
    ASSERT_EQ(handle_->update(id, transform).result, Result::not_found);
    ASSERT_EQ(handle_->get(id, document_).result, Result::not_found);
  }
  EXPECT_EQ(table_->memory().total(), before);
}

TEST_P(ContractLimits, several_handles_of_one_thread_see_each_other) {
  std::vector<std::unique_ptr<AnyHandle>> handles;
  for (int i = 0; i < 40; ++i) handles.push_back(table_->handle());
  for (std::size_t i = 0; i < 400; ++i) {
    handles[i % 40]->index("id", occ::as_bytes(std::to_string(i)));
    ASSERT_EQ(handles[(i + 7) % 40]->get("id", document_).result, Result::found);
    ASSERT_EQ(document_.source.text(), std::to_string(i));
  }
  for (const auto& handle : handles) {
    EXPECT_EQ(handle->counters().applied, 10U);
    EXPECT_EQ(handle->counters().gets_found, 10U);
  }
}

TEST_P(ContractLimits, handles_made_and_destroyed_often_cost_no_memory) {
  std::array<std::uint64_t, 2> gaps{};
  const auto churn = [&](std::uint64_t times) {
    run_threads(2, [&](std::size_t thread) {
      Document document;
      for (std::uint64_t i = 0; i < times; ++i) {
        const auto handle = table_->handle();
        handle->index("id" + std::to_string(i % 10 + thread), occ::as_bytes("0123456789"));
        handle->get("id0", document);
        gaps[thread] += handle->counters().seq_no_gaps;
      }
    });
  };
  churn(scaled(500));
  const std::size_t warm = table_->memory().total();
  churn(scaled(5'000));
  EXPECT_LE(table_->memory().total(), warm + (std::size_t{4} << 20));
  EXPECT_EQ(table_->next(0).seq_no(), 2 * (scaled(500) + scaled(5'000)) + gaps[0] + gaps[1]);
}

TEST_P(ContractLimits, tables_do_not_share_anything) {
  const auto other = make(options());
  const auto other_handle = other->handle();
  put("id", "here");
  EXPECT_EQ(other_handle->get("id", document_).result, Result::not_found);
  other_handle->index("id", occ::as_bytes("there"));
  EXPECT_EQ(read("id"), "here");
  EXPECT_EQ(other->next(0), SeqNoTerm(1, 1));
}

TEST_P(ContractLimits, table_destroyed_with_documents_of_all_sizes_leaves_nothing) {
  // The leak checker of the asan-ubsan build looks at this one.
  for (std::size_t i = 0; i < 300; ++i) put(std::string(1 + i, 'x'), filled(i * 100, i));
  for (std::size_t i = 0; i < 100; ++i) handle_->remove(std::string(1 + i, 'x'));
}

}  // namespace
}  // namespace occ::contract
