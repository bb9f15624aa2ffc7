#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "core/memory/block.hpp"
#include "core/table/document_table.hpp"

namespace occ::model {

/// A source whose words belong together: how many updates, its complement, and, if it is a larger one, the first again.
using SourceWords = std::array<std::uint64_t, 3>;
constexpr SourceWords source_words(std::uint64_t count) {
  return {count, ~count, count};
}
inline Bytes small_source(const SourceWords& words) {
  return std::as_bytes(std::span(words).first(2));
}
inline Bytes larger_source(const SourceWords& words) {
  return std::as_bytes(std::span(words));
}
inline std::uint64_t count_in(Bytes source) {
  SourceWords words{};
  RL_ASSERT(source.size() == 16 || source.size() == 24);
  std::memcpy(words.data(), source.data(), source.size());
  RL_ASSERT(words[1] == ~words[0] && (source.size() == 16 || words[2] == words[0]));
  return words[0];
}

inline constexpr auto kAddOne = [](const DocumentView& current, Source& next) {
  next.assign(small_source(source_words(count_in(current.source) + 1)));
  return Transformed::write;
};
inline constexpr auto kAddOneAndGrow = [](const DocumentView& current, Source& next) {
  next.assign(larger_source(source_words(count_in(current.source) + 1)));
  return Transformed::write;
};

/// A table of one document with a handle for each of three threads, and what was written to it and read from it. An
/// execution is checked at its end: only then is it known which word each version got.
template <class Table>
class OneDocument {
 public:
  /// The document is there, updated 0 times, unless `empty`.
  explicit OneDocument(bool empty = false, const TableOptions& options = {}) : table_(options) {
    if (!empty) RL_ASSERT(create(0));
  }

  Table& table() { return table_; }

  /// False if it was there.
  bool create(unsigned thread) {
    const Outcome outcome = handles_[thread].create("id", small_source(source_words(0)));
    RL_ASSERT(outcome.wrote() || outcome.cause == Cause::already_exists);
    return note(outcome);
  }

  void update(unsigned thread, int times, const UpdateOptions& options = {.retry_on_conflict = 9}) {
    for (int i = 0; i < times; ++i) RL_ASSERT(note(handles_[thread].update("id", kAddOne, options)));
  }

  /// A client's update in two calls, until it succeeds.
  void read_and_write(unsigned thread) {
    for (;;) {
      Document document;
      RL_ASSERT(handles_[thread].get("id", document).result == Result::found);
      const Outcome outcome =
          handles_[thread].index("id", small_source(source_words(count_in(document.source.bytes()) + 1)),
                                 Precondition::if_word(document.word));
      if (note(outcome)) return;
      RL_ASSERT(outcome.conflicted());
    }
  }

  /// Once, whether the document is there or not. False if it was not, or was another by then: both are conflicts.
  bool read_and_try(unsigned thread) {
    Document document;
    const Outcome read = handles_[thread].get("id", document);
    const bool found = read.result == Result::found;
    const std::uint64_t count = found ? count_in(document.source.bytes()) + 1 : 0;
    const Outcome outcome =
        handles_[thread].index("id", small_source(source_words(count)), Precondition::if_word(read.word));
    RL_ASSERT(found ? outcome.wrote() || outcome.conflicted() : outcome.conflicted());
    return note(outcome);
  }

  void update_to_larger(unsigned thread) { RL_ASSERT(note(handles_[thread].update("id", kAddOneAndGrow))); }

  /// The word that it wrote.
  SeqNoTerm update_once(unsigned thread) {
    const Outcome outcome = handles_[thread].update("id", kAddOne, {.retry_on_conflict = 9});
    RL_ASSERT(note(outcome));
    return outcome.word;
  }

  /// A delete, or the write of a new document with 0 updates.
  void remove(unsigned thread) { RL_ASSERT(note(handles_[thread].remove("id"))); }
  void index(unsigned thread) {
    restarts_ = true;
    RL_ASSERT(note(handles_[thread].index("id", small_source(source_words(0)))));
  }

  /// Reads once; the source is whole. The version, 0 if the document is not there.
  Version read(unsigned thread) {
    Document document;
    const Outcome outcome = handles_[thread].get("id", document);
    if (outcome.result == Result::not_found) return 0;
    reads_.push_back({outcome.version, outcome.word, count_in(document.source.bytes())});
    RL_ASSERT(document.version == outcome.version && document.word == outcome.word);
    return document.version;
  }

  /// After the threads: the writes form a chain in which each replaced the one before it under a higher number, and
  /// whoever read a version read the word and the source that were written with it. `version` is the last one.
  void check(Version version) {
    if constexpr (requires { table_.at_rest(); }) RL_ASSERT(table_.at_rest());
    for (Version at = 1; at <= version; ++at) {
      RL_ASSERT(written_[at].wrote());
      if (at > 1) RL_ASSERT(written_[at].decided_on == written_[at - 1].word);
      if (at > 1) RL_ASSERT(written_[at].word.seq_no() > written_[at - 1].word.seq_no());
      if (at > 1) RL_ASSERT(written_[at].word.term() >= written_[at - 1].word.term());
    }
    // Each number that was drawn is a write's, or a gap; so none was used twice.
    std::uint64_t drawn = static_cast<std::uint64_t>(version);
    for (const auto& handle : handles_) drawn += handle.counters().seq_no_gaps;
    RL_ASSERT(table_.next(0).seq_no() == drawn);
    for (const Read& read : reads_) {
      RL_ASSERT(read.version <= version && read.word == written_[read.version].word);
      RL_ASSERT(restarts_ || read.count + 1 == static_cast<std::uint64_t>(read.version));
    }
  }

 private:
  struct Read {
    Version version;
    SeqNoTerm word;
    std::uint64_t count;
  };

  bool note(const Outcome& outcome) {
    if (!outcome.wrote()) return false;
    RL_ASSERT(outcome.version < static_cast<Version>(written_.size()) && !written_[outcome.version].wrote());
    written_[outcome.version] = outcome;
    return true;
  }

  std::array<Outcome, 16> written_{};
  std::vector<Read> reads_;
  bool restarts_ = false;
  Table table_;
  /// Before the table, whose pool unmaps them.
  struct Blocks {
    ~Blocks() { Block::destroy_all(); }
  } blocks_;
  typename Table::Handle handles_[3]{typename Table::Handle(table_), typename Table::Handle(table_),
                                     typename Table::Handle(table_)};
};

}  // namespace occ::model
