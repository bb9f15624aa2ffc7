#include "core/build/configuration.hpp"
#include "harness/micro/plain.hpp"

#if OCCKIT_HAS_URCU_LFHT
#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#include <bit>
#include <new>

#include "harness/micro/plain_slot.hpp"

namespace occ::plain {
namespace {

struct Node {
  cds_lfht_node in_table{};
  Id id;
  rcu_head freed{};
  Slot slot;
};

struct UrcuLfht {
  cds_lfht* table;
  Numbers numbers;

  explicit UrcuLfht(std::uint32_t documents)
      // Without accounting it grows wherever a chain of three comes up, so to hundreds of buckets for each node.
      : table(cds_lfht_new_flavor(std::bit_ceil(std::uint64_t{documents}), 1, 0,
                                  CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, &urcu_memb_flavor, nullptr)) {
    if (table == nullptr) throw std::bad_alloc();
  }
  UrcuLfht(const UrcuLfht&) = delete;
  UrcuLfht& operator=(const UrcuLfht&) = delete;
  ~UrcuLfht() {
    urcu_memb_register_thread();
    urcu_memb_read_lock();
    cds_lfht_iter at;
    cds_lfht_first(table, &at);
    while (cds_lfht_node* const node = cds_lfht_iter_get_node(&at)) {
      cds_lfht_next(table, &at);
      cds_lfht_del(table, node);
      urcu_memb_call_rcu(&node_of(node)->freed, free_node);
    }
    urcu_memb_read_unlock();
    urcu_memb_barrier();
    urcu_memb_unregister_thread();
    cds_lfht_destroy(table, nullptr);
  }

  static Node* node_of(cds_lfht_node* node) { return reinterpret_cast<Node*>(node); }
  static void free_node(rcu_head* head) {
    delete reinterpret_cast<Node*>(reinterpret_cast<char*>(head) - offsetof(Node, freed));
  }
  static int match(cds_lfht_node* node, const void* id) {
    return node_of(node)->id == *static_cast<const Id*>(id) ? 1 : 0;
  }

  class Session {
   public:
    using Read = Record;
    explicit Session(UrcuLfht& of) : table_(of.table), numbers_(of.numbers) { urcu_memb_register_thread(); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { urcu_memb_unregister_thread(); }

    bool get(const Step& step, Read& into) {
      return with(step.id, [&](Slot& slot) {
        slot.read(into);
        return true;
      });
    }
    static std::byte* body(Read& read) { return read.body.data(); }
    static std::uint64_t version(const Read& read) { return read.version; }
    bool index_if(const Step& step, const Read& read) {
      return with(step.id, [&](Slot& slot) { return slot.write_if(read.word, numbers_, read); });
    }
    bool update(const Step& step) {
      return with(step.id, [&](Slot& slot) {
        slot.update(numbers_, buffer_);
        return true;
      });
    }
    bool create(const Id& id, const Body& body) {
      Node* const node = new Node;
      node->id = id;
      node->slot.start(numbers_.draw(), body);
      urcu_memb_read_lock();
      const bool made = cds_lfht_add_unique(table_, IdHash()(id), match, &id, &node->in_table) == &node->in_table;
      urcu_memb_read_unlock();
      if (!made) delete node;
      return made;
    }
    bool remove(const Id& id) {
      urcu_memb_read_lock();
      cds_lfht_node* const node = find(id);
      const bool removed = node != nullptr && cds_lfht_del(table_, node) == 0;
      urcu_memb_read_unlock();
      if (removed) urcu_memb_call_rcu(&node_of(node)->freed, free_node);
      return removed;
    }

   private:
    cds_lfht_node* find(const Id& id) {
      cds_lfht_iter at;
      cds_lfht_lookup(table_, IdHash()(id), match, &id, &at);
      return cds_lfht_iter_get_node(&at);
    }
    template <class F>
    bool with(const Id& id, F f) {
      urcu_memb_read_lock();
      cds_lfht_node* const node = find(id);
      const bool done = node != nullptr && f(node_of(node)->slot);
      urcu_memb_read_unlock();
      return done;
    }

    cds_lfht* table_;
    Numbers& numbers_;
    Record buffer_{};
  };
};

}  // namespace

void add_urcu(std::vector<Entry>& entries) {
  add<UrcuLfht>(entries, "urcu_lfht", "liburcu's cds_lfht, word and body in the node; as many buckets as documents");
}

}  // namespace occ::plain
#else
namespace occ::plain {
void add_urcu(std::vector<Entry>&) {}
}  // namespace occ::plain
#endif
