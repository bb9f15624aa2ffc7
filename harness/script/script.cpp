#include "harness/script/script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "harness/script/script_methods.hpp"
#include "harness/script/script_tree.hpp"

namespace occ {
namespace {

/// One run of a tree. Where Java's line numbers would be told is `here()`: the last place that was passed whose code can
/// fail, in the order in which Painless writes its code.
class Run {
 public:
  Run(const ScriptTree& tree, ScriptHeap& heap, ScriptMap* ctx, ScriptMap* params) : heap_(heap), tree_(tree) {
    variables_.resize(tree.slots);
    variables_[kCtxSlot] = ctx;
    variables_[kParamsSlot] = params;
  }

  void run() { (void)run_block(tree_.root); }
  [[nodiscard]] std::size_t here() const noexcept { return here_; }

 private:
  enum class Flow : bool { goes_on, ends };

  Flow run_block(const ScriptNode& block) {
    for (const ScriptNode& statement : block.children) {
      here_ = statement.offset;
      if (run_statement(statement) == Flow::ends) return Flow::ends;
    }
    return Flow::goes_on;
  }

  Flow run_statement(const ScriptNode& node) {
    heap_.spend(1);
    switch (node.kind) {
      case NodeKind::finish:
        return Flow::ends;
      case NodeKind::if_else:
        if (holds(node.children[0])) return run_block(node.children[1]);
        return node.children.size() > 2 ? run_block(node.children[2]) : Flow::goes_on;
      case NodeKind::declare:
        variables_[node.slot] =
            node.children.empty() ? initial(node.type) : assigned(node.type, value_of(node.children[0]));
        return Flow::goes_on;
      default:
        (void)value_of(node.children[0]);
        return Flow::goes_on;
    }
  }

  bool holds(const ScriptNode& condition) { return std::get<bool>(assigned(ScriptType::boolean, value_of(condition))); }

  ScriptValue value_of(const ScriptNode& node) {
    heap_.spend(1);
    switch (node.kind) {
      case NodeKind::literal:
        return node.literal;
      case NodeKind::variable:
        return variables_[node.slot];
      case NodeKind::make_list:
        return made_list(node);
      case NodeKind::make_map:
        return made_map(node);
      case NodeKind::member: {
        const ScriptValue holder = value_of(node.children[0]);
        here_ = node.offset;
        if (node.is_safe && is_null(holder)) return {};
        return member_of(holder, node.text);
      }
      case NodeKind::element: {
        const ScriptValue holder = value_of(node.children[0]);
        const ScriptValue index = value_of(node.children[1]);
        here_ = node.offset;
        return element_at(holder, index);
      }
      case NodeKind::call:
        return called(node);
      case NodeKind::assign:
      case NodeKind::step_before:
      case NodeKind::step_after:
        return changed(node);
      default:
        return computed(node);
    }
  }

  ScriptValue computed(const ScriptNode& node) {
    here_ = node.offset;
    const auto operand = [&](std::size_t i) { return value_of(node.children[i]); };
    switch (node.kind) {
      case NodeKind::negate:
        return negated(operand(0));
      case NodeKind::plus: {
        ScriptValue value = operand(0);
        (void)negated(value);  // it takes the same types
        return value;
      }
      case NodeKind::logical_not:
        return !holds(node.children[0]);
      case NodeKind::calculate: {
        const ScriptValue left = operand(0);
        const ScriptValue right = operand(1);
        return calculate(heap_, node.operation, left, right);
      }
      case NodeKind::both:
        return holds(node.children[0]) && holds(node.children[1]);
      case NodeKind::either:
        return holds(node.children[0]) || holds(node.children[1]);
      case NodeKind::choose:
        return operand(holds(node.children[0]) ? 1 : 2);
      case NodeKind::or_else: {
        ScriptValue first = operand(0);
        return is_null(first) ? operand(1) : first;
      }
      case NodeKind::cast:
        return cast(node.type, operand(0));
      default: {  // instance_of
        const ScriptValue value = operand(0);
        return !is_null(value) && value.index() == kind_of(node.type);
      }
    }
  }

  /// The alternative of ScriptValue that a type stands for.
  static std::size_t kind_of(ScriptType type) {
    constexpr std::size_t kKinds[] = {0, 1, 2, 3, 4, 6, 7, 8};
    return kKinds[static_cast<std::size_t>(type)];
  }

  ScriptValue made_list(const ScriptNode& node) {
    ScriptList* list = heap_.make_list();
    heap_.spend(sizeof(ScriptList) + node.children.size() * sizeof(ScriptValue));
    for (const ScriptNode& element : node.children) list->elements.push_back(value_of(element));
    return list;
  }

  ScriptValue made_map(const ScriptNode& node) {
    ScriptMap* map = heap_.make_map();
    heap_.spend(sizeof(ScriptMap));
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const ScriptValue key = value_of(node.children[i]);
      heap_.put(*map, key_in(key), value_of(node.children[i + 1]));
    }
    return map;
  }

  static const std::string& key_in(const ScriptValue& key) {
    const std::string* text = text_in(key);
    if (!text) throw UnsupportedScript("keys of a map that are no String are");
    return *text;
  }

  ScriptValue called(const ScriptNode& node) {
    const ScriptValue receiver = value_of(node.children[0]);
    here_ = node.offset;
    if (node.is_safe && is_null(receiver)) return {};
    std::vector<ScriptValue> arguments;
    for (std::size_t i = 1; i < node.children.size(); ++i) arguments.push_back(value_of(node.children[i]));
    refuse_null(receiver, node.text);
    return call_method(heap_, receiver, node.text, arguments);
  }

  // Places that are read and written.

  static void refuse_null(const ScriptValue& holder, std::string_view name) {
    if (!is_null(holder)) return;
    throw JavaError{"null_pointer_exception",
                    fmt::format("cannot access method/field [{}] from a null def reference", name)};
  }

  static bool is_place_number(std::string_view name) {
    return name.size() < 10 && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  }

  /// The element of a list that is written as a member, as in `list.0`; null if it is none.
  static ScriptValue* numbered(const ScriptValue& holder, const std::string& name) {
    const auto* list = std::get_if<ScriptList*>(&holder);
    if (!list || !is_place_number(name)) return nullptr;
    return &element_of(**list, static_cast<std::int32_t>(std::stol(name)));
  }

  ScriptValue member_of(const ScriptValue& holder, const std::string& name) {
    refuse_null(holder, name);
    if (const auto* map = std::get_if<ScriptMap*>(&holder)) {
      const ScriptValue* found = heap_.find(**map, name);
      return found ? *found : ScriptValue();
    }
    if (const ScriptValue* element = numbered(holder, name)) return *element;
    if (std::holds_alternative<ScriptList*>(holder) && name == "length") return call_method(heap_, holder, "size", {});
    throw JavaError{"illegal_argument_exception",
                    fmt::format("dynamic getter [{}, {}] not found", class_name(holder), name)};
  }

  void set_member(const ScriptValue& holder, const std::string& name, const ScriptValue& value) {
    refuse_null(holder, name);
    if (const auto* map = std::get_if<ScriptMap*>(&holder)) return heap_.put(**map, name, value);
    if (ScriptValue* element = numbered(holder, name)) {
      *element = value;
      return;
    }
    throw JavaError{"illegal_argument_exception",
                    fmt::format("dynamic setter [{}, {}] not found", class_name(holder), name)};
  }

  [[noreturn]] static void refuse_index(const ScriptValue& holder) {
    refuse_null(holder, "normalizeIndex");
    throw JavaError{"illegal_argument_exception",
                    fmt::format("Attempting to address a non-array type [{}] as an array.", class_name(holder))};
  }

  ScriptValue element_at(const ScriptValue& holder, const ScriptValue& index) {
    if (const auto* list = std::get_if<ScriptList*>(&holder)) return element_of(**list, index);
    const auto* map = std::get_if<ScriptMap*>(&holder);
    if (!map) refuse_index(holder);
    const std::string* key = text_in(index);
    const ScriptValue* found = key ? heap_.find(**map, *key) : nullptr;
    return found ? *found : ScriptValue();
  }

  void set_element(const ScriptValue& holder, const ScriptValue& index, const ScriptValue& value) {
    if (const auto* list = std::get_if<ScriptList*>(&holder)) {
      element_of(**list, index) = value;
    } else if (const auto* map = std::get_if<ScriptMap*>(&holder)) {
      heap_.put(**map, key_in(index), value);
    } else {
      refuse_index(holder);
    }
  }

  /// `=`, `+=` and its like, `++` and `--`: what was there is read only where it is needed, and its place is found once.
  ScriptValue changed(const ScriptNode& node) {
    const ScriptNode& target = node.children[0];
    ScriptValue holder;
    ScriptValue index;
    if (target.kind != NodeKind::variable) holder = value_of(target.children[0]);
    if (target.kind == NodeKind::element) index = value_of(target.children[1]);
    here_ = target.offset;
    const bool is_plain = node.operation == Operation::none;
    const bool is_step = node.kind != NodeKind::assign;
    ScriptValue before;
    if (!is_plain) {
      before = target.kind == NodeKind::variable ? variables_[target.slot]
               : target.kind == NodeKind::member ? member_of(holder, target.text)
                                                 : element_at(holder, index);
    }
    if (is_step) here_ = node.offset;
    if (!is_step && node.children[1].kind == NodeKind::literal) here_ = node.children[1].offset;
    ScriptValue value = is_step ? ScriptValue(std::int32_t{1}) : value_of(node.children[1]);
    const ScriptType type = target.kind == NodeKind::variable ? tree_.slot_types[target.slot] : ScriptType::def;
    if (!is_plain) value = calculate(heap_, node.operation, before, value);
    if (!is_plain && type == ScriptType::def) value = as_before(before, value);
    if (target.kind != NodeKind::variable) here_ = target.offset;
    if (target.kind == NodeKind::variable) {
      value = is_plain ? assigned(type, value) : cast(type, value);
      variables_[target.slot] = value;
    } else if (target.kind == NodeKind::member) {
      set_member(holder, target.text, value);
    } else {
      set_element(holder, index, value);
    }
    return node.kind == NodeKind::step_after ? before : value;
  }

  ScriptHeap& heap_;
  const ScriptTree& tree_;
  std::vector<ScriptValue> variables_;
  std::size_t here_ = 0;
};

/// The map of a JSON object.
ScriptMap* map_of(ScriptHeap& heap, const Json& object) {
  return std::get<ScriptMap*>(from_json(heap, object));
}

Json member(ScriptHeap& heap, ScriptMap& map, std::string_view name) {
  const ScriptValue* found = heap.find(map, name);
  return found ? to_json(heap, *found) : Json();
}

}  // namespace

Script::Script(std::string_view source) {
  if (source.size() > kMaxBytes) {
    throw ScriptError(
        "", "illegal_argument_exception",
        fmt::format("exceeded max allowed inline script size in bytes [{}] with size [{}] for script [{}]", kMaxBytes,
                    source.size(), source));
  }
  tree_ = std::make_unique<const ScriptTree>(parse_script(source));
}

Script::~Script() = default;

Script::Outcome Script::run(const Json& ctx, const Json& params) const {
  ScriptHeap heap;
  ScriptMap* variables = map_of(heap, ctx);
  for (auto& [name, value] : variables->entries) {
    if (const auto* whole = std::get_if<std::int32_t>(&value)) value = std::int64_t{*whole};
  }
  ScriptMap* parameters = map_of(heap, params);
  parameters->read_only = true;
  Run run(*tree_, heap, variables, parameters);
  try {
    run.run();
    return {.op = member(heap, *variables, "op"), .source = member(heap, *variables, "_source")};
  } catch (const JavaError& cause) {
    throw runtime_error(*tree_, run.here(), cause);
  }
}

}  // namespace occ
