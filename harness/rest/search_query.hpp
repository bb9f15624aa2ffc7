#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/rest/body_text.hpp"

namespace occ {

/// A query as a request states it, whatever the fields are that it names.
struct Query {
  enum class Kind : std::uint8_t { match_all, match_none, ids, term, terms, range, constant, boolean };

  Kind kind = Kind::match_all;
  float boost = 1;
  std::string field;         ///< term, terms, range
  std::vector<Json> values;  ///< term (one), terms, ids (texts)
  Json from;                 ///< range: null where it is open
  Json to;
  bool include_from = true;
  bool include_to = true;
  std::vector<Query> must;    ///< boolean
  std::vector<Query> filter;  ///< boolean; constant (one)
  std::vector<Query> should;
  std::vector<Query> must_not;
  /// Of `should`; negative: that many may be missing. kDefaultMinimum: 1 where nothing else must match, else 0.
  std::int32_t minimum_should_match = kDefaultMinimum;

  static constexpr std::int32_t kDefaultMinimum = std::int32_t{1} << 30;
};

/// Reads the value of `query`, an object. Throws Failure: 400 as Elasticsearch, with the place; 501 by name for queries
/// that Elasticsearch has and the kit has not.
[[nodiscard]] Query parse_query(const Json& value, const BodyText& body);

}  // namespace occ
