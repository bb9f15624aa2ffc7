#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/model/document.hpp"
#include "core/sync/atomic.hpp"
#include "core/table/any_table.hpp"
#include "harness/rest/search_fields.hpp"
#include "harness/rest/write_log.hpp"

namespace occ {

/// A document as a view has it.
struct ViewDocument {
  std::string id;
  std::uint32_t shard = 0;
  Version version = kVersionNotFound;
  SeqNoTerm word;
  /// As the table keeps it (stored_document.hpp); `source` and `routing` are parts of it.
  std::string kept;
  std::string_view source;
  std::string_view routing;  ///< empty: none
};

/// All documents of an index as of one refresh: a set that never changes and may be shared. It holds every write that
/// was answered before the refresh; of writes that ran meanwhile, some.
class SearchView {
 public:
  /// By shard, and within a shard in the order of their numbers: the order in which Elasticsearch finds them.
  [[nodiscard]] const std::vector<const ViewDocument*>& documents() const noexcept { return documents_; }
  /// Null if there is none.
  [[nodiscard]] const ViewDocument* find(std::uint32_t shard, std::string_view id) const;
  /// Of memory, about.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// What dynamic mapping would make of the documents' fields. Found when it is first asked for.
  [[nodiscard]] const FieldTypes& field_types() const;

 private:
  friend class SearchViews;

  using ById = std::unordered_map<std::string_view, std::shared_ptr<const ViewDocument>>;

  std::vector<ById> by_shard_;
  std::vector<const ViewDocument*> documents_;
  std::size_t bytes_ = 0;
  std::uint64_t writes_ = 0;  // that had been noted before it was made
  mutable std::once_flag types_found_;
  mutable FieldTypes types_;
};

/// The search views of one index: the newest is kept once anybody has searched, and made anew when a search comes and
/// it is older than the refresh interval, or somebody has asked for a refresh since. Thread-safe; one thread makes a view
/// while others wait for it.
class SearchViews {
 public:
  /// What a view is made from: the index's table by the calling thread's handle, and its logs.
  struct Source {
    const AnyTable& table;
    AnyHandle& handle;
    Document& buffer;
    const WriteLogs& logs;
  };

  /// The view that a search sees at `now_ms`.
  [[nodiscard]] std::shared_ptr<const SearchView> current(const Source& source, std::int64_t now_ms);
  /// All writes that were answered before are in whatever view is seen from now on. Nothing is made yet, unless only
  /// refreshes make views: then a later write must not be seen.
  void refresh(const Source& source, std::int64_t now_ms);
  /// The first half of refresh(): the view is made when a search wants it, or finish_refresh() is called.
  void want_refresh() noexcept { wanted_.store(true, std::memory_order_release); }  // release: pairs with current()'s
  void finish_refresh(const Source& source, std::int64_t now_ms) {
    if (!refreshes_by_itself()) (void)current(source, now_ms);
  }

  /// Milliseconds; 0 and less: views are made by refreshes alone.
  void set_interval(std::int64_t ms) noexcept { interval_ms_.store(ms, std::memory_order_relaxed); }  // a setting
  [[nodiscard]] bool refreshes_by_itself() const noexcept {
    return interval_ms_.load(std::memory_order_relaxed) > 0;  // relaxed: a setting, it orders nothing
  }
  /// The number of views that were made, for tests and `_stats`.
  [[nodiscard]] std::uint64_t made() const noexcept { return made_.load(std::memory_order_relaxed); }  // a count

  /// Elasticsearch's default.
  static constexpr std::int64_t kDefaultIntervalMs = 1'000;

 private:
  [[nodiscard]] std::shared_ptr<const SearchView> make(const Source& source);  // under mutex_

  std::mutex mutex_;
  std::shared_ptr<const SearchView> view_ = std::make_shared<SearchView>();
  std::int64_t made_at_ms_ = std::numeric_limits<std::int64_t>::min();
  atomic<bool> wanted_{false};
  atomic<std::int64_t> interval_ms_{kDefaultIntervalMs};
  atomic<std::uint64_t> made_{0};
};

}  // namespace occ
