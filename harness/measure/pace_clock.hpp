#pragma once

#include <cstdint>

#include "harness/support/cycle_clock.hpp"

namespace occ {

/// The time by which operations are due, in ns since it was made. A test has a clock of its own, which strategies and
/// waits move.
class PaceClock {
 public:
  virtual ~PaceClock() = default;
  /// Fenced as the stamps around a sampled operation: what came before has ended.
  [[nodiscard]] virtual std::uint64_t now_ns() = 0;
  /// Returns at `due_ns`, or earlier, so that whoever waits can look at other things now and then.
  virtual void wait_until(std::uint64_t due_ns) = 0;
};

/// The processor's time. Made by the thread that waits: it sleeps until shortly before what is due and looks at the
/// clock from there on, since a sleep ends late by tens of microseconds.
class ProcessorPaceClock final : public PaceClock {
 public:
  /// `publishes_with_store`: see CycleClock::begin_sample.
  explicit ProcessorPaceClock(bool publishes_with_store);
  [[nodiscard]] std::uint64_t now_ns() override;
  void wait_until(std::uint64_t due_ns) override;

 private:
  const CycleClock& clock_ = CycleClock::instance();
  bool publishes_with_store_;
  std::uint64_t began_;
};

}  // namespace occ
