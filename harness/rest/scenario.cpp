#include "harness/rest/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace occ {
namespace {

constexpr std::string_view kSpace = " \t\r";
constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "PUT", "POST", "DELETE"};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find_first_of(kSpace));
}

bool is_method(std::string_view word) {
  return std::ranges::find(kMethods, word) != kMethods.end();
}

class ScenarioParser {
 public:
  explicit ScenarioParser(std::string_view text) : rest_(text) {}

  std::vector<ScenarioStep> parse() {
    while (!rest_.empty()) {
      const auto line = trimmed(next_line());
      const auto word = first_word(line);
      const auto argument = trimmed(line.substr(word.size()));
      if (line.empty()) {
        in_body_ = false;
      } else if (line.starts_with('#')) {
        add(std::string(trimmed(line.substr(1))));
      } else if (is_method(word)) {
        add_request(word, argument);
      } else if (word == "curl") {
        add_curl(line);
      } else if (word == "header") {
        add_header(argument);
      } else if (word.starts_with("expect")) {
        add(expectation(word, argument));
      } else if (in_body_ && (!request_->body.empty() || line.starts_with('{') || line.starts_with('['))) {
        request_->body.append(line).append(1, '\n');
      } else {
        throw error(
            fmt::format("'{}' begins no request: expected GET, HEAD, PUT, POST, DELETE, curl, expect, expect-body, "
                        "expect-absent, expect-header, header or #",
                        line.substr(0, 80)));
      }
    }
    finish_request();
    return std::move(steps_);
  }

 private:
  std::string_view next_line() {
    ++line_;
    const auto end = rest_.find('\n');
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    return line;
  }
  [[nodiscard]] ScenarioError error(const std::string& message) const { return {line_, message}; }

  /// A body is a line or more; only `_bulk` needs its last newline.
  void finish_request() {
    in_body_ = false;
    if (!request_) return;
    if (request_->path.empty() || request_->path.back() != "_bulk") {
      request_->body.erase(request_->body.find_last_not_of(" \t\r\n") + 1);
    }
    steps_.push_back({request_line_, std::move(*request_)});
    request_.reset();
    any_request_ = true;
  }
  void add(std::variant<std::string, Request, Expectation> what) {
    finish_request();
    if (std::holds_alternative<Expectation>(what) && !any_request_) throw error("there is no request before this line");
    steps_.push_back({line_, std::move(what)});
  }
  void add_request(std::string_view method, std::string_view target) {
    finish_request();
    if (target.empty()) throw error(fmt::format("{} needs a path", method));
    if (target.find_first_of(kSpace) != target.npos) {
      throw error(fmt::format("'{}' is not a path: spaces are written %20", target));
    }
    start(std::string(method), target, {});
    in_body_ = true;
  }
  void start(const std::string& method, std::string_view target, std::string body) {
    try {
      request_ = make_request(method, target.starts_with('/') ? std::string(target) : "/" + std::string(target),
                              std::move(body));
    } catch (const MalformedRequest& malformed) {
      throw error(malformed.what());
    }
    request_line_ = line_;
  }
  void add_header(std::string_view argument) {
    if (!request_) throw error("a header belongs right after its request");
    const auto colon = argument.find(':');
    if (colon == argument.npos || colon == 0) throw error("a header is written 'header Name: value'");
    request_->headers.emplace_back(trimmed(argument.substr(0, colon)), trimmed(argument.substr(colon + 1)));
  }

  [[nodiscard]] Expectation expectation(std::string_view word, std::string_view argument) const {
    Expectation expected;
    if (word == "expect") {
      const auto [end, failed] = std::from_chars(argument.data(), argument.data() + argument.size(), expected.status);
      if (failed != std::errc{} || end != argument.data() + argument.size() || expected.status < 100 ||
          expected.status > 599) {
        throw error(fmt::format("'{}' is not an HTTP status: expected a number from 100 to 599", argument));
      }
      return expected;
    }
    expected.where = first_word(argument);
    const auto value = trimmed(argument.substr(expected.where.size()));
    if (word == "expect-header") {
      if (value.empty()) throw error("expected 'expect-header NAME VALUE'");
      expected.kind = Expectation::Kind::header;
      expected.value = value;
      return expected;
    }
    if (word != "expect-body" && word != "expect-absent") {
      throw error(fmt::format("'{}' is unknown: expected expect, expect-body, expect-absent or expect-header", word));
    }
    if (expected.where == "\"\"") expected.where.clear();  // the whole answer
    try {
      (void)Json::json_pointer(expected.where);
    } catch (const Json::exception&) {
      throw error(fmt::format("'{}' is not a JSON pointer: expected one such as /error/reason", expected.where));
    }
    if (word == "expect-absent") {
      expected.kind = Expectation::Kind::absence;
      return expected;
    }
    expected.kind = Expectation::Kind::value;
    try {
      expected.value = parse_json(value);
    } catch (const JsonError& json_error) {
      throw error(fmt::format("'{}' is not JSON: {}", value, json_error.what()));
    }
    return expected;
  }

  /// Splits a command as a shell does; takes further lines while a quote is open or a backslash ends the line.
  std::vector<std::string> words(std::string_view line) {
    std::vector<std::string> all;
    std::optional<std::string> word;
    char quote = 0;
    const std::size_t first_line = line_;
    for (std::size_t i = 0;; ++i) {
      if (i == line.size()) {
        if (!quote) break;
        if (rest_.empty()) {
          line_ = first_line;
          throw error(fmt::format("the quote {} is not closed", quote));
        }
        *word += '\n';
        line = next_line();
        i = static_cast<std::size_t>(-1);
        continue;
      }
      const char c = line[i];
      if (quote == '\'') {
        if (c == quote) {
          quote = 0;
        } else {
          *word += c;
        }
      } else if (c == '\\' && i + 1 == line.size()) {
        if (rest_.empty()) break;
        line = next_line();
        i = static_cast<std::size_t>(-1);
      } else if (c == '\\' && (!quote || std::string_view("\"\\$`").find(line[i + 1]) != std::string_view::npos)) {
        if (!word) word.emplace();
        *word += line[++i];
      } else if (quote) {
        if (c == quote) {
          quote = 0;
        } else {
          *word += c;
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
        if (!word) word.emplace();
      } else if (kSpace.find(c) != kSpace.npos) {
        if (word) all.push_back(std::move(*word));
        word.reset();
      } else {
        if (!word) word.emplace();
        *word += c;
      }
    }
    if (word) all.push_back(std::move(*word));
    return all;
  }

  void add_curl(std::string_view line) {
    finish_request();
    const std::size_t curl_line = line_;
    const auto arguments = words(line);
    const std::size_t last_line = line_;
    line_ = curl_line;  // errors and answers name the line on which the command began
    std::string method;
    std::string url;
    std::string body;
    NameValues headers;
    bool has_body = false;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const std::string& option = arguments[i];
      const auto value = [&]() -> const std::string& {
        if (++i == arguments.size()) throw error(fmt::format("curl's {} needs a value", option));
        return arguments[i];
      };
      if (option == "-X" || option == "--request") {
        method = value();
      } else if (option.starts_with("-X")) {
        method = option.substr(2);
      } else if (option == "-I" || option == "--head") {
        method = "HEAD";
      } else if (option == "-G" || option == "--get") {
        throw error("curl's -G is not understood: write the parameters into the URL");
      } else if (option == "-d" || option == "--data" || option == "--data-raw" || option == "--data-binary" ||
                 option == "--data-ascii" || option == "--json") {
        const std::string& data = value();
        if (data.starts_with('@')) throw error("curl's -d @FILE is not understood: write the body into the scenario");
        if (has_body) body += '&';
        body += data;
        has_body = true;
      } else if (option == "-H" || option == "--header") {
        const std::string_view header = value();
        const auto colon = header.find(':');
        if (colon != header.npos) {
          headers.emplace_back(trimmed(header.substr(0, colon)), trimmed(header.substr(colon + 1)));
        }
      } else if (option == "-u" || option == "--user" || option == "-m" || option == "--max-time" || option == "-o" ||
                 option == "--output" || option == "-w" || option == "--write-out") {
        (void)value();
      } else if (option == "--url") {
        url = value();
      } else if (!option.starts_with('-') && url.empty()) {
        url = option;
      } else if (!option.starts_with('-')) {
        throw error(fmt::format("curl has one URL too many: '{}'", option));
      }
      // Other options (-s, -i, -k, -v, ...) change what curl shows, not what it asks.
    }
    if (url.empty()) throw error("curl needs a URL");
    if (method.empty()) method = has_body ? "POST" : "GET";
    start_curl(method, url, std::move(body), std::move(headers));
    line_ = last_line;
  }

  void start_curl(const std::string& method, std::string_view target, std::string body, NameValues headers) {
    if (!is_method(method))
      throw error(fmt::format("curl's method '{}' is none of GET, HEAD, PUT, POST, DELETE", method));
    if (const auto scheme = target.find("://"); scheme != target.npos) target.remove_prefix(scheme + 3);
    const auto path = target.find('/');
    start(method, path == target.npos ? std::string_view("/") : target.substr(path), std::move(body));
    request_->headers = std::move(headers);
    finish_request();
  }

  std::string_view rest_;
  std::size_t line_ = 0;
  std::optional<Request> request_;
  std::size_t request_line_ = 0;
  bool in_body_ = false;
  bool any_request_ = false;
  std::vector<ScenarioStep> steps_;
};

}  // namespace

std::vector<ScenarioStep> parse_scenario(std::string_view text) {
  return ScenarioParser(text).parse();
}

std::optional<std::string> unmet(const Expectation& expectation, const Response& response) {
  using Kind = Expectation::Kind;
  if (expectation.kind == Kind::status) {
    if (response.status == expectation.status) return std::nullopt;
    return fmt::format("expected status {}, got {}", expectation.status, response.status);
  }
  if (expectation.kind == Kind::header) {
    const auto wanted = expectation.value.get<std::string>();
    for (const auto& [name, value] : response.headers) {
      if (name != expectation.where) continue;
      if (value == wanted) return std::nullopt;
      return fmt::format("expected header {} {}, got {}", name, wanted, value);
    }
    return fmt::format("expected header {}, there is none", expectation.where);
  }
  const Json answer = response.json();
  const Json* found = nullptr;
  try {
    const Json::json_pointer pointer(expectation.where);
    if (response.has_body && answer.contains(pointer)) found = &answer.at(pointer);
  } catch (const Json::exception&) {
    found = nullptr;
  }
  if (expectation.kind == Kind::absence) {
    if (!found) return std::nullopt;
    return fmt::format("expected nothing at {}, got {}", expectation.where, to_text(*found));
  }
  if (found && same_value(*found, expectation.value)) return std::nullopt;
  return fmt::format("expected {} at {}, got {}", to_text(expectation.value), expectation.where,
                     found ? to_text(*found) : "nothing");
}

bool looks_like_bulk(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    if (!line.empty() && !line.starts_with('#')) return line.starts_with('{');
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return false;
}

}  // namespace occ
