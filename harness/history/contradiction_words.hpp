#pragma once

#include <string>

#include "core/model/decide.hpp"
#include "harness/history/history.hpp"

namespace occ {

/// "_seq_no 7"
std::string number(SeqNoTerm word);

/// "thread 1's update"
std::string whose(const HistoryEntry& entry);

/// What an operation was decided on: "on _seq_no 7, a document of _version 2,".
std::string state_text(const State& state);

}  // namespace occ
