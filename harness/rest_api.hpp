#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "core/any_table.hpp"
#include "core/atomic.hpp"
#include "core/clock.hpp"
#include "core/compatibility.hpp"
#include "harness/rest_request.hpp"

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
};

/// The indices of one process: each is a table. Thread-safe; must outlive its sessions.
class Node {
 public:
  struct Index {
    std::string name;
    std::string uuid;
    /// Copies that a write should reach: 1 + number_of_replicas. The kit keeps one.
    std::int64_t copies = 1;
    std::unique_ptr<AnyTable> table;
  };
  struct IndexSettings {
    std::uint32_t shards;
    std::int64_t gc_deletes_ms;
    std::int64_t replicas = 0;
  };

  explicit Node(NodeOptions options);

  [[nodiscard]] const NodeOptions& options() const noexcept { return options_; }
  [[nodiscard]] IndexSettings default_settings() const noexcept { return {options_.shards, options_.gc_deletes_ms}; }

  /// Null if there is none.
  [[nodiscard]] std::shared_ptr<Index> find(const std::string& name) const;
  /// The new index and true, or the one that is there and false.
  std::pair<std::shared_ptr<Index>, bool> create(const std::string& name, const IndexSettings& settings);
  /// False if there is none. Sessions that use it keep it alive until they next ask for it.
  bool remove(const std::string& name);
  /// 20 characters, never the same twice in one node.
  [[nodiscard]] std::string make_id() noexcept;

 private:
  NodeOptions options_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<Index>> indices_;
  std::uint64_t indices_made_ = 0;
  atomic<std::uint64_t> ids_made_{0};
};

/// One thread's way into a node: it holds that thread's handles. Answers requests as Elasticsearch would.
///
/// Documents: GET, HEAD, PUT, POST, DELETE of /{index}/_doc/{id}; POST /{index}/_doc; PUT, POST /{index}/_create/{id};
/// POST /{index}/_update/{id}; GET, HEAD /{index}/_source/{id}; the 6.x paths /{index}/_doc/{id}/_update, /_create and
/// /_source; _bulk and _mget. Indices: PUT, HEAD, DELETE of /{index}, PUT /{index}/_settings (gc_deletes), _refresh
/// (does nothing). The kit's own: POST /_occkit/fail_over/{index}[?shard=N], POST /_occkit/advance_clock?ms=N. Anything
/// else that Elasticsearch has is answered with 501 or as an unknown path or parameter.
class Session {
 public:
  explicit Session(Node& node);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Bad requests are answered, not thrown. Throws std::bad_alloc only.
  [[nodiscard]] Response handle(const Request& request);

 private:
  class Call;
  struct Held;

  Held& held(const std::shared_ptr<Node::Index>& index);

  Node& node_;
  std::map<std::string, Held> held_;
};

}  // namespace occ
