#include "harness/http/http_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <exception>
#include <new>
#include <utility>

#include "harness/http/http_framing.hpp"
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
    header_limit(static_cast<std::uint32_t>(exchange.limits_.initial_line_bytes + exchange.limits_.header_bytes + 1));
  }

  HeadScan scan;
  int version = 11;
  bool header_seen = false;
  bool accepts_gzip_answer = false;
  std::string expect;
  std::string coding;  ///< Content-Encoding
  /// Why it stopped, where it was not the parser.
  bool over_budget = false;
  bool over_limit = false;
  FramingFault fault;

  /// Takes bytes of `bytes` that belong to the request; how many.
  std::size_t put_checked(std::string_view bytes, boost::beast::error_code& error) {
    unchecked_ = bytes.data();
    const std::size_t used = put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    if (header_seen && chunked()) check_lines_until(bytes.data() + used);
    return used;
  }
  /// The next bytes are a chunk's size or a trailer.
  [[nodiscard]] bool between_chunks() const { return header_seen && chunked() && data_left_ == 0; }
  /// Of a compressed body; throws NotCompressed.
  void finish_body() const {
    if (inflater_) inflater_->finish();
  }

 private:
  using Text = boost::beast::string_view;
  using ErrorCode = boost::beast::error_code;

  static std::string_view view(Text text) { return {text.data(), text.size()}; }

  void on_request_impl(http::verb /*verb*/, Text method, Text target, int number, ErrorCode& /*error*/) override {
    version = number;
    exchange_.request_.method.assign(method.data(), method.size());
    exchange_.target_.assign(target.data(), target.size());
  }
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_field_impl(http::field name, Text name_text, Text value, ErrorCode&) override {
    if (header_seen) return;  // a trailer says nothing that is asked for here
    if (name == http::field::expect) {
      expect = view(value);
    } else if (name == http::field::content_encoding) {
      coding.append(coding.empty() ? "" : ", ").append(view(value));
    } else if (name == http::field::accept_encoding) {
      accepts_gzip_answer = accepts_gzip(view(value));
    } else if (name == http::field::content_type || name == http::field::accept || name == http::field::if_match ||
               (name == http::field::host && asks_for_nodes()) || same_but_for_case(view(name_text), "x-opaque-id")) {
      exchange_.request_.headers.emplace_back(view(name_text), view(value));
    }
  }
  /// Who asks for the nodes is told the address that it came to; to anybody else it would be a text to copy.
  [[nodiscard]] bool asks_for_nodes() const { return exchange_.target_.starts_with("/_nodes"); }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(Text body, ErrorCode& error) override { return take(view(body), error); }
  void on_chunk_header_impl(std::uint64_t size, Text, ErrorCode&) override { data_left_ = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, ErrorCode& error) override {
    check_lines_until(body.data());
    if (fault) {
      error = http::error::bad_chunk;
      return 0;
    }
    unchecked_ = body.data() + body.size();
    data_left_ -= body.size();
    return take(view(body), error);
  }
  void on_finish_impl(ErrorCode&) override {}

  /// What the parser has read between chunks lies between the data that it handed out.
  void check_lines_until(const char* end) {
    const std::string_view lines(unchecked_, static_cast<std::size_t>(end - unchecked_));
    if (!fault && !lines.empty()) fault = fault_of_chunk_lines(lines);
  }

  std::size_t take(std::string_view body, ErrorCode& error) {
    if (coding.empty()) {
      if (!exchange_.add_to_body(body)) error = http::error::body_limit;
    } else {
      if (!inflater_) inflater_ = std::make_unique<Inflater>();
      try {
        inflater_->read(body, [&](std::string_view text) {
          if (exchange_.add_to_body(text)) return true;
          error = http::error::body_limit;
          return false;
        });
      } catch (const NotCompressed& why) {
        fault = fmt::format("the body is not [{}] as its Content-Encoding says: {}", coding, why.what());
        error = http::error::bad_value;
      }
    }
    return body.size();
  }

  HttpExchange& exchange_;
  std::unique_ptr<Inflater> inflater_;
  const char* unchecked_ = nullptr;
  std::uint64_t data_left_ = 0;  ///< of the chunk that is arriving
};

HttpExchange::HttpExchange(RequestHandler& handler, ExchangeScratch& scratch, const HttpLimits& limits,
                           BodyBudget& budget)
    : handler_(handler), response_(scratch.response), deflater_(scratch.deflater), limits_(limits), budget_(budget) {}

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
    if (!parser_ && !begin_request(bytes, out)) break;
    if (!parser_->header_seen && !judge_head(bytes, out)) break;
    if (!parse(bytes, out)) break;
    if (!closing_ && parser_->is_done()) answer(out);
  }
  if (closing_) bytes = {};
}

bool HttpExchange::begin_request(std::string_view& bytes, std::string& out) {
  // An empty line before a request is to be forgiven (RFC 9112, 2.2).
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  if (bytes.empty() || bytes == "\r") return false;
  parser_ = std::make_unique<Parser>(*this);
  if (bytes.front() != '\r' && bytes.front() != '\n') return true;
  refuse_framing(bytes.front() == '\r' ? "a CR without its LF" : "an LF without its CR", out);
  return false;
}

bool HttpExchange::judge_head(std::string_view bytes, std::string& out) {
  HeadScan& scan = parser_->scan;
  scan.look(bytes);
  const std::size_t size = scan.head_size() > 0 ? scan.head_size() : bytes.size();
  const auto too_long = [&](std::string reason) { refuse(400, "too_long_frame_exception", std::move(reason), out); };
  if (scan.first_line_size() > limits_.initial_line_bytes) {
    too_long(fmt::format("An HTTP line is larger than {} bytes.", limits_.initial_line_bytes));
  } else if (size > limits_.initial_line_bytes + limits_.header_bytes) {
    too_long(fmt::format("HTTP header is larger than {} bytes.", limits_.header_bytes));
  } else if (scan.fault()) {
    refuse_framing(*scan.fault(), out);
  } else if (scan.lines() > limits_.header_lines + 1) {
    too_long(fmt::format("HTTP header has more than {} lines.", limits_.header_lines));
  } else if (scan.head_size() > 0) {
    const FramingFault fault = fault_of_head(bytes.substr(0, size));
    if (!fault) return true;
    refuse_framing(*fault, out);
  }
  return false;
}

bool HttpExchange::parse(std::string_view& bytes, std::string& out) {
  // Fewer bytes never end a chunked body, and Beast 1.81 asserts that there are as many.
  constexpr std::size_t kLeastEnd = std::string_view("0\r\n\r\n").size();
  boost::beast::error_code error = http::error::need_more;
  if (!parser_->between_chunks() || bytes.size() >= kLeastEnd) bytes.remove_prefix(parser_->put_checked(bytes, error));
  if (error == http::error::need_more) {
    if (!parser_->fault && parser_->between_chunks()) parser_->fault = fault_of_chunk_lines(bytes);
    if (parser_->fault) {
      refuse_framing(*parser_->fault, out);
    } else if (bytes.size() > limits_.initial_line_bytes + limits_.header_bytes) {
      // A head has its own limit; what is longer is a chunk's header or a trailer without end.
      refuse(400, "too_long_frame_exception", fmt::format("HTTP header is larger than {} bytes.", limits_.header_bytes),
             out);
    }
    return false;
  }
  if (error || parser_->fault) {
    refuse_for(error, out);
  } else if (!parser_->header_seen) {
    head_arrived(out);
  }
  return !closing_;
}

void HttpExchange::head_arrived(std::string& out) {
  parser_->header_seen = true;
  parser_->eager(true);
  const std::string& expect = parser_->expect;
  if (same_but_for_case(parser_->coding, "identity")) parser_->coding.clear();
  if (!expect.empty() && !same_but_for_case(expect, "100-continue")) {
    refuse(417, "illegal_argument_exception", fmt::format("Expect header [{}] is not supported", expect), out);
  } else if (!parser_->coding.empty() && !is_known_coding(parser_->coding)) {
    refuse(415, "illegal_argument_exception",
           fmt::format("Content-Encoding header [{}] is not supported: accepted are gzip and deflate", parser_->coding),
           out);
  } else if (!expect.empty() && !parser_->is_done() && parser_->version >= 11) {
    out += "HTTP/1.1 100 Continue\r\n\r\n";
  }
}

void HttpExchange::refuse_framing(std::string_view fault, std::string& out) {
  refuse(400, "illegal_argument_exception", fmt::format("malformed HTTP request: {}", fault), out);
}

void HttpExchange::refuse_for(const boost::system::error_code& error, std::string& out) {
  if (parser_->fault) {
    refuse_framing(*parser_->fault, out);
  } else if (error == http::error::body_limit && parser_->over_budget) {
    refuse(429, "circuit_breaking_exception",
           "[in_flight_requests] Data too large: the bodies that are arriving take all the memory there is for them",
           out);
  } else if (error == http::error::body_limit) {
    refuse(413, "content_too_long_exception",
           fmt::format("the request's body{} is larger than {} bytes (http.max_content_length)",
                       parser_->over_limit ? ", decompressed," : "", limits_.content_bytes),
           out);
  } else {
    refuse_framing(error.message(), out);
  }
}

bool HttpExchange::add_to_body(std::string_view bytes) {
  const std::size_t size = request_.body.size() + bytes.size();
  if (size > limits_.content_bytes) {
    parser_->over_limit = true;
    return false;
  }
  while (size > kBudgetStep + taken_from_budget_) {
    if (!budget_.take(kBudgetStep)) {
      parser_->over_budget = true;
      return false;
    }
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
    parser_->finish_body();
    read_target(request_, target_);
    handler_.answer(request_, response_);
  } catch (const MalformedRequest& malformed) {
    response_.clear();
    respond(response_, illegal_argument(malformed.what()));
  } catch (const NotCompressed& why) {
    response_.clear();
    respond(response_, illegal_argument(fmt::format("the body is not [{}] as its Content-Encoding says: {}",
                                                    parser_->coding, why.what())));
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
  std::size_t length = response_.body.size();
  std::string_view text = response_.text();
  if (parser_ && parser_->accepts_gzip_answer && text.size() >= kLeastCompressed) {
    text = deflater_.gzip(text);
    length = text.size();
    append_header("content-encoding", "gzip");
  }
  out += "content-length: ";
  append_number(out, static_cast<std::int64_t>(length));
  out += "\r\n\r\n";
  out += text;
  if (response_.body.capacity() > kPauseBytes) release_if_large(response_.body);
}

}  // namespace occ
