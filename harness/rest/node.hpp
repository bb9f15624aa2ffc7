#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/build/function_ref.hpp"
#include "core/model/clock.hpp"
#include "core/model/compatibility.hpp"
#include "core/sync/atomic.hpp"
#include "core/table/any_table.hpp"
#include "harness/rest/index_aliases.hpp"
#include "harness/rest/index_mapping.hpp"
#include "harness/rest/index_settings.hpp"
#include "harness/rest/rest_scroll.hpp"
#include "harness/rest/search_view.hpp"
#include "harness/rest/stored_scripts.hpp"
#include "harness/rest/write_counts.hpp"
#include "harness/rest/write_log.hpp"
#include "harness/script/script_cache.hpp"

namespace occ {

struct NodeOptions {
  /// Makes the table of a new index.
  std::function<std::unique_ptr<AnyTable>(const TableOptions&)> make_table;
  Compatibility compatibility = Compatibility::v7;
  /// For indices that do not say otherwise.
  std::uint32_t shards = 1;
  std::int64_t gc_deletes_ms = 60'000;
  const Clock* clock = &SteadyClock::instance();
  /// The same clock, where `POST /_occkit/advance_clock?ms=N` may move it.
  ManualClock* manual_clock = nullptr;
  /// What scrolls alone may keep alive, all together (Scrolls).
  std::size_t scroll_bytes = Scrolls::kMaxBytes;
};

struct IndexSettings {
  std::uint32_t shards;
  std::int64_t gc_deletes_ms;
  std::int64_t replicas = 0;
  /// What `number_of_routing_shards` says; 0: nothing.
  std::uint32_t routing_shards = 0;
  Mapping mapping;
  std::map<std::string, Alias, std::less<>> aliases;
  SettingTexts kept;  ///< those that are shown and mean nothing
};

/// One index: a table and its name.
struct Index {
  std::string name;
  std::string uuid;
  std::unique_ptr<AnyTable> table;
  /// Copies that a write should reach: 1 + number_of_replicas. The kit keeps one.
  atomic<std::int64_t> copies{1};
  /// As the settings say; the table was told.
  atomic<std::int64_t> gc_deletes_ms{0};
  IndexMapping mapping;
  WriteCountsByThread counts;
  std::int64_t created_at_ms = 0;  ///< since 1970
  /// What searches need: the ids that were created, and the views.
  WriteLogs logs;
  SearchViews views;

  [[nodiscard]] SettingTexts kept_settings() const;
  /// An empty text takes a setting back; what is there already is left as it is if it is to be preserved.
  void keep_settings(const SettingTexts& settings, bool preserve);

 private:
  mutable std::mutex mutex_;
  SettingTexts kept_;
};

/// The indices of one process. Thread-safe; must outlive its Handles.
///
/// The indices are a map that never changes: creating and deleting one puts another map in its place and then raises
/// the generation. A reader keeps the map that it has for as long as the generation is the one that it knows.
class Node {
 public:
  using Indices = std::map<std::string, std::shared_ptr<Index>, std::less<>>;
  /// More are refused: each takes memory before it has a document.
  static constexpr std::size_t kMaxIndices = 1'000;

  explicit Node(NodeOptions options);

  [[nodiscard]] const NodeOptions& options() const noexcept { return options_; }
  [[nodiscard]] IndexSettings default_settings() const noexcept {
    return {.shards = options_.shards, .gc_deletes_ms = options_.gc_deletes_ms};
  }

  [[nodiscard]] std::uint64_t generation() const noexcept {
    return generation_.load(std::memory_order_acquire);  // acquire: pairs with publish()'s release
  }
  /// As of the generation that was read before the call, or later.
  [[nodiscard]] std::shared_ptr<const Indices> indices() const;

  /// As indices().
  [[nodiscard]] std::shared_ptr<const Aliases> aliases() const;
  /// Changes aliases, and takes indices away, at once. `change` may throw, and nothing is changed then.
  void change_aliases(FunctionRef<void(Indices&, Aliases&)> change);

  /// The new index and true; the one that is there and false; or null and false if there are kMaxIndices, or the name is
  /// an alias.
  std::pair<std::shared_ptr<Index>, bool> create(std::string_view name, const IndexSettings& settings);
  /// False if there is none. Its table lives until the last Handles lets go of it.
  bool remove(std::string_view name);
  /// 20 characters, never the same twice in one node.
  [[nodiscard]] std::string make_id();
  [[nodiscard]] ScriptCache& scripts() noexcept { return scripts_; }
  [[nodiscard]] StoredScripts& stored_scripts() noexcept { return stored_scripts_; }
  [[nodiscard]] Scrolls& scrolls() noexcept { return scrolls_; }
  /// Milliseconds since 1970, for scripts; of the clock that may be moved, where there is one.
  [[nodiscard]] std::int64_t wall_clock_ms() const;

 private:
  void publish(std::shared_ptr<const Indices> indices, std::shared_ptr<const Aliases> aliases);  // under mutex_
  [[nodiscard]] std::unique_ptr<AnyTable> make_table(const IndexSettings& settings) const;

  NodeOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Indices> indices_ = std::make_shared<Indices>();
  std::shared_ptr<const Aliases> aliases_ = std::make_shared<Aliases>();
  std::uint64_t indices_made_ = 0;
  ScriptCache scripts_;
  StoredScripts stored_scripts_;
  Scrolls scrolls_{options_.scroll_bytes};
  atomic<std::uint64_t> generation_{0};
  alignas(kFalseSharingRange) atomic<std::uint64_t> ids_made_{0};
};

/// One thread's handles, by index. Used by one thread.
class Handles {
 public:
  struct Held {
    std::shared_ptr<Index> index;  // declared first: the handle goes before its table
    std::unique_ptr<AnyHandle> handle;
    Document document;  ///< for reads
    WriteCountsByThread::Lent counts;
    WriteLogs::Lent log;

    /// After a write that took effect, before it is answered: whoever looks at all documents must hear of it.
    void note(std::string_view key, bool created, bool deleted);
    [[nodiscard]] SearchViews::Source view_source() { return {*index->table, *handle, document, index->logs}; }
  };

  explicit Handles(Node& node);

  /// Null if there is no index of that name. The pointer is good until the next call of a member. Shares nothing with
  /// other threads but the reading of one word, unless an index was created or deleted since the last call.
  [[nodiscard]] Held* find(std::string_view name);
  /// Null if there is no alias of that name; good until the next call of a member.
  [[nodiscard]] const AliasTargets* find_alias(std::string_view name);
  /// Lets go of indices that were deleted.
  void renew();
  /// SearchViews::refresh and finish_refresh of an index, if there is one of that name.
  void refresh(std::string_view name);
  void finish_refresh(std::string_view name);

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>()(name); }
  };

  Node& node_;
  std::uint64_t generation_ = 0;
  std::shared_ptr<const Node::Indices> indices_;
  std::shared_ptr<const Aliases> aliases_;
  std::unordered_map<std::string, Held, NameHash, std::equal_to<>> held_;
};

}  // namespace occ
