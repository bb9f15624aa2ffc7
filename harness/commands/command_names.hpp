#pragma once

#include <string>
#include <vector>

#include "CLI/App.hpp"

namespace occ {

/// Of all subcommands, in the order in which they were added.
std::vector<std::string> command_names(const CLI::App& app);

/// Of all options of a command, with their dashes: "--help", "--out", ...
std::vector<std::string> option_names(const CLI::App& command);

/// What is said where the command line cannot be understood, with what was probably meant: for CLI::App::failure_message.
std::string failure_text(const CLI::App* app, const CLI::Error& error);

}  // namespace occ
