#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

#include "CLI/CLI.hpp"
#include "harness/commands/command_names.hpp"
#include "harness/commands/commands.hpp"
#include "harness/report/environment.hpp"

int main(int argc, char** argv) {
  CLI::App app{"occkit: how should many threads update the same documents?"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "occkit " + occ::program_version());
  app.failure_message(occ::failure_text);
  int exit_status = occ::kExitOk;
  occ::add_list(app, exit_status);
  occ::add_run(app, exit_status);
  occ::add_compare(app, exit_status);
  occ::add_report(app, exit_status);
  occ::add_plot(app, exit_status);
  occ::add_replay(app, exit_status);
  occ::add_serve(app, exit_status);
  occ::add_verify(app, exit_status);
  occ::add_check(app, exit_status);
  occ::add_faults(app, exit_status);
  occ::add_stall(app, exit_status);
  occ::add_memory(app, exit_status);
  occ::add_advise(app, exit_status);
  occ::add_simulate(app, exit_status);
  occ::add_claims(app, exit_status);
  occ::add_help(app, exit_status);
  occ::add_completion(app, exit_status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_status = app.exit(error) == 0 ? occ::kExitOk : occ::kExitBadInput;
  } catch (const occ::BadInput& error) {
    std::fprintf(stderr, "occkit: %s\n", error.what());
    return occ::kExitBadInput;
  } catch (const occ::CannotWrite& error) {
    std::fprintf(stderr, "occkit: %s\n", error.what());
    return occ::kExitCannotWrite;
  } catch (const std::system_error& error) {
    const bool no_space = occ::is_out_of_space(error.code().value());
    std::fprintf(stderr, no_space ? "occkit: %s\n" : "occkit: internal error: %s\n", error.what());
    return no_space ? occ::kExitCannotWrite : occ::kExitInternalError;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "occkit: no memory is left\n");
    return occ::kExitInternalError;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "occkit: internal error: %s\n", error.what());
    return occ::kExitInternalError;
  }
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fprintf(stderr, "occkit: %s\n", occ::CannotWrite("to the standard output").what());
    if (exit_status == occ::kExitOk) exit_status = occ::kExitCannotWrite;
  }
  return exit_status;
}
