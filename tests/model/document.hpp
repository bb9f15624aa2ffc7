#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "core/document_table.hpp"

namespace occ::model {

/// A source of two words that belong together: how many updates, and its complement.
inline Bytes make_source(std::uint64_t count, std::uint64_t (&words)[2]) {
  words[0] = count;
  words[1] = ~count;
  return std::as_bytes(std::span(words));
}
inline std::uint64_t word_of(Bytes source, std::size_t at) {
  std::uint64_t word;
  std::memcpy(&word, source.data() + at * 8, 8);
  return word;
}

inline constexpr auto kAddOne = [](const DocumentView& current, Source& next) {
  std::uint64_t words[2];
  next.assign(make_source(word_of(current.source, 0) + 1, words));
  return Transformed::write;
};

/// A table with one document that has been updated 0 times.
template <class Table>
class OneDocument {
 public:
  OneDocument() {
    std::uint64_t words[2];
    table_.handle().create("id", make_source(0, words));
  }

  Table& table() { return table_; }

  void update(int times) {
    auto handle = table_.handle();
    for (int i = 0; i < times; ++i)
      RL_ASSERT(handle.update("id", kAddOne, {.retry_on_conflict = 9}).result == Result::updated);
  }

  /// Reads once: the source is whole and the version is its own.
  std::uint64_t read() {
    auto handle = table_.handle();
    Document document;
    RL_ASSERT(handle.get("id", document).result == Result::found);
    const Bytes source = document.source.bytes();
    RL_ASSERT(source.size() == 16 && word_of(source, 1) == ~word_of(source, 0));
    RL_ASSERT(static_cast<std::uint64_t>(document.version) == 1 + word_of(source, 0));
    return word_of(source, 0);
  }

 private:
  Table table_{TableOptions{}};
};

}  // namespace occ::model
