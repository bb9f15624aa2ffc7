#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/rest/search_request.hpp"

namespace occ {

/// A document that a search has found.
struct Hit {
  const ViewDocument* document = nullptr;
  std::uint32_t target = 0;
  float score = 0;
  std::size_t place = 0;  ///< among all that was found, before sorting
  std::vector<SortValue> keys;
};

/// One index of a search, and the view that it is searched in.
struct SearchTarget {
  std::string name;
  std::string uuid;
  std::uint32_t shards = 0;
  std::size_t window = 0;  ///< index.max_result_window
  std::shared_ptr<const SearchView> view;
  std::vector<Sorter> sorters;
  std::optional<Failure> failed;  ///< what all its shards say
};

struct SearchResult {
  std::vector<SearchTarget> targets;
  std::vector<Hit> hits;  ///< in order, as far as they were asked for
  std::size_t total = 0;
  std::optional<float> max_score;
  std::optional<bool> terminated_early;

  /// Of memory, beside the views.
  [[nodiscard]] std::size_t bytes() const noexcept;
};

/// The view of an index that a search sees now; null where the index was deleted meanwhile.
[[nodiscard]] std::shared_ptr<const SearchView> view_of(Call& call, const Index& index);

/// Searches indices, each in its view. `most`: hits that are wanted in order, at least. Throws Failure: where every
/// index fails, and where the request cannot be answered.
[[nodiscard]] SearchResult search(Call& call, const std::vector<std::shared_ptr<Index>>& indices,
                                  const SearchRequest& request, std::size_t most);

/// `"_shards":{...}`
void append_shards(std::string& out, const SearchResult& result);
/// `"hits":{...}` with hits from `begin` to `end`. Throws Failure where that would be too long.
void append_hits(std::string& out, const Call& call, const SearchResult& result, const SearchRequest& request,
                 std::size_t begin, std::size_t end);

}  // namespace occ
