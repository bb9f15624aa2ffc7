# Writes OUTPUT, a header that says what is being built. Run at every build, since the commit and the state of the work
# tree change without any file that CMake watches; the header is touched only when it says something new.
set(commit "unknown")
set(dirty "unknown")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse --show-toplevel OUTPUT_VARIABLE top ERROR_QUIET
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  # An unpacked archive inside somebody else's repository has no commit of its own.
  if(top STREQUAL SOURCE_DIR)
    execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse HEAD OUTPUT_VARIABLE head RESULT_VARIABLE failed ERROR_QUIET
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
    execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} --no-optional-locks status --porcelain OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT failed)
      set(commit ${head})
      set(dirty "no")
      if(changes)
        set(dirty "yes")
      endif()
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[#pragma once

namespace occ::build_info {

inline constexpr const char* kVersion = "@VERSION@";
inline constexpr const char* kBuildType = "@BUILD_TYPE@";
inline constexpr const char* kFlags = "@FLAGS@";
inline constexpr const char* kCommit = "@commit@";
/// Whether files differed from the commit: "yes", "no" or "unknown".
inline constexpr const char* kDirty = "@dirty@";

}  // namespace occ::build_info
]] @ONLY)
