#include "harness/stall/stall_verdict.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace occ {
namespace {

using Slices = std::vector<const StallSlice*>;

Slices slices_of(const StallRun& run, StallPhase phase) {
  Slices slices;
  for (const StallSlice& slice : run.slices) {
    if (slice.phase == phase) slices.push_back(&slice);
  }
  return slices;
}

double seconds(const Slices& slices) {
  return slices.empty() ? 0 : (slices.back()->end_ms - slices.front()->begin_ms) / 1e3;
}

template <class Range>
std::uint64_t count(const Range& slices, StallOperation operation) {
  std::uint64_t sum = 0;
  for (const StallSlice* slice : slices) sum += slice->operations[static_cast<std::size_t>(operation)];
  return sum;
}

double per_second(const Slices& slices, StallOperation operation) {
  return slices.empty() ? 0 : static_cast<double>(count(slices, operation)) / seconds(slices);
}

/// From one quarter of the slices to another.
std::span<const StallSlice* const> quarters(const Slices& slices, std::size_t from, std::size_t to) {
  const std::size_t begin = slices.size() * from / 4;
  return std::span(slices).subspan(begin, slices.size() * to / 4 - begin);
}

Progress declared(const StrategyInfo& info, StallOperation operation) {
  switch (operation) {
    case StallOperation::get_same:
    case StallOperation::get_other:
      return info.get;
    case StallOperation::update_same:
    case StallOperation::update_other:
      return info.write;
    default:
      return info.create;
  }
}

struct Growth {
  std::string_view source;
  double bytes = 0;
  bool unbounded = false;
};

/// From the slice before the phase to its last one.
Growth growth(const StallRun& run, StallPhase phase) {
  const auto first = std::ranges::find(run.slices, phase, &StallSlice::phase);
  if (first == run.slices.end() || first == run.slices.begin()) return {};
  const auto end = std::find_if(first, run.slices.end(), [&](const StallSlice& slice) { return slice.phase != phase; });
  const auto before = first - 1;
  const auto middle = first + (end - first) / 2;
  const auto last = end - 1;
  const bool known = before->table_bytes && middle->table_bytes && last->table_bytes;
  const auto bytes = [&](auto slice) { return static_cast<double>(known ? *slice->table_bytes : slice->rss_bytes); };
  const auto allowed = [&](auto from, std::uint64_t constant) {
    std::uint64_t created = 0;
    for (auto slice = from; slice != end; ++slice) {
      created += slice->operations[static_cast<std::size_t>(StallOperation::create_same)] +
                 slice->operations[static_cast<std::size_t>(StallOperation::create_other)];
    }
    return static_cast<double>(constant + created * kBytesPerCreatedId);
  };
  const double all = bytes(last) - bytes(before);
  return {known ? "table" : "rss", all,
          all > allowed(first, kMemoryAllowanceBytes) &&
              bytes(last) - bytes(middle) > allowed(middle, kMemoryAllowanceBytes / 4)};
}

Survival survival_of(const StallRow& row) {
  if (row.before_per_s == 0 || row.after_per_s == 0) return Survival::unclear;
  if (row.second_half == 0) return Survival::stalled;
  return row.least_quarter >= kLeastOperations ? Survival::progressed : Survival::unclear;
}

Judgement judge_progress(const StrategyInfo& info, const StallRow& row) {
  if (row.survival != Survival::stalled || row.declared == Progress::blocking) return Judgement::as_declared;
  const bool writes = row.operation != StallOperation::get_same && row.operation != StallOperation::get_other;
  if (row.point == FaultPoint::taking_new_memory && writes && !info.memory_bounded) return Judgement::new_memory;
  return Judgement::fault;
}

void add(MeasuredProgress& kind, const StallRow& row, std::string_view narrow, bool other) {
  if (row.survival != Survival::stalled || row.judgement == Judgement::new_memory) return;
  kind.measured = Progress::blocking;
  if (other) kind.reach = "all";
  if (kind.reach.empty()) kind.reach = narrow;
  kind.fault = kind.fault || row.judgement == Judgement::fault;
}

}  // namespace

std::string_view to_string(Survival survival) {
  constexpr std::string_view kNames[] = {"progressed", "stalled", "unclear"};
  return kNames[static_cast<std::size_t>(survival)];
}

std::string_view to_string(Judgement judgement) {
  constexpr std::string_view kNames[] = {"as_declared", "fault", "new_memory"};
  return kNames[static_cast<std::size_t>(judgement)];
}

std::vector<StallRow> judge(const StrategyInfo& info, FaultPoint point, const StallRun& run) {
  std::vector<StallRow> rows;
  const Slices before = slices_of(run, StallPhase::before);
  const Slices after = slices_of(run, StallPhase::after);
  for (const auto& [phase, parked] : {std::pair{StallPhase::one, 1U}, std::pair{StallPhase::two, 2U}}) {
    const Slices during = slices_of(run, phase);
    if (during.empty()) continue;
    const Growth memory = growth(run, phase);
    for (std::size_t i = 0; i < kStallOperationCount; ++i) {
      const auto operation = static_cast<StallOperation>(i);
      StallRow row{.point = point,
                   .parked = parked,
                   .operation = operation,
                   .declared = declared(info, operation),
                   .before_per_s = per_second(before, operation),
                   .during_s = seconds(during),
                   .during_per_s = per_second(during, operation),
                   .after_per_s = per_second(after, operation),
                   .least_quarter = std::numeric_limits<std::uint64_t>::max(),
                   .second_half = count(quarters(during, 2, 4), operation),
                   .memory_source = std::string(memory.source),
                   .memory_growth_bytes = memory.bytes,
                   .memory_grows = memory.unbounded};
      for (std::size_t q = 0; q < 4; ++q) {
        row.least_quarter = std::min(row.least_quarter, count(quarters(during, q, q + 1), operation));
      }
      row.survival = survival_of(row);
      row.judgement = judge_progress(info, row);
      if (row.memory_grows && info.memory_bounded) row.memory_judgement = Judgement::fault;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

StallSummary summarize(const StrategyInfo& info, std::span<const StallRow> rows) {
  StallSummary summary{
      .get = {.declared = info.get}, .write = {.declared = info.write}, .create = {.declared = info.create}};
  for (const StallRow& row : rows) {
    switch (row.operation) {
      case StallOperation::get_same:
      case StallOperation::get_other:
        add(summary.get, row, "same document", row.operation == StallOperation::get_other);
        break;
      case StallOperation::update_same:
      case StallOperation::update_other:
        add(summary.write, row, "same document", row.operation == StallOperation::update_other);
        break;
      default:
        add(summary.create, row, "same segment", row.operation == StallOperation::create_other);
    }
    summary.new_memory = summary.new_memory || row.judgement == Judgement::new_memory;
    summary.unclear = summary.unclear || row.unclear();
    summary.memory_grows = summary.memory_grows || row.memory_grows;
    summary.memory_fault = summary.memory_fault || row.memory_judgement == Judgement::fault;
  }
  return summary;
}

}  // namespace occ
