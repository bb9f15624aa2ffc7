#include "harness/replicated/document_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace occ {
namespace {

std::string text_of(SeqNoTerm word) {
  return fmt::format("({}, {})", word.seq_no(), word.term());
}

}  // namespace

void AcknowledgedTerms::finish() {
  std::ranges::sort(words_);
  highest_.clear();
  std::uint64_t highest = 0;
  for (const SeqNoTerm word : words_) highest_.push_back(highest = std::max(highest, word.term()));
}

std::uint64_t AcknowledgedTerms::up_to(std::uint64_t seq_no) const noexcept {
  const auto after = std::ranges::upper_bound(words_, seq_no, {}, &SeqNoTerm::seq_no);
  return after == words_.begin() ? 0 : highest_[static_cast<std::size_t>(after - words_.begin()) - 1];
}

void DocumentJudge::accuse(Finding finding, const std::vector<const Send*>& sends, std::string why,
                           std::uint64_t age_ns) {
  Example example{.sends = {}, .why = std::move(why)};
  for (const Send* send : sends) {
    if (send != nullptr) example.sends.push_back(*send);
  }
  mark(finding, example, age_ns);
  judgement_.add_impossible(finding, std::move(example), age_ns);
}

void DocumentJudge::count(Finding finding, const std::vector<const Send*>& sends, std::string why,
                          std::uint64_t age_ns) {
  Example example{.sends = {}, .why = std::move(why)};
  for (const Send* send : sends) {
    if (send != nullptr) example.sends.push_back(*send);
  }
  mark(finding, example, age_ns);
  judgement_.add_allowed(finding, std::move(example), age_ns);
}

/// The read is the last of the sends.
void DocumentJudge::mark(Finding finding, const Example& example, std::uint64_t age_ns) {
  const bool is_read = finding == Finding::stale_read || finding == Finding::inverted_read ||
                       finding == Finding::backwards_read || finding == Finding::dirty_read;
  if (is_read && !example.sends.empty()) judgement_.marks.push_back({example.sends.back().begin_ns, finding, age_ns});
}

void DocumentJudge::judge() {
  collect();
  commit_what_must_be();
  bury();
  order();
  settle_words();
  supply();
  infer_versions();
  check_chain();
  check_applications();
  find_states();
  judge_reads();
  settle_unknown();
}

/// A conflict without a fault is final; in one it may have been the write's own.
bool DocumentJudge::may_have_happened(const Send& send) const {
  if (!send.is_write() || send.answer == SendAnswer::refused || send.answer == SendAnswer::not_found) return false;
  return send.answer != SendAnswer::conflict || of_.bands.touch(send);
}

/// Beside what its answer says. A write of a fault may have been sent again by the node that coordinates it.
DocumentJudge::May DocumentJudge::may_be_hidden(const Send& send) const {
  if (!may_have_happened(send)) return May::no;
  if (!send.acknowledged()) return send.conditional ? May::once : May::often;
  return !send.conditional && of_.bands.touch(send) ? May::often : May::no;
}

KnownWord* DocumentJudge::find(SeqNoTerm word) {
  const auto found = places_.find(word.bits());
  return found == places_.end() ? nullptr : &words_[found->second];
}

KnownWord& DocumentJudge::note(SeqNoTerm word, const Send* writer, const Send& witness) {
  const auto [at, fresh] = places_.try_emplace(word.bits(), words_.size());
  if (fresh) words_.push_back({.word = word, .writer = writer, .witness = &witness});
  KnownWord& known = words_[at->second];
  if (known.writer == nullptr) known.writer = writer;
  if (writer != nullptr && known.writer != writer) {
    accuse(Finding::number_twice, {known.writer, writer, &witness},
           fmt::format("{} belongs to two writes", text_of(word)));
  }
  return known;
}

void DocumentJudge::collect() {
  words_.reserve(sends_.size());
  for (const Send* send : sends_) {
    deletes_ |= send->kind == Kind::remove && send->answer != SendAnswer::refused;
    if (!send->acknowledged()) continue;
    KnownWord& known = note(send->word, send, *send);
    known.acknowledged = known.committed = true;
    known.version = send->version;
    if (!send->conditional) continue;
    note(send->condition, nullptr, *send).committed = true;
  }
  for (const Send* send : sends_) {
    if (send->answer == SendAnswer::found) collect_read(*send);
  }
  for (const Send* send : sends_) {
    if (send->answer != SendAnswer::conflict || send->word.vacant()) continue;
    if (send->conditional && send->word == send->condition && !of_.bands.touch(*send)) {
      accuse(Finding::causeless_conflict, {send}, "it names what the conflict says that there is");
      continue;
    }
    KnownWord& known = note(send->word, nullptr, *send);
    if (!known.is_live() && !of_.history.tombstones_match) {
      accuse(Finding::causeless_conflict, {known.writer, send}, "what it was told is the number of a delete");
      continue;
    }
    known.seen_ns = std::min(known.seen_ns, send->end_ns);
  }
  dirty_from_.assign(of_.bands.all().size(), {Send::kNever, Send::kNever});
  for (const Send* send : sends_) {
    if (!may_have_happened(*send)) continue;
    for (std::size_t band = 0; band < dirty_from_.size(); ++band) {
      if (send->end_ns < of_.bands.all()[band].begin_ns) continue;
      std::uint64_t& from = dirty_from_[band][send->kind == Kind::remove ? 0 : 1];
      from = std::min(from, send->begin_ns);
    }
  }
}

void DocumentJudge::collect_read(const Send& get) {
  const auto found = of_.by_operation.find(get.content);
  const Send* const writer = found == of_.by_operation.end() ? nullptr : found->second;
  std::string why;
  if (writer == nullptr) {
    why = "nobody sent the content that it read";
  } else if (!writer->is_write() || writer->kind == Kind::remove || writer->document != get.document) {
    why = "what it read is not what was sent to this document";
  } else if (writer->begin_ns > get.end_ns) {
    why = "it read what was sent only after it had ended";
  } else if (!may_have_happened(*writer)) {
    why = "it read what was refused, with no fault that could have sent it twice";
  }
  if (!why.empty()) return accuse(Finding::unsent_content, {writer, &get}, why);
  if (writer->conditional) note(writer->condition, nullptr, get);
  KnownWord& known = note(get.word, writer, get);
  if (known.version == kVersionNotFound) known.version = get.version;
  if (known.version != get.version) {
    accuse(Finding::wrong_order, {known.writer, known.witness, &get},
           fmt::format("{} has _version {} and {}", text_of(get.word), known.version, get.version));
  }
  known.seen_ns = std::min(known.seen_ns, get.end_ns);
}

bool DocumentJudge::some_can_be_dirty(bool is_live, const Send& seen_by) const {
  for (std::size_t band = 0; band < dirty_from_.size(); ++band) {
    const std::uint64_t end_ns = of_.bands.all()[band].end_ns;
    const std::uint64_t from = dirty_from_[band][is_live ? 1 : 0];
    if (seen_by.begin_ns <= end_ns && from != Send::kNever && from <= std::min(seen_by.end_ns, end_ns)) return true;
  }
  return false;
}

bool DocumentJudge::can_be_dirty(const KnownWord& word, const Send& seen_by) const {
  if (word.writer == nullptr) return some_can_be_dirty(true, seen_by);
  return of_.bands.can_be_dirty(word.writer->begin_ns, word.writer->end_ns, seen_by);
}

/// Where nothing uncommitted can be seen, what is seen is committed, and so is what a committed write names.
void DocumentJudge::commit_what_must_be() {
  for (const Send* send : sends_) {
    if (send->answer != SendAnswer::found && send->answer != SendAnswer::conflict) continue;
    if (KnownWord* const known = find(send->word); known != nullptr && !can_be_dirty(*known, *send)) {
      known->committed = true;
      known->witness = send;
    }
  }
  std::vector<std::size_t> to_follow;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].committed) to_follow.push_back(i);
  }
  while (!to_follow.empty()) {
    const Send* const writer = words_[to_follow.back()].writer;
    to_follow.pop_back();
    if (writer == nullptr || !writer->conditional) continue;
    KnownWord& named = note(writer->condition, nullptr, *writer);
    if (!std::exchange(named.committed, true)) to_follow.push_back(places_[writer->condition.bits()]);
  }
}

/// Which committed words cannot be: see Judgement.
void DocumentJudge::bury() {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].committed) chain_.push_back(i);
  }
  std::ranges::sort(chain_, {}, [this](std::size_t i) { return words_[i].word; });
  for (const std::size_t i : chain_) words_[i].dead = terms_.up_to(words_[i].word.seq_no()) > words_[i].word.term();
  // Between what a conditional write named and what it wrote there is nothing: counted from where such a gap begins to
  // where it ends.
  std::vector<std::int64_t> gaps(chain_.size() + 1);
  for (std::size_t at = 0; at < chain_.size(); ++at) {
    const KnownWord& known = words_[chain_[at]];
    if (known.dead || !known.acknowledged || !known.writer->conditional) continue;
    const std::size_t named = place_of(known.writer->condition);
    if (named >= at || words_[chain_[named]].word != known.writer->condition) continue;
    ++gaps[named + 1];
    --gaps[at];
  }
  std::int64_t open = 0;
  for (std::size_t at = 0; at < chain_.size(); ++at) {
    open += gaps[at];
    KnownWord& known = words_[chain_[at]];
    if (open > 0) known.dead = true;
    if (!known.dead) continue;
    if (known.acknowledged) {
      accuse(Finding::lost_write, {known.writer},
             fmt::format("{} was acknowledged, and what was acknowledged beside it leaves no room for it",
                         text_of(known.word)));
    } else {
      accuse(Finding::dirty_read, {known.writer, known.witness},
             fmt::format("{} was seen where only what is committed can be seen, and is not", text_of(known.word)));
    }
  }
  std::erase_if(chain_, [this](std::size_t i) { return words_[i].dead; });
}

std::size_t DocumentJudge::place_of(SeqNoTerm word) const {
  const auto at = std::ranges::lower_bound(chain_, word, {}, [this](std::size_t i) { return words_[i].word; });
  return static_cast<std::size_t>(at - chain_.begin());
}

void DocumentJudge::order() {
  earliest_end_.assign(chain_.size() + 1, Send::kNever);
  for (std::size_t i = chain_.size(); i-- > 0;) earliest_end_[i] = std::min(earliest_end_[i + 1], at(i).end_ns());
}

/// A send makes one version, but one without a condition may make several in a fault.
void DocumentJudge::check_applications() {
  std::unordered_map<const Send*, const KnownWord*> first;
  for (const std::size_t i : chain_) {
    const KnownWord& known = words_[i];
    if (known.writer == nullptr) continue;
    const auto [other, fresh] = first.try_emplace(known.writer, &known);
    if (fresh) continue;
    const bool allowed = may_be_hidden(*known.writer) == May::often;
    const std::string why = fmt::format("it made both {} and {}", text_of(other->second->word), text_of(known.word));
    if (allowed) {
      count(Finding::applied_twice, {known.writer, known.witness}, why);
    } else {
      accuse(Finding::applied_twice, {known.writer, other->second->witness, known.witness}, why);
    }
  }
}

/// Who may have written without being seen.
void DocumentJudge::supply() {
  std::unordered_map<const Send*, bool> placed;
  for (const std::size_t i : chain_) placed[words_[i].writer] = true;
  for (const Send* send : sends_) {
    const May may = may_be_hidden(*send);
    if (may == May::no || (may == May::once && placed.contains(send))) continue;
    std::uint64_t* from = nullptr;
    if (send->conditional) {
      NamedSupply& named = named_supply_[send->condition.bits()];
      ++named.sends;
      from = send->kind == Kind::remove ? &named.remove : &named.index;
    } else {
      from = send->kind == Kind::index    ? &supply_.index
             : send->kind == Kind::create ? &supply_.create
             : send->kind == Kind::remove ? &supply_.remove
                                          : &supply_.update;
    }
    *from = std::min(*from, send->begin_ns);
  }
}

/// Between the word before `place` and the one there.
HiddenSupply DocumentJudge::supply_before(std::size_t place) const {
  HiddenSupply all = supply_;
  if (named_supply_.empty()) return all;
  std::uint32_t later = 0;
  for (auto seen = place == 0 ? undecided_.begin() : std::ranges::upper_bound(undecided_, at(place - 1).word);
       seen != undecided_.end() && (place == chain_.size() || *seen < at(place).word); ++seen) {
    const auto named = named_supply_.find(seen->bits());
    if (named == named_supply_.end()) continue;
    later += named->second.sends;
    all.later_once = later < 2;
    all.later_index = std::min(all.later_index, named->second.index);
    all.later_remove = std::min(all.later_remove, named->second.remove);
  }
  if (place == 0) return all;
  const KnownWord& known = at(place - 1);
  const auto named = named_supply_.find(known.word.bits());
  if (named == named_supply_.end() || !(known.is_live() || of_.history.tombstones_match)) return all;
  all.conditional_index = named->second.index;
  all.conditional_remove = named->second.remove;
  return all;
}

/// What a conditional write named had the version before its own.
void DocumentJudge::infer_versions() {
  if (deletes_) return;
  for (std::size_t i = chain_.size(); i-- > 0;) {
    const KnownWord& known = words_[chain_[i]];
    if (known.version <= 0 || known.writer == nullptr || !known.writer->conditional) continue;
    if (known.version == 1) {
      accuse(Finding::wrong_order, {known.writer}, "it replaced something, and made _version 1");
    } else if (i > 0 && at(i - 1).word == known.writer->condition && at(i - 1).version <= 0) {
      words_[chain_[i - 1]].version = known.version - 1;
    }
  }
}

void DocumentJudge::check_chain() {
  latest_begin_.assign(chain_.size(), 0);
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    KnownWord& known = words_[chain_[i]];
    if (known.writer != nullptr) known.begin_ns = known.writer->begin_ns;
    check_predecessor(i);
    latest_begin_[i] = std::max(i == 0 ? 0 : latest_begin_[i - 1], known.begin_ns);
    if (latest_begin_[i] > known.end_ns()) {
      const auto later =
          std::ranges::find(chain_, latest_begin_[i], [this](std::size_t j) { return words_[j].begin_ns; });
      const KnownWord& before = words_[later == chain_.end() ? chain_[i] : *later];
      accuse(Finding::wrong_order, {before.writer, known.writer, known.witness},
             fmt::format("{} was there before the write of {} began, which has a lower number", text_of(known.word),
                         text_of(before.word)));
    }
    if (i == 0) continue;
    const KnownWord& before = at(i - 1);
    if (before.word.seq_no() == known.word.seq_no()) {
      accuse(Finding::number_twice, {before.writer, before.witness, known.writer, known.witness},
             fmt::format("{} and {} are both committed", text_of(before.word), text_of(known.word)));
    } else if (before.word.term() > known.word.term()) {
      accuse(Finding::wrong_order, {before.writer, before.witness, known.writer, known.witness},
             fmt::format("the term fell from {} to {}", text_of(before.word), text_of(known.word)));
    }
  }
}

/// How many numbers there are between the word before and the one at `place`.
std::uint64_t DocumentJudge::room_for_hidden(std::size_t place) const {
  const std::uint64_t first = place == 0 ? 0 : at(place - 1).word.seq_no() + 1;
  return at(place).word.seq_no() - std::min(first, at(place).word.seq_no());
}

/// When hidden writes, so many if that is known, can have made what the write at `place`, which has no condition, found;
/// kNever if they cannot.
std::uint64_t DocumentJudge::earliest_before(std::size_t place, std::optional<std::uint64_t> hidden) const {
  const Send* const writer = at(place).writer;
  const HiddenPaths paths(place > 0 && at(place - 1).is_live(), supply_before(place));
  const std::uint64_t itself = writer == nullptr ? 1 : 0;  // one of the hidden
  const auto earliest = [&](bool is_live) {
    return hidden ? paths.exactly(*hidden + itself, is_live)
                  : paths.within(itself, room_for_hidden(place) + itself, is_live);
  };
  std::uint64_t found = 0;
  if (writer == nullptr) {
    found = of_.history.tombstones_match ? std::min(earliest(true), earliest(false)) : earliest(true);
  } else if (writer->kind == Kind::create) {
    found = earliest(false);
  } else if (writer->kind == Kind::update) {
    found = earliest(true);
  } else {
    found = std::min(earliest(false), earliest(true));
  }
  return found <= earliest_end_[place] ? found : Send::kNever;
}

/// Whether hidden writes can have made as many versions as there are since the last word before of which that is known.
bool DocumentJudge::versions_fit_since(std::size_t place) const {
  std::size_t first = place;
  while (first > 0 && at(first - 1).version <= 0) --first;
  const Version since = first == 0 ? 0 : at(first - 1).version;
  const Version hidden = at(place).version - since - 1 - static_cast<Version>(place - first);
  if (hidden < 0) return false;
  constexpr Version kMost = 1'000;  // a run of so many that nobody tells more of
  if (hidden > kMost) return true;
  std::vector<bool> made(static_cast<std::size_t>(hidden) + 1);
  made[0] = true;
  for (std::size_t i = first; i <= place; ++i) {
    const Send* const writer = at(i).writer;
    const bool is_closed = writer != nullptr && writer->conditional;
    const std::uint64_t room = is_closed ? 0 : room_for_hidden(i);
    std::vector<bool> next(made.size());
    for (std::size_t count = 0; count < made.size() && count <= room; ++count) {
      if (!is_closed && earliest_before(i, count) == Send::kNever) continue;
      for (std::size_t before = 0; before + count < made.size(); ++before)
        if (made[before]) next[before + count] = true;
    }
    made = std::move(next);
  }
  return made.back();
}

/// Whether what comes before in the chain, and hidden writes after that, can be what the write found.
void DocumentJudge::check_predecessor(std::size_t place) {
  KnownWord& known = words_[chain_[place]];
  const KnownWord* const before = place == 0 ? nullptr : &at(place - 1);
  const Send* const writer = known.writer;
  const auto complain = [&](std::string why) {
    accuse(Finding::wrong_order, {before == nullptr ? nullptr : before->writer, writer, known.witness}, std::move(why));
  };
  if (before != nullptr && before->word.seq_no() >= known.word.seq_no()) return;  // check_chain says so
  std::optional<std::uint64_t> hidden;
  if (!deletes_ && known.version > 0) {
    const Version version_before = before == nullptr ? 0 : before->version;
    if (version_before < 0) {
      if (!versions_fit_since(place)) {
        return complain(fmt::format("no writes can have led to _version {} at {}", known.version, text_of(known.word)));
      }
    } else {
      const Version made = known.version - version_before - 1;
      if (made < 0 || static_cast<std::uint64_t>(made) > room_for_hidden(place)) {
        return complain(fmt::format("_version {} at {} after {}", known.version, text_of(known.word), version_before));
      }
      hidden = static_cast<std::uint64_t>(made);
    }
  }
  if (writer != nullptr && writer->conditional) {
    if (before == nullptr || before->word != writer->condition) {
      return complain(fmt::format("{} replaced {}, but named {}", text_of(known.word),
                                  before == nullptr ? "nothing" : text_of(before->word), text_of(writer->condition)));
    }
    if (!before->is_live() && !of_.history.tombstones_match)
      return complain(fmt::format("{} names the number of a delete", text_of(known.word)));
    if (hidden.value_or(0) > 0)
      complain(fmt::format("{} has a _version that is not the one after what it named", text_of(known.word)));
    return;
  }
  const std::uint64_t found = earliest_before(place, hidden);
  if (found == Send::kNever) {
    return complain(writer == nullptr
                        ? fmt::format("nobody can have written {}", text_of(known.word))
                        : fmt::format("no writes can have led from {} to what {} found",
                                      before == nullptr ? "nothing" : text_of(before->word), text_of(known.word)));
  }
  known.begin_ns = std::max(known.begin_ns, found);  // hidden ones come before it
  if (writer == nullptr && of_.history.tombstones_match) may_be_delete(place);
}

/// In Elasticsearch 6 a word that nobody's content tells of may be a delete's.
void DocumentJudge::may_be_delete(std::size_t place) {
  KnownWord& known = words_[chain_[place]];
  const HiddenPaths paths(place > 0 && at(place - 1).is_live(), supply_before(place));
  const std::uint64_t as_delete_ns = paths.within(1, room_for_hidden(place) + 1, false);
  if (as_delete_ns > earliest_end_[place]) return;
  known.as_delete_ns = as_delete_ns;
  known.must_be_delete = paths.within(1, room_for_hidden(place) + 1, true) > earliest_end_[place];
}

}  // namespace occ
