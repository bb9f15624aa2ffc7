#pragma once

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-memb.h>

#include <cstdint>
#include <vector>

#include "core/build/fault_point.hpp"
#include "core/build/race_detector.hpp"
#include "core/memory/block_pool.hpp"

namespace occ {

/// The calling thread is known to liburcu while one of these lives: it knows threads, not handles.
class RcuThread {
 public:
  RcuThread() {
    if (registrations_++ == 0) urcu_memb_register_thread();
  }
  RcuThread(const RcuThread&) = delete;
  RcuThread& operator=(const RcuThread&) = delete;
  ~RcuThread() {
    if (--registrations_ == 0) urcu_memb_unregister_thread();
  }

 private:
  static inline thread_local std::uint32_t registrations_ = 0;
};

/// What a grace period orders, for the race detector, which sees neither the readers' plain stores nor the membarrier
/// system call: everything in a read section of before comes before what follows the wait. Nothing in other builds.
class RcuEdge {
 public:
  static void reader_leaves() noexcept { tell_race_detector_of_release(&edge_); }
  static void readers_have_left() noexcept { tell_race_detector_of_acquire(&edge_); }

 private:
  static inline char edge_ = 0;
};

/// liburcu's reclamation behind the interface of EpochDomain, flavour memb: readers execute no locked instruction,
/// whoever frees makes every thread execute a barrier (membarrier) and waits for the readers of before.
///
/// Progress: pin is wait-free; collect is blocking when its batch is full.
/// Memory: bounded, at most kBatchBlocks or kBatchBytes (and one block) wait per participant; a suspended reader stops
/// the writers instead. liburcu's calls made here, registration, read sections and grace periods, allocate nothing; they
/// end the program only if a system call fails that cannot.
class RcuDomain {
 public:
  class Participant {
   public:
    Participant(RcuDomain&, BlockPool::Cache& cache) : cache_(cache) { retired_.reserve(kBatchBlocks + kPerCall); }
    Participant(const Participant&) = delete;
    Participant& operator=(const Participant&) = delete;
    ~Participant() { flush(); }

    class Guard {
     public:
      explicit Guard(Participant&) noexcept {
        urcu_memb_read_lock();
        fault_point(FaultPoint::pinned);
      }
      Guard(const Guard&) = delete;
      Guard& operator=(const Guard&) = delete;
      ~Guard() {
        RcuEdge::reader_leaves();
        urcu_memb_read_unlock();
      }
    };

    void make_room() noexcept {}  // collect leaves some

    void retire(Block* block) noexcept {
      retired_.push_back(block);
      retired_bytes_ += SizeClass::bytes(block->size_class);
    }

    void collect() {
      if (retired_.size() >= kBatchBlocks || retired_bytes_ >= kBatchBytes) flush();
    }

   private:
    /// A grace period costs tens of microseconds, and a time slice where threads outnumber cores: spread over this many
    /// blocks.
    static constexpr std::size_t kBatchBlocks = 1024;
    static constexpr std::size_t kBatchBytes = std::size_t{4} << 20;
    /// More than any call retires before it collects.
    static constexpr std::size_t kPerCall = 8;

    void flush() {
      if (retired_.empty()) return;
      urcu_memb_synchronize_rcu();
      RcuEdge::readers_have_left();
      for (Block* block : retired_) cache_.give(block);
      retired_.clear();
      retired_bytes_ = 0;
    }

    RcuThread thread_;
    BlockPool::Cache& cache_;
    std::vector<Block*> retired_;
    std::size_t retired_bytes_ = 0;
  };
};

}  // namespace occ
