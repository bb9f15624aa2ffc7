/// What the differential test (tests/differential) found to be answered otherwise than by 7.17.29, 6.8.23 and 8.19.5, and
/// what these answer.
#include "tests/harness/rest/engine_answers.hpp"

namespace occ {
namespace {

TEST_F(EngineAnswersTest, what_is_no_number_is_the_cause) {
  const auto caused_by = [](const std::string& number) {
    return R"("caused_by":{"type":"number_format_exception","reason":"For input string: \")" + number + R"(\""}})";
  };
  EXPECT_EQ(ask("PUT", "/nc").status, 200);
  expect({
      {"PUT", "/nc/_doc/1?version=x", "{}", 400, caused_by("x")},
      {"PUT", "/nc/_doc/1?version=", "{}", 400, caused_by("")},
      {"PUT", "/nc/_doc/1?if_seq_no=9223372036854775808", "{}", 400, caused_by("9223372036854775808")},
      {"POST", "/nc/_update/1?retry_on_conflict=-", R"({"doc":{}})", 400, caused_by("-")},
      {"PUT", "/nc/_doc/1?wait_for_active_shards=x", "{}", 400, caused_by("x")},
      {"PUT", "/nc/_doc/1?timeout=1.5s", "{}", 400, caused_by("1.5")},
      {"PUT", "/nc/_doc/1?timeout=xs", "{}", 400, R"("reason":"failed to parse [xs]",)" + caused_by("x")},
      {"PUT", "/nc/_doc/1?timeout=99999999999999999999s", "{}", 400, "fractional time values are not supported"},
      {"PUT", "/nc/_settings", R"({"number_of_replicas":1.5})", 400, caused_by("1.5")},
      {"PUT", "/nc/_settings", R"({"number_of_replicas":-1})", 400,
       R"([index.number_of_replicas] must be >= 0"},"status":400})"},
      {"PUT", "/nc/_doc/1?timeout=x", "{}", 400, R"(unit is missing or unrecognized"},"status":400})"},
  });
}

TEST_F(EngineAnswersTest, empty_segment_counts_but_at_the_end) {
  EXPECT_EQ(ask("PUT", "/es").status, 200);
  expect({
      {"PUT", "/es/_doc//1", "{}", 400, R"({"error":"no handler found for uri [/es/_doc//1] and method [PUT]"})"},
      {"GET", "/es/_source//1", "", 400, "no handler found"},
      {"POST", "/es/_doc//", "{}", 201, R"("result":"created")"},
      {"GET", "/es//?filter_path=*.aliases", "", 200, R"({"es":{"aliases":{}}})"},
      {"GET", "/es/_doc/1/", "", 404, R"("found":false)"},
      {"GET", "//_doc/1", "", 404, "no such index []"},
      // Otherwise here: 500, "String index out of range: 0". 8.19.5 answers as here.
      {"PUT", "//_doc/1", "{}", 400, "Invalid index name [], must not be empty"},
      {"POST", "/es/_doc//_update", R"({"doc":{}})", 400, "Validation Failed: 1: id is missing;"},
      {"GET", "/es/_doc//_source", "", 400, "Validation Failed: 1: id is missing;"},
      {"PUT", "/es/_doc//_create", "{}", 400, R"("reason":"if _id is specified it must not be empty"},"status":400})"},
  });
}

TEST_F(EngineAnswersTest, source_of_an_item_counts_more_than_of_the_url_and_of_the_body) {
  EXPECT_EQ(ask("PUT", "/sb/_doc/1", "{}").status, 201);
  const std::string given = R"("found":true,"_source":{}}})";
  const std::string none = R"("_seq_no":0,"_primary_term":1}}]})";
  const auto update = [](const std::string& of_item, const std::string& of_body) {
    return R"({"update":{"_id":"1")" + of_item + "}}\n" + R"({"doc":{})" + of_body + "}\n";
  };
  const std::string yes = R"(,"_source":true)";
  const std::string no = R"(,"_source":false)";
  const std::string only = "&filter_path=items.*.get,items.*._seq_no,items.*._primary_term";
  expect({
      {"POST", "/sb/_bulk?_source=true" + only, update("", no), 200, given},
      {"POST", "/sb/_bulk?_source=false" + only, update("", yes), 200, none},
      {"POST", "/sb/_bulk?_source=true" + only, update(no, yes), 200, none},
      {"POST", "/sb/_bulk?_source=false" + only, update(yes, no), 200, given},
      {"POST", "/sb/_bulk?pretty=false" + only, update("", yes), 200, given},
      // Alone, the body counts more.
      {"POST", "/sb/_update/1?_source=true", R"({"doc":{},"_source":false})", 200, R"("_primary_term":1})"},
      {"POST", "/sb/_update/1?_source=false", R"({"doc":{},"_source":true})", 200, R"("_source":{}}})"},
  });
}

TEST_F(EngineAnswersTest, bulk_makes_its_indices_before_any_item_runs) {
  const std::string remove = R"({"delete":{"_id":"1"}})"
                             "\n";
  const std::string update = R"({"update":{"_id":"2"}})"
                             "\n"
                             R"({"doc":{}})"
                             "\n";
  expect({
      {"POST", "/bi/_bulk", remove + update, 200, R"("_version":1,"result":"not_found")"},
      {"GET", "/bi/_doc/1", "", 404, R"("found":false)"},
      {"POST", "/bn/_bulk", remove, 200, "no such index [bn]"},
      {"POST", "/bn/_bulk", remove + R"({"delete":{"_id":"2","version":3,"version_type":"external"}})" + "\n", 200,
       R"("_version":1,"result":"not_found")"},
      // None where an item wants an alias, and what cannot be made is told by all.
      {"POST", "/ba/_bulk",
       R"({"index":{"_id":"1","require_alias":true}})"
       "\n{}\n" +
           remove +
           R"({"index":{"_id":"2"}})"
           "\n{}\n",
       200,
       R"("resource.type":"index_expression","resource.id":"ba","index_uuid":"_na_","index":"ba"}}},{"index":)"
       R"({"_index":"ba","_type":"_doc","_id":"2","status":404)"},
      {"HEAD", "/ba", "", 404, ""},
      {"POST", "/bB/_bulk", remove + update, 200,
       R"({"delete":{"_index":"bB","_type":"_doc","_id":"1","status":400,"error":{"type":)"
       R"("invalid_index_name_exception")"},
  });
}

TEST_F(EngineAnswers6Test, item_needs_a_type_and_a_create_an_id) {
  const std::string missing_id = "Validation Failed: 1: an id must be provided if version type or value are set;";
  const auto item = [](const std::string& action, const std::string& fields) {
    return R"({")" + action + R"(":{)" + fields + "}}\n" + (action == "delete" ? "" : "{\"doc\":{}}\n");
  };
  expect({
      {"POST", "/t6/_bulk", item("create", R"("_type":"_doc")"), 400, missing_id + "\""},
      {"POST", "/t6/_doc/_bulk", item("create", ""), 400, missing_id + "\""},
      {"POST", "/t6/_doc?op_type=create", "{}", 400, missing_id},
      {"POST", "/t6/_doc", "{}", 201, R"("result":"created")"},
      {"POST", "/t6/_doc?op_type=index", "{}", 201, R"("result":"created")"},
      {"POST", "/t6/_bulk", item("index", "") + item("update", "") + item("delete", "") + item("create", ""), 400,
       "Validation Failed: 1: type is missing;2: type is missing;3: id is missing;4: type is missing;5: id is missing;"
       "6: type is missing;7: an id is required for a CREATE operation;8: an id must be provided if version type or "
       "value are set;\""},
      {"POST", "/t6/_bulk", item("create", R"("_type":"_doc")") + item("index", ""), 400,
       missing_id + "2: type is missing;\""},
      {"POST", "/t6/_doc/_bulk", item("index", ""), 200, R"("errors":false)"},
  });
}

TEST_F(EngineAnswers6Test, mget_says_no_type_of_what_it_did_not_find_without_one) {
  EXPECT_EQ(ask("PUT", "/m6/_doc/1", "{}").status, 201);
  expect({
      {"GET", "/_mget", R"({"docs":[{"_index":"m6","_id":"2"},{"_index":"m6","_id":"2","_type":"_doc"}]})", 200,
       R"({"docs":[{"_index":"m6","_type":null,"_id":"2","found":false},)"
       R"({"_index":"m6","_type":"_doc","_id":"2","found":false}]})"},
      {"GET", "/m6/_mget", R"({"ids":["2"]})", 200,
       R"({"docs":[{"_index":"m6","_type":null,"_id":"2","found":false}]})"},
      {"GET", "/m6/_doc/_mget", R"({"ids":["2"]})", 200,
       R"({"docs":[{"_index":"m6","_type":"_doc","_id":"2","found":false}]})"},
      {"GET", "/m6/_mget?filter_path=docs._type", R"({"ids":["1"]})", 200, R"({"docs":[{"_type":"_doc"}]})"},
  });
}

TEST_F(EngineAnswers6Test, list_that_is_empty_once_it_was_looked_through_is_left_out) {
  EXPECT_EQ(ask("PUT", "/l6/_doc/1", R"({"b":[],"o":{}})").status, 201);
  expect({
      {"GET", "/l6/_doc/1?filter_path=_source&_source_excludes=*.n", "", 200, R"({"_source":{"o":{}}})"},
      {"GET", "/l6/_doc/1?filter_path=_source&_source_excludes=o", "", 200, R"({"_source":{"b":[]}})"},
      {"POST", "/l6/_doc/1/_update?filter_path=get._source&_source_excludes=*.n", R"({"doc":{}})", 200,
       R"({"get":{"_source":{"o":{}}}})"},
  });
}
TEST_F(EngineAnswersTest, list_that_is_empty_once_it_was_looked_through_is_kept) {
  EXPECT_EQ(ask("PUT", "/l7/_doc/1", R"({"b":[]})").status, 201);
  expect({{"GET", "/l7/_source/1?_source_excludes=*.n", "", 200, R"({"b":[]})"}});
}

TEST_F(EngineAnswersTest, list_that_stands_for_nothing_is_named_as_it_was_found_out) {
  EXPECT_EQ(ask("PUT", "/ln-a").status, 200);
  const auto expression = [](const std::string& name) {
    return R"("reason":"no such index [)" + name + R"(]","resource.type":"index_expression","resource.id":")" + name +
           R"(","index_uuid":"_na_","index":")" + name + "\"";
  };
  const std::string setting = R"({"refresh_interval":"50ms"})";
  expect({
      {"PUT", "/ln-c/_settings?ignore_unavailable=true", setting, 404, expression("ln-c")},
      {"GET", "/ln-c?allow_no_indices=false&ignore_unavailable=true", "", 404, expression("ln-c")},
      {"GET", "/ln-c?ignore_unavailable=true", "", 200, "{}"},
      {"GET", "/ln-a,ln-c?ignore_unavailable=true&allow_no_indices=false&filter_path=*.aliases", "", 200,
       R"({"ln-a":{"aliases":{}}})"},
      {"PUT", "/ln-x*/_settings?expand_wildcards=none", setting, 404, expression("ln-x*")},
      {"PUT", "/ln-x*/_settings", setting, 404, R"("resource.type":"index_or_alias","resource.id":"ln-x*")"},
      {"PUT", "/ln-*,-ln-a/_settings", setting, 404,
       R"({"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [null]",)"
       R"("resource.type":"index_or_alias","resource.id":["ln-*","-ln-a"]}],"type":"index_not_found_exception",)"
       R"("reason":"no such index [null]","resource.type":"index_or_alias","resource.id":["ln-*","-ln-a"]},)"
       R"("status":404})"},
      {"GET", "/ln-*,-ln-a*?filter_path=*.aliases", "", 200, "{}"},
      {"GET", "/ln-*,-ln-x*?filter_path=*.aliases", "", 200, R"({"ln-a":{"aliases":{}}})"},
      {"GET", "/ln-*?expand_wildcards=closed", "", 200, "{}"},
      {"GET", "/ln-*,ln-c?expand_wildcards=none", "", 404, expression("ln-*")},
  });
}

TEST_F(EngineAnswers8Test, list_that_stands_for_nothing_is_named_as_it_was_found_out) {
  EXPECT_EQ(ask("PUT", "/ln-a").status, 200);
  const auto named = [](const std::string& name, const std::string& more = {}) {
    return R"("reason":"no such index [)" + name + "]" + more +
           R"(","resource.type":"index_or_alias","resource.id":")" + name + R"(","index_uuid":"_na_","index":")" +
           name + "\"";
  };
  const std::string none =
      R"("reason":"no such index [null]","resource.type":"index_expression","resource.id":["ln-*",)";
  const std::string excluded =
      " and if you intended to exclude this index, ensure that you use wildcards that include it before explicitly "
      "excluding it";
  const std::string setting = R"({"refresh_interval":"50ms"})";
  expect({
      {"GET", "/ln-*?expand_wildcards=none", "", 404, named("ln-*")},
      {"GET", "/ln-*?expand_wildcards=none&ignore_unavailable=true", "", 200, "{}"},
      {"GET", "/ln-*,ln-c?expand_wildcards=none&ignore_unavailable=true&allow_no_indices=false", "", 404,
       none + R"("ln-c"]})"},
      {"GET", "/ln-*?expand_wildcards=closed", "", 200, "{}"},
      {"GET", "/ln-*?expand_wildcards=closed&allow_no_indices=false", "", 404, named("ln-*")},
      {"PUT", "/ln-*,-ln-a/_settings", setting, 404, none + R"("-ln-a"]})"},
      {"PUT", "/ln-*,-ln-x/_settings", setting, 200, R"({"acknowledged":true})"},
      {"GET", "/-ln-x", "", 404, named("-ln-x", excluded)},
      {"PUT", "/ln-a,-ln-a/_settings", setting, 404, named("-ln-a", excluded)},
      {"GET", "/ln-a,_x", "", 400, "Invalid index name [_x], must not start with '_'."},
      {"GET", "/ln-a,,ln-c?ignore_unavailable=true", "", 404, "no such index []"},
  });
}

TEST_F(EngineAnswersTest, what_an_exclusion_empties_is_left_out) {
  EXPECT_EQ(ask("PUT", "/fe/_doc/0", R"({"l":[],"m":[{},{"o":1},[],[{}],5],"e":{}})").status, 201);
  expect({
      {"GET", "/fe/_doc/0?filter_path=_source,-_source.l.x", "", 200,
       R"({"_source":{"m":[{},{"o":1},[],[{}],5],"e":{}}})"},
      {"GET", "/fe/_doc/0?filter_path=_source,-_source.m.o", "", 200, R"({"_source":{"l":[],"m":[5],"e":{}}})"},
      {"GET", "/fe/_doc/0?filter_path=_source,-_source.e.x", "", 200,
       R"({"_source":{"l":[],"m":[{},{"o":1},[],[{}],5]}})"},
      {"GET", "/fe/_doc/0?filter_path=_source,-_source.z.x", "", 200,
       R"({"_source":{"l":[],"m":[{},{"o":1},[],[{}],5],"e":{}}})"},
      {"GET", "/fe/_doc/0?filter_path=_source,-_source.*.x", "", 200, R"({"_source":{"m":[{"o":1},5]}})"},
      {"PUT", "/fe/_doc/1?filter_path=-_shards", "{}", 201, ""},
      {"GET", "/fe/_doc/1?filter_path=_source,-_source.o", "", 200, "{}"},
  });
}

TEST_F(EngineAnswers8Test, what_was_empty_before_an_exclusion_is_kept) {
  EXPECT_EQ(ask("PUT", "/fe/_doc/0", R"({"l":[],"m":[{},{"o":1},[],[{}],5],"e":{},"q":{"r":{"s":1}}})").status, 201);
  expect({
      {"GET", "/fe/_doc/0?filter_path=_source,-_source.m.o,-_source.l.x", "", 200,
       R"({"_source":{"l":[],"m":[{},[],[{}],5],"e":{},"q":{"r":{"s":1}}}})"},
      {"GET", "/fe/_doc/0?filter_path=_source,-_source.q.r.s,-_source.m", "", 200, R"({"_source":{"l":[],"e":{}}})"},
      {"GET", "/fe/_doc/0?filter_path=_source.e,-_source.e.x", "", 200, R"({"_source":{"e":{}}})"},
      {"GET", "/fe/_doc/0?filter_path=_source.q,-_source.q.r.s", "", 200, "{}"},
  });
}

/// Where a wildcard leaves something out, and in what an update answers, sources are filtered as in 7.
TEST_F(EngineAnswers8Test, source_of_a_read_is_filtered_as_by_filter_path) {
  EXPECT_EQ(ask("PUT", "/s8/_doc/1", R"({"a":{"l":{"n":1}},"b":{"n":1},"c":[{"n":2},[]],"d.n":{"e":3}})").status, 201);
  expect({
      {"GET", "/s8/_source/1?_source=*.n", "", 200, R"({"b":{"n":1},"c":[{"n":2}],"d.n":{"e":3}})"},
      {"GET", "/s8/_source/1?_source_excludes=b.n,c.m", "", 200,
       R"({"a":{"l":{"n":1}},"c":[{"n":2},[]],"d.n":{"e":3}})"},
      {"GET", "/s8/_source/1?_source=b&_source_excludes=b.n", "", 200, "{}"},
      {"GET", "/s8/_source/1?_source=d.*", "", 200, R"({"d.n":{"e":3}})"},
      {"GET", "/s8/_source/1?_source_excludes=*.n", "", 200, R"({"a":{"l":{}},"b":{},"c":[]})"},
      {"GET", "/s8/_source/1?_source=a,b&_source_excludes=*.x", "", 200, R"({"a":{"l":{"n":1}},"b":{"n":1}})"},
      {"POST", "/s8/_update/1?_source=*.n&filter_path=get._source.a", R"({"doc":{}})", 200,
       R"({"get":{"_source":{"a":{"l":{"n":1}}}}})"},
      {"POST", "/s8/_update/1?_source=b&_source_excludes=b.n&filter_path=get._source", R"({"doc":{}})", 200,
       R"({"get":{"_source":{"b":{}}}})"},
  });
}

TEST_F(EngineAnswersTest, body_where_there_is_none_is_refused) {
  EXPECT_EQ(ask("PUT", "/nb").status, 200);
  const auto refused = [](const std::string& what) { return "request [" + what + "] does not support having a body"; };
  expect({
      {"DELETE", "/nb/_doc/1?if_seq_no=1", "{}", 400, refused("DELETE /nb/_doc/1")},
      {"DELETE", "/nb/_doc/1?x=1", "{}", 400, "unrecognized parameter: [x]"},
      {"GET", "/nb/_doc/%C3%A4?version=-1", "{}", 400, refused("GET /nb/_doc/\xC3\xA4")},
      {"GET", "/nb/_source/1", "{", 400, refused("GET /nb/_source/1")},
      {"GET", "/nb", "{}", 400, refused("GET /nb")},
      {"GET", "/nb/_settings", "{}", 400, refused("GET /nb/_settings")},
      {"POST", "/nb/_refresh", "{}", 400, refused("POST /nb/_refresh")},
      {"GET", "/", "{}", 400, refused("GET /")},
      {"GET", "/_cluster/health", "{}", 400, refused("GET /_cluster/health")},
      {"DELETE", "/nb,none", "{}", 400, refused("DELETE /nb,none")},
      {"HEAD", "/nb", "", 200, ""},
  });
}

TEST_F(EngineAnswersTest, require_alias_of_a_bulk_without_a_value_is_not_given) {
  expect({
      {"POST", "/rb/_bulk?require_alias=",
       R"({"index":{"_id":"1"}})"
       "\n{}\n",
       200, R"("errors":false)"},
      {"PUT", "/rb/_doc/1?require_alias=", "{}", 404, "[require_alias] request flag is [true]"},
  });
}

TEST_F(EngineAnswersTest, how_to_print_an_answer_is_looked_at_first) {
  EXPECT_EQ(ask("PUT", "/hp").status, 200);
  const auto refused = [](const std::string& value) {
    return R"({"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"Failed to parse value [)" + value +
           R"(] as only [true] or [false] are allowed."}],"type":"illegal_argument_exception","reason":)" +
           R"("Failed to parse value [)" + value + R"(] as only [true] or [false] are allowed."},"status":400})";
  };
  expect({
      {"GET", "/hp/_doc/1?pretty=TRUE&human=y", "", 400, refused("TRUE")},
      {"GET", "/hp/_doc/1?pretty=true&human=y&x=1&filter_path=status", "", 400, refused("y")},
      {"GET", "/hp/_doc/1/2/3?pretty=x", "", 400, refused("x")},
      {"GET", "/none/_doc/1?error_trace=x", "", 400,
       R"({"error":"Failed to parse value [x] as only [true] or [false] are allowed.","status":400})"},
      {"GET", "/hp/_doc/1?human=&error_trace=false&format=xml", "", 404, R"("found":false)"},
      {"GET", "/hp/_doc/1?format=yaml", "", 400, "unrecognized parameter: [format]"},
  });
}

TEST_F(EngineAnswers6Test, body_where_there_is_none_is_passed_over) {
  EXPECT_EQ(ask("PUT", "/b6").status, 200);
  expect({
      {"GET", "/b6/_doc/1", "{}", 404, R"("found":false)"},
      {"GET", "/b6/_doc/1/_source", "{", 404, "Document not found"},
      {"DELETE", "/b6/_doc/1", "{}", 404, R"("result":"not_found")"},
      {"POST", "/b6/_refresh", "{}", 200, R"("failed":0)"},
  });
}

TEST_F(EngineAnswers6Test, condition_of_a_document_without_an_id_is_passed_over) {
  expect({
      {"POST", "/c6/_doc?if_seq_no=5&if_primary_term=1", "{}", 201, R"("result":"created")"},
      {"POST", "/c6/_doc/_bulk",
       R"({"index":{"if_seq_no":5,"if_primary_term":1}})"
       "\n{}\n",
       200, R"("errors":false)"},
      {"PUT", "/c6/_doc/1?if_seq_no=5&if_primary_term=1", "{}", 409, "no document was found"},
  });
}

TEST_F(EngineAnswersTest, lists_end_with_their_last_name_and_a_path_without_a_key_keeps_nothing) {
  EXPECT_EQ(ask("PUT", "/le/_doc/1", R"({"n":1})").status, 201);
  expect({
      {"GET", "/le/_source/1?_source_includes=,", "", 200, R"({"n":1})"},
      {"GET", "/le/_source/1?_source_includes=m,,", "", 200, "{}"},
      {"GET", "/le/_doc/1?filter_path=..", "", 200, "{}"},
      {"GET", "/le/_doc/1?filter_path=-_source,-_index,-_seq_no,-_primary_term,-_type,-..", "", 200,
       R"({"_id":"1","_version":1,"found":true})"},
  });
}

}  // namespace
}  // namespace occ
