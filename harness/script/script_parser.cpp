/// From the text of a script to its tree: the grammar's parse tree, its variables in slots, and what is wrong with it
/// before it runs.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "harness/script/script_grammar.hpp"
#include "harness/script/script_static.hpp"
#include "harness/script/script_tree.hpp"

namespace occ {
namespace {

namespace pl = painless;
namespace tree = pl::peg::parse_tree;
using Parsed = tree::node;

/// Evaluation calls itself for each level.
constexpr std::size_t kMaxTreeDepth = 250;

template <typename Rule>
using Kept = tree::selector<
    Rule,
    tree::store_content::on<pl::Name, pl::MemberName, pl::Number, pl::String, pl::True, pl::False, pl::Null,
                            pl::KnownType, pl::Dot, pl::Step, pl::UnarySign, pl::ProductSign, pl::SumSign,
                            pl::OrderSign, pl::EqualSign, pl::AssignSign, pl::Entry, pl::EmptyMap, pl::Brackets,
                            pl::Arguments, pl::New, pl::LocalCall, pl::Member, pl::Element, pl::StepBefore, pl::Signed,
                            pl::Cast, pl::OrElse, pl::Choice, pl::Instance, pl::Block, pl::IfElse, pl::Declared,
                            pl::Declaration, pl::Return, pl::Evaluation, pl::Whole>,
    tree::fold_one::on<pl::Chain, pl::StepAfter, pl::Product, pl::Sum, pl::Order, pl::Equality, pl::Both, pl::Either,
                       pl::Conditional, pl::ExpressionBody>>;

/// Ends the parse where one of the beginnings is met that are not taken.
template <typename Rule>
struct Refusal : pl::peg::nothing<Rule> {};

struct RefusedWord {
  template <typename ActionInput>
  [[noreturn]] static void apply(const ActionInput& in) {
    throw UnsupportedScript(fmt::format("[{}] in a script is", in.string_view()));
  }
};
template <>
struct Refusal<pl::LoopWord> : RefusedWord {};
template <>
struct Refusal<pl::OtherType> : RefusedWord {};
template <>
struct Refusal<pl::StaticClass> : RefusedWord {};
template <>
struct Refusal<pl::ForeignOperator> : RefusedWord {};
template <>
struct Refusal<pl::BitwiseNot> : RefusedWord {};
template <>
struct Refusal<pl::FunctionReference> : RefusedWord {};
template <>
struct Refusal<pl::RegularExpression> {
  [[noreturn]] static void apply0() { throw UnsupportedScript("regular expressions in a script are"); }
};
template <>
struct Refusal<pl::Lambda> {
  [[noreturn]] static void apply0() { throw UnsupportedScript("lambdas in a script are"); }
};
template <>
struct Refusal<pl::Array> {
  [[noreturn]] static void apply0() { throw UnsupportedScript("arrays in a script are"); }
};
template <>
struct Refusal<pl::Function> {
  [[noreturn]] static void apply0() { throw UnsupportedScript("functions of a script are"); }
};

// What an error tells.

std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (const char byte : text) {
    const auto bits = static_cast<unsigned char>(byte);
    if ((bits & 0xC0U) != 0x80) units += bits >= 0xF0 ? 2 : 1;
  }
  return units;
}

/// The byte at which that unit begins; the size if there are fewer.
std::size_t byte_of(std::string_view text, std::size_t unit) {
  std::size_t at = 0;
  for (std::size_t units = 0; at < text.size(); ++at) {
    const auto bits = static_cast<unsigned char>(text[at]);
    if ((bits & 0xC0U) == 0x80) continue;
    if (units >= unit) return at;
    units += bits >= 0xF0 ? 2 : 1;
  }
  return at;
}

/// The token at `at`, as an error shows it.
std::string shown_token(std::string_view source, std::size_t at) {
  if (at >= source.size()) return "<EOF>";
  std::size_t size = 1;
  if (pl::is_word_character(source[at])) {
    while (at + size < source.size() && pl::is_word_character(source[at + size])) ++size;
  } else {
    for (const std::string_view sign :
         {"==", "!=", "<=", ">=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "->", "?."}) {
      if (source.substr(at).starts_with(sign)) size = sign.size();
    }
  }
  return fmt::format("'{}'", source.substr(at, size));
}

ScriptError syntax_error(const pl::Input& in, std::string_view source) {
  const std::size_t at = in.missing_at;
  std::string reason;
  if (at < source.size() && std::string_view("@#`$\\\"'").find(source[at]) != std::string_view::npos) {
    const bool is_quote = source[at] == '"' || source[at] == '\'';
    reason = fmt::format("unexpected character [{}].", is_quote ? source.substr(at) : source.substr(at, 1));
  } else if (in.terminator_missing && at < source.size()) {
    reason = fmt::format("unexpected token [{}] was expecting one of [{{<EOF>, ';'}}].", shown_token(source, at));
  } else if (at >= source.size()) {
    reason = "unexpected end of script.";
  } else {
    reason = fmt::format("invalid sequence of tokens near [{}].", shown_token(source, at));
  }
  return compile_error(source, at, "illegal_argument_exception", reason);
}

// From the parse tree to the tree.

Operation operation_of(std::string_view sign) {
  constexpr std::pair<std::string_view, Operation> kSigns[] = {
      {"*", Operation::multiply},   {"/", Operation::divide},         {"%", Operation::remainder},
      {"+", Operation::add},        {"-", Operation::subtract},       {"==", Operation::equal},
      {"!=", Operation::not_equal}, {"<=", Operation::less_or_equal}, {">=", Operation::greater_or_equal},
      {"<", Operation::less},       {">", Operation::greater},        {"++", Operation::add},
      {"--", Operation::subtract},  {"+=", Operation::add},           {"-=", Operation::subtract},
      {"*=", Operation::multiply},  {"/=", Operation::divide},        {"%=", Operation::remainder}};
  for (const auto& [text, operation] : kSigns) {
    if (text == sign) return operation;
  }
  return Operation::none;
}

ScriptType type_of(std::string_view name) {
  constexpr std::pair<std::string_view, ScriptType> kTypes[] = {
      {"boolean", ScriptType::boolean}, {"int", ScriptType::whole},   {"long", ScriptType::long_whole},
      {"double", ScriptType::real},     {"String", ScriptType::text}, {"List", ScriptType::list},
      {"ArrayList", ScriptType::list},  {"Map", ScriptType::map},     {"HashMap", ScriptType::map}};
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  return ScriptType::def;
}

/// What a value is called that nobody uses, or that cannot be assigned to.
std::string described(const ScriptNode& node) {
  switch (node.kind) {
    case NodeKind::member:
      return fmt::format("dot operator [{}]", node.text);
    case NodeKind::element:
      return "brace operator";
    case NodeKind::calculate:
      return fmt::format("operation [{}]", symbol_of(node.operation));
    case NodeKind::variable:
      return fmt::format("variable [{}]", node.text);
    case NodeKind::choose:
      return "conditional operation";
    case NodeKind::call:
      return fmt::format("method call [{}]", node.text);
    default:
      return "expression";
  }
}

class TreeBuilder {
 public:
  explicit TreeBuilder(ScriptTree& built) : built_(built), names_{{"ctx", kCtxSlot}, {"params", kParamsSlot}} {}

  void build(const Parsed& whole) {
    ScriptNode root = node(NodeKind::block, whole);
    add_statements(root, whole);
    if (root.children.empty()) {
      refuse(whole, "illegal_argument_exception",
             "invalid function definition: found no statements for function [execute] with [0] parameters");
    }
    if (not_foldable_) throw ScriptError(*not_foldable_);
    built_.root = std::move(root);
  }

 private:
  [[noreturn]] void refuse(const Parsed& parsed, std::string_view type, const std::string& reason) const {
    throw compile_error(built_.source, parsed.m_begin.byte, type, reason);
  }

  static ScriptNode node(NodeKind kind, const Parsed& parsed) {
    ScriptNode made;
    made.kind = kind;
    made.offset = static_cast<std::uint32_t>(parsed.m_begin.byte);
    return made;
  }

  void add(ScriptNode& parent, ScriptNode child) const {
    const std::size_t depth = std::size_t{1} + child.depth;
    if (depth > kMaxTreeDepth) {
      throw compile_error(built_.source, child.offset, "illegal_argument_exception",
                          "the script is nested deeper than occkit takes");
    }
    parent.depth = std::max(parent.depth, static_cast<std::uint16_t>(depth));
    parent.children.push_back(std::move(child));
  }

  // Statements.

  void add_statements(ScriptNode& block, const Parsed& parsed) {
    const std::size_t names = names_.size();
    for (const auto& statement : parsed.children) add_statement(block, *statement);
    names_.resize(names);
  }

  void add_statement(ScriptNode& block, const Parsed& parsed) {
    if (parsed.is_type<pl::Declaration>()) return add_declarations(block, parsed);
    built_.statements.push_back(parsed.m_begin.byte);
    if (parsed.is_type<pl::IfElse>()) return add(block, if_else(parsed));
    if (parsed.is_type<pl::Return>()) {
      if (!parsed.children.empty()) refuse(parsed, "class_cast_exception", "Cannot cast from [def] to [void].");
      return add(block, node(NodeKind::finish, parsed));
    }
    ScriptNode evaluate = node(NodeKind::evaluate, parsed);
    add(evaluate, expression(*parsed.children[0]));
    const NodeKind kind = evaluate.children[0].kind;
    if (kind != NodeKind::assign && kind != NodeKind::step_before && kind != NodeKind::step_after &&
        kind != NodeKind::call) {
      refuse(parsed, "illegal_argument_exception",
             "not a statement: result not used from " + described(evaluate.children[0]));
    }
    add(block, std::move(evaluate));
  }

  void add_declarations(ScriptNode& block, const Parsed& parsed) {
    const ScriptType type = type_of(parsed.children[0]->string_view());
    for (std::size_t i = 1; i < parsed.children.size(); ++i) {
      const Parsed& declared = *parsed.children[i];
      built_.statements.push_back(declared.m_begin.byte);
      ScriptNode declare = node(NodeKind::declare, declared);
      if (declared.children.size() > 1) add(declare, expression(*declared.children[1], type == ScriptType::def));
      const std::string name = declared.children[0]->string();
      if (find(name)) {
        refuse(declared, "illegal_argument_exception", fmt::format("variable [{}] is already defined", name));
      }
      declare.type = type;
      declare.slot = built_.slots++;
      built_.slot_types.push_back(type);
      names_.emplace_back(name, declare.slot);
      add(block, std::move(declare));
    }
  }

  ScriptNode if_else(const Parsed& parsed) {
    ScriptNode made = node(NodeKind::if_else, parsed);
    add(made, expression(*parsed.children[0]));
    if (const ScriptNode& condition = made.children[0];
        condition.kind == NodeKind::literal && std::holds_alternative<bool>(condition.literal)) {
      refuse(parsed, "illegal_argument_exception", "extraneous if block");
    }
    for (std::size_t i = 1; i < parsed.children.size(); ++i) {
      const Parsed& part = *parsed.children[i];
      ScriptNode block = node(NodeKind::block, part);
      if (part.is_type<pl::Block>()) {
        add_statements(block, part);
      } else {
        const std::size_t names = names_.size();
        add_statement(block, part);
        names_.resize(names);
      }
      add(made, std::move(block));
    }
    return made;
  }

  // Expressions.

  /// `is_def`: where the value goes, anything is taken, so the branches of `? :` keep the types that they have.
  ScriptNode expression(const Parsed& parsed, bool is_def = false) {
    if (parsed.is_type<pl::ExpressionBody>()) return assignment(parsed);
    if (parsed.is_type<pl::Conditional>()) return conditional(parsed, is_def);
    if (parsed.is_type<pl::Both>()) return chained(parsed, NodeKind::both);
    if (parsed.is_type<pl::Either>()) return chained(parsed, NodeKind::either);
    if (parsed.is_type<pl::Chain>()) return chain(parsed);
    if (parsed.is_type<pl::Signed>()) return signed_value(parsed);
    if (parsed.is_type<pl::Cast>()) {
      ScriptNode made = node(NodeKind::cast, parsed);
      made.type = type_of(parsed.children[0]->string_view());
      add(made, expression(*parsed.children[1]));
      return folded(std::move(made));
    }
    if (parsed.is_type<pl::StepBefore>()) return step(NodeKind::step_before, parsed, 1, 0);
    if (parsed.is_type<pl::StepAfter>()) return step(NodeKind::step_after, parsed, 0, 1);
    if (parsed.is_type<pl::Product>() || parsed.is_type<pl::Sum>() || parsed.is_type<pl::Order>() ||
        parsed.is_type<pl::Equality>()) {
      return calculation(parsed);
    }
    return primary(parsed);
  }

  ScriptNode primary(const Parsed& parsed) {
    if (parsed.is_type<pl::Name>()) return variable(parsed);
    if (parsed.is_type<pl::Number>()) return number(parsed, "");
    if (parsed.is_type<pl::Brackets>()) return brackets(parsed);
    if (parsed.is_type<pl::New>()) return made_object(parsed);
    if (parsed.is_type<pl::LocalCall>()) {
      refuse(parsed, "illegal_argument_exception",
             fmt::format("Unknown call [{}] with [{}] arguments.", parsed.children[0]->string_view(),
                         parsed.children[1]->children.size()));
    }
    ScriptNode made = node(NodeKind::literal, parsed);
    if (parsed.is_type<pl::String>()) {
      made.literal = std::make_shared<const std::string>(unquoted(parsed.string_view()));
    } else if (!parsed.is_type<pl::Null>()) {
      made.literal = parsed.is_type<pl::True>();
    }
    return made;
  }

  static std::string unquoted(std::string_view quoted) {
    std::string text;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
      if (quoted[i] == '\\') ++i;
      text += quoted[i];
    }
    return text;
  }

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const {
    for (const auto& [known, slot] : names_) {
      if (known == name) return slot;
    }
    return std::nullopt;
  }

  ScriptNode variable(const Parsed& parsed) const {
    ScriptNode made = node(NodeKind::variable, parsed);
    made.text = parsed.string();
    const auto slot = find(made.text);
    if (!slot) {
      if (made.text == "java" || made.text == "org")
        throw UnsupportedScript("names of Java's packages in a script are");
      refuse(parsed, "illegal_argument_exception", fmt::format("cannot resolve symbol [{}]", made.text));
    }
    made.slot = *slot;
    return made;
  }

  ScriptNode number(const Parsed& parsed, std::string_view sign) const {
    ScriptNode made = node(NodeKind::literal, parsed);
    std::string text = std::string(sign) + parsed.string();
    std::string_view digits = parsed.string_view();
    const bool is_hex = digits.starts_with("0x") || digits.starts_with("0X");
    const char last = digits.back();
    const bool is_long = last == 'l' || last == 'L';
    const bool is_real = !is_hex && digits.find_first_of(".eEdDfF") != digits.npos;
    if (!is_hex && (last == 'f' || last == 'F')) throw UnsupportedScript("[float] in a script is");
    if (is_real) {
      double value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      made.literal = value;
      return made;
    }
    if (is_long) digits.remove_suffix(1);
    int base = 10;
    if (is_hex) {
      base = 16;
      digits.remove_prefix(2);
    } else if (digits.size() > 1 && digits[0] == '0') {
      base = 8;
    }
    text = std::string(sign) + std::string(digits);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    const bool is_whole = error == std::errc{} && end == text.data() + text.size();
    if (is_long && is_whole) {
      made.literal = value;
    } else if (is_whole && value == static_cast<std::int32_t>(value)) {
      made.literal = static_cast<std::int32_t>(value);
    } else {
      std::string reason = fmt::format("Invalid {} constant [{}].", is_long ? "long" : "int", text);
      if (is_whole) reason += fmt::format(" If you want a long constant then change it to [{}L].", text);
      refuse(parsed, "illegal_argument_exception", reason);
    }
    return made;
  }

  ScriptNode brackets(const Parsed& parsed) {
    const auto& entries = parsed.children;
    const bool is_map = !entries.empty() && (entries[0]->is_type<pl::EmptyMap>() || entries[0]->children.size() == 2);
    ScriptNode made = node(is_map ? NodeKind::make_map : NodeKind::make_list, parsed);
    for (const auto& entry : entries) {
      if (!entry->is_type<pl::EmptyMap>() && entry->children.size() != (is_map ? 2U : 1U)) {
        refuse(*entry, "illegal_argument_exception", "a list and a map at once");
      }
      for (const auto& part : entry->children) add(made, expression(*part, true));
    }
    return made;
  }

  ScriptNode made_object(const Parsed& parsed) const {
    const std::string_view name = parsed.children[0]->string_view();
    const bool is_list = name == "ArrayList";
    if ((!is_list && name != "HashMap") || !parsed.children[1]->children.empty()) {
      throw UnsupportedScript(
          fmt::format("[new {}] with {} arguments in a script is", name, parsed.children[1]->children.size()));
    }
    return node(is_list ? NodeKind::make_list : NodeKind::make_map, parsed);
  }

  ScriptNode chain(const Parsed& parsed) {
    ScriptNode made = expression(*parsed.children[0]);
    for (std::size_t i = 1; i < parsed.children.size(); ++i) {
      const Parsed& part = *parsed.children[i];
      const bool is_element = part.is_type<pl::Element>();
      const bool is_call = !is_element && part.children.size() > 2;
      ScriptNode next = node(is_element ? NodeKind::element : is_call ? NodeKind::call : NodeKind::member, part);
      add(next, std::move(made));
      if (is_element) {
        add(next, expression(*part.children[0]));
      } else {
        next.is_safe = part.children[0]->string_view() == "?.";
        next.text = part.children[1]->string();
      }
      if (is_call) {
        for (const auto& argument : part.children[2]->children) add(next, expression(*argument));
      }
      made = std::move(next);
    }
    return made;
  }

  ScriptNode signed_value(const Parsed& parsed) {
    const std::string_view sign = parsed.children[0]->string_view();
    const Parsed& operand = *parsed.children[1];
    if (sign == "-" && operand.is_type<pl::Number>()) return number(operand, "-");
    ScriptNode made = node(sign == "-"   ? NodeKind::negate
                           : sign == "+" ? NodeKind::plus
                                         : NodeKind::logical_not,
                           parsed);
    add(made, expression(operand));
    return folded(std::move(made));
  }

  ScriptNode folded(ScriptNode made) {
    try {
      fold(made);
    } catch (const JavaError& error) {
      if (!not_foldable_) not_foldable_ = compile_error(built_.source, made.offset, error.type, error.reason);
    }
    return made;
  }

  /// Operands and the signs between them, from the left.
  ScriptNode calculation(const Parsed& parsed) {
    ScriptNode made = expression(*parsed.children[0]);
    for (std::size_t i = 1; i < parsed.children.size(); ++i) {
      const Parsed& part = *parsed.children[i];
      const bool is_instance = part.is_type<pl::Instance>();
      ScriptNode next = node(is_instance ? NodeKind::instance_of : NodeKind::calculate, parsed);
      add(next, std::move(made));
      if (is_instance) {
        next.type = type_of(part.children[0]->string_view());
        if (next.type == ScriptType::def) throw UnsupportedScript("[instanceof] of that type in a script is");
      } else {
        next.operation = operation_of(part.string_view());
        add(next, expression(*parsed.children[++i]));
      }
      made = folded(std::move(next));
    }
    return made;
  }

  ScriptNode chained(const Parsed& parsed, NodeKind kind) {
    ScriptNode made = expression(*parsed.children[0]);
    for (std::size_t i = 1; i < parsed.children.size(); ++i) {
      ScriptNode next = node(kind, parsed);
      add(next, std::move(made));
      add(next, expression(*parsed.children[i]));
      made = std::move(next);
    }
    return made;
  }

  ScriptNode conditional(const Parsed& parsed, bool is_def) {
    const Parsed& choice = *parsed.children[1];
    ScriptNode made = node(choice.is_type<pl::OrElse>() ? NodeKind::or_else : NodeKind::choose, parsed);
    add(made, expression(*parsed.children[0]));
    for (const auto& part : choice.children) add(made, expression(*part, is_def));
    if (made.kind == NodeKind::choose && !is_def) promote_branches(made, built_.slot_types);
    return made;
  }

  ScriptNode target(const Parsed& parsed) {
    ScriptNode made = expression(parsed);
    if (made.kind == NodeKind::variable && made.slot <= kParamsSlot) {
      refuse(parsed, "illegal_argument_exception", fmt::format("Variable [{}] is read-only.", made.text));
    }
    const bool is_place =
        made.kind == NodeKind::variable || made.kind == NodeKind::member || made.kind == NodeKind::element;
    if (!is_place || made.is_safe) {
      refuse(parsed, "illegal_argument_exception", "invalid assignment: cannot assign a value to " + described(made));
    }
    return made;
  }

  ScriptNode step(NodeKind kind, const Parsed& parsed, std::size_t place, std::size_t sign) {
    ScriptNode made = node(kind, parsed);
    made.operation = operation_of(parsed.children[sign]->string_view());
    add(made, target(*parsed.children[place]));
    return made;
  }

  ScriptNode assignment(const Parsed& parsed) {
    ScriptNode made = node(NodeKind::assign, parsed);
    made.operation = operation_of(parsed.children[1]->string_view());
    add(made, target(*parsed.children[0]));
    add(made, expression(*parsed.children[2]));
    return made;
  }

  ScriptTree& built_;
  std::vector<std::pair<std::string, std::uint32_t>> names_;
  /// Told once nothing else is wrong: constants are folded when all of a script is understood.
  std::optional<ScriptError> not_foldable_;
};

/// Fills in where an error is: `from` and `to` are the bytes of the part that is shown.
void locate(ScriptError& error, std::string_view source, std::size_t from, std::size_t to, std::size_t at) {
  error.start = utf16_units(source.substr(0, from));
  error.end = error.start + utf16_units(source.substr(from, to - from));
  error.offset = utf16_units(source.substr(0, at));
}

}  // namespace

ScriptError compile_error(std::string_view source, std::size_t offset, std::string_view type,
                          const std::string& reason) {
  constexpr std::size_t kShown = 25;  // units before and behind, as Elasticsearch has it
  const std::size_t at = std::min(offset, source.size());
  const std::size_t unit = utf16_units(source.substr(0, at));
  const std::size_t from = byte_of(source, unit - std::min(unit, kShown));
  const std::size_t to = byte_of(source, unit + kShown);
  ScriptError error("compile error", type, reason);
  locate(error, source, from, to, at);
  const std::string_view indent = from > 0 ? "... " : "";
  error.stack = {fmt::format("{}{}{}", indent, source.substr(from, to - from), to < source.size() ? " ..." : ""),
                 std::string(indent.size() + error.offset - error.start, ' ') + "^---- HERE"};
  return error;
}

ScriptError runtime_error(const ScriptTree& built, std::size_t offset, const JavaError& cause) {
  const std::string_view source = built.source;
  const auto next = std::ranges::upper_bound(built.statements, offset);
  const std::size_t from = next == built.statements.begin() ? 0 : *std::prev(next);
  const std::size_t to = next == built.statements.end() ? source.size() : *next;
  ScriptError error("runtime error", cause.type, cause.reason);
  locate(error, source, from, to, offset);
  error.stack = {std::string(source.substr(from, to - from)),
                 std::string(error.offset - error.start, ' ') + "^---- HERE"};
  return error;
}

ScriptTree parse_script(std::string_view source) {
  ScriptTree built;
  built.source = source;
  pl::Input in(built.source);
  try {
    const auto root = tree::parse<pl::Whole, Kept, Refusal>(in);
    if (!root) throw syntax_error(in, built.source);
    TreeBuilder(built).build(*root->children[0]);
  } catch (const pl::TooDeep& deep) {
    throw compile_error(built.source, deep.offset, "illegal_argument_exception",
                        "the script is nested deeper than occkit takes");
  }
  return built;
}

}  // namespace occ
