#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <stdexcept>
#include <unordered_set>

#include "harness/replicated/document_judge.hpp"

namespace occ {
namespace {

using Documents = std::vector<std::vector<const Send*>>;

Documents by_document(const ReplicatedHistory& history) {
  Documents all(history.documents);
  for (const Send& send : history.sends) {
    if (send.document >= history.documents) {
      throw std::invalid_argument(
          fmt::format("a send is to document {}, and there are {}", send.document, history.documents));
    }
    all[send.document].push_back(&send);
  }
  for (auto& sends : all) std::ranges::stable_sort(sends, {}, &Send::begin_ns);
  return all;
}

std::unordered_map<std::uint64_t, const Send*> by_operation(const ReplicatedHistory& history) {
  std::unordered_map<std::uint64_t, const Send*> all;
  all.reserve(history.sends.size());
  for (const Send& send : history.sends) {
    if (send.operation == 0 || !all.emplace(send.operation, &send).second)
      throw std::invalid_argument(fmt::format("operation {} is there twice, or is no number", send.operation));
  }
  return all;
}

void count_answers(const ReplicatedHistory& history, Judgement& judgement) {
  for (const Send& send : history.sends) {
    ++judgement.sends;
    if (send.kind == SendKind::get) {
      judgement.reads += send.answer == SendAnswer::found || send.answer == SendAnswer::not_found ? 1 : 0;
      continue;
    }
    judgement.conflicts += send.answer == SendAnswer::conflict ? 1 : 0;
    if (!send.acknowledged()) continue;
    ++judgement.acknowledged;
    judgement.partial += send.copies < send.all_copies ? 1 : 0;
    judgement.terms.insert(send.word.term());
  }
}

/// A word and the document that it belongs to.
struct ShardWord {
  const KnownWord* word;
  std::uint32_t document;
  bool in_order;
};

std::vector<const Send*> sends_of(const ShardWord& a, const ShardWord& b) {
  std::vector<const Send*> sends;
  for (const KnownWord* each : {a.word, b.word}) {
    if (each->writer != nullptr) sends.push_back(each->writer);
    if (each->witness != nullptr && each->witness != each->writer) sends.push_back(each->witness);
  }
  return sends;
}

Example example_of(const std::vector<const Send*>& sends, std::string why) {
  Example example{.sends = {}, .why = std::move(why)};
  for (const Send* send : sends) example.sends.push_back(*send);
  return example;
}

/// What documents of one shard have in common: each number is drawn once, in the order of time, in terms that do not
/// fall. Of one document, its own judge has said so already.
void judge_shard(std::vector<ShardWord> words, Judgement& judgement) {
  std::ranges::sort(words, {}, [](const ShardWord& each) { return std::pair(each.word->word, each.document); });
  const ShardWord* latest = nullptr;
  const ShardWord* last = nullptr;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const ShardWord& each = words[i];
    const SeqNoTerm word = each.word->word;
    if (i > 0 && words[i - 1].word->word.seq_no() == word.seq_no()) {
      const ShardWord& other = words[i - 1];
      const std::string why =
          fmt::format("_seq_no {} in the terms {} and {}", word.seq_no(), other.word->word.term(), word.term());
      const bool apart = other.document != each.document;
      const bool same_word = other.word->word == word;
      if (apart && (same_word || (other.in_order && each.in_order))) {
        judgement.add_impossible(Finding::number_twice, example_of(sends_of(other, each), why));
      } else if (!same_word && !(other.in_order && each.in_order)) {
        judgement.add_allowed(Finding::number_twice, example_of(sends_of(other, each), why));
      }
    }
    if (!each.in_order) continue;
    if (last != nullptr && last->document != each.document && last->word->word.term() > word.term() &&
        last->word->word.seq_no() != word.seq_no()) {
      judgement.add_impossible(Finding::wrong_order,
                               example_of(sends_of(*last, each), "the term fell while the numbers rose"));
    }
    if (latest == nullptr || each.word->begin_ns > latest->word->begin_ns) latest = &each;
    if (latest->document != each.document && latest->word->begin_ns > each.word->end_ns()) {
      judgement.add_impossible(
          Finding::wrong_order,
          example_of(sends_of(*latest, each), "it was there before the other one began, which has a lower number"));
    }
    last = &each;
  }
}

/// Lists of documents to which every write appends: each acknowledged operation once, no refused one.
void judge_lists(const ReplicatedHistory& history, const JudgedHistory& of, const Documents& documents,
                 Judgement& judgement) {
  for (const FinalList& list : history.lists) {
    std::unordered_set<std::uint64_t> seen;
    for (const std::uint64_t operation : list.operations) {
      const auto found = of.by_operation.find(operation);
      const bool twice = !seen.insert(operation).second;
      if (found == of.by_operation.end() || !found->second->is_write() || found->second->document != list.document) {
        judgement.add_impossible(
            Finding::unsent_content,
            {.sends = {}, .why = fmt::format("the last list has {}, which nobody sent", operation)});
        continue;
      }
      const Send& send = *found->second;
      if (twice && send.kind == SendKind::update && (of.bands.touch(send) || send.answer == SendAnswer::unknown)) {
        judgement.add_allowed(Finding::applied_twice, {.sends = {send}, .why = "the last list has it twice"});
      } else if (twice) {
        judgement.add_impossible(Finding::applied_twice, {.sends = {send}, .why = "the last list has it twice"});
      } else if (send.answer == SendAnswer::refused) {
        judgement.add_impossible(Finding::unsent_content,
                                 {.sends = {send}, .why = "it was refused, and the last list has it"});
      }
    }
    for (const Send* send : documents[list.document]) {
      if (!send->acknowledged() || seen.contains(send->operation)) continue;
      const bool is_known = judgement[Finding::lost_write].impossible > 0;
      if (!is_known) {
        judgement.add_impossible(Finding::lost_write,
                                 {.sends = {*send}, .why = "it was acknowledged, and the last list has it not"});
      }
    }
  }
}

void share_out(Judgement& judgement, std::uint64_t words, const ReplicatedHistory& history) {
  const auto writes = static_cast<std::uint64_t>(std::ranges::count_if(history.sends, &Send::is_write));
  const auto of = [&](std::initializer_list<Finding> findings, std::uint64_t whole) {
    for (const Finding finding : findings) judgement[finding].of = whole;
  };
  of({Finding::lost_write}, judgement.acknowledged);
  of({Finding::applied_twice}, writes);
  of({Finding::number_twice, Finding::wrong_order, Finding::undecided}, words);
  of({Finding::causeless_conflict}, judgement.conflicts);
  of({Finding::unsent_content, Finding::stale_read, Finding::inverted_read, Finding::backwards_read,
      Finding::dirty_read, Finding::absence},
     judgement.reads);
}

}  // namespace

Judgement judge(const ReplicatedHistory& history, Contract contract) {
  const JudgedHistory of{.history = history,
                         .contract = contract,
                         .bands = FaultBands(contract == Contract::atomic ? std::vector<FaultBand>() : history.bands),
                         .by_operation = by_operation(history)};
  const Documents documents = by_document(history);
  Judgement judgement;
  judgement.contract = contract;
  count_answers(history, judgement);

  AcknowledgedTerms shard;
  for (const Send& send : history.sends) {
    if (send.acknowledged()) shard.add(send.word);
  }
  shard.finish();
  std::uint64_t words = 0;
  std::deque<AcknowledgedTerms> own;
  std::deque<DocumentJudge> judges;
  std::vector<ShardWord> of_shard;
  for (std::uint32_t document = 0; document < history.documents; ++document) {
    if (!history.one_shard) {
      AcknowledgedTerms& terms = own.emplace_back();
      for (const Send* send : documents[document]) {
        if (send->acknowledged()) terms.add(send->word);
      }
      terms.finish();
    }
    DocumentJudge& each =
        judges.emplace_back(of, history.one_shard ? shard : own.back(), documents[document], judgement);
    each.judge();
    for (const KnownWord& known : each.words()) {
      const bool in_order = known.committed && !known.dead;
      judgement.committed_words += in_order ? 1 : 0;
      judgement.dead_words += known.dead ? 1 : 0;
      of_shard.push_back({&known, document, in_order});
    }
    words += each.words().size();
    if (history.one_shard && document + 1 < history.documents) continue;
    judge_shard(std::move(of_shard), judgement);
    of_shard.clear();
  }
  judge_lists(history, of, documents, judgement);
  share_out(judgement, words, history);
  return judgement;
}

}  // namespace occ
