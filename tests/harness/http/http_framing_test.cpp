/// Requests that one reader could frame differently from another: each is answered 400, the connection is closed, and
/// what stands behind it is never read as a request. What RFC 9112 allows is answered, and the connection goes on.
#include "harness/http/http_framing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "harness/http/http_server.hpp"
#include "harness/http/rest_handler.hpp"
#include "tests/harness/http/http_client.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

/// Where another reader ends the request before it.
constexpr std::string_view kSmuggled = "DELETE /i/_doc/victim HTTP/1.1\r\nHost: x\r\n\r\n";

struct Case {
  const char* name;
  std::string bytes;
};

std::string get(const std::string& headers) {
  return "GET /i/_doc/zz HTTP/1.1\r\n" + headers + "\r\n";
}
std::string with_host(const std::string& headers) {
  return get("Host: x\r\n" + headers);
}
/// A write whose body is chunked, from its first chunk's size on.
std::string chunked(const std::string& body) {
  return "POST /_refresh HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}
std::string line(const std::string& request_line) {
  return request_line + "\r\nHost: x\r\n\r\n";
}

std::vector<Case> refused() {
  using namespace std::string_literals;
  return {
      // A coding whose end nobody can know.
      {"gzip", with_host("Transfer-Encoding: gzip\r\n")},
      {"identity", with_host("Transfer-Encoding: identity\r\n")},
      {"xchunked", with_host("Transfer-Encoding: xchunked\r\n")},
      {"chunked before another", with_host("Transfer-Encoding: chunked, identity\r\n")},
      {"another before chunked", with_host("Transfer-Encoding: gzip, chunked\r\n")},
      {"chunked twice", with_host("Transfer-Encoding: chunked, chunked\r\n")},
      {"chunked on two lines", with_host("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"identity and chunked on two lines", with_host("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n")},
      {"quoted chunked", with_host("Transfer-Encoding: \"chunked\"\r\n")},
      {"chunked with a parameter", with_host("Transfer-Encoding: chunked;q=1\r\n")},
      {"chunked with a comma", with_host("Transfer-Encoding: chunked,\r\n")},
      {"comma before chunked", with_host("Transfer-Encoding: ,chunked\r\n")},
      {"empty coding", with_host("Transfer-Encoding:\r\n")},
      {"coding after a vertical tab", with_host("Transfer-Encoding:\vchunked\r\n")},
      {"coding and a NUL", with_host("Transfer-Encoding: chunked\0\r\n"s)},
      {"coding in 1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      // Lengths.
      {"both lengths", with_host("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"},
      {"both lengths, the other way", with_host("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n"},
      {"differing lengths", with_host("Content-Length: 0\r\nContent-Length: 1\r\n")},
      {"equal lengths on two lines", with_host("Content-Length: 0\r\nContent-Length: 0\r\n")},
      {"list of lengths", with_host("Content-Length: 0, 0\r\n")},
      {"list of differing lengths", with_host("Content-Length: 0,44\r\n")},
      {"length with a plus", with_host("Content-Length: +0\r\n")},
      {"length with a minus", with_host("Content-Length: -0\r\n")},
      {"length in hexadecimal", with_host("Content-Length: 0x0\r\n")},
      {"length with a letter", with_host("Content-Length: 0a\r\n")},
      {"length with a point", with_host("Content-Length: 0.0\r\n")},
      {"length with a blank inside", with_host("Content-Length: 0 0\r\n")},
      {"empty length", with_host("Content-Length:\r\n")},
      {"blank length", with_host("Content-Length:  \t\r\n")},
      {"length beyond 64 bits", with_host("Content-Length: 18446744073709551616\r\n")},
      {"quoted length", with_host("Content-Length: \"0\"\r\n")},
      // Host.
      {"no Host", get("")},
      {"two Hosts", get("Host: a\r\nHost: b\r\n")},
      {"the same Host twice", get("Host: a\r\nHost: a\r\n")},
      {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"Host with a blank", get("Host: a b\r\n")},
      {"Host with a comma", get("Host: a,b\r\n")},
      {"Host with a path", get("Host: a/b\r\n")},
      {"Host with a user", get("Host: u@a\r\n")},
      {"Host with a port that is none", get("Host: a:b\r\n")},
      {"Host with two ports", get("Host: a:1:2\r\n")},
      {"Host with an open bracket", get("Host: [::1\r\n")},
      // Lines.
      {"folded line", with_host("X-A: 1\r\n 2\r\n")},
      {"line folded by a tab", with_host("X-A: 1\r\n\t2\r\n")},
      {"first header line folded", get(" Host: x\r\n")},
      {"bare LF in a header", with_host("X-A: 1\nX-B: 2\r\n")},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n"},
      {"bare LFs alone", "GET / HTTP/1.1\nHost: x\n\n"},
      {"LF LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n"},
      {"bare CR in a header", with_host("X-A: 1\rX-B: 2\r\n")},
      {"bare CR at the end", "GET / HTTP/1.1\r\nHost: x\r\n\rX\r\n\r\n"},
      {"CR CR LF", with_host("X-A: 1\r\r\n")},
      {"LF before a request", "\n" + with_host("")},
      {"CR before a request", "\rX" + with_host("")},
      {"blank before a colon", with_host("X-A : 1\r\n")},
      {"blank before the colon of a length", with_host("Content-Length : 0\r\n")},
      {"tab before a colon", with_host("Transfer-Encoding\t: chunked\r\n")},
      {"name without a colon", with_host("X-A\r\n")},
      {"colon without a name", with_host(": 1\r\n")},
      {"control character in a name", with_host("X\x01: 1\r\n")},
      {"NUL in a name", with_host("X\0A: 1\r\n"s)},
      {"NUL in a value", with_host("X-A: 1\0\r\n"s)},
      {"control character in a value", with_host("X-A: \x02\r\n")},
      {"DEL in a value", with_host("X-A: \x7f\r\n")},
      {"byte beyond ASCII in a name", with_host("X\xc3\xa4: 1\r\n")},
      {"bracket in a name", with_host("Content[Length]: 1\r\n")},
      // The request line.
      {"absolute form", line("GET http://x/i/_doc/zz HTTP/1.1")},
      {"authority form", line("CONNECT x:80 HTTP/1.1")},
      {"asterisk form", line("OPTIONS * HTTP/1.1")},
      {"relative target", line("GET i/_doc/zz HTTP/1.1")},
      {"target with a fragment", line("GET /i/_doc/zz#top HTTP/1.1")},
      {"target with a blank", line("GET /i/_doc/z z HTTP/1.1")},
      {"target with a tab", line("GET /i/_doc/z\tz HTTP/1.1")},
      {"target with a NUL", line("GET /i/_doc/z\0z HTTP/1.1"s)},
      {"two blanks before the target", line("GET  /i/_doc/zz HTTP/1.1")},
      {"two blanks before the version", line("GET /i/_doc/zz  HTTP/1.1")},
      {"blank behind the version", line("GET /i/_doc/zz HTTP/1.1 ")},
      {"blank before the method", line(" GET /i/_doc/zz HTTP/1.1")},
      {"tab behind the method", line("GET\t/i/_doc/zz HTTP/1.1")},
      {"method with a bracket", line("GE(T /i/_doc/zz HTTP/1.1")},
      {"no version", line("GET /i/_doc/zz")},
      {"HTTP/1.2", line("GET /i/_doc/zz HTTP/1.2")},
      {"HTTP/2.0", line("GET /i/_doc/zz HTTP/2.0")},
      {"HTTP/0.9", line("GET /i/_doc/zz HTTP/0.9")},
      {"HTTP/1.10", line("GET /i/_doc/zz HTTP/1.10")},
      {"HTTP/01.1", line("GET /i/_doc/zz HTTP/01.1")},
      {"version in small letters", line("GET /i/_doc/zz http/1.1")},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      // Chunks.
      {"chunk size with 0x", chunked("0x2\r\n{}\r\n0\r\n\r\n")},
      {"chunk size with a plus", chunked("+2\r\n{}\r\n0\r\n\r\n")},
      {"chunk size with a minus", chunked("-2\r\n{}\r\n0\r\n\r\n")},
      {"blank before a chunk size", chunked(" 2\r\n{}\r\n0\r\n\r\n")},
      {"blank behind a chunk size", chunked("2 \r\n{}\r\n0\r\n\r\n")},
      {"no chunk size", chunked("\r\n{}\r\n0\r\n\r\n")},
      {"chunk size with an underscore", chunked("0_2\r\n{}\r\n0\r\n\r\n")},
      {"chunk size beyond 64 bits", chunked("10000000000000002\r\n{}\r\n0\r\n\r\n")},
      {"letters for a chunk size", chunked("xy\r\n{}\r\n0\r\n\r\n")},
      {"bare LF behind a chunk size", chunked("2\n{}\r\n0\r\n\r\n")},
      {"bare CR behind a chunk size", chunked("2\r{}\r\n0\r\n\r\n")},
      {"bare LF behind a chunk", chunked("2\r\n{}\n0\r\n\r\n")},
      {"nothing behind a chunk", chunked("2\r\n{}0\r\n\r\n")},
      {"too much behind a chunk", chunked("2\r\n{}}\r\n0\r\n\r\n")},
      {"bare LF in an extension", chunked("2;a\nb\r\n{}\r\n0\r\n\r\n")},
      {"bare LF in a quoted extension", chunked("2;a=\"\n\"\r\n{}\r\n0\r\n\r\n")},
      {"bare CR in a quoted extension", chunked("2;a=\"\r\"\r\n{}\r\n0\r\n\r\n")},
      {"NUL in a quoted extension", chunked("2;a=\"\0\"\r\n{}\r\n0\r\n\r\n"s)},
      {"extension without a name", chunked("2;\r\n{}\r\n0\r\n\r\n")},
      {"extension without a semicolon", chunked("2 a=b\r\n{}\r\n0\r\n\r\n")},
      {"bare LF behind the last chunk", chunked("0\n\n")},
      {"bare LF in an extension of the last chunk", chunked("0;a=\"\n\"\r\n\r\n")},
      {"LF for the end of the trailers", chunked("0\r\n\n")},
      {"folded trailer", chunked("0\r\nX: 1\r\n 2\r\n\r\n")},
      {"blank before a trailer's colon", chunked("0\r\nX : 1\r\n\r\n")},
      {"trailer without a colon", chunked("0\r\nX\r\n\r\n")},
      {"NUL in a trailer", chunked("0\r\nX: \0\r\n\r\n"s)},
      {"length in a trailer", chunked("0\r\nContent-Length: 5\r\n\r\n")},
      {"coding in a trailer", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n")},
      {"Host in a trailer", chunked("0\r\nHost: x\r\n\r\n")},
      {"condition in a trailer", chunked("0\r\nIf-Match: 1\r\n\r\n")},
      {"connection in a trailer", chunked("0\r\nConnection: keep-alive\r\n\r\n")},
      // Bodies.
      {"body that is no gzip", with_host("Content-Encoding: gzip\r\nContent-Length: 2\r\n") + "{}"},
  };
}

std::vector<Case> taken() {
  return {
      {"plain", with_host("")},
      {"Host with a port", get("Host: localhost:9200\r\n")},
      {"Host of version 6", get("Host: [::1]:9200\r\n")},
      {"empty Host", get("Host:\r\n")},
      {"Host in capitals without a blank", get("HOST:x\r\n")},
      {"1.0 without Host", "GET /i/_doc/zz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
      {"empty lines before", "\r\n\r\n" + with_host("")},
      {"no value", with_host("X-A:\r\n")},
      {"blanks and tabs around a value", with_host("X-A: \t 1 \t\r\n")},
      {"bytes beyond ASCII in a value", with_host("X-A: \xc3\xa4\r\n")},
      {"length of nothing", with_host("Content-Length: 0\r\n")},
      {"length with blanks around", with_host("Content-Length: \t2 \r\n") + "{}"},
      {"length with zeros before", with_host("Content-Length: 0002\r\n") + "{}"},
      {"empty segments", line("GET //i//_doc/zz HTTP/1.1")},
      {"chunks", chunked("2\r\n{}\r\n0\r\n\r\n")},
      {"coding in capitals", with_host("Transfer-Encoding: CHUNKED\r\n") + "0\r\n\r\n"},
      {"no data", chunked("0\r\n\r\n")},
      {"many zeros", chunked("000\r\n\r\n")},
      {"sizes in capitals with zeros before", chunked("000A\r\n{        }\r\n00\r\n\r\n")},
      {"extensions", chunked("2;a;b=c;d=\"e f\"\r\n{}\r\n0;x=y\r\n\r\n")},
      {"blanks around an extension", chunked("2 ; a = b\r\n{}\r\n0\r\n\r\n")},
      {"trailers", chunked("2\r\n{}\r\n0\r\nX-Sum: 1\r\nX-Other:\r\n\r\n")},
  };
}

class HttpFramingTest : public ::testing::Test {
 protected:
  HttpFramingTest() : server_({.port = 0, .threads = 1}, [this] { return std::make_unique<RestHandler>(node_); }) {
    server_.start();
    EXPECT_EQ(connect().ask("PUT", "/i/_doc/victim", "{}").status, 201);
  }
  [[nodiscard]] HttpClient connect() const { return HttpClient(server_.port()); }

  Node node_{{.make_table = [](const TableOptions& options) { return make_table("packed_cas", options); }}};
  HttpServer server_;
};

TEST_F(HttpFramingTest, what_can_be_framed_in_two_ways_is_refused_and_nothing_behind_it_is_a_request) {
  for (const auto& [name, bytes] : refused()) {
    SCOPED_TRACE(name);
    HttpClient client = connect();
    client.send(bytes + std::string(kSmuggled));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400) << answer->body;
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(connect().ask("GET", "/i/_doc/victim").status, 200);
  }
}

TEST_F(HttpFramingTest, what_the_rfc_allows_is_answered_and_the_connection_goes_on) {
  for (const auto& [name, bytes] : taken()) {
    SCOPED_TRACE(name);
    HttpClient client = connect();
    client.send(bytes);
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    // Whatever the API says of it.
    EXPECT_THAT(answer->headers, Not(Contains(Pair("connection", "close")))) << answer->body;
    EXPECT_EQ(client.ask("GET", "/i/_doc/victim").status, 200);
  }
}

/// An exchange without a socket, and what it answers to bytes that come in pieces.
struct Peer {
  std::string answers(std::string_view bytes, std::size_t piece) {
    std::string out;
    for (; !bytes.empty() && !exchange.closing(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      exchange.receive(bytes.substr(0, piece), out);
    }
    return out;
  }
  struct Counts final : RequestHandler {
    void answer(const Request& request, Response& response) override {
      response.body = std::to_string(request.body.size());
    }
  };
  Counts handler;
  ExchangeScratch scratch;
  HttpLimits limits;
  BodyBudget budget{std::size_t{2} << 20};
  HttpExchange exchange{handler, scratch, limits, budget};
};

TEST(HttpExchangeFramingTest, refusals_do_not_depend_on_how_the_bytes_arrive) {
  for (const auto& [name, bytes] : refused()) {
    SCOPED_TRACE(name);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, bytes.size()}) {
      Peer peer;
      const std::string out = peer.answers(bytes + std::string(kSmuggled), piece);
      EXPECT_THAT(out, StartsWith("HTTP/1.1 400 "));
      EXPECT_EQ(peer.exchange.answered(), 1U);
      EXPECT_TRUE(peer.exchange.closing());
    }
  }
}

TEST(HttpExchangeFramingTest, requests_do_not_depend_on_how_the_bytes_arrive) {
  for (const auto& [name, bytes] : taken()) {
    SCOPED_TRACE(name);
    const std::string whole = Peer().answers(bytes, bytes.size());
    EXPECT_THAT(whole, StartsWith("HTTP/1.1 200 "));
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}}) EXPECT_EQ(Peer().answers(bytes, piece), whole);
  }
}

TEST(HttpExchangeFramingTest, number_of_header_lines_has_a_limit) {
  std::string lines = "Host: x\r\n";
  for (int i = 1; i < 100; ++i) lines += "X:\r\n";
  EXPECT_THAT(Peer().answers(get(lines), 10'000), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Peer().answers(get(lines + "X:\r\n"), 10'000), HasSubstr("HTTP header has more than 100 lines."));
}

std::string compressed(std::string_view text) {
  Deflater deflater;
  return std::string(deflater.gzip(text));
}

std::string compressed_request(const std::string& body, const std::string& coding = "gzip") {
  return "PUT /i/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Encoding: " + coding +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(ContentCodingTest, compressed_body_is_read_in_any_pieces) {
  const std::string text(100'000, 'x');
  const std::string two = compressed(text) + compressed("yz");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, std::size_t{100'000}}) {
    EXPECT_THAT(Peer().answers(compressed_request(compressed(text)), piece), HasSubstr("\r\n\r\n100000"));
    EXPECT_THAT(Peer().answers(compressed_request(two, "x-GZIP"), piece), HasSubstr("\r\n\r\n100002"));
  }
  EXPECT_THAT(Peer().answers(compressed_request("{}", "identity"), 1'000), HasSubstr("\r\n\r\n2"));
  EXPECT_THAT(Peer().answers(compressed_request("", "gzip"), 1'000), HasSubstr("\r\n\r\n0"));
}

TEST(ContentCodingTest, body_that_is_not_what_it_says_is_refused) {
  const std::string whole = compressed(R"({"a":1})");
  for (const std::string& body : {whole.substr(0, whole.size() - 1), whole + "x", "x" + whole, std::string("{}"),
                                  whole.substr(0, 5), whole.substr(0, whole.size() - 8) + "12345678"}) {
    EXPECT_THAT(Peer().answers(compressed_request(body), 10'000), StartsWith("HTTP/1.1 400 "));
  }
  for (const char* coding : {"br", "gzip, gzip", "compress", "gzip;q=1"}) {
    EXPECT_THAT(Peer().answers(compressed_request(whole, coding), 10'000), StartsWith("HTTP/1.1 415 ")) << coding;
  }
}

/// 64 MiB of nothing in 64 KiB. The peer's budget has room for the limit and a step more: a body that went on growing
/// would be answered 429.
TEST(ContentCodingTest, bomb_is_answered_413_within_the_memory_of_the_limit) {
  Peer peer;
  peer.limits.content_bytes = std::size_t{1} << 20;
  const std::string out = peer.answers(compressed_request(compressed(std::string(std::size_t{64} << 20, ' '))), 4'096);
  EXPECT_THAT(out, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(out, HasSubstr("decompressed, is larger than 1048576 bytes"));
  EXPECT_TRUE(peer.exchange.closing());
  EXPECT_TRUE(peer.budget.take(std::size_t{2} << 20));
}

TEST_F(HttpFramingTest, large_answer_is_compressed_for_whoever_accepts_it) {
  HttpClient client = connect();
  const std::string body = R"({"a":")" + std::string(10'000, 'x') + R"("})";
  client.send(compressed_request(compressed(body)));
  EXPECT_EQ(client.receive()->status, 201);
  EXPECT_EQ(client.ask("GET", "/i/_source/1").body, body);
  for (const char* accepted : {"gzip", "deflate, GZIP;q=0.5", "*", "x-gzip"}) {
    const Response answer = client.ask("GET", "/i/_source/1", {}, {{"Accept-Encoding", accepted}});
    EXPECT_EQ(*find_header({.headers = answer.headers}, "content-encoding"), "gzip") << accepted;
    EXPECT_LT(answer.body.size(), 200U);
    std::string text;
    Inflater inflater;
    inflater.read(answer.body, [&](std::string_view part) {
      text += part;
      return true;
    });
    EXPECT_EQ(text, body);
  }
  for (const char* accepted : {"identity", "gzip;q=0", "gzip;q=0.000, *", "br", ""}) {
    EXPECT_EQ(client.ask("GET", "/i/_source/1", {}, {{"Accept-Encoding", accepted}}).body, body) << accepted;
  }
  // What fits a packet stays as it is.
  EXPECT_EQ(client.ask("GET", "/i/_source/victim", {}, {{"Accept-Encoding", "gzip"}}).body, "{}");
}

}  // namespace
}  // namespace occ
