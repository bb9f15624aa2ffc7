#pragma once

#include <atomic>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/http/content_coding.hpp"
#include "harness/rest/rest_response.hpp"

namespace occ {

/// What answers the requests of one thread.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  virtual void answer(const Request& request, Response& response) = 0;
  /// Called now and then, whether there are requests or not.
  virtual void tick() {}
};

/// Elasticsearch's defaults: http.max_content_length, http.max_initial_line_length, http.max_header_size. It has no
/// limit on the number of header lines; 100 is that of other servers.
struct HttpLimits {
  std::size_t content_bytes = std::size_t{100} << 20;  ///< of a body as it comes, and of what it is decompressed
  std::size_t initial_line_bytes = 4'096;
  std::size_t header_bytes = 8'192;
  std::size_t header_lines = 100;
};

/// What the exchanges of a thread use in turn.
struct ExchangeScratch {
  Response response;
  Deflater deflater;
};

/// Memory for the bodies that are under way, of all connections together. Small ones are not counted. Thread-safe.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes) : left_(static_cast<std::int64_t>(bytes)) {}
  bool take(std::size_t bytes) noexcept {
    // relaxed: a count, it carries nothing.
    if (left_.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed) >=
        static_cast<std::int64_t>(bytes)) {
      return true;
    }
    give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) noexcept {
    left_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);  // relaxed: as above
  }

 private:
  std::atomic<std::int64_t> left_;
};

/// The HTTP/1.1 of one connection without its socket: bytes in, bytes out. Requests are answered in the order in which
/// they come, as soon as they are complete; bytes that are no HTTP are answered with 400, bodies and heads beyond the
/// limits with 413 and 400, and then the connection is to be closed. So are bytes that another reader could understand
/// differently (http_framing.hpp): nothing behind them is read as a request.
///
/// A compressed body is decompressed while it arrives. An answer is compressed for whoever accepts gzip if it has
/// kLeastCompressed bytes: one of less takes one packet either way.
///
/// Memory: what a request needs while it arrives; some hundred bytes in between. At most one read more than an answer
/// or kPauseBytes is ever appended to `out` by one call.
class HttpExchange {
 public:
  /// All must outlive the exchange. `scratch` is for use during calls and may be shared by the exchanges of a thread.
  HttpExchange(RequestHandler& handler, ExchangeScratch& scratch, const HttpLimits& limits, BodyBudget& budget);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  /// Takes bytes as they arrive and appends answers to `out`. Not while paused().
  void receive(std::string_view bytes, std::string& out);
  /// Goes on where receive stopped because `out` had grown large: to be called when `out` has been sent.
  void resume(std::string& out);
  /// More answers than kPauseBytes are owed: send, then resume.
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  static constexpr std::size_t kPauseBytes = std::size_t{1} << 20;
  static constexpr std::size_t kLeastCompressed = 1'400;

  /// Nothing of a request has arrived.
  [[nodiscard]] bool idle() const noexcept { return !parser_ && pending_.empty(); }
  /// Nothing more is answered: the connection is to be closed once `out` is sent.
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  /// How many requests were answered.
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }

  /// The next answer is the last one.
  void finish_soon() noexcept { last_ = true; }
  /// Answers a request that did not arrive in time (408).
  void time_out(std::string& out);

 private:
  class Parser;

  /// Takes from the front of `bytes` what it can.
  void consume(std::string_view& bytes, std::string& out);
  /// Skips empty lines before a request. False if there is nothing to parse yet.
  [[nodiscard]] bool begin_request(std::string_view& bytes, std::string& out);
  /// Judges the head at the front of `bytes`. False if it has not arrived whole, or is refused.
  [[nodiscard]] bool judge_head(std::string_view bytes, std::string& out);
  /// Gives the parser what it can use of `bytes`. False if more is needed.
  [[nodiscard]] bool parse(std::string_view& bytes, std::string& out);
  void head_arrived(std::string& out);
  void refuse_for(const boost::system::error_code& error, std::string& out);
  void refuse_framing(std::string_view fault, std::string& out);
  void keep(std::string_view rest);
  void answer(std::string& out);
  void refuse(int status, std::string_view type, std::string reason, std::string& out);
  void write_response(bool keep_alive, std::string& out);
  /// False, and the body is over a limit.
  [[nodiscard]] bool add_to_body(std::string_view bytes);
  void forget_request() noexcept;

  RequestHandler& handler_;
  Response& response_;
  Deflater& deflater_;
  const HttpLimits& limits_;
  BodyBudget& budget_;
  std::unique_ptr<Parser> parser_;  ///< of the request that is arriving
  Request request_;
  std::string target_;
  std::string pending_;  ///< bytes that the parser has not taken
  std::size_t taken_from_budget_ = 0;
  std::uint64_t answered_ = 0;
  bool paused_ = false;
  bool last_ = false;
  bool closing_ = false;
};

}  // namespace occ
