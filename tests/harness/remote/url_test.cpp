/// `occkit run --url`: complete and verified rows from a server, clear words when something is wrong with it, and no row
/// that is silently wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "harness/history/history_file.hpp"
#include "harness/history/remote_outcome.hpp"
#include "harness/support/json_members.hpp"
#include "tests/harness/remote/url_run.hpp"

namespace occ {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

bool is_bulk(const Request& request) {
  return !request.path.empty() && request.path.back() == "_bulk";
}

/// Throws if it does not come about in a time far beyond any slowness; measures nothing.
template <class F>
void wait_until(F&& happened) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  while (!happened()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("what was waited for did not happen");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// A variable of the environment, which the program inherits, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST_F(UrlTest, run_beside_a_strategy_of_the_process_verifies_rows_of_both) {
  const ScriptedServer server(node_);
  strategies_ = "packed_cas,elasticsearch";
  const auto conflicts_of = [this] {
    std::uint64_t conflicts = 0;
    for (const auto& row : rows()) {
      if (row.at("strategy") == "elasticsearch") conflicts += std::stoul(row.at("life_conflict_seq_no"));
    }
    return conflicts;
  };
  std::uint64_t answered_before = 0;
  const auto wanted = [&](const Ended& ended) {
    return ended.status == 1 || (has_verdict(ended) && conflicts_of() > 0);
  };
  const Ended ended =
      run_until(server,
                " --docs 1000 --dist hot:1 --client if_seq_no --retry-on-conflict 2 --threads 1,4 --check all"
                " --check-operations 200000",
                wanted, [&] { answered_before = server.answered(409); });
  ASSERT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("note: elasticsearch takes JSON: --transform json, for every strategy"));
  const auto all = rows();
  ASSERT_EQ(all.size(), 2U * 2U * 2U);
  for (const auto& row : all) {
    EXPECT_EQ(row.at("verified"), "yes") << row.at("violation");
    EXPECT_EQ(row.at("transform"), "json");
    EXPECT_GT(std::stoul(row.at("ops")), 0U);
    EXPECT_GT(std::stoul(row.at("latency_samples")), 0U);
    const bool remote = row.at("strategy") == "elasticsearch";
    EXPECT_EQ(row.at("server"), remote ? "occkit as elasticsearch 7.17.0" : "");
    EXPECT_EQ(row.at("unknown_outcomes"), remote ? "0" : "");
    EXPECT_EQ(row.at("table_bytes").empty(), remote);
  }
  EXPECT_EQ(conflicts_of(), server.answered(409) - answered_before);
  expect_no_index_left();
}

TEST_F(UrlTest, every_operation_with_shards_and_fail_overs_is_checked_as_a_history) {
  const ScriptedServer server(node_);
  const Ended ended =
      run_until(server,
                " --mix get=20,index=20,create=15,delete=15,update=15,cond=15 --retry-on-conflict 3 --shards 3"
                " --fail-over-every 5ms --fill 50 --check all --check-operations 100000 --label 'own-1.0'",
                has_verdict);
  ASSERT_EQ(ended.status, 0) << ended.output;
  const auto all = rows();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].at("checked"), "history");
  EXPECT_EQ(all[0].at("history_documents"), "50");
  EXPECT_EQ(all[1].at("checked"), "sums");
  for (const auto& row : all) {
    EXPECT_EQ(row.at("verified"), "yes") << row.at("violation");
    EXPECT_EQ(row.at("strategy"), "elasticsearch:own-1.0");
    EXPECT_EQ(row.at("shards"), "3");
  }
  expect_no_index_left();
}

TEST_F(UrlTest, loaded_documents_come_back_byte_for_byte) {
  std::ofstream(folder_ / "docs.ndjson") << R"({"index":{"_id":"a b/ü\"_source\":"}})"
                                            "\n"
                                         << R"({ "x" : 1.0e5, "quoted \"_source\": }" : [ "]}" ],"counter":7 })"
                                            "\n"
                                         << R"({"index":{"_id":"2"}})"
                                            "\n{}\n";
  const ScriptedServer server(node_);
  Ended ended{0, "NO VERDICT"};
  for (int window_ms = 100; !has_verdict(ended); window_ms *= 4) {
    std::filesystem::remove_all(folder_ / "r");
    std::filesystem::remove(folder_ / "h.jsonl");
    ended = occkit("run --strategy elasticsearch --url " + server.url() +
                   " --load docs.ndjson --mix get=50,update=50 --retry-on-conflict 9 --threads 2 --replicates 0"
                   " --history h.jsonl --out r --duration " +
                   std::to_string(window_ms) + "ms");
  }
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(field("verified"), "yes") << field("violation");
  EXPECT_EQ(occkit("check h.jsonl").status, 0);
}

TEST_F(UrlTest, lost_update_of_the_server_fails_verification) {
  const ScriptedServer server(node_, [](const Request& request, Response&) {
    return request.method == "PUT" && !request.query.empty() ? Doing::unconditional : Doing::answer;
  });
  std::atomic<int> tries = 0;
  const auto wanted = [&](const Ended& each) { return each.status == 1 || ++tries == 8; };  // to minutes
  const Ended ended = run_until(server, " --dist hot:1 --threads 8 --check all --check-operations 100000", wanted);
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("LOST UPDATE"), HasSubstr("sum of counters")));
}

TEST_F(UrlTest, forged_number_of_a_write_fails_verification) {
  std::atomic<int> writes = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.method != "PUT" || request.query.empty() || ++writes != 10) return Doing::answer;
    response.body = R"({"_version":2,"result":"updated","_seq_no":1000000,"_primary_term":1})";
    return Doing::answered;
  });
  const Ended ended = run_until(
      server, "", [&](const Ended&) { return writes >= 10; }, [&] { writes = 0; });
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_EQ(field("lost_updates"), "1");
}

TEST_F(UrlTest, refusals_for_now_are_waited_for_and_counted) {
  std::atomic<int> writes = 0;
  std::atomic<int> reads = 0;
  std::atomic<bool> bulk_refused = false;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (is_bulk(request) && !bulk_refused.exchange(true)) {
      // One item is carried out, the others are refused.
      Json items = Json::array();
      for (int i = 0; i < 50; ++i) items.push_back({{"create", {{"_id", "x"}, {"status", 429}}}});
      response.body = to_text(Json{{"errors", true}, {"items", items}});
      return Doing::answered;
    }
    if (request.method == "PUT" && !request.query.empty() && ++writes <= 3) {
      response.status = 429;
      return Doing::answered;
    }
    if (request.method == "GET" && request.path.size() == 3 && ++reads <= 2) {
      response.status = 503;
      return Doing::answered;
    }
    return Doing::answer;
  });
  const auto wanted = [&](const Ended& each) { return has_verdict(each) && writes > 3 && reads > 2; };
  expect_one_row_verified(run_until(server, "", wanted, [&] {
    writes = reads = 0;
    bulk_refused = false;
  }));
  EXPECT_EQ(field("server_refusals"), "55");
  EXPECT_EQ(field("unknown_outcomes"), "0");
}

TEST_F(UrlTest, lost_answers_are_counted_and_bound_what_is_verified) {
  std::atomic<int> writes = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.method != "PUT" || request.query.empty()) return Doing::answer;
    switch (++writes) {
      case 10:
      case 40:
        return Doing::carry_out_drop;
      case 20:
        return Doing::drop;
      case 30:
        response.status = 502;
        return Doing::answered;
      default:
        return Doing::answer;
    }
  });
  expect_one_row_verified(
      run_until(
          server, "", [&](const Ended& each) { return has_verdict(each) && writes > 40; }, [&] { writes = 0; }),
      "bounds");
  EXPECT_EQ(field("unknown_outcomes"), "4");
  EXPECT_EQ(field("reconnects"), "3");
  EXPECT_EQ(field("lost_updates"), "-2");
  // Operations are timed also after one that ended without an outcome. One in k is, k from its processor time: at most
  // 20 for one of 4 us, which no request stays below; two of them are less than 2 k apart, in each of the two threads.
  EXPECT_GE(std::stoul(field("latency_samples")) * 40 + 80, std::stoul(field("ops")));
  expect_no_index_left();
}

/// Were timing over in a thread as soon as an operation that is timed has no outcome, so many would be timed with a
/// chance of 1 in 4^8.
TEST_F(UrlTest, operations_are_timed_on_after_many_lost_answers) {
  std::atomic<int> writes = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response&) {
    const bool loses = request.method == "PUT" && !request.query.empty() && ++writes % 4 != 0;
    return loses ? Doing::carry_out_drop : Doing::answer;
  });
  expect_one_row_verified(
      run_until(server, " --threads 1",
                [&](const Ended& each) { return has_verdict(each) && std::stoul(field("ops")) >= 400; }),
      "bounds");
  EXPECT_GE(std::stoul(field("unknown_outcomes")), std::stoul(field("ops")));
  EXPECT_GE(std::stoul(field("latency_samples")) * 40 + 80, std::stoul(field("ops")));
}

TEST_F(UrlTest, clients_that_think_and_back_off_are_verified) {
  const ScriptedServer server(node_);
  const Ended ended =
      run_until(server,
                " --docs 2 --client if_seq_no --retry-on-conflict 100 --clients 8 --think-between exponential:1ms"
                " --think-within 1ms --backoff full-jitter:1ms..8ms",
                [&](const Ended& each) { return has_verdict(each) && std::stod(field("client_backoff_ns")) > 0; });
  expect_one_row_verified(ended);
  EXPECT_EQ(field("clients"), "8");
  expect_no_index_left();
}

TEST_F(UrlTest, open_loop_counts_operations_without_an_answer) {
  std::atomic<int> writes = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response&) {
    if (request.method != "PUT" || request.query.empty()) return Doing::answer;
    return ++writes == 10 ? Doing::carry_out_drop : Doing::answer;
  });
  expect_one_row_verified(run_until(
                              server, " --rate 200 --client if_seq_no",
                              [&](const Ended& each) { return has_verdict(each) && writes > 10; }, [&] { writes = 0; }),
                          "bounds");
  EXPECT_EQ(field("unknown_outcomes"), "1");
  EXPECT_EQ(field("rate_per_s"), "200");
  expect_no_index_left();
}

TEST_F(UrlTest, advise_measures_the_windows_at_a_server) {
  const ScriptedServer server(node_);
  const Ended ended = occkit("advise --clients 4 --think 1s --measure " + server.url());
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("measured at http://"), HasSubstr("advice: ")));
  expect_no_index_left();
}

TEST_F(UrlTest, writes_beyond_those_of_unknown_outcome_fail_verification) {
  std::atomic<int> writes = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.method != "PUT" || request.query.empty()) return Doing::answer;
    const int number = ++writes;
    if (number == 5) return Doing::drop;
    if (number > 12 || number < 10) return Doing::answer;
    response.status = 409;
    response.body = R"({"error":{"type":"version_conflict_engine_exception","reason":"[1]: a lie"},"status":409})";
    return Doing::carry_out_lie;
  });
  const Ended ended = run_until(
      server, "", [&](const Ended&) { return writes > 12; }, [&] { writes = 0; });
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(field("violation"), AllOf(HasSubstr("sum of counters"), HasSubstr("(1 writes of unknown outcome)")));
  EXPECT_EQ(field("lost_updates"), "-3");
}

TEST_F(UrlTest, conflict_of_an_index_with_replicas_may_have_been_applied) {
  std::atomic<int> writes = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (!request.path.empty() && request.path.back() == "health") {
      response.body = R"({"status":"green","number_of_nodes":3,"number_of_data_nodes":3})";
      return Doing::answered;
    }
    if (request.method != "PUT" || request.query.empty() || ++writes != 10) return Doing::answer;
    response.status = 409;
    response.body = R"({"error":{"type":"version_conflict_engine_exception","reason":"[1]: its own"},"status":409})";
    return Doing::carry_out_lie;
  });
  const auto wanted = [&](const Ended& each) { return has_verdict(each) && writes >= 10; };
  const auto prepare = [&] { writes = 0; };
  // Of one copy it is a contradiction.
  EXPECT_EQ(run_until(server, " --threads 1", wanted, prepare).status, 1);
  std::filesystem::remove_all(folder_ / "r");
  expect_one_row_verified(run_until(server, " --threads 1 --replicas 2", wanted, prepare), "bounds");
  EXPECT_EQ(field("unknown_outcomes"), "0");
  EXPECT_EQ(field("lost_updates"), "-1");
}

TEST_F(UrlTest, lost_answers_are_operations_without_an_answer_in_the_history) {
  std::atomic<int> writes = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response&) {
    if (request.method == "GET" || is_bulk(request) || request.path.size() < 3) return Doing::answer;
    const int number = ++writes;
    return number % 50 == 7 ? Doing::carry_out_drop : number % 50 == 31 ? Doing::drop : Doing::answer;
  });
  const Ended ended = run_until(
      server, " --mix get=40,index=20,update=40 --retry-on-conflict 5 --docs 3 --check all --replicates 0",
      [&](const Ended&) { return writes > 100; }, [&] { writes = 0; });
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_EQ(field("checked"), "history");
  EXPECT_NE(field("unknown_outcomes"), "0");
}

TEST_F(UrlTest, restart_that_keeps_documents_is_lived_through) {
  ScriptedServer server(node_);
  Ended end;
  // Until the restart was within the run.
  for (int window_ms = 700; end.output.empty() || field("reconnects") == "0"; window_ms *= 2) {
    std::filesystem::remove_all(folder_ / "r");
    const std::uint64_t before = server.conditional_writes();
    auto ended =
        std::async(std::launch::async, [&] { return run(server, " --duration " + std::to_string(window_ms) + "ms"); });
    wait_until([&] { return server.conditional_writes() >= before + 20; });
    server.stop();
    server.start(node_);
    end = ended.get();
    if (end.status != 0) break;
  }
  EXPECT_EQ(end.status, 0) << end.output;
  EXPECT_EQ(field("verified"), "yes") << field("violation");
  // One worker may not have begun when the server went.
  EXPECT_GE(std::stoi(field("reconnects")), 1);
  EXPECT_EQ(field("checked"), field("unknown_outcomes") == "0" ? "sums" : "bounds");
}

TEST_F(UrlTest, restart_that_forgets_documents_ends_the_run_and_resume_finishes_it) {
  std::unique_ptr<Node> fresh;
  ScriptedServer server(node_);
  Ended end;
  // Until it forgot within the second replicate: the first row is there by then.
  for (int window_ms = 300;
       end.output.find("the index that was being measured is gone") == end.output.npos && window_ms < 1'000'000;
       window_ms *= 2) {
    std::filesystem::remove_all(folder_ / "r");
    auto ended = std::async(std::launch::async, [&] {
      return run(server, " --duration " + std::to_string(window_ms) + "ms --replicates 2");
    });
    wait_until([&] { return lines_written() >= 2; });
    const std::uint64_t before = server.conditional_writes();
    const auto has_ended = [&] { return ended.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
    wait_until([&] { return server.conditional_writes() >= before + 20 || has_ended(); });
    server.stop();
    fresh = std::make_unique<Node>(node_options());
    server.start(*fresh);
    end = ended.get();
  }
  EXPECT_EQ(end.status, 2) << end.output;
  EXPECT_THAT(end.output, AllOf(HasSubstr("the index that was being measured is gone"), HasSubstr("--resume r")));
  EXPECT_EQ(rows().size(), 1U);
  const Ended resumed = occkit("run --resume r");
  EXPECT_EQ(resumed.status, 0) << resumed.output;
  EXPECT_EQ(rows().size(), 2U);
  EXPECT_EQ(fresh->indices()->size(), 0U);
}

TEST_F(UrlTest, index_that_a_write_made_anew_is_noticed) {
  std::unique_ptr<Node> fresh;
  ScriptedServer server(node_);
  Ended end;
  // Until it forgot within the run, and a write of it made the index anew. No get, so that nothing asks for what is not
  // there.
  for (int window_ms = 500;
       end.output.find("was replaced by another one of its name") == end.output.npos && window_ms < 1'000'000;
       window_ms *= 2) {
    std::filesystem::remove_all(folder_ / "r");
    const std::uint64_t before = server.answered(200);
    auto ended = std::async(std::launch::async, [&] {
      return run(server, " --mix index=100 --duration " + std::to_string(window_ms) + "ms");
    });
    wait_until([&] { return server.answered(200) >= before + 40; });
    server.stop();
    fresh = std::make_unique<Node>(node_options());
    server.start(*fresh);
    end = ended.get();
  }
  EXPECT_EQ(end.status, 2) << end.output;
  EXPECT_THAT(end.output, HasSubstr("was replaced by another one of its name"));
  EXPECT_EQ(rows().size(), 0U);
  EXPECT_EQ(fresh->indices()->size(), 0U);
}

TEST_F(UrlTest, server_that_does_not_come_back_ends_the_run) {
  ScriptedServer server(node_);
  auto ended = std::async(std::launch::async, [&] { return run(server, " --url-patience 300ms --duration 10min"); });
  wait_until([&] { return server.conditional_writes() >= 20; });
  server.stop();
  server.start(node_);
  server.stop();
  const Ended end = ended.get();
  EXPECT_EQ(end.status, 2) << end.output;
  EXPECT_THAT(end.output, AllOf(HasSubstr("Connection refused"), HasSubstr("given up after 0.3 s"),
                                HasSubstr("could not be deleted")));
}

TEST_F(UrlTest, interrupt_leaves_no_index) {
  const ScriptedServer server(node_);
  const std::string command = "cd '" + folder_.string() + "' && sh -c 'echo $$ > pid; exec " OCCKIT_PROGRAM " " +
                              with_short_run("run --strategy elasticsearch --duration 1h --url " + server.url()) +
                              "' > out 2>&1";
  auto status = std::async(std::launch::async, [&] { return std::system(command.c_str()); });
  wait_until([&] { return server.conditional_writes() >= 10; });
  int pid = 0;
  std::ifstream(folder_ / "pid") >> pid;
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGTERM);
  EXPECT_EQ(WEXITSTATUS(status.get()), 130);
  expect_no_index_left();
}

TEST_F(UrlTest, servers_of_elasticsearchs_family_are_told_apart) {
  const auto says = [](const char* info) {
    return [info](const Request& request, Response& response) {
      if (!request.path.empty()) return Doing::answer;
      response.body = info;
      return Doing::answered;
    };
  };
  const std::pair<const char*, const char*> kServers[] = {
      {R"({"version":{"number":"8.15.2","build_flavor":"default"}})", "elasticsearch 8.15.2"},
      {R"({"version":{"distribution":"opensearch","number":"2.11.0"}})", "opensearch 2.11.0"}};
  for (const auto& [text, name] : kServers) {
    const ScriptedServer server(node_, says(text));
    expect_one_row_verified(run_until(server, "", has_verdict));
    EXPECT_EQ(field("server"), name);
    std::filesystem::remove_all(folder_ / "r");
    expect_refused(with_short_run("run --strategy elasticsearch --fail-over-every 1s --url " + server.url()),
                   HasSubstr("cannot be asked to fail over"));
  }
  {
    const ScriptedServer server(node_, [](const Request& request, Response& response) {
      if (!request.path.empty() && request.path.front() != "_nodes") return Doing::answer;
      response.status = request.path.empty() ? 405 : 200;
      response.body =
          request.path.empty() ? R"({"error":"Incorrect HTTP method"})" : R"({"nodes":{"x":{"version":"8.19.5"}}})";
      return Doing::answered;
    });
    expect_one_row_verified(run_until(server, "", has_verdict));
    EXPECT_EQ(field("server"), "elasticsearch 8.19.5");
    std::filesystem::remove_all(folder_ / "r");
  }
  const std::pair<const char*, const char*> kOthers[] = {
      {R"({"version":{"number":"6.7.2"}})", "Elasticsearch 6.7.2; accepted are Elasticsearch 6.8, 7, 8 and 9"},
      {R"({"version":{"number":"5.6.16"}})", "Elasticsearch 5.6.16; accepted are Elasticsearch 6.8, 7, 8 and 9"},
      {R"({"hello":"world"})", "what answers is no Elasticsearch"},
      {"<html>", "what answers is no Elasticsearch"}};
  for (const auto& [text, message] : kOthers) {
    const ScriptedServer server(node_, says(text));
    expect_server_refused(server, HasSubstr(message));
  }
}

TEST_F(UrlTest, version_6_has_rules_of_its_own) {
  Node node(node_options(Compatibility::v6));
  const ScriptedServer server(node);
  expect_one_row_verified(
      run_until(server,
                " --mix get=20,index=15,create=15,delete=20,cond=15,update=15 --check all --replicates 0 --docs 9",
                has_verdict),
      "history");
  EXPECT_THAT(field("server"), HasSubstr("elasticsearch 6.8"));
  std::filesystem::remove_all(folder_ / "r");
  const std::uint64_t before = server.conditional_writes();
  expect_one_row_verified(
      run_until(server, " --client version --dist hot:1 --retry-on-conflict 1000 --threads 4", has_verdict));
  EXPECT_GT(server.conditional_writes(), before);
  std::filesystem::remove_all(folder_ / "r");
  expect_one_row_verified(run_until(server, " --mix get=50,cond=50 --batch 4", has_verdict));
}

TEST_F(UrlTest, client_version_is_refused_by_what_has_not_had_it_since_7) {
  const ScriptedServer server(node_);
  expect_refused(with_short_run("run --strategy elasticsearch --client version --url " + server.url()),
                 AllOf(HasSubstr("--client version: occkit as elasticsearch 7"), HasSubstr("update and if_seq_no")));
}

TEST_F(UrlTest, workers_are_spread_over_the_addresses) {
  const ScriptedServer a(node_), b(node_), c(node_);
  const Ended ended = run_until(a, "," + b.url() + "," + c.url() + " --threads 3", has_verdict);
  expect_one_row_verified(ended);
  EXPECT_EQ(field("addresses"), "3");
  for (const ScriptedServer* server : {&a, &b, &c}) EXPECT_GT(server->conditional_writes(), 0U);
}

TEST_F(UrlTest, workers_may_begin_at_the_first_address) {
  const ScriptedServer a(node_), b(node_);
  expect_one_row_verified(run_until(a, "," + b.url() + " --threads 3 --url-route first", has_verdict));
  EXPECT_EQ(field("url_route"), "first");
  EXPECT_GT(a.conditional_writes(), 0U);
  EXPECT_EQ(b.conditional_writes(), 0U);
}

TEST_F(UrlTest, reads_and_only_reads_name_the_copy_that_is_to_answer) {
  std::mutex mutex;
  std::set<std::string> with, without;
  const ScriptedServer server(node_, [&](const Request& request, Response&) {
    if (request.path.size() < 2 || request.path[0].starts_with('_')) return Doing::answer;
    const auto asked = std::pair<std::string, std::string>("preference", "_a b");
    const bool named = std::ranges::find(request.query, asked) != request.query.end();
    const std::lock_guard lock(mutex);
    (named ? with : without).insert(request.method + " " + request.path[1]);
    return Doing::answer;
  });
  expect_one_row_verified(run_until(server, " --mix get=50,cond=50 --preference '_a b'", has_verdict));
  EXPECT_EQ(field("preference"), "_a b");
  EXPECT_THAT(with, ElementsAre("GET _doc", "POST _mget"));
  EXPECT_THAT(without, ElementsAre("GET _stats", "POST _bulk", "PUT _doc", "PUT _settings"));
}

TEST_F(UrlTest, copy_that_the_server_has_not_is_refused_before_anything_is_measured) {
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.query.empty() || request.method != "GET" || request.path.size() != 3) return Doing::answer;
    response.status = 400;
    response.body = R"({"error":{"type":"illegal_argument_exception","reason":"no Preference for [_primary]"}})";
    return Doing::answered;
  });
  expect_refused(with_short_run("run --strategy elasticsearch --preference _primary --url " + server.url()),
                 AllOf(HasSubstr("--preference '_primary'"), HasSubstr("no Preference for [_primary]")));
  expect_no_index_left();
}

TEST_F(UrlTest, worker_whose_node_dies_goes_to_the_next) {
  const ScriptedServer survivor(node_);
  ScriptedServer dies(node_);
  Ended end;
  // Until the death was within the run.
  for (int window_ms = 700; end.output.empty() || field("reconnects") == "0"; window_ms *= 2) {
    std::filesystem::remove_all(folder_ / "r");
    const std::uint64_t before = dies.conditional_writes();
    auto ended = std::async(std::launch::async, [&] {
      return run(survivor, "," + dies.url() + " --duration " + std::to_string(window_ms) + "ms");
    });
    wait_until([&] { return dies.conditional_writes() >= before + 20; });
    dies.stop();
    end = ended.get();
    dies.start(node_);
    if (end.status != 0) break;
  }
  EXPECT_EQ(end.status, 0) << end.output;
  EXPECT_EQ(field("verified"), "yes") << field("violation");
  // It stays dead: those who began with it went on to the other.
  dies.stop();
  std::filesystem::remove_all(folder_ / "r");
  expect_one_row_verified(run_until(survivor, "," + dies.url(), has_verdict));
}

TEST_F(UrlTest, bulk_without_an_answer_is_counted_item_by_item_and_the_run_goes_on) {
  std::atomic<int> bulks = 0;
  const ScriptedServer server(node_, [&](const Request& request, Response&) {
    if (!is_bulk(request)) return Doing::answer;
    const int number = ++bulks;  // the first is the fill
    return number == 5 ? Doing::carry_out_drop : number == 9 ? Doing::drop : Doing::answer;
  });
  for (const char* checked : {"none", "all --check-operations 20000 --replicates 0"}) {
    std::filesystem::remove_all(folder_ / "r");
    const Ended ended = run_until(
        server, std::string(" --mix index=50,cond=50 --batch 4 --docs 9 --check ") + checked,
        [&](const Ended& each) { return has_verdict(each) && bulks > 9; }, [&] { bulks = 0; });
    EXPECT_EQ(ended.status, 0) << ended.output;
    EXPECT_EQ(field("verified"), "yes") << field("violation");
    // Of a batch of cond those that were read only are no writes.
    EXPECT_GE(std::stoul(field("unknown_outcomes")), 2U);
    EXPECT_LE(std::stoul(field("unknown_outcomes")), 8U);
  }
}

TEST_F(UrlTest, request_that_is_not_answered_in_time_is_recorded_and_the_same_document_tried_again) {
  std::mutex mutex;
  std::vector<std::string> written;
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return written.size();
  };
  const ScriptedServer server(node_, [&](const Request& request, Response&) {
    if (request.method != "PUT" || request.path.size() < 3) return Doing::answer;
    std::size_t number = 0;
    {
      const std::lock_guard lock(mutex);
      written.push_back(request.path.back());
      number = written.size();
    }
    if (number == 10)
      wait_until([&] { return count() > 10; });  // the client sends the next without an answer to this one
    return number == 10 ? Doing::drop : number == 11 || number == 12 ? Doing::carry_out_drop : Doing::answer;
  });
  const Ended ended = run_until(
      server, " --mix index=100 --threads 1 --request-timeout 200ms",
      [&](const Ended& each) { return has_verdict(each) && count() > 13; }, [&] { written.clear(); });
  expect_one_row_verified(ended, "bounds");
  EXPECT_EQ(field("unknown_outcomes"), "3");
  EXPECT_THAT(std::vector(written.begin() + 9, written.begin() + 13), testing::Each(written[9]));
}

TEST_F(UrlTest, index_is_as_asked_and_kept) {
  std::string asked;
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.method == "PUT" && request.path.size() == 1) asked = request.body;
    if (request.path.empty() || request.path.back() != "health") return Doing::answer;
    response.body = R"({"status":"green","number_of_nodes":4,"number_of_data_nodes":3})";
    return Doing::answered;
  });
  expect_one_row_verified(
      run_until(server, " --mix index=100 --replicas 2 --index-setting refresh_interval=-1", has_verdict));
  EXPECT_EQ(field("nodes"), "4");
  EXPECT_EQ(field("replicas"), "2");
  EXPECT_THAT(asked, AllOf(HasSubstr(R"("number_of_replicas":2)"), HasSubstr(R"("refresh_interval":"-1")")));
  expect_no_index_left();
  expect_refused(with_short_run("run --strategy elasticsearch --out s --replicas 3 --url " + server.url()),
                 HasSubstr("has 3 nodes for data, each of which holds one copy; accepted are 0 to 2"));
  std::filesystem::remove_all(folder_ / "r");
  const Ended kept = run_until(server, " --keep-index", has_verdict);
  EXPECT_THAT(kept.output, HasSubstr(" is kept"));
  EXPECT_GE(node_.indices()->size(), 1U);
}

TEST_F(UrlTest, version_8_shape_is_understood) {
  Node node(node_options(Compatibility::v8));
  const ScriptedServer server(node);
  expect_one_row_verified(run_until(server, " --mix get=20,index=20,create=20,delete=20,cond=20", has_verdict));
}

TEST_F(UrlTest, credentials_come_from_the_environment) {
  ScriptedServer server(node_);
  server.ask_for("Basic ZWxhc3RpYzpjaGFuZ2UgbWU=");  // elastic:change me
  expect_server_refused(server, AllOf(HasSubstr("401"), HasSubstr("no user was given"), HasSubstr("OCCKIT_URL_USER")));
  {
    const Variable user("OCCKIT_URL_USER", "elastic");
    const Variable wrong("OCCKIT_URL_PASSWORD", "wrong secret");
    expect_server_refused(server, AllOf(HasSubstr("that user or key is refused"), Not(HasSubstr("wrong secret"))));
    const Variable right("OCCKIT_URL_PASSWORD", "change me");
    expect_one_row_verified(run_until(server, "", has_verdict));
  }
  std::filesystem::remove_all(folder_ / "r");
  server.ask_for("ApiKey bXk6a2V5");
  const Variable key("OCCKIT_URL_API_KEY", "bXk6a2V5");
  expect_one_row_verified(run_until(server, "", has_verdict));
  std::ifstream in(folder_ / "r" / "results.json");
  const std::string provenance{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(provenance, AllOf(HasSubstr(server.url()), HasSubstr("occkit as elasticsearch"), Not(HasSubstr("bXk6"))));
}

TEST_F(UrlTest, index_that_may_not_be_made_is_refused_before_anything_is_measured) {
  const ScriptedServer server(node_, [&](const Request& request, Response& response) {
    if (request.method != "PUT") return Doing::answer;
    response.status = 403;
    response.body = R"({"error":{"type":"security_exception","reason":"not you"},"status":403})";
    return Doing::answered;
  });
  expect_server_refused(server, AllOf(HasSubstr("403"), HasSubstr("security_exception: not you")));
}

TEST_F(UrlTest, tls_needs_a_certificate_that_is_trusted_and_of_that_name) {
  const Certificate certificate;
  certificate.write((folder_ / "authority.pem").string());
  ScriptedServer server(node_);
  server.use_tls(certificate);
  const auto command = [&](const std::string& host) {
    return with_short_run("run --strategy elasticsearch --url " + server.url("https", host));
  };
  expect_refused(command("127.0.0.1"), AllOf(HasSubstr("the certificate is refused"), HasSubstr("SSL_CERT_FILE")));
  expect_server_refused(server, HasSubstr("--url http://"));  // no TLS where the server speaks it
  const Variable trusted("SSL_CERT_FILE", (folder_ / "authority.pem").string());
  expect_refused(command("localhost"), HasSubstr("the certificate is refused"));
  Ended ended{0, "NO VERDICT"};
  for (int window_ms = 100; !has_verdict(ended); window_ms *= 4) {
    std::filesystem::remove_all(folder_ / "r");
    ended = occkit(with_short_run("run --strategy elasticsearch --url " + server.url("https", "127.0.0.1") +
                                  " --duration " + std::to_string(window_ms) + "ms"));
  }
  expect_one_row_verified(ended);
}

TEST_F(UrlTest, server_without_tls_is_no_https) {
  const ScriptedServer server(node_);
  expect_refused(with_short_run("run --strategy elasticsearch --url " + server.url("https")), HasSubstr("no TLS"));
}

TEST_F(UrlTest, nobody_there_is_refused_at_once) {
  ScriptedServer server(node_);
  server.stop();
  expect_refused(with_short_run("run --strategy elasticsearch --url-patience 5s --url " + server.url()),
                 HasSubstr("Connection refused"));
  expect_refused(with_short_run("run --strategy elasticsearch --url http://no-such-host.invalid:9200"),
                 HasSubstr("address cannot be found"));
}

TEST_F(UrlTest, bad_options_are_refused) {
  const std::string accepted = "accepted are http://HOST:PORT and https://HOST:PORT";
  for (const char* url :
       {"localhost:9200", "ftp://localhost:9200", "http://localhost", "http://localhost:", "http://localhost:0",
        "http://localhost:65536", "http://localhost:92x", "http://:9200", "http://[::1]", "http://::1:9200",
        "http://localhost:9200/a", "http://localhost:9200?a", "'http://local host:9200'", "https://"}) {
    expect_refused(std::string("run --strategy elasticsearch --url ") + url, HasSubstr(accepted));
  }
  expect_refused("run --strategy elasticsearch --url http://elastic:secret@localhost:9200",
                 AllOf(HasSubstr("OCCKIT_URL_PASSWORD"), Not(HasSubstr("secret@"))));
  expect_refused("run --strategy elasticsearch --url http://a:9200,http://elastic:sec,ret@b:9200",
                 AllOf(HasSubstr("OCCKIT_URL_PASSWORD"), Not(HasSubstr("sec"))));
  const std::string to_server = " --url http://127.0.0.1:1";
  expect_refused("run --strategy elasticsearch", HasSubstr("which server?"));
  expect_refused("run --strategy packed_cas" + to_server, HasSubstr("no strategy uses it"));
  expect_refused("run" + to_server, HasSubstr("no strategy uses it"));
  for (const char* of_server : {"--label a", "--url-route first", "--preference _local", "--replicas 1",
                                "--index-setting a=b", "--keep-index", "--request-timeout 1s", "--url-patience 1s"}) {
    expect_refused(std::string("run --strategy packed_cas ") + of_server, HasSubstr(": of which server?"));
  }
  const std::string remote = "run --strategy elasticsearch" + to_server;
  expect_refused(remote + " --label 'a b'", HasSubstr("accepted are letters"));
  expect_refused(remote + " --workload stock", HasSubstr("its documents are binary"));
  expect_refused(remote + " --transform counter", HasSubstr("accepted is json"));
  expect_refused(remote + " --update in_place", HasSubstr("none of the chosen strategies has this form"));
  expect_refused(remote + " --url-patience 0", HasSubstr("--url-patience: '0'"));
  expect_refused(remote + " --request-timeout 0", HasSubstr("--request-timeout: '0'"));
  expect_refused(remote + " --replicas -1", HasSubstr("--replicas: '-1'"));
  expect_refused(remote + " --url-route last", AllOf(HasSubstr("--url-route"), HasSubstr("first")));
  expect_refused(remote + " --preference ''", HasSubstr("--preference"));
  expect_refused(remote + " --index-setting refresh_interval", HasSubstr("accepted are NAME=VALUE"));
  expect_refused(remote + " --index-setting index.number_of_replicas=1", HasSubstr("accepted is --replicas"));
  expect_refused(remote + ",ftp://b:1", HasSubstr(accepted));
  const Variable user("OCCKIT_URL_USER", "elastic");
  expect_refused(remote, HasSubstr("OCCKIT_URL_USER is set without OCCKIT_URL_PASSWORD"));
  const Variable key("OCCKIT_URL_API_KEY", "key");
  expect_refused(remote, HasSubstr("OCCKIT_URL_API_KEY is set and OCCKIT_URL_USER too"));
}

TEST_F(UrlTest, replay_sends_a_scenario_to_a_server_and_leaves_nothing_there) {
  ScriptedServer server(node_);
  const auto scenario = [&](const char* name, const std::string& text) { std::ofstream(folder_ / name) << text; };
  const std::string all =
      "PUT /a/_doc/1\n{\"n\":1}\nexpect 201\nexpect-header Location /a/_doc/1\n\n"
      "HEAD /a/_doc/1\nexpect 200\n\nPOST /a/_bulk\n{\"delete\":{\"_id\":\"1\"}}\nexpect 200\n\n"
      "GET /a/_doc/1\nheader If-Match: 7\nexpect 404\nexpect-body /found false\n";
  scenario("right.txt", all);
  scenario("wrong.txt", all + "expect-body /found true\n");
  scenario("clock.txt", all + "\nPOST /_occkit/advance_clock?ms=1\nexpect 200\n");
  const std::string to_server = " --url " + server.url();
  const Ended right = occkit("replay right.txt" + to_server);
  EXPECT_EQ(right.status, 0) << right.output;
  EXPECT_THAT(right.output, HasSubstr("6 of 6 expectations met by http://127.0.0.1:"));
  expect_no_index_left();
  const Ended wrong = occkit("replay wrong.txt" + to_server);
  EXPECT_EQ(wrong.status, 1) << wrong.output;
  EXPECT_THAT(wrong.output, HasSubstr("6 of 7 expectations met by http://127.0.0.1:"));
  expect_no_index_left();
  expect_refused("replay clock.txt" + to_server,
                 HasSubstr("line 18: /_occkit/advance_clock?ms=1 is occkit serve's own"));
  ASSERT_TRUE(node_.create("a", {.shards = 1}).second);
  expect_refused("replay right.txt" + to_server, HasSubstr("index a is there already, and is left alone"));
  EXPECT_EQ(node_.indices()->size(), 1U);
  server.stop();
  expect_refused("replay right.txt" + to_server, HasSubstr("Connection refused"));
  expect_refused("replay right.txt --strategy packed_cas" + to_server, HasSubstr("--strategy"));
}

TEST_F(UrlTest, list_shows_what_is_declared_of_a_server) {
  const Ended ended = occkit("list");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("  elasticsearch  "), HasSubstr("a server over HTTP (--url)"),
                                  HasSubstr("unknown_outcomes")));
}

std::vector<std::pair<std::string, std::string>> members_of(std::string_view object) {
  std::vector<std::pair<std::string, std::string>> members;
  if (!for_each_member(object, [&](std::string_view key, std::string_view value) { members.emplace_back(key, value); }))
    members.assign(1, {"not", "an object"});
  return members;
}

TEST(JsonMembersTest, values_are_handed_out_as_they_stand) {
  EXPECT_THAT(members_of(R"( { "a" : 1 , "\"b\\" :{"c":["}",{}]}, "d":" , \" }" } )"),
              ElementsAre(Pair("a", "1"), Pair(R"(\"b\\)", R"({"c":["}",{}]})"), Pair("d", R"(" , \" }")")));
  EXPECT_THAT(members_of("{}"), ElementsAre());
  for (const char* text : {"", "[]", "{", R"({"a")", R"({"a":)", R"({"a":1)", R"({"a":1,})", R"({"a":"x)",
                           R"({"a":[1})", R"({"a":1}})", R"({"a" 1})", R"({a:1})"}) {
    EXPECT_THAT(members_of(text), ElementsAre(Pair("not", "an object"))) << text;
  }
  EXPECT_EQ(member(R"({"a":{"b":2}})", "a"), R"({"b":2})");
  EXPECT_EQ(member(R"({"a":1})", "b"), "");
}

TEST(HistoryOfServerTest, what_was_not_told_is_kept_by_a_file) {
  std::vector<HistoryEntry> entries(2);
  entries[0] = HistoryEntry{.begin = 1, .end = 2, .kind = HistoryKind::index, .result = Result::created};
  entries[0].decided_on = kUntoldWord;
  entries[0].word = {0, 1};
  entries[0].version = 1;
  entries[1] = HistoryEntry{.begin = 3, .end = 4, .kind = HistoryKind::index, .result = Result::conflict};
  entries[1].decided_on = entries[1].word = kUntoldWord;
  entries[1].version = kUntoldVersion;
  const std::span<const HistoryEntry> thread(entries);
  std::stringstream file;
  write_history(file, Json::object(), std::span(&thread, 1), {.ticks_per_ms = 1e6, .documents = 1});
  const HistoryFile read = read_history(file, "file");
  ASSERT_EQ(read.threads.at(0).size(), 2U);
  EXPECT_EQ(read.threads[0][0].decided_on, kUntoldWord);
  EXPECT_EQ(read.threads[0][1].decided_on, kUntoldWord);
  EXPECT_EQ(read.threads[0][1].version, kUntoldVersion);
}

/// A history of one document, by one thread; what was replaced is not told.
HistoryReport check_untold(std::vector<HistoryEntry> entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].begin = 10 * i;
    if (entries[i].end != HistoryEntry::kUnanswered) entries[i].end = 10 * i + 5;
  }
  const std::span<const HistoryEntry> thread(entries);
  return check_history(std::span(&thread, 1), {.documents = 1}, 1);
}

HistoryEntry untold_write(std::uint64_t seq_no, Version version) {
  HistoryEntry entry{.end = 0, .kind = HistoryKind::index, .result = version == 1 ? Result::created : Result::updated};
  entry.decided_on = kUntoldWord;
  entry.word = {seq_no, 1};
  entry.version = version;
  entry.wrote = 1;
  return entry;
}

TEST(HistoryOfServerTest, writes_that_replaced_the_same_version_are_contradictions_though_untold) {
  EXPECT_EQ(check_untold({untold_write(0, 1), untold_write(1, 2), untold_write(2, 3)}).wrong_documents, 0U);
  EXPECT_EQ(check_untold({untold_write(0, 1), untold_write(1, 2), untold_write(2, 2)}).wrong_documents, 1U);
}

TEST(HistoryOfServerTest, write_without_an_answer_may_stand_between_untold_ones) {
  HistoryEntry unanswered{.kind = HistoryKind::index};
  EXPECT_EQ(check_untold({untold_write(0, 1), unanswered, untold_write(2, 3)}).wrong_documents, 0U);
}

TEST(HistoryOfServerTest, conflict_with_the_version_that_the_condition_names_is_a_contradiction) {
  HistoryEntry conflict{.end = 0, .kind = HistoryKind::index, .result = Result::conflict};
  conflict.precondition = Precondition::Kind::seq_no_term;
  conflict.condition = SeqNoTerm(0, 1).bits();
  conflict.cause = Cause::seq_no_mismatch;
  conflict.version = kUntoldVersion;
  conflict.decided_on = conflict.word = SeqNoTerm(1, 1);
  EXPECT_EQ(check_untold({untold_write(0, 1), untold_write(1, 2), conflict}).wrong_documents, 0U);
  conflict.condition = SeqNoTerm(1, 1).bits();
  EXPECT_EQ(check_untold({untold_write(0, 1), untold_write(1, 2), conflict}).wrong_documents, 1U);
}

}  // namespace
}  // namespace occ
