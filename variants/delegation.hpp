#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/build/fault_point.hpp"
#include "core/build/hash.hpp"
#include "core/slots/locked_table.hpp"
#include "core/sync/owner_thread.hpp"

namespace occ {

/// A document that only its shard's owner touches needs no lock.
class Unlocked {
 public:
  static constexpr StrategyInfo kInfo{
      .name = "delegation",
      .summary = "a thread for each shard carries out all operations on its documents",
      .reuses_slots = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
      .owns_threads = true,
  };

  using Guard = NothingToLock;
};

/// Delegation: every shard has a thread that owns its documents and carries out the operations of all others on them,
/// reads included, so documents stay with one core and nothing about them is synchronised. Threads start with the table
/// and end with it. Inside, the table of the mutex family without its locks.
///
/// A request is one record on the stack of the thread that asks, aligned to a pair of cache lines. Its answer and its
/// arguments are in it, except the bytes of id and source and the options of an update, which stay where the caller has
/// them. It reaches the owner through a stack of Boost.Lockfree, which the owner empties at once and then carries out in
/// the order of arrival (core/sync/request_queue.hpp). A boost::lockfree::spsc_queue for each handle and shard would do
/// without compare-and-swap, but not without a fence, since an owner that goes to sleep has to be seen; and the owner
/// would look at every handle's queue, of handles that come and go. With one thread that asks it was no faster. Of a bulk
/// call, items that follow one another on one shard are one request, up to 64.
///
/// Progress: blocking throughout; an owner that is suspended stops its shard. Linearization anywhere while the owner has
/// the request.
/// Memory: bounded: what the mutex family needs, and for each shard a thread with its stack and the owner's queue. The
/// caches of free blocks are the owners', not the handles'.
/// A transform of an update in place runs on the owner's thread: it must not depend on the thread that it runs on, and
/// what it takes, everybody who waits for that owner takes. What it throws reaches its caller. In the optimistic form it
/// runs on the thread that called, between two requests.
/// Numbers are drawn one at a time, whatever TableOptions::seq_no_lease says: nobody else wants the shard's counter.
/// Creating an id takes the locks of directory and arena, which owners of several shards share.
/// Cost: dependent misses 8, all of them lines that the other core had: the list of free nodes, a node and the stack to
/// ask; stack, node, request and id for the owner; the answer. Bucket, slot and body are the owner's, and misses only if
/// they are more than its cache holds. Locked instructions: get 5 (core/sync/owner.hpp); write and update 6 (draw of the
/// seq_no). Where a thread has to sleep or to be woken, a system call and a context switch, several us.
/// When not: where owners have no cores of their own. With as many threads as cores, each operation waits for a core
/// first; one shard does no more than one owner can; and where documents are hardly ever wanted by two threads at once,
/// the two hand-overs cost more than any lock.
/// Source: Lozi, David, Thomas, Lawall, Muller 2012 (remote core locking); Roghanchi, Eriksson, Basu 2017 (ffwd).
class Delegation : public LockedTable<Unlocked> {
 public:
  /// Also throws std::system_error if the system gives no thread.
  explicit Delegation(const TableOptions& options) : LockedTable(without_leases(options)) {
    owners_.reserve(shards());
    while (owners_.size() < shards()) owners_.push_back(std::make_unique<ShardOwner>(*this));
  }

 private:
  struct IdAndHash {
    std::string_view id;
    std::uint64_t hash;
  };

  /// The handle with which an owner works.
  class Worker : public LockedTable<Unlocked>::Handle {
   public:
    using LockedTable<Unlocked>::Handle::Handle;

    State read_document(const IdAndHash& of, Document* into) {
      auto target = place(of);
      return this->read_target(target, into);
    }
    Outcome write_document(const IdAndHash& of, const occ::Write& write) {
      auto target = place(of);
      return this->write_target(target, write);
    }
    Outcome update_document(const IdAndHash& of, Transform transform, const UpdateOptions& options) {
      auto target = place(of);
      return this->update_target(target, transform, options);
    }
    /// What the items count, `counters` gets, also if one throws.
    void carry_out_all(std::span<BulkItem> items, Counters& counters) {
      struct Count {
        ~Count() { to.merge(from); }
        const Counters& from;
        Counters& to;
      };
      this->counters_ = {};
      const Count count{this->counters_, counters};
      this->bulk(items);
    }

   private:
    Target place(const IdAndHash& of) {
      fault_point(FaultPoint::before_read);
      return this->find_hashed(of.id, of.hash);
    }
  };

  struct ShardOwner {
    explicit ShardOwner(LockedTable<Unlocked>& table) : worker(table) {}
    Worker worker;
    OwnerThread thread;
  };

 public:
  /// What a thread does that asks.
  class Strategy : public HandleContext {
   public:
    using Table = Delegation;
    using Target = IdAndHash;
    static constexpr const StrategyInfo& kInfo = Delegation::kInfo;
    static constexpr bool kRemembersLookups = false;
    static constexpr bool kCarriesOutGroups = true;

    explicit Strategy(Delegation& table) noexcept : table_(table) {}

    BulkGroup carry_out_group(std::span<BulkItem> items) {
      const auto run = items.first(carried_out_together(items));
      if (run.size() == 1) return {.items = 1, .done = 0};
      at_owner(hash_id(run.front().id), [this, run](Worker& worker) {
        worker.carry_out_all(run, this->counters_);
        return run.size();
      });
      return {.items = run.size(), .done = run.size()};
    }

    static IdAndHash find(std::string_view id) noexcept { return {id, hash_id(id)}; }
    /// Every request looks the id up.
    static void find_again(const IdAndHash&) noexcept {}
    static Precondition guard_of(const Document& read) noexcept { return Precondition::if_word(read.word); }

    State read_target(const IdAndHash& target, Document* into) {
      return at_owner(target.hash, [=](Worker& worker) { return worker.read_document(target, into); });
    }
    Outcome write_target(const IdAndHash& target, const Write& write) {
      return counted(at_owner(target.hash, [target, operation = write.operation, source = write.source,
                                            precondition = write.precondition](Worker& worker) {
        return worker.write_document(target, {operation, source, precondition});
      }));
    }
    Outcome update_target(const IdAndHash& target, Transform transform, const UpdateOptions& options) {
      return counted(at_owner(
          target.hash, [=, &options](Worker& worker) { return worker.update_document(target, transform, options); }));
    }

   private:
    /// Nobody overtakes an owner, so the outcome tells all that there is to count.
    Outcome counted(const Outcome& outcome) noexcept {
      if (outcome.result == Result::rejected) {
        ++this->counters_.rejected;
        return outcome;
      }
      this->begin_attempt();
      return this->finish(outcome);
    }

    /// How many of the first items go to one owner, in the form that they want. At least one, which then may be anything.
    std::size_t carried_out_together(std::span<const BulkItem> items) const noexcept {
      const std::uint32_t shard = table_.shard_of(items.front().id);
      const auto fits = [&](const BulkItem& item) {
        const bool here =
            item.kind == BulkItem::Kind::update && kInfo.resolve(item.options.form) != UpdateForm::in_place;
        return !here && (table_.shards() == 1 || table_.shard_of(item.id) == shard);
      };
      const auto most = items.first(std::min(items.size(), kLookAhead));
      const auto end = std::ranges::find_if_not(most, fits);
      return std::max<std::size_t>(1, static_cast<std::size_t>(end - most.begin()));
    }

    template <class Section>
    std::invoke_result_t<Section&, Worker&> at_owner(std::uint64_t hash, const Section& section) {
      class Request final : public Owner::Request {
       public:
        Request(Worker& worker, const Section& section) : worker_(worker), section_(section) {}
        std::invoke_result_t<Section&, Worker&> answer{};

       private:
        void carry_out() override { answer = section_(worker_); }
        Worker& worker_;
        Section section_;
      };
      ShardOwner& owner = table_.owner_of(hash);
      Request request(owner.worker, section);
      owner.thread.run(request);
      return request.answer;
    }

    Delegation& table_;
  };

  using Handle = DocumentHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }

 private:
  static TableOptions without_leases(TableOptions options) noexcept {
    if (options.seq_no_lease > 1 && options.seq_no_lease <= Shard::kMostAtOnce) options.seq_no_lease = 1;
    return options;
  }

  [[nodiscard]] ShardOwner& owner_of(std::uint64_t hash) noexcept { return *owners_[route(hash, shards())]; }

  std::vector<std::unique_ptr<ShardOwner>> owners_;
};

static_assert(DocumentTable<Delegation>);

}  // namespace occ
