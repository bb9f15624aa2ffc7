#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "core/build/fault_point_list.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/command_names.hpp"
#include "harness/commands/commands.hpp"
#include "harness/commands/validators.hpp"
#include "harness/remote/remote_server.hpp"
#include "harness/workload/workload.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

/// What can stand behind an option, in lists with commas; empty where it is a file or anything else.
std::vector<std::string> values_of(const std::string& option) {
  std::vector<std::string> values;
  if (option == "--strategy") {
    values = {"all", "peers", "floors", std::string(kRemoteStrategy.name)};
    for (const StrategyInfo& info : strategies()) values.emplace_back(info.name);
  } else if (option == "--workload") {
    for (const Workload& workload : named_workloads()) values.push_back(workload.name);
  } else if (option == "--point") {
    values = {"all"};
    for (const FaultPointInfo& point : kFaultPoints) values.emplace_back(point.name);
  }
  return values;
}

/// What a command takes without dashes, where that is no file.
std::vector<std::string> words_of(const CLI::App& app, const std::string& command) {
  if (command == "help") return command_names(app);
  if (command == "list") return {"strategies", "workloads", "points", "columns"};
  if (command == "completion") return {"bash", "zsh"};
  return {};
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

std::string bash(const CLI::App& app) {
  std::string values, commands;
  for (const char* option : {"--strategy", "--workload", "--point"})
    values += fmt::format("    {}) words='{}' ;;\n", option, fmt::join(values_of(option), " "));
  for (const CLI::App* command : app.get_subcommands({})) {
    std::vector<std::string> with_value;
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (takes_value(*option)) with_value.push_back("--" + name);
      }
    }
    commands += fmt::format("    {}) options='{}' takes='{}' plain='{}' ;;\n", command->get_name(),
                            fmt::join(option_names(*command), " "), fmt::join(with_value, " "),
                            fmt::join(words_of(app, command->get_name()), " "));
  }
  return fmt::format(R"(# Completion of occkit for bash. Made by `occkit completion bash`.
_occkit() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD - 1]}}" words='' options='' takes='' plain=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$word"))
    return
  fi
  case "$before" in
{}  esac
  case "${{COMP_WORDS[1]}}" in
{}  esac
  if [ -n "$words" ]; then
    local list=''
    case "$word" in *,*) list="${{word%,*}}," ;; esac
    COMPREPLY=($(compgen -P "$list" -W "$words" -- "${{word##*,}}"))
  elif [ -n "$before" ] && [[ " $takes " == *" $before "* ]]; then
    compopt -o default
  elif [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [ -n "$plain" ]; then
    COMPREPLY=($(compgen -W "$plain" -- "$word"))
  else
    compopt -o default
  fi
}}
complete -F _occkit occkit
)",
                     fmt::join(command_names(app), " "), values, commands);
}

/// As text within single quotes and a specification of zsh's _arguments.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == '[' || c == ']' || c == ':' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out;
}

std::string zsh(const CLI::App& app) {
  std::string names, commands;
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string& name = command->get_name();
    names += fmt::format("    '{}:{}'\n", name, zsh_text(command->get_description()));
    commands += fmt::format("    {})\n      _arguments \\\n", name);
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& lname : option->get_lnames()) {
        const auto values = values_of("--" + lname);
        const std::string value =
            !takes_value(*option) ? ""
            : values.empty()      ? fmt::format(":{}:_files", zsh_text(option->get_type_name()))
                             : fmt::format(":{}:_values -s , {} {}", zsh_text(lname), lname, fmt::join(values, " "));
        commands += fmt::format("        '--{}[{}]{}' \\\n", lname, zsh_text(option->get_description()), value);
      }
    }
    const auto words = words_of(app, name);
    commands += words.empty() ? "        '*:file:_files' ;;\n"
                              : fmt::format("        '*:what:({})' ;;\n", fmt::join(words, " "));
  }
  return fmt::format(R"(#compdef occkit
# Completion of occkit for zsh. Made by `occkit completion zsh`.
_occkit() {{
  local -a commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
_occkit "$@"
)",
                     names, commands);
}

}  // namespace

void add_completion(CLI::App& app, int& exit_status) {
  CLI::App* command = app.add_subcommand("completion", "Print what completes the commands and options in a shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash or zsh")->required()->check(one_of({"bash", "zsh"}));
  command->callback([&app, shell, &exit_status] {
    fmt::print("{}", *shell == "bash" ? bash(app) : zsh(app));
    exit_status = kExitOk;
  });
}

}  // namespace occ
