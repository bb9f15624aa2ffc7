#include "harness/history/document_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/history/contradiction_words.hpp"

namespace occ {

bool DocumentCheck::check(std::span<const HistoryEntry* const> entries) {
  items_.clear();
  absences_.clear();
  untold_.clear();
  unanswered_.clear();
  found_unanswered_.clear();
  open_ = 0;
  judged_before_ = judged;
  needs_search_ = false;
  if (!collect(entries)) return false;
  sort_by_version(items_, spare_, runs_);
  if (!unanswered_.empty()) add_unanswered();
  if (!sweep() || (!absences_.empty() && !check_absences()) || (!untold_.empty() && !check_untold())) return false;
  return !needs_search_ || search(entries);
}

bool DocumentCheck::collect(std::span<const HistoryEntry* const> entries) {
  unanswered_delete_ = first_unanswered_ = kForever;
  const HistoryEntry* before = nullptr;
  bool before_is_open = false;
  const HistoryEntry* const* at = entries.data();
  for (const HistoryEntry* const* const end = at + entries.size(); at != end; ++at) {
    __builtin_prefetch(at[EntriesByDocument::kBehind]);
    const HistoryEntry& entry = **at;
    if (!answered(entry)) {
      if (entry.kind == HistoryKind::get) continue;
      unanswered_.push_back(&entry);
      before = &entry;
      needs_search_ = true;
      first_unanswered_ = std::min(first_unanswered_, entry.begin);
      if (entry.kind != HistoryKind::index) unanswered_delete_ = std::min(unanswered_delete_, entry.begin);
      continue;
    }
    if (entry.result == Result::rejected) continue;
    ++judged;
    const std::size_t first = items_.size();
    if (const SeqNoTerm saw = transform_saw(entry); !saw.vacant() && saw != entry.decided_on && !transformed(entry))
      items_.push_back(VersionItem::seen(saw, entry));
    const SeqNoTerm on = decided_on(entry);
    if (on == kUntoldWord) [[unlikely]]
      ++open_;
    if (says_it_wrote(entry)) {
      if (entry.word.vacant())
        return fail(Violation::spurious_outcome, {&entry}, whose(entry) + " says that it wrote, but drew no _seq_no");
      items_.push_back(VersionItem::written(entry));
    } else if (on == kUntoldWord) {
      untold_.push_back(&entry);
      needs_search_ = true;
    } else if (on.vacant()) {
      absences_.push_back(&entry);
    } else {
      items_.push_back(VersionItem::seen(on, entry));
    }
    const bool is_open = on.vacant() && !says_it_wrote(entry);
    if (is_open && first != items_.size()) needs_search_ = true;  // what its transform saw comes before
    if (before != nullptr && in_one_call(*before, entry)) [[unlikely]] {
      if (before_is_open || is_open) {
        needs_search_ = true;  // where the absence, or what is not told, belongs hangs on the other
      } else if (items_[first].key < items_[first - 1].key) {
        const VersionItem& earlier = items_[first - 1];
        const VersionItem& later = items_[first];
        return fail(Violation::out_of_order, {before, &entry},
                    fmt::format("{} comes before {} in one bulk call, but it {} {}, and the other one {} {}",
                                whose(*before), whose(entry), earlier.is_write() ? "wrote" : "saw",
                                number(earlier.word()), later.is_write() ? "wrote" : "saw", number(later.word())));
      }
    }
    before = &entry;
    before_is_open = is_open;
  }
  return true;
}

/// The write of `word`, and the one after it.
const HistoryEntry* DocumentCheck::find_write(SeqNoTerm word, const HistoryEntry** next) const {
  auto at = std::ranges::lower_bound(items_, word.bits(), {}, &VersionItem::key);
  if (at == items_.end() || at->key != word.bits()) return nullptr;
  const HistoryEntry* const found = at->entry;
  if (next != nullptr) {
    at = std::find_if(at + 1, items_.end(), [](const VersionItem& item) { return item.is_write(); });
    *next = at == items_.end() ? nullptr : at->entry;
  }
  return found;
}

/// Gives versions that were seen but not written to operations without an answer: each can have made one.
void DocumentCheck::add_unanswered() {
  std::vector<SeqNoTerm> unwritten;
  for (const VersionItem& item : items_) {
    const SeqNoTerm word = item.is_write() ? decided_on(*item.entry) : item.word();
    if (!word.vacant() && find_write(word) == nullptr) unwritten.push_back(word);
  }
  std::ranges::sort(unwritten);
  unwritten.erase(std::unique(unwritten.begin(), unwritten.end()), unwritten.end());
  for (const SeqNoTerm word : unwritten) {
    if (found_unanswered_.size() == unanswered_.size()) break;
    // What a reader says of the version.
    const HistoryEntry* reader = nullptr;
    for (const VersionItem& item : items_) {
      if (item.word() == word && item.entry->kind == HistoryKind::get && item.entry->result == Result::found &&
          !source_untold(*item.entry))
        reader = item.entry;
    }
    const HistoryEntry* writer = nullptr;
    for (const HistoryEntry* candidate : unanswered_) {
      // An update may have computed another source after the one that was recorded.
      const bool can = reader == nullptr || candidate->kind == HistoryKind::update ||
                       (candidate->kind == HistoryKind::index && candidate->wrote == reader->read);
      if (can && (writer == nullptr || candidate->begin < writer->begin)) writer = candidate;
    }
    if (writer == nullptr) continue;
    HistoryEntry entry = *writer;
    entry.word = word;
    entry.decided_on = SeqNoTerm();  // it says nothing
    entry.result = Result::rejected;
    if (reader != nullptr) {
      entry.result = Result::updated;
      entry.version = reader->version;
      entry.wrote = reader->read;
    }
    found_unanswered_.push_back({entry, writer});
    items_.push_back(VersionItem::written(found_unanswered_.back().entry));
  }
  sort_by_version(items_, spare_, runs_);
}

bool DocumentCheck::sweep() {
  current_ = {};
  latest_ = next_latest_ = 0;
  latest_by_ = next_latest_by_ = {};
  const HistoryEntry* before = nullptr;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (i + EntriesByDocument::kBehind < items_.size())
      __builtin_prefetch(items_[i + EntriesByDocument::kBehind].entry);
    const VersionItem& item = items_[i];
    const HistoryEntry& entry = *item.entry;
    if (before != nullptr && before->thread != entry.thread) {
      ++pairs;
      overlapping += before->begin <= entry.end && entry.begin <= before->end ? 1 : 0;
    }
    before = &entry;
    if (!(item.is_write() ? check_write(entry) : check_seen(entry, item.word()))) return false;
  }
  return true;
}

void DocumentCheck::become(const HistoryEntry& write) {
  current_.write = &write;
  current_.state = {.kind = wrote_tombstone(write) ? State::Kind::tombstone : State::Kind::live,
                    .version = write.version,
                    .word = write.word};
  current_.source = write.wrote;
  current_.known = write.result != Result::rejected && write.version != kUntoldVersion;
  if (write.version == kUntoldVersion) [[unlikely]]
    needs_search_ = true;
  latest_ = next_latest_;
  latest_by_ = next_latest_by_;
  if (write.begin >= latest_) {
    latest_ = write.begin;
    latest_by_ = VersionItem::written(write);
  }
  next_latest_ = latest_;
  next_latest_by_ = latest_by_;
}

/// Whether the document can be absent for `entry`, which comes after the current version.
bool DocumentCheck::can_be_forgotten(const HistoryEntry& entry) const {
  if (current_.write == nullptr) return true;
  if (current_.write->result != Result::rejected && current_.state.kind == State::Kind::tombstone &&
      expiry_.possible(current_.write->begin, entry)) {
    return true;
  }
  return unanswered_delete_ != kForever && expiry_.possible(unanswered_delete_, entry);
}

bool DocumentCheck::check_write(const HistoryEntry& entry) {
  const HistoryEntry* const before = current_.write;
  const SeqNoTerm at = current_.state.word;
  if (before != nullptr) {
    if (entry.word.seq_no() == at.seq_no()) {
      return fail(Violation::duplicate_number, {before, &entry},
                  fmt::format("two writes of one document cannot both have {}", number(at)));
    }
    if (entry.word.term() < at.term()) {
      return fail(Violation::term_went_back, {before, &entry},
                  fmt::format("{} is the later write, but the primary term {} that ordered it is before {}",
                              number(entry.word), entry.word.term(), at.term()));
    }
  }
  if (answered(entry)) {
    State replaced;
    bool known = true;
    const SeqNoTerm on = decided_on(entry);
    // What was replaced is not told: then it was the version before, and _version has to follow from it.
    const bool open = on == kUntoldWord;
    if (before != nullptr && (open || (!on.vacant() && on == at))) {
      replaced = current_.state;
      known = current_.known && !(open && !unanswered_.empty());
    } else if (!open && (!on.vacant() || !can_be_forgotten(entry))) {
      return fail_replaced(entry);
    } else if (open && !unanswered_.empty()) {
      known = false;
    } else if (before != nullptr && current_.state.live()) {
      ++open_;  // an operation without an answer may have deleted it; whether there is room for that hangs on others
    } else if (before != nullptr && expiry_.earliest(before->begin) > entry.begin) {
      needs_search_ = true;  // whether it was purged in time hangs on others
    }
    if (!check_transform(entry)) return false;
    if (known && !check_outcome(replaced, entry)) return false;
    if (entry.end < next_latest_) return fail_order(VersionItem::written(entry), next_latest_by_);
  }
  become(entry);
  return true;
}

bool DocumentCheck::check_seen(const HistoryEntry& entry, SeqNoTerm word) {
  if (current_.write == nullptr || current_.state.word != word) {
    return fail(Violation::unwritten_version, {&entry},
                fmt::format("nobody wrote {}, which {} saw", number(word), whose(entry)));
  }
  if (entry.end < latest_) return fail_order(VersionItem::seen(word, entry), latest_by_);
  if (entry.begin > next_latest_) {
    next_latest_ = entry.begin;
    next_latest_by_ = VersionItem::seen(word, entry);
  }
  if (word != decided_on(entry)) return check_transform(entry);
  if (entry.kind == HistoryKind::get) return check_get(entry);
  if (entry.word != entry.decided_on && carries_a_number(entry)) return fail_number(entry);
  return check_transform(entry) && (!current_.known || check_outcome(current_.state, entry));
}

/// What an update's transform saw, against the current version.
bool DocumentCheck::check_transform(const HistoryEntry& entry) {
  if (entry.kind != HistoryKind::update) return true;
  const SeqNoTerm saw = transformed(entry) ? SeqNoTerm::from_bits(entry.condition) : transform_saw(entry);
  const SeqNoTerm on = decided_on(entry);
  if (transformed(entry)) {
    if (saw.vacant() && untold(entry)) {
      if (!unanswered_.empty()) return true;
    } else if (saw.vacant()) {
      return fail(Violation::spurious_outcome, {&entry},
                  fmt::format("{} ended as {}, but its transform did not run", whose(entry), to_string(entry.result)));
    }
    if (saw != on && !saw.vacant()) {
      const bool wrote = says_it_wrote(entry);
      return fail(
          wrote ? Violation::lost_update : Violation::spurious_outcome, {find_write(saw), find_write(on), &entry},
          fmt::format("what {} {} was computed from {}, not from {}, which it {}", whose(entry),
                      wrote ? "wrote" : "decided", number(saw), number(on), wrote ? "replaced" : "was decided on"));
    }
  } else {
    // Of a try that failed: an observation of its own, before the one that the outcome was decided on.
    if (saw.vacant() || saw != current_.state.word) return true;
    const SeqNoTerm after = says_it_wrote(entry) ? entry.word : on;
    const bool follows = says_it_wrote(entry) ? saw < after : saw <= after;
    if (!after.vacant() && !follows) {
      return fail(Violation::stale, {find_write(after), current_.write, &entry},
                  fmt::format("the transform of {} saw {}, yet after that its outcome was decided on the earlier {}",
                              whose(entry), number(saw), number(after)));
    }
  }
  if (!current_.known || current_.write == nullptr) return true;
  if (!current_.state.live()) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} is the number of a delete: there was no source that a transform could have seen",
                            number(current_.state.word)));
  }
  if (entry.read != current_.source && !source_untold(entry)) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("the source that {} read under {} is not the one that {} wrote under it", whose(entry),
                            number(current_.state.word), whose(*current_.write)));
  }
  return true;
}

bool DocumentCheck::check_get(const HistoryEntry& entry) {
  const State& state = current_.state;
  if (entry.result != Result::found) {
    if (entry.result == Result::not_found && version_fits(kVersionNotFound, entry) && !carries_a_number(entry) &&
        (!current_.known || !state.live())) {
      return true;
    }
    return fail(Violation::spurious_outcome, {current_.write, &entry},
                fmt::format("{} ended as {}, but {} is a live document", whose(entry), to_string(entry.result),
                            number(state.word)));
  }
  if (entry.word != entry.decided_on && !untold(entry)) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} handed out {} together with what belongs to {}", whose(entry), number(entry.word),
                            number(entry.decided_on)));
  }
  if (!current_.known) return true;
  if (!state.live()) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} is the number of a delete: there was no source to read under it", number(state.word)));
  }
  if (!version_fits(state.version, entry)) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} was written as _version {}, not {}", number(state.word), state.version, entry.version));
  }
  if (entry.read != current_.source && !source_untold(entry)) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("the source that {} read under {} is not the one that {} wrote under it", whose(entry),
                            number(state.word), whose(*current_.write)));
  }
  return true;
}

/// Whether the operation, decided at this instant, ends as it did.
bool DocumentCheck::agrees(const State& state, const HistoryEntry& entry, Instant at) const {
  const bool update = entry.kind == HistoryKind::update;
  if (update && entry.result == Result::not_found) return !state.live() && version_fits(kVersionNotFound, entry);
  if (entry.kind == HistoryKind::get)
    return !state.live() && entry.result == Result::not_found && version_fits(kVersionNotFound, entry);
  // A transform must have seen a document, if not which.
  if (transformed(entry) && !state.live()) return false;
  if (conflict_with_anything(entry)) return true;
  const Decision decision = decide(state, operation_of(entry), condition_of(entry), at);
  return decision.result == entry.result && version_fits(decision.version, entry) && cause_fits(decision.cause, entry);
}

/// `state` is the current version's, or absence.
bool DocumentCheck::check_outcome(const State& state, const HistoryEntry& entry) {
  if (state.kind != State::Kind::tombstone) {
    if (agrees(state, entry, {})) return true;
  } else {
    const HistoryEntry& deletion = *current_.write;
    const bool avoidable = expiry_.avoidable(deletion.end, entry);
    const bool possible = expiry_.possible(deletion.begin, entry);
    if (avoidable && possible) {
      needs_search_ = true;  // which of the two it was hangs on others
      ++open_;
    }
    if (avoidable && agrees(state, entry, expiry_.instant(false))) return true;
    if (possible && agrees(state, entry, expiry_.instant(true))) return true;
  }
  return fail_outcome(state, entry);
}

}  // namespace occ
