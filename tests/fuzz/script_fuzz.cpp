/// Any text as a script, run on one document: refused with a place inside the text, or run twice with the same end.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/script/script.hpp"
#include "tests/fuzz/require.hpp"

namespace occ {
namespace {

/// How it ended: what it left, or the error.
std::string end_of(const Script& script, std::string_view text) {
  static const Json ctx = Json::parse(
      R"({"op":"index","_index":"i","_id":"1","_version":3,"_routing":null,"_now":1000,)"
      R"("_source":{"n":1,"d":1.5,"s":"a\u00e9","b":true,"l":[1,"x",{"k":2}],"m":{"k":"v"},"big":18446744073709551615}})");
  static const Json params = Json::parse(R"({"n":2,"s":"x","l":["x"],"m":{"k":1}})");
  try {
    const auto outcome = script.run(ctx, params);
    return to_text(outcome.op) + to_text(outcome.source);
  } catch (const ScriptError& error) {
    require(error.stage == "runtime error" && error.stack.size() == 2, "an error without its place");
    require(error.start <= error.offset && error.offset <= error.end && error.end <= text.size(),
            "a place outside its statement");
    return std::string(error.cause_type) + error.what();
  } catch (const UnsupportedScript& what) {
    require(*what.what() != '\0', "a refusal without a name");
    return what.what();
  }
}

/// Scripts come out of JSON, which lets no other bytes through.
bool is_utf8(std::string_view text) {
  try {
    return !Json(text).dump().empty();
  } catch (const Json::exception&) {
    return false;
  }
}

void check(std::string_view text) {
  if (!is_utf8(text)) return;
  try {
    const Script script(text);
    require(end_of(script, text) == end_of(script, text), "a script that ends in two ways");
  } catch (const ScriptError& error) {
    require(*error.what() != '\0', "an error without a message");
    require(error.start <= error.offset && error.offset <= error.end && error.end <= text.size(),
            "a place outside the script");
  } catch (const UnsupportedScript& what) {
    require(*what.what() != '\0', "a refusal without a name");
  }
}

}  // namespace
}  // namespace occ

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  occ::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
