#pragma once

#include "CLI/App.hpp"
#include "harness/support/bad_input.hpp"

namespace occ {

/// Exit statuses of the program.
inline constexpr int kExitOk = 0;
inline constexpr int kExitVerificationFailed = 1;
inline constexpr int kExitBadInput = 2;
/// A fault that is neither the user's nor a strategy's: no memory left, a mistake of the program (EX_SOFTWARE of
/// sysexits.h).
inline constexpr int kExitInternalError = 70;
/// What was to be written could not be: no space left, most often (EX_IOERR).
inline constexpr int kExitCannotWrite = 74;
inline constexpr int kExitInterrupted = 130;

/// Each adds one subcommand, whose callback stores the exit status.
void add_list(CLI::App& app, int& exit_status);
void add_run(CLI::App& app, int& exit_status);
void add_compare(CLI::App& app, int& exit_status);
void add_report(CLI::App& app, int& exit_status);
void add_plot(CLI::App& app, int& exit_status);
void add_replay(CLI::App& app, int& exit_status);
void add_serve(CLI::App& app, int& exit_status);
void add_verify(CLI::App& app, int& exit_status);
void add_check(CLI::App& app, int& exit_status);
void add_faults(CLI::App& app, int& exit_status);
void add_stall(CLI::App& app, int& exit_status);
void add_memory(CLI::App& app, int& exit_status);
void add_advise(CLI::App& app, int& exit_status);
void add_simulate(CLI::App& app, int& exit_status);
void add_claims(CLI::App& app, int& exit_status);
/// They tell of the commands that `app` has when they are called.
void add_help(CLI::App& app, int& exit_status);
void add_completion(CLI::App& app, int& exit_status);

}  // namespace occ
