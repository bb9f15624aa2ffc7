#include "harness/history/history_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <istream>
#include <iterator>
#include <limits>
#include <optional>
#include <ostream>
#include <span>
#include <stdexcept>
#include <unordered_map>

#include "harness/history/history_outcome.hpp"
#include "harness/support/bad_input.hpp"

namespace occ {
namespace {

constexpr std::string_view kFormat = "occkit-history";
constexpr int kFormatVersion = 1;
constexpr double kNsPerMs = 1e6;
/// A line longer than that is no operation.
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 16;
constexpr std::size_t kWriteBytes = std::size_t{1} << 16;

// In the order of the enumerations.
constexpr std::array<std::string_view, 4> kOps = {"get", "index", "delete", "update"};
/// Of conflicts, which a history can have; not of rejections.
constexpr auto kCauses = std::span(kCauseNames).first<static_cast<std::size_t>(Cause::version_higher) + 1>();
constexpr std::array<std::string_view, 1> kOpTypes = {"create"};
constexpr std::array<std::string_view, 3> kVersionTypes = {"internal", "external", "external_gte"};
constexpr std::array<std::string_view, 21> kFields = {
    "thread",     "document",        "shard",         "op",           "begin",   "end",    "item",
    "if_seq_no",  "if_primary_term", "version",       "version_type", "op_type", "result", "cause",
    "decided_on", "_seq_no",         "_primary_term", "_version",     "saw",     "read",   "wrote"};
static_assert(static_cast<std::size_t>(HistoryKind::update) + 1 == kOps.size());

class Writer {
 public:
  Writer(std::ostream& out, const HistoryRules& rules, std::uint64_t zero)
      : out_(out), rules_(rules), ns_per_tick_(kNsPerMs / rules.ticks_per_ms), zero_(zero) {
    several_shards_ = std::ranges::any_of(rules.shards, [](std::uint32_t shard) { return shard != 0; });
  }

  void header(const Json& header) {
    line_ += to_text(header);
    line_ += '\n';
  }

  /// `item`: the place in its bulk call, if it is of one.
  void entry(const HistoryEntry& entry, std::optional<std::size_t> item) {
    const auto at = std::back_inserter(line_);
    fmt::format_to(at, R"({{"thread":{},"document":{})", entry.thread, entry.document);
    if (several_shards_ && rules_.shards[entry.document] != HistoryRules::kUnknownShard)
      fmt::format_to(at, R"(,"shard":{})", rules_.shards[entry.document]);
    fmt::format_to(at, R"(,"op":"{}","begin":{})", kOps[static_cast<std::size_t>(entry.kind)], ns(entry.begin));
    const bool answered = entry.end != HistoryEntry::kUnanswered;
    if (answered) fmt::format_to(at, R"(,"end":{})", ns(entry.end));
    if (item) fmt::format_to(at, R"(,"item":{})", *item);
    condition(entry);
    if (answered) answer(entry);
    if (entry.read != 0) fmt::format_to(at, R"(,"read":{})", entry.read);
    if (entry.wrote != 0) fmt::format_to(at, R"(,"wrote":{})", entry.wrote);
    line_ += "}\n";
    if (line_.size() >= kWriteBytes) flush();
  }

  void flush() {
    out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
    if (!out_.flush()) throw CannotWrite("the history");
    line_.clear();
  }

 private:
  [[nodiscard]] std::uint64_t ns(std::uint64_t ticks) const {
    return static_cast<std::uint64_t>(static_cast<double>(ticks - zero_) * ns_per_tick_);
  }

  void condition(const HistoryEntry& entry) {
    const auto at = std::back_inserter(line_);
    const auto word = SeqNoTerm::from_bits(entry.condition);
    const auto version = [&](std::string_view type) {
      fmt::format_to(at, R"(,"version":{},"version_type":"{}")", std::bit_cast<Version>(entry.condition), type);
    };
    switch (entry.precondition) {
      case Precondition::Kind::none:
        if (entry.kind == HistoryKind::update && !word.vacant())
          fmt::format_to(at, R"(,"saw":[{},{}])", word.seq_no(), word.term());
        break;
      case Precondition::Kind::seq_no_term:
        fmt::format_to(at, R"(,"if_seq_no":{},"if_primary_term":{})", word.seq_no(), word.term());
        break;
      case Precondition::Kind::version:
        version("internal");
        break;
      case Precondition::Kind::external:
        version("external");
        break;
      case Precondition::Kind::external_gte:
        version("external_gte");
        break;
      case Precondition::Kind::must_not_exist:
        line_ += R"(,"op_type":"create")";
        break;
    }
  }

  void answer(const HistoryEntry& entry) {
    const auto at = std::back_inserter(line_);
    fmt::format_to(at, R"(,"result":"{}")", to_string(entry.result));
    if (entry.result == Result::rejected) return;
    if (entry.result == Result::conflict && entry.cause != Cause::none)
      fmt::format_to(at, R"(,"cause":"{}")", to_string(entry.cause));
    if (entry.decided_on == kUntoldWord)
      line_ += R"(,"decided_on":null)";
    else if (!entry.decided_on.vacant())
      fmt::format_to(at, R"(,"decided_on":[{},{}])", entry.decided_on.seq_no(), entry.decided_on.term());
    if (entry.word != entry.decided_on && !entry.word.vacant())
      fmt::format_to(at, R"(,"_seq_no":{},"_primary_term":{})", entry.word.seq_no(), entry.word.term());
    if (entry.version == kUntoldVersion)
      line_ += R"(,"_version":null)";
    else if (entry.version != kVersionNotFound)
      fmt::format_to(at, R"(,"_version":{})", entry.version);
  }

  std::ostream& out_;
  const HistoryRules& rules_;
  bool several_shards_ = false;
  std::string line_;
  double ns_per_tick_;
  std::uint64_t zero_;
};

/// One line of a file, and what to say when it is not what it should be.
class Line {
 public:
  Line(std::string_view name, std::size_t number) : name_(name), number_(number) {}

  [[nodiscard]] BadInput wrong(std::string_view message) const {
    return BadInput(fmt::format("{}:{}: {}", name_, number_, message));
  }

  [[nodiscard]] Json parse(std::string_view text) const {
    try {
      Json value = parse_json(text);
      if (value.is_object()) return value;
    } catch (const JsonError& error) {
      throw wrong(error.what());
    }
    throw wrong("each line must be a JSON object");
  }

  [[nodiscard]] std::optional<std::int64_t> integer(const Json& object, std::string_view field, std::int64_t least,
                                                    std::int64_t most) const {
    const auto at = object.find(field);
    if (at == object.end()) return {};
    return checked_integer(*at, field, least, most);
  }
  [[nodiscard]] std::int64_t checked_integer(const Json& value, std::string_view field, std::int64_t least,
                                             std::int64_t most) const {
    if (value.is_number_integer() && (!value.is_number_unsigned() || value.get<std::uint64_t>() <= kMost)) {
      const auto number = value.get<std::int64_t>();
      if (number >= least && number <= most) return number;
    }
    throw wrong(fmt::format("{} must be a whole number from {} to {}, not {}", field, least, most, to_text(value)));
  }
  /// [_seq_no, _primary_term]
  [[nodiscard]] std::optional<SeqNoTerm> word(const Json& object, std::string_view field) const {
    const auto at = object.find(field);
    if (at == object.end()) return {};
    if (!at->is_array() || at->size() != 2)
      throw wrong(fmt::format("{} must be [_seq_no, _primary_term], not {}", field, to_text(*at)));
    return word((*at)[0], fmt::format("{}[0]", field), (*at)[1], fmt::format("{}[1]", field));
  }
  [[nodiscard]] std::optional<SeqNoTerm> word(const Json& object, std::string_view seq_no,
                                              std::string_view term) const {
    const auto first = object.find(seq_no);
    const auto second = object.find(term);
    if (first == object.end() && second == object.end()) return {};
    if (first == object.end() || second == object.end())
      throw wrong(fmt::format("{} and {} go together: one of them is missing", seq_no, term));
    return word(*first, seq_no, *second, term);
  }
  /// The place of a name in `names`.
  [[nodiscard]] std::optional<std::size_t> name(const Json& object, std::string_view field,
                                                std::span<const std::string_view> names) const {
    const auto at = object.find(field);
    if (at == object.end()) return {};
    const auto found = at->is_string() ? std::ranges::find(names, at->get_ref<const std::string&>()) : names.end();
    if (found == names.end())
      throw wrong(fmt::format("{} must be one of {}, not {}", field, fmt::join(names, ", "), to_text(*at)));
    return static_cast<std::size_t>(found - names.begin());
  }
  template <class T>
  [[nodiscard]] T needed(std::optional<T> value, std::string_view field) const {
    if (!value) throw wrong(fmt::format("{} is missing", field));
    return *value;
  }

  static constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

 private:
  [[nodiscard]] SeqNoTerm word(const Json& seq_no, std::string_view seq_no_name, const Json& term,
                               std::string_view term_name) const {
    return {static_cast<std::uint64_t>(
                checked_integer(seq_no, seq_no_name, 0, static_cast<std::int64_t>(SeqNoTerm::kMaxSeqNo))),
            static_cast<std::uint64_t>(
                checked_integer(term, term_name, 0, static_cast<std::int64_t>(SeqNoTerm::kMaxTerm)))};
  }

  std::string_view name_;
  std::size_t number_;
};

void read_header(const Line& line, const Json& header, HistoryFile& file) {
  const std::string expected = fmt::format(
      R"(the first line must say what the file is: {{"format":"{}","format_version":{},"time_unit":"ns","gc_deletes_ms":60000}})",
      kFormat, kFormatVersion);
  const auto text = [&](const char* field) {
    const auto at = header.find(field);
    return at == header.end() ? std::string() : scalar_text(*at);
  };
  if (text("format") != kFormat || text("format_version") != std::to_string(kFormatVersion) ||
      text("time_unit") != "ns" || !header.contains("gc_deletes_ms")) {
    throw line.wrong(expected);
  }
  file.rules.gc_deletes_ms = *line.integer(header, "gc_deletes_ms", -1, Line::kMost);
  file.rules.tombstones_match = line.integer(header, "compat", 6, 8) == 6;
  file.rules.ticks_per_ms = kNsPerMs;
}

void read_condition(const Line& line, const Json& object, HistoryEntry& entry) {
  const auto word = line.word(object, "if_seq_no", "if_primary_term");
  const auto version = line.integer(object, "version", std::numeric_limits<std::int64_t>::min(), Line::kMost);
  const auto version_type = line.name(object, "version_type", kVersionTypes);
  const auto create = line.name(object, "op_type", kOpTypes);
  const auto saw = line.word(object, "saw");
  if (version.has_value() != version_type.has_value())
    throw line.wrong("version and version_type go together: one of them is missing");
  const int conditions = (word ? 1 : 0) + (version ? 1 : 0) + (create ? 1 : 0);
  if (conditions > 1) throw line.wrong("one condition at most: if_seq_no, version or op_type");
  const bool update = entry.kind == HistoryKind::update;
  if (conditions == 1 && entry.kind == HistoryKind::get) throw line.wrong("a get has no condition");
  if (update && (version || create)) throw line.wrong("the only condition of an update is if_seq_no");
  if (saw && (!update || word)) throw line.wrong("saw is for updates without a condition");
  if (word) {
    entry.precondition = Precondition::Kind::seq_no_term;
    entry.condition = word->bits();
  } else if (version) {
    constexpr std::array kKinds = {Precondition::Kind::version, Precondition::Kind::external,
                                   Precondition::Kind::external_gte};
    entry.precondition = kKinds[*version_type];
    entry.condition = std::bit_cast<std::uint64_t>(*version);
  } else if (create) {
    entry.precondition = Precondition::Kind::must_not_exist;
  } else if (saw) {
    entry.condition = saw->bits();
  }
}

void check_result(const Line& line, const HistoryEntry& entry) {
  using enum Result;
  constexpr std::array<std::array<bool, kResultNames.size()>, kOps.size()> kPossible = {{
      // found, created, updated, deleted, noop, not_found, conflict, rejected
      {true, false, false, false, false, true, false, true},
      {false, true, true, false, false, false, true, true},
      {false, false, false, true, false, true, true, true},
      {false, true, true, true, true, true, true, true},
  }};
  const auto op = static_cast<std::size_t>(entry.kind);
  if (kPossible[op][static_cast<std::size_t>(entry.result)]) return;
  std::vector<std::string_view> possible;
  for (std::size_t i = 0; i < kResultNames.size(); ++i) {
    if (kPossible[op][i]) possible.push_back(kResultNames[i]);
  }
  throw line.wrong(fmt::format("result of op {} must be one of {}, not {}", kOps[op], fmt::join(possible, ", "),
                               to_string(entry.result)));
}

HistoryEntry read_entry(const Line& line, const Json& object) {
  for (const auto& [field, value] : object.items()) {
    if (std::ranges::find(kFields, field) == kFields.end())
      throw line.wrong(fmt::format("unknown field '{}': accepted are {}", field, fmt::join(kFields, ", ")));
  }
  HistoryEntry entry;
  constexpr std::int64_t kMostPrint = std::numeric_limits<std::uint32_t>::max();
  entry.thread = static_cast<std::uint16_t>(
      line.needed(line.integer(object, "thread", 0, std::numeric_limits<std::uint16_t>::max()), "thread"));
  entry.kind = static_cast<HistoryKind>(line.needed(line.name(object, "op", kOps), "op"));
  entry.begin = static_cast<std::uint64_t>(line.needed(line.integer(object, "begin", 0, Line::kMost), "begin"));
  const auto end = line.integer(object, "end", 0, Line::kMost);
  if (end) entry.end = static_cast<std::uint64_t>(*end);
  if (entry.end < entry.begin) throw line.wrong(fmt::format("end {} is before begin {}", entry.end, entry.begin));
  read_condition(line, object, entry);
  entry.read = static_cast<std::uint32_t>(line.integer(object, "read", 1, kMostPrint).value_or(0));
  entry.wrote = static_cast<std::uint32_t>(line.integer(object, "wrote", 1, kMostPrint).value_or(0));
  const auto result = line.name(object, "result", kResultNames);
  if (end.has_value() != result.has_value())
    throw line.wrong(end ? "result is missing: an operation that has an end has been answered"
                         : "end is missing: an operation that has a result has been answered");
  if (!result) return entry;
  entry.result = static_cast<Result>(*result);
  check_result(line, entry);
  entry.cause = static_cast<Cause>(line.name(object, "cause", kCauses).value_or(0));
  const auto untold = [&object](const char* field) {
    const auto at = object.find(field);
    return at != object.end() && at->is_null();
  };
  entry.decided_on = untold("decided_on") ? kUntoldWord : line.word(object, "decided_on").value_or(SeqNoTerm());
  entry.word = line.word(object, "_seq_no", "_primary_term").value_or(entry.decided_on);
  entry.version = untold("_version")
                      ? kUntoldVersion
                      : line.integer(object, "_version", kVersionNotFound, Line::kMost).value_or(kVersionNotFound);
  return entry;
}

}  // namespace

void write_history(std::ostream& out, const Json& header, std::span<const std::span<const HistoryEntry>> threads,
                   const HistoryRules& rules) {
  Json first = {{"format", kFormat},
                {"format_version", kFormatVersion},
                {"time_unit", "ns"},
                {"gc_deletes_ms", rules.gc_deletes_ms}};
  if (rules.tombstones_match) first["compat"] = 6;
  std::uint32_t shards = 0;
  for (const std::uint32_t shard : rules.shards) {
    if (shard != HistoryRules::kUnknownShard) shards = std::max(shards, shard + 1);
  }
  // A file whose lines tell no shard is one of a single shard, unless it says that none is known.
  const bool told = std::ranges::any_of(threads, [&](std::span<const HistoryEntry> entries) {
    return std::ranges::any_of(entries, [&](const HistoryEntry& entry) {
      return !rules.shards.empty() && rules.shards[entry.document] != HistoryRules::kUnknownShard;
    });
  });
  if (shards == 0 || !told) {
    first["shards"] = nullptr;
  } else if (shards > 1) {
    first["shards"] = shards;
  }
  if (header.is_object()) first.update(header);
  std::uint64_t zero = HistoryEntry::kUnanswered;
  for (const auto entries : threads) {
    for (const HistoryEntry& entry : entries) zero = std::min(zero, entry.begin);
  }
  Writer writer(out, rules, zero);
  writer.header(first);
  for (const auto entries : threads) {
    std::size_t item = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const bool follows = i > 0 && in_one_call(entries[i - 1], entries[i]);
      item = follows ? item + 1 : 0;
      const bool of_call = follows || (i + 1 < entries.size() && in_one_call(entries[i], entries[i + 1]));
      writer.entry(entries[i], of_call ? std::optional(item) : std::nullopt);
    }
  }
  writer.flush();
}

namespace {

/// Which document is in which shard, line by line.
class Shards {
 public:
  explicit Shards(HistoryFile& file) : file_(file) {}

  void read_header(const Line& line) {
    const auto at = file_.header.find("shards");
    file_.says_shards = at != file_.header.end();
    count_ = file_.says_shards && at->is_null()
                 ? HistoryRules::kMostShards
                 : line.integer(file_.header, "shards", 1, HistoryRules::kMostShards).value_or(1);
  }

  void read_line(const Line& line, const Json& object, std::uint32_t document) {
    file_.rules.shards.resize(file_.ids.size(), HistoryRules::kUnknownShard);
    const std::int64_t most = (file_.says_shards ? count_ : HistoryRules::kMostShards) - 1;
    const auto told = line.integer(object, "shard", 0, most);
    if (!told) return;
    any_told_ = true;
    std::uint32_t& shard = file_.rules.shards[document];
    const auto said = static_cast<std::uint32_t>(*told);
    if (shard != HistoryRules::kUnknownShard && shard != said) {
      throw line.wrong(fmt::format("document '{}' is in shard {} here, and in shard {} in a line before",
                                   file_.ids[document], said, shard));
    }
    shard = said;
  }

  void end() {
    if (count_ == 1 && !any_told_) file_.rules.shards.assign(file_.ids.size(), 0);
  }

 private:
  HistoryFile& file_;
  std::int64_t count_ = 1;
  bool any_told_ = false;
};

/// Items of each bulk call in their order: `items` are their places, by thread and line.
void order_items(HistoryFile& file, const std::vector<std::vector<std::uint32_t>>& items) {
  for (std::size_t thread = 0; thread < items.size(); ++thread) {
    auto& entries = file.threads[thread];
    std::vector<std::size_t> order;
    for (std::size_t first = 0; first < entries.size(); first += order.size()) {
      order.assign(1, first);
      while (first + order.size() < entries.size() && in_one_call(entries[first], entries[first + order.size()]))
        order.push_back(first + order.size());
      if (order.size() == 1) continue;
      std::ranges::stable_sort(order, {}, [&](std::size_t at) { return items[thread][at]; });
      std::vector<HistoryEntry> sorted;
      for (const std::size_t at : order) sorted.push_back(entries[at]);
      std::ranges::copy(sorted, entries.begin() + static_cast<std::ptrdiff_t>(first));
    }
  }
}

}  // namespace

HistoryFile read_history(std::istream& in, std::string_view name) {
  HistoryFile file;
  std::unordered_map<std::string, std::uint32_t> documents;
  std::string buffer(kMaxLineBytes, '\0');
  std::size_t number = 0;
  std::size_t operations = 0;
  Shards shards(file);
  std::vector<std::vector<std::uint32_t>> items;
  bool any_items = false;
  for (;;) {
    const Line line(name, ++number);
    in.getline(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto read = static_cast<std::size_t>(in.gcount());
    if (in.bad()) throw line.wrong("cannot be read");
    if (in.eof() && read == 0) break;
    if (in.fail()) throw line.wrong(fmt::format("a line of more than {} bytes", kMaxLineBytes - 2));
    // Without the end of the line, which is counted if there was one.
    std::string_view text(buffer.data(), in.eof() ? read : read - 1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty() && number > 1) continue;
    const Json object = line.parse(text);
    if (number == 1) {
      read_header(line, object, file);
      file.header = object;
      shards.read_header(line);
      continue;
    }
    HistoryEntry entry = read_entry(line, object);
    const auto document = object.find("document");
    if (document == object.end()) throw line.wrong("document is missing");
    if (!document->is_string() && !document->is_number_integer())
      throw line.wrong(fmt::format("document must be a whole number or a string, not {}", to_text(*document)));
    const auto [known, fresh] =
        documents.try_emplace(scalar_text(*document), static_cast<std::uint32_t>(documents.size()));
    if (fresh) file.ids.push_back(known->first);
    entry.document = known->second;
    shards.read_line(line, object, entry.document);
    if (file.threads.size() <= entry.thread) {
      file.threads.resize(entry.thread + 1U);
      items.resize(file.threads.size());
    }
    file.threads[entry.thread].push_back(entry);
    const auto item = line.integer(object, "item", 0, std::numeric_limits<std::uint32_t>::max());
    any_items |= item.has_value();
    items[entry.thread].push_back(static_cast<std::uint32_t>(item.value_or(0)));
    ++operations;
  }
  const Line end(name, number);
  if (number == 1) throw end.wrong("the file is empty");
  if (operations == 0) throw end.wrong("there is no operation in it");
  file.rules.documents = static_cast<std::uint32_t>(file.ids.size());
  shards.end();
  if (any_items) order_items(file, items);
  return file;
}

}  // namespace occ
