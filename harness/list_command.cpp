#include "harness/commands.hpp"

namespace occ {

void add_list(CLI::App& app, int&) {
  app.add_subcommand("list", "");
}

}  // namespace occ
