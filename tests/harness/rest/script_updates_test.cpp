/// `_update` by script, as a client asks for it: what is answered and what is then stored, on the sequential model, and
/// increments of several clients at once on every strategy that claims the rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/model/clock.hpp"
#include "harness/rest/rest_api.hpp"
#include "tests/harness/rest/session_test.hpp"
#include "tests/variants/contract.hpp"
#include "tests/variants/reference_table.hpp"

namespace occ {
namespace {

using ::testing::HasSubstr;

class ScriptUpdatesTest : public SessionTest {
 protected:
  std::string source(std::string_view id) { return answer("GET", "/i/_source/" + std::string(id)); }
};

TEST_F(ScriptUpdatesTest, update_by_script_writes_deletes_or_does_nothing) {
  (void)ask("PUT", "/i/_doc/1", R"({"n":1})");
  EXPECT_EQ(answer("POST", "/i/_update/1", R"({"script":"ctx._source.n += 1"})"),
            R"(200 {"_index":"i","_type":"_doc","_id":"1","_version":2,"result":"updated",)"
            R"("_shards":{"total":1,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1})");
  EXPECT_EQ(source("1"), R"(200 {"n":2})");
  // What changes nothing is written all the same.
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":{"source":"ctx._source.n = params.n","params":{"n":2}}})"),
              HasSubstr(R"("_version":3,"result":"updated")"));
  for (const char* op : {"none", "noop", "create", "anything"}) {
    SCOPED_TRACE(op);
    EXPECT_EQ(answer("POST", "/i/_update/1?_source=true",
                     std::string(R"({"script":"ctx._source.n = 9; ctx.op = ')") + op + R"('"})"),
              R"(200 {"_index":"i","_type":"_doc","_id":"1","_version":3,"result":"noop",)"
              R"("_shards":{"total":0,"successful":0,"failed":0},"_seq_no":2,"_primary_term":1,)"
              R"("get":{"_seq_no":2,"_primary_term":1,"found":true,"_source":{"n":2}}})");
  }
  EXPECT_EQ(answer("POST", "/i/_update/1?_source=true", R"({"script":"ctx.op = 'delete'"})"),
            R"(200 {"_index":"i","_type":"_doc","_id":"1","_version":4,"result":"deleted",)"
            R"("_shards":{"total":1,"successful":1,"failed":0},"_seq_no":3,"_primary_term":1,)"
            R"("get":{"_seq_no":3,"_primary_term":1,"found":true}})");
  EXPECT_THAT(answer("GET", "/i/_doc/1"), HasSubstr("404 "));
}

TEST_F(ScriptUpdatesTest, ctx_has_what_is_known_of_the_document) {
  (void)ask("PUT", "/i/_doc/1", "{}");
  clock_.advance_ms(5);
  const std::string script =
      "ctx._source.a = ctx._index + ctx._type + ctx._id + ctx._version + ctx.op + ctx._routing; "
      "ctx._source.now = ctx._now";
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":")" + script + R"("})"), HasSubstr("200 "));
  EXPECT_EQ(source("1"), R"(200 {"a":"i_doc11indexnull","now":)" + std::to_string(clock_.now_ms()) + "}");
}

TEST_F(ScriptUpdatesTest, upsert_stands_in_for_a_missing_document) {
  const std::string script =
      R"("script":{"source":"ctx._source.n = (ctx._source.n ?: 0) + 1; ctx._source.op = ctx.op"})";
  EXPECT_THAT(answer("POST", "/i/_update/1", "{" + script + "}"), HasSubstr("404 "));
  // As it is, without the script.
  EXPECT_THAT(answer("POST", "/i/_update/1", "{" + script + R"(,"upsert":{"n":40}})"),
              HasSubstr(R"("result":"created")"));
  EXPECT_EQ(source("1"), R"(200 {"n":40})");
  EXPECT_THAT(answer("POST", "/i/_update/2?_source=true", "{" + script + R"(,"upsert":{},"scripted_upsert":true})"),
              HasSubstr(R"("found":true,"_source":{"n":1,"op":"create"}})"));
  EXPECT_THAT(answer("POST", "/i/_update/2", "{" + script + R"(,"upsert":{},"scripted_upsert":true})"),
              HasSubstr(R"("_version":2,"result":"updated")"));
  EXPECT_EQ(source("2"), R"(200 {"n":2,"op":"index"})");
  for (const char* op : {"none", "delete", "index"}) {
    SCOPED_TRACE(op);
    EXPECT_EQ(answer("POST", "/i/_update/3",
                     std::string(R"({"script":"ctx.op = ')") + op + R"('","upsert":{"a":1},"scripted_upsert":true})"),
              R"(200 {"_index":"i","_type":"_doc","_id":"3","_version":-1,"result":"noop",)"
              R"("_shards":{"total":0,"successful":0,"failed":0},"get":{"found":false}})");
  }
  EXPECT_THAT(answer("GET", "/i/_doc/3"), HasSubstr("404 "));
}

TEST_F(ScriptUpdatesTest, errors_of_a_script_are_told_when_it_runs) {
  // A wrong script is not found out where there is nothing to run it on.
  const std::string wrong = R"({"script":"ctx._source.n +="})";
  EXPECT_THAT(answer("POST", "/i/_update/1", wrong), HasSubstr("document_missing_exception"));
  (void)ask("PUT", "/i/_doc/1", R"({"n":1})");
  EXPECT_EQ(answer("POST", "/i/_update/1", wrong),
            R"(400 {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"failed to execute script"}],)"
            R"("type":"illegal_argument_exception","reason":"failed to execute script","caused_by":{)"
            R"("type":"script_exception","reason":"compile error","script_stack":["ctx._source.n +=",)"
            R"("                ^---- HERE"],"script":"ctx._source.n +=","lang":"painless",)"
            R"("position":{"offset":16,"start":0,"end":16},"caused_by":{"type":"illegal_argument_exception",)"
            R"("reason":"unexpected end of script."}}},"status":400})");
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":"ctx._source.n /= params.none"})"),
              HasSubstr(R"("caused_by":{"type":"null_pointer_exception",)"));
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":"params.x = 1"})"),
              HasSubstr(R"("caused_by":{"type":"unsupported_operation_exception","reason":null}})"));
  EXPECT_THAT(
      answer("POST", "/i/_update/1", R"({"script":{"source":"x","lang":"groovy"}})"),
      HasSubstr(R"("caused_by":{"type":"illegal_argument_exception","reason":"script_lang not supported [groovy]"}})"));
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":"for (def x : ctx._source.l) {}"})"),
              HasSubstr("[for] in a script is not supported by occkit"));
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":"ctx.op = 1"})"), HasSubstr("500 "));
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":"ctx._source = 1"})"), HasSubstr("500 "));
  EXPECT_THAT(answer("POST", "/i/_update/1", R"({"script":"ctx._source._id = 1"})"),
              HasSubstr("failed to parse field [_id]"));
  EXPECT_EQ(source("1"), R"(200 {"n":1})");
}

TEST_F(ScriptUpdatesTest, fields_of_a_script_are_checked) {
  for (const auto& [script, reason] : std::vector<std::pair<const char*, const char*>>{
           {"3", "script doesn't support values of type: VALUE_NUMBER"},
           {R"({"source":3})", "[script] source doesn't support values of type: VALUE_NUMBER"},
           {R"({"source":"x","lang":3})", "[script] lang doesn't support values of type: VALUE_NUMBER"},
           {R"({"source":"x","params":[]})", "[script] params doesn't support values of type: START_ARRAY"},
           {R"({"source":"x","parms":{}})", "[script] unknown field [parms]"},
           {R"({"params":{}})", "must specify either [source] for an inline script or [id] for a stored script"},
       }) {
    SCOPED_TRACE(script);
    EXPECT_THAT(answer("POST", "/i/_update/1", std::string(R"({"script":)") + script + "}"), HasSubstr(reason));
  }
}

TEST_F(ScriptUpdatesTest, bulk_runs_scripts_item_by_item) {
  (void)ask("PUT", "/i/_doc/1", R"({"n":1})");
  const Response got = ask("POST", "/i/_bulk",
                           "{\"update\":{\"_id\":\"1\"}}\n{\"script\":\"ctx._source.n++\"}\n"
                           "{\"update\":{\"_id\":\"1\"}}\n{\"script\":\"ctx._source.n = \"}\n"
                           "{\"update\":{\"_id\":\"1\"}}\n{\"script\":\"while (true) {}\"}\n"
                           "{\"update\":{\"_id\":\"1\"}}\n{\"script\":\"ctx.op = 'none'\"}\n"
                           "{\"update\":{\"_id\":\"2\"}}\n{\"script\":\"ctx._source.n = 1\",\"upsert\":{},"
                           "\"scripted_upsert\":true}\n"
                           "{\"update\":{\"_id\":\"1\"}}\n{\"script\":\"ctx.op = 'delete'\"}\n");
  EXPECT_EQ(got.status, 200);
  std::vector<std::string> results;
  const Json answered = got.json();
  for (const Json& item : answered["items"]) {
    const Json& update = item["update"];
    results.push_back(std::to_string(update["status"].get<int>()) + " " + update.value("result", "failed"));
  }
  EXPECT_THAT(results, ::testing::ElementsAre("200 updated", "400 failed", "501 failed", "200 noop", "201 created",
                                              "200 deleted"));
}

TEST_F(ScriptUpdatesTest, scripts_are_compiled_once) {
  (void)ask("PUT", "/i/_doc/1", R"({"n":1})");
  for (int i = 0; i < 3; ++i) {
    (void)ask("POST", "/i/_update/1",
              R"({"script":{"source":"ctx._source.n += params.by","params":{"by":)" + std::to_string(i) + "}}}");
  }
  EXPECT_EQ(node_.scripts().size(), 1U);
  EXPECT_EQ(source("1"), R"(200 {"n":4})");
}

class ScriptIncrementsTest : public ::testing::TestWithParam<StrategyInfo> {};

TEST_P(ScriptIncrementsTest, increments_of_clients_at_once_are_all_counted) {
  Node node({.make_table = [](const TableOptions& options) { return make_table(GetParam().name, options); }});
  constexpr int kClients = 4;
  constexpr int kIncrements = 50;
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&node] {
      Session session(node);
      for (int i = 0; i < kIncrements; ++i) {
        const Response got =
            session.handle(make_request("POST", "/i/_update/1?retry_on_conflict=100000",
                                        R"({"script":"ctx._source.n += 1","scripted_upsert":true,"upsert":{"n":0}})"));
        EXPECT_TRUE(got.status == 200 || got.status == 201) << got.body;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  Session session(node);
  EXPECT_EQ(session.handle(make_request("GET", "/i/_source/1")).body,
            R"({"n":)" + std::to_string(kClients * kIncrements) + "}");
}

INSTANTIATE_TEST_SUITE_P(Strategies, ScriptIncrementsTest, ::testing::ValuesIn(contract::checking()),
                         contract::name_of);

}  // namespace
}  // namespace occ
