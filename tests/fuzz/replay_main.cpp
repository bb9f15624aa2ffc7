/// Runs a fuzz target over files and folders, without a fuzzer: what the corpus holds stays an ordinary test.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  namespace fs = std::filesystem;
  std::size_t total = 0;
  for (int i = 1; i < count; ++i) {
    std::vector<fs::path> files;
    if (fs::is_directory(arguments[i])) {
      for (const auto& entry : fs::recursive_directory_iterator(arguments[i])) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    } else {
      files.emplace_back(arguments[i]);
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      std::ifstream in(file, std::ios::binary);
      if (!in) {
        std::fprintf(stderr, "cannot read '%s'\n", file.c_str());
        return 2;
      }
      std::fprintf(stderr, "%s\n", file.c_str());  // the last line before a finding
      const std::vector<char> text(std::istreambuf_iterator<char>(in), {});
      (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
      ++total;
    }
  }
  std::printf("%zu inputs, nothing found\n", total);
  if (total == 0) {
    std::fprintf(stderr, "usage: %s FILE|FOLDER...: at least one input is expected\n", arguments[0]);
    return 2;
  }
  return 0;
}
