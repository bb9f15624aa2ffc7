/// occkit_stall_cell: one cell of `occkit stall`, in a process of its own, compiled with the fault points switched on.
/// Called by occkit with the strategy, the point (or nothing), and numbers that it has checked; answers in JSON.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <thread>

#include "core/build/fault_point.hpp"
#include "core/build/hash.hpp"
#include "fmt/format.h"
#include "harness/stall/stall_run.hpp"
#include "harness/support/process_usage.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kSourceBytes = 100;
constexpr std::size_t kOtherDocuments = 16;
constexpr double kSliceMs = 50;
/// How long a thread may take to come to its point. A second one may be kept from it by the first for ever.
constexpr double kFirstStopMs = 10000;
constexpr double kSecondStopMs = 100;
/// How long a thread that nobody stops may take to do something, on a machine busy with other things.
constexpr double kLongestWaitMs = 3000;
/// Memory that is out of all proportion needs no longer look.
constexpr std::uint64_t kEnoughBytes = std::uint64_t{2} << 30;
/// Between two creations of one thread: every id is memory for good.
constexpr auto kCreatePause = std::chrono::microseconds(50);

/// The directory's segment of an id, see core/slots/directory.hpp.
std::uint64_t segment_of(std::string_view id) {
  return hash_id(id) >> 56;
}

/// The document of the first or second thread to be stopped.
std::string victim_id(std::size_t victim) {
  return fmt::format("stopped-{}", victim);
}

std::string other_id(std::size_t number) {
  return fmt::format("other-{}", number);
}

/// Ids that nobody else makes, inside or outside the segments in which victims create.
class NewIds {
 public:
  explicit NewIds(std::string prefix) : prefix_(std::move(prefix)) {}

  const std::string& in_segment(std::uint64_t segment) {
    return next([=](std::uint64_t s) { return s == segment; });
  }
  const std::string& outside() {
    return next([](std::uint64_t s) { return s != victim_segment(0) && s != victim_segment(1); });
  }
  static std::uint64_t victim_segment(std::size_t victim) {
    const std::uint64_t first = segment_of(victim_id(0));
    return victim == 0 ? first : (first + 128) % 256;
  }

 private:
  template <class F>
  const std::string& next(F&& accepted) {
    do id_ = fmt::format("{}-{}", prefix_, number_++);
    while (!accepted(segment_of(id_)));
    return id_;
  }

  std::string prefix_;
  std::uint64_t number_ = 0;
  std::string id_;
};

bool ended_well(const Outcome& outcome) {
  switch (outcome.result) {
    case Result::created:
    case Result::updated:
    case Result::deleted:
    case Result::noop:
    case Result::found:
    case Result::not_found:
      return true;
    default:
      return false;
  }
}

/// The operations of one thread.
class Client {
 public:
  Client(AnyTable& table, const std::string& name)
      : handle_(table.handle()), ids_(name), source_(kSourceBytes, std::byte{1}) {}

  bool get(const std::string& id) { return ended_well(handle_->get(id, document_)); }

  /// Tried once: a thread that is to be stopped must not spend seconds on retries.
  bool update(const std::string& id) {
    auto add_one = [](const DocumentView& current, Source& next) {
      next.assign(current.source);
      next.data()[0] = static_cast<std::byte>(std::to_integer<unsigned>(next.data()[0]) + 1);
      return Transformed::write;
    };
    return ended_well(handle_->update(id, add_one));
  }

  bool create(const std::string& id) { return ended_well(handle_->create(id, source_)); }

  /// A source of a size that nobody else uses: no list has a block for it.
  bool write_large(const std::string& id, std::size_t bytes) {
    return ended_well(handle_->index(id, std::vector<std::byte>(bytes)));
  }

  NewIds& ids() { return ids_; }

 private:
  std::unique_ptr<AnyHandle> handle_;
  NewIds ids_;
  std::vector<std::byte> source_;
  Document document_;
};

/// A thread that is to be stopped. Until then, and after its release, it updates its document.
class Victim {
 public:
  Victim(AnyTable& table, std::size_t number) : table_(table), number_(number), id_(victim_id(number)) {
    std::thread([this] { work(); }).detach();
  }
  FaultGate& gate() { return gate_; }

 private:
  void work() {
    Client client(table_, fmt::format("by-{}", id_));
    gate_.attach();
    for (std::size_t attempt = 0;;) {
      if (gate_.armed()) {
        approach(client, gate_.point(), attempt++);
      } else {
        client.update(id_);
      }
    }
  }

  /// An operation that may pass the point; called again until one does.
  void approach(Client& client, FaultPoint point, std::size_t attempt) {
    switch (point) {
      case FaultPoint::taking_new_memory:
      case FaultPoint::moving_chain:
        client.write_large(id_, (number_ == 0 ? 2500 : 3500) << std::min<std::size_t>(attempt, 8));
        break;
      case FaultPoint::making_slot:
      case FaultPoint::growing:
        client.create(client.ids().in_segment(NewIds::victim_segment(number_)));
        break;
      default:  // an update that runs under a lock or claim reads nothing outside it
        attempt % 2 == 0 ? client.update(id_) : client.get(id_);
    }
  }

  AnyTable& table_;
  std::size_t number_;
  std::string id_;
  FaultGate gate_;
};

/// A thread that does one kind of operation for ever.
class Survivor {
 public:
  Survivor(AnyTable& table, StallOperation operation, unsigned number) : table_(table), operation_(operation) {
    std::thread([this, number] { work(number); }).detach();
  }
  [[nodiscard]] StallOperation operation() const { return operation_; }
  [[nodiscard]] std::uint64_t completed() const { return completed_.load(std::memory_order_relaxed); }

 private:
  void work(unsigned number) {
    Client client(table_, fmt::format("by-{}-{}", kStallOperations[static_cast<std::size_t>(operation_)], number));
    for (std::size_t step = 0;; ++step) {
      if (one(client, step)) completed_.store(completed() + 1, std::memory_order_relaxed);
    }
  }

  bool one(Client& client, std::size_t step) {
    switch (operation_) {
      case StallOperation::get_same:
        return client.get(victim_id(0));
      case StallOperation::get_other:
        return client.get(other_id(step % kOtherDocuments));
      case StallOperation::update_same:
        return client.update(victim_id(0));
      case StallOperation::update_other:
        return client.update(other_id(step % kOtherDocuments));
      case StallOperation::create_same:
        std::this_thread::sleep_for(kCreatePause);
        return client.create(client.ids().in_segment(NewIds::victim_segment(0)));
      case StallOperation::create_other:
        std::this_thread::sleep_for(kCreatePause);
        return client.create(client.ids().outside());
    }
    return false;
  }

  AnyTable& table_;
  StallOperation operation_;
  alignas(128) std::atomic<std::uint64_t> completed_{0};
};

/// Asks the table for its memory from a thread of its own, since the answer needs locks that a stopped thread may hold.
class TableMemory {
 public:
  explicit TableMemory(const AnyTable& table) : table_(table) {
    std::thread([this] { work(); }).detach();
  }
  /// Nothing if the last answer is old.
  [[nodiscard]] std::optional<std::uint64_t> now() const {
    const Milliseconds age = steady_clock::now() - at_.load();
    return age.count() < 3 * kSliceMs ? std::optional(bytes_.load()) : std::nullopt;
  }

 private:
  void work() {
    for (;;) {
      bytes_.store(table_.memory().total());
      at_.store(steady_clock::now());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  const AnyTable& table_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<steady_clock::time_point> at_{};
};

/// Threads that are stopped for ever cannot be joined: the process ends without them, and nothing here is destroyed.
class Stage {
 public:
  explicit Stage(const StallCell& cell) : cell_(cell), table_(make_table(cell.strategy)) {
    Client client(*table_, "first");
    for (std::size_t victim = 0; victim < 2; ++victim) client.create(victim_id(victim));
    for (std::size_t i = 0; i < kOtherDocuments; ++i) client.create(other_id(i));
    memory_.emplace(*table_);
    for (std::size_t operation = 0; operation < kStallOperationCount; ++operation) {
      for (unsigned i = 0; i < cell.threads; ++i) {
        survivors_.emplace_back(*table_, static_cast<StallOperation>(operation), i);
      }
    }
    for (std::size_t i = 0; i < 2; ++i) victims_.emplace_back(*table_, i);
  }

  StallRun play(FaultPoint point) {
    last_ = completed();
    watch_everybody(StallPhase::before);
    if (stop(victims_[0], point, kFirstStopMs)) {
      watch(StallPhase::one, cell_.park_ms, [&] { return memory_is_enough(); });
      if (!memory_is_enough() && stop(victims_[1], point, kSecondStopMs)) {
        watch(StallPhase::two, cell_.park_ms / 2, [&] { return memory_is_enough(); });
      }
      for (Victim& victim : victims_) victim.gate().release();
      watch_everybody(StallPhase::after);
    }
    return std::move(run_);
  }

 private:
  using Counts = std::array<std::uint64_t, kStallOperationCount>;

  [[nodiscard]] double now_ms() const { return Milliseconds(steady_clock::now() - began_).count(); }

  [[nodiscard]] Counts completed() const {
    Counts counts{};
    for (const Survivor& survivor : survivors_) {
      counts[static_cast<std::size_t>(survivor.operation())] += survivor.completed();
    }
    return counts;
  }

  [[nodiscard]] bool memory_is_enough() const {
    return !run_.slices.empty() && run_.slices.back().rss_bytes > kEnoughBytes;
  }

  bool stop(Victim& victim, FaultPoint point, double within_ms) {
    victim.gate().arm(point);
    watch(StallPhase::stopping, within_ms, [&] { return victim.gate().stopped(); });
    if (!victim.gate().stopped()) {
      victim.gate().release();
      return false;
    }
    ++run_.parked;
    return true;
  }

  /// While nobody is stopped: longer, if somebody has done nothing yet.
  void watch_everybody(StallPhase phase) {
    watch(phase, cell_.duration_ms, [] { return false; });
    watch(phase, kLongestWaitMs, [&] {
      Counts counts{};
      for (const StallSlice& slice : run_.slices) {
        if (slice.phase != phase) continue;
        for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += slice.operations[i];
      }
      return std::ranges::find(counts, 0U) == counts.end();
    });
  }

  /// Slices until the time is up or `done` says so.
  void watch(StallPhase phase, double for_ms, const std::function<bool()>& done) {
    const double end_ms = now_ms() + for_ms;
    const double slice_ms = std::min(kSliceMs, for_ms / 8);
    while (!done() && now_ms() < end_ms) {
      const double until_ms = std::min(now_ms() + slice_ms, end_ms);
      while (now_ms() < until_ms && !(phase == StallPhase::stopping && done())) {
        std::this_thread::sleep_for(Milliseconds(std::min(until_ms - now_ms(), 5.0)));
      }
      const Counts counts = completed();
      StallSlice slice{.begin_ms = slice_began_ms_, .end_ms = now_ms(), .phase = phase, .parked = run_.parked};
      for (std::size_t i = 0; i < counts.size(); ++i) slice.operations[i] = counts[i] - last_[i];
      slice.table_bytes = memory_->now();
      slice.rss_bytes = MemoryUsage::now().rss_bytes;
      run_.slices.push_back(slice);
      slice_began_ms_ = slice.end_ms;
      last_ = counts;
    }
  }

  const StallCell& cell_;
  steady_clock::time_point began_ = steady_clock::now();
  std::unique_ptr<AnyTable> table_;
  std::optional<TableMemory> memory_;
  std::deque<Survivor> survivors_;
  std::deque<Victim> victims_;
  Counts last_{};
  double slice_began_ms_ = 0;
  StallRun run_;
};

/// Which points a strategy has: those that a thread passes which reads, updates, creates and takes memory.
StallRun probe(const StallCell& cell) {
  const auto table = make_table(cell.strategy);
  FaultGate gate;
  gate.attach();
  Client client(*table, "probe");
  for (int i = 0; i < 100; ++i) client.create(client.ids().in_segment(0));
  client.create("document");
  client.get("document");
  client.update("document");
  client.write_large("document", 2500);
  StallRun run;
  for (const FaultPointInfo& info : kFaultPoints) {
    if ((gate.passed() >> static_cast<unsigned>(info.point) & 1) != 0) run.points.emplace_back(info.name);
  }
  return run;
}

int answer(const StallCell& cell) {
  StallRun run;
  if (cell.point.empty()) {
    run = probe(cell);
  } else {
    run = (new Stage(cell))->play(find_fault_point(cell.point).value());  // never deleted, see Stage
  }
  const std::string text = nlohmann::json(run).dump() + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace occ

int main(int argc, char** argv) {
  // If occkit is gone nobody waits for an answer.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc != 6) {
    std::fputs("occkit_stall_cell is called by `occkit stall`: STRATEGY POINT THREADS DURATION_MS PARK_MS\n", stderr);
    return 2;
  }
  try {
    const occ::StallCell cell{.strategy = argv[1],
                              .point = argv[2],
                              .threads = static_cast<unsigned>(std::stoul(argv[3])),
                              .duration_ms = std::stod(argv[4]),
                              .park_ms = std::stod(argv[5])};
    _exit(occ::answer(cell));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "occkit_stall_cell: %s\n", error.what());
    _exit(1);
  }
}
