#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <limits>
#include <tuple>

#include "core/build/inlining.hpp"
#include "core/table/document_table.hpp"
#include "harness/history/history_buffer.hpp"
#include "harness/history/remote_outcome.hpp"
#include "harness/measure/operations.hpp"
#include "harness/measure/perf_counters.hpp"
#include "harness/measure/task.hpp"
#include "harness/support/cycle_clock.hpp"
#include "harness/support/random.hpp"

namespace occ {

/// One thread's loop: one operation after the other, as fast as it can. Nothing that another thread reads is written
/// before the end.
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
      : operations_(handle, task),
        sampling_(mix64(~task.stream_seed)),
        publishes_with_store_(task.publishes_with_store),
        samples_(task.latency),
        window_(task.window) {}

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
    report.lifetime = operations_.total();
    report.lifetime_counters = operations_.counters();
    report.stock = operations_.take_stock();
  }

 private:
  static constexpr bool kRecords = Operations<Handle>::kRecords;
  static constexpr bool kLosesAnswers = requires { Handle::kLosesAnswers; };
  static constexpr double kSampleShare = 0.004;
  /// What the lost overlap of one sample costs at most: two misses to memory, one before the operation and one after.
  static constexpr double kLostOverlapNs = 300;
  /// Where the warm-up has not shown how long an operation takes: right for one of 20 ns, or for one over a network.
  static constexpr std::uint64_t kSampleEveryUnknown = kLosesAnswers ? 1 : 256;

  OCCKIT_INLINE void next(Phase phase, Report& report) {
    operations_.look_ahead();
    // One call of step(), and stamps that stand beside it: in a copy of its own a sampled operation would find its code
    // outside the nearest caches, and its branches unpredicted.
    const bool is_sample = --until_sample_ == 0;
    std::uint64_t began = 0;
    if (is_sample) began = clock_.begin_sample(publishes_with_store_);
    const bool succeeded = operations_.step();
    if (is_sample) end_sample(began, clock_.end_sample(publishes_with_store_), succeeded, phase, report);
    if constexpr (kRecords) note_success(succeeded);
  }

  /// The same of an operation whose answer may be lost: then it is tried again, and its time is that of all its requests.
  void next_answered(const PhaseWord& phases, Phase phase, Report& report) {
    operations_.look_ahead();
    const bool is_sample = --until_sample_ == 0;
    const std::uint64_t began = is_sample ? clock_.begin_sample(publishes_with_store_) : 0;
    for (;;) {
      try {
        const bool succeeded = operations_.step();
        if (is_sample) end_sample(began, clock_.end_sample(publishes_with_store_), succeeded, phase, report);
        note_success(succeeded);
        return;
      } catch (const UnknownOutcome& unknown) {
        note_unknown(unknown);
        operations_.choose_again();
      }
      // What is left for the next phase begins with it. relaxed: as in run()
      if (phases.value.load(std::memory_order_relaxed) != phase) return;
    }
  }

  void note_success(bool succeeded) noexcept {
    if (succeeded && window_ != nullptr) window_->note_success(clock_.now());
  }

  void note_unknown(const UnknownOutcome& unknown) {
    operations_.count_unknown(unknown.writes);
    until_sample_ = std::max(until_sample_, std::uint64_t{1});
  }

  void open_window(std::uint64_t opened, Report& report) {
    if (const std::uint64_t ended = operations_.tally().ended; ended > 0) {
      const double operation_ns = (thread_cpu_ns() - cpu_began_ns_) / static_cast<double>(ended);
      const double sample_ns = clock_.sample_cost_ns(publishes_with_store_) + kLostOverlapNs;
      const double every = std::ceil(sample_ns / (kSampleShare * std::max(operation_ns, 1.0)));
      sample_every_ = static_cast<std::uint64_t>(std::clamp(every, 1.0, 1e6));
    } else {
      sample_every_ = kSampleEveryUnknown;
    }
    if (samples_) until_sample_ = 1;
    report.window = operations_.tally();
    report.window_counters = operations_.counters();
    last_success_ = opened;
    events_.start();
  }

  void close_window(Report& report) {
    events_.stop();
    note_gap(clock_.now(), report);
    report.window = operations_.tally().since(report.window);
    report.window_counters = operations_.counters().since(report.window_counters);
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

  const CycleClock& clock_ = CycleClock::instance();
  Operations<Handle> operations_;
  Random sampling_;
  bool publishes_with_store_;
  bool samples_;
  PerfCounters events_;
  double cpu_began_ns_ = 0;
  /// No operation was begun since there was no room to record it.
  bool full_ = false;
  std::uint64_t last_success_ = 0;
  std::uint64_t sample_every_ = 1;
  std::uint64_t until_sample_ = std::numeric_limits<std::uint64_t>::max();
  ServerWindow* window_;
};

}  // namespace occ
