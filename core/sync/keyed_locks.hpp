#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "core/build/fault_point.hpp"
#include "core/sync/atomic.hpp"
#include "core/sync/lock_traits.hpp"
#include "core/sync/spin_lock.hpp"

namespace occ {

/// One lock per key, which exists only while somebody holds it or waits for it: memory is that of the most
/// keys ever in use at once. Blocking.
///
/// A map from key to a counted lock. Whoever asks finds or makes the entry and counts itself, both under the bucket's
/// short lock; then it takes the entry's own lock. Whoever leaves uncounts itself under the bucket's lock, and the last
/// one removes the entry. An entry that somebody counts on is never removed, so two threads with one key always meet in
/// one lock.
/// Source: Elasticsearch's KeyedLock, which does the same over a ConcurrentHashMap.
///
/// 1024 buckets keep keys of a few dozen threads apart; fewer are for models.
template <class Lock, std::size_t buckets = 1024>
class KeyedLocks {
  struct Entry {
    const void* key = nullptr;
    std::uint64_t users = 0;
    Entry* next = nullptr;
    Lock lock;
  };
  struct alignas(kFalseSharingRange) Bucket {
    SpinLock lock;
    Entry* used = nullptr;
    Entry* idle = nullptr;
  };

 public:
  KeyedLocks() = default;
  KeyedLocks(const KeyedLocks&) = delete;
  KeyedLocks& operator=(const KeyedLocks&) = delete;
  ~KeyedLocks() {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      while (Entry* entry = buckets_[i].idle) {
        buckets_[i].idle = entry->next;
        delete entry;
      }
    }
  }

  /// Holds the lock of one key. The key is the address of the id's slot, which is the id's for as long as the slot
  /// lives.
  class Guard {
   public:
    Guard(KeyedLocks& locks, const void* key, std::uint64_t hash)
        : use_(locks.buckets_[hash % kBuckets], key), held_(use_.entry().lock) {}

   private:
    /// Counts one user of the entry, for longer than the lock is held.
    class Use {
     public:
      Use(Bucket& bucket, const void* key) : bucket_(bucket), entry_(enter(bucket, key)) {}
      Use(const Use&) = delete;
      Use& operator=(const Use&) = delete;
      ~Use() { leave(bucket_, entry_); }
      [[nodiscard]] Entry& entry() const noexcept { return entry_; }

     private:
      Bucket& bucket_;
      Entry& entry_;
    };

    Use use_;
    ScopedLock<Lock> held_;
  };

 private:
  static constexpr std::size_t kBuckets = buckets;

  static Entry& enter(Bucket& bucket, const void* key) {
    const std::lock_guard held(bucket.lock);
    fault_point(FaultPoint::locking_key);
    Entry* entry = bucket.used;
    while (entry != nullptr && entry->key != key) entry = entry->next;
    if (entry == nullptr) {
      if (bucket.idle == nullptr) bucket.idle = new Entry;
      entry = bucket.idle;
      bucket.idle = entry->next;
      entry->key = key;
      entry->next = bucket.used;
      bucket.used = entry;
    }
    ++entry->users;
    return *entry;
  }

  static void leave(Bucket& bucket, Entry& entry) noexcept {
    const std::lock_guard held(bucket.lock);
    if (--entry.users != 0) return;
    Entry** link = &bucket.used;
    while (*link != &entry) link = &(*link)->next;
    *link = entry.next;
    entry.next = bucket.idle;
    bucket.idle = &entry;
  }

  std::unique_ptr<Bucket[]> buckets_ = std::make_unique<Bucket[]>(kBuckets);
};

}  // namespace occ
