"""Training sets, models, verdicts, decisions and promotions stay as they were written; one promotion at a time, none unapproved."""

from __future__ import annotations

import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from readiness_pipelines.errors import NotApproved
from readiness_pipelines.flow import Promotion, Review, Status
from readiness_pipelines.ledger import Incident, Ledger
from tests.challenged import YEAR, evidence, model, promotion, put, review, training_set, verdict
from tests.services import Postgres

SPAWN = multiprocessing.get_context("spawn")
TABLES = ("training_sets", "models", "model_verdicts", "reviews", "promotions", "retrains", "switches")


def lets_through(_: Review) -> None:
    """Stand for a check that finds nothing."""


def approved(ledger: Ledger, artifact: str = "a1") -> Promotion:
    """Record a model with an approval, and return the promotion that is wanted of it."""
    about = put(ledger, artifact)[1]
    ledger.models.record_review(review(about))
    return promotion(about)


# what was recorded


def test_a_training_set_is_recorded_once_and_is_as_it_was(ledger: Ledger) -> None:
    first, other = replace(training_set(), leaks=("amount",)), training_set("2025-01-09")
    for each in (first, first, other):
        ledger.models.record_training_set(each)
    assert ledger.models.training_sets("shop") == [first, other]
    assert ledger.models.training_set("shop", first.id) == first
    assert ledger.models.training_set("store", first.id) is None and ledger.models.training_sets("store") == []


def test_models_are_numbered_per_product_and_the_same_one_keeps_its_number(ledger: Ledger) -> None:
    numbers = [ledger.models.record_model(each).number for each in (model("a1"), model("a2"), model("a1"), model(product="store"))]
    assert numbers == [1, 2, 1, 1]
    assert [each.number for each in ledger.models.models("shop")] == [1, 2]
    assert ledger.models.model("shop", 2) == replace(model("a2"), number=2)
    assert ledger.models.model("shop", 3) is None and ledger.models.model("bakery", 1) is None


@pytest.mark.parametrize("other", [{"artifact": "a2"}, {"code": "c2"}, {"recipe": "r2"}, {"training_set": "t2"}])
def test_another_artifact_code_recipe_or_training_set_is_another_model(other: dict[str, Any], ledger: Ledger) -> None:
    assert ledger.models.record_model(model()).number == 1
    assert ledger.models.record_model(replace(model(), **other)).number == 2


def test_the_newest_verdict_on_a_model_counts_and_what_is_said_again_adds_nothing(ledger: Ledger) -> None:
    made, first = put(ledger)
    again = verdict(made, status=Status.FAILED)
    ledger.models.record_verdict(verdict(made), first)
    assert len(ledger.models.judgements("shop")) == 1
    other = evidence(made, again)
    ledger.models.record_verdict(again, other)
    newest = ledger.models.judgement("shop", made.number)
    assert newest is not None and (newest.verdict, newest.evidence) == (again, other)
    assert newest.recorded_at.endswith("+00:00")
    found = ledger.models.judgement_under(first.digest)
    assert found is not None and found.evidence == first
    assert [each.evidence for each in ledger.models.judgements("shop")] == [first, other]
    assert ledger.models.judgement("shop", 9) is None and ledger.models.judgement_under("e9") is None


def test_what_is_said_again_after_a_promotion_is_recorded_again_under_the_same_evidence(ledger: Ledger) -> None:
    made, about = put(ledger, "a1")
    assert ledger.models.promote(approved(ledger, "a2"), after=0, check=lets_through) is not None
    promoted_at = ledger.models.promotions("shop")[-1].promoted_at
    for _ in range(2):
        ledger.models.record_verdict(verdict(made), about)
    mine = [each for each in ledger.models.judgements("shop") if each.evidence.number == made.number]
    assert [each.evidence for each in mine] == [about, about], "once"
    assert mine[0].recorded_at < promoted_at <= mine[1].recorded_at
    found = ledger.models.judgement_under(about.digest)
    assert found is not None and found.recorded_at == mine[1].recorded_at


def test_evidence_that_comes_back_is_the_newest_again(ledger: Ledger) -> None:
    made, first = put(ledger)
    for about in (evidence(made, verdict(made), policy="p2"), first):
        ledger.models.record_verdict(verdict(made), about)
    newest = ledger.models.judgement("shop", made.number)
    assert newest is not None and newest.evidence == first
    assert len(ledger.models.judgements("shop")) == 3


def test_decisions_are_kept_in_order_and_each_is_about_one_evidence(ledger: Ledger) -> None:
    first, other = put(ledger, "a1")[1], put(ledger, "a2")[1]
    said = [review(first), review(first, approve=False, by="bob"), review(other)]
    kept = [ledger.models.record_review(each) for each in said]
    assert [replace(each, decided_at="") for each in kept] == said
    assert [each.decision for each in ledger.models.reviews(first.digest)] == ["approved", "rejected"]
    assert ledger.models.reviews(other.digest)[0].decided_at.endswith("+00:00")
    assert ledger.models.reviews("e9") == []


def test_of_a_model_all_verdicts_and_decisions_are_known_whatever_evidence_they_are_about(ledger: Ledger) -> None:
    made, first = put(ledger, "a1")
    other = evidence(made, verdict(made), policy="p2")
    ledger.models.record_verdict(verdict(made), other)
    foreign = put(ledger, "a2")[1]
    for about, by in ((other, "ann"), (first, "bob"), (foreign, "cid"), (other, "dan")):
        ledger.models.record_review(review(about, by=by))
    found = ledger.models.reviews_of("shop", made.number)
    assert [(each.evidence, each.by) for each in found] == [(other.digest, "ann"), (first.digest, "bob"), (other.digest, "dan")]
    assert [each.evidence for each in ledger.models.judgements("shop", number=made.number)] == [first, other]
    assert ledger.models.reviews_of("shop", 9) == ledger.models.reviews_of("store", made.number) == []


def test_a_decision_that_is_only_wanted_where_there_is_none_leaves_what_a_person_has_said(ledger: Ledger) -> None:
    about = put(ledger)[1]
    assert ledger.models.record_review(review(about, by="policy"), unless_decided=True).by == "policy"
    ledger.models.record_review(review(about, approve=False, by="bob"))
    assert ledger.models.record_review(review(about, by="policy"), unless_decided=True).by == "bob"
    assert [each.by for each in ledger.models.reviews(about.digest)] == ["policy", "bob"]


# promotions


def test_the_champion_is_the_model_of_the_newest_promotion(ledger: Ledger) -> None:
    assert ledger.models.champion("shop") is None and ledger.models.promotions("shop") == []
    first, second = approved(ledger, "a1"), approved(ledger, "a2")
    back = replace(first, kind="rolled_back", previous=2)
    made = [ledger.models.promote(each, after=n, check=lets_through) for n, each in enumerate((first, second, back))]
    assert [each.id for each in made if each] == [1, 2, 3]
    history = ledger.models.promotions("shop")
    assert [replace(each, id=0, promoted_at="") for each in history] == [first, second, back]
    assert all(each.promoted_at.endswith("+00:00") for each in history)
    champion = ledger.models.champion("shop")
    assert champion is not None and champion.artifact == "a1"
    assert ledger.models.champion("store") is None


@pytest.mark.parametrize("after", [0, 2])
def test_a_promotion_that_was_thought_out_beside_another_history_is_not_recorded(after: int, ledger: Ledger) -> None:
    wanted = approved(ledger)
    assert ledger.models.promote(wanted, after=0, check=lets_through) is not None
    assert ledger.models.promote(wanted, after=after, check=lets_through) is None
    assert len(ledger.models.promotions("shop")) == 1


def test_without_an_approval_nothing_is_promoted_whatever_the_caller_has_checked(ledger: Ledger) -> None:
    about = put(ledger)[1]
    with pytest.raises(NotApproved, match=r"found no decision about evidence .*readiness review show shop 1"):
        ledger.models.promote(promotion(about), after=0, check=lets_through)
    ledger.models.record_review(review(about))
    ledger.models.record_review(review(about, approve=False, by="bob"))
    with pytest.raises(NotApproved, match="a rejection by bob"):
        ledger.models.promote(promotion(about), after=0, check=lets_through)
    assert ledger.models.promotions("shop") == []


def test_an_approval_is_of_one_evidence_and_one_product(ledger: Ledger) -> None:
    about, other = put(ledger, "a1")[1], put(ledger, "a2")[1]
    ledger.models.record_review(review(other))
    ledger.models.record_review(replace(review(about), product="store"))
    with pytest.raises(NotApproved, match="no decision"):
        ledger.models.promote(promotion(about), after=0, check=lets_through)


def test_no_model_is_promoted_on_what_was_found_of_another_whoever_approved_that(ledger: Ledger) -> None:
    about, other = put(ledger, "a1")[1], put(ledger, "a2")[1]
    for each in (about, other):
        ledger.models.record_review(review(each))
    elsewhere = replace(promotion(about), product="store")
    for wanted in (replace(promotion(about), number=other.number), replace(promotion(about), evidence="e9"), elsewhere):
        with pytest.raises(NotApproved, match=rf"model {wanted.number} is not promoted: found evidence .*expected its own"):
            ledger.models.promote(wanted, after=0, check=lets_through)
    assert ledger.models.promotions("shop") == ledger.models.promotions("store") == []


def test_an_approval_that_has_expired_promotes_nothing_whatever_the_caller_has_checked(ledger: Ledger) -> None:
    about = put(ledger)[1]
    ledger.models.record_review(review(about, for_=-YEAR))
    with pytest.raises(NotApproved, match="found an approval by ann that expired at"):
        ledger.models.promote(promotion(about), after=0, check=lets_through)
    ledger.models.record_review(review(about))
    assert ledger.models.promote(promotion(about), after=0, check=lets_through) is not None


def test_a_check_sees_the_newest_decision_and_what_it_refuses_is_not_recorded(ledger: Ledger) -> None:
    about, seen = put(ledger)[1], []
    for by in ("ann", "bob"):
        ledger.models.record_review(review(about, by=by))

    def check(newest: Review) -> None:
        seen.append(newest.by)
        raise NotApproved("it has expired")

    with pytest.raises(NotApproved, match="expired"):
        ledger.models.promote(promotion(about), after=0, check=check)
    assert (seen, ledger.models.promotions("shop")) == (["bob"], [])


def test_while_a_check_reads_nobody_else_writes(ledger: Ledger) -> None:
    wanted, order = approved(ledger), Queue[str]()

    def reject() -> None:
        ledger.models.record_review(replace(review(put_before), decision="rejected"))
        order.put("rejected")

    put_before = ledger.models.judgements("shop")[0].evidence
    other = Thread(target=reject)

    def check(newest: Review) -> None:
        other.start()
        other.join(0.3)
        assert ledger.models.reviews(newest.evidence)[-1].decision == "approved"
        order.put("checked")

    assert ledger.models.promote(wanted, after=0, check=check) is not None
    other.join(60)
    assert [order.get(), order.get()] == ["checked", "rejected"]


def _promote(place: Path | str, wanted: Promotion, barrier: Any, told: Any) -> None:
    ledger = Ledger(place)
    barrier.wait(60)
    told.put(ledger.models.promote(wanted, after=0, check=lets_through) is not None)


def test_of_four_processes_at_once_one_promotes(place: Path | str, ledger: Ledger) -> None:
    wanted = [approved(ledger, f"a{n}") for n in range(4)]
    barrier, told = SPAWN.Barrier(4), SPAWN.Queue()
    children = [SPAWN.Process(target=_promote, args=(place, each, barrier, told)) for each in wanted]
    for child in children:
        child.start()
    assert sorted(told.get(timeout=60) for _ in children) == [False, False, False, True]
    for child in children:
        child.join(60)
    assert len(ledger.models.promotions("shop")) == 1


def _train(place: Path | str, artifact: str, barrier: Any, told: Any) -> None:
    ledger = Ledger(place)
    barrier.wait(60)
    told.put([ledger.models.record_model(model(each)).number for each in (artifact, "same")])


def test_four_processes_number_their_models_without_a_gap_or_a_double(place: Path | str, ledger: Ledger) -> None:
    barrier, told = SPAWN.Barrier(4), SPAWN.Queue()
    children = [SPAWN.Process(target=_train, args=(place, f"a{n}", barrier, told)) for n in range(4)]
    for child in children:
        child.start()
    found = [told.get(timeout=60) for _ in children]
    for child in children:
        child.join(60)
    assert sorted({number for numbers in found for number in numbers}) == [1, 2, 3, 4, 5]
    assert len({same for _, same in found}) == 1, "the same model is recorded once"
    assert [each.number for each in ledger.models.models("shop")] == [1, 2, 3, 4, 5]


# as they were written


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_ever_changed_or_deleted(table: str, ledger: Ledger) -> None:
    for change in (f"UPDATE {table} SET product = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(sa.exc.IntegrityError, match="never changed"), ledger._database.writing() as connection:
            fill(ledger, connection)
            connection.exec_driver_sql(change)


def fill(ledger: Ledger, connection: sa.Connection) -> None:
    """Insert a row into each table inside this transaction, which is rolled back."""
    from readiness_pipelines.ledger import schema

    for name in TABLES:
        columns = [column for column in schema.metadata.tables[name].columns if column.name != "id"]
        values = {c.name: 1 if not isinstance(c.type, sa.Text) else "approved" for c in columns}
        connection.execute(schema.metadata.tables[name].insert().values(**values))


def test_a_ledger_from_before_the_loop_gets_its_tables_when_it_is_opened_and_keeps_what_it_has(file: Path) -> None:
    """Version 6 had drift and no models. What it holds stays, and no row of the new tables can be changed."""
    old = Ledger(file)
    old.incidents.record(Incident("shop", "drift", "paid_orders medium", "it drifted"), "opened")
    with sqlite3.connect(file) as connection:
        for table in TABLES:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 6")
    opened = Ledger(file)
    opened.models.promote(approved(opened), after=0, check=lets_through)
    opened.retrains.pause("shop", by="ann", reason="a test")
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (7,)
        assert connection.execute("SELECT count(*) FROM incidents").fetchone() == (1,)
        for table in ("promotions", "reviews", "switches"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                connection.execute(f"DELETE FROM {table}")


@pytest.mark.services
@pytest.mark.slow
def test_so_does_one_on_postgresql(postgres: Postgres) -> None:
    place = postgres.new_place()
    old = Ledger(place)
    with old._database.engine.begin() as connection:
        for table in TABLES:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("COMMENT ON TABLE arrivals IS 'readiness ledger, version 6'")
    opened = Ledger(place)
    opened.models.promote(approved(opened), after=0, check=lets_through)
    with opened._database.engine.connect() as connection:
        mark = connection.exec_driver_sql("SELECT obj_description('arrivals'::regclass, 'pg_class')").scalar()
        assert mark == "readiness ledger, version 7"
        with pytest.raises(sa.exc.IntegrityError, match="never changed"):
            connection.exec_driver_sql("TRUNCATE promotions")


def test_every_question_about_models_is_answered_from_an_index(file: Path) -> None:
    ledger = Ledger(file)
    wanted = approved(ledger)
    newest = ledger.models.judgement("shop", 1)
    assert newest is not None
    said = newest.verdict, newest.evidence
    asked: list[tuple[str, Any]] = []
    sa.event.listen(ledger._database.engine, "before_cursor_execute", lambda c, cur, sql, p, ctx, many: asked.append((sql, p)))
    ledger.models.training_set("shop", "t")
    ledger.models.training_sets("shop")
    ledger.models.models("shop")
    ledger.models.judgement("shop", 1)
    ledger.models.judgement_under("e")
    ledger.models.judgements("shop")
    ledger.models.judgements("shop", number=1)
    ledger.models.reviews_of("shop", 1)
    ledger.models.judged_after("shop", 1)
    ledger.models.record_verdict(*said)
    ledger.models.reviews("e")
    ledger.models.promote(wanted, after=0, check=lets_through)
    ledger.models.champion("shop")
    ledger.retrains.retrains("shop")
    ledger.retrains.paused("shop")
    with sqlite3.connect(file) as connection:
        for sql, parameters in asked:
            if sql.startswith("SELECT"):
                plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
                assert not [step for step in plan if step.startswith("SCAN")], (sql, plan)
