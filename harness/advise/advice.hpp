#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/advise/retry_model.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// What an advisor is asked.
struct AdviceQuestion {
  RetryLoad load;
  std::vector<DocumentClass> classes;
  /// Operations may end without a commit less often than this.
  double target = 1e-6;
  /// The window that an `_update` at the server would have, mean.
  double server_window_s = 0;
  /// A number of retries that somebody has, or thinks of.
  std::optional<std::uint32_t> retries = std::nullopt;
};

/// What an operation pays for its retries, by the model.
struct RetryCosts {
  /// The fewest that reach the target; nothing if kMostRetriesAdvised do not.
  std::optional<std::uint32_t> retries;
  /// With these retries; without them, with kMostRetriesAdvised.
  double exhausted = 0;
  double conflict = 0;
  double attempts_per_operation = 1;
  double operations_per_s = 0;
  double hottest_rho = 0;
  /// Time from the first attempt's end to the operation's.
  double added_p50_s = 0;
  double added_p99_s = 0;

  /// Of all attempts those whose work was thrown away.
  [[nodiscard]] double wasted() const { return conflict; }
};

/// Something else that could be done.
struct Alternative {
  enum class Kind : std::uint8_t { full_jitter, update_at_server, in_place, split };
  Kind kind;
  /// "full-jitter:4ms..4096ms", "into 8".
  std::string parameter;
  /// Nothing where it cannot be done: the document alone would be busy all the time.
  std::optional<RetryCosts> costs;

  [[nodiscard]] bool reaches_target() const { return costs && costs->retries; }
};

struct Advice {
  AdviceQuestion question;
  /// Nothing where an open loop has no steady state.
  std::optional<RetryPrediction> prediction;
  /// With the retries that the question names; nothing without, or where there is no steady state.
  std::optional<RetryPrediction> with_given;
  RetryCosts costs;
  /// By retry_on_conflict, for a few of them: how many operations are exhausted.
  std::vector<std::pair<std::uint32_t, double>> exhausted_with;
  std::vector<Alternative> alternatives;

  /// A number of retries reaches the target, and the hottest document is not so loaded that more clients or a longer
  /// window would undo it.
  [[nodiscard]] bool retries_help() const;
};

inline constexpr std::uint32_t kMostRetriesAdvised = 1000;
/// From this load of the hottest document on no number of retries is advised.
inline constexpr double kOverloadedRho = 0.5;

[[nodiscard]] Advice advise(const AdviceQuestion& question);

/// A few lines for people, the advice in words last; and all of it for programs.
[[nodiscard]] std::string describe(const Advice& advice);
[[nodiscard]] nlohmann::ordered_json to_json(const Advice& advice);

}  // namespace occ
