// What a report predicts for the load of a row: the question that the retry model is asked, and when it is not asked.
#include "harness/report/predicted_retries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/measure/operation_counts.hpp"

namespace occ {
namespace {

using testing::HasSubstr;

/// Clients that wait for 4 ms between read and write, and think for 50 ms.
LoadTexts row(const LoadTexts& changes = {}) {
  LoadTexts texts{{"workload", "custom"}, {"update_form", "none"}, {"client", "if_seq_no"},
                  {"threads", "2"},       {"docs", "1000"},        {"dist", "zipf:0.99"},
                  {"mix", "update=100"},  {"batch", "1"},          {"think_ns", "0"},
                  {"backoff", "none"},    {"clients", "64"},       {"think_between", "exponential:50ms"},
                  {"rate_per_s", ""},     {"think_within", "4ms"}, {"retry_on_conflict", "10"},
                  {"server", ""}};
  for (const auto& [column, text] : changes) texts.at(column) = text;
  return texts;
}

/// The same, asked of the model itself.
RetryPrediction asked(const RetryLoad& load, std::uint32_t retries, std::uint64_t documents = 1000) {
  return RetryModel(load, Popularity::of(Distribution::parse("zipf:0.99"), documents).classes())
      .predict(retries)
      .value();
}

LoadTexts working(const LoadTexts& changes = {}) {
  LoadTexts texts = row({{"think_within", "0"}, {"think_ns", "1000000"}, {"think_between", "exponential:64ms"}});
  for (const auto& [column, text] : changes) texts.at(column) = text;
  return texts;
}

TEST(PredictedRetries, clients_that_wait_in_the_window_are_all_under_way) {
  const RetryPrediction wanted = asked(
      {.clients = 64, .think = TimeDistribution::exponential(0.05), .window = TimeDistribution::fixed(0.004)}, 10);
  ASSERT_GT(wanted.conflict, 0.05);
  for (const unsigned processors : {0U, 2U}) {
    const PredictedRetries found =
        predict_retries(row({{"docs", "100000"}, {"think_between", "exponential:500ms"}}), processors);
    ASSERT_TRUE(found.prediction) << found.why_not;
    EXPECT_DOUBLE_EQ(
        found.prediction->conflict,
        asked({.clients = 64, .think = TimeDistribution::exponential(0.5), .window = TimeDistribution::fixed(0.004)},
              10, 100'000)
            .conflict);
    EXPECT_TRUE(found.tells_retries);
    EXPECT_EQ(found.why_not, "");
    EXPECT_THAT(found.asked,
                HasSubstr("64 clients, think exponential:500ms, window 4ms, zipf:0.99 of 100000 documents"));
  }
  const PredictedRetries hot = predict_retries(row(), 2);
  ASSERT_TRUE(hot.prediction) << hot.why_not;
  EXPECT_DOUBLE_EQ(hot.prediction->conflict, wanted.conflict);
}

TEST(PredictedRetries, threads_without_clients_are_the_clients) {
  const PredictedRetries found = predict_retries(row({{"clients", ""}, {"threads", "8"}}), 2);
  ASSERT_TRUE(found.prediction) << found.why_not;
  EXPECT_DOUBLE_EQ(
      found.prediction->conflict,
      asked({.clients = 8, .think = TimeDistribution::exponential(0.05), .window = TimeDistribution::fixed(0.004)}, 10)
          .conflict);
}

TEST(PredictedRetries, no_more_work_in_the_window_than_threads_and_processors) {
  const auto at_once = [](std::uint64_t count, double think_s) {
    return asked({.clients = count,
                  .think = TimeDistribution::exponential(think_s),
                  .window = TimeDistribution::fixed(0.001)},
                 10)
        .conflict;
  };
  const auto found = [](const LoadTexts& texts, unsigned processors) {
    const PredictedRetries predicted = predict_retries(texts, processors);
    EXPECT_TRUE(predicted.prediction) << predicted.why_not;
    return predicted.prediction ? predicted.prediction->conflict : -1;
  };
  // Two stand for 64 clients that think for 64 ms: each begins as many operations as 32 of them.
  EXPECT_NEAR(found(working({{"threads", "8"}}), 2), at_once(2, 0.002), 1e-9);
  EXPECT_NEAR(found(working({{"threads", "4"}}), 16), at_once(4, 0.004), 1e-9);
  EXPECT_THAT(predict_retries(working(), 0).why_not, HasSubstr("how many processors"));
}

TEST(PredictedRetries, shares_are_those_of_the_bins_of_a_row) {
  const auto spread = [](const char* retries) {
    return predict_retries(row({{"docs", "20"}, {"dist", "uniform"}, {"retry_on_conflict", retries}}), 2);
  };
  for (const char* retries : {"3", "15", "16", "40"}) {
    const PredictedRetries found = spread(retries);
    ASSERT_TRUE(found.tells_retries) << found.why_not;
    double sum = 0;
    for (std::size_t bin = 0; bin < kRetryBins; ++bin) sum += found.share(bin);
    EXPECT_NEAR(sum, 1, 1e-9) << retries;
  }
  const PredictedRetries three = spread("3");
  EXPECT_DOUBLE_EQ(three.share(3), three.prediction->beyond(2));
  EXPECT_EQ(three.share(kRetryBins - 1), 0);
  const PredictedRetries many = spread("40");
  EXPECT_GT(many.share(kRetryBins - 1), 0);
  EXPECT_DOUBLE_EQ(many.share(kRetryBins - 1), many.prediction->beyond(15));
}

TEST(PredictedRetries, a_get_and_a_conditional_write_are_not_tried_again) {
  const PredictedRetries found = predict_retries(row({{"mix", "cond=100"}, {"client", "update"}}), 2);
  ASSERT_TRUE(found.prediction) << found.why_not;
  EXPECT_EQ(found.prediction->retries, 0U);
  EXPECT_NEAR(found.prediction->exhausted(), found.prediction->conflict, 1e-12);
}

TEST(PredictedRetries, where_the_hottest_document_is_overloaded_only_conflicts_are_told) {
  const LoadTexts hot = row({{"dist", "hot:1"}, {"docs", "1"}, {"clients", "16"}, {"think_between", "20ms"}});
  const PredictedRetries found = predict_retries(hot, 2);
  ASSERT_TRUE(found.prediction);
  EXPECT_FALSE(found.tells_retries);
  EXPECT_THAT(found.why_not, HasSubstr("times in a window"));
  LoadTexts hasty = hot;
  hasty["think_between"] = "4ms";
  const PredictedRetries nothing = predict_retries(hasty, 2);
  EXPECT_FALSE(nothing.prediction);
  EXPECT_THAT(nothing.why_not, HasSubstr("in step"));
  // One client alone is always in its own window, and conflicts with nobody.
  hasty["clients"] = "1";
  const PredictedRetries alone = predict_retries(hasty, 2);
  ASSERT_TRUE(alone.tells_retries) << alone.why_not;
  EXPECT_EQ(alone.prediction->conflict, 0);
}

TEST(PredictedRetries, an_open_load_is_predicted_while_it_is_steady) {
  const LoadTexts one = row({{"clients", ""}, {"dist", "uniform"}, {"docs", "1"}, {"rate_per_s", "100"}});
  const PredictedRetries found = predict_retries(one, 2);
  ASSERT_TRUE(found.tells_retries) << found.why_not;
  // Windows of 4 ms, and with ten retries next to nobody gives up: q is the load itself.
  EXPECT_NEAR(found.prediction->conflict, 0.4, 1e-3);
  LoadTexts more = one;
  more["rate_per_s"] = "1000";
  more["retry_on_conflict"] = "4294967295";  // without end
  EXPECT_FALSE(predict_retries(more, 2).prediction);
  EXPECT_THAT(predict_retries(more, 2).why_not, HasSubstr("faster than it can be committed"));
}

TEST(PredictedRetries, the_waits_of_clients_between_tries_are_in_it) {
  const PredictedRetries with = predict_retries(row({{"backoff", "full-jitter:8ms..1s"}}), 2);
  ASSERT_TRUE(with.prediction) << with.why_not;
  EXPECT_LT(with.prediction->conflict, predict_retries(row(), 2).prediction->conflict);
}

TEST(PredictedRetries, where_the_model_says_nothing_it_is_said_why) {
  const auto why = [](const LoadTexts& changes) {
    const PredictedRetries found = predict_retries(row(changes), 2);
    EXPECT_FALSE(found.prediction) << found.asked;
    EXPECT_FALSE(found.tells_retries);
    return found.why_not;
  };
  EXPECT_THAT(why({{"mix", "get=100"}}), HasSubstr("no write has a condition"));
  EXPECT_THAT(why({{"mix", ""}}), HasSubstr("no write has a condition"));
  EXPECT_THAT(why({{"mix", "get=95,update=5"}}), HasSubstr("other operations"));
  EXPECT_THAT(why({{"client", "update"}, {"update_form", "in_place"}}), HasSubstr("never conflict"));
  EXPECT_THAT(why({{"batch", "64"}}), HasSubstr("bulk"));
  EXPECT_THAT(why({{"server", "elasticsearch"}}), HasSubstr("at a server"));
  EXPECT_THAT(why({{"workload", "hot:1 window 2ms workers 2"}}), HasSubstr("queue"));
  EXPECT_THAT(why({{"backoff", "adaptive"}}), HasSubstr("own back-off"));
  EXPECT_THAT(why({{"think_within", "0"}}), HasSubstr("no window is known"));
  EXPECT_THAT(why({{"think_within", ""}, {"think_ns", ""}}), HasSubstr("no window is known"));
  EXPECT_THAT(why({{"think_ns", "1000"}}), HasSubstr("both"));
  EXPECT_THAT(why({{"think_within", "file:/etc/passwd"}}), HasSubstr("is a file"));
  EXPECT_THAT(why({{"think_between", "file:x"}}), HasSubstr("is a file"));
  EXPECT_THAT(why({{"think_within", "0"}, {"think_ns", "1000"}, {"rate_per_s", "100"}}), HasSubstr("open load"));
  EXPECT_THAT(why({{"think_within", "soon"}}), HasSubstr("think_within"));
  EXPECT_THAT(why({{"dist", "counts.txt"}}), HasSubstr("counts.txt"));
  for (const char* column : {"docs", "clients", "retry_on_conflict"}) {
    for (const char* text : {"-1", "nan", "1e30", "many"})
      EXPECT_THAT(why({{column, text}}), HasSubstr(std::string("do not say ") + column)) << text;
  }
}

}  // namespace
}  // namespace occ
