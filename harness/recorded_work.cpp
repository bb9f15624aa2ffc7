#include "harness/measure_table.hpp"
#include "variants/registry.hpp"

namespace occ {

// Apart from cell.cpp, so that the code that is measured does not depend on what else its compiler has to inline.
RecordedWork* find_recorded_work(std::string_view strategy) {
  RecordedWork* found = nullptr;
  for_each_strategy([&]<class Table>() {
    if constexpr (Table::kInfo.is_verifiable()) {
      if (Table::kInfo.name == strategy) found = recorded_work_on<Table>;
    }
  });
  return found;
}

}  // namespace occ
