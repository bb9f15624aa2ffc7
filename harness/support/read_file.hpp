#pragma once

#include <filesystem>
#include <string>

namespace occ {

/// The whole of a file. Throws BadInput if it cannot be read or is a folder.
std::string read_file(const std::filesystem::path& file);

}  // namespace occ
