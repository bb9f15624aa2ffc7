#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/build/hash.hpp"
#include "core/table/document_table.hpp"

namespace occ {

/// The handle of a strategy that stores nothing: reads find an empty document, writes are applied, transforms are not
/// run. `Derived` says which words its answers carry: `SeqNoTerm look()` for a read, `SeqNoTerm change()` for a write.
template <class Derived>
class StorelessHandle {
 public:
  Outcome get(std::string_view, Document& into) noexcept {
    ++counters_.gets_found;
    into.version = 1;
    into.word = self().look();
    into.source.resize_for_overwrite(0);
    return {.result = Result::found, .version = 1, .word = into.word, .decided_on = into.word};
  }
  Outcome index(std::string_view, Bytes, const Precondition& = {}) noexcept { return applied(Result::updated); }
  Outcome create(std::string_view, Bytes) noexcept { return applied(Result::created); }
  Outcome remove(std::string_view, const Precondition& = {}) noexcept { return applied(Result::deleted); }
  Outcome update(std::string_view, Transform, const UpdateOptions&) noexcept { return applied(Result::updated); }
  void bulk(std::span<BulkItem> items) noexcept {
    for (BulkItem& item : items) {
      item.outcome = item.kind == BulkItem::Kind::get ? get(item.id, *item.document) : applied(Result::updated);
    }
  }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  Outcome applied(Result result) noexcept {
    ++counters_.attempts;
    ++counters_.applied;
    return {.result = result, .version = 1, .word = self().change()};
  }

  Counters counters_;
};

/// The rest of such a strategy.
class StorelessTable {
 public:
  explicit StorelessTable(const TableOptions& options) : shards_(options.shards) {}

  bool fail_over(std::uint32_t) noexcept { return true; }
  void set_gc_deletes(std::int64_t) noexcept {}
  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const noexcept { return route(hash_id(id), shards_); }
  [[nodiscard]] SeqNoTerm next(std::uint32_t) const noexcept { return {0, 1}; }
  [[nodiscard]] MemoryUse memory() const noexcept { return {}; }

 private:
  std::uint32_t shards_;
};

}  // namespace occ
