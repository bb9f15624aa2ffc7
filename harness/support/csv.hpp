#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace occ {

/// One line of RFC 4180 CSV with its line feed. Fields with a comma, a quote or a line break are quoted.
std::string csv_line(std::span<const std::string> fields);

/// A CSV file in memory: a header and rows of as many fields.
struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  /// The line of the file that each row begins in, counted from 1; empty if the table was not read from a file.
  std::vector<std::size_t> lines = {};
  /// The last row lacked its line feed: whoever wrote the file was stopped in the middle of it.
  bool unterminated = false;

  [[nodiscard]] std::optional<std::size_t> find_column(std::string_view name) const;
};

/// Throws BadInput, with `name` and the line, if a row has not as many fields as the header, a quote is not closed or
/// there is no header. An unterminated last row with too few fields is left out instead.
CsvTable parse_csv(std::string_view text, std::string_view name);

/// As parse_csv; throws BadInput if the file cannot be read.
CsvTable read_csv(const std::filesystem::path& file);

}  // namespace occ
