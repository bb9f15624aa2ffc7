/// Stands in for Boost's stack, whose own atomics a model cannot see. Its contract: push and pop take effect at one
/// instant each, and a pop happens after the push of the chain that it returns; nothing else is ordered by it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/memory/block.hpp"

namespace occ {

class BlockExchange {
 public:
  [[nodiscard]] bool push(Block* chain) {
    auto node = std::make_unique<Node>(chain);
    node->pushed.store(1, std::memory_order_release);
    stack_.push_back(std::move(node));  // no other thread runs between the store and this
    return true;
  }
  [[nodiscard]] Block* pop() {
    rl::ctx().sched();
    if (stack_.empty()) return nullptr;
    const rl::preemption_disabler at_once(rl::ctx());
    const std::unique_ptr<Node> node = std::move(stack_.back());
    stack_.pop_back();
    node->pushed.exchange(0, std::memory_order_acquire);
    return node->chain;
  }

 private:
  struct Node {
    explicit Node(Block* chain_) : chain(chain_) {}
    Block* chain;
    atomic<std::uint64_t> pushed{0};
  };
  /// Empty for most of a pool's many classes, so it must cost nothing.
  std::vector<std::unique_ptr<Node>> stack_;
};

}  // namespace occ
