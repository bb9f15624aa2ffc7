#include "harness/history/history_search.hpp"

#include <algorithm>

#include "core/build/hash.hpp"

namespace occ {
namespace {

/// What no condition names.
constexpr SeqNoTerm kHiddenWord = SeqNoTerm::never_written().with_moving();

}  // namespace

std::size_t DocumentSearch::Hash::operator()(const Configuration& configuration) const noexcept {
  const Table& table = configuration.table;
  const std::uint64_t parts[] = {
      table.word.bits(),
      static_cast<std::uint64_t>(table.version),
      table.least_expiry,
      table.most_expiry,
      std::uint64_t{table.source} << 32U | table.writes,
      table.unseen,
      static_cast<std::uint64_t>(table.kind) << 2U | (table.hidden ? 2U : 0U) | (table.any_source ? 1U : 0U)};
  return XXH3_64bits(parts, sizeof parts) ^ XXH3_64bits(configuration.done.data(), sizeof configuration.done);
}

State DocumentSearch::state_of(const Table& table) noexcept {
  if (absent(table)) return {};
  return {.kind = table.kind == Table::Kind::live ? State::Kind::live : State::Kind::tombstone,
          .version = table.version,
          .word = table.hidden ? kHiddenWord : table.word};
}

DocumentSearch::Verdict DocumentSearch::search(std::span<const HistoryEntry* const> entries) {
  stuck_ = nullptr;
  if (most_steps_ == 0) return Verdict::gave_up;
  if (!collect(entries)) return Verdict::impossible;
  collect_words();
  left_ = most_steps_ + 32 * steps_.size();
  open_.fill(kNone);
  slots_ = 0;
  frontier_.assign(1, {});
  for (const Event& event : events_) {
    now_ = event.time;
    if (!event.is_end) {
      if (!begin(event.call)) return Verdict::gave_up;
    } else if (const Verdict verdict = end(event.call); verdict != Verdict::possible) {
      return verdict;
    }
  }
  return Verdict::possible;
}

bool DocumentSearch::collect(std::span<const HistoryEntry* const> entries) {
  steps_.clear();
  calls_.clear();
  events_.clear();
  written_.clear();
  const HistoryEntry* before = nullptr;
  for (const HistoryEntry* const each : entries) {
    const HistoryEntry& entry = *each;
    if (answered(entry) ? entry.result == Result::rejected : entry.kind == HistoryKind::get) continue;
    const bool same_call = before != nullptr && in_one_call(*before, entry);
    before = &entry;
    if (!same_call) {
      const auto call = static_cast<std::uint32_t>(calls_.size());
      calls_.push_back(
          {.first = static_cast<std::uint32_t>(steps_.size()), .count = 0, .begin = entry.begin, .end = entry.end});
      events_.push_back({entry.begin, call, false});
      if (answered(entry)) events_.push_back({entry.end, call, true});
    }
    if (answered(entry)) {
      if (says_it_wrote(entry)) {
        if (entry.word.vacant()) {
          stuck_ = &entry;
          return false;
        }
        written_.push_back(entry.word);
      }
      if (const SeqNoTerm saw = transform_saw(entry); !saw.vacant() && saw != entry.decided_on && !transformed(entry)) {
        steps_.push_back({.entry = &entry, .at = saw, .only_saw = true, .write = kNone});
        ++calls_.back().count;
      }
    }
    steps_.push_back({.entry = &entry, .at = decided_on(entry), .only_saw = false, .write = kNone});
    ++calls_.back().count;
  }
  std::ranges::sort(written_);
  for (Step& step : steps_) {
    if (step.only_saw || !answered(*step.entry) || !says_it_wrote(*step.entry)) continue;
    const auto at = std::ranges::lower_bound(written_, step.entry->word);
    step.write = static_cast<std::uint32_t>(at - written_.begin());
  }
  // A call that begins when another one ends may have taken effect before it.
  std::ranges::sort(events_, [](const Event& a, const Event& b) {
    return a.time != b.time ? a.time < b.time : a.is_end != b.is_end ? b.is_end : a.call < b.call;
  });
  return true;
}

/// Which words an operation without an answer may have drawn.
void DocumentSearch::collect_words() {
  seen_.clear();
  possible_.clear();
  const auto add = [this](std::vector<SeqNoTerm>& to, SeqNoTerm word) {
    if (!word.vacant() && !std::ranges::binary_search(written_, word)) to.push_back(word);
  };
  for (const Step& step : steps_) {
    const HistoryEntry& entry = *step.entry;
    if (answered(entry)) add(seen_, step.at);
    if (entry.precondition == Precondition::Kind::seq_no_term || entry.kind == HistoryKind::update)
      add(possible_, SeqNoTerm::from_bits(entry.condition));
  }
  possible_.insert(possible_.end(), seen_.begin(), seen_.end());
  for (auto* const words : {&seen_, &possible_}) {
    std::ranges::sort(*words);
    words->erase(std::unique(words->begin(), words->end()), words->end());
  }
}

bool DocumentSearch::begin(std::uint32_t call) {
  const auto free = static_cast<std::uint32_t>(std::ranges::find(open_, kNone) - open_.begin());
  if (free == kMostOpen || calls_[call].count > 0xffff) return false;
  slots_ = std::max(slots_, free + 1);
  open_[free] = call;
  calls_[call].slot = free;
  if (calls_[call].end != HistoryEntry::kUnanswered) {
    for (Configuration& configuration : frontier_) {
      if (settle(configuration, free)) settle(configuration);
    }
  }
  return true;
}

DocumentSearch::Verdict DocumentSearch::end(std::uint32_t call) {
  const std::uint32_t slot = calls_[call].slot;
  const auto complete = [&](const Configuration& configuration) {
    return configuration.done[slot] == calls_[call].count;
  };
  if (!std::ranges::all_of(frontier_, complete)) {
    next_frontier_.clear();
    reached_.clear();
    std::uint16_t most_done = 0;
    for (const Configuration& from : frontier_) {
      most_done = std::max(most_done, from.done[slot]);
      explore(from, call);
      if (left_ == 0 || next_frontier_.size() > kMostConfigurations) return Verdict::gave_up;
    }
    if (next_frontier_.empty()) {
      stuck_ = steps_[calls_[call].first + most_done].entry;
      return Verdict::impossible;
    }
    frontier_.swap(next_frontier_);
  }
  open_[slot] = kNone;
  for (Configuration& configuration : frontier_) configuration.done[slot] = 0;
  if (frontier_.size() > 1) {
    reached_.clear();
    std::erase_if(frontier_, [this](const Configuration& each) { return !reached_.insert(each).second; });
  }
  return Verdict::possible;
}

/// Adds to next_frontier_ every configuration that comes after `from` and in which the call is complete, for the first
/// time.
void DocumentSearch::explore(const Configuration& from, std::uint32_t call) {
  const std::uint32_t slot = calls_[call].slot;
  reach(from);
  while (!to_follow_.empty()) {
    const Configuration at = to_follow_.back();
    to_follow_.pop_back();
    if (at.done[slot] == calls_[call].count) {
      next_frontier_.push_back(at);
    } else if (left_ != 0 && next_frontier_.size() <= kMostConfigurations) {
      follow(at);
    }
  }
}

void DocumentSearch::reach(Configuration next) {
  settle(next);
  if (left_ != 0) --left_;
  if (reached_.insert(next).second) to_follow_.push_back(next);
}

const DocumentSearch::Step* DocumentSearch::next_step(const Configuration& configuration, std::uint32_t slot) const {
  if (open_[slot] == kNone) return nullptr;
  const Call& call = calls_[open_[slot]];
  const std::uint16_t done = configuration.done[slot];
  return done == call.count ? nullptr : &steps_[call.first + done];
}

/// Everything that can happen next and is not free.
void DocumentSearch::follow(const Configuration& from) {
  bool absence_is_wanted = false;
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    const Step* const step = next_step(from, slot);
    if (step == nullptr) continue;
    if (!answered(*step->entry)) {
      try_unanswered(from, slot);
      continue;
    }
    absence_is_wanted |= step->at.vacant() && step->at != kUntoldWord;
    if (step->write != kNone) {
      try_write(from, slot, *step);
      continue;
    }
    Configuration next = from;
    if (observe(next.table, *step, true) == Fit::no) continue;
    ++next.done[slot];
    reach(next);
  }
  if (absence_is_wanted) purge(from);
}

/// What is free is done.
void DocumentSearch::settle(Configuration& configuration) const {
  bool again = true;
  while (again) {
    again = false;
    for (std::uint32_t slot = 0; slot < slots_; ++slot) again |= settle(configuration, slot);
  }
}

/// True if the table has changed for others: what it has told of a source or of an expiry.
bool DocumentSearch::settle(Configuration& configuration, std::uint32_t slot) const {
  bool changed = false;
  for (;;) {
    const Step* const step = next_step(configuration, slot);
    if (step == nullptr || !answered(*step->entry) || step->write != kNone) return changed;
    const Table before = configuration.table;
    if (observe(configuration.table, *step, false) != Fit::yes) return changed;
    changed |= !(before == configuration.table);
    ++configuration.done[slot];
  }
}

/// Whether a step that writes nothing can take place here; then the table has what follows from it. With `choose` false,
/// only if it costs nothing: what it says of a source or of an expiry must hold anyhow, or belongs to a word that it saw.
DocumentSearch::Fit DocumentSearch::observe(Table& table, const Step& step, bool choose) const {
  const HistoryEntry& entry = *step.entry;
  if (step.at != kUntoldWord && !is_at(table, step.at)) return Fit::no;
  const bool told = step.at != kUntoldWord;
  Table next = table;
  if (reads(step)) {
    if (table.kind != Table::Kind::live) return Fit::no;
    if (source_untold(entry)) {
      // It does not say which.
    } else if (table.any_source) {
      if (!told && !choose) return Fit::by_choice;
      next.source = entry.read;
      next.any_source = false;
    } else if (table.source != entry.read) {
      return Fit::no;
    }
  }
  if (step.only_saw) {
    table = next;
    return Fit::yes;
  }
  if (table.kind != Table::Kind::tombstone) {
    if (!agrees(table, step, false)) return Fit::no;
    table = next;
    return Fit::yes;
  }
  const bool kept = !expiry_.always() && entry.begin <= table.most_expiry && agrees(table, step, false);
  const bool expired = (expiry_.always() || entry.end >= table.least_expiry) && agrees(table, step, true);
  if (!kept && !expired) return Fit::no;
  if (!expiry_.always() && kept != expired) {
    // Only one of the two would do, even if the times allow both.
    if (kept && entry.begin > table.least_expiry) {
      if (!told && !choose) return Fit::by_choice;
      next.least_expiry = entry.begin;
    }
    if (expired && entry.end < table.most_expiry) {
      if (!told && !choose) return Fit::by_choice;
      next.most_expiry = entry.end;
    }
  }
  table = next;
  return Fit::yes;
}

/// Whether the step, decided here, ends as it did; but for what it read.
bool DocumentSearch::agrees(const Table& table, const Step& step, bool expired) const {
  const HistoryEntry& entry = *step.entry;
  const bool live = table.kind == Table::Kind::live;
  if (entry.kind == HistoryKind::get && entry.result == Result::found)
    return live && version_fits(table.version, entry) && entry.word == (untold(entry) ? entry.word : entry.decided_on);
  if (step.write == kNone && carries_a_number(entry)) return false;
  if (entry.kind == HistoryKind::get || (entry.kind == HistoryKind::update && entry.result == Result::not_found))
    return entry.result == Result::not_found && !live && version_fits(kVersionNotFound, entry);
  if (transformed(entry)) {
    if (!live) return false;
    const auto named = SeqNoTerm::from_bits(entry.condition);
    const bool computed_from_untold = untold(entry) && entry.precondition == Precondition::Kind::none && named.vacant();
    if (!computed_from_untold && named != step.at) return false;
  }
  if (conflict_with_anything(entry)) return true;
  const Decision decision = decide(state_of(table), operation_of(entry), condition_of(entry), expiry_.instant(expired));
  return decision.result == entry.result && version_fits(decision.version, entry) && cause_fits(decision.cause, entry);
}

/// A write under `word` would come after one that was seen and has not happened yet.
bool DocumentSearch::passes_over(const Table& table, SeqNoTerm word) const {
  if (table.writes < written_.size() && written_[table.writes] < word) return true;
  const auto between = table.word.vacant() ? seen_.begin() : std::ranges::upper_bound(seen_, table.word);
  return between != seen_.end() && *between < word;
}

void DocumentSearch::become(Table& table, const HistoryEntry& entry, bool tombstone, Version version) const {
  table.kind = tombstone ? Table::Kind::tombstone : Table::Kind::live;
  table.hidden = table.any_source = false;
  table.version = version;
  table.source = tombstone ? 0 : entry.wrote;
  table.least_expiry = tombstone ? expiry_.earliest(entry.begin) : 0;
  table.most_expiry = tombstone ? expiry_.latest(entry.end) : 0;
}

void DocumentSearch::try_write(const Configuration& from, std::uint32_t slot, const Step& step) {
  const HistoryEntry& entry = *step.entry;
  const Table& table = from.table;
  if (step.write != table.writes || !can_follow(table, entry.word) || passes_over(table, entry.word)) return;
  if (step.at != kUntoldWord && !is_at(table, step.at)) return;
  if (reads(step) && table.kind != Table::Kind::live) return;
  if (reads(step) && !source_untold(entry) && !table.any_source && table.source != entry.read) return;
  for (const bool expired : {false, true}) {
    if (table.kind == Table::Kind::tombstone) {
      if (expired ? !expiry_.always() && table.least_expiry > now_
                  : expiry_.always() || entry.begin > table.most_expiry)
        continue;
    } else if (expired) {
      break;
    }
    if (!agrees(table, step, expired)) continue;
    const Decision decision =
        decide(state_of(table), operation_of(entry), condition_of(entry), expiry_.instant(expired));
    Configuration next = from;
    become(next.table, entry, operation_of(entry) == Operation::remove, decision.version);
    next.table.word = entry.word;
    next.table.unseen = 0;
    ++next.table.writes;
    ++next.done[slot];
    reach(next);
  }
}

/// Operations without an answer: this one takes effect now, or the next of its call, or one after.
void DocumentSearch::try_unanswered(const Configuration& from, std::uint32_t slot) {
  const Call& call = calls_[open_[slot]];
  for (std::uint32_t item = from.done[slot]; item < call.count; ++item) {
    const HistoryEntry& entry = *steps_[call.first + item].entry;
    if (entry.kind != HistoryKind::update) {
      take_effect(from, slot, item, entry, entry.kind == HistoryKind::remove ? Operation::remove : Operation::index,
                  false);
    } else if (from.table.kind == Table::Kind::live && entry.wrote != 0) {
      take_effect(from, slot, item, entry, Operation::index, false);
    } else if (from.table.kind == Table::Kind::live) {
      take_effect(from, slot, item, entry, Operation::index, true);
      take_effect(from, slot, item, entry, Operation::remove, false);
    } else if (entry.precondition == Precondition::Kind::none) {
      take_effect(from, slot, item, entry, Operation::index, true);  // an upsert
    }
  }
}

void DocumentSearch::take_effect(const Configuration& from, std::uint32_t slot, std::uint32_t item,
                                 const HistoryEntry& entry, Operation operation, bool any_source) {
  const Table& table = from.table;
  for (const bool expired : {false, true}) {
    if (table.kind == Table::Kind::tombstone) {
      if (expired ? !expiry_.always() && table.least_expiry > now_
                  : expiry_.always() || entry.begin > table.most_expiry)
        continue;
    } else if (expired) {
      break;
    }
    const Precondition condition = table.kind == Table::Kind::live ? condition_of_unanswered(entry) : requested(entry);
    const Decision decision = decide(state_of(table), operation, condition, expiry_.instant(expired));
    if (decision.verdict != Decision::Verdict::proceed) continue;
    Configuration next = from;
    become(next.table, entry, operation == Operation::remove, decision.version);
    next.table.any_source = any_source;
    next.done[slot] = static_cast<std::uint16_t>(item + 1);
    const SeqNoTerm last = table.word;
    for (auto word = last.vacant() ? possible_.begin() : std::ranges::upper_bound(possible_, last);
         word != possible_.end() && !passes_over(table, *word); ++word) {
      if (!can_follow(table, *word)) continue;
      next.table.word = *word;
      next.table.unseen = 0;
      reach(next);
    }
    if (!wants_hidden(from)) continue;
    next.table.word = last;
    next.table.unseen = table.unseen + 1;
    next.table.hidden = true;
    reach(next);
  }
}

/// Whether a write that nobody sees can be of use here: to an answer that leaves open on what it was decided, or to a
/// later one that somebody sees.
bool DocumentSearch::wants_hidden(const Configuration& configuration) const {
  const SeqNoTerm last = configuration.table.word;
  if (!possible_.empty() && (last.vacant() || possible_.back() > last)) return true;
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    if (open_[slot] == kNone) continue;
    const Call& call = calls_[open_[slot]];
    if (call.end == HistoryEntry::kUnanswered) continue;
    for (std::uint32_t item = configuration.done[slot]; item < call.count; ++item) {
      if (steps_[call.first + item].at.vacant()) return true;  // not told, or nothing
    }
  }
  return false;
}

void DocumentSearch::purge(const Configuration& from) {
  const Table& table = from.table;
  if (table.kind != Table::Kind::tombstone || (!expiry_.always() && table.least_expiry > now_)) return;
  Configuration next = from;
  next.table.kind = Table::Kind::purged;
  next.table.hidden = false;
  next.table.version = kVersionNotFound;
  next.table.least_expiry = next.table.most_expiry = 0;
  reach(next);
}

}  // namespace occ
