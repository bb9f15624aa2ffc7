/// The real shard.hpp: numbers drawn while the primary fails over and while the numbers run out.
#include <algorithm>
#include <optional>
#include <vector>

#include "core/shard.hpp"
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
    for (SeqNoTerm& number : drawn[index]) number = shard->draw().value_or(SeqNoTerm::never_written());
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
                           sample<Draw<0, 2>>("draw_against_fail_overs", 50'000),
                       });
}
