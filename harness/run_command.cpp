#include "harness/commands.hpp"

namespace occ {

void add_run(CLI::App& app, int&) {
  app.add_subcommand("run", "");
}

}  // namespace occ
