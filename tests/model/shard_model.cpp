/// The real shard.hpp: numbers drawn while the primary fails over and while the numbers run out.
#include <algorithm>
#include <optional>
#include <vector>

#include "core/table/counters.hpp"
#include "core/table/shard.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

/// Two threads draw two numbers each, the third fails over once or twice: no number is given twice, later numbers of a
/// thread are higher and of no earlier term, and every number below another one's belongs to no later term.
template <std::uint64_t start, int fail_overs>
struct Draw : rl::test_suite<Draw<start, fail_overs>, 3> {
  std::optional<Shard> shard;
  SeqNoTerm drawn[2][2];
  void before() {
    shard.emplace();
    shard->start_at(start);
    for (auto& mine : drawn) std::fill(std::begin(mine), std::end(mine), SeqNoTerm::never_written());
  }
  void thread(unsigned index) {
    if (index == 2) {
      for (int i = 0; i < fail_overs; ++i) RL_ASSERT(shard->fail_over());
      return;
    }
    for (SeqNoTerm& number : drawn[index]) number = shard->draw();
  }
  void after() {
    std::vector<SeqNoTerm> all;
    for (const auto& mine : drawn) {
      for (const SeqNoTerm number : mine) {
        if (!number.vacant()) all.push_back(number);
      }
      if (!mine[0].vacant() && !mine[1].vacant()) RL_ASSERT(mine[0] < mine[1]);
    }
    const std::size_t expected = std::min<std::uint64_t>(4, Shard::kSeqNoLimit - start);
    RL_ASSERT(all.size() == expected);
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < all.size(); ++i) {
      RL_ASSERT(all[i].seq_no() == start + i);
      if (i > 0) RL_ASSERT(all[i - 1].term() <= all[i].term());
    }
    RL_ASSERT(shard->next() == SeqNoTerm(start + expected, 1 + fail_overs));
    shard.reset();
  }
};

/// Two threads write one document under numbers from leases of their own, the third fails over: every number is above
/// the one that it was drawn for, under no earlier term, and under the new one by whoever knows of the fail-over,
/// although the shard's word is loaded relaxed.
template <std::uint32_t lease, int writes>
struct Leases : rl::test_suite<Leases<lease, writes>, 3> {
  struct World {
    Shard shard;
    SeqNoLeases leases[2]{{&shard, 1, lease}, {&shard, 1, lease}};
    Counters counters[2];
    atomic<std::uint64_t> document{SeqNoTerm::never_written().bits()};
    atomic<std::uint64_t> failed_over{0};
  };
  std::optional<World> world;
  SeqNoTerm drawn[2][writes];

  void before() {
    world.emplace();
    for (auto& mine : drawn) std::fill(std::begin(mine), std::end(mine), SeqNoTerm::never_written());
  }
  void thread(unsigned index) {
    if (index == 2) {
      RL_ASSERT(world->shard.fail_over());
      world->failed_over.store(1, std::memory_order_release);
      return;
    }
    for (SeqNoTerm& number : drawn[index]) {
      const bool failed_over = world->failed_over.load(std::memory_order_acquire) != 0;
      const auto above = SeqNoTerm::from_bits(world->document.load(std::memory_order_acquire));  // the look
      number = world->leases[index].draw(world->shard, above, world->counters[index]);
      if (!above.vacant()) RL_ASSERT(number.seq_no() > above.seq_no() && number.term() >= above.term());
      if (failed_over) RL_ASSERT(number.term() == 2);
      std::uint64_t expected = above.bits();
      world->document.compare_exchange_strong(expected, number.bits(), std::memory_order_acq_rel,
                                              std::memory_order_relaxed);
    }
  }
  void after() {
    std::uint64_t gaps = 0;
    for (const Counters& one : world->counters) gaps += one.seq_no_gaps;
    RL_ASSERT(world->shard.next().seq_no() == 2 * writes + gaps);
    for (const SeqNoTerm mine : drawn[0]) {
      for (const SeqNoTerm other : drawn[1]) RL_ASSERT(mine.seq_no() != other.seq_no());
    }
    world.reset();
  }
};

}  // namespace
}  // namespace occ::model

int main(int count, char** arguments) {
  using namespace occ;
  using namespace occ::model;
  return run_scenarios(count, arguments,
                       {
                           explore_all<Draw<0, 1>>("draw_against_fail_over"),
                           explore<Draw<Shard::kSeqNoLimit, 1>>("no_number_left", 4),
                           explore<Draw<Shard::kSeqNoLimit - 2, 1>>("numbers_run_out", 4),
                           sample<Leases<4, 3>>("leases", 50'000),
                           sample<Draw<0, 2>>("draw_against_fail_overs", 50'000),
                       });
}
