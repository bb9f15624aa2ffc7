#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace occ {

/// One line of a file of numbers.
struct NumberLine {
  std::size_t line;
  std::vector<double> numbers;
};

/// The lines of a file that have `columns` numbers each, separated by blanks, tabs or a comma; empty lines and what
/// follows a `#` are left out. `option` is for messages. Throws BadInput, with the line, for anything else, and if there
/// is no such line.
std::vector<NumberLine> read_number_lines(std::string_view option, const std::string& file, std::size_t columns);

/// A number from `least` to `most`. Throws BadInput.
double read_number(std::string_view option, std::string_view text, double least, double most);

}  // namespace occ
