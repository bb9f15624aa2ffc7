#pragma once

#include <cstdint>
#include <string>

#include "CLI/App.hpp"
#include "harness/rest/node.hpp"

namespace occ {

/// What the command line says about a node, for every command that has one.
struct NodeChoice {
  std::string strategy;  ///< packed_cas if empty
  int compat = 7;
  std::uint32_t shards = 1;
  double gc_deletes_s = 60;  ///< or -1
};

/// --compat of a command; parsing fills `into`.
void add_compat_option(CLI::App& command, int& into);
[[nodiscard]] Compatibility compatibility_of(int compat);

/// Adds --strategy, --compat, --shards and --gc-deletes to `command`; parsing fills `into`, which must live as long.
void add_node_options(CLI::App& command, NodeChoice& into);

/// The options of a node, on real time. Fills in the strategy's name. Throws BadInput. `anything`: strategies that keep
/// nothing are accepted too.
[[nodiscard]] NodeOptions to_node_options(NodeChoice& choice, bool anything = false);

}  // namespace occ
