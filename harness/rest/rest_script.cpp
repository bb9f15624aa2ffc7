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

Failure failed_to_execute(std::string_view cause_type, std::string cause_reason) {
  Failure failed = illegal_argument("failed to execute script");
  failed.cause_type = cause_type;
  failed.cause_reason = std::move(cause_reason);
  return failed;
}

Failure script_failure(const ScriptError& error, const RequestedScript& asked) {
  if (error.stage.empty()) return failed_to_execute(error.cause_type, error.what());
  const std::string_view reason = error.what();
  const Json details = {
      {"script_stack", error.stack},
      {"script", asked.source},
      {"lang", asked.lang},
      {"position", {{"offset", error.offset}, {"start", error.start}, {"end", error.end}}},
      {"caused_by", {{"type", error.cause_type}, {"reason", reason.empty() ? Json() : Json(reason)}}}};
  Failure failed = failed_to_execute("script_exception", std::string(error.stage));
  // Without its braces.
  const std::string text = to_text(details);
  failed.cause_details = text.substr(1, text.size() - 2);
  return failed;
}

/// Languages that Elasticsearch has for other things are refused by them.
Failure other_language(const std::string& lang) {
  if (lang == "expression") {
    return failed_to_execute("illegal_argument_exception",
                             "expression engine does not know how to handle script context [update]");
  }
  if (lang == "mustache") {
    return failed_to_execute("illegal_argument_exception",
                             "mustache engine does not know how to handle context [update]");
  }
  return failed_to_execute("illegal_argument_exception", fmt::format("script_lang not supported [{}]", lang));
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
    Failure failed = script_failure(error, script);
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
      failed_ = failed_to_execute("resource_not_found_exception",
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

Change UpdateScript::update(const ScriptContext& context, Json source) const {
  Json ctx = {{"op", "index"},
              {"_index", context.index},
              {"_type", "_doc"},
              {"_id", context.id},
              {"_version", context.version},
              {"_routing", context.routing.empty() ? Json() : Json(context.routing)},
              {"_now", context.now_ms}};
  ctx["_source"] = std::move(source);
  const Script::Outcome outcome = run(ctx);
  const std::string& operation = operation_of(outcome);
  if (operation == "index") return {Transformed::write, to_text(outcome.source)};
  // "none", and leniently whatever else is said.
  return {operation == "delete" ? Transformed::remove : Transformed::keep, {}};
}

Change UpdateScript::create(std::int64_t now_ms, Json source) const {
  Json ctx = {{"op", "create"}, {"_now", now_ms}};
  ctx["_source"] = std::move(source);
  const Script::Outcome outcome = run(ctx);
  if (operation_of(outcome) != "create") return {};
  return {Transformed::write, to_text(outcome.source)};
}

}  // namespace occ
