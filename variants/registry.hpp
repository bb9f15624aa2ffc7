/// The list of strategies. A new one is one header of this folder, one #include and one line below; command line,
/// tests, verification, CSV and plots take it from here.
#pragma once

#include "variants/null.hpp"

namespace occ {

template <class... Tables>
struct StrategyList {};

using Strategies = StrategyList<  //
    NullTable>;

/// Calls function.operator()<Table>() for every strategy, in the order of the list.
template <class F>
void for_each_strategy(F&& function) {
  [&]<class... Tables>(StrategyList<Tables...>) { (function.template operator()<Tables>(), ...); }(Strategies{});
}

}  // namespace occ
