/// `_update_by_query`, `_delete_by_query` and `_reindex`. Their answers follow Elasticsearch 7's documentation and its
/// REST tests of these calls: an engine that has them was not there to be asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
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

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ByQueryTest : public SessionTest {
 protected:
  std::string source(const std::string& id, const std::string& index = "i") {
    return answer("GET", "/" + index + "/_source/" + id);
  }
  /// Documents 0 to count - 1, {"n": id}; afterwards those in `later` are written once more, which no view has.
  void fill(int count, const std::vector<int>& later = {}) {
    (void)ask("PUT", "/i", R"({"settings":{"refresh_interval":"-1"}})");
    const auto write = [&](int i) {
      (void)ask("PUT", "/i/_doc/" + std::to_string(i), R"({"n":)" + std::to_string(i) + "}");
    };
    for (int i = 0; i < count; ++i) write(i);
    (void)ask("POST", "/i/_refresh");
    for (const int i : later) write(i);
  }
  static std::string tail(int conflicts, int noops, int batches, const std::string& failures = {}) {
    return R"(,"batches":)" + std::to_string(batches) + R"(,"version_conflicts":)" + std::to_string(conflicts) +
           R"(,"noops":)" + std::to_string(noops) +
           R"(,"retries":{"bulk":0,"search":0},"throttled_millis":0,"requests_per_second":-1.0,)"
           R"("throttled_until_millis":0,"failures":[)" +
           failures + "]}";
  }
};

TEST_F(ByQueryTest, update_without_a_script_writes_each_document_once_more) {
  fill(3);
  EXPECT_EQ(answer("POST", "/i/_update_by_query"),
            R"(200 {"took":0,"timed_out":false,"total":3,"updated":3,"deleted":0)" + tail(0, 0, 1));
  EXPECT_THAT(answer("GET", "/i/_doc/1"), HasSubstr(R"("_version":2,"_seq_no":4,)"));
  EXPECT_EQ(source("1"), R"(200 {"n":1})");
}

TEST_F(ByQueryTest, conflict_ends_the_request_after_its_batch) {
  fill(6, {1});
  const std::string got = answer("POST", "/i/_update_by_query?scroll_size=3");
  EXPECT_EQ(got,
            R"(409 {"took":0,"timed_out":false,"total":6,"updated":2,"deleted":0)" +
                tail(1, 0, 1,
                     R"({"index":"i","type":"_doc","id":"1","cause":{"type":"version_conflict_engine_exception",)"
                     R"("reason":"[1]: version conflict, required seqNo [1], primary term [1]. current document has )"
                     R"(seqNo [6] and primary term [1]","index_uuid":")" +
                         node_.indices()->at("i")->uuid + R"(","shard":"0","index":"i"},"status":409})"));
}

TEST_F(ByQueryTest, conflicts_that_are_passed_by_are_counted) {
  fill(6, {1, 4});
  for (const bool in_body : {false, true}) {
    const std::string got = in_body ? answer("POST", "/i/_update_by_query", R"({"conflicts":"proceed"})")
                                    : answer("POST", "/i/_update_by_query?conflicts=proceed&scroll_size=3");
    // The second time all have changed since the refresh.
    EXPECT_EQ(got, in_body ? R"(200 {"took":0,"timed_out":false,"total":6,"updated":0,"deleted":0)" + tail(6, 0, 1)
                           : R"(200 {"took":0,"timed_out":false,"total":6,"updated":4,"deleted":0)" + tail(2, 0, 2));
  }
}

TEST_F(ByQueryTest, conflicts_do_not_count_for_max_docs) {
  fill(6, {0});
  EXPECT_EQ(answer("POST", "/i/_update_by_query?conflicts=proceed&max_docs=2"),
            R"(200 {"took":0,"timed_out":false,"total":2,"updated":2,"deleted":0)" + tail(1, 0, 2));
  EXPECT_EQ(answer("POST", "/i/_delete_by_query?refresh=true", R"({"query":{"range":{"n":{"gte":3}}},"max_docs":2})"),
            R"(200 {"took":0,"timed_out":false,"total":2,"deleted":2)" + tail(0, 0, 1));
  EXPECT_THAT(answer("GET", "/i/_count"), HasSubstr(R"("count":4)"));
}

TEST_F(ByQueryTest, script_updates_deletes_or_leaves_alone) {
  fill(4);
  const std::string script =
      R"({"script":{"source":"if (ctx._source.n == 0) { ctx.op = 'noop' } else if (ctx._source.n == 1) )"
      R"({ ctx.op = 'delete' } else { ctx._source.n += params.by }","params":{"by":10}},)"
      R"("query":{"range":{"n":{"lt":3}}}})";
  EXPECT_EQ(answer("POST", "/i/_update_by_query", script),
            R"(200 {"took":0,"timed_out":false,"total":3,"updated":1,"deleted":1)" + tail(0, 1, 1));
  EXPECT_EQ(source("2"), R"(200 {"n":12})");
  EXPECT_EQ(source("3"), R"(200 {"n":3})");
  EXPECT_THAT(source("1"), HasSubstr("404 "));
}

TEST_F(ByQueryTest, script_that_fails_ends_the_request_before_its_batch_is_written) {
  fill(3);
  EXPECT_THAT(answer("POST", "/i/_update_by_query", R"({"script":"ctx.op = ctx._source.n == 2 ? 'junk' : 'index'"})"),
              HasSubstr(R"("reason":"Operation type [junk] not allowed, only [noop, index, delete] are allowed"},)"
                        R"("status":400})"));
  EXPECT_EQ(answer("POST", "/i/_update_by_query", R"({"script":"ctx._source.n +="})"),
            R"(400 {"error":{"root_cause":[{"type":"script_exception","reason":"compile error","script_stack":[)"
            R"("ctx._source.n +=","                ^---- HERE"],"script":"ctx._source.n +=","lang":"painless",)"
            R"("position":{"offset":16,"start":0,"end":16}}],"type":"script_exception","reason":"compile error",)"
            R"("script_stack":["ctx._source.n +=","                ^---- HERE"],"script":"ctx._source.n +=",)"
            R"("lang":"painless","position":{"offset":16,"start":0,"end":16},"caused_by":{)"
            R"("type":"illegal_argument_exception","reason":"unexpected end of script."}},"status":400})");
  EXPECT_THAT(answer("POST", "/i/_update_by_query", R"({"script":{"source":"x","lang":"groovy"}})"),
              HasSubstr(R"("type":"illegal_argument_exception","reason":"script_lang not supported [groovy]"},)"));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(answer("GET", "/i/_doc/" + std::to_string(i)), HasSubstr(R"("_version":1,)"));
}

TEST_F(ByQueryTest, delete_needs_a_query_and_is_conditional) {
  fill(3, {1});
  EXPECT_THAT(answer("POST", "/i/_delete_by_query"), HasSubstr("Validation Failed: 1: query is missing;"));
  EXPECT_EQ(answer("POST", "/i/_delete_by_query?conflicts=proceed", R"({"query":{"match_all":{}}})"),
            R"(200 {"took":0,"timed_out":false,"total":3,"deleted":2)" + tail(1, 0, 1));
  EXPECT_EQ(source("1"), R"(200 {"n":1})");
  EXPECT_THAT(source("0"), HasSubstr("404 "));
}

TEST_F(ByQueryTest, reindex_creates_and_updates) {
  fill(3);
  (void)ask("PUT", "/j/_doc/1", R"({"old":1})");
  EXPECT_EQ(answer("POST", "/_reindex?refresh=true",
                   R"({"source":{"index":"i","_source":["n"],"query":{"range":{"n":{"gt":0}}}},"dest":{"index":"j"}})"),
            R"(200 {"took":0,"timed_out":false,"total":2,"updated":1,"created":1,"deleted":0)" + tail(0, 0, 1));
  EXPECT_EQ(source("1", "j"), R"(200 {"n":1})");
  EXPECT_THAT(answer("GET", "/j/_doc/1"), HasSubstr(R"("_version":2,)"));
  EXPECT_THAT(answer("GET", "/j/_count"), HasSubstr(R"("count":2)"));
}

/// One id under two routings that lead to two shards is two documents; all that is looked up by query knows which.
TEST_F(ByQueryTest, documents_keep_their_routing) {
  (void)ask("PUT", "/i", R"({"settings":{"number_of_shards":5}})");
  for (const char* routing : {"u1", "zz"}) {
    const std::string id = std::string("/i/_doc/1?routing=") + routing;
    EXPECT_EQ(ask("PUT", id, R"({"n":1})").status, 201) << routing;
    EXPECT_THAT(answer("GET", id + "&realtime=false&refresh=true"), HasSubstr(R"("found":true)"));
  }
  EXPECT_THAT(answer("POST", "/i/_search"),
              AllOf(HasSubstr(R"("_score":1.0,"_routing":"u1",)"), HasSubstr(R"("_score":1.0,"_routing":"zz",)")));
  const std::string script =
      R"({"script":"if (ctx._routing == 'zz') { ctx._source.n += 1 } else { ctx.op = 'delete' }"})";
  EXPECT_THAT(answer("POST", "/i/_update_by_query?refresh=true", script), HasSubstr(R"("updated":1,"deleted":1,)"));
  EXPECT_THAT(answer("GET", "/i/_doc/1?routing=zz"), HasSubstr(R"("_routing":"zz","found":true,"_source":{"n":2})"));
  EXPECT_THAT(answer("GET", "/i/_doc/1?routing=u1"), HasSubstr(R"("found":false)"));
  (void)ask("PUT", "/j", R"({"settings":{"number_of_shards":5}})");
  EXPECT_THAT(answer("POST", "/_reindex", R"({"source":{"index":"i"},"dest":{"index":"j"}})"),
              HasSubstr(R"("created":1,)"));
  EXPECT_THAT(answer("GET", "/j/_doc/1?routing=zz"), HasSubstr(R"("_routing":"zz","found":true)"));
  EXPECT_THAT(answer("POST", "/i/_delete_by_query", R"({"query":{"match_all":{}}})"), HasSubstr(R"("deleted":1,)"));
}

TEST_F(ByQueryTest, reindex_with_op_type_create_leaves_what_is_there) {
  fill(2);
  (void)ask("PUT", "/j/_doc/1", R"({"old":1})");
  const std::string rest = R"("source":{"index":["i"]},"dest":{"index":"j","op_type":"create"}})";
  const std::string got = answer("POST", "/_reindex", "{" + rest);
  EXPECT_THAT(got, HasSubstr(R"(409 {"took":0,"timed_out":false,"total":2,"updated":0,"created":1,"deleted":0)"));
  EXPECT_THAT(got, HasSubstr(R"([1]: version conflict, document already exists (current version [1]))"));
  EXPECT_EQ(answer("POST", "/_reindex", R"({"conflicts":"proceed",)" + rest),
            R"(200 {"took":0,"timed_out":false,"total":2,"updated":0,"created":0,"deleted":0)" + tail(2, 0, 1));
  EXPECT_EQ(source("1", "j"), R"(200 {"old":1})");
}

TEST_F(ByQueryTest, reindex_by_external_versions_keeps_the_newer_one) {
  (void)ask("PUT", "/i/_doc/1?version=5&version_type=external", R"({"n":5})");
  (void)ask("PUT", "/i/_doc/2?version=2&version_type=external", R"({"n":2})");
  (void)ask("PUT", "/j/_doc/1?version=4&version_type=external", R"({"n":4})");
  (void)ask("PUT", "/j/_doc/2?version=3&version_type=external", R"({"n":3})");
  EXPECT_EQ(answer("POST", "/_reindex",
                   R"({"conflicts":"proceed","source":{"index":"i"},"dest":{"index":"j","version_type":"external"}})"),
            R"(200 {"took":0,"timed_out":false,"total":2,"updated":1,"created":0,"deleted":0)" + tail(1, 0, 1));
  EXPECT_THAT(answer("GET", "/j/_doc/1"), HasSubstr(R"("_version":5,)"));
  EXPECT_EQ(source("2", "j"), R"(200 {"n":3})");
}

TEST_F(ByQueryTest, what_cannot_be_is_refused_in_elasticsearchs_words) {
  fill(1);
  for (const auto& [target, body, reason] : std::vector<std::tuple<const char*, const char*, const char*>>{
           {"/i/_update_by_query?conflicts=cat", "", R"(conflicts may only be \"proceed\" or \"abort\" but was [cat])"},
           {"/i/_update_by_query?size=-4", "", "[size] parameter cannot be negative, found [-4]"},
           {"/i/_update_by_query?max_docs=0", "", "maxDocs should be greater than 0"},
           {"/i/_update_by_query?scroll_size=asdf", "",
            "Failed to parse int parameter [scroll_size] with value [asdf]"},
           {"/i/_update_by_query", R"({"stored_fields":["_id"]})", "stored_fields is not supported in this context"},
           {"/i/_update_by_query", R"({"from":1})", "from is not supported in this context"},
           {"/i/_update_by_query?requests_per_second=0", "",
            "[requests_per_second] must be a float greater than 0. Use -1 to disable throttling."},
           {"/i/_update_by_query?requests_per_second=", "", "[requests_per_second] must be a float greater than 0."},
           {"/i/_update_by_query?slices=junk", "", R"([slices] must be a positive integer or the string \"auto\")"},
           {"/i/_update_by_query?slices=0", "", R"([slices] must be a positive integer or the string \"auto\")"},
           {"/i/_update_by_query?foo=1", "", "contains unrecognized parameter: [foo]"},
           {"/i/_update_by_query", R"({"junk":{}})", "Unknown key for a START_OBJECT in [junk]."},
           {"/i/_delete_by_query", R"({"script":"x"})", "Unknown key for a VALUE_STRING in [script]."},
           {"/_reindex", R"({"junk":{}})", "[1:2] [reindex] unknown field [junk]"},
           {"/_reindex", R"({"source":{"junk":{}}})", "Unknown key for a START_OBJECT in [junk]."},
           {"/_reindex", R"({"source":{"index":"i"},"dest":{"junk":{}}})", "[dest] unknown field [junk]"},
           {"/_reindex", R"({"source":{"index":"i"},"dest":{"version":10}})", "[dest] unknown field [version]"},
           {"/_reindex", R"({"dest":{}})", "index must be specified"},
           {"/_reindex", R"({"source":{"size":"cat"},"dest":{"index":"j"}})", R"(For input string: \"cat\")"},
           {"/_reindex", R"({"source":{"from":1,"index":"i"},"dest":{"index":"j"}})",
            "from is not supported in this context"},
           {"/_reindex", R"({"conflicts":"cat"})", R"(conflicts may only be \"proceed\" or \"abort\" but was [cat])"},
           {"/_reindex", R"({"source":{"index":"i"},"dest":{"index":"j"},"size":-4})",
            "[size] parameter cannot be negative, found [-4]"},
           {"/_reindex", R"({"source":{"index":"i","_source":false},"dest":{"index":"j"}})",
            "_source:false is not supported in this context"},
           {"/_reindex", R"({"source":{"index":"i"},"dest":{"index":"i"}})",
            "reindex cannot write into an index its reading from [i]"},
           {"/_reindex", "", "request body is required"},
       }) {
    SCOPED_TRACE(std::string(target) + " " + body);
    const std::string got = answer("POST", target, body);
    EXPECT_THAT(got, HasSubstr("400 "));
    EXPECT_THAT(got, HasSubstr(reason));
  }
  for (const auto& [target, body, named] : std::vector<std::tuple<const char*, const char*, const char*>>{
           {"/i/_update_by_query?wait_for_completion=false", "", "[wait_for_completion] with [false] is not"},
           {"/i/_update_by_query?requests_per_second=5", "", "[requests_per_second] is not"},
           {"/i/_update_by_query?pipeline=p", "", "[pipeline] is not"},
           {"/_reindex", R"({"source":{"remote":{}},"dest":{"index":"j"}})", "[remote] of the source is not"},
           {"/_reindex", R"({"source":{"index":"i"},"dest":{"index":"j"},"script":"x"})", "[script] of [_reindex] is"},
       }) {
    SCOPED_TRACE(std::string(target) + " " + body);
    const std::string got = answer("POST", target, body);
    EXPECT_THAT(got, HasSubstr("501 "));
    EXPECT_THAT(got, HasSubstr(named));
  }
  EXPECT_THAT(answer("POST", "/none/_update_by_query"), HasSubstr("404 "));
  EXPECT_THAT(answer("POST", "/i/_update_by_query?scroll_size=10001"), HasSubstr("Batch size is too large"));
  EXPECT_THAT(answer("POST", "/i/_update_by_query?wait_for_active_shards=2"),
              HasSubstr(R"(503 {"took":0,"timed_out":false,"total":1,"updated":0,)"));
}

class ByQueryWhileWritingTest : public ::testing::TestWithParam<StrategyInfo> {};

/// The sum of all counters is what was acknowledged: increments by clients and by queries, whoever met whom.
TEST_P(ByQueryWhileWritingTest, no_update_is_lost) {
  Node node({.make_table = [](const TableOptions& options) { return make_table(GetParam().name, options); }});
  constexpr int kDocuments = 20;
  constexpr int kClients = 3;
  constexpr int kIncrements = 150;
  Session session(node);
  for (int i = 0; i < kDocuments; ++i) {
    (void)session.handle(make_request("PUT", "/i/_doc/" + std::to_string(i), R"({"n":0})"));
  }
  std::atomic<int> running{kClients};
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      Session own(node);
      for (int i = 0; i < kIncrements; ++i) {
        const std::string id = std::to_string((client + i) % kDocuments);
        const Response got = own.handle(make_request("POST", "/i/_update/" + id + "?retry_on_conflict=100000",
                                                     R"({"script":"ctx._source.n += 1"})"));
        EXPECT_EQ(got.status, 200) << got.body;
      }
      --running;
    });
  }
  std::int64_t by_query = 0;
  std::int64_t conflicts = 0;
  do {
    const Response got = session.handle(make_request("POST", "/i/_update_by_query?conflicts=proceed&refresh=true",
                                                     R"({"script":"ctx._source.n += 1"})"));
    EXPECT_EQ(got.status, 200) << got.body;
    const Json told = got.json();
    EXPECT_EQ(told["total"].get<int>(), kDocuments);
    EXPECT_EQ(told["updated"].get<int>() + told["version_conflicts"].get<int>(), kDocuments);
    by_query += told["updated"].get<std::int64_t>();
    conflicts += told["version_conflicts"].get<std::int64_t>();
  } while (running > 0);
  for (std::thread& client : clients) client.join();
  std::int64_t sum = 0;
  for (int i = 0; i < kDocuments; ++i) {
    sum += session.handle(make_request("GET", "/i/_source/" + std::to_string(i))).json()["n"].get<std::int64_t>();
  }
  EXPECT_EQ(sum, kClients * kIncrements + by_query) << conflicts << " conflicts";
}

INSTANTIATE_TEST_SUITE_P(Strategies, ByQueryWhileWritingTest, ::testing::ValuesIn(contract::checking()),
                         contract::name_of);

}  // namespace
}  // namespace occ
