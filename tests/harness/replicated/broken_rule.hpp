/// A history as it would be if the cluster had broken one rule once.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "harness/replicated/judgement.hpp"
#include "tests/harness/replicated/simulated_cluster.hpp"

namespace occ {

/// A rule, what must be found if it is broken, and how to break it; false where this history has no place for it.
struct BrokenRule {
  const char* name;
  /// Nothing: any finding will do.
  std::optional<Finding> finding;
  std::function<bool(ReplicatedHistory&, const SimulatedCluster&)> break_it;
};

inline Send* find_send(ReplicatedHistory& history, const std::function<bool(const Send&)>& wanted) {
  const auto at = std::ranges::find_if(history.sends, wanted);
  return at == history.sends.end() ? nullptr : &*at;
}

inline bool is_well(const ReplicatedHistory& history, const Send& send) {
  return std::ranges::none_of(history.bands, [&](const FaultBand& band) {
    return send.begin_ns <= band.end_ns && send.end_ns >= band.begin_ns;
  });
}

/// Who wrote a word that was acknowledged.
inline const Send* writer_of(const ReplicatedHistory& history, SeqNoTerm word) {
  const auto at =
      std::ranges::find_if(history.sends, [&](const Send& send) { return send.acknowledged() && send.word == word; });
  return at == history.sends.end() ? nullptr : &*at;
}

/// The acknowledged write of the document before this one.
inline const Send* before(const ReplicatedHistory& history, const Send& than) {
  const Send* found = nullptr;
  for (const Send& send : history.sends) {
    const bool fits = send.acknowledged() && send.document == than.document && send.word < than.word;
    if (fits && send.kind != SendKind::remove && (found == nullptr || found->word < send.word)) found = &send;
  }
  return found;
}

inline Send read_of(const ReplicatedHistory& history, const Send& write, SeqNoTerm word) {
  Send get;
  std::uint64_t end = 0;
  for (const Send& send : history.sends) end = std::max(end, send.end_ns == Send::kNever ? 0 : send.end_ns);
  get.begin_ns = end + 10;
  get.end_ns = end + 20;
  get.operation = history.sends.size() + 1;
  get.client = 9;
  get.document = write.document;
  get.answer = SendAnswer::found;
  get.content = write.operation;
  get.word = word;
  get.version = write.version;
  return get;
}

inline const std::vector<BrokenRule>& broken_rules() {
  using History = ReplicatedHistory;
  using Cluster = SimulatedCluster;
  static const std::vector<BrokenRule> rules{
      {"an acknowledged write is lost", Finding::lost_write,
       [](History& history, const Cluster& cluster) {
         for (const auto& [bits, operation] : cluster.dead()) {
           Send& send = history.sends[operation - 1];
           const SeqNoTerm word = SeqNoTerm::from_bits(bits);
           const bool is_replaced = std::ranges::any_of(history.sends, [&](const Send& other) {
             return other.acknowledged() && other.word.term() > word.term() && other.word.seq_no() <= word.seq_no();
           });
           if (send.answer != SendAnswer::unknown || !is_replaced) continue;
           send.answer = SendAnswer::acknowledged;
           send.word = word;
           send.version = 5;
           send.end_ns = SimulatedCluster::kWell * 1'000'000;
           return true;
         }
         return false;
       }},
      {"a number is given twice",
       {},
       [](History& history, const Cluster&) {
         Send* const first = find_send(history, [](const Send& send) { return send.acknowledged(); });
         Send* const other = find_send(history, [&](const Send& send) {
           return send.acknowledged() && send.document != first->document && send.begin_ns > first->end_ns;
         });
         if (other == nullptr) return false;
         other->word = first->word;
         return true;
       }},
      {"a conditional write happens twice", Finding::applied_twice,
       [](History& history, const Cluster&) {
         const Send* const write = find_send(history, [](const Send& send) {
           return send.acknowledged() && send.conditional && send.kind == SendKind::index;
         });
         if (write == nullptr) return false;
         history.sends.push_back(read_of(history, *write, {1'000, 9}));
         return true;
       }},
      {"a read without a fault is stale", Finding::stale_read,
       [](History& history, const Cluster&) {
         for (Send& get : history.sends) {
           if (get.answer != SendAnswer::found || !is_well(history, get)) continue;
           const Send* const shown = writer_of(history, get.word);
           if (shown == nullptr || shown->end_ns >= get.begin_ns) continue;
           const Send* const older = before(history, *shown);
           if (older == nullptr) continue;
           get.word = older->word;
           get.content = older->operation;
           get.version = older->version;
           return true;
         }
         return false;
       }},
      {"a read of a fault is older than the fault", Finding::stale_read,
       [](History& history, const Cluster&) {
         if (history.bands.empty()) return false;
         const std::uint64_t begin = history.bands.front().begin_ns;
         for (Send& get : history.sends) {
           if (get.answer != SendAnswer::found || get.begin_ns < begin || is_well(history, get)) continue;
           const Send* newest = nullptr;
           for (const Send& send : history.sends) {
             const bool fits = send.acknowledged() && send.document == get.document && send.end_ns < begin;
             if (fits && (newest == nullptr || newest->word < send.word)) newest = &send;
           }
           const Send* const older = newest == nullptr ? nullptr : before(history, *newest);
           if (older == nullptr) continue;
           get.word = older->word;
           get.content = older->operation;
           get.version = older->version;
           return true;
         }
         return false;
       }},
      {"a stale condition is accepted",
       {},
       [](History& history, const Cluster&) {
         for (Send& write : history.sends) {
           if (!write.acknowledged() || !write.conditional) continue;
           const Send* const named = writer_of(history, write.condition);
           const Send* const older = named == nullptr ? nullptr : before(history, *named);
           if (older == nullptr) continue;
           write.condition = older->word;
           return true;
         }
         return false;
       }},
      {"a later write has a lower number",
       {},
       [](History& history, const Cluster&) {
         Send* const first = find_send(history, [](const Send& send) { return send.acknowledged(); });
         Send* const later = find_send(history, [&](const Send& send) {
           return send.acknowledged() && send.document != first->document && send.begin_ns > first->end_ns;
         });
         if (later == nullptr) return false;
         std::swap(first->word, later->word);
         return true;
       }},
      {"the term falls",
       {},
       [](History& history, const Cluster&) {
         Send* const write = find_send(history, [&](const Send& send) {
           return send.acknowledged() && std::ranges::any_of(history.sends, [&](const Send& other) {
                    return other.acknowledged() && other.begin_ns > send.end_ns;
                  });
         });
         write->word = {write->word.seq_no(), write->word.term() + 2};
         return true;
       }},
      {"content that nobody sent is read", Finding::unsent_content,
       [](History& history, const Cluster&) {
         Send* const get = find_send(history, [](const Send& send) { return send.answer == SendAnswer::found; });
         get->content = 1'000'000;
         return true;
       }},
      {"what was refused is read", Finding::unsent_content,
       [](History& history, const Cluster&) {
         for (const Send& get : history.sends) {
           if (get.answer != SendAnswer::found) continue;
           Send& write = history.sends[get.content - 1];
           if (!write.acknowledged()) continue;
           write.answer = SendAnswer::refused;
           write.word = {};
           return true;
         }
         return false;
       }},
      {"a conflict without a fault was carried out", Finding::unsent_content,
       [](History& history, const Cluster&) {
         for (const Send& get : history.sends) {
           if (get.answer != SendAnswer::found) continue;
           Send& write = history.sends[get.content - 1];
           if (!write.acknowledged() || !write.conditional || !is_well(history, write)) continue;
           write.answer = SendAnswer::conflict;
           write.word = {};
           return true;
         }
         return false;
       }},
      {"a conflict names what was asked for", Finding::causeless_conflict,
       [](History& history, const Cluster&) {
         Send* const conflict = find_send(history, [&](const Send& send) {
           return send.answer == SendAnswer::conflict && send.conditional && !send.word.vacant() &&
                  is_well(history, send);
         });
         if (conflict == nullptr) return false;
         conflict->word = conflict->condition;
         return true;
       }},
      {"what was dead is read after the fault", Finding::dirty_read,
       [](History& history, const Cluster& cluster) {
         for (const auto& [bits, operation] : cluster.dead()) {
           const SeqNoTerm word = SeqNoTerm::from_bits(bits);
           const Send& write = history.sends[operation - 1];
           const bool is_replaced = std::ranges::any_of(history.sends, [&](const Send& other) {
             return other.acknowledged() && other.word.term() > word.term() && other.word.seq_no() <= word.seq_no();
           });
           if (write.answer != SendAnswer::unknown || write.kind == SendKind::remove || !is_replaced) continue;
           history.sends.push_back(read_of(history, write, word));
           return true;
         }
         return false;
       }},
      {"a document is away that nobody deleted", Finding::absence,
       [](History& history, const Cluster&) {
         const bool deletes =
             std::ranges::any_of(history.sends, [](const Send& s) { return s.kind == SendKind::remove; });
         Send* const get = find_send(history, [&](const Send& send) {
           const Send* const shown = writer_of(history, send.word);
           return send.answer == SendAnswer::found && is_well(history, send) && shown != nullptr &&
                  shown->end_ns < send.begin_ns;
         });
         if (deletes || get == nullptr) return false;
         get->answer = SendAnswer::not_found;
         get->word = {};
         get->content = 0;
         return true;
       }},
      {"a _version jumps", {}, [](History& history, const Cluster&) {
         const bool deletes =
             std::ranges::any_of(history.sends, [](const Send& s) { return s.kind == SendKind::remove; });
         Send* const write =
             find_send(history, [](const Send& send) { return send.acknowledged() && send.conditional; });
         if (deletes || write == nullptr) return false;
         write->version += 7;
         return true;
       }}};
  return rules;
}

}  // namespace occ
