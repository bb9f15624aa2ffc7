#include "harness/advise/log_estimate.hpp"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <map>
#include <numeric>
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
constexpr int kCorrections = 4;
constexpr std::uint64_t kMostSimulated = 1'000'000;
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

/// Conflicts of one document, and the time between the two numbers of each, summed.
struct Gaps {
  double count = 0;
  double sum_s = 0;
};

/// The two equations of a document, where q is the probability that an attempt conflicts and the mean gap is that of the
/// conflicts of its log:
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

/// A simulated log of an open loop in which the first documents have those rates, and all together `rate_per_s`.
ConflictLog simulate_log(const std::vector<double>& rates, double rate_per_s, const TimeDistribution& window,
                         std::uint32_t retries, std::uint64_t operations) {
  const double known = std::accumulate(rates.begin(), rates.end(), 0.0);
  std::vector<double> counts = rates;
  counts.resize(rates.size() + kOthersSimulated, std::max(0.0, rate_per_s - known) / kOthersSimulated);
  // A client's own loop has a line for every conflict; a server that tried again, for what it gave up.
  constexpr std::uint32_t kEnough = 1000;
  const SimulationLoad load{.clients = 0,
                            .rate_per_s = std::max(rate_per_s, known),
                            .window = window,
                            .popularity = Popularity::of_counts(std::move(counts), "log"),
                            .retries = retries == 0 ? kEnough : retries,
                            .warmup_operations = 1,
                            .operations = operations};
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

/// The estimate from all blocks, and from as many drawn with repetition: conflicts that follow each other stay together.
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

/// What the equations leave out: a try that follows a conflict at once met a document that had just been written, so its
/// gap is shorter. The window that is looked for is the one whose simulation gives the same figure by the same equations
/// as the log (indirect inference, Gourieroux, Monfort and Renault 1993). Returns it by that figure.
double correction(const LogEstimate& found, const std::vector<std::uint64_t>& counts, const Places& places,
                  const TimeDistribution& shape, std::uint32_t retries) {
  const Equations equations(shape, retries, found.seconds);
  Places simulated_places(found.documents_used + kOthersSimulated, UINT32_MAX);
  std::iota(simulated_places.begin(), simulated_places.begin() + static_cast<std::ptrdiff_t>(found.documents_used), 0U);
  const auto operations =
      static_cast<std::uint64_t>(std::min(2 * found.writes_per_s * found.seconds, static_cast<double>(kMostSimulated)));
  double factor = 1;
  for (int i = 0; i < kCorrections; ++i) {
    const double window = factor * found.window_s.median;
    std::vector<double> rates(found.documents_used);
    for (std::size_t document = 0; document < counts.size(); ++document) {
      if (places[document] != UINT32_MAX)
        rates[places[document]] = equations.rate_of(static_cast<double>(counts[document]), window);
    }
    const ConflictLog log = simulate_log(rates, found.writes_per_s, shape.scaled(window / shape.mean_s()), retries,
                                         std::max(operations, std::uint64_t{10'000}));
    const NumberClock clock(log.conflicts);
    if (log.conflicts.size() < kLeastConflicts || !clock.is_running()) return factor;
    const Equations simulated(shape, retries, log.conflicts.back().time_s - log.conflicts.front().time_s);
    std::vector<Gaps> sums(found.documents_used);
    for (const auto& block : gaps_by_block(log, clock, simulated_places, found.documents_used)) {
      for (std::size_t document = 0; document < sums.size(); ++document) {
        sums[document].count += block[document].count;
        sums[document].sum_s += block[document].sum_s;
      }
    }
    factor = window / simulated.window_s(sums);
  }
  return factor;
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

LogEstimate estimate(const ConflictLog& log, const TimeDistribution& shape, std::uint32_t retries) {
  const NumberClock clock(log.conflicts);
  if (!clock.is_running())
    throw too_thin(fmt::format("{} conflicts, by whose numbers no time can be dated", log.conflicts.size()));
  std::vector<std::uint64_t> counts(log.ids.size());
  for (const LoggedConflict& each : log.conflicts) ++counts[each.document];
  LogEstimate result;
  Places places(log.ids.size(), UINT32_MAX);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < kLeastConflictsOfDocument) continue;
    places[i] = static_cast<std::uint32_t>(result.documents_used++);
    result.conflicts_used += counts[i];
  }
  if (result.conflicts_used < kLeastConflicts) {
    throw too_thin(fmt::format("{} conflicts at {} documents that have {} or more", result.conflicts_used,
                               result.documents_used, kLeastConflictsOfDocument));
  }
  result.seconds = log.conflicts.back().time_s - log.conflicts.front().time_s;
  result.writes_per_s = clock.numbers_per_s();
  const Equations equations(shape, retries, result.seconds);
  result.window_s = window_interval(equations, gaps_by_block(log, clock, places, result.documents_used));
  const double factor = correction(result, counts, places, shape, retries);
  for (double* each : {&result.window_s.low, &result.window_s.median, &result.window_s.high}) *each *= factor;
  if (!(result.window_s.high < kWidestRatio * result.window_s.low)) {
    throw too_thin(fmt::format("its windows are anything from {} to {}", time_text(result.window_s.low),
                               time_text(result.window_s.high)));
  }
  bound(log, clock, result);

  const double window = result.window_s.median;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < kLeastOfKnownDocument) continue;
    const double rate = equations.rate_of(static_cast<double>(counts[i]), window);
    result.hot.push_back({log.ids[i], counts[i], rate, rate * window});
  }
  std::ranges::sort(result.hot, std::greater(), &HotDocument::commits_per_s);
  return result;
}

}  // namespace occ
