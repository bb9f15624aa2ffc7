// Recorded replicates: what is recorded, and that every kind of wrong table is convicted by its history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "core/slots/packed_body.hpp"
#include "harness/measure/measure_table.hpp"
#include "harness/measure/verify_strategy.hpp"
#include "tests/print.hpp"
#include "variants/mutex_striped.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Verified = Verification::Verified;

const std::atomic<bool> kNotInterrupted{false};

/// Answers that no order of the operations explains.
std::atomic<std::uint64_t> wrong_answers{0};

/// A handle that does as it is told. What is wrong with a table is a class that hides one of these.
class Honest {
 public:
  using Inner = MutexStriped<std::mutex>;
  explicit Honest(Inner& table) : inner_(table.handle()) {}

  Outcome get(std::string_view id, Document& into) { return inner_.get(id, into); }
  Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    return inner_.index(id, source, precondition);
  }
  Outcome create(std::string_view id, Bytes source) { return inner_.create(id, source); }
  Outcome remove(std::string_view id, const Precondition& precondition = {}) { return inner_.remove(id, precondition); }
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    return inner_.update(id, transform, options);
  }
  void bulk(std::span<BulkItem> items) { inner_.bulk(items); }
  [[nodiscard]] const Counters& counters() const { return inner_.counters(); }

 protected:
  /// Every so many calls; the first calls, of the fill, are spared.
  bool now_and_then() { return ++calls_ > 100 && calls_ % 500 == 0; }
  static void note_wrong_answer() { ++wrong_answers; }

  Inner::Handle inner_;

 private:
  std::uint64_t calls_ = 0;
};

/// Hands out what it read before it replaced it itself.
class Stale : public Honest {
 public:
  using Honest::Honest;
  Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    return wrote(id, inner_.index(id, source, precondition));
  }
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    return wrote(id, inner_.update(id, transform, options));
  }
  Outcome get(std::string_view id, Document& into) {
    Memory& memory = memories_[std::string(id)];
    if (memory.is_replaced && now_and_then()) {
      note_wrong_answer();
      into.version = memory.document.version;
      into.word = memory.document.word;
      into.source.assign(memory.document.source.bytes());
      return memory.outcome;
    }
    const Outcome outcome = inner_.get(id, into);
    memory.outcome = outcome;
    memory.is_replaced = false;
    memory.document.version = into.version;
    memory.document.word = into.word;
    memory.document.source.assign(into.source.bytes());
    return outcome;
  }

 private:
  struct Memory {
    Outcome outcome;
    Document document;
    /// By this thread, so before it asks again.
    bool is_replaced = false;
  };
  Outcome wrote(std::string_view id, const Outcome& outcome) {
    Memory& memory = memories_[std::string(id)];
    memory.is_replaced |= outcome.wrote() && memory.outcome.result == Result::found;
    return outcome;
  }
  std::map<std::string, Memory> memories_;
};

/// Changes a byte in the middle of what was read, where the check of a single read does not look.
class Torn : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    const Outcome outcome = inner_.get(id, into);
    if (outcome.result == Result::found && into.source.size() > 50 && now_and_then()) {
      note_wrong_answer();
      into.source.data()[50] ^= std::byte{1};
    }
    return outcome;
  }
};

/// Says conflict although the condition holds.
class Spurious : public Honest {
 public:
  using Honest::Honest;
  Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    if (precondition.kind == Precondition::Kind::seq_no_term && now_and_then()) {
      Document document;
      const Outcome read = inner_.get(id, document);
      if (read.word == precondition.word) {
        note_wrong_answer();
        return {.result = Result::conflict,
                .cause = Cause::seq_no_mismatch,
                .version = document.version,
                .word = precondition.word,
                .decided_on = precondition.word};
      }
    }
    return inner_.index(id, source, precondition);
  }
};

/// Reads, computes, and once in a while writes whatever has come between.
class LosesUpdates : public Honest {
 public:
  using Honest::Honest;
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    if (!now_and_then()) return inner_.update(id, transform, options);
    Document document;
    const Outcome read = inner_.get(id, document);
    if (read.result != Result::found) return inner_.update(id, transform, options);
    Source next;
    transform({document.version, document.word, document.source.bytes()}, next);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    Outcome outcome = inner_.index(id, next.bytes());
    if (outcome.decided_on != document.word) note_wrong_answer();
    outcome.decided_on = document.word;
    return outcome;
  }
};

/// Claims the number of the write before.
class Doubles : public Honest {
 public:
  using Honest::Honest;
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    Outcome outcome = inner_.update(id, transform, options);
    if (outcome.result == Result::updated && now_and_then()) {
      note_wrong_answer();
      outcome.word = outcome.decided_on;
    }
    return outcome;
  }
};

/// Numbers a write as if by an earlier primary.
class OldPrimary : public Honest {
 public:
  using Honest::Honest;
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    Outcome outcome = inner_.update(id, transform, options);
    if (outcome.result == Result::updated && now_and_then()) {
      note_wrong_answer();
      outcome.word = SeqNoTerm(outcome.word.seq_no(), outcome.word.term() - 1);
    }
    return outcome;
  }
};

/// Hands out a number that nobody has drawn.
class Invents : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    Outcome outcome = inner_.get(id, into);
    if (outcome.result == Result::found && now_and_then()) {
      note_wrong_answer();
      outcome.word = outcome.decided_on = into.word = SeqNoTerm(outcome.word.seq_no() + (1U << 30U), 1);
    }
    return outcome;
  }
};

/// Does not find what is there, in a workload that deletes nothing.
class Blind : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    if (now_and_then()) {
      note_wrong_answer();
      return {.result = Result::not_found};
    }
    return inner_.get(id, into);
  }
};

/// Tears a source that has grown past what fits into a slot since this thread read it, in its last byte.
class TornAtTheBorder : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    const Outcome outcome = inner_.get(id, into);
    if (outcome.result != Result::found) return outcome;
    const std::size_t before = std::exchange(bytes_[std::string(id)], into.source.size());
    if (before == 0 || before > InlineBody::capacity || into.source.size() <= InlineBody::capacity) return outcome;
    note_wrong_answer();
    into.source.data()[into.source.size() - 1] ^= std::byte{1};
    return outcome;
  }

 private:
  std::map<std::string, std::size_t> bytes_;
};

/// A bulk call is so many calls of what is wrong.
template <class Wrong>
class InBulk : public Wrong {
 public:
  using Wrong::Wrong;
  void bulk(std::span<BulkItem> items) {
    for (BulkItem& item : items) {
      item.outcome = item.kind == BulkItem::Kind::get      ? this->get(item.id, *item.document)
                     : item.kind == BulkItem::Kind::index  ? this->index(item.id, item.source, item.precondition)
                     : item.kind == BulkItem::Kind::remove ? this->remove(item.id, item.precondition)
                                                           : this->update(item.id, *item.transform, item.options);
    }
  }
};

/// Does wrong in bulk calls only.
template <class Wrong>
class OnlyInBulk : public Honest {
 public:
  explicit OnlyInBulk(Inner& table) : Honest(table), wrong_(table) {}
  void bulk(std::span<BulkItem> items) { wrong_.bulk(items); }
  [[nodiscard]] const Counters& counters() const {
    all_ = inner_.counters();
    all_.merge(wrong_.counters());
    return all_;
  }

 private:
  InBulk<Wrong> wrong_;
  mutable Counters all_;
};

/// A table whose handles are `Handle`.
template <class HandleType>
class WrongTable {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "wrong", .summary = "for tests", .updates_in_place = true, .default_form = UpdateForm::in_place};

  class Handle : public HandleType {
   public:
    explicit Handle(WrongTable& table) : HandleType(table.inner_) {}
  };

  explicit WrongTable(const TableOptions& options) : inner_(options) {}
  [[nodiscard]] Handle handle() { return Handle(*this); }
  bool fail_over(std::uint32_t shard) { return inner_.fail_over(shard); }
  void set_gc_deletes(std::int64_t ms) { inner_.set_gc_deletes(ms); }
  [[nodiscard]] std::uint32_t shards() const { return inner_.shards(); }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const { return inner_.shard_of(id); }
  [[nodiscard]] SeqNoTerm next(std::uint32_t shard) const { return inner_.next(shard); }
  [[nodiscard]] MemoryUse memory() const { return inner_.memory(); }

 private:
  Honest::Inner inner_;
};

struct Setup {
  std::string mix = "get=40,update=40,cond=20";
  std::string distribution = "uniform";
  std::uint64_t documents = 4;
  std::uint32_t fill_percent = 100;
  std::uint32_t threads = 4;
  std::uint32_t batch = 1;
  double window_s = 0.2;
  Recording recording{.operations = 400'000};
};

template <class HandleType>
Measurement recorded(const Setup& setup = {}) {
  Workload workload = custom_workload();
  workload.documents = setup.documents;
  workload.mix = Mix::parse(setup.mix);
  workload.distribution = Distribution::parse(setup.distribution);
  workload.fill_percent = setup.fill_percent;
  workload.batch = setup.batch;
  const Documents documents =
      Documents::generated(SourceLayout::counter, workload.documents, workload.body_bytes, "counter");
  const Cell cell{WrongTable<HandleType>::kInfo, &workload, &documents, setup.threads};
  return measure_table(table_type<WrongTable<HandleType>>(), cell, {.window_s = setup.window_s}, 1, kNotInterrupted,
                       &setup.recording)
      .value();
}

/// Measured again, for twice as long, until it is as wanted: nothing hangs on what comes about in one window.
template <class HandleType, class Wanted>
Measurement recorded_until(Wanted&& wanted, Setup setup = {}) {
  for (;; setup.window_s *= 2) {
    wrong_answers = 0;
    Measurement measurement = recorded<HandleType>(setup);
    if (wanted(measurement)) return measurement;
  }
}
bool has_overlap(const Measurement& measurement) {
  return measurement.history.value().report.overlapping > 0;
}
bool has_wrong_answer(const Measurement&) {
  return wrong_answers > 0;
}

/// As soon as it has given a wrong answer, whichever. Of nothing but `violation`; or also of `otherwise`, where chance decides which of the two a wrong table shows.
template <class HandleType>
void expect_convicted(Violation violation, std::optional<Violation> otherwise = {}, const Setup& setup = {}) {
  const Measurement measurement = recorded_until<HandleType>(has_wrong_answer, setup);
  const HistoryReport& report = measurement.history.value().report;
  ASSERT_FALSE(report.contradictions.empty());
  for (const Contradiction& contradiction : report.contradictions) {
    EXPECT_TRUE(contradiction.violation == violation || contradiction.violation == otherwise)
        << to_string(contradiction.violation) << ": " << contradiction.reason;
  }
  EXPECT_EQ(measurement.verification.verified, Verified::no);
  EXPECT_EQ(measurement.verification.level, Verification::Level::history);
  EXPECT_THAT(measurement.verification.violation,
              AnyOf(HasSubstr(std::string(to_string(violation))),
                    HasSubstr(std::string(to_string(otherwise.value_or(violation))))));
  EXPECT_THAT(measurement.history->excerpt, HasSubstr("d000000000000000"));
}

TEST(Recorded, honest_table_is_verified) {
  const Measurement measurement =
      recorded_until<Honest>(has_overlap, {.mix = "get=20,index=20,create=15,delete=15,update=15,cond=15"});
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
  EXPECT_EQ(measurement.verification.level, Verification::Level::history);
  EXPECT_THAT(measurement.history->excerpt, IsEmpty());
}
TEST(Recorded, stale_read_is_convicted) {
  expect_convicted<Stale>(Violation::stale);
}
TEST(Recorded, torn_read_is_convicted) {
  expect_convicted<Torn>(Violation::torn_read);
}
TEST(Recorded, conflict_without_cause_is_convicted) {
  expect_convicted<Spurious>(Violation::spurious_outcome);
}
TEST(Recorded, one_lost_update_in_many_is_convicted) {
  expect_convicted<LosesUpdates>(Violation::lost_update);
}
TEST(Recorded, number_used_twice_is_convicted) {
  // Which of the two that bear one number is looked at first is chance; the impostor replaced its own number.
  expect_convicted<Doubles>(Violation::duplicate_number, Violation::spurious_outcome);
}
TEST(Recorded, write_by_an_earlier_primary_is_convicted) {
  expect_convicted<OldPrimary>(Violation::term_went_back);
}
TEST(Recorded, number_that_nobody_drew_is_convicted) {
  expect_convicted<Invents>(Violation::unwritten_version);
}
TEST(Recorded, missing_of_what_is_there_is_convicted) {
  expect_convicted<Blind>(Violation::impossible_absence);
}

TEST(Recorded, honest_table_in_bulk_is_verified) {
  const Measurement measurement = recorded_until<Honest>(
      has_overlap, {.mix = "get=20,index=20,create=15,delete=15,update=15,cond=15", .batch = 10});
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
}
TEST(Recorded, stale_read_in_bulk_is_convicted) {
  expect_convicted<InBulk<Stale>>(Violation::stale, {}, {.batch = 10});
}
TEST(Recorded, lost_update_in_bulk_is_convicted) {
  expect_convicted<InBulk<LosesUpdates>>(Violation::lost_update, {}, {.batch = 10});
}
/// A window that nobody waits for the end of.
constexpr double kForever_s = 1e6;

TEST(Recorded, full_buffer_ends_the_window_between_bulk_calls) {
  const Measurement measurement = recorded<Honest>({.mix = "get=50,update=50",
                                                    .threads = 2,
                                                    .batch = 100,
                                                    .window_s = kForever_s,
                                                    .recording = {.operations = 3000}});
  EXPECT_TRUE(measurement.history.value().full);
  // As many as whole batches, beside the fill of 4 documents and the last look at them.
  EXPECT_EQ((measurement.history->report.operations - 8) % 100, 0U);
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
}

TEST(Recorded, fill_operations_and_last_look_are_all_recorded) {
  const Measurement measurement = recorded<Honest>({.mix = "get=100", .distribution = "hot:1", .documents = 100});
  const HistoryReport& report = measurement.history.value().report;
  EXPECT_EQ(report.operations, 100 + measurement.lifetime_counters.gets_found + 100);
  EXPECT_EQ(report.documents, 100U);
}
TEST(Recorded, both_calls_of_a_conditional_write_are_recorded) {
  const Measurement measurement = recorded<Honest>({.mix = "cond=100", .documents = 100});
  const Counters& counters = measurement.lifetime_counters;
  EXPECT_EQ(measurement.history.value().report.operations, counters.attempts + counters.gets_found + 100);
}
TEST(Recorded, full_buffer_ends_the_window_and_accuses_nobody) {
  const Measurement measurement = recorded<Honest>({.mix = "get=20,index=20,delete=20,update=20,cond=20",
                                                    .window_s = kForever_s,
                                                    .recording = {.operations = 3000}});
  EXPECT_TRUE(measurement.history.value().full);
  EXPECT_LE(measurement.history->report.operations, 3000U);
  EXPECT_GT(measurement.history->report.operations, 700U);
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
}
TEST(Recorded, subset_of_the_documents_is_sound) {
  const Measurement measurement = recorded<Honest>({.mix = "get=20,index=20,create=15,delete=15,update=15,cond=15",
                                                    .documents = 64,
                                                    .recording = {.percent = 25, .operations = 400'000}});
  EXPECT_EQ(measurement.history.value().report.documents, 16U);
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
}
TEST(Recorded, subset_of_less_than_a_document_is_one) {
  const Measurement measurement = recorded<Honest>({.documents = 10, .recording = {.percent = 0.1}});
  EXPECT_EQ(measurement.history.value().report.documents, 1U);
}
TEST(Recorded, documents_that_come_into_being_are_checked) {
  const Measurement measurement =
      recorded<Honest>({.mix = "get=30,create=30,index=10,cond=20,update=10", .documents = 2000, .fill_percent = 10});
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
  EXPECT_EQ(measurement.history.value().report.documents, 2000U);
}

TEST(Recorded, subset_has_the_documents_that_most_operations_go_to) {
  // All operations go to one of 10,000; a random percent of them had it once in a hundred seeds.
  const Measurement measurement =
      recorded_until<Honest>([](const Measurement& made) { return made.window.total_operations() > 0; },
                             {.mix = "update=100",
                              .distribution = "hot:1",
                              .documents = 10'000,
                              .recording = {.percent = 1, .operations = 400'000}});
  const CheckedHistory& history = measurement.history.value();
  EXPECT_EQ(history.report.documents, 100U);
  EXPECT_GE(history.workload_operations, measurement.window.total_operations());
  EXPECT_EQ(measurement.verification.level, Verification::Level::history);
}
TEST(Recorded, workers_that_do_nothing_give_no_verdict) {
  TableType type = table_type<WrongTable<Honest>>();
  type.work = [](AnyTable&, const Task&, FunctionRef<void()> ready, const PhaseWord&, Report&) { ready(); };
  type.recorded_work = [](AnyTable&, const Task&, RecordInto, FunctionRef<void()> ready, const PhaseWord&, Report&) {
    ready();
  };
  Workload workload = custom_workload();
  workload.documents = 10;
  const Documents documents = Documents::generated(SourceLayout::counter, workload.documents, 100, "counter");
  const Cell cell{WrongTable<Honest>::kInfo, &workload, &documents, 2};
  const Recording recording{.operations = 5'000};
  const Conditions conditions{.window_s = 1e-3, .warmup_s = 0};
  const Verification measured = measure_table(type, cell, conditions, 1, kNotInterrupted, nullptr)->verification;
  EXPECT_EQ(measured.verified, Verified::no_verdict);
  EXPECT_THAT(measured.violation, HasSubstr("no operation ended in the window"));
  const Measurement made = measure_table(type, cell, conditions, 1, kNotInterrupted, &recording).value();
  EXPECT_EQ(made.history.value().report.operations, 20U);
  EXPECT_EQ(made.history->workload_operations, 0U);
  EXPECT_EQ(made.verification.verified, Verified::no_verdict);
  EXPECT_EQ(made.verification.level, Verification::Level::fill);
  EXPECT_THAT(made.verification.violation, HasSubstr("no operation of the workload was judged"));
}
TEST(Recorded, negative_control_is_caught_by_a_percent_of_the_documents) {
  Workload workload = custom_workload();
  workload.documents = 10'000;
  workload.distribution = Distribution::parse("hot:1");
  workload.retry_on_conflict = 1000;
  const Documents documents = Documents::generated(SourceLayout::counter, workload.documents, 100, "counter");
  const Cell cell{*find_strategy("unchecked"), &workload, &documents, 4};
  const Recording recording{.percent = 1, .operations = 400'000};
  for (double window_s = 0.1;; window_s *= 2) {
    const Measurement measurement = measure(cell, {.window_s = window_s}, 1, kNotInterrupted, &recording).value();
    if (measurement.history.value().report.wrong_documents == 0) continue;
    EXPECT_EQ(measurement.verification.verified, Verified::caught);
    break;
  }
}

TEST(RecordedDocuments, contains_the_hottest_and_random_others) {
  constexpr std::uint64_t kPermutationSeed = 5;
  const Permutation ranks(1000, kPermutationSeed);
  std::set<std::uint32_t> others;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const RecordedDocuments documents(1000, 20, seed, {.documents = 10, .permutation_seed = kPermutationSeed});
    std::uint64_t found = 0;
    for (std::uint32_t index = 0; index < 1000; ++index) {
      if (!documents.contains(index)) continue;
      ++found;
      if (ranks.inverse(index) >= 10) others.insert(index);
    }
    EXPECT_EQ(found, 20U);
    for (std::uint64_t rank = 0; rank < 10; ++rank)
      EXPECT_TRUE(documents.contains(static_cast<std::uint32_t>(ranks(rank))));
  }
  EXPECT_GT(others.size(), 50U);
}
TEST(RecordedDocuments, hottest_are_as_many_as_the_distribution_has_use_for) {
  const Recording recording{.percent = 10};
  EXPECT_EQ(recording.hottest(1000, Distribution::parse("uniform")), 0U);
  EXPECT_EQ(recording.hottest(1000, Distribution::parse("zipf:1")), 50U);
  EXPECT_EQ(recording.hottest(1000, Distribution::parse("hot:16")), 16U);
  EXPECT_EQ(recording.hottest(1000, Distribution::parse("hot:500")), 100U);
  EXPECT_EQ(recording.hottest(1, Distribution::parse("hot:1")), 1U);
  EXPECT_EQ(recording.hottest(1, Distribution::parse("zipf:1")), 1U);
}

TEST(RecordedDocuments, contains_exactly_as_many_as_chosen) {
  for (const std::uint64_t chosen : {1U, 10U, 100U}) {
    const RecordedDocuments documents(100, chosen, 7);
    std::uint64_t found = 0;
    for (std::uint32_t index = 0; index < 100; ++index) found += documents.contains(index) ? 1 : 0;
    EXPECT_EQ(found, chosen);
  }
}

/// Without memory.
class Failing : public Honest {
 public:
  using Honest::Honest;
  Outcome create(std::string_view, Bytes) { throw std::bad_alloc(); }
};

class Recorder : public testing::Test {
 protected:
  template <class HandleType>
  auto recording(HandleType& handle) {
    auto made = std::make_unique<RecordingHandle<HandleType>>(handle, buffer_, documents_, true);
    made->aim(0);
    return made;
  }
  [[nodiscard]] const HistoryEntry& entry(std::size_t i) const { return buffer_.entries()[i]; }

  Honest::Inner table_{TableOptions{}};
  HistoryBuffer buffer_{4, 3};
  RecordedDocuments documents_{1, 1, 0};
  Document document_;
};

TEST_F(Recorder, call_that_throws_has_no_answer) {
  Failing handle(table_);
  auto recorded = recording(handle);
  EXPECT_THROW(recorded->create("a", as_bytes("one")), std::bad_alloc);
  ASSERT_EQ(buffer_.entries().size(), 1U);
  EXPECT_EQ(entry(0).end, HistoryEntry::kUnanswered);
  EXPECT_EQ(entry(0).wrote, fingerprint(as_bytes("one")));
  EXPECT_EQ(entry(0).precondition, Precondition::Kind::must_not_exist);
}
TEST_F(Recorder, call_without_room_is_not_begun) {
  Honest handle(table_);
  auto recorded = recording(handle);
  for (int i = 0; i < 4; ++i) recorded->index("a", as_bytes("one"));
  EXPECT_FALSE(buffer_.full());
  const Counters before = handle.counters();
  EXPECT_THROW(recorded->index("a", as_bytes("two")), HistoryFull);
  EXPECT_TRUE(buffer_.full());
  EXPECT_EQ(handle.counters().attempts, before.attempts);
  EXPECT_EQ(buffer_.entries().size(), 4U);
}
TEST_F(Recorder, update_notes_what_its_transform_saw_and_made) {
  Honest handle(table_);
  auto recorded = recording(handle);
  const Outcome created = recorded->index("a", as_bytes("one"));
  auto to_two = [](const DocumentView&, Source& next) {
    next.assign(as_bytes("two"));
    return Transformed::write;
  };
  const Outcome updated = recorded->update("a", to_two);
  recorded->get("a", document_);
  EXPECT_EQ(entry(1).condition, created.word.bits());
  EXPECT_EQ(entry(1).read, fingerprint(as_bytes("one")));
  EXPECT_EQ(entry(1).wrote, fingerprint(as_bytes("two")));
  EXPECT_EQ(entry(1).word, updated.word);
  EXPECT_EQ(entry(1).thread, 3);
  EXPECT_EQ(entry(2).read, entry(1).wrote);
  EXPECT_LE(entry(0).begin, entry(0).end);
  EXPECT_LE(entry(0).end, entry(1).begin);
}
TEST_F(Recorder, update_of_nothing_has_seen_nothing) {
  Honest handle(table_);
  auto recorded = recording(handle);
  auto never = [](const DocumentView&, Source&) { return Transformed::keep; };
  recorded->update("a", never);
  EXPECT_TRUE(SeqNoTerm::from_bits(entry(0).condition).vacant());
  EXPECT_EQ(entry(0).read, 0U);
}
TEST_F(Recorder, condition_is_noted_as_it_was_given) {
  Honest handle(table_);
  auto recorded = recording(handle);
  const Outcome created = recorded->index("a", as_bytes("one"));
  recorded->index("a", as_bytes("two"), Precondition::if_word(created.word));
  recorded->index("a", as_bytes("three"), Precondition::if_version(17));
  EXPECT_EQ(entry(1).condition, created.word.bits());
  EXPECT_EQ(entry(2).condition, 17U);
  EXPECT_EQ(entry(2).result, Result::conflict);
  EXPECT_EQ(entry(2).cause, Cause::version_mismatch);
}

Verification judged(Semantics semantics, bool expired, std::initializer_list<Violation> violations,
                    Verified before = Verified::yes, std::uint64_t workload_operations = 1) {
  HistoryReport report;
  for (const Violation violation : violations) {
    ++report.wrong_documents;
    report.contradictions.push_back({.violation = violation, .document = 0, .operations = {}, .reason = "because"});
  }
  Verification verification;
  verification.verified = before;
  add_history(verification, report, workload_operations, "d0", semantics, expired);
  return verification;
}

TEST(AddHistory, no_contradiction_changes_the_level_only) {
  EXPECT_EQ(judged(Semantics::full, false, {}).verified, Verified::yes);
  EXPECT_EQ(judged(Semantics::full, false, {}, Verified::no).verified, Verified::no);
  EXPECT_EQ(judged(Semantics::full, false, {}).level, Verification::Level::history);
}
TEST(AddHistory, no_operation_of_the_workload_is_no_verdict) {
  const Verification none = judged(Semantics::full, false, {}, Verified::yes, 0);
  EXPECT_EQ(none.verified, Verified::no_verdict);
  EXPECT_EQ(none.level, Verification::Level::fill);
  EXPECT_THAT(none.violation, HasSubstr("no operation of the workload was judged"));
  HistoryReport open;
  open.not_judged = 3;
  Verification verification{.verified = Verified::yes};
  add_history(verification, open, 4, "d0", Semantics::full, false);
  EXPECT_EQ(verification.verified, Verified::yes);
  add_history(verification, open, 3, "d0", Semantics::full, false);
  EXPECT_EQ(verification.verified, Verified::no_verdict);
  // What the sums say stays.
  EXPECT_EQ(judged(Semantics::full, false, {}, Verified::no, 0).verified, Verified::no);
  EXPECT_EQ(judged(Semantics::unchecked, false, {}, Verified::caught, 0).verified, Verified::caught);
  EXPECT_EQ(judged(Semantics::full, false, {Violation::stale}, Verified::yes, 0).verified, Verified::no);
}
TEST(PowerOf, history_needs_pairs_that_overlap) {
  HistoryReport report;
  report.overlapping = kLeastOverlapping;
  EXPECT_EQ(power_of(report, 2), "enough");
  EXPECT_EQ(power_of(report, 1), "one_thread");
  --report.overlapping;
  EXPECT_EQ(power_of(report, 2), "too_few");
}
TEST(AddHistory, contradiction_is_a_failure_unless_it_is_declared) {
  using enum Violation;
  EXPECT_EQ(judged(Semantics::full, true, {lost_update}).verified, Verified::no);
  EXPECT_EQ(judged(Semantics::unchecked, false, {stale}).verified, Verified::caught);
  EXPECT_EQ(judged(Semantics::version_only, true, {lost_update}).verified, Verified::caught);
  EXPECT_EQ(judged(Semantics::version_only, false, {lost_update}).verified, Verified::no);
  EXPECT_EQ(judged(Semantics::version_only, true, {lost_update, torn_read}).verified, Verified::no);
  EXPECT_EQ(judged(Semantics::version_only, true, {lost_update}, Verified::no).verified, Verified::no);
  EXPECT_THAT(judged(Semantics::full, true, {lost_update}).violation,
              testing::AllOf(HasSubstr("lost_update"), HasSubstr("d0"), HasSubstr("because")));
}

template <class HandleType>
std::optional<Measurement> measure_wrong(const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                         const Recording* recording) {
  const std::uint64_t recorded_ones = wrong_answers;
  auto measurement =
      measure_table(table_type<WrongTable<HandleType>>(), cell, conditions, replicate, kNotInterrupted, recording);
  if (recording == nullptr) wrong_answers = recorded_ones;
  return measurement;
}
/// With one seed after the other until it gave a wrong answer.
template <class HandleType>
StrategyVerdict verdict_on_wrong() {
  wrong_answers = 0;
  for (std::uint64_t seed = 1;; ++seed) {
    StrategyVerdict verdict = verify_strategy(WrongTable<HandleType>::kInfo, {.seed = seed}, measure_wrong<HandleType>);
    if (wrong_answers > 0) return verdict;
  }
}
/// A negative control, or a declared weakness, is gone on with until it shows.
constexpr double kAsLongAsItTakes_s = 1e9;
std::optional<Measurement> measure_registered(const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                              const Recording* recording) {
  return measure(cell, conditions, replicate, kNotInterrupted, recording);
}

TEST(VerifyStrategy, honest_table_is_correct) {
  StrategyVerdict verdict;
  for (std::uint64_t seed = 1; verdict.overlap == 0 || !verdict.recording_percent; ++seed) {
    verdict = verify_strategy(WrongTable<Honest>::kInfo, {.seed = seed}, measure_wrong<Honest>);
    ASSERT_EQ(verdict.kind, StrategyVerdict::Kind::correct) << verdict.violation << "\n" << verdict.excerpt;
  }
  EXPECT_GT(verdict.operations, 0U);
}
TEST(VerifyStrategy, workloads_have_batches_leases_and_sizes_on_both_sides_of_a_slot) {
  std::set<std::uint32_t> batches;
  std::set<std::uint32_t> leases;
  std::set<SourceLayout> layouts;
  const MeasureCell look_on = [&](const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                  const Recording* recording) {
    batches.insert(cell.workload->batch);
    leases.insert(conditions.seq_no_lease);
    layouts.insert(cell.workload->layout);
    Conditions brief = conditions;
    brief.window_s = 1e-3;
    return measure_wrong<Honest>(cell, brief, replicate, recording);
  };
  const StrategyVerdict verdict = verify_strategy(WrongTable<Honest>::kInfo, {}, look_on);
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::correct) << verdict.violation;
  EXPECT_THAT(batches, testing::ElementsAre(1, 4, 24));
  EXPECT_THAT(leases, testing::ElementsAre(1, 64));
  EXPECT_THAT(layouts, testing::Contains(SourceLayout::resizing));
}
TEST(VerifyStrategy, what_is_wrong_in_bulk_calls_only_is_found) {
  const StrategyVerdict verdict = verdict_on_wrong<OnlyInBulk<Stale>>();
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::wrong);
  EXPECT_THAT(verdict.violation, HasSubstr("stale"));
}
TEST(VerifyStrategy, source_torn_as_it_outgrows_its_slot_is_found) {
  const StrategyVerdict verdict = verdict_on_wrong<TornAtTheBorder>();
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::wrong);
  EXPECT_EQ(verdict.workload, "sizes");
}
TEST(VerifyStrategy, interrupted_tells_what_was_done_until_then) {
  int calls = 0;
  const MeasureCell twice = [&](const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                const Recording* recording) -> std::optional<Measurement> {
    if (++calls == 3) return std::nullopt;
    return measure_wrong<Honest>(cell, conditions, replicate, recording);
  };
  const StrategyVerdict verdict = verify_strategy(WrongTable<Honest>::kInfo, {}, twice);
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::unfinished);
  EXPECT_GT(verdict.operations, 0U);
  EXPECT_FALSE(verdict.as_it_should_be());
  const MeasureCell never = [](const Cell&, const Conditions&, std::uint32_t, const Recording*) {
    return std::optional<Measurement>();
  };
  EXPECT_EQ(verify_strategy(WrongTable<Honest>::kInfo, {}, never).kind, StrategyVerdict::Kind::unfinished);
  EXPECT_EQ(verify_expiry(WrongTable<Honest>::kInfo, {}, never).kind, StrategyVerdict::Kind::unfinished);
}
TEST(VerifyStrategy, wrong_table_is_wrong_with_an_excerpt) {
  const StrategyVerdict verdict = verdict_on_wrong<Stale>();
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::wrong);
  EXPECT_FALSE(verdict.workload.empty());
  EXPECT_THAT(verdict.violation, HasSubstr("stale"));
  EXPECT_THAT(verdict.excerpt, HasSubstr("_seq_no"));
  EXPECT_FALSE(verdict.as_it_should_be());
}
TEST(VerifyStrategy, negative_control_is_caught) {
  const StrategyVerdict verdict =
      verify_strategy(*find_strategy("unchecked"), {.patience_s = kAsLongAsItTakes_s}, measure_registered);
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::caught);
  EXPECT_THAT(verdict.violation, HasSubstr("lost_update"));
}
TEST(VerifyStrategy, control_that_does_nothing_wrong_is_not_caught) {
  StrategyInfo info = WrongTable<Honest>::kInfo;
  info.semantics = Semantics::unchecked;
  const StrategyVerdict verdict = verify_strategy(info, {.patience_s = 0}, measure_wrong<Honest>);
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::not_caught);
  EXPECT_FALSE(verdict.as_it_should_be());
}
TEST(VerifyExpiry, version_only_is_convicted_of_its_lost_update) {
  for (const StrategyInfo& info : strategies()) {
    if (info.semantics != Semantics::version_only) continue;
    const StrategyVerdict verdict = verify_expiry(info, {.patience_s = kAsLongAsItTakes_s}, measure_registered);
    EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::as_declared) << info.name << ": " << verdict.violation;
    EXPECT_THAT(verdict.violation, HasSubstr("lost_update"));
    EXPECT_THAT(verdict.excerpt, HasSubstr("_seq_no"));
  }
}
TEST(VerifyExpiry, strategy_that_loses_nothing_is_not_convicted) {
  StrategyInfo info = WrongTable<Honest>::kInfo;
  info.semantics = Semantics::version_only;
  EXPECT_EQ(verify_expiry(info, {.patience_s = 0}, measure_wrong<Honest>).kind, StrategyVerdict::Kind::not_convicted);
}

}  // namespace
}  // namespace occ
