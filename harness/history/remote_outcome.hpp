#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/model/document.hpp"

namespace occ {

/// A write, or the writes of a bulk request, that were sent and never answered: each may have happened, may not, and may
/// still.
struct UnknownOutcome : std::runtime_error {
  explicit UnknownOutcome(const std::string& why, std::uint64_t unanswered = 1)
      : std::runtime_error(why), writes(unanswered) {}
  std::uint64_t writes;
};

/// What happened between a table's making and its end, over all of its clients, beside answers.
struct ServerEvents {
  /// Answers that said to come back later (429, 502, 503, 504, ...).
  std::uint64_t refusals = 0;
  /// Connections beyond the first of each client.
  std::uint64_t reconnects = 0;

  ServerEvents& operator+=(const ServerEvents& other) noexcept {
    refusals += other.refusals;
    reconnects += other.reconnects;
    return *this;
  }
};

/// In an Outcome: the server did not say on which state it decided. No document has this word; `vacant` says true.
inline constexpr SeqNoTerm kUntoldWord = SeqNoTerm::from_bits(~std::uint64_t{0});
/// In an Outcome: the server did not say which version there is.
inline constexpr Version kUntoldVersion = std::numeric_limits<Version>::min();

}  // namespace occ
