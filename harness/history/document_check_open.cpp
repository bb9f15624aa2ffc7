// Of one document's operations: those that leave something open.
#include <algorithm>

#include "harness/history/document_check.hpp"

namespace occ {

/// The earliest end from each place on, in the order of the versions.
void DocumentCheck::find_last_ends() {
  last_end_.resize(items_.size() + 1);
  last_end_.back() = kForever;
  for (std::size_t i = items_.size(); i-- > 0;) last_end_[i] = std::min(last_end_[i + 1], items_[i].entry->end);
}

/// Observations of absence, each alone: is there a time for it at which the document can have been absent?
bool DocumentCheck::check_absences() {
  find_last_ends();
  periods_.clear();
  // The latest begin of what comes before, those who saw the tombstone included.
  std::uint64_t latest = 0;
  const HistoryEntry* deletion = nullptr;
  bool absent = true;
  const auto add = [&](std::uint64_t end) {
    const std::uint64_t start = deletion == nullptr ? 0 : std::max(latest, expiry_.earliest(deletion->begin));
    if (absent && start <= end) periods_.push_back({start, end});
    if (absent && start <= end && deletion != nullptr) needs_search_ = true;  // how they stand to one another is open
  };
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const HistoryEntry& entry = *items_[i].entry;
    if (items_[i].is_write()) {
      // A tombstone that was replaced had not been purged.
      if (deletion == nullptr || decided_on(entry) != deletion->word) add(last_end_[i]);
      absent = wrote_tombstone(entry);
      deletion = absent ? &entry : nullptr;
    }
    latest = std::max(latest, entry.begin);
  }
  add(kForever);
  if (unanswered_delete_ != kForever) periods_.push_back({expiry_.earliest(unanswered_delete_), kForever});
  // From here on, `start` is the earliest of this period and all later ones.
  for (std::size_t i = periods_.size(); i-- > 1;)
    periods_[i - 1].start = std::min(periods_[i - 1].start, periods_[i].start);

  for (const HistoryEntry* entry : absences_) {
    if (!entry->word.vacant()) return fail_number(*entry);
    if (!agrees({}, *entry, {})) return fail_outcome({}, *entry);
    const auto period = std::ranges::lower_bound(periods_, entry->begin, {}, &Absence::end);
    if (period == periods_.end() || period->start > entry->end) return fail_absence(*entry);
  }
  open_ += absences_.size();
  return true;
}

/// Operations that do not say on what they were decided, each alone: can the document have been in a state that allows
/// it?
bool DocumentCheck::check_untold() {
  find_last_ends();
  versions_.clear();
  versions_.push_back({nullptr, 0, 0});
  std::uint64_t latest = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const HistoryEntry& entry = *items_[i].entry;
    latest = std::max(latest, entry.begin);
    if (!items_[i].is_write()) continue;
    versions_.back().end = last_end_[i];
    versions_.push_back({&entry, latest, 0});
  }
  versions_.back().end = kForever;
  for (const HistoryEntry* entry : untold_) {
    if (carries_a_number(*entry)) return fail_number(*entry);
    if (first_unanswered_ <= entry->end) continue;  // there may be states of which nothing is known
    auto period = std::ranges::lower_bound(versions_, entry->begin, {}, &Period::end);
    while (period != versions_.end() && period->start <= entry->end && !can_be_in(*period, *entry)) ++period;
    if (period == versions_.end() || period->start > entry->end) return fail_untold(*entry);
  }
  return true;
}

bool DocumentCheck::can_be_in(const Period& period, const HistoryEntry& entry) const {
  const HistoryEntry* const write = period.write;
  if (write == nullptr) return entry.result != Result::found && agrees({}, entry, {});
  if (write->result == Result::rejected || write->version == kUntoldVersion) return true;  // little is known of it
  const State state{.kind = wrote_tombstone(*write) ? State::Kind::tombstone : State::Kind::live,
                    .version = write->version,
                    .word = write->word};
  if (entry.result == Result::found || transformed(entry)) {
    if (!state.live() || (!source_untold(entry) && entry.read != write->wrote)) return false;
    if (entry.result == Result::found) return entry.kind == HistoryKind::get && version_fits(state.version, entry);
  }
  if (state.live()) return agrees(state, entry, {});
  return (expiry_.avoidable(write->end, entry) && agrees(state, entry, expiry_.instant(false))) ||
         (expiry_.possible(write->begin, entry) && agrees(state, entry, expiry_.instant(true)));
}

/// All operations of the document together.
bool DocumentCheck::search(std::span<const HistoryEntry* const> entries) {
  switch (search_.search(entries)) {
    case DocumentSearch::Verdict::possible:
      return true;
    case DocumentSearch::Verdict::impossible:
      return fail_search(*search_.stuck());
    case DocumentSearch::Verdict::gave_up:
      break;
  }
  for (const VersionItem& item : items_) {
    const SeqNoTerm on = item.is_write() ? decided_on(*item.entry) : item.word();
    const bool by_unanswered = std::ranges::any_of(
        found_unanswered_, [on](const Unanswered& unanswered) { return unanswered.entry.word == on; });
    if (by_unanswered && answered(*item.entry)) ++open_;
  }
  const std::uint64_t left_open = std::min(open_, judged - judged_before_);
  judged -= left_open;
  not_judged += left_open;
  return true;
}

}  // namespace occ
