#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>

namespace occ {

/// Where a test that makes up its own operations takes its decisions from: random numbers, or the bytes of a fuzzer.
class Choices {
 public:
  virtual ~Choices() = default;
  /// A number from 0 to n - 1; n is 1 to 65536.
  virtual std::size_t below(std::size_t n) = 0;

  /// True once in so many times.
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[below(from.size())];
  }
};

class RandomChoices final : public Choices {
 public:
  explicit RandomChoices(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) override { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

 private:
  std::mt19937_64 random_;
};

/// Each choice takes one byte, or two where there are more than 256 possibilities; after the last byte every choice
/// is 0.
class ByteChoices final : public Choices {
 public:
  explicit ByteChoices(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  [[nodiscard]] bool done() const { return rest_.empty(); }
  std::size_t below(std::size_t n) override {
    if (n <= 1) return 0;
    std::size_t value = byte();
    if (n > 256) value = value << 8U | byte();
    return value % n;
  }

 private:
  std::size_t byte() {
    if (rest_.empty()) return 0;
    const std::size_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  std::span<const std::uint8_t> rest_;
};

}  // namespace occ
