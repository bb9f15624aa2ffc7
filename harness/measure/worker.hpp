#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <limits>
#include <tuple>
#include <vector>

#include "core/build/inlining.hpp"
#include "core/sync/atomic.hpp"
#include "core/table/document_table.hpp"
#include "harness/history/history_buffer.hpp"
#include "harness/history/remote_outcome.hpp"
#include "harness/measure/latency_histogram.hpp"
#include "harness/measure/operation_counts.hpp"
#include "harness/measure/perf_counters.hpp"
#include "harness/measure/verify.hpp"
#include "harness/support/cycle_clock.hpp"
#include "harness/support/random.hpp"
#include "harness/workload/batch.hpp"
#include "harness/workload/documents.hpp"
#include "harness/workload/increment.hpp"
#include "harness/workload/upcoming.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

enum class Phase : std::uint32_t { filled, warmup, window, tail, stopped };

/// What all workers of a cell read in the timed loop; written once per phase.
struct alignas(kFalseSharingRange) PhaseWord {
  std::atomic<Phase> value{Phase::filled};
  /// CycleClock ticks; written before the window is announced.
  std::uint64_t window_opened = 0;
  static_assert(std::atomic<Phase>::is_always_lock_free);

  void announce(Phase phase) {
    value.store(phase, std::memory_order_release);
    value.notify_all();
  }
};

/// What a worker is told.
struct Task {
  const Workload& workload;
  const Documents& documents;
  UpdateForm form;
  std::uint64_t permutation_seed;
  std::uint64_t stream_seed;
  /// See RecordingHandle.
  bool publishes_with_store;
  /// A client that finds a tombstone writes on condition of its number.
  bool names_tombstones = false;
  /// Some operations are timed.
  bool latency = true;
};

/// What a worker tells, once it has stopped.
struct alignas(kFalseSharingRange) Report {
  OperationCounts lifetime;
  OperationCounts window;
  Counters lifetime_counters;
  Counters window_counters;
  std::vector<StockMoves> stock;
  LatencyHistogram latency;
  std::uint64_t longest_starvation_ns = 0;
  PerfCounts events;
};

/// One thread's loop: choose a document, choose an operation, call the handle, count what it said. Nothing that
/// another thread reads is written before the end.
///
/// Operations that end before this thread notices the window's opening belong to the warm-up, those that end before it
/// notices the closing to the window: the phase is looked at after every operation, so that each edge is off by at most
/// the operation under way.
///
/// Latency is the service time of a whole operation, retries included, of one operation in k. Its stamps are fenced: the
/// operation begins when those before it have ended, and ends when its loads have their values and what it published can
/// be seen; without, a cache miss ends after its stamp. So a sample also ends the overlap with the operations before and
/// after, and k is chosen from the warm-up so that all that costs less than kSampleShare of the processor time. The
/// distance between samples is random, so as not to beat with the workload. With a batch, it is that of the call, or the
/// two calls.
///
/// `Handle` is a TableHandle, or a RecordingHandle of one. Once there is no room left to record an operation, the
/// thread begins no more of them and waits for the end.
template <class Handle>
class Worker {
 public:
  Worker(Handle& handle, const Task& task)
      : handle_(handle),
        workload_(task.workload),
        documents_(task.documents),
        ring_(workload_.distribution, documents_.size(), task.permutation_seed, task.stream_seed),
        upcoming_(documents_),
        random_(mix64(task.stream_seed)),
        sampling_(mix64(~task.stream_seed)),
        increment_(documents_, workload_.think_ns),
        batch_(documents_, workload_.batch > 1 ? workload_.batch : 0, workload_.think_ns),
        options_{.retry_on_conflict = workload_.retry_on_conflict, .form = task.form},
        publishes_with_store_(task.publishes_with_store),
        names_tombstones_(task.names_tombstones),
        samples_(task.latency) {
    std::size_t at = 0;
    for (std::size_t kind = 0; kind < kOperationKinds.size(); ++kind) {
      for (std::uint32_t i = 0; i < workload_.mix.percent[kind]; ++i) kinds_[at++] = static_cast<OperationKind>(kind);
    }
    one_kind_ = std::ranges::count(kinds_, kinds_[0]) == std::ssize(kinds_);
    if (workload_.layout == SourceLayout::stock) stock_.resize(documents_.size());
  }

  /// From the warm-up to the end.
  void run(const PhaseWord& phases, Report& report) {
    phases.value.wait(Phase::filled, std::memory_order_acquire);
    Phase seen = Phase::warmup;
    cpu_began_ns_ = thread_cpu_ns();
    for (;;) {
      // relaxed: the phase carries no data
      if (const Phase phase = phases.value.load(std::memory_order_relaxed); phase != seen) [[unlikely]] {
        if (seen < Phase::window && phase >= Phase::window) {
          std::ignore = phases.value.load(std::memory_order_acquire);  // for window_opened
          open_window(phases.window_opened, report);
        }
        if (seen < Phase::tail && phase >= Phase::tail) close_window(report);
        if (phase == Phase::stopped) break;
        seen = phase;
      }
      if constexpr (kRecords) {
        if (full_) {
          phases.value.wait(seen, std::memory_order_relaxed);  // relaxed: as above
        } else {
          try {
            next(seen, report);
          } catch (const HistoryFull&) {
            full_ = true;
          } catch (const UnknownOutcome& unknown) {
            note_unknown(unknown);
          }
        }
      } else if constexpr (kLosesAnswers) {
        next_answered(phases, seen, report);
      } else {
        next(seen, report);
      }
    }
    report.lifetime = tally_;
    report.lifetime.torn_reads += increment_.torn() + batch_.torn();
    report.lifetime_counters = handle_.counters();
    report.stock = std::move(stock_);
  }

 private:
  static constexpr bool kRecords = requires(Handle handle) { handle.aim(0U); };
  static constexpr bool kLosesAnswers = requires { Handle::kLosesAnswers; };
  static constexpr double kSampleShare = 0.004;
  /// What the lost overlap of one sample costs at most: two misses to memory, one before the operation and one after.
  static constexpr double kLostOverlapNs = 300;
  /// Where the warm-up has not shown how long an operation takes: right for one of 20 ns, or for one over a network.
  static constexpr std::uint64_t kSampleEveryUnknown = kLosesAnswers ? 1 : 256;

  OCCKIT_INLINE void next(Phase phase, Report& report) {
    if (upcoming_.empty() && workload_.batch <= 1) [[unlikely]]
      upcoming_.draw(ring_, [this] { return choose_kind(); });  // not within the latency of an operation
    // One call of step(), and stamps that stand beside it: in a copy of its own a sampled operation would find its code
    // outside the nearest caches, and its branches unpredicted.
    const bool is_sample = --until_sample_ == 0;
    std::uint64_t began = 0;
    if (is_sample) began = clock_.begin_sample(publishes_with_store_);
    const bool succeeded = step();
    if (is_sample) end_sample(began, clock_.end_sample(publishes_with_store_), succeeded, phase, report);
  }

  /// The same of an operation whose answer may be lost: then it is tried again, and its time is that of all its requests.
  void next_answered(const PhaseWord& phases, Phase phase, Report& report) {
    if (upcoming_.empty() && workload_.batch <= 1) upcoming_.draw(ring_, [this] { return choose_kind(); });
    const bool is_sample = --until_sample_ == 0;
    const std::uint64_t began = is_sample ? clock_.begin_sample(publishes_with_store_) : 0;
    for (;;) {
      try {
        const bool succeeded = step();
        if (is_sample) end_sample(began, clock_.end_sample(publishes_with_store_), succeeded, phase, report);
        return;
      } catch (const UnknownOutcome& unknown) {
        note_unknown(unknown);
        if (workload_.batch <= 1) upcoming_.again();
      }
      // What is left for the next phase begins with it. relaxed: as in run()
      if (phases.value.load(std::memory_order_relaxed) != phase) return;
    }
  }

  void note_unknown(const UnknownOutcome& unknown) {
    tally_.unknown += unknown.writes;
    until_sample_ = std::max(until_sample_, std::uint64_t{1});
  }

  void open_window(std::uint64_t opened, Report& report) {
    if (tally_.ended > 0) {
      const double operation_ns = (thread_cpu_ns() - cpu_began_ns_) / static_cast<double>(tally_.ended);
      const double sample_ns = clock_.sample_cost_ns(publishes_with_store_) + kLostOverlapNs;
      const double every = std::ceil(sample_ns / (kSampleShare * std::max(operation_ns, 1.0)));
      sample_every_ = static_cast<std::uint64_t>(std::clamp(every, 1.0, 1e6));
    } else {
      sample_every_ = kSampleEveryUnknown;
    }
    if (samples_) until_sample_ = 1;
    report.window = tally_;
    report.window_counters = handle_.counters();
    last_success_ = opened;
    events_.start();
  }

  void close_window(Report& report) {
    events_.stop();
    note_gap(clock_.now(), report);
    report.window = tally_.since(report.window);
    report.window_counters = handle_.counters().since(report.window_counters);
    report.events = events_.read();
  }

  OCCKIT_NOT_INLINE void end_sample(std::uint64_t began, std::uint64_t end, bool succeeded, Phase phase,
                                    Report& report) {
    if (phase == Phase::window) {
      report.latency.record(clock_.to_ns(end - began));
      if (succeeded) {
        note_gap(end, report);
        last_success_ = end;
      }
    }
    until_sample_ = sample_every_ == 1 ? 1 : 1 + sampling_.below(2 * sample_every_ - 1);
  }

  /// Processor time, since what a thread waits for others costs no clock readings.
  static double thread_cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  }

  void note_gap(std::uint64_t now, Report& report) {
    report.longest_starvation_ns = std::max(report.longest_starvation_ns, clock_.to_ns(now - last_success_));
  }

  // What the loop does beside the call is inlined, and short: it counts for what the processor looks ahead
  // (core/build/inlining.hpp).

  /// One operation, or a batch of one kind. True if it counts as one: false for conflicts and exhausted updates.
  OCCKIT_INLINE bool step() {
    if (workload_.batch > 1) return step_in_batch(choose_kind());
    const Upcoming::Step& chosen = upcoming_.next();
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

  /// An operation that does not look at what is there.
  OCCKIT_NOT_INLINE bool write_whole(const Upcoming::Step& chosen) {
    if (chosen.kind == OperationKind::remove) return wrote(handle_.remove(chosen.id));
    documents_.write_initial(chosen.index, next_);
    if (chosen.kind == OperationKind::create) return wrote(handle_.create(chosen.id, next_.bytes()));
    return wrote(handle_.index(chosen.id, next_.bytes()));
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
    if (workload_.client != Client::update) return update_in_two_calls(id, index);
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

  enum class Tried { done, conflict, rejected };

  /// The client's read-modify-write in two calls, once.
  OCCKIT_INLINE Tried conditional_write(const std::string_view& id, std::uint32_t index, Client client) {
    const Outcome read = handle_.get(id, document_);
    if (read.result != Result::found) [[unlikely]]
      return without_document(id, index, client, read);
    increment_.aim(index);
    increment_.in_place(document_, next_);
    const bool by_version = client == Client::version;
    const Outcome outcome =
        handle_.index(id, document_.source.bytes(),
                      by_version ? Precondition::if_version(document_.version) : Precondition::if_word(document_.word));
    return tried_on(outcome, document_, client, index, increment_);
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

  const CycleClock& clock_ = CycleClock::instance();
  Handle& handle_;
  const Workload& workload_;
  const Documents& documents_;
  IndexRing ring_;
  Upcoming upcoming_;
  /// Chooses operations, and nothing else: the same seed gives the same ones however fast they are.
  Random random_;
  Random sampling_;
  Increment increment_;
  Batch batch_;
  UpdateOptions options_;
  bool publishes_with_store_;
  bool names_tombstones_;
  bool samples_;
  std::array<OperationKind, 100> kinds_{};
  bool one_kind_ = false;
  Document document_;
  Source next_;
  OperationCounts tally_;
  std::vector<StockMoves> stock_;
  PerfCounters events_;
  double cpu_began_ns_ = 0;
  /// No operation was begun since there was no room to record it.
  bool full_ = false;
  std::uint64_t last_success_ = 0;
  std::uint64_t sample_every_ = 1;
  std::uint64_t until_sample_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace occ
