// Two clients, one product: both read it, one sells the stock, the other's write is refused and made again.
#include <cstdio>

#include "variants/strategies.hpp"

int main(int argc, char** argv) {
  const auto table = occ::make_table(argc > 1 ? argv[1] : "packed_cas");
  const auto a = table->handle();
  const auto b = table->handle();

  const auto stored = a->index("product-1", occ::as_bytes(R"({"price":99,"in_stock":6})"));
  const auto sold = occ::as_bytes(R"({"price":99,"in_stock":0})");
  const auto by_a = a->index("product-1", sold, occ::Precondition::if_word(stored.word));
  const auto by_b = b->index("product-1", sold, occ::Precondition::if_word(stored.word));
  std::printf("A wrote: %s, B conflicted: %s\n", by_a.wrote() ? "yes" : "no", by_b.conflicted() ? "yes" : "no");

  // What B does next: read again, compute again, write again; `update` does it in one call.
  const auto restock = [](const occ::DocumentView& current, occ::Source& next) {
    if (current.source.empty()) return occ::Transformed::keep;
    next.assign(occ::as_bytes(R"({"price":99,"in_stock":12})"));
    return occ::Transformed::write;
  };
  const auto again = b->update("product-1", restock, {.retry_on_conflict = 5});

  occ::Document document;
  const auto found = a->get("product-1", document);
  std::printf("version %lld, seq_no %llu: %.*s\n", static_cast<long long>(found.version),
              static_cast<unsigned long long>(found.word.seq_no()), static_cast<int>(document.source.size()),
              document.source.text().data());
  return by_a.wrote() && by_b.conflicted() && again.version == 3 && found.version == 3 ? 0 : 1;
}
