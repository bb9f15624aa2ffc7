#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/memory/block.hpp"
#include "core/model/decide.hpp"
#include "core/model/document.hpp"
#include "core/model/seq_no_term.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/word_copy.hpp"

namespace occ {

/// A body inside a slot: what a Block is elsewhere. `_version`, then the length or a tombstone's mark, then the source.
struct alignas(kLayoutIsReal ? 16 : 8) InlineBody {
  /// In models, where an atomic is large, just as much as their documents need.
  static constexpr std::size_t kWords = kLayoutIsReal ? 14 : 2;
  static constexpr std::uint32_t capacity = 8 * kWords;  // NOLINT(readability-identifier-naming): as that of Block

  atomic<std::uint64_t> version{0};
  atomic<std::uint64_t> meta{0};
  atomic<std::uint64_t> source[kWords]{};

  [[nodiscard]] atomic<std::uint64_t>* words() noexcept { return source; }
  [[nodiscard]] const atomic<std::uint64_t>* words() const noexcept { return source; }
};
static_assert(!kLayoutIsReal || (sizeof(InlineBody) == 128 && InlineBody::capacity == kPaddedBytes));

/// What a Block or an InlineBody says of a document: read while others may reuse it, so every access is an atomic 64-bit
/// word.
class PackedBody {
 public:
  /// What a body has to hold.
  static std::size_t bytes_of(Operation operation, Bytes source) noexcept {
    return operation == Operation::remove ? sizeof(std::int64_t) : source.size();
  }
  /// Fills a body that nobody else may write: a source, or the instant of a delete.
  template <class Body>
  OCCKIT_INLINE static void store_source(Body& body, Bytes source) noexcept {
    store(body.meta, source.size());
    if constexpr (std::is_same_v<Body, InlineBody> && kCopiesInPieces && kMasksLoads) {
      store_padded(body.words(), source.data(), source.size());  // B4 with B5
    } else {
      store_bytes(body.words(), source.data(), source.size());  // B4 with B5
    }
  }
  template <class Body>
  static void store_tombstone(Body& body, std::int64_t deleted_at_ms) noexcept {
    store(body.meta, kTombstone);
    store(body.words()[0], static_cast<std::uint64_t>(deleted_at_ms));
  }
  template <class Body>
  static void store_version(Body& body, Version version) noexcept {
    store(body.version, static_cast<std::uint64_t>(version));
  }

  /// Copies a body that fits. One that is used again meanwhile can say anything; what comes of it has to be forgotten.
  OCCKIT_INLINE static void copy(const Block& from, InlineBody& to) noexcept {
    const std::uint64_t meta = load(from.meta);
    const std::size_t bytes =
        (meta & kTombstone) != 0 ? sizeof(std::int64_t) : std::min<std::size_t>(meta, InlineBody::capacity);
    store(to.meta, meta);
    store(to.version, load(from.version));
    for (std::size_t i = 0; i < (bytes + 7) / 8; ++i) store(to.words()[i], load(from.words()[i]));
  }

  /// Where it lies, of a live document that nobody may change meanwhile.
  template <class Body>
  static Bytes source(const Body& body) noexcept {
    return {reinterpret_cast<const std::byte*>(body.words()), static_cast<std::size_t>(load(body.meta))};
  }

  /// What the body says, except the word. Believable only if the slot's word is the same before and after. The length
  /// is clamped to the capacity: a recycled body can say anything.
  template <class Body>
  OCCKIT_INLINE static State load(const Body& body, SeqNoTerm word, Document* into) {
    State state{.kind = State::Kind::live, .version = static_cast<Version>(load(body.version)), .word = word};
    std::uint64_t size = load(body.meta);
    if (size > body.capacity) [[unlikely]] {  // one comparison for both
      if ((size & kTombstone) != 0) {
        state.kind = State::Kind::tombstone;
        state.deleted_at_ms = static_cast<std::int64_t>(load(body.words()[0]));
        return state;
      }
      size = body.capacity;
    }
    if (into != nullptr) {
      if constexpr (std::is_same_v<Body, InlineBody> && kCopiesInPieces) {
        load_whole<InlineBody::capacity>(body.words(),
                                         into->source.resize_within(InlineBody::capacity, size));  // B5, B4
      } else {
        load_bytes(body.words(), size, into->source.resize_for_overwrite(size));  // B5 with B4
      }
    }
    return state;
  }

 private:
  static constexpr std::uint64_t kTombstone = std::uint64_t{1} << 63;

  static void store(atomic<std::uint64_t>& cell, std::uint64_t value) noexcept {
    cell.store(value, std::memory_order_release);  // B4 with B5
  }
  static std::uint64_t load(const atomic<std::uint64_t>& cell) noexcept {
    return cell.load(std::memory_order_acquire);  // B5 with B4
  }
};

}  // namespace occ
