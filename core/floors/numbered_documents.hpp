#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>

#include "core/memory/arena.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/spin_lock.hpp"

namespace occ {

/// A document at an address that follows from its number: this head, and behind it as many body words as fit.
struct NumberedDocument {
  static constexpr std::uint64_t kTombstone = std::uint64_t{1} << 63;

  /// The word before the first write: free, and no write's, since terms begin at 1.
  static constexpr std::uint64_t kNeverWritten = 0;

  atomic<std::uint64_t> word{kNeverWritten};
  atomic<std::uint64_t> version{0};
  /// Bytes of the source, or kTombstone: then the first word of the body is the instant of the delete.
  atomic<std::uint64_t> size{0};

  [[nodiscard]] atomic<std::uint64_t>* words() noexcept { return reinterpret_cast<atomic<std::uint64_t>*>(this + 1); }
  [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};
static_assert(!kLayoutIsReal || sizeof(NumberedDocument) == 24);

/// The number that an id ends with: its last eight characters, read as hexadecimal digits without a look at whether they
/// are any. Some ten instructions and no load but that of the id.
inline std::uint32_t number_of(std::string_view id) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  std::uint64_t text = '0' * kEach;
  if (id.size() >= sizeof text) {
    std::memcpy(&text, id.data() + id.size() - sizeof text, sizeof text);
  } else {
    std::memcpy(reinterpret_cast<char*>(&text) + sizeof text - id.size(), id.data(), id.size());
  }
  // A letter has bit 6 set and is 9 short of its value in its low four bits.
  std::uint64_t nibbles = (text & 0x0f * kEach) + (text >> 6U & kEach) * 9;
  nibbles = __builtin_bswap64(nibbles);
  nibbles = (nibbles | nibbles >> 4U) & 0x00ff00ff00ff00ffU;
  nibbles = (nibbles | nibbles >> 8U) & 0x0000ffff0000ffffU;
  return static_cast<std::uint32_t>(nibbles | nibbles >> 16U);
}

/// An array of documents of one size, that of the first, rounded up to whole cache lines; memory comes in chunks, as
/// documents come. Addresses never change.
///
/// Finding is wait-free, two loads of lines that are written only while the array grows; a new chunk is blocking.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | new chunk to its readers | N1 store of the chunk | N2 load of the chunk | the constructed documents |
/// | the size of documents | N3 store of the shape | N4 load of the shape | nothing: N1 is after it, and repeats it |
class NumberedDocuments {
 public:
  /// Null if there is no memory for that number yet.
  [[nodiscard]] NumberedDocument* find(std::uint32_t number) const noexcept {
    const Shape shape{shape_.load(std::memory_order_acquire)};  // N4 with N3
    if (shape.bits == 0 || number >> shape.shift() >= kMostChunks) return nullptr;
    std::byte* const chunk = chunks_[number >> shape.shift()].load(std::memory_order_acquire);  // N2 with N1
    return chunk == nullptr ? nullptr : document(chunk, number, shape);
  }

  /// Of a document that may not be there yet, whose source has so many bytes; null if the number is too
  /// large for documents of the first one's size. Throws std::bad_alloc.
  NumberedDocument* find_or_make(std::uint32_t number, std::size_t bytes) {
    if (NumberedDocument* const found = find(number)) return found;
    const std::lock_guard held(lock_);
    Shape shape{shape_.load(std::memory_order_relaxed)};  // relaxed: written under the lock
    if (shape.bits == 0) {
      shape = Shape::of(bytes);
      shape_.store(shape.bits, std::memory_order_release);  // N3 with N4
    }
    const std::size_t at = number >> shape.shift();
    if (at >= kMostChunks) return nullptr;
    std::byte* chunk = chunks_[at].load(std::memory_order_relaxed);  // relaxed: written under the lock
    if (chunk == nullptr) {
      chunk = make_chunk(shape);
      chunks_[at].store(chunk, std::memory_order_release);  // N1 with N2
    }
    return document(chunk, number, shape);
  }

  /// Bytes of a source that fit.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return Shape{shape_.load(std::memory_order_relaxed)}.stride() - sizeof(NumberedDocument);  // relaxed: constant
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return arena_.bytes(); }

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{8} << 20;
  static constexpr std::size_t kLineBytes = 64;
  static constexpr std::size_t kMostChunks = std::size_t{1} << 16;
  /// Chunks are whole huge pages.
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  /// How far documents are apart, and how many are in a chunk (a power of two), in one word.
  struct Shape {
    std::uint64_t bits = 0;

    static Shape of(std::size_t source_bytes) noexcept {
      // Room for the instant of a delete at least.
      const std::size_t whole = sizeof(NumberedDocument) + (source_bytes < 8 ? 8 : source_bytes);
      const std::size_t stride = (whole + kLineBytes - 1) / kLineBytes * kLineBytes;
      const std::size_t documents = stride >= kChunkBytes ? 1 : std::bit_floor(kChunkBytes / stride);
      return {stride << 8U | static_cast<std::uint64_t>(std::countr_zero(documents))};
    }
    [[nodiscard]] std::size_t stride() const noexcept { return bits >> 8U; }
    [[nodiscard]] unsigned shift() const noexcept { return bits & 0xffU; }
  };

  static NumberedDocument* document(std::byte* chunk, std::uint32_t number, Shape shape) noexcept {
    const std::uint32_t place = number & ((std::uint32_t{1} << shape.shift()) - 1);
    return reinterpret_cast<NumberedDocument*>(chunk + place * shape.stride());
  }

  std::byte* make_chunk(Shape shape) {
    const std::size_t bytes = shape.stride() << shape.shift();
    std::byte* const chunk = arena_.take((bytes + kHugePage - 1) / kHugePage * kHugePage);
    for (std::uint32_t place = 0; place < std::uint32_t{1} << shape.shift(); ++place) {
      std::byte* const at = chunk + place * shape.stride();
      atomic<std::uint64_t>* const words = (new (at) NumberedDocument)->words();
      const std::size_t count = (shape.stride() - sizeof(NumberedDocument)) / 8;
      for (std::size_t i = 0; i < count; ++i) new (words + i) atomic<std::uint64_t>(0);
    }
    return chunk;
  }

  atomic<std::uint64_t> shape_{0};
  std::unique_ptr<atomic<std::byte*>[]> chunks_ = std::make_unique<atomic<std::byte*>[]>(kMostChunks);
  SpinLock lock_;
  Arena arena_;
};

}  // namespace occ
