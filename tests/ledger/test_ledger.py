"""The ledger keeps what it was told, tells the latest, and lets nobody change it."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from readiness_pipelines.flow import Counts, Delivery, GateVerdict, Outcome, TableVersion
from readiness_pipelines.ledger import Ledger, Publication, schema

T = "shop.silver.orders"
DAY = "2025-01-01"


def arrival(sha: str, name: str = "orders.csv", partition: str = DAY) -> Delivery:
    return Delivery("shop.bronze.raw_orders", partition, name, sha, 10, f"ab/{sha}", "2025-01-02T00:00:00+00:00")


def verdict(key: str, partition: str = DAY, outcome: Outcome = Outcome.ADMITTED, table: str = T) -> GateVerdict:
    return GateVerdict(table, partition, key, outcome, Counts(3, 3))


def states(publications: Sequence[Publication]) -> list[tuple[str, str, int | None]]:
    return [(p.version_key, p.state, p.snapshot_id) for p in publications]


def test_the_same_bytes_under_the_same_name_are_recorded_once(ledger: Ledger) -> None:
    assert ledger.record_arrival(arrival("aa"))
    assert not ledger.record_arrival(arrival("aa"))
    assert [d.sha256 for d in ledger.arrivals("shop.bronze.raw_orders", DAY)] == ["aa"]


def test_bytes_that_came_back_after_others_are_a_new_arrival(ledger: Ledger) -> None:
    assert [ledger.record_arrival(arrival(sha)) for sha in ("aa", "bb", "aa")] == [True, True, True]
    assert ledger.arrivals("shop.bronze.raw_orders", DAY) == (arrival("aa"), arrival("bb"), arrival("aa"))


def test_what_was_landed_again_after_something_else_is_recorded_again_and_is_the_newest(ledger: Ledger) -> None:
    for delivery in (arrival("aa"), arrival("bb", name="b.csv")):
        ledger.record_arrival(delivery)
    assert not ledger.record_arrival(arrival("aa"))
    assert ledger.record_arrival(arrival("aa"), again=True)
    assert [d.sha256 for d in ledger.arrivals("shop.bronze.raw_orders", DAY)] == ["aa", "bb", "aa"]


def test_names_and_partitions_are_judged_apart(ledger: Ledger) -> None:
    given = [arrival("aa"), arrival("aa", name="late.csv"), arrival("aa", partition="2025-01-02")]
    assert [ledger.record_arrival(d) for d in given] == [True, True, True]
    assert ledger.arrivals_by_partition("shop.bronze.raw_orders") == {DAY: 2, "2025-01-02": 1}
    assert ledger.arrivals_by_partition(T) == {}


def test_the_latest_verdict_is_the_state_and_the_older_ones_stay(ledger: Ledger) -> None:
    first = ledger.record_verdict(verdict("k1", outcome=Outcome.HELD))
    second = ledger.record_verdict(verdict("k2"))
    assert second > first
    assert ledger.latest_outcome(T, DAY) == ("k2", Outcome.ADMITTED)
    assert ledger.latest_verdict(T, DAY) == verdict("k2")
    assert [v.version_key for _, v in ledger.verdicts(T, DAY)] == ["k1", "k2"]
    assert all(at.endswith("+00:00") for at, _ in ledger.verdicts(T, DAY))


def test_a_verdict_is_found_by_its_version_key_the_newest_of_two(ledger: Ledger) -> None:
    for outcome in (Outcome.HELD, Outcome.ADMITTED):
        ledger.record_verdict(verdict("k1", outcome=outcome))
    ledger.record_verdict(verdict("k2"))
    assert ledger.verdict_of(T, DAY, "k1") == verdict("k1")
    assert ledger.verdict_of(T, DAY, "k3") is None
    assert ledger.verdict_of("shop.gold.orders", DAY, "k1") is None


def test_latest_verdicts_can_be_asked_for_some_partitions(ledger: Ledger) -> None:
    for day in ("2025-01-01", "2025-01-02", "2025-01-03"):
        ledger.record_verdict(verdict("old", day))
        ledger.record_verdict(verdict("new", day))
    ledger.record_verdict(verdict("other", table="shop.gold.x"))
    assert {p: v.version_key for p, v in ledger.latest_verdicts(T).items()} == {
        "2025-01-01": "new",
        "2025-01-02": "new",
        "2025-01-03": "new",
    }
    assert list(ledger.latest_verdicts(T, ["2025-01-03", "2025-01-09"])) == ["2025-01-03"]
    assert ledger.latest_verdicts(T, []) == {}
    assert ledger.count_decided(T, ["2025-01-03", "2025-01-09", "2025-01-03"]) == 1


def test_nothing_recorded_is_none_and_not_an_error(ledger: Ledger) -> None:
    assert ledger.latest_outcome(T, DAY) is None
    assert ledger.latest_verdict(T, DAY) is None
    assert ledger.open_intent(T, DAY) is None
    assert ledger.current_version(T, DAY) is None
    assert ledger.current_versions(T) == {}
    assert ledger.last_done(T) is None
    assert ledger.publications(T, DAY) == []
    assert ledger.count_decided(T, []) == 0


def test_an_intent_is_open_until_its_done(ledger: Ledger) -> None:
    ledger.record_intent(T, DAY, "k1")
    assert ledger.open_intent(T, DAY) == "k1"
    assert ledger.current_version(T, DAY) is None
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    assert ledger.open_intent(T, DAY) is None
    assert ledger.current_version(T, DAY) == TableVersion(T, DAY, "k1", 7)


def test_done_is_recorded_once(ledger: Ledger) -> None:
    ledger.record_intent(T, DAY, "k1")
    for _ in range(2):
        ledger.record_done(TableVersion(T, DAY, "k1", 7))
    assert states(ledger.publications(T, DAY)) == [("k1", "intent", None), ("k1", "done", 7)]


def test_a_superseded_version_is_not_made_current_by_a_late_done(ledger: Ledger) -> None:
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    ledger.record_done(TableVersion(T, DAY, "k2", 8))
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    assert ledger.current_version(T, DAY) == TableVersion(T, DAY, "k2", 8)


def test_a_version_that_was_published_anew_is_current_again(ledger: Ledger) -> None:
    for key, snapshot in (("k1", 7), ("k2", 8), ("k1", 9)):
        ledger.record_done(TableVersion(T, DAY, key, snapshot))
    assert ledger.current_version(T, DAY) == TableVersion(T, DAY, "k1", 9)


def test_an_intent_for_what_is_published_already_is_closed_by_recording_done_again(ledger: Ledger) -> None:
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    ledger.record_intent(T, DAY, "k1")
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    assert ledger.open_intent(T, DAY) is None


def test_another_versions_intent_stays_open_when_the_old_done_is_recorded_again(ledger: Ledger) -> None:
    """Else a crash after that intent's commit would never be noticed."""
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    ledger.record_intent(T, DAY, "k2")
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    assert ledger.open_intent(T, DAY) == "k2"


def test_current_versions_of_ten_years_come_in_order_and_bounded_queries(ledger: Ledger) -> None:
    days = [f"{n:04d}" for n in range(1200)]
    same = {"table_name": T, "version_key": "k", "state": "done", "recorded_at": ""}
    with ledger._database.writing() as connection:
        rows = [{"partition_key": d, "snapshot_id": n, **same} for n, d in enumerate(days)]
        connection.execute(schema.publications.insert(), rows)
    assert list(ledger.current_versions(T)) == days
    assert list(ledger.current_versions(T, days[::-1])) == days
    assert ledger.current_versions(T, ["0007"]) == {"0007": TableVersion(T, "0007", "k", 7)}
    assert ledger.last_done(T) == TableVersion(T, "1199", "k", 1199)


@pytest.mark.parametrize("table", ["arrivals", "verdicts", "publications"])
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET table_name = 'x'", "DELETE FROM {}", "DELETE FROM {} WHERE id = -1", "TRUNCATE {}"]
)
def test_no_row_can_be_changed_or_deleted(ledger: Ledger, table: str, change: str) -> None:
    engine = ledger._database.engine
    if engine.dialect.name == "sqlite" and ("TRUNCATE" in change or "WHERE" in change):
        return  # SQLite knows no TRUNCATE, and fires no trigger for no row
    ledger.record_arrival(arrival("aa"))
    ledger.record_verdict(verdict("k1"))
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    with engine.connect() as connection:
        with pytest.raises(sa.exc.IntegrityError, match="never changed"):
            connection.exec_driver_sql(change.format(table))
        connection.rollback()
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 1


def test_partitions_come_in_the_order_of_their_bytes_whatever_the_database_speaks(ledger: Ledger) -> None:
    keys = ["a-b", "aB", "ab", "a_c", "B", "ä", "2025-01-01-00:00", "2025-01-01"]
    for n, key in enumerate(keys):
        ledger.record_done(TableVersion(T, key, "k", n))
        ledger.record_arrival(arrival("aa", partition=key))
    assert list(ledger.current_versions(T)) == sorted(keys)
    assert list(ledger.arrivals_by_partition("shop.bronze.raw_orders")) == sorted(keys)


def test_every_question_is_answered_from_an_index(file: Path) -> None:
    ledger = Ledger(file)
    asked: list[tuple[str, object]] = []
    sa.event.listen(ledger._database.engine, "before_cursor_execute", lambda c, cur, sql, p, ctx, many: asked.append((sql, p)))
    ledger.arrivals(T, DAY)
    ledger.arrivals_by_partition(T)
    ledger.latest_verdict(T, DAY)
    ledger.latest_verdicts(T)
    ledger.verdict_of(T, DAY, "k")
    ledger.current_version(T, DAY)
    ledger.current_versions(T, [DAY])
    ledger.last_done(T)
    ledger.record_done(TableVersion(T, DAY, "k1", 7))
    connection = sqlite3.connect(file)
    for sql, parameters in asked:
        if sql.startswith("SELECT"):
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]  # type: ignore[arg-type]
            assert not [step for step in plan if step.startswith("SCAN")], (sql, plan)
    connection.close()


def test_the_definitions_are_valid_on_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in schema.metadata.sorted_tables:
        assert "id BIGSERIAL NOT NULL" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect)).startswith("CREATE INDEX")


def test_a_ledger_can_be_opened_by_url_and_seen_by_another_handle(file: Path) -> None:
    Ledger(f"sqlite:///{file}").record_verdict(verdict("k1"))
    assert Ledger(file).latest_outcome(T, DAY) == ("k1", Outcome.ADMITTED)


def _arrive(place: Path | str, writer: int) -> None:
    ledger = Ledger(place)
    for n in range(20):
        ledger.record_arrival(arrival(f"sha{n}", name=f"{n}.csv"))
        ledger.record_verdict(verdict(f"{writer}-{n}"))


def test_four_processes_open_and_write_a_new_ledger_at_once(place: Path | str) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_arrive, args=(place, n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [w.exitcode for w in writers] == [0, 0, 0, 0]
    ledger = Ledger(place)
    names = [d.name for d in ledger.arrivals("shop.bronze.raw_orders", DAY)]
    assert sorted(names) == sorted(f"{n}.csv" for n in range(20))
    assert len(ledger.verdicts(T, DAY)) == 80
