#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/build/function_ref.hpp"
#include "harness/rest/search_query.hpp"
#include "harness/rest/search_view.hpp"

namespace occ {

/// Less than 0, 0 or more, as a text, or as a number of either kind.
[[nodiscard]] int compare(const FieldValue& a, const FieldValue& b) noexcept;

/// Looks a field up by its name.
using FieldOf = FunctionRef<SearchField(std::string_view name)>;

/// A query on the documents of one index, whose fields are known. Used by one thread: first matches() of every
/// document, then score().
class QueryMatcher {
 public:
  /// `scored`: score() will be asked for. Throws Failure: as a shard of Elasticsearch fails, for a value that is none
  /// of the field's; 501 for fields that have to be analysed.
  QueryMatcher(const Query& query, FieldOf field_of, bool scored);

  /// True if matches() looks into documents.
  [[nodiscard]] bool needs_source() const noexcept { return needs_source_; }
  /// What matched, for score().
  using Clauses = std::uint64_t;
  /// `source` may be anything unless needs_source().
  [[nodiscard]] bool matches(const ViewDocument& document, const Json& source, Clauses& clauses);
  /// Of a document that matched: as Elasticsearch's BM25 without norms has it, where nothing was deleted.
  [[nodiscard]] float score(Clauses clauses, std::uint32_t shard) const;

 private:
  /// How often a value is in a shard.
  struct Frequency {
    std::uint32_t with_field = 0;
    std::uint32_t with_value = 0;
  };
  struct Node {
    Query::Kind kind = Query::Kind::match_all;
    float boost = 1;
    SearchField field;
    std::vector<FieldValue> values;  ///< sorted
    std::vector<std::string> ids;    ///< sorted
    std::vector<FieldValue> from;    ///< one or none
    std::vector<FieldValue> to;
    bool include_from = true;
    bool include_to = true;
    bool by_frequency = false;  ///< scored by how rare the value is
    std::vector<Node> must;
    std::vector<Node> filter;
    std::vector<Node> should;
    std::vector<Node> must_not;
    std::int32_t minimum = 0;
    int bit = -1;  ///< of Clauses, where it may count for the score
    std::vector<Frequency> by_shard;
  };

  Node prepared(const Query& query, float boost, FieldOf field_of, bool scored);
  void prepare_field(const Query& query, FieldOf field_of, bool scored, Node& into);
  [[nodiscard]] bool matches(Node& node, const ViewDocument& document, const Json& source, Clauses& clauses);
  [[nodiscard]] bool matches_field(Node& node, const ViewDocument& document, const Json& source) const;
  [[nodiscard]] bool matches_all_of(Node& node, const ViewDocument& document, const Json& source, Clauses& clauses);
  [[nodiscard]] double score(const Node& node, Clauses clauses, std::uint32_t shard) const;

  int bits_ = 0;
  bool needs_source_ = false;
  Node root_;
};

}  // namespace occ
