#include "harness/support/read_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "harness/support/bad_input.hpp"

namespace occ {

std::string read_file(const std::filesystem::path& file) {
  std::error_code none;
  if (std::filesystem::is_directory(file, none))
    throw BadInput(fmt::format("cannot read '{}': it is a folder", file.string()));
  std::ifstream in(file, std::ios::binary);
  if (!in) throw BadInput(fmt::format("cannot read '{}': {}", file.string(), std::strerror(errno)));
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) throw BadInput(fmt::format("cannot read '{}': {}", file.string(), std::strerror(errno)));
  return text;
}

}  // namespace occ
