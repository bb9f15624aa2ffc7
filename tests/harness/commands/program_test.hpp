/// The program as people call it: in an empty working folder, which is removed afterwards. OCCKIT_PROGRAM is its path.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>

namespace occ {

class ProgramTest : public testing::Test {
 protected:
  struct Ended {
    int status;
    std::string output;
  };

  ProgramTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "occkit-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ProgramTest() override { std::filesystem::remove_all(folder_); }

  /// `arguments` are the shell's. Output of both kinds; status -1 if a signal ended it.
  [[nodiscard]] Ended occkit(const std::string& arguments) const {
    const std::string command = "cd '" + folder_.string() + "' && " OCCKIT_PROGRAM " " + arguments + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    std::array<char, 4096> buffer;
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
      output.append(buffer.data(), got);
    }
    const int status = pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
  }

  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  /// Bad input: status 2, a message, and nothing is written.
  void expect_refused(const std::string& arguments, const testing::Matcher<const std::string&>& message) const {
    const std::size_t before = files();
    const Ended ended = occkit(arguments);
    EXPECT_EQ(ended.status, 2) << arguments << "\n" << ended.output;
    EXPECT_THAT(ended.output, message) << arguments;
    EXPECT_EQ(files(), before) << arguments;
  }

  std::filesystem::path folder_;
};

}  // namespace occ
