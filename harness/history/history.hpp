#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/build/function_ref.hpp"
#include "core/model/outcome.hpp"
#include "core/model/precondition.hpp"
#include "core/model/seq_no_term.hpp"

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
  static constexpr std::uint32_t kUnknownShard = 0xffff'ffff;
  static constexpr std::uint32_t kMostShards = 65'535;

  std::int64_t gc_deletes_ms = 60'000;
  double ticks_per_ms = 1e6;
  /// As in Instant.
  bool tombstones_match = false;
  /// Documents that can occur: entries' `document` is below this.
  std::uint32_t documents = 0;
  /// By document: its shard, below kMostShards, or kUnknownShard. Empty: no document's is known.
  std::vector<std::uint32_t> shards = {};
  /// Changes of state that the search within one document tries before it gives up, beside some for each operation; 0:
  /// it gives up at once.
  std::uint64_t most_search_steps = 50'000;
};

/// Why a history is impossible.
enum class Violation : std::uint8_t {
  duplicate_number,    ///< two writes of one document, or of one shard, carry one number
  lost_update,         ///< a write replaced a state that another write had already replaced
  term_went_back,      ///< a later number with an earlier primary term
  unwritten_version,   ///< an operation was decided on a word that nobody wrote
  torn_read,           ///< the source, or the version, that was read is not the one written under that word
  spurious_outcome,    ///< the state that it was decided on does not give this outcome (a conflict without cause, a
                       ///< write against its condition, a wrong version)
  stale,               ///< the state that it was decided on had been replaced before the operation began, or a write
                       ///< takes effect only after its end: no order of the operations agrees with time
  impossible_absence,  ///< a document was not there at a time at which it cannot have been absent
  out_of_order         ///< items of one bulk call took effect in another order than theirs
};
std::string_view to_string(Violation violation);

/// One contradiction: the operations that show it, in the order of the document's versions, and why they cannot be. Of
/// two documents of one shard, `document` is that of the last of them.
struct Contradiction {
  Violation violation;
  std::uint32_t document;
  std::vector<HistoryEntry> operations;
  std::string reason;
};

struct HistoryReport {
  std::uint64_t operations = 0;
  std::uint64_t documents = 0;
  /// Operations whose answers were held against all others of their document, and those that were not, because too much
  /// is open in it: such an operation was only asked whether there is a time for it alone. What is left was rejected or
  /// never answered, and says nothing.
  std::uint64_t judged = 0;
  std::uint64_t not_judged = 0;
  /// Documents whose shard is known, so that their numbers were compared with those of others.
  std::uint64_t documents_of_known_shard = 0;
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
/// `decide`. `threads[t]` are the entries of one thread in the order of its operations, those of one bulk call in that of
/// its items; documents are checked on `workers` threads. A history begins with an empty table.
///
/// Documents are independent (linearizability is local) but for their numbers: in one shard each is drawn once, and the
/// items of one bulk call draw theirs in their order.
///
/// Never accuses a linearizable history, and convicts every other one, as far as its operations are judged: see
/// HistoryReport::not_judged. Where every answer says on what it was decided, one sweep over the document's versions
/// decides, in time linear in the number of operations but for sorting. Where something is open (answers that do not
/// say, absence after an expiry, operations without an answer), the sweep and a look at each such operation alone come
/// first, since they can say what is wrong, and then the search within the document (DocumentSearch), which is complete
/// unless it gives up.
///
/// Method: Gibbons and Korach 1997, Theorem 4.13: a register whose writes return unique increasing versions; the same
/// online in rystsov/fast-jepsen. Here the versions are words, several kinds of writes replace one another, and the
/// outcomes are replayed through `decide`.
/// Cost: `occkit_micro --benchmark_filter=check_history` measures it. One document is checked by one worker.
/// Memory beside the entries: 8 bytes an entry, 8 bytes a write where shards are known, 4 bytes a document and worker,
/// and 32 bytes an entry of each worker's document (doubled for an update that lost a race). At most 2^32 - 1 entries
/// (std::length_error); throws std::out_of_range if an entry's document is not below `documents`, and
/// std::invalid_argument if shards are known of fewer documents.
HistoryReport check_history(std::span<const std::span<const HistoryEntry>> threads, const HistoryRules& rules,
                            unsigned workers);

/// What an operation asked and was answered, in a line.
std::string describe_operation(const HistoryEntry& entry);

/// A contradiction as text of some lines: what kind, the document's id, every operation with its thread, its time in
/// us since the first of them, and what it said; then why this is impossible.
std::string describe(const Contradiction& contradiction, std::string_view id, const HistoryRules& rules);
/// The same where the operations may be of several documents; `id_of` gives a document's id.
std::string describe(const Contradiction& contradiction, FunctionRef<std::string(std::uint32_t)> id_of,
                     const HistoryRules& rules);

}  // namespace occ
