#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/App.hpp"

namespace occ {

// What the text of an option may be (support/quantity.hpp), as validators of CLI11. Each puts a plain form in the text's place, which CLI11
// reads as any number: "100k" becomes "100000", "1-3" becomes "1,2,3", "500ms" becomes "0.5". What they refuse, they say
// with what is accepted. `check` of an option leaves its text as it is, `transform` changes it.

/// A whole number from `least` to `most`; k, M and G behind it mean 1,000, 1,000,000 and 1,000,000,000.
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most);

/// Any number from `least` to `most`.
CLI::Validator number(double least, double most);

enum class Repeats : std::uint8_t { refused, accepted };

/// A list of such numbers and of ranges of them, "1-4,8" for 1, 2, 3, 4 and 8.
CLI::Validator whole_numbers(std::uint64_t least, std::uint64_t most, Repeats repeats);

/// As much as anybody waits, or keeps a tombstone: a year.
inline constexpr double kLongestTimeS = 366.0 * 24 * 3600;

/// A time from `least_s` to `most_s`, in seconds where no unit is given: "500ms", "2s", "1min", "2.5".
CLI::Validator seconds(double least_s, double most_s);

/// As `seconds` from 0 on, or -1.
CLI::Validator seconds_or_minus_one(double most_s);

/// A percentage above 0 and up to 100, with its sign or without: "5%".
CLI::Validator percent();

/// The share of a whole: none, all, or a percentage with its sign. In plain form 0 to 100; an empty text is all.
CLI::Validator share(std::string_view of_what);

/// One of these names.
CLI::Validator one_of(std::vector<std::string> names);

/// A list as of whole_numbers, none twice, or this word.
CLI::Validator whole_numbers_or(std::string word, std::uint64_t least, std::uint64_t most);

/// A strategy's back-off (BackoffKind) or a client's (BackoffPolicy).
CLI::Validator backoff();

/// A list of names, none twice.
CLI::Validator different_names();

}  // namespace occ
