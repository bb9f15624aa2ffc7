#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace occ {

/// One measurement to be made: which cell, which replicate (counted from 1, apart for those that are recorded).
struct Step {
  std::size_t cell;
  std::uint32_t replicate;
  /// For the check of its history.
  bool is_recorded;
  /// 1; more where the same replicate is measured again.
  std::uint32_t attempt = 1;
};

/// Every replicate of every cell, in complete blocks: all cells once in a random order, then all again in another, so
/// that slow changes of the machine meet every cell alike and an interrupted run is balanced. The recorded ones come
/// first: what is wrong is to be found out before it is measured. The same seed gives the same order, and with more
/// replicates the same one with blocks behind it.
std::vector<Step> make_schedule(std::size_t cells, std::uint32_t recorded, std::uint32_t replicates,
                                std::uint64_t seed);

/// What a run is to measure.
struct Agenda {
  struct Cell {
    bool is_checked = true;
    /// Its speed is compared, so --until waits for it.
    bool is_ranked = true;
    /// Cells that are compared with each other, so that they get their replicates together.
    std::size_t group = 0;
  };
  std::vector<Cell> cells;
  std::uint32_t recorded = 0;
  std::uint32_t replicates = 0;
  std::uint64_t seed = 1;
  /// How often a disturbed replicate is measured again, at most.
  std::uint32_t repeats = 0;
  /// More replicates until each end of every ranked cell's interval is within so many percent of its median.
  std::optional<double> until_percent;
};

/// Says what is measured next: the schedule, then replicates that were disturbed, again, then the further blocks that
/// narrow intervals need. Once kManySteps or more beside the schedule were disturbed without one in between that was
/// not, the round is the last one: the machine stays as it is.
class Course {
 public:
  /// Of a cell, at most, whatever Agenda::until_percent wants.
  static constexpr std::uint32_t kMostReplicates = 50;
  static constexpr std::size_t kManySteps = 10;

  explicit Course(const Agenda& agenda);

  /// What was measured at an earlier start; before the first next().
  void know(const Step& step, bool is_disturbed, double speed);
  /// The next one; nothing at the end.
  std::optional<Step> next();
  /// How the last one ended.
  void ended(const Step& step, bool is_disturbed, double speed);

  /// Steps that are still to come, as far as is known now.
  [[nodiscard]] const std::deque<Step>& ahead() const noexcept { return ahead_; }
  /// Replicates that were disturbed every time.
  [[nodiscard]] std::size_t still_disturbed() const;
  /// Ranked cells whose interval is wider than was asked for; 0 if nothing was asked for.
  [[nodiscard]] std::size_t too_wide() const;

 private:
  struct Key {
    std::size_t cell;
    std::uint32_t replicate;
    bool is_recorded;
    auto operator<=>(const Key&) const = default;
  };
  struct Ended {
    std::uint32_t attempts = 0;
    bool is_disturbed = false;
    double speed = 0;
  };

  void plan(const std::vector<Step>& steps);
  [[nodiscard]] bool plan_round();
  bool plan_repetitions();
  bool plan_more_replicates();
  [[nodiscard]] bool is_too_wide(std::size_t cell) const;

  Agenda agenda_;
  std::map<Key, Ended> known_;
  std::deque<Step> ahead_;
  bool planned_ = false;
  /// The schedule is over.
  bool in_rounds_ = false;
  /// Steps of the rounds that were disturbed since one was not.
  std::size_t in_vain_ = 0;
  /// Blocks of replicates that each group has.
  std::map<std::size_t, std::uint32_t> replicates_;
};

}  // namespace occ
