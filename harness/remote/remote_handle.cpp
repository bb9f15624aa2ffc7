/// RemoteHandle: one worker's requests to an index.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "harness/remote/remote_table.hpp"
#include "harness/rest/rest_request.hpp"
#include "harness/support/json_members.hpp"
#include "harness/support/json_text.hpp"

namespace occ {
namespace {

/// Of a bulk request, about.
constexpr std::size_t kBulkBytes = std::size_t{4} << 20;

Result result_of(std::string_view name) {
  constexpr std::pair<std::string_view, Result> kNames[] = {{"created", Result::created},
                                                            {"updated", Result::updated},
                                                            {"deleted", Result::deleted},
                                                            {"not_found", Result::not_found}};
  for (const auto& [each, result] : kNames) {
    if (each == name) return result;
  }
  return Result::rejected;
}

/// What an answer says of one document, member by member, as it stands there; empty where it says nothing.
struct DocumentAnswer {
  std::string_view version, seq_no, term, found, source, result, shards;
  /// It is a JSON object, read to its end.
  bool whole;

  explicit DocumentAnswer(std::string_view body) {
    const std::pair<std::string_view, std::string_view*> members[] = {
        {"_version", &version}, {"_seq_no", &seq_no}, {"_primary_term", &term}, {"found", &found},
        {"_source", &source},   {"result", &result},  {"_shards", &shards}};
    whole = for_each_member(body, [&](std::string_view key, std::string_view value) {
      for (const auto& [name, member] : members) {
        if (key == name) *member = value;
      }
    });
  }
};

}  // namespace

struct RemoteHandle::Write {
  std::string_view id;
  Bytes source;
  Precondition precondition;
  bool is_delete = false;
};

Cause RemoteHandle::check(std::string_view id, Bytes source, const Precondition& precondition) const noexcept {
  if (id.empty()) return Cause::id_empty;
  if (id.size() > kMaxIdBytes) return Cause::id_too_long;
  if (source.size() > kMaxSourceBytes) return Cause::source_too_large;
  // Gone since 7.0.
  return precondition.kind == Precondition::Kind::version && !of_6() ? Cause::update_condition_unsupported
                                                                     : Cause::none;
}

/// "/INDEX/WHAT"; 6.x asks for the type.
std::string RemoteHandle::of_index(std::string_view what) const {
  return fmt::format("/{}{}{}", table_.index(), of_6() ? "/_doc" : "", what);
}

/// "/INDEX/KIND/ID"
void RemoteHandle::aim(std::string_view kind, std::string_view id) {
  target_.clear();
  fmt::format_to(std::back_inserter(target_), "/{}{}{}", table_.index(), kind, percent_encoded(id));
}

Outcome RemoteHandle::reject(Cause cause) noexcept {
  ++counters_.rejected;
  return {.result = Result::rejected, .cause = cause};
}

Outcome RemoteHandle::finish(const Outcome& outcome) {
  ++counters_.attempts;
  counters_.count_write(outcome.result, outcome.cause);
  return outcome;
}

SeqNoTerm RemoteHandle::word_of(std::string_view seq_no, std::string_view term) const {
  const auto number = whole_number(seq_no);
  const auto in_force = whole_number(term);
  if (!number || !in_force || *number < 0 || *in_force < 1 || std::cmp_greater(*number, SeqNoTerm::kMaxSeqNo) ||
      std::cmp_greater(*in_force, SeqNoTerm::kMaxTerm)) {
    throw client_.unexpected(
        fmt::format("an answer has _seq_no '{}' and _primary_term '{}'; accepted are whole numbers "
                    "up to {} and from 1 to {}",
                    seq_no, term, SeqNoTerm::kMaxSeqNo, SeqNoTerm::kMaxTerm));
  }
  return {static_cast<std::uint64_t>(*number), static_cast<std::uint64_t>(*in_force)};
}

/// False if it was not found.
bool RemoteHandle::read_document(std::string_view body, Document& into) const {
  const DocumentAnswer answer(body);
  if (answer.whole && answer.found == "false") return false;
  const auto number = whole_number(answer.version);
  if (!answer.whole || answer.found != "true" || !number || answer.source.empty()) {
    throw client_.unexpected(fmt::format("what should be a document is not one: {}", body.substr(0, 200)));
  }
  into.version = *number;
  into.word = word_of(answer.seq_no, answer.term);
  into.source.assign(as_bytes(answer.source));
  return true;
}

/// Without counting it.
Outcome RemoteHandle::read(std::string_view id, Document& into) {
  aim("/_doc/", id);
  target_ += table_.read_parameters();
  const HttpAnswer& answer = client_.ask("GET", target_);
  if (answer.status != 200 && answer.status != 404) {
    throw client_.unexpected(fmt::format("a get is answered {} ({})", answer.status, error_text(answer)));
  }
  if (!read_document(answer.body, into)) {
    return {.result = Result::not_found, .word = kUntoldWord, .decided_on = kUntoldWord};
  }
  return {.result = Result::found, .version = into.version, .word = into.word, .decided_on = into.word};
}

Outcome RemoteHandle::get(std::string_view id, Document& into) {
  if (const Cause cause = check(id, {}, {}); cause != Cause::none) return reject(cause);
  const Outcome outcome = read(id, into);
  ++(outcome.result == Result::found ? counters_.gets_found : counters_.gets_not_found);
  return outcome;
}

/// What a write, alone or of a bulk request, was answered.
Outcome RemoteHandle::read_answer(const Write& write, int status, std::string_view body) {
  const Precondition& precondition = write.precondition;
  if (status == 409) {
    const std::string_view reason = member(member(body, "error"), "reason");
    Outcome conflict{
        .result = Result::conflict, .version = kUntoldVersion, .word = kUntoldWord, .decided_on = kUntoldWord};
    switch (precondition.kind) {
      case Precondition::Kind::none:  // of the server's own update: under what it had read
      case Precondition::Kind::seq_no_term:
        conflict.word = conflict.decided_on = word_in_reason(reason);
        conflict.cause =
            reason.find("no document was found") != reason.npos ? Cause::document_missing : Cause::seq_no_mismatch;
        break;
      case Precondition::Kind::must_not_exist:
        conflict.cause = Cause::already_exists;
        break;
      case Precondition::Kind::external_gte:
        conflict.cause = Cause::version_higher;
        break;
      case Precondition::Kind::version:
        conflict.cause = Cause::version_mismatch;
        break;
      default:
        conflict.cause = Cause::version_not_higher;
    }
    return finish(conflict);
  }
  const DocumentAnswer answer(body);
  const auto number = whole_number(answer.version);
  const Result ended = result_of(unquoted(answer.result));
  if (!answer.whole || !number || ended == Result::rejected || (status != 200 && status != 201 && status != 404)) {
    throw client_.unexpected(
        fmt::format("a write is answered {} ({})", status, error_text({.status = status, .body = std::string(body)})));
  }
  Outcome outcome{
      .result = ended, .version = *number, .word = word_of(answer.seq_no, answer.term), .decided_on = kUntoldWord};
  if (precondition.kind == Precondition::Kind::seq_no_term) {
    outcome.decided_on = precondition.word;
  }
  note_written(answer.shards, outcome.word);
  return finish(outcome);
}

/// Of a write that was carried out.
void RemoteHandle::note_written(std::string_view shards, SeqNoTerm word) {
  const auto copies = whole_number(member(shards, "total"));
  const auto successful = whole_number(member(shards, "successful"));
  if (copies && successful) {
    ++seen_.counted_copies;
    if (*successful < *copies) ++seen_.partial_writes;
  }
  if (table_.window().is_open()) seen_.primary_terms.insert(word.term());
}

Outcome RemoteHandle::write(const Write& write) {
  if (const Cause cause = check(write.id, write.source, write.precondition); cause != Cause::none) return reject(cause);
  const Precondition& precondition = write.precondition;
  const bool create = precondition.kind == Precondition::Kind::must_not_exist;
  aim(create && !of_6() ? "/_create/" : "/_doc/", write.id);
  if (create && of_6()) target_ += "?op_type=create";
  const auto at = std::back_inserter(target_);
  switch (precondition.kind) {
    case Precondition::Kind::seq_no_term:
      fmt::format_to(at, "?if_seq_no={}&if_primary_term={}", precondition.seq_no(), precondition.term());
      break;
    case Precondition::Kind::external:
      fmt::format_to(at, "?version_type=external&version={}", precondition.version);
      break;
    case Precondition::Kind::external_gte:
      fmt::format_to(at, "?version_type=external_gte&version={}", precondition.version);
      break;
    case Precondition::Kind::version:
      fmt::format_to(at, "?version={}", precondition.version);
      break;
    default:
      break;
  }
  const HttpAnswer& answer =
      client_.ask(write.is_delete ? "DELETE" : "PUT", target_, as_text(write.source), RemoteClient::Repeat::no);
  return read_answer(write, answer.status, answer.body);
}

Outcome RemoteHandle::index(std::string_view id, Bytes source, const Precondition& precondition) {
  return write({.id = id, .source = source, .precondition = precondition});
}
Outcome RemoteHandle::create(std::string_view id, Bytes source) {
  return write({.id = id, .source = source, .precondition = Precondition::must_not_exist()});
}
Outcome RemoteHandle::remove(std::string_view id, const Precondition& precondition) {
  // A delete that nothing must be there for does not exist.
  if (precondition.kind == Precondition::Kind::must_not_exist) return reject(Cause::update_condition_unsupported);
  return write({.id = id, .source = {}, .precondition = precondition, .is_delete = true});
}

Outcome RemoteHandle::update(std::string_view id, Transform transform, const UpdateOptions& options) {
  const bool conditional = options.precondition.kind != Precondition::Kind::none;
  if (options.form == UpdateForm::in_place) return reject(Cause::update_form_unsupported);
  if (conditional && (options.precondition.kind != Precondition::Kind::seq_no_term || options.upsert))
    return reject(Cause::update_condition_unsupported);
  if (const Cause cause = check(id, {}, options.precondition); cause != Cause::none) return reject(cause);
  if (!table_.server().script().empty()) {
    if (conditional || options.upsert) return reject(Cause::update_condition_unsupported);
    return update_by_script(id, options.retry_on_conflict);
  }
  for (std::uint32_t retries = 0;; ++retries) {
    Outcome outcome = read(id, current_);
    if (outcome.result != Result::found) {
      outcome = options.upsert ? create(id, *options.upsert) : finish(outcome);
    } else if (conditional && current_.word != options.precondition.word) {
      outcome.result = Result::conflict;
      outcome.cause = Cause::seq_no_mismatch;
      outcome = finish(outcome);
    } else {
      const SeqNoTerm saw = current_.word;
      const Transformed transformed = transform({current_.version, saw, current_.source.bytes()}, next_);
      if (transformed == Transformed::keep) {
        outcome.result = Result::noop;
        outcome = finish(outcome);
      } else {
        const Precondition guard = conditional ? options.precondition : Precondition::if_word(saw);
        outcome = transformed == Transformed::remove ? remove(id, guard) : index(id, next_.bytes(), guard);
        if (outcome.conflicted()) ++counters_.transforms_discarded;
      }
    }
    outcome.retries = retries;
    // A given condition that failed once fails always.
    if (!outcome.conflicted() || conditional || retries == options.retry_on_conflict) return outcome;
  }
}

Outcome RemoteHandle::update_by_script(std::string_view id, std::uint32_t retries) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::int32_t>::max();
  aim("/_update/", id);
  fmt::format_to(std::back_inserter(target_), "?retry_on_conflict={}{}", std::min(retries, kMost),
                 told_ != nullptr ? "&_source=true" : "");
  const HttpAnswer& answer = client_.ask("POST", target_, table_.server().script(), RemoteClient::Repeat::no);
  if (answer.status == 404)
    return finish({.result = Result::not_found, .word = kUntoldWord, .decided_on = kUntoldWord});
  const Outcome outcome = read_answer({.id = id, .source = {}, .precondition = {}}, answer.status, answer.body);
  if (told_ != nullptr && !outcome.conflicted()) {
    const std::string_view source = member(member(answer.body, "get"), "_source");
    if (source.empty()) throw client_.unexpected("an _update is answered without the source that was asked for");
    told_->assign(as_bytes(source));
  }
  return outcome;
}

void RemoteHandle::bulk(std::span<BulkItem> items) {
  try {
    carry_out(items);
  } catch (const UnknownOutcome& unknown) {
    const auto writes =
        std::ranges::count_if(items, [](const BulkItem& item) { return item.kind != BulkItem::Kind::get; });
    throw UnknownOutcome(unknown.what(), static_cast<std::uint64_t>(writes));
  }
}

void RemoteHandle::carry_out(std::span<BulkItem> items) {
  using Kind = BulkItem::Kind;
  while (!items.empty()) {
    if (items.front().kind == Kind::update) {
      items.front().outcome = update(items.front().id, *items.front().transform, items.front().options);
      items = items.subspan(1);
      continue;
    }
    const bool gets = items.front().kind == Kind::get;
    const auto end = std::ranges::find_if(
        items, [&](const BulkItem& item) { return item.kind == Kind::update || (item.kind == Kind::get) != gets; });
    const auto alike = items.first(static_cast<std::size_t>(end - items.begin()));
    gets ? get_all(alike) : write_all(alike);
    items = items.subspan(alike.size());
  }
}

void RemoteHandle::get_all(std::span<BulkItem> items) {
  body_ = R"({"ids":[)";
  for (const BulkItem& item : items) {
    if (&item != &items.front()) body_ += ',';
    append_quoted(body_, item.id);
  }
  body_ += "]}";
  const HttpAnswer& answer = client_.ask("POST", of_index("/_mget") + table_.read_parameters(), body_);
  std::size_t at = 0;
  const bool whole = for_each_element(member(answer.body, "docs"), [&](std::string_view document) {
    if (at == items.size()) return;
    BulkItem& item = items[at++];
    if (read_document(document, *item.document)) {
      ++counters_.gets_found;
      item.outcome = {.result = Result::found,
                      .version = item.document->version,
                      .word = item.document->word,
                      .decided_on = item.document->word};
    } else {
      ++counters_.gets_not_found;
      item.outcome = {.result = Result::not_found, .word = kUntoldWord, .decided_on = kUntoldWord};
    }
  });
  if (!whole || at != items.size()) {
    throw client_.unexpected(fmt::format("_mget is answered {} ({})", answer.status, error_text(answer)));
  }
}

/// Items that the server refuses for now (429) are sent again.
void RemoteHandle::write_all(std::span<BulkItem> items) {
  std::vector<BulkItem*> left;
  for (BulkItem& item : items) left.push_back(&item);
  std::vector<BulkItem*> refused;
  Waits waits;
  while (!left.empty()) {
    body_.clear();
    std::size_t count = 0;
    for (; count < left.size() && body_.size() < kBulkBytes; ++count) {
      const BulkItem& item = *left[count];
      const Precondition& precondition = item.precondition;
      const bool is_delete = item.kind == BulkItem::Kind::remove;
      const bool create = precondition.kind == Precondition::Kind::must_not_exist;
      body_ += is_delete ? R"({"delete":{"_id":)" : create ? R"({"create":{"_id":)" : R"({"index":{"_id":)";
      append_quoted(body_, item.id);
      if (precondition.kind == Precondition::Kind::seq_no_term) {
        fmt::format_to(std::back_inserter(body_), R"(,"if_seq_no":{},"if_primary_term":{})", precondition.seq_no(),
                       precondition.term());
      }
      body_ += "}}\n";
      if (!is_delete) body_.append(as_text(item.source)).append("\n");
    }
    const HttpAnswer& answer =
        client_.ask("POST", of_index("/_bulk"), body_, RemoteClient::Repeat::no, "application/x-ndjson");
    std::size_t at = 0;
    refused.clear();
    const bool whole = for_each_element(member(answer.body, "items"), [&](std::string_view wrapped) {
      (void)for_each_member(wrapped, [&](std::string_view, std::string_view body) {
        if (at == count) return;
        BulkItem& item = *left[at++];
        const auto status = static_cast<int>(whole_number(member(body, "status")).value_or(0));
        if (status == 429) {
          client_.count_refusal();
          refused.push_back(&item);
          return;
        }
        item.outcome = read_answer({.id = item.id,
                                    .source = item.source,
                                    .precondition = item.precondition,
                                    .is_delete = item.kind == BulkItem::Kind::remove},
                                   status, body);
      });
    });
    if (!whole || at != count) {
      throw client_.unexpected(fmt::format("_bulk is answered {} ({})", answer.status, error_text(answer)));
    }
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(count));
    left.insert(left.begin(), refused.begin(), refused.end());
    if (refused.size() < count) waits.count = 0;
    if (!refused.empty()) client_.wait(waits, "items of a _bulk are refused for now (429)");
  }
}

}  // namespace occ
