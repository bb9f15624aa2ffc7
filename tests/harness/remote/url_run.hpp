/// `occkit run --url` as people call it, at a server of the test's own.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/support/csv.hpp"
#include "tests/harness/commands/program_test.hpp"
#include "tests/harness/remote/scripted_server.hpp"
#include "variants/strategies.hpp"

namespace occ {

inline NodeOptions node_options(Compatibility compatibility = Compatibility::v7) {
  return {.make_table = [](const TableOptions& options) { return make_table("packed_cas", options); },
          .compatibility = compatibility};
}

/// Options of one short replicate and no recorded one, without those that `given` has.
inline std::string with_short_run(const std::string& given) {
  constexpr std::pair<const char*, const char*> kOptions[] = {
      {" --docs", "50"},      {" --duration", "100ms"}, {" --warmup", "10ms"}, {" --threads", "2"},
      {" --replicates", "1"}, {" --check", "none"},     {" --out", "r"},       {" --repeats", "0"}};
  std::string all = given;
  for (const auto& [name, value] : kOptions) {
    if ((given + " ").find(std::string(name) + " ") == given.npos) all.append(name).append(" ").append(value);
  }
  return all;
}

class UrlTest : public ProgramTest {
 protected:
  [[nodiscard]] Ended run(const ScriptedServer& server, const std::string& arguments) const {
    return occkit(with_short_run("run --strategy " + strategies_ + " --url " + server.url() + arguments));
  }
  /// The same until it is as wanted, each time with a window four times as long: nothing hangs on what comes about in one.
  /// `prepare` is called before each.
  template <class Wanted, class Prepare>
  Ended run_until(const ScriptedServer& server, const std::string& arguments, Wanted&& wanted,
                  Prepare&& prepare) const {
    for (int window_ms = 100;; window_ms *= 4) {
      std::filesystem::remove_all(folder_ / "r");
      prepare();
      Ended ended = run(server, arguments + " --duration " + std::to_string(window_ms) + "ms");
      if (wanted(ended)) return ended;
    }
  }
  template <class Wanted>
  Ended run_until(const ScriptedServer& server, const std::string& arguments, Wanted&& wanted) const {
    return run_until(server, arguments, wanted, [] {});
  }
  /// Operations ended in every window.
  static bool has_verdict(const Ended& ended) { return ended.output.find("NO VERDICT") == ended.output.npos; }

  /// Rows of the folder's results, values by column.
  [[nodiscard]] std::vector<std::map<std::string, std::string>> rows() const {
    const CsvTable table = read_csv(folder_ / "r" / "results.csv");
    std::vector<std::map<std::string, std::string>> all;
    for (const auto& fields : table.rows) {
      auto& row = all.emplace_back();
      for (std::size_t i = 0; i < fields.size(); ++i) row[table.header[i]] = fields[i];
    }
    return all;
  }
  /// The header's among them; also while the program writes.
  [[nodiscard]] std::ptrdiff_t lines_written() const {
    std::ifstream in(folder_ / "r" / "results.csv");
    return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
  }
  /// Of the only row.
  [[nodiscard]] std::string field(const std::string& column) const {
    const auto all = rows();
    return all.size() == 1 ? all.front().at(column) : "not one row";
  }
  void expect_one_row_verified(const Ended& ended, const std::string& checked = "sums") const {
    EXPECT_EQ(ended.status, 0) << ended.output;
    EXPECT_EQ(field("verified"), "yes") << ended.output;
    EXPECT_EQ(field("checked"), checked);
  }
  void expect_no_index_left() const { EXPECT_EQ(node_.indices()->size(), 0U); }
  /// Refused before anything is measured: status 2, a message, nothing written.
  void expect_server_refused(const ScriptedServer& server, const testing::Matcher<const std::string&>& message) const {
    expect_refused(with_short_run("run --strategy elasticsearch --url " + server.url()), message);
  }

  std::string strategies_ = "elasticsearch";
  Node node_{node_options()};
};

}  // namespace occ
