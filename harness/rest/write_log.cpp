#include "harness/rest/write_log.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_set>
#include <utility>

namespace occ {
namespace {

/// A thread may have many indices of a few documents.
constexpr std::size_t kFirstChunkBytes = 1'024;
constexpr std::size_t kLargestChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kLengthBytes = 2;

}  // namespace

void WriteLog::written(bool deleted) noexcept {
  // relaxed: this thread alone stores them.
  if (deleted) deletes_.store(deletes_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  // release: whoever reads this number sees the id that was appended before.
  writes_.store(writes_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool WriteLog::append(Chunks& chunks, std::mutex* mutex, std::string_view id) {
  const std::size_t needed = kLengthBytes + id.size();
  bool begun = false;
  // relaxed: this thread alone stores it.
  if (chunks.empty() || chunks.back()->used.load(std::memory_order_relaxed) + needed > chunks.back()->capacity) {
    const std::size_t before = chunks.empty() ? kFirstChunkBytes / 2 : chunks.back()->capacity;
    auto chunk = std::make_shared<Chunk>(std::min(2 * before, kLargestChunkBytes));
    const auto lock = mutex ? std::unique_lock(*mutex) : std::unique_lock<std::mutex>();
    chunks.push_back(std::move(chunk));
    begun = true;
  }
  Chunk& open = *chunks.back();
  const std::size_t used = open.used.load(std::memory_order_relaxed);  // relaxed: as above
  char* const at = open.text.get() + used;
  at[0] = static_cast<char>(id.size() & 0xffU);
  at[1] = static_cast<char>(id.size() >> 8U);
  std::memcpy(at + kLengthBytes, id.data(), id.size());
  open.used.store(used + needed, std::memory_order_release);  // release: pairs with for_each_id's acquire
  return begun;
}

bool WriteLog::created(std::string_view id) {
  const bool begun = append(chunks_, &mutex_, id);
  ++ids_;
  written(false);
  return begun && ids_ > kFewIds;
}

void WriteLog::tidy(std::uint64_t deletes, FunctionRef<bool(std::string_view id)> is_live) {
  // What was never deleted was created once.
  if (deletes - deletes_then_ < ids_ / 2) return;
  Chunks kept;
  std::size_t ids = 0;
  std::unordered_set<std::string> seen;
  for_each_id([&](std::string_view id) {
    if (!is_live(id) || !seen.emplace(id).second) return;
    (void)append(kept, nullptr, id);
    ++ids;
  });
  ids_ = ids;
  deletes_then_ = deletes;
  const std::lock_guard lock(mutex_);
  chunks_.swap(kept);
}

WriteLog::Chunks WriteLog::chunks() const {
  const std::lock_guard lock(mutex_);
  return chunks_;
}

void WriteLog::for_each_id(FunctionRef<void(std::string_view id)> take) const {
  for (const auto& chunk : chunks()) {
    const std::size_t used = chunk->used.load(std::memory_order_acquire);  // acquire: pairs with append's release
    for (const char* at = chunk->text.get(); at < chunk->text.get() + used;) {
      const std::size_t size = static_cast<unsigned char>(at[0]) | std::size_t{static_cast<unsigned char>(at[1])} << 8U;
      take({at + kLengthBytes, size});
      at += kLengthBytes + size;
    }
  }
}

void WriteLogs::GiveBack::operator()(WriteLog* log) const noexcept {
  log->taken_.store(false, std::memory_order_release);  // release: pairs with take()'s acquire
}

WriteLogs::Lent WriteLogs::take() {
  const std::lock_guard lock(mutex_);
  for (const auto& log : logs_) {
    // acquire: what the thread before left in it is seen.
    if (log->taken_.load(std::memory_order_acquire)) continue;
    log->taken_.store(true, std::memory_order_relaxed);  // relaxed: under mutex_
    return Lent(log.get());
  }
  return Lent(logs_.emplace_back(std::make_unique<WriteLog>()).get());
}

std::uint64_t WriteLogs::writes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& log : logs_) sum += log->writes();
  return sum;
}

std::uint64_t WriteLogs::deletes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& log : logs_) sum += log->deletes();
  return sum;
}

void WriteLogs::for_each_id(FunctionRef<void(std::string_view id)> take) const {
  std::vector<const WriteLog*> logs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& log : logs_) logs.push_back(log.get());
  }
  for (const WriteLog* log : logs) log->for_each_id(take);
}

}  // namespace occ
