#include "harness/support/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "fmt/format.h"

namespace occ {

std::size_t terminal_width(int descriptor) {
  winsize size{};
  return isatty(descriptor) != 0 && ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool shows_colour(int descriptor) {
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return isatty(descriptor) != 0 && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

std::string coloured(std::string_view text, Colour colour, bool shown) {
  if (!shown) return std::string(text);
  const int code = colour == Colour::bad ? 31 : colour == Colour::warning ? 33 : 32;
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

std::string cut_to(const std::string& line, std::size_t width) {
  const auto is_start = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  std::size_t columns = 0;
  // Where the text has to end if it is cut.
  std::size_t room = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (!is_start(line[at])) continue;
    if (columns + 3 == width) room = at;
    if (++columns > width && width > 0) return line.substr(0, room) + std::string("...").substr(0, width);
  }
  return line;
}

}  // namespace occ
