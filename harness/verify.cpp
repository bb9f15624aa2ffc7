#include "harness/verify.hpp"

#include <algorithm>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/counter_source.hpp"

namespace occ {
namespace {

/// What the documents themselves show.
struct Findings {
  std::uint64_t live = 0;
  std::uint64_t broken = 0;
  std::int64_t increments = 0;
  std::int64_t versions = 0;
  std::uint64_t wrong_versions = 0;
  std::uint64_t units_oversold = 0;
  std::uint64_t wrong_stocks = 0;
  std::vector<std::vector<std::uint64_t>> words;
};

Findings look_at(AnyTable& table, const Documents& documents, const Workload& workload, const Claims& claims) {
  Findings found;
  found.words.resize(table.shards() + 1);
  const auto handle = table.handle();
  Source scratch;
  for_each_batch(documents, [&](std::span<const std::uint32_t> indices, std::span<BulkItem> items) {
    handle->bulk(items);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].outcome.result != Result::found) continue;
      const Document& document = *items[i].document;
      const std::uint32_t index = indices[i];
      ++found.live;
      found.versions += document.version;
      // Those of an unknown shard come last.
      const std::uint32_t shard = std::min(table.shard_of(items[i].id), table.shards());
      found.words[shard].push_back(document.word.bits());
      auto increments = documents.increments(index, document.source.bytes(), scratch);
      if (increments && documents.body_bytes() == 0) increments = document.version - 1;
      if (!increments) {
        ++found.broken;
        continue;
      }
      found.increments += *increments;
      if (document.version != 1 + *increments) ++found.wrong_versions;
      if (workload.layout == SourceLayout::stock) {
        // One update in kUnits + 1 found the shelf empty and restocked; all others sold a unit.
        const auto updates = static_cast<std::uint64_t>(*increments);
        const std::uint64_t restocked = updates / (CounterSource::kUnits + 1);
        const std::uint64_t sold = updates - restocked;
        const std::uint64_t there = CounterSource::kUnits * (1 + restocked) - sold;
        if (claims.stock[index].sold > sold) found.units_oversold += claims.stock[index].sold - sold;
        if (CounterSource::units(document.source.bytes()) != there) ++found.wrong_stocks;
      }
    }
  });
  return found;
}

/// Numbers of documents of which only the number of shards is known.
void check_unknown_shard(const std::vector<std::uint64_t>& words, std::uint32_t shards, std::uint64_t most_next,
                         std::vector<std::string>& wrong) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(words.size());
  for (const std::uint64_t bits : words) numbers.push_back(SeqNoTerm::from_bits(bits).seq_no());
  std::ranges::sort(numbers);
  if (!numbers.empty() && numbers.back() >= most_next) {
    wrong.push_back(fmt::format("_seq_no {} used, the next is {} at most", numbers.back(), most_next));
  }
  for (std::size_t i = shards; i < numbers.size(); ++i) {
    if (numbers[i] != numbers[i - shards]) continue;
    wrong.push_back(fmt::format("more than {} documents with _seq_no {}, one for each shard", shards, numbers[i]));
    return;
  }
}

/// Sums the versions of what is not live: what a create gets is one more than its tombstone's.
std::int64_t tombstone_versions(AnyTable& table, const Documents& documents) {
  const auto handle = table.handle();
  std::int64_t sum = 0;
  for_each_batch(documents, [&](std::span<const std::uint32_t>, std::span<BulkItem> items) {
    for (BulkItem& item : items) {
      item.kind = BulkItem::Kind::index;
      item.source = as_bytes("{}");
      item.precondition = Precondition::must_not_exist();
    }
    handle->bulk(items);
    for (const BulkItem& item : items) {
      if (item.outcome.result == Result::created) sum += item.outcome.version - 1;
    }
  });
  return sum;
}

}  // namespace

void for_each_batch(const Documents& documents,
                    FunctionRef<void(std::span<const std::uint32_t>, std::span<BulkItem>)> take) {
  constexpr std::size_t kMostDocuments = 512;
  constexpr std::size_t kMostBytes = std::size_t{4} << 20;
  const std::size_t batch = std::clamp<std::size_t>(kMostBytes / (documents.body_bytes() + 1), 1, kMostDocuments);
  std::vector<DocId> ids(batch);
  std::vector<Document> read(batch);
  std::vector<std::uint32_t> indices;
  std::vector<BulkItem> items;
  for (std::uint32_t first = 0; first < documents.size(); first += static_cast<std::uint32_t>(items.size())) {
    indices.clear();
    items.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(batch, documents.size() - first); ++i) {
      indices.push_back(first + static_cast<std::uint32_t>(i));
      items.push_back({.kind = BulkItem::Kind::get, .id = documents.id(indices.back(), ids[i]), .document = &read[i]});
    }
    take(indices, items);
  }
}

std::string_view to_string(Verification::Verified verified) {
  constexpr std::string_view kNames[] = {"yes", "no", "caught", "not_applicable"};
  return kNames[static_cast<int>(verified)];
}

std::string_view to_string(Verification::Level level) {
  constexpr std::string_view kNames[] = {"none", "numbers", "bounds", "sums", "history"};
  return kNames[static_cast<int>(level)];
}

Verification verify(AnyTable& table, const Documents& documents, const Workload& workload, const Claims& claims) {
  const Tally& tally = claims.tally;
  const Counters& counters = claims.counters;
  const Semantics semantics = table.info().semantics;
  std::vector<std::string> wrong;
  const auto require = [&](std::string_view what, auto found, auto expected) {
    if (std::cmp_not_equal(found, expected))
      wrong.push_back(fmt::format("{}: {} instead of {}", what, found, expected));
  };

  if (claims.window_operations == 0) wrong.emplace_back("no operation ended in the window");
  require("attempts", counters.attempts,
          counters.applied + counters.noop + counters.not_found + counters.conflicts() + counters.publication_failures);
  require("rejected operations", tally.rejected, 0U);

  Verification verification;
  if (!table.info().is_verifiable()) {
    verification.verified = wrong.empty() ? Verification::Verified::not_applicable : Verification::Verified::no;
    verification.violation = fmt::format("{}", fmt::join(wrong, "; "));
    return verification;
  }

  require("applied writes counted by the strategy", counters.applied, tally.applied);
  // What writes of unknown outcome may add.
  const std::uint64_t unknown = tally.unknown;
  const auto require_within = [&](std::string_view what, auto found, auto least) {
    if (unknown == 0) return require(what, found, least);
    if (std::cmp_less(found, least) || std::cmp_greater(found, static_cast<std::uint64_t>(least) + unknown)) {
      wrong.push_back(fmt::format("{}: {} instead of {} to {} ({} writes of unknown outcome)", what, found, least,
                                  static_cast<std::uint64_t>(least) + unknown, unknown));
    }
  };

  require("torn reads", tally.torn_reads, 0U);
  require("writes out of order", tally.disorder, 0U);

  Findings found = look_at(table, documents, workload, claims);
  require("documents with a source that nobody wrote", found.broken, 0U);
  if (workload.mix.only_increments()) {
    require("documents", found.live, workload.filled(documents.size()));
    require("documents whose _version is not 1 + their counter", found.wrong_versions, 0U);
    verification.lost_updates = static_cast<std::int64_t>(tally.increments) - found.increments;
    require_within("sum of counters", found.increments, tally.increments);
  }

  std::uint64_t numbers = 0;
  std::uint64_t most_next = 0;
  for (std::uint32_t shard = 0; shard < table.shards(); ++shard) {
    auto& words = found.words[shard];
    const std::uint64_t next = table.next(shard).seq_no();
    numbers += next;
    most_next = std::max(most_next, next);
    std::ranges::sort(words, {}, [](std::uint64_t bits) { return SeqNoTerm::from_bits(bits).seq_no(); });
    const auto twin =
        std::ranges::adjacent_find(words, {}, [](std::uint64_t bits) { return SeqNoTerm::from_bits(bits).seq_no(); });
    if (twin != words.end()) {
      wrong.push_back(
          fmt::format("shard {}: two documents with _seq_no {}", shard, SeqNoTerm::from_bits(*twin).seq_no()));
    }
    if (!words.empty() && SeqNoTerm::from_bits(words.back()).seq_no() >= next) {
      wrong.push_back(fmt::format("shard {}: _seq_no {} used, the next is {}", shard,
                                  SeqNoTerm::from_bits(words.back()).seq_no(), next));
    }
  }
  check_unknown_shard(found.words.back(), table.shards(), most_next, wrong);
  if (claims.gaps_untold) {
    if (numbers < tally.writes) wrong.push_back(fmt::format("numbers used: {} for {} writes", numbers, tally.writes));
  } else {
    require_within("numbers used", numbers, tally.writes + counters.seq_no_gaps);
  }

  verification.level = unknown == 0 ? Verification::Level::sums : Verification::Level::bounds;
  if (!workload.mix.only_increments() && claims.tombstones_may_have_expired) {
    verification.level = Verification::Level::numbers;
  } else if (!workload.mix.only_increments()) {
    const std::int64_t versions = found.versions + tombstone_versions(table, documents);
    verification.lost_updates = static_cast<std::int64_t>(tally.writes) - versions;
    require_within("sum of versions", versions, tally.writes);
  }
  if (workload.layout == SourceLayout::stock) {
    verification.oversold = found.units_oversold;
    require("units oversold", found.units_oversold, 0U);
    require("products whose stock does not follow from their updates", found.wrong_stocks, 0U);
  }

  const bool is_control = semantics == Semantics::unchecked;
  verification.verified = wrong.empty() ? Verification::Verified::yes
                          : is_control  ? Verification::Verified::caught
                                        : Verification::Verified::no;
  verification.violation = fmt::format("{}", fmt::join(wrong, "; "));
  return verification;
}

void add_history(Verification& verification, const HistoryReport& history, std::string_view id, Semantics semantics,
                 bool tombstones_may_have_expired) {
  using Verified = Verification::Verified;
  verification.level = Verification::Level::history;
  if (history.contradictions.empty()) return;
  const Contradiction& first = history.contradictions.front();
  const bool declared = semantics == Semantics::version_only && tombstones_may_have_expired &&
                        std::ranges::all_of(history.contradictions, [](const Contradiction& one) {
                          return one.violation == Violation::lost_update;
                        });
  if (!verification.violation.empty()) verification.violation += "; ";
  verification.violation += fmt::format("history of {} of {} documents: {} in {}: {}{}", history.wrong_documents,
                                        history.documents, to_string(first.violation), id, first.reason,
                                        declared ? " (as declared: version_only, and tombstones expired)" : "");
  if (semantics == Semantics::unchecked || (declared && verification.verified != Verified::no)) {
    verification.verified = Verified::caught;
  } else {
    verification.verified = Verified::no;
  }
}

}  // namespace occ
