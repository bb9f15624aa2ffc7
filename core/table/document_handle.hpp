#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/build/inlining.hpp"
#include "core/model/decide.hpp"
#include "core/model/document.hpp"
#include "core/model/outcome.hpp"
#include "core/model/strategy_info.hpp"
#include "core/model/update.hpp"
#include "core/table/backoff.hpp"
#include "core/table/counters.hpp"

namespace occ {

/// A conditional write as the handle passes it to a strategy. Good while its caller's arguments are.
struct Write {
  Operation operation;
  Bytes source;
  /// Not a copy: one made just before it is read waits for what the caller stored in smaller pieces.
  const Precondition& precondition;
};
inline constexpr Precondition kMustNotExist = Precondition::must_not_exist();

/// What a decision makes of a write before anything was published.
inline Outcome undecided(Decision decision, State state) noexcept {
  return {.result = decision.result,
          .cause = decision.cause,
          .version = decision.version,
          .word = state.word,
          .decided_on = state.word};
}

/// What a strategy's part of a handle works with, whatever the strategy: counters, back-off, memory that is used again, and
/// how an operation ends. A strategy derives from it and counts its attempts with the functions below.
class HandleContext {
 public:
  HandleContext(const HandleContext&) = delete;
  HandleContext& operator=(const HandleContext&) = delete;

 protected:
  /// 16 items are enough for a core's 10 to 16 misses under way at a time, but each stage begins with a wait for its
  /// first item; with 64 that is spread thin, which was measured to be faster.
  static constexpr std::size_t kLookAhead = 64;

  explicit HandleContext(BackoffKind backoff = BackoffKind::none) : backoff_(backoff) {}
  ~HandleContext() = default;

  static Cause check_id(std::string_view id) noexcept {
    if (id.size() - 1 < kMaxIdBytes) [[likely]]  // 0 - 1 is more
      return Cause::none;
    return id.empty() ? Cause::id_empty : Cause::id_too_long;
  }
  /// A condition on an update names the write that was read; it cannot also say what to do with a missing document.
  static bool allowed(const UpdateOptions& options) noexcept {
    if (options.precondition.kind == Precondition::Kind::none) return true;
    return options.precondition.kind == Precondition::Kind::seq_no_term && !options.upsert;
  }
  /// Of an item that indexes or removes.
  static Write write_of(const BulkItem& item) noexcept {
    if (item.kind == BulkItem::Kind::remove) return {Operation::remove, {}, item.precondition};
    return {Operation::index, item.source, item.precondition};
  }
  static Write upsert_of(const UpdateOptions& options) noexcept {
    return {Operation::index, *options.upsert, kMustNotExist};
  }

  /// The client has read the document before, likely with this handle and just now.
  static bool follows_a_read(const Precondition& precondition) noexcept {
    return precondition.kind == Precondition::Kind::seq_no_term || precondition.kind == Precondition::Kind::version;
  }

  /// What a get of that state answers.
  Outcome answer_get(State state) noexcept {
    if (!state.live()) {
      ++counters_.gets_not_found;
      return {.result = Result::not_found, .word = state.word, .decided_on = state.word};
    }
    ++counters_.gets_found;
    return {.result = Result::found, .version = state.version, .word = state.word, .decided_on = state.word};
  }

  /// An attempt is carried through from here on: nothing that can fail for want of memory, numbers or versions comes
  /// after.
  void begin_attempt() noexcept { ++counters_.attempts; }
  /// The end of an attempt that wrote or decided not to.
  OCCKIT_INLINE Outcome finish(const Outcome& outcome) noexcept {
    counters_.count_write(outcome.result, outcome.cause);
    return outcome;
  }
  /// What could not be carried through, for want of a number or a version, is no attempt.
  OCCKIT_NOT_INLINE Outcome reject_write(Cause cause, State state) noexcept {
    ++counters_.rejected;
    return {.result = Result::rejected,
            .cause = cause,
            .version = state.version,
            .word = state.word,
            .decided_on = state.word};
  }
  /// An operation that no state of a document allows.
  OCCKIT_NOT_INLINE Outcome reject(Cause cause) noexcept {
    ++counters_.rejected;
    return {.result = Result::rejected, .cause = cause};
  }
  /// The whole attempt on which decide did not say proceed.
  OCCKIT_NOT_INLINE Outcome refuse(Decision decision, State state) noexcept {
    if (decision.verdict == Decision::Verdict::rejected) return reject_write(decision.cause, state);
    begin_attempt();
    return finish(undecided(decision, state));
  }
  /// An update that found no live document.
  Outcome missing(State state) noexcept {
    begin_attempt();
    return finish({.result = Result::not_found, .word = state.word, .decided_on = state.word});
  }

  /// The steps of every update, of a document that was seen in `state`:
  ///
  ///   Transformed run()             runs the transform on what was seen, into next_
  ///   Outcome write(const Write&)   decides and publishes
  template <class Run, class WriteIt>
  OCCKIT_INLINE Outcome update_seen(const State& state, const UpdateOptions& options, const Run& run,
                                    const WriteIt& write) {
    if (!state.live()) {
      if (!options.upsert) return missing(state);
      return write(upsert_of(options));
    }
    Decision kept = decide(state, Operation::keep, options.precondition, {});
    if (kept.verdict == Decision::Verdict::conflict) return refuse(kept, state);
    const Transformed transformed = run();
    if (transformed == Transformed::keep) return refuse(kept, state);
    const bool remove = transformed == Transformed::remove;
    if (!remove && next_.size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    return write(
        {remove ? Operation::remove : Operation::index, remove ? Bytes() : next_.bytes(), options.precondition});
  }

  /// After somebody else was faster. Of a strategy whose kInfo says that it backs off.
  void back_off() noexcept { counters_.backoff_ns += backoff_.after_failure(); }

  Counters counters_;
  Backoff backoff_;
  /// What an update read, and what its transform computes; kept for their memory.
  Document current_;
  Source next_;
};

/// The first items of a bulk call that a strategy looks at together, and how many of them it has carried out; the others
/// go one by one.
struct BulkGroup {
  std::size_t items;
  std::size_t done;
};

/// A strategy whose kInfo says that it updates in place transforms too so that nobody comes between:
///
///   Outcome update_target(target, transform, options)
template <class S>
concept UpdatesTargetAsDeclared =
    !S::kInfo.updates_in_place ||
    requires(S strategy, typename S::Target& target, Transform transform, const UpdateOptions& options) {
  { strategy.update_target(target, transform, options) } -> std::same_as<Outcome>;
};

/// A strategy whose cache misses are many and can be foreseen, so that those of one bulk call overlap:
///
///   Lookup                            what is known of an id before it is looked up
///   span<Lookup> look_ahead(items)    asks for what the items will need, and says what is known of their ids; kLookAhead
///                                     items at most
///   find(id, lookup)                  as find(id)
///   find_last_again(id)               as find(id), of an id that is likely that of the call before
///   const Lookup& last_lookup()       of the call before
template <class S>
concept RemembersLookups =
    !S::kRemembersLookups ||
    requires(S strategy, std::string_view id, std::span<const BulkItem> items, typename S::Lookup& lookup) {
  { strategy.look_ahead(items) } -> std::same_as<std::span<typename S::Lookup>>;
  { strategy.find(id, lookup) } -> std::same_as<typename S::Target>;
  { strategy.find_last_again(id) } -> std::same_as<typename S::Target>;
  { strategy.last_lookup() } -> std::same_as<const typename S::Lookup&>;
};

/// A strategy that has a short way for an index on condition of a word:
///
///   bool index_where_found(id, source, precondition, outcome, lookup)    of an id that was found there, if all is as it
///                                     mostly is; otherwise false, and nothing was written
template <class S>
concept OverwritesByWordAsDeclared =
    !S::kInfo.overwrites_by_word ||
    requires(S strategy, std::string_view id, Bytes source, const Precondition& precondition, Outcome& outcome,
             const typename S::Lookup& lookup) {
  requires S::kRemembersLookups;
  { strategy.index_where_found(id, source, precondition, outcome, lookup) } -> std::same_as<bool>;
};

/// A strategy that takes items of a bulk call together:
///
///   BulkGroup carry_out_group(items)
template <class S>
concept CarriesOutGroups = !S::kCarriesOutGroups || requires(S strategy, std::span<BulkItem> items) {
  { strategy.carry_out_group(items) } -> std::same_as<BulkGroup>;
};

/// What a strategy gives to its handle: how one document is found, read and written, by one thread. Nothing of it is
/// found in silence: what goes beyond this list is declared by kInfo, or by a flag, which then asks for it by name.
///
///   kInfo                             what it declares about itself
///   kRemembersLookups                 it remembers where ids were found (RemembersLookups)
///   kCarriesOutGroups                 it carries items of a bulk call out together (CarriesOutGroups)
///   Table                             what it is made of
///   Target                            names one id and where it is
///   Target find(id)
///   find_again(target)                before a retry
///   State read_target(target, into)   one consistent snapshot; the source is copied out if `into` is set and a document
///                                     lives
///   Outcome write_target(target, write)    decides, and publishes so that nobody comes between
///   Precondition guard_of(document)   the condition under which the optimistic update writes
///
/// It counts attempts with the functions of HandleContext.
template <class S>
concept DocumentStrategy = requires(S strategy, std::string_view id, typename S::Target& target, Document* into,
                                    const Write& write, const Document& read) {
  requires std::derived_from<S, HandleContext>;
  requires std::constructible_from<S, typename S::Table&>;
  { S::kInfo } -> std::convertible_to<StrategyInfo>;
  { S::kRemembersLookups } -> std::convertible_to<bool>;
  { S::kCarriesOutGroups } -> std::convertible_to<bool>;
  { strategy.find(id) } -> std::same_as<typename S::Target>;
  { strategy.find_again(target) } -> std::same_as<void>;
  { strategy.read_target(target, into) } -> std::same_as<State>;
  { strategy.write_target(target, write) } -> std::same_as<Outcome>;
  { strategy.guard_of(read) } -> std::same_as<Precondition>;
  requires UpdatesTargetAsDeclared<S>;
  requires RemembersLookups<S>;
  requires OverwritesByWordAsDeclared<S>;
  requires CarriesOutGroups<S>;
};

/// The handle of every strategy whose documents are found, read and written one by one: the operations of TableHandle,
/// each once, on top of what the strategy gives.
template <class Strategy>
class DocumentHandle : protected Strategy {
  static_assert(UpdatesTargetAsDeclared<Strategy>, "kInfo.updates_in_place asks for update_target");
  static_assert(RemembersLookups<Strategy>, "kRemembersLookups asks for look_ahead, find_last_again and last_lookup");
  static_assert(OverwritesByWordAsDeclared<Strategy>, "kInfo.overwrites_by_word asks for index_where_found");
  static_assert(CarriesOutGroups<Strategy>, "kCarriesOutGroups asks for carry_out_group");
  static_assert(DocumentStrategy<Strategy>);

 public:
  explicit DocumentHandle(typename Strategy::Table& table) : Strategy(table) {}

  // Inlined whole, so that it does not hang on the rest of the program where the compiler draws the borders. The paths of
  // writes, which are longer, are inlined function by function: whole, they take minutes to compile.

  OCCKIT_INLINE_WHOLE Outcome get(std::string_view id, Document& into) { return get_from(id, into); }

  OCCKIT_INLINE Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    if constexpr (Strategy::kInfo.overwrites_by_word) {
      if (precondition.kind == Precondition::Kind::seq_no_term) [[likely]] {
        if (Outcome outcome; Strategy::index_where_found(id, source, precondition, outcome, Strategy::last_lookup()))
            [[likely]] {
          succeed();
          return outcome.by_member();
        }
      }
    }
    return index_out_of_line(id, source, precondition);
  }
  Outcome create(std::string_view id, Bytes source) { return write_to(id, {Operation::index, source, kMustNotExist}); }
  Outcome remove(std::string_view id, const Precondition& precondition = {}) {
    return write_to(id, {Operation::remove, {}, precondition});
  }

  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    return update_at(id, transform, options);
  }

  void bulk(std::span<BulkItem> items) {
    if constexpr (Strategy::kRemembersLookups) {
      while (!items.empty()) {
        const auto group = items.first(std::min(items.size(), kLookAhead));
        const auto known = Strategy::look_ahead(group);
        for (std::size_t i = 0; i < group.size(); ++i) carry_out(group[i], known[i]);
        items = items.subspan(group.size());
      }
    } else if constexpr (Strategy::kCarriesOutGroups) {
      while (!items.empty()) {
        const BulkGroup group = Strategy::carry_out_group(items);
        for (BulkItem& item : items.first(group.items).subspan(group.done)) carry_out(item);
        items = items.subspan(group.items);
      }
    } else {
      for (BulkItem& item : items) carry_out(item);
    }
  }

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 protected:
  using Strategy::allowed, Strategy::answer_get, Strategy::backoff_, Strategy::check_id, Strategy::counters_,
      Strategy::current_;
  using Strategy::follows_a_read, Strategy::kLookAhead, Strategy::next_, Strategy::reject, Strategy::update_seen;
  using Strategy::write_of;

 private:
  /// An item as if called alone; `known` is nothing, or what look_ahead told of its id.
  template <class... Lookup>
  void carry_out(BulkItem& item, Lookup&... known) {
    switch (item.kind) {
      case BulkItem::Kind::get:
        get_item(item, known...);
        break;
      case BulkItem::Kind::index:
      case BulkItem::Kind::remove:
        write_item(item, known...);
        break;
      case BulkItem::Kind::update:
        update_item(item, known...);
        break;
    }
  }

  // One function for each kind, so that the needs of one do not burden the others.

  template <class... Lookup>
  OCCKIT_NOT_INLINE OCCKIT_INLINE_WHOLE void get_item(BulkItem& item, Lookup&... known) {
    item.outcome = get_from(item.id, *item.document, known...);
  }
  template <class... Lookup>
  OCCKIT_NOT_INLINE void write_item(BulkItem& item, Lookup&... known) {
    if constexpr (Strategy::kInfo.overwrites_by_word) {
      if (item.kind == BulkItem::Kind::index && item.precondition.kind == Precondition::Kind::seq_no_term) [[likely]] {
        if (Outcome outcome; Strategy::index_where_found(item.id, item.source, item.precondition, outcome, known...))
            [[likely]] {
          succeed();
          item.outcome = outcome.by_member();
          return;
        }
      }
    }
    write_item_out_of_line(item, known...);
  }
  template <class... Lookup>
  OCCKIT_NOT_INLINE void write_item_out_of_line(BulkItem& item, Lookup&... known) {
    item.outcome = write_to(item.id, write_of(item), known...);
  }
  template <class... Lookup>
  OCCKIT_NOT_INLINE void update_item(BulkItem& item, Lookup&... known) {
    item.outcome = update_at(item.id, *item.transform, item.options, known...);
  }

  template <class... Lookup>
  Outcome get_from(std::string_view id, Document& into, Lookup&... known) {
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    auto target = Strategy::find(id, known...);
    return answer_get(Strategy::read_target(target, &into));
  }

  template <class... Lookup>
  OCCKIT_INLINE Outcome write_to(std::string_view id, const Write& write, Lookup&... known) {
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    if (write.source.size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    auto target = find_for(id, write, known...);
    Outcome outcome = Strategy::write_target(target, write);
    if (!outcome.conflicted()) {
      succeed();
    } else if (follows_a_read(write.precondition)) {
      back_off();  // before the client reads and tries again
    }
    return outcome.by_member();
  }

  OCCKIT_NOT_INLINE Outcome index_out_of_line(std::string_view id, Bytes source, const Precondition& precondition) {
    return write_to(id, {Operation::index, source, precondition});
  }

  template <class... Lookup>
  OCCKIT_INLINE auto find_for(std::string_view id, const Write& write, Lookup&... known) {
    if constexpr (sizeof...(known) == 0 && Strategy::kRemembersLookups) {
      if (follows_a_read(write.precondition)) return Strategy::find_last_again(id);
    }
    return Strategy::find(id, known...);
  }

  OCCKIT_INLINE void succeed() noexcept {
    if constexpr (Strategy::kInfo.backs_off) backoff_.after_success();
  }
  void back_off() noexcept {
    if constexpr (Strategy::kInfo.backs_off) Strategy::back_off();
  }

  template <class... Lookup>
  OCCKIT_INLINE Outcome update_at(std::string_view id, Transform transform, const UpdateOptions& options,
                                  Lookup&... known) {
    if (!Strategy::kInfo.supports(options.form)) return reject(Cause::update_form_unsupported);
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    if (options.upsert || options.precondition.kind != Precondition::Kind::none) [[unlikely]] {
      if (!allowed(options)) return reject(Cause::update_condition_unsupported);
      if (options.upsert && options.upsert->size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    }
    if constexpr (Strategy::kInfo.updates_in_place) {
      if (Strategy::kInfo.resolve(options.form) != UpdateForm::in_place) [[unlikely]]
        return update_optimistically_out_of_line(id, transform, options, known...);
      auto target = Strategy::find(id, known...);
      Outcome outcome = Strategy::update_target(target, transform, options);
      succeed();
      return outcome.by_member();
    } else {
      auto target = Strategy::find(id, known...);
      return update_optimistically(target, transform, options);
    }
  }
  /// Where updates are rather done in place.
  template <class... Lookup>
  OCCKIT_NOT_INLINE Outcome update_optimistically_out_of_line(std::string_view id, Transform transform,
                                                              const UpdateOptions& options, Lookup&... known) {
    auto target = Strategy::find(id, known...);
    return update_optimistically(target, transform, options);
  }

  /// Read, transform, write under the condition that nothing changed; again on conflict. The same code for all
  /// strategies.
  template <class Target>
  OCCKIT_INLINE Outcome update_optimistically(Target& target, Transform transform, const UpdateOptions& options) {
    const bool conditional = options.precondition.kind != Precondition::Kind::none;
    for (std::uint32_t retries = 0;; ++retries) {
      if (retries != 0) Strategy::find_again(target);
      Outcome outcome = update_once(target, transform, options, conditional);
      outcome.retries = retries;
      if (!outcome.conflicted()) {
        succeed();
        return outcome.by_member();
      }
      back_off();
      // A given condition that failed once fails always.
      if (conditional || retries == options.retry_on_conflict) return outcome;
    }
  }

  template <class Target>
  OCCKIT_INLINE Outcome update_once(Target& target, Transform transform, const UpdateOptions& options,
                                    bool conditional) {
    State state = Strategy::read_target(target, &current_);
    return update_seen(
        state, options,
        [&]() OCCKIT_INLINE_LAMBDA {
          return transform({current_.version, current_.word, current_.source.bytes()}, next_);
        },
        [&](const Write& write) OCCKIT_INLINE_LAMBDA {
          if (!state.live()) return Strategy::write_target(target, write);
          const Precondition guard = conditional ? options.precondition : Strategy::guard_of(current_);
          Outcome outcome = Strategy::write_target(target, {write.operation, write.source, guard});
          if (outcome.conflicted()) ++counters_.transforms_discarded;
          // The state that the source was computed from. Under a guard that identifies it this changes nothing; under a
          // weaker one it is what tells the history check that an update was lost.
          if (outcome.wrote()) outcome.decided_on = state.word;
          return outcome.by_member();
        });
  }
};

}  // namespace occ
