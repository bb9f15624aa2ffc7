#include <cstdio>

#include "variants/packed_cas.hpp"

int main() {
  occ::PackedCas table{occ::TableOptions{}};
  auto handle = table.handle();  // one per thread
  handle.index("1", occ::as_bytes(R"({"in_stock":6})"));

  occ::Document read;
  handle.get("1", read);
  const occ::Outcome outcome =
      handle.index("1", occ::as_bytes(R"({"in_stock":5})"), occ::Precondition::if_word(read.word));
  if (outcome.conflicted()) std::puts("somebody came between; nothing was written");
  return outcome.wrote() ? 0 : 1;
}
