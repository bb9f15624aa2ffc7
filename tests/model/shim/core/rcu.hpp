#pragma once

#include "core/block_pool.hpp"

namespace occ {

/// liburcu's memory is not visible to a model: this stand-in only lets the headers that name it compile.
struct RcuDomain {
  struct Participant {
    Participant(RcuDomain&, BlockPool::Cache&) {}
    struct Guard {
      explicit Guard(Participant&) {}
    };
    void make_room() {}
    void retire(Block*) {}
    void collect() {}
  };
};

}  // namespace occ
