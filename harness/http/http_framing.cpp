#include "harness/http/http_framing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>

#include "harness/rest/rest_request.hpp"

namespace occ {
namespace {

/// Ends a check; what() is the fault.
struct Unframed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

/// Takes the first line and its end from the front of `text`.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 2);
  return line;
}

struct Field {
  std::string_view name;
  std::string_view value;
};

/// A header line or a trailer. Throws Unframed.
Field read_field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) throw Unframed("a folded header line");
  const auto colon = line.find(':');
  if (colon == line.npos || colon == 0) throw Unframed("a header line without a name and a colon");
  const std::string_view name = line.substr(0, colon);
  if (name.find_first_of(" \t") != name.npos) throw Unframed("white space in a header's name or before its colon");
  return {name, without_blanks(line.substr(colon + 1))};
}

/// uri-host [ ":" port ] (RFC 9110, 7.2), or nothing. A comma is left out of what RFC 3986 allows: two lines that were
/// joined look so.
bool is_host(std::string_view value) {
  std::string_view port;
  if (value.starts_with('[')) {
    const auto end = value.find(']');
    if (end == value.npos) return false;
    port = value.substr(end + 1);
    value = value.substr(1, end - 1);
    if (value.find_first_not_of("0123456789abcdefABCDEF:.vV") != value.npos || value.empty()) return false;
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const auto colon = value.find(':');
    if (colon != value.npos) port = value.substr(colon);
    value = value.substr(0, colon);
    const auto fits = [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             std::string_view("-._~%!$&'()*+;=").find(c) != std::string_view::npos;
    };
    if (!std::ranges::all_of(value, fits)) return false;
  }
  return port.empty() || std::ranges::all_of(port.substr(1), is_digit);
}

void check_target(std::string_view request_line) {
  const auto begin = request_line.find(' ');
  const auto end = request_line.rfind(' ');
  // Without two blanks it is no request line, which the parser says.
  if (begin == request_line.npos || end == begin) return;
  const std::string_view target = request_line.substr(begin + 1, end - begin - 1);
  if (!target.starts_with('/')) throw Unframed("a target that does not begin with '/'");
  if (target.find('#') != target.npos) throw Unframed("a target with a fragment");
}

void check_head(std::string_view head) {
  const std::string_view request_line = take_line(head);
  check_target(request_line);
  const bool is_1_0 = request_line.ends_with(" HTTP/1.0");
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;
  while (!head.empty()) {
    const std::string_view line = take_line(head);
    if (line.empty()) break;
    const auto [name, value] = read_field(line);
    if (same_but_for_case(name, "host")) {
      ++hosts;
      if (!is_host(value)) throw Unframed(fmt::format("Host [{}] is not a host with or without a port", value));
    } else if (same_but_for_case(name, "content-length")) {
      ++lengths;
      std::uint64_t length = 0;
      const auto [at, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (value.empty() || error != std::errc{} || at != value.data() + value.size()) {
        throw Unframed(fmt::format("Content-Length [{}] is not a number of decimal digits", value));
      }
    } else if (same_but_for_case(name, "transfer-encoding")) {
      ++encodings;
      if (!same_but_for_case(value, "chunked")) {
        throw Unframed(fmt::format("Transfer-Encoding [{}]: only [chunked] is known here", value));
      }
    }
  }
  if (lengths > 1) throw Unframed("Content-Length more than once");
  if (encodings > 1) throw Unframed("Transfer-Encoding more than once");
  if (encodings > 0 && lengths > 0) throw Unframed("Transfer-Encoding and Content-Length");
  if (encodings > 0 && is_1_0) throw Unframed("Transfer-Encoding in HTTP/1.0");
  if (hosts > 1) throw Unframed("Host more than once");
  if (hosts == 0 && !is_1_0) throw Unframed("Host is missing");
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// True if it is that of the last chunk.
bool check_size_line(std::string_view line) {
  const std::string_view size = line.substr(0, line.find_first_of("; \t"));
  if (size.empty() || !std::ranges::all_of(size, is_hex_digit)) {
    throw Unframed(fmt::format("[{}] is not a chunk's size", size));
  }
  return size.find_first_not_of('0') == size.npos;
}

/// Names that would frame, route or change a message that has been judged by its head.
constexpr std::string_view kNoTrailers[] = {"authorization",  "connection",   "content-encoding",
                                            "content-length", "content-type", "expect",
                                            "host",           "if-match",     "transfer-encoding"};

void check_chunk_lines(std::string_view lines) {
  HeadScan scan;
  scan.look(lines);
  if (scan.fault()) throw Unframed(*scan.fault());
  bool is_last = false;
  while (lines.find("\r\n") != lines.npos) {
    const std::string_view line = take_line(lines);
    // The end of the data before, or of the trailers.
    if (line.empty()) continue;
    if (!is_last) {
      is_last = check_size_line(line);
      continue;
    }
    const Field field = read_field(line);
    if (std::ranges::any_of(kNoTrailers, [&](auto name) { return same_but_for_case(name, field.name); })) {
      throw Unframed(fmt::format("[{}] in a trailer", field.name));
    }
  }
}

template <class F>
FramingFault fault_of(F&& check) {
  try {
    check();
  } catch (const Unframed& why) {
    return why.what();
  }
  return std::nullopt;
}

}  // namespace

void HeadScan::look(std::string_view arrived) {
  while (at_ < arrived.size() && !fault_ && head_size_ == 0) {
    const char c = arrived[at_];
    if (c == '\r') {
      if (at_ + 1 == arrived.size()) return;
      if (arrived[at_ + 1] != '\n') {
        fault_ = "a CR without its LF";
        return;
      }
      if (!first_line_size_) first_line_size_ = at_;
      const bool is_empty = at_ == line_begin_;
      at_ += 2;
      line_begin_ = at_;
      if (is_empty && lines_ > 0) {
        head_size_ = at_;
        return;
      }
      ++lines_;
    } else if (c == '\n') {
      fault_ = "an LF without its CR";
    } else if (is_control(c)) {
      fault_ = "a control character";
    } else {
      ++at_;
    }
  }
}

FramingFault fault_of_head(std::string_view head) {
  return fault_of([head] { check_head(head); });
}

FramingFault fault_of_chunk_lines(std::string_view lines) {
  return fault_of([lines] { check_chunk_lines(lines); });
}

}  // namespace occ
