#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <deque>
#include <initializer_list>
#include <utility>

#include "core/decide.hpp"
#include "harness/history.hpp"
#include "harness/history_order.hpp"
#include "harness/remote_outcome.hpp"

namespace occ {
namespace {

constexpr std::uint64_t kForever = HistoryEntry::kUnanswered;
/// Contradictions that a report holds in full.
constexpr std::size_t kShown = 10;
/// Entries that a worker takes at once.
constexpr std::size_t kBatch = 16'384;

bool answered(const HistoryEntry& entry) noexcept {
  return entry.end != HistoryEntry::kUnanswered;
}

/// By what it answered, whether it wrote; a delete of a missing document does.
bool says_it_wrote(const HistoryEntry& entry) noexcept {
  switch (entry.result) {
    case Result::created:
    case Result::updated:
    case Result::deleted:
      return entry.kind != HistoryKind::get;
    case Result::not_found:
      return entry.kind == HistoryKind::remove;
    default:
      return false;
  }
}

bool wrote_tombstone(const HistoryEntry& entry) noexcept {
  return entry.result == Result::deleted || entry.result == Result::not_found;
}

/// The word that an update's transform saw; vacant if it did not run.
SeqNoTerm transform_saw(const HistoryEntry& entry) noexcept {
  if (entry.kind != HistoryKind::update) return {};
  const bool ran = entry.precondition == Precondition::Kind::none || entry.read != 0;
  return ran ? SeqNoTerm::from_bits(entry.condition) : SeqNoTerm();
}

/// A transform ran, and what it made was carried out.
bool transformed(const HistoryEntry& entry) noexcept {
  return entry.kind == HistoryKind::update &&
         (entry.result == Result::updated || entry.result == Result::deleted || entry.result == Result::noop);
}

Operation operation_of(const HistoryEntry& entry) noexcept {
  if (entry.kind != HistoryKind::update)
    return entry.kind == HistoryKind::remove ? Operation::remove : Operation::index;
  if (entry.result == Result::deleted) return Operation::remove;
  return entry.result == Result::noop ? Operation::keep : Operation::index;
}

/// The condition under which the operation's outcome was decided. An update writes under the condition that what its
/// transform saw is still there; an upsert under the condition that nothing is.
Precondition condition_of(const HistoryEntry& entry) noexcept {
  using Kind = Precondition::Kind;
  const auto version = std::bit_cast<Version>(entry.condition);
  switch (entry.precondition) {
    case Kind::seq_no_term:
      return Precondition::if_word(SeqNoTerm::from_bits(entry.condition));
    case Kind::version:
      return Precondition::if_version(version);
    case Kind::external:
      return Precondition::external(version);
    case Kind::external_gte:
      return Precondition::external_gte(version);
    case Kind::must_not_exist:
      return Precondition::must_not_exist();
    case Kind::none:
      break;
  }
  if (entry.kind != HistoryKind::update) return Precondition::none();
  if (entry.result == Result::created || entry.cause == Cause::already_exists) return Precondition::must_not_exist();
  return Precondition::if_word(SeqNoTerm::from_bits(entry.condition));
}

/// When a tombstone can have expired. The table reads a millisecond clock somewhere inside each operation.
class Expiry {
 public:
  explicit Expiry(const HistoryRules& rules) noexcept
      : always_(rules.gc_deletes_ms < 0),
        least_(ticks(static_cast<double>(rules.gc_deletes_ms) - kSlackMs, rules)),
        most_(ticks(static_cast<double>(rules.gc_deletes_ms) + kSlackMs, rules)) {}

  /// Of a delete that began at `deleted`: the earliest time at which its tombstone can have expired.
  [[nodiscard]] std::uint64_t earliest(std::uint64_t deleted) const noexcept {
    if (always_) return deleted;
    return deleted > kForever - least_ ? kForever : deleted + least_;
  }
  [[nodiscard]] bool possible(std::uint64_t deleted, const HistoryEntry& entry) const noexcept {
    return always_ || !answered(entry) || entry.end >= earliest(deleted);
  }
  /// Of a delete that ended at `deleted`.
  [[nodiscard]] bool avoidable(std::uint64_t deleted, const HistoryEntry& entry) const noexcept {
    return !always_ && (entry.begin <= deleted || entry.begin - deleted <= most_);
  }

 private:
  /// Two readings of a millisecond clock, each rounded down.
  static constexpr double kSlackMs = 2;

  static std::uint64_t ticks(double ms, const HistoryRules& rules) noexcept {
    return static_cast<std::uint64_t>(std::clamp(ms * rules.ticks_per_ms, 0.0, 0x1p62));
  }

  bool always_;
  std::uint64_t least_;
  std::uint64_t most_;
};

std::string number(SeqNoTerm word) {
  return fmt::format("_seq_no {}", word.seq_no());
}

std::string_view kind_name(const HistoryEntry& entry) {
  if (entry.kind == HistoryKind::index && entry.precondition == Precondition::Kind::must_not_exist) return "create";
  constexpr std::string_view kNames[] = {"get", "index", "delete", "update"};
  return kNames[static_cast<int>(entry.kind)];
}

std::string whose(const HistoryEntry& entry) {
  return fmt::format("thread {}'s {}", entry.thread, kind_name(entry));
}

std::string_view result_name(Result result) {
  constexpr std::string_view kNames[] = {"found", "created",   "updated",  "deleted",
                                         "noop",  "not found", "conflict", "rejected"};
  return kNames[static_cast<int>(result)];
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

/// Checks one document after the other; kept for its memory.
class DocumentCheck {
 public:
  explicit DocumentCheck(const HistoryRules& rules) : expiry_(rules), gc_deletes_ms_(rules.gc_deletes_ms) {}

  /// The entries of one document; pointers may be read up to EntriesByDocument::kBehind places behind them. False if
  /// no order explains them: see contradiction().
  bool check(std::span<const HistoryEntry* const> entries);

  [[nodiscard]] Contradiction& contradiction() noexcept { return contradiction_; }
  std::uint64_t pairs = 0;
  std::uint64_t overlapping = 0;

 private:
  /// The version that the sweep has come to.
  struct Current {
    /// Null before the first write.
    const HistoryEntry* write = nullptr;
    State state;
    std::uint32_t source = 0;
    /// False of a version that an operation without an answer wrote, unless somebody read it.
    bool known = true;
  };
  /// A version that was seen and that nobody says to have written: by an operation without an answer.
  struct Unanswered {
    HistoryEntry entry;
    const HistoryEntry* operation;
  };
  /// A time during which the document can have been absent.
  struct Absence {
    std::uint64_t start;
    std::uint64_t end;
  };

  bool collect(std::span<const HistoryEntry* const> entries);
  void add_unanswered();
  const HistoryEntry* find_write(SeqNoTerm word, const HistoryEntry** next = nullptr) const;
  bool sweep();
  void become(const HistoryEntry& write);
  bool check_write(const HistoryEntry& entry);
  bool check_seen(const HistoryEntry& entry, SeqNoTerm word);
  bool check_transform(const HistoryEntry& entry);
  bool check_get(const HistoryEntry& entry);
  bool check_outcome(const State& state, const HistoryEntry& entry);
  bool check_absences();
  [[nodiscard]] bool agrees(const State& state, const HistoryEntry& entry, Instant at) const;
  [[nodiscard]] bool can_be_forgotten(const HistoryEntry& entry) const;

  // What is wrong. All return false.
  bool fail(Violation violation, std::initializer_list<const HistoryEntry*> operations, std::string reason);
  bool fail_replaced(const HistoryEntry& entry);
  bool fail_outcome(const State& state, const HistoryEntry& entry);
  bool fail_order(const VersionItem& item, const VersionItem& earlier);
  bool fail_absence(const HistoryEntry& entry);

  const Expiry expiry_;
  const std::int64_t gc_deletes_ms_;
  std::vector<VersionItem> items_;
  std::vector<VersionItem> spare_;
  std::vector<std::size_t> runs_;
  std::vector<const HistoryEntry*> absences_;
  std::vector<const HistoryEntry*> unanswered_;
  std::deque<Unanswered> found_unanswered_;
  std::vector<Absence> periods_;
  std::vector<std::uint64_t> last_end_;
  /// When the first operation without an answer that may have deleted began.
  std::uint64_t unanswered_delete_ = kForever;

  Current current_;
  /// The latest begin among the operations of versions before this one and this one's write, and of the operations so
  /// far: METHOD's M at the write, and after the version.
  std::uint64_t latest_ = 0;
  VersionItem latest_by_{};
  std::uint64_t next_latest_ = 0;
  VersionItem next_latest_by_{};

  Contradiction contradiction_;
};

bool DocumentCheck::check(std::span<const HistoryEntry* const> entries) {
  items_.clear();
  absences_.clear();
  unanswered_.clear();
  found_unanswered_.clear();
  if (!collect(entries)) return false;
  sort_by_version(items_, spare_, runs_);
  if (!unanswered_.empty()) add_unanswered();
  return sweep() && (absences_.empty() || check_absences());
}

bool DocumentCheck::collect(std::span<const HistoryEntry* const> entries) {
  unanswered_delete_ = kForever;
  const HistoryEntry* const* at = entries.data();
  for (const HistoryEntry* const* const end = at + entries.size(); at != end; ++at) {
    __builtin_prefetch(at[EntriesByDocument::kBehind]);
    const HistoryEntry& entry = **at;
    if (!answered(entry)) {
      if (entry.kind == HistoryKind::get) continue;
      unanswered_.push_back(&entry);
      if (entry.kind != HistoryKind::index) unanswered_delete_ = std::min(unanswered_delete_, entry.begin);
      continue;
    }
    if (entry.result == Result::rejected) continue;
    // On what an absence, or a conflict, was decided is not told: nothing can be seen in it.
    if (entry.decided_on == kUntoldWord && !says_it_wrote(entry) && transform_saw(entry).vacant()) continue;
    if (const SeqNoTerm saw = transform_saw(entry); !saw.vacant() && saw != entry.decided_on && !transformed(entry))
      items_.push_back(VersionItem::seen(saw, entry));
    if (says_it_wrote(entry)) {
      if (entry.word.vacant())
        return fail(Violation::spurious_outcome, {&entry}, whose(entry) + " says that it wrote, but drew no _seq_no");
      items_.push_back(VersionItem::written(entry));
    } else if (entry.decided_on == kUntoldWord) {
      continue;
    } else if (entry.decided_on.vacant()) {
      absences_.push_back(&entry);
    } else {
      items_.push_back(VersionItem::seen(entry.decided_on, entry));
    }
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
    const SeqNoTerm word = item.is_write() ? item.entry->decided_on : item.word();
    if (!word.vacant() && find_write(word) == nullptr) unwritten.push_back(word);
  }
  std::ranges::sort(unwritten);
  unwritten.erase(std::unique(unwritten.begin(), unwritten.end()), unwritten.end());
  for (const SeqNoTerm word : unwritten) {
    if (found_unanswered_.size() == unanswered_.size()) break;
    // What a reader says of the version.
    const HistoryEntry* reader = nullptr;
    for (const VersionItem& item : items_) {
      if (item.word() == word && item.entry->kind == HistoryKind::get && item.entry->result == Result::found)
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
  current_.known = write.result != Result::rejected;
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
  if (current_.known && current_.state.kind == State::Kind::tombstone &&
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
    // What was replaced is not told: then it was the version before, and _version has to follow from it.
    const bool untold = entry.decided_on == kUntoldWord;
    if (before != nullptr && (untold || (!entry.decided_on.vacant() && entry.decided_on == at))) {
      replaced = current_.state;
      known = current_.known && !(untold && !unanswered_.empty());
    } else if (!untold && (!entry.decided_on.vacant() || !can_be_forgotten(entry))) {
      return fail_replaced(entry);
    } else if (untold && !unanswered_.empty()) {
      known = false;
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
  if (word != entry.decided_on) return check_transform(entry);
  if (entry.kind == HistoryKind::get) return check_get(entry);
  if (entry.word != entry.decided_on) {
    return fail(Violation::spurious_outcome, {&entry},
                fmt::format("{} ended as {}, so it wrote nothing, but it carries {} although it was decided on {}",
                            whose(entry), result_name(entry.result), number(entry.word), number(entry.decided_on)));
  }
  return check_transform(entry) && (!current_.known || check_outcome(current_.state, entry));
}

/// What an update's transform saw, against the current version.
bool DocumentCheck::check_transform(const HistoryEntry& entry) {
  if (entry.kind != HistoryKind::update) return true;
  const SeqNoTerm saw = transform_saw(entry);
  if (transformed(entry)) {
    if (saw.vacant()) {
      return fail(
          Violation::spurious_outcome, {&entry},
          fmt::format("{} ended as {}, but its transform did not run", whose(entry), result_name(entry.result)));
    }
    if (saw != entry.decided_on) {
      const bool wrote = says_it_wrote(entry);
      return fail(wrote ? Violation::lost_update : Violation::spurious_outcome,
                  {find_write(saw), find_write(entry.decided_on), &entry},
                  fmt::format("what {} {} was computed from {}, not from {}, which it {}", whose(entry),
                              wrote ? "wrote" : "decided", number(saw), number(entry.decided_on),
                              wrote ? "replaced" : "was decided on"));
    }
  } else {
    // Of a try that failed: an observation of its own, before the one that the outcome was decided on.
    if (saw.vacant() || saw != current_.state.word) return true;
    const SeqNoTerm after = says_it_wrote(entry) ? entry.word : entry.decided_on;
    if (!after.vacant() && saw > after) {
      return fail(Violation::stale, {find_write(after), current_.write, &entry},
                  fmt::format("the transform of {} saw {}, yet after that its outcome was decided on the earlier {}",
                              whose(entry), number(saw), number(after)));
    }
  }
  if (!current_.known) return true;
  if (!current_.state.live()) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} is the number of a delete: there was no source that a transform could have seen",
                            number(current_.state.word)));
  }
  if (entry.read != current_.source) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("the source that {} read under {} is not the one that {} wrote under it", whose(entry),
                            number(current_.state.word), whose(*current_.write)));
  }
  return true;
}

bool DocumentCheck::check_get(const HistoryEntry& entry) {
  const State& state = current_.state;
  if (entry.result != Result::found) {
    if (entry.result == Result::not_found && entry.version == kVersionNotFound && entry.word == entry.decided_on &&
        (!current_.known || !state.live())) {
      return true;
    }
    return fail(Violation::spurious_outcome, {current_.write, &entry},
                fmt::format("{} ended as {}, but {} is a live document", whose(entry), result_name(entry.result),
                            number(state.word)));
  }
  if (entry.word != entry.decided_on) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} handed out {} together with what belongs to {}", whose(entry), number(entry.word),
                            number(entry.decided_on)));
  }
  if (!current_.known) return true;
  if (!state.live()) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} is the number of a delete: there was no source to read under it", number(state.word)));
  }
  if (entry.version != state.version) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("{} was written as _version {}, not {}", number(state.word), state.version, entry.version));
  }
  if (entry.read != current_.source) {
    return fail(Violation::torn_read, {current_.write, &entry},
                fmt::format("the source that {} read under {} is not the one that {} wrote under it", whose(entry),
                            number(state.word), whose(*current_.write)));
  }
  return true;
}

/// Whether the operation, decided at this instant, ends as it did.
bool DocumentCheck::agrees(const State& state, const HistoryEntry& entry, Instant at) const {
  const bool update = entry.kind == HistoryKind::update;
  if (update && entry.result == Result::not_found) return !state.live() && entry.version == kVersionNotFound;
  if (entry.kind == HistoryKind::get)
    return state.kind == State::Kind::absent && entry.result == Result::not_found && entry.version == kVersionNotFound;
  // Nothing is known of an update whose transform did not run, but for an upsert.
  if (update && entry.result == Result::conflict && entry.precondition == Precondition::Kind::none &&
      entry.cause != Cause::already_exists && SeqNoTerm::from_bits(entry.condition).vacant()) {
    return true;
  }
  const Decision decision = decide(state, operation_of(entry), condition_of(entry), at);
  // A strategy may guard an update by its version: a conflict either way, of another cause.
  return decision.result == entry.result &&
         (decision.version == entry.version || (entry.version == kUntoldVersion && entry.result == Result::conflict)) &&
         (decision.cause == entry.cause || update);
}

/// `state` is the current version's, or absence.
bool DocumentCheck::check_outcome(const State& state, const HistoryEntry& entry) {
  constexpr Instant kKept{.now_ms = 0, .gc_deletes_ms = 0};
  constexpr Instant kExpired{.now_ms = 1, .gc_deletes_ms = 0};
  if (state.kind != State::Kind::tombstone) {
    if (agrees(state, entry, {})) return true;
  } else {
    const HistoryEntry& deletion = *current_.write;
    if (expiry_.avoidable(deletion.end, entry) && agrees(state, entry, kKept)) return true;
    if (expiry_.possible(deletion.begin, entry) && agrees(state, entry, kExpired)) return true;
  }
  return fail_outcome(state, entry);
}

/// Observations of absence, each alone: is there a time for it at which the document can have been absent?
bool DocumentCheck::check_absences() {
  last_end_.resize(items_.size() + 1);
  last_end_.back() = kForever;
  for (std::size_t i = items_.size(); i-- > 0;) last_end_[i] = std::min(last_end_[i + 1], items_[i].entry->end);

  periods_.clear();
  std::uint64_t latest = 0;
  bool absent = true;
  std::uint64_t since = 0;
  const auto add = [&](std::uint64_t start, std::uint64_t end) {
    if (start <= end) periods_.push_back({start, end});
  };
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const HistoryEntry& entry = *items_[i].entry;
    latest = std::max(latest, entry.begin);
    if (!items_[i].is_write()) continue;
    if (absent) add(since, last_end_[i]);
    absent = wrote_tombstone(entry);
    since = std::max(latest, expiry_.earliest(entry.begin));
  }
  if (absent) add(since, kForever);
  if (unanswered_delete_ != kForever) add(expiry_.earliest(unanswered_delete_), kForever);
  // From here on, `start` is the earliest of this period and all later ones.
  for (std::size_t i = periods_.size(); i-- > 1;)
    periods_[i - 1].start = std::min(periods_[i - 1].start, periods_[i].start);

  for (const HistoryEntry* entry : absences_) {
    if (!entry->word.vacant()) {
      return fail(Violation::spurious_outcome, {entry},
                  fmt::format("{} ended as {}, so it wrote nothing, but it carries {}", whose(*entry),
                              result_name(entry->result), number(entry->word)));
    }
    if (!agrees({}, *entry, {})) return fail_outcome({}, *entry);
    const auto period = std::ranges::lower_bound(periods_, entry->begin, {}, &Absence::end);
    if (period == periods_.end() || period->start > entry->end) return fail_absence(*entry);
  }
  return true;
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

/// A write that replaced something else than the version before it.
bool DocumentCheck::fail_replaced(const HistoryEntry& entry) {
  const HistoryEntry* const before = current_.write;
  const SeqNoTerm replaced = entry.decided_on;
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
  if (next->decided_on == replaced && answered(*next)) {
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
                            result_name(entry.result), entry.version));
  }
  std::string possible;
  for (const bool expired : {false, true}) {
    if (state.kind == State::Kind::tombstone) {
      if (expired ? !expiry_.possible(writer->begin, entry) : !expiry_.avoidable(writer->end, entry)) continue;
    } else if (expired) {
      break;
    }
    const Decision decision =
        decide(state, operation_of(entry), condition_of(entry), {.now_ms = expired ? 1 : 0, .gc_deletes_ms = 0});
    possible += fmt::format("{}{} with _version {}", possible.empty() ? "" : " or, the tombstone having expired, ",
                            result_name(decision.result), decision.version);
    if (decision.cause != entry.cause && entry.kind != HistoryKind::update && decision.result == entry.result)
      possible += " for another cause";
  }
  return fail(Violation::spurious_outcome, {writer, &entry},
              fmt::format("{} that is decided {} must end as {}, not as {} with _version {}", whose(entry),
                          state_text(state), possible, result_name(entry.result), entry.version));
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
    if (deletion == nullptr && items_[i].is_write() && wrote_tombstone(other) && other.begin <= entry.end)
      deletion = &other;
  }
  const std::string there = fmt::format("{} ended before {} began, so {} had been written by then", whose(*witness),
                                        whose(entry), number(seen));
  if (deletion == nullptr) {
    return fail(Violation::impossible_absence, {find_write(seen), witness, &entry},
                there + ", and nothing has deleted it since");
  }
  return fail(Violation::impossible_absence, {find_write(seen), witness, deletion, &entry},
              fmt::format("{}, and the tombstone of {} cannot have expired while it was there (gc_deletes is {} ms)",
                          there, number(deletion->word), gc_deletes_ms_));
}

/// The shortest of the contradictions, and the lowest document among these: the same whatever the workers were.
void keep_shortest(std::vector<Contradiction>& all) {
  std::ranges::sort(all, {},
                    [](const Contradiction& each) { return std::pair(each.operations.size(), each.document); });
  if (all.size() > kShown) all.resize(kShown);
}

}  // namespace

HistoryReport check_history(std::span<const std::span<const HistoryEntry>> threads, const HistoryRules& rules,
                            unsigned workers) {
  using std::chrono::steady_clock;
  const auto start = steady_clock::now();
  workers = std::max(workers, 1U);
  const EntriesByDocument by_document(threads, rules.documents, workers);
  const std::uint64_t batch = std::clamp<std::uint64_t>(
      std::uint64_t{rules.documents} * kBatch / std::max<std::uint64_t>(by_document.entries(), 1), 1, kBatch);
  std::vector<HistoryReport> parts(workers);
  std::atomic<std::uint64_t> next = 0;
  in_parallel(workers, [&](unsigned worker) {
    DocumentCheck check(rules);
    HistoryReport part;
    for (;;) {
      const std::uint64_t first = next.fetch_add(batch, std::memory_order_relaxed);  // relaxed: only a ticket
      if (first >= rules.documents) break;
      const std::uint64_t end = std::min<std::uint64_t>(first + batch, rules.documents);
      for (std::uint64_t document = first; document < end; ++document) {
        const auto entries = by_document.of(static_cast<std::uint32_t>(document));
        if (entries.empty()) continue;
        ++part.documents;
        if (check.check(entries)) continue;
        ++part.wrong_documents;
        part.contradictions.push_back(std::move(check.contradiction()));
        if (part.contradictions.size() >= 64 * kShown) keep_shortest(part.contradictions);
      }
    }
    part.pairs = check.pairs;
    part.overlapping = check.overlapping;
    parts[worker] = std::move(part);
  });
  HistoryReport report{.operations = by_document.entries(), .check_threads = workers};
  for (HistoryReport& part : parts) {
    report.documents += part.documents;
    report.pairs += part.pairs;
    report.overlapping += part.overlapping;
    report.wrong_documents += part.wrong_documents;
    std::ranges::move(part.contradictions, std::back_inserter(report.contradictions));
  }
  keep_shortest(report.contradictions);
  report.check_s = std::chrono::duration<double>(steady_clock::now() - start).count();
  return report;
}

}  // namespace occ
