#include "harness/advise/conflict_log.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/read_file.hpp"

namespace occ {
namespace {

constexpr std::string_view kMark = ": version conflict, ";
/// A number this large is milliseconds since 1970; in seconds it would be the year 5138.
constexpr double kLeastMilliseconds = 1e11;

constexpr std::pair<std::string_view, ConflictText> kTexts[] = {
    {"current document has seqNo", ConflictText::seq_no},
    {"but no document was found", ConflictText::not_found},
    {"document already exists", ConflictText::already_exists},
    {"document does not exist", ConflictText::does_not_exist},
    {"is different than the one provided", ConflictText::other_version},
    {"is higher or equal to the one provided", ConflictText::not_newer},
    {"is higher than the one provided", ConflictText::older},
};

/// The number that begins a text; the text is cut behind it.
template <class T>
std::optional<T> take_number(std::string_view& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

/// 2026-11-29T12:34:56 with a fraction after a point or a comma, or none; a blank for the T.
std::optional<double> date_s(std::string_view text) {
  const auto year = take_number<int>(text);
  const bool dashed = take(text, '-');
  const auto month = take_number<unsigned>(text);
  const bool dashed_again = take(text, '-');
  const auto day = take_number<unsigned>(text);
  if (!year || !month || !day || !dashed || !dashed_again || (!take(text, 'T') && !take(text, ' ')))
    return std::nullopt;
  const auto hour = take_number<unsigned>(text);
  if (!take(text, ':')) return std::nullopt;
  const auto minute = take_number<unsigned>(text);
  if (!take(text, ':')) return std::nullopt;
  std::string seconds(text.substr(0, text.find_first_not_of("0123456789.,")));
  std::ranges::replace(seconds, ',', '.');
  std::string_view rest = seconds;
  const auto second = take_number<double>(rest);
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month), std::chrono::day(*day)};
  if (!hour || !minute || !second || !date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86400 + *hour * 3600.0 + *minute * 60.0 + *second;
}

/// The first date in a text.
std::optional<double> date_within_s(std::string_view text) {
  constexpr std::size_t kYearDigits = 4;
  for (std::size_t dash = text.find('-'); dash != text.npos; dash = text.find('-', dash + 1)) {
    if (dash < kYearDigits) continue;
    if (const auto date = date_s(text.substr(dash - kYearDigits))) return date;
  }
  return std::nullopt;
}

/// The number that a line begins with, in seconds.
std::optional<double> number_s(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t[\""), line.size()));
  const auto number = take_number<double>(line);
  if (!number || !(*number >= 0) || (!line.empty() && line.find_first_of(" \t]\",;") != 0)) return std::nullopt;
  return *number >= kLeastMilliseconds ? *number / 1e3 : *number;
}

/// What stands in the brackets that end the text.
std::string_view last_bracketed(std::string_view text) {
  if (!text.ends_with(']')) return {};
  text.remove_suffix(1);
  const std::size_t open = text.rfind('[');
  return open == std::string_view::npos ? std::string_view{} : text.substr(open + 1);
}

/// The number in the brackets behind `words`.
std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view words) {
  const std::size_t at = text.find(words);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + words.size());
  return take_number<std::uint64_t>(text);
}

/// Lines make entries: each begins with a line that has a time, and those after it, of a stack trace or of a bulk
/// response, are its own.
class LogReader {
 public:
  explicit LogReader(std::string_view name) : name_(name) {}

  void read(std::string_view line, std::size_t number) {
    std::size_t mark = line.find(kMark);
    const bool has_conflict = mark != line.npos;
    begin_entry(line.substr(0, mark), has_conflict);
    if (!has_conflict && !line.empty()) ++log_.other_lines;
    std::size_t began = 0;
    while (mark != line.npos) {
      const std::size_t reason = mark + kMark.size();
      const std::size_t next = line.find(kMark, reason);
      take_conflict(last_bracketed(line.substr(began, mark - began)), line.substr(reason, next - reason), number);
      began = reason;
      mark = next;
    }
  }

  ConflictLog finish() {
    if (std::ranges::all_of(log_.seen, [](std::uint64_t count) { return count == 0; })) {
      throw BadInput(fmt::format(
          "--conflicts: {} has no version conflict; accepted are lines with a time and Elasticsearch's text "
          "'[id]: version conflict, required seqNo [..], primary term [..]. current document has seqNo [..] "
          "and primary term [..]'",
          name_));
    }
    std::ranges::stable_sort(log_.conflicts, {}, &LoggedConflict::time_s);
    return std::move(log_);
  }

 private:
  void begin_entry(std::string_view before, bool has_conflict) {
    auto time = date_within_s(before);
    has_dates_ = has_dates_ || time;
    // In a log with dates a number is one of a bulk response: "[0]: index [..".
    if (!time && has_conflict && !has_dates_) time = number_s(before);
    if (!time) return;
    time_s_ = time;
    entry_.clear();
  }

  void take_conflict(std::string_view id, std::string_view reason, std::size_t line) {
    const auto* const known = std::ranges::find_if(
        kTexts, [&](const auto& each) { return reason.find(each.first) != std::string_view::npos; });
    if (known == std::end(kTexts)) {
      ++log_.other_lines;
      return;
    }
    const auto required = number_behind(reason, "required seqNo [");
    const auto current = number_behind(reason, "current document has seqNo [");
    // The exceptions of one entry that caused each other have the same text.
    if (!entry_.emplace(id, known->second, required.value_or(0), current.value_or(0)).second) return;
    ++log_.seen[static_cast<std::size_t>(known->second)];
    if (known->second != ConflictText::seq_no) return;
    if (!time_s_) throw refuse(line, "no time at its beginning, nor in a line before");
    if (!required || !current) throw refuse(line, "no numbers in the text of a conflict");
    if (number_behind(reason, "primary term [") != number_behind(reason, "and primary term [") ||
        *current <= *required) {
      ++log_.other_terms;
      return;
    }
    const auto [found, is_new] = documents_.try_emplace(std::string(id), static_cast<std::uint32_t>(log_.ids.size()));
    if (is_new) log_.ids.emplace_back(id);
    log_.conflicts.push_back({*time_s_, found->second, *required, *current});
  }

  [[nodiscard]] BadInput refuse(std::size_t line, std::string_view why) const {
    return BadInput(
        fmt::format("--conflicts: {}:{}: {}; accepted are lines with a time such as 2026-11-29T12:34:56,789, lines "
                    "after such a line, and lines that begin with seconds or milliseconds since 1970",
                    name_, line, why));
  }

  std::string_view name_;
  ConflictLog log_;
  /// Of the entry, and the conflicts that it has told of.
  std::optional<double> time_s_;
  bool has_dates_ = false;
  std::set<std::tuple<std::string, ConflictText, std::uint64_t, std::uint64_t>> entry_;
  std::unordered_map<std::string, std::uint32_t> documents_;
};

}  // namespace

std::string_view to_string(ConflictText text) noexcept {
  return std::ranges::find(kTexts, text, &std::pair<std::string_view, ConflictText>::second)->first;
}

std::string_view explain(ConflictText text) noexcept {
  switch (text) {
    case ConflictText::seq_no:
      return "the document was written between the read and the write; read again and try again";
    case ConflictText::not_found:
      return "the document was deleted after it was read; trying again finds nothing to update";
    case ConflictText::already_exists:
      return "a create, or an upsert, came second; an update of what is there succeeds";
    case ConflictText::does_not_exist:
      return "a version was expected of a document that is not there; trying again does not help";
    case ConflictText::other_version:
      return "the same race on _version (before 7.0); read again and try again";
    case ConflictText::not_newer:
      return "external versions: a write that was not newer came late; nothing is to be done";
    default:
      return "external_gte versions: an older write came late; nothing is to be done";
  }
}

ConflictLog parse_conflict_log(std::string_view text, std::string_view name) {
  LogReader reader(name);
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    reader.read(text.substr(at, end - at), ++number);
    at = end + 1;
  }
  return reader.finish();
}

ConflictLog read_conflict_log(const std::string& file) {
  return parse_conflict_log(read_file(file), fmt::format("'{}'", file));
}

}  // namespace occ
