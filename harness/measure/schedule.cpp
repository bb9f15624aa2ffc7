#include "harness/measure/schedule.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "harness/support/random.hpp"
#include "harness/support/statistics.hpp"

namespace occ {
namespace {

/// All cells once, in a random order.
void add_block(std::size_t cells, std::uint32_t replicate, bool is_recorded, Random& random, std::vector<Step>& steps) {
  const std::size_t block = steps.size();
  for (std::size_t cell = 0; cell < cells; ++cell) {
    steps.push_back({cell, replicate, is_recorded});
    std::swap(steps.back(), steps[block + random.below(cell + 1)]);
  }
}

}  // namespace

std::vector<Step> make_schedule(std::size_t cells, std::uint32_t recorded, std::uint32_t replicates,
                                std::uint64_t seed) {
  Random random(mix64(seed));
  std::vector<Step> steps;
  for (std::uint32_t replicate = 1; replicate <= recorded; ++replicate)
    add_block(cells, replicate, true, random, steps);
  for (std::uint32_t replicate = 1; replicate <= replicates; ++replicate)
    add_block(cells, replicate, false, random, steps);
  return steps;
}

Course::Course(const Agenda& agenda) : agenda_(agenda) {
  for (const Agenda::Cell& cell : agenda_.cells) replicates_[cell.group] = agenda_.replicates;
}

void Course::know(const Step& step, bool is_disturbed, double speed) {
  Ended& ended = known_[{step.cell, step.replicate, step.is_recorded}];
  ended.attempts = std::max(ended.attempts, step.attempt);
  ended.is_disturbed = is_disturbed;
  ended.speed = speed;
  std::uint32_t& replicates = replicates_[agenda_.cells[step.cell].group];
  if (!step.is_recorded) replicates = std::max(replicates, step.replicate);
}

void Course::ended(const Step& step, bool is_disturbed, double speed) {
  in_vain_ = in_rounds_ && is_disturbed ? in_vain_ + 1 : 0;
  know(step, is_disturbed, speed);
}

std::optional<Step> Course::next() {
  if (!planned_) {
    planned_ = true;
    plan(make_schedule(agenda_.cells.size(), agenda_.recorded, agenda_.replicates, agenda_.seed));
  }
  if (ahead_.empty() && !plan_round()) return std::nullopt;
  const Step step = ahead_.front();
  ahead_.pop_front();
  return step;
}

void Course::plan(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (step.is_recorded && !agenda_.cells[step.cell].is_checked) continue;
    if (!known_.contains({step.cell, step.replicate, step.is_recorded})) ahead_.push_back(step);
  }
}

bool Course::plan_round() {
  in_rounds_ = true;
  return in_vain_ < kManySteps && (plan_repetitions() || plan_more_replicates());
}

bool Course::plan_repetitions() {
  std::vector<Step> again;
  for (const auto& [key, ended] : known_) {
    if (key.is_recorded || !ended.is_disturbed || ended.attempts > agenda_.repeats) continue;
    again.push_back({key.cell, key.replicate, false, ended.attempts + 1});
  }
  // Those of one replicate one after another, since they are paired.
  std::ranges::stable_sort(again, {}, &Step::replicate);
  ahead_.assign(again.begin(), again.end());
  return !ahead_.empty();
}

bool Course::plan_more_replicates() {
  if (!agenda_.until_percent) return false;
  std::set<std::size_t> groups;
  for (std::size_t cell = 0; cell < agenda_.cells.size(); ++cell) {
    if (is_too_wide(cell)) groups.insert(agenda_.cells[cell].group);
  }
  std::erase_if(groups, [&](std::size_t group) { return replicates_[group] >= kMostReplicates; });
  for (const std::size_t group : groups) ++replicates_[group];

  Random random(mix64(agenda_.seed) + known_.size());
  std::vector<Step> block;
  add_block(agenda_.cells.size(), 0, false, random, block);
  for (Step& step : block) step.replicate = replicates_[agenda_.cells[step.cell].group];
  std::erase_if(block, [&](const Step& step) { return !groups.contains(agenda_.cells[step.cell].group); });
  plan(block);
  return !ahead_.empty();
}

bool Course::is_too_wide(std::size_t cell) const {
  if (!agenda_.until_percent || !agenda_.cells[cell].is_ranked) return false;
  std::vector<double> speeds;
  for (const auto& [key, ended] : known_) {
    if (key.cell == cell && !key.is_recorded && !ended.is_disturbed) speeds.push_back(ended.speed);
  }
  const Interval interval = median_interval(speeds);
  if (speeds.size() < kFewestForInterval) return true;
  const double reach = std::max(interval.high - interval.median, interval.median - interval.low);
  return !(reach <= *agenda_.until_percent / 100 * interval.median);
}

std::size_t Course::still_disturbed() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      known_, [](const auto& entry) { return !entry.first.is_recorded && entry.second.is_disturbed; }));
}

std::size_t Course::too_wide() const {
  std::size_t cells = 0;
  for (std::size_t cell = 0; cell < agenda_.cells.size(); ++cell) cells += is_too_wide(cell) ? 1 : 0;
  return cells;
}

}  // namespace occ
