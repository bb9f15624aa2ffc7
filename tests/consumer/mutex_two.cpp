// The strategy of CONTRIBUTING.md, outside the kit: a conditional write proceeds once and then conflicts.
#include "mutex_two.hpp"

int main() {
  occ::MutexTwo table{occ::TableOptions{}};
  auto handle = table.handle();
  const auto stored = handle.index("1", occ::as_bytes(R"({"in_stock":6})"));
  const auto condition = occ::Precondition::if_word(stored.word);
  const auto sold = handle.index("1", occ::as_bytes(R"({"in_stock":5})"), condition);
  const auto stale = handle.index("1", occ::as_bytes(R"({"in_stock":5})"), condition);
  return stored.wrote() && sold.wrote() && stale.conflicted() ? 0 : 1;
}
