#pragma once

#include <array>
#include <boost/lockfree/stack.hpp>
#include <cstddef>

namespace occ {

/// Pointers from many threads to one, of a fixed number, so that it never allocates. A pop happens after the push of
/// what it returns; a push that failed has done nothing. The one thread takes all that there are at once and then hands
/// them out in the order in which they came, so nobody waits for ever.
///
/// Progress: lock-free (Boost.Lockfree). Cost: two compare-and-swaps to push; one to take all, and one for each.
///
/// Boost's stack and not its queue, which needs three to push and two for each pop, and whose nodes keep their tags
/// against ABA only because a constructor reads what the same memory held before (Boost 1.74 to 1.81). The language does
/// not promise that it still can: g++ 12 and clang 14 let it, upstream no longer relies on it (boostorg/lockfree, pull
/// request 138, 2026), and with the tag lost, in Boost 1.71 to 1.73, elements came out of order (the same, issue 59). The
/// stack has its tags in its two heads. They are of 16 bits, as all of Boost's on x86-64: a push that is suspended before
/// its first compare-and-swap while others make a multiple of 65,536 pushes, not one more or less, may break the list of
/// free nodes.
template <class T>
class RequestQueue {
 public:
  static constexpr std::size_t kCapacity = 64;

  /// False if it is full.
  [[nodiscard]] bool push(T* request) { return stack_.bounded_push(request); }
  /// False if it is empty. By one thread.
  [[nodiscard]] bool pop(T*& request) {
    if (next_ == taken_) {
      next_ = taken_ = 0;
      stack_.consume_all_atomic_reversed([this](T* each) { order_[taken_++] = each; });
      if (taken_ == 0) return false;
    }
    request = order_[next_++];
    return true;
  }

 private:
  boost::lockfree::stack<T*, boost::lockfree::capacity<kCapacity>> stack_;
  /// What was taken, and how much of it has been handed out.
  std::array<T*, kCapacity> order_{};
  std::size_t next_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace occ
