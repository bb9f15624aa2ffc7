#include "harness/stall/stall_columns.hpp"

#include "fmt/format.h"

namespace occ {

const Columns<JudgedRow>& stall_columns() {
  using Row = JudgedRow;
  static const Columns<Row> columns{
      {"strategy", "name of the update strategy", [](const Row& r) { return std::string(r.strategy.name); }},
      {"point", "where threads were stopped (occkit list)",
       [](const Row& r) { return std::string(to_string(r.row.point)); }},
      {"parked", "threads that were stopped: 1, or 2 where the second one could come to the point",
       [](const Row& r) { return number(r.row.parked); }},
      {"operation", "what the survivors of this row did",
       [](const Row& r) { return std::string(kStallOperations[static_cast<std::size_t>(r.row.operation)]); }},
      {"threads", "survivors of this row", [](const Row& r) { return number(r.threads); }},
      {"declared", "progress that the strategy declares for the operation",
       [](const Row& r) { return std::string(to_string(r.row.declared)); }},
      {"before_ops_per_s", "operations completed per s before a thread was stopped; conflicts are none",
       [](const Row& r) { return number(r.row.before_per_s); }},
      {"during_s", "s for which so many threads were stopped", [](const Row& r) { return number(r.row.during_s); }},
      {"during_ops_per_s", "operations completed per s meanwhile",
       [](const Row& r) { return number(r.row.during_per_s); }},
      {"ratio", "during by before; empty where nothing was done before",
       [](const Row& r) { return r.row.before_per_s == 0 ? "" : number(r.row.during_per_s / r.row.before_per_s); }},
      {"least_quarter_ops", "operations in the worst quarter of that time",
       [](const Row& r) { return number(r.row.least_quarter); }},
      {"second_half_ops", "operations in its second half", [](const Row& r) { return number(r.row.second_half); }},
      {"after_ops_per_s", "operations completed per s after the release",
       [](const Row& r) { return number(r.row.after_per_s); }},
      {"survival",
       fmt::format(
           "progressed: {} operations or more in each quarter; stalled: none in the second half; unclear: neither, "
           "or none before or after",
           kLeastOperations),
       [](const Row& r) { return std::string(to_string(r.row.survival)); }},
      {"judgement",
       "as_declared; fault: declared lock_free or better, and stalled; new_memory: stalled for want of new memory, "
       "which is declared blocking apart",
       [](const Row& r) { return std::string(to_string(r.row.judgement)); }},
      {"memory_source", "table: bytes that the table asked of the system; rss: resident bytes, where it could not say",
       [](const Row& r) { return r.row.memory_source; }},
      {"memory_growth_bytes", "bytes by which memory grew while so many threads were stopped",
       [](const Row& r) { return number(r.row.memory_growth_bytes); }},
      {"memory_growth_bytes_per_s", "the same per s",
       [](const Row& r) { return number(r.row.memory_growth_bytes / r.row.during_s); }},
      {"memory",
       fmt::format("grows: by more than {} MiB and {} bytes for each id created, and still in the second half; else "
                   "bounded",
                   kMemoryAllowanceBytes >> 20, kBytesPerCreatedId),
       [](const Row& r) { return std::string(r.row.memory_grows ? "grows" : "bounded"); }},
      {"memory_judgement", "as_declared; fault: declared bounded, and grows",
       [](const Row& r) { return std::string(to_string(r.row.memory_judgement)); }},
  };
  return columns;
}

const Columns<SeriesRow>& stall_series_columns() {
  using Row = SeriesRow;
  static const Columns<Row> columns{
      {"strategy", "name of the update strategy", [](const Row& r) { return std::string(r.strategy.name); }},
      {"point", "where threads were stopped", [](const Row& r) { return std::string(to_string(r.point)); }},
      {"operation", "what the survivors of this row did",
       [](const Row& r) { return std::string(kStallOperations[static_cast<std::size_t>(r.operation)]); }},
      {"begin_ms", "ms since the cell began, at the beginning of a slice of about 50 ms",
       [](const Row& r) { return fmt::format("{:.1f}", r.slice.begin_ms); }},
      {"end_ms", "at its end", [](const Row& r) { return fmt::format("{:.1f}", r.slice.end_ms); }},
      {"phase", "before; stopping: a thread is on its way to the point; one, two: so many are stopped; after",
       [](const Row& r) { return std::string(kStallPhases[static_cast<std::size_t>(r.slice.phase)]); }},
      {"parked", "threads stopped (after: that had been)", [](const Row& r) { return number(r.slice.parked); }},
      {"ops", "operations completed in the slice",
       [](const Row& r) { return number(r.slice.operations[static_cast<std::size_t>(r.operation)]); }},
      {"ops_per_s", "the same per s",
       [](const Row& r) {
         const double length_s = (r.slice.end_ms - r.slice.begin_ms) / 1e3;
         const auto operations = static_cast<double>(r.slice.operations[static_cast<std::size_t>(r.operation)]);
         return length_s > 0 ? number(operations / length_s) : "";
       }},
      {"table_bytes", "bytes that the table had asked of the system; empty where it could not say",
       [](const Row& r) { return number(r.slice.table_bytes); }},
      {"rss_bytes", "resident bytes of the process", [](const Row& r) { return number(r.slice.rss_bytes); }},
  };
  return columns;
}

}  // namespace occ
