#include <memory>

#include "CLI/CLI.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/stall.hpp"
#include "harness/commands/validators.hpp"

namespace occ {

void add_stall(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand(
      "stall", "Stop threads at every point of every strategy; who goes on is its progress, measured");
  const auto options = std::make_shared<StallOptions>();
  command->add_option("--strategy", options->strategies, "strategies (default: all; see occkit list)")
      ->type_name("A,B,...|all")
      ->delimiter(',');
  command->add_option("--point", options->points, "points (default: all; see occkit list)")
      ->type_name("P,Q,...|all")
      ->delimiter(',');
  command->add_option("--threads", options->threads, "survivors for each kind of operation (default: 1)")
      ->type_name("N")
      ->transform(whole_number(1, 64));
  command
      ->add_option("--park", options->park_s, "how long one thread is stopped; a second one half as long (default: 1s)")
      ->type_name("TIME")
      ->transform(seconds(0.2, 3600));
  command->add_option("--duration", options->duration_s, "time before the stop, and after the release (default: 300ms)")
      ->type_name("TIME")
      ->transform(seconds(0.05, 3600));
  command->add_option("--out", options->out, "folder for the results (default: results/stall-<UTC time>)")
      ->type_name("DIR");
  command
      ->add_option("--cell-program", options->cell_program,
                   "the program that runs one cell (default: occkit_stall_cell, beside this one)")
      ->type_name("FILE");
  command->callback([options, &exit_status] { exit_status = stall(*options); });
}

}  // namespace occ
