#include "harness/history/history_order.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace occ {
namespace {

/// Calls visit(entry, the one before it of its thread or null) for the entries from `first` to before `last`, numbered through all threads.
template <class Visit>
void for_range(std::span<const std::span<const HistoryEntry>> threads, std::size_t first, std::size_t last,
               Visit&& visit) {
  std::size_t before = 0;
  for (const auto entries : threads) {
    const std::size_t from = std::clamp(first, before, before + entries.size()) - before;
    const std::size_t to = std::clamp(last, before, before + entries.size()) - before;
    for (std::size_t i = from; i < to; ++i) visit(entries[i], i == 0 ? nullptr : &entries[i - 1]);
    before += entries.size();
  }
}

/// Without a jump that depends on the data, which would be mispredicted half of the time.
VersionItem* merge(const VersionItem* a, const VersionItem* a_end, const VersionItem* b, const VersionItem* b_end,
                   VersionItem* out) {
  while (a != a_end && b != b_end) {
    const bool second = b->key < a->key;
    *out++ = *(second ? b : a);
    a += second ? 0 : 1;
    b += second ? 1 : 0;
  }
  out = std::copy(a, a_end, out);
  return std::copy(b, b_end, out);
}

}  // namespace

void in_parallel(unsigned workers, const std::function<void(unsigned)>& work) {
  std::exception_ptr error;
  std::mutex mutex;
  const auto guarded = [&](unsigned worker) {
    try {
      work(worker);
    } catch (...) {
      const std::lock_guard held(mutex);
      if (!error) error = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned worker = 0; worker + 1 < workers; ++worker) others.emplace_back(guarded, worker);
    guarded(workers - 1);
  }
  if (error) std::rethrow_exception(error);
}

EntriesByDocument::EntriesByDocument(std::span<const std::span<const HistoryEntry>> threads, std::uint32_t documents,
                                     unsigned workers)
    : first_(std::size_t{documents} + 1) {
  for (const auto entries : threads) entries_ += entries.size();
  if (entries_ > std::numeric_limits<std::uint32_t>::max())
    throw std::length_error("a history of more than 2^32 - 1 operations");
  // Each worker's next place for each document; first counted, then summed over the workers before it.
  std::vector<std::vector<std::uint32_t>> next(workers);
  const auto range = [&](unsigned worker, auto&& visit) {
    for_range(threads, entries_ * worker / workers, entries_ * (worker + 1) / workers, visit);
  };
  std::vector<char> calls(workers);
  in_parallel(workers, [&](unsigned worker) {
    next[worker].resize(documents);
    bool any_calls = false;
    range(worker, [&](const HistoryEntry& entry, const HistoryEntry* before) {
      any_calls |= before != nullptr && before->begin == entry.begin;
      if (entry.document >= documents)
        throw std::out_of_range("document " + std::to_string(entry.document) + " of " + std::to_string(documents));
      ++next[worker][entry.document];
    });
    calls[worker] = any_calls ? 1 : 0;
  });
  has_calls_ = std::ranges::count(calls, 1) > 0;
  std::uint32_t sum = 0;
  for (std::uint32_t document = 0; document < documents; ++document) {
    first_[document] = sum;
    for (auto& counts : next) {
      const std::uint32_t count = counts[document];
      counts[document] = sum;
      sum += count;
    }
  }
  first_[documents] = sum;
  order_ = std::make_unique_for_overwrite<const HistoryEntry*[]>(entries_ + kBehind);
  std::fill_n(order_.get() + entries_, kBehind, nullptr);
  in_parallel(workers, [&](unsigned worker) {
    range(worker,
          [&](const HistoryEntry& entry, const HistoryEntry*) { order_[next[worker][entry.document]++] = &entry; });
  });
}

void sort_by_version(std::vector<VersionItem>& items, std::vector<VersionItem>& spare, std::vector<std::size_t>& runs) {
  const std::size_t size = items.size();
  runs.assign(1, 0);
  for (std::size_t i = 1; i < size; ++i) {
    if (items[i].key < items[i - 1].key) runs.push_back(i);
  }
  if (runs.size() == 1) return;
  runs.push_back(size);
  spare.resize(size);
  while (runs.size() > 2) {
    std::size_t kept = 0;
    for (std::size_t run = 0; run + 1 < runs.size(); run += 2) {
      const std::size_t middle = runs[run + 1];
      const std::size_t end = run + 2 < runs.size() ? runs[run + 2] : middle;
      merge(items.data() + runs[run], items.data() + middle, items.data() + middle, items.data() + end,
            spare.data() + runs[run]);
      runs[kept++] = runs[run];
    }
    runs.resize(kept);
    runs.push_back(size);
    items.swap(spare);
  }
}

}  // namespace occ
