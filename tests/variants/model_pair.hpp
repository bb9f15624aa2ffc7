/// A strategy and the sequential model, given the same operations and compared outcome by outcome. Shared by the random
/// test and the fuzzer; knows no test framework.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/build/hash.hpp"
#include "core/memory/block.hpp"
#include "core/memory/size_class.hpp"
#include "core/slots/slot_key.hpp"
#include "core/table/any_table.hpp"
#include "tests/choices.hpp"
#include "tests/print.hpp"
#include "tests/variants/reference_table.hpp"
#include "variants/strategies.hpp"

namespace occ {

class ModelPair {
 public:
  /// Every operation is described in a line of `narrative` if there is one.
  ModelPair(std::string_view strategy, Choices& choices, std::string* narrative = nullptr,
            Compatibility compatibility = Compatibility::v7)
      : choices_(choices),
        narrative_(narrative),
        options_{.shards = choices.pick<std::uint32_t>({1, 1, 3, 7}),
                 .gc_deletes_ms = some_gc_deletes(),
                 .clock = &clock_,
                 .first_seq_no = choices.pick<std::uint64_t>({0, 0, 1'000'000'007, Shard::kSeqNoLimit - 40}),
                 .compatibility = compatibility},
        table_(make_table(strategy, options_)),
        model_(options_) {
    narrate("table of ", strategy, ", ", options_.shards, " shards, gc_deletes ", options_.gc_deletes_ms,
            " ms, first seq_no ", options_.first_seq_no);
    add_handle();
  }

  /// One operation on both. Returns what differs, one line for each thing; empty if nothing does.
  std::string step() {
    id_ = some_id();
    use_ = choices_.below(handles_.size());
    switch (choices_.below(16)) {
      case 0:
      case 1:
        get();
        break;
      case 2:
      case 3:
      case 4:
        index();
        break;
      case 5:
        narrate("create ", name(id_));
        compare(mine().create(id_, {}), model().create(id_, {}));
        break;
      case 6:
      case 7:
        remove();
        break;
      case 8:
      case 9:
      case 10:
      case 11:
        update();
        break;
      case 12:
        bulk();
        break;
      case 13:
        change_handles();
        break;
      case 14:
        fill_segment();
        break;
      default:
        environment();
    }
    remember();
    return std::exchange(differences_, {});
  }

  /// Every id, read by a handle that has seen nothing yet, and the counters of all handles together.
  std::string finish() {
    add_handle();
    use_ = handles_.size() - 1;
    for (const std::string& id : ids()) {
      id_ = id;
      get();
    }
    while (!handles_.empty()) retire(handles_.size() - 1);
    for (const Counters::Field& field : Counters::fields()) {
      same(field.name, counters_.*field.member, model_counters_.*field.member);
    }
    return std::exchange(differences_, {});
  }

 private:
  struct HandlePair {
    HandlePair(AnyTable& table, ReferenceTable& reference) : mine(table.handle()), model(reference.handle()) {}
    std::unique_ptr<AnyHandle> mine;
    ReferenceTable::Handle model;
  };

  /// What one transform was shown.
  struct Shown {
    Version version;
    SeqNoTerm word;
    std::uint64_t source;
    friend bool operator==(const Shown&, const Shown&) = default;
    friend void PrintTo(const Shown& shown, std::ostream* out) {
      *out << "version " << shown.version << ", word ";
      PrintTo(shown.word, out);
      *out << ", a source with hash " << shown.source;
    }
  };
  struct Thrown {};
  static constexpr std::size_t kMostHandles = 4;

  // Ids: lengths around the slot's inline bytes and the limit, texts that differ late, and many in one segment of the
  // directory, so that it grows. The last two are refused.

  static constexpr std::size_t kFamily = 40;
  static const std::vector<std::string>& ids() {
    static const std::vector<std::string> all = [] {
      constexpr std::size_t kInline = SlotKey::kInlineBytes;
      std::vector<std::string> some{"a",
                                    "b",
                                    std::string(kInline, 'i'),
                                    std::string(kInline + 1, 'i'),
                                    std::string(kMaxIdBytes, 'y'),
                                    "c",
                                    std::string(1, '\0'),
                                    std::string("a\0b", 3),
                                    std::string(8, 'w'),
                                    std::string(kInline - 1, 'i'),
                                    std::string(kInline, 'i') + "j",
                                    std::string(240, 'x'),
                                    std::string(241, 'x'),
                                    std::string(kMaxIdBytes - 1, 'y'),
                                    std::string(kMaxIdBytes - 1, 'y') + "z"};
      const std::uint64_t segment = hash_id("family 0") >> 56U;
      for (std::size_t member = 0, found = 0; found < kFamily; ++member) {
        const std::string id = "family " + std::to_string(member);
        if (hash_id(id) >> 56U != segment) continue;
        some.push_back(id);
        ++found;
      }
      some.emplace_back();
      some.emplace_back(kMaxIdBytes + 1, 'z');
      return some;
    }();
    return all;
  }
  const std::string& some_id() {
    const std::size_t choice = choices_.below(256);
    return ids()[choice < 192 ? choice % 6 : choice % ids().size()];
  }
  static std::string name(std::string_view id) {
    std::string quoted(1, '"');
    for (const char c : id.substr(0, 12)) c == '\0' ? quoted.append("\\0") : quoted.append(1, c);
    if (id.size() <= 12) return quoted + '"';
    return quoted + "...\" (" + std::to_string(id.size()) + " bytes)";
  }

  /// Sizes at the edges of the size classes as often as anywhere below 40 KiB.
  std::size_t some_size() {
    constexpr std::size_t kMost = std::size_t{40} << 10;
    switch (choices_.below(4)) {
      case 0:
        return choices_.below(10);
      case 1:
        return choices_.below(300);
      case 2: {
        const std::size_t size = SizeClass::bytes(choices_.below(SizeClass::of(kMost))) - sizeof(Block) + 2;
        return size - std::min(size, choices_.below(12));
      }
      default:
        return choices_.below(kMost + 1);
    }
  }
  /// No two sources have a whole 64-bit word in common.
  std::string some_source() {
    std::string source(some_size(), '\0');
    for (std::size_t at = 0; at < source.size(); at += sizeof serial_) {
      ++serial_;
      const std::uint64_t mixed = serial_ * 0x9e3779b97f4a7c15;
      std::memcpy(source.data() + at, &mixed, std::min(sizeof mixed, source.size() - at));
    }
    return source;
  }
  static Bytes too_large() {
    static const std::vector<std::byte> zeros(kMaxSourceBytes + 1);
    return zeros;
  }
  std::int64_t some_gc_deletes() {
    return choices_.pick<std::int64_t>({-1, 0, 10, 60'000, 60'000, std::numeric_limits<std::int64_t>::max()});
  }

  /// The truth, values next to it, what was true of some document a while ago, and values that no document can have.
  Precondition some_precondition() {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
    const State now = model_.state(id_);
    const State& then = choices_.chance(3) ? remembered_[choices_.below(remembered_.size())] : now;
    const auto seq_no = static_cast<std::int64_t>(then.word.seq_no());
    const auto term = static_cast<std::int64_t>(then.word.term());
    switch (choices_.below(8)) {
      case 0:
        return Precondition::if_seq_no(seq_no, term);
      case 1:
        return Precondition::if_seq_no(
            choices_.pick<std::int64_t>({seq_no - 1, seq_no, seq_no + 1, seq_no + (std::int64_t{1} << 48), kLeast}),
            choices_.pick<std::int64_t>({term - 1, term, term + 1, term + (1 << SeqNoTerm::kTermBits), -1, kMost}));
      case 2:
        return Precondition::if_version(std::min(then.version, kMost - 1) + choices_.pick<Version>({-1, 0, 0, 1}));
      case 3:
        return Precondition::external(some_version(then.version));
      case 4:
        return Precondition::external_gte(some_version(then.version));
      case 5:
        return Precondition::must_not_exist();
      default:
        return Precondition::none();
    }
  }
  /// The largest one rarely: a document that has it takes part in nothing any more.
  Version some_version(Version near) {
    constexpr auto kMost = std::numeric_limits<Version>::max();
    if (choices_.chance(64)) return choices_.pick<Version>({kMost, kMost - 1, std::numeric_limits<Version>::min()});
    return std::min(near, kMost - 5) + choices_.pick<Version>({-2, -1, 0, 1, 5});
  }
  static std::string text(const Precondition& precondition) {
    switch (precondition.kind) {
      case Precondition::Kind::none:
        return "";
      case Precondition::Kind::seq_no_term:
        return " if (" + std::to_string(precondition.seq_no()) + ", " + std::to_string(precondition.term()) + ")";
      case Precondition::Kind::version:
        return " if version " + std::to_string(precondition.version);
      case Precondition::Kind::external:
        return " external " + std::to_string(precondition.version);
      case Precondition::Kind::external_gte:
        return " external_gte " + std::to_string(precondition.version);
      case Precondition::Kind::must_not_exist:
        return " if absent";
    }
    return "";
  }
  void remember() {
    const State state = model_.state(id_);
    if (state.kind == State::Kind::absent) return;
    remembered_[remembered_next_++ % remembered_.size()] = state;
  }

  void get() {
    narrate("get ", name(id_));
    Document read;
    Document expected;
    const Outcome outcome = mine().get(id_, read);
    if (compare(outcome, model().get(id_, expected), true)) same_document(read, expected);
  }
  void same_document(const Document& read, const Document& expected) {
    same("the document's version", read.version, expected.version);
    same("the document's word", read.word, expected.word);
    same("the document's bytes", read.source.size(), expected.source.size());
    if (read.source.text() != expected.source.text()) differs("the document's source differs");
  }

  void index() {
    const auto precondition = some_precondition();
    if (choices_.chance(200)) {
      narrate("index ", name(id_), " one byte too large");
      compare(mine().index(id_, too_large(), precondition), model().index(id_, too_large(), precondition));
      return;
    }
    const std::string source = some_source();
    narrate("index ", name(id_), " ", source.size(), " bytes", text(precondition));
    compare(mine().index(id_, as_bytes(source), precondition), model().index(id_, as_bytes(source), precondition));
  }

  void remove() {
    const auto precondition = some_precondition();
    narrate("remove ", name(id_), text(precondition));
    compare(mine().remove(id_, precondition), model().remove(id_, precondition));
  }

  UpdateOptions some_update_options(const std::string& upsert) {
    UpdateOptions options{
        .retry_on_conflict = static_cast<std::uint32_t>(choices_.below(3)),
        .form = choices_.pick({UpdateForm::strategy_default, UpdateForm::in_place, UpdateForm::optimistic})};
    const Precondition precondition = some_precondition();
    // Conditions that updates do not have are refused; enough of them to see that.
    if (precondition.kind == Precondition::Kind::seq_no_term || choices_.chance(32)) {
      options.precondition = precondition;
    }
    if (options.precondition.kind == Precondition::Kind::none ? choices_.chance(2) : choices_.chance(32)) {
      options.upsert = as_bytes(upsert);
    }
    return options;
  }

  enum class Change : std::uint8_t { replace, append, halve, keep, remove, fail, overgrow };

  /// A transform that does `change` and notes down what it was shown.
  static auto transform(Change change, const std::string& fresh, std::vector<Shown>& shown) {
    return [change, &fresh, &shown](const DocumentView& current, Source& next) {
      shown.push_back({current.version, current.word, hash_id(as_text(current.source))});
      switch (change) {
        case Change::replace:
          next.assign(as_bytes(fresh));
          return Transformed::write;
        case Change::append: {
          const std::string_view before = as_text(current.source).substr(0, std::size_t{40} << 10);
          next.assign(as_bytes(std::string(before) + fresh.substr(0, 100)));
          return Transformed::write;
        }
        case Change::halve:
          next.assign(current.source.first(current.source.size() / 2));
          return Transformed::write;
        case Change::keep:
          next.assign(as_bytes(fresh));  // of no effect
          return Transformed::keep;
        case Change::remove:
          return Transformed::remove;
        case Change::fail:
          throw Thrown();
        case Change::overgrow:
          next.resize_for_overwrite(kMaxSourceBytes + 1);
          return Transformed::write;
      }
      return Transformed::keep;
    };
  }
  Change some_change() { return choices_.chance(32) ? Change::overgrow : static_cast<Change>(choices_.below(6)); }

  void update() {
    const std::string upsert = some_source();
    const std::string fresh = some_source();
    const UpdateOptions options = some_update_options(upsert);
    const Change change = some_change();
    constexpr const char* kNames[] = {"replace", "append", "halve", "keep", "remove", "fail", "overgrow"};
    narrate("update ", name(id_), " ", to_string(options.form), " ", kNames[static_cast<int>(change)], " ",
            fresh.size(), " bytes", text(options.precondition), options.upsert ? ", upsert of " : "",
            options.upsert ? std::to_string(upsert.size()) : "");
    std::vector<Shown> shown;
    std::vector<Shown> expected_shown;
    const auto run = [&](auto& handle, std::vector<Shown>& to) -> std::optional<Outcome> {
      try {
        return handle.update(id_, transform(change, fresh, to), options);
      } catch (const Thrown&) {
        return std::nullopt;
      }
    };
    const auto outcome = run(mine(), shown);
    if (!table_->info().supports(options.form)) {
      ++model_counters_.rejected;
      if (outcome) compare(*outcome, {.result = Result::rejected, .cause = Cause::update_form_unsupported});
    } else {
      const auto expected = run(model(), expected_shown);
      same("the transform's exception reached the caller", !outcome, !expected);
      if (outcome && expected) compare(*outcome, *expected);
    }
    same("runs of the transform", shown.size(), expected_shown.size());
    for (std::size_t i = 0; i < std::min(shown.size(), expected_shown.size()); ++i) {
      same("the transform was shown", shown[i], expected_shown[i]);
    }
  }

  void bulk() {
    constexpr std::size_t kItems = 4;
    struct Given {
      std::string source, upsert;
      std::vector<Shown> shown, expected_shown;
      Document document, expected_document;
    };
    std::array<Given, kItems> given;
    std::array<BulkItem, kItems> items;
    std::array<BulkItem, kItems> expected;
    const auto change = choices_.pick({Change::replace, Change::append, Change::halve, Change::keep, Change::remove});
    narrate("bulk of ", kItems);
    for (std::size_t i = 0; i < kItems; ++i) {
      given[i].source = some_source();
      given[i].upsert = some_source();
      id_ = ids()[choices_.below(6)];
      items[i] = {.kind = static_cast<BulkItem::Kind>(choices_.below(4)),
                  .id = id_,
                  .source = as_bytes(given[i].source),
                  .precondition = some_precondition(),
                  .options = some_update_options(given[i].upsert)};
      if (!table_->info().supports(items[i].options.form)) items[i].options.form = UpdateForm::strategy_default;
      constexpr const char* kNames[] = {"get", "index", "remove", "update"};
      narrate("  ", kNames[static_cast<int>(items[i].kind)], " ", name(id_),
              text(items[i].kind == BulkItem::Kind::update ? items[i].options.precondition : items[i].precondition));
    }
    std::vector<decltype(transform(change, given[0].source, given[0].shown))> functions;
    std::vector<Transform> transforms;
    functions.reserve(2 * kItems);
    transforms.reserve(2 * kItems);
    for (std::size_t i = 0; i < kItems; ++i) {
      items[i].document = &given[i].document;
      expected[i] = items[i];
      expected[i].document = &given[i].expected_document;
      for (auto* shown : {&given[i].shown, &given[i].expected_shown}) {
        functions.push_back(transform(change, given[i].source, *shown));
        transforms.emplace_back(functions.back());
      }
      items[i].transform = &transforms[2 * i];
      expected[i].transform = &transforms[2 * i + 1];
    }
    mine().bulk(items);
    model().bulk(expected);
    for (std::size_t i = 0; i < kItems; ++i) {
      const bool read = items[i].kind == BulkItem::Kind::get;
      if (compare(items[i].outcome, expected[i].outcome, read) && read) {
        same_document(given[i].document, given[i].expected_document);
      }
      if (given[i].shown != given[i].expected_shown) differs("a transform of the bulk was shown something else");
    }
  }

  void change_handles() {
    if (handles_.size() < kMostHandles && choices_.chance(2)) {
      narrate("one more handle");
      add_handle();
    } else if (handles_.size() > 1) {
      narrate("one handle less");
      retire(use_);
    }
  }
  void add_handle() { handles_.push_back(std::make_unique<HandlePair>(*table_, model_)); }
  void retire(std::size_t which) {
    counters_.merge(handles_[which]->mine->counters());
    model_counters_.merge(handles_[which]->model.counters());
    handles_.erase(handles_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void fill_segment() {
    const std::size_t members = choices_.below(kFamily + 1);
    narrate("index ", members, " ids of one segment");
    const std::size_t first = ids().size() - 2 - kFamily;
    for (std::size_t i = 0; i < members; ++i) {
      id_ = ids()[first + i];
      compare(mine().index(id_, as_bytes(id_)), model().index(id_, as_bytes(id_)));
    }
  }

  void environment() {
    switch (choices_.below(3)) {
      case 0: {
        const auto ms = choices_.pick<std::int64_t>({1, 9, 10, 11, 60'000, 60'001, std::int64_t{1} << 40});
        narrate("the clock goes on by ", ms, " ms");
        clock_.advance_ms(ms);
        break;
      }
      case 1: {
        const auto shard = static_cast<std::uint32_t>(choices_.below(options_.shards));
        // Rarely until the terms run out.
        const std::size_t times = choices_.chance(64) ? SeqNoTerm::kMaxTerm : 1;
        narrate("fail over shard ", shard, ", ", times, " times");
        for (std::size_t i = 0; i < times; ++i) same("fail_over", table_->fail_over(shard), model_.fail_over(shard));
        same("the next number", table_->next(shard), model_.next(shard));
        break;
      }
      default: {
        const auto ms = some_gc_deletes();
        if (model_.would_revive(ms)) break;  // purged or not: the contract leaves it open
        narrate("gc_deletes ", ms, " ms");
        table_->set_gc_deletes(ms);
        model_.set_gc_deletes(ms);
      }
    }
  }

  /// Where nothing was written, the words of what is not live are the strategy's own affair: a tombstone may have been
  /// purged. True if a document was read.
  bool compare(const Outcome& outcome, const Outcome& expected, bool read = false) {
    same("result", outcome.result, expected.result);
    same("cause", outcome.cause, expected.cause);
    same("retries", outcome.retries, 0U);
    if (expected.result == Result::rejected) return false;
    if (!read || expected.result != Result::not_found) same("version", outcome.version, expected.version);
    const bool was_live = expected.result == Result::found || expected.result == Result::updated ||
                          expected.result == Result::deleted || expected.result == Result::noop ||
                          expected.cause == Cause::seq_no_mismatch || expected.cause == Cause::already_exists;
    if (was_live || expected.wrote()) same("word", outcome.word, expected.word);
    if (was_live) same("decided_on", outcome.decided_on, expected.decided_on);
    const std::uint32_t shard = model_.shard_of(id_);
    same("shard", table_->shard_of(id_), shard);
    for (std::uint32_t each = 0; each < options_.shards; ++each) {
      same("the next number", table_->next(each), model_.next(each));
    }
    return expected.result == Result::found;
  }

  template <class T>
  static void print(const T& value, std::ostream& out) {
    if constexpr (requires { PrintTo(value, &out); }) {
      PrintTo(value, &out);
    } else {
      out << value;
    }
  }
  template <class T, class U>
  void same(std::string_view what, const T& found, const U& expected) {
    if (found == expected) return;
    std::ostringstream line;
    line << what << " is ";
    print(found, line);
    line << ", the model says ";
    print(expected, line);
    differs(line.str());
  }
  void differs(std::string_view line) { differences_.append(name(id_)).append(": ").append(line).append(1, '\n'); }
  template <class... Parts>
  void narrate(const Parts&... parts) {
    if (narrative_ == nullptr) return;
    std::ostringstream line;
    if (handles_.size() > 1) line << "[handle " << use_ << "] ";
    (line << ... << parts);
    narrative_->append(line.str()).append(1, '\n');
  }

  AnyHandle& mine() { return *handles_[use_]->mine; }
  ReferenceTable::Handle& model() { return handles_[use_]->model; }

  Choices& choices_;
  std::string* narrative_;
  std::string differences_;
  ManualClock clock_;
  TableOptions options_;
  std::unique_ptr<AnyTable> table_;
  ReferenceTable model_;
  std::vector<std::unique_ptr<HandlePair>> handles_;
  std::size_t use_ = 0;
  std::string_view id_;
  std::array<State, 8> remembered_{};
  std::size_t remembered_next_ = 0;
  std::uint64_t serial_ = 0;
  Counters counters_, model_counters_;
};

}  // namespace occ
