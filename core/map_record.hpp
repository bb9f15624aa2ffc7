#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/document.hpp"
#include "core/hash.hpp"

namespace occ {

/// An id as the key of a map of another library. Ids of up to kInlineBytes lie in the key itself. A key made from a
/// view borrows it, so that looking up allocates nothing; a copy of it, which is what a map keeps, owns its bytes.
class MapKey {
 public:
  static constexpr std::size_t kInlineBytes = 22;

  MapKey() noexcept = default;
  /// `id` has kMaxIdBytes at most and must outlive the key.
  explicit MapKey(std::string_view id) noexcept : size_(static_cast<std::uint16_t>(id.size())) {
    if (id.size() <= kInlineBytes) {
      std::memcpy(bytes_, id.data(), id.size());
    } else {
      point_to(id.data());
      size_ |= kBorrowed;
    }
  }
  /// Throws std::bad_alloc.
  MapKey(const MapKey& other) : size_(other.size_ & kSizeMask) {
    if (size_ <= kInlineBytes) {
      std::memcpy(bytes_, other.bytes_, sizeof bytes_);
    } else {
      char* const own = new char[size_];
      std::memcpy(own, other.pointer(), size_);
      point_to(own);
    }
  }
  MapKey(MapKey&& other) noexcept : size_(std::exchange(other.size_, 0)) {
    std::memcpy(bytes_, other.bytes_, sizeof bytes_);
    std::memset(other.bytes_, 0, sizeof other.bytes_);
  }
  MapKey& operator=(MapKey other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MapKey() {
    if (size_ > kInlineBytes && (size_ & kBorrowed) == 0) delete[] pointer();
  }

  [[nodiscard]] std::string_view view() const noexcept {
    const std::size_t size = size_ & kSizeMask;
    return {size <= kInlineBytes ? bytes_ : pointer(), size};
  }
  friend bool operator==(const MapKey& a, const MapKey& b) noexcept {
    if (a.size_ <= kInlineBytes) return a.size_ == b.size_ && std::memcmp(a.bytes_, b.bytes_, sizeof bytes_) == 0;
    return a.view() == b.view();
  }

  struct Hash {
    std::size_t operator()(const MapKey& key) const noexcept { return hash_id(key.view()); }
  };

 private:
  static constexpr std::uint16_t kBorrowed = 0x8000;
  static constexpr std::uint16_t kSizeMask = 0x7fff;
  static_assert(kMaxIdBytes <= kSizeMask);

  [[nodiscard]] const char* pointer() const noexcept {
    const char* at;
    std::memcpy(&at, bytes_, sizeof at);
    return at;
  }
  void point_to(const char* at) noexcept { std::memcpy(bytes_, &at, sizeof at); }

  /// The id, zeros behind it, or a pointer to it.
  alignas(8) char bytes_[kInlineBytes] = {};
  std::uint16_t size_ = 0;
};
static_assert(sizeof(MapKey) == 24);

/// What a map of another library stores for an id: word, `_version` and source, or a tombstone. Sources of up to
/// kInlineBytes lie in the record itself, as such maps want their values; a record that has had a larger one keeps the
/// memory that it got for it, as std::string does, until its document is deleted. 128 bytes. Not synchronised.
class MapRecord {
 public:
  static constexpr std::size_t kInlineBytes = 100;

  MapRecord() noexcept = default;
  MapRecord(MapRecord&& other) noexcept { *this = std::move(other); }
  MapRecord& operator=(MapRecord&& other) noexcept {
    if (this == &other) return *this;
    delete[] outside().bytes;
    word_ = other.word_;
    version_ = other.version_;
    deleted_at_ms_ = other.deleted_at_ms_;
    size_ = std::exchange(other.size_, 0);
    std::memcpy(bytes_, other.bytes_, sizeof bytes_);
    return *this;
  }
  ~MapRecord() { delete[] outside().bytes; }

  [[nodiscard]] State state() const noexcept {
    if (word_.vacant()) return {};
    return {.kind = (size_ & kTombstone) != 0 ? State::Kind::tombstone : State::Kind::live,
            .version = version_,
            .word = word_,
            .deleted_at_ms = deleted_at_ms_};
  }
  [[nodiscard]] bool absent() const noexcept { return word_.vacant(); }
  /// Of a live document.
  [[nodiscard]] Bytes source() const noexcept {
    return {(size_ & kOutside) != 0 ? outside().bytes : bytes_, size_ & kSizeMask};
  }

  /// Makes room for a source of that size; what it replaces may be lost only if this succeeds and `write` follows.
  /// The number of bytes that this took from the allocator, beyond what it gave back. Throws std::bad_alloc.
  std::size_t reserve(std::size_t bytes) {
    const Outside old = outside();
    if (bytes <= std::max(old.capacity, kInlineBytes)) return 0;
    const Outside grown{new std::byte[bytes], bytes};
    std::memcpy(grown.bytes, source().data(), std::min(source().size(), bytes));
    delete[] old.bytes;
    std::memcpy(bytes_, &grown, sizeof grown);
    size_ |= kOutside;
    return bytes - old.capacity;
  }
  /// After `reserve`.
  void write(SeqNoTerm word, Version version, Bytes source) noexcept {
    if (!source.empty()) std::memcpy((size_ & kOutside) != 0 ? outside().bytes : bytes_, source.data(), source.size());
    size_ = (size_ & kOutside) | static_cast<std::uint32_t>(source.size());
    word_ = word;
    version_ = version;
  }
  /// The number of bytes given back to the allocator.
  std::size_t write_tombstone(SeqNoTerm word, Version version, std::int64_t now_ms) noexcept {
    const Outside old = outside();
    delete[] old.bytes;
    size_ = kTombstone;
    word_ = word;
    version_ = version;
    deleted_at_ms_ = now_ms;
    return old.capacity;
  }

 private:
  static constexpr std::uint32_t kTombstone = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kOutside = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kSizeMask = kOutside - 1;
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

  SeqNoTerm word_;
  Version version_ = kVersionNotFound;
  std::int64_t deleted_at_ms_ = 0;
  /// With kTombstone and kOutside.
  std::uint32_t size_ = 0;
  /// The source, or an Outside.
  std::byte bytes_[kInlineBytes];
};
static_assert(sizeof(MapRecord) == 128);

}  // namespace occ
