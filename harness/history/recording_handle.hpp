#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/table/document_table.hpp"
#include "harness/history/history_buffer.hpp"
#include "harness/support/cycle_clock.hpp"
#include "harness/support/permutation.hpp"

namespace occ {

/// The documents whose operations are recorded: all, or a subset, of which a part are the hottest ones and the others
/// random. Leaving out others is sound, since linearizability is a property of each document alone (Herlihy and Wing
/// 1990, Theorem 1); leaving out the hottest ones would leave out most of the operations that meet.
class RecordedDocuments {
 public:
  /// The first ranks of a permutation of the documents.
  struct Hottest {
    std::uint64_t documents = 0;
    std::uint64_t permutation_seed = 0;
  };

  /// `chosen` of `documents`, at most all of them, the hottest ones first.
  RecordedDocuments(std::uint64_t documents, std::uint64_t chosen, std::uint64_t seed, Hottest hottest)
      : hottest_(std::min(hottest.documents, std::min(chosen, documents - 1))),
        random_(chosen - hottest_),
        ranks_(documents, hottest.permutation_seed),
        others_(documents - hottest_, seed),
        all_(chosen >= documents) {}
  RecordedDocuments(std::uint64_t documents, std::uint64_t chosen, std::uint64_t seed)
      : RecordedDocuments(documents, chosen, seed, Hottest{}) {}

  [[nodiscard]] bool contains(std::uint32_t index) const noexcept {
    if (all_) return true;
    const std::uint64_t rank = ranks_.inverse(index);
    return rank < hottest_ || others_(rank - hottest_) < random_;
  }

 private:
  std::uint64_t hottest_;
  /// How many of the others.
  std::uint64_t random_;
  Permutation ranks_;
  Permutation others_;
  bool all_;
};

/// A lock is released by a plain store.
constexpr bool publishes_with_store(const StrategyInfo& info) noexcept {
  return info.write == Progress::blocking;
}

/// A handle of any kind whose operations are recorded: what was asked, what was answered, and when. The invocation is
/// stamped last before the call, the response first after it; sources that are written are hashed before, sources that
/// were read after. The source that an update's transform saw and the one that it made are hashed inside the
/// transform, so under the lock where a strategy runs it there. Where a server made the source, its answer has it.
///
/// An operation that ends by an exception is recorded without an answer. HistoryFull is thrown before an operation
/// that cannot be recorded.
template <class Handle>
class RecordingHandle {
 public:
  /// `publishes_with_store`: a write may be answered while the store that publishes it still waits in the processor's
  /// store buffer.
  RecordingHandle(Handle& handle, HistoryBuffer& buffer, const RecordedDocuments& documents, bool publishes_with_store)
      : handle_(handle), buffer_(buffer), documents_(documents), publishes_with_store_(publishes_with_store) {
    if constexpr (requires { handle_.tell_written(told_); }) handle_.tell_written(told_);
  }
  RecordingHandle(const RecordingHandle&) = delete;
  RecordingHandle& operator=(const RecordingHandle&) = delete;

  /// The next operations are on document `index`.
  void aim(std::uint32_t index) noexcept {
    index_ = index;
    is_recorded_ = documents_.contains(index);
  }

  Outcome get(std::string_view id, Document& into) {
    if (!is_recorded_) return handle_.get(id, into);
    HistoryEntry& entry = append(HistoryKind::get);
    entry.begin = clock_.begin();
    const Outcome outcome = handle_.get(id, into);
    entry.end = clock_.end();
    answer(entry, outcome);
    if (outcome.result == Result::found) note_read(entry, into);
    return outcome;
  }

  Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    return write(HistoryKind::index, source, precondition, [&] { return handle_.index(id, source, precondition); });
  }
  Outcome create(std::string_view id, Bytes source) {
    return write(HistoryKind::index, source, Precondition::must_not_exist(),
                 [&] { return handle_.create(id, source); });
  }
  Outcome remove(std::string_view id, const Precondition& precondition = {}) {
    return write(HistoryKind::remove, {}, precondition, [&] { return handle_.remove(id, precondition); });
  }

  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    if (!is_recorded_) return handle_.update(id, transform, options);
    HistoryEntry& entry = append(HistoryKind::update);
    condition(entry, options.precondition);
    const bool unconditional = options.precondition.kind == Precondition::Kind::none;
    Noting noting{entry, transform, unconditional};
    told_.resize_for_overwrite(0);
    entry.begin = clock_.begin();
    const Outcome outcome = handle_.update(id, noting.as_transform, options);
    entry.end = end_of_write();
    answer(entry, outcome);
    if (told_.size() > 0) entry.wrote = fingerprint(told_.bytes());
    return outcome;
  }

  /// Items on documents `indices`. Each is stamped with the times of the whole call. The items' transforms are others
  /// afterwards.
  void bulk(std::span<const std::uint32_t> indices, std::span<BulkItem> items) {
    buffer_.need(static_cast<std::size_t>(
        std::ranges::count_if(indices, [this](std::uint32_t index) { return documents_.contains(index); })));
    entries_.clear();
    noting_.clear();
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!documents_.contains(indices[i])) {
        entries_.push_back(nullptr);
        continue;
      }
      index_ = indices[i];
      BulkItem& item = items[i];
      HistoryEntry& entry = append(kind_of(item.kind));
      entries_.push_back(&entry);
      if (item.kind == BulkItem::Kind::update) {
        condition(entry, item.options.precondition);
        const bool unconditional = item.options.precondition.kind == Precondition::Kind::none;
        item.transform = &noting_.emplace_back(entry, *item.transform, unconditional).as_transform;
        continue;
      }
      condition(entry, item.precondition);
      if (item.kind == BulkItem::Kind::index) entry.wrote = fingerprint(item.source);
    }
    const std::uint64_t begin = clock_.begin();
    for (HistoryEntry* entry : entries_) {
      if (entry != nullptr) entry->begin = begin;
    }
    handle_.bulk(items);
    const std::uint64_t end = end_of_write();
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (entries_[i] == nullptr) continue;
      entries_[i]->end = end;
      answer(*entries_[i], items[i].outcome);
      if (items[i].outcome.result == Result::found) note_read(*entries_[i], *items[i].document);
    }
  }

  [[nodiscard]] const Counters& counters() const noexcept { return handle_.counters(); }

 private:
  /// An update's transform that notes what it saw and what it made.
  struct Noting {
    HistoryEntry& entry;
    Transform transform;
    bool unconditional;
    Transform as_transform{*this};

    Noting(HistoryEntry& into, const Transform& inner, bool has_no_condition)
        : entry(into), transform(inner), unconditional(has_no_condition) {}
    Noting(const Noting&) = delete;
    Noting& operator=(const Noting&) = delete;

    Transformed operator()(const DocumentView& current, Source& next) {
      if (unconditional) entry.condition = current.word.bits();
      entry.read = fingerprint(current.source);
      const Transformed transformed = transform(current, next);
      entry.wrote = transformed == Transformed::write ? fingerprint(next.bytes()) : 0;
      return transformed;
    }
  };

  static HistoryKind kind_of(BulkItem::Kind kind) noexcept {
    constexpr HistoryKind kKinds[] = {HistoryKind::get, HistoryKind::index, HistoryKind::remove, HistoryKind::update};
    return kKinds[static_cast<std::size_t>(kind)];
  }

  /// What the reader goes on with is in the document.
  static void note_read(HistoryEntry& entry, const Document& document) noexcept {
    entry.word = document.word;
    entry.version = document.version;
    entry.read = fingerprint(document.source.bytes());
  }

  HistoryEntry& append(HistoryKind kind) {
    HistoryEntry& entry = buffer_.append();
    entry.document = index_;
    entry.kind = kind;
    return entry;
  }

  template <class Call>
  Outcome write(HistoryKind kind, Bytes source, const Precondition& precondition, Call&& call) {
    if (!is_recorded_) return call();
    HistoryEntry& entry = append(kind);
    condition(entry, precondition);
    if (kind == HistoryKind::index) entry.wrote = fingerprint(source);
    entry.begin = clock_.begin();
    const Outcome outcome = call();
    entry.end = end_of_write();
    answer(entry, outcome);
    return outcome;
  }

  static void condition(HistoryEntry& entry, const Precondition& precondition) noexcept {
    entry.precondition = precondition.kind;
    switch (precondition.kind) {
      case Precondition::Kind::none:
      case Precondition::Kind::must_not_exist:
        break;
      case Precondition::Kind::seq_no_term:
        entry.condition = precondition.word.bits();
        break;
      default:
        entry.condition = static_cast<std::uint64_t>(precondition.version);
    }
  }

  static void answer(HistoryEntry& entry, const Outcome& outcome) noexcept {
    entry.result = outcome.result;
    entry.cause = outcome.cause;
    entry.decided_on = outcome.decided_on;
    entry.word = outcome.word;
    entry.version = outcome.version;
  }

  [[nodiscard]] std::uint64_t end_of_write() const noexcept {
    return publishes_with_store_ ? clock_.end_after_store() : clock_.end();
  }

  const CycleClock& clock_ = CycleClock::instance();
  Handle& handle_;
  HistoryBuffer& buffer_;
  const RecordedDocuments& documents_;
  /// Of one bulk call; kept for their memory.
  std::vector<HistoryEntry*> entries_;
  std::deque<Noting> noting_;
  /// What a server's update wrote.
  Source told_;
  std::uint32_t index_ = 0;
  bool is_recorded_ = false;
  bool publishes_with_store_;
};

/// What recording one operation costs in ns, for a source of 100 bytes: stamps, hash and store, by a loop of its own,
/// once per process (some ms).
double recording_cost_ns();

}  // namespace occ
