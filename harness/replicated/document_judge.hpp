#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/replicated/hidden_writes.hpp"
#include "harness/replicated/judgement.hpp"

namespace occ {

/// A word that somebody wrote, read, named or was told.
struct KnownWord {
  SeqNoTerm word;
  /// Null if nobody's content says whose it is.
  const Send* writer = nullptr;
  /// Who says that there is such a word.
  const Send* witness = nullptr;
  bool acknowledged = false;
  /// Must be in the committed order.
  bool committed = false;
  bool dead = false;
  Version version = kVersionNotFound;
  /// When the first of those ended that saw it.
  std::uint64_t seen_ns = Send::kNever;
  /// When it took effect at the earliest.
  std::uint64_t begin_ns = 0;
  /// In Elasticsearch 6 what nobody's content tells of may be a delete: from when on, and whether it must be.
  std::uint64_t as_delete_ns = Send::kNever;
  bool must_be_delete = false;

  [[nodiscard]] bool is_live() const noexcept {
    return writer == nullptr ? !must_be_delete : writer->kind != SendKind::remove;
  }
  [[nodiscard]] std::uint64_t acknowledged_ns() const noexcept { return acknowledged ? writer->end_ns : Send::kNever; }
  [[nodiscard]] std::uint64_t end_ns() const noexcept { return std::min(acknowledged_ns(), seen_ns); }
};

/// By `_seq_no`, the highest term of what was acknowledged up to it.
class AcknowledgedTerms {
 public:
  void add(SeqNoTerm word) { words_.push_back(word); }
  void finish();
  /// Of numbers up to this one; 0 if there is none.
  [[nodiscard]] std::uint64_t up_to(std::uint64_t seq_no) const noexcept;

 private:
  std::vector<SeqNoTerm> words_;
  std::vector<std::uint64_t> highest_;
};

/// What all documents of a history share.
struct JudgedHistory {
  const ReplicatedHistory& history;
  Contract contract;
  /// None under `atomic`.
  FaultBands bands;
  std::unordered_map<std::uint64_t, const Send*> by_operation;
};

/// Judges one document. The sends are in the order of their begins.
class DocumentJudge {
 public:
  DocumentJudge(const JudgedHistory& of, const AcknowledgedTerms& terms, std::span<const Send* const> sends,
                Judgement& judgement)
      : of_(of), terms_(terms), sends_(sends), judgement_(judgement) {}

  void judge();

  /// After judge(): all words, and of those in the committed order their places.
  [[nodiscard]] const std::vector<KnownWord>& words() const noexcept { return words_; }
  [[nodiscard]] const std::vector<std::size_t>& chain() const noexcept { return chain_; }

 private:
  using Kind = SendKind;
  enum class May : std::uint8_t { no, once, often };

  // What is known (document_judge.cpp).
  [[nodiscard]] May may_be_hidden(const Send& send) const;
  [[nodiscard]] bool may_have_happened(const Send& send) const;
  void collect();
  void collect_read(const Send& get);
  KnownWord& note(SeqNoTerm word, const Send* writer, const Send& witness);
  KnownWord* find(SeqNoTerm word);
  [[nodiscard]] bool can_be_dirty(const KnownWord& word, const Send& seen_by) const;
  [[nodiscard]] bool some_can_be_dirty(bool is_live, const Send& seen_by) const;
  void commit_what_must_be();
  void check_applications();
  void bury();
  void order();
  void check_chain();
  [[nodiscard]] std::uint64_t earliest_before(std::size_t place, std::optional<std::uint64_t> hidden) const;
  [[nodiscard]] std::uint64_t room_for_hidden(std::size_t place) const;
  [[nodiscard]] bool versions_fit_since(std::size_t place) const;
  void check_predecessor(std::size_t place);
  void may_be_delete(std::size_t place);
  void supply();
  void infer_versions();
  [[nodiscard]] HiddenSupply supply_before(std::size_t place) const;

  // Reads (document_reads.cpp).
  void settle_words();
  [[nodiscard]] bool cannot_be_committed(const KnownWord& word) const;
  void settle_unknown();
  void find_states();
  [[nodiscard]] std::uint64_t room_before(std::size_t place, bool is_live) const;
  void find_evidence();
  void judge_reads();
  void judge_seen(const Send& reader);
  void judge_state(const Send& reader, bool is_live);
  void judge_committed(const Send& reader, std::size_t place);
  /// The place of the first word in the chain that is not before this one; and whether it is this one.
  [[nodiscard]] std::size_t place_of(SeqNoTerm word) const;
  [[nodiscard]] bool is_at(std::size_t place, SeqNoTerm word) const {
    return place < chain_.size() && at(place).word == word;
  }
  [[nodiscard]] const KnownWord& at(std::size_t place) const { return words_[chain_[place]]; }

  void mark(Finding finding, const Example& example, std::uint64_t age_ns);
  void accuse(Finding finding, const std::vector<const Send*>& sends, std::string why, std::uint64_t age_ns = 0);
  void count(Finding finding, const std::vector<const Send*>& sends, std::string why, std::uint64_t age_ns = 0);

  const JudgedHistory& of_;
  const AcknowledgedTerms& terms_;
  std::span<const Send* const> sends_;
  Judgement& judgement_;

  std::vector<KnownWord> words_;
  std::unordered_map<std::uint64_t, std::size_t> places_;
  /// Places in words_ of the committed order.
  std::vector<std::size_t> chain_;
  /// By place in the chain: of it and all before it the latest begin; of it and all after it the earliest end.
  std::vector<std::uint64_t> latest_begin_;
  std::vector<std::uint64_t> earliest_end_;
  HiddenSupply supply_;
  struct NamedSupply {
    std::uint64_t index = Send::kNever;
    std::uint64_t remove = Send::kNever;
    std::uint32_t sends = 0;
  };
  std::unordered_map<std::uint64_t, NamedSupply> named_supply_;
  /// Words that may be committed, in their order.
  std::vector<SeqNoTerm> undecided_;
  bool deletes_ = false;
  /// By band: the earliest begin of a write that may be dead in it; absent, live.
  std::vector<std::array<std::uint64_t, 2>> dirty_from_;

  /// By place: the earliest time at which a state from that of the word before it on, hidden ones too, can have been absent
  /// and live.
  std::vector<std::array<std::uint64_t, 2>> states_from_;
  /// Places by the time from which somebody knows of them, and the last of those up to each.
  struct Evidence {
    std::vector<std::pair<std::uint64_t, std::ptrdiff_t>> by_time;
    void finish();
    /// The last place known before this time; -1: none.
    [[nodiscard]] std::ptrdiff_t before(std::uint64_t time_ns) const;
  };
  Evidence acknowledged_;
  Evidence seen_;
  /// By place: when something after it was acknowledged first, and when something was seen.
  std::vector<std::uint64_t> replaced_ns_;
  std::vector<std::uint64_t> seen_after_ns_;
  /// What each client has seen or written last.
  std::unordered_map<std::uint32_t, std::pair<std::ptrdiff_t, const Send*>> seen_by_client_;
};

}  // namespace occ
