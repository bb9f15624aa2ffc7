#include "harness/faults/send_lines.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/support/json_text.hpp"

namespace occ {
namespace {

Json numbers(SeqNoTerm word) {
  return Json::array({word.seq_no(), word.term()});
}

Json line_of(const Send& send, std::uint64_t zero_ns) {
  constexpr std::array<const char*, 5> kKinds = {"get", "index", "create", "delete", "update"};
  constexpr std::array<const char*, 6> kAnswers = {"unknown",   "acknowledged", "found",
                                                   "not_found", "conflict",     "refused"};
  Json line{{"operation", send.operation},
            {"client", send.client},
            {"document", send.document},
            {"kind", kKinds.at(static_cast<std::size_t>(send.kind))},
            {"begin", send.begin_ns - zero_ns}};
  if (send.end_ns != Send::kNever) line["end"] = send.end_ns - zero_ns;
  if (send.conditional) line["if"] = numbers(send.condition);
  line["answer"] = kAnswers.at(static_cast<std::size_t>(send.answer));
  if (!send.word.vacant()) line["word"] = numbers(send.word);
  if (send.version != kVersionNotFound) line["_version"] = send.version;
  if (send.content != 0) line["content"] = send.content;
  if (send.told_absent) line["told"] = "no document";
  if (send.all_copies > 0) line["copies"] = Json::array({send.copies, send.all_copies});
  return line;
}

}  // namespace

void write_sends(std::ostream& out, const ReplicatedHistory& history) {
  std::vector<const Send*> sends;
  for (const Send& send : history.sends) sends.push_back(&send);
  std::ranges::stable_sort(sends, {}, &Send::begin_ns);
  const std::uint64_t zero_ns = sends.empty() ? 0 : sends.front()->begin_ns;
  const auto since = [&](std::uint64_t ns) { return ns > zero_ns ? ns - zero_ns : 0; };
  Json bands = Json::array();
  for (const FaultBand& band : history.bands) {
    bands.push_back({since(band.begin_ns), band.end_ns == Send::kNever ? Json() : Json(since(band.end_ns))});
  }
  const Json header{{"format", "occkit-sends"}, {"format_version", 1}, {"time_unit", "ns"}, {"faults", bands}};
  out << to_text(header) << '\n';
  for (const Send* send : sends) out << to_text(line_of(*send, zero_ns)) << '\n';
  if (!out.flush()) throw std::runtime_error("the history cannot be written");
}

}  // namespace occ
