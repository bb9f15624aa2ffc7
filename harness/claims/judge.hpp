#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/claims/claim.hpp"
#include "harness/support/csv.hpp"
#include "harness/support/statistics.hpp"

namespace occ {

enum class ClaimVerdict : std::uint8_t {
  holds,          ///< the whole interval is as expected
  fails,          ///< the whole interval is not
  undecided,      ///< a bound of what is expected lies in the interval
  cannot_be_seen  ///< too few processors, or too few undisturbed rounds, or a row that is not there
};

inline constexpr std::array<std::string_view, 4> kClaimVerdicts{"holds", "does not hold", "undecided",
                                                                "cannot be seen on this machine"};

constexpr std::string_view to_string(ClaimVerdict verdict) noexcept {
  return kClaimVerdicts[static_cast<std::size_t>(verdict)];
}

/// The rows that one run of a claim gave in one round.
struct ClaimRows {
  std::string run;
  std::size_t round = 0;
  /// For messages.
  std::string file;
  CsvTable table;
};

struct JudgedExpectation {
  ClaimVerdict verdict = ClaimVerdict::cannot_be_seen;
  /// Over the rounds in which nothing was disturbed.
  std::optional<Interval> measured;
  std::size_t rounds = 0;
  /// Why it cannot be seen.
  std::string why;
};

struct JudgedClaim {
  /// That of the expectations that could be seen: `fails` if one fails, else `undecided` if one is, else `holds`.
  ClaimVerdict verdict = ClaimVerdict::cannot_be_seen;
  /// In the order of the claim's.
  std::vector<JudgedExpectation> expectations;
};

/// Rows that recorded their history, disturbed ones, and rounds that were not finished do not count. Throws BadInput for a column that is not there, a
/// field that is no number, or several rows of one round where one is meant.
[[nodiscard]] JudgedClaim judge(const Claim& claim, const std::vector<ClaimRows>& rows, unsigned cores);

/// "0.92 [0.90, 0.95], expected at least 0.8" or why there is no number.
[[nodiscard]] std::string describe(const Expectation& expectation, const JudgedExpectation& judged);

}  // namespace occ
