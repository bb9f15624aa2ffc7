#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/history/history.hpp"
#include "harness/support/json_text.hpp"

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
///     shards         how many there are: in one shard a number is drawn once, whatever the document. Left out: 1, as of
///                    an index that does not say. Of more than one, lines say which (`shard`). null: not known
///
/// An operation. What is left out is absent; an operation without an answer ends with its request:
///
///     thread         0 to 65535
///     document       a number or a string; the number 17 and the string "17" are one document
///     shard          of the document, from 0; one line of each document is enough. Left out of all its lines, where
///                    there is more than one shard: not known, and its numbers are not compared with those of others
///     op             "get", "index", "delete" or "update"
///     begin, end     ns of one monotonic clock, before the call and after it; no end: never answered. Lines of one
///                    thread that follow one another and have the same times are items of one bulk call, which take
///                    effect in their order
///     item           place within its bulk call; left out: items are in the order of their lines
///   the condition, at most one, by the name of Elasticsearch's parameter:
///     if_seq_no, if_primary_term
///     version, version_type     version_type is "internal", "external" or "external_gte"
///     op_type        "create": there must be no live document
///   the answer:
///     result         "found", "created", "updated", "deleted", "noop", "not_found", "conflict" or "rejected"
///     cause          of a conflict: "document_missing", "seq_no_mismatch", "already_exists", "version_mismatch",
///                    "version_not_higher" or "version_higher"; for an update only already_exists (of its upsert) counts
///     decided_on     [_seq_no, _primary_term] of the state that the outcome was decided on, a tombstone's included;
///                    left out if there was none, not even a tombstone; null if the answer does not say: then some state
///                    that allows it must have held within the call, and `saw`, `read` and `cause` may be left out too
///     _seq_no, _primary_term    of what was written; left out if nothing was
///     _version       after the operation; of what was read; of what a conflict was with; left out if there was none;
///                    null if the answer does not say
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
  /// The first line says how many shards there are.
  bool says_shards = false;

  [[nodiscard]] std::vector<std::span<const HistoryEntry>> entries() const { return {threads.begin(), threads.end()}; }
};

/// Throws BadInput that names the line and says what is accepted. `name` is what the user calls the file.
HistoryFile read_history(std::istream& in, std::string_view name);

}  // namespace occ
