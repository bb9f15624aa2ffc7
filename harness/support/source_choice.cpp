#include "harness/support/source_choice.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "harness/support/write_parameters.hpp"

namespace occ {
namespace {

std::vector<std::string> patterns_of(const std::string& key, const Json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) {
    throw IllegalArgument("Unknown key for a " + std::string(token_name(value)) + " in [" + key + "].");
  }
  std::vector<std::string> patterns;
  for (const Json& each : value) {
    if (!each.is_string()) {
      throw IllegalArgument("Unknown key for a " + std::string(token_name(each)) + " in [" + key + "].");
    }
    patterns.push_back(each.get<std::string>());
  }
  return patterns;
}

/// Patterns, and how far each has got in a path. A pattern that has matched a path matches all that is below it.
class Matcher {
 public:
  struct At {
    std::size_t pattern;
    std::size_t place;
    bool operator==(const At&) const = default;
  };
  /// Where the patterns may stand; none: nothing that begins so matches.
  using State = std::vector<At>;

  explicit Matcher(const std::vector<std::string>& patterns) : patterns_(patterns) {}

  [[nodiscard]] State begin() const {
    State state;
    for (std::size_t i = 0; i < patterns_.size(); ++i) add(state, {i, 0});
    return state;
  }
  [[nodiscard]] State step(State state, std::string_view text) const {
    for (const char c : text) {
      State next;
      for (const At& at : state) {
        const std::string& pattern = patterns_[at.pattern];
        if (at.place > pattern.size()) {
          add(next, at);
        } else if (at.place == pattern.size()) {
          if (c == '.') add(next, {at.pattern, at.place + 1});
        } else if (pattern[at.place] == '*') {
          add(next, at);
        } else if (pattern[at.place] == c) {
          add(next, {at.pattern, at.place + 1});
        }
      }
      state = std::move(next);
      if (state.empty()) break;
    }
    return state;
  }
  [[nodiscard]] bool accepts(const State& state) const {
    return std::ranges::any_of(state, [this](const At& at) { return at.place >= patterns_[at.pattern].size(); });
  }

 private:
  /// With the places that a '*' reaches by matching nothing.
  void add(State& state, At at) const {
    for (;; ++at.place) {
      if (std::ranges::find(state, at) == state.end()) state.push_back(at);
      const std::string& pattern = patterns_[at.pattern];
      if (at.place >= pattern.size() || pattern[at.place] != '*') return;
    }
  }

  const std::vector<std::string>& patterns_;
};

class Filter {
 public:
  Filter(const SourceChoice& choice, Compatibility compatibility)
      : include_(choice.includes),
        exclude_(choice.excludes),
        all_(choice.includes.empty()),
        keeps_empty_lists_(compatibility != Compatibility::v6) {}

  [[nodiscard]] Json object(const Json& value) const {
    return object(value, {include_.begin(), all_}, exclude_.begin());
  }

 private:
  /// Where the includes stand; `all`: they match whatever comes.
  struct Included {
    Matcher::State state;
    bool all = false;
  };

  [[nodiscard]] Included step(const Included& from, std::string_view text) const {
    return {from.all ? Matcher::State() : include_.step(from.state, text), from.all};
  }
  [[nodiscard]] bool is_alive(const Included& at) const { return at.all || !at.state.empty(); }
  [[nodiscard]] bool is_accepted(const Included& at) const { return at.all || include_.accepts(at.state); }

  [[nodiscard]] Json object(const Json& value, const Included& include, const Matcher::State& exclude) const {
    Json out = Json::object();
    for (const auto& [key, element] : value.items()) {
      const Included included = step(include, key);
      if (!is_alive(included)) continue;
      const Matcher::State excluded = exclude_.step(exclude, key);
      if (exclude_.accepts(excluded)) continue;
      if (auto left = below(element, included, excluded)) out[key] = std::move(*left);
    }
    return out;
  }
  /// What is left of a value whose path is matched so far; nothing if it is left out.
  [[nodiscard]] std::optional<Json> below(const Json& value, const Included& include,
                                          const Matcher::State& exclude) const {
    const bool accepted = is_accepted(include);
    const Matcher::State exclude_below = exclude_.step(exclude, ".");
    if (accepted && exclude_below.empty()) return value;
    const Included all{{}, true};
    const Included& from = accepted ? all : include;
    if (value.is_object()) {
      const Included include_below = step(from, ".");
      if (!is_alive(include_below)) return std::nullopt;
      Json left = object(value, include_below, exclude_below);
      if (!accepted && left.empty()) return std::nullopt;
      return left;
    }
    if (value.is_array()) {
      Json left = array(value, from, exclude);
      // 6.x leaves out a list that is empty once it was looked through.
      if (left.empty() && !(accepted && keeps_empty_lists_)) return std::nullopt;
      return left;
    }
    return accepted ? std::optional(value) : std::nullopt;
  }
  [[nodiscard]] Json array(const Json& value, const Included& include, const Matcher::State& exclude) const {
    Json out = Json::array();
    for (const Json& element : value) {
      if (element.is_object()) {
        const Included include_below = step(include, ".");
        if (!is_alive(include_below)) continue;
        Json left = object(element, include_below, exclude_.step(exclude, "."));
        if (!left.empty()) out.push_back(std::move(left));
      } else if (element.is_array()) {
        Json left = array(element, include, exclude);
        if (!left.empty()) out.push_back(std::move(left));
      } else if (is_accepted(include)) {
        out.push_back(element);
      }
    }
    return out;
  }

  Matcher include_;
  Matcher exclude_;
  bool all_;
  bool keeps_empty_lists_;
};

}  // namespace

SourceChoice parse_source_choice(const Json& value) {
  SourceChoice choice;
  if (value.is_boolean()) {
    choice.fetch = value.get<bool>();
  } else if (value.is_string() || value.is_array()) {
    choice.includes = patterns_of("_source", value);
  } else if (value.is_object()) {
    for (const auto& [key, patterns] : value.items()) {
      if (key == "includes" || key == "include") {
        choice.includes = patterns_of(key, patterns);
      } else if (key == "excludes" || key == "exclude") {
        choice.excludes = patterns_of(key, patterns);
      } else {
        throw IllegalArgument("Unknown key for a " + std::string(token_name(patterns)) + " in [" + key + "].");
      }
    }
  } else {
    throw IllegalArgument("Expected one of [VALUE_BOOLEAN, START_OBJECT] but found [" + std::string(token_name(value)) +
                          "]");
  }
  check_patterns(choice);
  return choice;
}

void check_patterns(const SourceChoice& choice) {
  std::size_t bytes = 0;
  for (const auto* patterns : {&choice.includes, &choice.excludes}) {
    for (const std::string& pattern : *patterns) bytes += pattern.size() + 1;
  }
  if (bytes > kMaxPatternBytes) {
    throw IllegalArgument("the patterns of [_source] have more than " + std::to_string(kMaxPatternBytes) + " bytes");
  }
}

Json chosen_part(const Json& object, const SourceChoice& choice, Compatibility compatibility) {
  return Filter(choice, compatibility).object(object);
}

}  // namespace occ
