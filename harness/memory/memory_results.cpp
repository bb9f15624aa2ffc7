#include "harness/memory/memory_results.hpp"

#include <algorithm>

#include "fmt/format.h"
#include "harness/workload/doc_id.hpp"

namespace occ {
namespace {

double per_document(std::uint64_t bytes, const MemoryPoint& at) {
  return static_cast<double>(bytes) / static_cast<double>(at.documents);
}

/// The mean over the points of what each document takes.
double mean(const StrategyMemory& of, std::uint64_t MemoryPoint::*bytes) {
  double sum = 0;
  for (const MemoryPoint& point : of.points) sum += per_document(point.*bytes, point);
  return sum / static_cast<double>(of.points.size());
}

double worst(const StrategyMemory& of, double MemoryPoint::*peak) {
  double worst = 1;
  for (const MemoryPoint& point : of.points) worst = std::max(worst, point.*peak);
  return worst;
}

std::string churn_text(const StrategyMemory& of, std::uint64_t ChurnMemory::*value) {
  return of.churn ? number(*of.churn.*value) : "";
}

}  // namespace

std::uint64_t payload_bytes(std::uint64_t body_bytes) {
  return DocId::kBytes + body_bytes + 24;
}

const Columns<MemoryRow>& memory_columns() {
  using Row = MemoryRow;
  static const Columns<MemoryRow> columns{
      {"strategy", "name of the update strategy", [](const Row& row) { return std::string(row.of.strategy); }},
      {"id_bytes", "bytes of an id", [](const Row&) { return number(DocId::kBytes); }},
      {"body_bytes", "bytes of a source", [](const Row& row) { return number(row.of.body_bytes); }},
      {"docs", "documents in the table at this point", [](const Row& row) { return number(row.at.documents); }},
      {"table_bytes", "bytes by the table's own account: asked of the system, or of an allocator that keeps more",
       [](const Row& row) { return number(row.at.table_bytes); }},
      {"table_bytes_per_doc", "the same by documents",
       [](const Row& row) { return fmt::format("{:.2f}", per_document(row.at.table_bytes, row.at)); }},
      {"rss_bytes", "resident bytes of the process, beyond those before the table was made",
       [](const Row& row) { return number(row.at.resident_bytes); }},
      {"rss_bytes_per_doc", "the same by documents",
       [](const Row& row) { return fmt::format("{:.2f}", per_document(row.at.resident_bytes, row.at)); }},
      {"rss_per_payload", "the same by id_bytes + body_bytes + 24",
       [](const Row& row) {
         return fmt::format("{:.3f}", per_document(row.at.resident_bytes, row.at) /
                                          static_cast<double>(payload_bytes(row.of.body_bytes)));
       }},
      {"huge_page_bytes", "resident bytes of the process in huge pages",
       [](const Row& row) { return number(row.at.huge_page_bytes); }},
      {"table_peak_ratio",
       "since the point before (the first: since half as many documents), the most that table_bytes was by the least "
       "that it was after that; looked at 512 times in all",
       [](const Row& row) { return fmt::format("{:.3f}", row.at.table_peak); }},
      {"rss_peak_ratio", "the same of rss_bytes, of which no peak is missed",
       [](const Row& row) { return fmt::format("{:.3f}", row.at.resident_peak); }},
      {"churn_ids",
       fmt::format("ids that were created and deleted in each of {} rounds, in a table of their own, each id once; "
                   "tombstones expire at once. These columns are the same in all rows of a strategy",
                   kChurnRounds),
       [](const Row& row) { return churn_text(row.of, &ChurnMemory::ids_per_round); }},
      {"churn_first_table_bytes", "table_bytes of that table after the first round",
       [](const Row& row) { return churn_text(row.of, &ChurnMemory::first_table_bytes); }},
      {"churn_last_table_bytes", "the same after the last round",
       [](const Row& row) { return churn_text(row.of, &ChurnMemory::last_table_bytes); }},
      {"churn_first_rss_bytes", "rss_bytes of that table after the first round",
       [](const Row& row) { return churn_text(row.of, &ChurnMemory::first_resident_bytes); }},
      {"churn_last_rss_bytes", "the same after the last round",
       [](const Row& row) { return churn_text(row.of, &ChurnMemory::last_resident_bytes); }},
      {"churn_memory", "bounded; grows: by more than 16 resident bytes for each id after the first round",
       [](const Row& row) {
         return std::string(!row.of.churn ? "" : row.of.churn->grows() ? "grows" : "bounded");
       }},
  };
  return columns;
}

std::string memory_text(std::span<const StrategyMemory> strategies) {
  if (strategies.empty()) return "";
  const StrategyMemory& first = strategies.front();
  const auto payload = static_cast<double>(payload_bytes(first.body_bytes));
  std::size_t width = 8;
  for (const StrategyMemory& of : strategies) width = std::max(width, of.strategy.size());

  std::string text = fmt::format(
      "bytes per document, of {} + {} + 24 = {:.0f} of id, source and {{word, version, length}}\n\n"
      "{:{}}  resident memory of a process of its own, by documents{}   by the table's account\n{:{}}",
      DocId::kBytes, first.body_bytes, payload, "", width,
      std::string(9 * first.points.size() > 27 ? 9 * first.points.size() - 27 : 0, ' '), "strategy", width);
  for (const MemoryPoint& point : first.points) text += fmt::format(" {:>8}", point.documents);
  text += fmt::format("  {:>8} {:>6} {:>5}   {:>8} {:>6} {:>5}  {:>6}\n", "mean", "times", "peak", "mean", "times",
                      "peak", "churn");
  for (const StrategyMemory& of : strategies) {
    text += fmt::format("{:{}}", of.strategy, width);
    for (const MemoryPoint& point : of.points) {
      text += fmt::format(" {:>8.1f}", per_document(point.resident_bytes, point));
    }
    const double resident = mean(of, &MemoryPoint::resident_bytes);
    const double accounted = mean(of, &MemoryPoint::table_bytes);
    text += fmt::format("  {:>8.1f} {:>6.2f} {:>5.2f}   {:>8.1f} {:>6.2f} {:>5.2f}  {:>6}\n", resident,
                        resident / payload, worst(of, &MemoryPoint::resident_peak), accounted, accounted / payload,
                        worst(of, &MemoryPoint::table_peak),
                        of.churn ? fmt::format("{:.1f}", of.churn->bytes_per_id()) : "-");
  }
  return text +
         fmt::format(
             "\ntimes: mean by {:.0f}. peak: the most that was in use while the table grew, by the least that was "
             "in use after that; 1 if memory never shrank. churn: bytes that each id leaves behind which came and "
             "went.\n",
             payload);
}

}  // namespace occ
