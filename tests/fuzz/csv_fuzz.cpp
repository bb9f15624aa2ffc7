/// Any text as a CSV file: refused, or a table that reads the same after it was written again; and as a result file,
/// compared and described. Columns that the text does not name are those of a plausible row, so that it needs to hold
/// only what it makes of a few.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "harness/report/comparison.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/csv.hpp"
#include "tests/fuzz/require.hpp"

namespace occ {
namespace {

void check_written_again(const CsvTable& table) {
  std::string text = csv_line(table.header);
  for (const auto& row : table.rows) text += csv_line(row);
  const CsvTable again = parse_csv(text, "again");
  require(again.header == table.header && again.rows == table.rows, "a table that reads otherwise once it is written");
  require(!again.unterminated, "a written table without its last line feed");
}

/// What `compare` needs, for one strategy in one cell.
constexpr std::pair<std::string_view, std::string_view> kColumns[] = {
    {"workload", "custom"},
    {"client", "update"},
    {"docs", "1000"},
    {"shards", "1"},
    {"body_bytes", "100"},
    {"dist", "uniform"},
    {"mix", "update=100"},
    {"transform", "counter"},
    {"think_ns", "0"},
    {"retry_on_conflict", "0"},
    {"backoff", "none"},
    {"gc_deletes_ms", "60000"},
    {"fail_over_every_ms", "0"},
    {"pinned", "no"},
    {"strategy", "packed_cas"},
    {"update_form", "optimistic"},
    {"progress", "lock_free"},
    {"semantics", "full"},
    {"seq_no_source", "counter"},
    {"threads", "1"},
    {"replicate", "1"},
    {"ops_per_s", "1000000"},
    {"exhausted", "0"},
    {"attempts", "1000"},
    {"publication_failures", "0"},
    {"latency_p50_ns", "100"},
    {"latency_p99_ns", "1000"},
    {"oversold", "0"},
    {"torn_reads", "0"},
    {"lost_updates", "0"},
    {"checked", "sums"},
    {"verified", "yes"},
    {"violation", ""},
    {"conflict_missing", "0"},
    {"conflict_seq_no", "0"},
    {"conflict_exists", "0"},
    {"conflict_version", "0"},
};

/// The table with every column of kColumns, and `retries_*`, that it lacks.
CsvTable completed(CsvTable table) {
  const auto complete = [&table](std::string_view name, std::string_view value) {
    if (table.find_column(name)) return;
    table.header.emplace_back(name);
    for (auto& row : table.rows) row.emplace_back(value);
  };
  for (const auto& [name, value] : kColumns) complete(name, value);
  for (int retries = 0; retries < 16; ++retries) complete("retries_" + std::to_string(retries), "1");
  complete("retries_16_plus", "0");
  return table;
}

void compare_and_describe(CsvTable table) {
  const ResultFile file{"input", std::move(table)};
  for (const char* metric : {"ops_per_s", "retries_per_update"}) {
    const Comparison comparison = compare({&file, 1}, {.metric = metric});
    for (const TableStyle style : {TableStyle::text, TableStyle::markdown}) {
      require(!describe(comparison, style).empty(), "a comparison without a word");
      (void)describe_winners(comparison, style);
    }
  }
}

void check(std::string_view text) {
  // Whatever `compare` comes to need must be in kColumns, else every input would be refused for its absence.
  [[maybe_unused]] static const bool complete =
      (compare_and_describe(completed({.header = {"x"}, .rows = {{""}}})), true);
  try {
    CsvTable table = parse_csv(text, "input");
    for (const auto& row : table.rows) {
      require(row.size() == table.header.size(), "a row with more or fewer fields than the header");
    }
    check_written_again(table);
    compare_and_describe(completed(std::move(table)));
  } catch (const BadInput& error) {
    require(*error.what() != '\0', "an error without a message");
  }
}

}  // namespace
}  // namespace occ

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  occ::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
