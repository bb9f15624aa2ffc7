#pragma once

#include <filesystem>

namespace occ {

/// This program, and where the files that belong to it may be.
struct ProgramPlace {
  std::filesystem::path program;
  /// Two folders above build/release/occkit: the tree that it was built in.
  std::filesystem::path tree;
  /// /usr/share/occkit of /usr/bin/occkit.
  std::filesystem::path share;
};

ProgramPlace program_place();

}  // namespace occ
