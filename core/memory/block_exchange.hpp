#pragma once

#include <boost/lockfree/stack.hpp>
#include <new>

#include "core/memory/block.hpp"

namespace occ {

/// Carries chains of free blocks between the caches of handles. Lock-free (Boost.Lockfree) once it has held as many
/// chains as it ever will; until then a push may ask the general allocator for a node. What it costs beside a mutex is
/// measured in harness/micro/.
class BlockExchange {
 public:
  // Not inlined: off the hot path, and what the race detector is told to overlook has a name of its own.

  /// False if there is no memory for its node: the chain is still the caller's.
  [[nodiscard, gnu::noinline]] bool push(Block* chain) noexcept {
    try {
      return chains_.push(chain);
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  [[nodiscard, gnu::noinline]] Block* pop() noexcept {
    Block* chain = nullptr;
    chains_.pop(chain);
    return chain;
  }

 private:
  boost::lockfree::stack<Block*> chains_{0};
};

}  // namespace occ
