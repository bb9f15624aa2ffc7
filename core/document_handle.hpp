#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/backoff.hpp"
#include "core/counters.hpp"
#include "core/decide.hpp"
#include "core/document.hpp"
#include "core/inlining.hpp"
#include "core/outcome.hpp"
#include "core/strategy_info.hpp"
#include "core/update.hpp"

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

/// The handle of a strategy: everything of TableHandle except how one document is found, read and written. `Derived`
/// provides, of a type of its own that names one id and where it is,
///
///   auto find(id)                                        the target
///   State read_target(target, Document* into)            one consistent snapshot; the source is copied out if `into` is
///                                                        set and a document lives
///   Outcome write_target(target, const Write&)           decide, and publish so that nobody comes between
///   Outcome update_target(target, Transform, const UpdateOptions&)     the same, if its kInfo says that it updates in
///                                                        place
///   void find_again(target)                              before a retry
///   Precondition guard_of(const Document&)               the condition under which the optimistic update writes
///
/// and counts attempts with the functions below. If its cache misses are many and can be foreseen it may provide, so
/// that those of one bulk call overlap,
///
///   Known                                                what is known of an id before it is looked up
///   span<Known> look_ahead(span<const BulkItem>)         asks for what the items will need, and says what is known of
///                                                        their ids; kLookAhead items at most
///   auto find(id, Known&)                                as find(id)
///
/// and, if it can tell more quickly whether an id is that of the call before,
///
///   auto find_once_more(id)                              as find(id)
///   bool index_once_more(id, Bytes, const Precondition&, Outcome&, const Known&)     an index on condition of a word of
///                                                        an id that was found there, if all is as it mostly is;
///                                                        otherwise false, and nothing was written
///   const Known& last_known()                            of the call before
template <class Derived>
class DocumentHandle {
 public:
  DocumentHandle(const DocumentHandle&) = delete;
  DocumentHandle& operator=(const DocumentHandle&) = delete;

  // Inlined whole, so that it does not hang on the rest of the program where the compiler draws the borders. The paths of
  // writes, which are longer, are inlined function by function: whole, they take minutes to compile.

  OCCKIT_INLINE_WHOLE Outcome get(std::string_view id, Document& into) { return get_from(id, into); }

  OCCKIT_INLINE Outcome index(std::string_view id, Bytes source, const Precondition& precondition = {}) {
    if constexpr (requires(Outcome & outcome) {
                    self().index_once_more(id, source, precondition, outcome, self().last_known());
                  }) {
      if (precondition.kind == Precondition::Kind::seq_no_term) [[likely]] {
        if (Outcome outcome; self().index_once_more(id, source, precondition, outcome, self().last_known()))
            [[likely]] {
          succeed();
          return outcome.by_member();
        }
      }
      return write_apart(id, {Operation::index, source, precondition});
    } else {
      return index_apart(id, source, precondition);
    }
  }
  Outcome create(std::string_view id, Bytes source) { return write_to(id, {Operation::index, source, kMustNotExist}); }
  Outcome remove(std::string_view id, const Precondition& precondition = {}) {
    return write_to(id, {Operation::remove, {}, precondition});
  }

  Outcome update(std::string_view id, Transform transform, const UpdateOptions& options = {}) {
    return update_at(id, transform, options);
  }

  void bulk(std::span<BulkItem> items) {
    if constexpr (requires { typename Derived::Known; }) {
      while (!items.empty()) {
        const auto group = items.first(std::min(items.size(), kLookAhead));
        const auto known = self().look_ahead(group);
        for (std::size_t i = 0; i < group.size(); ++i) carry_out(group[i], known[i]);
        items = items.subspan(group.size());
      }
    } else {
      for (BulkItem& item : items) carry_out(item);
    }
  }

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 protected:
  /// 16 items are enough for a core's 10 to 16 misses under way at a time, but each stage begins with a wait for its
  /// first item; with 64 that is spread thin, which was measured to be faster.
  static constexpr std::size_t kLookAhead = 64;

  explicit DocumentHandle(BackoffKind backoff = BackoffKind::none) : backoff_(backoff) {}

  /// An item as if called alone; `known` is nothing, or what look_ahead told of its id.
  template <class... Known>
  void carry_out(BulkItem& item, Known&... known) {
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

  /// After somebody else was faster.
  void stand_back() noexcept {
    if constexpr (Derived::kInfo.backs_off) counters_.backoff_ns += backoff_.after_failure();
  }

  /// An update that found no live document.
  Outcome missing(State state) noexcept {
    begin_attempt();
    return finish({.result = Result::not_found, .word = state.word, .decided_on = state.word});
  }

  static Write upsert_of(const UpdateOptions& options) noexcept {
    return {Operation::index, *options.upsert, kMustNotExist};
  }

  Counters counters_;
  Backoff backoff_;
  /// What an update read, and what its transform computes; kept for their memory.
  Document current_;
  Source next_;

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  // One function for each kind, so that the needs of one do not burden the others.

  template <class... Known>
  OCCKIT_NOT_INLINE OCCKIT_INLINE_WHOLE void get_item(BulkItem& item, Known&... known) {
    item.outcome = get_from(item.id, *item.document, known...);
  }
  template <class... Known>
  OCCKIT_NOT_INLINE void write_item(BulkItem& item, Known&... known) {
    if constexpr (requires {
                    self().index_once_more(item.id, item.source, item.precondition, item.outcome, known...);
                  }) {
      if (item.kind == BulkItem::Kind::index && item.precondition.kind == Precondition::Kind::seq_no_term) [[likely]] {
        if (Outcome outcome; self().index_once_more(item.id, item.source, item.precondition, outcome, known...))
            [[likely]] {
          succeed();
          item.outcome = outcome.by_member();
          return;
        }
      }
    }
    write_item_apart(item, known...);
  }
  template <class... Known>
  OCCKIT_NOT_INLINE void write_item_apart(BulkItem& item, Known&... known) {
    item.outcome = write_to(item.id, write_of(item), known...);
  }
  template <class... Known>
  OCCKIT_NOT_INLINE void update_item(BulkItem& item, Known&... known) {
    item.outcome = update_at(item.id, *item.transform, item.options, known...);
  }

  template <class... Known>
  Outcome get_from(std::string_view id, Document& into, Known&... known) {
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    auto target = self().find(id, known...);
    return answer_get(self().read_target(target, &into));
  }

  template <class... Known>
  OCCKIT_INLINE Outcome write_to(std::string_view id, const Write& write, Known&... known) {
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    if (write.source.size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    auto target = find_for(id, write, known...);
    Outcome outcome = self().write_target(target, write);
    if (!outcome.conflicted()) {
      succeed();
    } else if (follows_a_read(write.precondition)) {
      stand_back();  // before the client reads and tries again
    }
    return outcome.by_member();
  }

  OCCKIT_NOT_INLINE Outcome index_apart(std::string_view id, Bytes source, const Precondition& precondition) {
    return write_to(id, {Operation::index, source, precondition});
  }
  OCCKIT_NOT_INLINE Outcome write_apart(std::string_view id, Write write) { return write_to(id, write); }

  template <class... Known>
  OCCKIT_INLINE auto find_for(std::string_view id, const Write& write, Known&... known) {
    if constexpr (sizeof...(known) == 0 && requires { self().find_once_more(id); }) {
      if (follows_a_read(write.precondition)) return self().find_once_more(id);
    }
    return self().find(id, known...);
  }

  OCCKIT_INLINE void succeed() noexcept {
    if constexpr (Derived::kInfo.backs_off) backoff_.after_success();
  }

  template <class... Known>
  OCCKIT_INLINE Outcome update_at(std::string_view id, Transform transform, const UpdateOptions& options,
                                  Known&... known) {
    if (!Derived::kInfo.supports(options.form)) return reject(Cause::update_form_unsupported);
    if (const Cause cause = check_id(id); cause != Cause::none) return reject(cause);
    if (options.upsert || options.precondition.kind != Precondition::Kind::none) [[unlikely]] {
      if (!allowed(options)) return reject(Cause::update_condition_unsupported);
      if (options.upsert && options.upsert->size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    }
    if constexpr (Derived::kInfo.updates_in_place) {
      if (Derived::kInfo.resolve(options.form) != UpdateForm::in_place) [[unlikely]]
        return update_apart(id, transform, options, known...);
      auto target = self().find(id, known...);
      Outcome outcome = self().update_target(target, transform, options);
      succeed();
      return outcome.by_member();
    } else {
      auto target = self().find(id, known...);
      return update_optimistically(target, transform, options);
    }
  }
  /// Where updates are rather done in place.
  template <class... Known>
  OCCKIT_NOT_INLINE Outcome update_apart(std::string_view id, Transform transform, const UpdateOptions& options,
                                         Known&... known) {
    auto target = self().find(id, known...);
    return update_optimistically(target, transform, options);
  }

  /// Read, transform, write under the condition that nothing changed; again on conflict. The same code for all
  /// strategies.
  template <class Target>
  OCCKIT_INLINE Outcome update_optimistically(Target& target, Transform transform, const UpdateOptions& options) {
    const bool conditional = options.precondition.kind != Precondition::Kind::none;
    for (std::uint32_t retries = 0;; ++retries) {
      if (retries != 0) self().find_again(target);
      Outcome outcome;
      State state = self().read_target(target, &current_);
      if (!state.live()) {
        if (!options.upsert) {
          outcome = missing(state);
        } else {
          outcome = self().write_target(target, upsert_of(options));
        }
      } else {
        outcome = transform_and_write(target, state, transform, options);
      }
      outcome.retries = retries;
      if (!outcome.conflicted()) {
        succeed();
        return outcome.by_member();
      }
      stand_back();
      // A given condition that failed once fails always.
      if (conditional || retries == options.retry_on_conflict) return outcome;
    }
  }

  template <class Target>
  OCCKIT_INLINE Outcome transform_and_write(Target& target, State state, Transform transform,
                                            const UpdateOptions& options) {
    const bool conditional = options.precondition.kind != Precondition::Kind::none;
    Decision kept = decide(state, Operation::keep, options.precondition, {});
    if (kept.verdict == Decision::Verdict::conflict) return refuse(kept, state);
    const Transformed transformed = transform({current_.version, current_.word, current_.source.bytes()}, next_);
    if (transformed == Transformed::keep) return refuse(kept, state);
    const Precondition guard = conditional ? options.precondition : self().guard_of(current_);
    const bool remove = transformed == Transformed::remove;
    if (!remove && next_.size() > kMaxSourceBytes) return reject(Cause::source_too_large);
    Outcome outcome = self().write_target(
        target, {remove ? Operation::remove : Operation::index, remove ? Bytes() : next_.bytes(), guard});
    if (outcome.conflicted()) ++counters_.transforms_discarded;
    // The state that the source was computed from. Under a guard that identifies it this changes nothing; under a
    // weaker one it is what tells the history check that an update was lost.
    if (outcome.wrote()) outcome.decided_on = state.word;
    return outcome.by_member();
  }
};

}  // namespace occ
