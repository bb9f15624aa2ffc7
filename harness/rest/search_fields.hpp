#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "core/build/function_ref.hpp"
#include "harness/support/json_text.hpp"

namespace occ {

/// What a field is to a search. `date`: a text that Elasticsearch's dynamic mapping takes for one.
enum class FieldType : std::uint8_t { none, text, keyword, whole, real32, real64, boolean, date };

/// A field as a query or a sort names it: where its values are, and what they are.
struct SearchField {
  std::string path;
  FieldType type = FieldType::none;
  /// The `keyword` that dynamic mapping puts below a text: longer values are left out of it (ignore_above).
  bool below_text = false;
};

/// The types that dynamic mapping gives to fields: by the first value that it sees, in the order in which documents are
/// added.
class FieldTypes {
 public:
  void add(const Json& document);
  /// A field of that name, of type `none` if no document has one.
  [[nodiscard]] SearchField field(std::string_view name) const;

 private:
  void add(const std::string& prefix, const Json& value);

  std::map<std::string, FieldType, std::less<>> types_;
};

/// A value as it is compared: a whole number (of booleans too: 0 and 1), a real one, or a text.
using FieldValue = std::variant<std::int64_t, double, std::string>;

/// Calls take for each value of a field in a document: dots in its path go into objects, lists are passed through, null
/// is no value. What is not of the field's type is made to be, as Elasticsearch coerces it, or left out.
void for_each_value(const Json& document, const SearchField& field, FunctionRef<void(const FieldValue&)> take);

/// True if Elasticsearch's dynamic mapping takes the text for a date.
[[nodiscard]] bool looks_like_date(std::string_view text) noexcept;

/// "2.5", "3.0", "Infinity": a double, or a float, as Java prints it in JSON (without quotes).
[[nodiscard]] std::string java_text(double number);
[[nodiscard]] std::string java_text(float number);

}  // namespace occ
