#include "harness/measure/verify.hpp"

#include <algorithm>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/workload/counter_source.hpp"

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

/// What has to be equal after a replicate, and what was not.
struct Equations {
  AnyTable& table;
  const Documents& documents;
  const Workload& workload;
  const Claims& claims;
  const OperationCounts& counts = claims.counts;
  const Counters& counters = claims.counters;
  /// What writes of unknown outcome may add.
  const std::uint64_t unknown = claims.counts.unknown;
  std::vector<std::string> wrong = {};
  Verification verification = {};

  void require(std::string_view what, auto found, auto expected) {
    if (std::cmp_not_equal(found, expected))
      wrong.push_back(fmt::format("{}: {} instead of {}", what, found, expected));
  }

  void require_within(std::string_view what, auto found, auto least) {
    if (unknown == 0) return require(what, found, least);
    if (std::cmp_less(found, least) || std::cmp_greater(found, static_cast<std::uint64_t>(least) + unknown)) {
      wrong.push_back(fmt::format("{}: {} instead of {} to {} ({} writes of unknown outcome)", what, found, least,
                                  static_cast<std::uint64_t>(least) + unknown, unknown));
    }
  }

  /// Of any table, also one that stores nothing.
  void check_attempts() {
    const std::uint64_t ends =
        counters.applied + counters.noop + counters.not_found + counters.conflicts() + counters.publication_failures;
    require("attempts", counters.attempts, ends);
    require("rejected operations", counts.rejected, 0U);
  }

  void check_reads() {
    require("applied writes counted by the strategy", counters.applied, counts.applied);
    require("torn reads", counts.torn_reads, 0U);
    require("writes out of order", counts.disorder, 0U);
  }

  void check_documents(const Findings& found) {
    require("documents with a source that nobody wrote", found.broken, 0U);
    if (workload.mix.only_increments()) {
      require("documents", found.live, workload.filled(documents.size()));
      require("documents whose _version is not 1 + their counter", found.wrong_versions, 0U);
      verification.lost_updates = static_cast<std::int64_t>(counts.increments) - found.increments;
      require_within("sum of counters", found.increments, counts.increments);
    }
  }

  void check_numbers(Findings& found) {
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
      if (numbers < counts.writes)
        wrong.push_back(fmt::format("numbers used: {} for {} writes", numbers, counts.writes));
    } else {
      require_within("numbers used", numbers, counts.writes + counters.seq_no_gaps);
    }
  }

  void check_versions(const Findings& found) {
    verification.level = unknown == 0 ? Verification::Level::sums : Verification::Level::bounds;
    verification.compared_writes = counts.writes;
    if (!workload.mix.only_increments() && claims.tombstones_may_have_expired) {
      verification.level = unknown == 0 ? Verification::Level::live : Verification::Level::numbers;
      verification.compared_writes = unknown == 0 ? counts.applied : 0;
      if (unknown == 0) {
        // An update leaves a version one above the one that it replaced; a creation replaces no document, a delete
        // leaves none.
        const std::uint64_t updated = counts.applied - counts.created - counts.deleted;
        const auto left_over =
            static_cast<std::int64_t>(updated + counts.created + counts.created_versions - counts.deleted_versions);
        const std::int64_t there = found.versions + static_cast<std::int64_t>(found.live);
        verification.lost_updates = left_over - there;
        require("sum of versions of live documents", there, left_over);
      }
    } else if (!workload.mix.only_increments()) {
      const std::int64_t versions = found.versions + tombstone_versions(table, documents);
      verification.lost_updates = static_cast<std::int64_t>(counts.writes) - versions;
      require_within("sum of versions", versions, counts.writes);
    }
  }

  void check_stock(const Findings& found) {
    if (workload.layout == SourceLayout::stock) {
      verification.oversold = found.units_oversold;
      require("units oversold", found.units_oversold, 0U);
      require("products whose stock does not follow from their updates", found.wrong_stocks, 0U);
    }
  }

  [[nodiscard]] Verification end(Verification::Verified otherwise) {
    using Verified = Verification::Verified;
    const Semantics semantics = table.info().semantics;
    const bool is_control = semantics == Semantics::unchecked;
    const bool is_idle = claims.window_operations == 0;
    verification.verified = !wrong.empty() ? (is_control ? Verified::caught : Verified::no)
                            : is_idle      ? Verified::no_verdict
                                           : otherwise;
    verification.violation = fmt::format("{}", fmt::join(wrong, "; "));
    if (verification.verified == Verified::no_verdict) verification.violation = "no operation ended in the window";
    return verification;
  }
};

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
  constexpr std::string_view kNames[] = {"yes", "no", "caught", "not_applicable", "no_verdict"};
  return kNames[static_cast<int>(verified)];
}

std::string_view to_string(Verification::Level level) {
  constexpr std::string_view kNames[] = {"none", "numbers", "bounds", "live", "sums", "fill", "history"};
  return kNames[static_cast<int>(level)];
}

Verification verify(AnyTable& table, const Documents& documents, const Workload& workload, const Claims& claims) {
  Equations equations{table, documents, workload, claims};
  equations.check_attempts();
  if (!table.info().is_verifiable()) return equations.end(Verification::Verified::not_applicable);
  equations.check_reads();
  Findings found = look_at(table, documents, workload, claims);
  equations.check_documents(found);
  equations.check_numbers(found);
  equations.check_versions(found);
  equations.check_stock(found);
  return equations.end(Verification::Verified::yes);
}

std::string_view power_of(const HistoryReport& history, std::uint32_t threads) {
  if (threads < 2) return "one_thread";
  return history.overlapping < kLeastOverlapping ? "too_few" : "enough";
}

void add_history(Verification& verification, const HistoryReport& history, std::uint64_t workload_operations,
                 std::string_view id, Semantics semantics, bool tombstones_may_have_expired) {
  using Verified = Verification::Verified;
  verification.level = Verification::Level::history;
  if (history.contradictions.empty()) {
    if (workload_operations > history.not_judged) return;
    verification.level = Verification::Level::fill;
    if (verification.verified == Verified::no || verification.verified == Verified::caught) return;
    verification.verified = Verified::no_verdict;
    verification.violation = "no operation of the workload was judged";
    return;
  }
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
