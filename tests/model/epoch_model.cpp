/// The real epoch.hpp and block_pool.hpp: participants that take a block out of a shared place, retire it and use it
/// again, against one that looks at what the place holds. What is in a block counts as a plain variable, so its reuse
/// under a reader is a data race.
#include <optional>

#include "core/memory/epoch.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

using Participant = EpochDomain::Participant;

/// One handle's part of a strategy.
struct Part {
  explicit Part(EpochDomain& domain, BlockPool& pool) : cache(pool), participant(domain, cache) {}
  BlockPool::Cache cache;
  Participant participant;
};

struct Fixture {
  BlockPool pool;
  struct Blocks {
    ~Blocks() { Block::destroy_all(); }
  } blocks;
  EpochDomain domain;
  atomic<Block*> place{nullptr};
  std::optional<Part> parts[3];

  explicit Fixture(int there) {
    for (int i = 0; i < there; ++i) parts[i].emplace(domain, pool);
    place.store(filled(*parts[0]), std::memory_order_relaxed);
  }

  static Block* filled(Part& part) {
    Block* block = part.cache.take(16);
    *static_cast<std::byte*>(block->bytes()) = std::byte{1};
    return block;
  }
  void read(Part& part) {
    const Participant::Guard pinned(part.participant);
    const Block* block = place.load(std::memory_order_acquire);
    static_cast<void>(block->bytes());
  }
  /// Publishes a new block, retires the old one, and gives back what has become free.
  void replace(Part& part) {
    {
      const Participant::Guard pinned(part.participant);
      part.participant.make_room();
      Block* old = place.load(std::memory_order_acquire);
      Block* fresh = filled(part);
      while (!place.compare_exchange_strong(old, fresh, std::memory_order_acq_rel, std::memory_order_acquire)) {
      }
      part.participant.retire(old);
    }
    part.participant.collect();
  }
  /// Retires a block that nobody else has seen, which moves the epoch on, and gives back what has become free.
  void turn(Part& part) {
    {
      const Participant::Guard pinned(part.participant);
      part.participant.make_room();
      part.participant.retire(part.cache.take(16));
    }
    part.participant.collect();
  }
  /// Fills what the pool has to give: if it is a block that a reader is in, that is the race.
  static void reuse(Part& part, int blocks) {
    for (int i = 0; i < blocks; ++i) filled(part);
  }
};

template <class Self, int threads>
struct Parts : rl::test_suite<Self, threads> {
  std::optional<Fixture> fixture;
  void before() { fixture.emplace(threads); }
  void after() { fixture.reset(); }
};

/// A block is replaced, three epochs pass, it is used again; a reader comes whenever it likes. If it reads twice, it
/// withdraws and announces again.
template <int reads>
struct ReaderAgainstReuse : Parts<ReaderAgainstReuse<reads>, 2> {
  void thread(unsigned index) {
    Fixture& fixture = *this->fixture;
    Part& part = *fixture.parts[index];
    if (index == 0) {
      fixture.replace(part);
      for (int i = 0; i < 3; ++i) fixture.turn(part);
      fixture.reuse(part, 6);
    } else {
      for (int i = 0; i < reads; ++i) fixture.read(part);
    }
  }
};

/// The epoch is moved on by a third participant, which is the one that sees the reader withdraw.
struct OthersMoveTheEpoch : Parts<OthersMoveTheEpoch, 3> {
  void thread(unsigned index) {
    Part& part = *fixture->parts[index];
    if (index == 0) {
      fixture->replace(part);
      for (int i = 0; i < 2; ++i) fixture->turn(part);
      fixture->reuse(part, 6);
    } else if (index == 1) {
      fixture->read(part);
    } else {
      for (int i = 0; i < 3; ++i) fixture->turn(part);
    }
  }
};

/// The reader joins meanwhile: its record is new to whoever moves the epoch on.
struct ReaderJoins : Parts<ReaderJoins, 2> {
  void before() { fixture.emplace(1); }
  void thread(unsigned index) {
    if (index == 0) {
      Part& part = *fixture->parts[0];
      fixture->replace(part);
      for (int i = 0; i < 3; ++i) fixture->turn(part);
      fixture->reuse(part, 6);
    } else {
      fixture->parts[1].emplace(fixture->domain, fixture->pool);
      fixture->read(*fixture->parts[1]);
    }
  }
};

/// What a participant leaves behind is given back by the one that comes after it, no earlier than it might have been.
struct OrphansAgainstReader : Parts<OrphansAgainstReader, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      fixture->replace(*fixture->parts[0]);
      fixture->parts[0].reset();
      Part& heir = fixture->parts[0].emplace(fixture->domain, fixture->pool);
      for (int i = 0; i < 2; ++i) fixture->turn(heir);
      fixture->reuse(heir, 6);
    } else {
      fixture->read(*fixture->parts[1]);
    }
  }
};

}  // namespace
}  // namespace occ::model

int main(int count, char** arguments) {
  using namespace occ::model;
  return run_scenarios(count, arguments,
                       {
                           sample<ReaderAgainstReuse<1>>("reader_against_reuse", 40'000),
                           sample<ReaderAgainstReuse<2>>("reader_comes_twice", 40'000),
                           sample<OthersMoveTheEpoch>("others_move_the_epoch", 40'000),
                           sample<ReaderJoins>("reader_joins", 40'000),
                           sample<OrphansAgainstReader>("orphans_against_reader", 40'000),
                       });
}
