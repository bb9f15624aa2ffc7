#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "core/sync/atomic.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

/// A mapping as a request gives it: `dynamic`, `_meta`, `_routing`, `properties`, as they are shown. Fields are of
/// these types: keyword, text, long, integer, short, byte, double, float, boolean, date, and objects.
struct Mapping {
  Json root = Json::object();

  [[nodiscard]] bool routing_required() const;
};

/// Throws Failure: 400 as Elasticsearch for what is no mapping, 501 by name for what the kit has not.
[[nodiscard]] Mapping read_mapping(const Json& given);

/// The mapping of an index. Thread-safe. Documents are stored as they come, whatever it says of their values; what
/// counts is `_routing.required` and `dynamic`. Fields of documents are added as Elasticsearch adds them, from when a
/// mapping was first given or asked for: an index that nobody asks for its mapping does not look at its documents.
class IndexMapping {
 public:
  [[nodiscard]] bool routing_required() const noexcept {
    return routing_required_.load(std::memory_order_relaxed);  // relaxed: a setting, it orders nothing
  }
  /// Merges it in. Throws Failure for a change that cannot be, and nothing is changed then.
  void put(const Mapping& more);
  /// Nothing was given, and nothing was seen.
  [[nodiscard]] bool is_empty() {
    const std::lock_guard lock(mutex_);
    return mapping_.root.empty();
  }
  /// As answers show it.
  [[nodiscard]] Json shown();

  /// Adds what `document` has that is not there. Throws Failure under `dynamic: strict`.
  void see(std::string_view document) {
    if (is_watched_.load(std::memory_order_relaxed)) look_at(document);  // relaxed: as above
  }

 private:
  void look_at(std::string_view document);

  atomic<bool> routing_required_{false};
  atomic<bool> is_watched_{false};
  std::mutex mutex_;
  Mapping mapping_;
};

}  // namespace occ
