/// Small histories of one document: most of them possible as they are made, and then spoiled in some places or none.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "harness/replicated/send.hpp"
#include "harness/support/random.hpp"

namespace occ {

class SmallReplicated {
 public:
  explicit SmallReplicated(std::uint64_t seed) : random_(seed) {}

  ReplicatedHistory next() {
    history_ = {};
    history_.documents = 1;
    versions_.clear();
    version_ = 0;
    history_.tombstones_match = chance(10);
    if (chance(45)) {
      const std::uint64_t begin = below(14);
      history_.bands.push_back({begin, begin + below(10)});
      if (chance(15)) history_.bands.push_back({begin + 14, begin + 14 + below(5)});
    }
    deletes_ = chance(40);
    send_out();
    take_effect();
    std::ranges::sort(history_.sends, {}, &Send::operation);
    for (std::uint64_t left = chance(25) ? 0 : 1 + below(4); left > 0; --left) spoil();
    return history_;
  }

 private:
  struct State {
    SeqNoTerm word;
    std::uint64_t content = 0;
    bool is_live = false;
    Version version = 0;
    std::uint64_t since = 0;
  };

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool in_fault(std::uint64_t time) const {
    return std::ranges::any_of(history_.bands,
                               [&](const FaultBand& band) { return band.begin_ns <= time && time <= band.end_ns; });
  }

  /// Requests, and when each takes effect.
  void send_out() {
    instants_.clear();
    const std::uint64_t clients = 2 + below(2);
    const std::uint64_t count = 3 + below(3);
    std::array<std::uint64_t, 3> free = {};
    for (std::uint64_t i = 1; i <= count; ++i) {
      Send send;
      send.operation = i;
      send.client = static_cast<std::uint32_t>(below(clients));
      send.begin_ns = free[send.client] + below(5);
      send.end_ns = send.begin_ns + below(4);
      free[send.client] = send.end_ns + below(3);
      const std::uint64_t kind = below(100);
      send.kind = kind < 38               ? SendKind::get
                  : kind < 75             ? SendKind::index
                  : kind < 82             ? SendKind::create
                  : kind < 90 && deletes_ ? SendKind::remove
                  : kind < 95             ? SendKind::update
                                          : SendKind::index;
      send.conditional = (send.kind == SendKind::index && chance(65)) || (send.kind == SendKind::remove && chance(50));
      history_.sends.push_back(send);
      instants_.push_back(send.begin_ns + below(send.end_ns - send.begin_ns + 1));
    }
  }

  void take_effect() {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < instants_.size(); ++i) order.push_back(i);
    std::ranges::stable_sort(order, {}, [this](std::size_t i) { return instants_[i]; });
    states_ = {State{}};
    next_ = below(2);
    term_ = 1;
    dirty_ = {};
    for (const std::size_t i : order) {
      Send& send = history_.sends[i];
      if (send.kind == SendKind::get) {
        read(send, instants_[i]);
      } else {
        write(send, instants_[i]);
      }
    }
  }

  State seen_at(std::uint64_t time) {
    if (!in_fault(time)) return states_.back();
    if (chance(30) && dirty_.is_live) return dirty_;
    return states_[states_.size() - 1 - std::min<std::uint64_t>(below(3), states_.size() - 1)];
  }

  void read(Send& send, std::uint64_t time) {
    if (chance(5)) {
      send.end_ns = Send::kNever;
      return;
    }
    const State state = seen_at(time);
    if (!state.is_live) {
      send.answer = SendAnswer::not_found;
      return;
    }
    send.answer = SendAnswer::found;
    send.word = state.word;
    send.content = state.content;
    send.version = state.version;
  }

  void write(Send& send, std::uint64_t time) {
    const State now = states_.back();
    if (send.conditional) {
      send.condition = chance(75) ? now.word : states_[below(states_.size())].word;
      if (send.condition.vacant()) send.condition = SeqNoTerm(below(3), 1);
    }
    if (chance(4)) {
      send.answer = SendAnswer::refused;
      return;
    }
    const bool fits = send.conditional ? now.word == send.condition && (now.is_live || history_.tombstones_match)
                      : send.kind == SendKind::create ? !now.is_live
                      : send.kind == SendKind::update ? now.is_live
                                                      : true;
    if (!fits) return refuse(send, now);
    if (in_fault(time) && chance(30)) {
      dirty_ = {SeqNoTerm(next_, term_), send.operation, send.kind != SendKind::remove, now.version + 1, time};
      return lose_answer(send);
    }
    const bool is_lost = chance(12);
    if (is_lost && chance(50)) return lose_answer(send);
    next_ += chance(10) ? 1 : 0;
    if (in_fault(time) && chance(25)) ++term_;
    State after{SeqNoTerm(next_++, term_), send.operation, send.kind != SendKind::remove, now.version + 1, time};
    states_.push_back(after);
    if (is_lost) return lose_answer(send);
    if (in_fault(time) && chance(12)) return refuse(send, after);  // it met itself
    send.answer = SendAnswer::acknowledged;
    send.word = after.word;
    send.version = after.version;
  }

  static void lose_answer(Send& send) { send.end_ns = Send::kNever; }

  void refuse(Send& send, const State& now) {
    if (send.kind == SendKind::update) {
      send.answer = now.is_live ? SendAnswer::conflict : SendAnswer::not_found;
      return;
    }
    send.answer = SendAnswer::conflict;
    if (send.kind == SendKind::create) return;
    send.told_absent = !now.is_live;
    if (now.is_live) send.word = now.word;
  }

  static SeqNoTerm moved(SeqNoTerm word, std::int64_t seq_no, std::int64_t term) {
    if (word.vacant()) return word;
    return {static_cast<std::uint64_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(word.seq_no()) + seq_no)),
            static_cast<std::uint64_t>(std::max<std::int64_t>(1, static_cast<std::int64_t>(word.term()) + term))};
  }

  void spoil() {
    Send& send = history_.sends[below(history_.sends.size())];
    const auto step = static_cast<std::int64_t>(below(2)) * 2 - 1;
    const bool answered = send.answer != SendAnswer::unknown;
    switch (below(9)) {
      case 0:
        send.word = moved(send.word, step, 0);
        break;
      case 1:
        send.word = moved(send.word, 0, step);
        break;
      case 2:
        send.condition = moved(send.condition, step, 0);
        break;
      case 3:
        if (send.answer == SendAnswer::found) send.content = 1 + below(history_.sends.size());
        break;
      case 4:
        send.begin_ns = below(send.end_ns == Send::kNever ? 20 : send.end_ns + 1);
        break;
      case 5:
        if (answered) send.end_ns = send.begin_ns + below(4);
        break;
      case 6:
        if (send.answer == SendAnswer::found || send.acknowledged())
          send.version = std::max<Version>(1, send.version + step);
        break;
      case 7:
        if (send.answer == SendAnswer::found) {
          send.answer = SendAnswer::not_found;
          send.word = {};
          send.content = 0;
        } else if (send.acknowledged()) {
          send.answer = chance(50) ? SendAnswer::conflict : SendAnswer::refused;
          send.word = send.answer == SendAnswer::conflict && send.conditional ? send.word : SeqNoTerm();
        }
        break;
      default:
        history_.bands.clear();
    }
  }

  Random random_;
  ReplicatedHistory history_;
  std::vector<std::uint64_t> instants_;
  std::vector<Version> versions_;
  Version version_ = 0;
  std::vector<State> states_;
  State dirty_;
  std::uint64_t next_ = 0;
  std::uint64_t term_ = 1;
  bool deletes_ = false;
};

}  // namespace occ
