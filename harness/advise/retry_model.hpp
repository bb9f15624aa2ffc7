#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/advise/conflict_curve.hpp"
#include "harness/advise/popularity.hpp"
#include "harness/workload/backoff_policy.hpp"
#include "harness/workload/time_distribution.hpp"

namespace occ {

/// Who updates which documents, and how long it takes. One of `clients` and `rate_per_s` is above 0.
struct RetryLoad {
  /// Closed loop: each client thinks, updates one document, thinks again.
  std::uint64_t clients = 0;
  TimeDistribution think = TimeDistribution::fixed(0);
  /// Open loop: so many operations begin per second, whatever becomes of them.
  double rate_per_s = 0;
  /// From the read that an attempt is decided on to its write taking effect.
  TimeDistribution window = TimeDistribution::fixed(1e-3);
  BackoffPolicy backoff;
};

/// "16 clients, think 20ms, window 2ms, hot:1 of 1 document, back-off none", or with "500 operations/s" instead.
[[nodiscard]] std::string load_text(const RetryLoad& load, const Popularity& popularity);

/// Without end.
inline constexpr std::uint32_t kUnboundedRetries = UINT32_MAX;

/// What becomes of the operations on the documents of one class.
struct ClassPrediction {
  DocumentClass documents;
  /// Commits of one document in one mean window, by others than the one who looks.
  double rho;
  /// That an attempt conflicts.
  double conflict;
  /// Of one operation.
  double attempts;
};

/// What a load gives with `retries` tries after the first.
struct RetryPrediction {
  std::uint32_t retries = 0;
  /// That begin per second, and the seconds that each takes without the think time.
  double operations_per_s = 0;
  double operation_s = 0;
  /// Conflicts by attempts, over all documents.
  double conflict = 0;
  double attempts_per_operation = 1;
  double hottest_rho = 0;
  double hottest_conflict = 0;
  std::vector<ClassPrediction> classes;

  /// P(an operation is tried exactly `count` times after the first, exhausted ones among them where count is the last).
  [[nodiscard]] double with_retries(std::uint32_t count) const;
  /// P(an operation needs more than `count` retries); exhausted() is that of `retries`.
  [[nodiscard]] double beyond(std::uint32_t count) const;
  [[nodiscard]] double exhausted() const { return beyond(retries); }
};

/// The retry model: every document a renewal process (ConflictCurve), attempts of one operation independent, and the
/// rate of operations such that every client is somewhere.
///
/// With Y operations per second, attempts of document i conflict with q_i = q(rho_i), where commits by others give
/// rho_i = Y p_i (1 - q_i^(N+1)) W (C-1)/C. An operation takes A_i W + B_i, A_i = (1 - q_i^(N+1)) / (1 - q_i) attempts
/// and B_i its waits, so that C = Y (Z + sum p_i (A_i W + B_i)). Both equations have one solution each: their sides are
/// monotone.
class RetryModel {
 public:
  /// `classes` as Popularity::classes() gives them.
  RetryModel(const RetryLoad& load, std::vector<DocumentClass> classes);
  /// As this one, for another load whose windows have the same shape (curves know no seconds), or other documents.
  [[nodiscard]] RetryModel with(RetryLoad load, std::vector<DocumentClass> classes) const;

  /// Nothing where an open loop has no steady state: a document is asked for more often than it can be committed.
  [[nodiscard]] std::optional<RetryPrediction> predict(std::uint32_t retries) const;

  /// The fewest retries for which operations fail less often than `target`, and what they give; nothing if `most` are
  /// too few.
  [[nodiscard]] std::optional<RetryPrediction> fewest_retries(double target, std::uint32_t most) const;

  [[nodiscard]] const RetryLoad& load() const noexcept { return load_; }
  [[nodiscard]] const std::vector<DocumentClass>& classes() const noexcept { return classes_; }

 private:
  RetryModel(RetryLoad load, std::vector<DocumentClass> classes, std::shared_ptr<const ConflictCurve> curve);
  [[nodiscard]] double conflict_at(double operations_per_s, double p, std::uint32_t retries) const;
  [[nodiscard]] RetryPrediction at_rate(double operations_per_s, std::uint32_t retries) const;
  [[nodiscard]] double waits_s(double conflict, std::uint32_t retries) const;

  RetryLoad load_;
  std::vector<DocumentClass> classes_;
  std::shared_ptr<const ConflictCurve> curve_;
};

}  // namespace occ
