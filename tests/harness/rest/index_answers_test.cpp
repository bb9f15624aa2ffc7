/// Routing, aliases, mappings, tables for people and stored scripts, as Elasticsearch 7.17.29 answered them when it was
/// asked, but for stored scripts, which its server alone has not: those are by its sources.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/model/clock.hpp"
#include "harness/rest/rest_api.hpp"
#include "harness/rest/routing.hpp"
#include "harness/rest/shard_tables.hpp"
#include "tests/variants/reference_table.hpp"

namespace occ {
namespace {

using ::testing::HasSubstr;

struct Asked {
  const char* method;
  std::string target;
  std::string body;
  int status;
  std::string answer;  ///< a part of it
};

class IndexAnswersTest : public ::testing::Test {
 protected:
  Response ask(std::string_view method, std::string_view target, std::string body = {}) {
    return session_.handle(make_request(method, target, std::move(body)));
  }
  /// One after another, so that each sees what those before it did.
  void expect(const std::vector<Asked>& all) {
    for (const auto& [method, target, body, status, answer] : all) {
      SCOPED_TRACE(std::string(method) + " " + target + " " + body);
      const Response got = ask(method, target, body);
      EXPECT_EQ(got.status, status) << got.body;
      EXPECT_THAT(got.body, HasSubstr(answer));
    }
  }
  std::string body_of(std::string_view target) { return ask("GET", target).body; }

  ManualClock clock_;
  Node node_{{.make_table = [](const auto& options) { return std::make_unique<ErasedTable<ReferenceTable>>(options); },
              .clock = &clock_,
              .manual_clock = &clock_}};
  Session session_{node_};
};

/// The shards were asked of the engine, by `_search_shards?routing=`.
TEST(RoutingTest, hash_is_the_engines) {
  // Murmur3HashFunctionTests of Elasticsearch.
  EXPECT_EQ(routing_hash("hell"), 0x5a0cb7c3);
  EXPECT_EQ(routing_hash("hello"), static_cast<std::int32_t>(0xd7c31989));
  EXPECT_EQ(routing_hash("hello w"), 0x22ab2984);
  EXPECT_EQ(routing_hash("hello wo"), static_cast<std::int32_t>(0xdf0ca123));
  EXPECT_EQ(routing_hash("hello wor"), static_cast<std::int32_t>(0xe7744d61));
  EXPECT_EQ(routing_hash("The quick brown fox jumps over the lazy dog"), static_cast<std::int32_t>(0xe07db09c));
  EXPECT_EQ(routing_hash("The quick brown fox jumps over the lazy cog"), 0x4e63d2ad);
}

TEST(RoutingTest, shards_are_divided_as_far_as_they_could_be_split) {
  EXPECT_EQ(default_routing_shards(1, false), 1024U);
  EXPECT_EQ(default_routing_shards(5, false), 640U);
  EXPECT_EQ(default_routing_shards(1024, false), 2048U);
  EXPECT_EQ(default_routing_shards(5, true), 5U);
  EXPECT_EQ(routed_shard("5", 5, 5), 1U);
}

TEST_F(IndexAnswersTest, routed_document_is_another_one_in_another_shard) {
  expect({
      {"PUT", "/r", R"({"settings":{"number_of_shards":5,"number_of_routing_shards":5}})", 200, ""},
      {"PUT", "/r/_doc/1?routing=5", R"({"a":1})", 201, R"("_seq_no":0)"},
      {"GET", "/r/_doc/1?routing=5", "", 200, R"("_primary_term":1,"_routing":"5","found":true,"_source":{"a":1}})"},
      {"GET", "/r/_doc/1", "", 404, R"("found":false)"},
      {"GET", "/r/_source/1?routing=5", "", 200, R"({"a":1})"},
      {"PUT", "/r/_doc/1", R"({"a":2})", 201, R"("_seq_no":0)"},
      {"POST", "/r/_update/1?routing=5", R"({"doc":{"b":3},"_source":true})", 200, R"("_source":{"a":1,"b":3}})"},
      {"GET", "/r/_doc/1?routing=5", "", 200, R"("_routing":"5","found":true,"_source":{"a":1,"b":3}})"},
      {"PUT", "/r/_doc/1?routing=5&if_seq_no=7&if_primary_term=1", "{}", 409, R"([1]: version conflict, required)"},
      {"PUT", "/r/_doc/1?routing=5&if_seq_no=7&if_primary_term=1", "{}", 409, R"("shard":"1")"},
      {"POST", "/r/_update/2?routing=5", R"({"doc":{}})", 404, R"("reason":"[_doc][2]: document missing")"},
      {"POST", "/r/_mget", R"({"docs":[{"_id":"1","routing":5},{"_id":"1"}]})", 200, R"("_routing":"5")"},
      {"POST", "/_bulk?routing=5",
       R"({"delete":{"_index":"r","_id":"1"}})"
       "\n"
       R"({"index":{"_index":"r","_id":"1","routing":"x"}})"
       "\n{}\n",
       200, R"("result":"deleted")"},
      {"GET", "/r/_doc/1", "", 200, R"({"a":2})"},
      // 5 and x are one shard.
      {"GET", "/r/_doc/1?routing=5", "", 200, R"("_seq_no":3,"_primary_term":1,"_routing":"x")"},
      {"GET", "/r/_doc/1?routing=4", "", 404, R"("found":false)"},
  });
}

TEST_F(IndexAnswersTest, routing_is_kept_in_one_shard_too) {
  expect({
      {"PUT", "/r/_doc/1?routing=5", R"({"a":1})", 201, ""},
      {"GET", "/r/_doc/1", "", 200, R"("_routing":"5")"},
      {"POST", "/r/_update/1?routing=7", R"({"script":{"source":"ctx._source.r = ctx._routing"}})", 200, ""},
      {"GET", "/r/_doc/1?routing=8&_source_excludes=a", "", 200, R"("_routing":"5","found":true,"_source":{"r":"5"})"},
      {"PUT", "/r/_doc/1", R"({"a":1})", 200, ""},
      {"GET", "/r/_doc/1?stored_fields=_routing", "", 200, R"("_primary_term":1,"found":true})"},
      {"POST", "/r/_update/3?routing=q", R"({"doc":{"x":1},"doc_as_upsert":true})", 201, ""},
      {"GET", "/r/_doc/3", "", 200, R"("_routing":"q")"},
  });
}

TEST_F(IndexAnswersTest, missing_routing_is_refused_where_the_mapping_asks_for_it) {
  const std::string missing =
      R"({"type":"routing_missing_exception","reason":"routing is required for [rr]/[_doc]/[1]","index_uuid":"_na_",)"
      R"("index":"rr"})";
  expect({
      {"PUT", "/rr", R"({"mappings":{"_routing":{"required":true}}})", 200, ""},
      {"PUT", "/rr/_doc/1", "{}", 400, missing},
      {"PUT", "/rr/_doc/1?routing=", "{}", 400, missing},
      {"PUT", "/rr/_create/1", "{}", 400, missing},
      {"GET", "/rr/_doc/1", "", 400, missing},
      {"GET", "/rr/_source/1", "", 400, missing},
      {"DELETE", "/rr/_doc/1", "", 400, missing},
      {"POST", "/rr/_update/1", R"({"doc":{}})", 400, missing},
      {"POST", "/rr/_bulk", "{\"index\":{\"_id\":\"1\"}}\n{}\n", 200, R"("status":400,"error":)" + missing},
      {"PUT", "/rr/_doc/1?routing=a", "{}", 201, ""},
      {"GET", "/rr/_mapping", "", 200, R"({"rr":{"mappings":{"_routing":{"required":true}}}})"},
      {"PUT", "/rr/_mapping", R"({"_routing":{"required":false}})", 400,
       R"(Mapper for [_routing] conflicts with existing mapper:\n\tCannot update parameter [required] from [true] to)"},
  });
}

TEST_F(IndexAnswersTest, index_without_a_mapping_has_no_type) {
  const std::string body = R"({"docs":[{"_index":"e","_id":"1"}]})";
  expect({
      {"PUT", "/e", "", 200, ""},
      {"POST", "/_mget", body, 200, R"({"docs":[{"_index":"e","_type":null,"_id":"1","found":false}]})"},
      {"PUT", "/e/_doc/2", "{}", 201, ""},
      {"POST", "/_mget", body, 200, R"({"docs":[{"_index":"e","_type":"_doc","_id":"1","found":false}]})"},
  });
}

TEST_F(IndexAnswersTest, alias_is_read_and_written_through) {
  const std::string no_write = "no write index is defined for alias [many]. The write index may be explicitly disabled";
  expect({
      {"PUT", "/a1", R"({"aliases":{"one":{},"many":{}}})", 200, ""},
      {"PUT", "/a2", R"({"aliases":{"many":{"is_write_index":false},"no":{"is_write_index":false}}})", 200, ""},
      {"PUT", "/one/_doc/1", R"({"a":1})", 201, R"({"_index":"a1")"},
      {"GET", "/one/_doc/1", "", 200, R"({"_index":"a1")"},
      {"POST", "/one/_update/1", R"({"doc":{"a":2}})", 200, R"({"_index":"a1")"},
      {"GET", "/many/_doc/1", "", 400, "alias [many] has more than one index associated with it [a1, a2], can't"},
      {"PUT", "/many/_doc/1", "{}", 400, no_write},
      {"DELETE", "/many/_doc/1", "", 400, no_write},
      {"PUT", "/no/_doc/1", "{}", 400, "no write index is defined for alias [no]"},
      {"PUT", "/one/_doc/2?require_alias=true", "{}", 201, R"({"_index":"a1")"},
      {"PUT", "/a1/_doc/2?require_alias=true", "{}", 404, "[require_alias] request flag is [true] and [a1] is not"},
      {"DELETE", "/one", "", 400, "The provided expression [one] matches an alias, specify the corresponding"},
      {"DELETE", "/on*", "", 200, ""},
      {"PUT", "/one", "", 400, "Invalid index name [one], already exists as alias"},
      {"GET", "/one/_settings?filter_path=*.settings.index.provided_name", "", 200, R"({"a1":)"},
      {"POST", "/_aliases", R"({"actions":[{"add":{"index":"a1","alias":"many","is_write_index":true}}]})", 200, ""},
      {"PUT", "/many/_doc/5", "{}", 201, R"({"_index":"a1")"},
      {"POST", "/_aliases", R"({"actions":[{"add":{"index":"a2","alias":"many","is_write_index":true}}]})", 500,
       "alias [many] has more than one write index [a1,a2]"},
      {"POST", "/_aliases", R"({"actions":[{"add":{"index":"a2","alias":"a1"}},{"remove_index":{"index":"a1"}}]})", 200,
       ""},
      {"GET", "/a1", "", 200, R"({"a2":{"aliases":{"a1":{},"many":{"is_write_index":false},)"},
      {"PUT", "/a2/_alias/rt", R"({"index_routing":"7","routing":"8"})", 200, ""},
      {"GET", "/_alias/rt", "", 200, R"({"a2":{"aliases":{"rt":{"index_routing":"7","search_routing":"8"}}}})"},
      {"PUT", "/rt/_doc/1", "{}", 201, ""},
      {"GET", "/a2/_doc/1?routing=7", "", 200, R"("_routing":"7")"},
      {"PUT", "/rt/_doc/1?routing=9", "{}", 400,
       "Alias [rt] has index routing associated with it [7], and was provided with routing value [9], rejecting"},
  });
}

TEST_F(IndexAnswersTest, missing_alias_is_named) {
  expect({
      {"PUT", "/a1", R"({"aliases":{"one":{}}})", 200, ""},
      {"GET", "/_alias/one,gone", "", 404,
       R"({"error":"alias [gone] missing","status":404,"a1":{"aliases":{"one":{}}}})"},
      {"GET", "/_alias/one,*", "", 200, R"({"a1":{"aliases":{"one":{}}}})"},
      {"GET", "/_alias/x*", "", 200, "{}"},
      {"HEAD", "/_alias/gone", "", 404, ""},
      {"HEAD", "/_alias/one", "", 200, ""},
      {"DELETE", "/a1/_alias/gone", "", 404,
       R"({"type":"aliases_not_found_exception","reason":"aliases [gone] missing","resource.type":"aliases",)"},
      {"DELETE", "/a1/_alias/one", "", 200, R"({"acknowledged":true})"},
      {"GET", "/a1/_alias", "", 200, R"({"a1":{"aliases":{}}})"},
      {"PUT", "/a1/_alias/a1", "", 400,
       "Invalid alias name [a1]: an index or data stream exists with the same name as the alias"},
      {"PUT", "/gone/_alias/x", "", 404, "no such index [gone]"},
      {"POST", "/_aliases", R"({"actions":[]})", 400, "No action specified"},
      {"PUT", "/a1/_alias/f", R"({"filter":{"term":{"a":1}}})", 501, "aliases with a filter are not supported"},
  });
}

TEST_F(IndexAnswersTest, mapping_is_merged_and_its_types_stay) {
  expect({
      {"PUT", "/m",
       R"({"mappings":{"dynamic":"strict","properties":{"a":{"type":"keyword","ignore_above":10},)"
       R"("o":{"properties":{"x":{"type":"long"}}}},"_meta":{"v":1}}})",
       200, ""},
      {"GET", "/m/_mapping", "", 200,
       R"({"m":{"mappings":{"dynamic":"strict","_meta":{"v":1},"properties":{"a":{"type":"keyword","ignore_above":10},)"
       R"("o":{"properties":{"x":{"type":"long"}}}}}}})"},
      {"PUT", "/m/_mapping", R"({"properties":{"a":{"type":"long"}}})", 400,
       "mapper [a] cannot be changed from type [keyword] to [long]"},
      {"PUT", "/m/_mapping", R"({"properties":{"o":{"type":"long"}}})", 400,
       "can't merge a non object mapping [o] with an object mapping"},
      {"PUT", "/m/_mapping", R"({"properties":{"a":{"type":"keyword","index":false}}})", 400,
       R"(Mapper for [a] conflicts with existing mapper:\n\tCannot update parameter [index] from [true] to [false])"},
      {"PUT", "/m/_mapping", R"({"properties":{"b":{"type":"foo"}}})", 400,
       R"("reason":"Failed to parse mapping [_doc]: No handler for type [foo] declared on field [b]","caused_by":)"},
      {"PUT", "/m/_mapping", R"({"foo":{"a":1}})", 400,
       "Root mapping definition has unsupported parameters:  [foo : {a=1}]"},
      {"PUT", "/m/_mapping", R"({"properties":{"n":{"type":"nested"}}})", 501, "the field type [nested] is not"},
      {"PUT", "/m/_doc/1", R"({"zz":1})", 400,
       R"({"type":"strict_dynamic_mapping_exception","reason":"mapping set to strict, dynamic introduction of [zz] )"
       R"(within [_doc] is not allowed"})"},
      {"PUT", "/m/_doc/1", R"({"a":"x","o":{"y":1}})", 400, "dynamic introduction of [y] within [o] is not allowed"},
      {"PUT", "/m/_doc/1", R"({"a":"x","o":{"x":1}})", 201, ""},
      {"POST", "/m/_update/1", R"({"doc":{"zz":1}})", 400, "strict_dynamic_mapping_exception"},
      {"PUT", "/m/_mapping", R"({"dynamic":false,"properties":{"p.q":{"type":"date"}}})", 200, ""},
      {"PUT", "/m/_doc/1", R"({"zz":1})", 200, ""},
      {"GET", "/m/_mapping", "", 200, R"("p":{"properties":{"q":{"type":"date"}}}}}}})"},
      {"PUT", "/n", R"({"mappings":{"_doc":{"properties":{}}}})", 400,
       "The mapping definition cannot be nested under a type [_doc] unless include_type_name is set to true."},
  });
}

TEST_F(IndexAnswersTest, new_fields_get_the_engines_types) {
  const std::string text = R"({"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}})";
  expect({
      {"PUT", "/s", R"({"mappings":{"properties":{}}})", 200, ""},
      {"PUT", "/s/_doc/1",
       R"({"d1":"2024-01-01","d2":"2024/01/02","d3":"2024","d4":"2024-01-01T10:11:12.123Z","d5":"2024/01/02 10:11:12",)"
       R"("t":"x","l":1,"f":1.5,"b":true,"n":null,"o":{"p":1,"q":{"r":"s"}},"e":{},"ae":[],"al":[null,2],)"
       R"("ao":[{"z":1},{"y":2}],"d6":"2024-01","d7":"2024-01-01T10","d8":"2024-01-01 10:11:12","a.b":1})",
       201, ""},
  });
  const std::string slashed = R"({"type":"date","format":"yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"})";
  EXPECT_EQ(
      body_of("/s/_mapping"),
      R"({"s":{"mappings":{"properties":{"a":{"properties":{"b":{"type":"long"}}},"al":{"type":"long"},"ao":)"
      R"({"properties":{"y":{"type":"long"},"z":{"type":"long"}}},"b":{"type":"boolean"},"d1":{"type":"date"},"d2":)" +
          slashed + R"(,"d3":)" + text + R"(,"d4":{"type":"date"},"d5":)" + slashed +
          R"(,"d6":{"type":"date"},"d7":{"type":"date"},"d8":)" + text +
          R"(,"e":{"type":"object"},"f":{"type":"float"},"l":{"type":"long"},"o":{"properties":{"p":)"
          R"({"type":"long"},"q":{"properties":{"r":)" +
          text + R"(}}}},"t":)" + text + "}}}}");
}

TEST_F(IndexAnswersTest, tables_are_lined_up) {
  expect({
      {"PUT", "/k1",
       R"({"settings":{"number_of_shards":2},"aliases":{"ka":{},"kb":{"routing":"r","is_write_index":true}}})", 200,
       ""},
      {"PUT", "/k2", R"({"settings":{"number_of_replicas":1}})", 200, ""},
      {"PUT", "/k1/_doc/1", "{}", 201, ""},
      {"PUT", "/k1/_doc/2", "{}", 201, ""},
      {"DELETE", "/k1/_doc/2", "", 200, ""},
      {"GET", "/_cat/indices?s=foo", "", 500, "Unable to sort by unknown sort key `foo`"},
      {"GET", "/_cat/indices/gone", "", 404, "no such index [gone]"},
  });
  EXPECT_EQ(body_of("/_cat/indices?h=index,docs.count,health&s=index:desc"), "k2 0 yellow\nk1 1 green\n");
  EXPECT_EQ(body_of("/_cat/indices/k2?v&h=i,pri,rep,foo"), "i  pri rep\nk2   1   1\n");
  EXPECT_EQ(body_of("/_cat/aliases?v"),
            "alias index filter routing.index routing.search is_write_index\n"
            "ka    k1    -      -             -              -\n"
            "kb    k1    -      r             r              true\n");
  EXPECT_EQ(
      body_of("/_cat/aliases/ka?format=json"),
      R"([{"alias":"ka","index":"k1","filter":"-","routing.index":"-","routing.search":"-","is_write_index":"-"}])");
  EXPECT_EQ(body_of("/_cat/health?h=cluster,st"), "occkit yellow\n");
  EXPECT_EQ(body_of("/_cat/count?h=count"), "1\n");
  EXPECT_EQ(body_of("/_cat/count?help"),
            "epoch     | t,time                  | seconds since 1970-01-01 00:00:00\n"
            "timestamp | ts,hms,hhmmss           | time in HH:MM:SS                 \n"
            "count     | dc,docs.count,docsCount | the document count               \n");
  EXPECT_EQ(body_of("/_cat/shards/k2?h=index,shard,prirep,state,docs"), "k2 0 p STARTED    0\nk2 0 r UNASSIGNED  \n");
  EXPECT_EQ(ask("GET", "/_cat/indices").content_type, "text/plain; charset=UTF-8");
  for (const auto& [accept, answer] : {std::pair("application/json", R"([{"count":"1"}])"),
                                       std::pair("text/plain,application/json", "1\n"), std::pair("*/*", "1\n")}) {
    Request request = make_request("GET", "/_cat/count?h=count");
    request.headers.emplace_back("Accept", accept);
    EXPECT_EQ(session_.handle(request).body, answer);
  }
}

TEST_F(IndexAnswersTest, statistics_count_documents_and_writes) {
  expect({
      {"PUT", "/k1", R"({"settings":{"number_of_shards":3}})", 200, ""},
      {"PUT", "/k1/_doc/1", R"({"a":1})", 201, ""},
      {"PUT", "/k1/_doc/1", R"({"a":2})", 200, ""},
      {"POST", "/k1/_update/1", R"({"doc":{"a":2}})", 200, "noop"},
      {"PUT", "/k1/_doc/2", "{}", 201, ""},
      {"DELETE", "/k1/_doc/2", "", 200, ""},
      {"PUT", "/k2/_doc/2", "{}", 201, ""},
      {"GET", "/k1/_stats?filter_path=_all.primaries", "", 200,
       R"({"_all":{"primaries":{"docs":{"count":1,"deleted":0},"indexing":{"index_total":3,"index_current":0,)"
       R"("delete_total":1,)"},
      {"GET", "/_stats/docs", "", 200, R"("_all":{"primaries":{"docs":{"count":2,"deleted":0}},"total":)"},
      {"GET", "/_stats/docs,foo", "", 400, "request [/_stats/docs,foo] contains unrecognized metric: [foo]"},
      {"GET", "/_stats/merge", "", 501, "the metric [merge] of [_stats] is not supported"},
      {"GET", "/k2/_stats?level=shards", "", 200, R"("seq_no":{"max_seq_no":0,"local_checkpoint":0,)"},
  });
}

TEST_F(IndexAnswersTest, node_tells_the_address_that_it_was_asked_at) {
  Request request = make_request("GET", "/_nodes/_all/http");
  request.headers.emplace_back("Host", "10.1.2.3:9222");
  EXPECT_THAT(session_.handle(request).body, HasSubstr(R"("publish_address":"10.1.2.3:9222")"));
}

TEST_F(IndexAnswersTest, stored_script_runs_by_its_id) {
  const std::string missing = R"("caused_by":{"type":"resource_not_found_exception","reason":"unable to find script )"
                              R"([up] in cluster state"})";
  const std::string by_id = R"({"script":{"id":"up","params":{"by":2}}})";
  expect({
      {"PUT", "/i/_doc/1", R"({"n":1})", 201, ""},
      {"POST", "/i/_update/1", by_id, 400, missing},
      {"GET", "/_scripts/up", "", 404, R"({"_id":"up","found":false})"},
      {"PUT", "/_scripts/up", R"({"script":{"lang":"painless","source":"ctx._source.n += params.by"}})", 200, "true"},
      {"GET", "/_scripts/up", "", 200,
       R"({"_id":"up","found":true,"script":{"lang":"painless","source":"ctx._source.n += params.by"}})"},
      {"POST", "/i/_update/1", by_id, 200, "updated"},
      {"POST", "/i/_bulk", "{\"update\":{\"_id\":\"1\"}}\n" + by_id + "\n", 200, "updated"},
      {"GET", "/i/_source/1", "", 200, R"({"n":5})"},
      {"POST", "/i/_update/1", R"({"script":{"id":"up","source":"1"}})", 400,
       "illegal to specify both a source and an id"},
      {"PUT", "/_scripts/bad", R"({"script":{"lang":"painless","source":"ctx._source.n +"}})", 400, "compile error"},
      {"DELETE", "/_scripts/up", "", 200, "true"},
      {"DELETE", "/_scripts/up", "", 404, "stored script [up] does not exist and cannot be deleted"},
      {"POST", "/i/_update/1", by_id, 400, missing},
  });
}

}  // namespace
}  // namespace occ
