#include "harness/measure/conductor.hpp"

#include <algorithm>
#include <thread>

namespace occ {
namespace {

constexpr double kTailS = 0.01;
constexpr std::chrono::milliseconds kInterruptNoticed{50};
constexpr std::chrono::milliseconds kFullNoticed{1};

}  // namespace

Conductor::Conductor(AnyTable& table, const Conditions& conditions, PhaseWord& phases, ServerWindow* window,
                     const Recorder* recorder, const FirstError& error, const std::atomic<bool>& interrupted)
    : table_(table),
      conditions_(conditions),
      phases_(phases),
      window_(window),
      recorder_(recorder),
      error_(error),
      interrupted_(interrupted) {
  next_fail_over_ = steady_now() + std::chrono::milliseconds(conditions_.fail_over_every_ms);
}

bool Conductor::conduct(Measurement& measurement) {
  phases_.announce(Phase::warmup);
  bool finished = wait(conditions_.warmup_s);
  const CpuTimes cpu = conditions_.cpu_times();
  phases_.window_opened = CycleClock::instance().now();
  if (window_ != nullptr) window_->open(phases_.window_opened);
  phases_.announce(Phase::window);
  const SteadyTime begin = steady_now();
  finished = finished && wait(conditions_.window_s);
  phases_.announce(Phase::tail);
  if (window_ != nullptr) window_->close(CycleClock::instance().now());
  measurement.window_s = seconds_between(begin, steady_now());
  measurement.readings.cpu = conditions_.cpu_times().since(cpu);
  measurement.readings.window_s = measurement.window_s;
  measurement.memory = MemoryUsage::now();
  measurement.load_average = load_average();
  // So that no thread runs alone before every other one has noticed that the window is closed.
  finished = finished && wait(kTailS);
  phases_.announce(Phase::stopped);
  measurement.fail_overs = fail_overs_;
  return finished;
}

/// False if it was interrupted. Ends early if there is no room to record more, or a worker failed.
bool Conductor::wait(double seconds) {
  const SteadyTime end =
      steady_now() + std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  for (SteadyTime now = steady_now(); now < end; now = steady_now()) {
    if (interrupted_.load(std::memory_order_relaxed)) return false;
    if (error_.any() || (recorder_ != nullptr && recorder_->full())) return true;
    SteadyTime wake = std::min(end, now + (recorder_ != nullptr ? kFullNoticed : kInterruptNoticed));
    if (conditions_.fail_over_every_ms > 0) {
      if (now >= next_fail_over_) fail_over();
      wake = std::min(wake, next_fail_over_);
    }
    std::this_thread::sleep_until(wake);
  }
  return true;
}

void Conductor::fail_over() {
  for (std::uint32_t shard = 0; shard < table_.shards(); ++shard) fail_overs_ += table_.fail_over(shard) ? 1 : 0;
  next_fail_over_ += std::chrono::milliseconds(conditions_.fail_over_every_ms);
}

}  // namespace occ
