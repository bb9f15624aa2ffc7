#include "harness/http/content_coding.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

#include "harness/rest/rest_request.hpp"

namespace occ {
namespace {

/// Window of 32 KiB; with 32 gzip and zlib are told apart by what they begin with, with 16 gzip is written.
constexpr int kWindowBits = 15;
constexpr int kReadEither = kWindowBits + 32;
constexpr int kWriteGzip = kWindowBits + 16;
constexpr int kLevel = 3;
constexpr int kMemoryLevel = 8;  // zlib's default
/// zlib counts in unsigned int.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib does not write there
}

/// The weight of one element of Accept-Encoding is 0: "gzip;q=0.000".
bool is_refused(std::string_view parameters) {
  const auto equals = parameters.find('=');
  if (equals == parameters.npos) return false;
  return without_blanks(parameters.substr(equals + 1)).find_first_not_of("0.") == parameters.npos;
}

}  // namespace

struct Inflater::Stream {
  z_stream z{};
  bool at_end = false;  ///< of a member
};

bool is_known_coding(std::string_view coding) noexcept {
  return std::ranges::any_of(std::array<std::string_view, 4>{"gzip", "x-gzip", "deflate", "x-deflate"},
                             [coding](std::string_view known) { return same_but_for_case(coding, known); });
}

Inflater::Inflater() : stream_(std::make_unique<Stream>()) {
  if (inflateInit2(&stream_->z, kReadEither) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() {
  inflateEnd(&stream_->z);
}

void Inflater::read(std::string_view bytes, FunctionRef<bool(std::string_view)> take) {
  z_stream& z = stream_->z;
  std::array<char, 16'384> out;
  while (!bytes.empty()) {
    if (stream_->at_end) {
      // Another member may follow (RFC 1952, 2.2).
      if (inflateReset(&z) != Z_OK) throw NotCompressed("the body cannot be decompressed");
      stream_->at_end = false;
    }
    const std::string_view now = bytes.substr(0, kMostAtOnce);
    z.next_in = bytes_of(now);
    z.avail_in = static_cast<uInt>(now.size());
    do {
      z.next_out = reinterpret_cast<Bytef*>(out.data());
      z.avail_out = static_cast<uInt>(out.size());
      const int result = inflate(&z, Z_NO_FLUSH);
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        throw NotCompressed(z.msg ? z.msg : "a preset dictionary is asked for");
      }
      stream_->at_end = result == Z_STREAM_END;
      const std::size_t size = out.size() - z.avail_out;
      if (size > 0 && !take({out.data(), size})) return;
    } while (!stream_->at_end && z.avail_out == 0);
    bytes.remove_prefix(now.size() - z.avail_in);
  }
}

void Inflater::finish() const {
  if (!stream_->at_end) throw NotCompressed("it ends before its end");
}

bool accepts_gzip(std::string_view accept_encoding) noexcept {
  bool any = false;
  bool named = false;
  bool accepted = false;
  while (!accept_encoding.empty()) {
    const auto comma = accept_encoding.find(',');
    const std::string_view element = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == accept_encoding.npos ? accept_encoding.size() : comma + 1);
    const auto semicolon = element.find(';');
    const std::string_view coding = without_blanks(element.substr(0, semicolon));
    const bool refused = semicolon != element.npos && is_refused(element.substr(semicolon + 1));
    if (same_but_for_case(coding, "gzip") || same_but_for_case(coding, "x-gzip")) {
      named = true;
      accepted = !refused;
    } else if (coding == "*") {
      any = !refused;
    }
  }
  return named ? accepted : any;
}

struct Deflater::Stream {
  z_stream z{};
};

Deflater::Deflater() = default;

Deflater::~Deflater() {
  if (stream_) deflateEnd(&stream_->z);
}

std::string_view Deflater::gzip(std::string_view text) {
  if (!stream_) {
    auto stream = std::make_unique<Stream>();
    if (deflateInit2(&stream->z, kLevel, Z_DEFLATED, kWriteGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
    stream_ = std::move(stream);
  } else {
    deflateReset(&stream_->z);
  }
  z_stream& z = stream_->z;
  out_.clear();
  std::array<char, 16'384> piece;
  do {
    const std::string_view now = text.substr(0, kMostAtOnce);
    text.remove_prefix(now.size());
    z.next_in = bytes_of(now);
    z.avail_in = static_cast<uInt>(now.size());
    do {
      z.next_out = reinterpret_cast<Bytef*>(piece.data());
      z.avail_out = static_cast<uInt>(piece.size());
      deflate(&z, text.empty() ? Z_FINISH : Z_NO_FLUSH);
      out_.append(piece.data(), piece.size() - z.avail_out);
    } while (z.avail_out == 0);
  } while (!text.empty());
  return out_;
}

}  // namespace occ
