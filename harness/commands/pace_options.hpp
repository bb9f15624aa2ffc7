#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/commands/option_reader.hpp"
#include "harness/commands/rate_search.hpp"
#include "harness/workload/workload.hpp"

namespace occ {

// When operations begin, and who waits between tries, as the options of `occkit run` say it. All throw BadInput.

/// `--backoff` is a client's (KIND:FIRST..MOST), not a strategy's.
[[nodiscard]] bool is_client_backoff(std::string_view text);

/// One for each think time and each number of clients, or for each rate; at least one.
/// With `search` it is the rate that is tried first.
[[nodiscard]] std::vector<Pace> paces_of(const OptionReader& options, const std::vector<std::uint32_t>& threads,
                                         const std::optional<RateSearch>& search);

/// Nothing unless a rate is to be found.
[[nodiscard]] std::optional<RateSearch> rate_search_of(const OptionReader& options, double window_s);

/// Refuses a pace that the workload's operations cannot have.
void check_pace(const Workload& workload);

}  // namespace occ
