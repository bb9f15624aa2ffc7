#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/remote/remote_server.hpp"
#include "harness/replicated/send.hpp"
#include "harness/support/random.hpp"

namespace occ {

/// What all clients of a run work on: places, each with a document at a time. A document is a list of the operations that
/// wrote it, the last one last; a place whose list is full gets another document, so that none grows without end.
class AppendPlaces {
 public:
  /// Throws std::bad_alloc.
  AppendPlaces(std::uint32_t places, std::uint32_t longest)
      : places_(places), longest_(longest), generations_(std::make_unique<std::atomic<std::uint32_t>[]>(places)) {}

  [[nodiscard]] std::uint32_t places() const noexcept { return places_; }
  /// Number of the document that is at a place now.
  [[nodiscard]] std::uint32_t document(std::uint32_t place) const noexcept {
    return generations_[place].load(std::memory_order_relaxed) * places_ + place;  // relaxed: only a number
  }
  /// A document's list has become so long.
  void note_length(std::uint32_t document, std::size_t length) noexcept {
    if (length < longest_) return;
    std::uint32_t generation = document / places_;
    // relaxed: as above
    generations_[document % places_].compare_exchange_strong(generation, generation + 1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t next_operation() noexcept {
    return operations_.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: only a ticket
  }
  /// Above those of all documents.
  [[nodiscard]] std::uint32_t documents() const noexcept {
    std::uint32_t most = 0;
    for (std::uint32_t place = 0; place < places_; ++place) most = std::max(most, document(place));
    return (most / places_ + 1) * places_;
  }

 private:
  std::uint32_t places_;
  std::size_t longest_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> generations_;
  std::atomic<std::uint64_t> operations_{0};
};

/// What a client asks a server for.
struct AppendTarget {
  const RemoteServer& server;
  std::string index;
  /// Of reads: "?preference=_local", or nothing.
  std::string read_parameters;
  RemoteClient::AfterFailure after_failure = RemoteClient::AfterFailure::go_on;
};

/// A client that reads lists and appends to them by conditional writes. Every request is sent once and becomes a Send,
/// whatever is answered.
class AppendClient {
 public:
  AppendClient(AppendTarget target, AppendPlaces& places, std::uint32_t number, RemoteClient::Patience patience)
      : target_(std::move(target)), places_(places), number_(number), client_(target_.server, patience) {}

  /// A list as it was read.
  struct List {
    SeqNoTerm word;
    std::vector<std::uint64_t> operations;
  };
  /// Nothing if there is no document, or no answer: see last(). Throws ServerGone.
  std::optional<List> read(std::uint32_t document);
  /// Appends this client's next operation to what was read, or creates the document. False if that was not
  /// acknowledged. Throws ServerGone.
  bool append(std::uint32_t document, const std::optional<List>& to);

  [[nodiscard]] const Send& last() const { return sends_.back(); }
  [[nodiscard]] std::vector<Send>& sends() noexcept { return sends_; }

 private:
  Send& begin(SendKind kind, std::uint32_t document);
  const HttpAnswer* ask(Send& send, std::string_view method, std::string_view body);
  void read_write_answer(Send& send, const HttpAnswer& answer);

  AppendTarget target_;
  AppendPlaces& places_;
  std::uint32_t number_;
  RemoteClient client_;
  std::vector<Send> sends_;
  std::string path_;
  std::string body_;
};

}  // namespace occ
