/// The real headers of packed_cas and version_retry (with core's epochs), and all that they are made of but the
/// directory and the pool, under the C++11 memory model: one document, two or three threads.
#include "tests/model/document.hpp"
#include "tests/model/simulate.hpp"
#include "variants/packed_cas.hpp"
#include "variants/version_retry.hpp"

namespace occ::model {
namespace {

template <class Self, class Table, int threads>
struct OnOneDocument : rl::test_suite<Self, threads> {
  std::optional<OneDocument<Table>> document;
  void before() { document.emplace(); }
};

/// The second of two updates by one thread uses the first body again; what the other thread reads is one of the three
/// documents that there were.
template <class Table>
struct ReaderAgainstReuse : OnOneDocument<ReaderAgainstReuse<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->update(2);
    } else {
      this->document->read();
    }
  }
  void after() {
    RL_ASSERT(this->document->read() == 2);
    this->document.reset();
  }
};

/// Two reads of one thread see versions that do not go back.
template <class Table>
struct ReadsDoNotGoBack : OnOneDocument<ReadsDoNotGoBack<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->update(2);
    } else {
      const std::uint64_t first = this->document->read();
      RL_ASSERT(this->document->read() >= first);
    }
  }
  void after() { this->document.reset(); }
};

/// A writer that was suspended between its look and its publication meets a body that has left and come back: the word
/// tells.
template <class Table>
struct BodyComesBack : OnOneDocument<BodyComesBack<Table>, Table, 2> {
  void thread(unsigned index) { this->document->update(index == 0 ? 2 : 1); }
  void after() {
    RL_ASSERT(this->document->read() == 3);
    this->document.reset();
  }
};

/// So many updates in one go that epochs pass and bodies are used again while a reader is pinned.
template <class Table>
struct ReaderAgainstReclamation : OnOneDocument<ReaderAgainstReclamation<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      this->document->update(7);
    } else {
      this->document->read();
    }
  }
  void after() {
    RL_ASSERT(this->document->read() == 7);
    this->document.reset();
  }
};

/// No update is lost, and numbers only grow.
template <class Table, int threads>
struct Writers : OnOneDocument<Writers<Table, threads>, Table, threads> {
  void thread(unsigned) { this->document->update(1); }
  void after() {
    RL_ASSERT(this->document->read() == threads);
    this->document.reset();
  }
};

/// A fail-over between the draw of a number and its publication: each write carries the term that its number was drawn
/// with.
template <class Table>
struct FailOver : OnOneDocument<FailOver<Table>, Table, 2> {
  void thread(unsigned index) {
    if (index == 0) {
      auto handle = this->document->table().handle();
      const Outcome first = handle.update("id", kAddOne, {});
      const Outcome second = handle.update("id", kAddOne, {});
      RL_ASSERT(first.word > first.decided_on && second.word > first.word && second.word.term() >= first.word.term());
    } else {
      RL_ASSERT(this->document->table().fail_over(0));
    }
  }
  void after() {
    RL_ASSERT(this->document->table().next(0).term() == 2 && this->document->table().next(0).seq_no() == 3);
    this->document.reset();
  }
};

bool packed_cas() {
  std::puts("packed_cas");
  bool passed = explore<ReaderAgainstReuse<PackedCas>>("  a reader against the reuse of a body", 2);
  passed &= explore<ReadsDoNotGoBack<PackedCas>>("  two reads do not go back", 1);
  passed &= explore<BodyComesBack<PackedCas>>("  a body comes back under a writer", 2);
  passed &= explore<Writers<PackedCas, 2>>("  two writers", 2);
  passed &= sample<Writers<PackedCas, 3>>("  three writers", 100'000);
  passed &= explore<FailOver<PackedCas>>("  a fail-over between draw and publication", 2);
  return passed;
}

/// Announcing and withdrawing multiplies the executions, so less of them can be explored to the end.
bool version_retry() {
  using Table = VersionRetry<EpochDomain>;
  std::puts("version_retry");
  bool passed = explore<ReaderAgainstReuse<Table>>("  a reader against two updates", 1);
  passed &= explore<ReadsDoNotGoBack<Table>>("  two reads do not go back", 1);
  passed &= sample<BodyComesBack<Table>>("  a body comes back under a writer", 100'000);
  passed &= sample<ReaderAgainstReclamation<Table>>("  a reader against the reuse of a body", 300'000);
  passed &= explore<Writers<Table, 2>>("  two writers", 1);
  passed &= sample<Writers<Table, 3>>("  three writers", 100'000);
  passed &= explore<FailOver<Table>>("  a fail-over between draw and publication", 1);
  return passed;
}

}  // namespace
}  // namespace occ::model

int main() {
  bool passed = occ::model::packed_cas();
  passed &= occ::model::version_retry();
  return passed ? 0 : 1;
}
