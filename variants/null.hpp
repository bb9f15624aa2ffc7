#pragma once

#include "core/document_table.hpp"
#include "core/hash.hpp"

namespace occ {

/// Does nothing and says that it did: what a run costs in which the table costs nothing. Reads find an empty document,
/// writes are applied and stored nowhere, so there is nothing to verify.
class NullTable {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "null",
      .summary = "stores nothing; shows what the harness itself costs",
      .semantics = Semantics::none,
      .get = Progress::wait_free,
      .write = Progress::wait_free,
      .create = Progress::wait_free,
      .updates_in_place = true,
  };

  class Handle {
   public:
    Outcome get(std::string_view, Document& into) noexcept {
      ++counters_.gets_found;
      into.version = 1;
      into.word = SeqNoTerm(0, 1);
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
    Outcome applied(Result result) noexcept {
      ++counters_.attempts;
      ++counters_.applied;
      return {.result = result, .version = 1, .word = SeqNoTerm(0, 1)};
    }
    Counters counters_;
  };

  explicit NullTable(const TableOptions& options) : shards_(options.shards) {}
  Handle handle() { return {}; }
  bool fail_over(std::uint32_t) noexcept { return true; }
  void set_gc_deletes(std::int64_t) noexcept {}
  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }
  [[nodiscard]] std::uint32_t shard_of(std::string_view id) const noexcept { return route(hash_id(id), shards_); }
  [[nodiscard]] SeqNoTerm next(std::uint32_t) const noexcept { return {0, 1}; }
  [[nodiscard]] MemoryUse memory() const noexcept { return {}; }

 private:
  std::uint32_t shards_;
};

static_assert(DocumentTable<NullTable>);

}  // namespace occ
