#pragma once

#include <optional>

#include "tests/model/document.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {

template <class Self, class Table, int threads>
struct OnOneDocument : rl::test_suite<Self, threads> {
  std::optional<OneDocument<Table>> document;
  void before() { document.emplace(); }
  void finish(Version version) {
    document->read(0);
    document->check(version);
    document.reset();
  }
};

/// Of two updates by one thread the second uses the first body again, of seven each one uses the body of the one before
/// (with epochs, some uses ago); what the other thread reads is one of the documents that there were.
template <class Table, int updates>
struct ReaderAgainstReuse : OnOneDocument<ReaderAgainstReuse<Table, updates>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->update(index, updates);
    } else {
      this->document->read(index);
    }
  }
  void after() { this->finish(1 + updates); }
};

/// As above, the body used again by a third thread.
template <class Table>
struct ReaderAgainstTwoWriters : OnOneDocument<ReaderAgainstTwoWriters<Table>, Table, 3> {
  void thread(unsigned index) {
    if (index == 2) {
      this->document->read(index);
    } else {
      this->document->update(index, index == 0 ? 1 : 2);
    }
  }
  void after() { this->finish(4); }
};

/// Two reads of one thread see versions that do not go back.
template <class Table>
struct ReadsDoNotGoBack : OnOneDocument<ReadsDoNotGoBack<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->update(index, 2);
    } else {
      const Version first = this->document->read(index);
      RL_ASSERT(this->document->read(index) >= first);
    }
  }
  void after() { this->finish(3); }
};

/// A writer that was suspended between its look and its publication meets a body that has left and come back: the word
/// tells.
template <class Table, int updates = 2>
struct BodyComesBack : OnOneDocument<BodyComesBack<Table, updates>, Table, 2> {
  void thread(unsigned index) { this->document->update(index, index == 0 ? updates : 1); }
  void after() { this->finish(2 + updates); }
};

/// A reader meets a delete and the creation after it.
template <class Table>
struct ReaderAgainstDelete : OnOneDocument<ReaderAgainstDelete<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->remove(index);
      this->document->index(index);
    } else {
      this->document->read(index);
    }
  }
  void after() { this->finish(3); }
};

/// A reader meets a body of another size class, and then one of the first again.
template <class Table>
struct ReaderAgainstLargerBody : OnOneDocument<ReaderAgainstLargerBody<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->update_to_larger(index);
      this->document->update(index, 1);
    } else {
      this->document->read(index);
    }
  }
  void after() { this->finish(3); }
};

/// Updates that compute on a copy and publish if nobody came between.
template <class Table>
struct OptimisticWriters : OnOneDocument<OptimisticWriters<Table>, Table, 2> {
  void thread(unsigned index) {
    this->document->update(index, 1, {.retry_on_conflict = 9, .form = UpdateForm::optimistic});
  }
  void after() { this->finish(3); }
};

/// The same by clients in two calls, each of which writes by the word that it read; and a reader.
template <class Table>
struct Clients : OnOneDocument<Clients<Table>, Table, 3> {
  void thread(unsigned index) {
    if (index == 2) {
      this->document->read(index);
    } else {
      this->document->read_and_write(index);
      this->document->read_and_write(index);
    }
  }
  void after() { this->finish(5); }
};

/// Two creations of one document, and a reader: one of them creates it.
template <class Table>
struct TwoCreations : OnOneDocument<TwoCreations<Table>, Table, 3> {
  int created = 0;
  void before() {
    created = 0;
    this->document.emplace(true);
  }
  void thread(unsigned index) {
    if (index == 2) {
      this->document->read(index);
    } else if (this->document->create(index)) {
      ++created;
    }
  }
  void after() {
    RL_ASSERT(created == 1);
    this->finish(1);
  }
};

/// A client looks for a document that is being created, and writes on condition of what it was told, which may be the
/// word of nothing.
template <class Table>
struct ClientAgainstCreation : OnOneDocument<ClientAgainstCreation<Table>, Table, 2> {
  bool wrote = false;
  void before() {
    wrote = false;
    this->document.emplace(true);
  }
  void thread(unsigned index) {
    if (index == 0) {
      RL_ASSERT(this->document->create(index));
    } else {
      wrote = this->document->read_and_try(index);
    }
  }
  void after() { this->finish(wrote ? 2 : 1); }
};

/// No update is lost, and numbers only grow.
template <class Table, int threads>
struct Writers : OnOneDocument<Writers<Table, threads>, Table, threads> {
  void thread(unsigned index) { this->document->update(index, 1); }
  void after() { this->finish(1 + threads); }
};

/// Writes without a condition: each is above the one that it replaces, whoever drew first.
template <class Table>
struct UnconditionalWriters : OnOneDocument<UnconditionalWriters<Table>, Table, 2> {
  void thread(unsigned index) { this->document->index(index); }
  void after() { this->finish(3); }
};

/// A fail-over between the draw of a number and its publication: each write carries the term that its number was drawn
/// with.
template <class Table>
struct FailOver : OnOneDocument<FailOver<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->update(index, 2);
    } else {
      RL_ASSERT(this->document->table().fail_over(0));
    }
  }
  void after() {
    RL_ASSERT(this->document->table().next(0).term() == 2 && this->document->table().next(0).seq_no() == 3);
    this->finish(3);
  }
};

/// Two handles with leases of their own write one document while the primary fails over: whoever drew first, and however
/// long ago, each write is above the one that it replaces, and carries the new term if it began after the fail-over.
template <class Table>
struct LeasesAgainstFailOver : OnOneDocument<LeasesAgainstFailOver<Table>, Table, 3> {
  std::optional<atomic<std::uint64_t>> failed_over;
  void before() {
    failed_over.emplace(0);
    this->document.emplace(false, TableOptions{.seq_no_lease = 3});
  }
  void thread(unsigned index) {
    if (index == 2) {
      RL_ASSERT(this->document->table().fail_over(0));
      failed_over->store(1, std::memory_order_release);
      return;
    }
    for (int i = 0; i < 2; ++i) {
      const bool is_over = failed_over->load(std::memory_order_acquire) != 0;
      RL_ASSERT(this->document->update_once(index).term() == 2 || !is_over);
    }
  }
  void after() {
    failed_over.reset();
    this->finish(5);
  }
};

/// Tombstones expire at once, so a delete is followed by a purge: the slot, and the body, go to another id. A reader of
/// the first id finds it as it was or not at all, whoever has the slot.
template <class Table>
struct SlotPassesOn : rl::test_suite<SlotPassesOn<Table>, 3> {
  struct Fixture {
    Table table{TableOptions{.gc_deletes_ms = -1}};
    struct Blocks {
      ~Blocks() { Block::destroy_all(); }
    } blocks;
    typename Table::Handle handles[3]{typename Table::Handle(table), typename Table::Handle(table),
                                      typename Table::Handle(table)};
  };
  std::optional<Fixture> fixture;
  static constexpr std::uint64_t kFirst = 10;
  static constexpr std::uint64_t kSecond = 20;

  void before() {
    fixture.emplace();
    RL_ASSERT(fixture->handles[0].index("first", small_source(source_words(kFirst))).wrote());
  }
  void thread(unsigned index) {
    auto& handle = fixture->handles[index];
    if (index == 0) {
      RL_ASSERT(handle.remove("first").result == Result::deleted);
      RL_ASSERT(handle.index("second", small_source(source_words(kSecond))).result == Result::created);
    } else if (index == 1) {
      for (const auto* id : {"first", "second"}) {
        Document document;
        if (handle.get(id, document).result != Result::found) continue;
        const std::uint64_t base = id[0] == 'f' ? kFirst : kSecond;
        RL_ASSERT(count_in(document.source.bytes()) + 1 == base + static_cast<std::uint64_t>(document.version));
      }
    } else {
      const Outcome outcome = handle.update("first", kAddOne, {.retry_on_conflict = 2});
      RL_ASSERT(outcome.result == Result::updated || outcome.result == Result::not_found);
    }
  }
  void after() {
    Document document;
    if constexpr (requires { fixture->table.at_rest(); }) RL_ASSERT(fixture->table.at_rest());
    RL_ASSERT(fixture->handles[1].get("first", document).result == Result::not_found);
    RL_ASSERT(fixture->handles[1].get("second", document).result == Result::found);
    RL_ASSERT(count_in(document.source.bytes()) == kSecond && document.version == 1);
    document = {};
    fixture.reset();
  }
};

/// The slot of the id that a client has read goes to another id before it writes.
template <class Table>
struct ClientAgainstPurge : rl::test_suite<ClientAgainstPurge<Table>, 2> {
  std::optional<typename SlotPassesOn<Table>::Fixture> fixture;

  void before() {
    fixture.emplace();
    RL_ASSERT(fixture->handles[0].index("first", small_source(source_words(1))).wrote());
  }
  void thread(unsigned index) {
    auto& handle = fixture->handles[index];
    if (index == 0) {
      RL_ASSERT(handle.remove("first").wrote());
      RL_ASSERT(handle.index("second", small_source(source_words(2))).result == Result::created);
      return;
    }
    for (const auto* id : {"first", "second"}) {
      Document document;
      const Outcome read = handle.get(id, document);
      const Outcome outcome = handle.index(id, small_source(source_words(3)), Precondition::if_word(read.word));
      RL_ASSERT(outcome.wrote() ? read.result == Result::found && outcome.decided_on == read.word
                                : outcome.conflicted());
    }
  }
  void after() {
    Document document;
    if constexpr (requires { fixture->table.at_rest(); }) RL_ASSERT(fixture->table.at_rest());
    const bool there = fixture->handles[1].get("second", document).result == Result::found;
    RL_ASSERT(there && count_in(document.source.bytes()) == (document.version == 1 ? 2 : 3));
    document = {};
    fixture.reset();
  }
};

/// A purge meets a write to the id that it is about to forget: who wrote after the delete finds the document.
template <class Table>
struct PurgeAgainstWrite : rl::test_suite<PurgeAgainstWrite<Table>, 2> {
  std::optional<typename SlotPassesOn<Table>::Fixture> fixture;
  bool created = false;

  void before() {
    fixture.emplace();
    RL_ASSERT(fixture->handles[0].index("id", small_source(source_words(1))).wrote());
  }
  void thread(unsigned index) {
    if (index == 0) {
      RL_ASSERT(fixture->handles[0].remove("id").result == Result::deleted);
    } else {
      created = fixture->handles[1].index("id", small_source(source_words(2))).result == Result::created;
    }
  }
  void after() {
    Document document;
    if constexpr (requires { fixture->table.at_rest(); }) RL_ASSERT(fixture->table.at_rest());
    RL_ASSERT((fixture->handles[1].get("id", document).result == Result::found) == created);
    RL_ASSERT(!created || count_in(document.source.bytes()) == 2);
    document = {};
    fixture.reset();
  }
};

}  // namespace occ::model
