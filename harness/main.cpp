#include <cstdio>
#include <exception>

#include "CLI/CLI.hpp"
#include "harness/commands.hpp"

int main(int argc, char** argv) {
  CLI::App app{"occkit: how should many threads update the same documents?"};
  app.require_subcommand(1);
  int exit_status = occ::kExitOk;
  occ::add_list(app, exit_status);
  occ::add_run(app, exit_status);
  occ::add_compare(app, exit_status);
  occ::add_replay(app, exit_status);
  occ::add_serve(app, exit_status);
  occ::add_verify(app, exit_status);
  occ::add_check(app, exit_status);
  occ::add_stall(app, exit_status);
  occ::add_memory(app, exit_status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? occ::kExitOk : occ::kExitBadInput;
  } catch (const occ::BadInput& error) {
    std::fprintf(stderr, "occkit: %s\n", error.what());
    return occ::kExitBadInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "occkit: internal error: %s\n", error.what());
    return occ::kExitInternalError;
  }
  return exit_status;
}
