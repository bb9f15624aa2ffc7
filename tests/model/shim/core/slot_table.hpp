/// A table of one slot for models: the strategies' real headers on top of it, the directory (which has models of its
/// own) left out.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/block_pool.hpp"
#include "core/decide.hpp"
#include "core/document_table.hpp"
#include "core/shard.hpp"
#include "core/slot_key.hpp"

namespace occ {

template <class SlotType>
class SlotTable {
 public:
  using Slot = SlotType;

  explicit SlotTable(const TableOptions&) {}

  bool fail_over(std::uint32_t) { return shard_.fail_over(); }
  void set_gc_deletes(std::int64_t) {}
  [[nodiscard]] std::uint32_t shards() const { return 1; }
  [[nodiscard]] std::uint32_t shard_of(std::string_view) const { return 0; }
  [[nodiscard]] SeqNoTerm next(std::uint32_t) const { return shard_.next(); }
  [[nodiscard]] MemoryUse memory() const { return {}; }

  BlockPool& pool() { return pool_; }
  Shard& shard_for(std::uint64_t) { return shard_; }
  Slot* find(std::uint64_t, std::string_view) { return &slot_; }
  Slot& find_or_insert(std::uint64_t, std::string_view) { return slot_; }
  static Instant instant_for(const State&) { return {}; }
  static std::int64_t now_ms() { return 0; }

 private:
  BlockPool pool_;
  Shard shard_;
  Slot slot_;
};

}  // namespace occ
