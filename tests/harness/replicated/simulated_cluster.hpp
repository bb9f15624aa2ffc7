/// A cluster of three nodes in a few hundred ticks: a primary and two replicas, clients at each node, nodes that send a
/// write again when the primary goes, cuts and pauses of the primary, another primary in the next term, reads by any
/// copy. What was really committed is known.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "harness/replicated/send.hpp"
#include "harness/support/random.hpp"

namespace occ {

enum class Fault { none, cut, pause };

class SimulatedCluster {
 public:
  struct Options {
    std::uint64_t seed = 1;
    Fault fault = Fault::none;
    std::uint32_t documents = 3;
    bool unconditional = false;
    bool deletes = false;
  };

  explicit SimulatedCluster(const Options& options) : options_(options), random_(options.seed) {}

  /// Runs it to its end.
  ReplicatedHistory run() {
    history_.documents = options_.documents;
    if (options_.fault != Fault::none) history_.bands.push_back({kCut, kWell});
    for (std::uint32_t document = 0; document < options_.documents; ++document) {
      answer_at(send(0, document, SendKind::create, false), 2 + document);
      now_ = 2 + document;
      commit(history_.sends.size() - 1, apply(nodes_[0], next_, term_, history_.sends.size() - 1));
    }
    for (now_ = 10; now_ < kEnd; ++now_) tick();
    close();
    for (Send& each : history_.sends) {
      each.begin_ns *= 1'000'000;
      if (each.end_ns != Send::kNever) each.end_ns *= 1'000'000;
    }
    for (FaultBand& band : history_.bands) band = {band.begin_ns * 1'000'000, band.end_ns * 1'000'000};
    return history_;
  }

  /// After run(): words of the committed order, and what wrote them.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& committed() const { return committed_; }
  /// Words that were only ever at the old primary.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& dead() const { return dead_; }
  static constexpr std::uint64_t kWell = 210;

 private:
  static constexpr std::uint64_t kCut = 80;
  static constexpr std::uint64_t kPromoted = 110;
  static constexpr std::uint64_t kHealed = 200;
  static constexpr std::uint64_t kEnd = 300;
  static constexpr std::uint64_t kPatience = 60;
  static constexpr std::uint32_t kClients = 6;

  struct State {
    SeqNoTerm word;
    std::uint64_t content = 0;
    bool is_live = false;
    Version version = 0;
  };
  using Copy = std::map<std::uint32_t, State>;

  /// A request under way.
  struct Flight {
    enum class Stage { travels, replicates, answers } stage = Stage::travels;
    std::size_t send = 0;
    std::uint64_t due = 0;
    /// Was applied by the primary of that term.
    std::uint64_t term = 0;
    std::optional<State> state = {};
  };
  struct Client {
    std::optional<Flight> flight = {};
    std::uint64_t ready = 10;
    std::map<std::uint32_t, SeqNoTerm> knows = {};
  };

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  [[nodiscard]] bool is_broken() const { return options_.fault != Fault::none && now_ >= kCut && now_ < kHealed; }
  [[nodiscard]] bool is_promoted() const { return options_.fault != Fault::none && now_ >= kPromoted; }
  static std::size_t node_of(std::uint32_t client) { return client % 3; }

  std::size_t send(std::uint32_t client, std::uint32_t document, SendKind kind, bool conditional) {
    Send made;
    made.begin_ns = now_;
    made.operation = history_.sends.size() + 1;
    made.client = client;
    made.document = document;
    made.kind = kind;
    made.conditional = conditional;
    history_.sends.push_back(made);
    return history_.sends.size() - 1;
  }
  void answer_at(std::size_t of, std::uint64_t time) { history_.sends[of].end_ns = time; }

  State apply(Copy& copy, std::uint64_t& next, std::uint64_t term, std::size_t of) {
    const Send& request = history_.sends[of];
    State& state = copy[request.document];
    state = {SeqNoTerm(next++, term), request.operation, request.kind != SendKind::remove, state.version + 1};
    applied_[state.word.bits()] = request.operation;
    return state;
  }
  /// All copies that are there have it; its answer says so.
  void commit(std::size_t of, const State& state) {
    const std::uint32_t document = history_.sends[of].document;
    for (std::size_t node = 0; node < 3; ++node) {
      if (node == 0 && is_broken()) continue;
      if (nodes_[node][document].word.vacant() || nodes_[node][document].word < state.word)
        nodes_[node][document] = state;
    }
    committed_[state.word.bits()] = history_.sends[of].operation;
    // What it replaced is in every copy's past, whether it got there by itself or not.
    for (const Send* by = &history_.sends[of]; by->conditional && applied_.contains(by->condition.bits());) {
      const std::uint64_t operation = applied_.at(by->condition.bits());
      if (!committed_.emplace(by->condition.bits(), operation).second) break;
      by = &history_.sends[operation - 1];
    }
    acknowledge(of, state);
  }
  void acknowledge(std::size_t of, const State& state) {
    Send& request = history_.sends[of];
    request.answer = SendAnswer::acknowledged;
    request.word = state.word;
    request.version = state.version;
  }

  void tick() {
    if (now_ == kCut) old_next_ = next_;
    if (options_.fault != Fault::none && now_ == kPromoted) {
      ++term_;
      primary_ = 1;
      next_ = 0;
      for (const auto& [bits, operation] : committed_) next_ = std::max(next_, SeqNoTerm::from_bits(bits).seq_no() + 1);
    }
    if (options_.fault != Fault::none && now_ == kHealed + 5) nodes_[0] = nodes_[1];
    for (std::uint32_t client = 0; client < kClients; ++client) step(client);
  }

  void step(std::uint32_t number) {
    Client& client = clients_[number];
    if (!client.flight) {
      if (now_ < client.ready) return;
      begin(number);
      return;
    }
    Flight& flight = *client.flight;
    Send& request = history_.sends[flight.send];
    if (now_ >= request.begin_ns + kPatience) {  // it gives up, and the nodes do not
      const bool goes_on = flight.stage == Flight::Stage::replicates && !(is_broken() && flight.term == 1);
      if (goes_on && flight.state) commit(flight.send, *flight.state);
      request.end_ns = Send::kNever;
      request.answer = SendAnswer::unknown;
      request.word = {};
      client.flight.reset();
      client.ready = now_ + 1;
      return;
    }
    if (now_ < flight.due) return;
    switch (flight.stage) {
      case Flight::Stage::travels:
        request.kind == SendKind::get ? read(number, flight) : write(number, flight);
        break;
      case Flight::Stage::replicates:
        replicate(number, flight);
        break;
      case Flight::Stage::answers:
        request.end_ns = now_;
        note_answer(client, request);
        client.flight.reset();
        client.ready = now_ + random_.below(4);
    }
  }

  static void note_answer(Client& client, const Send& request) {
    if (!request.word.vacant() && request.answer != SendAnswer::conflict) client.knows[request.document] = request.word;
  }

  void begin(std::uint32_t number) {
    Client& client = clients_[number];
    const auto document = static_cast<std::uint32_t>(random_.below(options_.documents));
    SendKind kind = SendKind::get;
    bool conditional = false;
    if (client.knows.contains(document) && chance(60)) {
      kind = SendKind::index;
      conditional = !options_.unconditional || chance(60);
      if (options_.deletes && chance(15)) kind = SendKind::remove;
      if (options_.unconditional && chance(15)) {
        kind = chance(50) ? SendKind::create : SendKind::update;
        conditional = false;
      }
    }
    if (kind == SendKind::get && options_.deletes && chance(15)) kind = SendKind::create;
    const std::size_t of = send(number, document, kind, conditional);
    if (conditional) history_.sends[of].condition = client.knows.at(document);
    client.flight = Flight{.send = of, .due = now_ + 1 + random_.below(3)};
  }

  void answer(Flight& flight, SendAnswer what) {
    history_.sends[flight.send].answer = what;
    flight.stage = Flight::Stage::answers;
    flight.due = now_ + 1 + random_.below(4);
  }

  void read(std::uint32_t number, Flight& flight) {
    std::size_t node = node_of(number);
    const bool at_broken = node == 0 && is_broken();
    if (at_broken && options_.fault == Fault::pause) return;
    if (!at_broken && chance(50)) node = random_.below(3);
    if (node == 0 && is_broken() && !at_broken) node = 1 + random_.below(2);
    Send& request = history_.sends[flight.send];
    const State& state = nodes_[node][request.document];
    answer(flight, state.is_live ? SendAnswer::found : SendAnswer::not_found);
    if (!state.is_live) return;
    request.word = state.word;
    request.content = state.content;
    request.version = state.version;
  }

  void write(std::uint32_t number, Flight& flight) {
    const bool at_broken = node_of(number) == 0 && is_broken();
    if (at_broken && options_.fault == Fault::pause) return;
    if (at_broken) return write_at_old_primary(flight);
    if (is_broken() && !is_promoted()) return;  // the node waits for another primary
    decide(flight);
  }

  /// By the primary that everybody knows.
  void decide(Flight& flight) {
    Send& request = history_.sends[flight.send];
    const State& found = nodes_[primary_][request.document];
    if (!fits(request, found)) return refuse(flight, found);
    flight.state = apply(nodes_[primary_], next_, term_, flight.send);
    flight.term = term_;
    flight.stage = Flight::Stage::replicates;
    flight.due = now_ + 1 + random_.below(6);
  }

  static bool fits(const Send& request, const State& found) {
    if (request.conditional) return found.is_live && found.word == request.condition;
    if (request.kind == SendKind::create) return !found.is_live;
    return request.kind != SendKind::update || found.is_live;
  }

  void refuse(Flight& flight, const State& found) {
    Send& request = history_.sends[flight.send];
    if (request.kind == SendKind::update) return answer(flight, SendAnswer::not_found);
    answer(flight, SendAnswer::conflict);
    request.told_absent = !found.is_live;
    if (found.is_live && request.kind != SendKind::create) request.word = found.word;
  }

  /// Nobody else has it, and nobody answers.
  void write_at_old_primary(Flight& flight) {
    if (flight.state) return;
    const Send& request = history_.sends[flight.send];
    if (!fits(request, nodes_[0][request.document])) return;
    flight.state = apply(nodes_[0], old_next_, 1, flight.send);
    dead_[flight.state->word.bits()] = request.operation;
  }

  void replicate(std::uint32_t number, Flight& flight) {
    Send& request = history_.sends[flight.send];
    const bool primary_is_gone = is_broken() && flight.term == 1;
    if (!primary_is_gone) {
      commit(flight.send, *flight.state);
      return answer(flight, SendAnswer::acknowledged);
    }
    // It had reached the others before the primary went, or had not; the client's node sends it again.
    const SeqNoTerm there = nodes_[1][request.document].word;
    if (!is_promoted() && !committed_.contains(flight.state->word.bits()) && !lost_.contains(flight.send) &&
        chance(50) && (there.vacant() || there < flight.state->word)) {
      commit(flight.send, *flight.state);
      request.answer = SendAnswer::unknown;
      request.word = {};
    } else if (!committed_.contains(flight.state->word.bits())) {
      lost_.insert(flight.send);
      dead_[flight.state->word.bits()] = request.operation;
    }
    if (!is_promoted() || node_of(number) == 0) return;
    flight.state.reset();
    decide(flight);
  }

  /// All is well, and nobody else writes: one conditional write a document, and a read.
  void close() {
    now_ = kEnd + kPatience;
    for (Client& client : clients_) {
      if (!client.flight) continue;
      Send& request = history_.sends[client.flight->send];
      const bool is_done = client.flight->stage == Flight::Stage::replicates;
      if (is_done && client.flight->state) commit(client.flight->send, *client.flight->state);
      request.end_ns = Send::kNever;
      request.answer = SendAnswer::unknown;
      request.word = {};
    }
    for (std::uint32_t document = 0; document < options_.documents; ++document) {
      const State found = nodes_[primary_][document];
      const std::size_t of = send(kClients, document, SendKind::index, found.is_live);
      if (found.is_live) history_.sends[of].condition = found.word;
      commit(of, apply(nodes_[primary_], next_, term_, of));
      answer_at(of, now_ + 2);
      now_ += 3;
      const std::size_t get = send(kClients, document, SendKind::get, false);
      const State& last = nodes_[primary_][document];
      Send& request = history_.sends[get];
      request.answer = SendAnswer::found;
      request.word = last.word;
      request.content = last.content;
      request.version = last.version;
      answer_at(get, now_ + 1);
      now_ += 2;
    }
  }

  Options options_;
  Random random_;
  ReplicatedHistory history_;
  std::uint64_t now_ = 1;
  std::array<Copy, 3> nodes_;
  std::size_t primary_ = 0;
  std::uint64_t term_ = 1;
  std::uint64_t next_ = 0;
  /// Of the primary that was cut off.
  std::uint64_t old_next_ = 0;
  std::array<Client, kClients> clients_;
  std::map<std::uint64_t, std::uint64_t> committed_;
  std::map<std::uint64_t, std::uint64_t> dead_;
  /// What any primary did.
  std::map<std::uint64_t, std::uint64_t> applied_;
  std::set<std::size_t> lost_;
};

}  // namespace occ
