#include "harness/history/history_shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "harness/history/history_outcome.hpp"

namespace occ {
namespace {

/// Numbers given twice that are looked into.
constexpr std::size_t kMostTwins = 1'000;

std::uint64_t seq_no_of(std::uint64_t key) noexcept {
  return key & SeqNoTerm::kMaxSeqNo;
}

/// The numbers of one shard: where they are dense, as they should be, by a bit each; else by sorting.
class TwinFinder {
 public:
  explicit TwinFinder(std::span<const std::vector<std::uint64_t>> keys) : keys_(keys) {}

  std::set<std::uint64_t> twins() {
    std::uint64_t total = 0;
    for (const auto& part : keys_) {
      for (const std::uint64_t key : part) note(key);
      total += part.size();
    }
    std::uint64_t bits = 0;
    for (auto& [shard, range] : ranges_) {
      range.offset = bits;
      bits += range.most - range.least + 1;
    }
    constexpr std::uint64_t kBitsForAKey = 64;  // as much memory as the keys themselves
    if (bits / kBitsForAKey > total) return by_sorting();
    std::vector<std::uint64_t> given(bits / 64 + 1);
    std::set<std::uint64_t> found;
    const Range* range = nullptr;
    std::uint64_t shard = ~std::uint64_t{0};
    for (const auto& part : keys_) {
      for (const std::uint64_t key : part) {
        if (key >> SeqNoTerm::kSeqNoBits != shard) {
          shard = key >> SeqNoTerm::kSeqNoBits;
          range = &ranges_[shard];
        }
        const std::uint64_t bit = range->offset + seq_no_of(key) - range->least;
        std::uint64_t& word = given[bit / 64];
        const std::uint64_t mask = std::uint64_t{1} << bit % 64;
        if ((word & mask) != 0 && found.size() < kMostTwins) found.insert(key);
        word |= mask;
      }
    }
    return found;
  }

 private:
  struct Range {
    std::uint64_t least = ~std::uint64_t{0};
    std::uint64_t most = 0;
    std::uint64_t offset = 0;
  };

  void note(std::uint64_t key) {
    const std::uint64_t shard = key >> SeqNoTerm::kSeqNoBits;
    if (last_ == nullptr || shard != last_shard_) {
      last_ = &ranges_[shard];
      last_shard_ = shard;
    }
    last_->least = std::min(last_->least, seq_no_of(key));
    last_->most = std::max(last_->most, seq_no_of(key));
  }

  [[nodiscard]] std::set<std::uint64_t> by_sorting() const {
    std::vector<std::uint64_t> all;
    for (const auto& part : keys_) all.insert(all.end(), part.begin(), part.end());
    std::ranges::sort(all);
    std::set<std::uint64_t> found;
    for (std::size_t i = 1; i < all.size() && found.size() < kMostTwins; ++i) {
      if (all[i] == all[i - 1]) found.insert(all[i]);
    }
    return found;
  }

  std::span<const std::vector<std::uint64_t>> keys_;
  std::unordered_map<std::uint64_t, Range> ranges_;
  Range* last_ = nullptr;
  std::uint64_t last_shard_ = 0;
};

/// Who shows that a document was given a number: the one who wrote it, or else one who saw it.
struct Witness {
  const HistoryEntry* entry;
  bool wrote;
};

void show_twins(std::span<const std::span<const HistoryEntry>> threads, const HistoryRules& rules,
                const std::set<std::uint64_t>& twins, HistoryReport& report) {
  std::map<std::uint64_t, std::map<std::uint32_t, Witness>> witnesses;
  const auto note = [&](const HistoryEntry& entry, SeqNoTerm word, bool wrote) {
    const std::uint32_t shard = rules.shards[entry.document];
    if (word.vacant() || shard == HistoryRules::kUnknownShard || !twins.contains(number_key(shard, word))) return;
    auto& of_number = witnesses[number_key(shard, word)];
    const auto [at, fresh] = of_number.try_emplace(entry.document, Witness{&entry, wrote});
    if (!fresh && wrote && !at->second.wrote) at->second = {&entry, wrote};
  };
  for (const auto entries : threads) {
    for (const HistoryEntry& entry : entries) {
      if (!answered(entry) || entry.result == Result::rejected) continue;
      if (says_it_wrote(entry)) note(entry, entry.word, true);
      note(entry, decided_on(entry), false);
      note(entry, transform_saw(entry), false);
    }
  }
  std::set<std::uint32_t> wrong;
  for (const auto& [key, of_number] : witnesses) {
    if (of_number.size() < 2) continue;
    const auto first = of_number.begin();
    const auto second = std::next(first);
    wrong.insert(first->first);
    wrong.insert(second->first);
    report.contradictions.push_back(
        {.violation = Violation::duplicate_number,
         .document = second->first,
         .operations = {*first->second.entry, *second->second.entry},
         .reason =
             fmt::format("both documents are in shard {}, and two writes of one shard cannot both have _seq_no {}",
                         key >> SeqNoTerm::kSeqNoBits, seq_no_of(key))});
  }
  report.wrong_documents += wrong.size();
}

/// Items of one call, in one shard.
void check_calls(std::span<const std::span<const HistoryEntry>> threads, const HistoryRules& rules,
                 HistoryReport& report) {
  std::unordered_map<std::uint32_t, const HistoryEntry*> last;
  std::set<std::uint32_t> wrong;
  for (const auto entries : threads) {
    const HistoryEntry* before = nullptr;
    for (const HistoryEntry& entry : entries) {
      if (before == nullptr || !in_one_call(*before, entry)) last.clear();
      before = &entry;
      if (!answered(entry) || !says_it_wrote(entry) || entry.word.vacant()) continue;
      const std::uint32_t shard = rules.shards[entry.document];
      if (shard == HistoryRules::kUnknownShard) continue;
      const auto [at, fresh] = last.try_emplace(shard, &entry);
      if (fresh) continue;
      const HistoryEntry& earlier = *at->second;
      at->second = &entry;
      // Of one document, its own check has seen it.
      if (earlier.document == entry.document || earlier.word.seq_no() < entry.word.seq_no()) continue;
      if (!wrong.insert(entry.document).second) continue;
      report.contradictions.push_back(
          {.violation = Violation::out_of_order,
           .document = entry.document,
           .operations = {earlier, entry},
           .reason =
               fmt::format("they are items of one bulk call in this order, and both documents are in shard {}, but "
                           "_seq_no {} was drawn before _seq_no {}",
                           shard, entry.word.seq_no(), earlier.word.seq_no())});
    }
  }
  report.wrong_documents += wrong.size();
}

}  // namespace

void check_shards(std::span<const std::span<const HistoryEntry>> threads, const HistoryRules& rules, bool has_calls,
                  std::span<const std::vector<std::uint64_t>> keys, HistoryReport& report) {
  const std::set<std::uint64_t> twins = TwinFinder(keys).twins();
  if (!twins.empty()) show_twins(threads, rules, twins, report);
  if (has_calls) check_calls(threads, rules, report);
}

}  // namespace occ
