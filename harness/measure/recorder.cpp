#include "harness/measure/recorder.hpp"

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "fmt/format.h"
#include "harness/history/history_file.hpp"
#include "harness/support/bad_input.hpp"
#include "harness/support/cycle_clock.hpp"

namespace occ {
namespace {

void export_history(const std::filesystem::path& file, const Cell& cell, const Conditions& conditions,
                    std::uint32_t replicate, const std::vector<std::span<const HistoryEntry>>& threads,
                    const HistoryRules& rules) {
  std::ofstream out(file, std::ios::binary);
  if (!out && is_out_of_space(errno)) throw CannotWrite(fmt::format("to '{}'", file.string()));
  if (!out) throw BadInput(fmt::format("--history: cannot write to '{}'", file.string()));
  const Workload& workload = *cell.workload;
  write_history(out,
                {{"strategy", cell.strategy.name},
                 {"workload", workload.name},
                 {"threads", cell.threads},
                 {"replicate", replicate},
                 {"seed", conditions.seed},
                 {"docs", cell.documents->size()},
                 {"fill_percent", workload.fill_percent},
                 {"batch", workload.batch},
                 {"dist", workload.distribution.text()},
                 {"mix", workload.mix.text()},
                 {"shards", conditions.shards},
                 {"seq_no_lease", conditions.seq_no_lease},
                 {"fail_over_every_ms", conditions.fail_over_every_ms}},
                threads, rules);
}

}  // namespace

CheckedHistory check_recorded(const AnyTable& table, const Recorder& recorder, const Recording& recording,
                              const Cell& cell, const Conditions& conditions, std::uint32_t replicate) {
  HistoryRules rules{.gc_deletes_ms = conditions.gc_deletes_ms,
                     .ticks_per_ms = CycleClock::instance().ticks_per_second() / 1e3,
                     .tombstones_match = conditions.compatibility == Compatibility::v6,
                     .documents = cell.documents->size()};
  DocId of_document;
  for (std::uint32_t i = 0; i < rules.documents; ++i)
    rules.shards.push_back(table.shard_of(cell.documents->id(i, of_document)));
  const auto threads = recorder.threads();
  static_assert(HistoryRules::kUnknownShard == kUnknownShard);
  CheckedHistory checked{.report = check_history(threads, rules, static_cast<unsigned>(processors().size())),
                         .workload_operations = recorder.workload_operations(),
                         .recording_ns = recording_cost_ns(),
                         .full = recorder.full()};
  if (!checked.report.contradictions.empty()) {
    const Contradiction& first = checked.report.contradictions.front();
    const auto id_of = [&cell](std::uint32_t document) {
      DocId id;
      return std::string(cell.documents->id(document, id));
    };
    checked.excerpt = describe(first, FunctionRef<std::string(std::uint32_t)>(id_of), rules);
  }
  if (!recording.file.empty()) export_history(recording.file, cell, conditions, replicate, threads, rules);
  return checked;
}

void look_at_all(AnyTable& table, const Documents& documents, RecordInto record) {
  const auto handle = table.handle();
  RecordingHandle recording(*handle, record.buffer, record.documents, publishes_with_store(table.info()));
  for_each_batch(documents, [&](std::span<const std::uint32_t> indices, std::span<BulkItem> items) {
    recording.bulk(indices, items);
  });
}

std::uint32_t Recording::chosen(std::uint32_t documents) const {
  const auto part = static_cast<std::uint32_t>(std::llround(static_cast<double>(documents) * percent / 100));
  return std::clamp(part, 1U, documents);
}

std::uint32_t Recording::hottest(std::uint32_t documents, const Distribution& distribution) const {
  const std::uint32_t all = chosen(documents);
  switch (distribution.kind) {
    case Distribution::Kind::hot:
      return static_cast<std::uint32_t>(std::min<std::uint64_t>(all, distribution.hot_documents));
    case Distribution::Kind::zipf:
      return (all + 1) / 2;
    default:
      return 0;
  }
}

std::uint64_t Recording::least_operations(std::uint32_t documents, std::uint32_t threads, std::uint32_t batch) const {
  // Fewer are over before another thread has begun.
  constexpr std::uint64_t kLeastOfAThread = 1'000;
  constexpr std::uint64_t kAFewCalls = 16;
  return 2 * std::uint64_t{chosen(documents)} + std::max(kLeastOfAThread, kAFewCalls * batch) * threads;
}

}  // namespace occ
