#include "harness/http/http_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <exception>
#include <new>
#include <utility>

#include "harness/rest/rest_failure.hpp"

namespace occ {
namespace {

namespace http = boost::beast::http;

/// Bodies up to here are not counted against the budget; beyond, it is taken in steps of this size.
constexpr std::size_t kBudgetStep = std::size_t{256} << 10;
/// What an idle connection may keep.
constexpr std::size_t kKeptBytes = std::size_t{4} << 10;

void release_if_large(std::string& text) {
  text.clear();
  if (text.capacity() > kKeptBytes) text.shrink_to_fit();
}

}  // namespace

/// Writes what it reads straight into the request of its exchange.
class HttpExchange::Parser final : public http::basic_parser<true> {
 public:
  explicit Parser(HttpExchange& exchange) : exchange_(exchange) {
    body_limit(exchange.limits_.content_bytes);
    header_limit(static_cast<std::uint32_t>(exchange.limits_.initial_line_bytes + exchange.limits_.header_bytes));
  }

  int version = 11;
  bool header_seen = false;
  bool line_too_long = false;
  bool over_budget = false;
  std::string expect;

 private:
  using Text = boost::beast::string_view;
  using ErrorCode = boost::beast::error_code;

  static std::string_view view(Text text) { return {text.data(), text.size()}; }

  void on_request_impl(http::verb /*verb*/, Text method, Text target, int number, ErrorCode& error) override {
    version = number;
    constexpr std::size_t kVersionAndSpaces = 10;  // " HTTP/1.1" and a space
    if (method.size() + target.size() + kVersionAndSpaces > exchange_.limits_.initial_line_bytes) {
      line_too_long = true;
      error = http::error::header_limit;
      return;
    }
    exchange_.request_.method.assign(method.data(), method.size());
    exchange_.target_.assign(target.data(), target.size());
  }
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_field_impl(http::field name, Text name_text, Text value, ErrorCode&) override {
    if (name == http::field::expect) {
      expect = view(value);
    } else if (name == http::field::content_type || name == http::field::accept || name == http::field::if_match ||
               same_but_for_case(view(name_text), "x-opaque-id")) {
      exchange_.request_.headers.emplace_back(view(name_text), view(value));
    }
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(Text body, ErrorCode& error) override { return take(body, error); }
  void on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, ErrorCode& error) override { return take(body, error); }
  void on_finish_impl(ErrorCode&) override {}

  std::size_t take(Text body, ErrorCode& error) {
    if (!exchange_.add_to_body(view(body))) {
      over_budget = true;
      error = http::error::body_limit;
    }
    return body.size();
  }

  HttpExchange& exchange_;
};

HttpExchange::HttpExchange(RequestHandler& handler, Response& scratch, const HttpLimits& limits, BodyBudget& budget)
    : handler_(handler), response_(scratch), limits_(limits), budget_(budget) {}

HttpExchange::~HttpExchange() {
  budget_.give_back(taken_from_budget_);
}

void HttpExchange::receive(std::string_view bytes, std::string& out) {
  if (closing_) return;
  if (pending_.empty()) {
    consume(bytes, out);
    keep(bytes);
  } else {
    pending_.append(bytes);
    resume(out);
  }
}

void HttpExchange::resume(std::string& out) {
  std::string_view bytes = pending_;
  consume(bytes, out);
  pending_.erase(0, pending_.size() - bytes.size());
  keep({});
}

void HttpExchange::keep(std::string_view rest) {
  pending_.append(rest);
  if (pending_.empty()) release_if_large(pending_);
}

void HttpExchange::consume(std::string_view& bytes, std::string& out) {
  paused_ = false;
  const std::size_t before = out.size();
  while (!bytes.empty() && !closing_) {
    if (out.size() - before >= kPauseBytes) {
      paused_ = true;
      return;
    }
    if (!parser_) {
      // An empty line before a request is to be forgiven (RFC 9112, 2.2).
      bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
      if (bytes.empty()) return;
      parser_ = std::make_unique<Parser>(*this);
    }
    // Fewer bytes never end a chunked body, and Beast 1.81 asserts that there are as many.
    constexpr std::size_t kLeastEnd = std::string_view("0\r\n\r\n").size();
    if (parser_->header_seen && parser_->chunked() && bytes.size() < kLeastEnd) return;
    boost::beast::error_code error;
    const std::size_t used = parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(used);
    if (error == http::error::need_more) {
      // A head has its own limit; what is longer is a chunk's header or a trailer without end.
      if (bytes.size() > limits_.initial_line_bytes + limits_.header_bytes) {
        refuse(400, "too_long_frame_exception",
               fmt::format("HTTP header is larger than {} bytes.", limits_.header_bytes), out);
      }
      return;
    }
    if (error == http::error::header_limit) {
      refuse(400, "too_long_frame_exception",
             parser_->line_too_long ? fmt::format("An HTTP line is larger than {} bytes.", limits_.initial_line_bytes)
                                    : fmt::format("HTTP header is larger than {} bytes.", limits_.header_bytes),
             out);
    } else if (error == http::error::body_limit && parser_->over_budget) {
      refuse(429, "circuit_breaking_exception",
             "[in_flight_requests] Data too large: the bodies that are arriving take all the memory there is for them",
             out);
    } else if (error == http::error::body_limit) {
      refuse(413, "content_too_long_exception",
             fmt::format("the request's body is larger than {} bytes (http.max_content_length)", limits_.content_bytes),
             out);
    } else if (error) {
      refuse(400, "illegal_argument_exception", fmt::format("malformed HTTP request: {}", error.message()), out);
    } else if (parser_->is_header_done() && !parser_->header_seen) {
      parser_->header_seen = true;
      parser_->eager(true);
      if (!parser_->expect.empty() && !same_but_for_case(parser_->expect, "100-continue")) {
        refuse(417, "illegal_argument_exception", fmt::format("Expect header [{}] is not supported", parser_->expect),
               out);
      } else if (!parser_->expect.empty() && !parser_->is_done() && parser_->version >= 11) {
        out += "HTTP/1.1 100 Continue\r\n\r\n";
      }
    }
    if (!closing_ && parser_->is_done()) answer(out);
  }
  if (closing_) bytes = {};
}

bool HttpExchange::add_to_body(std::string_view bytes) {
  const std::size_t size = request_.body.size() + bytes.size();
  while (size > kBudgetStep + taken_from_budget_) {
    if (!budget_.take(kBudgetStep)) return false;
    taken_from_budget_ += kBudgetStep;
  }
  request_.body.append(bytes);
  return true;
}

void HttpExchange::forget_request() noexcept {
  parser_.reset();
  request_.headers.clear();
  release_if_large(request_.body);
  budget_.give_back(std::exchange(taken_from_budget_, 0));
}

void HttpExchange::answer(std::string& out) {
  response_.clear();
  try {
    read_target(request_, target_);
    handler_.answer(request_, response_);
  } catch (const MalformedRequest& malformed) {
    response_.clear();
    respond(response_, illegal_argument(malformed.what()));
  } catch (const std::bad_alloc&) {
    response_.clear();
    respond(response_, failure(503, "circuit_breaking_exception", "there is not enough memory for this request"));
  } catch (const std::exception& error) {
    response_.clear();
    respond(response_, failure(500, "illegal_state_exception", error.what()));
  }
  if (request_.method == "HEAD") response_.has_body = false;
  ++answered_;
  write_response(parser_->keep_alive() && !last_, out);
  forget_request();
}

void HttpExchange::refuse(int status, std::string_view type, std::string reason, std::string& out) {
  response_.clear();
  respond(response_, failure(status, type, std::move(reason)));
  ++answered_;
  write_response(false, out);
  forget_request();
}

void HttpExchange::time_out(std::string& out) {
  refuse(408, "timeout_exception", "the request did not arrive in time", out);
  pending_.clear();
  paused_ = false;
}

void HttpExchange::write_response(bool keep_alive, std::string& out) {
  const auto append_header = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  out += "HTTP/1.1 ";
  append_number(out, response_.status);
  out.append(" ").append(status_text(response_.status)).append("\r\n");
  // Official clients refuse to talk to a server that does not say it.
  append_header("X-elastic-product", "Elasticsearch");
  for (const auto& [name, value] : response_.headers) append_header(name, value);
  if (!keep_alive) {
    append_header("connection", "close");
    closing_ = true;
  } else if (parser_->version < 11) {
    append_header("connection", "keep-alive");
  }
  if (!response_.body.empty()) append_header("content-type", response_.content_type);
  out += "content-length: ";
  append_number(out, static_cast<std::int64_t>(response_.body.size()));
  out += "\r\n\r\n";
  out += response_.text();
  if (response_.body.capacity() > kPauseBytes) release_if_large(response_.body);
}

}  // namespace occ
