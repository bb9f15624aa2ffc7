#pragma once

#include <boost/lockfree/stack.hpp>

#include "core/block.hpp"

namespace occ {

/// Carries chains of free blocks between the caches of handles. Lock-free (Boost.Lockfree). How often it is used and
/// what it costs beside a mutex is measured in harness/micro/.
class BlockExchange {
 public:
  void push(Block* chain) { chains_.push(chain); }
  [[nodiscard]] Block* pop() {
    Block* chain = nullptr;
    chains_.pop(chain);
    return chain;
  }

 private:
  boost::lockfree::stack<Block*> chains_{0};
};

}  // namespace occ
