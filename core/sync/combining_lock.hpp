#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/build/function_ref.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/spin_wait.hpp"

namespace occ {

/// A lock that is handed sections instead of being waited for: a thread that finds it held leaves a request, and the
/// holder carries out the requests that it finds before it lets go. So the lines that sections change stay with one
/// thread while others want them too. On one pair of cache lines.
///
/// Progress: blocking, unfair; a thread whose request nobody has taken takes the lock itself as soon as it is free, so
/// nobody is forgotten. Waiters yield. Nothing is allocated: a request lies on the stack of its thread.
/// Cost: two locked instructions less one where nobody else is there (one exchange; letting go is a store); a request
/// costs one compare-and-swap, and its holder an exchange for all that wait.
/// Source: flat combining (Hendler, Incze, Shavit, Tzafrir 2010), with a stack of requests that is taken at once
/// instead of a list of one record per thread, so that there is nothing to clean up.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | holder to next holder | F1 store in leave | F2 exchange in enter | what sections change |
/// | request to holder | F3 compare_exchange | F4 exchange | the section and what it captured |
/// | holder to requester | F5 store | F6 load | what the section returned; its request is its own again |
class alignas(kFalseSharingRange) CombiningLock {
 public:
  /// What section() returns or throws. No two sections run at once; this one may run on another thread, while this one
  /// waits. `busy()` is called first if the lock is held; then it is tried once more.
  template <class Section, class Busy>
  std::invoke_result_t<Section&> run(Section&& section, Busy&& busy) {
    if (!try_enter()) {
      busy();
      if (!try_enter()) return request(section);
    }
    const Leave leave(*this);
    return section();
  }

 private:
  struct Request {
    FunctionRef<void()> section;
    /// Atomic only so that a model sees when it is read: F3 and F4 order it.
    atomic<Request*> next{nullptr};
    std::exception_ptr failure = nullptr;
    atomic<std::uint64_t> done{0};
  };

  /// Carries out what waits, then lets go; even if the section before threw.
  class Leave {
   public:
    explicit Leave(CombiningLock& lock) noexcept : lock_(lock) {}
    Leave(const Leave&) = delete;
    Leave& operator=(const Leave&) = delete;
    ~Leave() {
      lock_.serve();
      lock_.held_.store(0, std::memory_order_release);  // F1 with F2
    }

   private:
    CombiningLock& lock_;
  };

  bool try_enter() noexcept {
    // relaxed: the exchange acquires
    return held_.load(std::memory_order_relaxed) == 0 && held_.exchange(1, std::memory_order_acquire) == 0;  // F2
  }

  template <class Section>
  std::invoke_result_t<Section&> request(Section& section) {
    std::optional<std::invoke_result_t<Section&>> result;
    const auto run = [&] { result.emplace(section()); };
    Request mine{.section = run};
    Request* before = waiting_.load(std::memory_order_relaxed);  // relaxed: the exchange below checks it
    do {
      mine.next.store(before, std::memory_order_relaxed);  // relaxed: F3 releases it
      // relaxed on failure: as above
    } while (!waiting_.compare_exchange_weak(before, &mine, std::memory_order_release,
                                             std::memory_order_relaxed));  // F3 with F4
    SpinWait wait;
    while (mine.done.load(std::memory_order_acquire) == 0) {  // F6 with F5
      if (try_enter()) {
        const Leave leave(*this);
      } else {
        wait.pause();
      }
    }
    if (mine.failure) std::rethrow_exception(mine.failure);
    return *std::move(result);
  }

  /// Once round: who comes later enters after this holder.
  void serve() noexcept {
    if (waiting_.load(std::memory_order_relaxed) == nullptr) return;        // relaxed: a hint, F4 acquires
    Request* next = waiting_.exchange(nullptr, std::memory_order_acquire);  // F4 with F3
    while (next != nullptr) {
      Request& request = *next;
      next = request.next.load(std::memory_order_relaxed);  // relaxed: F4 acquired it
      try {
        request.section();
      } catch (...) {
        request.failure = std::current_exception();
      }
      request.done.store(1, std::memory_order_release);  // F5 with F6: the request is gone
    }
  }

  atomic<std::uint64_t> held_{0};
  atomic<Request*> waiting_{nullptr};
};

}  // namespace occ
