#include "harness/commands/command_names.hpp"

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/support/near_name.hpp"

namespace occ {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string failure_text(const CLI::App* app, const CLI::Error& error) {
  const std::vector<CLI::App*> given = app->get_subcommands();
  const CLI::App& command = given.empty() ? *app : *given.front();
  const std::vector<std::string> unknown = command.remaining();
  if (given.empty() && !unknown.empty() && !unknown.front().starts_with("-")) {
    const auto names = command_names(*app);
    return fmt::format("occkit: no command '{}'{}\nAccepted are {}.\n", unknown.front(),
                       did_you_mean(unknown.front(), names), fmt::join(names, ", "));
  }
  std::string text = CLI::FailureMessage::simple(app, error);
  for (const std::string& word : unknown) {
    const std::string name = near_name(word.substr(0, word.find('=')), option_names(command));
    if (word.starts_with("-") && !name.empty()) text += fmt::format("Did you mean '{}' by '{}'?\n", name, word);
  }
  return text;
}

}  // namespace occ
