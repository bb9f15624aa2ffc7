/// A body for models: what the real one has, but the words are members, and whoever asks for its bytes is checked as
/// for a plain variable, so that a read of a body that another thread fills is a data race that the model reports.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/sync/atomic.hpp"

namespace occ {

struct BlockContents {
  std::uint32_t size_class;
  std::uint32_t capacity;
  atomic<std::uint64_t> version;
  atomic<std::uint64_t> meta;
  atomic<std::uint64_t> word[3];
  rl::var<int> bytes_accessed;
};

struct Block : private BlockContents {
  using BlockContents::capacity;
  using BlockContents::meta;
  using BlockContents::size_class;
  using BlockContents::version;

  Block(std::uint32_t size_class_, std::uint32_t capacity_, std::uint64_t version_, std::uint64_t meta_)
      : BlockContents{size_class_, capacity_, version_, meta_} {
    RL_ASSERT(existing_count_ < kMost);
    existing_[existing_count_++] = this;
  }

  /// The pool unmaps its memory without a word; a model has to end what lay in it. After the last use of any block.
  static void destroy_all() {
    while (existing_count_ != 0) existing_[--existing_count_]->~Block();
  }

  [[nodiscard]] atomic<std::uint64_t>* words() { return word; }
  [[nodiscard]] const atomic<std::uint64_t>* words() const { return word; }

  /// To fill: a write. To read: a read.
  class Bytes {
   public:
    explicit Bytes(Block& block) : block_(block) {}
    operator std::byte*() const {
      block_.bytes_accessed($).store(0);
      return reinterpret_cast<std::byte*>(&block_ + 1);
    }
    std::byte* operator+(std::size_t offset) const { return static_cast<std::byte*>(*this) + offset; }

   private:
    Block& block_;
  };
  [[nodiscard]] Bytes bytes() { return Bytes(*this); }
  [[nodiscard]] const std::byte* bytes() const {
    static_cast<void>(const_cast<rl::var<int>&>(bytes_accessed)($).load());
    return reinterpret_cast<const std::byte*>(this + 1);
  }

 private:
  /// With two words of source it fills one size class, with three the next, and chains of both are of two blocks: lists
  /// stay short enough for a model, and each of the pool's branches is taken.
  static constexpr std::size_t kBytesOfClass = 7168;
  std::byte room_[kBytesOfClass - 2 * sizeof(std::uint64_t) - sizeof(BlockContents)];

  /// No container: its memory would outlive an execution, which Relacy calls a leak.
  static constexpr std::size_t kMost = 64;
  static inline std::array<Block*, kMost> existing_{};
  static inline std::size_t existing_count_ = 0;
};
static_assert(sizeof(Block) == 7168 - 16);

}  // namespace occ
