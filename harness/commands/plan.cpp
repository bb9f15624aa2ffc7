#include "harness/commands/plan.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "core/model/seq_no_term.hpp"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/commands/commands.hpp"
#include "harness/commands/option_reader.hpp"
#include "harness/commands/pace_options.hpp"
#include "harness/commands/strategy_names.hpp"
#include "harness/commands/validators.hpp"
#include "harness/http/server_address.hpp"
#include "harness/support/near_name.hpp"
#include "harness/support/process_usage.hpp"
#include "harness/support/quantity.hpp"
#include "variants/strategies.hpp"

namespace occ {
namespace {

std::int64_t milliseconds(double seconds) {
  return static_cast<std::int64_t>(std::llround(seconds * 1e3));
}

Conditions conditions_of(const OptionReader& options) {
  Conditions conditions;
  conditions.window_s = options.number<double>("duration").value_or(1);
  conditions.warmup_s = options.number<double>("warmup").value_or(0.2);
  conditions.shards = options.number<std::uint32_t>("shards").value_or(1);
  const double gc_deletes_s = options.number<double>("gc-deletes").value_or(60);
  conditions.gc_deletes_ms = gc_deletes_s < 0 ? -1 : milliseconds(gc_deletes_s);
  if (const auto every = options.number<double>("fail-over-every"); every && *every > 0) {
    conditions.fail_over_every_ms = std::max<std::int64_t>(1, milliseconds(*every));
  }
  constexpr std::array<std::string_view, 3> kForms{"default", "in_place", "optimistic"};
  conditions.update_form = static_cast<UpdateForm>(options.choice("update", kForms).value_or(0));
  if (!is_client_backoff(options.text("backoff").value_or("none")))
    conditions.backoff = static_cast<BackoffKind>(options.choice("backoff", kBackoffKinds).value_or(0));
  conditions.seq_no_lease = options.number<std::uint32_t>("lease").value_or(1);
  constexpr std::array<std::string_view, 2> kLatency{"sampled", "none"};
  conditions.latency = options.choice("latency", kLatency).value_or(0) == 0;
  conditions.pinned = options.text("pin").has_value();
  conditions.seed = options.number<std::uint64_t>("seed").value_or(1);
  return conditions;
}

/// --index-setting K=V,...
std::vector<std::pair<std::string, std::string>> index_settings(const OptionReader& options) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string& each : options.list("index-setting")) {
    const auto equals = each.find('=');
    const std::string name = each.substr(0, equals);
    if (name.empty() || equals == each.npos)
      throw BadInput(fmt::format("--index-setting '{}': accepted are NAME=VALUE,..., settings of an index", each));
    for (const auto& [own, option] :
         {std::pair("number_of_shards", "--shards"), std::pair("number_of_replicas", "--replicas"),
          std::pair("gc_deletes", "--gc-deletes")}) {
      if (name == own || name == std::string("index.") + own)
        throw BadInput(fmt::format("--index-setting {}: accepted is {}, which says it in rows too", each, option));
    }
    all.emplace_back(name, each.substr(equals + 1));
  }
  return all;
}

/// What is behind --url, if it is asked for; it is not asked anything yet.
void choose_server(const OptionReader& options, Plan& plan) {
  const auto url = options.text("url");
  const auto names = options.list("strategy");
  if (!url) {
    for (const char* name : {"label", "url-route", "preference", "url-patience", "request-timeout", "replicas",
                             "index-setting", "keep-index"}) {
      if (options.text(name)) throw BadInput(fmt::format("--{}: of which server? Accepted beside --url", name));
    }
    return;
  }
  if (std::ranges::find(names, kRemoteStrategy.name) == names.end()) {
    throw BadInput(fmt::format("--url: no strategy uses it; accepted with --strategy {0}, or --strategy packed_cas,{0}",
                               kRemoteStrategy.name));
  }
  const std::string label = options.text("label").value_or("");
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  };
  if ((options.text("label") && label.empty()) || !std::ranges::all_of(label, fits)) {
    throw BadInput(fmt::format("--label '{}': accepted are letters, digits, '_', '-' and '.'", label));
  }
  if (options.text("preference") == "") throw BadInput("--preference '': accepted are names of copies, as _local");
  RemoteOptions remote{.route = options.text("url-route") == "first" ? Route::first : Route::turn,
                       .preference = options.text("preference").value_or(""),
                       .label = label,
                       .replicas = options.number<std::uint32_t>("replicas").value_or(0),
                       .index_settings = index_settings(options),
                       .keep_index = options.text("keep-index").has_value()};
  if (const auto timeout = options.number<double>("request-timeout"))
    remote.request_timeout = std::chrono::milliseconds(milliseconds(*timeout));
  if (const auto patience = options.number<double>("url-patience"))
    remote.patience = std::chrono::milliseconds(milliseconds(*patience));
  // A password can have a comma in it: refused as a whole, a part of it might be repeated by a message.
  if (url->find('@') != url->npos) std::ignore = read_server_address(*url);
  for (const std::string& each : options.list("url")) {
    const ServerAddress& address = remote.addresses.emplace_back(read_server_address(each));
    if (!address.tls && !address.authorization.empty() && !address.is_loopback()) {
      plan.notes.push_back(
          fmt::format("{}: user and password, or API key, are sent as they are; https:// hides them", address.url()));
    }
  }
  if (remote.addresses.empty())
    throw BadInput("--url: no address; accepted are http://HOST:PORT and https://HOST:PORT");
  plan.server = std::make_unique<RemoteServer>(std::move(remote));
}

/// A server takes JSON.
void fit_to_server(const OptionReader& options, Workload& workload, Plan& plan) {
  if (!plan.server) return;
  const std::string_view name = plan.server->strategy().name;
  if (workload.layout == SourceLayout::stock) {
    throw BadInput(
        fmt::format("--workload {}: its documents are binary, and {} takes JSON; accepted are the other "
                    "workloads",
                    workload.name, name));
  }
  if (workload.batch > 1 && workload.mix.has(OperationKind::update)) {
    throw BadInput(
        fmt::format("--batch {}: updates are sent to {} one by one; accepted are mixes without update, for example "
                    "cond=100",
                    workload.batch, name));
  }
  if (workload.layout == SourceLayout::json) return;
  if (options.text("transform")) {
    throw BadInput(
        fmt::format("--transform counter: its documents are binary, and {} takes JSON; accepted is json", name));
  }
  workload.layout = SourceLayout::json;
  const std::string note = fmt::format("{} takes JSON: --transform json, for every strategy", name);
  if (std::ranges::find(plan.notes, note) == plan.notes.end()) plan.notes.push_back(note);
}

/// Whether a script of the server can do what the transform does.
void check_script(const Workload& workload, const Documents& documents) {
  if (workload.think_ns > 0) {
    throw BadInput(fmt::format("--think-ns {}: the script of --client server does not work meanwhile; accepted is 0",
                               workload.think_ns));
  }
  const std::string& field = documents.json_field();
  const auto fits = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  if (std::isdigit(static_cast<unsigned char>(field.front())) != 0 || !std::ranges::all_of(field, fits)) {
    throw BadInput(
        fmt::format("--json-field '{}': the script of --client server names it; accepted are letters, digits and '_', "
                    "of which no digit is the first",
                    field));
  }
  if (!documents.all_have_counter()) {
    throw BadInput(
        fmt::format("--load: a document has no field '{}', to which the script of --client server could add; accepted "
                    "are documents that all have it",
                    field));
  }
}

/// Of --client server.
void choose_server_updates(Plan& plan) {
  bool any = false;
  for (std::size_t i = 0; i < plan.workloads.size(); ++i) {
    const Workload& workload = plan.workloads[i];
    if (workload.client != Client::server) continue;
    if (!plan.server) throw BadInput("--client server: of which server? Accepted beside --url");
    if (plan.strategies.size() > 1) {
      throw BadInput(
          fmt::format("--client server: others than a server have no _update of its own; accepted is "
                      "--strategy {} alone",
                      kRemoteStrategy.name));
    }
    if (!workload.mix.has(OperationKind::update)) continue;
    check_script(workload, plan.documents[std::min(i, plan.documents.size() - 1)]);
    any = true;
  }
  if (any) plan.server->update_by_script(plan.documents.front().json_field());
}

void choose_strategies(const OptionReader& options, Plan& plan) {
  const auto names = options.list("strategy");
  if (std::ranges::find(names, kRemoteStrategy.name) != names.end() && !plan.server) {
    throw BadInput(
        fmt::format("--strategy {}: which server? Accepted is --url http://HOST:PORT beside it", kRemoteStrategy.name));
  }
  const StrategyInfo* const remote = plan.server ? &plan.server->strategy() : nullptr;
  plan.strategies = named_strategies(names, strategies(), remote, plan.notes);
  std::erase_if(plan.strategies, [&](const StrategyInfo& info) {
    if (info.supports(plan.conditions.update_form)) return false;
    plan.notes.push_back(
        fmt::format("{} is left out: it has no {} update", info.name, to_string(plan.conditions.update_form)));
    return true;
  });
  if (plan.strategies.empty()) {
    throw BadInput(fmt::format("--update {}: none of the chosen strategies has this form",
                               to_string(plan.conditions.update_form)));
  }
}

std::vector<Workload> bundles(const OptionReader& options) {
  std::vector<Workload> workloads;
  for (const std::string& name : options.list("workload")) {
    const auto known = named_workloads();
    const auto at = std::ranges::find(known, name, &Workload::name);
    if (at == known.end()) {
      std::vector<std::string> names;
      for (const Workload& workload : known) names.push_back(workload.name);
      throw BadInput(fmt::format("--workload: unknown workload '{}'{}; accepted are {}", name,
                                 did_you_mean(name, names), fmt::join(names, ", ")));
    }
    workloads.push_back(*at);
  }
  if (workloads.empty()) workloads.push_back(custom_workload());
  return workloads;
}

/// How many documents of which size, where the options say so.
struct Size {
  std::optional<std::uint64_t> documents;
  std::optional<std::uint64_t> body_bytes;
};

/// What --docs and --body say, one or more: a list of either is a workload for each, two lists go together in pairs.
std::vector<Size> sizes(const OptionReader& options) {
  const auto numbers = [&](std::string_view name) {
    const auto given = options.numbers<std::uint64_t>(name);
    return std::vector<std::optional<std::uint64_t>>(given.begin(), given.end());
  };
  auto documents = numbers("docs");
  auto bodies = numbers("body");
  const std::size_t count = std::max({documents.size(), bodies.size(), std::size_t{1}});
  for (auto* const list : {&documents, &bodies}) {
    if (list->empty()) list->emplace_back();
    if (list->size() == 1) list->resize(count, list->front());
    if (list->size() != count) {
      throw BadInput(fmt::format("--docs, --body: lists of {} and {}; accepted are one value, or as many of both",
                                 documents.size(), bodies.size()));
    }
  }
  std::vector<Size> all;
  for (std::size_t i = 0; i < count; ++i) {
    const Size size{documents[i], bodies[i]};
    const auto same = [&](const Size& other) {
      return other.documents == size.documents && other.body_bytes == size.body_bytes;
    };
    if (std::ranges::any_of(all, same)) {
      throw BadInput(fmt::format("--docs {}, --body {}: the same size is given twice",
                                 options.text("docs").value_or("by default"),
                                 options.text("body").value_or("by default")));
    }
    all.push_back(size);
  }
  return all;
}

/// Explicit options win over what a workload bundles.
void override_bundle(const OptionReader& options, const Size& size, Workload& workload) {
  const bool load = options.text("load").has_value();
  if (load && options.text("docs")) throw BadInput("--docs: with --load, the file says how many documents there are");
  if (load && options.text("body")) throw BadInput("--body: with --load, the file has the sources");
  if (size.documents) workload.documents = *size.documents;
  if (size.body_bytes) workload.body_bytes = *size.body_bytes;
  if (const auto text = options.text("dist")) workload.distribution = Distribution::parse(*text);
  if (const auto text = options.text("mix")) workload.mix = Mix::parse(*text);
  if (const auto client = options.choice("client", kClients)) workload.client = static_cast<Client>(*client);
  if (const auto fill = options.number<std::uint32_t>("fill")) workload.fill_percent = *fill;
  if (const auto batch = options.number<std::uint32_t>("batch")) workload.batch = *batch;
  if (workload.batch > 1 && workload.mix.has(OperationKind::update) && is_own_loop(workload.client)) {
    throw BadInput(
        fmt::format("--client {}: with --batch {}, updates that the client tries again are not offered; accepted are "
                    "--client update, or cond in the mix",
                    kClients[static_cast<std::size_t>(workload.client)], workload.batch));
  }
  if (const auto think = options.number<std::uint64_t>("think-ns")) workload.think_ns = *think;
  if (const auto retries = options.number<std::uint32_t>("retry-on-conflict")) workload.retry_on_conflict = *retries;
  constexpr std::array<std::string_view, 2> kTransforms{"counter", "json"};
  const auto transform = options.choice("transform", kTransforms);
  if (workload.layout == SourceLayout::stock) {
    if (load || transform)
      throw BadInput("workload stock has documents and a transform of its own: leave out --load and --transform");
    if (!workload.mix.only_increments()) throw BadInput("--mix: workload stock accepts get, update and cond");
    if (workload.fill_percent < 100) throw BadInput("--fill: workload stock begins with all of its products");
    return;
  }
  if (load && transform == 0U) throw BadInput("--transform counter: loaded documents are JSON; accepted is json");
  if (load || transform == 1U) workload.layout = SourceLayout::json;
}

/// Better said now than by the kernel in an hour.
void check_memory(const Workload& workload) {
  constexpr std::uint64_t kOverheadBytes = 96;
  const auto needed =
      static_cast<double>(workload.documents) * static_cast<double>(workload.body_bytes + kOverheadBytes);
  const auto there = static_cast<double>(physical_memory_bytes());
  if (needed > there) {
    throw BadInput(fmt::format("--docs {} --body {}: needs {:.1f} GiB at least, this machine has {:.1f}",
                               workload.documents, workload.body_bytes, needed / (1 << 30), there / (1 << 30)));
  }
}

/// A shard has so many terms; a run that raises them more often would go on in the last one, and say it did not.
void check_fail_overs(const Conditions& conditions) {
  if (conditions.fail_over_every_ms == 0) return;
  constexpr auto kRaises = static_cast<double>(SeqNoTerm::kMaxTerm - 1);
  const double least_ms = std::ceil((conditions.warmup_s + conditions.window_s + 0.1) * 1e3 / kRaises);
  if (static_cast<double>(conditions.fail_over_every_ms) < least_ms) {
    throw BadInput(fmt::format(
        "--fail-over-every {} ms: a replicate of {:.6g} s would need more than the {} primary terms that a "
        "shard has; accepted are {} ms and more, or a shorter --duration",
        conditions.fail_over_every_ms, conditions.warmup_s + conditions.window_s, SeqNoTerm::kMaxTerm, least_ms));
  }
}

/// Where the only checked history is written to. To be called when it is known how many are.
void choose_history_file(const std::string& file, std::uint64_t histories, Recording& recording) {
  recording.file = file;
  std::error_code unknown;
  if (std::filesystem::exists(recording.file, unknown)) {
    throw BadInput(fmt::format("--history: '{}' is there already and is not overwritten; name another file", file));
  }
  const auto folder = recording.file.parent_path();
  if (recording.file.filename().empty() || (!folder.empty() && !std::filesystem::is_directory(folder, unknown))) {
    throw BadInput(fmt::format("--history '{}': accepted is a new file in a folder that is there", file));
  }
  if (histories != 1) {
    throw BadInput(
        fmt::format("--history {}: one history fits into a file, {} would be checked; accepted are one "
                    "strategy, one workload, one thread count and one checked replicate",
                    file, histories));
  }
}

/// Without --check, of a table of millions of documents: half of the room is for its fill and its last look, half for
/// the threads.
void choose_share_by_room(Plan& plan) {
  Recording& recording = plan.recording;
  for (const Workload& workload : plan.workloads) {
    const double fitting = static_cast<double>(recording.operations) / 4 / static_cast<double>(workload.documents);
    recording.percent = std::min(recording.percent, std::floor(1000 * fitting) / 10);
  }
  recording.percent = std::max(recording.percent, 0.1);
  if (recording.percent < 100) {
    plan.notes.push_back(
        fmt::format("the histories of {:.1f} % of the documents are checked; --check all with a "
                    "larger --check-operations checks more",
                    recording.percent));
  }
}

void check_room(const Plan& plan) {
  const Recording& recording = plan.recording;
  for (const Cell& cell : plan.cells) {
    const std::uint64_t least = recording.least_operations(cell.documents->size(), cell.threads, cell.workload->batch);
    if (plan.is_checked(cell) && least > recording.operations) {
      throw BadInput(
          fmt::format("--check-operations {}: filling and reading back {} documents and a few operations of "
                      "each of {} threads are {}; accepted are more operations, or a smaller share of the "
                      "documents (--check 5%)",
                      recording.operations, recording.chosen(cell.documents->size()), cell.threads, least));
    }
  }
}

/// Which histories are recorded. To be called when the cells are known.
void choose_recording(const OptionReader& options, Plan& plan) {
  Recording& recording = plan.recording;
  plan.check_replicates = options.number<std::uint32_t>("check-replicates").value_or(1);
  if (const auto operations = options.number<std::uint64_t>("check-operations")) recording.operations = *operations;
  recording.percent = options.number<double>("check").value_or(100);
  if (recording.percent == 0) {
    recording.percent = 100;
    plan.check_replicates = 0;
  }
  const auto checked = std::ranges::count_if(plan.cells, [&](const Cell& cell) { return plan.is_checked(cell); });
  if (plan.replicates == 0 && checked == 0) {
    throw BadInput(
        "--replicates 0: nothing is left to do without a history to check; accepted are 1 and more, or 0 "
        "with --check and a strategy that stores something");
  }
  if (const auto file = options.text("history"))
    choose_history_file(*file, static_cast<std::uint64_t>(checked) * plan.check_replicates, recording);
  if (checked == 0) return;

  const double needed = static_cast<double>(recording.operations) * Recording::kBytesPerOperation;
  if (needed > static_cast<double>(physical_memory_bytes())) {
    throw BadInput(fmt::format("--check-operations {}: needs {:.1f} GiB, this machine has {:.1f}", recording.operations,
                               needed / (1 << 30), static_cast<double>(physical_memory_bytes()) / (1 << 30)));
  }
  if (!options.text("check")) choose_share_by_room(plan);
  check_room(plan);
}

}  // namespace

Plan make_plan(const Options& given) {
  const OptionReader options(given);
  Plan plan;
  plan.conditions = conditions_of(options);
  check_fail_overs(plan.conditions);
  plan.replicates = options.number<std::uint32_t>("replicates").value_or(plan.replicates);
  plan.repeats = options.number<std::uint32_t>("repeats").value_or(plan.repeats);
  plan.until_percent = options.number<double>("until");
  if (plan.until_percent && plan.replicates == 0)
    throw BadInput("--until: with --replicates 0 nothing is measured; accepted are 1 and more");
  if (plan.until_percent && options.text("rate") == "auto")
    throw BadInput("--until: --rate auto measures each rate once a replicate; accepted with rates that are given");
  choose_server(options, plan);
  choose_strategies(options, plan);
  if (plan.server && plan.conditions.seq_no_lease > 1) {
    throw BadInput(fmt::format("--lease {}: a server numbers its writes itself, in order; accepted is 1",
                               plan.conditions.seq_no_lease));
  }

  plan.threads = options.numbers<std::uint32_t>("threads");
  if (plan.threads.empty()) plan.threads = {1, 2, 4};

  const std::string field = options.text("json-field").value_or("counter");
  if (field.empty()) throw BadInput("--json-field: a name is needed");
  plan.rate_search = rate_search_of(options, plan.conditions.window_s);
  const std::vector<Size> of_each = sizes(options);
  const std::vector<Pace> paces = paces_of(options, plan.threads, plan.rate_search);
  const std::size_t variants = of_each.size() * paces.size();
  for (const Workload& workload : bundles(options)) plan.workloads.insert(plan.workloads.end(), variants, workload);
  for (std::size_t i = 0; i < plan.workloads.size(); ++i) {
    Workload& workload = plan.workloads[i];
    override_bundle(options, of_each[i % variants / paces.size()], workload);
    workload.pace = paces[i % paces.size()];
    check_pace(workload);
    fit_to_server(options, workload, plan);
    if (const auto file = options.text("load")) {
      if (plan.documents.empty()) plan.documents.push_back(Documents::load(*file, field));
      workload.documents = plan.documents.back().size();
    } else {
      plan.documents.push_back(Documents::generated(workload.layout, workload.documents, workload.body_bytes, field));
      check_memory(workload);
    }
    workload.distribution.check(workload.documents);
  }
  choose_server_updates(plan);
  for (std::size_t i = 0; i < plan.workloads.size(); ++i) {
    const Documents& documents = plan.documents[std::min(i, plan.documents.size() - 1)];
    if (documents.layout() == SourceLayout::json &&
        std::ranges::find(plan.strategies, Semantics::floor, &StrategyInfo::semantics) != plan.strategies.end()) {
      plan.notes.push_back(
          fmt::format("floors are left out of {}: their documents have numbers and one size", plan.workloads[i].name));
    }
    for (const StrategyInfo& strategy : plan.strategies) {
      if (documents.layout() == SourceLayout::json && strategy.semantics == Semantics::floor) continue;
      for (const std::uint32_t threads : plan.threads) {
        const bool is_remote = plan.server && strategy.name == plan.server->strategy().name;
        plan.cells.push_back(
            {strategy, &plan.workloads[i], &documents, threads, is_remote ? plan.server.get() : nullptr});
      }
    }
  }
  if (plan.cells.empty())
    throw BadInput("--strategy floors: they take no JSON documents; accepted is any other beside them");
  choose_recording(options, plan);
  return plan;
}

double Plan::step_s(const Cell& cell, bool is_recorded) const {
  // By eye, on two cores: filling and verifying a document, recording and checking an operation, making a table.
  constexpr double kDocumentS = 1.2e-6;
  constexpr double kOperationS = 0.2e-6;
  constexpr double kTableS = 0.02;
  const double table_s = kTableS + kDocumentS * static_cast<double>(cell.documents->size());
  return table_s + conditions.window_s +
         (is_recorded ? kOperationS * static_cast<double>(recording.operations) : conditions.warmup_s);
}

double Plan::estimated_s() const {
  double total_s = 0;
  const double windows = replicates * (rate_search ? RateSearch::kUsualSteps : 1.0);
  for (const Cell& cell : cells) {
    total_s += windows * step_s(cell, false);
    if (is_checked(cell)) total_s += check_replicates * step_s(cell, true);
  }
  return total_s;
}

std::size_t Plan::histories() const {
  const auto checked = std::ranges::count_if(cells, [&](const Cell& cell) { return is_checked(cell); });
  return static_cast<std::size_t>(checked) * check_replicates;
}

void name_strategies(Options& options) {
  std::string& text = options["strategy"];
  if (!text.empty() && text != "all") return;
  std::vector<std::string_view> names;
  for (const StrategyInfo& info : strategies()) names.push_back(info.name);
  text = fmt::format("{}", fmt::join(names, ","));
}

}  // namespace occ
