#include "harness/commands.hpp"

namespace occ {

void add_compare(CLI::App& app, int&) {
  app.add_subcommand("compare", "");
}

}  // namespace occ
