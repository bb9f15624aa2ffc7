#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/rest/rest_call.hpp"
#include "harness/rest/search_query.hpp"
#include "harness/rest/search_sort.hpp"
#include "harness/support/source_choice.hpp"

namespace occ {

/// What a search asks for, read from a body and a URL, which wins.
struct SearchRequest {
  Query query;
  std::optional<std::int32_t> from;
  std::optional<std::int32_t> size;
  std::vector<SortKey> sort;
  std::optional<std::vector<Json>> search_after;
  std::optional<SourceChoice> source;
  bool version = false;
  bool seq_no_primary_term = false;
  bool track_scores = false;
  bool total_as_number = false;            ///< rest_total_hits_as_int, and always under 6
  std::int32_t track_total_hits = 10'000;  ///< counted up to there; kUntracked, kExactly
  std::optional<float> min_score;
  std::int32_t terminate_after = 0;  ///< documents of a shard; 0: all
  std::optional<std::int64_t> scroll_ms;
  std::string scroll;  ///< the same, as it was given

  static constexpr std::int32_t kUntracked = -1;
  static constexpr std::int32_t kExactly = 0x7fff'ffff;
  static constexpr std::int32_t kDefaultSize = 10;

  [[nodiscard]] std::size_t first() const { return static_cast<std::size_t>(from.value_or(0)); }
  [[nodiscard]] std::size_t most() const { return static_cast<std::size_t>(size.value_or(kDefaultSize)); }
  /// True if documents come by their score.
  [[nodiscard]] bool by_score() const {
    return sort.empty() || (sort.size() == 1 && sort[0].kind == SortKey::Kind::score && sort[0].descending);
  }
  [[nodiscard]] bool shows_scores() const;
};

/// Throws Failure where a scroll would live too long.
void check_keep_alive(std::string_view given, std::int64_t ms);

/// Takes the members of a body, or of a part of one, but for those that `take` says it has taken. Throws Failure.
void read_search_body(const Json& object, const BodyText& body, SearchRequest& into,
                      FunctionRef<bool(const std::string& key, const Json& value)> take);
/// Takes what the URL says, all of it. Throws Failure and IllegalArgument.
void read_search_parameters(Parameters& parameters, SearchRequest& into);
/// A parameter that is an int; Elasticsearch's words where it is none.
[[nodiscard]] std::optional<std::int32_t> int_parameter(Parameters& parameters, std::string_view name);
/// A member of a body that is an int, or a text with one.
[[nodiscard]] std::int32_t int_member(const Json& value);

}  // namespace occ
