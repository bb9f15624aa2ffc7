#include "harness/stall_results.hpp"

#include <system_error>

#include "fmt/format.h"
#include "harness/commands.hpp"
#include "harness/csv.hpp"

namespace occ {

namespace fs = std::filesystem;

namespace {

std::string number(double value) {
  return fmt::format("{:.6g}", value);
}

void append_line(std::ofstream& file, const fs::path& path, const std::vector<std::string>& fields) {
  file << csv_line(fields);
  if (!file) throw std::runtime_error(fmt::format("cannot write to '{}'; the disk may be full", path.string()));
}

}  // namespace

const std::vector<StallColumn>& stall_columns() {
  using Context = StallRowContext;
  static const std::vector<StallColumn> columns{
      {"strategy", "name of the update strategy", [](const Context& c) { return std::string(c.strategy.name); }},
      {"point", "where threads were stopped (occkit list)",
       [](const Context& c) { return std::string(to_string(c.row.point)); }},
      {"parked", "threads that were stopped: 1, or 2 where the second one could come to the point",
       [](const Context& c) { return fmt::format("{}", c.row.parked); }},
      {"operation", "what the survivors of this row did",
       [](const Context& c) { return std::string(kStallOperations[static_cast<std::size_t>(c.row.operation)]); }},
      {"threads", "survivors of this row", [](const Context& c) { return fmt::format("{}", c.threads); }},
      {"declared", "progress that the strategy declares for the operation",
       [](const Context& c) { return std::string(to_string(c.row.declared)); }},
      {"before_ops_per_s", "operations completed per s before a thread was stopped; conflicts are none",
       [](const Context& c) { return number(c.row.before_per_s); }},
      {"during_s", "s for which so many threads were stopped", [](const Context& c) { return number(c.row.during_s); }},
      {"during_ops_per_s", "operations completed per s meanwhile",
       [](const Context& c) { return number(c.row.during_per_s); }},
      {"ratio", "during by before; empty where nothing was done before",
       [](const Context& c) { return c.row.before_per_s == 0 ? "" : number(c.row.during_per_s / c.row.before_per_s); }},
      {"least_quarter_ops", "operations in the worst quarter of that time",
       [](const Context& c) { return fmt::format("{}", c.row.least_quarter); }},
      {"second_half_ops", "operations in its second half",
       [](const Context& c) { return fmt::format("{}", c.row.second_half); }},
      {"after_ops_per_s", "operations completed per s after the release",
       [](const Context& c) { return number(c.row.after_per_s); }},
      {"survival",
       fmt::format(
           "progressed: {} operations or more in each quarter; stalled: none in the second half; unclear: neither, "
           "or none before or after",
           kLeastOperations),
       [](const Context& c) { return std::string(to_string(c.row.survival)); }},
      {"judgement",
       "as_declared; fault: declared lock_free or better, and stalled; new_memory: stalled for want of new memory, "
       "which "
       "is declared blocking apart",
       [](const Context& c) { return std::string(to_string(c.row.judgement)); }},
      {"memory_source", "table: bytes that the table asked of the system; rss: resident bytes, where it could not say",
       [](const Context& c) { return c.row.memory_source; }},
      {"memory_growth_bytes", "bytes by which memory grew while so many threads were stopped",
       [](const Context& c) { return number(c.row.memory_growth_bytes); }},
      {"memory_growth_bytes_per_s", "the same per s",
       [](const Context& c) { return number(c.row.memory_growth_bytes / c.row.during_s); }},
      {"memory",
       fmt::format("grows: by more than {} MiB and {} bytes for each id created, and still in the second half; else "
                   "bounded",
                   kMemoryAllowanceBytes >> 20, kBytesPerCreatedId),
       [](const Context& c) { return std::string(c.row.memory_grows ? "grows" : "bounded"); }},
      {"memory_judgement", "as_declared; fault: declared bounded, and grows",
       [](const Context& c) { return std::string(to_string(c.row.memory_judgement)); }},
  };
  return columns;
}

const std::vector<std::pair<std::string, std::string>>& stall_series_columns() {
  static const std::vector<std::pair<std::string, std::string>> columns{
      {"strategy", "name of the update strategy"},
      {"point", "where threads were stopped"},
      {"operation", "what the survivors of this row did"},
      {"begin_ms", "ms since the cell began, at the beginning of a slice of about 50 ms"},
      {"end_ms", "at its end"},
      {"phase", "before; stopping: a thread is on its way to the point; one, two: so many are stopped; after"},
      {"parked", "threads stopped (after: that had been)"},
      {"ops", "operations completed in the slice"},
      {"ops_per_s", "the same per s"},
      {"table_bytes", "bytes that the table had asked of the system; empty where it could not say"},
      {"rss_bytes", "resident bytes of the process"},
  };
  return columns;
}

StallResults::StallResults(fs::path folder) : folder_(std::move(folder)) {
  for (const fs::path& file : {csv(), series(), json()}) {
    std::error_code unknown;
    if (fs::exists(file, unknown)) {
      throw BadInput(
          fmt::format("--out: '{}' is there already and is not overwritten; name another folder", file.string()));
    }
  }
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw BadInput(fmt::format("--out: cannot make the folder '{}': {}", folder_.string(), error.message()));
  for (const auto& [file, path] : {std::pair{&rows_, csv()}, std::pair{&series_, series()}}) {
    file->open(path, std::ios::binary);
    if (!*file) throw BadInput(fmt::format("--out: cannot write to '{}'", path.string()));
  }
  std::vector<std::string> names;
  for (const StallColumn& column : stall_columns()) names.push_back(column.name);
  append_line(rows_, csv(), names);
  names.clear();
  for (const auto& [name, meaning] : stall_series_columns()) names.push_back(name);
  append_line(series_, series(), names);
}

void StallResults::append(const StrategyInfo& strategy, unsigned threads, FaultPoint point, const StallRun& run,
                          const std::vector<StallRow>& rows) {
  for (const StallRow& row : rows) {
    std::vector<std::string> fields;
    for (const StallColumn& column : stall_columns()) fields.push_back(column.value({strategy, threads, row}));
    append_line(rows_, csv(), fields);
  }
  for (const StallSlice& slice : run.slices) {
    for (std::size_t i = 0; i < kStallOperationCount; ++i) {
      const double length_s = (slice.end_ms - slice.begin_ms) / 1e3;
      append_line(series_, series(),
                  {std::string(strategy.name), std::string(to_string(point)), std::string(kStallOperations[i]),
                   fmt::format("{:.1f}", slice.begin_ms), fmt::format("{:.1f}", slice.end_ms),
                   std::string(kStallPhases[static_cast<std::size_t>(slice.phase)]), fmt::format("{}", slice.parked),
                   fmt::format("{}", slice.operations[i]),
                   length_s > 0 ? number(static_cast<double>(slice.operations[i]) / length_s) : "",
                   slice.table_bytes ? fmt::format("{}", *slice.table_bytes) : "", fmt::format("{}", slice.rss_bytes)});
    }
  }
  rows_.flush();
  series_.flush();
  if (!rows_ || !series_) {
    throw std::runtime_error(fmt::format("cannot write to '{}'; the disk may be full", folder_.string()));
  }
}

void StallResults::write_provenance(const nlohmann::ordered_json& provenance) const {
  // Replaced as a whole, so that an interruption leaves the old one or the new one.
  const fs::path fresh = folder_ / "stall.json.new";
  {
    std::ofstream out(fresh, std::ios::binary);
    out << provenance.dump(2) << '\n' << std::flush;
    if (!out) throw std::runtime_error(fmt::format("cannot write to '{}'; the disk may be full", fresh.string()));
  }
  fs::rename(fresh, json());
}

}  // namespace occ
