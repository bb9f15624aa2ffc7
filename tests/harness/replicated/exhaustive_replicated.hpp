/// Whether the contract of a replicated engine allows a history of one document, by trying every explanation: each
/// sequence of committed writes, by whichever sends, seen or not. For some six sends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "harness/replicated/send.hpp"

namespace occ {

class ExhaustiveReplicated {
 public:
  explicit ExhaustiveReplicated(const ReplicatedHistory& history) : history_(history) {
    for (const Send& send : history.sends) {
      deletes_ |= send.kind == SendKind::remove && send.answer != SendAnswer::refused;
      // A client names what it was told; what names anything else has not happened, unless somebody says so.
      if (send.conditional && (send.acknowledged() || is_read(send))) note(send.condition);
      if (!send.word.vacant()) note(send.word);
    }
  }

  [[nodiscard]] bool allowed() { return words_agree() && search(0, {}); }

 private:
  struct Application {
    const Send* send;
    SeqNoTerm word;
    std::uint64_t term;
    bool is_live;
    std::uint64_t latest_begin;
  };
  using Sequence = std::vector<Application>;

  void note(SeqNoTerm word) {
    terms_[word.seq_no()].insert(word.term());
    most_ = std::max(most_, word.seq_no());
  }

  static bool meets(const FaultBand& band, const Send& send) {
    return send.begin_ns <= band.end_ns && send.end_ns >= band.begin_ns;
  }
  bool in_fault(const Send& send) const {
    return std::ranges::any_of(history_.bands, [&](const FaultBand& band) { return meets(band, send); });
  }
  bool can_happen(const Send& send) const {
    if (!send.is_write()) return false;
    switch (send.answer) {
      case SendAnswer::acknowledged:
      case SendAnswer::unknown:
        return true;
      case SendAnswer::conflict:
        return in_fault(send);
      default:
        return false;
    }
  }
  /// Bands do not overlap one another in these histories.
  bool can_be_dirty(const Send& write, const Send& reader) const {
    return can_happen(write) && std::ranges::any_of(history_.bands, [&](const FaultBand& band) {
             return reader.begin_ns <= band.end_ns && write.end_ns >= band.begin_ns &&
                    write.begin_ns <= std::min(band.end_ns, reader.end_ns);
           });
  }
  bool some_dirty(bool is_live, const Send& reader) const {
    return std::ranges::any_of(history_.sends, [&](const Send& write) {
      return (write.kind != SendKind::remove) == is_live && can_be_dirty(write, reader);
    });
  }
  bool is_read(const Send& write) const {
    return std::ranges::any_of(history_.sends, [&](const Send& get) {
      return get.answer == SendAnswer::found && get.content == write.operation;
    });
  }
  const Send* sender(std::uint64_t operation) const {
    const auto at = std::ranges::find(history_.sends, operation, &Send::operation);
    return at == history_.sends.end() ? nullptr : &*at;
  }

  /// What no sequence can mend: one word for two writes, content that cannot be.
  bool words_agree() const {
    std::map<std::uint64_t, const Send*> writers;
    std::map<std::uint64_t, Version> versions;
    for (const Send& send : history_.sends) {
      if (!send.acknowledged()) continue;
      if (!writers.emplace(send.word.bits(), &send).second) return false;
      versions[send.word.bits()] = send.version;
    }
    for (const Send& send : history_.sends) {
      if (send.answer == SendAnswer::found) {
        const Send* const writer = sender(send.content);
        if (writer == nullptr || !can_happen(*writer) || writer->kind == SendKind::remove ||
            writer->begin_ns > send.end_ns) {
          return false;
        }
        if (writers.emplace(send.word.bits(), writer).first->second != writer) return false;
        if (versions.emplace(send.word.bits(), send.version).first->second != send.version) return false;
      }
      if (send.answer == SendAnswer::conflict && send.conditional && send.word == send.condition && !in_fault(send))
        return false;
    }
    for (const Send& send : history_.sends) {
      const auto writer = writers.find(send.word.bits());
      const bool told_delete = send.answer == SendAnswer::conflict && !send.word.vacant() && writer != writers.end() &&
                               writer->second->kind == SendKind::remove;
      if (told_delete && !history_.tombstones_match) return false;
    }
    return true;
  }

  bool search(std::uint64_t number, const Sequence& sequence) {
    if (number > most_ + 2) return explains(sequence);
    const Send* must = nullptr;
    for (const Send& send : history_.sends) {
      if (!send.acknowledged() || send.word.seq_no() != number) continue;
      if (must != nullptr) return false;
      must = &send;
    }
    if (must != nullptr) return apply(number, sequence, *must, must->word);
    if (search(number + 1, sequence)) return true;
    const std::set<std::uint64_t> terms = terms_.contains(number) ? terms_.at(number) : std::set<std::uint64_t>();
    for (const Send& send : history_.sends) {
      if (!can_happen(send)) continue;
      if (send.acknowledged() && (send.conditional || !in_fault(send))) continue;
      for (const std::uint64_t term : terms) {
        if (apply(number, sequence, send, {number, term})) return true;
      }
      if (apply(number, sequence, send, SeqNoTerm())) return true;
    }
    return false;
  }

  /// Without a word: nobody has seen it. Its number is that of no other write, its term is any.
  bool apply(std::uint64_t number, const Sequence& sequence, const Send& send, SeqNoTerm word) {
    const Application* const last = sequence.empty() ? nullptr : &sequence.back();
    const bool is_live = last != nullptr && last->is_live;
    const std::uint64_t term_before = last == nullptr ? 0 : last->term;
    if (!word.vacant() && word.term() < term_before) return false;
    if (send.conditional) {
      if (last == nullptr || last->word != send.condition || (!is_live && !history_.tombstones_match)) return false;
      if (std::ranges::find(sequence, &send, &Application::send) != sequence.end()) return false;
    }
    if (send.kind == SendKind::create && is_live) return false;
    if (send.kind == SendKind::update && !is_live) return false;
    Application next{&send, word, word.vacant() ? term_before : word.term(), send.kind != SendKind::remove,
                     std::max(send.begin_ns, last == nullptr ? 0 : last->latest_begin)};
    for (const Send& other : history_.sends) {
      const bool tells =
          (other.acknowledged() || other.answer == SendAnswer::found || other.answer == SendAnswer::conflict) &&
          !other.word.vacant() && other.word == word;
      if (!tells) continue;
      if (other.acknowledged() && &other != &send) return false;
      if (other.answer == SendAnswer::found && sender(other.content) != &send) return false;
      if (other.answer == SendAnswer::conflict && send.kind == SendKind::remove && !history_.tombstones_match)
        return false;
      if (next.latest_begin > other.end_ns) return false;
      const bool says_version = other.answer != SendAnswer::conflict && !deletes_;
      if (says_version && other.version != static_cast<Version>(sequence.size() + 1)) return false;
    }
    Sequence longer = sequence;
    longer.push_back(next);
    return search(number + 1, longer);
  }

  bool explains(const Sequence& sequence) const {
    return std::ranges::all_of(history_.sends, [&](const Send& send) {
      switch (send.answer) {
        case SendAnswer::acknowledged:
          return true;  // search() has seen to it
        case SendAnswer::found:
          return shows_word(sequence, send) ||
                 (!holds(sequence, send.word) && can_be_dirty(*sender(send.content), send));
        case SendAnswer::not_found:
          return shows_state(sequence, false, send) || some_dirty(false, send);
        case SendAnswer::conflict:
          if (!send.word.vacant())
            return shows_word(sequence, send) || (!holds(sequence, send.word) && told_dirty(send));
          if (send.told_absent) return shows_state(sequence, false, send) || some_dirty(false, send);
          if (send.kind == SendKind::create) return shows_state(sequence, true, send) || some_dirty(true, send);
          return true;
        default:
          return true;
      }
    });
  }

  /// Of a word whose writer is known from a read, that one.
  bool told_dirty(const Send& send) const {
    for (const Send& read : history_.sends) {
      if (read.answer == SendAnswer::found && read.word == send.word) return can_be_dirty(*sender(read.content), send);
    }
    return some_dirty(true, send);
  }

  static bool holds(const Sequence& sequence, SeqNoTerm word) {
    return std::ranges::find(sequence, word, &Application::word) != sequence.end();
  }
  /// Nothing after `last` was acknowledged before what everybody must have.
  bool is_fresh(const Sequence& sequence, std::size_t after, const Send& reader) const {
    std::uint64_t limit = reader.begin_ns;
    for (const FaultBand& band : history_.bands) {
      if (meets(band, reader)) limit = std::min(limit, band.begin_ns);
    }
    for (std::size_t i = after; i < sequence.size(); ++i) {
      const Send& send = *sequence[i].send;
      if (send.acknowledged() && send.word == sequence[i].word && send.end_ns < limit) return false;
    }
    return true;
  }
  bool shows_word(const Sequence& sequence, const Send& reader) const {
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      if (sequence[i].word == reader.word) return is_fresh(sequence, i + 1, reader);
    }
    return false;
  }
  bool shows_state(const Sequence& sequence, bool is_live, const Send& reader) const {
    if (!is_live && is_fresh(sequence, 0, reader)) return true;
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      if (sequence[i].is_live == is_live && sequence[i].latest_begin <= reader.end_ns &&
          is_fresh(sequence, i + 1, reader)) {
        return true;
      }
    }
    return false;
  }

  const ReplicatedHistory& history_;
  std::map<std::uint64_t, std::set<std::uint64_t>> terms_;
  std::uint64_t most_ = 0;
  bool deletes_ = false;
};

}  // namespace occ
