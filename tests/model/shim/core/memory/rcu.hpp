#pragma once

#include <vector>

#include "core/memory/block_pool.hpp"
#include "core/sync/atomic.hpp"

namespace occ {

/// Stands in for liburcu's reclamation, whose memory a model cannot see. Its contract, and no more: what was retired is
/// used again when nobody is inside, and comes after all that readers did inside. Entering orders nothing.
struct RcuDomain {
  class Participant {
   public:
    Participant(RcuDomain& domain, BlockPool::Cache& cache) : domain_(domain), cache_(cache) {}
    ~Participant() { flush(); }

    class Guard {
     public:
      explicit Guard(Participant& participant) : domain_(participant.domain_) { ++domain_.inside; }
      Guard(const Guard&) = delete;
      ~Guard() {
        domain_.left.fetch_add(1, std::memory_order_release);
        --domain_.inside;
      }

     private:
      RcuDomain& domain_;
    };

    void make_room() {}
    void retire(Block* block) { retired_.push_back(block); }
    void collect() {
      if (domain_.inside == 0) flush();
    }

   private:
    void flush() {
      if (retired_.empty()) return;
      domain_.left.fetch_add(0, std::memory_order_acquire);
      for (Block* block : retired_) cache_.give(block);
      retired_.clear();
    }

    RcuDomain& domain_;
    BlockPool::Cache& cache_;
    std::vector<Block*> retired_;
  };

  atomic<std::uint64_t> left{0};
  /// Model threads run one at a time.
  int inside = 0;
};

struct RcuThread {
  RcuThread() {}
};

}  // namespace occ
