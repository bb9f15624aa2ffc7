#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/replicated/judgement.hpp"

namespace occ {
namespace {

std::string text_of(SeqNoTerm word) {
  return fmt::format("({}, {})", word.seq_no(), word.term());
}

std::string ms_text(std::uint64_t ns) {
  return fmt::format("{:.3f}", static_cast<double>(ns) / 1e6);
}

std::string answer_text(const Send& send) {
  switch (send.answer) {
    case SendAnswer::unknown:
      return "no answer";
    case SendAnswer::acknowledged:
      return fmt::format("acknowledged as {}{}", text_of(send.word),
                         send.all_copies > 0 ? fmt::format(", {} of {} copies", send.copies, send.all_copies) : "");
    case SendAnswer::found:
      return fmt::format("read {}, written by operation {}", text_of(send.word), send.content);
    case SendAnswer::not_found:
      return "not found";
    case SendAnswer::conflict:
      return send.told_absent     ? "conflict: no document"
             : send.word.vacant() ? "conflict"
                                  : fmt::format("conflict with {}", text_of(send.word));
    case SendAnswer::refused:
      return "refused";
  }
  return {};
}

std::string name_text(Finding finding) {
  std::string name(to_string(finding));
  std::ranges::replace(name, '_', ' ');
  return name;
}

}  // namespace

std::string_view to_string(Contract contract) {
  return contract == Contract::atomic ? "atomic" : "replicated";
}

std::string_view to_string(Finding finding) {
  constexpr std::array<std::string_view, kFindings> kNames = {
      "lost_write", "applied_twice", "number_twice",   "wrong_order", "unsent_content", "causeless_conflict",
      "stale_read", "inverted_read", "backwards_read", "dirty_read",  "absence",        "undecided"};
  return kNames.at(static_cast<std::size_t>(finding));
}

void Judgement::add_impossible(Finding finding, Example example, std::uint64_t age_ns) {
  FindingCount& each = (*this)[finding];
  if (each.impossible == 0 || age_ns > each.greatest_age_ns) each.example = std::move(example);
  ++each.impossible;
  each.greatest_age_ns = std::max(each.greatest_age_ns, age_ns);
}

void Judgement::add_allowed(Finding finding, Example example, std::uint64_t age_ns) {
  FindingCount& each = (*this)[finding];
  if (each.count() == 0 || (each.impossible == 0 && age_ns > each.greatest_age_ns)) each.example = std::move(example);
  ++each.allowed;
  each.greatest_age_ns = std::max(each.greatest_age_ns, age_ns);
}

std::string describe_send(const Send& send) {
  constexpr std::array<std::string_view, 5> kNames = {"get", "index", "create", "delete", "update"};
  return fmt::format("client {}, operation {}: {}{} of document {}: {}", send.client, send.operation,
                     kNames.at(static_cast<std::size_t>(send.kind)),
                     send.conditional ? fmt::format(" if {}", text_of(send.condition)) : "", send.document,
                     answer_text(send));
}

std::string judgement_text(const Judgement& judgement, const ReplicatedHistory& history) {
  std::uint64_t zero = Send::kNever;
  for (const Send& send : history.sends) zero = std::min(zero, send.begin_ns);
  const auto since = [&](std::uint64_t ns) { return ns == Send::kNever ? "..." : ms_text(ns - std::min(ns, zero)); };
  std::string text = fmt::format("{} under the contract '{}': {} sends, {} acknowledged writes, {} reads\n",
                                 judgement.impossible() == 0 ? "allowed" : "IMPOSSIBLE", to_string(judgement.contract),
                                 judgement.sends, judgement.acknowledged, judgement.reads);
  for (std::size_t i = 0; i < kFindings; ++i) {
    const auto finding = static_cast<Finding>(i);
    const FindingCount& found = judgement[finding];
    if (found.count() == 0) continue;
    text +=
        fmt::format("{}: {} of {}{}{}\n", name_text(finding), found.count(), found.of,
                    found.impossible > 0 ? fmt::format(", {} of them IMPOSSIBLE", found.impossible) : "",
                    found.greatest_age_ns > 0 ? fmt::format(", by {} ms at most", ms_text(found.greatest_age_ns)) : "");
    text += fmt::format("  {}:\n", found.example.why);
    std::vector<Send> sends = found.example.sends;
    std::ranges::stable_sort(sends, {}, &Send::begin_ns);
    for (const Send& send : sends) {
      text += fmt::format("  [{:>10}, {:>10}] ms  {}\n", since(send.begin_ns), since(send.end_ns), describe_send(send));
    }
  }
  return text;
}

}  // namespace occ
