#include "harness/support/bulk_parser.hpp"

#include <algorithm>
#include <utility>

#include "harness/support/json_text.hpp"

namespace occ {
namespace {

/// Walks a text line by line.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] std::size_t number() const { return number_; }
  std::string_view next() {
    ++number_;
    const auto end = rest_.find('\n');
    auto line = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == line.npos;
}

class ActionLine {
 public:
  ActionLine(std::size_t number, Compatibility compatibility) : number_(number), compatibility_(compatibility) {}

  BulkEntry parse(std::string_view line) {
    entry_.line = number_;
    Json json;
    try {
      json = parse_json(line);
    } catch (const JsonError& error) {
      throw BulkError(number_, malformed(", " + std::string(error.what())));
    }
    if (!json.is_object()) throw expected("START_OBJECT", token_name(json));
    if (json.empty()) throw expected("FIELD_NAME", "END_OBJECT");
    const auto& action = json.begin().key();
    if (action == "index") {
      entry_.action = BulkEntry::Action::index;
    } else if (action == "create") {
      entry_.action = BulkEntry::Action::create;
    } else if (action == "update") {
      entry_.action = BulkEntry::Action::update;
    } else if (action == "delete") {
      entry_.action = BulkEntry::Action::remove;
    } else {
      throw BulkError(number_,
                      malformed(", expected field [create], [delete], [index] or [update] but found [" + action + "]"));
    }
    if (json.size() != 1) throw expected("END_OBJECT", "FIELD_NAME");
    const Json& parameters = json.begin().value();
    if (!parameters.is_object()) throw expected("START_OBJECT or END_OBJECT", token_name(parameters));
    for (const auto& [key, value] : parameters.items()) set(key, value);

    if (entry_.parameters.create && entry_.action == BulkEntry::Action::index) {
      entry_.action = BulkEntry::Action::create;
    }
    entry_.parameters.create = entry_.action == BulkEntry::Action::create;
    if (entry_.action == BulkEntry::Action::update && compatibility_ != Compatibility::v6 &&
        (entry_.parameters.version != kMatchAny || entry_.parameters.version_type != VersionType::internal)) {
      throw BulkError(
          number_, "Update requests do not support versioning. Please use `if_seq_no` and `if_primary_term` instead");
    }
    return std::move(entry_);
  }

 private:
  void set(const std::string& key, const Json& value) {
    if (value.is_null()) return;
    // A list is taken in the body of an update alone.
    if (key == "_source" && !value.is_array()) {
      try {
        entry_.source_choice = parse_source_choice(value);
      } catch (const IllegalArgument& error) {
        throw BulkError(number_, error.what());
      }
      return;
    }
    if (value.is_structured()) {
      throw BulkError(number_, malformed(", expected a simple value for field [" + key + "] but found [" +
                                         std::string(token_name(value)) + "]"));
    }
    const std::string text = scalar_text(value);
    const bool old_names = compatibility_ == Compatibility::v6;
    WriteParameters& parameters = entry_.parameters;
    try {
      if (key == "_index") {
        entry_.index = text;
      } else if (key == "_id") {
        entry_.id = text;
      } else if (key == "if_seq_no") {
        set_if_seq_no(parameters, parse_json_long(key, value));
      } else if (key == "if_primary_term") {
        set_if_primary_term(parameters, parse_json_long(key, value));
      } else if (key == "version" || (old_names && key == "_version")) {
        parameters.version = parse_json_long(key, value);
      } else if (key == "version_type" || (old_names && key == "_version_type")) {
        parameters.version_type = parse_version_type(text);
      } else if (key == "retry_on_conflict" || (old_names && key == "_retry_on_conflict")) {
        parameters.retry_on_conflict = parse_json_int(key, value);
      } else if (key == "op_type") {
        parameters.create = text == "create";
      } else if (key == "_type" && compatibility_ != Compatibility::v8) {
        entry_.typed = true;
        if (text != "_doc") entry_.unsupported = "type [" + text + "]";
      } else if (key == "require_alias") {
        entry_.require_alias = parse_boolean(text);
      } else if (key == "pipeline" && (text.empty() || text == "_none")) {
        entry_.empty_pipeline = text.empty();
      } else if (key == "routing" || (old_names && key == "_routing")) {
        entry_.routing = text;
      } else if (key == "pipeline" || key == "dynamic_templates" ||
                 (old_names && (key == "parent" || key == "_parent"))) {
        entry_.unsupported = key;
      } else {
        throw BulkError(number_, "Action/metadata line [" + std::to_string(number_) +
                                     "] contains an unknown parameter [" + key + "]");
      }
    } catch (const IllegalArgument& error) {
      throw BulkError(number_, error.what());
    }
  }

  [[nodiscard]] std::string malformed(const std::string& how) const {
    return "Malformed action/metadata line [" + std::to_string(number_) + "]" + how;
  }
  [[nodiscard]] BulkError expected(std::string_view what, std::string_view found) const {
    return {number_, malformed(", expected " + std::string(what) + " but found [" + std::string(found) + "]")};
  }

  std::size_t number_;
  Compatibility compatibility_;
  BulkEntry entry_;
};

}  // namespace

void for_each_bulk_entry(std::string_view text, FunctionRef<void(const BulkEntry&)> take, Compatibility compatibility) {
  if (!text.ends_with('\n')) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    throw BulkError(lines, "The bulk request must be terminated by a newline [\\n]");
  }
  Lines lines(text);
  while (!lines.done()) {
    const auto line = lines.next();
    if (blank(line)) continue;
    BulkEntry entry = ActionLine(lines.number(), compatibility).parse(line);
    if (entry.action != BulkEntry::Action::remove) {
      if (lines.done()) {
        throw BulkError(entry.line, "Action/metadata line [" + std::to_string(entry.line) + "] has no source line");
      }
      entry.source = lines.next();
      entry.source_line = lines.number();
    }
    take(entry);
  }
}

}  // namespace occ
