/// Stands in for core/atomic.hpp when the real headers run under Relacy, which explores interleavings and the
/// reorderings that the C++11 memory model allows. Found first on the include path of the model programs.
///
/// What this assumes: the {word, pointer} pair is one atomic object whose halves are loaded by loads of the whole, so
/// that two half loads of one thread are as coherent as two loads of one atomic. On the real machine that is the
/// architecture's promise, not the standard's.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <ostream>
#include <relacy/relacy.hpp>

// Relacy replaces these for code written against the bare names; the headers under test are called explicitly.
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert

namespace occ {

inline constexpr bool kLayoutIsReal = false;
inline constexpr std::size_t kFalseSharingRange = 128;

inline rl::memory_order to_relacy(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_consume:
      return rl::mo_consume;
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    default:
      return rl::mo_seq_cst;
  }
}

/// std::atomic<T>'s interface, for T of at most 8 bytes.
template <class T>
class atomic {
 public:
  atomic(T initial = {}) { cell_.store(pack(initial), rl::mo_relaxed, $); }
  atomic(const atomic&) = delete;

  T load(std::memory_order order) const { return unpack(cell_.load(to_relacy(order), $)); }
  void store(T value, std::memory_order order) { cell_.store(pack(value), to_relacy(order), $); }
  T exchange(T value, std::memory_order order) { return unpack(cell_.exchange(pack(value), to_relacy(order), $)); }
  T fetch_add(T value, std::memory_order order) { return unpack(cell_.fetch_add(pack(value), to_relacy(order), $)); }
  T fetch_sub(T value, std::memory_order order) { return unpack(cell_.fetch_sub(pack(value), to_relacy(order), $)); }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure) {
    return exchange_if(expected, [&](std::uint64_t& seen) {
      return cell_.compare_exchange_weak(seen, pack(desired), to_relacy(success), $, to_relacy(failure), $);
    });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure) {
    return exchange_if(expected, [&](std::uint64_t& seen) {
      return cell_.compare_exchange_strong(seen, pack(desired), to_relacy(success), $, to_relacy(failure), $);
    });
  }

 private:
  static std::uint64_t pack(T value) {
    if constexpr (std::is_pointer_v<T>) {
      return reinterpret_cast<std::uint64_t>(value);
    } else {
      return static_cast<std::uint64_t>(value);
    }
  }
  static T unpack(std::uint64_t bits) {
    if constexpr (std::is_pointer_v<T>) {
      return reinterpret_cast<T>(bits);
    } else {
      return static_cast<T>(bits);
    }
  }
  template <class F>
  static bool exchange_if(T& expected, F&& exchange) {
    std::uint64_t seen = pack(expected);
    const bool done = exchange(seen);
    expected = unpack(seen);
    return done;
  }

  rl::atomic<std::uint64_t> cell_;
};

struct PairOfHalves {
  std::uint64_t word;
  std::uint64_t pointer;
  friend bool operator==(const PairOfHalves&, const PairOfHalves&) = default;
  friend std::ostream& operator<<(std::ostream& out, const PairOfHalves& pair) {
    return out << '{' << pair.word << ", " << pair.pointer << '}';
  }
};

template <class T>
class WordPointer {
 public:
  struct Value {
    std::uint64_t word;
    T* pointer;
  };

  explicit WordPointer(std::uint64_t word) { pair_.store({word, 0}, rl::mo_relaxed, $); }

  std::uint64_t load_word(std::memory_order order) const { return pair_.load(to_relacy(order), $).word; }
  T* load_pointer(std::memory_order order) const {
    return reinterpret_cast<T*>(pair_.load(to_relacy(order), $).pointer);
  }
  bool compare_exchange(Value expected, Value desired) {
    PairOfHalves seen = halves(expected);
    return pair_.compare_exchange_strong(seen, halves(desired), rl::mo_acq_rel, $, rl::mo_relaxed, $);
  }

 private:
  static PairOfHalves halves(Value value) { return {value.word, reinterpret_cast<std::uint64_t>(value.pointer)}; }

  rl::atomic<PairOfHalves> pair_;
};

}  // namespace occ
