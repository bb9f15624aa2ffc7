#include "harness/commands/time_left.hpp"

namespace occ {

double TimeLeft::expected_s(const Step& step) const {
  return plan_.step_s(plan_.cells[step.cell], step.is_recorded);
}

void TimeLeft::ended(const Step& step, double seconds) {
  Kind& kind = kinds_[step.is_recorded ? 1 : 0];
  kind.expected_s += expected_s(step);
  kind.taken_s += seconds;
}

double TimeLeft::factor(bool is_recorded) const {
  for (const Kind* kind : {&kinds_[is_recorded ? 1 : 0], &kinds_[is_recorded ? 0 : 1]}) {
    if (kind->expected_s > 0) return kind->taken_s / kind->expected_s;
  }
  return 1;
}

double TimeLeft::left_s(const Course& course, const Step* begun) const {
  double left = begun == nullptr ? 0 : expected_s(*begun) * factor(begun->is_recorded);
  for (const Step& step : course.ahead()) left += expected_s(step) * factor(step.is_recorded);
  return left;
}

}  // namespace occ
