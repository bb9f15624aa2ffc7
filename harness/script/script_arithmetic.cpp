#include "harness/script/script_arithmetic.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace occ {
namespace {

/// Number.longValue. Of a double only in a cast, which ends at the largest and the least.
std::int64_t as_long(const ScriptValue& value) {
  if (const auto* whole = std::get_if<std::int32_t>(&value)) return *whole;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* whole = std::get_if<BigWhole>(&value)) return static_cast<std::int64_t>(whole->value);
  const double real = std::get<double>(value);
  if (std::isnan(real)) return 0;
  if (real >= 0x1p63) return std::numeric_limits<std::int64_t>::max();
  if (real <= -0x1p63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(real);
}

std::int32_t as_int(const ScriptValue& value) {
  if (const auto* real = std::get_if<double>(&value)) {
    if (*real >= 0x1p31) return std::numeric_limits<std::int32_t>::max();
    if (*real <= -0x1p31) return std::numeric_limits<std::int32_t>::min();
  }
  return static_cast<std::int32_t>(as_long(value));
}

double as_double(const ScriptValue& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* whole = std::get_if<BigWhole>(&value)) return static_cast<double>(whole->value);
  return static_cast<double>(as_long(value));
}

[[noreturn]] void throw_null(std::string_view name) {
  throw JavaError{"null_pointer_exception",
                  fmt::format("Cannot invoke \"Object.getClass()\" because \"{}\" is null", name)};
}

/// A number and a Boolean.
void refuse_boolean(const ScriptValue& a, const ScriptValue& b) {
  const ScriptValue& number = is_number(a) ? a : b;
  const ScriptValue& other = is_number(a) ? b : a;
  if (!is_number(number) || !std::holds_alternative<bool>(other)) return;
  throw JavaError{"class_cast_exception", fmt::format("Cannot cast java.lang.Boolean to {}", class_name(number))};
}

[[noreturn]] void refuse(Operation operation, const ScriptValue& a, const ScriptValue& b) {
  if (is_null(a)) throw_null("left");
  if (is_null(b)) throw_null("right");
  if (operation < Operation::equal) refuse_boolean(a, b);
  if (operation < Operation::equal && (std::holds_alternative<bool>(a) || std::holds_alternative<bool>(b))) {
    throw JavaError{"class_cast_exception",
                    fmt::format("Cannot apply [{}] operation to type [boolean]", symbol_of(operation))};
  }
  throw JavaError{"class_cast_exception", fmt::format("Cannot apply [{}] operation to types [{}] and [{}].",
                                                      symbol_of(operation), class_name(a), class_name(b))};
}

/// Of int or of long.
template <typename Whole>
ScriptValue whole_result(Operation operation, Whole a, Whole b) {
  using Bits = std::make_unsigned_t<Whole>;
  const auto left = static_cast<Bits>(a);
  const auto right = static_cast<Bits>(b);
  if (operation == Operation::multiply) return static_cast<Whole>(left * right);
  if (operation == Operation::add) return static_cast<Whole>(left + right);
  if (operation == Operation::subtract) return static_cast<Whole>(left - right);
  if (b == 0) throw JavaError{"arithmetic_exception", "/ by zero"};
  // The least number divided by -1 does not fit, and is undefined here.
  if (b == -1) return operation == Operation::divide ? static_cast<Whole>(Bits{0} - left) : Whole{0};
  return static_cast<Whole>(operation == Operation::divide ? a / b : a % b);
}

ScriptValue real_result(Operation operation, double a, double b) {
  switch (operation) {
    case Operation::multiply:
      return a * b;
    case Operation::divide:
      return a / b;
    case Operation::remainder:
      return std::fmod(a, b);
    case Operation::add:
      return a + b;
    default:
      return a - b;
  }
}

template <typename Number>
bool ordered(Operation operation, Number a, Number b) {
  switch (operation) {
    case Operation::less:
      return a < b;
    case Operation::less_or_equal:
      return a <= b;
    case Operation::greater:
      return a > b;
    case Operation::greater_or_equal:
      return a >= b;
    default:
      return a == b;
  }
}

template <typename T>
bool either_is(const ScriptValue& a, const ScriptValue& b) {
  return std::holds_alternative<T>(a) || std::holds_alternative<T>(b);
}

bool compared(Operation operation, const ScriptValue& a, const ScriptValue& b) {
  if (either_is<double>(a, b)) return ordered(operation, as_double(a), as_double(b));
  if (either_is<std::int64_t>(a, b)) return ordered(operation, as_long(a), as_long(b));
  return ordered(operation, as_int(a), as_int(b));
}

bool same(ScriptHeap& heap, const ScriptValue& a, const ScriptValue& b) {
  refuse_boolean(a, b);
  if (either_is<BigWhole>(a, b) && a.index() == b.index()) return a == b;
  return is_number(a) && is_number(b) ? compared(Operation::equal, a, b) : equal_objects(heap, a, b);
}

[[noreturn]] void refuse_cast(std::string_view how, ScriptType type, const ScriptValue& value) {
  if (is_null(value)) throw_null("value");
  throw JavaError{"class_cast_exception",
                  fmt::format("cannot {} cast def [{}] to {}", how, unboxed_name(value), name_of(type))};
}

/// What a variable of that type gets; nothing if it cannot have the value.
std::optional<ScriptValue> converted(ScriptType type, const ScriptValue& value) {
  const bool is_whole = std::holds_alternative<std::int32_t>(value);
  const bool is_long = std::holds_alternative<std::int64_t>(value);
  switch (type) {
    case ScriptType::boolean:
      if (std::holds_alternative<bool>(value)) return value;
      break;
    case ScriptType::whole:
      if (is_whole) return value;
      break;
    case ScriptType::long_whole:
      if (is_whole || is_long) return as_long(value);
      break;
    case ScriptType::real:
      if (is_whole || is_long || std::holds_alternative<double>(value)) return as_double(value);
      break;
    case ScriptType::text:
      if (text_in(value) || is_null(value)) return value;
      break;
    case ScriptType::list:
      if (std::holds_alternative<ScriptList*>(value) || is_null(value)) return value;
      break;
    case ScriptType::map:
      if (std::holds_alternative<ScriptMap*>(value) || is_null(value)) return value;
      break;
    case ScriptType::def:
      return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view symbol_of(Operation operation) noexcept {
  constexpr std::string_view kSymbols[] = {"=", "*", "/", "%", "+", "-", "==", "!=", "<", "<=", ">", ">="};
  return kSymbols[static_cast<std::size_t>(operation)];
}

ScriptValue calculate(ScriptHeap& heap, Operation operation, const ScriptValue& a, const ScriptValue& b) {
  if (operation == Operation::equal) return same(heap, a, b);
  if (operation == Operation::not_equal) return !same(heap, a, b);
  if (operation == Operation::add && (text_in(a) || text_in(b))) {
    std::string joined = to_java_text(heap, a);
    joined += to_java_text(heap, b);
    return heap.make_text(std::move(joined));
  }
  if (!is_number(a) || !is_number(b)) refuse(operation, a, b);
  if (operation > Operation::not_equal) return compared(operation, a, b);
  if (either_is<double>(a, b)) return real_result(operation, as_double(a), as_double(b));
  if (either_is<std::int64_t>(a, b)) return whole_result(operation, as_long(a), as_long(b));
  return whole_result(operation, as_int(a), as_int(b));
}

ScriptValue negated(const ScriptValue& a) {
  if (const auto* real = std::get_if<double>(&a)) return -*real;
  if (const auto* whole = std::get_if<std::int64_t>(&a))
    return whole_result(Operation::subtract, std::int64_t{0}, *whole);
  if (const auto* whole = std::get_if<std::int32_t>(&a)) return whole_result(Operation::subtract, 0, *whole);
  if (is_null(a)) throw_null("unary");
  throw JavaError{"class_cast_exception", fmt::format("Cannot apply [-] operation to type [{}].", class_name(a))};
}

std::string_view name_of(ScriptType type) noexcept {
  constexpr std::string_view kNames[] = {
      "def", "boolean", "int", "long", "double", "java.lang.String", "java.util.List", "java.util.Map"};
  return kNames[static_cast<std::size_t>(type)];
}

ScriptValue assigned(ScriptType type, const ScriptValue& value) {
  if (auto made = converted(type, value)) return *std::move(made);
  refuse_cast("implicitly", type, value);
}

ScriptValue cast(ScriptType type, const ScriptValue& value) {
  if (is_number(value)) {
    if (type == ScriptType::whole) return as_int(value);
    if (type == ScriptType::long_whole) return as_long(value);
    if (type == ScriptType::real) return as_double(value);
  }
  if (auto made = converted(type, value)) return *std::move(made);
  refuse_cast("explicitly", type, value);
}

ScriptValue as_before(const ScriptValue& before, const ScriptValue& value) {
  if (!is_number(before) || before.index() == value.index()) return value;
  if (!is_number(value)) {
    throw JavaError{"class_cast_exception",
                    fmt::format("class {} cannot be cast to class java.lang.Number ({} and "
                                "java.lang.Number are in module java.base of loader 'bootstrap')",
                                class_name(value), class_name(value))};
  }
  if (std::holds_alternative<std::int32_t>(before)) return as_int(value);
  if (std::holds_alternative<std::int64_t>(before)) return as_long(value);
  return as_double(value);
}

ScriptValue initial(ScriptType type) {
  switch (type) {
    case ScriptType::boolean:
      return false;
    case ScriptType::whole:
      return std::int32_t{0};
    case ScriptType::long_whole:
      return std::int64_t{0};
    case ScriptType::real:
      return 0.0;
    default:
      return std::monostate();
  }
}

}  // namespace occ
