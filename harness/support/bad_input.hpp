#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace occ {

/// Something the user gave cannot be used; the text says what was wrong and what is accepted. Ends the program with
/// kExitBadInput.
struct BadInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Something could not be written; the text says what and why. Ends the program with kExitCannotWrite.
struct CannotWrite : std::runtime_error {
  /// `error`: the errno of the call that failed.
  explicit CannotWrite(const std::string& what, int error = errno)
      : std::runtime_error("cannot write " + what + ": " +
                           (error == 0 ? "the reason is not known" : std::generic_category().message(error))) {}
};

/// A device without room, not a file that may not be written.
inline bool is_out_of_space(int error) noexcept {
  return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EIO;
}

}  // namespace occ
