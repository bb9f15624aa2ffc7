/// Scrolls: a search whose hits are read page by page, as clients' scan helpers do.
#include "harness/rest/rest_scroll.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <utility>

#include "harness/rest/search_run.hpp"

namespace occ {

struct Scroll {
  std::mutex mutex;  // of what changes from page to page
  SearchRequest request;
  SearchResult result;
  std::size_t next = 0;
  // Under the mutex of Scrolls.
  std::int64_t keep_alive_ms = 0;
  std::int64_t asked_at_ms = 0;
  std::size_t bytes = 0;
};

namespace {

constexpr std::string_view kIdBegin = "occkit-scroll-";

std::string scroll_id(std::uint64_t number) {
  return fmt::format("{}{:016x}", kIdBegin, number);
}

/// Throws Failure for a text that is none.
std::uint64_t number_of(std::string_view id) {
  std::uint64_t number = 0;
  if (id.starts_with(kIdBegin)) {
    id.remove_prefix(kIdBegin.size());
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number, 16);
    if (error == std::errc() && end == id.data() + id.size() && id.size() == 16) return number;
  }
  throw illegal_argument("Cannot parse scroll id");
}

Failure missing(std::uint64_t number) {
  const std::string reason = fmt::format("No search context found for id [{}]", number);
  Failure none = failure(404, "search_phase_execution_exception", "all shards failed");
  append_error(none.root, failure(404, "search_context_missing_exception", reason));
  none.details = fmt::format(
      R"("phase":"query","grouped":true,"failed_shards":[{{"shard":-1,"index":null,"reason":{}}}])", none.root);
  none.cause_type = "search_context_missing_exception";
  none.cause_reason = reason;
  return none;
}

/// Appends the next page. `opened`: the first one.
void append_page(Call& call, Scroll& scroll, std::uint64_t number, bool opened, std::int64_t began_ms) {
  const std::size_t begin = scroll.next;
  const std::size_t end = std::min(begin + scroll.request.most(), scroll.result.hits.size());
  std::string& out = call.response.body;
  out += R"({"_scroll_id":)";
  append_quoted(out, scroll_id(number));
  out += fmt::format(R"(,"took":{},"timed_out":false,)", call.node.options().clock->now_ms() - began_ms);
  if (!opened || scroll.result.terminated_early) {
    out +=
        scroll.result.terminated_early.value_or(false) ? R"("terminated_early":true,)" : R"("terminated_early":false,)";
  }
  append_shards(out, scroll.result);
  out += ',';
  append_hits(out, call, scroll.result, scroll.request, begin, end);
  out += '}';
  scroll.next = end;
}

/// What a body says: `scroll`, and `scroll_id` once or, if `several`, in a list.
struct Asked {
  std::vector<std::string> ids;
  std::string keep_alive;
};

void read_body(const std::string& body, bool several, Asked& asked) {
  if (body.empty()) return;
  const BodyText text(body);
  for (const auto& [key, value] : text.json().items()) {
    if (key == "scroll_id" && value.is_string()) {
      asked.ids = {value.get<std::string>()};
    } else if (key == "scroll_id" && several && value.is_array()) {
      asked.ids.clear();
      for (const Json& each : value) {
        if (!each.is_string()) throw illegal_argument("scroll_id array element should only contain scroll_id");
        asked.ids.push_back(each.get<std::string>());
      }
    } else if (key == "scroll" && !several && value.is_string()) {
      asked.keep_alive = value.get<std::string>();
    } else {
      throw illegal_argument(fmt::format(
          "Unknown parameter [{}] in request body or parameter is of the wrong type[{}] ", key, token_name(value)));
    }
  }
}

/// The id, or ids, in "/_search/scroll/{id}", the URL's parameter or the body, which wins.
Asked read_asked(Call& call, bool several) {
  Asked asked;
  std::string_view listed = call.parameters.get("scroll_id").value_or("");
  if (call.request.path.size() == 3) listed = call.request.path[2];
  while (!listed.empty()) {
    const auto comma = several ? listed.find(',') : listed.npos;
    asked.ids.emplace_back(listed.substr(0, comma));
    listed.remove_prefix(comma == listed.npos ? listed.size() : comma + 1);
  }
  if (!several) asked.keep_alive = call.parameters.get("scroll").value_or("");
  read_body(call.request.body, several, asked);
  return asked;
}

}  // namespace

Scrolls::Scrolls(std::size_t most_bytes) : most_bytes_(most_bytes) {}
Scrolls::~Scrolls() = default;

void Scrolls::forget_expired(std::int64_t now_ms) {
  std::erase_if(scrolls_,
                [now_ms](const auto& each) { return now_ms - each.second->asked_at_ms > each.second->keep_alive_ms; });
}

std::uint64_t Scrolls::open(std::shared_ptr<Scroll> scroll, std::int64_t now_ms) {
  scroll->bytes = scroll->result.bytes();
  scroll->asked_at_ms = now_ms;
  const std::lock_guard lock(mutex_);
  forget_expired(now_ms);
  if (scrolls_.size() >= kMaxScrolls) {
    throw failure(
        429, "es_rejected_execution_exception",
        fmt::format("Trying to create too many scroll contexts. Must be less than or equal to: [{}]. This limit "
                    "can be set by changing the [search.max_open_scroll_context] setting.",
                    kMaxScrolls));
  }
  std::set<const SearchView*> counted;
  for (const SearchTarget& target : scroll->result.targets) counted.insert(target.view.get());
  std::size_t bytes = scroll->bytes;
  for (const auto& [number, each] : scrolls_) {
    bytes += each->bytes;
    for (const SearchTarget& target : each->result.targets) {
      if (counted.insert(target.view.get()).second) bytes += target.view->bytes();
    }
  }
  if (bytes > most_bytes_ && !scrolls_.empty()) {
    throw failure(429, "circuit_breaking_exception",
                  fmt::format("open scrolls would hold [{}] bytes, more than the limit of [{}]", bytes, most_bytes_));
  }
  scrolls_.emplace(++opened_, std::move(scroll));
  return opened_;
}

std::shared_ptr<Scroll> Scrolls::find(std::uint64_t number, std::int64_t now_ms,
                                      std::optional<std::int64_t> keep_alive_ms) {
  const std::lock_guard lock(mutex_);
  forget_expired(now_ms);
  const auto at = scrolls_.find(number);
  if (at == scrolls_.end()) return nullptr;
  at->second->asked_at_ms = now_ms;
  if (keep_alive_ms) at->second->keep_alive_ms = *keep_alive_ms;
  return at->second;
}

bool Scrolls::close(std::uint64_t number) {
  std::shared_ptr<Scroll> closed;  // goes after the lock: a view may go with it
  const std::lock_guard lock(mutex_);
  const auto at = scrolls_.find(number);
  if (at == scrolls_.end()) return false;
  closed = std::move(at->second);
  scrolls_.erase(at);
  return true;
}

std::size_t Scrolls::close_all() {
  std::map<std::uint64_t, std::shared_ptr<Scroll>> closed;
  const std::lock_guard lock(mutex_);
  closed.swap(scrolls_);
  return closed.size();
}

void open_scroll(Call& call, const std::vector<std::shared_ptr<Index>>& indices, const SearchRequest& request) {
  const std::int64_t now_ms = call.node.options().clock->now_ms();
  auto scroll = std::make_shared<Scroll>();
  scroll->request = request;
  scroll->keep_alive_ms = *request.scroll_ms;
  scroll->result = search(call, indices, request, std::numeric_limits<std::size_t>::max());
  append_page(call, *scroll, call.node.scrolls().open(scroll, now_ms), true, now_ms);
}

void next_page(Call& call) {
  const Asked asked = read_asked(call, false);
  const bool as_number = call.parameters.flag("rest_total_hits_as_int");
  call.parameters.refuse_unknown();
  ValidationErrors errors;
  if (asked.ids.empty()) errors.add("scrollId is missing");
  throw_if_any(errors);
  const std::int64_t now_ms = call.node.options().clock->now_ms();
  std::optional<std::int64_t> keep_alive_ms;
  if (!asked.keep_alive.empty()) {
    keep_alive_ms = parse_time_ms("scroll", asked.keep_alive);
    check_keep_alive(asked.keep_alive, *keep_alive_ms);
  }
  const std::uint64_t number = number_of(asked.ids.front());
  const auto scroll = call.node.scrolls().find(number, now_ms, keep_alive_ms);
  if (!scroll) throw missing(number);
  const std::lock_guard lock(scroll->mutex);
  scroll->request.total_as_number |= as_number;
  append_page(call, *scroll, number, false, now_ms);
}

void clear_scrolls(Call& call) {
  const Asked asked = read_asked(call, true);
  call.parameters.refuse_unknown();
  ValidationErrors errors;
  if (asked.ids.empty()) errors.add("no scroll ids specified");
  throw_if_any(errors);
  std::size_t freed = 0;
  if (asked.ids.size() == 1 && asked.ids.front() == "_all") {
    freed = call.node.scrolls().close_all();
  } else {
    std::vector<std::uint64_t> numbers;
    for (const std::string& id : asked.ids) numbers.push_back(number_of(id));
    for (const std::uint64_t number : numbers) freed += call.node.scrolls().close(number) ? 1 : 0;
  }
  call.response.status = freed > 0 ? 200 : 404;
  call.response.body = fmt::format(R"({{"succeeded":true,"num_freed":{}}})", freed);
}

}  // namespace occ
