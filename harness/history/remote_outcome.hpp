#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
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
  /// Acknowledged writes that tell how many copies there are and how many have them; and those of them that not all had.
  std::uint64_t counted_copies = 0;
  std::uint64_t partial_writes = 0;
  /// Different ones, of writes that were acknowledged in the window.
  std::set<std::uint64_t> primary_terms = {};
  /// The name of the node that was the elected manager before the window; empty where that is not told.
  std::string manager = {};
  /// Attempts to index that failed, as the server counts them: conflicts that its own update met too.
  std::optional<std::uint64_t> index_failed = {};

  /// Adds what clients count.
  ServerEvents& operator+=(const ServerEvents& other) {
    refusals += other.refusals;
    reconnects += other.reconnects;
    counted_copies += other.counted_copies;
    partial_writes += other.partial_writes;
    primary_terms.insert(other.primary_terms.begin(), other.primary_terms.end());
    return *this;
  }
};

/// In an Outcome: the server did not say on which state it decided. No document has this word; `vacant` says true.
inline constexpr SeqNoTerm kUntoldWord = SeqNoTerm::from_bits(~std::uint64_t{0});
/// In an Outcome: the server did not say which version there is.
inline constexpr Version kUntoldVersion = std::numeric_limits<Version>::min();

}  // namespace occ
