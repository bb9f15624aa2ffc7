#include "harness/rest/search_match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace occ {
namespace {

constexpr int kMaxScoredClauses = 64;

/// What a shard says of a value that its field cannot have.
Failure bad_value(std::string_view cause_type, std::string cause_reason) {
  Failure bad = failure(400, "query_shard_exception", "failed to create query: " + cause_reason);
  bad.cause_type = cause_type;
  bad.cause_reason = std::move(cause_reason);
  return bad;
}

double number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  const std::string text = scalar_text(value);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw bad_value("number_format_exception", fmt::format("For input string: \"{}\"", text));
  }
  return number;
}

/// A whole number stays one: not every one is a double.
FieldValue exact_number(const Json& value) {
  if (value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() >> 63U != 0)) {
    return value.get<std::int64_t>();
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  return number_of(value);
}

FieldValue value_for(const SearchField& field, const Json& value) {
  switch (field.type) {
    case FieldType::whole:
      return exact_number(value);
    case FieldType::real32:
      return static_cast<double>(static_cast<float>(number_of(value)));
    case FieldType::real64:
      return number_of(value);
    case FieldType::boolean: {
      const std::string text = scalar_text(value);
      if (text == "true") return std::int64_t{1};
      if (text == "false" || text.empty()) return std::int64_t{0};
      throw bad_value("illegal_argument_exception",
                      fmt::format("Can't parse boolean value [{}], expected [true] or [false]", text));
    }
    default:
      return scalar_text(value);
  }
}

void refuse_type(std::string_view query, const SearchField& field) {
  if (field.type == FieldType::text) {
    throw unsupported(fmt::format("[{0}] on the text field [{1}], which has to be analysed (ask for [{1}.keyword]), is",
                                  query, field.path));
  }
  if (field.type == FieldType::date) {
    throw unsupported(
        fmt::format("[{}] on the field [{}], which Elasticsearch takes for dates, is", query, field.path));
  }
}

}  // namespace

int compare(const FieldValue& a, const FieldValue& b) noexcept {
  const auto order = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (const auto* text = std::get_if<std::string>(&a)) {
    const auto* other = std::get_if<std::string>(&b);
    return other ? text->compare(*other) : 1;
  }
  if (std::holds_alternative<std::string>(b)) return -1;
  if (a.index() == b.index() && std::holds_alternative<std::int64_t>(a)) {
    return order(*std::get_if<std::int64_t>(&a), *std::get_if<std::int64_t>(&b));
  }
  // Holds every number of both kinds.
  const auto wide = [](const FieldValue& value) {
    const auto* whole = std::get_if<std::int64_t>(&value);
    return whole ? static_cast<long double>(*whole) : static_cast<long double>(*std::get_if<double>(&value));
  };
  return order(wide(a), wide(b));
}

QueryMatcher::QueryMatcher(const Query& query, FieldOf field_of, bool scored)
    : root_(prepared(query, 1, field_of, scored)) {}

QueryMatcher::Node QueryMatcher::prepared(const Query& query, float boost, FieldOf field_of, bool scored) {
  Node node{.kind = query.kind, .boost = boost * query.boost};
  if (scored) {
    if (bits_ == kMaxScoredClauses) {
      throw unsupported(fmt::format("a score of more than {} clauses (put them into a filter) is", kMaxScoredClauses));
    }
    node.bit = bits_++;
  }
  switch (query.kind) {
    case Query::Kind::ids:
      for (const Json& id : query.values) node.ids.push_back(id.get<std::string>());
      std::ranges::sort(node.ids);
      break;
    case Query::Kind::term:
    case Query::Kind::terms:
    case Query::Kind::range:
      prepare_field(query, field_of, scored, node);
      break;
    default:
      break;
  }
  const auto children = [&](const std::vector<Query>& from, std::vector<Node>& into, bool count) {
    for (const Query& each : from) into.push_back(prepared(each, node.boost, field_of, scored && count));
  };
  children(query.must, node.must, true);
  children(query.filter, node.filter, false);
  children(query.should, node.should, true);
  children(query.must_not, node.must_not, false);
  const auto should = static_cast<std::int32_t>(query.should.size());
  node.minimum = query.minimum_should_match == Query::kDefaultMinimum
                     ? (should > 0 && query.must.empty() && query.filter.empty() ? 1 : 0)
                 : query.minimum_should_match < 0 ? std::max(0, should + query.minimum_should_match)
                                                  : query.minimum_should_match;
  return node;
}

void QueryMatcher::prepare_field(const Query& query, FieldOf field_of, bool scored, Node& into) {
  const bool is_range = query.kind == Query::Kind::range;
  const std::string_view name = is_range ? "range" : query.kind == Query::Kind::term ? "term" : "terms";
  if (query.field == "_id" && !is_range) {
    into.kind = Query::Kind::ids;
    for (const Json& id : query.values) into.ids.push_back(scalar_text(id));
    std::ranges::sort(into.ids);
    return;
  }
  if (query.field.starts_with('_')) throw unsupported(fmt::format("[{}] on the field [{}] is", name, query.field));
  into.field = field_of(query.field);
  refuse_type(name, into.field);
  if (into.field.type == FieldType::none) {
    into.kind = Query::Kind::match_none;
    return;
  }
  needs_source_ = true;
  for (const Json& value : query.values) into.values.push_back(value_for(into.field, value));
  std::ranges::sort(into.values, [](const auto& a, const auto& b) { return compare(a, b) < 0; });
  if (!query.from.is_null()) into.from = {value_for(into.field, query.from)};
  if (!query.to.is_null()) into.to = {value_for(into.field, query.to)};
  into.include_from = query.include_from;
  into.include_to = query.include_to;
  // Numbers are found as points, which have no frequency.
  into.by_frequency = scored && query.kind == Query::Kind::term &&
                      (into.field.type == FieldType::keyword || into.field.type == FieldType::boolean);
}

bool QueryMatcher::matches(const ViewDocument& document, const Json& source, Clauses& clauses) {
  clauses = 0;
  return matches(root_, document, source, clauses);
}

bool QueryMatcher::matches(Node& node, const ViewDocument& document, const Json& source, Clauses& clauses) {
  const auto found = [&] {
    switch (node.kind) {
      case Query::Kind::match_all:
        return true;
      case Query::Kind::match_none:
        return false;
      case Query::Kind::ids:
        return std::ranges::binary_search(node.ids, document.id);
      case Query::Kind::constant:
        return matches(node.filter.front(), document, source, clauses);
      case Query::Kind::boolean:
        return matches_all_of(node, document, source, clauses);
      default:
        return matches_field(node, document, source);
    }
  };
  if (!found()) return false;
  if (node.bit >= 0) clauses |= Clauses{1} << static_cast<unsigned>(node.bit);
  return true;
}

bool QueryMatcher::matches_field(Node& node, const ViewDocument& document, const Json& source) const {
  bool has_field = false;
  bool has_value = false;
  const auto less = [](const FieldValue& a, const FieldValue& b) { return compare(a, b) < 0; };
  for_each_value(source, node.field, [&](const FieldValue& value) {
    has_field = true;
    if (has_value) return;
    if (node.kind != Query::Kind::range) {
      has_value = std::ranges::binary_search(node.values, value, less);
      return;
    }
    const int above = node.from.empty() ? 1 : compare(value, node.from.front());
    const int below = node.to.empty() ? -1 : compare(value, node.to.front());
    has_value = (above > 0 || (above == 0 && node.include_from)) && (below < 0 || (below == 0 && node.include_to));
  });
  if (node.by_frequency && has_field) {
    if (node.by_shard.size() <= document.shard) node.by_shard.resize(document.shard + std::size_t{1});
    ++node.by_shard[document.shard].with_field;
    if (has_value) ++node.by_shard[document.shard].with_value;
  }
  return has_value;
}

/// Every clause that counts for the score is looked at, since the frequencies of its value are counted there.
bool QueryMatcher::matches_all_of(Node& node, const ViewDocument& document, const Json& source, Clauses& clauses) {
  bool fits = true;
  for (Node& each : node.must) fits = matches(each, document, source, clauses) && fits;
  std::int32_t should = 0;
  for (Node& each : node.should) should += matches(each, document, source, clauses) ? 1 : 0;
  if (!fits || should < node.minimum) return false;
  const auto does = [&](Node& each) { return matches(each, document, source, clauses); };
  return std::ranges::all_of(node.filter, does) && std::ranges::none_of(node.must_not, does);
}

float QueryMatcher::score(Clauses clauses, std::uint32_t shard) const {
  return static_cast<float>(score(root_, clauses, shard));
}

double QueryMatcher::score(const Node& node, Clauses clauses, std::uint32_t shard) const {
  if (node.bit < 0 || (clauses >> static_cast<unsigned>(node.bit) & 1U) == 0) return 0;
  if (node.kind == Query::Kind::boolean) {
    if (node.must.empty() && node.filter.empty() && node.should.empty() && node.must_not.empty()) return node.boost;
    double sum = 0;
    for (const Node& each : node.must) sum += score(each, clauses, shard);
    for (const Node& each : node.should) sum += score(each, clauses, shard);
    return sum;
  }
  if (!node.by_frequency) return node.boost;
  // Lucene's LegacyBM25Similarity, step by step as there: k1 is 1.2, and a keyword has neither norms nor a frequency
  // within its document.
  constexpr float kK1 = 1.2F;
  const Frequency& in_shard = node.by_shard[shard];
  const auto rarity =
      static_cast<float>(std::log(1 + (in_shard.with_field - in_shard.with_value + 0.5) / (in_shard.with_value + 0.5)));
  const float weight = node.boost * (1 + kK1) * rarity;
  return weight - weight / (1 + 1 / kK1);
}

}  // namespace occ
