#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace occ {

// What quantities look like in options and files. `accepted` texts follow "accepted are".

/// "a,b" as {a, b}; "" as {""}.
std::vector<std::string> split_list(std::string_view text);

/// A whole number from `least` to `most`; k, M and G behind it mean 1,000, 1,000,000 and 1,000,000,000.
std::optional<std::uint64_t> parse_whole_number(std::string_view text, std::uint64_t least, std::uint64_t most);
std::string accepted_whole_numbers(std::uint64_t least, std::uint64_t most);

/// A time from `least_s` to `most_s`, in seconds where no unit is given: "500ms", "2s", "1min", "2.5".
std::optional<double> parse_seconds(std::string_view text, double least_s, double most_s);
std::string accepted_seconds(double least_s, double most_s);
/// As parse_seconds, where a time is a part of a longer text. Throws BadInput; `what` it is, is for its message.
double read_seconds(std::string_view what, std::string_view text, double least_s, double most_s);

/// A percentage above 0 and up to 100, "5%". `sign_needed`: "5" is none.
std::optional<double> parse_percent(std::string_view text, bool sign_needed);

}  // namespace occ
