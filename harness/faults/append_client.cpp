#include "harness/faults/append_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "harness/faults/fault_schedule.hpp"
#include "harness/support/json_members.hpp"

namespace occ {
namespace {

SeqNoTerm word_of(std::string_view answer) {
  const auto seq_no = whole_number(member(answer, "_seq_no"));
  const auto term = whole_number(member(answer, "_primary_term"));
  if (!seq_no || !term || *seq_no < 0 || *term < 1) return {};
  return {static_cast<std::uint64_t>(*seq_no), static_cast<std::uint64_t>(*term)};
}

std::uint32_t count_of(std::string_view shards, std::string_view what) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(whole_number(member(shards, what)).value_or(0), 0, 1'000));
}

}  // namespace

Send& AppendClient::begin(SendKind kind, std::uint32_t document) {
  Send send;
  send.operation = places_.next_operation();
  send.client = number_;
  send.document = document;
  send.kind = kind;
  path_.clear();
  fmt::format_to(std::back_inserter(path_), "/{}/_doc/{}", target_.index, document);
  return sends_.emplace_back(send);
}

/// Null where there is no answer.
const HttpAnswer* AppendClient::ask(Send& send, std::string_view method, std::string_view body) {
  send.begin_ns = now_ns();
  try {
    const HttpAnswer& answer = client_.ask_once(method, path_, body, target_.after_failure);
    const std::uint64_t end_ns = now_ns();
    send.end_ns = end_ns;
    return &answer;
  } catch (const NoAnswer& lost) {
    if (lost.whole_request_sent) return nullptr;
    send.end_ns = now_ns();
    send.answer = SendAnswer::refused;
    return nullptr;
  }
}

std::optional<AppendClient::List> AppendClient::read(std::uint32_t document) {
  Send& send = begin(SendKind::get, document);
  path_ += target_.read_parameters;
  const HttpAnswer* const answer = ask(send, "GET", {});
  if (answer == nullptr) return {};
  if (answer->status == 404 && member(answer->body, "found") == "false") {
    send.answer = SendAnswer::not_found;
    return {};
  }
  List list{.word = word_of(answer->body), .operations = {}};
  const std::string_view source = member(answer->body, "_source");
  if (answer->status != 200 || list.word.vacant() || source.empty()) {
    send.end_ns = Send::kNever;  // as of a copy that is not there: it says nothing
    return {};
  }
  (void)for_each_element(member(source, "list"), [&](std::string_view each) {
    list.operations.push_back(static_cast<std::uint64_t>(std::max<std::int64_t>(0, whole_number(each).value_or(0))));
  });
  send.answer = SendAnswer::found;
  send.word = list.word;
  send.version = whole_number(member(answer->body, "_version")).value_or(kVersionNotFound);
  send.content = list.operations.empty() ? 0 : list.operations.back();
  return list;
}

bool AppendClient::append(std::uint32_t document, const std::optional<List>& to) {
  Send& send = begin(to ? SendKind::index : SendKind::create, document);
  body_ = R"({"list":[)";
  if (to) {
    for (const std::uint64_t operation : to->operations) fmt::format_to(std::back_inserter(body_), "{},", operation);
    send.conditional = true;
    send.condition = to->word;
    fmt::format_to(std::back_inserter(path_), "?if_seq_no={}&if_primary_term={}", to->word.seq_no(), to->word.term());
  } else {
    path_ += "?op_type=create";
  }
  fmt::format_to(std::back_inserter(body_), "{}]}}", send.operation);
  // Else the node goes on for a minute after its client has gone.
  path_ += "&timeout=5s";
  const HttpAnswer* const answer = ask(send, "PUT", body_);
  if (answer == nullptr) return false;
  read_write_answer(send, *answer);
  if (send.answer != SendAnswer::acknowledged) return false;
  places_.note_length(document, (to ? to->operations.size() : 0) + 1);
  return true;
}

void AppendClient::read_write_answer(Send& send, const HttpAnswer& answer) {
  if (answer.status == 409) {
    const std::string_view reason = member(member(answer.body, "error"), "reason");
    send.answer = SendAnswer::conflict;
    if (!send.conditional) return;
    send.told_absent = reason.find("no document was found") != reason.npos;
    if (const SeqNoTerm told = word_in_reason(reason); !send.told_absent && !told.vacant()) send.word = told;
    return;
  }
  if (answer.status == 400) {
    send.answer = SendAnswer::refused;
    return;
  }
  send.word = word_of(answer.body);
  if ((answer.status != 200 && answer.status != 201) || send.word.vacant()) {
    send.word = {};  // a 5xx, a 429, a 404 of a shard: it may have been done, or may yet
    send.end_ns = Send::kNever;
    return;
  }
  send.answer = SendAnswer::acknowledged;
  send.version = whole_number(member(answer.body, "_version")).value_or(kVersionNotFound);
  const std::string_view shards = member(answer.body, "_shards");
  send.copies = count_of(shards, "successful");
  send.all_copies = count_of(shards, "total");
}

}  // namespace occ
