/// update in its two forms, on every strategy: tries, retries, what a transform may do. One thread, unless a lock left
/// behind is looked for.
#include <stdexcept>
#include <utility>

#include "tests/variants/contract.hpp"

namespace occ::contract {
namespace {

class ContractUpdate : public StrategyTest {
 protected:
  void put(std::string_view id, std::string_view source) { handle_->index(id, occ::as_bytes(source)); }
  std::string read(std::string_view id) {
    return handle_->get(id, document_).result == Result::found ? std::string(document_.source.text()) : "(none)";
  }
  /// Runs `check(form)` for every form that the strategy declares, and for the default, on a table of its own.
  template <class Check>
  void for_each_form(Check check) {
    auto forms = forms_of(GetParam());
    ASSERT_FALSE(forms.empty());
    forms.push_back(UpdateForm::strategy_default);
    for (const UpdateForm form : forms) {
      SCOPED_TRACE(to_string(form));
      handle_.reset();
      table_ = make(options());
      handle_ = table_->handle();
      check(form);
    }
  }

  Document document_;
};
INSTANTIATE_TEST_SUITE_P(Every, ContractUpdate, ::testing::ValuesIn(storing()), name_of);

constexpr auto append = [](const DocumentView& current, Source& next) {
  next.assign(occ::as_bytes(std::string(as_text(current.source)) + "+"));
  return Transformed::write;
};
constexpr auto keep = [](const DocumentView&, Source&) { return Transformed::keep; };
constexpr auto drop = [](const DocumentView&, Source&) { return Transformed::remove; };
constexpr auto never = [](const DocumentView&, Source&) {
  ADD_FAILURE() << "the transform ran";
  return Transformed::keep;
};

TEST_P(ContractUpdate, update_existing_id_writes_what_the_transform_made) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    int calls = 0;
    const auto transform = [&](const DocumentView& current, Source& next) {
      ++calls;
      EXPECT_EQ(as_text(current.source), "a");
      EXPECT_EQ(current.version, 1);
      EXPECT_EQ(current.word, SeqNoTerm(0, 1));
      return append(current, next);
    };
    const Outcome outcome = handle_->update("id", transform, {.form = form});
    EXPECT_EQ(outcome.result, Result::updated);
    EXPECT_EQ(outcome.cause, Cause::none);
    EXPECT_EQ(outcome.version, 2);
    EXPECT_EQ(outcome.word, SeqNoTerm(1, 1));
    EXPECT_EQ(outcome.decided_on, SeqNoTerm(0, 1));
    EXPECT_EQ(outcome.retries, 0U);
    EXPECT_TRUE(outcome.wrote());
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(read("id"), "a+");
    EXPECT_EQ(handle_->counters().applied, 2U);
    EXPECT_EQ(handle_->counters().attempts, 2U);
    EXPECT_EQ(handle_->counters().transforms_discarded, 0U);
  });
}

TEST_P(ContractUpdate, update_under_a_condition_that_names_no_write_is_rejected) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    for (const Precondition& precondition : {Precondition::if_version(1), Precondition::external(100),
                                             Precondition::external_gte(100), Precondition::must_not_exist()}) {
      const Outcome outcome = handle_->update("id", never, {.form = form, .precondition = precondition});
      EXPECT_EQ(outcome.result, Result::rejected);
      EXPECT_EQ(outcome.cause, Cause::update_condition_unsupported);
    }
    const Bytes upsert = occ::as_bytes("u");
    const UpdateOptions both{.form = form, .precondition = Precondition::if_seq_no(0, 1), .upsert = upsert};
    EXPECT_EQ(handle_->update("id", never, both).cause, Cause::update_condition_unsupported);
    EXPECT_EQ(handle_->update("missing", never, both).cause, Cause::update_condition_unsupported);
    EXPECT_EQ(table_->next(0).seq_no(), 1U);
  });
}

TEST_P(ContractUpdate, update_in_an_undeclared_form_is_rejected) {
  put("id", "a");
  for (const UpdateForm form : {UpdateForm::in_place, UpdateForm::optimistic}) {
    const bool in_place = form == UpdateForm::in_place;
    if (in_place ? GetParam().updates_in_place : GetParam().updates_optimistically) continue;
    EXPECT_FALSE(GetParam().supports(form));
    for (const std::string_view id : {"id", "missing"}) {
      const Outcome outcome = handle_->update(id, never, {.form = form, .upsert = Bytes{}});
      EXPECT_EQ(outcome.result, Result::rejected);
      EXPECT_EQ(outcome.cause, Cause::update_form_unsupported);
      EXPECT_FALSE(outcome.wrote());
    }
  }
  EXPECT_EQ(read("id"), "a");
  EXPECT_EQ(read("missing"), "(none)");
  EXPECT_EQ(table_->next(0), SeqNoTerm(1, 1));
  EXPECT_TRUE(balance(handle_->counters()));
}

TEST_P(ContractUpdate, update_default_form_is_a_declared_one) {
  EXPECT_NE(GetParam().default_form, UpdateForm::strategy_default);
  EXPECT_TRUE(GetParam().supports(GetParam().default_form));
}

TEST_P(ContractUpdate, update_missing_id_is_not_found_and_writes_nothing) {
  for_each_form([&](UpdateForm form) {
    const Outcome outcome = handle_->update("id", never, {.retry_on_conflict = 3, .form = form});
    EXPECT_EQ(outcome.result, Result::not_found);
    EXPECT_EQ(outcome.cause, Cause::none);
    EXPECT_EQ(outcome.version, kVersionNotFound);
    EXPECT_EQ(outcome.retries, 0U);
    EXPECT_TRUE(outcome.decided_on.vacant());
    EXPECT_FALSE(outcome.wrote());
    EXPECT_EQ(table_->next(0), SeqNoTerm(0, 1));
    EXPECT_EQ(handle_->counters().not_found, 1U);
  });
}

TEST_P(ContractUpdate, update_deleted_id_is_not_found_and_leaves_the_tombstone) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    const Outcome removed = handle_->remove("id");
    const Outcome outcome = handle_->update("id", never, {.form = form});
    EXPECT_EQ(outcome.result, Result::not_found);
    EXPECT_EQ(outcome.decided_on, removed.word);
    EXPECT_FALSE(outcome.wrote());
    EXPECT_EQ(handle_->create("id", {}).version, 3);
  });
}

TEST_P(ContractUpdate, update_that_keeps_is_a_noop_and_writes_nothing) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    const auto scribble_and_keep = [](const DocumentView&, Source& next) {
      next.assign(occ::as_bytes("scribble"));
      return Transformed::keep;
    };
    const Outcome outcome = handle_->update("id", scribble_and_keep, {.form = form});
    EXPECT_EQ(outcome.result, Result::noop);
    EXPECT_EQ(outcome.version, 1);
    EXPECT_EQ(outcome.word, SeqNoTerm(0, 1));
    EXPECT_EQ(outcome.decided_on, SeqNoTerm(0, 1));
    EXPECT_FALSE(outcome.wrote());
    EXPECT_EQ(read("id"), "a");
    EXPECT_EQ(document_.word, SeqNoTerm(0, 1));
    EXPECT_EQ(table_->next(0), SeqNoTerm(1, 1));
    EXPECT_EQ(handle_->counters().noop, 1U);
  });
}

TEST_P(ContractUpdate, update_that_removes_leaves_a_tombstone) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    const Outcome outcome = handle_->update("id", drop, {.form = form});
    EXPECT_EQ(outcome.result, Result::deleted);
    EXPECT_EQ(outcome.version, 2);
    EXPECT_EQ(outcome.word, SeqNoTerm(1, 1));
    EXPECT_EQ(outcome.decided_on, SeqNoTerm(0, 1));
    EXPECT_EQ(read("id"), "(none)");
    EXPECT_EQ(handle_->index("id", {}).version, 3);
  });
}

TEST_P(ContractUpdate, update_may_empty_and_grow_a_source) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    const std::string large(1'000'000, 'x');
    for (const std::string_view wanted : {std::string_view(), std::string_view(large), std::string_view("small")}) {
      const auto replace = [&](const DocumentView&, Source& next) {
        next.assign(occ::as_bytes(wanted));
        return Transformed::write;
      };
      EXPECT_EQ(handle_->update("id", replace, {.form = form}).result, Result::updated);
      EXPECT_EQ(read("id"), wanted);
    }
  });
}

TEST_P(ContractUpdate, update_with_upsert_of_a_missing_id_writes_the_upsert) {
  for_each_form([&](UpdateForm form) {
    const UpdateOptions options{.form = form, .upsert = occ::as_bytes("up")};
    const Outcome created = handle_->update("id", never, options);
    EXPECT_EQ(created.result, Result::created);
    EXPECT_EQ(created.version, 1);
    EXPECT_EQ(created.word, SeqNoTerm(0, 1));
    EXPECT_EQ(created.retries, 0U);
    EXPECT_TRUE(created.decided_on.vacant());
    EXPECT_EQ(read("id"), "up");
    EXPECT_EQ(handle_->update("id", append, options).result, Result::updated);
    EXPECT_EQ(read("id"), "up+");
    handle_->remove("id");
    const Outcome again = handle_->update("id", never, options);
    EXPECT_EQ(again.result, Result::created);
    EXPECT_EQ(again.version, 4);
    EXPECT_EQ(read("id"), "up");
  });
}

TEST_P(ContractUpdate, update_with_an_empty_upsert_creates_an_empty_source) {
  for_each_form([&](UpdateForm form) {
    EXPECT_EQ(handle_->update("id", never, {.form = form, .upsert = Bytes{}}).result, Result::created);
    EXPECT_EQ(read("id"), "");
  });
}

TEST_P(ContractUpdate, update_with_if_seq_no_that_matches_writes) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    const Outcome outcome =
        handle_->update("id", append, {.form = form, .precondition = Precondition::if_seq_no(0, 1)});
    EXPECT_EQ(outcome.result, Result::updated);
    EXPECT_EQ(outcome.version, 2);
    EXPECT_EQ(read("id"), "a+");
  });
}

TEST_P(ContractUpdate, update_with_if_seq_no_that_differs_conflicts_once) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    put("id", "b");
    // The condition comes before the transform, which does not run: what would be a noop or a delete is a conflict too.
    for (const Transform transform : {Transform(append), Transform(keep), Transform(drop), Transform(never)}) {
      for (const Precondition& wrong :
           {Precondition::if_seq_no(0, 1), Precondition::if_seq_no(1, 2), Precondition::if_seq_no(-1, 1),
            Precondition::if_seq_no(1 + (std::int64_t{1} << SeqNoTerm::kSeqNoBits), 1)}) {
        const auto before = handle_->counters();
        const Outcome outcome =
            handle_->update("id", transform, {.retry_on_conflict = 5, .form = form, .precondition = wrong});
        EXPECT_EQ(outcome.result, Result::conflict);
        EXPECT_EQ(outcome.cause, Cause::seq_no_mismatch);
        EXPECT_EQ(outcome.retries, 0U);
        EXPECT_EQ(outcome.version, 2);
        EXPECT_EQ(outcome.word, SeqNoTerm(1, 1));
        EXPECT_EQ(outcome.decided_on, SeqNoTerm(1, 1));
        EXPECT_EQ(handle_->counters().since(before).conflicts(), 1U);
        EXPECT_EQ(handle_->counters().since(before).attempts, 1U);
      }
    }
    EXPECT_EQ(read("id"), "b");
    EXPECT_EQ(table_->next(0), SeqNoTerm(2, 1));
  });
}

TEST_P(ContractUpdate, update_with_if_seq_no_of_a_missing_id_is_not_found) {
  for_each_form([&](UpdateForm form) {
    const UpdateOptions options{.form = form, .precondition = Precondition::if_seq_no(0, 1)};
    EXPECT_EQ(handle_->update("id", never, options).result, Result::not_found);
    put("id", "a");
    const Outcome removed = handle_->remove("id");
    const Outcome outcome =
        handle_->update("id", never, {.form = form, .precondition = Precondition::if_word(removed.word)});
    EXPECT_EQ(outcome.result, Result::not_found);
    EXPECT_EQ(outcome.decided_on, removed.word);
  });
}

TEST_P(ContractUpdate, update_whose_transform_throws_writes_nothing_and_holds_nothing) {
  for_each_form([&](UpdateForm form) {
    put("id", "a");
    put("other", "b");
    const auto before = handle_->counters();
    const auto burst = [](const DocumentView&, Source& next) -> Transformed {
      next.assign(occ::as_bytes("scribble"));
      throw std::runtime_error("the transform's own");
    };
    for (int i = 0; i < 100; ++i) {
      try {
        handle_->update("id", burst, {.retry_on_conflict = 3, .form = form});
        ADD_FAILURE() << "the exception did not come through";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "the transform's own");
      }
    }
    EXPECT_EQ(table_->next(0), SeqNoTerm(2, 1));
    EXPECT_EQ(handle_->counters().since(before).applied, 0U);
    EXPECT_TRUE(balance(handle_->counters()));
    // Another thread gets at the document, and at everything that may share a lock with it.
    expect_returns("a call after a transform had thrown", [&] {
      Document document;
      const auto handle = table_->handle();
      EXPECT_EQ(handle->get("id", document).word, SeqNoTerm(0, 1));
      EXPECT_EQ(document.source.text(), "a");
      EXPECT_EQ(handle->update("id", append, {.form = form}).result, Result::updated);
      for (int i = 0; i < 2'000; ++i) handle->index("id" + std::to_string(i), {});
    });
    EXPECT_EQ(read("id"), "a+");
    EXPECT_EQ(handle_->update("id", append, {.form = form}).result, Result::updated);
  });
}

/// Strategies whose update is a loop of read, transform and conditional write. The document moves under the transform
/// by a second handle, which the contract forbids in general and which is sound in this form alone.
class ContractRetries : public StrategyTest {
 protected:
  std::unique_ptr<AnyHandle> second_ = table_->handle();
  Document document_;
};
INSTANTIATE_TEST_SUITE_P(Every, ContractRetries, ::testing::ValuesIn([] {
                           auto chosen = checking();
                           std::erase_if(chosen,
                                         [](const StrategyInfo& strategy) { return !strategy.updates_optimistically; });
                           return chosen;
                         }()),
                         name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ContractRetries);

TEST_P(ContractRetries, update_that_always_conflicts_tries_once_more_than_its_retries) {
  for (const std::uint32_t retries : {0U, 1U, 5U, 100U}) {
    SCOPED_TRACE(retries);
    handle_->index("id", occ::as_bytes("a"));
    const auto before = handle_->counters();
    std::uint32_t calls = 0;
    Outcome moved;
    const auto transform = [&](const DocumentView& current, Source& next) {
      ++calls;
      moved = second_->index("id", occ::as_bytes("moved"));
      return append(current, next);
    };
    const Outcome outcome =
        handle_->update("id", transform, {.retry_on_conflict = retries, .form = UpdateForm::optimistic});
    EXPECT_EQ(outcome.result, Result::conflict);
    EXPECT_EQ(outcome.retries, retries);
    EXPECT_EQ(calls, retries + 1);
    EXPECT_EQ(outcome.version, moved.version);
    EXPECT_EQ(outcome.decided_on, moved.word);
    EXPECT_FALSE(outcome.wrote());
    const Counters in_update = handle_->counters().since(before);
    EXPECT_EQ(in_update.conflicts(), retries + 1);
    EXPECT_EQ(in_update.attempts, retries + 1);
    EXPECT_EQ(in_update.transforms_discarded, retries + 1);
    EXPECT_EQ(in_update.applied, 0U);
    handle_->get("id", document_);
    EXPECT_EQ(document_.source.text(), "moved");
  }
  EXPECT_EQ(table_->next(0).seq_no(), 4 + (1 + 2 + 6 + 101U));
}

TEST_P(ContractRetries, update_that_conflicts_a_few_times_counts_them) {
  for (std::uint32_t moves = 0; moves <= 3; ++moves) {
    SCOPED_TRACE(moves);
    handle_->index("id", occ::as_bytes("a"));
    const auto before = handle_->counters();
    std::uint32_t calls = 0;
    const auto transform = [&](const DocumentView& current, Source& next) {
      if (calls++ < moves) second_->index("id", occ::as_bytes("moved" + std::to_string(calls)));
      return append(current, next);
    };
    const Outcome outcome = handle_->update("id", transform, {.retry_on_conflict = 3, .form = UpdateForm::optimistic});
    EXPECT_EQ(outcome.result, Result::updated);
    EXPECT_EQ(outcome.retries, moves);
    EXPECT_EQ(calls, moves + 1);
    handle_->get("id", document_);
    EXPECT_EQ(document_.source.text(), moves == 0 ? "a+" : "moved" + std::to_string(moves) + "+");
    const Counters in_update = handle_->counters().since(before);
    EXPECT_EQ(in_update.conflicts(), moves);
    EXPECT_EQ(in_update.transforms_discarded, moves);
    EXPECT_EQ(in_update.applied, 1U);
    EXPECT_TRUE(balance(handle_->counters()));
  }
}

TEST_P(ContractRetries, update_removing_a_moved_document_conflicts) {
  handle_->index("id", occ::as_bytes("a"));
  const auto transform = [&](const DocumentView&, Source&) {
    second_->index("id", occ::as_bytes("moved"));
    return Transformed::remove;
  };
  EXPECT_EQ(handle_->update("id", transform, {.form = UpdateForm::optimistic}).result, Result::conflict);
  EXPECT_EQ(handle_->get("id", document_).result, Result::found);
}

TEST_P(ContractRetries, update_whose_document_is_deleted_meanwhile_finds_none_on_the_next_try) {
  const auto transform = [&](const DocumentView& current, Source& next) {
    second_->remove("id");
    return append(current, next);
  };
  handle_->index("id", occ::as_bytes("a"));
  const Outcome once = handle_->update("id", transform, {.form = UpdateForm::optimistic});
  EXPECT_EQ(once.result, Result::conflict);
  EXPECT_FALSE(once.wrote());
  handle_->index("id", occ::as_bytes("a"));
  const Outcome twice = handle_->update("id", transform, {.retry_on_conflict = 1, .form = UpdateForm::optimistic});
  EXPECT_EQ(twice.result, Result::not_found);
  EXPECT_EQ(twice.retries, 1U);
  handle_->index("id", occ::as_bytes("a"));
  const Outcome upserted = handle_->update(
      "id", transform, {.retry_on_conflict = 1, .form = UpdateForm::optimistic, .upsert = occ::as_bytes("up")});
  EXPECT_EQ(upserted.result, Result::created);
  EXPECT_EQ(upserted.retries, 1U);
  handle_->get("id", document_);
  EXPECT_EQ(document_.source.text(), "up");
}

TEST_P(ContractRetries, update_with_if_seq_no_is_never_tried_again) {
  const Outcome first = handle_->index("id", occ::as_bytes("a"));
  std::uint32_t calls = 0;
  const auto transform = [&](const DocumentView& current, Source& next) {
    ++calls;
    second_->index("id", occ::as_bytes("moved"));
    return append(current, next);
  };
  const Outcome outcome = handle_->update(
      "id", transform,
      {.retry_on_conflict = 5, .form = UpdateForm::optimistic, .precondition = Precondition::if_word(first.word)});
  EXPECT_EQ(outcome.result, Result::conflict);
  EXPECT_EQ(outcome.retries, 0U);
  EXPECT_EQ(calls, 1U);
}

TEST_P(ContractRetries, update_with_if_seq_no_across_expiry_and_new_creation_is_refused_under_any_semantics) {
  table_->set_gc_deletes(-1);
  const Outcome old = handle_->index("id", occ::as_bytes("old"));
  const auto transform = [&](const DocumentView& current, Source& next) {
    second_->remove("id");
    EXPECT_EQ(second_->index("id", occ::as_bytes("new")).version, current.version);
    return append(current, next);
  };
  const Outcome outcome = handle_->update(
      "id", transform, {.form = UpdateForm::optimistic, .precondition = Precondition::if_word(old.word)});
  EXPECT_EQ(outcome.cause, Cause::seq_no_mismatch);
  handle_->get("id", document_);
  EXPECT_EQ(document_.source.text(), "new");
}

/// What tells `full` from `version_only`: between read and write the document is deleted, forgotten and created again
/// with the version that was read.
TEST_P(ContractRetries, update_across_expiry_and_new_creation_is_refused_under_full_semantics) {
  table_->set_gc_deletes(-1);
  handle_->index("id", occ::as_bytes("old"));
  bool moved = false;
  const auto transform = [&](const DocumentView& current, Source& next) {
    if (!std::exchange(moved, true)) {
      second_->remove("id");
      EXPECT_EQ(second_->index("id", occ::as_bytes("new")).version, current.version);
    }
    return append(current, next);
  };
  const Outcome outcome = handle_->update("id", transform, {.form = UpdateForm::optimistic});
  handle_->get("id", document_);
  if (GetParam().semantics == Semantics::version_only) {
    EXPECT_EQ(outcome.result, Result::updated) << "the lost update that this semantics is declared for";
    EXPECT_EQ(document_.source.text(), "old+");
  } else {
    EXPECT_EQ(outcome.cause, Cause::seq_no_mismatch);
    EXPECT_EQ(document_.source.text(), "new");
  }
}

}  // namespace
}  // namespace occ::contract
