#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/outcome.hpp"
#include "core/precondition.hpp"
#include "core/seq_no_term.hpp"

namespace occ {

enum class HistoryKind : std::uint8_t { get, index, remove, update };

/// One operation as its caller saw it. One cache line.
///
/// A create is an index under must_not_exist; a client's read-modify-write in two calls is two entries.
struct HistoryEntry {
  static constexpr std::uint64_t kUnanswered = std::numeric_limits<std::uint64_t>::max();

  /// CycleClock ticks, before the call and after it; `end` is kUnanswered if the call never came back.
  std::uint64_t begin = 0;
  std::uint64_t end = kUnanswered;
  /// Number of the document in its workload.
  std::uint32_t document = 0;
  std::uint16_t thread = 0;
  HistoryKind kind : 4 = HistoryKind::get;
  Precondition::Kind precondition : 4 = Precondition::Kind::none;
  Result result : 4 = Result::rejected;
  Cause cause : 4 = Cause::none;
  /// What the precondition names: the bits of a SeqNoTerm, or a version. For an update without one: the bits of the
  /// word that the last run of its transform saw, vacant if the transform did not run.
  std::uint64_t condition = SeqNoTerm::never_written().bits();
  /// As in Outcome.
  SeqNoTerm decided_on;
  SeqNoTerm word;
  Version version = kVersionNotFound;
  /// Fingerprints of the source that was read (get, update) and of the one that was written (by an update that inserted
  /// its upsert: of that); 0 if there was none.
  std::uint32_t read = 0;
  std::uint32_t wrote = 0;
};
static_assert(sizeof(HistoryEntry) == 64);

/// 32 bits of a source's hash, never 0: one wrong source in 2^32 goes unnoticed.
[[nodiscard]] std::uint32_t fingerprint(Bytes source) noexcept;

/// What the check has to know of the table.
struct HistoryRules {
  std::int64_t gc_deletes_ms = 60'000;
  double ticks_per_ms = 1e6;
  /// Documents that can occur: entries' `document` is below this.
  std::uint32_t documents = 0;
};

/// Why a history is impossible.
enum class Violation : std::uint8_t {
  duplicate_number,   ///< two writes of one document carry one number
  lost_update,        ///< a write replaced a state that another write had already replaced
  term_went_back,     ///< a later number with an earlier primary term
  unwritten_version,  ///< an operation was decided on a word that nobody wrote
  torn_read,          ///< the source, or the version, that was read is not the one written under that word
  spurious_outcome,   ///< the state that it was decided on does not give this outcome (a conflict without cause, a
                      ///< write against its condition, a wrong version)
  stale,              ///< the state that it was decided on had been replaced before the operation began, or a write
                      ///< takes effect only after its end: no order of the operations agrees with time
  impossible_absence  ///< a document was not there at a time at which it cannot have been absent
};
std::string_view to_string(Violation violation);

/// One contradiction: the operations that show it, in the order of the document's versions, and why they cannot be.
struct Contradiction {
  Violation violation;
  std::uint32_t document;
  std::vector<HistoryEntry> operations;
  std::string reason;
};

struct HistoryReport {
  std::uint64_t operations = 0;
  std::uint64_t documents = 0;
  /// Neighbours in the order of a document's versions, of different threads, and those of them that overlapped in
  /// time. A check without overlap has no power.
  std::uint64_t pairs = 0;
  std::uint64_t overlapping = 0;
  double check_s = 0;
  unsigned check_threads = 1;
  /// Documents found wrong, by the first contradiction of each; and some of these in full, the shortest first.
  std::uint64_t wrong_documents = 0;
  std::vector<Contradiction> contradictions;

  [[nodiscard]] double overlap() const noexcept {
    return pairs == 0 ? 0 : static_cast<double>(overlapping) / static_cast<double>(pairs);
  }
};

/// Whether one order of all operations of each document explains all outcomes, agrees with the times, and follows
/// `decide`, in time linear in the number of operations but for sorting. `threads[t]` are the entries of one thread in
/// the order of its operations; documents are independent (linearizability is local), and checked on `workers` threads.
///
/// Never accuses a linearizable history. Convicts every other one, with three exceptions: absence without a word,
/// expiry of a tombstone and operations without an answer are judged by whether a time for them exists, each alone. A
/// history begins with an empty table.
///
/// Method: Gibbons and Korach 1997, Theorem 4.13: a register whose writes return unique increasing versions; the same
/// online in rystsov/fast-jepsen. Here the versions are words, several kinds of writes replace one another, and the
/// outcomes are replayed through `decide`.
/// Cost: one sweep over each document's versions; `occkit_micro --benchmark_filter=check_history` measures it. One
/// document is checked by one worker.
/// Memory beside the entries: 8 bytes an entry, 4 bytes a document and worker, and 32 bytes an entry of each worker's
/// document (doubled for an update that lost a race). At most 2^32 - 1 entries (std::length_error); throws
/// std::out_of_range if an entry's document is not below `documents`.
HistoryReport check_history(std::span<const std::span<const HistoryEntry>> threads, const HistoryRules& rules,
                            unsigned workers);

/// A contradiction as text of some lines: what kind, the document's id, every operation with its thread, its time in
/// us since the first of them, and what it said; then why this is impossible.
std::string describe(const Contradiction& contradiction, std::string_view id, const HistoryRules& rules);

}  // namespace occ
