/// The real owner.hpp: what requests change is a plain variable, and so is what they carry there and back, so a request
/// or an answer that is read too early is a data race; somebody who is not woken is an execution without an end.
#include <optional>
#include <stdexcept>

#include "core/sync/owner.hpp"
#include "tests/model/simulate.hpp"

namespace occ::model {
namespace {

/// `askers` threads, and one more that is the owner.
template <int askers, int times>
struct RequestsAreCarriedOut : rl::test_suite<RequestsAreCarriedOut<askers, times>, askers + 1> {
  class Addition final : public Owner::Request {
   public:
    Addition(rl::var<int>& sum, int number, bool throws) : sum_(sum), throws_(throws) { number_($).store(number); }
    [[nodiscard]] int answer() { return answer_($).load(); }

   private:
    void carry_out() override {
      const int number = number_($).load();
      sum_($).store(sum_($).load() + number);
      answer_($).store(number);
      if (throws_) throw std::runtime_error("refused");
    }
    rl::var<int>& sum_;
    rl::var<int> number_;
    rl::var<int> answer_;
    bool throws_;
  };

  std::optional<Owner> owner;
  std::optional<atomic<std::uint64_t>> done;
  rl::var<int> sum;

  void before() {
    owner.emplace();
    done.emplace(0);
    sum($).store(0);
  }
  void thread(unsigned index) {
    if (index == askers) {
      owner->work();
      return;
    }
    for (int i = 0; i < times; ++i) {
      // The requests of the first thread throw: that is its own affair.
      Addition request(sum, 1, index == 0);
      bool threw = false;
      try {
        owner->run(request);
      } catch (const std::runtime_error&) {
        threw = true;
      }
      RL_ASSERT(threw == (index == 0));
      RL_ASSERT(request.answer() == 1);
    }
    if (done->fetch_add(1, std::memory_order_acq_rel) + 1 == askers) owner->end();
  }
  void after() {
    RL_ASSERT(sum($).load() == askers * times);
    done.reset();
    owner.reset();
  }
};

}  // namespace
}  // namespace occ::model

int main(int count, char** arguments) {
  using namespace occ::model;
  return run_scenarios(count, arguments,
                       {
                           explore<RequestsAreCarriedOut<1, 1>>("one_request", 3),
                           explore<RequestsAreCarriedOut<1, 2>>("two_requests", 2),
                           explore<RequestsAreCarriedOut<2, 1>>("two_threads", 2),
                           sample<RequestsAreCarriedOut<2, 2>>("two_threads_twice", 20'000),
                       });
}
