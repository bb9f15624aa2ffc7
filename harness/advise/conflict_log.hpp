#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace occ {

/// Why Elasticsearch answered 409, by the text of its answer.
enum class ConflictText : std::uint8_t {
  seq_no,          ///< required seqNo [a], primary term [t]. current document has seqNo [b] and primary term [u]
  not_found,       ///< required seqNo [a], primary term [t]. but no document was found
  already_exists,  ///< document already exists (current version [c])
  does_not_exist,  ///< document does not exist (expected version [e])
  other_version,   ///< current version [c] is different than the one provided [e]
  not_newer,       ///< current version [c] is higher or equal to the one provided [e]
  older,           ///< current version [c] is higher than the one provided [e]
};
inline constexpr std::size_t kConflictTexts = 7;

/// What all texts of a kind have in common.
[[nodiscard]] std::string_view to_string(ConflictText text) noexcept;

/// What a text means for whoever got it, and whether trying again helps.
[[nodiscard]] std::string_view explain(ConflictText text) noexcept;

/// One conflict of kind seq_no.
struct LoggedConflict {
  double time_s;
  /// Into ConflictLog::ids.
  std::uint32_t document;
  /// The number that the writer had read, and the one that the document had when the write was decided.
  std::uint64_t required;
  std::uint64_t current;
};

/// The conflicts of a log, in the order of their times.
struct ConflictLog {
  std::vector<LoggedConflict> conflicts;
  std::vector<std::string> ids;
  std::array<std::uint64_t, kConflictTexts> seen{};
  /// Conflicts of kind seq_no whose primary term had changed: their numbers cannot be dated.
  std::uint64_t other_terms = 0;
  std::uint64_t other_lines = 0;
};

/// Reads lines that contain one of the texts, each behind "[id]: version conflict, ", and have a time: a date such as
/// 2026-11-29T12:34:56,789 somewhere before the text, or, in a log without dates, seconds or milliseconds since 1970 at
/// their beginning. A line without one, as of a stack trace, has the time of the last line that had one; a text that such
/// a line repeats counts once. `name` is for messages. Throws BadInput for a conflict without a time, and if there is no
/// conflict at all.
ConflictLog parse_conflict_log(std::string_view text, std::string_view name);
ConflictLog read_conflict_log(const std::string& file);

}  // namespace occ
