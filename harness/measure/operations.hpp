#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/build/inlining.hpp"
#include "core/table/document_table.hpp"
#include "harness/measure/operation_counts.hpp"
#include "harness/measure/task.hpp"
#include "harness/measure/verify.hpp"
#include "harness/support/random.hpp"
#include "harness/workload/batch.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/increment.hpp"
#include "harness/workload/upcoming.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

/// The operations of one thread: chooses a document and what is done with it, calls the handle, counts what it said.
/// `Handle` is a TableHandle, an AnyHandle, or a RecordingHandle of one.
template <class Handle>
class Operations {
 public:
  static constexpr bool kRecords = requires { std::declval<Handle&>().aim(0U); };
  enum class Tried { done, conflict, rejected };

  Operations(Handle& handle, const Task& task)
      : handle_(handle),
        workload_(task.workload),
        documents_(task.documents),
        ring_(workload_.distribution, documents_.size(), task.permutation_seed, task.stream_seed),
        upcoming_(documents_),
        random_(mix64(task.stream_seed)),
        increment_(documents_, workload_.think_ns),
        batch_(documents_, workload_.batch > 1 ? workload_.batch : 0, workload_.think_ns),
        options_{.retry_on_conflict = workload_.retry_on_conflict, .form = task.form},
        names_tombstones_(task.names_tombstones) {
    std::size_t at = 0;
    for (std::size_t kind = 0; kind < kOperationKinds.size(); ++kind) {
      for (std::uint32_t i = 0; i < workload_.mix.percent[kind]; ++i) kinds_[at++] = static_cast<OperationKind>(kind);
    }
    one_kind_ = std::ranges::count(kinds_, kinds_[0]) == std::ssize(kinds_);
    if (workload_.layout == SourceLayout::stock) stock_.resize(documents_.size());
  }

  /// Chooses what comes next where nothing is chosen yet, so that it is not within the latency of an operation.
  OCCKIT_INLINE void look_ahead() {
    if (upcoming_.empty() && workload_.batch <= 1) [[unlikely]]
      upcoming_.draw(ring_, [this] { return choose_kind(); });
  }

  // What the loop does beside the call is inlined, and short: it counts for what the processor looks ahead
  // (core/build/inlining.hpp).

  /// One operation, or a batch of one kind. True if it counts as one: false for conflicts and exhausted updates.
  OCCKIT_INLINE bool step() {
    if (workload_.batch > 1) return step_in_batch(choose_kind());
    return perform(upcoming_.next());
  }

  /// What comes next, for whoever has several operations under way; look_ahead() first, until which it is good.
  [[nodiscard]] const Upcoming::Step& choose() noexcept { return upcoming_.next(); }

  /// step() does the last operation once more, which has no known outcome. A batch is chosen anew.
  void choose_again() noexcept {
    if (workload_.batch <= 1) upcoming_.again();
  }

  /// All of an operation that was chosen; as step().
  OCCKIT_INLINE bool perform(const Upcoming::Step& chosen) {
    if constexpr (kRecords) handle_.aim(chosen.index);
    bool succeeded = false;
    if (chosen.kind == OperationKind::get) {  // no switch: a jump by table
      succeeded = get(chosen.id, chosen.index);
    } else if (chosen.kind == OperationKind::update) {
      succeeded = update(chosen.id, chosen.index);
    } else if (chosen.kind == OperationKind::cond) {
      succeeded = conditional_write(chosen.id, chosen.index, Client::if_seq_no) != Tried::conflict;
    } else {
      succeeded = write_whole(chosen);
    }
    ++tally_.ended;
    if (succeeded) ++tally_.operations[static_cast<std::size_t>(chosen.kind)];
    return succeeded;
  }

  // A client's read-modify-write in its parts, between which others of the same thread come.

  /// The client's own loop, or a get and a write on its condition.
  [[nodiscard]] bool has_parts(OperationKind kind) const noexcept {
    return kind == OperationKind::cond || (kind == OperationKind::update && is_own_loop(workload_.client));
  }
  /// True if `into` is to be changed and written; false if the operation has ended, as `how` says.
  bool read_part(OperationKind kind, const std::string_view& id, std::uint32_t index, Document& into, Tried& how) {
    if constexpr (kRecords) handle_.aim(index);
    const Outcome read = handle_.get(id, into);
    if (read.result == Result::found) return true;
    how = without_document(id, index, client_of(kind), read);
    return false;
  }
  [[nodiscard]] Tried write_part(OperationKind kind, const std::string_view& id, std::uint32_t index,
                                 Document& document) {
    if constexpr (kRecords) handle_.aim(index);
    return write_changed(id, index, client_of(kind), document);
  }
  /// Counts how it ended; true if it counts as an operation.
  bool finish_parts(OperationKind kind, std::uint32_t retries, Tried how) noexcept {
    if (kind == OperationKind::update) {
      tally_.count_retries(retries);
      if (how == Tried::conflict) ++tally_.exhausted;
    }
    ++tally_.ended;
    if (how == Tried::done) ++tally_.operations[static_cast<std::size_t>(kind)];
    return how == Tried::done;
  }

  [[nodiscard]] const OperationCounts& tally() const noexcept { return tally_; }
  [[nodiscard]] const Counters& counters() const { return handle_.counters(); }
  void count_unknown(std::uint64_t writes) noexcept { tally_.unknown += writes; }

  /// At the end: all counts, sources included that nobody can have written.
  [[nodiscard]] OperationCounts total() const {
    OperationCounts all = tally_;
    all.torn_reads += increment_.torn() + batch_.torn();
    return all;
  }
  [[nodiscard]] std::vector<StockMoves> take_stock() { return std::move(stock_); }

 private:
  /// An operation that does not look at what is there.
  OCCKIT_NOT_INLINE bool write_whole(const Upcoming::Step& chosen) {
    if (chosen.kind == OperationKind::remove) return wrote(handle_.remove(chosen.id));
    documents_.write_initial(chosen.index, next_);
    if (chosen.kind == OperationKind::create) return wrote(handle_.create(chosen.id, next_.bytes()));
    return wrote(handle_.index(chosen.id, next_.bytes()));
  }

  [[nodiscard]] Client client_of(OperationKind kind) const noexcept {
    return kind == OperationKind::cond ? Client::if_seq_no : workload_.client;
  }

  OperationKind choose_kind() noexcept { return one_kind_ ? kinds_[0] : kinds_[random_.below(kinds_.size())]; }

  /// As step, of a batch: true if one of its operations counts. A document can be in it more than once.
  bool step_in_batch(OperationKind kind) {
    using Kind = BulkItem::Kind;
    const auto next_index = [this] { return ring_.next(); };
    std::uint64_t succeeded = 0;
    switch (kind) {
      case OperationKind::get:
        batch_.begin(Kind::get, next_index);
        call_bulk();
        batch_.for_each([&](const BulkItem& item, const Batch::Place& place) {
          succeeded += saw(item.outcome, place.index, place.read) ? 1 : 0;
        });
        break;
      case OperationKind::index:
      case OperationKind::create:
        batch_.begin(Kind::index, next_index);
        batch_.for_each([&](BulkItem& item, Batch::Place& place) {
          documents_.write_initial(place.index, place.next);
          item.source = place.next.bytes();
          if (kind == OperationKind::create) item.precondition = Precondition::must_not_exist();
        });
        succeeded = write_batch();
        break;
      case OperationKind::remove:
        batch_.begin(Kind::remove, next_index);
        succeeded = write_batch();
        break;
      case OperationKind::update:
        batch_.begin(Kind::update, next_index);
        batch_.for_each([&](BulkItem& item, Batch::Place& place) {
          place.increment.aim(place.index);
          item.options = options_;
        });
        call_bulk();
        batch_.for_each([&](const BulkItem& item, const Batch::Place& place) {
          succeeded += updated(item.outcome, place.index, place.increment) ? 1 : 0;
        });
        break;
      case OperationKind::cond:
        batch_.begin(Kind::get, next_index);
        call_bulk();
        batch_.keep([&](BulkItem& item, Batch::Place& place) {
          if (item.outcome.result != Result::found) {
            succeeded += not_rejected(item.outcome) ? 1 : 0;
            return false;
          }
          place.increment.aim(place.index);
          place.increment.in_place(place.read, place.next);
          item.kind = Kind::index;
          item.source = place.read.source.bytes();
          item.precondition = Precondition::if_word(place.read.word);
          return true;
        });
        if (batch_.items().empty()) break;
        call_bulk();
        batch_.for_each([&](const BulkItem& item, const Batch::Place& place) {
          const Tried tried = tried_on(item.outcome, place.read, Client::if_seq_no, place.index, place.increment);
          succeeded += tried != Tried::conflict ? 1 : 0;
        });
        break;
    }
    ++tally_.ended;
    tally_.operations[static_cast<std::size_t>(kind)] += succeeded;
    return succeeded > 0;
  }

  void call_bulk() {
    if constexpr (kRecords) {
      handle_.bulk(batch_.indices(), batch_.items());
    } else {
      handle_.bulk(batch_.items());
    }
  }

  /// How many of them count.
  std::uint64_t write_batch() {
    call_bulk();
    std::uint64_t succeeded = 0;
    batch_.for_each([&](const BulkItem& item, const Batch::Place&) { succeeded += wrote(item.outcome) ? 1 : 0; });
    return succeeded;
  }

  OCCKIT_INLINE bool get(const std::string_view& id, std::uint32_t index) {
    return saw(handle_.get(id, document_), index, document_);
  }

  /// Counts the outcome of a get; true if it counts as an operation.
  OCCKIT_INLINE bool saw(const Outcome& outcome, std::uint32_t index, const Document& document) {
    if (outcome.result == Result::found) {
      if (!documents_.whole(index, document.source.bytes())) [[unlikely]]
        ++tally_.torn_reads;
      return true;
    }
    return not_rejected(outcome);
  }

  OCCKIT_INLINE bool update(const std::string_view& id, std::uint32_t index) {
    if (is_own_loop(workload_.client)) return update_in_two_calls(id, index);
    increment_.aim(index);
    return updated(handle_.update(id, increment_, options_), index, increment_);
  }

  OCCKIT_NOT_INLINE bool update_in_two_calls(std::string_view id, std::uint32_t index) {
    for (std::uint32_t retries = 0;; ++retries) {
      const Tried tried = conditional_write(id, index, workload_.client);
      if (tried == Tried::conflict && retries < workload_.retry_on_conflict) continue;
      tally_.count_retries(retries);
      if (tried == Tried::conflict) ++tally_.exhausted;
      return tried == Tried::done;
    }
  }

  /// Counts the outcome of the table's update; true if it counts as an operation.
  OCCKIT_INLINE bool updated(const Outcome& outcome, std::uint32_t index, const Increment& increment) {
    tally_.count_retries(outcome.retries);
    if (outcome.result == Result::updated) [[likely]] {
      count_applied(outcome);
      count_increment(index, increment);
      return true;
    }
    if (outcome.conflicted()) {
      ++tally_.exhausted;
      return false;
    }
    return wrote(outcome);
  }

  /// The client's read-modify-write in two calls, once.
  OCCKIT_INLINE Tried conditional_write(const std::string_view& id, std::uint32_t index, Client client) {
    const Outcome read = handle_.get(id, document_);
    if (read.result != Result::found) [[unlikely]]
      return without_document(id, index, client, read);
    return write_changed(id, index, client, document_);
  }

  /// What comes after a get that found none: nothing, or a write on condition of the tombstone that it saw.
  OCCKIT_NOT_INLINE Tried without_document(std::string_view id, std::uint32_t index, Client client,
                                           const Outcome& read) {
    if (!not_rejected(read)) return Tried::rejected;
    if (!names_tombstones_ || client == Client::version || read.word.vacant()) return Tried::done;
    documents_.write_initial(index, next_);
    const Outcome outcome = handle_.index(id, next_.bytes(), Precondition::if_word(read.word));
    if (outcome.conflicted()) return Tried::conflict;
    if (!wrote(outcome)) return Tried::rejected;
    if (outcome.decided_on != read.word) ++tally_.disorder;
    return Tried::done;
  }

  /// The second of the two calls: changes `document`, which the first one read, and writes it if it is still what is
  /// there.
  OCCKIT_INLINE Tried write_changed(const std::string_view& id, std::uint32_t index, Client client,
                                    Document& document) {
    increment_.aim(index);
    increment_.in_place(document, next_);
    const bool by_version = client == Client::version;
    const Outcome outcome =
        handle_.index(id, document.source.bytes(),
                      by_version ? Precondition::if_version(document.version) : Precondition::if_word(document.word));
    return tried_on(outcome, document, client, index, increment_);
  }

  /// Counts the outcome of a write on condition that `read` is still what is there.
  OCCKIT_INLINE Tried tried_on(const Outcome& outcome, const Document& read, Client client, std::uint32_t index,
                               const Increment& increment) {
    if (outcome.result != Result::updated) [[unlikely]] {
      if (outcome.conflicted()) return Tried::conflict;
      if (!wrote(outcome)) return Tried::rejected;
    } else {
      count_applied(outcome);
    }
    if (client != Client::version && outcome.decided_on != read.word) [[unlikely]]
      ++tally_.disorder;
    count_increment(index, increment);
    return Tried::done;
  }

  /// Counts the outcome of a write; true if it ended applied, noop or not_found.
  OCCKIT_INLINE bool wrote(const Outcome& outcome) {
    switch (outcome.result) {
      case Result::created:
        tally_.count_created(outcome.version);
        count_applied(outcome);
        return true;
      case Result::deleted:
        tally_.count_deleted(outcome.version);
        count_applied(outcome);
        return true;
      case Result::updated:
        count_applied(outcome);
        return true;
      case Result::conflict:
        return false;
      case Result::rejected:
        return not_rejected(outcome);
      default:
        if (outcome.wrote()) count_number(outcome);  // otherwise nothing was written: no number, no version
        return true;
    }
  }
  OCCKIT_INLINE void count_applied(const Outcome& outcome) {
    ++tally_.applied;
    count_number(outcome);
  }
  OCCKIT_INLINE void count_number(const Outcome& outcome) {
    ++tally_.writes;
    if (outcome.word <= outcome.decided_on && outcome.decided_on != kUntoldWord) [[unlikely]]
      ++tally_.disorder;
  }

  bool not_rejected(const Outcome& outcome) {
    if (outcome.result != Result::rejected) return true;
    ++tally_.rejected;
    return false;
  }

  OCCKIT_INLINE void count_increment(std::uint32_t index, const Increment& increment) {
    ++tally_.increments;
    if (stock_.empty()) return;
    if (increment.sold()) ++stock_[index].sold;
  }

  Handle& handle_;
  const Workload& workload_;
  const Documents& documents_;
  IndexRing ring_;
  Upcoming upcoming_;
  /// Chooses operations, and nothing else: the same seed gives the same ones however fast they are.
  Random random_;
  Increment increment_;
  Batch batch_;
  UpdateOptions options_;
  bool names_tombstones_;
  std::array<OperationKind, 100> kinds_{};
  bool one_kind_ = false;
  Document document_;
  Source next_;
  OperationCounts tally_;
  std::vector<StockMoves> stock_;
};

}  // namespace occ
