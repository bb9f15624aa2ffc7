#include "harness/advise/log_estimate.hpp"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "harness/advise/conflict_curve.hpp"
#include "harness/advise/simulation.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/random.hpp"

namespace occ {
namespace {

constexpr std::size_t kBlocks = 100;
constexpr std::size_t kResamples = 400;
constexpr int kCorrections = 3;
/// Of one simulated log. So many logs, with other seeds, make the last correction; those of a short log are more.
constexpr std::uint64_t kMostSimulated = 300'000;
constexpr std::uint64_t kSimulatedTogether = 600'000;
constexpr std::uint64_t kFewestLogs = 2;
constexpr std::uint64_t kMostLogs = 16;
/// Standard errors that a 95 % interval has on each side.
constexpr double kSides = 1.96;
/// In a simulation, so many documents share the shard's other writes.
constexpr std::size_t kOthersSimulated = 100'000;
/// Conflicts of a document that is told of, though it says too little of the window.
constexpr std::uint64_t kLeastOfKnownDocument = 5;
/// An interval whose ends differ by more says nothing.
constexpr double kWidestRatio = 3;
/// The shard's other writes are spread so thin that they do not conflict.
constexpr double kOtherDocuments = 1e7;

/// When the shard gave out a number, by the log's own growth: the largest number seen so far, at some moments, and a
/// straight line between them and beyond.
class NumberClock {
 public:
  explicit NumberClock(const std::vector<LoggedConflict>& conflicts) {
    // Between two moments lie enough numbers that their own noise does not matter.
    const std::size_t step = std::max<std::size_t>(conflicts.size() / kBlocks, 20);
    std::uint64_t highest = 0;
    for (std::size_t i = 0; i < conflicts.size(); ++i) {
      if (conflicts[i].current <= highest) continue;
      highest = conflicts[i].current;
      const bool is_last = i + step >= conflicts.size();
      const bool is_due = moments_.empty() || i >= place_ + step;
      if (moments_.size() > 1 && is_last && !is_due) moments_.back() = {highest, conflicts[i].time_s};
      if (!is_due) continue;
      place_ = i;
      moments_.push_back({highest, conflicts[i].time_s});
    }
  }

  [[nodiscard]] bool is_running() const { return moments_.size() > 1 && seconds() > 0; }
  [[nodiscard]] double seconds() const { return moments_.back().time_s - moments_.front().time_s; }
  [[nodiscard]] double numbers_per_s() const {
    return static_cast<double>(moments_.back().number - moments_.front().number) / seconds();
  }
  [[nodiscard]] double time_s(std::uint64_t number) const {
    const auto above = std::ranges::upper_bound(moments_, number, {}, &Moment::number);
    const auto at = std::clamp<std::ptrdiff_t>(above - moments_.begin(), 1, std::ssize(moments_) - 1);
    const Moment& before = moments_[static_cast<std::size_t>(at - 1)];
    const Moment& after = moments_[static_cast<std::size_t>(at)];
    const double slope = (after.time_s - before.time_s) / static_cast<double>(after.number - before.number);
    return before.time_s + slope * (static_cast<double>(number) - static_cast<double>(before.number));
  }

 private:
  struct Moment {
    std::uint64_t number;
    double time_s;
  };
  std::vector<Moment> moments_;
  std::size_t place_ = 0;
};

/// What a conflict met was written within its window, so the number is as old as the line, nearly. Throws BadInput
/// where it is not: the numbers of several shards grow apart.
void check_numbers_fit_times(const ConflictLog& log, const NumberClock& clock) {
  constexpr double kFarOff = 0.05;
  constexpr double kMostOfThem = 0.05;
  const auto far_off = static_cast<std::size_t>(std::ranges::count_if(log.conflicts, [&](const LoggedConflict& each) {
    return std::abs(each.time_s - clock.time_s(each.current)) > kFarOff * clock.seconds();
  }));
  if (static_cast<double>(far_off) <= kMostOfThem * static_cast<double>(log.conflicts.size())) return;
  throw BadInput(
      fmt::format("--conflicts: the numbers of {} of {} conflicts do not fit their times; accepted is the log of one "
                  "shard, since each shard counts by itself",
                  far_off, log.conflicts.size()));
}

/// Conflicts of one document, and the time between the two numbers of each, summed.
struct Gaps {
  double count = 0;
  double sum_s = 0;
};

/// The two equations of a document, where q is the probability that an attempt conflicts and the mean gap is that of
/// the conflicts of its log:
///   q = W / (mean gap)                   gaps, summed over all attempts, are the time that windows take
///   q = curve(rate * W)                  and rate follows from q and from how often the log has a line
class Equations {
 public:
  Equations(const TimeDistribution& shape, std::uint32_t retries, double seconds)
      : curve_(shape), tries_(static_cast<double>(retries) + 1), seconds_(seconds) {}

  /// The mean window that the documents agree on best, each with the weight of its conflicts.
  [[nodiscard]] double window_s(const std::vector<Gaps>& documents) const {
    double highest = 0;
    for (const Gaps& each : documents) {
      if (each.count > 0) highest = std::max(highest, each.sum_s / each.count);
    }
    const auto surplus = [&](double window) {
      double sum = 0;
      for (const Gaps& each : documents) {
        if (each.count < 2) continue;
        const double gap = each.sum_s / each.count;
        const double q = std::min(window / gap, 1.0);
        sum += each.count * (q - curve_.conflict(window * rate(q, each.count)));
      }
      return sum;
    };
    return zero(surplus, highest * 1e-9, highest);
  }

  /// Commits per second of a document with so many conflicts, the mean window being known.
  [[nodiscard]] double rate_of(double conflicts, double window) const {
    const auto surplus = [&](double commits_per_s) {
      const double fail = std::pow(curve_.conflict(commits_per_s * window), tries_);
      return fail < 1 ? commits_per_s * fail / (1 - fail) - conflicts / seconds_ : 1.0;
    };
    return zero(surplus, 1e-9 / window, 1e3 / window);
  }

 private:
  /// Commits per second where `lines` updates failed in all their tries.
  [[nodiscard]] double rate(double q, double lines) const {
    const double fail = std::pow(q, tries_);
    return lines / seconds_ * (1 - fail) / fail;
  }

  template <class F>
  static double zero(F&& function, double low, double high) {
    const double at_low = function(low);
    const double at_high = function(high);
    if (at_low >= 0) return low;
    if (at_high <= 0) return high;
    std::uintmax_t steps = 200;
    const auto [a, b] = boost::math::tools::toms748_solve(function, low, high, at_low, at_high,
                                                          boost::math::tools::eps_tolerance<double>(30), steps);
    return (a + b) / 2;
  }

  ConflictCurve curve_;
  double tries_;
  double seconds_;
};

[[nodiscard]] BadInput too_thin(std::string_view why) {
  return BadInput(
      fmt::format("--conflicts: the log is too thin: {}; needed are {} conflicts or more at documents that have {} "
                  "each, over a time in which numbers grow",
                  why, kLeastConflicts, kLeastConflictsOfDocument));
}

/// The documents whose conflicts are used: where each is among them, or UINT32_MAX.
using Places = std::vector<std::uint32_t>;

/// Gaps by block of the log and by document of those that are used.
std::vector<std::vector<Gaps>> gaps_by_block(const ConflictLog& log, const NumberClock& clock, const Places& places,
                                             std::size_t used) {
  std::vector<std::vector<Gaps>> blocks(kBlocks, std::vector<Gaps>(used));
  for (std::size_t i = 0; i < log.conflicts.size(); ++i) {
    const LoggedConflict& each = log.conflicts[i];
    if (places[each.document] == UINT32_MAX) continue;
    Gaps& gaps = blocks[i * kBlocks / log.conflicts.size()][places[each.document]];
    ++gaps.count;
    gaps.sum_s += clock.time_s(each.current) - clock.time_s(each.required);
  }
  return blocks;
}

/// A load whose log is simulated.
struct LoggedLoad {
  /// Of the documents that are known, and of all together.
  std::vector<double> rates;
  double rate_per_s;
  TimeDistribution window;
  std::uint32_t retries;
  /// 0: an open loop.
  std::uint64_t clients;
  std::uint64_t operations;
  /// Of one operation.
  double attempts;
};

/// A simulated log in which the known documents are the first.
ConflictLog simulate_log(const LoggedLoad& logged, std::uint64_t seed) {
  const double known = std::accumulate(logged.rates.begin(), logged.rates.end(), 0.0);
  const double rate_per_s = std::max(logged.rate_per_s, known);
  std::vector<double> counts = logged.rates;
  counts.resize(counts.size() + kOthersSimulated, (rate_per_s - known) / kOthersSimulated);
  // A client's own loop has a line for every conflict; a server that tried again, for what it gave up.
  constexpr std::uint32_t kEnough = 1000;
  const std::uint32_t retries = logged.retries;
  SimulationLoad load{.clients = static_cast<std::uint32_t>(logged.clients),
                      .rate_per_s = rate_per_s,
                      .window = logged.window,
                      .popularity = Popularity::of_counts(std::move(counts), "log"),
                      .retries = retries == 0 ? kEnough : retries,
                      .warmup_operations = 1,
                      .operations = logged.operations,
                      .seed = seed};
  if (logged.clients > 0) {
    const double pause_s = static_cast<double>(logged.clients) / rate_per_s - logged.attempts * logged.window.mean_s();
    load.think = TimeDistribution::exponential(std::max(pause_s, 1e-9));
  }
  ConflictLog log;
  log.ids.resize(load.popularity.documents());
  const auto on_conflict = [&](const SimulatedConflict& each) {
    if (retries == 0 || each.is_last)
      log.conflicts.push_back({each.time_s, each.document, each.required, each.current});
  };
  SimulationListener listener;
  listener.conflict.emplace(on_conflict);
  (void)simulate(load, listener);
  return log;
}

/// The estimate from all blocks, and from as many drawn with repetition: conflicts that follow each other stay
/// together.
Interval window_interval(const Equations& equations, const std::vector<std::vector<Gaps>>& blocks) {
  const auto window_of = [&](auto&& block_of) {
    std::vector<Gaps> sums(blocks.front().size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::vector<Gaps>& block = blocks[block_of(i)];
      for (std::size_t document = 0; document < sums.size(); ++document) {
        sums[document].count += block[document].count;
        sums[document].sum_s += block[document].sum_s;
      }
    }
    return equations.window_s(sums);
  };
  Random random(1);
  std::vector<double> resampled(kResamples);
  for (double& window : resampled) window = window_of([&](std::size_t) { return random.below(blocks.size()); });
  return {.low = quantile(resampled, 0.025),
          .median = window_of([](std::size_t i) { return i; }),
          .high = quantile(resampled, 0.975)};
}

std::vector<Gaps> summed(const std::vector<std::vector<Gaps>>& blocks) {
  std::vector<Gaps> sums(blocks.front().size());
  for (const auto& block : blocks) {
    for (std::size_t document = 0; document < sums.size(); ++document) {
      sums[document].count += block[document].count;
      sums[document].sum_s += block[document].sum_s;
    }
  }
  return sums;
}

/// Of the commits of a document, those that are not the client's own.
double share_of_others(std::uint64_t clients) {
  return clients == 0 ? 1 : 1 - 1 / static_cast<double>(clients);
}

/// What the equations leave out: a try that follows a conflict at once met a document that had just been written, so
/// its gap is shorter; and of few clients one meets the others only. The window that is looked for is the one whose
/// simulation gives the same figure by the same equations as the log (indirect inference, Gourieroux, Monfort and
/// Renault 1993).
class Correction {
 public:
  Correction(const LogQuestion& question, const TimeDistribution& shape, const LogEstimate& found,
             std::vector<double> lines)
      : shape_(shape),
        equations_(shape, question.retries, found.seconds),
        lines_(std::move(lines)),
        figure_s_(found.window_s.median),
        others_(share_of_others(question.clients)),
        logged_{.rates = {},
                .rate_per_s = found.writes_per_s,
                .window = shape,
                .retries = question.retries,
                .clients = question.clients,
                .operations = 0,
                .attempts = 1} {
    const double writes = found.writes_per_s * found.seconds;
    if (question.retries == 0) logged_.attempts += std::accumulate(lines_.begin(), lines_.end(), 0.0) / writes;
    logged_.operations = static_cast<std::uint64_t>(std::clamp(writes, 1.0, static_cast<double>(kMostSimulated)));
  }

  /// The window by that figure, and its standard error by the chance of the simulations.
  [[nodiscard]] std::pair<double, double> factor() const {
    double factor = 1;
    for (int i = 0; i < kCorrections; ++i) factor = factor_at(factor, 1).value_or(factor);
    const std::uint64_t logs = std::clamp(kSimulatedTogether / logged_.operations, kFewestLogs, kMostLogs);
    double sum = 0;
    double squares = 0;
    double count = 0;
    for (std::uint64_t seed = 1; seed <= logs; ++seed) {
      const auto there = factor_at(factor, 1 + seed);
      if (!there) continue;
      sum += *there;
      squares += *there * *there;
      ++count;
    }
    if (count < 2) return {factor, 0.0};
    const double variance = std::max(0.0, (squares - sum * sum / count) / (count - 1));
    return {sum / count, std::sqrt(variance / count)};
  }

 private:
  /// A better factor than that one; nothing where the simulated log says nothing.
  [[nodiscard]] std::optional<double> factor_at(double factor, std::uint64_t seed) const {
    const double window = factor * figure_s_;
    LoggedLoad logged = logged_;
    logged.window = shape_.scaled(window / shape_.mean_s());
    for (const double lines : lines_) logged.rates.push_back(equations_.rate_of(lines, others_ * window));
    const ConflictLog log = simulate_log(logged, seed);
    const NumberClock clock(log.conflicts);
    if (log.conflicts.size() < kLeastConflictsOfDocument || !clock.is_running()) return std::nullopt;
    Places places(log.ids.size(), UINT32_MAX);
    std::iota(places.begin(), places.begin() + std::ssize(lines_), 0U);
    const Equations simulated(shape_, logged.retries, log.conflicts.back().time_s - log.conflicts.front().time_s);
    return window / simulated.window_s(summed(gaps_by_block(log, clock, places, lines_.size())));
  }

  const TimeDistribution& shape_;
  Equations equations_;
  std::vector<double> lines_;
  double figure_s_;
  double others_;
  LoggedLoad logged_;
};

/// The mean window by one shape.
Interval window_of(const ConflictLog& log, const NumberClock& clock, const Places& places,
                   const std::vector<double>& lines, const LogQuestion& question, const TimeDistribution& shape,
                   LogEstimate found) {
  found.window_s = window_interval(Equations(shape, question.retries, found.seconds),
                                   gaps_by_block(log, clock, places, lines.size()));
  const auto [low, median, high, is_range] = found.window_s;
  const auto [factor, error] = Correction(question, shape, found, lines).factor();
  const double chance = kSides * error / factor;
  return {.low = factor * median * (1 - std::hypot(1 - low / median, chance)),
          .median = factor * median,
          .high = factor * median * (1 + std::hypot(high / median - 1, chance))};
}

/// Whoever conflicts with the same number required of the same document was another client each time, and so was the
/// one who had written: a try again requires a later number.
std::uint64_t least_clients(const ConflictLog& log) {
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> losers;
  std::uint64_t most = 0;
  for (const LoggedConflict& each : log.conflicts) most = std::max(most, ++losers[{each.document, each.required}]);
  return most + 1;
}

/// Medians of what bounds single windows from above and from below.
void bound(const ConflictLog& log, const NumberClock& clock, LogEstimate& estimate) {
  std::map<std::uint32_t, std::vector<std::uint64_t>> numbers;
  for (const LoggedConflict& each : log.conflicts) {
    numbers[each.document].push_back(each.required);
    numbers[each.document].push_back(each.current);
  }
  for (auto& [document, seen] : numbers) std::ranges::sort(seen);
  std::vector<double> upper;
  std::vector<double> lower;
  for (const LoggedConflict& each : log.conflicts) {
    const auto& seen = numbers[each.document];
    upper.push_back(each.time_s - clock.time_s(each.required));
    lower.push_back(std::max(0.0, each.time_s - clock.time_s(*std::ranges::upper_bound(seen, each.required))));
  }
  estimate.upper_bound_s = median(upper);
  estimate.lower_bound_s = median(lower);
}

}  // namespace

std::vector<DocumentClass> LogEstimate::classes() const {
  std::vector<DocumentClass> result;
  double sum = 0;
  for (const HotDocument& each : hot) sum += each.commits_per_s;
  const double all = std::max(sum, writes_per_s);
  for (const HotDocument& each : hot) result.push_back({each.commits_per_s / all, 1});
  if (all > sum) result.push_back({(all - sum) / all / kOtherDocuments, kOtherDocuments});
  return result;
}

LogEstimate estimate(const ConflictLog& log, const LogQuestion& question) {
  const NumberClock clock(log.conflicts);
  if (!clock.is_running())
    throw too_thin(fmt::format("{} conflicts, by whose numbers no time can be dated", log.conflicts.size()));
  check_numbers_fit_times(log, clock);
  std::vector<std::uint64_t> counts(log.ids.size());
  for (const LoggedConflict& each : log.conflicts) ++counts[each.document];
  LogEstimate result;
  Places places(log.ids.size(), UINT32_MAX);
  std::vector<double> lines;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < kLeastConflictsOfDocument) continue;
    places[i] = static_cast<std::uint32_t>(lines.size());
    lines.push_back(static_cast<double>(counts[i]));
    result.conflicts_used += counts[i];
  }
  result.documents_used = lines.size();
  if (result.conflicts_used < kLeastConflicts) {
    throw too_thin(fmt::format("{} conflicts at {} documents that have {} or more", result.conflicts_used,
                               result.documents_used, kLeastConflictsOfDocument));
  }
  result.seconds = log.conflicts.back().time_s - log.conflicts.front().time_s;
  result.writes_per_s = clock.numbers_per_s();
  result.shape = question.shape.value_or(TimeDistribution::gamma(4, 1));
  const auto by = [&](const TimeDistribution& shape) {
    return window_of(log, clock, places, lines, question, shape, result);
  };
  result.window_s = by(result.shape);
  if (!(result.window_s.high < kWidestRatio * result.window_s.low)) {
    throw too_thin(fmt::format("its windows are anything from {} to {}", time_text(std::max(0.0, result.window_s.low)),
                               time_text(result.window_s.high)));
  }
  if (!question.shape) {
    for (const TimeDistribution& shape : {TimeDistribution::fixed(1), TimeDistribution::exponential(1)}) {
      const Interval other = by(shape);
      result.window_s.low = std::min(result.window_s.low, other.low);
      result.window_s.high = std::max(result.window_s.high, other.high);
    }
  }
  result.least_clients = least_clients(log);
  if (question.clients == 0) result.window_s.high /= share_of_others(result.least_clients);
  bound(log, clock, result);

  const Equations equations(result.shape, question.retries, result.seconds);
  const double window = result.window_s.median;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < kLeastOfKnownDocument) continue;
    const double rate = equations.rate_of(static_cast<double>(counts[i]), share_of_others(question.clients) * window);
    result.hot.push_back({log.ids[i], counts[i], rate, rate * window});
  }
  std::ranges::sort(result.hot, std::greater(), &HotDocument::commits_per_s);
  return result;
}

}  // namespace occ
