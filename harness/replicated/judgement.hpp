#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/replicated/send.hpp"

namespace occ {

/// What a history is held against.
///
/// atomic: one copy of each document that is never lost. What is not in the order of the writes is impossible.
/// replicated: what Elasticsearch and OpenSearch promise of an index with replicas:
/// - an acknowledged write is not lost, replaced exactly what it named, and took effect between call and answer;
/// - a 409 of a time without faults is final; one of a fault may be the write's own, sent again by the node that
///   coordinates it, so that it may have happened; what has no answer may have happened too, and may yet;
/// - a write without a condition that was sent in a fault may have happened several times;
/// - a read without a fault shows nothing older than the last write that was acknowledged before it; in a fault,
///   nothing older than what was acknowledged before the fault; it may show a write that no other copy ever has.
enum class Contract : std::uint8_t { atomic, replicated };
std::string_view to_string(Contract contract);

/// What is counted. Of each, some are impossible under the contract, and the others allowed by it.
enum class Finding : std::uint8_t {
  lost_write,          ///< acknowledged, and not in the committed order
  applied_twice,       ///< one send made two versions
  number_twice,        ///< one `_seq_no` for two writes: allowed in two terms, if one of them is dead
  wrong_order,         ///< numbers, terms, versions, conditions or times that no order explains
  unsent_content,      ///< content that nobody sent, or that was refused
  causeless_conflict,  ///< no state within the call gives the conflict
  stale_read,          ///< older than what was acknowledged before it
  inverted_read,       ///< older than what a read had seen that ended before it
  backwards_read,      ///< older than what the same client had seen
  dirty_read,          ///< what was read was never committed
  absence,             ///< not found at a time at which it was there
  undecided            ///< words of which nobody can say whether they were committed
};
inline constexpr std::size_t kFindings = 12;
std::string_view to_string(Finding finding);

/// Sends that show it, and why.
struct Example {
  std::vector<Send> sends;
  std::string why;
};

struct FindingCount {
  std::uint64_t impossible = 0;
  std::uint64_t allowed = 0;
  /// What it is a share of: acknowledged writes, reads, words, ...
  std::uint64_t of = 0;
  /// Of a read: how long before it what it did not show was acknowledged, or seen.
  std::uint64_t greatest_age_ns = 0;
  /// An impossible one if there is one; then the one of the greatest age.
  Example example;

  [[nodiscard]] std::uint64_t count() const noexcept { return impossible + allowed; }
};

/// A read that showed less than it might have, or what was never committed.
struct ReadMark {
  std::uint64_t begin_ns = 0;
  Finding finding = Finding::stale_read;
  std::uint64_t age_ns = 0;
};

struct Judgement {
  Contract contract = Contract::replicated;
  std::array<FindingCount, kFindings> findings;
  std::uint64_t sends = 0;
  std::uint64_t reads = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t conflicts = 0;
  /// Acknowledged writes that fewer copies had than there are to be.
  std::uint64_t partial = 0;
  /// Writes without an answer: all, those that happened, those that did not.
  std::uint64_t unknown = 0;
  std::uint64_t unknown_happened = 0;
  std::uint64_t unknown_not_happened = 0;
  std::uint64_t committed_words = 0;
  std::uint64_t dead_words = 0;
  /// Of acknowledged writes.
  std::set<std::uint64_t> terms;
  std::vector<ReadMark> marks;

  [[nodiscard]] FindingCount& operator[](Finding finding) { return findings.at(static_cast<std::size_t>(finding)); }
  [[nodiscard]] const FindingCount& operator[](Finding finding) const {
    return findings.at(static_cast<std::size_t>(finding));
  }
  [[nodiscard]] std::uint64_t impossible() const noexcept {
    std::uint64_t all = 0;
    for (const FindingCount& each : findings) all += each.impossible;
    return all;
  }

  void add_impossible(Finding finding, Example example, std::uint64_t age_ns = 0);
  void add_allowed(Finding finding, Example example, std::uint64_t age_ns = 0);
};

/// Whether the contract allows a history, and what in it is allowed and worth knowing. Words (`_seq_no` and term) are
/// first committed, dead or undecided, and then put in order:
///
/// - committed: acknowledged; named by a committed conditional write; seen where nothing uncommitted can be seen;
/// - dead: (s, t) beside an acknowledged (s', t') of the shard with t' > t and s' <= s; or strictly between c and w of an
///   acknowledged conditional write c -> w. An acknowledged one of these is lost;
/// - the others are undecided.
///
/// Exact for one document: accuses it if and only if there is no explanation (tests/harness/replicated has a search for
/// all of them). Documents of one shard have the order of their numbers, terms and times in common, and no more of that
/// is looked at. `_version` is compared in documents that nobody sent a delete of.
///
/// O(n log n). Throws std::invalid_argument if two sends have one number, or one has none, or a document is not below
/// `documents`.
Judgement judge(const ReplicatedHistory& history, Contract contract);

/// A line for each finding that there is, with its example on a time line in ms.
std::string judgement_text(const Judgement& judgement, const ReplicatedHistory& history);
/// One send in a line, without its times.
std::string describe_send(const Send& send);

}  // namespace occ
