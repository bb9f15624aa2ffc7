/// DocumentJudge: what is read is held against the committed order.
#include <fmt/format.h>

#include <algorithm>

#include "harness/replicated/document_judge.hpp"

namespace occ {
namespace {

std::string text_of(SeqNoTerm word) {
  return fmt::format("({}, {})", word.seq_no(), word.term());
}

std::uint64_t after(std::uint64_t later_ns, std::uint64_t earlier_ns) {
  return later_ns > earlier_ns ? later_ns - earlier_ns : 0;
}

}  // namespace

void DocumentJudge::Evidence::finish() {
  std::ranges::sort(by_time);
  std::ptrdiff_t last = -1;
  for (auto& [time_ns, place] : by_time) place = last = std::max(last, place);
}

std::ptrdiff_t DocumentJudge::Evidence::before(std::uint64_t time_ns) const {
  const auto at = std::ranges::lower_bound(by_time, time_ns, {}, [](const auto& each) { return each.first; });
  return at == by_time.begin() ? -1 : std::prev(at)->second;
}

bool DocumentJudge::cannot_be_committed(const KnownWord& known) const {
  if (terms_.up_to(known.word.seq_no()) > known.word.term()) return true;
  const std::size_t place = place_of(known.word);
  const bool is_last = place == chain_.size();
  if (!is_last) {
    const KnownWord& next = at(place);
    if (next.word.seq_no() == known.word.seq_no() || next.word.term() < known.word.term()) return true;
    if (next.writer != nullptr && next.writer->conditional) return true;
  }
  if (place > 0) {
    const KnownWord& before = at(place - 1);
    if (before.word.seq_no() == known.word.seq_no() || before.word.term() > known.word.term()) return true;
  }
  if (known.writer == nullptr || !known.writer->conditional) return false;
  return place == 0 || at(place - 1).word != known.writer->condition;
}

/// Of the words that need not be committed: which cannot be, and which might.
void DocumentJudge::settle_words() {
  for (KnownWord& known : words_) {
    if (known.committed) continue;
    known.dead = cannot_be_committed(known);
    if (known.dead) continue;
    undecided_.push_back(known.word);
    count(Finding::undecided, {known.writer, known.witness},
          fmt::format("nothing says whether {} was committed", text_of(known.word)));
  }
  std::ranges::sort(undecided_);
}

/// Of writes without an answer, which happened and which did not.
void DocumentJudge::settle_unknown() {
  std::unordered_map<const Send*, bool> placed;
  for (const std::size_t i : chain_) placed[words_[i].writer] = true;
  for (const Send* send : sends_) {
    if (!send->is_write() || send->answer != SendAnswer::unknown) continue;
    ++judgement_.unknown;
    if (placed.contains(send)) {
      ++judgement_.unknown_happened;
    } else if (send->conditional) {
      // Another one came directly after what it names.
      const std::size_t place = place_of(send->condition);
      if (!is_at(place, send->condition) || place + 1 == chain_.size()) continue;
      const Send* const next = at(place + 1).writer;
      if (next != nullptr && next->conditional) ++judgement_.unknown_not_happened;
    }
  }
}

/// The earliest time at which hidden writes can have made such a state before the word at `place`, and what follows
/// still can have come about; kNever if they cannot.
std::uint64_t DocumentJudge::room_before(std::size_t place, bool is_live) const {
  const bool is_tail = place == chain_.size();
  const KnownWord* const before = place == 0 ? nullptr : &at(place - 1);
  const Send* const writer = is_tail ? nullptr : at(place).writer;
  if (writer != nullptr && writer->conditional) return Send::kNever;
  const std::uint64_t first = before == nullptr ? 0 : before->word.seq_no() + 1;
  constexpr std::uint64_t kMany = HiddenPaths::kMost;
  std::uint64_t room = 2 * kMany;
  if (!is_tail) room = at(place).word.seq_no() < first ? 0 : std::min(room, at(place).word.seq_no() - first);
  const bool is_hidden_itself = !is_tail && writer == nullptr;
  const HiddenPaths there(before != nullptr && before->is_live(), supply_before(place));
  const HiddenPaths on(is_live, supply_);
  std::uint64_t exact = Send::kNever;
  if (!is_tail && !deletes_ && at(place).version > 0 && (before == nullptr || before->version > 0)) {
    exact = static_cast<std::uint64_t>(at(place).version - (before == nullptr ? 0 : before->version)) - 1;
    room = std::min(room, exact);
  }
  std::uint64_t earliest = Send::kNever;
  for (std::uint64_t made = 1; made <= std::min(kMany, room); ++made) {
    for (std::uint64_t more = 0; made + more <= room; ++more) {
      if (exact != Send::kNever && made + more != room) continue;
      const std::uint64_t last = more + (is_hidden_itself ? 1 : 0);
      std::uint64_t rest = std::min(on.exactly(last, true), on.exactly(last, false));
      if (is_hidden_itself || (writer != nullptr && writer->kind == Kind::update)) rest = on.exactly(last, true);
      if (writer != nullptr && writer->kind == Kind::create) rest = on.exactly(last, false);
      const std::uint64_t by = there.exactly(made, is_live);
      const std::uint64_t end_ns = is_tail ? Send::kNever : earliest_end_[place];
      if (by == Send::kNever || rest == Send::kNever || std::max(by, rest) > end_ns) continue;
      earliest = std::min(earliest, by);
    }
  }
  if (earliest == Send::kNever || place == 0) return earliest;
  return std::max(earliest, latest_begin_[place - 1]);
}

void DocumentJudge::find_states() {
  const std::size_t size = chain_.size();
  states_from_.assign(size + 1, {Send::kNever, Send::kNever});
  std::array<std::uint64_t, 2> later = {Send::kNever, Send::kNever};
  for (std::size_t i = size + 1; i-- > 0;) {
    for (const bool is_live : {false, true}) {
      std::uint64_t& least = later[is_live ? 1 : 0];
      least = std::min(least, room_before(i, is_live));
      if (i == 0) continue;
      const KnownWord& known = at(i - 1);
      if (known.is_live() == is_live) least = std::min(least, latest_begin_[i - 1]);
      if (!is_live && known.as_delete_ns != Send::kNever)
        least = std::min(least, std::max(known.as_delete_ns, i < 2 ? 0 : latest_begin_[i - 2]));
    }
    states_from_[i] = later;
  }
}

void DocumentJudge::find_evidence() {
  const std::size_t size = chain_.size();
  replaced_ns_.assign(size, Send::kNever);
  seen_after_ns_.assign(size, Send::kNever);
  for (std::size_t i = size; i-- > 0;) {
    const KnownWord& known = at(i);
    if (known.acknowledged) acknowledged_.by_time.emplace_back(known.acknowledged_ns(), i);
    if (known.seen_ns != Send::kNever) seen_.by_time.emplace_back(known.seen_ns, i);
    if (i + 1 == size) continue;
    replaced_ns_[i] = std::min(replaced_ns_[i + 1], at(i + 1).acknowledged_ns());
    seen_after_ns_[i] = std::min(seen_after_ns_[i + 1], at(i + 1).seen_ns);
  }
  acknowledged_.finish();
  seen_.finish();
}

void DocumentJudge::judge_reads() {
  find_evidence();
  for (const Send* send : sends_) {
    switch (send->answer) {
      case SendAnswer::found:
        judge_seen(*send);
        break;
      case SendAnswer::not_found:
        judge_state(*send, false);
        break;
      case SendAnswer::conflict:
        if (!send->word.vacant()) {
          judge_seen(*send);
        } else if (send->told_absent) {
          judge_state(*send, false);
        } else if (send->kind == Kind::create) {
          judge_state(*send, true);
        }
        break;
      case SendAnswer::acknowledged:
        if (const std::size_t place = place_of(send->word); is_at(place, send->word))
          seen_by_client_[send->client] = {static_cast<std::ptrdiff_t>(place), send};
        break;
      default:
        break;
    }
  }
}

void DocumentJudge::judge_seen(const Send& reader) {
  const auto found = places_.find(reader.word.bits());
  if (found == places_.end()) return;
  const KnownWord& known = words_[found->second];
  if (known.committed && !known.dead) return judge_committed(reader, place_of(reader.word));
  if (known.committed || !known.dead || reader.kind != Kind::get) return;
  count(Finding::dirty_read, {known.writer, &reader}, fmt::format("{} was never committed", text_of(known.word)));
}

void DocumentJudge::judge_committed(const Send& reader, std::size_t place) {
  const auto mine = static_cast<std::ptrdiff_t>(place);
  const KnownWord& known = at(place);
  const auto newer = [&](std::uint64_t when_ns) {
    for (std::size_t i = place + 1; i < chain_.size(); ++i) {
      if (at(i).acknowledged_ns() == when_ns || at(i).seen_ns == when_ns) return at(i).writer;
    }
    return static_cast<const Send*>(nullptr);
  };
  const bool is_get = reader.kind == Kind::get;
  const std::uint64_t age_ns = after(reader.begin_ns, replaced_ns_[place]);
  if (acknowledged_.before(of_.bands.last_certain_ns(reader.begin_ns, reader.end_ns)) > mine) {
    return accuse(is_get ? Finding::stale_read : Finding::causeless_conflict,
                  {known.writer, newer(replaced_ns_[place]), &reader},
                  fmt::format("{} had been replaced before, and nothing hides that", text_of(known.word)), age_ns);
  }
  const bool is_stale = acknowledged_.before(reader.begin_ns) > mine;
  if (is_stale && is_get) {
    count(Finding::stale_read, {known.writer, newer(replaced_ns_[place]), &reader},
          fmt::format("{} had been replaced before, since the fault began", text_of(known.word)), age_ns);
  }
  if (!is_stale && seen_.before(reader.begin_ns) > mine) {
    const bool allowed = of_.contract == Contract::replicated;
    const std::string why = fmt::format("something newer than {} had been seen before", text_of(known.word));
    const std::uint64_t seen_age_ns = after(reader.begin_ns, seen_after_ns_[place]);
    if (allowed && is_get) count(Finding::inverted_read, {newer(seen_after_ns_[place]), &reader}, why, seen_age_ns);
    if (!allowed) accuse(Finding::inverted_read, {newer(seen_after_ns_[place]), &reader}, why, seen_age_ns);
  }
  if (!is_get) return;
  auto& [last, by] = seen_by_client_.try_emplace(reader.client, -1, nullptr).first->second;
  if (last > mine) {
    count(Finding::backwards_read, {by, &reader},
          fmt::format("{} is older than what the same client knew", text_of(known.word)),
          after(reader.begin_ns, by->end_ns));
  } else {
    last = mine;
    by = &reader;
  }
}

/// Whether there can have been a document, or none.
void DocumentJudge::judge_state(const Send& reader, bool is_live) {
  const std::ptrdiff_t certain = acknowledged_.before(of_.bands.last_certain_ns(reader.begin_ns, reader.end_ns));
  if (certain < 0 && !is_live) return;
  const std::uint64_t from = states_from_[static_cast<std::size_t>(certain + 1)][is_live ? 1 : 0];
  if ((from != Send::kNever && from <= reader.end_ns) || some_can_be_dirty(is_live, reader)) return;
  const Send* const last = certain < 0 ? nullptr : at(static_cast<std::size_t>(certain)).writer;
  if (is_live) {
    accuse(Finding::causeless_conflict, {last, &reader}, "there was no document that it could have met");
  } else {
    accuse(reader.is_write() ? Finding::causeless_conflict : Finding::absence, {last, &reader},
           "the document was there, and nothing can have taken it away",
           certain < 0 ? 0 : after(reader.begin_ns, at(static_cast<std::size_t>(certain)).acknowledged_ns()));
  }
}

}  // namespace occ
