"""Decisions are rows: recorded once, in order, and never changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from readiness_pipelines.ledger import Correction, Ledger

T, DAY = "shop.silver.orders", "2025-01-01"
RELEASE = Correction(T, DAY, "release", ("r1", "r2"), {"rules": ["small"]}, "right all the same", "ann")


def test_a_decision_is_recorded_with_who_why_and_when(ledger: Ledger) -> None:
    said, is_news = ledger.corrections.record(RELEASE)
    assert is_news
    assert replace(said, id=0, recorded_at="") == RELEASE
    assert said.recorded_at.endswith("+00:00")
    assert ledger.corrections.of(T, DAY) == (said,) == ledger.corrections.of(T)
    assert ledger.corrections.of(T, "2025-01-02") == ()
    assert ledger.corrections.of(T, DAY, kinds=("admit",)) == ()


def test_the_same_content_again_is_no_news_until_somebody_decided_otherwise(ledger: Ledger) -> None:
    first, _ = ledger.corrections.record(RELEASE)
    assert ledger.corrections.record(replace(RELEASE, by="bob", reason="so I think")) == (first, False)
    assert ledger.corrections.record(replace(RELEASE, partition="2025-01-02"))[1]
    assert ledger.corrections.record(Correction(T, DAY, "discard", ("r2",), {}, "no", "bob"))[1]
    assert ledger.corrections.record(RELEASE)[1]
    assert [each.kind for each in ledger.corrections.of(T, DAY)] == ["release", "discard", "release"]


def test_a_withdrawal_that_was_lifted_can_be_taken_again(ledger: Ledger) -> None:
    taken = Correction(T, DAY, "withdraw", ("v2",), {"to": "v1"}, "wrong", "ann")
    lifted = Correction(T, DAY, "withdraw", ("v1",), {"to": "v2"}, "right", "ann")
    assert [ledger.corrections.record(each)[1] for each in (taken, taken, lifted, taken)] == [True, False, True, True]


def test_a_decision_is_never_changed_or_deleted(ledger: Ledger) -> None:
    ledger.corrections.record(RELEASE)
    for change in ("UPDATE corrections SET by_whom = 'eve'", "DELETE FROM corrections"):
        with pytest.raises(sa.exc.IntegrityError, match="never changed"), ledger._database.writing() as connection:
            connection.exec_driver_sql(change)
