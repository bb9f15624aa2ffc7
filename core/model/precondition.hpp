#pragma once

#include <cstdint>

#include "core/model/document.hpp"

namespace occ {

/// The condition under which a write is allowed. A seq_no, term or version that no document can have is legal here and
/// simply never matches.
struct Precondition {
  enum class Kind : std::uint8_t {
    none,
    /// `if_seq_no` and `if_primary_term`: both must equal those of the live document (before Elasticsearch 7.6: or of the
    /// tombstone).
    seq_no_term,
    /// `?version=N`: the current version must equal N (Elasticsearch up to 6.x, and what `version_retry` is built on).
    version,
    /// `version_type=external` (`external_gt`): N must be greater than the current version; N becomes the version.
    external,
    /// `version_type=external_gte`: N must be at least the current version; N becomes the version.
    external_gte,
    /// `op_type=create`: there must be no live document.
    must_not_exist,
  };

  Kind kind = Kind::none;
  /// seq_no_term: both in one, so that they are compared at once. Vacant, as no live document's is, if they are numbers
  /// that no word has.
  SeqNoTerm word;
  /// seq_no_term: those that no word has, as given.
  std::int64_t strange_seq_no = 0;
  std::int64_t strange_term = 0;
  Version version = 0;

  /// Of seq_no_term: as given; 0 and 0 where a vacant word was.
  [[nodiscard]] constexpr std::int64_t seq_no() const noexcept {
    return word.vacant() ? strange_seq_no : static_cast<std::int64_t>(word.seq_no());
  }
  [[nodiscard]] constexpr std::int64_t term() const noexcept {
    return word.vacant() ? strange_term : static_cast<std::int64_t>(word.term());
  }

  static constexpr Precondition none() noexcept { return {}; }
  static constexpr Precondition must_not_exist() noexcept { return {.kind = Kind::must_not_exist}; }
  static constexpr Precondition if_seq_no(std::int64_t seq_no, std::int64_t primary_term) noexcept {
    const auto in_word = [](std::int64_t number, std::uint64_t most) {
      return static_cast<std::uint64_t>(number) <= most;  // a negative one is more
    };
    if (in_word(seq_no, SeqNoTerm::kMaxSeqNo) && in_word(primary_term, SeqNoTerm::kMaxTerm))
      return if_word({static_cast<std::uint64_t>(seq_no), static_cast<std::uint64_t>(primary_term)});
    return {.kind = Kind::seq_no_term, .strange_seq_no = seq_no, .strange_term = primary_term};
  }
  /// That of a live document, as a read or a write told it.
  static constexpr Precondition if_word(SeqNoTerm word) noexcept { return {.kind = Kind::seq_no_term, .word = word}; }
  static constexpr Precondition if_version(Version version) noexcept {
    return {.kind = Kind::version, .version = version};
  }
  static constexpr Precondition external(Version version) noexcept {
    return {.kind = Kind::external, .version = version};
  }
  static constexpr Precondition external_gte(Version version) noexcept {
    return {.kind = Kind::external_gte, .version = version};
  }
};

}  // namespace occ
