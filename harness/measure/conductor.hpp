#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "harness/measure/first_error.hpp"
#include "harness/measure/recorder.hpp"

namespace occ {

using SteadyTime = std::chrono::steady_clock::time_point;

inline SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

inline double seconds_between(SteadyTime begin, SteadyTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

/// Lets the workers go, however the block ends that they were begun in: they are joined on the way out, and would wait
/// for the next phase for ever.
struct StopOnExit {
  PhaseWord& phases;

  explicit StopOnExit(PhaseWord& of_workers) : phases(of_workers) {}
  ~StopOnExit() { phases.announce(Phase::stopped); }
  StopOnExit(const StopOnExit&) = delete;
  StopOnExit& operator=(const StopOnExit&) = delete;
};

/// Announces the phases at their times, and fails shards over in between.
class Conductor {
 public:
  /// `recorder` and `window` may be null.
  Conductor(AnyTable& table, const Conditions& conditions, PhaseWord& phases, ServerWindow* window,
            const Recorder* recorder, const FirstError& error, const std::atomic<bool>& interrupted);

  /// False if it was interrupted.
  bool conduct(Measurement& measurement);

 private:
  bool wait(double seconds);
  void fail_over();

  AnyTable& table_;
  const Conditions& conditions_;
  PhaseWord& phases_;
  ServerWindow* window_;
  const Recorder* recorder_;
  const FirstError& error_;
  const std::atomic<bool>& interrupted_;
  SteadyTime next_fail_over_;
  std::uint64_t fail_overs_ = 0;
};

}  // namespace occ
