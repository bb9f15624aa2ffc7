#pragma once

#include <cstdint>

#include "core/document.hpp"

namespace occ {

/// The condition under which a write is allowed. Values are those of the request, as given: a seq_no, term or version
/// that no document can have is legal here and simply never matches.
struct Precondition {
  enum class Kind : std::uint8_t {
    none,
    /// `if_seq_no` and `if_primary_term`: both must equal those of the live document.
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
  std::int64_t seq_no = 0;
  std::int64_t term = 0;
  Version version = 0;

  static constexpr Precondition none() noexcept { return {}; }
  static constexpr Precondition must_not_exist() noexcept { return {.kind = Kind::must_not_exist}; }
  static constexpr Precondition if_seq_no(std::int64_t seq_no, std::int64_t primary_term) noexcept {
    return {.kind = Kind::seq_no_term, .seq_no = seq_no, .term = primary_term};
  }
  static constexpr Precondition if_word(SeqNoTerm word) noexcept {
    return if_seq_no(static_cast<std::int64_t>(word.seq_no()), static_cast<std::int64_t>(word.term()));
  }
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
