#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace occ {

/// What is wrong with a request's framing; the text of a 400 after which the connection is closed.
using FramingFault = std::optional<std::string>;

/// Finds the end of a request's head while it arrives, and refuses at once what may end a line for one reader and not
/// for another: a bare CR, a bare LF, and any control character but the tab (RFC 9112, 2.2; RFC 9110, 5.5).
class HeadScan {
 public:
  /// Goes on behind what it has seen. `arrived` is all of the request that has, from its first byte.
  void look(std::string_view arrived);

  /// The head's size with the empty line at its end; 0 while that has not arrived.
  [[nodiscard]] std::size_t head_size() const noexcept { return head_size_; }
  [[nodiscard]] const FramingFault& fault() const noexcept { return fault_; }
  /// The size of the request line without its end, or what has arrived of it.
  [[nodiscard]] std::size_t first_line_size() const noexcept { return first_line_size_ ? *first_line_size_ : at_; }
  [[nodiscard]] std::size_t lines() const noexcept { return lines_; }

 private:
  std::size_t at_ = 0;  ///< what is before it has been seen
  std::size_t line_begin_ = 0;
  std::size_t lines_ = 0;
  std::optional<std::size_t> first_line_size_;
  std::size_t head_size_ = 0;
  FramingFault fault_;
};

/// What two readers could understand differently in a whole head that HeadScan has passed, by RFC 9112: anything but
/// one Host (1.1), folded lines (5.2), a Transfer-Encoding that is not exactly `chunked` (6.1), Content-Length beside it,
/// twice, or not a number of decimal digits (6.2, 6.3), a target that does not begin with '/' or holds a fragment
/// (3.2). What the grammar alone forbids is the parser's to refuse.
[[nodiscard]] FramingFault fault_of_head(std::string_view head);

/// The same for what stands between the data of a chunked body: sizes, extensions, and the trailers behind the last
/// chunk (7.1). A trailer that would frame or route the message is refused (RFC 9110, 6.5.1). A last line that has not
/// arrived whole is not judged yet.
[[nodiscard]] FramingFault fault_of_chunk_lines(std::string_view lines);

}  // namespace occ
