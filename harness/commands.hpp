#pragma once

#include <stdexcept>

#include "CLI/App.hpp"

namespace occ {

/// Exit statuses of the program.
inline constexpr int kExitOk = 0;
inline constexpr int kExitVerificationFailed = 1;
inline constexpr int kExitBadInput = 2;
/// A fault that is neither the user's nor a strategy's: a full disk, no memory left (EX_SOFTWARE of sysexits.h).
inline constexpr int kExitInternalError = 70;
inline constexpr int kExitInterrupted = 130;

/// Something the user gave cannot be used; the text says what was wrong and what is accepted. Ends the program with
/// kExitBadInput.
struct BadInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Each adds one subcommand, whose callback stores the exit status.
void add_list(CLI::App& app, int& exit_status);
void add_run(CLI::App& app, int& exit_status);
void add_compare(CLI::App& app, int& exit_status);
void add_replay(CLI::App& app, int& exit_status);
void add_serve(CLI::App& app, int& exit_status);
void add_verify(CLI::App& app, int& exit_status);
void add_check(CLI::App& app, int& exit_status);
void add_stall(CLI::App& app, int& exit_status);
void add_memory(CLI::App& app, int& exit_status);

}  // namespace occ
