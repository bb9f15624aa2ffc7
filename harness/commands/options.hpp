#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/App.hpp"

namespace occ {

/// The options of `occkit run` that were given, by name without dashes, as texts. A flag's text is "true".
using Options = std::map<std::string, std::string, std::less<>>;

/// Adds every option of `occkit run` to `command`; parsing checks its text and fills `into`, which must live as long as
/// `command`.
void add_options(CLI::App& command, Options& into);

/// Adds to `options` what an option file says and they do not: the command line wins. A file has a line `name = value`
/// for each option, names as on the command line without dashes, `#` for comments. Throws BadInput.
void read_option_file(const std::filesystem::path& file, Options& options);

/// The names of the options that a file may have.
std::vector<std::string> options_in_files();

/// An option's text in the plain form that its validator gives it (validators.hpp); nothing if it was not given. Throws
/// BadInput for what the validator refuses: not every text was on a command line.
std::optional<std::string> plain_text(const Options& options, std::string_view name);

}  // namespace occ
