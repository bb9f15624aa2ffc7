#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "CLI/App.hpp"

namespace occ {

/// The options of `occkit run` that were given, by name without dashes, as texts. A flag's text is "true".
using Options = std::map<std::string, std::string, std::less<>>;

/// Adds every option of `occkit run` to `command`; parsing fills `into`, which must live as long as `command`.
void add_options(CLI::App& command, Options& into);

/// Adds to `options` what an option file says and they do not: the command line wins. A file has a line `name = value`
/// for each option, names as on the command line without dashes, `#` for comments. Throws BadInput.
void read_option_file(const std::filesystem::path& file, Options& options);

}  // namespace occ
