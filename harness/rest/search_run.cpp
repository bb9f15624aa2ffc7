#include "harness/rest/search_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace occ {
namespace {

/// The kit's own limit on one answer.
constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20;

std::size_t window_of(const Index& index) {
  const SettingTexts settings = index.kept_settings();
  const auto at = settings.find("index.max_result_window");
  constexpr std::size_t kDefault = 10'000;
  return at == settings.end() ? kDefault : static_cast<std::size_t>(parse_long(at->first, at->second));
}

/// What a shard refuses whatever documents it has.
void check_request(const SearchRequest& request, std::size_t window) {
  if (request.scroll_ms) check_keep_alive(request.scroll, *request.scroll_ms);
  if (request.scroll_ms && request.most() > window) {
    throw illegal_argument(fmt::format(
        "Batch size is too large, size must be less than or equal to: [{}] but was [{}]. Scroll batch sizes cost as "
        "much "
        "memory as result windows so they are controlled by the [index.max_result_window] index level setting.",
        window, request.most()));
  }
  if (!request.scroll_ms && request.first() + request.most() > window) {
    throw illegal_argument(
        fmt::format("Result window is too large, from + size must be less than or equal to: [{}] but was [{}]. See the "
                    "scroll api for "
                    "a more efficient way to request large data sets. This limit can be set by changing the "
                    "[index.max_result_window] index level setting.",
                    window, request.first() + request.most()));
  }
  if (!request.search_after) return;
  if (request.scroll_ms) throw failure(500, "search_exception", "`search_after` cannot be used in a scroll context.");
  if (request.first() > 0) {
    throw failure(500, "search_exception", "`from` parameter must be set to 0 when `search_after` is used.");
  }
  if (request.sort.empty()) throw illegal_argument("Sort must contain at least one field.");
  if (request.search_after->size() != request.sort.size()) {
    throw illegal_argument(fmt::format("search_after has {} value(s) but sort has {}.", request.search_after->size(),
                                       request.sort.size()));
  }
}

std::vector<SortValue> values_after(const SearchRequest& request, const std::vector<Sorter>& sorters) {
  std::vector<SortValue> values;
  if (!request.search_after) return values;
  for (std::size_t i = 0; i < sorters.size(); ++i) values.push_back(sorters[i].parse((*request.search_after)[i]));
  return values;
}

/// Less than 0 where `a` comes first by its keys.
int order(const std::vector<SortValue>& a, const std::vector<SortValue>& b, const std::vector<Sorter>& sorters) {
  for (std::size_t i = 0; i < sorters.size(); ++i) {
    if (const int order = sorters[i].order(a[i], b[i]); order != 0) return order;
  }
  return 0;
}

/// Finds the hits of one index.
void find(SearchTarget& target, std::uint32_t number, const SearchRequest& request, SearchResult& result) {
  const FieldTypes* types = nullptr;
  const auto field_of = [&](std::string_view name) {
    if (!types) types = &target.view->field_types();
    return types->field(name);
  };
  check_request(request, target.window);
  const bool scored = request.shows_scores() || request.min_score;
  QueryMatcher matcher(request.query, field_of, scored);
  for (const SortKey& key : request.sort) target.sorters.emplace_back(key, field_of);
  const auto after = values_after(request, target.sorters);
  const bool keyed = !request.sort.empty() && !request.by_score();
  const bool parses = matcher.needs_source() ||
                      std::ranges::any_of(target.sorters, [](const Sorter& sorter) { return sorter.needs_source(); });

  // Scores need the frequencies of all documents, so they come second.
  std::vector<std::pair<Hit, QueryMatcher::Clauses>> matches;
  std::uint32_t shard = 0;
  std::int64_t in_shard = 0;
  std::size_t place = 0;
  for (const ViewDocument* document : target.view->documents()) {
    if (document->shard != shard) in_shard = 0;
    shard = document->shard;
    const Json source = parses ? parse_checked(document->source) : Json();
    QueryMatcher::Clauses clauses = 0;
    if (matcher.matches(*document, source, clauses)) {
      if (request.terminate_after > 0 && ++in_shard > request.terminate_after) {
        result.terminated_early = true;
      } else {
        Hit hit{.document = document, .target = number};
        if (keyed) {
          for (const Sorter& sorter : target.sorters) hit.keys.push_back(sorter.value(*document, source, place));
        }
        matches.emplace_back(std::move(hit), clauses);
      }
    }
    ++place;
  }
  for (auto& [hit, clauses] : matches) {
    if (scored) hit.score = matcher.score(clauses, hit.document->shard);
    if (request.min_score && hit.score < *request.min_score) continue;
    ++result.total;
    for (std::size_t key = 0; key < hit.keys.size(); ++key) {
      if (target.sorters[key].is_score()) hit.keys[key] = static_cast<double>(hit.score);
    }
    if (request.by_score() || request.track_scores) {
      result.max_score = std::max(result.max_score.value_or(hit.score), hit.score);
    }
    if (request.search_after && keyed && order(hit.keys, after, target.sorters) <= 0) continue;
    if (request.search_after && !keyed && static_cast<double>(hit.score) >= std::get<double>(*after.front())) continue;
    hit.place = result.hits.size();
    result.hits.push_back(std::move(hit));
  }
}

void sort_hits(SearchResult& result, const SearchRequest& request, std::size_t most) {
  const auto sorters = std::ranges::find_if(result.targets, [](const auto& target) { return !target.failed; });
  if (sorters == result.targets.end()) return;
  const auto before = [&](const Hit& a, const Hit& b) {
    if (request.by_score()) return a.score != b.score ? a.score > b.score : a.place < b.place;
    const int by_keys = order(a.keys, b.keys, sorters->sorters);
    return by_keys != 0 ? by_keys < 0 : a.place < b.place;
  };
  const auto end = result.hits.begin() + static_cast<std::ptrdiff_t>(std::min(most, result.hits.size()));
  std::partial_sort(result.hits.begin(), end, result.hits.end(), before);
  result.hits.erase(end, result.hits.end());
}

/// As a list of failed shards has it.
std::string shard_failure(const SearchTarget& target, const Failure& why) {
  std::string out = R"({"shard":0,"index":)";
  append_quoted(out, target.name);
  out += R"(,"node":"occkit","reason":)";
  append_error(out, why);
  return out + '}';
}

Failure all_failed(const SearchResult& result) {
  const Failure& first = *result.targets.front().failed;
  Failure all = failure(first.status, "search_phase_execution_exception", "all shards failed");
  all.details = R"("phase":"query","grouped":true,"failed_shards":[)";
  for (const SearchTarget& target : result.targets) {
    if (&target != &result.targets.front()) {
      all.details += ',';
      all.root += ',';
    }
    all.details += shard_failure(target, *target.failed);
    Failure bare = *target.failed;
    bare.cause_type = {};
    append_error(all.root, bare);
  }
  all.details += ']';
  // Elasticsearch tells the cause once more where it is none of its own exceptions.
  if (first.type == "query_shard_exception" || first.type == "search_exception") return all;
  all.cause_type = first.type;
  all.cause_reason = first.reason;
  all.cause_details = R"("caused_by":)";
  append_error(all.cause_details, first);
  return all;
}

/// What a failed shard says of its index where Elasticsearch's own exceptions do.
Failure of_index(Failure why, const SearchTarget& target) {
  if (why.type == "query_shard_exception") {
    why.index_uuid = target.uuid;
    why.index = target.name;
  }
  return why;
}

}  // namespace

std::size_t SearchResult::bytes() const noexcept {
  std::size_t sum = hits.size() * sizeof(Hit);
  for (const Hit& hit : hits) {
    sum += hit.keys.capacity() * sizeof(SortValue);
    for (const SortValue& key : hit.keys) {
      const auto* text = key ? std::get_if<std::string>(&*key) : nullptr;
      if (text) sum += text->capacity();
    }
  }
  return sum;
}

std::shared_ptr<const SearchView> view_of(Call& call, const Index& index) {
  Handles::Held* held = call.handles.find(index.name);
  if (!held || held->index.get() != &index) return nullptr;
  return held->index->views.current(held->view_source(), call.node.options().clock->now_ms());
}

SearchResult search(Call& call, const std::vector<std::shared_ptr<Index>>& indices, const SearchRequest& request,
                    std::size_t most) {
  SearchResult result;
  if (request.terminate_after > 0) result.terminated_early = false;
  if (indices.empty()) result.max_score = 0;
  for (const auto& index : indices) {
    auto view = view_of(call, *index);
    if (!view) throw no_such_index(index->name, call.compatibility);
    result.targets.push_back({.name = index->name,
                              .uuid = index->uuid,
                              .shards = index->table->shards(),
                              .window = window_of(*index),
                              .view = std::move(view),
                              .sorters = {},
                              .failed = {}});
  }
  std::ranges::sort(result.targets, {}, &SearchTarget::name);
  std::size_t failed = 0;
  for (std::uint32_t number = 0; number < result.targets.size(); ++number) {
    SearchTarget& target = result.targets[number];
    try {
      find(target, number, request, result);
    } catch (const Failure& why) {
      if (why.status == 501) throw;
      target.failed = of_index(why, target);
      ++failed;
    }
  }
  if (failed > 0 && failed == result.targets.size()) throw all_failed(result);
  sort_hits(result, request, most);
  return result;
}

void append_shards(std::string& out, const SearchResult& result) {
  std::int64_t shards = 0;
  std::int64_t failed = 0;
  std::string failures;
  for (const SearchTarget& target : result.targets) {
    shards += target.shards;
    if (!target.failed) continue;
    failed += target.shards;
    failures.append(failures.empty() ? R"(,"failures":[)" : ",").append(shard_failure(target, *target.failed));
  }
  if (!failures.empty()) failures += ']';
  out += fmt::format(R"("_shards":{{"total":{},"successful":{},"skipped":0,"failed":{}{}}})", shards, shards - failed,
                     failed, failures);
}

void append_hits(std::string& out, const Call& call, const SearchResult& result, const SearchRequest& request,
                 std::size_t begin, std::size_t end) {
  out += R"("hits":{)";
  const auto tracked = static_cast<std::size_t>(std::max(request.track_total_hits, 0));
  if (request.total_as_number || call.compatibility == Compatibility::v6) {
    out += fmt::format(R"("total":{},)", request.track_total_hits == SearchRequest::kUntracked
                                             ? -1
                                             : static_cast<std::int64_t>(result.total));
  } else if (request.track_total_hits != SearchRequest::kUntracked) {
    out += fmt::format(R"("total":{{"value":{},"relation":"{}"}},)", std::min(result.total, tracked),
                       result.total > tracked ? "gte" : "eq");
  }
  out += R"("max_score":)";
  const bool is_told = result.max_score && (request.most() > 0 || result.targets.empty());
  out += is_told ? java_text(*result.max_score) : "null";
  out += R"(,"hits":[)";
  const SourceChoice choice = request.source.value_or(SourceChoice());
  for (std::size_t i = begin; i < end; ++i) {
    const Hit& hit = result.hits[i];
    if (i > begin) out += ',';
    append_named(out, call.compatibility, result.targets[hit.target].name, hit.document->id);
    if (request.version) out += fmt::format(R"(,"_version":{})", hit.document->version);
    if (request.seq_no_primary_term) {
      out += fmt::format(R"(,"_seq_no":{},"_primary_term":{})", hit.document->word.seq_no(), hit.document->word.term());
    }
    out += R"(,"_score":)";
    out += request.shows_scores() ? java_text(hit.score) : "null";
    if (!hit.document->routing.empty()) {
      out += R"(,"_routing":)";
      append_quoted(out, hit.document->routing);
    }
    if (choice.fetch) {
      out += R"(,"_source":)";
      append_source(out, hit.document->source, choice);
    }
    if (!hit.keys.empty()) {
      out += R"(,"sort":[)";
      for (std::size_t key = 0; key < hit.keys.size(); ++key) {
        if (key > 0) out += ',';
        result.targets[hit.target].sorters[key].append(out, hit.keys[key]);
      }
      out += ']';
    }
    out += '}';
    if (out.size() > kMaxAnswerBytes) {
      throw failure(413, "illegal_argument_exception",
                    fmt::format("the answer would be larger than {} bytes: ask for fewer documents", kMaxAnswerBytes));
    }
  }
  out += "]}";
}

}  // namespace occ
