#pragma once

#include <array>
#include <chrono>

#include "harness/commands/plan.hpp"
#include "harness/measure/schedule.hpp"

namespace occ {

/// How long a run still takes: windows, warm-ups, fills and checks that are known to come, by what those of the same
/// kind (recorded or not) have taken of what was expected of them.
class TimeLeft {
 public:
  explicit TimeLeft(const Plan& plan) : plan_(plan) {}

  /// A step ended that took so long.
  void ended(const Step& step, double seconds);
  /// Of the steps that `course` has ahead, and of `begun` too if there is one; in s.
  [[nodiscard]] double left_s(const Course& course, const Step* begun = nullptr) const;

 private:
  struct Kind {
    double expected_s = 0;
    double taken_s = 0;
  };
  [[nodiscard]] double expected_s(const Step& step) const;
  /// What was taken by what was expected; of the other kind where this one is new, 1 where both are.
  [[nodiscard]] double factor(bool is_recorded) const;

  const Plan& plan_;
  std::array<Kind, 2> kinds_;
};

}  // namespace occ
