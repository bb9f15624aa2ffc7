#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "core/model/decide.hpp"
#include "harness/history/history.hpp"
#include "harness/history/history_order.hpp"
#include "harness/history/history_outcome.hpp"
#include "harness/history/history_search.hpp"
#include "harness/history/history_shard.hpp"

namespace occ {

/// Checks one document after the other; kept for its memory.
class DocumentCheck {
 public:
  explicit DocumentCheck(const HistoryRules& rules)
      : expiry_(rules), gc_deletes_ms_(rules.gc_deletes_ms), search_(rules, rules.most_search_steps) {}

  /// The entries of one document; pointers may be read up to EntriesByDocument::kBehind places behind them. False if
  /// no order explains them: see contradiction().
  bool check(std::span<const HistoryEntry* const> entries);

  [[nodiscard]] Contradiction& contradiction() noexcept { return contradiction_; }
  /// Appends the keys of the numbers that the document was given, after check() has found nothing wrong.
  void add_numbers(std::uint32_t shard, std::vector<std::uint64_t>& keys) const {
    for (const VersionItem& item : items_) {
      if (item.is_write()) keys.push_back(number_key(shard, item.word()));
    }
  }

  std::uint64_t pairs = 0;
  std::uint64_t overlapping = 0;
  std::uint64_t judged = 0;
  std::uint64_t not_judged = 0;

 private:
  static constexpr std::uint64_t kForever = HistoryEntry::kUnanswered;

  /// The version that the sweep has come to.
  struct Current {
    /// Null before the first write.
    const HistoryEntry* write = nullptr;
    State state;
    std::uint32_t source = 0;
    /// False of a version that an operation without an answer wrote, unless somebody read it, and of one whose _version
    /// is not told.
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
  /// A version, or at first none, and when the document can have been in it.
  struct Period {
    const HistoryEntry* write;
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
  void find_last_ends();
  bool check_absences();
  bool check_untold();
  [[nodiscard]] bool can_be_in(const Period& period, const HistoryEntry& entry) const;
  bool search(std::span<const HistoryEntry* const> entries);
  [[nodiscard]] bool agrees(const State& state, const HistoryEntry& entry, Instant at) const;
  [[nodiscard]] bool can_be_forgotten(const HistoryEntry& entry) const;

  // What is wrong. All return false.
  bool fail(Violation violation, std::initializer_list<const HistoryEntry*> operations, std::string reason);
  bool fail_replaced(const HistoryEntry& entry);
  bool fail_number(const HistoryEntry& entry);
  bool fail_outcome(const State& state, const HistoryEntry& entry);
  bool fail_order(const VersionItem& item, const VersionItem& earlier);
  bool fail_absence(const HistoryEntry& entry);
  bool fail_untold(const HistoryEntry& entry);
  bool fail_search(const HistoryEntry& stuck);
  bool fail_unanswered(SeqNoTerm word, const HistoryEntry& reader);

  const Expiry expiry_;
  const std::int64_t gc_deletes_ms_;
  std::vector<VersionItem> items_;
  std::vector<VersionItem> spare_;
  std::vector<std::size_t> runs_;
  std::vector<const HistoryEntry*> absences_;
  /// That wrote nothing, and do not say on what they were decided.
  std::vector<const HistoryEntry*> untold_;
  std::vector<const HistoryEntry*> unanswered_;
  std::deque<Unanswered> found_unanswered_;
  std::vector<Absence> periods_;
  std::vector<Period> versions_;
  std::vector<std::uint64_t> last_end_;
  /// When the first operation without an answer that may have deleted began, and when the first of any kind.
  std::uint64_t unanswered_delete_ = kForever;
  std::uint64_t first_unanswered_ = kForever;
  /// Answers that leave something open; and whether the search has to look at how they stand to one another.
  std::uint64_t open_ = 0;
  std::uint64_t judged_before_ = 0;
  bool needs_search_ = false;

  Current current_;
  /// The latest begin among the operations of versions before this one and this one's write, and of the operations so
  /// far: METHOD's M at the write, and after the version.
  std::uint64_t latest_ = 0;
  VersionItem latest_by_{};
  std::uint64_t next_latest_ = 0;
  VersionItem next_latest_by_{};

  DocumentSearch search_;
  Contradiction contradiction_;
};

}  // namespace occ
