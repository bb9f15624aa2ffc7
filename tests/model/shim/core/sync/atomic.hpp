/// Stands in for core/sync/atomic.hpp when the real headers run under Relacy, which explores interleavings and the
/// reorderings that the C++11 memory model allows. Found first on the include path of the model programs.
///
/// What this assumes, tests/model/README.md says.
#pragma once

#include <emmintrin.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <relacy/relacy.hpp>
#include <type_traits>

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

/// Before an operation of a random search, sometimes: stops the thread for long. Without it all threads go on at one
/// speed, and none is ever overtaken by many operations of another.
inline void linger() {
  rl::context& context = rl::ctx();
  if (!context.is_random_sched() || context.rand(16, rl::sched_type_user) != 0) return;
  for (unsigned turns = context.rand(96, rl::sched_type_user); turns != 0; --turns) context.sched();
}

/// std::atomic<T>'s interface, for T of at most 8 bytes.
template <class T>
class atomic {
 public:
  atomic(T initial = {}) {
    const rl::preemption_disabler not_shared_yet(rl::ctx());
    cell_.store(pack(initial), rl::mo_relaxed, $);
  }
  atomic(const atomic&) = delete;

  T load(std::memory_order order) const {
    linger();
    return unpack(cell_.load(to_relacy(order), $));
  }
  void store(T value, std::memory_order order) {
    linger();
    cell_.store(pack(value), to_relacy(order), $);
  }
  T exchange(T value, std::memory_order order) {
    linger();
    return unpack(cell_.exchange(pack(value), to_relacy(order), $));
  }
  T fetch_add(T value, std::memory_order order) {
    linger();
    return unpack(cell_.fetch_add(pack(value), to_relacy(order), $));
  }
  T fetch_sub(T value, std::memory_order order) {
    linger();
    return unpack(cell_.fetch_sub(pack(value), to_relacy(order), $));
  }
  T fetch_or(T value, std::memory_order order) {
    linger();
    return unpack(cell_.fetch_or(pack(value), to_relacy(order), $));
  }
  T fetch_and(T value, std::memory_order order) {
    linger();
    return unpack(cell_.fetch_and(pack(value), to_relacy(order), $));
  }
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
    linger();
    std::uint64_t seen = pack(expected);
    const bool done = exchange(seen);
    expected = unpack(seen);
    return done;
  }

  rl::atomic<std::uint64_t> cell_;
};

/// For the copies in pieces, which models compile and do not run.
inline __m128i load_16(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i_u*>(from));
}
inline void load_words_by_two(const atomic<std::uint64_t>* from, std::size_t words, std::byte* to) {
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = from[i].load(std::memory_order_acquire);
    std::memcpy(to + 8 * i, &word, sizeof word);
  }
}
inline std::uint16_t load_quarter(const atomic<std::uint64_t>* from, std::size_t at) {
  return static_cast<std::uint16_t>(from[at / 4].load(std::memory_order_acquire) >> at % 4 * 16);
}
/// The pair as two locations, each coherent by itself, and nothing more: loads of the two halves are not ordered by their
/// being neighbours. An exchange changes both at one instant, so whoever acquires one half that it wrote has what came
/// before the exchange, and the other half.
template <class T>
class WordPointer {
 public:
  struct Value {
    std::uint64_t word;
    T* pointer;
    friend bool operator==(const Value&, const Value&) = default;
  };

  explicit WordPointer(std::uint64_t word) { exchanges_.emplace_back(Value{word, nullptr}); }

  std::uint64_t load_word(std::memory_order order) const { return load(word_, order).word; }
  T* load_pointer(std::memory_order order) const { return load(pointer_, order).pointer; }

  bool compare_exchange(Value expected, Value desired) {
    linger();
    rl::ctx().sched();  // another thread may come before the instant, none within
    const rl::preemption_disabler at_once(rl::ctx());
    const std::uint64_t newest = newest_;
    if (exchanges_[newest].value != expected) return false;
    exchanges_[newest].done.fetch_add(0, kAcquires ? std::memory_order_acquire : std::memory_order_relaxed);
    newest_ = exchanges_.size();
    Exchange& exchange = exchanges_.emplace_back(desired);
    constexpr std::memory_order kOrder = kReleases ? std::memory_order_release : std::memory_order_relaxed;
    word_.exchange(newest_, kOrder);
    pointer_.exchange(newest_, kOrder);
    exchange.done.store(1, kOrder);
    return true;
  }

 private:
  static constexpr bool kReleases = true;
  static constexpr bool kAcquires = true;

  struct Exchange {
    explicit Exchange(Value value_) : value(value_) {}
    Value value;
    /// What the exchange releases. Each half alone would carry what came before it only, not the other half.
    atomic<std::uint64_t> done{0};
  };

  const Value& load(const atomic<std::uint64_t>& half, std::memory_order order) const {
    Exchange& exchange = exchanges_[half.load(order)];
    if (order != std::memory_order_relaxed) {
      const rl::preemption_disabler at_once(rl::ctx());
      exchange.done.fetch_add(0, std::memory_order_acquire);
    }
    return exchange.value;
  }

  /// The halves hold the number of the exchange that wrote them.
  atomic<std::uint64_t> word_{0};
  atomic<std::uint64_t> pointer_{0};
  mutable std::deque<Exchange> exchanges_;
  std::uint64_t newest_ = 0;
};

}  // namespace occ
