#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "core/sync/word_copy.hpp"
#include "harness/micro/plain.hpp"

namespace occ::plain {

/// A document where somebody else's table says that it is: the optimistic word, version and body, written in place. The
/// lowest bit of the word says that it is being written.
struct alignas(64) Slot {
  static constexpr std::uint64_t kWriting = 1;

  void start(std::uint64_t number, const Body& body) noexcept {
    store(1, body);
    word.store(number << 1, std::memory_order_release);
  }
  void read(Record& into) const noexcept {
    for (;;) {
      const std::uint64_t seen = free_word();
      load_bytes(words.data(), kBytes, reinterpret_cast<std::byte*>(&into.version));
      if (word.load(std::memory_order_relaxed) != seen) continue;  // the loads before are acquires
      into.word = seen;
      return;
    }
  }
  bool write_if(std::uint64_t expected, Numbers& numbers, const Record& next) noexcept {
    if (!word.compare_exchange_strong(expected, expected | kWriting, std::memory_order_acquire)) return false;
    const std::uint64_t number = numbers.draw() << 1;
    store(next.version + 1, next.body);
    word.store(number, std::memory_order_release);
    return true;
  }
  void update(Numbers& numbers, Record& buffer) noexcept {
    do {
      read(buffer);
      add_one(buffer.body.data());
      used(buffer);
    } while (!write_if(buffer.word, numbers, buffer));
  }

  std::atomic<std::uint64_t> word{0};
  /// The version, and the body.
  static constexpr std::size_t kBytes = sizeof(std::uint64_t) + kBodyBytes;
  std::array<occ::atomic<std::uint64_t>, (kBytes + 7) / 8> words{};

 private:
  [[nodiscard]] std::uint64_t free_word() const noexcept {
    for (int spins = 0;; ++spins) {
      const std::uint64_t seen = word.load(std::memory_order_acquire);
      if ((seen & kWriting) == 0) return seen;
      if (spins < 64) {
        __builtin_ia32_pause();
      } else {
        sched_yield();
      }
    }
  }
  void store(std::uint64_t version, const Body& body) noexcept {
    words[0].store(version, std::memory_order_release);
    store_bytes(words.data() + 1, body.data(), body.size());
  }
};
static_assert(sizeof(Slot) == 128);
static_assert(offsetof(Record, body) == offsetof(Record, version) + sizeof(std::uint64_t));

}  // namespace occ::plain
