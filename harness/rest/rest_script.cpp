/// Scripts of updates: their field in a request, the variable `ctx`, and how their errors are told.
#include "harness/rest/rest_script.hpp"

#include <fmt/format.h>

#include <utility>

#include "harness/rest/rest_parameters.hpp"

namespace occ {
namespace {

const std::string& text_of(const std::string& key, const Json& value) {
  if (!value.is_string()) {
    throw IllegalArgument(fmt::format("[script] {} doesn't support values of type: {}", key, token_name(value)));
  }
  return value.get_ref<const std::string&>();
}

/// As a query tells it that met it, and an update does as a cause.
Failure script_failure(const ScriptError& error, const RequestedScript& asked) {
  const bool has_place = !error.stage.empty();
  Failure failed = failure(400, has_place ? "script_exception" : error.cause_type,
                           has_place ? std::string(error.stage) : std::string(error.what()));
  if (!has_place) return failed;
  const Json details = {{"script_stack", error.stack},
                        {"script", asked.source},
                        {"lang", asked.lang},
                        {"position", {{"offset", error.offset}, {"start", error.start}, {"end", error.end}}}};
  // Without its braces.
  const std::string text = to_text(details);
  failed.details = text.substr(1, text.size() - 2);
  failed.cause_type = error.cause_type;
  failed.cause_reason = error.what();
  return failed;
}

/// As an update tells it.
Failure failed_to_execute(const Failure& why) {
  if (why.status >= 500) return why;
  Failure failed = illegal_argument("failed to execute script");
  failed.cause_type = why.type;
  failed.cause_reason = why.reason;
  failed.cause_details = why.details;
  if (why.cause_type.empty()) return failed;
  failed.cause_details += R"(,"caused_by":{"type":)";
  append_quoted(failed.cause_details, why.cause_type);
  failed.cause_details += R"(,"reason":)";
  if (why.cause_reason.empty()) {
    failed.cause_details += "null";
  } else {
    append_quoted(failed.cause_details, why.cause_reason);
  }
  failed.cause_details += '}';
  return failed;
}

/// Languages that Elasticsearch has for other things are refused by them.
Failure other_language(const std::string& lang) {
  if (lang == "expression") {
    return illegal_argument("expression engine does not know how to handle script context [update]");
  }
  if (lang == "mustache") return illegal_argument("mustache engine does not know how to handle context [update]");
  return illegal_argument(fmt::format("script_lang not supported [{}]", lang));
}

/// `ctx.op`, which Elasticsearch takes for a String without asking.
const std::string& operation_of(const Script::Outcome& outcome) {
  if (outcome.op.is_null()) throw failure(500, "null_pointer_exception", "ctx.op is null");
  if (!outcome.op.is_string()) throw failure(500, "class_cast_exception", "ctx.op is not a String");
  if (!outcome.source.is_object() && !outcome.source.is_null()) {
    throw failure(500, "class_cast_exception", "ctx._source is not a Map");
  }
  return outcome.op.get_ref<const std::string&>();
}

}  // namespace

RequestedScript parse_requested_script(const Json& value) {
  RequestedScript script;
  if (value.is_string()) {
    script.source = value.get<std::string>();
    return script;
  }
  bool has_source = false;
  for (const auto& [key, part] : value.items()) {
    if (key == "source" || key == "inline") {
      if (!part.is_string() && !part.is_object()) (void)text_of(key, part);
      script.source = scalar_text(part);
      has_source = true;
    } else if (key == "id" || key == "stored") {
      script.id = text_of(key, part);
    } else if (key == "lang") {
      script.lang = text_of(key, part);
    } else if (key == "params") {
      if (!part.is_object()) (void)text_of(key, part.is_string() ? Json(0) : part);
      script.params = part;
    } else if (key == "options") {
      if (!part.empty()) throw IllegalArgument(fmt::format("illegal compiler options [{}] specified", to_text(part)));
    } else {
      throw IllegalArgument(fmt::format("[script] unknown field [{}]", key));
    }
  }
  if (!script.id.empty()) {
    if (has_source) throw IllegalArgument("illegal to specify both a source and an id");
    if (value.contains("lang")) throw IllegalArgument("illegally specified <lang> for a stored script");
    return script;
  }
  if (!has_source) {
    throw IllegalArgument("must specify either [source] for an inline script or [id] for a stored script");
  }
  return script;
}

void check_compiles(Node& node, const RequestedScript& script) {
  try {
    (void)node.scripts().find_or_compile(script.source);
  } catch (const ScriptError& error) {
    Failure failed = failed_to_execute(script_failure(error, script));
    failed.reason = "failed to parse/compile stored script";
    throw failed;
  } catch (const UnsupportedScript& what) {
    throw unsupported(what.what());
  }
}

UpdateScript::UpdateScript(Node& node, RequestedScript asked) : asked_(std::move(asked)) {
  if (!asked_.id.empty()) {
    const auto stored = node.stored_scripts().find(asked_.id);
    if (!stored) {
      failed_ = failure(404, "resource_not_found_exception",
                        fmt::format("unable to find script [{}] in cluster state", asked_.id));
      return;
    }
    asked_.lang = stored->lang;
    asked_.source = stored->source;
  }
  if (asked_.lang != "painless") {
    failed_ = other_language(asked_.lang);
    return;
  }
  try {
    script_ = node.scripts().find_or_compile(asked_.source);
  } catch (const ScriptError& error) {
    failed_ = script_failure(error, asked_);
  } catch (const UnsupportedScript& what) {
    failed_ = unsupported(what.what());
  }
}

Script::Outcome UpdateScript::run_in_update(const Json& ctx) const {
  try {
    return run(ctx);
  } catch (const Failure& why) {
    throw failed_to_execute(why);
  }
}

Script::Outcome UpdateScript::run(const Json& ctx) const {
  if (failed_) throw Failure(*failed_);
  try {
    return script_->run(ctx, asked_.params);
  } catch (const ScriptError& error) {
    throw script_failure(error, asked_);
  } catch (const UnsupportedScript& what) {
    throw unsupported(what.what());
  }
}

namespace {

Json document_ctx(const ScriptContext& context, Json source) {
  Json ctx = {{"op", "index"},
              {"_index", context.index},
              {"_type", "_doc"},
              {"_id", context.id},
              {"_version", context.version},
              {"_routing", context.routing.empty() ? Json() : Json(context.routing)},
              {"_now", context.now_ms}};
  ctx["_source"] = std::move(source);
  return ctx;
}

}  // namespace

Change UpdateScript::update(const ScriptContext& context, Json source) const {
  const Script::Outcome outcome = run_in_update(document_ctx(context, std::move(source)));
  const std::string& operation = operation_of(outcome);
  if (operation == "index") return {Transformed::write, to_text(outcome.source)};
  // "none", and leniently whatever else is said.
  return {operation == "delete" ? Transformed::remove : Transformed::keep, {}};
}

Change UpdateScript::by_query(const ScriptContext& context, Json source) const {
  const Script::Outcome outcome = run(document_ctx(context, std::move(source)));
  if (outcome.op.is_null()) throw illegal_argument("Script cleared operation type");
  const std::string& operation = operation_of(outcome);
  if (operation == "index") return {Transformed::write, to_text(outcome.source)};
  if (operation == "delete") return {Transformed::remove, {}};
  if (operation == "noop") return {};
  throw illegal_argument(
      fmt::format("Operation type [{}] not allowed, only [noop, index, delete] are allowed", operation));
}

Change UpdateScript::create(std::int64_t now_ms, Json source) const {
  Json ctx = {{"op", "create"}, {"_now", now_ms}};
  ctx["_source"] = std::move(source);
  const Script::Outcome outcome = run_in_update(ctx);
  if (operation_of(outcome) != "create") return {};
  return {Transformed::write, to_text(outcome.source)};
}

}  // namespace occ
