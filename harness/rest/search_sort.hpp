#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/rest/body_text.hpp"
#include "harness/rest/search_match.hpp"

namespace occ {

/// One key of `sort`, as a request states it.
struct SortKey {
  enum class Kind : std::uint8_t { score, doc, id, field };

  Kind kind = Kind::field;
  std::string field;
  bool descending = false;
  Json missing;                       ///< "_first", "_last" (and null), or a value that stands in
  std::optional<bool> of_greatest;    ///< mode: of several values the greatest or the least
  std::optional<FieldType> unmapped;  ///< for an index that has no such field
};

/// Reads `sort` of a body. Throws Failure.
[[nodiscard]] std::vector<SortKey> parse_sort(const Json& value, const BodyText& body);
/// Reads the parameter: "n:desc,_id".
[[nodiscard]] std::vector<SortKey> parse_sort(std::string_view parameter);

/// What a document is sorted by under one key; nothing where it has none (of keywords alone).
using SortValue = std::optional<FieldValue>;

/// A key for the documents of one index.
class Sorter {
 public:
  /// Throws Failure, as a shard fails.
  Sorter(const SortKey& key, FieldOf field_of);

  [[nodiscard]] bool needs_source() const noexcept { return key_.kind == SortKey::Kind::field && has_field_; }
  /// It sorts by the score, which is not known before all documents were looked at.
  [[nodiscard]] bool is_score() const noexcept { return key_.kind == SortKey::Kind::score; }
  /// But for the score. `place`: of the document among all.
  [[nodiscard]] SortValue value(const ViewDocument& document, const Json& source, std::size_t place) const;
  /// A value of `search_after`. Throws Failure, as a shard fails.
  [[nodiscard]] SortValue parse(const Json& value) const;
  /// As an answer carries it.
  void append(std::string& out, const SortValue& value) const;
  /// Less than 0 where `a` comes first.
  [[nodiscard]] int order(const SortValue& a, const SortValue& b) const noexcept;

 private:
  [[nodiscard]] bool missing_is_first() const;
  [[nodiscard]] SortValue stand_in() const;

  SortKey key_;
  SearchField field_;
  bool has_field_ = false;
  SortValue missing_;
};

}  // namespace occ
