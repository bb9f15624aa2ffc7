/// Searches: the scenarios of tests/data/conformance/search-*.txt on the sequential model (vectors_test has them on every
/// strategy), when views are made, the logs of ids that they are made from, scrolls and their limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "core/model/clock.hpp"
#include "harness/rest/rest_api.hpp"
#include "harness/rest/scenario.hpp"
#include "harness/rest/write_log.hpp"
#include "tests/harness/rest/session_test.hpp"
#include "tests/variants/contract.hpp"
#include "tests/variants/reference_table.hpp"

namespace occ {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SearchTest : public SessionTest {
 protected:
  void put(const std::string& id, const std::string& source, const std::string& parameters = {}) {
    const Response got = ask("PUT", "/i/_doc/" + id + parameters, source);
    ASSERT_TRUE(got.status == 200 || got.status == 201) << got.body;
  }
  std::vector<std::string> found(const std::string& target, const std::string& body = {}) {
    const Response got = ask("POST", target, body);
    EXPECT_EQ(got.status, 200) << got.body;
    return ids_of(got);
  }
  static std::vector<std::string> ids_of(const Response& got) {
    std::vector<std::string> ids;
    const Json json = got.json();
    if (!json.contains("hits")) return ids;
    for (const Json& hit : json["hits"]["hits"]) ids.push_back(hit["_id"].get<std::string>());
    return ids;
  }
  std::uint64_t views_made() { return node_.indices()->at("i")->views.made(); }
};

TEST_F(SearchTest, scenarios_asked_of_elasticsearch_are_met) {
  std::size_t expectations = 0;
  for (const auto& file : std::filesystem::directory_iterator(OCCKIT_TEST_DATA "/conformance")) {
    if (!file.path().stem().string().starts_with("search-")) continue;
    SCOPED_TRACE(file.path().stem());
    std::ifstream in(file.path(), std::ios::binary);
    Response response;
    for (const auto& [line, what] : parse_scenario(std::string(std::istreambuf_iterator<char>(in), {}))) {
      if (const auto* request = std::get_if<Request>(&what)) {
        response = session_.handle(*request);
      } else if (const auto* expectation = std::get_if<Expectation>(&what)) {
        ++expectations;
        const auto complaint = unmet(*expectation, response);
        EXPECT_FALSE(complaint) << "line " << line << ": " << *complaint << "\n" << response.body;
      }
    }
  }
  EXPECT_GT(expectations, 800U);
}

TEST_F(SearchTest, view_is_made_when_a_search_wants_one_and_it_is_old) {
  put("1", "{}", "?refresh=true");
  (void)ask("POST", "/_refresh");
  EXPECT_EQ(views_made(), 0U) << "nobody has searched";
  EXPECT_THAT(found("/i/_search"), ElementsAre("1"));
  EXPECT_EQ(views_made(), 1U);
  put("2", "{}");
  clock_.advance_ms(999);
  EXPECT_THAT(found("/i/_search"), ElementsAre("1"));
  clock_.advance_ms(1);
  EXPECT_THAT(found("/i/_search"), ElementsAre("1", "2"));
  EXPECT_EQ(views_made(), 2U);
  clock_.advance_ms(5'000);
  EXPECT_THAT(found("/i/_search"), ElementsAre("1", "2"));
  EXPECT_EQ(views_made(), 2U) << "nobody has written";
  put("3", "{}", "?refresh=wait_for");
  EXPECT_THAT(found("/i/_search"), ElementsAre("1", "2", "3"));
  (void)ask("POST", "/i/_bulk?refresh=true", "{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{\"_id\":\"2\"}}\n{}\n");
  EXPECT_THAT(found("/i/_search"), ElementsAre("3", "2")) << "by their numbers";
}

TEST_F(SearchTest, without_an_interval_only_refreshes_make_views) {
  (void)ask("PUT", "/i", R"({"settings":{"refresh_interval":"-1"}})");
  put("1", "{}");
  clock_.advance_ms(100'000);
  EXPECT_THAT(found("/i/_search"), IsEmpty());
  put("2", "{}", "?refresh=true");
  put("3", "{}");
  EXPECT_THAT(found("/i/_search"), ElementsAre("1", "2")) << "as of the refresh, not of the search";
  (void)ask("POST", "/i/_bulk?refresh=true", "{\"index\":{\"_id\":\"4\"}}\n{}\n");
  put("5", "{}");
  EXPECT_THAT(found("/i/_search"), ElementsAre("1", "2", "3", "4"));
  (void)ask("PUT", "/i/_settings", R"({"refresh_interval":null})");
  clock_.advance_ms(1'000);
  EXPECT_THAT(found("/i/_search"), ElementsAre("1", "2", "3", "4", "5"));
  put("6", "{}");
  (void)ask("POST", "/i/_refresh");
  (void)ask("PUT", "/i/_settings", R"({"refresh_interval":"-1"})");
  put("7", "{}");
  EXPECT_THAT(found("/i/_search"), ElementsAre("1", "2", "3", "4", "5", "6")) << "as of when it was taken away";
}

TEST_F(SearchTest, documents_of_all_sessions_and_shards_are_found_once) {
  (void)ask("PUT", "/i", R"({"settings":{"number_of_shards":3}})");
  {
    Session other(node_);
    for (int i = 0; i < 50; ++i) (void)other.handle(make_request("PUT", "/i/_doc/" + std::to_string(i), "{}"));
    for (int i = 0; i < 25; ++i) (void)other.handle(make_request("DELETE", "/i/_doc/" + std::to_string(i)));
  }
  for (int i = 0; i < 10; ++i) put(std::to_string(i), "{}");
  const auto ids = found("/i/_search?size=100");
  EXPECT_EQ(ids.size(), 35U);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 35U);
  EXPECT_THAT(answer("GET", "/i/_count"), HasSubstr(R"("count":35,"_shards":{"total":3,"successful":3,)"));
}

TEST_F(SearchTest, documents_made_by_updates_are_found) {
  (void)ask("POST", "/i/_update/1", R"({"doc":{"a":1},"doc_as_upsert":true})");
  (void)ask("POST", "/i/_update/2", R"({"script":"ctx._source.n = 1","upsert":{},"scripted_upsert":true})");
  (void)ask("POST", "/i/_doc?op_type=create", "{}");
  EXPECT_EQ(found("/i/_search").size(), 3U);
  (void)ask("POST", "/i/_update/2?refresh=true", R"({"script":"ctx.op = 'delete'"})");
  EXPECT_EQ(found("/i/_search").size(), 2U);
}

TEST_F(SearchTest, what_needs_analysis_or_is_elsewhere_is_named) {
  put("1", R"({"s":"a b","d":"2013-01-02"})");
  for (const auto& [body, named] : std::vector<std::pair<const char*, const char*>>{
           {R"({"query":{"match":{"s":"a"}}})", "the query [match] is not supported"},
           {R"({"query":{"bool":{"must":[{"wildcard":{"s":"a"}}]}}})", "the query [wildcard] is not supported"},
           {R"({"query":{"term":{"s":"a"}}})", "ask for [s.keyword]"},
           {R"({"query":{"range":{"s":{"gt":"a"}}}})", "ask for [s.keyword]"},
           {R"({"query":{"term":{"d":"2013-01-02"}}})", "takes for dates"},
           {R"({"query":{"term":{"_seq_no":1}}})", "[term] on the field [_seq_no] is not supported"},
           {R"({"sort":"d"})", "a sort by [d] is not supported"},
           {R"({"aggs":{"a":{"max":{"field":"n"}}}})", "[aggs] of a search is not supported"},
           {R"({"highlight":{"fields":{}}})", "[highlight] of a search is not supported"},
           {R"({"query":{"range":{"n":{"gt":1,"format":"x"}}}})", "[format] of the query [range] is not supported"},
           {R"({"sort":[{"n":{"mode":"avg"}}]})", "[mode] [avg] of a sort is not supported"},
       }) {
    SCOPED_TRACE(body);
    const std::string got = answer("POST", "/i/_search", body);
    EXPECT_THAT(got, HasSubstr("501 "));
    EXPECT_THAT(got, HasSubstr(named));
  }
  EXPECT_THAT(answer("GET", "/i/_search?q=a"), HasSubstr("the parameter [q] is not supported"));
  EXPECT_THAT(answer("GET", "/i/_count?q=a"), HasSubstr("the parameter [q] is not supported"));
  EXPECT_THAT(answer("POST", "/i/_search/template", "{}"), HasSubstr("[_search/template] is not supported"));
  // A date has no keyword below it.
  EXPECT_THAT(found("/i/_search", R"({"query":{"term":{"d.keyword":"2013-01-02"}}})"), IsEmpty());
  EXPECT_THAT(found("/i/_search", R"({"aggs":{}})"), ElementsAre("1"));
}

TEST_F(SearchTest, long_texts_have_no_keyword) {
  put("1", R"({"s":")" + std::string(256, 'x') + R"("})");
  put("2", R"({"s":")" + std::string(257, 'x') + R"("})");
  EXPECT_THAT(found("/i/_search", R"({"query":{"range":{"s.keyword":{"gte":"a"}}}})"), ElementsAre("1"));
}

TEST_F(SearchTest, under_6_totals_are_numbers_and_under_8_there_are_no_types) {
  for (const auto& [compatibility, hits] : std::vector<std::pair<Compatibility, std::string>>{
           {Compatibility::v6, R"("hits":{"total":1,"max_score":1.0,"hits":[{"_index":"i","_type":"_doc","_id":"1",)"},
           {Compatibility::v8,
            R"("hits":{"total":{"value":1,"relation":"eq"},"max_score":1.0,"hits":[{"_index":"i","_id":"1",)"}}) {
    NodeOptions options = node_.options();
    options.compatibility = compatibility;
    Node node(options);
    Session session(node);
    (void)session.handle(make_request("PUT", "/i/_doc/1", "{}"));
    EXPECT_THAT(session.handle(make_request("GET", "/i/_search")).body, HasSubstr(hits));
  }
}

TEST_F(SearchTest, scroll_reads_all_as_of_its_beginning) {
  for (int i = 0; i < 5; ++i) put(std::to_string(i), "{}");
  Response page = ask("POST", "/i/_search?scroll=1m&size=2", R"({"sort":"_doc"})");
  EXPECT_THAT(ids_of(page), ElementsAre("0", "1"));
  const std::string id = page.json()["_scroll_id"].get<std::string>();
  (void)ask("DELETE", "/i/_doc/4");
  put("9", "{}", "?refresh=true");
  const std::string next = R"({"scroll":"1m","scroll_id":")" + id + R"("})";
  page = ask("POST", "/_search/scroll", next);
  EXPECT_THAT(ids_of(page), ElementsAre("2", "3"));
  EXPECT_THAT(page.body, HasSubstr(R"("terminated_early":false,"_shards":{)"));
  EXPECT_THAT(page.body, HasSubstr(R"("hits":{"total":{"value":5,"relation":"eq"},"max_score":null,)"));
  EXPECT_THAT(page.body, HasSubstr(R"("_score":null,"_source":{},"sort":[2]})"));
  EXPECT_THAT(ids_of(ask("GET", "/_search/scroll?scroll=1m&scroll_id=" + id)), ElementsAre("4"));
  EXPECT_THAT(ids_of(ask("GET", "/_search/scroll/" + id)), IsEmpty());
  EXPECT_EQ(answer("DELETE", "/_search/scroll", R"({"scroll_id":[")" + id + R"("]})"),
            R"(200 {"succeeded":true,"num_freed":1})");
  EXPECT_EQ(answer("DELETE", "/_search/scroll/" + id), R"(404 {"succeeded":true,"num_freed":0})");
  EXPECT_EQ(answer("POST", "/_search/scroll", next),
            R"(404 {"error":{"root_cause":[{"type":"search_context_missing_exception",)"
            R"("reason":"No search context found for id [1]"}],"type":"search_phase_execution_exception",)"
            R"("reason":"all shards failed","phase":"query","grouped":true,"failed_shards":[{"shard":-1,"index":null,)"
            R"("reason":{"type":"search_context_missing_exception","reason":"No search context found for id [1]"}}],)"
            R"("caused_by":{"type":"search_context_missing_exception",)"
            R"("reason":"No search context found for id [1]"}},"status":404})");
  EXPECT_THAT(answer("POST", "/_search/scroll", R"({"scroll_id":"abc"})"), HasSubstr("Cannot parse scroll id"));
}

TEST_F(SearchTest, scroll_that_nobody_asks_for_goes) {
  put("1", "{}");
  put("2", "{}");
  const auto open = [&](const std::string& alive) {
    return ask("POST", "/i/_search?size=1&scroll=" + alive).json()["_scroll_id"].get<std::string>();
  };
  const auto status = [&](const std::string& id, const std::string& parameters = {}) {
    return ask("POST", "/_search/scroll?scroll_id=" + id + parameters).status;
  };
  const std::string shorter = open("1s");
  const std::string longer = open("1m");
  clock_.advance_ms(1'000);
  EXPECT_EQ(status(shorter), 200) << "it is asked for in time";
  clock_.advance_ms(1'000);
  EXPECT_EQ(status(shorter, "&scroll=10s"), 200) << "its time began anew";
  clock_.advance_ms(10'000);
  EXPECT_EQ(status(shorter), 200);
  clock_.advance_ms(10'001);
  EXPECT_EQ(status(shorter), 404);
  EXPECT_EQ(status(longer), 200);
}

TEST_F(SearchTest, scrolls_are_bounded) {
  put("1", "{}");
  for (std::size_t i = 0; i < Scrolls::kMaxScrolls; ++i) {
    ASSERT_EQ(ask("POST", "/i/_search?scroll=1m").status, 200) << i;
  }
  const std::string one_more = answer("POST", "/i/_search?scroll=1m");
  EXPECT_THAT(one_more, HasSubstr("429 "));
  EXPECT_THAT(one_more, HasSubstr("Trying to create too many scroll contexts. Must be less than or equal to: [500]"));
  EXPECT_EQ(answer("DELETE", "/_search/scroll/_all"), R"(200 {"succeeded":true,"num_freed":500})");
  EXPECT_EQ(ask("POST", "/i/_search?scroll=1m").status, 200);
}

TEST_F(SearchTest, views_that_scrolls_keep_are_bounded) {
  NodeOptions options = node_.options();
  options.scroll_bytes = std::size_t{1} << 20;
  Node node(options);
  Session session(node);
  const auto open = [&] { return session.handle(make_request("POST", "/i/_search?scroll=1m&size=1&_source=false")); };
  // Each view has 160 KiB of its own; the limit is 1 MiB beside the newest.
  const std::string large = R"({"a":")" + std::string(std::size_t{16} << 10, 'x') + R"("})";
  int opened = 0;
  for (; opened < 12; ++opened) {
    for (int i = 0; i < 10; ++i) {
      (void)session.handle(make_request("PUT", "/i/_doc/" + std::to_string(i) + "?refresh=true", large));
    }
    if (open().status != 200) break;
  }
  EXPECT_THAT(opened, ::testing::AllOf(::testing::Ge(6), ::testing::Le(8)));
  EXPECT_EQ(open().status, 429);
  EXPECT_THAT(open().body, HasSubstr("circuit_breaking_exception"));
  (void)session.handle(make_request("DELETE", "/_search/scroll/_all"));
  EXPECT_EQ(open().status, 200);
}

TEST(WriteLogTest, ids_of_all_logs_are_seen_while_they_grow) {
  WriteLogs logs;
  constexpr int kThreads = 3;
  constexpr int kIds = 20'000;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto log = logs.take();
      for (int i = 0; i < kIds; ++i) {
        if (log->created(std::to_string(t) + "-" + std::to_string(i))) {
          log->tidy(logs.deletes(), [](std::string_view) { return true; });
        }
      }
      --running;
    });
  }
  while (running > 0) {
    const std::uint64_t before = logs.writes();
    std::uint64_t ids = 0;
    logs.for_each_id([&](std::string_view id) { ids += id.size() > 2 && id[1] == '-' ? 1 : 0; });
    EXPECT_GE(ids, before);
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> seen;
  logs.for_each_id([&](std::string_view id) { seen.emplace(id); });
  EXPECT_EQ(seen.size(), std::size_t{kThreads} * kIds);
  EXPECT_EQ(logs.writes(), std::uint64_t{kThreads} * kIds);
}

TEST(WriteLogTest, tidy_keeps_what_is_live_once) {
  WriteLogs logs;
  const auto log = logs.take();
  const auto ids = [&] {
    std::vector<std::string> all;
    logs.for_each_id([&](std::string_view id) { all.emplace_back(id); });
    return all;
  };
  const std::string longest(kMaxIdBytes, 'z');
  for (const char* id : {"a", "b", "a", "c"}) (void)log->created(id);
  (void)log->created(longest);
  log->written(true);
  log->tidy(logs.deletes(), [](std::string_view) { return false; });
  EXPECT_EQ(ids().size(), 5U) << "too few were deleted to look";
  log->written(true);
  log->tidy(logs.deletes(), [](std::string_view id) { return id != "b"; });
  EXPECT_THAT(ids(), ElementsAre("a", "c", longest));
  EXPECT_EQ(logs.writes(), 7U);
  (void)log->created("d");
  EXPECT_THAT(ids(), ElementsAre("a", "c", longest, "d"));
}

TEST(WriteLogTest, log_that_was_given_back_is_lent_again) {
  WriteLogs logs;
  const WriteLog* first = nullptr;
  {
    const auto log = logs.take();
    first = log.get();
    (void)log->created("a");
  }
  const auto again = logs.take();
  const auto other = logs.take();
  EXPECT_EQ(again.get(), first);
  EXPECT_NE(other.get(), first);
  (void)other->created("b");
  std::vector<std::string> ids;
  logs.for_each_id([&](std::string_view id) { ids.emplace_back(id); });
  EXPECT_THAT(ids, UnorderedElementsAre("a", "b"));
}

TEST_F(SearchTest, ids_of_documents_that_come_and_go_do_not_pile_up) {
  std::string bulk;
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = std::to_string(i);
    bulk += R"({"index":{"_id":")" + id + "\"}}\n{}\n" + R"({"delete":{"_id":")" + id + "\"}}\n";
  }
  for (int round = 0; round < 60; ++round) ASSERT_EQ(ask("POST", "/i/_bulk", bulk).status, 200);
  std::size_t ids = 0;
  node_.indices()->at("i")->logs.for_each_id([&](std::string_view) { ++ids; });
  EXPECT_LT(ids, 40'000U) << "of 60,000 creations";
  put("0", "{}");
  EXPECT_THAT(found("/i/_search"), ElementsAre("0"));
}

class SearchWhileWritingTest : public ::testing::TestWithParam<StrategyInfo> {};

TEST_P(SearchWhileWritingTest, every_document_that_was_answered_is_found) {
  Node node(
      {.make_table = [](const TableOptions& options) { return make_table(GetParam().name, options); }, .shards = 2});
  constexpr int kWriters = 2;
  constexpr int kDocuments = 400;
  std::vector<std::atomic<int>> answered(kWriters);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      Session session(node);
      for (int i = 0; i < kDocuments; ++i) {
        const std::string id = std::to_string(writer) + "-" + std::to_string(i);
        EXPECT_EQ(session.handle(make_request("PUT", "/i/_doc/" + id, "{}")).status, 201);
        answered[static_cast<std::size_t>(writer)] = i + 1;
      }
    });
  }
  Session session(node);
  for (int done = 0; done < kWriters * kDocuments;) {
    done = answered[0] + answered[1];
    if (done == 0) continue;
    (void)session.handle(make_request("POST", "/i/_refresh"));
    const Json counted = session.handle(make_request("GET", "/i/_count")).json();
    EXPECT_GE(counted["count"].get<int>(), done);
  }
  for (std::thread& writer : writers) writer.join();
}

INSTANTIATE_TEST_SUITE_P(Strategies, SearchWhileWritingTest, ::testing::ValuesIn(contract::checking()),
                         contract::name_of);

}  // namespace
}  // namespace occ
