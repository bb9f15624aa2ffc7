/// occkit_plain: the maps of other libraries and ours in a plain loop, beside the harness. Rows have the columns of
/// `occkit run` that they share with it, so that harness/scripts/shootout.py can put the two side by side.
#include "harness/micro/plain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <map>
#include <ranges>
#include <utility>

#include "harness/commands/commands.hpp"
#include "harness/support/permutation.hpp"
#include "harness/support/random.hpp"
#include "harness/workload/zipf.hpp"

namespace occ::plain {
namespace {

constexpr Cell kCells[] = {
    {"get", Act::get, Choice::uniform, "gets"},
    {"cond", Act::cond, Choice::uniform, "get, then index on condition of the word that was read"},
    {"cond-zipf", Act::cond, Choice::zipf, "the same, Zipf 0.99"},
    {"cond-read-mostly", Act::mix, Choice::zipf, "95 gets to 5 of the same, Zipf 0.99"},
    {"uniform", Act::update, Choice::uniform, "updates in one call"},
    {"zipf", Act::update, Choice::zipf, "the same, Zipf 0.99"},
    {"get-bulk", Act::get_bulk, Choice::uniform, "gets by 64, where the map has a call for several"},
    {"cond-bulk", Act::cond_bulk, Choice::uniform, "64 gets, then 64 of index on condition"},
    {"creations", Act::create, Choice::uniform, "all documents, in an empty map"},
    {"churn", Act::churn, Choice::uniform, "create and delete of ever new ids, 1,000 alive for each thread"},
    {"cond-hot", Act::cond, Choice::one, "get, then index on condition, of one document"},
    {"cond-hot16", Act::cond, Choice::sixteen, "the same, of 16"},
    {"hot", Act::update, Choice::one, "updates in one call, of one document"},
    {"hot16", Act::update, Choice::sixteen, "the same, of 16"},
};
constexpr std::size_t kMostSteps = std::size_t{1} << 20U;
constexpr std::size_t kFreshIds = std::size_t{1} << 18U;
constexpr std::uint32_t kLeastDocuments = 64;
constexpr std::uint32_t kMostDocuments = 100'000'000;

std::vector<Entry> all_entries() {
  std::vector<Entry> entries;
  add_ours(entries);
  add_boost(entries);
  add_tbb(entries);
  add_libcuckoo(entries);
  add_std(entries);
  add_urcu(entries);
  add_dpdk(entries);
  return entries;
}

/// What the threads of one replicate do, each thread's apart, by how documents are chosen.
class Steps {
 public:
  Steps(std::uint32_t documents, std::uint64_t seed, std::uint64_t replicate)
      : documents_(documents), seed_(seed), replicate_(replicate) {}

  std::vector<std::span<const Step>> of(const Cell& cell, std::size_t threads) {
    std::vector<std::span<const Step>> all;
    if (cell.act == Act::create) {
      if (everything_.empty()) {
        for (std::uint32_t i = 0; i < documents_; ++i) everything_.push_back({.id = Id(i), .document = i});
      }
      for (std::size_t thread = 0; thread < threads; ++thread) {
        const std::size_t begin = everything_.size() * thread / threads;
        all.push_back(
            std::span<const Step>(everything_).subspan(begin, everything_.size() * (thread + 1) / threads - begin));
      }
      return all;
    }
    for (std::size_t thread = 0; thread < threads; ++thread) {
      auto& made = made_[{cell.act == Act::churn, cell.choice, thread}];
      if (made.empty()) made = cell.act == Act::churn ? fresh(thread) : chosen(cell.choice, thread);
      all.emplace_back(made);
    }
    return all;
  }

 private:
  [[nodiscard]] std::vector<Step> chosen(Choice choice, std::size_t thread) const {
    Random random(stream_seed(seed_, thread, replicate_));
    const Permutation spread(documents_, seed_);
    const Zipf zipf(documents_, 0.99);
    std::vector<Step> steps(std::min(kMostSteps, std::bit_ceil(std::size_t{64} * documents_)));
    for (Step& step : steps) {
      std::uint64_t document = 0;
      switch (choice) {
        case Choice::uniform:
          document = random.below(documents_);
          break;
        case Choice::zipf:
          document = spread(zipf(random) - 1);
          break;
        case Choice::one:
          document = spread(0);
          break;
        case Choice::sixteen:
          document = spread(random.below(16));
          break;
      }
      step = {.id = Id(document),
              .document = static_cast<std::uint32_t>(document),
              .percent = static_cast<std::uint32_t>(random.below(100))};
    }
    return steps;
  }
  /// Ids that no document has.
  [[nodiscard]] std::vector<Step> fresh(std::size_t thread) const {
    std::vector<Step> steps(kFreshIds);
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i].id = Id(documents_ + thread * kFreshIds + i);
    return steps;
  }

  std::uint32_t documents_;
  std::uint64_t seed_;
  std::uint64_t replicate_;
  std::vector<Step> everything_;
  std::map<std::tuple<bool, Choice, std::size_t>, std::vector<Step>> made_;
};

struct Options {
  std::vector<std::string> maps;
  std::vector<std::string> cells;
  std::vector<std::uint32_t> threads{1, 2};
  std::uint32_t documents = 1'000'000;
  double seconds = 0.3;
  std::uint32_t replicates = 3;
  std::uint64_t seed = 1;
  std::string out;
  bool list = false;
};

/// Those of `all` that have these names; all, if there is none.
template <class T>
std::vector<const T*> choose(std::span<const T> all, const std::vector<std::string>& names, std::string_view option) {
  std::vector<const T*> chosen;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(all, name, &T::name);
    if (found == all.end())
      throw BadInput(fmt::format("{} '{}': there is none of that name; accepted are {}", option, name,
                                 fmt::join(all | std::views::transform(&T::name), ", ")));
    if (std::ranges::find(chosen, &*found) != chosen.end())
      throw BadInput(fmt::format("{}: '{}' is given twice; once is enough", option, name));
    chosen.push_back(&*found);
  }
  if (names.empty()) {
    for (const T& one : all) chosen.push_back(&one);
  }
  return chosen;
}

void check(const Options& options) {
  const auto refuse = [](std::string_view option, auto value, std::string_view accepted) {
    throw BadInput(fmt::format("{} {}: accepted is {}", option, value, accepted));
  };
  for (const std::uint32_t threads : options.threads) {
    if (threads < 1 || threads > 64) refuse("--threads", threads, "1 to 64, or a list of such");
  }
  if (options.documents < kLeastDocuments || options.documents > kMostDocuments)
    refuse("--docs", options.documents, fmt::format("{} to {}", kLeastDocuments, kMostDocuments));
  if (!(options.seconds > 0 && options.seconds <= 3600)) refuse("--seconds", options.seconds, "above 0, up to 3600");
  if (options.replicates < 1 || options.replicates > 1000) refuse("--replicates", options.replicates, "1 to 1000");
}

/// Where rows go. Every row is there once it was measured.
class Output {
 public:
  explicit Output(const std::string& file) : name_(file.empty() ? "standard output" : file) {
    if (file.empty()) return;
    file_ = std::fopen(file.c_str(), "w");
    if (file_ == nullptr) throw BadInput(fmt::format("--out {}: {}", file, std::strerror(errno)));
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    if (file_ != stdout) std::fclose(file_);
  }
  void write(const std::string& line) {
    if (std::fputs(line.c_str(), file_) == EOF || std::fflush(file_) != 0)
      throw std::runtime_error(fmt::format("{}: {}", name_, std::strerror(errno)));
  }

 private:
  std::string name_;
  std::FILE* file_ = stdout;
};

struct Filled {
  const Entry& entry;
  std::unique_ptr<Contender> contender;
  std::uint64_t increments = 0;
};

/// True if the sums are right.
bool sums_are_right(std::string_view name, std::string_view when, Contender& contender, std::uint32_t documents,
                    std::uint64_t increments) {
  const Contender::Sums sums = contender.check(documents);
  if (sums.wrong_documents == 0 && sums.increments == increments) return true;
  fmt::print(stderr,
             "occkit_plain: {} {}: {} documents are missing or do not count what their version says; all count {} "
             "increments, {} were made\n",
             name, when, sums.wrong_documents, sums.increments, increments);
  return false;
}

/// All maps are filled first; then each cell is measured on one after the other, in another order each time, so that
/// what disturbs the machine meets all of them. True if every sum is right.
bool run(const Options& options, const std::vector<const Entry*>& entries, const std::vector<const Cell*>& cells,
         Output& output) {
  output.write("workload,strategy,threads,replicate,seed,docs,window_s,ops,ops_per_s,failed\n");
  bool right = true;
  for (std::uint32_t replicate = 1; replicate <= options.replicates; ++replicate) {
    fmt::print(stderr, "replicate {} of {}: filling {} maps\n", replicate, options.replicates, entries.size());
    Random random(stream_seed(options.seed, ~std::uint64_t{0}, replicate));
    Steps steps(options.documents, options.seed, replicate);
    std::vector<Filled> maps;
    for (const Entry* entry : entries) {
      maps.push_back({*entry, entry->make(options.documents), 0});
      maps.back().contender->fill(options.documents);
    }
    std::vector<std::pair<const Cell*, std::uint32_t>> order;
    for (const Cell* cell : cells) {
      for (const std::uint32_t threads : options.threads) order.emplace_back(cell, threads);
    }
    std::ranges::shuffle(order, random);
    for (const auto& [cell, threads] : order) {
      const Run run{*cell, steps.of(*cell, threads), options.seconds};
      std::vector<std::size_t> turns(maps.size());
      for (std::size_t i = 0; i < turns.size(); ++i) turns[i] = i;
      std::ranges::shuffle(turns, random);
      for (const std::size_t turn : turns) {
        Filled& map = maps[turn];
        if (!map.contender->has(*cell)) continue;
        std::unique_ptr<Contender> empty;
        if (cell->act == Act::create) empty = map.entry.make(options.documents);
        const Measured measured = (empty ? *empty : *map.contender).run(run);
        const Counted& counted = measured.counted;
        map.increments += counted.increments;
        output.write(fmt::format("{},{},{},{},{},{},{:.6g},{},{:.6g},{}\n", cell->name, map.entry.name, threads,
                                 replicate, options.seed, options.documents, measured.seconds, counted.operations,
                                 static_cast<double>(counted.operations) / measured.seconds, counted.failed));
        if (counted.wrong != 0) {
          fmt::print(stderr, "occkit_plain: {} {}: {} answers that nobody can have been given\n", map.entry.name,
                     cell->name, counted.wrong);
          right = false;
        }
        if (empty) right = sums_are_right(map.entry.name, "after the creations", *empty, options.documents, 0) && right;
      }
    }
    for (const Filled& map : maps) {
      right = sums_are_right(map.entry.name, "at the end", *map.contender, options.documents, map.increments) && right;
    }
  }
  return right;
}

int run_program(int argc, char** argv) {
  Options options;
  CLI::App app{
      "occkit_plain: maps of other libraries and ours in a plain loop, as one would use them without the harness. Rows "
      "(CSV) have one line for each cell, map, number of threads and replicate; the sums of all documents' counters "
      "are "
      "checked. All maps are filled at once: 300 bytes for each document and map."};
  app.add_option("--maps", options.maps, "maps, separated by commas (default: all)")->delimiter(',');
  app.add_option("--cells", options.cells, "what is measured (default: all)")->delimiter(',');
  app.add_option("--threads", options.threads, "numbers of threads (default: 1,2)")->delimiter(',');
  app.add_option("--docs", options.documents, "documents (default: 1000000)");
  app.add_option("--seconds", options.seconds, "of one measurement (default: 0.3)");
  app.add_option("--replicates", options.replicates, "times that everything is measured (default: 3)");
  app.add_option("--seed", options.seed, "of everything random (default: 1)");
  app.add_option("--out", options.out, "file for the rows (default: standard output)");
  app.add_flag("--list", options.list, "the maps of this build, and the cells");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitBadInput;
  }
  const std::vector<Entry> entries = all_entries();
  if (options.list) {
    for (const Entry& entry : entries) fmt::print("{:26} {}\n", entry.name, entry.summary);
    fmt::print("\n");
    for (const Cell& cell : kCells) fmt::print("{:26} {}\n", cell.name, cell.summary);
    return kExitOk;
  }
  check(options);
  const auto maps = choose(std::span(entries), options.maps, "--maps");
  const auto cells = choose(std::span<const Cell>(kCells), options.cells, "--cells");
  Output output(options.out);
  return run(options, maps, cells, output) ? kExitOk : kExitVerificationFailed;
}

}  // namespace
}  // namespace occ::plain

int main(int argc, char** argv) {
  try {
    return occ::plain::run_program(argc, argv);
  } catch (const occ::BadInput& error) {
    fmt::print(stderr, "occkit_plain: {}\n", error.what());
    return occ::kExitBadInput;
  } catch (const std::exception& error) {
    fmt::print(stderr, "occkit_plain: internal error: {}\n", error.what());
    return occ::kExitInternalError;
  }
}
