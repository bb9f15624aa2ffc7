#include "harness/measure/fill.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "fmt/format.h"
#include "harness/remote/remote_server.hpp"

namespace occ {
namespace {

/// Creates the share's documents.
template <class Handle>
OperationCounts fill_share(Handle& handle, const Documents& documents, Share share) {
  OperationCounts counts;
  DocId id;
  Source source;
  for (std::uint32_t index = share.first; index < share.end; ++index) {
    documents.write_initial(index, source);
    if constexpr (requires { handle.aim(index); }) handle.aim(index);
    const Outcome outcome = handle.create(documents.id(index, id), source.bytes());
    if (outcome.result != Result::created) {
      throw std::runtime_error(fmt::format("filling the table: document {} was not created", index));
    }
    counts.count_created(outcome.version);
    ++counts.applied;
    ++counts.writes;
  }
  return counts;
}

/// Creates the share's documents, `batch` of them by one call of `bulk`. Ends early if it is interrupted.
OperationCounts fill_share_in_batches(AnyHandle& handle, RecordingHandle<AnyHandle>* recording,
                                      const Documents& documents, Share share, std::size_t batch,
                                      const std::atomic<bool>& interrupted, FunctionRef<void(std::size_t)> created) {
  OperationCounts counts;
  std::vector<DocId> ids(batch);
  std::vector<Source> sources(batch);
  std::vector<BulkItem> items;
  std::vector<std::uint32_t> indices;
  for (std::uint32_t first = share.first; first < share.end && !interrupted.load(std::memory_order_relaxed);
       first += static_cast<std::uint32_t>(items.size())) {
    items.clear();
    indices.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(batch, share.end - first); ++i) {
      const std::uint32_t index = first + static_cast<std::uint32_t>(i);
      documents.write_initial(index, sources[i]);
      indices.push_back(index);
      items.push_back({.kind = BulkItem::Kind::index,
                       .id = documents.id(index, ids[i]),
                       .source = sources[i].bytes(),
                       .precondition = Precondition::must_not_exist()});
    }
    try {
      recording != nullptr ? recording->bulk(indices, items) : handle.bulk(items);
    } catch (const UnknownOutcome& unknown) {
      throw ServerGone(
          fmt::format("--url: whether documents were created before the window is not known: {}", unknown.what()));
    }
    if (std::ranges::any_of(items, [](const BulkItem& item) { return item.outcome.result != Result::created; })) {
      throw std::runtime_error(fmt::format("filling the table: not all documents from {} on were created", first));
    }
    for (const BulkItem& item : items) counts.count_created(item.outcome.version);
    counts.applied += items.size();
    counts.writes += items.size();
    created(items.size());
  }
  return counts;
}

}  // namespace

std::vector<Share> shares(std::uint32_t filled) {
  const auto fillers = static_cast<std::uint32_t>(std::min<std::size_t>(processors().size(), (filled + 4095) / 4096));
  const auto border = [&](std::uint64_t filler) { return static_cast<std::uint32_t>(filled * filler / fillers); };
  std::vector<Share> all;
  for (std::uint32_t filler = 0; filler < fillers; ++filler) all.push_back({border(filler), border(filler + 1)});
  return all;
}

void fill(const TableType& type, AnyTable& table, const Documents& documents, const std::vector<Share>& fillers,
          Recorder* recorder, Claims& claims, FirstError& error, const std::atomic<bool>& interrupted) {
  std::mutex mutex;
  std::uint64_t there = 0;
  const std::uint64_t wanted = fillers.empty() ? 0 : fillers.back().end;
  const auto created = [&](std::size_t count) {
    const std::lock_guard lock(mutex);
    there += count;
    if (type.on_fill) type.on_fill(there, wanted);
  };
  std::vector<std::jthread> threads;
  for (std::size_t filler = 0; filler < fillers.size(); ++filler) {
    threads.emplace_back([&, filler] {
      error.guard([&] {
        const auto handle = table.handle();
        OperationCounts counts;
        std::optional<RecordingHandle<AnyHandle>> recording;
        if (recorder != nullptr) {
          const RecordInto record = recorder->filler(filler);
          recording.emplace(*handle, record.buffer, record.documents, publishes_with_store(table.info()));
        }
        if (type.fill_batch > 1) {
          counts = fill_share_in_batches(*handle, recording ? &*recording : nullptr, documents, fillers[filler],
                                         type.fill_batch, interrupted, created);
        } else if (recording) {
          counts = fill_share(*recording, documents, fillers[filler]);
        } else {
          counts = fill_share(*handle, documents, fillers[filler]);
        }
        const std::lock_guard lock(mutex);
        claims.counts += counts;
        claims.counters.merge(handle->counters());
      });
    });
  }
}

}  // namespace occ
