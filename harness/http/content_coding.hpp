#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/build/function_ref.hpp"

namespace occ {

/// Bytes that are not what their Content-Encoding says.
struct NotCompressed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// True for the codings that Inflater reads: gzip and deflate, with or without `x-`, in any case (RFC 9110, 8.4.1).
[[nodiscard]] bool is_known_coding(std::string_view coding) noexcept;

/// Reads a compressed body while it arrives; gzip of several members too. Memory: 100 KiB.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Gives `take` what `bytes` were, some KiB at a time, until it returns false. Throws NotCompressed.
  void read(std::string_view bytes, FunctionRef<bool(std::string_view)> take);
  /// Throws NotCompressed if the end of the stream is missing.
  void finish() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

/// Whether an answer may be gzip by the value of Accept-Encoding (RFC 9110, 12.5.3).
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding) noexcept;

/// Compresses answers, one after another, at Elasticsearch's level (http.compression_level: 3). Memory: 260 KiB from
/// the first one on.
class Deflater {
 public:
  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// `text` as gzip. Good until the next call. Throws std::bad_alloc.
  [[nodiscard]] std::string_view gzip(std::string_view text);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::string out_;
};

}  // namespace occ
