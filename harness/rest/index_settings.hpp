#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/build/function_ref.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

/// Settings by their whole names, as in `index.refresh_interval`; values as Elasticsearch prints them, as text.
using SettingTexts = std::map<std::string, std::string, std::less<>>;

/// What a request wants of an index's settings. Nothing for what it does not name; null takes a setting back.
struct WantedSettings {
  std::optional<std::int64_t> shards;
  std::optional<std::int64_t> routing_shards;
  std::optional<std::optional<std::int64_t>> replicas;
  std::optional<std::optional<std::int64_t>> gc_deletes_ms;
  /// Those that mean nothing to a table in memory, and gc_deletes as it was given: they are kept and shown. An empty
  /// text takes one back.
  SettingTexts kept;
};

/// Reads settings, however they are nested. Throws Failure: 400 as Elasticsearch for what is not a setting or not its
/// value, 501 by name for one that Elasticsearch has and the kit has not.
[[nodiscard]] WantedSettings read_settings(const Json& settings);

/// True if it can be changed while an index is open.
[[nodiscard]] bool is_dynamic(std::string_view setting);

/// `{"index": {...}}` of settings by their whole names, or as they are if `flat`.
[[nodiscard]] Json shown_settings(const SettingTexts& settings, bool flat);

}  // namespace occ
