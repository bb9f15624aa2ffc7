/// `_bulk`: everything is read and validated before anything runs.
#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "harness/rest/rest_operation.hpp"

namespace occ {
namespace {

/// Limits of the kit on one request, whose body is limited elsewhere: an item takes more memory than its text, and an
/// answer that carries sources can be far larger than what asked for it. Items beyond the second limit are not run.
constexpr std::size_t kMaxItems = 1'000'000;
constexpr std::size_t kMaxAnswerBytes = std::size_t{256} << 20;

/// What the URL says for items that do not.
struct Defaults {
  std::string index;
  bool typed = false;
  std::string routing;
  std::optional<SourceChoice> source_choice;
  std::optional<std::int64_t> active_shards;
  bool require_alias = false;
  bool empty_pipeline = false;
  bool forced_refresh = false;
};

WriteOperation to_operation(const BulkEntry& entry, const Defaults& defaults) {
  if (entry.unsupported) throw unsupported(fmt::format("[{}] on line [{}] is", *entry.unsupported, entry.line));
  WriteOperation operation{.action = entry.action,
                           .index = entry.index.value_or(defaults.index),
                           .id = entry.id,
                           .routing = entry.routing.value_or(defaults.routing),
                           .parameters = entry.parameters,
                           .source = entry.source,
                           .forced_refresh = defaults.forced_refresh,
                           .require_alias = entry.require_alias.value_or(defaults.require_alias),
                           .empty_pipeline = entry.empty_pipeline || defaults.empty_pipeline,
                           .active_shards = defaults.active_shards,
                           .in_bulk = true};
  if (entry.action == BulkEntry::Action::remove) operation.require_alias = false;
  if (entry.action == BulkEntry::Action::update) {
    operation.update = parse_update_body(entry.source, operation.parameters);
    // What the body says counts least, unlike in _update.
    const auto& choice = entry.source_choice ? entry.source_choice : defaults.source_choice;
    if (choice) operation.update->source_choice = choice;
  }
  return operation;
}

/// Makes the indices that items need and that are not there, before any item runs. None is made that an item wants to
/// be an alias. What cannot be made is told by the items.
void make_indices(Call& call, std::vector<WriteOperation>& operations) {
  std::map<std::string_view, bool> missing;  // true: one that is to be an alias
  for (const WriteOperation& operation : operations) {
    if (!operation.makes_index() || call.handles.find(operation.index)) continue;
    if (call.handles.find_alias(operation.index)) continue;
    missing[operation.index] |= operation.require_alias;
  }
  for (const auto& [name, is_alias] : missing) {
    try {
      if (!is_alias) (void)call.existing_or_new(name);
    } catch (const Failure&) {
      continue;
    }
  }
  for (WriteOperation& operation : operations) {
    const auto at = missing.find(operation.index);
    if (at != missing.end()) operation.index_must_exist = at->second;
  }
}

/// Runs an item and appends its answer; true if it failed.
bool run_item(Call& call, WriteOperation& operation, std::string& out) {
  out.append(R"({")").append(name_of(operation.action)).append(R"(":)");
  Ran ran = out.size() < kMaxAnswerBytes
                ? run(call, operation, out)
                : Ran{429, failure(429, "es_rejected_execution_exception",
                                   fmt::format("not run: the answer has reached {} bytes", kMaxAnswerBytes))};
  if (ran.failed) {
    if (!operation.id) operation.id = call.node.make_id();
    append_named(out, call.compatibility, operation.index, *operation.id);
  }
  out += R"(,"status":)";
  append_number(out, ran.status);
  if (ran.failed) {
    out += R"(,"error":)";
    append_error(out, *ran.failed);
  }
  out += "}}";
  return ran.failed.has_value();
}

void finish_refreshes(Call& call, const std::vector<WriteOperation>& operations) {
  std::set<std::string_view> indices;
  for (const WriteOperation& operation : operations) indices.insert(operation.index);
  for (const std::string_view index : indices) call.handles.finish_refresh(index);
}

}  // namespace

void bulk(Call& call) {
  Parameters& parameters = call.parameters;
  Defaults defaults{.index = call.request.path.front() == "_bulk" ? std::string() : call.index()};
  defaults.typed = call.request.path.size() == 3;  // "/{index}/_doc/_bulk"
  defaults.routing = parameters.get("routing").value_or("");
  defaults.source_choice = parameters.source_choice();
  defaults.empty_pipeline = parameters.empty_pipeline();
  defaults.active_shards = parameters.active_shards();
  // Unlike elsewhere, nothing is no "true".
  const auto require_alias = parameters.get("require_alias");
  defaults.require_alias = require_alias && !require_alias->empty() && parse_boolean(*require_alias);
  parameters.time("timeout");
  defaults.forced_refresh = parameters.forced_refresh();
  call.require_body();
  const std::int64_t began_ms = call.node.options().clock->now_ms();

  std::vector<WriteOperation> operations;
  ValidationErrors errors;
  for_each_bulk_entry(
      call.request.body,
      [&](const BulkEntry& entry) {
        if (operations.size() == kMaxItems) {
          throw failure(413, "illegal_argument_exception", fmt::format("more than {} items", kMaxItems));
        }
        WriteOperation operation = to_operation(entry, defaults);
        errors.begin_operation();
        if (operation.index.empty()) errors.add("index is missing");
        if (call.compatibility == Compatibility::v6 && !entry.typed && !defaults.typed) errors.add("type is missing");
        validate(operation, kMatchAny, call.compatibility, errors);
        operations.push_back(std::move(operation));
      },
      call.compatibility);
  parameters.refuse_unknown();
  if (operations.empty()) errors.add("no requests added");
  throw_if_any(errors);

  make_indices(call, operations);
  bool any_failed = false;
  std::string items;
  for (WriteOperation& operation : operations) {
    if (!items.empty()) items += ',';
    any_failed |= run_item(call, operation, items);
  }
  if (parameters.refreshes()) finish_refreshes(call, operations);
  std::string& out = call.response.body;
  out += R"({"took":)";
  append_number(out, call.node.options().clock->now_ms() - began_ms);
  out += any_failed ? R"(,"errors":true,"items":[)" : R"(,"errors":false,"items":[)";
  out += items;
  out += "]}";
}

}  // namespace occ
