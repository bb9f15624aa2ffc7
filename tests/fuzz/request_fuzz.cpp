/// Any bytes as what a connection brings: parser, routes, answers, without a socket. Whatever arrives, and in whatever
/// pieces, the answers are well-formed HTTP with JSON in it, and do not depend on the pieces, but for the one thing that
/// may: how soon a head that is not complete yet is seen to be none.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/clock.hpp"
#include "harness/http/http_exchange.hpp"
#include "harness/http/rest_handler.hpp"
#include "tests/fuzz/require.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

/// A node and one connection to it.
class Peer {
 public:
  explicit Peer(Compatibility compatibility)
      : node_({.make_table = [](const TableOptions& table) { return make_table("packed_cas", table); },
               .compatibility = compatibility,
               .clock = &clock_,
               .manual_clock = &clock_}) {}

  /// What is sent for `bytes` that arrive `piece` at a time.
  std::string answers(std::string_view bytes, std::size_t piece) {
    std::string out;
    while (!bytes.empty() && !exchange_.closing()) {
      exchange_.receive(bytes.substr(0, piece), out);
      while (exchange_.paused() && !exchange_.closing()) exchange_.resume(out);
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    require(exchange_.idle() || !exchange_.closing(), "a request that is kept after the last answer");
    return out;
  }

 private:
  ManualClock clock_;
  Node node_;
  RestHandler handler_{node_};
  ExchangeScratch scratch_;
  // Small, so that they are reached.
  HttpLimits limits_{.content_bytes = 4'096, .initial_line_bytes = 512, .header_bytes = 1'024};
  BodyBudget budget_{std::size_t{1} << 20};
  HttpExchange exchange_{handler_, scratch_, limits_, budget_};
};

/// Each answer in turn: a status line, headers, a length that holds, and JSON.
void check_answers(std::string_view out) {
  while (!out.empty()) {
    require(out.starts_with("HTTP/1.1 "), "an answer without a status line");
    const auto end = out.find("\r\n\r\n");
    require(end != out.npos, "a head without an end");
    const std::string_view head = out.substr(0, end + 2);
    out.remove_prefix(end + 4);
    int status = 0;
    std::from_chars(head.data() + 9, head.data() + 12, status);
    if (status == 100) continue;
    require(status >= 200 && status <= 599, "a status that is none");
    require(head.find("X-elastic-product: Elasticsearch\r\n") != head.npos, "an answer of nobody");
    constexpr std::string_view kLength = "\r\ncontent-length: ";
    const auto at = head.find(kLength);
    require(at != head.npos, "an answer without a length");
    std::size_t length = 0;
    std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), length);
    // The answer to a HEAD has the length of what GET would bring, and nothing behind it.
    if (length == 0 || out.empty() || out.starts_with("HTTP/1.1 ")) continue;
    require(out.size() >= length, "an answer shorter than it says");
    const bool is_gzip = head.find("\r\ncontent-encoding: gzip\r\n") != head.npos;
    require(is_gzip || !parse_checked(out.substr(0, length)).is_discarded(), "an answer that is not JSON");
    out.remove_prefix(length);
  }
}

/// Without the refusal that such a head may have been answered with.
std::string_view answered(std::string_view out) {
  const auto last = out.rfind("HTTP/1.1 400 Bad Request\r\n");
  if (last == out.npos) return out;
  std::string_view body = out.substr(last);
  body.remove_prefix(body.find("\r\n\r\n") + 4);
  const bool of_head =
      body.starts_with(R"({"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"malformed HTTP)") ||
      body.starts_with(R"({"error":{"root_cause":[{"type":"too_long_frame_exception")");
  return of_head ? out.substr(0, last) : out;
}

void check(std::string_view bytes) {
  for (const auto compatibility : {Compatibility::v7, Compatibility::v6, Compatibility::v8}) {
    const std::string whole = Peer(compatibility).answers(bytes, bytes.size());
    check_answers(whole);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
      const std::string cut = Peer(compatibility).answers(bytes, piece);
      require(answered(cut) == answered(whole), "answers that depend on how the bytes arrive");
    }
  }
}

}  // namespace
}  // namespace occ

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) occ::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
