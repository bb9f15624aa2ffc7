#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/history.hpp"
#include "harness/json_text.hpp"

namespace occ {

/// A history as a file: JSON lines (one JSON value a line, UTF-8), so that other checkers can read it and this one can
/// check histories of others. The first line is an object that says what the file is; every other line is one
/// operation, in any order but that of one thread being its own.
///
/// First line. Other fields are the writer's own and kept:
///
///     format         "occkit-history"
///     format_version 1
///     time_unit      "ns"
///     gc_deletes_ms  how long a tombstone keeps its version; -1: it has expired at once
///
/// An operation. What is left out is absent; an operation without an answer ends with its request:
///
///     thread         0 to 65535
///     document       a number or a string; the number 17 and the string "17" are one document
///     op             "get", "index", "delete" or "update"
///     begin, end     ns of one monotonic clock, before the call and after it; no end: never answered
///   the condition, at most one, by the name of Elasticsearch's parameter:
///     if_seq_no, if_primary_term
///     version, version_type     version_type is "internal", "external" or "external_gte"
///     op_type        "create": there must be no live document
///   the answer:
///     result         "found", "created", "updated", "deleted", "noop", "not_found", "conflict" or "rejected"
///     cause          of a conflict: "document_missing", "seq_no_mismatch", "already_exists", "version_mismatch",
///                    "version_not_higher" or "version_higher"; for an update only already_exists (of its upsert) counts
///     decided_on     [_seq_no, _primary_term] of the state that the outcome was decided on, a tombstone's included;
///                    left out if there was none, not even a tombstone
///     _seq_no, _primary_term    of what was written; left out if nothing was
///     _version       after the operation; of what was read; of what a conflict was with; left out if there was none
///     saw            update without a condition: [_seq_no, _primary_term] of the document that its transform saw last;
///                    left out if it did not run
///     read, wrote    1 to 2^32 - 1: fingerprints of the sources that were read (get, update) and written (by an update
///                    that inserted its upsert: that of the upsert); any hash does
///
/// A history begins with an empty table: a document that was there before needs an operation that created it.

/// Writes line by line: memory does not grow with the history. `header` is the caller's part of the first line. Times
/// are from the first operation on, rounded down to ns: order is never invented, at worst lost. Throws
/// std::runtime_error if `out` fails.
void write_history(std::ostream& out, const Json& header, std::span<const std::span<const HistoryEntry>> threads,
                   const HistoryRules& rules);

struct HistoryFile {
  Json header;
  /// Times are ns.
  HistoryRules rules;
  std::vector<std::vector<HistoryEntry>> threads;
  /// By HistoryEntry::document.
  std::vector<std::string> ids;

  [[nodiscard]] std::vector<std::span<const HistoryEntry>> entries() const { return {threads.begin(), threads.end()}; }
};

/// Throws BadInput that names the line and says what is accepted. `name` is what the user calls the file.
HistoryFile read_history(std::istream& in, std::string_view name);

}  // namespace occ
