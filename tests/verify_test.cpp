// Recorded replicates: what is recorded, and that every kind of wrong table is convicted by its history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include "harness/measure_table.hpp"
#include "harness/verify_strategy.hpp"
#include "tests/print.hpp"
#include "variants/mutex_striped.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Verified = Verification::Verified;

const std::atomic<bool> kNotInterrupted{false};

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

  Inner::Handle inner_;

 private:
  std::uint64_t calls_ = 0;
};

/// Hands out what it read the last time.
class Stale : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    Memory& memory = memories_[std::string(id)];
    if (memory.outcome.result == Result::found && now_and_then()) {
      into.version = memory.document.version;
      into.word = memory.document.word;
      into.source.assign(memory.document.source.bytes());
      return memory.outcome;
    }
    const Outcome outcome = inner_.get(id, into);
    memory.outcome = outcome;
    memory.document.version = into.version;
    memory.document.word = into.word;
    memory.document.source.assign(into.source.bytes());
    return outcome;
  }

 private:
  struct Memory {
    Outcome outcome;
    Document document;
  };
  std::map<std::string, Memory> memories_;
};

/// Changes a byte in the middle of what was read, where the check of a single read does not look.
class Torn : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    const Outcome outcome = inner_.get(id, into);
    if (outcome.result == Result::found && now_and_then()) into.source.data()[50] ^= std::byte{1};
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
    if (outcome.result == Result::updated && now_and_then()) outcome.word = outcome.decided_on;
    return outcome;
  }
};

/// Numbers a write as if by an earlier primary.
class OldPrimary : public Honest {
 public:
  using Honest::Honest;
  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    Outcome outcome = inner_.update(id, transform, options);
    if (outcome.result == Result::updated && now_and_then())
      outcome.word = SeqNoTerm(outcome.word.seq_no(), outcome.word.term() - 1);
    return outcome;
  }
};

/// Hands out a number that nobody has drawn.
class Invents : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    Outcome outcome = inner_.get(id, into);
    if (outcome.result == Result::found && now_and_then())
      outcome.word = outcome.decided_on = into.word = SeqNoTerm(outcome.word.seq_no() + (1U << 30U), 1);
    return outcome;
  }
};

/// Does not find what is there.
class Blind : public Honest {
 public:
  using Honest::Honest;
  Outcome get(std::string_view id, Document& into) {
    if (now_and_then()) return {.result = Result::not_found};
    return inner_.get(id, into);
  }
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

/// Of nothing but `violation`; or also of `otherwise`, where chance decides which of the two a wrong table shows.
template <class HandleType>
void expect_convicted(Violation violation, std::optional<Violation> otherwise = {}, const Setup& setup = {}) {
  const Measurement measurement = recorded<HandleType>(setup);
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
  const Measurement measurement = recorded<Honest>({.mix = "get=20,index=20,create=15,delete=15,update=15,cond=15"});
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
  EXPECT_EQ(measurement.verification.level, Verification::Level::history);
  EXPECT_GT(measurement.history.value().report.overlap(), 0);
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
  const Measurement measurement =
      recorded<Honest>({.mix = "get=20,index=20,create=15,delete=15,update=15,cond=15", .batch = 10});
  EXPECT_EQ(measurement.verification.verified, Verified::yes) << measurement.verification.violation;
  EXPECT_GT(measurement.history.value().report.overlap(), 0);
}
TEST(Recorded, stale_read_in_bulk_is_convicted) {
  expect_convicted<InBulk<Stale>>(Violation::stale, {}, {.batch = 10});
}
TEST(Recorded, lost_update_in_bulk_is_convicted) {
  expect_convicted<InBulk<LosesUpdates>>(Violation::lost_update, {}, {.batch = 10});
}
TEST(Recorded, full_buffer_ends_the_window_between_bulk_calls) {
  const Measurement measurement = recorded<Honest>(
      {.mix = "get=50,update=50", .threads = 2, .batch = 100, .window_s = 20, .recording = {.operations = 3000}});
  EXPECT_TRUE(measurement.history.value().full);
  // As many as whole batches, beside the fill of 4 documents and the last look at them.
  EXPECT_EQ((measurement.history->report.operations - 8) % 100, 0U);
  EXPECT_LT(measurement.window_s, 10);
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
  const Measurement measurement = recorded<Honest>(
      {.mix = "get=20,index=20,delete=20,update=20,cond=20", .window_s = 20, .recording = {.operations = 3000}});
  EXPECT_TRUE(measurement.history.value().full);
  EXPECT_LE(measurement.history->report.operations, 3000U);
  EXPECT_GT(measurement.history->report.operations, 700U);
  EXPECT_LT(measurement.window_s, 10);
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
    RecordingHandle made(handle, buffer_, documents_, true);
    made.aim(0);
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
  EXPECT_THROW(recorded.create("a", as_bytes("one")), std::bad_alloc);
  ASSERT_EQ(buffer_.entries().size(), 1U);
  EXPECT_EQ(entry(0).end, HistoryEntry::kUnanswered);
  EXPECT_EQ(entry(0).wrote, fingerprint(as_bytes("one")));
  EXPECT_EQ(entry(0).precondition, Precondition::Kind::must_not_exist);
}
TEST_F(Recorder, call_without_room_is_not_begun) {
  Honest handle(table_);
  auto recorded = recording(handle);
  for (int i = 0; i < 4; ++i) recorded.index("a", as_bytes("one"));
  EXPECT_FALSE(buffer_.full());
  const Counters before = handle.counters();
  EXPECT_THROW(recorded.index("a", as_bytes("two")), HistoryFull);
  EXPECT_TRUE(buffer_.full());
  EXPECT_EQ(handle.counters().attempts, before.attempts);
  EXPECT_EQ(buffer_.entries().size(), 4U);
}
TEST_F(Recorder, update_notes_what_its_transform_saw_and_made) {
  Honest handle(table_);
  auto recorded = recording(handle);
  const Outcome created = recorded.index("a", as_bytes("one"));
  auto to_two = [](const DocumentView&, Source& next) {
    next.assign(as_bytes("two"));
    return Transformed::write;
  };
  const Outcome updated = recorded.update("a", to_two);
  recorded.get("a", document_);
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
  recorded.update("a", never);
  EXPECT_TRUE(SeqNoTerm::from_bits(entry(0).condition).vacant());
  EXPECT_EQ(entry(0).read, 0U);
}
TEST_F(Recorder, condition_is_noted_as_it_was_given) {
  Honest handle(table_);
  auto recorded = recording(handle);
  const Outcome created = recorded.index("a", as_bytes("one"));
  recorded.index("a", as_bytes("two"), Precondition::if_word(created.word));
  recorded.index("a", as_bytes("three"), Precondition::if_version(17));
  EXPECT_EQ(entry(1).condition, created.word.bits());
  EXPECT_EQ(entry(2).condition, 17U);
  EXPECT_EQ(entry(2).result, Result::conflict);
  EXPECT_EQ(entry(2).cause, Cause::version_mismatch);
}

Verification judged(Semantics semantics, bool expired, std::initializer_list<Violation> violations,
                    Verified before = Verified::yes) {
  HistoryReport report;
  for (const Violation violation : violations) {
    ++report.wrong_documents;
    report.contradictions.push_back({.violation = violation, .document = 0, .operations = {}, .reason = "because"});
  }
  Verification verification;
  verification.verified = before;
  add_history(verification, report, "d0", semantics, expired);
  return verification;
}

TEST(AddHistory, no_contradiction_changes_the_level_only) {
  EXPECT_EQ(judged(Semantics::full, false, {}).verified, Verified::yes);
  EXPECT_EQ(judged(Semantics::full, false, {}, Verified::no).verified, Verified::no);
  EXPECT_EQ(judged(Semantics::full, false, {}).level, Verification::Level::history);
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
  return measure_table(table_type<WrongTable<HandleType>>(), cell, conditions, replicate, kNotInterrupted, recording);
}
std::optional<Measurement> measure_registered(const Cell& cell, const Conditions& conditions, std::uint32_t replicate,
                                              const Recording* recording) {
  return measure(cell, conditions, replicate, kNotInterrupted, recording);
}

TEST(VerifyStrategy, honest_table_is_correct) {
  const StrategyVerdict verdict = verify_strategy(WrongTable<Honest>::kInfo, {}, measure_wrong<Honest>);
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::correct) << verdict.violation << "\n" << verdict.excerpt;
  EXPECT_TRUE(verdict.recording_percent);
  EXPECT_GT(verdict.overlap, 0);
}
TEST(VerifyStrategy, wrong_table_is_wrong_with_an_excerpt) {
  const StrategyVerdict verdict = verify_strategy(WrongTable<Stale>::kInfo, {}, measure_wrong<Stale>);
  EXPECT_EQ(verdict.kind, StrategyVerdict::Kind::wrong);
  EXPECT_EQ(verdict.workload, "hot");
  EXPECT_THAT(verdict.violation, HasSubstr("stale"));
  EXPECT_THAT(verdict.excerpt, HasSubstr("_seq_no"));
  EXPECT_FALSE(verdict.as_it_should_be());
}
TEST(VerifyStrategy, negative_control_is_caught) {
  const StrategyVerdict verdict = verify_strategy(*find_strategy("unchecked"), {}, measure_registered);
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
    const StrategyVerdict verdict = verify_expiry(info, {}, measure_registered);
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
