/// The server under limits and abuse: whatever one client does, the others are answered.
#include "harness/http/http_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "harness/commands/commands.hpp"
#include "harness/http/rest_handler.hpp"
#include "harness/support/open_files.hpp"
#include "tests/harness/http/http_client.hpp"
#include "tests/variants/contract.hpp"

namespace occ {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

HttpServerOptions any_port(HttpServerOptions options = {}) {
  options.port = 0;
  options.threads = 2;
  return options;
}

std::string reason_of(const Response& response) {
  const Json error = response.json()["error"];
  return error.is_string() ? error.get<std::string>() : error["reason"].get<std::string>();
}

class HttpServerTest : public ::testing::Test {
 protected:
  explicit HttpServerTest(const HttpServerOptions& options = any_port())
      : server_(options, [this] { return std::make_unique<RestHandler>(node_); }) {
    server_.start();
  }
  [[nodiscard]] HttpClient connect() const { return HttpClient(server_.port()); }
  Response ask(std::string_view method, std::string_view target, std::string_view body = {},
               const NameValues& headers = {}) const {
    return connect().ask(method, target, body, headers);
  }
  /// The server answers somebody else.
  void expect_alive() const { EXPECT_EQ(ask("GET", "/").status, 200); }
  /// Sends bytes that end in a refusal: one answer, then the connection is closed.
  void expect_refused(std::string_view bytes, int status, std::string_view reason) const {
    HttpClient client = connect();
    client.send(bytes);
    const auto response = client.receive();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, status);
    EXPECT_THAT(reason_of(*response), HasSubstr(std::string(reason)));
    EXPECT_THAT(response->headers, Contains(Pair("connection", "close")));
    EXPECT_EQ(client.rest(), "");
    expect_alive();
  }

  Node node_{{.make_table = [](const TableOptions& options) { return make_table("packed_cas", options); }}};
  HttpServer server_;
};

TEST_F(HttpServerTest, requests_on_one_connection_are_answered_one_by_one) {
  HttpClient client = connect();
  EXPECT_EQ(client.ask("PUT", "/a/_doc/1", R"({"n":1})").status, 201);
  const Response got = client.ask("GET", "/a/_doc/1");
  EXPECT_EQ(got.json()["_source"]["n"], 1);
  EXPECT_THAT(got.headers, Contains(Pair("X-elastic-product", "Elasticsearch")));
  EXPECT_THAT(got.headers, Contains(Pair("content-type", "application/json; charset=UTF-8")));
  const Response head = client.ask("HEAD", "/a/_doc/1");
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.headers, Contains(Pair("content-length", std::to_string(got.body.size()))));
  // Had HEAD sent a body, it would be taken for this answer's head.
  EXPECT_EQ(client.ask("HEAD", "/b").status, 404);
  EXPECT_EQ(client.ask("DELETE", "/a/_doc/1").status, 200);
}

TEST_F(HttpServerTest, pipelined_requests_are_answered_in_order) {
  constexpr int kRequests = 2'000;
  HttpClient client = connect();
  std::string all;
  for (int i = 0; i < kRequests; ++i) {
    const std::string body = R"({"n":)" + std::to_string(i) + "}";
    all += "PUT /a/_doc/1?filter_path=_seq_no HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < kRequests; ++i) {
    const auto response = client.receive();
    ASSERT_TRUE(response);
    ASSERT_EQ(response->json()["_seq_no"], i);
  }
  sender.join();
}

TEST_F(HttpServerTest, pipelined_large_answers_are_sent_whole_to_a_slow_reader) {
  const std::string body = R"({"a":")" + std::string(3'000'000, 'x') + "\"}";
  ASSERT_EQ(ask("PUT", "/a/_doc/1", body).status, 201);
  HttpClient client = connect();
  std::string all;
  constexpr int kRequests = 40;
  for (int i = 0; i < kRequests; ++i) all += "GET /a/_source/1 HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(client.send(all));
  expect_alive();
  for (int i = 0; i < kRequests; ++i) {
    const auto response = client.receive();
    ASSERT_TRUE(response);
    ASSERT_EQ(response->body, body);
  }
}

TEST_F(HttpServerTest, chunked_body_is_put_together) {
  HttpClient client = connect();
  client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n");
  client.send("4;name=value\r\n\":1}\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 201);
  EXPECT_EQ(client.ask("GET", "/a/_doc/1").json()["_source"]["a"], 1);
}

TEST_F(HttpServerTest, bytes_one_by_one_make_a_request) {
  HttpClient client = connect();
  const auto drip = [&client](std::string_view text) {
    for (const char c : text) client.send({&c, 1});
    return client.receive()->status;
  };
  EXPECT_EQ(drip("\r\nPUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"), 201);
  EXPECT_EQ(drip("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 200);
  EXPECT_EQ(drip("POST /_refresh HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 200);
}

TEST_F(HttpServerTest, expect_100_continue_is_told_to_go_on) {
  HttpClient client = connect();
  client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 100);
  client.send("{}");
  EXPECT_EQ(client.receive()->status, 201);
  expect_refused("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 104857601\r\n\r\n", 413,
                 "larger than 104857600 bytes");
  expect_refused("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 2\r\n\r\n", 417,
                 "a miracle");
}

TEST_F(HttpServerTest, http_1_0_connection_is_closed_unless_asked_to_stay) {
  HttpClient client = connect();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(client.receive()->headers, Contains(Pair("connection", "keep-alive")));
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.receive()->headers, Contains(Pair("connection", "close")));
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpServerTest, limits_of_head_and_body_are_kept) {
  const std::string get = "GET /a/_doc/1 HTTP/1.1\r\nHost: x\r\n";
  expect_refused("GET /" + std::string(4'096, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n", 400,
                 "An HTTP line is larger than 4096 bytes.");
  expect_refused(get + "X: " + std::string(20'000, 'x') + "\r\n\r\n", 400, "HTTP header is larger than 8192 bytes.");
  // A head that never ends is refused before it does.
  expect_refused(get + "X: " + std::string(20'000, 'x'), 400, "HTTP header is larger than 8192 bytes.");
  expect_refused("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n\r\n", 413,
                 "larger than 104857600 bytes");
  expect_refused("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6400001\r\nxxx", 413,
                 "larger than 104857600 bytes");
  expect_refused("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'x'),
                 400, "");
}

TEST_F(HttpServerTest, refused_body_may_be_sent_to_its_end_and_the_answer_read) {
  HttpClient client = connect();
  client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n\r\n");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(client.send(std::string(50'000, 'x')));
  EXPECT_EQ(client.receive()->status, 413);
}

TEST_F(HttpServerTest, what_is_no_http_is_refused_and_the_connection_closed) {
  for (const std::string& garbage :
       {std::string("hello\r\n\r\n"), std::string(64, '\0') + "\r\n\r\n", std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"),
        std::string("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}"),
        std::string("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}"),
        std::string("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
        std::string("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
        std::string("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}")}) {
    SCOPED_TRACE(::testing::PrintToString(garbage));
    expect_refused(garbage, 400, "malformed HTTP request");
  }
  EXPECT_EQ(ask("HEAD", "/a").status, 404);  // none of them was carried out
}

TEST_F(HttpServerTest, garbage_behind_a_request_does_not_touch_its_answer) {
  HttpClient client = connect();
  client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}\x01\x02garbage\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 201);
  EXPECT_EQ(client.receive()->status, 400);
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpServerTest, truncated_body_is_not_carried_out) {
  {
    HttpClient client = connect();
    client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{}");
    client.finish_sending();
    EXPECT_EQ(client.rest(), "");
  }
  EXPECT_EQ(ask("HEAD", "/a").status, 404);
}

TEST_F(HttpServerTest, requests_that_are_wrong_are_answered_in_elasticsearchs_shape) {
  ASSERT_EQ(ask("PUT", "/a/_doc/1", "{}").status, 201);
  struct Wrong {
    const char* method;
    std::string target;
    std::string body;
    int status;
    std::string reason;
  };
  const std::string long_id(513, 'x');
  for (const auto& [method, target, body, status, reason] : std::vector<Wrong>{
           {"PUT", "/a/_doc/2", "{\"a\":", 400, "failed to parse"},
           {"PUT", "/a/_doc/2", "{\"a\":\"\xff\"}", 400, "failed to parse"},
           {"PUT", "/a/_doc/2", "{\"a\":1,\"a\":2}", 400, "failed to parse"},
           {"PUT", "/a/_doc/2", "{\"a\":123456789012345678901}", 400, "failed to parse"},
           {"PUT", "/a/_doc/2", "{\"a\":" + std::string(300, '[') + std::string(300, ']') + "}", 400,
            "failed to parse"},
           {"PUT", "/a/_doc/2", std::string(1'000'000, '['), 400, "failed to parse"},
           {"POST", "/a/_update/1", std::string(1'000'000, '['), 400, "nested more than 200 levels deep"},
           {"PUT", "/a/_doc/" + long_id, "{}", 400,
            "Validation Failed: 1: id [" + long_id + "] is too long, must be no longer than 512 bytes but was: 513;"},
           {"PUT", "/a/_doc/%ff", "{}", 400, "'%ff' is not UTF-8 once it is percent-decoded"},
           {"PUT", "/a/_doc/%zz", "{}", 400, "'%zz' is not a percent sequence"},
           {"GET", "/a/_doc/1\xff", "", 400, "is not UTF-8"},
           {"GET", "/none/_doc/1", "", 404, "no such index [none]"},
           {"GET", "/_none", "", 400, "no handler found for uri [/_none] and method [GET]"},
           {"PUT", "/-a/_doc/1", "{}", 400, "Invalid index name [-a], must not start with '_', '-', or '+'"},
           {"PUT", "/a%2Fb/_doc/1", "{}", 400, "Invalid index name [a/b], must not contain"},
           {"PATCH", "/a/_doc/1", "{}", 405,
            "Incorrect HTTP method for uri [/a/_doc/1] and method [PATCH], allowed: ["},
           {"POST", "/a/_analyze", "{}", 501, "[_analyze] is not supported by occkit"},
           {"POST", "/a/_close", "{}", 501, "[_close] is not supported by occkit"},
       }) {
    SCOPED_TRACE(std::string(method) + " " + target.substr(0, 60));
    const Response response = ask(method, target, body);
    EXPECT_EQ(response.status, status);
    // Whoever finds no handler is not told the status again.
    const bool has_no_handler = reason.starts_with("no handler found");
    EXPECT_EQ(response.json().value("status", 0), has_no_handler ? 0 : status);
    EXPECT_THAT(reason_of(response), HasSubstr(reason));
  }
  EXPECT_THAT(ask("PATCH", "/a/_doc/1").headers, Contains(Pair("Allow", "GET,HEAD,PUT,POST,DELETE")));
  const Response options = ask("OPTIONS", "/a/_doc/1");
  EXPECT_EQ(options.status, 200);
  EXPECT_THAT(options.headers, Contains(Pair("Allow", "GET,HEAD,PUT,POST,DELETE")));
}

TEST_F(HttpServerTest, id_and_index_names_are_percent_decoded) {
  const Response made = ask("PUT", "/caf%C3%A9/_doc/a%2Fb%20c%25", "{}");
  EXPECT_EQ(made.status, 201);
  EXPECT_THAT(made.headers, Contains(Pair("Location", "/caf%C3%A9/_doc/a%2Fb%20c%25")));
  EXPECT_EQ(ask("GET", "/caf%C3%A9/_doc/a%2Fb%20c%25").json()["_id"], "a/b c%");
}

TEST_F(HttpServerTest, content_types_that_are_not_json_are_refused) {
  HttpClient client = connect();
  client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\nContent-Length: 2\r\n\r\n{}");
  const auto refused = client.receive();
  EXPECT_EQ(refused->status, 406);
  EXPECT_EQ(reason_of(*refused), "Content-Type header [application/cbor] is not supported");
  for (const char* type :
       {"application/json; charset=utf-8", "application/x-www-form-urlencoded", "application/x-ndjson"}) {
    client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Type: " + std::string(type) +
                "\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_LT(client.receive()->status, 202) << type;
  }
}

TEST_F(HttpServerTest, answer_is_shaped_as_asked) {
  (void)ask("PUT", "/a/_doc/1", R"({"x":{"y":[1,{}],"z":2}})");
  EXPECT_EQ(
      ask("GET", "/a/_doc/1?pretty&filter_path=_source").body,
      "{\n  \"_source\" : {\n    \"x\" : {\n      \"y\" : [\n        1,\n        { }\n      ],\n      \"z\" : 2\n    "
      "}\n  }\n}\n");
  EXPECT_EQ(ask("GET", "/a/_doc/1?filter_path=_id,**.z").body, R"({"_id":"1","_source":{"x":{"z":2}}})");
  EXPECT_EQ(ask("GET", "/a/_doc/1?filter_path=-_*,-found").body, "{}");
  // Errors are told whole.
  EXPECT_EQ(ask("GET", "/none/_doc/1?filter_path=error.type").body, ask("GET", "/none/_doc/1").body);
  EXPECT_THAT(ask("GET", "/", {}, {{"X-Opaque-Id", "me"}}).headers, Contains(Pair("X-Opaque-Id", "me")));
}

TEST_F(HttpServerTest, index_deleted_and_made_again_is_new_to_every_thread) {
  std::vector<HttpClient> clients;  // two threads answer them
  for (int i = 0; i < 4; ++i) clients.push_back(connect());
  for (int round = 0; round < 20; ++round) {
    for (HttpClient& client : clients) EXPECT_LT(client.ask("PUT", "/a/_doc/1", "{}").status, 202);
    EXPECT_EQ(clients[static_cast<std::size_t>(round) % 4].ask("DELETE", "/a").status, 200);
    for (HttpClient& client : clients) EXPECT_EQ(client.ask("GET", "/a/_doc/1").status, 404);
  }
}

/// Read, add one, write under the condition, until it is accepted: nothing is lost between threads.
TEST_F(HttpServerTest, conditional_writes_of_many_clients_add_up) {
  constexpr std::size_t kClients = 8;
  const std::uint64_t each = contract::scaled(200);
  ASSERT_EQ(ask("PUT", "/a/_doc/1", R"({"n":0})").status, 201);
  contract::run_threads(kClients, [&](std::size_t) {
    HttpClient client = connect();
    for (std::uint64_t done = 0; done < each;) {
      const Json read = client.ask("GET", "/a/_doc/1").json();
      const Response written = client.ask(
          "PUT", "/a/_doc/1?if_seq_no=" + read["_seq_no"].dump() + "&if_primary_term=" + read["_primary_term"].dump(),
          R"({"n":)" + std::to_string(read["_source"]["n"].get<std::uint64_t>() + 1) + "}");
      if (written.status == 200) ++done;
    }
  });
  EXPECT_EQ(ask("GET", "/a/_doc/1").json()["_source"]["n"], kClients * each);
}

TEST_F(HttpServerTest, fail_over_makes_a_token_stale) {
  (void)ask("PUT", "/a/_doc/1", "{}");
  EXPECT_EQ(ask("POST", "/_occkit/fail_over/a").json()["primary_terms"]["0"], 2);
  EXPECT_EQ(ask("PUT", "/a/_doc/1", "{}").json()["_primary_term"], 2);
  EXPECT_EQ(ask("PUT", "/a/_doc/1?if_seq_no=1&if_primary_term=1", "{}").status, 409);
  EXPECT_EQ(ask("PUT", "/a/_doc/1?if_seq_no=1&if_primary_term=2", "{}").status, 200);
}

TEST_F(HttpServerTest, stop_lets_go_of_everybody) {
  HttpClient idle = connect();
  EXPECT_EQ(idle.ask("GET", "/").status, 200);
  server_.stop();
  EXPECT_EQ(idle.rest(), "");
  EXPECT_EQ(server_.connections(), 0U);
  EXPECT_EQ(server_.answered(), 1U);
  EXPECT_THROW((void)connect(), std::runtime_error);
}

/// A request has to come, and its answer to be taken, within a time; clients may idle for ever.
class ImpatientServerTest : public HttpServerTest {
 protected:
  ImpatientServerTest() : HttpServerTest(any_port({.request_timeout = std::chrono::milliseconds(300)})) {}
};

class SociableServerTest : public HttpServerTest {
 protected:
  SociableServerTest() : HttpServerTest(any_port({.idle_timeout = std::chrono::milliseconds(300)})) {}
};

TEST_F(ImpatientServerTest, slow_client_is_answered_408_and_closed) {
  for (const char* part : {"GET", "GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n",
                           "PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"}) {
    SCOPED_TRACE(part);
    HttpClient client = connect();
    client.send(part);
    const auto response = client.receive();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 408);
    EXPECT_EQ(client.rest(), "");
  }
  // A byte now and then does not keep it open.
  HttpClient client = connect();
  std::thread dripping([&] {
    while (client.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 408 "));
  dripping.join();
}

TEST_F(SociableServerTest, idle_connection_is_closed_without_a_word) {
  // Who has no processor for that long between connecting and asking idles too.
  for (bool is_answered = false; !is_answered;) {
    HttpClient client = connect();
    const bool is_sent = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto answer = is_sent ? client.receive() : std::nullopt;
    is_answered = answer && answer->status == 200;
    EXPECT_EQ(client.rest(), "");
  }
}

TEST_F(ImpatientServerTest, client_that_takes_no_answers_is_let_go) {
  // Where the processor is busy, so large a request may take too long, too.
  while (ask("HEAD", "/a/_doc/1").status != 200) {
    HttpClient client = connect();
    const std::string body = R"({"a":")" + std::string(8'000'000, 'x') + "\"}";
    client.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body);
    (void)client.receive();
  }
  HttpClient client = connect();
  for (int i = 0; i < 100; ++i) client.send("GET /a/_doc/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  while (server_.connections() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  expect_alive();
}

class SmallServerTest : public HttpServerTest {
 protected:
  SmallServerTest() : HttpServerTest(any_port({.max_connections = 3})) {}
};

TEST_F(SmallServerTest, connections_beyond_the_limit_are_answered_503) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
    EXPECT_EQ(clients.back().ask("GET", "/").status, 200);
  }
  EXPECT_THAT(connect().rest(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(clients[0].ask("GET", "/").status, 200);
  clients.clear();
  while (server_.connections() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  expect_alive();
}

/// Memory for one of the answers that are asked for, and not for two, though the system's buffers take a part.
class ScantServerTest : public HttpServerTest {
 protected:
  ScantServerTest() : HttpServerTest(any_port({.answer_bytes = 13'000'000})) {}
};

TEST_F(ScantServerTest, clients_whose_answers_find_no_memory_are_closed_and_it_is_given_back) {
  const std::string body = R"({"a":")" + std::string(12'000'000, 'x') + "\"}";
  ASSERT_EQ(ask("PUT", "/a/_doc/1", body).status, 201);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    std::vector<HttpClient> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(connect());
      ASSERT_EQ(clients.back().ask("GET", "/").status, 200);  // it is counted from here on
    }
    for (HttpClient& client : clients) client.send("GET /a/_doc/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    while (server_.connections() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    expect_alive();
    // The one that is left gets its answer as soon as it takes it.
    int whole = 0;
    for (HttpClient& client : clients) {
      try {
        if (const auto answer = client.receive(); !answer || answer->status != 200) continue;
        ++whole;
        // Once more, taken late: what the first answer needed is there again.
        client.send("GET /a/_doc/1 HTTP/1.1\r\nHost: x\r\n\r\n");
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        EXPECT_TRUE(client.receive());
      } catch (const std::exception&) {  // cut off
      }
    }
    EXPECT_EQ(whole, 1);
    clients.clear();
    while (server_.connections() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// Two connections and the memory for one and a half of their bodies, without sockets: who is first is certain here.
TEST(HttpExchangeTest, bodies_beyond_the_memory_for_them_are_answered_429) {
  struct Accepts final : RequestHandler {
    void answer(const Request& request, Response& response) override {
      response.body = std::to_string(request.body.size());
    }
  } handler;
  ExchangeScratch scratch;
  const HttpLimits limits;
  BodyBudget budget(2'000'000);
  const std::string head = "PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1500000\r\n\r\n";
  const std::string most(1'400'000, ' ');
  const std::string rest(100'000, ' ');
  HttpExchange first(handler, scratch, limits, budget);
  std::string to_first;
  first.receive(head + most, to_first);
  {
    HttpExchange second(handler, scratch, limits, budget);
    std::string to_second;
    second.receive(head + most, to_second);
    EXPECT_THAT(to_second, StartsWith("HTTP/1.1 429 "));
    EXPECT_TRUE(second.closing());
    // Its connection ends in the middle of another body.
    HttpExchange third(handler, scratch, limits, budget);
    third.receive(head + rest, to_second);
  }
  first.receive(rest, to_first);
  EXPECT_THAT(to_first, StartsWith("HTTP/1.1 200 "));
  // What was taken has been given back, all of it.
  EXPECT_TRUE(budget.take(2'000'000));
}

TEST_F(HttpServerTest, second_server_on_the_port_is_refused_with_a_message) {
  HttpServerOptions options = any_port();
  options.port = server_.port();
  try {
    const HttpServer second(options, [this] { return std::make_unique<RestHandler>(node_); });
    ADD_FAILURE() << "listens";
  } catch (const BadInput& error) {
    EXPECT_THAT(error.what(), HasSubstr("Address already in use"));
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(server_.port())));
  }
}

/// `occkit serve` as a process of its own.
class Program {
 public:
  explicit Program(std::vector<std::string> options) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    options.insert(options.begin(), {OCCKIT_PROGRAM, "serve"});
    std::vector<char*> arguments;
    for (std::string& option : options) arguments.push_back(option.data());
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      ::execv(OCCKIT_PROGRAM, arguments.data());
      std::_Exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Program() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    ::close(out_);
    ::close(err_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Waits until it listens.
  std::uint16_t port() {
    const std::string line = read(out_, '\n');
    const auto colon =
        line.find(':', line.find("//") + 2 + (line.find('[') == line.npos ? 0 : line.find(']') - line.find("//")));
    return static_cast<std::uint16_t>(std::stoi(line.substr(colon + 1)));
  }
  void signal(int number) const { ::kill(process_, number); }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(process_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] std::string out() const { return read(out_, '\0'); }
  [[nodiscard]] std::string err() const { return read(err_, '\0'); }

 private:
  static std::string read(int file, char until) {
    std::string text;
    char c = 0;
    while (::read(file, &c, 1) == 1 && c != until) text += c;
    return text;
  }
  pid_t process_ = -1;
  int out_ = -1;
  int err_ = -1;
};

TEST(ServeTest, sigterm_finishes_requests_in_flight) {
  Program program({"--listen", "127.0.0.1:0"});
  const std::uint16_t port = program.port();
  HttpClient idle(port);
  EXPECT_EQ(idle.ask("GET", "/").status, 200);
  HttpClient busy(port);
  busy.send("PUT /a/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{");
  EXPECT_EQ(HttpClient(port).ask("GET", "/").status, 200);
  program.signal(SIGTERM);
  EXPECT_EQ(idle.rest(), "");
  busy.send("}");
  const auto answer = busy.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(busy.rest(), "");
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.out(), HasSubstr("stopped: 3 requests answered"));
}

TEST(ServeTest, bad_options_end_with_2_and_say_what_is_accepted) {
  Program occupant({"--listen", "127.0.0.1:0"});
  const std::string taken = "127.0.0.1:" + std::to_string(occupant.port());
  struct Bad {
    std::vector<std::string> options;
    std::string says;
  };
  for (const auto& [options, says] : std::vector<Bad>{
           {{"--listen", taken}, "cannot listen on " + taken + ": Address already in use"},
           {{"--listen", "9200"}, "accepted are ADDRESS:PORT"},
           {{"--listen", "127.0.0.1:"}, "accepted are ADDRESS:PORT"},
           {{"--listen", "127.0.0.1:65536"}, "accepted are ADDRESS:PORT"},
           {{"--listen", "::1:9200"}, "[ADDRESS]:PORT"},
           {{"--listen", "example:0"}, "'example' is not an IP address"},
           {{"--strategy", "best"}, "unknown strategy 'best': accepted are "},
           {{"--threads", "0"}, "--threads"},
           {{"--shards", "0"}, "--shards"},
           {{"--compat", "9"}, "--compat"},
           {{"--gc-deletes", "x"}, "--gc-deletes"},
           {{"--max-content-length", "0"}, "1 to 2147483647"},
           {{"--max-content-length", "1xb"}, "--max-content-length"},
           {{"--max-content-length", "2gb"}, "1 to 2147483647"},
           {{"--request-timeout", "0"}, "--request-timeout"},
           {{"--idle-timeout", "-1"}, "--idle-timeout"},
           {{"--constant", "x"}, "{server,beast}"},
           {{"--listen", taken, "--constant", "beast"}, "cannot listen on " + taken + ": Address already in use"},
           {{"extra"}, "extra"},
       }) {
    Program program(options);
    const int status = program.wait();
    const std::string err = program.err();
    SCOPED_TRACE(err);
    EXPECT_EQ(status, kExitBadInput);
    EXPECT_THAT(err, HasSubstr(says));
    EXPECT_THAT(program.out(), IsEmpty());
  }
}

TEST(ServeTest, listening_beyond_this_machine_is_warned_of) {
  Program program({"--listen", "0.0.0.0:0"});
  EXPECT_EQ(HttpClient(program.port()).ask("GET", "/").status, 200);
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.err(), HasSubstr("warning"));
}

TEST(ServeTest, constant_servers_answer_the_same_document_whatever_is_asked) {
  for (const char* kind : {"server", "beast"}) {
    SCOPED_TRACE(kind);
    Program program({"--listen", "127.0.0.1:0", "--threads", "2", "--constant", kind});
    const std::uint16_t port = program.port();
    HttpClient first(port);
    HttpClient second(port);
    HttpClient third(port);
    for (HttpClient* client : {&first, &second, &third}) {
      for (const char* path : {"/load/_doc/1", "/"}) {
        const Response answer = client->ask("GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.json()["_id"], "500");
      }
      EXPECT_EQ(client->ask("PUT", "/load/_doc/1", "{}").json()["_source"]["n"], 0);
    }
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait(), 0);
    EXPECT_THAT(program.out(), HasSubstr("stopped: 9 requests answered"));
  }
}

/// 10,000 of them where the limit on open files allows it, on both sides; what is left of it otherwise.
TEST(ServeTest, idle_connections_leave_it_answering) {
  allow_open_files(10'000);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t wanted =
      std::min<std::size_t>(contract::scaled(10'000), static_cast<std::size_t>(limit.rlim_cur) - 100);
  RecordProperty("connections", static_cast<int>(wanted));
  Program program({"--listen", "127.0.0.1:0"});
  const std::uint16_t port = program.port();
  std::vector<HttpClient> idle;
  idle.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    idle.emplace_back(port);
    if (i % 3 == 1) idle.back().send("GET");  // some in the middle of a request
  }
  HttpClient client(port);
  for (int i = 0; i < 100; ++i) EXPECT_LT(client.ask("PUT", "/a/_doc/1", "{}").status, 202);
  for (std::size_t i = 0; i < wanted; i += 3) EXPECT_EQ(idle[i].ask("GET", "/a/_doc/1").status, 200);
  program.signal(SIGTERM);
  idle.clear();
  EXPECT_EQ(program.wait(), 0);
  std::printf("%zu idle connections\n", wanted);
}

}  // namespace
}  // namespace occ
