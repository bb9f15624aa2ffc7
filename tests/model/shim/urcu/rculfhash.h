/// Stands in for liburcu's hash table, whose own atomics a model cannot see: three places under one lock. Its contract:
/// a node is found after it was added, with what came before that; of several changes of one node one succeeds.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>

#include "core/sync/atomic.hpp"
#include "core/sync/spin_lock.hpp"

/// Nodes lie in blocks that are used again without a word; a model has to end what lay in them.
struct cds_lfht_node {
  cds_lfht_node() {
    RL_ASSERT(existing_count < existing.size());
    existing[existing_count++] = this;
  }
  cds_lfht_node(const cds_lfht_node&) = delete;
  virtual ~cds_lfht_node() = default;

  static void* operator new(std::size_t, void* at) {
    for (std::size_t i = 0; i < existing_count; ++i) {
      if (existing[i] != at) continue;
      existing[i]->~cds_lfht_node();
      existing[i] = existing[--existing_count];
      break;
    }
    return at;
  }
  static void destroy_all() {
    while (existing_count != 0) existing[--existing_count]->~cds_lfht_node();
  }

  occ::atomic<std::uint64_t> removed{0};

 private:
  static inline std::array<cds_lfht_node*, 32> existing{};
  static inline std::size_t existing_count = 0;
};

struct cds_lfht_iter {
  cds_lfht_node* node = nullptr;
};

struct cds_lfht {
  occ::atomic<cds_lfht_node*> places[3]{nullptr, nullptr, nullptr};
  occ::SpinLock lock;
};

using cds_lfht_match_fct = int (*)(cds_lfht_node*, const void*);
struct rcu_flavor_struct {};
inline rcu_flavor_struct urcu_memb_flavor;
inline void urcu_memb_read_lock() {}
inline void urcu_memb_read_unlock() {}

inline cds_lfht* cds_lfht_new_flavor(std::size_t, std::size_t, std::size_t, int, rcu_flavor_struct*, void*) {
  return new cds_lfht;
}
inline int cds_lfht_destroy(cds_lfht* table, void*) {
  delete table;
  cds_lfht_node::destroy_all();
  return 0;
}
inline void cds_lfht_resize(cds_lfht*, std::size_t) {}

inline void cds_lfht_lookup(cds_lfht* table, std::size_t, cds_lfht_match_fct match, const void* key,
                            cds_lfht_iter* at) {
  at->node = nullptr;
  for (auto& place : table->places) {
    cds_lfht_node* const node = place.load(std::memory_order_acquire);
    if (node != nullptr && match(node, key) != 0) at->node = node;
  }
}
inline cds_lfht_node* cds_lfht_add_unique(cds_lfht* table, std::size_t hash, cds_lfht_match_fct match, const void* key,
                                          cds_lfht_node* fresh) {
  const std::lock_guard held(table->lock);
  cds_lfht_iter at;
  cds_lfht_lookup(table, hash, match, key, &at);
  if (at.node != nullptr) return at.node;
  for (auto& place : table->places) {
    if (place.load(std::memory_order_relaxed) != nullptr) continue;
    place.store(fresh, std::memory_order_release);
    return fresh;
  }
  RL_ASSERT(false);
  return nullptr;
}
/// 0, and the node has `fresh`, or nothing, in its place, for one caller.
inline int exchange_node(cds_lfht* table, cds_lfht_node* old, cds_lfht_node* fresh) {
  const std::lock_guard held(table->lock);
  for (auto& place : table->places) {
    if (old == nullptr || place.load(std::memory_order_relaxed) != old) continue;
    old->removed.store(1, std::memory_order_release);
    place.store(fresh, std::memory_order_release);
    return 0;
  }
  return -1;
}
inline int cds_lfht_replace(cds_lfht* table, cds_lfht_iter* at, std::size_t, cds_lfht_match_fct, const void*,
                            cds_lfht_node* fresh) {
  return exchange_node(table, at->node, fresh);
}
inline int cds_lfht_del(cds_lfht* table, cds_lfht_node* node) {
  return exchange_node(table, node, nullptr);
}
inline int cds_lfht_is_node_deleted(const cds_lfht_node* node) {
  return node->removed.load(std::memory_order_acquire) != 0 ? 1 : 0;
}
/// Whatever is there; of use where each is removed.
inline void cds_lfht_first(cds_lfht* table, cds_lfht_iter* at) {
  at->node = nullptr;
  for (auto& place : table->places) {
    if (cds_lfht_node* const node = place.load(std::memory_order_acquire)) at->node = node;
  }
}
inline void cds_lfht_next(cds_lfht* table, cds_lfht_iter* at) {
  cds_lfht_first(table, at);
}
inline cds_lfht_node* cds_lfht_iter_get_node(cds_lfht_iter* at) {
  return at->node;
}
