#include "harness/commands/program_place.hpp"

namespace occ {

ProgramPlace program_place() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path place = program.parent_path().parent_path();
  return {program, place.parent_path(), place / "share" / "occkit"};
}

}  // namespace occ
