#pragma once

#include <memory>
#include <type_traits>

#include "core/slots/locked_table.hpp"
#include "core/sync/combining_lock.hpp"

namespace occ {

/// 1,024 combining locks by hash of the id. They are held around a whole operation, so inside it there is nothing to
/// lock.
class CombiningLocks {
 public:
  /// As many as of mutex_striped; 128 KiB.
  static constexpr std::size_t kStripes = 1024;

  static constexpr StrategyInfo kInfo{
      .name = "combining",
      .summary = "who holds a document's lock carries out the operations of all who wait for it",
      .reuses_slots = true,
      .updates_in_place = true,
      .default_form = UpdateForm::in_place,
      .backs_off = true,
  };

  using Guard = NothingToLock;

  [[nodiscard]] CombiningLock& of(std::uint64_t hash) noexcept { return stripes_[hash % kStripes]; }

 private:
  std::unique_ptr<CombiningLock[]> stripes_ = std::make_unique<CombiningLock[]>(kStripes);
};

/// Flat combining: whoever holds the lock of a document carries out the operations of all who want it meanwhile, so
/// that a hot document stays with one core. Inside, the table of the mutex family.
///
/// Progress: blocking throughout; a thread that is suspended inside stops its stripe, and those whose operations it has
/// taken. Memory: bounded. Linearization anywhere inside the lock.
/// A transform may run on another thread than the one that called update, one that holds the lock of a document and
/// has other operations to carry out: it must not depend on the thread that it runs on (thread-local state, a lock
/// that the calling thread holds), and what it takes, everybody who waits takes. What it throws reaches its caller.
/// Cost: dependent misses 4 (bucket, slot, body, and independent of them the stripe). Locked instructions: get 1;
/// write and update 2 (lock, draw of the seq_no); one more where the lock is held.
/// When not: many readers of one document, who take turns here; transforms that take long.
/// Source: Hendler, Incze, Shavit, Tzafrir 2010.
class Combining : public LockedTable<CombiningLocks> {
 public:
  using LockedTable<CombiningLocks>::LockedTable;

  class Strategy : public LockedStrategy<Combining> {
    using Inner = LockedStrategy<Combining>;

   public:
    explicit Strategy(Combining& table) : LockedStrategy(table) {}

    State read(const Target& target, Document* into) {
      return inside(target, [&] { return Inner::read(target, into); });
    }
    Outcome write(const Target& target, const Write& write) {
      return inside(target, [&] { return Inner::write(target, write); });
    }
    Outcome update_in_place(const Target& target, Transform transform, const UpdateOptions& options) {
      return inside(target, [&] { return Inner::update_in_place(target, transform, options); });
    }
    bool vacate(const Target& target) {
      return inside(target, [&] { return Inner::vacate(target); });
    }

   private:
    template <class Section>
    std::invoke_result_t<Section&> inside(const Target& target, Section&& section) {
      return table_.locks().of(target.hash).run(section, [this] { back_off(); });
    }
  };

  using Handle = SlotHandle<Strategy>;
  [[nodiscard]] Handle handle() { return Handle(*this); }
};

static_assert(DocumentTable<Combining>);

}  // namespace occ
