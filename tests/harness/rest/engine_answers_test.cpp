/// Requests as clients send them, answered as Elasticsearch 7.17.29 (6.8.23 with `--compat 6`) answered them when it was
/// asked, but where a line says what is otherwise here and why.
#include "tests/harness/rest/engine_answers.hpp"

#include "harness/support/source_choice.hpp"

namespace occ {
namespace {

using ::testing::HasSubstr;

TEST_F(EngineAnswersTest, byte_order_mark_is_read_past_and_not_kept) {
  const std::string mark = "\xef\xbb\xbf";
  expect({
      {"PUT", "/i/_doc/1", mark + R"({"a":1})", 201, ""},
      {"GET", "/i/_source/1", "", 200, R"({"a":1})"},
      {"POST", "/i/_update/1", mark + R"({"doc":{"b":2}})", 200, ""},
      {"POST", "/i/_bulk", mark + R"({"index":{"_id":"2"}})" + "\n" + mark + R"({"a":2})" + "\n", 200,
       R"("errors":false)"},
      {"GET", "/i/_source/2", "", 200, R"({"a":2})"},
      {"POST", "/i/_mget", mark + R"({"ids":["2"]})", 200, R"("found":true)"},
      {"PUT", "/j", mark + R"({"settings":{"number_of_shards":2}})", 200, ""},
      {"PUT", "/i/_doc/1", R"({"a":1})" + mark, 400, "failed to parse"},
  });
}

/// Otherwise here: the comments are not kept, since an answer with one is no JSON to most clients.
TEST_F(EngineAnswersTest, comments_are_read_past) {
  expect({
      {"PUT", "/i/_doc/1", R"({"a":1 /* unit: mm */})", 201, ""},
      {"GET", "/i/_source/1", "", 200, R"({"a":1  })"},
      {"PUT", "/i/_doc/1", "/* first */ {\"a\":\"/* no */ // no\", // to the end\n \"b\\\"/*\":2} // last", 200, ""},
      {"GET", "/i/_doc/1?filter_path=_source", "", 200, R"({"_source":{"a":"/* no */ // no","b\"/*":2}})"},
      {"POST", "/i/_update/1", R"({"doc":{"c":3 /**/}})", 200, ""},
      {"GET", "/i/_doc/1?filter_path=_source.c", "", 200, R"({"_source":{"c":3}})"},
      {"POST", "/i/_bulk",
       R"({"index":{"_id":"2"}} // here)"
       "\n"
       R"({"a":/**/2})"
       "\n",
       200, R"("errors":false)"},
      {"PUT", "/i/_doc/1", R"({"a":1 /* without an end})", 400, "failed to parse"},
      {"PUT", "/i/_doc/1", R"({"a":1 / 2})", 400, "failed to parse"},
      {"PUT", "/i/_doc/1", R"({"a":1/**/2})", 400, "failed to parse"},
      {"PUT", "/i/_doc/1", R"({"a":1} # no)", 400, "failed to parse"},
      {"PUT", "/i/_doc/1", "// nothing else", 400, "failed to parse"},
  });
  // Each looks for an end that is not there, once.
  std::string many = "{\"a\":1 ";
  for (int i = 0; i < 1'000'000; ++i) many += "/*";
  EXPECT_EQ(ask("PUT", "/i/_doc/1", many).status, 400);
}

TEST_F(EngineAnswersTest, lone_surrogate_is_kept_as_it_was_typed) {
  expect({
      {"PUT", "/i/_doc/1", R"({"a":"\ud800"})", 201, ""},
      {"GET", "/i/_source/1", "", 200, R"("a":"\ud800")"},
      {"PUT", "/i/_doc/1", R"({"a":"x\uDC00\ud83d\ude00\\ud800y"})", 200, ""},
      {"GET", "/i/_source/1", "", 200, R"({"a":"x\uDC00\ud83d\ude00\\ud800y"})"},
      {"PUT", "/i/_doc/1", R"({"a":"\ud800\ud800"})", 200, ""},
      {"GET", "/i/_doc/1?filter_path=_id,_source", "", 200, "_source"},
      {"GET", "/i/_doc/1?pretty", "", 200, "_source"},
      {"POST", "/i/_update/1", R"({"doc":{"b":"\udfff"}})", 200, ""},
      {"POST", "/i/_bulk",
       R"({"index":{"_id":"2"}})"
       "\n"
       R"({"a":"\ud800"})"
       "\n",
       200, R"("errors":false)"},
      {"PUT", "/i/_doc/1", R"({"a":"\ud80"})", 400, "failed to parse"},
      {"PUT", "/i/_doc/1", R"({"a":"\ud800)", 400, "failed to parse"},
  });
}

TEST_F(EngineAnswersTest, metadata_field_in_a_document_is_refused_by_name) {
  for (const std::string field :
       {"_id", "_index", "_routing", "_source", "_type", "_field_names", "_ignored", "_seq_no", "_version"}) {
    const std::string reason = "Field [" + field +
                               "] is a metadata field and cannot be added inside a document. Use the index API request "
                               "parameters.";
    const std::string document = R"({"a":1,")" + field + R"(":"z"})";
    expect({
        {"PUT", "/i/_doc/1", document, 400, reason},
        {"POST", "/i/_doc", document, 400, R"("type":"mapper_parsing_exception")"},
        {"POST", "/i/_bulk",
         R"({"create":{"_id":"1"}})"
         "\n" +
             document + "\n",
         200, reason},
        {"POST", "/i/_update/none", R"({"doc":{},"upsert":)" + document + "}", 400, reason},
        {"PUT", "/i/_doc/2", R"({"o":)" + document + R"(,"l":[)" + document + "]}", 201, ""},
        {"POST", "/i/_update/2", R"({"doc":)" + document + "}", 400, reason},
        {"DELETE", "/i/_doc/2", "", 200, ""},
    });
  }
  expect({{"PUT", "/i/_doc/1", R"({"_primary_term":"z","_idx":1,"x_id":2,"_ID":3})", 201, ""}});
}

TEST_F(EngineAnswersTest, empty_id_fails_its_item_only) {
  expect({
      {"POST", "/_bulk",
       R"({"index":{"_index":"be","_id":""}})"
       "\n"
       R"({"f":1})"
       "\n"
       R"({"index":{"_index":"be","_id":"id"}})"
       "\n"
       R"({"f":2})"
       "\n"
       R"({"index":{"_index":"be"}})"
       "\n"
       R"({"f":3})"
       "\n",
       200, ""},
      {"GET", "/be/_source/id", "", 200, R"({"f":2})"},
  });
  const Json answer = ask("POST", "/be/_bulk",
                          R"({"create":{"_id":""}})"
                          "\n"
                          R"({"f":1})"
                          "\n"
                          R"({"index":{}})"
                          "\n"
                          R"({"f":1})"
                          "\n")
                          .json();
  EXPECT_EQ(answer["errors"], true);
  EXPECT_EQ(answer["items"][0]["create"]["status"], 400);
  EXPECT_EQ(answer["items"][0]["create"]["error"]["reason"], "if _id is specified it must not be empty");
  EXPECT_EQ(answer["items"][1]["index"]["status"], 201);
}

TEST_F(EngineAnswersTest, whole_number_may_be_written_as_a_decimal_one_or_a_string) {
  const auto index = [](const std::string& line) { return R"({"index":)" + line + "}\n{\"f\":1}\n"; };
  expect({
      {"POST", "/i/_bulk", index(R"({"_id":"1","version":1700000000000.0,"version_type":"external"})"), 200,
       R"("_version":1700000000000,)"},
      {"POST", "/i/_bulk", index(R"({"_id":"2","version":1.7,"version_type":"external"})"), 200, R"("_version":1,)"},
      {"POST", "/i/_bulk", index(R"({"_id":"3","version":"5.0","version_type":"external"})"), 200, R"("_version":5,)"},
      {"POST", "/i/_bulk", index(R"({"_id":"4","version":1e3,"version_type":"external"})"), 200, R"("_version":1000,)"},
      {"POST", "/i/_bulk", index(R"({"_id":"5","version":"x","version_type":"external"})"), 400,
       R"(For input string: \"x\")"},
      {"POST", "/i/_bulk", index(R"({"_id":"1","if_seq_no":0.0,"if_primary_term":1.0})"), 200, R"("result":"updated")"},
      {"POST", "/i/_bulk", index(R"({"_id":"1","if_seq_no":"x","if_primary_term":1})"), 400,
       R"(For input string: \"x\")"},
      {"POST", "/i/_bulk", index(R"({"_id":"1","if_seq_no":"9223372036854775808","if_primary_term":1})"), 400,
       "Value [9223372036854775808] is out of range for a long"},
      {"POST", "/i/_bulk",
       R"({"update":{"_id":"1","retry_on_conflict":1.0}})"
       "\n"
       R"({"doc":{"f":2}})"
       "\n",
       200, R"("result":"updated")"},
      {"POST", "/i/_mget", R"({"docs":[{"_id":"1","version":1.0}]})", 200, "version conflict"},
      {"POST", "/i/_mget", R"({"docs":[{"_id":"3","version":5.0}]})", 200, R"("found":true)"},
      {"POST", "/i/_update/3", R"({"doc":{"f":3},"if_seq_no":2.0,"if_primary_term":"1"})", 200, R"("updated")"},
      {"PUT", "/i/_doc/1?version=1.0", "{}", 400, "Failed to parse long parameter [version] with value [1.0]"},
  });
}

TEST_F(EngineAnswersTest, dot_of_a_key_is_escaped_in_filter_path) {
  expect({
      {"PUT", "/logs-2024.01.01/_doc/1", R"({"a.b":1,"a":{"b":2,"c":3},"x\\y":4})", 201, ""},
      {"GET", R"(/logs-2024.01.01/_doc/1?filter_path=_source.a%5C.b)", "", 200, R"({"_source":{"a.b":1}})"},
      {"GET", R"(/logs-2024.01.01/_doc/1?filter_path=_source.a.b)", "", 200, R"({"_source":{"a":{"b":2}}})"},
      {"GET", R"(/logs-2024.01.01/_doc/1?filter_path=_source,-_source.a%5C.b,-_source.x*)", "", 200,
       R"({"_source":{"a":{"b":2,"c":3}}})"},
      {"GET", R"(/logs-2024.01.01/_doc/1?filter_path=_source.*%5C.b)", "", 200, R"({"_source":{"a.b":1}})"},
      {"GET", R"(/logs-2024.01.01/_doc/1?filter_path=-_source.a.*,_source.a*)", "", 200, R"({"_source":{"a.b":1}})"},
      {"GET", R"(/logs-2024.01.01?filter_path=logs-2024%5C.01%5C.01.settings.index.number_of_shards)", "", 200,
       R"({"logs-2024.01.01":{"settings":{"index":{"number_of_shards":"1"}}}})"},
      {"GET", R"(/logs-2024.01.01?filter_path=logs*.settings.index.number_of_shards)", "", 200,
       R"({"logs-2024.01.01":{"settings":{"index":{"number_of_shards":"1"}}}})"},
  });
}

/// By the differential test, of 7.17.29.
TEST_F(EngineAnswersTest, filter_path_leaves_refusals_and_sources_whole) {
  expect({
      {"PUT", "/fp/_doc/1", R"({"n":1})", 201, ""},
      {"GET", "/fp/_source/1?filter_path=m", "", 200, R"({"n":1})"},
      {"PUT", "/fp/_create/1?filter_path=items", "{}", 409, R"("type":"version_conflict_engine_exception")"},
      {"POST", "/fp/_update/2?filter_path=error", R"({"doc":{}})", 404, R"("status":404})"},
      {"DELETE", "/none/_doc/1?filter_path=_id", "", 404, R"("type":"index_not_found_exception")"},
      // Two stars take one key or more.
      {"GET", "/fp/_doc/1?filter_path=**._id", "", 200, "{}"},
      {"GET", "/fp/_doc/1?filter_path=**.n", "", 200, R"({"_source":{"n":1}})"},
      {"GET", "/nothing/_doc/_mget", R"({"ids":["1"]})", 200, R"("_type":"_doc")"},
      {"GET", "/nothing/_mget", R"({"ids":["1"]})", 200, R"("_type":null)"},
      {"GET", "/fp/_settings/index.no*", "", 200, "{}"},
  });
}

TEST_F(EngineAnswersTest, lists_and_wildcards_stand_for_indices) {
  const std::string none = R"("resource.type":"index_or_alias","resource.id":"nope")";
  for (const char* name : {"/la", "/lb", "/ma"}) EXPECT_EQ(ask("PUT", name).status, 200);
  expect({
      {"HEAD", "/la,lb", "", 200, ""},
      {"HEAD", "/l*", "", 200, ""},
      {"HEAD", "/_all", "", 200, ""},
      {"HEAD", "/la,nope", "", 404, ""},
      {"HEAD", "/la,nope?ignore_unavailable=true", "", 200, ""},
      {"HEAD", "/nope*", "", 200, ""},
      {"HEAD", "/nope*?allow_no_indices=false", "", 404, ""},
      {"GET", "/l*?expand_wildcards=none", "", 200, "{}"},
      {"GET", "/l*?expand_wildcards=none&allow_no_indices=false", "", 404, "no such index [l*]"},
      {"HEAD", "/l*?expand_wildcards=bogus", "", 400, ""},
      {"GET", "/l*?expand_wildcards=bogus", "", 400, "No valid expand wildcard value [bogus]"},
      {"GET", "/la,nope", "", 404, none},
      {"GET", "/l*,-la?filter_path=*.aliases,*.settings.index.provided_name", "", 200,
       R"({"lb":{"aliases":{},"settings":{"index":{"provided_name":"lb"}}}})"},
      {"GET", "/*a/_settings?filter_path=*.settings.index.number_of_shards", "", 200,
       R"({"la":{"settings":{"index":{"number_of_shards":"1"}}},"ma":{"settings":{"index":{"number_of_shards":"1"}}}})"},
      {"GET", "/_settings?filter_path=*.settings.index.provided_name", "", 200, "ma"},
      {"PUT", "/l*/_settings", R"({"index.gc_deletes":"5s"})", 200, R"({"acknowledged":true})"},
      {"GET", "/lb/_settings?flat_settings=true", "", 200, R"("index.gc_deletes":"5s")"},
      {"POST", "/la,lb/_refresh", "", 200, R"({"_shards":{"total":2,"successful":2,"failed":0}})"},
      {"POST", "/_refresh", "", 200, R"({"_shards":{"total":3,"successful":3,"failed":0}})"},
      {"POST", "/la,nope/_refresh", "", 404, none},
      {"POST", "/nope*/_refresh", "", 200, R"({"_shards":{"total":0,"successful":0,"failed":0}})"},
      {"DELETE", "/la,nope", "", 404, none},
      {"HEAD", "/la", "", 200, ""},
      {"DELETE", "/la,lb", "", 200, R"({"acknowledged":true})"},
      {"HEAD", "/la", "", 404, ""},
      {"DELETE", "/l*", "", 200, R"({"acknowledged":true})"},
      {"DELETE", "/l*?allow_no_indices=false", "", 404, ""},
      {"DELETE", "/nope?ignore_unavailable=true", "", 200, R"({"acknowledged":true})"},
      {"DELETE", "/_all", "", 200, R"({"acknowledged":true})"},
      {"HEAD", "/ma", "", 404, ""},
      // Requests on one document take one name.
      {"GET", "/l*/_doc/1", "", 404, R"("no such index [l*]")"},
      {"PUT", "/l*/_doc/1", "{}", 400, "Invalid index name [l*]"},
      {"PUT", "/la,lb", "", 400, "Invalid index name [la,lb]"},
  });
}

TEST_F(EngineAnswersTest, index_name_is_in_small_letters_of_any_alphabet) {
  expect({
      {"PUT", "/%C3%84rger", "", 400, "must be lowercase"},
      {"PUT", "/%CE%A9", "", 400, "must be lowercase"},
      {"PUT", "/%D0%96/_doc/1", "{}", 400, "must be lowercase"},
      {"PUT", "/%F0%90%90%80", "", 400, "must be lowercase"},
      {"PUT", "/%C3%A4rger", "", 200, ""},
      {"PUT", "/%C3%9F", "", 200, ""},
      {"PUT", "/%E6%97%A5", "", 200, ""},
  });
}

TEST_F(EngineAnswersTest, setting_is_kept_or_named_as_missing_here_or_unknown) {
  expect({
      {"PUT", "/se", R"({"settings":{"analysis":{"analyzer":{"default":{"type":"keyword"}}}}})", 501,
       "the setting [index.analysis.analyzer.default.type] is not supported by occkit"},
      {"PUT", "/se", R"({"settings":{"index.mapping.total_fields.limit":2000}})", 501,
       "[index.mapping.total_fields.limit]"},
      {"PUT", "/se", R"({"settings":{"index":{"default_pipeline":"x"}}})", 501, "[index.default_pipeline]"},
      {"PUT", "/se", R"({"settings":{"index.no_such":1}})", 400,
       "unknown setting [index.no_such] please check that any required plugins are installed"},
      {"PUT", "/se", R"({"settings":{"refresh_intervall":"5s"}})", 400,
       "unknown setting [index.refresh_intervall] did you mean [index.refresh_interval]?"},
      {"PUT", "/se", R"({"settings":{"refresh_interval":"x"}})", 400,
       "failed to parse setting [index.refresh_interval]"},
      {"PUT", "/se", R"({"settings":{"codec":"x"}})", 400,
       "unknown value for [index.codec] must be one of [default, best_compression] but was: x"},
      {"HEAD", "/se", "", 404, ""},
      {"PUT", "/se",
       R"({"settings":{"refresh_interval":"5s","index.translog":{"durability":"async"},"max_result_window":20000}})",
       200, ""},
      {"GET", "/se/_settings?filter_path=*.*.index.refresh_interval,*.*.index.translog,*.*.index.max*", "", 200,
       R"({"se":{"settings":{"index":{"max_result_window":"20000","refresh_interval":"5s",)"
       R"("translog":{"durability":"async"}}}}})"},
      {"PUT", "/se/_settings", R"({"index.codec":"default"})", 400,
       "Can't update non dynamic settings [[index.codec]] for open indices [[se/"},
      {"PUT", "/se/_settings?preserve_existing=true", R"({"refresh_interval":"9s","index.priority":3})", 200, ""},
      {"PUT", "/se/_settings", R"({"index.max_result_window":null})", 200, ""},
      {"GET", "/se/_settings?flat_settings=true&filter_path=se.settings.index*", "", 200,
       R"("index.priority":"3","index.provided_name":"se","index.refresh_interval":"5s",)"
       R"("index.translog.durability":"async")"},
  });
  EXPECT_THAT(ask("GET", "/se/_settings").body, ::testing::Not(HasSubstr("max_result_window")));
}

TEST_F(EngineAnswersTest, first_fault_in_the_engines_order_is_named) {
  EXPECT_EQ(ask("PUT", "/ov").status, 200);
  const std::string whole = R"({"error":{"root_cause":[{"type":"index_not_found_exception")";
  expect({
      {"PUT", "/ov/_doc/1?refresh=bogus&require_alias=", "{}", 400, "Unknown value for refresh: [bogus]."},
      {"GET", "/ov/_mget?refresh=wait_for", R"({"ids":["1"]})", 400,
       "Failed to parse value [wait_for] as only [true] or [false] are allowed."},
      {"GET", "/ov/_doc/1?timeout=1m&filter_path=_id", "", 400,
       R"("request [/ov/_doc/1] contains unrecognized parameter: [timeout]")"},
      {"GET", "/ov/_doc/1?versions=true", "", 400,
       R"("request [/ov/_doc/1] contains unrecognized parameter: [versions] -> did you mean [version_type]?")"},
      {"PUT", "/ov/_doc/1?wait_for_active_shards=-1", "{}", 400, "shard count cannot be a negative value"},
      {"GET", "/ov/_source/x%20y?version=3", "", 400,
       "request [/ov/_source/x y] contains unrecognized parameter: [version]"},
      {"PUT", "/ov/_doc/1?if_primary_term=1&pipeline=", "{}", 400,
       "Validation Failed: 1: ifSeqNo is unassigned, but primary term is [1];2: pipeline cannot be an empty string;"},
      {"DELETE", "/_bulk", "", 405, "allowed: [PUT, POST]"},
      {"GET", "/nope/_doc/1", "", 404, R"("resource.type":"index_expression")"},
      {"POST", "/ov/_update/2", R"({"doc": {"n": 2, "o": {"p": 0}}, "doc_as_upsert": 1})", 400,
       "[1:51] [UpdateRequest] doc_as_upsert doesn't support values of type: VALUE_NUMBER"},
      // Errors are told whole.
      {"GET", "/nope/_doc/1?filter_path=error.type", "", 404, whole},
      {"GET", "/ov/_doc/1?filter_path=found", "", 404, R"({"found":false})"},
      {"POST", "/ov/_update/1", R"({"dok":{}})", 400, "[1:2] [UpdateRequest] unknown field [dok] did you mean [doc]?"},
      {"POST", "/ov/_update/1", R"({"doc":{},"if_seq_no":"x"})", 400,
       R"("reason":"[1:23] [UpdateRequest] failed to parse field [if_seq_no]","caused_by":{"type":)"
       R"("illegal_argument_exception","reason":"For input string: \"x\""})"},
      {"POST", "/ov/_update/1", "{\"doc\":{\"f\":4},\n \"scripted_upsert\":3}", 400,
       "[2:20] [UpdateRequest] scripted_upsert doesn't support values of type: VALUE_NUMBER"},
      {"GET", "/ov/_mget", R"({"docs":[{"_id":"1","x":2}]})", 400,
       "failed to parse multi get request. unknown field [x]"},
      {"GET", "/ov/_mget", R"({"docs":[{"_id":"1","_type":"x"}]})", 200, R"("_type":"x","_id":"1","found":false)"},
      {"GET", "/_mget", R"({"docs":[{"_index":"none","_id":"1"}]})", 200, R"("_index":"none","_type":null,"_id":"1")"},
      {"PUT", "/ov/_doc/1/x", "{}", 400, R"({"error":"no handler found for uri [/ov/_doc/1/x] and method [PUT]"})"},
      {"PUT", "/ov/_doc/1?timeout=abc&refresh=bogus&version=x", "{}", 400, "failed to parse setting [timeout]"},
      {"PUT", "/ov/_doc/1?refresh=bogus&version=x&op_type=y", "{}", 400, "Unknown value for refresh"},
      {"PUT", "/ov/_doc/1?version=x&version_type=y&op_type=z", "{}", 400, "[version] with value [x]"},
      {"PUT", "/ov/_doc/1?version_type=y&if_seq_no=x&op_type=z", "{}", 400, "No version type match [y]"},
      {"PUT", "/ov/_doc/1?if_seq_no=x&require_alias=y&op_type=z", "{}", 400, "[if_seq_no] with value [x]"},
      {"PUT", "/ov/_doc/1?require_alias=y&wait_for_active_shards=z&op_type=z", "{}", 400, "Failed to parse value [y]"},
      {"PUT", "/ov/_doc/1?wait_for_active_shards=abc&op_type=z", "{}", 400, "cannot parse ActiveShardCount[abc]"},
      {"PUT", "/ov/_doc/1?op_type=z&unknown=1", "{}", 400, "opType must be 'create' or 'index', found: [z]"},
  });
  EXPECT_THAT(ask("PUT", "/no/such/path/x", "{}").body, HasSubstr("no handler found"));
  Request wrong_type = make_request("PUT", "/ov/_doc/1?version=x", "{}");
  wrong_type.headers.emplace_back("Content-Type", "text/plain");
  const Response refused = session_.handle(wrong_type);
  EXPECT_EQ(refused.status, 406);
  EXPECT_EQ(refused.body, R"({"error":"Content-Type header [text/plain] is not supported","status":406})");
}

TEST_F(EngineAnswersTest, alias_that_is_required_is_not_there) {
  const std::string missing = "[require_alias] request flag is [true] and [ra] is not an alias";
  expect({
      {"PUT", "/ra/_doc/1?require_alias=true", "{}", 404, missing},
      {"HEAD", "/ra", "", 404, ""},
      {"PUT", "/ra/_doc/1?require_alias=false", R"({"a":1})", 201, ""},
      {"POST", "/_bulk",
       R"({"index":{"_index":"ra","_id":"1","require_alias":false}})"
       "\n"
       R"({"f":1})"
       "\n",
       200, R"("errors":false)"},
      {"POST", "/_bulk?require_alias=true",
       R"({"index":{"_index":"ra","_id":"2"}})"
       "\n{}\n"
       R"({"delete":{"_index":"ra","_id":"1"}})"
       "\n",
       200, missing},
      {"HEAD", "/ra/_doc/1", "", 404, ""},
      {"POST", "/ra/_update/1?require_alias=true", R"({"doc":{}})", 404, missing},
  });
}

TEST_F(EngineAnswersTest, copies_that_are_waited_for_are_counted) {
  expect({
      {"PUT", "/wa/_doc/1?wait_for_active_shards=5&timeout=1s", "{}", 503,
       "Not enough active copies to meet shard count of [5]"},
      {"HEAD", "/wa/_doc/1", "", 404, ""},
      {"PUT", "/wa/_doc/1?wait_for_active_shards=abc", "{}", 400, "cannot parse ActiveShardCount[abc]"},
      {"PUT", "/wa/_doc/1?timeout=abc", "{}", 400,
       "failed to parse setting [timeout] with value [abc] as a time value"},
      {"PUT", "/wa/_doc/1?wait_for_active_shards=all", "{}", 201, ""},
      {"PUT", "/wa/_doc/1?wait_for_active_shards=1", "{}", 200, ""},
      {"PUT", "/wa/_doc/1?wait_for_active_shards=0", "{}", 200, ""},
      {"PUT", "/wa/_settings", R"({"number_of_replicas":1})", 200, ""},
      {"PUT", "/wa/_doc/1?wait_for_active_shards=all", "{}", 503, "shard count of [ALL]"},
      {"POST", "/wa/_update/1?wait_for_active_shards=2", R"({"doc":{"a":1}})", 503, ""},
      {"DELETE", "/wa/_doc/1?wait_for_active_shards=2", "", 503, ""},
      {"POST", "/wa/_bulk?wait_for_active_shards=2",
       R"({"index":{"_id":"1"}})"
       "\n{}\n",
       200, R"("status":503)"},
      {"PUT", "/wb?wait_for_active_shards=3", "", 400,
       "invalid wait_for_active_shards[3]: cannot be greater than number of shard copies [1]"},
      {"PUT", "/wb?wait_for_active_shards=all", R"({"settings":{"number_of_replicas":1}})", 200,
       R"({"acknowledged":true,"shards_acknowledged":false,"index":"wb"})"},
      {"PUT", "/wa/_doc/1?timeout=1.5s", "{}", 400, "failed to parse [1.5s], fractional time values are not supported"},
      {"PUT", "/wa/_doc/1?timeout=-5s", "{}", 400, "negative durations are not supported"},
      {"PUT", "/wb/_doc/1?timeout=%201%20S", "{}", 201, ""},
  });
}

TEST_F(EngineAnswersTest, doc_as_upsert_stores_the_doc) {
  expect({
      {"POST", "/du/_update/1", R"({"doc":{"n":1},"doc_as_upsert":true,"upsert":{"n":9}})", 201, ""},
      {"GET", "/du/_source/1", "", 200, R"({"n":1})"},
      {"POST", "/du/_bulk",
       R"({"update":{"_id":"2"}})"
       "\n"
       R"({"doc":{"n":1},"doc_as_upsert":true,"upsert":{"n":9}})"
       "\n",
       200, ""},
      {"GET", "/du/_source/2", "", 200, R"({"n":1})"},
      {"POST", "/du/_update/3", R"({"doc":{"n":1},"doc_as_upsert":true,"scripted_upsert":true})", 201, ""},
      {"POST", "/du/_update/4?doc_as_upsert=true", R"({"doc":{"n":1}})", 201, ""},
  });
}

TEST_F(EngineAnswers6Test, what_differs_in_6_8) {
  for (const char* id : {"/u6/_doc/1", "/u6/_doc/2"}) EXPECT_EQ(ask("PUT", id, R"({"n":1})").status, 201);
  expect({
      {"POST", "/u6/_doc/1/_update", R"({"doc":{"n":1}})", 200,
       R"({"_index":"u6","_type":"_doc","_id":"1","_version":1,"result":"noop","_shards":{"total":0,"successful":0,)"
       R"("failed":0}})"},
      {"POST", "/u6/_doc/1/_update?version=1", R"({"doc":{"n":2},"upsert":{"n":9}})", 400,
       "Validation Failed: 1: can't provide both upsert request and a version;2: can't provide version in upsert "
       "request;"},
      {"POST", "/u6/_doc/missing/_update?version=1", R"({"doc":{"n":2},"doc_as_upsert":true})", 400,
       "create operations do not support explicit versions. use index instead;"},
      {"POST", "/u6/_doc/none/_update?if_seq_no=0&if_primary_term=1", R"({"doc":{"n":2},"upsert":{"n":9}})", 201, ""},
      {"GET", "/u6/_doc/none/_source", "", 200, R"({"n":9})"},
      {"POST", "/u6/_doc/none/_update?if_seq_no=0&if_primary_term=1", R"({"doc":{"n":2},"upsert":{"n":9}})", 409, ""},
      {"PUT", "/u6/_doc/1/_create?op_type=index", R"({"n":1})", 409, "document already exists"},
      {"PUT", "/u6/_doc/a+b", R"({"a":1})", 201, R"("_id":"a b")"},
      {"GET", "/u6/_doc/a%2Bb", "", 404, R"("_id":"a+b")"},
      {"POST", "/u6/_mget", R"({"docs":[{"_type":"_doc","_id":"1","_version":1,"_version_type":"internal"}]})", 200,
       R"("found":true)"},
  });
}

TEST_F(EngineAnswersTest, part_of_a_source_is_shown) {
  EXPECT_EQ(
      ask("PUT", "/sf/_doc/1",
          R"({"a":{"b":1,"c":{"d":2,"e":3}},"x":[{"y":1,"z":2},{"y":3},5],"p.q":{"r":1},"s":"t","empty":{},"ea":[],)"
          R"("n":null})")
          .status,
      201);
  struct Chosen {
    const char* query;
    const char* source;
  };
  for (const auto& [query, source] : std::vector<Chosen>{
           {"_source=a.b", R"({"a":{"b":1}})"},
           {"_source=a.c", R"({"a":{"c":{"d":2,"e":3}}})"},
           {"_source=*.b", R"({"a":{"b":1}})"},
           {"_source=s,n", R"({"s":"t","n":null})"},
           {"_source=x.y", R"({"x":[{"y":1},{"y":3}]})"},
           {"_source=p.q", R"({"p.q":{"r":1}})"},
           {"_source=p", R"({"p.q":{"r":1}})"},
           {"_source=nope", R"({})"},
           {"_source=empty,ea", R"({"empty":{},"ea":[]})"},
           {"_source_includes=a&_source_excludes=a.c", R"({"a":{"b":1}})"},
           {"_source_includes=a.*&_source_excludes=*.d", R"({"a":{"b":1,"c":{"e":3}}})"},
           {"_source_excludes=a,x,p*,e*", R"({"s":"t","n":null})"},
           {"_source=x&_source_includes=s", R"({"s":"t"})"},
           {"_source_excludes=*", R"({})"},
           {"_source_includes=a&_source_excludes=a.*", R"({"a":{}})"},
           {"_source_includes=x&_source_excludes=x.y", R"({"x":[{"z":2},5]})"},
           {"_source_includes=x&_source_excludes=x.*", R"({"x":[5]})"},
           {"_source=**.d", R"({"a":{"c":{"d":2}}})"},
           {"_source=a..b,a.,s.t,a.b.z", R"({})"},
       }) {
    SCOPED_TRACE(query);
    EXPECT_EQ(ask("GET", std::string("/sf/_source/1?") + query).body, source);
    EXPECT_EQ(to_text(ask("GET", std::string("/sf/_doc/1?") + query).json()["_source"]), source);
    EXPECT_EQ(to_text(ask("GET", std::string("/sf/_mget?") + query, R"({"ids":["1"]})").json()["docs"][0]["_source"]),
              source);
  }
  expect({
      {"GET", "/sf/_mget?_source=n",
       R"({"docs":[{"_id":"1"},{"_id":"1","_source":"s"},{"_id":"1","_source":["n","s"]}]})", 200,
       R"("_source":{"n":null}},)"},
      {"GET", "/sf/_mget", R"({"docs":[{"_id":"1","_source":{"includes":"a","excludes":["a.c"]}}]})", 200,
       R"("_source":{"a":{"b":1}})"},
      {"GET", "/sf/_mget", R"({"docs":[{"_id":"1","_source":false}]})", 200, R"("found":true}]})"},
      {"POST", "/sf/_update/1", R"({"doc":{"s":"u"},"_source":"s"})", 200, R"("_source":{"s":"u"})"},
      {"POST", "/sf/_update/1?_source_includes=s", R"({"doc":{"s":"v"}})", 200, R"("_source":{"s":"v"})"},
      {"POST", "/sf/_update/1?_source_excludes=a,x,p*,e*", R"({"doc":{"s":"w"}})", 200,
       R"("_source":{"s":"w","n":null})"},
      {"POST", "/_bulk?_source=s",
       R"({"update":{"_index":"sf","_id":"1"}})"
       "\n"
       R"({"doc":{"s":"q"}})"
       "\n",
       200, R"("_source":{"s":"q"})"},
      {"POST", "/_bulk",
       R"({"update":{"_index":"sf","_id":"1","_source":"n"}})"
       "\n"
       R"({"doc":{"s":"q"}})"
       "\n",
       200, R"("_source":{"n":null})"},
      {"POST", "/_bulk",
       R"({"update":{"_index":"sf","_id":"1","_source":["n"]}})"
       "\n"
       R"({"doc":{"s":"q"}})"
       "\n",
       400, "expected a simple value for field [_source] but found [START_ARRAY]"},
      {"GET", "/sf/_source/1?_source=" + std::string(5'000, 'x'), "", 400, "more than 4096 bytes"},
  });
}

}  // namespace
}  // namespace occ
