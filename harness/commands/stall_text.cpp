#include "harness/commands/stall_text.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace occ {
namespace {

std::string times(double ratio) {
  return ratio < 10 ? fmt::format("x{:.2f}", ratio) : fmt::format("x{:.0f}", ratio);
}

std::string megabytes_per_s(const StallRow& row) {
  const double rate = row.memory_growth_bytes / row.during_s / 1e6;
  return fmt::format("{:.1f}{}", rate < 0.05 ? 0.0 : rate, row.memory_grows ? " grows" : "");
}

std::string survival_text(const StallRow& row) {
  switch (row.survival) {
    case Survival::progressed:
      return times(row.during_per_s / row.before_per_s);
    case Survival::stalled:
      return row.judgement == Judgement::fault        ? "STALLED"
             : row.judgement == Judgement::new_memory ? "stops*"
                                                      : "stops";
    default:
      return row.unclear() ? "unclear" : "slow";
  }
}

constexpr std::string_view kDetailLine = "  {:<18} {:>6}  {:>9} {:>9}  {:>9} {:>9}  {:>9} {:>9}  {}\n";

}  // namespace

void print_detail_header(const StrategyInfo& info) {
  fmt::print("\n{}\n", info.name);
  fmt::print(fmt::runtime(kDetailLine), "stopped at", "parked", "get same", "other", "upd. same", "other", "cre. same",
             "other", "memory, MB/s");
}

void print_details(const std::vector<StallRow>& rows) {
  for (std::size_t at = 0; at + kStallOperationCount <= rows.size(); at += kStallOperationCount) {
    const auto text = [&](StallOperation operation) {
      return survival_text(rows[at + static_cast<std::size_t>(operation)]);
    };
    fmt::print(fmt::runtime(kDetailLine), to_string(rows[at].point), rows[at].parked, text(StallOperation::get_same),
               text(StallOperation::get_other), text(StallOperation::update_same), text(StallOperation::update_other),
               text(StallOperation::create_same), text(StallOperation::create_other), megabytes_per_s(rows[at]));
  }
  std::fflush(stdout);
}

std::string measured_text(const MeasuredProgress& kind) {
  if (kind.measured == Progress::blocking) return fmt::format("blocking ({})", kind.reach);
  return "lock_free";
}

std::string declared_text(const MeasuredProgress& kind) {
  return std::string(to_string(kind.declared));
}

std::string StrategyResult::verdict() const {
  const StallSummary summary = summarize(info, rows);
  std::vector<std::string> parts;
  const auto kinds = {std::pair{"get", summary.get}, std::pair{"write", summary.write},
                      std::pair{"create", summary.create}};
  for (const auto& [name, kind] : kinds) {
    if (kind.fault) parts.push_back(fmt::format("FAULT: {} is declared {} and stalls", name, to_string(kind.declared)));
  }
  if (summary.memory_fault) parts.emplace_back("FAULT: memory is declared bounded and grows");
  if (!problems.empty()) parts.push_back(fmt::format("FAULT: {} of its cells failed", problems.size()));
  if (summary.unclear) parts.emplace_back("unclear in part: the machine is too busy");
  if (!parts.empty()) return fmt::format("{}", fmt::join(parts, "; "));
  if (rows.empty()) return "no points";
  std::vector<std::string> unseen;
  for (const auto& [name, kind] : kinds) {
    if (kind.declared == Progress::blocking && kind.measured != Progress::blocking) unseen.emplace_back(name);
  }
  if (!info.memory_bounded && !summary.memory_grows) unseen.emplace_back("memory");
  if (unseen.empty()) return "as declared";
  return fmt::format("not seen: {}", fmt::join(unseen, ", "));
}

void print_summary(const std::vector<StrategyResult>& results) {
  constexpr std::string_view kLine = "{:<26} {:<10} {:<25} {:<10} {:<25} {:<10} {:<24} {:<9} {:<8} {}\n";
  fmt::print("\n");
  fmt::print(fmt::runtime(kLine), "", "get", "", "write", "", "create", "", "memory", "", "");
  fmt::print(fmt::runtime(kLine), "strategy", "declared", "measured", "declared", "measured", "declared", "measured",
             "declared", "measured", "verdict");
  bool new_memory = false;
  for (const StrategyResult& result : results) {
    const StallSummary summary = summarize(result.info, result.rows);
    new_memory = new_memory || summary.new_memory;
    const bool any = !result.rows.empty();
    const auto measured = [&](const MeasuredProgress& kind) { return any ? measured_text(kind) : "-"; };
    fmt::print(fmt::runtime(kLine), result.info.name, declared_text(summary.get), measured(summary.get),
               declared_text(summary.write), measured(summary.write) + (summary.new_memory ? " *" : ""),
               declared_text(summary.create), measured(summary.create),
               result.info.memory_bounded ? "bounded" : "unbounded",
               !any                   ? "-"
               : summary.memory_grows ? "grows"
                                      : "bounded",
               result.verdict());
  }
  fmt::print(
      "measured lock_free: nobody stops wherever others are stopped; wait_free looks the same. In brackets: whom a "
      "stopped "
      "thread stops at worst.\n");
  if (new_memory) {
    fmt::print(
        "* while a thread stands inside the pool's mutex, updates that need ever more memory stop too; new memory is "
        "declared apart.\n");
  }
}

void print_legend() {
  fmt::print(
      "Throughput of survivors while threads are stopped, as a multiple of what it was before; same: the document (for "
      "creations: the directory's segment) of the stopped thread.\n");
}

std::string stops_text(std::span<const StallRow> rows) {
  const auto stalled = std::ranges::count(rows, Survival::stalled, &StallRow::survival);
  if (rows.empty()) return "failed";
  return stalled == 0 ? "nobody stops" : fmt::format("{} of {} stop", stalled, rows.size());
}

}  // namespace occ
