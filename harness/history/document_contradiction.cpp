// What is wrong with one document's operations, in words.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/history/contradiction_words.hpp"
#include "harness/history/document_check.hpp"

namespace occ {

std::string number(SeqNoTerm word) {
  return fmt::format("_seq_no {}", word.seq_no());
}

namespace {

std::string_view kind_name(const HistoryEntry& entry) {
  if (entry.kind == HistoryKind::index && entry.precondition == Precondition::Kind::must_not_exist) return "create";
  constexpr std::string_view kNames[] = {"get", "index", "delete", "update"};
  return kNames[static_cast<int>(entry.kind)];
}

}  // namespace

std::string whose(const HistoryEntry& entry) {
  return fmt::format("thread {}'s {}", entry.thread, kind_name(entry));
}

std::string state_text(const State& state) {
  switch (state.kind) {
    case State::Kind::absent:
      return "where there is no document";
    case State::Kind::live:
      return fmt::format("on {}, a document of _version {},", number(state.word), state.version);
    case State::Kind::tombstone:
      return fmt::format("on {}, the tombstone of a delete with _version {},", number(state.word), state.version);
  }
  return {};
}

/// Null pointers and doubles among the operations are left out.
bool DocumentCheck::fail(Violation violation, std::initializer_list<const HistoryEntry*> operations,
                         std::string reason) {
  contradiction_ = {.violation = violation, .reason = std::move(reason)};
  std::vector<const HistoryEntry*> shown;
  for (const HistoryEntry* operation : operations) {
    for (const Unanswered& unanswered : found_unanswered_) {
      if (operation == &unanswered.entry) operation = unanswered.operation;
    }
    if (operation == nullptr || std::ranges::find(shown, operation) != shown.end()) continue;
    shown.push_back(operation);
    contradiction_.operations.push_back(*operation);
    contradiction_.document = operation->document;
  }
  return false;
}

bool DocumentCheck::fail_number(const HistoryEntry& entry) {
  const SeqNoTerm on = decided_on(entry);
  const std::string where = on == kUntoldWord ? ""
                            : on.vacant()     ? " although it found nothing"
                                              : " although it was decided on " + number(on);
  return fail(Violation::spurious_outcome, {&entry},
              fmt::format("{} ended as {}, so it wrote nothing, but it carries {}{}", whose(entry),
                          to_string(entry.result), number(entry.word), where));
}

/// A write that replaced something else than the version before it.
bool DocumentCheck::fail_replaced(const HistoryEntry& entry) {
  const HistoryEntry* const before = current_.write;
  const SeqNoTerm replaced = decided_on(entry);
  if (replaced.vacant()) {
    if (current_.state.kind == State::Kind::tombstone) {
      return fail(Violation::impossible_absence, {before, &entry},
                  fmt::format("{} found nothing, not even the tombstone of {}, which cannot have expired yet "
                              "(gc_deletes is {} ms)",
                              whose(entry), number(before->word), gc_deletes_ms_));
    }
    return fail(Violation::lost_update, {before, &entry},
                fmt::format("{} found no document, but {} had been written, so what that wrote is gone although its "
                            "caller was told that it was applied",
                            whose(entry), number(before->word)));
  }
  if (replaced >= entry.word) {
    return fail(Violation::spurious_outcome, {find_write(replaced), &entry},
                fmt::format("{} replaced {}, so its own number must be above that, but it is {}", whose(entry),
                            replaced.seq_no(), entry.word.seq_no()));
  }
  const HistoryEntry* next = nullptr;
  const HistoryEntry* const writer = find_write(replaced, &next);
  if (writer == nullptr || next == nullptr) {
    return fail(Violation::unwritten_version, {&entry},
                fmt::format("nobody wrote {}, which {} replaced", number(replaced), whose(entry)));
  }
  if (answered(*next) && decided_on(*next) == replaced) {
    return fail(Violation::lost_update, {next, &entry},
                fmt::format("both replaced {}, so what {} wrote is gone although its caller was told that it was "
                            "applied",
                            number(replaced), number(next->word)));
  }
  return fail(Violation::lost_update, {writer, next, &entry},
              fmt::format("{} replaced {}, but by then it had been replaced by {}, and what that wrote is gone "
                          "although its caller was told that it was applied",
                          whose(entry), number(replaced), number(next->word)));
}

bool DocumentCheck::fail_outcome(const State& state, const HistoryEntry& entry) {
  const HistoryEntry* const writer = state.kind == State::Kind::absent ? nullptr : current_.write;
  if (entry.kind == HistoryKind::get || (entry.kind == HistoryKind::update && entry.result == Result::not_found)) {
    return fail(Violation::spurious_outcome, {writer, &entry},
                fmt::format("{} that is decided {} cannot end as {} with _version {}", whose(entry), state_text(state),
                            to_string(entry.result), entry.version));
  }
  std::string possible;
  for (const bool expired : {false, true}) {
    if (state.kind == State::Kind::tombstone) {
      if (expired ? !expiry_.possible(writer->begin, entry) : !expiry_.avoidable(writer->end, entry)) continue;
    } else if (expired) {
      break;
    }
    const Decision decision = decide(state, operation_of(entry), condition_of(entry), expiry_.instant(expired));
    possible += fmt::format("{}{} with _version {}", possible.empty() ? "" : " or, the tombstone having expired, ",
                            to_string(decision.result), decision.version);
    if (decision.cause != entry.cause && entry.kind != HistoryKind::update && decision.result == entry.result)
      possible += " for another cause";
  }
  return fail(Violation::spurious_outcome, {writer, &entry},
              fmt::format("{} that is decided {} must end as {}, not as {} with _version {}", whose(entry),
                          state_text(state), possible, to_string(entry.result), entry.version));
}

/// `item` ended before `earlier` began, which comes before it in the order of versions.
bool DocumentCheck::fail_order(const VersionItem& item, const VersionItem& earlier) {
  const HistoryEntry& first = *earlier.entry;
  const HistoryEntry& entry = *item.entry;
  std::string reason;
  if (!earlier.is_write()) {
    reason =
        fmt::format("{} had {} {} and ended before {} began, which yet saw the older {}", whose(entry),
                    item.is_write() ? "written" : "seen", number(item.word()), whose(first), number(earlier.word()));
  } else if (!item.is_write() && item.word() == earlier.word()) {
    reason = fmt::format("{} saw {} and ended before {}, which wrote it, began", whose(entry), number(item.word()),
                         whose(first));
  } else {
    reason = fmt::format("{} {} {} and ended before {} began, which yet wrote the older {}", whose(entry),
                         item.is_write() ? "wrote" : "saw", number(item.word()), whose(first), number(earlier.word()));
  }
  return fail(Violation::stale, {&first, &entry}, std::move(reason));
}

bool DocumentCheck::fail_absence(const HistoryEntry& entry) {
  // The last version that was certainly there before, and the operation that shows it.
  const auto after = std::ranges::lower_bound(last_end_, entry.begin);
  const auto at = static_cast<std::size_t>(after - last_end_.begin());
  const HistoryEntry* witness = nullptr;
  SeqNoTerm seen;
  const HistoryEntry* deletion = nullptr;
  for (std::size_t i = at == 0 ? 0 : at - 1; i < items_.size(); ++i) {
    const HistoryEntry& other = *items_[i].entry;
    if (witness == nullptr && other.end < entry.begin) {
      witness = &other;
      seen = items_[i].word();
    }
    if (items_[i].is_write() && wrote_tombstone(other) && other.begin <= entry.end) deletion = &other;
    // Who found the tombstone later.
    if (deletion != nullptr && other.begin > entry.end && deletion->word == decided_on(other)) {
      return fail(Violation::impossible_absence, {deletion, &entry, &other},
                  fmt::format("{} found nothing, not even the tombstone of {}, and ended before {} began, which found "
                              "that tombstone again; what was purged does not come back",
                              whose(entry), number(deletion->word), whose(other)));
    }
  }
  const std::string there = witness == nullptr ? std::string("it was there")
                                               : fmt::format("{} ended before {} began, so {} had been written by then",
                                                             whose(*witness), whose(entry), number(seen));
  if (deletion == nullptr) {
    return fail(Violation::impossible_absence, {find_write(seen), witness, &entry},
                there + ", and nothing has deleted it since");
  }
  for (const VersionItem& item : items_) {
    if (item.is_write() && decided_on(*item.entry) == deletion->word) {
      return fail(
          Violation::impossible_absence, {deletion, &entry, item.entry},
          fmt::format("{} found nothing, not even the tombstone of {}, but {} replaced that tombstone; what was "
                      "purged does not come back",
                      whose(entry), number(deletion->word), whose(*item.entry)));
    }
  }
  return fail(Violation::impossible_absence, {find_write(seen), witness, deletion, &entry},
              fmt::format("{}, and the tombstone of {} cannot have expired while it was there (gc_deletes is {} ms)",
                          there, number(deletion->word), gc_deletes_ms_));
}

/// No state that it can have met allows what an operation answered that does not say on what it was decided.
bool DocumentCheck::fail_untold(const HistoryEntry& entry) {
  constexpr std::size_t kMostShown = 3;
  std::string met;
  std::vector<const HistoryEntry*> writes;
  std::size_t versions = 0;
  for (auto period = std::ranges::lower_bound(versions_, entry.begin, {}, &Period::end);
       period != versions_.end() && period->start <= entry.end; ++period) {
    if (++versions > kMostShown) continue;
    if (!met.empty()) met += ", then ";
    if (period->write == nullptr) {
      met += "nothing";
      continue;
    }
    writes.push_back(period->write);
    met += fmt::format("{}, {} _version {}", number(period->write->word),
                       wrote_tombstone(*period->write) ? "the tombstone of a delete with" : "a document of",
                       period->write->version);
  }
  if (versions > kMostShown) met += fmt::format(", and {} more", versions - kMostShown);
  writes.resize(kMostShown);
  const bool absence = entry.result == Result::not_found;
  const bool written = std::ranges::any_of(items_, [&](const VersionItem& item) {
    return item.is_write() && item.entry->wrote == entry.read && version_fits(item.entry->version, entry);
  });
  const Violation violation = absence                         ? Violation::impossible_absence
                              : entry.result != Result::found ? Violation::spurious_outcome
                              : written                       ? Violation::stale
                                                              : Violation::torn_read;
  return fail(
      violation, {writes[0], writes[1], writes[2], &entry},
      fmt::format("{} ended as {}, but at no time within it was there a document for which that is right; there "
                  "was: {}",
                  whose(entry), to_string(entry.result), met));
}

/// Every operation can be explained alone.
bool DocumentCheck::fail_search(const HistoryEntry& stuck) {
  for (const Unanswered& unanswered : found_unanswered_) {
    const SeqNoTerm word = unanswered.entry.word;
    const auto item =
        std::ranges::find_if(items_, [&](const VersionItem& each) { return !each.is_write() && each.word() == word; });
    const HistoryEntry* reader = item == items_.end() ? nullptr : item->entry;
    for (const VersionItem& each : items_) {
      if (each.is_write() && decided_on(*each.entry) == word && reader == nullptr) reader = each.entry;
    }
    if (reader != nullptr && !fail_unanswered(word, *reader)) return false;
  }
  // What is open beside it, and near.
  constexpr std::size_t kBeside = 3;
  std::vector<const HistoryEntry*> beside;
  for (const auto* const open : {&untold_, &absences_, &unanswered_}) {
    for (const HistoryEntry* entry : *open) {
      if (entry != &stuck && entry->begin <= stuck.end) beside.push_back(entry);
    }
  }
  std::ranges::sort(beside, std::ranges::greater(), &HistoryEntry::begin);
  beside.resize(kBeside);
  return fail(Violation::stale, {beside[2], beside[1], beside[0], &stuck},
              fmt::format("each operation of the document can be explained alone, but no order explains them together: "
                          "when {} ends, it has no place in any",
                          whose(stuck)));
}

/// Says why none of the operations without an answer can have written what was seen, and is false; true if each has to
/// be looked at together with others.
bool DocumentCheck::fail_unanswered(SeqNoTerm word, const HistoryEntry& reader) {
  constexpr std::size_t kMostShown = 3;
  const bool says_version = reader.result == Result::found && reader.version != kUntoldVersion;
  const HistoryEntry* before = nullptr;
  for (const VersionItem& item : items_) {
    if (item.is_write() && item.word() < word) before = item.entry;
  }
  State state;
  if (before != nullptr) {
    if (!answered(*before)) return true;
    state = {.kind = wrote_tombstone(*before) ? State::Kind::tombstone : State::Kind::live,
             .version = before->version,
             .word = before->word};
  }
  std::string why;
  std::vector<const HistoryEntry*> shown;
  for (const HistoryEntry* candidate : unanswered_) {
    std::string reason;
    const Operation operation = candidate->kind == HistoryKind::remove ? Operation::remove : Operation::index;
    const Decision decision =
        decide(state, operation, state.live() ? condition_of_unanswered(*candidate) : requested(*candidate),
               expiry_.instant(false));
    if (candidate->begin > reader.end) {
      reason = "it had not begun";
    } else if (candidate->kind == HistoryKind::remove && reader.result == Result::found) {
      reason = "a delete writes no source";
    } else if (candidate->kind == HistoryKind::index && reader.result == Result::found && !source_untold(reader) &&
               candidate->wrote != reader.read) {
      reason = "its source is another";
    } else if (decision.verdict != Decision::Verdict::proceed) {
      reason = fmt::format("{} it must end as {}", state_text(state), to_string(decision.result));
    } else if (says_version && decision.version != reader.version) {
      reason = fmt::format("{} it makes _version {}, not {}", state_text(state), decision.version, reader.version);
    } else {
      return true;
    }
    if (shown.size() < kMostShown) {
      shown.push_back(candidate);
      why += fmt::format("{}{}, which was not answered, cannot have: {}", why.empty() ? "" : "; ", whose(*candidate),
                         reason);
    }
  }
  shown.resize(kMostShown);
  return fail(Violation::unwritten_version, {before, shown[0], shown[1], shown[2], &reader},
              fmt::format("nobody wrote {}, which {} {}; {}", number(word), whose(reader),
                          says_it_wrote(reader) ? "replaced" : "saw", why));
}

}  // namespace occ
