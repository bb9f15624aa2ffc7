#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/rest/rest_call.hpp"

namespace occ {

/// One column of a `_cat` table.
struct CatColumn {
  std::string_view name;
  std::string_view aliases;  ///< comma-separated
  std::string_view meaning;
  bool is_shown = true;  ///< where nobody names columns
  bool is_number = false;
};

/// A table as the `_cat` requests answer it: text, or JSON for `format=json`, with `v`, `h`, `s` and `help`.
class CatTable {
 public:
  /// Takes the parameters; `columns` must outlive it.
  CatTable(Call& call, const std::vector<CatColumn>& columns);

  /// True if the columns are asked for, and not the rows: answered.
  [[nodiscard]] bool help();
  /// Leaves out the first columns, where nobody names columns.
  void hide(std::size_t first_columns) { hidden_ = first_columns; }
  /// A value for each column.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Answers. Throws Failure.
  void answer();

 private:
  struct Shown {
    std::size_t column;
    std::string title;
  };
  [[nodiscard]] std::size_t find(std::string_view name) const;
  [[nodiscard]] std::vector<Shown> shown() const;
  void sort();

  Call& call_;
  const std::vector<CatColumn>& columns_;
  std::vector<std::vector<std::string>> rows_;
  std::size_t hidden_ = 0;
  bool titles_ = false;
  bool help_ = false;
  bool json_ = false;
  std::string_view wanted_;
  std::string_view order_;
};

}  // namespace occ
