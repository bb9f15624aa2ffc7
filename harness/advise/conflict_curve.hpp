#pragma once

#include <vector>

#include "harness/workload/time_distribution.hpp"

namespace occ {

/// How an attempt's probability to conflict follows from the load of its document, for one distribution of windows.
///
/// After a commit, only an attempt that began since can commit. If attempts begin as a Poisson process of rate s, those
/// that began and would end within time u after a commit are Poisson with mean s G(u), G the integral of the windows'
/// distribution function F from 0 to u. So the time T to the next commit has P(T > u) = exp(-s G(u)); there are
/// A = s E[T] attempts for each commit, and q = 1 - 1/A. With rho = W / E[T] (commits in one mean window W), q is a
/// function of rho alone: rho itself if windows are fixed, less if they are not.
class ConflictCurve {
 public:
  explicit ConflictCurve(const TimeDistribution& window);

  /// Attempts for one commit, where `load` attempts begin in one mean window.
  [[nodiscard]] double attempts(double load) const;

  /// The probability that an attempt conflicts where `rho` documents are committed in one mean window; 0 to 1. Reads a
  /// table that attempts() has filled, to about 1e-4 of itself.
  [[nodiscard]] double conflict(double rho) const noexcept;

 private:
  void tabulate();

  bool is_fixed_;
  /// G at ascending times, all in mean windows; beyond the last G grows as time does.
  std::vector<double> times_;
  std::vector<double> integral_;
  /// Points of the curve: rho, ascending, and q / rho, which begins at 1.
  std::vector<double> rho_;
  std::vector<double> ratio_;
};

/// Clients that all try again at once: attempts for one commit of one document where `clients` run at once and windows
/// are exponential. Ramanujan's Q(n) = 1 + (n-1)/n + (n-1)(n-2)/n^2 + ..., about sqrt(pi n / 2) (Alistarh, Censor-Hillel
/// and Shavit 2013).
[[nodiscard]] double ramanujan_attempts(std::uint64_t clients);

/// The conflict probability of `clients` in lockstep: a fair lock hands the document round, so that whoever commits read
/// it just after the one before, and all others before; so do fixed windows without think time (then one client has
/// every commit, and Jain's index is 1 / clients). 1 - 1/clients.
[[nodiscard]] double lockstep_conflict(std::uint64_t clients);

}  // namespace occ
