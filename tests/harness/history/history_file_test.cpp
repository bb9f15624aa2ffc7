#include "harness/history/history_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "harness/support/bad_input.hpp"
#include "tests/harness/commands/program_test.hpp"
#include "tests/harness/history/random_history.hpp"
#include "tests/harness/history/written_history.hpp"

namespace occ {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kHeader =
    R"({"format":"occkit-history","format_version":1,"time_unit":"ns","gc_deletes_ms":60000})"
    "\n";

HistoryFile read(const std::string& text) {
  std::istringstream in(text);
  return read_history(in, "h.jsonl");
}

std::string written(const std::vector<HistoryEntry>& entries, const HistoryRules& rules, const Json& header = {}) {
  const auto threads = by_thread(entries);
  const std::vector<std::span<const HistoryEntry>> spans(threads.begin(), threads.end());
  std::ostringstream out;
  write_history(out, header, spans, rules);
  return out.str();
}

void expect_same(const HistoryEntry& a, const HistoryEntry& b) {
  EXPECT_EQ(a.thread, b.thread);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.precondition, b.precondition);
  EXPECT_EQ(a.result, b.result);
  EXPECT_EQ(a.cause, b.cause);
  EXPECT_EQ(a.condition, b.condition);
  EXPECT_EQ(a.decided_on, b.decided_on);
  EXPECT_EQ(a.word, b.word);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.read, b.read);
  EXPECT_EQ(a.wrote, b.wrote);
}

TEST(HistoryFile, WriteHistory_OneUpdate_AsDocumented) {
  HistoryRules rules{.gc_deletes_ms = 500, .ticks_per_ms = 2e6};
  EXPECT_EQ(
      written(
          {create({1, 1000, 1500}, word(41), 5), update({1, 3000, 5408}, word(41), word(43, 2), 7, 5, 6),
           if_word(conflict({1, 6000, 6002}, HistoryKind::remove, Cause::seq_no_mismatch, word(43, 2), 7), word(41)),
           unanswered(1, 7000, HistoryKind::index, 9)},
          rules, {{"strategy", "packed_cas"}}),
      R"({"format":"occkit-history","format_version":1,"time_unit":"ns","gc_deletes_ms":500,"shards":null,"strategy":"packed_cas"}
{"thread":1,"document":0,"op":"index","begin":0,"end":250,"op_type":"create","result":"created","_seq_no":41,"_primary_term":1,"_version":1,"wrote":5}
{"thread":1,"document":0,"op":"update","begin":1000,"end":2204,"saw":[41,1],"result":"updated","decided_on":[41,1],"_seq_no":43,"_primary_term":2,"_version":7,"read":5,"wrote":6}
{"thread":1,"document":0,"op":"delete","begin":2500,"end":2501,"if_seq_no":41,"if_primary_term":1,"result":"conflict","cause":"seq_no_mismatch","decided_on":[43,2],"_version":7}
{"thread":1,"document":0,"op":"index","begin":3000,"wrote":9}
)");
}

TEST(HistoryFile, ReadHistory_OfWhatWasWritten_GivesItBack) {
  RandomHistories histories(3);
  for (int i = 0; i < 2'000; ++i) {
    SmallHistory history = histories.valid();
    history.rules.ticks_per_ms = 1e6;
    const std::string text = written(history.entries, history.rules, {{"seed", 7}});
    const HistoryFile file = read(text);
    const auto threads = by_thread(history.entries);
    ASSERT_EQ(file.threads.size(), threads.size());
    for (std::size_t thread = 0; thread < threads.size(); ++thread) {
      ASSERT_EQ(file.threads[thread].size(), threads[thread].size());
      for (std::size_t k = 0; k < threads[thread].size(); ++k) {
        HistoryEntry entry = threads[thread][k];
        expect_same(file.threads[thread][k], entry);
        const std::uint64_t zero = entry.begin - file.threads[thread][k].begin;
        if (entry.end != HistoryEntry::kUnanswered) entry.end -= zero;
        EXPECT_EQ(file.threads[thread][k].end, entry.end);
      }
    }
    EXPECT_EQ(file.rules.gc_deletes_ms, history.rules.gc_deletes_ms);
    EXPECT_EQ(file.header.at("seed"), 7);
    // The reader numbers documents as they come.
    for (std::uint32_t document = 0; document < file.rules.documents; ++document) {
      const auto& shards = history.rules.shards;
      const auto given = static_cast<std::uint32_t>(std::stoul(file.ids[document]));
      EXPECT_EQ(file.rules.tombstones_match, history.rules.tombstones_match);
      EXPECT_EQ(file.rules.shards.empty() ? HistoryRules::kUnknownShard : file.rules.shards[document],
                shards.empty() ? HistoryRules::kUnknownShard : shards[given]);
    }
    ASSERT_FALSE(HasFailure()) << text;
  }
}

TEST(HistoryFile, ReadHistory_DocumentsByNumberOrName_Numbered) {
  const std::string get = R"("op":"get","begin":0,"end":5,"result":"not_found"})";
  const HistoryFile file =
      read(kHeader + (R"({"thread":2,"document":"a/b",)" + get) + "\n" + R"({"thread":2,"document":4000000000,)" + get +
           "\r\n\n" + R"({"thread":0,"document":"a/b",)" + get);
  EXPECT_THAT(file.ids, testing::ElementsAre("a/b", "4000000000"));
  EXPECT_EQ(file.rules.documents, 2);
  ASSERT_EQ(file.threads.size(), 3);
  EXPECT_EQ(file.threads[2][1].document, 1);
  EXPECT_EQ(file.threads[0][0].document, 0);
}

TEST(HistoryFile, WriteHistory_BulkItemsInTwoShards_WithPlacesAndShards) {
  HistoryEntry second = create({1, 1000, 1500}, word(7), 6);
  second.document = 1;
  const HistoryRules rules{.gc_deletes_ms = 500, .documents = 2, .shards = {0, 1}};
  EXPECT_EQ(written({create({1, 1000, 1500}, word(41), 5), second, unanswered(1, 7000, HistoryKind::index, 9)}, rules),
            R"({"format":"occkit-history","format_version":1,"time_unit":"ns","gc_deletes_ms":500,"shards":2}
{"thread":1,"document":0,"shard":0,"op":"index","begin":0,"end":500,"item":0,"op_type":"create","result":"created","_seq_no":41,"_primary_term":1,"_version":1,"wrote":5}
{"thread":1,"document":1,"shard":1,"op":"index","begin":0,"end":500,"item":1,"op_type":"create","result":"created","_seq_no":7,"_primary_term":1,"_version":1,"wrote":6}
{"thread":1,"document":0,"shard":0,"op":"index","begin":6000,"wrote":9}
)");
}

TEST(HistoryFile, ReadHistory_Shards_AsTheFirstLineAndTheLinesSay) {
  const auto shards = [](const std::string& header, const std::string& first, const std::string& second) {
    const auto line = [](char document, const std::string& said) {
      return std::string(R"({"thread":0,"document":")") + document + "\"" + said +
             R"(,"op":"get","begin":0,"end":5,"result":"not_found"})" + "\n";
    };
    return read(R"({"format":"occkit-history","format_version":1,"time_unit":"ns","gc_deletes_ms":1)" + header + "}\n" +
                line('a', first) + line('b', second))
        .rules.shards;
  };
  constexpr std::uint32_t kUnknown = HistoryRules::kUnknownShard;
  using testing::ElementsAre;
  EXPECT_THAT(shards("", "", ""), ElementsAre(0, 0));
  EXPECT_THAT(shards(R"(,"shards":1)", "", ""), ElementsAre(0, 0));
  EXPECT_THAT(shards(R"(,"shards":3)", "", ""), ElementsAre(kUnknown, kUnknown));
  EXPECT_THAT(shards(R"(,"shards":null)", "", ""), ElementsAre(kUnknown, kUnknown));
  EXPECT_THAT(shards(R"(,"shards":3)", R"(,"shard":2)", ""), ElementsAre(2, kUnknown));
  EXPECT_THAT(shards("", "", R"(,"shard":7)"), ElementsAre(kUnknown, 7));
}

TEST(HistoryFile, ReadHistory_BulkItems_InTheOrderOfTheirPlaces) {
  const auto line = [](int begin, const char* item, int read) {
    return R"({"thread":0,"document":1,"op":"get","begin":)" + std::to_string(begin) + R"(,"end":50)" + item +
           R"(,"result":"found","decided_on":[1,1],"_version":1,"read":)" + std::to_string(read) + "}\n";
  };
  const HistoryFile file = read(kHeader + line(0, R"(,"item":1)", 1) + line(0, R"(,"item":0)", 2) +
                                line(0, R"(,"item":5)", 3) + line(9, R"(,"item":3)", 4) + line(9, R"(,"item":2)", 5));
  std::vector<std::uint32_t> order;
  for (const HistoryEntry& entry : file.threads[0]) order.push_back(entry.read);
  EXPECT_THAT(order, testing::ElementsAre(2, 1, 3, 5, 4));
}

/// Each file says in its first line what it is of, and what it must be judged: a kind of violation, or "possible".
TEST(HistoryFile, CheckHistory_OfEachCase_JudgedAsItSays) {
  std::size_t possible = 0;
  std::size_t impossible = 0;
  for (const auto& entry : std::filesystem::directory_iterator(OCCKIT_TEST_DATA "/histories")) {
    std::ifstream in(entry.path());
    const HistoryFile file = read_history(in, entry.path().filename().string());
    const auto entries = file.entries();
    const HistoryReport report = check_history(entries, file.rules, 1);
    const auto expected = file.header.at("expected").get<std::string>();
    const std::string judged =
        report.contradictions.empty() ? "possible" : std::string(to_string(report.contradictions[0].violation));
    EXPECT_EQ(judged, expected) << entry.path();
    EXPECT_EQ(report.not_judged, 0) << entry.path();
    ++(expected == "possible" ? possible : impossible);
  }
  EXPECT_GE(possible, 15);
  EXPECT_GE(impossible, 34);
}

TEST(HistoryFile, WriteHistory_ToAFullDisk_Throws) {
  std::ofstream full("/dev/full");
  const std::vector<HistoryEntry> entries = {create({0, 0, 1}, word(1), 5)};
  const std::vector<std::span<const HistoryEntry>> spans = {entries};
  EXPECT_THROW(write_history(full, {}, spans, {}), std::runtime_error);
}

void expect_refused(const std::string& text, const testing::Matcher<const std::string&>& message) {
  try {
    read(text);
    ADD_FAILURE() << "accepted: " << text;
  } catch (const BadInput& error) {
    EXPECT_THAT(std::string(error.what()), message) << text;
  }
}

TEST(HistoryFile, ReadHistory_OfSomethingElse_RefusedWithWhatIsAccepted) {
  const auto says_what = AllOf(StartsWith("h.jsonl:1: "), HasSubstr(R"("format":"occkit-history")"));
  expect_refused("", StartsWith("h.jsonl:1: the file is empty"));
  expect_refused("\n", StartsWith("h.jsonl:1: "));
  expect_refused("strategy,threads\n", StartsWith("h.jsonl:1: "));
  expect_refused("[]\n", StartsWith("h.jsonl:1: each line must be a JSON object"));
  expect_refused("{}\n", says_what);
  expect_refused(R"({"format":"occkit-history","format_version":2,"time_unit":"ns","gc_deletes_ms":1})", says_what);
  expect_refused(R"({"format":"occkit-history","format_version":1,"time_unit":"us","gc_deletes_ms":1})", says_what);
  expect_refused(R"({"format":"occkit-history","format_version":1,"time_unit":"ns"})", says_what);
  expect_refused(R"({"format":"occkit-history","format_version":1,"time_unit":"ns","gc_deletes_ms":-2})",
                 HasSubstr("gc_deletes_ms must be a whole number from -1"));
  expect_refused(R"({"format":"occkit-history","format_version":1,"time_unit":"ns","gc_deletes_ms":1,"shards":0})",
                 HasSubstr("shards must be a whole number from 1 to 65535, not 0"));
  expect_refused(kHeader, HasSubstr("no operation"));
  expect_refused(kHeader + std::string(70'000, ' '), StartsWith("h.jsonl:2: a line of more than 65534 bytes"));
  expect_refused(kHeader + std::string(60'000, '['), StartsWith("h.jsonl:2: "));
}

TEST(HistoryFile, ReadHistory_MalformedOperation_RefusedWithLineAndWhatIsAccepted) {
  const std::string good = R"({"thread":1,"document":1,"op":"get","begin":5,"end":9,"result":"not_found"})";
  EXPECT_EQ(read(kHeader + good).threads[1].size(), 1);
  const auto refused = [&](const std::string& part, const std::string& instead, const std::string& message) {
    std::string text = good;
    const auto at = text.find(part);
    ASSERT_NE(at, text.npos) << part;
    text.replace(at, part.size(), instead);
    expect_refused(kHeader + good + "\n" + text + "\n", AllOf(StartsWith("h.jsonl:3: "), HasSubstr(message)));
  };
  refused(R"("thread":1)", R"("thread":-1)", "thread must be a whole number from 0 to 65535, not -1");
  refused(R"("thread":1)", R"("thread":65536)", "thread must be");
  refused(R"("thread":1)", R"("thread":"1")", "thread must be");
  refused(R"("thread":1,)", "", "thread is missing");
  refused(R"("document":1,)", "", "document is missing");
  refused(R"("document":1)", R"("document":1.5)", "document must be a whole number or a string");
  refused(R"("op":"get")", R"("op":"put")", "op must be one of get, index, delete, update, not \"put\"");
  refused(R"("op":"get",)", "", "op is missing");
  refused(R"("begin":5)", R"("begin":18446744073709551615)", "begin must be");
  refused(R"("end":9)", R"("end":4)", "end 4 is before begin 5");
  refused(R"("end":9,)", "", "end is missing");
  refused(R"(,"result":"not_found")", "", "result is missing");
  refused("not_found", "created", "result of op get must be one of found, not_found, rejected, not created");
  refused("not_found", "lost", "result must be one of found, created");
  refused(R"("end")", R"("finish")", "unknown field 'finish': accepted are thread, document");
  refused("}", R"(,"if_seq_no":1})", "if_seq_no and if_primary_term go together");
  refused("}", R"(,"if_seq_no":1,"if_primary_term":1})", "a get has no condition");
  refused("}", R"(,"version":1})", "version and version_type go together");
  refused("}", R"(,"saw":[1,1]})", "saw is for updates");
  refused("}", R"(,"decided_on":[1]})", "decided_on must be [_seq_no, _primary_term]");
  refused("}", R"(,"decided_on":[1,16384]})", "decided_on[1] must be a whole number from 0 to 16383");
  refused("}", R"(,"_seq_no":281474976710656,"_primary_term":1})", "_seq_no must be a whole number from 0 to");
  refused("}", R"(,"item":-1})", "item must be a whole number from 0 to");
  refused("}", R"(,"shard":65535})", "shard must be a whole number from 0 to 65534, not 65535");
  refused("}", R"(,"read":0})", "read must be a whole number from 1 to 4294967295");
  refused("}", "", "");
  refused(R"("get")", R"("update","version":1,"version_type":"internal")", "the only condition of an update");
  refused(R"("get")", R"("update","op_type":"create")", "the only condition of an update");
  refused(R"("get")", R"("index","op_type":"create","if_seq_no":1,"if_primary_term":1)", "one condition at most");
}

TEST(HistoryFile, ReadHistory_OneDocumentInTwoShards_Refused) {
  const auto line = [](const char* shard) {
    return std::string(R"({"thread":1,"document":"x","shard":)") + shard +
           R"(,"op":"get","begin":5,"end":9,"result":"not_found"})" + "\n";
  };
  expect_refused(kHeader + line("1") + line("0"),
                 HasSubstr("h.jsonl:3: document 'x' is in shard 0 here, and in shard 1 in a line before"));
}

class CheckCommand : public ProgramTest {
 protected:
  /// `occkit check` on a file of this text.
  [[nodiscard]] Ended check(const std::string& text) const {
    std::ofstream(folder_ / "h.jsonl") << text;
    return occkit("check h.jsonl");
  }
};

TEST_F(CheckCommand, Check_CleanLostAndMalformed_ExitStatusAndText) {
  const std::string before =
      kHeader +
      std::string(
          R"({"thread":0,"document":"doc-17","op":"index","begin":0,"end":900,"op_type":"create",)"
          R"("result":"created","_seq_no":41,"_primary_term":1,"_version":1,"wrote":5})"
          "\n"
          R"({"thread":2,"document":"doc-17","op":"update","begin":1310,"end":1951,"saw":[41,1],)"
          R"("result":"updated","decided_on":[41,1],"_seq_no":42,"_primary_term":1,"_version":2,"read":5,"wrote":7})"
          "\n");
  const std::string lost =
      R"({"thread":1,"document":"doc-17","op":"update","begin":1000,"end":2204,"saw":[41,1],)"
      R"("result":"updated","decided_on":[41,1],"_seq_no":43,"_primary_term":1,"_version":2,"read":5,"wrote":6})";
  const auto clean = check(before);
  EXPECT_EQ(clean.status, 0);
  EXPECT_THAT(clean.output, HasSubstr("linearizable: one order explains every answer"));
  const auto wrong = check(before + lost);
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.output, AllOf(HasSubstr("document 'doc-17': LOST UPDATE"), HasSubstr("both replaced _seq_no 41")));
  EXPECT_THAT(clean.output, HasSubstr("2 of 2 operations judged\n"));
  const auto bad = check(before + "nonsense\n");
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.output, HasSubstr("h.jsonl:4: "));
}

TEST_F(CheckCommand, Check_NothingThatCanBeJudged_IsNoVerdict) {
  const auto nothing =
      check(kHeader + std::string(R"({"thread":0,"document":1,"op":"index","begin":0,"wrote":5})"
                                  "\n"
                                  R"({"thread":0,"document":1,"op":"get","begin":5,"end":9,"result":"rejected"})"));
  EXPECT_EQ(nothing.status, 1);
  EXPECT_THAT(nothing.output, AllOf(HasSubstr("0 of 2 operations judged; 2 without an answer, or rejected\n"),
                                    HasSubstr("no verdict"), Not(HasSubstr("linearizable"))));
}

TEST_F(CheckCommand, Check_OneNumberInTwoDocuments_NamesBoth) {
  const auto line = [](const char* document, int begin) {
    return std::string(R"({"thread":0,"document":")") + document + R"(","op":"index","begin":)" +
           std::to_string(begin) + R"(,"end":)" + std::to_string(begin + 5) +
           R"(,"result":"created","_seq_no":4,"_primary_term":1,"_version":1})" + "\n";
  };
  const auto wrong = check(kHeader + line("left", 0) + line("right", 10));
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.output, AllOf(HasSubstr("document 'right': DUPLICATE NUMBER"), HasSubstr("index on 'left'"),
                                  HasSubstr("index on 'right'"), HasSubstr("does not say how many shards")));
}

}  // namespace
}  // namespace occ
