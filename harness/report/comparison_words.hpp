#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/report/comparison.hpp"

namespace occ {

// The words and numbers in which a comparison is told, in tables of text and in a report alike. Numbers have three
// significant digits; "-" is what was not measured.

/// "1.23 us", from ns.
std::string duration(double nanoseconds);
/// With the unit or the prefix that the metric calls for.
std::string metric_text(std::string_view metric, double value);
/// "low - high", with "range" before it where it is one.
std::string interval_text(std::string_view metric, const Interval& interval, std::size_t replicates);
std::string ratio_number(double ratio);
/// Of the entry's ratio to the baseline, with its interval in brackets.
std::string ratio_text(const Entry& entry);
std::string optional_text(const std::optional<double>& value);
std::string retries_text(const Entry& entry);
/// In per cent.
std::string share_text(const std::optional<double>& share);

/// "docs 1000, dist uniform", without what is empty.
std::string settings_text(const std::vector<std::pair<std::string, std::string>>& settings);
/// A cell by its workload, threads, settings and check.
std::string title(const ComparedCell& cell);
/// The settings of the cell that its workload's name does not already tell.
std::vector<std::pair<std::string, std::string>> settings_beside_workload(const Comparison& comparison,
                                                                          const ComparedCell& cell);
/// An entry's standing in a word; empty for who is behind.
std::string mark(const Entry& entry);
/// Why an entry is voided.
std::string loss_text(const Entry& entry);
bool any_efficiency(const ComparedCell& cell);
bool any_of_contended_cas(const ComparedCell& cell);
bool any_disturbed(const ComparedCell& cell);
/// What a cell's efficiency divides by, or that there is nothing to divide by; empty for another metric.
std::string floor_text(const Comparison& comparison, const ComparedCell& cell);
/// What the recorded histories of a cell showed; empty if there are none.
std::string history_text(const ComparedCell& cell);

/// Who is ahead in a cell; null if nobody is compared there.
const Entry* leader_of(const ComparedCell& cell);
/// The one with the best median, and who is as good.
std::string winner_text(const ComparedCell& cell, const Entry& leader);
bool any_standing(const Comparison& comparison, Standing standing);
/// What "a = b" and "none named" mean in a table of winners.
std::string tie_text(const Comparison& comparison);
std::string undecided_text();

std::string noise_floor_text(const NoiseFloor& floor);
std::string no_difference_text(const Interval& floor);

}  // namespace occ
