#include "harness/rest/index_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "harness/rest/filter_path.hpp"
#include "harness/rest/rest_failure.hpp"
#include "harness/rest/rest_parameters.hpp"

namespace occ {
namespace {

enum class Value : std::uint8_t { text, time, number, boolean, codec };

/// A setting that means nothing here.
struct Kept {
  std::string_view name;  ///< '*' stands for any characters
  Value value = Value::text;
  bool dynamic = true;
};

constexpr Kept kKept[] = {
    {"index.refresh_interval", Value::time},
    {"index.codec", Value::codec, false},
    {"index.auto_expand_replicas"},
    {"index.max_result_window", Value::number},
    {"index.max_inner_result_window", Value::number},
    {"index.max_rescore_window", Value::number},
    {"index.max_docvalue_fields_search", Value::number},
    {"index.max_script_fields", Value::number},
    {"index.max_ngram_diff", Value::number},
    {"index.max_shingle_diff", Value::number},
    {"index.max_terms_count", Value::number},
    {"index.max_regex_length", Value::number},
    {"index.max_refresh_listeners", Value::number},
    {"index.max_slices_per_scroll", Value::number},
    {"index.highlight.max_analyzed_offset", Value::number},
    {"index.analyze.max_token_count", Value::number},
    {"index.priority", Value::number},
    {"index.search.idle.after", Value::time},
    {"index.search.throttled", Value::boolean},
    {"index.search.slowlog.*"},
    {"index.indexing.slowlog.*"},
    {"index.translog.*"},
    {"index.merge.*"},
    {"index.flush_after_merge"},
    {"index.soft_deletes.enabled", Value::boolean, false},
    {"index.soft_deletes.retention.operations", Value::number},
    {"index.soft_deletes.retention_lease.period", Value::time},
    {"index.store.type", Value::text, false},
    {"index.store.preload", Value::text, false},
    {"index.store.stats_refresh_interval", Value::time, false},
    {"index.routing.allocation.*"},
    {"index.routing.rebalance.enable"},
    {"index.allocation.*"},
    {"index.unassigned.node_left.delayed_timeout", Value::time},
    {"index.recovery.*"},
    {"index.warmer.enabled", Value::boolean},
    {"index.write.wait_for_active_shards"},
    {"index.load_fixed_bitset_filters_eagerly", Value::boolean, false},
    {"index.requests.cache.enable", Value::boolean},
    {"index.queries.cache.enabled", Value::boolean, false},
    {"index.fielddata.cache", Value::text, false},
    {"index.shard.check_on_startup", Value::text, false},
    {"index.compound_format"},
    {"index.query.default_field"},
    {"index.query_string.lenient", Value::boolean, false},
    {"index.optimize_auto_generated_id", Value::boolean},
};

/// What would change what documents or answers are.
constexpr std::string_view kNotHere[] = {"index.analysis.*",
                                         "index.blocks.*",
                                         "index.data_path",
                                         "index.default_pipeline",
                                         "index.final_pipeline",
                                         "index.format",
                                         "index.frozen",
                                         "index.hidden",
                                         "index.lifecycle.*",
                                         "index.mapper.dynamic",
                                         "index.mapping.*",
                                         "index.mode",
                                         "index.percolator.*",
                                         "index.provided_name",
                                         "index.query.parse.allow_unmapped_fields",
                                         "index.routing_partition_size",
                                         "index.similarity.*",
                                         "index.sort.*",
                                         "index.time_series.*",
                                         "index.verified_before_close",
                                         "index.version.*",
                                         "index.xpack.*"};

/// Those that a table has itself.
constexpr std::string_view kOwn[] = {"index.number_of_shards", "index.number_of_routing_shards",
                                     "index.number_of_replicas", "index.gc_deletes"};

const Kept* kept_by(std::string_view setting) {
  const auto at = std::ranges::find_if(kKept, [&](const Kept& each) { return matches_pattern(each.name, setting); });
  return at == std::end(kKept) ? nullptr : at;
}

/// Calls take(name, value) for every setting, however it is nested, named as in `index.gc_deletes`.
void for_each_setting(const Json& settings, const std::string& prefix,
                      FunctionRef<void(const std::string&, const Json&)> take) {
  for (const auto& [key, value] : settings.items()) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    if (value.is_object()) {
      for_each_setting(value, name, take);
    } else {
      take(name.starts_with("index.") ? name : "index." + name, value);
    }
  }
}

std::int64_t setting_within(const std::string& name, const std::string& value, std::int64_t least, std::int64_t most) {
  const auto number = [&] {
    try {
      return parse_long(name, value);
    } catch (const IllegalArgument& why) {
      throw illegal_argument(fmt::format("Failed to parse value [{}] for setting [{}]", value, name), why);
    }
  }();
  if (number < least) {
    throw illegal_argument(
        fmt::format("Failed to parse value [{}] for setting [{}] must be >= {}", value, name, least));
  }
  if (number > most) {
    throw illegal_argument(fmt::format("Failed to parse value [{}] for setting [{}] must be <= {}", value, name, most));
  }
  return number;
}

void check_value(const Kept& kept, const std::string& name, const std::string& text) {
  switch (kept.value) {
    case Value::text:
      return;
    case Value::time:
      (void)parse_time_ms(name, text);
      return;
    case Value::number:
      (void)setting_within(name, text, 0, std::numeric_limits<std::int32_t>::max());
      return;
    case Value::codec:
      if (text != "default" && text != "best_compression") {
        throw illegal_argument(
            fmt::format("unknown value for [{}] must be one of [default, best_compression] but was: {}", name, text));
      }
      return;
    case Value::boolean:
      if (text != "true" && text != "false") {
        throw illegal_argument(fmt::format("Failed to parse value [{}] as only [true] or [false] are allowed.", text));
      }
      return;
  }
}

Failure unknown_setting(std::string_view name) {
  std::vector<std::string_view> known(std::begin(kOwn), std::end(kOwn));
  for (const Kept& each : kKept) known.push_back(each.name);
  known.insert(known.end(), std::begin(kNotHere), std::end(kNotHere));
  std::erase_if(known, [](std::string_view each) { return each.ends_with('*'); });
  const std::string meant = likely_settings(name, known);
  if (!meant.empty()) return illegal_argument(fmt::format("unknown setting [{}]{}", name, meant));
  return illegal_argument(fmt::format(
      "unknown setting [{}] please check that any required plugins are installed, or check the breaking changes "
      "documentation for removed settings",
      name));
}

/// Lists are kept as Elasticsearch's Settings print them.
std::string text_of(const Json& value) {
  return value.is_null() ? std::string() : scalar_text(value);
}

}  // namespace

WantedSettings read_settings(const Json& settings) {
  WantedSettings wanted;
  for_each_setting(settings, "", [&](const std::string& setting, const Json& given) {
    const std::string text = text_of(given);
    if (setting == "index.number_of_shards") {
      wanted.shards = given.is_null() ? 0 : setting_within(setting, text, 1, 1024);
    } else if (setting == "index.number_of_routing_shards") {
      wanted.routing_shards = given.is_null() ? 0 : setting_within(setting, text, 1, 1'024'000);
    } else if (setting == "index.number_of_replicas") {
      wanted.replicas.emplace();
      constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() - 1;
      if (!given.is_null()) *wanted.replicas = setting_within(setting, text, 0, kMost);
    } else if (setting == "index.gc_deletes") {
      wanted.gc_deletes_ms.emplace();
      if (!given.is_null()) *wanted.gc_deletes_ms = parse_time_ms(setting, text);
      wanted.kept[setting] = text;
    } else if (const Kept* kept = kept_by(setting)) {
      if (!given.is_null()) check_value(*kept, setting, text);
      wanted.kept[setting] = text;
    } else if (std::ranges::any_of(kNotHere, [&](auto name) { return matches_pattern(name, setting); })) {
      throw unsupported(fmt::format("the setting [{}] is", setting));
    } else {
      throw unknown_setting(setting);
    }
  });
  return wanted;
}

bool is_dynamic(std::string_view setting) {
  const Kept* kept = kept_by(setting);
  return !kept || kept->dynamic;
}

Json shown_settings(const SettingTexts& settings, bool flat) {
  Json shown = Json::object();
  for (const auto& [name, value] : settings) {
    if (flat) {
      shown[name] = value;
      continue;
    }
    Json* at = &shown;
    std::string_view rest = name;
    for (auto dot = rest.find('.'); dot != rest.npos; dot = rest.find('.')) {
      at = &(*at)[std::string(rest.substr(0, dot))];
      rest.remove_prefix(dot + 1);
    }
    (*at)[std::string(rest)] = value;
  }
  return shown;
}

}  // namespace occ
