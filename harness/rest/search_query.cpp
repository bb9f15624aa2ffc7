#include "harness/rest/search_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "harness/rest/rest_parameters.hpp"
#include "harness/support/write_parameters.hpp"

namespace occ {
namespace {

/// Elasticsearch's indices.query.bool.max_clause_count, here of a whole query.
constexpr std::size_t kMaxClauses = 1'024;

constexpr std::string_view kElsewhere[] = {"boosting",
                                           "combined_fields",
                                           "common",
                                           "dis_max",
                                           "distance_feature",
                                           "exists",
                                           "field_masking_span",
                                           "function_score",
                                           "fuzzy",
                                           "geo_bounding_box",
                                           "geo_distance",
                                           "geo_polygon",
                                           "geo_shape",
                                           "has_child",
                                           "has_parent",
                                           "intervals",
                                           "match",
                                           "match_bool_prefix",
                                           "match_phrase",
                                           "match_phrase_prefix",
                                           "more_like_this",
                                           "multi_match",
                                           "nested",
                                           "parent_id",
                                           "percolate",
                                           "pinned",
                                           "prefix",
                                           "query_string",
                                           "rank_feature",
                                           "regexp",
                                           "script",
                                           "script_score",
                                           "shape",
                                           "simple_query_string",
                                           "span_containing",
                                           "span_first",
                                           "span_gap",
                                           "span_multi",
                                           "span_near",
                                           "span_not",
                                           "span_or",
                                           "span_term",
                                           "span_within",
                                           "terms_set",
                                           "type",
                                           "wildcard",
                                           "wrapper"};

constexpr std::string_view kHere[] = {"bool",       "constant_score", "ids",  "match_all",
                                      "match_none", "range",          "term", "terms"};

std::vector<std::string_view> known() {
  std::vector<std::string_view> names(std::begin(kHere), std::end(kHere));
  names.insert(names.end(), std::begin(kElsewhere), std::end(kElsewhere));
  return names;
}

class Parser {
 public:
  explicit Parser(const BodyText& body) : body_(body) {}

  Query query(const Json& value) {
    if (!value.is_object()) throw parsing(value, "[_na] query malformed, must start with start_object");
    if (value.empty()) {
      throw illegal_argument(
          fmt::format("query malformed, empty clause found at {}", body_.place(value, BodyText::At::end).text()));
    }
    if (++clauses_ > kMaxClauses) throw illegal_argument(fmt::format("a query has more than {} clauses", kMaxClauses));
    const auto first = value.begin();
    const std::string& name = first.key();
    const Json& inner = first.value();
    if (!inner.is_object()) {
      throw parsing(inner, fmt::format("[{}] query malformed, no start_object after query name", name));
    }
    Query made = named(name, inner);
    if (value.size() > 1) {
      throw parsing(std::next(first).value(),
                    fmt::format("[{}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]", name),
                    BodyText::At::key);
    }
    return made;
  }

 private:
  Query named(const std::string& name, const Json& inner) {
    if (name == "match_all") return match(name, inner, Query::Kind::match_all);
    if (name == "match_none") return match(name, inner, Query::Kind::match_none);
    if (name == "ids") return ids(inner);
    if (name == "term") return term(inner);
    if (name == "terms") return terms(inner);
    if (name == "range") return range(inner);
    if (name == "constant_score") return constant(inner);
    if (name == "bool") return boolean(inner);
    if (std::ranges::find(kElsewhere, name) != std::end(kElsewhere))
      throw unsupported(fmt::format("the query [{}] is", name));
    Failure unknown = parsing(inner, fmt::format("unknown query [{}]{}", name, likely_fields(name, known())));
    unknown.cause_type = "named_object_not_found_exception";
    unknown.cause_reason = fmt::format("{} unknown field [{}]", body_.place(inner).text(), name);
    throw unknown;
  }

  /// What was at fault is kept for the bool around it, which tells the same place.
  Failure parsing(const Json& value, std::string reason, BodyText::At at = BodyText::At::value) {
    at_fault_ = &value;
    where_ = at;
    return body_.parsing(value, std::move(reason), at);
  }
  Failure content(const Json& value, std::string_view reason, BodyText::At at = BodyText::At::value) {
    at_fault_ = &value;
    where_ = at;
    return body_.content(value, reason, at);
  }

  /// `boost` and `_name`, which every query takes. False for another key.
  bool take_common(const std::string& key, const Json& value, Query& into) {
    if (key == "boost") {
      into.boost = real(value);
      if (into.boost < 0) throw illegal_argument("negative [boost] are not allowed in [" + scalar_text(value) + "]");
      return true;
    }
    if (key == "_name") throw unsupported("[_name] of a query is");
    return false;
  }
  [[nodiscard]] float real(const Json& value) {
    if (value.is_number()) return value.get<float>();
    if (value.is_string()) {
      try {
        return std::stof(value.get_ref<const std::string&>());
      } catch (const std::exception&) {
        throw failure(400, "number_format_exception", fmt::format("For input string: \"{}\"", scalar_text(value)));
      }
    }
    throw parsing(value, fmt::format("[boost] cannot be a {}", token_name(value)));
  }
  /// What the object parsers of `ids` and `match_all` say of a key that they do not know.
  [[nodiscard]] Failure unknown_field(std::string_view query, const std::string& key, const Json& value) {
    const std::string reason =
        fmt::format("{} [{}] unknown field [{}]", body_.place(value, BodyText::At::key).text(), query, key);
    Failure unknown = parsing(value, reason);
    unknown.cause_type = "x_content_parse_exception";
    unknown.cause_reason = reason;
    return unknown;
  }
  [[nodiscard]] Failure not_taken(std::string_view query, const std::string& key, const Json& value) {
    return parsing(value, fmt::format("[{}] query does not support [{}]", query, key));
  }

  Query match(const std::string& name, const Json& inner, Query::Kind kind) {
    Query made{.kind = kind};
    for (const auto& [key, value] : inner.items()) {
      if (!take_common(key, value, made)) throw unknown_field(name, key, value);
    }
    return made;
  }

  Query ids(const Json& inner) {
    Query made{.kind = Query::Kind::ids};
    for (const auto& [key, value] : inner.items()) {
      if (key == "values") {
        for (const Json& each : value.is_array() ? value : Json::array({value})) {
          if (each.is_structured() || each.is_null()) {
            throw parsing(value, fmt::format("{} [ids] failed to parse field [values]", body_.place(value).text()));
          }
          made.values.emplace_back(scalar_text(each));
        }
      } else if (key == "type") {
        throw unsupported("[type] of the query [ids] is");
      } else if (!take_common(key, value, made)) {
        throw unknown_field("ids", key, value);
      }
    }
    return made;
  }

  /// The one field that a query names, and what it says of it.
  template <class Take>
  void one_field(std::string_view query, const Json& inner, Query& into, Take take) {
    for (const auto& [key, value] : inner.items()) {
      if (!value.is_structured() && take_common(key, value, into)) continue;
      if (!into.field.empty()) {
        throw parsing(value, fmt::format("[{}] query doesn't support multiple fields, found [{}] and [{}]", query,
                                         into.field, key));
      }
      take(key, value);
      into.field = key;
    }
    if (into.field.empty()) throw illegal_argument("field name is null or empty");
  }

  Query term(const Json& inner) {
    Query made{.kind = Query::Kind::term};
    one_field("term", inner, made, [&](const std::string& field, const Json& value) {
      if (value.is_array()) throw parsing(value, "[term] query does not support array of values");
      if (value.is_null()) throw illegal_argument("field name is null or empty");
      if (!value.is_object()) {
        made.values.push_back(value);
        return;
      }
      for (const auto& [key, part] : value.items()) {
        if (key == "value" || key == "term") {
          if (!part.is_null()) made.values = {part};
        } else if (key == "case_insensitive") {
          throw unsupported("[case_insensitive] of the query [term] is");
        } else if (!take_common(key, part, made)) {
          throw not_taken("term", key, part);
        }
      }
      (void)field;
    });
    if (made.values.empty()) throw illegal_argument("value cannot be null");
    return made;
  }

  Query terms(const Json& inner) {
    Query made{.kind = Query::Kind::terms};
    for (const auto& [key, value] : inner.items()) {
      if (take_common(key, value, made)) continue;
      if (value.is_object()) throw unsupported("a lookup of the query [terms] is");
      if (!value.is_array()) throw not_taken("terms", key, value);
      if (!made.field.empty()) throw parsing(value, "[terms] query does not support multiple fields");
      made.field = key;
      for (const Json& each : value) {
        if (each.is_null()) throw illegal_argument("No value specified for terms query");
        if (each.is_structured()) throw not_taken("terms", key, value);
        made.values.push_back(each);
      }
    }
    if (made.field.empty()) {
      throw parsing(
          inner, "[terms] query requires a field name, followed by array of terms or a document lookup specification",
          BodyText::At::end);
    }
    return made;
  }

  Query range(const Json& inner) {
    Query made{.kind = Query::Kind::range};
    one_field("range", inner, made, [&](const std::string& field, const Json& value) {
      if (!value.is_object()) throw not_taken("range", field, value);
      for (const auto& [key, part] : value.items()) take_bound(key, part, made);
    });
    return made;
  }
  void take_bound(const std::string& key, const Json& part, Query& into) {
    if (key == "gt" || key == "gte" || key == "from") {
      into.from = part;
      if (key != "from") into.include_from = key == "gte";
    } else if (key == "lt" || key == "lte" || key == "to") {
      into.to = part;
      if (key != "to") into.include_to = key == "lte";
    } else if (key == "include_lower" || key == "include_upper") {
      (key == "include_lower" ? into.include_from : into.include_to) = parse_boolean(scalar_text(part));
    } else if (key == "format" || key == "time_zone" || key == "relation") {
      throw unsupported(fmt::format("[{}] of the query [range] is", key));
    } else if (!take_common(key, part, into)) {
      throw not_taken("range", key, part);
    }
  }

  Query constant(const Json& inner) {
    Query made{.kind = Query::Kind::constant};
    for (const auto& [key, value] : inner.items()) {
      if (key == "filter") {
        if (value.is_array()) throw parsing(value, "unexpected token [START_ARRAY]");
        made.filter.push_back(query(value));
      } else if (!take_common(key, value, made)) {
        throw parsing(value, fmt::format("[constant_score] query does not support [{}]", key));
      }
    }
    if (made.filter.empty()) {
      throw parsing(inner, "[constant_score] requires a 'filter' element", BodyText::At::end);
    }
    return made;
  }

  Query boolean(const Json& inner) {
    Query made{.kind = Query::Kind::boolean};
    for (const auto& [key, value] : inner.items()) {
      std::vector<Query>* const clauses = key == "must"                           ? &made.must
                                          : key == "filter"                       ? &made.filter
                                          : key == "should"                       ? &made.should
                                          : key == "must_not" || key == "mustNot" ? &made.must_not
                                                                                  : nullptr;
      if (clauses) {
        if (!value.is_structured()) {
          throw content(value, fmt::format("[bool] {} doesn't support values of type: {}", key, token_name(value)));
        }
        for (const Json* each : elements(value)) clauses->push_back(clause(key, *each));
      } else if (key == "minimum_should_match") {
        made.minimum_should_match = minimum(value);
      } else if (key == "adjust_pure_negative") {
        (void)parse_boolean(scalar_text(value));
      } else if (!take_common(key, value, made)) {
        throw content(value, fmt::format("[bool] unknown field [{}]", key), BodyText::At::key);
      }
    }
    return made;
  }
  static std::vector<const Json*> elements(const Json& value) {
    if (!value.is_array()) return {&value};
    std::vector<const Json*> all;
    for (const Json& each : value) all.push_back(&each);
    return all;
  }
  /// A fault in a clause is told as one of the bool around it too.
  Query clause(const std::string& key, const Json& value) {
    try {
      return query(value);
    } catch (const Failure& inner) {
      if (inner.status != 400) throw;
      Failure outer =
          body_.content(at_fault_ ? *at_fault_ : value, fmt::format("[bool] failed to parse field [{}]", key),
                        at_fault_ ? where_ : BodyText::At::value);
      std::string root;
      append_error(root, inner);
      if (inner.root.empty()) {
        Failure bare = inner;
        bare.cause_type = {};
        append_error(outer.root, bare);
      } else {
        outer.root = inner.root;
      }
      outer.cause_type = inner.type;
      outer.cause_reason = inner.reason;
      outer.cause_details = inner.details;
      if (!inner.cause_type.empty()) {
        const Json told = parse_checked(root);
        outer.cause_details.append(outer.cause_details.empty() ? "" : ",")
            .append(R"("caused_by":)")
            .append(to_text(told["caused_by"]));
      }
      throw outer;
    }
  }
  static std::int32_t minimum(const Json& value) {
    try {
      return parse_json_int("minimum_should_match", value);
    } catch (const IllegalArgument&) {
      throw unsupported(fmt::format("[minimum_should_match] of [{}] is", scalar_text(value)));
    }
  }

  const BodyText& body_;
  const Json* at_fault_ = nullptr;
  BodyText::At where_ = BodyText::At::value;
  std::size_t clauses_ = 0;
};

}  // namespace

Query parse_query(const Json& value, const BodyText& body) {
  return Parser(body).query(value);
}

}  // namespace occ
