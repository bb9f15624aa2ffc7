#include "harness/rest/cat_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "harness/rest/filter_path.hpp"

namespace occ {
namespace {

std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (comma != 0) parts.push_back(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
  }
  return parts;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

/// The last text of a line that is not a number's is not filled up.
void append_padded(std::string& line, std::string_view text, std::size_t width, bool right, bool last) {
  const std::size_t blanks = width - std::min(width, characters(text));
  if (right) line.append(blanks, ' ');
  line += text;
  if (!right && !last) line.append(blanks, ' ');
}

/// Numbers by their value, before what is none.
bool is_before(const std::string& a, const std::string& b, bool as_numbers) {
  if (!as_numbers) return a < b;
  double x = 0;
  double y = 0;
  std::from_chars(a.data(), a.data() + a.size(), x);
  std::from_chars(b.data(), b.data() + b.size(), y);
  return x < y;
}

}  // namespace

CatTable::CatTable(Call& call, const std::vector<CatColumn>& columns) : call_(call), columns_(columns) {
  Parameters& parameters = call.parameters;
  titles_ = parameters.flag("v");
  help_ = parameters.flag("help");
  wanted_ = parameters.get("h").value_or("");
  order_ = parameters.get("s").value_or("");
  parameters.ignore({"local", "master_timeout", "bytes", "time"});
  const std::string_view format = parameters.get("format").value_or("");
  const std::string* accept = find_header(call.request, "accept");
  // A list of types, of which clients send one, stands for text.
  json_ = format == "json" || (format.empty() && accept && accept->starts_with("application/") &&
                               accept->find("json") != accept->npos && accept->find(',') == accept->npos);
  if (!format.empty() && format != "json" && format != "text" && format != "txt") {
    throw unsupported(fmt::format("the format [{}] is", format));
  }
}

std::size_t CatTable::find(std::string_view name) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto aliases = parts_of(columns_[i].aliases);
    if (columns_[i].name == name || std::ranges::find(aliases, name) != aliases.end()) return i;
  }
  return columns_.size();
}

std::vector<CatTable::Shown> CatTable::shown() const {
  std::vector<Shown> shown;
  if (wanted_.empty()) {
    for (std::size_t i = hidden_; i < columns_.size(); ++i) {
      if (columns_[i].is_shown) shown.push_back({i, std::string(columns_[i].name)});
    }
    return shown;
  }
  for (const std::string_view name : parts_of(wanted_)) {
    if (name.find('*') == name.npos) {
      if (const std::size_t at = find(name); at < columns_.size()) shown.push_back({at, std::string(name)});
      continue;
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (matches_pattern(name, columns_[i].name)) shown.push_back({i, std::string(columns_[i].name)});
    }
  }
  return shown;
}

bool CatTable::help() {
  call_.parameters.refuse_unknown();
  if (!help_) return false;
  std::size_t names = 0;
  std::size_t aliases = 0;
  std::size_t meanings = 0;
  for (const CatColumn& each : columns_) {
    names = std::max(names, each.name.size());
    aliases = std::max(aliases, each.aliases.size());
    meanings = std::max(meanings, each.meaning.size());
  }
  for (const CatColumn& each : columns_) {
    call_.response.body +=
        fmt::format("{:{}} | {:{}} | {:{}}\n", each.name, names, each.aliases, aliases, each.meaning, meanings);
  }
  call_.is_text = true;
  return true;
}

void CatTable::sort() {
  auto keys = parts_of(order_);
  std::ranges::reverse(keys);
  for (const std::string_view key : keys) {
    const auto colon = key.find(':');
    const std::string_view name = key.substr(0, colon);
    const std::string_view order = colon == key.npos ? std::string_view() : key.substr(colon + 1);
    const std::size_t at = find(name);
    if (at == columns_.size()) {
      throw failure(500, "unsupported_operation_exception",
                    fmt::format("Unable to sort by unknown sort key `{}`", name));
    }
    std::ranges::stable_sort(rows_, [&](const auto& a, const auto& b) {
      const bool as_numbers = columns_[at].is_number;
      return order == "desc" ? is_before(b[at], a[at], as_numbers) : is_before(a[at], b[at], as_numbers);
    });
  }
}

void CatTable::answer() {
  sort();
  const auto columns = shown();
  std::string& out = call_.response.body;
  if (json_) {
    Json answer = Json::array();
    for (const auto& row : rows_) {
      Json object = Json::object();
      for (const Shown& each : columns) object[each.title] = row[each.column].empty() ? Json() : Json(row[each.column]);
      answer.push_back(std::move(object));
    }
    out = to_text(answer);
    return;
  }
  call_.is_text = true;
  std::vector<std::size_t> widths;
  for (const Shown& each : columns) {
    std::size_t width = titles_ ? characters(each.title) : 0;
    for (const auto& row : rows_) width = std::max(width, characters(row[each.column]));
    widths.push_back(width);
  }
  const auto append_line = [&](auto text_of) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ' ';
      append_padded(out, text_of(columns[i]), widths[i], columns_[columns[i].column].is_number,
                    i + 1 == columns.size());
    }
    out += '\n';
  };
  if (titles_) append_line([](const Shown& each) -> const std::string& { return each.title; });
  for (const auto& row : rows_)
    append_line([&row](const Shown& each) -> const std::string& { return row[each.column]; });
}

}  // namespace occ
