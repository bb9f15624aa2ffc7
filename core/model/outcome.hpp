#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/model/document.hpp"

namespace occ {

/// How an operation ended.
enum class Result : std::uint8_t {
  found,      ///< get: the document was copied out
  created,    ///< a write made a live document where there was none
  updated,    ///< a write replaced a live document
  deleted,    ///< a delete replaced a live document by a tombstone
  noop,       ///< an update whose transform changed nothing; nothing was written
  not_found,  ///< get or update: no live document. remove: none either, but a tombstone was written and a seq_no
              ///< consumed
  conflict,   ///< the precondition did not hold; nothing was written
  rejected,   ///< the operation cannot be carried out by any state of the document; nothing was written
};

/// Why it ended in conflict or was rejected.
enum class Cause : std::uint8_t {
  none,
  // conflicts
  document_missing,    ///< if_seq_no given, no live document
  seq_no_mismatch,     ///< if_seq_no or if_primary_term differs
  already_exists,      ///< must_not_exist, but there is a live document
  version_mismatch,    ///< internal version differs (or there is no document)
  version_not_higher,  ///< external: current version is higher or equal
  version_higher,      ///< external_gte: current version is higher
  // rejections
  id_empty,                      ///< an id of 0 bytes
  id_too_long,                   ///< an id of more than kMaxIdBytes
  source_too_large,              ///< a source of more than kMaxSourceBytes
  seq_no_exhausted,              ///< the shard has no seq_no left
  version_exhausted,             ///< the document's version is the largest there is
  update_condition_unsupported,  ///< an update under another condition than seq_no_term, or under one and with an
                                 ///< upsert
  update_form_unsupported,       ///< the strategy does not have the requested form of update
};

/// Names of results and causes, in the order of the enumerations; those of results are Elasticsearch's where it has them.
inline constexpr std::array<std::string_view, 8> kResultNames{"found", "created",   "updated",  "deleted",
                                                              "noop",  "not_found", "conflict", "rejected"};
inline constexpr std::array<std::string_view, 14> kCauseNames{
    "none",
    "document_missing",
    "seq_no_mismatch",
    "already_exists",
    "version_mismatch",
    "version_not_higher",
    "version_higher",
    "id_empty",
    "id_too_long",
    "source_too_large",
    "seq_no_exhausted",
    "version_exhausted",
    "update_condition_unsupported",
    "update_form_unsupported",
};
static_assert(kResultNames.size() == static_cast<std::size_t>(Result::rejected) + 1);
static_assert(kCauseNames.size() == static_cast<std::size_t>(Cause::update_form_unsupported) + 1);
constexpr std::string_view to_string(Result result) noexcept {
  return kResultNames[static_cast<std::size_t>(result)];
}
constexpr std::string_view to_string(Cause cause) noexcept {
  return kCauseNames[static_cast<std::size_t>(cause)];
}

/// What an operation did, by value. 32 bytes.
struct Outcome {
  Result result = Result::rejected;
  Cause cause = Cause::none;
  /// update: tries after the first, each caused by a conflict; at most retry_on_conflict.
  std::uint32_t retries = 0;
  /// `_version` after the operation. Where nothing was written: the current one, a tombstone's included, for conflict
  /// and noop; kVersionNotFound for a get or update that found no live document.
  Version version = kVersionNotFound;
  /// The word written; where nothing was written, the current one.
  SeqNoTerm word;
  /// The word of the state that the outcome was decided on; vacant if that state was absence.
  SeqNoTerm decided_on;

  /// A document or tombstone was written.
  [[nodiscard]] bool wrote() const noexcept { return word != decided_on && !word.vacant(); }
  [[nodiscard]] bool conflicted() const noexcept { return result == Result::conflict; }

  /// A copy made member by member, where the compiler has them in registers: see core/build/inlining.hpp.
  [[nodiscard]] Outcome by_member() const noexcept { return {result, cause, retries, version, word, decided_on}; }
};

}  // namespace occ
