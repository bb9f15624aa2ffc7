#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

#include "harness/history/history_buffer.hpp"
#include "harness/history/remote_outcome.hpp"
#include "harness/measure/operations.hpp"
#include "harness/measure/pace_clock.hpp"
#include "harness/measure/perf_counters.hpp"
#include "harness/measure/task.hpp"
#include "harness/support/event_queue.hpp"
#include "harness/support/random.hpp"
#include "harness/workload/pace.hpp"

namespace occ {

/// One thread's loop where operations begin at intended times: those of its share of the clients, which think in
/// between, or those of its share of the arrivals. What is due first comes first; who thinks or backs off holds no
/// thread.
///
/// Every operation is timed, from its intended start (response time) and from the call that began it (service time),
/// both to its outcome, retries and waits included. An operation that a busy thread begins late has the delay in its
/// response time, so none of it is left out (coordinated omission: Tene 2013). In an open loop, operations that have
/// not ended by the window's end count in response times with what they have waited by then, which is less than they
/// will have.
///
/// Edges of the window and what happens where there is no room to record: as Worker.
template <class Handle>
class PacedWorker {
 public:
  PacedWorker(Handle& handle, const Task& task, PaceClock& clock)
      : operations_(handle, task),
        workload_(task.workload),
        pace_(task.workload.pace),
        documents_(task.documents),
        clock_(clock),
        waits_(mix64(task.stream_seed + 1)),
        window_(task.window),
        samples_(task.latency) {
    if (pace_.is_open()) {
      arrivals_.emplace(pace_, task.thread, task.threads, mix64(task.stream_seed + 2));
    } else {
      const std::uint64_t clients = pace_.clients == 0 ? task.threads : pace_.clients;
      flights_.resize(clients / task.threads + (task.thread < clients % task.threads ? 1 : 0));
    }
  }

  /// From the warm-up to the end.
  void run(const PhaseWord& phases, Report& report) {
    phases.value.wait(Phase::filled, std::memory_order_acquire);
    Phase seen = Phase::warmup;
    begin();
    for (;;) {
      // relaxed: the phase carries no data
      if (const Phase phase = phases.value.load(std::memory_order_relaxed); phase != seen) {
        if (seen < Phase::window && phase >= Phase::window) open_window(report);
        if (seen < Phase::tail && phase >= Phase::tail) close_window(report);
        if (phase == Phase::stopped) break;
        seen = phase;
        in_window_ = phase == Phase::window;
      }
      if (full_) {
        phases.value.wait(seen, std::memory_order_relaxed);  // relaxed: as above
        continue;
      }
      if (!next_) next_ = queue_.pop();
      const auto due_ns = static_cast<std::uint64_t>(next_->time);
      if (clock_.now_ns() < due_ns) {
        clock_.wait_until(due_ns);
        continue;
      }
      go_on(report);
    }
    report.lifetime = operations_.total();
    report.lifetime_counters = operations_.counters();
    report.stock = operations_.take_stock();
  }

 private:
  using Tried = typename Operations<Handle>::Tried;

  /// Of a client, or of an open loop's operation that has begun.
  struct Flight {
    enum class Stage : std::uint8_t { idle, start, attempt, write };
    double intended_ns = 0;
    std::uint64_t began_ns = 0;
    std::uint32_t index = 0;
    std::uint32_t retries = 0;
    OperationKind kind = OperationKind::get;
    Stage stage = Stage::idle;
    /// What its attempt read.
    Document document;
  };
  using Stage = typename Flight::Stage;
  static constexpr std::uint32_t kArrival = std::numeric_limits<std::uint32_t>::max();
  struct Event {
    /// ns of the clock.
    double time;
    /// Whose, or kArrival.
    std::uint32_t flight;
  };

  /// Clients begin anywhere within a first round, so that they are not in step.
  void begin() {
    origin_ns_ = static_cast<double>(clock_.now_ns());
    if (arrivals_) {
      queue_.push({origin_ns_ + arrivals_->next_ns(), kArrival});
      return;
    }
    for (std::uint32_t client = 0; client < flights_.size(); ++client) {
      const double round_s = pace_.think_between.draw(waits_) + pace_.think_within.draw(waits_);
      schedule_start(client, origin_ns_ + 1e9 * round_s * waits_.uniform());
    }
  }

  void schedule(std::uint32_t flight, Stage stage, double time_ns) {
    flights_[flight].stage = stage;
    queue_.push({time_ns, flight});
  }
  void schedule_start(std::uint32_t client, double time_ns) {
    flights_[client].intended_ns = time_ns;
    schedule(client, Stage::start, time_ns);
  }

  /// What is due now.
  void go_on(Report& report) {
    const std::uint32_t flight = next_->flight == kArrival ? arrive() : next_->flight;
    next_.reset();
    try {
      switch (flights_[flight].stage) {
        case Stage::write:
          write(flight, report);
          break;
        case Stage::attempt:
          attempt(flight, report);
          break;
        default:
          start(flight, report);
      }
    } catch (const HistoryFull&) {
      full_ = true;
    } catch (const UnknownOutcome& unknown) {
      operations_.count_unknown(unknown.writes);
      release(flight, static_cast<double>(clock_.now_ns()));
    }
  }

  /// The flight of an operation that arrives now; the next one is on its way.
  std::uint32_t arrive() {
    auto flight = static_cast<std::uint32_t>(flights_.size());
    if (free_.empty()) {
      flights_.emplace_back();
    } else {
      flight = free_.back();
      free_.pop_back();
    }
    flights_[flight].intended_ns = next_->time;
    arrivals_->advance();
    queue_.push({origin_ns_ + arrivals_->next_ns(), kArrival});
    return flight;
  }

  void start(std::uint32_t at, Report& report) {
    Flight& flight = flights_[at];
    operations_.look_ahead();
    flight.began_ns = clock_.now_ns();
    if (in_window_ && flight.intended_ns >= static_cast<double>(opened_ns_)) ++offered_;
    if (workload_.batch > 1) return end(at, operations_.step(), report);
    const Upcoming::Step& chosen = operations_.choose();
    if (!operations_.has_parts(chosen.kind)) return end(at, operations_.perform(chosen), report);
    flight.kind = chosen.kind;
    flight.index = chosen.index;
    flight.retries = 0;
    attempt(at, report);
  }

  void attempt(std::uint32_t at, Report& report) {
    Flight& flight = flights_[at];
    DocId id;
    Tried how{};
    if (!operations_.read_part(flight.kind, documents_.id(flight.index, id), flight.index, flight.document, how))
      return end(at, operations_.finish_parts(flight.kind, flight.retries, how), report);
    if (pace_.think_within.mean_s() == 0) return write(at, report);
    schedule(at, Stage::write, static_cast<double>(clock_.now_ns()) + 1e9 * pace_.think_within.draw(waits_));
  }

  void write(std::uint32_t at, Report& report) {
    Flight& flight = flights_[at];
    DocId id;
    const Tried how =
        operations_.write_part(flight.kind, documents_.id(flight.index, id), flight.index, flight.document);
    const bool may_retry = flight.kind == OperationKind::update && flight.retries < workload_.retry_on_conflict;
    if (how != Tried::conflict || !may_retry)
      return end(at, operations_.finish_parts(flight.kind, flight.retries, how), report);
    const double wait_ns = 1e9 * pace_.backoff.draw(flight.retries, waits_);
    if (in_window_) report.pace.backoff_ns += wait_ns;
    ++flight.retries;
    schedule(at, Stage::attempt, static_cast<double>(clock_.now_ns()) + wait_ns);
  }

  void end(std::uint32_t at, bool succeeded, Report& report) {
    const std::uint64_t now_ns = clock_.now_ns();
    const Flight& flight = flights_[at];
    if (succeeded && window_ != nullptr) window_->note_success(CycleClock::instance().now());
    if (in_window_) {
      if (samples_) {
        report.latency.record(now_ns - flight.began_ns);
        record_response(flight.intended_ns, now_ns, report);
      }
      if (succeeded) {
        note_gap(now_ns, report);
        last_success_ns_ = now_ns;
      }
    }
    release(at, static_cast<double>(now_ns));
  }

  /// The operation is over: a client thinks, and what arrived is gone.
  void release(std::uint32_t at, double now_ns) {
    if (!arrivals_) return schedule_start(at, now_ns + 1e9 * pace_.think_between.draw(waits_));
    flights_[at].stage = Stage::idle;
    free_.push_back(at);
  }

  static void record_response(double intended_ns, std::uint64_t now_ns, Report& report) {
    report.response.record(now_ns - std::min(now_ns, static_cast<std::uint64_t>(intended_ns)));
  }

  void open_window(Report& report) {
    report.window = operations_.tally();
    report.window_counters = operations_.counters();
    opened_ns_ = clock_.now_ns();
    last_success_ns_ = opened_ns_;
    events_.start();
  }

  void close_window(Report& report) {
    events_.stop();
    const std::uint64_t closed_ns = clock_.now_ns();
    note_gap(closed_ns, report);
    count_queue(closed_ns, report);
    report.window = operations_.tally().since(report.window);
    report.window_counters = operations_.counters().since(report.window_counters);
    report.events = events_.read();
    const double window_s = static_cast<double>(std::max<std::uint64_t>(closed_ns - opened_ns_, 1)) * 1e-9;
    report.pace.offered_per_s = static_cast<double>(offered_) / window_s;
    report.pace.achieved_per_s = static_cast<double>(report.window.ended) / window_s;
  }

  /// Operations that should have begun by now and have not; and of an open loop, how long all that have not ended have
  /// waited.
  void count_queue(std::uint64_t closed_ns, Report& report) {
    const auto closed = static_cast<double>(closed_ns);
    const auto count = [&](double intended_ns) {
      ++report.pace.queued;
      if (intended_ns >= static_cast<double>(opened_ns_)) ++offered_;
      if (arrivals_ && samples_) record_response(intended_ns, closed_ns, report);
    };
    if (arrivals_) {
      for (ArrivalStream ahead = *arrivals_; origin_ns_ + ahead.next_ns() <= closed; ahead.advance())
        count(origin_ns_ + ahead.next_ns());
    }
    for (const Flight& flight : flights_) {
      if (flight.stage == Stage::start && flight.intended_ns <= closed) count(flight.intended_ns);
      if (arrivals_ && samples_ && (flight.stage == Stage::attempt || flight.stage == Stage::write))
        record_response(flight.intended_ns, closed_ns, report);
    }
  }

  void note_gap(std::uint64_t now_ns, Report& report) {
    report.longest_starvation_ns = std::max(report.longest_starvation_ns, now_ns - last_success_ns_);
  }

  Operations<Handle> operations_;
  const Workload& workload_;
  const Pace& pace_;
  const Documents& documents_;
  PaceClock& clock_;
  /// Draws times to think and to wait.
  Random waits_;
  ServerWindow* window_;
  bool samples_;
  PerfCounters events_;
  /// Of an open loop.
  std::optional<ArrivalStream> arrivals_;
  std::deque<Flight> flights_;
  std::vector<std::uint32_t> free_;
  EventQueue<Event> queue_;
  /// Taken from the queue, and not due yet.
  std::optional<Event> next_;
  double origin_ns_ = 0;
  bool in_window_ = false;
  std::uint64_t opened_ns_ = 0;
  std::uint64_t last_success_ns_ = 0;
  std::uint64_t offered_ = 0;
  /// No operation was begun since there was no room to record it.
  bool full_ = false;
};

}  // namespace occ
