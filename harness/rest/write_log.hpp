#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/build/function_ref.hpp"
#include "core/sync/atomic.hpp"

namespace occ {

/// What one thread's writes to an index leave behind for searches, since a table has no list of its documents: the ids
/// that it created, and how often it wrote. Written by one thread, without a lock but where a chunk of ids is full;
/// read by any.
///
/// Every document whose creation was answered is in some log. An id may be in several, and its document may be gone:
/// where that is so of many, the thread takes them out (tidy).
class WriteLog {
 public:
  WriteLog() = default;
  WriteLog(const WriteLog&) = delete;
  WriteLog& operator=(const WriteLog&) = delete;

  /// After a write took effect and before it is answered. `deleted`: a document may be gone by it.
  void written(bool deleted) noexcept;
  /// The same of a write that created a document. True if it is time to ask whether to tidy.
  [[nodiscard]] bool created(std::string_view id);
  /// Keeps those that are live, once each, if half of the ids may be gone. `deletes`: of all logs of the index.
  void tidy(std::uint64_t deletes, FunctionRef<bool(std::string_view id)> is_live);

  [[nodiscard]] std::uint64_t writes() const noexcept {
    return writes_.load(std::memory_order_acquire);  // acquire: pairs with written()'s release
  }
  [[nodiscard]] std::uint64_t deletes() const noexcept {
    return deletes_.load(std::memory_order_relaxed);  // relaxed: a hint
  }
  void for_each_id(FunctionRef<void(std::string_view id)> take) const;

  /// Fewer are never tidied.
  static constexpr std::size_t kFewIds = 4'096;

 private:
  friend class WriteLogs;

  /// Ids, each behind its length in two bytes.
  struct Chunk {
    explicit Chunk(std::size_t bytes) : text(std::make_unique<char[]>(bytes)), capacity(bytes) {}
    std::unique_ptr<char[]> text;
    std::size_t capacity;
    atomic<std::size_t> used{0};
  };
  using Chunks = std::vector<std::shared_ptr<Chunk>>;

  /// True if a chunk was begun.
  static bool append(Chunks& chunks, std::mutex* mutex, std::string_view id);
  [[nodiscard]] Chunks chunks() const;

  atomic<std::uint64_t> writes_{0};
  atomic<std::uint64_t> deletes_{0};
  atomic<bool> taken_{true};
  mutable std::mutex mutex_;  // of chunks_: taken by its thread where it changes them, by others where they read them
  Chunks chunks_;
  std::size_t ids_ = 0;             // the owner's alone, as what follows
  std::uint64_t deletes_then_ = 0;  // when it was tidied last
};

/// The logs of one index. Thread-safe; must outlive what it lends.
class WriteLogs {
 public:
  struct GiveBack {
    void operator()(WriteLog* log) const noexcept;
  };
  using Lent = std::unique_ptr<WriteLog, GiveBack>;

  /// For one thread, until it lets go. One that another thread has given back is lent again.
  [[nodiscard]] Lent take();

  /// Writes that were noted before the call, or more.
  [[nodiscard]] std::uint64_t writes() const;
  [[nodiscard]] std::uint64_t deletes() const;
  /// Ids of all documents whose creation was noted before the call, some more than once, and of others that are gone.
  void for_each_id(FunctionRef<void(std::string_view id)> take) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<WriteLog>> logs_;
};

}  // namespace occ
