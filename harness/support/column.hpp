#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fmt/format.h"
#include "harness/support/csv.hpp"
#include "nlohmann/json.hpp"

namespace occ {

/// A column of a CSV file of results, of which each line is made from a Row.
template <class Row>
struct Column {
  std::string name;
  /// With unit and, where it is not obvious, what counts.
  std::string meaning;
  /// The text of its field.
  std::function<std::string(const Row&)> value;
};

/// The one table of a file's columns, in the order of the file: header, rows, `occkit list`, the provenance and the
/// schema's test walk it.
template <class Row>
using Columns = std::vector<Column<Row>>;

template <class Row>
std::vector<std::string> header(const Columns<Row>& columns) {
  std::vector<std::string> names;
  for (const Column<Row>& column : columns) names.push_back(column.name);
  return names;
}

template <class Row>
std::vector<std::string> fields(const Columns<Row>& columns, const std::type_identity_t<Row>& row) {
  std::vector<std::string> values;
  for (const Column<Row>& column : columns) values.push_back(column.value(row));
  return values;
}

/// What each column means, by its name.
template <class Row>
nlohmann::ordered_json meanings(const Columns<Row>& columns) {
  nlohmann::ordered_json all;
  for (const Column<Row>& column : columns) all[column.name] = column.meaning;
  return all;
}

/// Six significant digits are more than any measurement here has.
inline std::string number(double value) {
  return fmt::format("{:.6g}", value);
}
template <std::integral T>
std::string number(T value) {
  return fmt::format("{}", value);
}
/// `otherwise` where there is none.
template <class T>
std::string number(const std::optional<T>& value, std::string_view otherwise = "") {
  return value ? number(*value) : std::string(otherwise);
}

/// A field of a file that is read, and where it stands.
class Field {
 public:
  Field(const std::string& text, const std::string& column, const std::string& file, std::size_t line)
      : text_(text), column_(column), file_(file), line_(line) {}

  [[nodiscard]] const std::string& text() const { return text_; }

  /// NaN where nothing was measured. Throws BadInput for what is no number, or below 0, which nothing measured can be.
  [[nodiscard]] double number() const;
  /// As `number`, 0 where nothing was measured.
  [[nodiscard]] double count() const;
  /// As `number`, below 0 too.
  [[nodiscard]] double signed_number() const;
  /// From `least` to `most`. Throws BadInput.
  [[nodiscard]] std::uint64_t whole_number(std::uint64_t least, std::uint64_t most) const;

  /// Throws BadInput: where the field stands, its column, its text, and `why`.
  [[noreturn]] void refuse(std::string_view why) const;

 private:
  const std::string& text_;
  const std::string& column_;
  const std::string& file_;
  std::size_t line_;
};

/// How a field of a file becomes part of a Row.
template <class Row>
struct ReadColumn {
  std::string name;
  std::function<void(const Field&, Row&)> read;
  /// What holds in files of versions that did not write the column yet; nothing if all did.
  std::optional<std::string> otherwise = std::nullopt;
};

/// Where the columns of a file are that are read.
class ColumnFinder {
 public:
  /// Throws BadInput if one of `columns` is missing. `file` is for messages.
  template <class Row>
  ColumnFinder(const CsvTable& table, const std::string& file, const std::vector<ReadColumn<Row>>& columns)
      : table_(table), file_(file) {
    for (const ReadColumn<Row>& column : columns) add(column.name, column.otherwise);
    refuse_missing();
  }

  /// `column`: in the order of the columns that are read.
  [[nodiscard]] Field field(std::size_t row, std::size_t column) const;

 private:
  struct Place {
    std::string name;
    std::optional<std::size_t> at;
    std::string otherwise;
  };

  void add(const std::string& name, const std::optional<std::string>& otherwise);
  void refuse_missing() const;

  const CsvTable& table_;
  const std::string& file_;
  std::vector<Place> places_;
  std::vector<std::string> missing_;
};

/// Throws BadInput if a column is missing.
template <class Row>
void check_columns(const CsvTable& table, const std::string& file, const std::vector<ReadColumn<Row>>& columns) {
  static_cast<void>(ColumnFinder(table, file, columns));
}

/// The rows of a table. Throws BadInput if a column is missing, or what a column's `read` throws.
template <class Row>
std::vector<Row> read_rows(const CsvTable& table, const std::string& file,
                           const std::vector<ReadColumn<Row>>& columns) {
  const ColumnFinder finder(table, file, columns);
  std::vector<Row> rows(table.rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < columns.size(); ++column)
      columns[column].read(finder.field(row, column), rows[row]);
  }
  return rows;
}

}  // namespace occ
