/// Any text as `_bulk` NDJSON: as the parser's entries, as documents to load, and as a request that a strategy and the
/// sequential model answer alike.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "harness/support/bad_input.hpp"
#include "harness/support/bulk_parser.hpp"
#include "harness/support/json_text.hpp"
#include "harness/workload/documents.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/rest_pair.hpp"

namespace occ {
namespace {

/// True if every action line is well-formed.
bool parse(std::string_view text, Compatibility compatibility) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  std::size_t last = 0;
  const auto take = [&](const BulkEntry& entry) {
    require(entry.line > last && entry.line <= lines, "entries that are not in the order of their lines");
    last = entry.line;
    if (entry.action == BulkEntry::Action::remove) {
      require(entry.source_line == 0 && entry.source.empty(), "a delete with a source");
      return;
    }
    require(entry.source_line == entry.line + 1, "a source that does not follow its action");
    last = entry.source_line;
    const auto at_or_before = std::less_equal<const char*>();
    require(at_or_before(text.data(), entry.source.data()) &&
                at_or_before(entry.source.data() + entry.source.size(), text.data() + text.size()),
            "a source outside the text");
    require(entry.source.find('\n') == entry.source.npos, "a source of several lines");
    try {
      check_json_object(entry.source);
      require(parse_json(entry.source).is_object(), "a checked object that is none");
    } catch (const JsonError& error) {
      require(*error.what() != '\0', "an error without a message");
    }
  };
  try {
    for_each_bulk_entry(text, take, compatibility);
    return true;
  } catch (const BulkError& error) {
    require(error.line > last && error.line <= lines, "an error in a line that is not there, or behind it");
    require(*error.what() != '\0', "an error without a message");
    return false;
  }
}

void load(std::string_view text) {
  try {
    const Documents documents = Documents::parse(text, "input", "counter");
    Source source;
    Source scratch;
    DocId buffer;
    require(documents.loaded() && documents.size() > 0, "documents without a document");
    for (std::uint32_t i = 0; i < documents.size(); ++i) {
      const std::string_view id = documents.id(i, buffer);
      require(!id.empty() && id.size() <= kMaxIdBytes, "a loaded id that no table takes");
      documents.write_initial(i, source);
      require(documents.increments(i, source.bytes(), scratch) == 0, "a loaded source that is not its own beginning");
    }
  } catch (const BadInput& error) {
    require(std::string_view(error.what()).starts_with("--load: "), "a refusal that does not say of what");
  }
}

void answer(std::string_view text, Compatibility compatibility) {
  RestPair pair("packed_cas", compatibility);
  const Response response = pair.handle(make_request("POST", "/documents/_bulk", std::string(text)));
  if (response.status != 200) return;
  const Json body = response.json();
  for (const Json& item : body["items"]) {
    const Json& result = item.begin().value();
    (void)pair.handle(make_request("GET", "/" + percent_encoded(result["_index"].get<std::string>()) + "/_doc/" +
                                              percent_encoded(result["_id"].get<std::string>())));
  }
}

void check(std::string_view text) {
  for (const auto compatibility : {Compatibility::v6, Compatibility::v7, Compatibility::v8}) {
    if (parse(text, compatibility) || compatibility == Compatibility::v7) answer(text, compatibility);
  }
  load(text);
}

}  // namespace
}  // namespace occ

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  occ::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
