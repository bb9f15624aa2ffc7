/// A pool for models: a handful of blocks of two source words, each cache its own list, so that a block that is given
/// comes back at the next take. That is the reuse which the packed word must withstand.
#pragma once

#include <memory>
#include <new>
#include <vector>

#include "core/block.hpp"
#include "core/document.hpp"
#include "core/size_class.hpp"

namespace occ {

class BlockPool {
 public:
  class Cache;
  BlockPool() {
    for (Storage& storage : storage_) {
      auto* block = new (storage.bytes) Block{0, kWords * 8, {}, {}};
      for (std::size_t i = 0; i < kWords; ++i) new (block->words() + i) atomic<std::uint64_t>(0);
    }
  }
  BlockPool(const BlockPool&) = delete;
  ~BlockPool() {
    for (Storage& storage : storage_) {
      auto* block = reinterpret_cast<Block*>(storage.bytes);
      std::destroy_n(block->words(), kWords);
      block->~Block();
    }
  }

 private:
  static constexpr std::size_t kWords = 2;
  static constexpr std::size_t kBlocks = 12;
  struct alignas(16) Storage {
    std::byte bytes[sizeof(Block) + kWords * sizeof(atomic<std::uint64_t>)];
  };
  Storage storage_[kBlocks];
  std::size_t used_ = 0;
};

class BlockPool::Cache {
 public:
  explicit Cache(BlockPool& pool) : pool_(pool) {}
  Block* take(std::size_t) {
    if (free_.empty()) {
      RL_ASSERT(pool_.used_ < kBlocks);
      return reinterpret_cast<Block*>(pool_.storage_[pool_.used_++].bytes);
    }
    Block* block = free_.back();
    free_.pop_back();
    return block;
  }
  void give(Block* block) { free_.push_back(block); }

 private:
  BlockPool& pool_;
  std::vector<Block*> free_;
};

}  // namespace occ
