/// `--client server`: updates by a script in a server's own `_update`; and what rows say of a server beside.
#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "harness/remote/server_window.hpp"
#include "harness/rest/rest_api.hpp"
#include "harness/support/json_text.hpp"
#include "tests/harness/remote/url_run.hpp"

namespace occ {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kScript =
    R"({"script":{"source":"ctx._source.counter += params.n","lang":"painless","params":{"n":1}}})";

bool is_update(const Request& request) {
  return request.path.size() == 3 && request.path[1] == "_update";
}
std::string parameter(const Request& request, std::string_view name) {
  for (const auto& [each, value] : request.query) {
    if (each == name) return value;
  }
  return "";
}
/// Not the one by which the server is asked whether it takes scripts.
bool is_measured(const Request& request) {
  return is_update(request) && !parameter(request, "retry_on_conflict").empty();
}

/// What an engine with scripts does with an update: reads, adds `n` to the field, writes if nothing came between, and tries
/// again after a conflict.
Doing run_script(Node& node, const Request& request, Response& response, int n = 1) {
  Session session(node);
  const Json script = Json::parse(request.body)["script"];
  const auto text = script["source"].get<std::string>();
  const std::string field = text.substr(12, text.find(' ') - 12);
  const std::string document = "/" + request.path[0] + "/_doc/" + percent_encoded(request.path[2]);
  const std::string retries = parameter(request, "retry_on_conflict");
  for (int left = retries.empty() ? 0 : std::stoi(retries);; --left) {
    const Json found = Json::parse(session.handle(make_request("GET", document)).body);
    Json source = found["_source"];
    source[field] = source[field].get<std::int64_t>() + n;
    const std::string condition =
        fmt::format("?if_seq_no={}&if_primary_term={}", found["_seq_no"].dump(), found["_primary_term"].dump());
    response = session.handle(make_request("PUT", document + condition, to_text(source)));
    if (response.status == 409 && left > 0) continue;
    if (response.status != 200) return Doing::answered;
    Json answer = Json::parse(response.body);
    if (!parameter(request, "_source").empty()) answer["get"] = Json{{"found", true}, {"_source", source}};
    response.body = to_text(answer);
    return Doing::answered;
  }
}

class ServerUpdateTest : public UrlTest {
 protected:
  /// An engine with scripts.
  [[nodiscard]] Conduct scripts() {
    return [this](const Request& request, Response& response) {
      return is_update(request) ? run_script(node_, request, response) : Doing::answer;
    };
  }
  void expect_refused_by(Conduct script, const testing::Matcher<const std::string&>& message) const {
    Node node(node_options());
    const ScriptedServer server(node, std::move(script));
    expect_refused(with_short_run("run --strategy elasticsearch --client server --url " + server.url()), message);
    EXPECT_EQ(node.indices()->size(), 0U);
  }
};

TEST_F(ServerUpdateTest, request_is_a_script_and_the_rows_are_verified) {
  std::mutex mutex;
  std::set<std::string> bodies, queries;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!is_update(request)) return Doing::answer;
    const std::lock_guard lock(mutex);
    bodies.insert(request.body);
    std::string query;
    for (const auto& [name, value] : request.query) query.append(query.empty() ? "" : "&").append(name + "=" + value);
    queries.insert(query);
    return run_script(node_, request, response);
  });
  const Ended ended = run_until(
      server, " --client server --dist hot:1 --retry-on-conflict 9 --threads 2 --check all --check-operations 20000",
      has_verdict);
  ASSERT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(bodies, ElementsAre(kScript));
  // The source is asked for where it is recorded, and by the server's greeting.
  EXPECT_THAT(queries, ElementsAre("_source=true", "retry_on_conflict=9", "retry_on_conflict=9&_source=true"));
  EXPECT_EQ(server.conditional_writes(), 0U);
  const auto all = rows();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].at("checked"), "history");
  EXPECT_EQ(all[1].at("checked"), "sums");
  for (const auto& row : all) {
    EXPECT_EQ(row.at("verified"), "yes") << row.at("violation");
    EXPECT_EQ(row.at("client"), "server");
    EXPECT_EQ(row.at("update_form"), "none");
    EXPECT_GT(std::stoul(row.at("ops_update")), 0U);
    for (const char* untold : {"retries_0", "retries_16_plus", "attempts", "life_attempts", "transforms_discarded"})
      EXPECT_EQ(row.at(untold), "") << untold;
  }
  expect_no_index_left();
  EXPECT_EQ(occkit("compare r/results.csv").status, 0);
}

TEST_F(ServerUpdateTest, script_names_the_field_that_is_counted_in) {
  std::string body;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!is_update(request)) return Doing::answer;
    body = request.body;
    return run_script(node_, request, response);
  });
  expect_one_row_verified(run_until(server, " --client server --json-field hits --threads 1", has_verdict));
  EXPECT_THAT(body, HasSubstr("ctx._source.hits += params.n"));
}

TEST_F(ServerUpdateTest, clients_that_wait_are_sent_through_it_too) {
  const ScriptedServer server(node_, scripts());
  expect_one_row_verified(run_until(server,
                                    " --client server --clients 4 --think-between 1ms --retry-on-conflict 9 --check all"
                                    " --replicates 0 --docs 2",
                                    has_verdict),
                          "history");
  EXPECT_EQ(server.conditional_writes(), 0U);
}

TEST_F(ServerUpdateTest, engine_without_scripts_is_refused_before_anything_is_measured) {
  const auto answers = [](int status, const char* body) {
    return [=](const Request& request, Response& response) {
      if (!is_update(request)) return Doing::answer;
      response.status = status;
      response.body = body;
      return Doing::answered;
    };
  };
  expect_refused_by(
      answers(
          400,
          R"({"error":{"type":"illegal_argument_exception","reason":"failed to execute script","caused_by":)"
          R"({"type":"illegal_argument_exception","reason":"script_lang not supported [painless]"}},"status":400})"),
      AllOf(HasSubstr("--client server: occkit as elasticsearch 7.17.0 has no scripts in painless"),
            HasSubstr("script_lang not supported [painless]"), HasSubstr("accepted are update and if_seq_no")));
  expect_refused_by(
      answers(501, R"({"error":{"type":"unsupported","reason":"scripts are not here"},"status":501})"),
      AllOf(HasSubstr("has no scripts in painless"), HasSubstr("501"), HasSubstr("scripts are not here")));
  // The history would have nothing to check.
  expect_refused_by(answers(200, R"({"_version":2,"result":"updated","_seq_no":1,"_primary_term":1})"),
                    HasSubstr("has no scripts in painless"));
}

TEST_F(ServerUpdateTest, conflict_after_the_last_try_is_an_exhausted_update) {
  std::atomic<int> updates = 0;
  std::atomic<int> conflicts = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!is_update(request)) return Doing::answer;
    if (is_measured(request) && ++updates % 5 == 0) {
      response.status = 409;
      response.body = R"({"error":{"type":"version_conflict_engine_exception","reason":"too often"},"status":409})";
    } else {
      run_script(node_, request, response);
    }
    if (response.status == 409) ++conflicts;
    return Doing::answered;
  });
  const Ended ended = run_until(
      server, " --client server --threads 4 --check all --replicates 0 --docs 2 --check-operations 20000",
      [&](const Ended& each) { return each.status != 0 || (has_verdict(each) && updates > 20); },
      [&] { updates = conflicts = 0; });
  expect_one_row_verified(ended, "history");
  EXPECT_EQ(field("life_conflict_seq_no"), std::to_string(conflicts));
  EXPECT_GT(std::stoi(field("exhausted")), 0);
  EXPECT_LE(std::stoi(field("exhausted")), conflicts);
  EXPECT_EQ(field("ops"), field("applied"));
}

TEST_F(ServerUpdateTest, lost_answers_bound_what_is_verified) {
  std::atomic<int> updates = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!is_update(request)) return Doing::answer;
    const Doing doing = run_script(node_, request, response);
    return is_measured(request) && ++updates % 20 == 7 ? Doing::drop : doing;
  });
  const auto wanted = [&](const Ended& each) { return each.status != 0 || (has_verdict(each) && updates > 40); };
  for (const char* check : {"", " --check all --replicates 0"}) {
    std::filesystem::remove_all(folder_ / "r");
    const Ended ended = run_until(server, std::string(" --client server --retry-on-conflict 9 --docs 3") + check,
                                  wanted, [&] { updates = 0; });
    EXPECT_EQ(ended.status, 0) << ended.output;
    EXPECT_NE(field("unknown_outcomes"), "0");
    EXPECT_EQ(field("verified"), "yes") << field("violation");
  }
}

TEST_F(ServerUpdateTest, script_that_adds_nothing_is_convicted) {
  std::atomic<int> updates = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!is_update(request)) return Doing::answer;
    return run_script(node_, request, response, is_measured(request) && ++updates % 10 == 5 ? 0 : 1);
  });
  const Ended ended = run_until(
      server, " --client server", [&](const Ended&) { return updates > 10; }, [&] { updates = 0; });
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(field("violation"), HasSubstr("sum of counters"));
}

TEST_F(ServerUpdateTest, update_of_an_index_with_replicas_may_have_been_applied_twice) {
  std::atomic<int> updates = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!request.path.empty() && request.path.back() == "health") {
      response.body = R"({"status":"green","number_of_nodes":3,"number_of_data_nodes":3})";
      return Doing::answered;
    }
    if (!is_update(request)) return Doing::answer;
    if (is_measured(request) && ++updates == 10) run_script(node_, request, response);
    return run_script(node_, request, response);
  });
  const auto wanted = [&](const Ended& each) { return has_verdict(each) && updates >= 10; };
  const auto prepare = [&] { updates = 0; };
  // Of one copy it is a contradiction.
  EXPECT_EQ(run_until(server, " --client server --threads 1", wanted, prepare).status, 1);
  expect_one_row_verified(run_until(server, " --client server --threads 1 --replicas 2", wanted, prepare), "bounds");
  EXPECT_EQ(field("unknown_outcomes"), "0");
  EXPECT_EQ(field("lost_updates"), "-1");
}

TEST_F(ServerUpdateTest, other_source_than_the_one_that_was_told_is_convicted) {
  std::atomic<int> updates = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!is_update(request)) return Doing::answer;
    const Doing doing = run_script(node_, request, response);
    if (!is_measured(request) || response.status != 200 || ++updates < 10) return doing;
    Json answer = Json::parse(response.body);
    answer["get"]["_source"]["counter"] = 1'000'000;
    response.body = to_text(answer);
    return doing;
  });
  const Ended ended = run_until(
      server, " --client server --docs 1 --threads 1 --check all --replicates 0 --mix get=50,update=50",
      [&](const Ended&) { return updates > 10; }, [&] { updates = 0; });
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(field("violation"), HasSubstr("is not the one that"));
}

TEST_F(ServerUpdateTest, what_a_script_cannot_do_is_refused) {
  const std::string server = " --url http://127.0.0.1:1";
  const std::string run = "run --client server --strategy elasticsearch";
  expect_refused("run --client server --strategy packed_cas", HasSubstr("--client server: of which server?"));
  expect_refused(run + ",packed_cas" + server, HasSubstr("accepted is --strategy elasticsearch alone"));
  expect_refused(run + server + " --workload stock", HasSubstr("its documents are binary"));
  expect_refused(run + server + " --think-ns 5", HasSubstr("--think-ns 5: the script"));
  expect_refused(run + server + " --json-field 'a b'", HasSubstr("--json-field 'a b'"));
  expect_refused(run + server + " --json-field 1a", HasSubstr("--json-field '1a'"));
  expect_refused(run + server + " --batch 4", HasSubstr("one by one"));
  expect_refused(run + server + " --backoff full-jitter:1ms..8ms", HasSubstr("--backoff"));
  expect_refused(run + server + " --think-within 1ms", HasSubstr("--think-within"));
  std::ofstream(folder_ / "docs.ndjson") << "{\"index\":{\"_id\":\"1\"}}\n{\"counter\":1}\n"
                                            "{\"index\":{\"_id\":\"2\"}}\n{\"hits\":1}\n";
  expect_refused(run + server + " --load docs.ndjson", HasSubstr("has no field 'counter'"));
}

TEST_F(ServerUpdateTest, rows_say_where_the_manager_was_and_what_failed) {
  for (const bool is_opensearch : {false, true}) {
    std::filesystem::remove_all(folder_ / "r");
    const ScriptedServer server(node_, [&](const Request& request, Response& response) {
      if (is_opensearch && request.path.empty()) {
        response.body = R"({"version":{"distribution":"opensearch","number":"2.19.6"}})";
        return Doing::answered;
      }
      if (request.path.size() == 2 && request.path[0] == "_cat") {
        EXPECT_EQ(request.path[1], is_opensearch ? "cluster_manager" : "master");
        response.body = R"([{"node":"n2"}])";
        return Doing::answered;
      }
      if (request.path.size() != 2 || request.path[1] != "_stats") return Doing::answer;
      Json answer = Json::parse(Session(node_).handle(request).body);
      answer["indices"][request.path[0]]["primaries"] = Json{{"indexing", {{"index_failed", 17}}}};
      response.body = to_text(answer);
      return Doing::answered;
    });
    expect_one_row_verified(run_until(server, "", has_verdict));
    EXPECT_EQ(field("manager"), "n2");
    EXPECT_EQ(field("index_failed"), "17");
  }
}

TEST_F(ServerUpdateTest, rows_count_terms_and_copies) {
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.path.empty() || request.path.back() != "health") return Doing::answer;
    response.body = R"({"status":"green","number_of_nodes":3,"number_of_data_nodes":3})";
    return Doing::answered;
  });
  // Each write is answered with _shards of 3 copies, of which one has it.
  const auto wanted = [&](const Ended& each) { return has_verdict(each) && std::stoi(field("primary_terms")) > 1; };
  expect_one_row_verified(run_until(server, " --mix index=100 --replicas 2 --fail-over-every 20ms", wanted));
  EXPECT_LE(std::stoul(field("primary_terms")), std::stoul(field("fail_overs")) + 1);
  EXPECT_EQ(field("partial_writes"), field("acknowledged_writes"));
}

TEST_F(ServerUpdateTest, rows_of_one_copy_are_whole_and_what_is_not_told_is_empty) {
  const ScriptedServer server(node_);
  strategies_ = "packed_cas,elasticsearch";
  ASSERT_EQ(run_until(server, "", has_verdict).status, 0);
  const auto all = rows();
  ASSERT_EQ(all.size(), 2U);
  for (const auto& row : all) {
    const bool remote = row.at("strategy") == "elasticsearch";
    EXPECT_EQ(row.at("primary_terms"), remote ? "1" : "");
    EXPECT_EQ(row.at("partial_writes"), remote ? "0" : "");
    EXPECT_EQ(row.at("manager"), "");
    EXPECT_EQ(row.at("index_failed"), "");
    EXPECT_EQ(row.at("longest_outage_ns").empty(), !remote);
    if (!remote) continue;
    EXPECT_EQ(row.at("server_refusals"), "0");
    EXPECT_GT(std::stod(row.at("longest_outage_ns")), 0);
    EXPECT_LE(std::stod(row.at("longest_outage_ns")), std::stod(row.at("window_s")) * 1.001e9);
  }
}

TEST(ServerWindowTest, outage_is_the_longest_time_between_successes_of_anybody) {
  ServerWindow window;
  window.note_success(5);
  window.open(10);
  window.note_success(15);
  window.note_success(40);
  window.note_success(30);  // told late
  EXPECT_EQ(window.longest_outage(), 25U);
  window.close(50);
  window.note_success(1000);
  EXPECT_EQ(window.longest_outage(), 25U);
  EXPECT_FALSE(window.is_open());
}

TEST(ServerWindowTest, outage_lasts_until_the_window_closes) {
  ServerWindow window;
  window.open(10);
  window.close(50);
  EXPECT_EQ(window.longest_outage(), 40U);
}

}  // namespace
}  // namespace occ
