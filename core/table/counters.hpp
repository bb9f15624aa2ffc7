#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/build/inlining.hpp"
#include "core/model/outcome.hpp"

namespace occ {

/// What one handle has done. Plain numbers: a handle belongs to one thread, and readers come after that thread has
/// stopped.
///
/// Always: attempts = applied + noop + not_found + conflicts() + publication_failures.
struct Counters {
  /// Decisions on a write that were carried through: each ends in exactly one of the five terms above.
  std::uint64_t attempts = 0;
  /// Writes that created, updated or deleted a live document.
  std::uint64_t applied = 0;
  std::uint64_t noop = 0;
  /// Updates of a missing document, and deletes of one (these write a tombstone all the same).
  std::uint64_t not_found = 0;
  std::uint64_t conflict_missing = 0;
  std::uint64_t conflict_seq_no = 0;
  std::uint64_t conflict_exists = 0;
  std::uint64_t conflict_version = 0;
  /// The state moved between read and publication; the operation decided again.
  std::uint64_t publication_failures = 0;
  /// Numbers drawn that no write carries: for a publication that failed, or in a lease and not used (yet).
  std::uint64_t seq_no_gaps = 0;
  std::uint64_t gets_found = 0;
  std::uint64_t gets_not_found = 0;
  /// Reads begun again because their validation failed, and the longest run of them within one read.
  std::uint64_t read_retries = 0;
  std::uint64_t read_retries_longest = 0;
  /// Results of a transform that were thrown away because of a conflict.
  std::uint64_t transforms_discarded = 0;
  std::uint64_t rejected = 0;
  /// Waiting after somebody else was faster (core/table/backoff.hpp).
  std::uint64_t backoff_ns = 0;

  [[nodiscard]] std::uint64_t conflicts() const noexcept {
    return conflict_missing + conflict_seq_no + conflict_exists + conflict_version;
  }

  struct Field {
    std::string_view name;
    std::uint64_t Counters::*member;
    std::string_view meaning;
    /// Merged by maximum instead of sum.
    bool is_maximum = false;
  };
  static const std::array<Field, 17>& fields() noexcept;

  void merge(const Counters& other) noexcept {
    for (const Field& field : fields()) {
      auto& mine = this->*field.member;
      const auto theirs = other.*field.member;
      mine = field.is_maximum ? std::max(mine, theirs) : mine + theirs;
    }
  }
  /// What happened between `earlier` and this; maxima are kept as they are.
  [[nodiscard]] Counters since(const Counters& earlier) const noexcept {
    Counters difference = *this;
    for (const Field& field : fields()) {
      // seq_no_gaps can fall, where numbers are drawn ahead.
      if (!field.is_maximum) difference.*field.member -= std::min(earlier.*field.member, difference.*field.member);
    }
    return difference;
  }

  /// How often one read was begun again.
  void count_read_retries(std::uint64_t retries) noexcept {
    if (retries == 0) [[likely]]
      return;
    read_retries += retries;
    read_retries_longest = std::max(read_retries_longest, retries);
  }

  void count_conflict(Cause cause) noexcept {
    switch (cause) {
      case Cause::document_missing:
        ++conflict_missing;
        break;
      case Cause::seq_no_mismatch:
        ++conflict_seq_no;
        break;
      case Cause::already_exists:
        ++conflict_exists;
        break;
      default:
        ++conflict_version;
    }
  }

  /// Counts the end of an attempt to write.
  OCCKIT_INLINE void count_write(Result result, Cause cause) noexcept {
    if (result == Result::updated) [[likely]] {  // apart, since a jump by table costs more than all of it
      ++applied;
      return;
    }
    switch (result) {
      case Result::conflict:
        count_conflict(cause);
        break;
      case Result::noop:
        ++noop;
        break;
      case Result::not_found:
        ++not_found;
        break;
      default:
        ++applied;
    }
  }
};

inline const std::array<Counters::Field, 17>& Counters::fields() noexcept {
  static constexpr std::array<Field, 17> kFields{{
      {"attempts", &Counters::attempts, "decisions on a write that were carried through"},
      {"applied", &Counters::applied, "writes that created, updated or deleted a live document"},
      {"noop", &Counters::noop, "updates whose transform changed nothing"},
      {"not_found", &Counters::not_found, "updates and deletes of a missing document"},
      {"conflict_missing", &Counters::conflict_missing, "conflicts: if_seq_no given, no live document"},
      {"conflict_seq_no", &Counters::conflict_seq_no, "conflicts: seq_no or primary term differs"},
      {"conflict_exists", &Counters::conflict_exists, "conflicts: create of a live document"},
      {"conflict_version", &Counters::conflict_version, "conflicts: _version does not allow the write"},
      {"publication_failures", &Counters::publication_failures, "state moved between read and publication"},
      {"seq_no_gaps", &Counters::seq_no_gaps,
       "numbers drawn that no write carries: a publication failed, or a lease has not used them"},
      {"gets_found", &Counters::gets_found, "gets that found a live document"},
      {"gets_not_found", &Counters::gets_not_found, "gets that found none"},
      {"read_retries", &Counters::read_retries, "reads begun again because validation failed"},
      {"read_retries_longest", &Counters::read_retries_longest, "longest run of read retries in one read", true},
      {"transforms_discarded", &Counters::transforms_discarded, "results of a transform thrown away after a conflict"},
      {"rejected", &Counters::rejected, "operations refused for their input or for want of numbers"},
      {"backoff_ns", &Counters::backoff_ns, "ns spent waiting after another thread was faster"},
  }};
  return kFields;
}

}  // namespace occ
