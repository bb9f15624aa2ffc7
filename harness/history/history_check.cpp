#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "harness/history/document_check.hpp"
#include "harness/history/history.hpp"

namespace occ {
namespace {

/// Contradictions that a report holds in full.
constexpr std::size_t kShown = 10;
/// Entries that a worker takes at once.
constexpr std::size_t kBatch = 16'384;

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
  if (!rules.shards.empty() && rules.shards.size() < rules.documents)
    throw std::invalid_argument("shards are known of fewer documents than there are");
  std::vector<HistoryReport> parts(workers);
  std::vector<std::vector<std::uint64_t>> keys(workers);
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
        const bool known_shard = !rules.shards.empty() && rules.shards[document] != HistoryRules::kUnknownShard;
        part.documents_of_known_shard += known_shard ? 1 : 0;
        if (check.check(entries)) {
          if (known_shard) check.add_numbers(rules.shards[document], keys[worker]);
          continue;
        }
        ++part.wrong_documents;
        part.contradictions.push_back(std::move(check.contradiction()));
        if (part.contradictions.size() >= 64 * kShown) keep_shortest(part.contradictions);
      }
    }
    part.pairs = check.pairs;
    part.overlapping = check.overlapping;
    part.judged = check.judged;
    part.not_judged = check.not_judged;
    parts[worker] = std::move(part);
  });
  HistoryReport report{.operations = by_document.entries(), .check_threads = workers};
  for (HistoryReport& part : parts) {
    report.documents += part.documents;
    report.documents_of_known_shard += part.documents_of_known_shard;
    report.judged += part.judged;
    report.not_judged += part.not_judged;
    report.pairs += part.pairs;
    report.overlapping += part.overlapping;
    report.wrong_documents += part.wrong_documents;
    std::ranges::move(part.contradictions, std::back_inserter(report.contradictions));
  }
  if (!rules.shards.empty()) check_shards(threads, rules, by_document.has_calls(), keys, report);
  keep_shortest(report.contradictions);
  report.check_s = std::chrono::duration<double>(steady_clock::now() - start).count();
  return report;
}

}  // namespace occ
