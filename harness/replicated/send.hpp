#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/model/outcome.hpp"
#include "core/model/seq_no_term.hpp"

namespace occ {

enum class SendKind : std::uint8_t { get, index, create, remove, update };
/// `unknown`: no answer, or one that says nothing (5xx). `refused`: surely not carried out (400, a refused connection).
enum class SendAnswer : std::uint8_t { unknown, acknowledged, found, not_found, conflict, refused };

/// One request as it was sent once: what is sent again is another one. Times are ns of one clock.
struct Send {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = kNever;
  /// Its own number in the history, above 0. The content that a write makes names it.
  std::uint64_t operation = 0;
  std::uint32_t document = 0;
  std::uint32_t client = 0;
  SendKind kind = SendKind::get;
  SendAnswer answer = SendAnswer::unknown;
  /// With if_seq_no and if_primary_term: `condition`.
  bool conditional = false;
  /// Of a conflict that says that no document was found.
  bool told_absent = false;
  SeqNoTerm condition;
  /// What an acknowledged write drew, what a get read, what a conflict told; vacant if that is not told.
  SeqNoTerm word;
  Version version = kVersionNotFound;
  /// Of a get that found something: the operation that its content names; 0 if it names none.
  std::uint64_t content = 0;
  /// Of an acknowledged write: copies that have it, and that there are to be.
  std::uint32_t copies = 0;
  std::uint32_t all_copies = 0;

  [[nodiscard]] bool is_write() const noexcept { return kind != SendKind::get; }
  [[nodiscard]] bool acknowledged() const noexcept { return is_write() && answer == SendAnswer::acknowledged; }
};

/// From the first command of a fault until all copies are there again.
struct FaultBand {
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = Send::kNever;
};

/// What a document's list of operations was at the very end, in the order in which they were appended.
struct FinalList {
  std::uint32_t document = 0;
  std::vector<std::uint64_t> operations;
};

struct ReplicatedHistory {
  std::vector<Send> sends;
  std::vector<FaultBand> bands;
  /// Of documents to which every write appends.
  std::vector<FinalList> lists;
  /// Sends' `document` is below this.
  std::uint32_t documents = 0;
  /// All documents are in one shard, so that their numbers are one order.
  bool one_shard = true;
  /// Elasticsearch 6: the number of a tombstone can be a condition.
  bool tombstones_match = false;
};

/// Times in which something was wrong; those that touch are one.
class FaultBands {
 public:
  explicit FaultBands(std::vector<FaultBand> bands) {
    std::ranges::sort(bands, {}, &FaultBand::begin_ns);
    for (const FaultBand& band : bands) {
      if (!bands_.empty() && band.begin_ns <= bands_.back().end_ns) {
        bands_.back().end_ns = std::max(bands_.back().end_ns, band.end_ns);
      } else {
        bands_.push_back(band);
      }
    }
  }

  [[nodiscard]] std::span<const FaultBand> all() const noexcept { return bands_; }
  [[nodiscard]] bool touch(std::uint64_t begin_ns, std::uint64_t end_ns) const noexcept {
    return first_touching(begin_ns, end_ns) != nullptr;
  }
  [[nodiscard]] bool touch(const Send& send) const noexcept { return touch(send.begin_ns, send.end_ns); }

  /// What was acknowledged before this time, whoever answers a request of that time has it: its begin, or that of the
  /// fault in which it was made.
  [[nodiscard]] std::uint64_t last_certain_ns(std::uint64_t begin_ns, std::uint64_t end_ns) const noexcept {
    const FaultBand* const first = first_touching(begin_ns, end_ns);
    return first == nullptr ? begin_ns : std::min(begin_ns, first->begin_ns);
  }

  /// Whether a write that is dead can have been seen: there was a fault in which it, or what was left of it, was at a
  /// copy alone.
  [[nodiscard]] bool can_be_dirty(std::uint64_t write_begin_ns, std::uint64_t write_end_ns,
                                  const Send& seen_by) const noexcept {
    return std::ranges::any_of(bands_, [&](const FaultBand& band) {
      return seen_by.begin_ns <= band.end_ns && write_end_ns >= band.begin_ns &&
             write_begin_ns <= std::min(seen_by.end_ns, band.end_ns);
    });
  }

 private:
  [[nodiscard]] const FaultBand* first_touching(std::uint64_t begin_ns, std::uint64_t end_ns) const noexcept {
    const auto at = std::ranges::lower_bound(bands_, begin_ns, {}, &FaultBand::end_ns);
    return at != bands_.end() && at->begin_ns <= end_ns ? &*at : nullptr;
  }

  std::vector<FaultBand> bands_;
};

}  // namespace occ
