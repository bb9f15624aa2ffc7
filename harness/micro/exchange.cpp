/// What it costs to carry a chain of free blocks from one handle's cache to another: Boost.Lockfree's stack, as
/// core/memory/block_pool.hpp has it, beside a vector under a std::mutex. One operation takes a chain out and puts it back;
/// divide by the blocks of a chain (64 of the small ones) for the share of one block.
#include <benchmark/benchmark.h>

#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "core/memory/block_exchange.hpp"
#include "harness/micro/cases.hpp"

namespace occ {
namespace {

/// The plain alternative, with BlockExchange's interface.
class MutexExchange {
 public:
  [[nodiscard]] bool push(Block* chain) {
    const std::lock_guard held(mutex_);
    chains_.push_back(chain);
    return true;
  }
  [[nodiscard]] Block* pop() {
    const std::lock_guard held(mutex_);
    if (chains_.empty()) return nullptr;
    Block* chain = chains_.back();
    chains_.pop_back();
    return chain;
  }

 private:
  std::mutex mutex_;
  std::vector<Block*> chains_;
};

template <class Exchange>
struct Shared {
  static constexpr std::size_t kChains = 64;
  std::vector<std::unique_ptr<Block>> blocks;
  Exchange exchange;
  static inline std::unique_ptr<Shared> current;

  Shared() {
    for (std::size_t i = 0; i < kChains; ++i)
      std::ignore = exchange.push(blocks.emplace_back(std::make_unique<Block>()).get());
  }
  static void set_up(const benchmark::State&) { current = std::make_unique<Shared>(); }
  static void tear_down(const benchmark::State&) { current.reset(); }
};

template <class Exchange>
void carry(benchmark::State& state) {
  Exchange& exchange = Shared<Exchange>::current->exchange;
  for (auto _ : state) {
    Block* chain = exchange.pop();
    benchmark::DoNotOptimize(chain);
    if (chain != nullptr) benchmark::DoNotOptimize(exchange.push(chain));
  }
  state.SetItemsProcessed(state.iterations());
  report(state);
}

template <class Exchange>
void add(const char* name) {
  benchmark::RegisterBenchmark(name, carry<Exchange>)
      ->Setup(&Shared<Exchange>::set_up)
      ->Teardown(&Shared<Exchange>::tear_down)
      ->ThreadRange(1, 2)
      ->UseRealTime();
}

}  // namespace

void add_exchange_cases() {
  add<BlockExchange>("block_exchange/boost_lockfree");
  add<MutexExchange>("block_exchange/std_mutex");
}

}  // namespace occ
