#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace occ {

/// The one of `names` that a mistyped word most likely stands for: the nearest, if so few letters are missing, extra,
/// wrong or exchanged with their neighbour (optimal string alignment distance) that it is no chance: one of up to four
/// letters, two of up to eight, three of more. Empty if none is so near.
std::string near_name(std::string_view word, std::span<const std::string> names);

/// "; did you mean 'NAME'?", or empty: to stand behind what was wrong.
std::string did_you_mean(std::string_view word, std::span<const std::string> names);

}  // namespace occ
