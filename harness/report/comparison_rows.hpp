#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "harness/report/comparison.hpp"

namespace occ {

// Reading: the rows of result files, with what a comparison needs of them.

/// Where nothing was measured.
inline constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

/// What the rows of one cell agree in, beside threads. collision_probability follows from docs and dist; the window's
/// own time is a measurement. The update form belongs to the strategy: a lock that updates in place competes with a
/// compare-and-swap that cannot.
inline constexpr std::array kSettingColumns = {"workload",     "client",        "docs",
                                               "fill_percent", "shards",        "body_bytes",
                                               "dist",         "mix",           "batch",
                                               "transform",    "think_ns",      "retry_on_conflict",
                                               "backoff",      "gc_deletes_ms", "fail_over_every_ms",
                                               "pinned",       "clients",       "think_between",
                                               "think_within", "rate_per_s",    "arrivals"};

/// The values of those columns, in their order. Settings compare as numbers where both are.
struct Setting {
  std::vector<std::string> values;

  [[nodiscard]] const std::string& workload() const { return values.front(); }

  friend bool operator==(const Setting&, const Setting&) = default;
  friend std::weak_ordering operator<=>(const Setting& a, const Setting& b);
};

/// What was measured at one number of threads.
struct Place {
  Setting setting;
  std::uint64_t threads = 0;
  auto operator<=>(const Place&) const = default;
};

/// A strategy in one update form, with numbers from one source.
struct Contestant {
  std::string strategy;
  std::string update_form;
  std::string seq_no_source;
  auto operator<=>(const Contestant&) const = default;
};

/// A row, as far as it is compared.
struct ComparedRow {
  std::size_t file = 0;
  /// Index in its file.
  std::size_t row = 0;
  Place place;
  Contestant contestant;
  std::string progress, semantics, replicate, checked, violation;
  double attempt = 1;
  bool disturbed = false;
  bool failed = false;
  bool caught = false;
  bool no_verdict = false;
  double metric = kNothing;
  double conflicts = 0, publication_failures = 0, attempts = 0;
  double updates = 0, retries = 0;
  std::array<double, kRetryBins> updates_by_retries{};
  double exhausted = 0;
  std::array<double, kLatencyPercentiles.size()> latency_ns{};
  std::array<double, kLatencyPercentiles.size()> response_ns{};
  double achieved_per_s = kNothing;
  double lost_updates = 0, torn_reads = 0, oversold = 0;
  double ops_per_s = kNothing;
  double history_operations = 0, history_overlap = 0;

  [[nodiscard]] bool is_control() const {
    return semantics == "none" || semantics == "unchecked" || semantics == "floor";
  }
  [[nodiscard]] bool is_history() const { return checked == "history" || checked == "fill"; }
};

/// The rows of all files, one after the other, but those of disturbed replicates that were measured again. Throws
/// BadInput, as compare().
std::vector<ComparedRow> read_compared_rows(std::span<const ResultFile> files, const std::string& metric);

}  // namespace occ
