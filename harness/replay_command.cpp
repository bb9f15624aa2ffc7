#include "harness/commands.hpp"

namespace occ {

void add_replay(CLI::App& app, int&) {
  app.add_subcommand("replay", "");
}

}  // namespace occ
