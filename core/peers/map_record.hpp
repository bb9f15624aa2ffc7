#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/build/hash.hpp"
#include "core/build/inlining.hpp"
#include "core/build/piece.hpp"
#include "core/model/document.hpp"

namespace occ {

/// An id that is looked up: the caller's bytes and their hash, computed once. Good while its caller's bytes are.
struct MapId {
  std::string_view view;
  std::uint64_t hash;

  OCCKIT_INLINE explicit MapId(std::string_view id) noexcept : MapId(id, hash_id(id)) {}
  OCCKIT_INLINE MapId(std::string_view id, std::uint64_t its_hash) noexcept : view(id), hash(its_hash) {}
};

/// An id as the key of a map of another library, made only where a map keeps it. Ids of up to kInlineBytes lie in the
/// key itself.
class MapKey {
 public:
  static constexpr std::size_t kInlineBytes = 22;

  MapKey() noexcept = default;
  /// `id` has kMaxIdBytes at most. Throws std::bad_alloc.
  explicit MapKey(std::string_view id) : MapKey(id, kBorrow) {
    if (id.size() <= kInlineBytes) return;
    char* const own = new char[id.size()];
    std::memcpy(own, id.data(), id.size());
    point_to(own);
    size_ &= kSizeMask;
  }
  explicit MapKey(const MapId& id) : MapKey(id.view) {}
  /// A key whose bytes, if they do not fit into it, are those of `id`, which lives as long.
  static MapKey borrowing(std::string_view id) noexcept { return {id, kBorrow}; }
  MapKey(const MapKey& other) : MapKey(other.view()) {}
  MapKey(MapKey&& other) noexcept : size_(std::exchange(other.size_, 0)) {
    std::memcpy(bytes_, other.bytes_, sizeof bytes_);
  }
  MapKey& operator=(MapKey other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MapKey() {
    if (size_ > kInlineBytes && (size_ & kBorrowed) == 0) delete[] pointer();
  }

  [[nodiscard]] OCCKIT_INLINE std::string_view view() const noexcept {
    const std::size_t size = size_ & kSizeMask;
    return {size <= kInlineBytes ? bytes_ : pointer(), size};
  }

  /// Transparent, as maps call it that look up by what is no key of theirs; and good in all bits.
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(const MapId& id) const noexcept { return id.hash; }
    std::size_t operator()(const MapKey& key) const noexcept { return hash_id(key.view()); }
  };
  struct Equal {
    using is_transparent = void;
    OCCKIT_INLINE bool operator()(const MapKey& a, const MapKey& b) const noexcept { return same(a.view(), b); }
    OCCKIT_INLINE bool operator()(const MapId& a, const MapKey& b) const noexcept { return same(a.view, b); }
    OCCKIT_INLINE bool operator()(const MapKey& a, const MapId& b) const noexcept { return same(b.view, a); }
  };

 private:
  struct Borrow {};
  static constexpr Borrow kBorrow{};
  static constexpr std::uint16_t kBorrowed = 0x8000;
  static constexpr std::uint16_t kSizeMask = 0x7fff;
  static_assert(kMaxIdBytes <= kSizeMask);

  MapKey(std::string_view id, Borrow) noexcept : size_(static_cast<std::uint16_t>(id.size())) {
    if (id.size() <= kInlineBytes) {
      std::memcpy(bytes_, id.data(), id.size());
    } else {
      point_to(id.data());
      size_ |= kBorrowed;
    }
  }

  /// Without a call, and in as few loads as there can be: of what a caller has just put together from smaller pieces
  /// each load would wait for the store buffer.
  OCCKIT_INLINE static bool same(std::string_view id, const MapKey& key) noexcept {
    const std::string_view view = key.view();
    const std::size_t size = view.size();
    if (size != id.size()) return false;
    if (size >= 16 && size <= 32) [[likely]] {
      const __m128i all =
          _mm_and_si128(equal_16(id.data(), view.data()), equal_16(id.data() + size - 16, view.data() + size - 16));
      return _mm_movemask_epi8(all) == 0xffff;
    }
    if (size >= 8 && size < 16) {
      return ((eight(id.data()) ^ eight(view.data())) |
              (eight(id.data() + size - 8) ^ eight(view.data() + size - 8))) == 0;
    }
    return std::memcmp(id.data(), view.data(), size) == 0;
  }
  static __m128i equal_16(const char* a, const char* b) noexcept {
    return _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(a)),
                          _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(b)));
  }
  static std::uint64_t eight(const char* from) noexcept {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }

  [[nodiscard]] const char* pointer() const noexcept {
    const char* at;
    std::memcpy(&at, bytes_, sizeof at);
    return at;
  }
  void point_to(const char* at) noexcept { std::memcpy(bytes_, &at, sizeof at); }

  /// The id, or a pointer to it.
  alignas(8) char bytes_[kInlineBytes] = {};
  std::uint16_t size_ = 0;
};
static_assert(sizeof(MapKey) == 24);

/// What a map of another library stores for an id: word, `_version` and source, or a tombstone. Sources of up to
/// kInlineBytes lie in the record itself, as such maps want their values; a record that has had a larger one keeps the
/// memory that it got for it, as std::string does, until its document is deleted. 120 bytes. Not synchronised.
class MapRecord {
 public:
  static constexpr std::size_t kInlineBytes = 100;

  MapRecord() noexcept = default;
  /// For maps that make a value where it stays: `write(*this)` is called before anybody else sees the record. What it
  /// throws leaves none.
  template <class F>
  requires std::is_invocable_v<const F&, MapRecord&>
  explicit MapRecord(const F& write) { write(*this); }
  MapRecord(MapRecord&& other) noexcept { *this = std::move(other); }
  MapRecord& operator=(MapRecord&& other) noexcept {
    if (this == &other) return *this;
    delete[] outside().bytes;
    word_ = other.word_;
    version_ = other.version_;
    size_ = std::exchange(other.size_, 0);
    std::memcpy(bytes_, other.bytes_, sizeof bytes_);
    return *this;
  }
  ~MapRecord() { delete[] outside().bytes; }

  [[nodiscard]] OCCKIT_INLINE State state() const noexcept {
    if (word_.vacant()) return {};
    if ((size_ & kTombstone) == 0) [[likely]]
      return {.kind = State::Kind::live, .version = version_, .word = word_};
    State tombstone{.kind = State::Kind::tombstone, .version = version_, .word = word_};
    std::memcpy(&tombstone.deleted_at_ms, data(), sizeof tombstone.deleted_at_ms);
    return tombstone;
  }
  [[nodiscard]] bool absent() const noexcept { return word_.vacant(); }
  /// Of a live document.
  [[nodiscard]] OCCKIT_INLINE Bytes source() const noexcept { return {data(), size_ & kSizeMask}; }

  /// Makes room for a source of that size; what it replaces may be lost only if this succeeds and `write` follows.
  /// The number of bytes that this took from the allocator, beyond what it gave back. Throws std::bad_alloc.
  OCCKIT_INLINE std::size_t reserve(std::size_t bytes) {
    if (bytes <= kInlineBytes) [[likely]]
      return 0;
    return reserve_outside(bytes);
  }
  /// After `reserve`.
  OCCKIT_INLINE void write(SeqNoTerm word, Version version, Bytes source) noexcept {
    copy(source, (size_ & kOutside) != 0 ? outside().bytes : bytes_);
    size_ = (size_ & (kOutside | kQueued)) | static_cast<std::uint32_t>(source.size());
    word_ = word;
    version_ = version;
  }
  /// The number of bytes given back to the allocator.
  std::size_t write_tombstone(SeqNoTerm word, Version version, std::int64_t now_ms) noexcept {
    const Outside old = outside();
    delete[] old.bytes;
    size_ = kTombstone | (size_ & kQueued) | std::uint32_t{sizeof now_ms};
    word_ = word;
    version_ = version;
    std::memcpy(bytes_, &now_ms, sizeof now_ms);
    return old.capacity;
  }

  /// A mark that the record waits in somebody's queue.
  [[nodiscard]] bool queued() const noexcept { return (size_ & kQueued) != 0; }
  void set_queued(bool queued) noexcept { size_ = queued ? size_ | kQueued : size_ & ~kQueued; }

 private:
  static constexpr std::uint32_t kTombstone = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kOutside = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kQueued = std::uint32_t{1} << 29;
  static constexpr std::uint32_t kSizeMask = kQueued - 1;
  static_assert(kMaxSourceBytes <= kSizeMask);

  struct Outside {
    std::byte* bytes = nullptr;
    std::size_t capacity = 0;
  };
  [[nodiscard]] Outside outside() const noexcept {
    Outside found;
    if ((size_ & kOutside) != 0) std::memcpy(&found, bytes_, sizeof found);
    return found;
  }

  [[nodiscard]] OCCKIT_INLINE const std::byte* data() const noexcept {
    return (size_ & kOutside) != 0 ? outside().bytes : bytes_;
  }

  OCCKIT_NOT_INLINE std::size_t reserve_outside(std::size_t bytes) {
    const Outside old = outside();
    if (bytes <= old.capacity) return 0;
    const Outside grown{new std::byte[bytes], bytes};
    std::memcpy(grown.bytes, data(), std::min<std::size_t>(size_ & kSizeMask, bytes));
    delete[] old.bytes;
    std::memcpy(bytes_, &grown, sizeof grown);
    size_ |= kOutside;
    return bytes - old.capacity;
  }

  /// As Source::assign copies.
  OCCKIT_INLINE static void copy(Bytes from, std::byte* to) noexcept {
    const std::size_t bytes = from.size();
    const std::byte* const first = from.data();
    if (bytes >= 32 && bytes <= 128) [[likely]] {
      move_piece(first, to);
      if (bytes > 64) [[likely]] {
        move_piece(first + 32, to + 32);
        move_piece(first + bytes - 64, to + bytes - 64);
      }
      move_piece(first + bytes - 32, to + bytes - 32);
    } else if (bytes != 0) {
      std::memcpy(to, first, bytes);
    }
  }
  static void move_piece(const std::byte* from, std::byte* to) noexcept {
    *reinterpret_cast<Piece32*>(to) = *reinterpret_cast<const Piece32*>(from);
  }

  SeqNoTerm word_;
  Version version_ = kVersionNotFound;
  /// With kTombstone, kOutside and kQueued.
  std::uint32_t size_ = 0;
  /// The source, or an Outside; of a tombstone the instant, in ms of the table's clock.
  std::byte bytes_[kInlineBytes];
};
static_assert(sizeof(MapRecord) == 120);

}  // namespace occ
