#include "harness/support/csv.hpp"

#include <algorithm>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/read_file.hpp"

namespace occ {
namespace {

/// Reads fields one after another.
class Scanner {
 public:
  Scanner(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] std::size_t line() const { return line_; }
  /// The last row read was ended by a line feed.
  [[nodiscard]] bool terminated() const { return terminated_; }

  std::vector<std::string> row() {
    std::vector<std::string> fields;
    do fields.push_back(field());
    while (skip(','));
    skip('\r');
    terminated_ = skip('\n');
    if (terminated_) ++line_;
    return fields;
  }

 private:
  bool skip(char expected) {
    if (at_end() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }

  std::string field() {
    if (!skip('"')) {
      const auto end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
      std::string plain(text_.substr(at_, end - at_));
      at_ = end;
      return plain;
    }
    std::string quoted;
    for (;;) {
      if (at_end()) throw BadInput(fmt::format("{}:{}: a quote is not closed", name_, line_));
      const char c = text_[at_++];
      if (c == '\n') ++line_;
      if (c == '"' && !skip('"')) return quoted;
      quoted += c;
    }
  }

  std::string_view text_;
  std::string_view name_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool terminated_ = true;
};

}  // namespace

std::string csv_line(std::span<const std::string> fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != fields.data()) line += ',';
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) {
      if (c == '"') line += '"';
      line += c;
    }
    line += '"';
  }
  line += '\n';
  return line;
}

std::optional<std::size_t> CsvTable::find_column(std::string_view name) const {
  const auto at = std::ranges::find(header, name);
  if (at == header.end()) return std::nullopt;
  return static_cast<std::size_t>(at - header.begin());
}

CsvTable parse_csv(std::string_view text, std::string_view name) {
  if (text.empty()) throw BadInput(fmt::format("{}: empty, a header line is expected", name));
  Scanner scanner(text, name);
  CsvTable table{.header = scanner.row()};
  while (!scanner.at_end()) {
    const std::size_t line = scanner.line();
    auto row = scanner.row();
    table.unterminated = !scanner.terminated();
    if (row.size() == table.header.size()) {
      table.rows.push_back(std::move(row));
      table.lines.push_back(line);
    } else if (!table.unterminated) {
      throw BadInput(
          fmt::format("{}:{}: {} fields where the header has {}", name, line, row.size(), table.header.size()));
    }
  }
  return table;
}

CsvTable read_csv(const std::filesystem::path& file) {
  return parse_csv(read_file(file), file.string());
}

}  // namespace occ
