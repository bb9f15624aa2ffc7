#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace occ {

/// Columns of the terminal that a file descriptor is; 0 if it is none, or does not say.
std::size_t terminal_width(int descriptor);

/// Colours are shown where the descriptor is a terminal, TERM is not `dumb`, and NO_COLOR is not set (no-color.org).
bool shows_colour(int descriptor);

enum class Colour { bad, warning, good };

/// The text in that colour where `shown`, as it is otherwise.
std::string coloured(std::string_view text, Colour colour, bool shown);

/// At most `width` columns of one line, "..." at its end if something is cut; all of it if `width` is 0. A character is
/// taken for one column.
std::string cut_to(const std::string& line, std::size_t width);

}  // namespace occ
