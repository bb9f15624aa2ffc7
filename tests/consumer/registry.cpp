// The strategies that the headers of an installation list, beside those that its archive has.
#include "variants/registry.hpp"

#include <cstdio>
#include <set>
#include <string_view>

#include "variants/strategies.hpp"

int main() {
  std::set<std::string_view> of_headers;
  occ::for_each_strategy([&]<class Table>() { of_headers.insert(Table::kInfo.name); });
  std::set<std::string_view> of_archive;
  for (const auto& info : occ::strategies()) of_archive.insert(info.name);
  // Those that this machine cannot run are listed all the same.
  for (const auto& missing : occ::missing_strategies()) {
    if (of_headers.contains(missing.name)) of_archive.insert(missing.name);
  }
  std::printf("%zu strategies in the headers, %zu in the archive\n", of_headers.size(), of_archive.size());
  return !of_headers.empty() && of_headers == of_archive ? 0 : 1;
}
