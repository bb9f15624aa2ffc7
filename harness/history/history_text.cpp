#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>

#include "harness/history/history.hpp"
#include "harness/history/remote_outcome.hpp"

namespace occ {
namespace {

std::string word_text(SeqNoTerm word) {
  return fmt::format("_seq_no {} (term {})", word.seq_no(), word.term());
}

/// What was asked: the operation and its condition.
std::string request_text(const HistoryEntry& entry) {
  constexpr std::string_view kNames[] = {"get", "index", "delete", "update"};
  const std::string_view name = kNames[static_cast<int>(entry.kind)];
  const auto version = std::bit_cast<Version>(entry.condition);
  switch (entry.precondition) {
    case Precondition::Kind::none:
      break;
    case Precondition::Kind::seq_no_term:
      return fmt::format("{} if {}", name, word_text(SeqNoTerm::from_bits(entry.condition)));
    case Precondition::Kind::version:
      return fmt::format("{} if _version {}", name, version);
    case Precondition::Kind::external:
      return fmt::format("{} as external version {}", name, version);
    case Precondition::Kind::external_gte:
      return fmt::format("{} as external_gte version {}", name, version);
    case Precondition::Kind::must_not_exist:
      return entry.kind == HistoryKind::index ? "create" : fmt::format("{} if there is none", name);
  }
  return std::string(name);
}

/// What was answered.
std::string answer_text(const HistoryEntry& entry) {
  if (entry.end == HistoryEntry::kUnanswered) return "no answer";
  const std::string decided_on = entry.decided_on == kUntoldWord ? "what it was not told"
                                 : entry.decided_on.vacant()     ? "nothing"
                                                                 : word_text(entry.decided_on);
  const std::string version = entry.version == kUntoldVersion ? "not told" : std::to_string(entry.version);
  // The transform of an update that failed may have seen an older version.
  const SeqNoTerm saw = SeqNoTerm::from_bits(entry.condition);
  const bool update = entry.kind == HistoryKind::update && entry.precondition == Precondition::Kind::none;
  const std::string earlier =
      update && !saw.vacant() && saw != entry.decided_on ? fmt::format("read {}, then ", word_text(saw)) : "";
  const char* const verb = entry.kind == HistoryKind::update ? "read" : "found";
  const bool removed = entry.kind == HistoryKind::remove && entry.result == Result::not_found;
  switch (entry.result) {
    case Result::found:
      return fmt::format("read {}, _version {}",
                         entry.word == kUntoldWord ? "what it was not told" : word_text(entry.word), version);
    case Result::created:
    case Result::updated:
    case Result::deleted:
      return fmt::format("{}{} {}, {} {}, _version {}", earlier, verb, decided_on,
                         entry.result == Result::deleted ? "wrote the tombstone" : "wrote", word_text(entry.word),
                         version);
    case Result::not_found:
      if (removed) {
        return fmt::format("no document, found {}, wrote the tombstone {}, _version {}", decided_on,
                           word_text(entry.word), version);
      }
      return fmt::format("{}no document, found {}", earlier, decided_on);
    case Result::noop:
      return fmt::format("{}read {}, _version {}, changed nothing", earlier, decided_on, version);
    case Result::conflict:
      return fmt::format("{}conflict with {}, _version {}", earlier, decided_on, version);
    case Result::rejected:
      return "rejected";
  }
  return {};
}

}  // namespace

std::string describe_operation(const HistoryEntry& entry) {
  return fmt::format("{}: {}", request_text(entry), answer_text(entry));
}

std::string describe(const Contradiction& contradiction, std::string_view id, const HistoryRules& rules) {
  const auto id_of = [id](std::uint32_t) { return std::string(id); };
  return describe(contradiction, FunctionRef<std::string(std::uint32_t)>(id_of), rules);
}

std::string describe(const Contradiction& contradiction, FunctionRef<std::string(std::uint32_t)> id_of,
                     const HistoryRules& rules) {
  std::string kind(to_string(contradiction.violation));
  std::ranges::transform(kind, kind.begin(),
                         [](unsigned char c) { return c == '_' ? ' ' : static_cast<char>(std::toupper(c)); });
  std::string text = fmt::format("document '{}': {}\n", id_of(contradiction.document), kind);

  std::uint64_t zero = HistoryEntry::kUnanswered;
  for (const HistoryEntry& entry : contradiction.operations) zero = std::min(zero, entry.begin);
  const auto us = [&](std::uint64_t ticks) {
    if (ticks == HistoryEntry::kUnanswered) return std::string("...");
    return fmt::format("{:.3f}", static_cast<double>(ticks - zero) / rules.ticks_per_ms * 1000);
  };
  const bool one_document = std::ranges::all_of(
      contradiction.operations, [&](const HistoryEntry& entry) { return entry.document == contradiction.document; });
  std::size_t width = 0;
  std::size_t thread_width = 0;
  for (const HistoryEntry& entry : contradiction.operations) {
    width = std::max({width, us(entry.begin).size(), us(entry.end).size()});
    thread_width = std::max(thread_width, std::to_string(entry.thread).size());
  }
  for (const HistoryEntry& entry : contradiction.operations) {
    const std::string where = one_document ? "" : fmt::format(" on '{}'", id_of(entry.document));
    text += fmt::format("  thread {:>{}}  [{:>{}}, {:>{}}] us  {}{}: {}\n", entry.thread, thread_width, us(entry.begin),
                        width, us(entry.end), width, request_text(entry), where, answer_text(entry));
  }
  return text + fmt::format("  impossible: {}.\n", contradiction.reason);
}

}  // namespace occ
