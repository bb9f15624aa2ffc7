#include "harness/advise/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "fmt/format.h"
#include "harness/support/bad_input.hpp"
#include "harness/support/event_queue.hpp"

namespace occ {
namespace {

/// What happens next to an operation; all of it travels along, so that an event touches the queue, the document and a
/// count, and nothing else.
struct Event {
  enum class Kind : std::uint8_t { arrival, read, request, decision };
  double time;
  /// When the operation began, and when its attempt read.
  double began;
  double read;
  std::uint64_t required;
  std::uint32_t client;
  std::uint32_t document;
  std::uint32_t retries;
  Kind kind;
};
static_assert(sizeof(Event) + sizeof(std::uint32_t) == kBytesPerClient);

constexpr std::uint64_t kEventsBetweenLooks = 1 << 20;
/// Where a shard's numbers are when a simulation begins.
constexpr std::uint64_t kFirstNumber = std::uint64_t{1} << 40U;

class Simulation {
 public:
  Simulation(const SimulationLoad& load, const SimulationListener& listener)
      : load_(load),
        listener_(listener),
        random_(load.seed),
        last_commit_(load.popularity.documents(), -1.0),
        numbers_(listener.conflict ? load.popularity.documents() : 0) {
    if (listener.conflict) number_documents();
    if (load.clients == 0) {
      queue_.push({.time = wait_for_arrival(), .kind = Event::Kind::arrival});
      return;
    }
    result_.client_commits.resize(load.clients);
    // Anywhere within a first round, so that clients are not in step.
    for (std::uint32_t client = 0; client < load.clients; ++client) {
      const double round = load_.think.draw(random_) + load_.window.draw(random_);
      begin_operation(client, round * random_.uniform());
    }
  }

  SimulationResult run(std::optional<FunctionRef<bool()>> should_stop) {
    count_until(load_.warmup_operations, should_stop);
    const double began = now_;
    result_ = {.client_commits = std::vector<std::uint32_t>(load_.clients)};
    count_until(load_.operations, should_stop);
    result_.window_s = now_ - began;
    return std::move(result_);
  }

 private:
  /// As if writes had gone on for ever: a document's last number is as many writes old as it takes to write it once.
  void number_documents() {
    Random random(stream_seed(load_.seed, 1, 0));
    for (std::uint32_t i = 0; i < numbers_.size(); ++i) {
      const double age = -std::log(random.uniform()) / load_.popularity.probability(i);
      numbers_[i] = kFirstNumber - 1 - static_cast<std::uint64_t>(std::min(age, static_cast<double>(kFirstNumber - 1)));
    }
  }

  void count_until(std::uint64_t operations, std::optional<FunctionRef<bool()>> should_stop) {
    while (result_.operations() < operations) {
      if (should_stop && result_.events % kEventsBetweenLooks == 0 && (*should_stop)()) return;
      step();
    }
  }

  void step() {
    Event event = queue_.pop();
    now_ = event.time;
    ++result_.events;
    switch (event.kind) {
      case Event::Kind::arrival:
        arrive();
        break;
      case Event::Kind::read:
        event.required = numbers_[event.document];
        send_write(event);
        break;
      case Event::Kind::request:
        if (busy_ < load_.workers) {
          ++busy_;
          serve(event);
        } else {
          waiting_.push_back(event);
          result_.longest_queue = std::max<std::uint64_t>(result_.longest_queue, waiting_.size());
        }
        break;
      case Event::Kind::decision:
        decide(event);
        if (load_.workers > 0) free_worker();
        break;
    }
  }

  [[nodiscard]] double wait_for_arrival() { return -std::log(random_.uniform()) / load_.rate_per_s; }

  void arrive() {
    if (++outstanding_ > kMostOutstanding) {
      throw BadInput(
          fmt::format("--rate {:g}: no steady state: {} operations have begun and not ended; accepted are lower rates",
                      load_.rate_per_s, outstanding_));
    }
    begin_operation(0, now_);
    queue_.push({.time = now_ + wait_for_arrival(), .kind = Event::Kind::arrival});
  }

  void begin_operation(std::uint32_t client, double time) {
    begin_attempt({.began = time, .client = client, .document = load_.popularity.draw(random_)}, time);
  }

  /// Not before `time`. What is read then is known at the end: whether the last commit came later.
  void begin_attempt(Event event, double time) {
    event.time = time;
    if (load_.at == UpdateAt::server && load_.workers > 0) {
      event.kind = Event::Kind::request;
      queue_.push(event);
    } else if (listener_.conflict) {
      event.kind = Event::Kind::read;
      queue_.push(event);
    } else {
      send_write(event);
    }
  }

  void send_write(Event event) {
    event.read = event.time;
    event.time += load_.window.draw(random_);
    event.kind = load_.workers > 0 ? Event::Kind::request : Event::Kind::decision;
    queue_.push(event);
  }

  void serve(Event event) {
    if (load_.at == UpdateAt::server) {
      event.read = now_;
      if (listener_.conflict) event.required = numbers_[event.document];
      event.time = now_ + load_.window.draw(random_);
    } else {
      event.time = now_ + load_.service.draw(random_);
    }
    event.kind = Event::Kind::decision;
    queue_.push(event);
  }

  void free_worker() {
    if (waiting_.empty()) {
      --busy_;
      return;
    }
    const Event next = waiting_.front();
    waiting_.pop_front();
    serve(next);
  }

  void decide(Event& event) {
    ++result_.attempts;
    double& last_commit = last_commit_[event.document];
    if (last_commit <= event.read) {
      last_commit = now_;
      if (listener_.conflict) numbers_[event.document] = next_number_++;
      ++result_.committed;
      if (load_.clients > 0) ++result_.client_commits[event.client];
      end_operation(event);
      return;
    }
    ++result_.conflicts;
    if (listener_.conflict)
      (*listener_.conflict)(
          {now_, event.document, event.required, numbers_[event.document], event.retries >= load_.retries});
    if (event.retries >= load_.retries) {
      ++result_.exhausted;
      end_operation(event);
      return;
    }
    const double wait = load_.backoff.draw(event.retries, random_);
    result_.backoff_s += wait;
    ++event.retries;
    begin_attempt(event, now_ + wait);
  }

  void end_operation(const Event& event) {
    ++result_.retries[std::min<std::size_t>(event.retries, SimulationResult::kRetryBins - 1)];
    if (listener_.operation) (*listener_.operation)(now_ - event.began);
    if (load_.clients > 0) {
      begin_operation(event.client, now_ + load_.think.draw(random_));
    } else {
      --outstanding_;
    }
  }

  const SimulationLoad& load_;
  const SimulationListener& listener_;
  Random random_;
  EventQueue<Event> queue_;
  double now_ = 0;
  /// When each document was committed last; below 0: never.
  std::vector<double> last_commit_;
  /// The number of that commit, and the shard's next one.
  std::vector<std::uint64_t> numbers_;
  std::uint64_t next_number_ = kFirstNumber;
  std::uint32_t busy_ = 0;
  std::deque<Event> waiting_;
  std::uint64_t outstanding_ = 0;
  SimulationResult result_;
};

}  // namespace

double SimulationResult::conflict() const noexcept {
  return attempts == 0 ? 0 : static_cast<double>(conflicts) / static_cast<double>(attempts);
}

double SimulationResult::exhausted_share() const noexcept {
  return operations() == 0 ? 0 : static_cast<double>(exhausted) / static_cast<double>(operations());
}

SimulationResult simulate(const SimulationLoad& load, const SimulationListener& listener,
                          std::optional<FunctionRef<bool()>> should_stop) {
  return Simulation(load, listener).run(should_stop);
}

}  // namespace occ
