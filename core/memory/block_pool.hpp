#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <tuple>

#include "core/build/fault_point.hpp"
#include "core/memory/arena.hpp"
#include "core/memory/block.hpp"
#include "core/memory/block_exchange.hpp"
#include "core/memory/size_class.hpp"
#include "core/model/document.hpp"

namespace occ {

/// Blocks of every size for one table. Each handle has a Cache; caches exchange whole chains, so a handle that frees as
/// much as it takes (every update does) never meets another one.
///
/// Progress: take and give are wait-free while the cache has a block or room, else lock-free while the exchange has a
/// chain and a node to carry one; new memory, from the system (one mutex) or for a node, is blocking. take may throw
/// std::bad_alloc.
/// Memory: at most the high-water mark of each size class plus two chains per class and handle. Idle blocks of 128 KiB
/// and more give their pages back to the system.
class BlockPool {
 public:
  static constexpr std::size_t kClasses = SizeClass::of(sizeof(Block) + kMaxSourceBytes + 64) + 1;

  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  class Cache;

  /// Bytes asked of the system.
  [[nodiscard]] std::size_t bytes() const noexcept { return arena_.bytes(); }

 private:
  static constexpr std::size_t kIdlePagesBytes = std::size_t{128} << 10;
  static constexpr std::size_t kPageBytes = 4096;

  /// Blocks that travel together: about 16 KiB, so that the exchange costs little per block.
  static constexpr std::uint32_t chain_length(std::size_t size_class) noexcept {
    return static_cast<std::uint32_t>(std::clamp<std::size_t>(16384 / SizeClass::bytes(size_class), 1, 64));
  }

  static Block* next(const Block* block) noexcept {
    // relaxed: the chain came through the exchange, or is this thread's own
    return reinterpret_cast<Block*>(block->version.load(std::memory_order_relaxed));
  }
  static void link(Block* block, Block* next) noexcept {
    // P1 release: a stale reader that acquires this also sees, at its second read of the word, that the block was
    // replaced
    block->version.store(reinterpret_cast<std::uint64_t>(next), std::memory_order_release);
  }

  /// New memory. Whoever got it touches it first.
  Block* carve(std::size_t size_class) {
    return chain(arena_.take(SizeClass::bytes(size_class) * chain_length(size_class)), size_class);
  }

  static Block* chain(std::byte* at, std::size_t size_class) noexcept {
    const std::size_t size = SizeClass::bytes(size_class);
    Block* first = nullptr;
    for (std::uint32_t i = chain_length(size_class); i-- > 0;) {
      auto* block = new (at + i * size)
          Block{static_cast<std::uint32_t>(size_class), static_cast<std::uint32_t>(size - sizeof(Block)), {}, {}};
      link(block, first);
      first = block;
    }
    return first;
  }

  /// An idle large block keeps its address and its head, not its pages.
  static void release_pages(Block* block) noexcept {
    const std::size_t size = SizeClass::bytes(block->size_class);
    if (size < kIdlePagesBytes) return;
    const auto start = (reinterpret_cast<std::uintptr_t>(block + 1) + kPageBytes - 1) / kPageBytes * kPageBytes;
    const auto end = (reinterpret_cast<std::uintptr_t>(block) + size) / kPageBytes * kPageBytes;
    madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
  }

  std::array<BlockExchange, kClasses> exchange_;
  Arena arena_;
};

/// One handle's free blocks. Used by one thread.
class BlockPool::Cache {
 public:
  explicit Cache(BlockPool& pool) noexcept : pool_(pool) {}
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  ~Cache() {
    for (std::size_t size_class = 0; size_class < kClasses; ++size_class) {
      // If there is no memory to hand it over, the pool still owns it.
      if (lists_[size_class].first != nullptr) std::ignore = hand_over(size_class, lists_[size_class].first);
    }
  }

  /// A block for at least `payload_bytes` after its head. Throws std::bad_alloc.
  [[nodiscard]] Block* take(std::size_t payload_bytes) {
    const std::size_t size_class = SizeClass::of(sizeof(Block) + payload_bytes);
    List& list = lists_[size_class];
    if (list.first == nullptr) [[unlikely]]
      refill(size_class);
    Block* block = list.first;
    list.first = next(block);
    --list.length;
    return block;
  }

  void give(Block* block) noexcept {
    const std::size_t size_class = block->size_class;
    List& list = lists_[size_class];
    if (list.length >= 2 * chain_length(size_class)) [[unlikely]]
      detach(size_class);
    link(block, list.first);
    list.first = block;
    ++list.length;
  }

 private:
  struct List {
    Block* first = nullptr;
    std::uint32_t length = 0;
  };

  void refill(std::size_t size_class) {
    Block* chain = pool_.exchange_[size_class].pop();
    if (chain == nullptr) chain = pool_.carve(size_class);
    fault_point(FaultPoint::moving_chain);
    List& list = lists_[size_class];
    list.first = chain;
    list.length = 0;
    for (const Block* block = chain; block != nullptr; block = next(block)) ++list.length;
  }

  /// Half of the list goes to the exchange; if that has no memory for it, the list grows.
  void detach(std::size_t size_class) noexcept {
    List& list = lists_[size_class];
    Block* chain = list.first;
    Block* last = chain;
    for (std::uint32_t i = 1; i < chain_length(size_class); ++i) last = next(last);
    Block* const rest = next(last);
    link(last, nullptr);
    if (hand_over(size_class, chain)) {
      list.first = rest;
      list.length -= chain_length(size_class);
    } else {
      link(last, rest);
    }
  }

  [[nodiscard]] bool hand_over(std::size_t size_class, Block* chain) noexcept {
    for (Block* block = chain; block != nullptr; block = next(block)) release_pages(block);
    return pool_.exchange_[size_class].push(chain);
  }

  BlockPool& pool_;
  std::array<List, kClasses> lists_{};
};

}  // namespace occ
