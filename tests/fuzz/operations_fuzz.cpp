/// Sequences of operations made from bytes, on a strategy and on the sequential model: every outcome, every document
/// and all counters must agree.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/choices.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/variants/model_pair.hpp"

namespace occ {
namespace {

/// What differs, one line for each thing.
std::string run(std::string_view strategy, std::span<const std::uint8_t> bytes, std::string* narrative) {
  ByteChoices choices(bytes);
  ModelPair pair(strategy, choices, narrative);
  while (!choices.done()) {
    if (auto differences = pair.step(); !differences.empty()) return differences;
  }
  return pair.finish();
}

void check(std::string_view strategy, std::span<const std::uint8_t> bytes) {
  const std::string differences = run(strategy, bytes, nullptr);
  if (differences.empty()) return;
  std::string narrative;
  (void)run(strategy, bytes, &narrative);
  fail(narrative + differences);
}

const std::vector<std::string_view>& storing() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const StrategyInfo& info : strategies()) {
      if (info.is_verifiable()) all.push_back(info.name);
    }
    return all;
  }();
  return names;
}

}  // namespace
}  // namespace occ

/// The first byte chooses the strategy while fuzzing; what the corpus holds is run on all of them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span bytes(data + 1, size - 1);
#ifdef OCCKIT_REPLAY
  for (const std::string_view strategy : occ::storing()) occ::check(strategy, bytes);
#else
  occ::check(occ::storing()[data[0] % occ::storing().size()], bytes);
#endif
  return 0;
}
