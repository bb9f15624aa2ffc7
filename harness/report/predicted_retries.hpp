#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "harness/advise/retry_model.hpp"

namespace occ {

/// The columns that say under what load a row was measured.
inline constexpr std::array kLoadColumns = {
    "workload", "update_form",       "client",  "threads", "docs",          "dist",         "mix",        "batch",
    "think_ns", "retry_on_conflict", "backoff", "clients", "think_between", "think_within", "rate_per_s", "server"};

/// Their texts in one row, all of them; a column that the file does not have is empty.
using LoadTexts = std::map<std::string, std::string, std::less<>>;

/// What the retry model of `occkit advise` says of a load that was measured.
struct PredictedRetries {
  /// Nothing where the model says nothing.
  std::optional<RetryPrediction> prediction;
  /// As the model was asked: "16 clients, think 20ms, window 2ms, ...".
  std::string asked;
  /// Of retries and exhausted updates too. Where the hottest document is overloaded, by the limit of `occkit advise`,
  /// attempts of one operation are not independent, and only the conflict probability is given.
  bool tells_retries = false;
  /// Why the model says nothing, or nothing of retries; empty otherwise.
  std::string why_not;

  /// The share of updates in a bin of retries, the last of which has those with more too. Asked where tells_retries.
  [[nodiscard]] double share(std::size_t bin) const;
};

/// The window is the time that clients wait between read and write (think_within), or that updates work there
/// (think_ns). Whoever waits leaves its processor to others, so all clients may have attempts under way at once;
/// whoever works holds it, so there are no more attempts at once than threads and `processors` (0: not known).
PredictedRetries predict_retries(const LoadTexts& row, unsigned processors);

}  // namespace occ
