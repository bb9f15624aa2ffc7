#include <algorithm>
#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/command_names.hpp"
#include "harness/commands/commands.hpp"
#include "harness/support/near_name.hpp"

namespace occ {

void add_help(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand("help", "Say what a command does");
  const auto name = std::make_shared<std::string>();
  command->add_option("COMMAND", *name, "A command (default: all of them)");
  command->callback([&app, name, &exit_status] {
    const auto names = command_names(app);
    if (!name->empty() && std::ranges::find(names, *name) == names.end()) {
      throw BadInput(fmt::format("help: no command '{}'{}; accepted are {}", *name, did_you_mean(*name, names),
                                 fmt::join(names, ", ")));
    }
    // App::help() of the whole would be that of the command that was given, which is this one.
    const std::string text = name->empty()
                                 ? app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal)
                                 : app.get_subcommand(*name)->help(app.get_name());
    fmt::print("{}", text);
    exit_status = kExitOk;
  });
}

}  // namespace occ
