#include "harness/report/columns.hpp"

#include <algorithm>

#include "fmt/format.h"
#include "harness/remote/remote_server.hpp"
#include "harness/support/statistics.hpp"

namespace occ {
namespace {

using Row = ReplicateRow;
using All = Columns<Row>;

std::string per_operation(const std::optional<std::uint64_t>& events, const Row& row) {
  const auto operations = row.measurement.window.total_operations();
  if (!events) return "not available";
  return operations == 0 ? "" : number(static_cast<double>(*events) / static_cast<double>(operations));
}

std::uint64_t operations(const Row& row) {
  return row.measurement.window.total_operations();
}

std::string update_form(const Row& row) {
  const Workload& workload = *row.cell.workload;
  if (!workload.mix.has(OperationKind::update) || workload.client != Client::update) return "none";
  return std::string(to_string(row.cell.strategy.resolve(row.conditions.update_form)));
}

double jain_of(const Row& row) {
  const auto& counts = row.measurement.thread_operations;
  return jain(std::vector<double>(counts.begin(), counts.end()));
}

void add_identity(All& all) {
  const auto add = [&](std::string name, std::string meaning, auto value) {
    all.push_back({std::move(name), std::move(meaning), value});
  };
  add("workload", "name of the workload", [](const Row& r) { return r.cell.workload->name; });
  add("strategy", "name of the update strategy", [](const Row& r) { return std::string(r.cell.strategy.name); });
  add("update_form", "in_place or optimistic; none where the table's update is not called", update_form);
  add("client",
      "who tries again after a conflict: update (the table), if_seq_no or version (the client's own loop), server (the "
      "server's own update, by a script)",
      [](const Row& r) { return std::string(kClients[static_cast<std::size_t>(r.cell.workload->client)]); });
  add("progress", "weakest progress that the strategy claims over the operations of the mix",
      [](const Row& r) { return std::string(to_string(weakest_progress(r.cell.strategy, r.cell.workload->mix))); });
  add("semantics",
      "full, version_only (guarded by _version alone), unchecked (negative control), none or floor (what the machine "
      "can do)",
      [](const Row& r) { return std::string(to_string(r.cell.strategy.semantics)); });
  add("seq_no_source",
      "where sequence numbers come from: shard_counter, one counter for each shard; leases_of_N, of which each "
      "handle takes up to N numbers at once",
      [](const Row& r) {
        const std::uint32_t lease = r.conditions.seq_no_lease;
        return lease == 1 ? std::string("shard_counter") : fmt::format("leases_of_{}", lease);
      });
  add("threads", "worker threads", [](const Row& r) { return number(r.cell.threads); });
  add("replicate",
      "1, 2, ..., counted apart for rows with checked=history; equal replicates of two strategies had equal streams of "
      "operations",
      [](const Row& r) { return number(r.replicate); });
  add("attempt",
      "1; 2, 3: the same replicate again, because the one before was disturbed; of several the last undisturbed one is "
      "compared",
      [](const Row& r) { return number(r.attempt); });
  add("seed", "the run's seed", [](const Row& r) { return number(r.conditions.seed); });
}

void add_settings(All& all) {
  const auto add = [&](std::string name, std::string meaning, auto value) {
    all.push_back({std::move(name), std::move(meaning), value});
  };
  add("docs", "documents that operations go to", [](const Row& r) { return number(r.cell.documents->size()); });
  add("fill_percent", "percent of them that were in the table before",
      [](const Row& r) { return number(r.cell.workload->fill_percent); });
  add("shards", "shards", [](const Row& r) { return number(r.conditions.shards); });
  add("body_bytes", "bytes of a source (the mean, where sources were loaded)",
      [](const Row& r) { return number(r.cell.documents->body_bytes()); });
  add("dist", "how documents are chosen", [](const Row& r) { return r.cell.workload->distribution.text(); });
  add("mix", "percent of operations by kind", [](const Row& r) { return r.cell.workload->mix.text(); });
  add("batch", "operations of one bulk call; 1: single calls",
      [](const Row& r) { return number(r.cell.workload->batch); });
  add("transform", "what an update does: counter (binary), stock (binary), json (parse, add 1, serialise)",
      [](const Row& r) { return std::string(kSourceLayouts[static_cast<std::size_t>(r.cell.workload->layout)]); });
  add("think_ns", "ns of work between the read and the write of an update",
      [](const Row& r) { return number(r.cell.workload->think_ns); });
  add("retry_on_conflict", "tries after the first one",
      [](const Row& r) { return number(r.cell.workload->retry_on_conflict); });
  add("backoff",
      "how strategies that back off wait after another thread was faster: none, exponential or adaptive; how a client "
      "waits between its tries: exponential:FIRST..MOST or full-jitter:FIRST..MOST",
      [](const Row& r) {
        const BackoffPolicy& of_client = r.cell.workload->pace.backoff;
        return of_client.kind == BackoffPolicy::Kind::none ? std::string(to_string(r.conditions.backoff))
                                                           : of_client.text();
      });
  add("gc_deletes_ms", "ms for which a tombstone keeps its version",
      [](const Row& r) { return number(r.conditions.gc_deletes_ms); });
  add("fail_over_every_ms", "ms between raises of the primary term; 0: never",
      [](const Row& r) { return number(r.conditions.fail_over_every_ms); });
  add("pinned", "1 if threads were pinned to processors",
      [](const Row& r) { return number(int{r.conditions.pinned}); });
  add("window_s", "s that were measured", [](const Row& r) { return number(r.measurement.window_s); });
  add("warmup_s", "s before them; none where the history is recorded",
      [](const Row& r) { return number(r.measurement.history ? 0 : r.conditions.warmup_s); });
  add("collision_probability", "probability that two operations choose the same document",
      [](const Row& r) { return number(r.collision_probability); });
  add("generator_p", "p of the chi-square test of one thread's documents against the distribution",
      [](const Row& r) { return number(r.generator_p); });
}

/// Where operations have intended starts, empty elsewhere.
std::string paced(const Row& row, std::string text) {
  return row.cell.workload->pace.is_set() ? std::move(text) : std::string();
}
std::string opened(const Row& row, std::string text) {
  return row.cell.workload->pace.is_open() ? std::move(text) : std::string();
}

void add_pace(All& all) {
  const auto add = [&](std::string name, std::string meaning, auto value) {
    all.push_back({std::move(name), std::move(meaning), value});
  };
  const auto time = [](const TimeDistribution& each) { return each.mean_s() > 0 ? each.text() : std::string("0"); };
  add("clients", "clients that share the threads; empty: a thread each, or an open loop", [](const Row& r) {
    const std::uint64_t clients = r.cell.workload->pace.clients;
    return clients > 0 ? number(clients) : std::string();
  });
  add("think_between", "time between a client's operations, as given",
      [time](const Row& r) { return time(r.cell.workload->pace.think_between); });
  add("think_within", "time between read and write of a client's own loop, in which others of its thread go on",
      [time](const Row& r) { return time(r.cell.workload->pace.think_within); });
  add("rate_per_s", "open loop: operations (with a batch: calls) that were to begin per s; empty: closed loop",
      [](const Row& r) { return opened(r, number(r.cell.workload->pace.rate_per_s)); });
  add("arrivals", "open loop: poisson or constant", [](const Row& r) {
    return opened(r, std::string(kArrivals[static_cast<std::size_t>(r.cell.workload->pace.arrivals)]));
  });
}

void add_throughput(All& all) {
  all.push_back({"ops", "operations that ended applied, noop, found or not_found in the window",
                 [](const Row& r) { return number(operations(r)); }});
  all.push_back({"ops_per_s", "the same per s",
                 [](const Row& r) { return number(static_cast<double>(operations(r)) / r.measurement.window_s); }});
  for (std::size_t kind = 0; kind < kOperationKinds.size(); ++kind) {
    all.push_back({fmt::format("ops_{}", kOperationKinds[kind]), fmt::format("ops of kind {}", kOperationKinds[kind]),
                   [kind](const Row& r) { return number(r.measurement.window.operations[kind]); }});
  }
  all.push_back({"exhausted", "updates that gave up after their retries; not in ops",
                 [](const Row& r) { return number(r.measurement.window.exhausted); }});
}

/// A server that updates by itself does not tell how often it tried.
bool tells_attempts(const Row& row) {
  return row.cell.workload->client != Client::server || !row.cell.workload->mix.has(OperationKind::update);
}

std::string counted(const Row& row, const Counters& counters, const Counters::Field& field) {
  const bool counts_attempts = field.member == &Counters::attempts || field.member == &Counters::transforms_discarded;
  return counts_attempts && !tells_attempts(row) ? std::string() : number(counters.*field.member);
}

void add_counters(All& all) {
  for (const Counters::Field& field : Counters::fields()) {
    all.push_back({std::string(field.name), fmt::format("in the window: {}", field.meaning),
                   [&field](const Row& r) { return counted(r, r.measurement.window_counters, field); }});
  }
  for (const Counters::Field& field : Counters::fields()) {
    all.push_back({fmt::format("life_{}", field.name), fmt::format("from the fill to the end: {}", field.meaning),
                   [&field](const Row& r) { return counted(r, r.measurement.lifetime_counters, field); }});
  }
  for (std::size_t bin = 0; bin < kRetryBins; ++bin) {
    const bool last = bin + 1 == kRetryBins;
    all.push_back(
        {fmt::format("retries_{}{}", bin, last ? "_plus" : ""),
         fmt::format("updates in the window, exhausted ones too, with {}{} retries", bin, last ? " or more" : ""),
         [bin](const Row& r) {
           return tells_attempts(r) ? number(r.measurement.window.retries[bin]) : std::string();
         }});
  }
}

constexpr std::pair<std::string_view, double> kPercentiles[] = {{"50", 50}, {"90", 90}, {"99", 99}, {"999", 99.9}};

/// Empty where nothing was timed.
std::string latency(const Row& row, std::uint64_t ns) {
  return row.measurement.latency.count() == 0 ? "" : number(ns);
}

void add_latency(All& all) {
  all.push_back({"latency_kind", "service: from the first attempt to the outcome, retries included",
                 [](const Row&) { return std::string("service"); }});
  all.push_back(
      {"latency_samples",
       "operations that were timed, conflicts and exhausted ones too; chosen at random, or all where they have "
       "intended starts; with a batch: bulk calls, or pairs of them",
       [](const Row& r) { return number(r.measurement.latency.count()); }});
  for (const auto& [name, percent] : kPercentiles) {
    all.push_back(
        {fmt::format("latency_p{}_ns", name), fmt::format("ns that {} % of them did not exceed", percent),
         [percent = percent](const Row& r) { return latency(r, r.measurement.latency.percentile_ns(percent)); }});
  }
  all.push_back({"latency_max_ns", "ns of the slowest of them",
                 [](const Row& r) { return latency(r, r.measurement.latency.max_ns()); }});
  all.push_back({"clock_cost_ns", "ns that a sample of nothing shows (fences and clock); contained in each sample",
                 [](const Row& r) { return number(r.measurement.clock_cost_ns); }});
}

void add_response(All& all) {
  const auto add = [&](std::string name, std::string meaning, auto value) {
    all.push_back({std::move(name), std::move(meaning), value});
  };
  add("offered_per_s",
      "operations whose intended start was in the window, per s; here and below empty where operations have none "
      "(no clients, think time, rate or client's back-off)",
      [](const Row& r) { return paced(r, number(r.measurement.pace.offered_per_s)); });
  add("achieved_per_s", "operations that ended in the window, in whatever way, per s",
      [](const Row& r) { return paced(r, number(r.measurement.pace.achieved_per_s)); });
  add("queue_at_end", "operations that should have begun by the window's end and had not",
      [](const Row& r) { return paced(r, number(r.measurement.pace.queued)); });
  add("client_backoff_ns", "ns that clients waited between their tries",
      [](const Row& r) { return paced(r, number(r.measurement.pace.backoff_ns)); });
  add("response_kind",
      "response: from the intended start to the outcome, waiting for a thread and retries included; in an open loop "
      "operations that had not ended by the window's end count with what they had waited by then",
      [](const Row& r) { return paced(r, "response"); });
  add("response_samples", "operations so timed: all",
      [](const Row& r) { return paced(r, number(r.measurement.response.count())); });
  const auto response = [](const Row& r, std::uint64_t ns) {
    return r.measurement.response.count() == 0 ? "" : number(ns);
  };
  for (const auto& [name, percent] : kPercentiles) {
    add(fmt::format("response_p{}_ns", name), fmt::format("ns that {} % of them did not exceed", percent),
        [response, percent = percent](const Row& r) {
          return response(r, r.measurement.response.percentile_ns(percent));
        });
  }
  add("response_max_ns", "ns of the slowest of them",
      [response](const Row& r) { return response(r, r.measurement.response.max_ns()); });
}

void add_fairness(All& all) {
  all.push_back({"jain", "Jain's fairness over threads: 1 all equal, 1/threads one has everything",
                 [](const Row& r) { return number(jain_of(r)); }});
  all.push_back({"thread_ops_min", "ops of the thread with the fewest",
                 [](const Row& r) { return number(std::ranges::min(r.measurement.thread_operations)); }});
  all.push_back({"thread_ops_max", "ops of the thread with the most",
                 [](const Row& r) { return number(std::ranges::max(r.measurement.thread_operations)); }});
  all.push_back({"longest_starvation_ns",
                 "longest time in ns between two successes of one thread, judged at its timed operations, so up to two "
                 "sampling distances too long",
                 [](const Row& r) { return latency(r, r.measurement.longest_starvation_ns); }});
}

void add_resources(All& all) {
  all.push_back({"rss_bytes", "resident bytes of the process at the window's end",
                 [](const Row& r) { return number(r.measurement.memory.rss_bytes); }});
  all.push_back({"rss_peak_bytes", "their peak since before the table was filled",
                 [](const Row& r) { return number(r.measurement.memory.rss_peak_bytes); }});
  all.push_back({"table_bytes", "bytes that the table asked of the system; empty where a server has it",
                 [](const Row& r) { return r.cell.server != nullptr ? "" : number(r.measurement.table.total()); }});
  all.push_back({"bytes_per_doc", "table_bytes per document", [](const Row& r) {
                   if (r.cell.server != nullptr) return std::string();
                   return number(static_cast<double>(r.measurement.table.total()) /
                                 static_cast<double>(r.cell.documents->size()));
                 }});
  all.push_back({"cpu_user_s", "s of processor time in the program, in the window",
                 [](const Row& r) { return number(r.measurement.readings.cpu.user_s); }});
  all.push_back({"cpu_sys_s", "s of processor time in the kernel for it",
                 [](const Row& r) { return number(r.measurement.readings.cpu.sys_s); }});
  all.push_back({"cpu_other_s", "s of processor time that others took, in steps of 10 ms",
                 [](const Row& r) { return number(r.measurement.readings.cpu.other_s()); }});
  all.push_back({"cpu_other_share", "the same per s of the window: 1 is one processor all the time",
                 [](const Row& r) { return number(r.measurement.disturbance.cpu_other_share); }});
  all.push_back({"steal_share", "processor time that a hypervisor took away, per s of the window",
                 [](const Row& r) { return number(r.measurement.disturbance.steal_share); }});
  all.push_back({"involuntary_switches", "times that a thread of the program lost its processor in the window",
                 [](const Row& r) { return number(r.measurement.disturbance.involuntary_switches); }});
  all.push_back({"voluntary_switches", "times that one went to sleep",
                 [](const Row& r) { return number(r.measurement.readings.cpu.voluntary_switches); }});
  all.push_back({"cpu_mhz", "mean frequency of the processors at the window's end, or not available",
                 [](const Row& r) { return number(r.measurement.disturbance.mhz, "not available"); }});
  all.push_back({"disturbed", fmt::format("yes if {}; no", describe(DisturbanceLimits{})),
                 [](const Row& r) { return std::string(r.measurement.disturbance.is_disturbed() ? "yes" : "no"); }});
  all.push_back({"disturbed_by", "what was beyond its limit: cpu_other, steal, switches, frequency, joined by +",
                 [](const Row& r) { return r.measurement.disturbance.by; }});
  all.push_back({"load_average", "of the system over a minute, at the window's end",
                 [](const Row& r) { return number(r.measurement.load_average); }});
  all.push_back({"fail_overs", "raises of the primary term, over all shards, from the warm-up to the end",
                 [](const Row& r) { return number(r.measurement.fail_overs); }});
  all.push_back({"cycles_per_op", "processor cycles per operation in user space, or not available",
                 [](const Row& r) { return per_operation(r.measurement.events.cycles, r); }});
  all.push_back({"instructions_per_op", "instructions per operation, likewise",
                 [](const Row& r) { return per_operation(r.measurement.events.instructions, r); }});
  all.push_back({"cache_misses_per_op", "last-level cache misses per operation, likewise",
                 [](const Row& r) { return per_operation(r.measurement.events.cache_misses, r); }});
}

void add_history(All& all) {
  const auto add = [&](std::string name, std::string meaning, auto value) {
    all.push_back({std::move(name), std::move(meaning), [value](const Row& r) {
                     return r.measurement.history ? number(value(*r.measurement.history)) : std::string();
                   }});
  };
  add("history_documents", "documents whose history was checked; here and below empty where none was",
      [](const CheckedHistory& h) { return h.report.documents; });
  add("history_operations", "operations of the checked history, from the fill to a last get of every document",
      [](const CheckedHistory& h) { return h.report.operations; });
  add("history_not_judged", "of them: those that could not be judged, because too much is open in their documents",
      [](const CheckedHistory& h) { return h.report.not_judged; });
  add("history_workload_operations", "those of them that are the workload's: neither of the fill nor of the last look",
      [](const CheckedHistory& h) { return h.workload_operations; });
  add("history_overlapping", "pairs of neighbouring operations on a document, of different threads, that overlapped",
      [](const CheckedHistory& h) { return h.report.overlapping; });
  all.push_back({"history_power",
                 fmt::format("what the history can show of races: enough; too_few, fewer than {} overlapping pairs, so "
                             "nothing (where none of {} pairs is wrong, fewer than 1 in 100 are, at 95 % confidence); "
                             "one_thread, where nothing can overlap",
                             kLeastOverlapping, kLeastOverlapping),
                 [](const Row& r) {
                   return r.measurement.history ? std::string(power_of(r.measurement.history->report, r.cell.threads))
                                                : std::string();
                 }});
  add("history_overlap",
      "share of neighbouring operations on a document, of different threads, that overlapped in time; a check without "
      "overlap has no power",
      [](const CheckedHistory& h) { return h.report.overlap(); });
  add("history_check_s", "s that the check took", [](const CheckedHistory& h) { return h.report.check_s; });
  add("history_check_ops_per_s", "operations checked per s and thread of the check", [](const CheckedHistory& h) {
    return static_cast<double>(h.report.operations) / h.report.check_s / h.report.check_threads;
  });
  add("history_cost_ns",
      "ns that recording one operation costs (stamps, hash of 100 bytes, store), by a loop of its own",
      [](const CheckedHistory& h) { return h.recording_ns; });
}

void add_server(All& all) {
  const auto add = [&](std::string name, std::string meaning, auto value) {
    all.push_back({std::move(name), std::move(meaning), [value](const Row& r) {
                     return r.cell.server != nullptr ? number(value(r.measurement)) : std::string();
                   }});
  };
  all.push_back({"server", "what answered over HTTP; here and below empty for a strategy of this process",
                 [](const Row& r) { return r.cell.server != nullptr ? r.cell.server->name() : std::string(); }});
  const auto add_option = [&](std::string name, std::string meaning, auto value) {
    all.push_back({std::move(name), std::move(meaning), [value](const Row& r) {
                     return r.cell.server != nullptr ? number(value(*r.cell.server)) : std::string();
                   }});
  };
  add_option("nodes", "nodes of its cluster", [](const RemoteServer& s) { return s.nodes(); });
  add_option("addresses", "of these, those that threads were spread over",
             [](const RemoteServer& s) { return s.options().addresses.size(); });
  all.push_back({"url_route", "at which of them a thread began: each at the next, turn, or all at the first, first",
                 [](const Row& r) {
                   if (r.cell.server == nullptr) return std::string();
                   return std::string(r.cell.server->options().route == Route::first ? "first" : "turn");
                 }});
  all.push_back({"preference", "which copy was asked to answer reads; empty: any", [](const Row& r) {
                   return r.cell.server != nullptr ? r.cell.server->options().preference : std::string();
                 }});
  add_option("replicas", "copies of each shard beside the primary",
             [](const RemoteServer& s) { return s.options().replicas; });
  add("server_refusals", "answers of 429 and 5xx, each followed by a wait, from the fill to the end",
      [](const Measurement& m) { return m.server_events.refusals; });
  add("reconnects", "connections made beyond the first of each thread, likewise",
      [](const Measurement& m) { return m.server_events.reconnects; });
  add("unknown_outcomes", "writes that were sent and never answered, likewise: they may have happened or not",
      [](const Measurement& m) { return m.unknown_outcomes; });
  all.push_back({"manager",
                 "name of the node that was the elected manager before the window; empty where that is not told",
                 [](const Row& r) { return r.measurement.server_events.manager; }});
  add("primary_terms", "different primary terms of writes that were acknowledged in the window",
      [](const Measurement& m) { return m.server_events.primary_terms.size(); });
  add("partial_writes",
      "acknowledged writes that not all copies had (_shards: successful below total), from the fill to the end; empty "
      "where no answer tells",
      [](const Measurement& m) {
        return m.server_events.counted_copies > 0 ? std::optional(m.server_events.partial_writes) : std::nullopt;
      });
  add("index_failed",
      "attempts to index that failed by the server's own _stats, likewise: beside life_conflict_seq_no it says how "
      "often its own updates tried again; empty where it does not tell",
      [](const Measurement& m) { return m.server_events.index_failed; });
  add("longest_outage_ns", "longest time in ns, within the window, in which nobody's operation succeeded",
      [](const Measurement& m) { return m.longest_outage_ns; });
}

void add_verdict(All& all) {
  all.push_back({"oversold", "units sold that were not in stock; stock workload only",
                 [](const Row& r) { return number(r.measurement.verification.oversold); }});
  all.push_back({"torn_reads", "sources read that nobody wrote, from the fill to the end",
                 [](const Row& r) { return number(r.measurement.torn_reads); }});
  all.push_back({"lost_updates",
                 "acknowledged increments that the counters do not show (with index, create or delete in the mix: "
                 "acknowledged writes that the versions do not show)",
                 [](const Row& r) { return number(r.measurement.verification.lost_updates); }});
  all.push_back({"acknowledged_writes", "writes of a document or tombstone that were acknowledged, fill included",
                 [](const Row& r) { return number(r.measurement.acknowledged_writes); }});
  all.push_back({"compared_writes", "those of them whose loss the sums would show; the others are only counted",
                 [](const Row& r) { return number(r.measurement.verification.compared_writes); }});
  all.push_back(
      {"checked",
       "how: sums (counters, versions, numbers), bounds (the same, but unknown_outcomes may have happened or not), "
       "live (versions of live documents, numbers: tombstones may have expired, so that a write lost onto one need not "
       "show), numbers (of both, so that a lost update need not show), "
       "history (every recorded operation against every other, and the sums, live or numbers; recording takes time, so "
       "the row's speed is not the strategy's), fill (a history without an operation of the workload), or none",
       [](const Row& r) { return std::string(to_string(r.measurement.verification.level)); }});
  all.push_back({"verified",
                 "yes; no: the row is void; caught: failed as declared, a negative control, or a version_only strategy "
                 "that lost updates where tombstones expired; not_applicable: nothing is stored, or a floor, which "
                 "promises nothing; no_verdict: there was nothing to judge, violation says why",
                 [](const Row& r) { return std::string(to_string(r.measurement.verification.verified)); }});
  all.push_back({"violation", "what was found wrong, or why there is no verdict",
                 [](const Row& r) { return r.measurement.verification.violation; }});
}

}  // namespace

const Columns<ReplicateRow>& result_columns() {
  static const All all = [] {
    All columns;
    add_identity(columns);
    add_settings(columns);
    add_pace(columns);
    add_throughput(columns);
    add_counters(columns);
    add_latency(columns);
    add_response(columns);
    add_fairness(columns);
    add_resources(columns);
    add_history(columns);
    add_server(columns);
    add_verdict(columns);
    return columns;
  }();
  return all;
}

}  // namespace occ
