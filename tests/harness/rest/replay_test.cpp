/// Requests, scenarios and `occkit replay`: what is accepted, what is refused with which words, and that no text
/// whatever ends the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "harness/commands/commands.hpp"
#include "harness/rest/rest_api.hpp"
#include "harness/rest/scenario.hpp"
#include "harness/support/bulk_parser.hpp"
#include "tests/variants/contract.hpp"
#include "tests/variants/reference_table.hpp"

namespace occ {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A node on the sequential model, and one session.
class RestTest : public ::testing::Test {
 protected:
  explicit RestTest(Compatibility compatibility = Compatibility::v7)
      : node_({.make_table = [](const auto& options) { return std::make_unique<ErasedTable<ReferenceTable>>(options); },
               .compatibility = compatibility,
               .clock = &clock_,
               .manual_clock = &clock_}),
        session_(node_) {}

  Response send(std::string_view method, std::string_view target, std::string body = {}) {
    return session_.handle(make_request(method, target, std::move(body)));
  }
  std::string reason(std::string_view method, std::string_view target, std::string body = {}) {
    const Response response = send(method, target, std::move(body));
    const Json error = response.json()["error"];
    return std::to_string(response.status) + " " +
           (error.is_string() ? error.get<std::string>() : error["reason"].get<std::string>());
  }

  ManualClock clock_;
  Node node_;
  Session session_;
};
class Rest6Test : public RestTest {
 protected:
  Rest6Test() : RestTest(Compatibility::v6) {}
};
class Rest8Test : public RestTest {
 protected:
  Rest8Test() : RestTest(Compatibility::v8) {}
};

constexpr auto kNoVersions =
    "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and "
    "`if_primary_term` instead;";

TEST_F(RestTest, write_with_contradicting_parameters_collects_every_reason_in_order) {
  const std::string failed = "400 Validation Failed: ";
  struct Refusal {
    const char *method, *target, *body;
    std::string reasons;
  };
  for (const auto& [method, target, body, reasons] : std::vector<Refusal>{
           {"PUT", "/i/_doc/1?if_seq_no=1", "{}", "1: ifSeqNo is set, but primary term is [0];"},
           {"PUT", "/i/_doc/1?if_primary_term=3", "{}", "1: ifSeqNo is unassigned, but primary term is [3];"},
           {"DELETE", "/i/_doc/1?if_primary_term=3", "", "1: ifSeqNo is unassigned, but primary term is [3];"},
           {"DELETE", "/i/_doc/1?if_seq_no=1", "", "1: ifSeqNo is set, but primary term is [0];"},
           {"PUT", "/i/_doc/1?version=7", "{}", std::string("1: ") + kNoVersions},
           {"PUT", "/i/_doc/1?version=-1&if_seq_no=1", "{}",
            std::string("1: illegal version value [-1] for version type [INTERNAL];2: ") + kNoVersions +
                "3: compare and write operations can not use versioning;4: ifSeqNo is set, but primary term is [0];"},
           {"PUT", "/i/_doc/1?version_type=external", "{}",
            "1: illegal version value [-3] for version type [EXTERNAL];"},
           {"PUT", "/i/_doc/1?version_type=external_gte&version=-1", "{}",
            "1: illegal version value [-1] for version type [EXTERNAL_GTE];"},
           {"PUT", "/i/_doc/1?version_type=external&version=2&if_seq_no=1&if_primary_term=1", "{}",
            "1: compare and write operations can not use versioning;"},
           {"PUT", "/i/_create/1?version_type=external&version=2&if_seq_no=1", "{}",
            "1: create operations only support internal versioning. use index instead;"},
           {"PUT", "/i/_create/1?version=2&if_seq_no=1", "{}",
            "1: create operations do not support explicit versions. use index instead;"},
           {"PUT", "/i/_create/1?if_primary_term=1", "{}",
            "1: create operations do not support compare and set. use index instead;"},
           {"POST", "/i/_doc?op_type=index&version_type=external&version=2", "{}",
            "1: an id must be provided if version type or value are set;"},
           {"POST", "/i/_update/1?version=1", "{\"doc\":{}}", std::string("1: ") + kNoVersions},
           {"POST", "/i/_update/1?version_type=external", "{\"doc\":{}}", std::string("1: ") + kNoVersions},
           {"POST", "/i/_update/1?if_seq_no=1&if_primary_term=1&retry_on_conflict=2",
            R"({"doc":{},"upsert":{},"doc_as_upsert":true})",
            "1: compare and write operations can not be retried;2: compare and write operations can not be used with "
            "upsert;3: upsert requests don't support `if_seq_no` and `if_primary_term`;"},
           {"POST", "/i/_update/1", "{}", "1: script or doc is missing;"},
           {"POST", "/i/_update/1", R"({"doc":{},"script":"x"})", "1: can't provide both script and doc;"},
           {"POST", "/i/_update/1", R"({"doc_as_upsert":true})",
            "1: script or doc is missing;2: doc must be specified if doc_as_upsert is enabled;"},
           {"GET", "/i/_doc/1?version=0", "", "1: illegal version value [0] for version type [INTERNAL];"},
           {"GET", "/i/_doc/1?version=-4", "", "1: illegal version value [-4] for version type [INTERNAL];"},
           {"POST", "/_bulk", "{\"index\":{\"_id\":\"1\"}}\n{}\n", "1: index is missing;"},
           {"POST", "/_bulk", "\n\n", "1: no requests added;"},
           {"POST", "/_mget", R"({"docs":[]})", "1: no documents to get;"},
           {"POST", "/_mget", R"({"ids":["1"]})", "1: index is missing for doc 0;"},
       }) {
    SCOPED_TRACE(std::string(method) + " " + target);
    EXPECT_EQ(reason(method, target, body), failed + reasons);
  }
}

TEST_F(RestTest, request_with_a_value_that_cannot_be_read_is_refused) {
  struct Refusal {
    const char *method, *target, *body, *reason;
  };
  for (const auto& [method, target, body, expected] : std::vector<Refusal>{
           {"PUT", "/i/_doc/1?if_seq_no=-1", "{}", "400 sequence numbers must be non negative. got [-1]."},
           {"PUT", "/i/_doc/1?if_primary_term=-1", "{}", "400 primary term must be non negative. got [-1]"},
           {"PUT", "/i/_doc/1?if_seq_no=9223372036854775808", "{}",
            "400 Failed to parse long parameter [if_seq_no] with value [9223372036854775808]"},
           {"PUT", "/i/_doc/1?version=+-1", "{}", "400 Failed to parse long parameter [version] with value [ -1]"},
           {"POST", "/i/_update/1?retry_on_conflict=x", "{}",
            "400 Failed to parse int parameter [retry_on_conflict] with value [x]"},
           {"PUT", "/i/_doc/1?version_type=force&version=1", "{}", "400 No version type match [force]"},
           {"PUT", "/i/_doc/1?op_type=x", "{}", "400 opType must be 'create' or 'index', found: [x]"},
           {"PUT", "/i/_create/1?op_type=INDEX", "{}", "400 opType must be 'create', found: [INDEX]"},
           {"PUT", "/i/_doc/1?if_seqno=1&x=1", "{}",
            "400 request [/i/_doc/1] contains unrecognized parameters: [if_seqno] -> did you mean [if_seq_no]?, [x]"},
           {"GET", "/i/_source/1?version=1", "",
            "400 request [/i/_source/1] contains unrecognized parameter: [version]"},
           {"PUT", "/i/_doc/1", "", "400 request body is required"},
           {"PUT", "/i/_doc/1", "{\"a\":", "400 failed to parse"},
           {"PUT", "/i/_doc/1", "[]", "400 failed to parse"},
           {"POST", "/i/_update/1", R"({"doc":1})",
            "400 [1:8] [UpdateRequest] doc doesn't support values of type: VALUE_NUMBER"},
           {"POST", "/i/_update/1", R"({"docs":{}})",
            "400 [1:2] [UpdateRequest] unknown field [docs] did you mean [doc]?"},
           {"PUT", "/i/_doc/1?pipeline=a", "{}", "501 the parameter [pipeline] is not supported by occkit"},
           {"GET", "/i/_segments", "", "501 [_segments] is not supported by occkit"},
           {"PUT", "/i/movie/1", "{}", "501 the type [movie]: types other than _doc are not supported by occkit"},
           {"GET", "/_nothing", "", "400 no handler found for uri [/_nothing] and method [GET]"},
           {"DELETE", "/i/_create/1", "",
            "405 Incorrect HTTP method for uri [/i/_create/1] and method [DELETE], allowed: [PUT, POST]"},
           {"GET", "/none/_doc/1", "", "404 no such index [none]"},
           {"DELETE", "/none/_doc/1", "", "404 no such index [none]"},
           {"PUT", "/Movies/_doc/1", "{}", "400 Invalid index name [Movies], must be lowercase"},
           {"PUT", "/x", R"({"settings":{"number_of_shards":0}})",
            "400 Failed to parse value [0] for setting [index.number_of_shards] must be >= 1"},
           {"PUT", "/x", R"({"settings":{"number_of_shards":1025}})",
            "400 Failed to parse value [1025] for setting [index.number_of_shards] must be <= 1024"},
           {"PUT", "/x", R"({"settings":{"index":{"gc_deletes":"5"}}})",
            "400 failed to parse setting [index.gc_deletes] with value [5] as a time value: unit is missing or "
            "unrecognized"},
           {"POST", "/_occkit/advance_clock?ms=-1", "", "400 the clock goes forward only, and not by [-1] ms"},
           {"POST", "/_occkit/fail_over/none", "", "404 no such index [none]"},
       }) {
    SCOPED_TRACE(std::string(method) + " " + target);
    if (std::string_view(target).starts_with("/i/_source")) (void)send("PUT", "/i");
    EXPECT_EQ(reason(method, target, body), expected);
  }
}

TEST_F(RestTest, id_of_512_bytes_is_the_longest) {
  const std::string longest(kMaxIdBytes, 'x');
  EXPECT_EQ(send("PUT", "/i/_doc/" + longest, "{}").status, 201);
  EXPECT_EQ(
      reason("PUT", "/i/_doc/" + longest + "y", "{}"),
      "400 Validation Failed: 1: id [" + longest + "y] is too long, must be no longer than 512 bytes but was: 513;");
  EXPECT_EQ(send("POST", "/i/_bulk", "{\"index\":{\"_id\":\"\"}}\n{}\n").json()["items"][0]["index"]["status"], 400);
}

TEST_F(RestTest, index_with_a_source_beyond_the_limit_is_refused) {
  const std::string text(kMaxSourceBytes, 'x');
  EXPECT_EQ(reason("PUT", "/i/_doc/1", "{\"a\":\"" + text + "\"}"), "413 source is larger than 16777216 bytes");
}

TEST_F(RestTest, delete_creates_an_index_only_with_an_external_version) {
  EXPECT_EQ(send("DELETE", "/a/_doc/1").status, 404);
  EXPECT_EQ(send("HEAD", "/a").status, 404);
  EXPECT_EQ(send("DELETE", "/a/_doc/1?version_type=external&version=5").json()["result"], "not_found");
  EXPECT_EQ(send("HEAD", "/a").status, 200);
}

TEST_F(RestTest, delete_index_forgets_its_documents) {
  EXPECT_EQ(send("PUT", "/a/_doc/1", "{}").status, 201);
  EXPECT_EQ(send("DELETE", "/a").status, 200);
  EXPECT_EQ(send("GET", "/a/_doc/1").status, 404);
  EXPECT_EQ(send("PUT", "/a/_doc/1", "{}").json()["_seq_no"], 0);
}

TEST_F(RestTest, fail_over_raises_the_term_that_writes_carry) {
  (void)send("PUT", "/a/_doc/1", "{}");
  EXPECT_EQ(send("POST", "/_occkit/fail_over/a").json()["primary_terms"]["0"], 2);
  EXPECT_EQ(send("GET", "/a/_doc/1").json()["_primary_term"], 1);
  EXPECT_EQ(send("PUT", "/a/_doc/1?if_seq_no=0&if_primary_term=1", "{}").json()["_primary_term"], 2);
  EXPECT_EQ(reason("PUT", "/a/_doc/1?if_seq_no=1&if_primary_term=1", "{}"),
            "409 [1]: version conflict, required seqNo [1], primary term [1]. current document has seqNo [1] and "
            "primary term [2]");
}

TEST_F(RestTest, update_merges_objects_and_replaces_all_else) {
  (void)send("PUT", "/a/_doc/1", R"({"n":1,"o":{"x":1,"y":{"z":[1,2]}},"s":"t"})");
  const auto updated =
      send("POST", "/a/_update/1?_source=true", R"({"doc":{"o":{"y":{"z":[3],"w":null}},"s":{"u":1}}})");
  EXPECT_EQ(to_text(updated.json()["get"]["_source"]), R"({"n":1,"o":{"x":1,"y":{"z":[3],"w":null}},"s":{"u":1}})");
}

/// JSON with its quotes written as apostrophes, so that a reader finds the JSON.
std::string json(std::string text) {
  std::ranges::replace(text, '\'', '"');
  return text;
}

TEST_F(RestTest, answer_has_the_keys_in_elasticsearchs_order) {
  EXPECT_EQ(send("PUT", "/a/_doc/1?refresh=true", "{}").text(),
            json("{'_index':'a','_type':'_doc','_id':'1','_version':1,'result':'created','forced_refresh':true,"
                 "'_shards':{'total':1,'successful':1,'failed':0},'_seq_no':0,'_primary_term':1}"));
  EXPECT_EQ(send("GET", "/a/_doc/1").text(),
            json("{'_index':'a','_type':'_doc','_id':'1','_version':1,'_seq_no':0,'_primary_term':1,'found':true,"
                 "'_source':{}}"));
  const auto conflict = send("PUT", "/a/_create/1", "{}");
  const std::string error =
      "'type':'version_conflict_engine_exception','reason':'[1]: version conflict, document already exists (current "
      "version [1])','index_uuid':'" +
      conflict.json()["error"]["index_uuid"].get<std::string>() + "','shard':'0','index':'a'";
  EXPECT_EQ(conflict.text(), json("{'error':{'root_cause':[{" + error + "}]," + error + "},'status':409}"));
}

TEST_F(Rest8Test, answer_of_8_has_no_types) {
  EXPECT_EQ(send("PUT", "/a/_doc/1", "{}").text(),
            json("{'_index':'a','_id':'1','_version':1,'result':'created',"
                 "'_shards':{'total':1,'successful':1,'failed':0},'_seq_no':0,'_primary_term':1}"));
  EXPECT_EQ(reason("POST", "/a/_update/2", R"({"doc":{}})"), "404 [2]: document missing");
  EXPECT_EQ(reason("PUT", "/a/_doc/1?version=1", "{}"), std::string("400 Validation Failed: 1: ") + kNoVersions);
}

TEST_F(Rest6Test, write_with_internal_version_of_6_is_compared) {
  EXPECT_EQ(reason("PUT", "/a/_doc/1?version=1", "{}"),
            "409 [_doc][1]: version conflict, current version [-1] is different than the one provided [1]");
  EXPECT_EQ(send("PUT", "/a/_doc/1", R"({"n":1})").status, 201);
  EXPECT_EQ(send("PUT", "/a/_doc/1?version=1", R"({"n":2})").json()["_version"], 2);
  EXPECT_EQ(reason("DELETE", "/a/_doc/1?version=1"),
            "409 [_doc][1]: version conflict, current version [2] is different than the one provided [1]");
  EXPECT_EQ(reason("POST", "/a/_update/1?version=1", R"({"doc":{"n":3}})"),
            "409 [_doc][1]: version conflict, current version [2] is different than the one provided [1]");
  EXPECT_EQ(send("POST", "/a/_doc/1/_update?version=2", R"({"doc":{"n":3}})").json()["_version"], 3);
  EXPECT_EQ(reason("POST", "/a/_update/2?version=2", R"({"doc":{"n":3}})"), "404 [_doc][2]: document missing");
  EXPECT_EQ(reason("POST", "/a/_update/1?version=3&retry_on_conflict=1", R"({"doc":{}})"),
            "400 Validation Failed: 1: can't provide both retry_on_conflict and a specific version;");
  EXPECT_EQ(send("DELETE", "/a/_doc/1?version=3").json()["result"], "deleted");
}

TEST(BulkParserTest, for_each_bulk_entry_malformed_line_is_named) {
  struct Malformed {
    std::string text;
    std::size_t line;
    const char* message;
  };
  const std::string good = "{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n";
  for (const auto& [text, line, message] : std::vector<Malformed>{
           {good + "{\"delete\":{\"_id\":\"1\"}}", 3, "The bulk request must be terminated by a newline [\\n]"},
           {"", 1, "The bulk request must be terminated by a newline [\\n]"},
           {good + "[]\n", 3, "Malformed action/metadata line [3], expected START_OBJECT but found [START_ARRAY]"},
           {good + "{}\n", 3, "Malformed action/metadata line [3], expected FIELD_NAME but found [END_OBJECT]"},
           {good + "{\"upsert\":{}}\n{}\n", 3,
            "Malformed action/metadata line [3], expected field [create], [delete], [index] or [update] but found "
            "[upsert]"},
           {good + "\n{\"index\":1}\n{}\n", 4,
            "Malformed action/metadata line [4], expected START_OBJECT or END_OBJECT but found [VALUE_NUMBER]"},
           {good + "{\"index\":{\"_id\":[1]}}\n{}\n", 3,
            "Malformed action/metadata line [3], expected a simple value for field [_id] but found [START_ARRAY]"},
           {good + "{\"index\":{\"_version\":1}}\n{}\n", 3,
            "Action/metadata line [3] contains an unknown parameter [_version]"},
           {good + "{\"index\":{\"if_seq_no\":-1}}\n{}\n", 3, "sequence numbers must be non negative. got [-1]."},
           {good + "{\"update\":{\"_id\":\"1\",\"version\":1}}\n{}\n", 3,
            "Update requests do not support versioning. Please use `if_seq_no` and `if_primary_term` instead"},
           {good + "{\"index\":{}}\n", 3, "Action/metadata line [3] has no source line"},
       }) {
    SCOPED_TRACE(text);
    std::size_t taken = 0;
    try {
      for_each_bulk_entry(text, [&](const BulkEntry&) { ++taken; });
      ADD_FAILURE() << "accepted";
    } catch (const BulkError& error) {
      EXPECT_EQ(error.line, line);
      EXPECT_STREQ(error.what(), message);
      EXPECT_EQ(taken, line == 1 || text.back() != '\n' ? 0U : 1U);
    }
  }
}

TEST(BulkParserTest, for_each_bulk_entry_hands_out_sources_and_lines) {
  std::vector<std::string> seen;
  for_each_bulk_entry(
      "{\"create\":{\"_index\":\"a\",\"_id\":7}}\r\n{\"x\": 1}\r\n\n{\"delete\":{\"_id\":\"b\"}}\n"
      "{\"index\":{\"op_type\":\"create\",\"_id\":null}}\n{}\n",
      [&](const BulkEntry& entry) {
        seen.push_back(std::to_string(static_cast<int>(entry.action)) + entry.index.value_or("-") +
                       entry.id.value_or("-") + std::string(entry.source) + std::to_string(entry.line) + "," +
                       std::to_string(entry.source_line));
      });
  EXPECT_THAT(seen, ::testing::ElementsAre("1a7{\"x\": 1}1,2", "3-b4,0", "1--{}5,6"));
}

TEST(JsonTextTest, parse_json_beyond_the_limits_throws) {
  EXPECT_NO_THROW((void)parse_json(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')));
  EXPECT_THROW((void)parse_json(std::string(kMaxJsonDepth + 1, '[') + std::string(kMaxJsonDepth + 1, ']')), JsonError);
  EXPECT_THROW(check_json(std::string(10'000'000, '[')), JsonError);
  EXPECT_THROW(check_json("{\"a\":\"\xff\"}"), JsonError);
  EXPECT_THROW(check_json("{} x"), JsonError);
  EXPECT_THROW(check_json(std::string_view("{}\0 x", 5)), JsonError);
  EXPECT_THROW(check_json(""), JsonError);
  EXPECT_THROW(check_json_object("[]"), JsonError);
}

TEST(JsonTextTest, is_utf8_accepts_what_the_standard_does) {
  for (const char* good :
       {"", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF", "\xEE\x80\x80"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xE2\x82", "a\xFF"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(RequestTest, make_request_decodes_path_and_query) {
  const Request request = make_request("GET", "/a%2Fb/_doc/%C3%A9+x?q=a+b%26c&flag&=");
  EXPECT_THAT(request.path, ::testing::ElementsAre("a/b", "_doc", "\xC3\xA9+x"));
  // As Elasticsearch has it, segments are empty but at the end.
  EXPECT_THAT(make_request("GET", "//a//b///").path, ::testing::ElementsAre("", "a", "", "b"));
  EXPECT_THAT(make_request("GET", "//").path, ::testing::IsEmpty());
  EXPECT_THAT(request.query, ::testing::ElementsAre(::testing::Pair("q", "a b&c"), ::testing::Pair("flag", ""),
                                                    ::testing::Pair("", "")));
  for (const char* bad : {"a", "/%", "/%4", "/%zz", "/%ff", "/a?b=%C3", "/%00"}) {
    EXPECT_THROW((void)make_request("GET", bad), MalformedRequest) << bad;
  }
}

TEST(ScenarioTest, parse_scenario_reads_requests_as_people_paste_them) {
  const auto steps = parse_scenario(
      "# why\n"
      "PUT a/_doc/1\n{\n  \"x\": 1\n}\nexpect 201\n\n"
      "curl -s -H 'If-Match: 3' -XPUT \"http://127.0.0.1:9200/a/_doc/1?version=1\" \\\n  -d '{\n\"y\": \"it'\\''s\"}'\n"
      "curl localhost:9200/a/_doc/1\n"
      "POST /_bulk\n{\"delete\":{\"_id\":\"1\"}}\n");
  ASSERT_EQ(steps.size(), 6U);
  EXPECT_EQ(std::get<std::string>(steps[0].what), "why");
  EXPECT_EQ(std::get<Request>(steps[1].what).body, "{\n\"x\": 1\n}");
  EXPECT_EQ(std::get<Request>(steps[1].what).uri, "/a/_doc/1");
  EXPECT_EQ(std::get<Expectation>(steps[2].what).status, 201);
  EXPECT_EQ(std::get<Request>(steps[3].what).method, "PUT");
  EXPECT_EQ(std::get<Request>(steps[3].what).uri, "/a/_doc/1?version=1");
  EXPECT_EQ(std::get<Request>(steps[3].what).body, "{\n\"y\": \"it's\"}");
  EXPECT_EQ(std::get<Request>(steps[3].what).headers.at(0).second, "3");
  EXPECT_EQ(steps[3].line, 8U);
  EXPECT_EQ(std::get<Request>(steps[4].what).method, "GET");
  EXPECT_EQ(std::get<Request>(steps[5].what).body, "{\"delete\":{\"_id\":\"1\"}}\n");
}

TEST(ScenarioTest, parse_scenario_malformed_line_is_named) {
  struct Malformed {
    const char* text;
    std::size_t line;
    const char* says;
  };
  for (const auto& [text, line, says] : std::vector<Malformed>{
           {"\nFETCH /a\n", 2, "begins no request"},
           {"GET\n", 1, "needs a path"},
           {"GET /a b\n", 1, "spaces"},
           {"GET /%zz\n", 1, "percent"},
           {"expect 200\n", 1, "no request before"},
           {"GET /a\nexpect 20\n", 2, "HTTP status"},
           {"GET /a\nexpect 200x\n", 2, "HTTP status"},
           {"GET /a\nexpect-body a 1\n", 2, "JSON pointer"},
           {"GET /a\nexpect-body /a {\n", 2, "is not JSON"},
           {"GET /a\nexpect-nothing\n", 2, "unknown"},
           {"GET /a\n\n{}\n", 3, "begins no request"},
           {"PUT /a\nPOTS /b\n", 2, "begins no request"},
           {"header x: y\n", 1, "right after its request"},
           {"GET /a\ncurl -d '{}\n", 2, "not closed"},
           {"curl\n", 1, "needs a URL"},
           {"curl -X\n", 1, "needs a value"},
           {"curl -d @file localhost/a\n", 1, "@FILE"},
           {"curl -XPATCH localhost/a\n", 1, "PATCH"},
       }) {
    SCOPED_TRACE(text);
    try {
      (void)parse_scenario(text);
      ADD_FAILURE() << "accepted";
    } catch (const ScenarioError& error) {
      EXPECT_EQ(error.line, line);
      EXPECT_THAT(error.what(), HasSubstr(says));
    }
  }
}

/// `occkit replay` as it is called, on a file of the given text.
class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() { std::filesystem::create_directories(folder_); }
  ~ReplayTest() override { std::filesystem::remove_all(folder_); }

  struct Ended {
    int status;
    std::string out;
    std::string err;
  };
  Ended replay(const std::string& text, std::vector<std::string> options = {}) {
    std::ofstream(folder_ / "file", std::ios::binary) << text;
    options.insert(options.begin(), {"replay", (folder_ / "file").string()});
    return call(std::move(options));
  }
  static Ended call(std::vector<std::string> arguments) {
    CLI::App app;
    int status = kExitOk;
    add_replay(app, status);
    std::ranges::reverse(arguments);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    std::string refused;
    try {
      app.parse(std::move(arguments));
    } catch (const BadInput& error) {
      status = kExitBadInput;
      refused = error.what();
    } catch (const CLI::ParseError& error) {
      status = kExitBadInput;
      refused = error.what();
    }
    std::fflush(stdout);
    Ended ended{status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
    ended.err += refused;
    return ended;
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("occkit_replay_test_" + std::to_string(::getpid()));
};

TEST_F(ReplayTest, replay_met_expectations_ends_with_0_and_prints_the_answers) {
  const auto ended = replay("# hello\nPUT /a/_doc/1\n{\"x\": 1}\nexpect 201\n");
  EXPECT_EQ(ended.status, kExitOk);
  EXPECT_THAT(ended.out,
              HasSubstr("# hello\nPUT /a/_doc/1\n{\"x\": 1}\n201 Created\nLocation: /a/_doc/1\n{\n  \"_index\""));
  EXPECT_THAT(ended.out, HasSubstr("1 of 1 expectations met"));
}

TEST_F(ReplayTest, replay_unmet_expectation_ends_with_1_and_names_the_line) {
  const auto ended = replay("GET /a/_doc/1\nexpect 200\nexpect-body /status 404\nexpect-absent /error\n", {"--quiet"});
  EXPECT_EQ(ended.status, kExitVerificationFailed);
  EXPECT_THAT(ended.err, HasSubstr("file:2: expected status 200, got 404\n"));
  EXPECT_THAT(ended.err, HasSubstr("file:4: expected nothing at /error, got {"));
  EXPECT_EQ(ended.out.find("GET"), std::string::npos);
}

TEST_F(ReplayTest, replay_bad_input_ends_with_2_and_says_what_is_accepted) {
  struct Bad {
    std::string text;
    std::vector<std::string> options;
    const char* says;
  };
  for (const auto& [text, options, says] : std::vector<Bad>{
           {"GET /a\nnonsense /b\n", {}, "file:2: 'nonsense /b' begins no request"},
           {"GET /a\n\nnonsense\n", {}, "file:3: 'nonsense' begins no request"},
           {"", {}, "file:1: there is no request in it"},
           {"{\"index\":{\"_id\":\"1\"}}\n{\"a\":\n", {}, "file:2: "},
           {"{\"index\":{\"_id\":\"1\"}}\n{}\n{\"index\"}\n", {}, "file:3: Malformed action/metadata line [3]"},
           {"{\"delete\":{\"_id\":\"1\"}}", {}, "file:1: The bulk request must be terminated by a newline"},
           {"GET /a\n", {"--strategy", "best"}, "unknown strategy 'best': accepted are "},
           {"GET /a\n", {"--strategy", "null"}, "nothing is promised by the strategy 'null'"},
           {"GET /a\n", {"--compat", "5"}, "--compat"},
           {"GET /a\n", {"--shards", "0"}, "--shards"},
           {"GET /a\n", {"--shards", "-1"}, "--shards"},
           {"GET /a\n", {"--gc-deletes", "5x"}, "accepted are -1 and times from 0 s to 366 days, such as 500ms"},
       }) {
    SCOPED_TRACE(text);
    const auto ended = replay(text, options);
    EXPECT_EQ(ended.status, kExitBadInput);
    EXPECT_THAT(ended.err, HasSubstr(says));
    EXPECT_EQ(ended.out, "");
  }
  EXPECT_THAT(call({"replay", (folder_ / "none").string()}).err, HasSubstr("No such file"));
}

TEST_F(ReplayTest, replay_bulk_file_answers_item_by_item) {
  const auto ended =
      replay("{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"create\":{\"_id\":\"1\"}}\n{}\n{\"delete\":{\"_id\":\"2\"}}\n",
             {"--index", "packages", "--compat", "8"});
  EXPECT_EQ(ended.status, kExitOk);
  EXPECT_THAT(ended.out, HasSubstr("POST /packages/_bulk"));
  EXPECT_THAT(ended.out, HasSubstr("[1]: version conflict, document already exists (current version [1])"));
}

class StoriesTest : public contract::StrategyTest {};

TEST_P(StoriesTest, replay_stories_meet_what_they_expect) {
  for (const auto& file : std::filesystem::directory_iterator(OCCKIT_SCENARIOS)) {
    const std::string text = read_file(file.path());
    SCOPED_TRACE(file.path().filename());
    ManualClock clock;
    Node node({.make_table = [](const TableOptions& options) { return make_table(GetParam().name, options); },
               .compatibility = text.find("--compat 6") != text.npos ? Compatibility::v6 : Compatibility::v7,
               .clock = &clock,
               .manual_clock = &clock});
    Session session(node);
    Response response;
    std::size_t expectations = 0;
    for (const auto& [line, what] : parse_scenario(text)) {
      if (const auto* request = std::get_if<Request>(&what)) {
        response = session.handle(*request);
      } else if (const auto* expectation = std::get_if<Expectation>(&what)) {
        ++expectations;
        const auto complaint = unmet(*expectation, response);
        EXPECT_FALSE(complaint) << "line " << line << ": " << *complaint;
      }
    }
    EXPECT_GT(expectations, 5U);
  }
}

/// The movie of the stories, while others write: each update adds what its thread knows. Whatever is acknowledged is
/// there afterwards, and each 409 is one that Elasticsearch would give.
TEST_P(StoriesTest, update_movie_while_others_write_loses_nothing) {
  constexpr std::size_t kThreads = 4;
  const std::uint64_t updates = contract::scaled(500);
  Node node({.make_table = [](const TableOptions& options) { return make_table(GetParam().name, options); }});
  {
    Session session(node);
    ASSERT_EQ(session.handle(make_request("PUT", "/movies/_doc/109487", R"({"title":"Interstellar"})")).status, 201);
  }
  std::vector<std::uint64_t> acknowledged(kThreads);
  std::vector<std::uint64_t> last(kThreads);
  std::vector<std::string> oddities(kThreads);
  contract::run_threads(kThreads, [&](std::size_t thread) {
    Session session(node);
    const std::string name = "thread" + std::to_string(thread);
    for (std::uint64_t i = 1; i <= updates; ++i) {
      const auto response =
          session.handle(make_request("POST", "/movies/_update/109487?retry_on_conflict=5",
                                      R"({"doc":{"ratings":{")" + name + "\":" + std::to_string(i) + "}}}"));
      if (response.status == 200) {
        ++acknowledged[thread];
        last[thread] = i;
      } else if (response.status != 409 || response.json()["error"]["type"] != "version_conflict_engine_exception") {
        oddities[thread] = response.text();
      } else {
        oddities[thread] = response.json()["error"]["reason"].get<std::string>();
      }
    }
  });
  Session session(node);
  const auto movie = session.handle(make_request("GET", "/movies/_doc/109487"));
  std::uint64_t all = 0;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    all += acknowledged[thread];
    if (last[thread] > 0) {
      EXPECT_EQ(movie.json()["_source"]["ratings"]["thread" + std::to_string(thread)], last[thread]);
    }
    if (oddities[thread].empty()) continue;
    EXPECT_THAT(
        oddities[thread],
        ::testing::AnyOf(MatchesRegex("\\[109487\\]: version conflict, required seqNo \\[[0-9]+\\], primary term "
                                      "\\[1\\]\\. current document has seqNo \\[[0-9]+\\] and primary term \\[1\\]"),
                         MatchesRegex("\\[109487\\]: version conflict, current version \\[[0-9]+\\] is different "
                                      "than the one provided \\[[0-9]+\\]")));
  }
  EXPECT_EQ(movie.json()["_version"], 1 + all);
  EXPECT_EQ(movie.json()["_source"]["title"], "Interstellar");
  EXPECT_GT(all, 0U);
}

INSTANTIATE_TEST_SUITE_P(Strategies, StoriesTest, ::testing::ValuesIn(contract::checking()), contract::name_of);

/// Damaged copies of every scenario: parsers may refuse, the node may answer anything, nothing may crash or hang.
TEST_F(RestTest, handle_damaged_requests_survives) {
  std::vector<std::string> texts;
  for (const auto* folder : {OCCKIT_TEST_DATA "/conformance", OCCKIT_SCENARIOS}) {
    for (const auto& file : std::filesystem::directory_iterator(folder)) texts.push_back(read_file(file.path()));
  }
  std::ranges::sort(texts);
  std::mt19937_64 random(7);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  constexpr std::string_view kSpice = "{}[]\":,\\'?&=%/-0129eE.\n\r\t \x80\xff\0#x";
  std::size_t answered = 0;
  for (std::uint64_t round = 0; round < contract::scaled(100); ++round) {
    for (const std::string& original : texts) {
      std::string text = original;
      for (std::size_t damages = 1 + below(6); damages > 0; --damages) {
        const std::size_t at = below(text.size());
        switch (below(4)) {
          case 0:
            text[at] = kSpice[below(kSpice.size())];
            break;
          case 1:
            text.insert(at, 1, kSpice[below(kSpice.size())]);
            break;
          case 2:
            text.erase(at, 1 + below(4));
            break;
          default: {
            const std::string piece = text.substr(below(text.size()), below(40));
            text.insert(at, piece);
          }
        }
        if (text.empty()) text.assign(1, 'x');
      }
      try {
        for_each_bulk_entry(text, [](const BulkEntry&) {});
      } catch (const BulkError&) {
        // refused
      }
      try {
        for (const auto& [line, what] : parse_scenario(text)) {
          const auto* request = std::get_if<Request>(&what);
          if (!request) continue;
          const Response response = session_.handle(*request);
          EXPECT_GE(response.status, 200);
          if (response.has_body) {
            EXPECT_TRUE(Json::accept(response.body)) << response.body;
          }
          ++answered;
        }
      } catch (const ScenarioError&) {
        // refused
      }
    }
  }
  EXPECT_GT(answered, texts.size());
}

}  // namespace
}  // namespace occ
