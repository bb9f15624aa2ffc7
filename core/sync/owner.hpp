#pragma once

#include <cstdint>
#include <exception>

#include "core/build/point_passer.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/futex.hpp"
#include "core/sync/request_queue.hpp"
#include "core/sync/spin_wait.hpp"

namespace occ {

/// Where threads hand requests to the one thread that carries them out, one after the other in the order in which they
/// came, so that what it works on is its own and needs no synchronisation. Whose thread that is: core/sync/owner_thread.hpp.
///
/// Progress: blocking. Whoever waits, an owner without requests or a thread without its answer, waits on the processor
/// for some us and then sleeps until it is woken, since threads may outnumber cores. It does not give its core away in
/// between: where others keep the cores busy, that costs a slice of time, some ms, for each hand-over. Nothing is
/// allocated: a request lies with the thread that asks.
/// Cost: locked instructions 5: two to put a request into the queue, two to take it out, of which one serves all that are
/// there, one to answer. The lines of the queue and of the request travel to the owner, the request's back. A system call
/// where somebody sleeps.
///
/// | edge | release side | acquire side | carries |
/// |---|---|---|---|
/// | request to owner | push (core/sync/request_queue.hpp) | pop | what is asked |
/// | owner to requester | W1 exchange | W2 load, W3 compare_exchange, or W4 load | the answer; the request is its thread's own again |
/// | request to an owner that sleeps | W6 load after the push | W5 exchange before the pop | nothing: one of the two sees what the other did, see wake |
class Owner {
 public:
  /// Made by the thread that asks, for one call of run.
  class alignas(kFalseSharingRange) Request {
   public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

   protected:
    ~Request() = default;

   private:
    friend Owner;
    /// On the owner's thread.
    virtual void carry_out() = 0;

    std::exception_ptr failure_ = nullptr;
    [[no_unique_address]] PointPasser passer_ = this_passer();
    atomic<std::uint32_t> progress_{kAsked};
  };

  /// Returns when the owner has carried the request out; throws what that threw. Not on the owner's own thread.
  void run(Request& request) {
    send(&request);
    wait_for(request);
    if (request.failure_) std::rethrow_exception(request.failure_);
  }

  /// The owner's thread: carries requests out, until the end.
  void work() {
    while (Request* const request = next()) {
      pass_points_as(request->passer_);
      try {
        request->carry_out();
      } catch (...) {
        request->failure_ = std::current_exception();
      }
      answer(*request);
    }
  }

  /// Lets work return. Once, after the last request.
  void end() { send(nullptr); }

 private:
  // How far a request is.
  static constexpr std::uint32_t kAsked = 0;
  /// Its thread sleeps, or is about to.
  static constexpr std::uint32_t kSleeping = 1;
  static constexpr std::uint32_t kAnswered = 2;

  void send(Request* request) {
    for (SpinWait full; !queue_.push(request);) full.pause();
    wake();
  }

  /// The owner says that it sleeps and looks once more; who asks puts the request in and looks whether it sleeps. Both
  /// look after a locked instruction, which on x86-64 no load overtakes, so at least one of them sees the other.
  void wake() noexcept {
    if (asleep_.load(std::memory_order_seq_cst) == 0) return;                        // W6 with W5
    if (asleep_.exchange(0, std::memory_order_relaxed) != 0) wake_one_at(&asleep_);  // relaxed: the queue orders
  }

  Request* next() {
    Request* request = nullptr;
    for (;;) {
      SpinWait wait;
      for (int round = 0; round < SpinWait::kRoundsBeforeSleep; ++round) {
        if (queue_.pop(request)) return request;
        wait.pause();
      }
      asleep_.exchange(1, std::memory_order_seq_cst);  // W5 with W6
      if (queue_.pop(request)) {
        asleep_.store(0, std::memory_order_relaxed);  // relaxed: who still reads 1 wakes nobody
        return request;
      }
      sleep_if(asleep_, 1);
    }
  }

  static void answer(Request& request) noexcept {
    const atomic<std::uint32_t>* const progress = &request.progress_;
    // W1 with W2, W3, W4: the request is gone
    if (request.progress_.exchange(kAnswered, std::memory_order_release) == kSleeping) wake_one_at(progress);
  }

  static void wait_for(Request& request) noexcept {
    SpinWait wait;
    for (int round = 0; round < SpinWait::kRoundsBeforeSleep; ++round) {
      if (request.progress_.load(std::memory_order_acquire) == kAnswered) return;  // W2 with W1
      wait.pause();
    }
    std::uint32_t asked = kAsked;
    if (!request.progress_.compare_exchange_strong(asked, kSleeping, std::memory_order_acquire,
                                                   std::memory_order_acquire)) {  // W3 with W1, if it fails
      return;
    }
    while (request.progress_.load(std::memory_order_acquire) != kAnswered) {  // W4 with W1
      sleep_if(request.progress_, kSleeping);
    }
  }

  RequestQueue<Request> queue_;
  /// 1: the owner sleeps, or is about to.
  alignas(kFalseSharingRange) atomic<std::uint32_t> asleep_{0};
};

}  // namespace occ
