#include "harness/measure/verify_strategy.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "core/slots/packed_body.hpp"

namespace occ {
namespace {

constexpr std::uint64_t kRecordedOperations = 2'000'000;

struct Trial {
  std::string name;
  Workload workload;
  Conditions conditions;
};

Trial trial(std::string name, std::uint64_t documents, std::string_view mix, double window_s) {
  Trial made{.name = name, .workload = custom_workload(), .conditions = {.window_s = window_s, .warmup_s = 0}};
  made.workload.name = std::move(name);
  made.workload.documents = documents;
  made.workload.mix = Mix::parse(mix);
  return made;
}

std::vector<Trial> hostile_trials(const StrategyInfo& strategy) {
  std::vector<Trial> trials;
  trials.push_back(trial("hot", 4, "get=30,update=50,cond=20", 0.35));
  trials.back().workload.retry_on_conflict = 3;

  struct Variant {
    std::uint64_t body_bytes;
    std::uint32_t retries;
    std::int64_t gc_deletes_ms;
  };
  for (const Variant variant : {Variant{8, 0, -1}, Variant{41, 1, 0}, Variant{5000, 3, 3}}) {
    trials.push_back(trial("everything", 48, "get=20,index=15,create=15,delete=20,update=15,cond=15", 0.2));
    Workload& workload = trials.back().workload;
    workload.body_bytes = variant.body_bytes;
    workload.retry_on_conflict = variant.retries;
    Conditions& conditions = trials.back().conditions;
    conditions.shards = 3;
    conditions.fail_over_every_ms = 2;
    if (strategy.semantics != Semantics::version_only) conditions.gc_deletes_ms = variant.gc_deletes_ms;
    if (strategy.updates_optimistically) conditions.update_form = UpdateForm::optimistic;
  }

  for (const std::uint32_t batch : {1U, 4U}) {
    trials.push_back(trial("sizes", 8, "get=30,update=40,cond=20,index=10", 0.25));
    Workload& workload = trials.back().workload;
    workload.layout = SourceLayout::resizing;
    workload.body_bytes = InlineBody::capacity;
    workload.retry_on_conflict = 2;
    workload.batch = batch;
  }

  trials.push_back(trial("batches", 48, "get=20,index=15,create=15,delete=20,update=15,cond=15", 0.25));
  trials.back().workload.batch = 24;
  trials.back().workload.retry_on_conflict = 1;
  trials.back().conditions.shards = 3;
  trials.back().conditions.fail_over_every_ms = 2;
  if (strategy.semantics != Semantics::version_only) trials.back().conditions.gc_deletes_ms = 3;

  trials.push_back(trial("leases", 4, "get=20,update=40,cond=20,index=10,delete=5,create=5", 0.2));
  trials.back().workload.retry_on_conflict = 2;
  trials.back().conditions.shards = 2;
  trials.back().conditions.seq_no_lease = 64;

  trials.push_back(trial("growth", 50'000, "get=25,index=25,create=25,delete=5,update=20", 0.35));
  trials.back().workload.fill_percent = 10;
  trials.back().workload.distribution = Distribution::parse("zipf:0.8");
  return trials;
}

/// Updates that think for long enough that their document is deleted, forgotten and created again meanwhile.
Trial expiry_trial() {
  Trial made = trial("expiry", 2, "create=25,delete=25,update=50", 0.2);
  made.workload.think_ns = 10'000;
  made.conditions.gc_deletes_ms = -1;
  return made;
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ops_per_s(const Measurement& measurement) {
  return static_cast<double>(measurement.window.total_operations()) / measurement.window_s;
}

/// Runs trials of one strategy and adds up what their histories showed.
class Examination {
 public:
  Examination(const StrategyInfo& strategy, const VerifySettings& settings, const MeasureCell& measure_cell)
      : strategy_(strategy), settings_(settings), measure_cell_(measure_cell) {}

  /// What the recorded replicate's verification says; the same, unrecorded and short, beside it if `compare`. Nothing if
  /// it was interrupted.
  std::optional<Verification::Verified> run(const Trial& trial, bool compare) {
    const Documents documents =
        Documents::generated(trial.workload.layout, trial.workload.documents, trial.workload.body_bytes, "counter");
    const Cell cell{strategy_, &trial.workload, &documents, settings_.threads};
    Conditions conditions = trial.conditions;
    conditions.seed = settings_.seed;
    if (settings_.seq_no_lease > 1) conditions.seq_no_lease = settings_.seq_no_lease;
    conditions.compatibility = settings_.compatibility;
    const Recording recording{.operations = kRecordedOperations};
    const auto measured = measure_cell_(cell, conditions, ++replicate_, &recording);
    if (!measured) return std::nullopt;
    const Measurement& measurement = *measured;
    const HistoryReport& report = measurement.history.value().report;
    verdict_.operations += report.operations;
    pairs_ += report.pairs;
    overlapping_ += report.overlapping;
    check_s_ += report.check_s * report.check_threads;
    const Verification& verification = measurement.verification;
    if (verification.verified == Verification::Verified::no ||
        verification.verified == Verification::Verified::caught) {
      verdict_.workload = trial.name;
      verdict_.violation = verification.violation;
      verdict_.excerpt = measurement.history->excerpt;
    } else if (compare) {
      conditions.window_s = 0.1;
      conditions.warmup_s = 0.02;
      const auto unrecorded = measure_cell_(cell, conditions, replicate_, nullptr);
      if (!unrecorded) return std::nullopt;
      // A window in which nothing ended has no speed.
      if (unrecorded->window.total_operations() > 0 && measurement.window.total_operations() > 0)
        log_costs_.push_back(std::log(ops_per_s(*unrecorded) / ops_per_s(measurement)));
    }
    return verification.verified;
  }

  StrategyVerdict end(StrategyVerdict::Kind kind) {
    verdict_.kind = kind;
    verdict_.overlap = pairs_ == 0 ? 0 : static_cast<double>(overlapping_) / static_cast<double>(pairs_);
    verdict_.checked_per_s = check_s_ > 0 ? static_cast<double>(verdict_.operations) / check_s_ : 0;
    if (!log_costs_.empty()) {
      double sum = 0;
      for (const double cost : log_costs_) sum += cost;
      verdict_.recording_percent = 100 * (std::exp(sum / static_cast<double>(log_costs_.size())) - 1);
    }
    return verdict_;
  }

 private:
  const StrategyInfo& strategy_;
  const VerifySettings& settings_;
  const MeasureCell& measure_cell_;
  std::uint32_t replicate_ = 0;
  StrategyVerdict verdict_;
  std::uint64_t pairs_ = 0;
  std::uint64_t overlapping_ = 0;
  double check_s_ = 0;
  std::vector<double> log_costs_;
};

}  // namespace

std::string_view to_string(StrategyVerdict::Kind kind) {
  constexpr std::string_view kNames[] = {"correct",
                                         "WRONG",
                                         "caught, as it should be",
                                         "NOT CAUGHT, as a negative control should be",
                                         "as declared",
                                         "NOT CONVICTED of the lost update that it declares",
                                         "interrupted, nothing wrong until then"};
  return kNames[static_cast<int>(kind)];
}

StrategyVerdict verify_strategy(const StrategyInfo& strategy, const VerifySettings& settings,
                                const MeasureCell& measure_cell) {
  using Verified = Verification::Verified;
  Examination examination(strategy, settings, measure_cell);
  const bool is_control = strategy.semantics == Semantics::unchecked;
  const double began_s = now_s();
  const std::vector<Trial> trials = hostile_trials(strategy);
  do {
    for (const Trial& trial : trials) {
      const auto verified = examination.run(trial, !is_control);
      if (!verified) return examination.end(StrategyVerdict::Kind::unfinished);
      switch (*verified) {
        case Verified::caught:
          if (is_control) return examination.end(StrategyVerdict::Kind::caught);
          [[fallthrough]];
        case Verified::no:
          return examination.end(StrategyVerdict::Kind::wrong);
        default:
          break;
      }
    }
  } while (now_s() - began_s < (is_control ? std::max(settings.patience_s, settings.seconds) : settings.seconds));
  return examination.end(is_control ? StrategyVerdict::Kind::not_caught : StrategyVerdict::Kind::correct);
}

StrategyVerdict verify_expiry(const StrategyInfo& strategy, const VerifySettings& settings,
                              const MeasureCell& measure_cell) {
  using Verified = Verification::Verified;
  Examination examination(strategy, settings, measure_cell);
  const double began_s = now_s();
  const Trial trial = expiry_trial();
  do {
    const auto verified = examination.run(trial, false);
    if (!verified) return examination.end(StrategyVerdict::Kind::unfinished);
    switch (*verified) {
      case Verified::caught:
        return examination.end(StrategyVerdict::Kind::as_declared);
      case Verified::no:
        return examination.end(StrategyVerdict::Kind::wrong);
      default:
        break;
    }
  } while (now_s() - began_s < std::max(settings.patience_s, settings.seconds));
  return examination.end(StrategyVerdict::Kind::not_convicted);
}

}  // namespace occ
