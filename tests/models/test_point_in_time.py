"""What was known of rows and labels at a cut-off, against an account kept by hand, row by row."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.declarations import ModelSpec, Product
from readiness_pipelines.models.point_in_time import Looked
from tests.modelled import START, build_parcels

DAY = datetime.timedelta(days=1)
MIDNIGHT = datetime.datetime.combine(START, datetime.time())


@dataclass(frozen=True)
class Order:
    row_id: str
    day: int
    order_id: int | None
    customer: str | None
    time: datetime.datetime | None


@dataclass(frozen=True)
class Told:
    """What was told of an order on a day; `on` is the day that the row names."""

    row_id: str
    day: int
    order_id: int
    returned: bool | None
    on: int | None


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    return build_parcels(tmp_path_factory.mktemp("parcels")).product


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE orders (row_id VARCHAR, partition_key VARCHAR, order_id BIGINT, customer VARCHAR, region VARCHAR, ordered_at TIMESTAMPTZ, listed TIMESTAMPTZ)"
        )
        connection.execute(
            "CREATE TABLE told (row_id VARCHAR, partition_key VARCHAR, order_id BIGINT, returned BOOLEAN, told_on DATE)"
        )
        yield connection


def key(day: int) -> str:
    return str(START + (day - 1) * DAY)


def saying(product: Product, *, label: dict[str, Any] | None = None, **words: Any) -> ModelSpec:
    """Return the product's model with other words."""
    assert product.model is not None
    said = product.model.words
    return replace(product.model, words=said.model_copy(update={**words, "label": said.label.model_copy(update=label or {})}))


def fates(
    con: duckdb.DuckDBPyConnection, product: Product, spec: ModelSpec, orders: list[Order], told: list[Told], *, cut_off: int
) -> dict[str, tuple[str, bool | None, str]]:
    """Return by row_id what became of each order: fate, label, person."""
    fill(con, orders, told)
    until = f"WHERE partition_key <= '{key(cut_off)}'"
    looked = Looked(con, product, spec, key(cut_off), f"(SELECT * FROM orders {until})", f"(SELECT * FROM told {until})")
    looked.find_labels()
    rows = con.execute(f"SELECT row_id, fate, label, person FROM {looked.fates(looked.holdout_from())}").fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    return {row_id: (fate, label, person) for row_id, fate, label, person in rows}


def fill(con: duckdb.DuckDBPyConnection, orders: list[Order], told: list[Told]) -> None:
    con.execute("DELETE FROM orders; DELETE FROM told")
    aware = [o.time and o.time.replace(tzinfo=datetime.UTC) for o in orders]
    put(
        con,
        "orders",
        [(o.row_id, key(o.day), o.order_id, o.customer, "north", at, None) for o, at in zip(orders, aware, strict=True)],
    )
    put(con, "told", [(t.row_id, key(t.day), t.order_id, t.returned, t.on and key(t.on)) for t in told])


def put(con: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        values = ", ".join(f"({', '.join('?' for _ in row)})" for row in rows)
        con.execute(f"INSERT INTO {table} VALUES {values}", [cell for row in rows for cell in row])


def by_hand(spec: ModelSpec, orders: list[Order], told: list[Told], *, cut_off: int) -> dict[str, tuple[str, bool | None, str]]:
    """The same, by walking over the rows in Python."""
    end, found, labelled = MIDNIGHT + cut_off * DAY, dict[str, tuple[str, bool | None, str]](), []
    for o in (o for o in orders if o.day <= cut_off):
        best = None
        for t in (t for t in told if t.day <= cut_off and t.order_id == o.order_id and t.returned is not None):
            named = t.on if spec.words.label.known_at else t.day
            if named is None or MIDNIGHT + named * DAY > end:
                continue
            if best is None or (named, t.row_id) > (best[0], best[1].row_id):
                best = (named, t)
        person = (o.customer if spec.words.groups else None) or o.row_id
        if o.time is None:
            found[o.row_id] = ("no_time", best[1].returned if best else None, person)
        elif o.time >= end:
            found[o.row_id] = ("not_yet", best[1].returned if best else None, person)
        elif best is None:
            found[o.row_id] = ("no_label_yet", None, person)
        elif o.time > MIDNIGHT + best[0] * DAY:
            found[o.row_id] = ("known_too_late", best[1].returned, person)
        else:
            labelled.append((o, best[1].returned, person))
    if labelled:
        newest = max(o.time.date() for o, _, _ in labelled if o.time)
        first = datetime.datetime.combine(newest - (spec.words.holdout_days - 1) * DAY, datetime.time())
        held = {person for o, _, person in labelled if o.time and o.time >= first}
        for o, returned, person in labelled:
            assert o.time is not None
            if o.time >= first:
                fate = "holdout"
            elif spec.words.train_days is not None and o.time < first - spec.words.train_days * DAY:
                fate = "before_the_window"
            else:
                fate = "person_in_holdout" if person in held else "train"
            found[o.row_id] = (fate, returned, person)
    return found


DAYS = st.integers(1, 6)
TIMES = st.one_of(
    st.none(),
    st.builds(lambda day, hours: MIDNIGHT + (day - 1) * DAY + datetime.timedelta(hours=hours), DAYS, st.sampled_from([0, 7, 24])),
)
ORDERS = st.lists(
    st.tuples(DAYS, st.one_of(st.none(), st.integers(1, 6)), st.sampled_from(["ann", "bob", "cleo", None]), TIMES), max_size=14
)
TOLD = st.lists(st.tuples(DAYS, st.integers(1, 6), st.sampled_from([True, False, None]), st.one_of(st.none(), DAYS)), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    orders=ORDERS,
    told=TOLD,
    cut_off=DAYS,
    groups=st.booleans(),
    named=st.booleans(),
    holdout_days=st.integers(1, 3),
    train_days=st.sampled_from([None, 1, 2]),
)
def test_every_row_has_the_fate_that_an_account_by_hand_gives_it(
    con: duckdb.DuckDBPyConnection,
    product: Product,
    orders: list[Any],
    told: list[Any],
    cut_off: int,
    groups: bool,
    named: bool,
    holdout_days: int,
    train_days: int | None,
) -> None:
    ordered = [Order(f"o{i:02}", *each) for i, each in enumerate(orders)]
    said = [Told(f"t{i:02}", *each) for i, each in enumerate(told)]
    words = {"groups": ["customer"] if groups else [], "holdout_days": holdout_days, "train_days": train_days}
    spec = saying(product, label={"known_at": "told_on" if named else None}, **words)
    found = fates(con, product, spec, ordered, said, cut_off=cut_off)
    assert found == by_hand(spec, ordered, said, cut_off=cut_off)
    counted = Counter(fate for fate, _, _ in found.values())
    assert counted.total() == sum(o.day <= cut_off for o in ordered)
    if groups:
        of = {part: {person for fate, _, person in found.values() if fate == part} for part in ("train", "holdout")}
        assert of["train"].isdisjoint(of["holdout"])
    # what comes later changes nothing of an older cut-off
    later = [Order("late", cut_off + 1, 1, "ann", MIDNIGHT)], [Told("later", cut_off + 1, i, True, 1) for i in range(1, 7)]
    assert found == fates(con, product, spec, ordered + later[0], said + later[1], cut_off=cut_off)


def at(day: int, hours: float = 0) -> datetime.datetime:
    return MIDNIGHT + (day - 1) * DAY + datetime.timedelta(hours=hours)


def test_the_newest_label_known_by_the_cut_off_counts_and_a_later_one_does_not(
    con: duckdb.DuckDBPyConnection, product: Product
) -> None:
    orders = [Order("o", 1, 7, "ann", at(1))]
    told = [Told("a", 2, 7, True, None), Told("b", 3, 7, False, None), Told("c", 5, 7, True, None)]
    spec = saying(product)
    assert [fates(con, product, spec, orders, told, cut_off=day)["o"][1] for day in (1, 2, 3, 4, 5)] == [
        None,
        True,
        False,
        False,
        True,
    ]


def test_of_an_hourly_product_a_label_is_known_when_its_hour_has_ended(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    partitions = product.declaration.partitions.model_copy(update={"every": "hour"})
    hourly = replace(product, declaration=product.declaration.model_copy(update={"partitions": partitions}))
    spec = saying(hourly)
    fill(con, [Order(name, 1, 7, "ann", at(1, hours)) for name, hours in (("o", 4.9), ("p", 5.9), ("q", 6.1))], [])
    put(con, "told", [("a", "2025-01-01-05:00", 7, True, None)])
    found = {}
    for cut_off in ("2025-01-01-04:00", "2025-01-01-05:00", "2025-01-01-06:00"):
        looked = Looked(con, hourly, spec, cut_off, "orders", "told")
        looked.find_labels()
        rows = con.execute(f"SELECT row_id, fate FROM {looked.fates(looked.holdout_from())} ORDER BY row_id").fetchall()
        found[cut_off[-5:]] = [fate for _, fate in rows]
    assert found == {
        "04:00": ["no_label_yet", "not_yet", "not_yet"],
        "05:00": ["holdout", "holdout", "not_yet"],
        "06:00": ["holdout", "holdout", "known_too_late"],
    }


def test_of_equally_new_labels_the_one_with_the_highest_row_id_counts(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    orders = [Order("o", 1, 7, "ann", at(1))]
    told = [Told("b", 2, 7, False, None), Told("c", 2, 7, True, None), Told("a", 2, 7, False, None)]
    assert fates(con, product, saying(product), orders, told, cut_off=2)["o"] == ("holdout", True, "ann")


def test_a_row_that_became_known_after_its_label_is_left_out_whatever_time_it_speaks_of(
    con: duckdb.DuckDBPyConnection, product: Product
) -> None:
    orders, told = (
        [Order("o", 3, 7, "ann", at(1)), Order("p", 3, 8, "bob", at(1))],
        [Told("a", 2, 7, True, None), Told("b", 4, 8, True, None)],
    )
    fill(con, orders, told)
    con.execute("UPDATE orders SET listed = TIMESTAMPTZ '2025-01-03 12:00:00Z'")
    spec = saying(product, known_at="listed")
    spec = replace(spec, scored=_with_time(spec.scored, "listed"))
    looked = Looked(con, product, spec, key(4), "orders", "told")
    looked.find_labels()
    found = con.execute(f"SELECT row_id, fate, time FROM {looked.fates(looked.holdout_from())} ORDER BY row_id").fetchall()
    assert found == [("o", "known_too_late", at(1)), ("p", "holdout", at(1))]


def test_a_day_in_the_future_is_left_out_and_moves_no_holdout(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    last = datetime.timedelta(microseconds=1)
    times = {"o": at(1), "p": at(3) - last, "q": at(3), "r": MIDNIGHT.replace(year=2099), "s": MIDNIGHT.replace(year=2099)}
    orders = [Order(name, 1, number, "ann", time) for number, (name, time) in enumerate(times.items())]
    fill(con, orders, [Told(f"t{number}", 2, number, True, None) for number in range(4)])
    con.execute("UPDATE orders SET listed = TIMESTAMPTZ '2025-01-01 12:00:00Z'")
    spec = saying(product, known_at="listed", groups=[], holdout_days=1)
    spec = replace(spec, scored=_with_time(spec.scored, "listed"))
    looked = Looked(con, product, spec, key(2), "orders", "told")
    looked.find_labels()
    assert looked.holdout_from() == at(2)
    found = con.execute(f"SELECT row_id, fate FROM {looked.fates(at(2))} ORDER BY row_id").fetchall()
    assert found == [("o", "train"), ("p", "holdout"), *((name, "not_yet") for name in ("q", "r", "s"))]


def _with_time(table: Any, name: str) -> Any:
    column = replace(table.table.column("ordered_at"), name=name)
    return replace(table, table=replace(table.table, columns=(*table.table.columns, column)))


@pytest.mark.parametrize(("positive", "label"), [(True, True), (False, False)])
def test_the_positive_class_is_the_declared_one(
    con: duckdb.DuckDBPyConnection, product: Product, positive: bool, label: bool
) -> None:
    orders, told = [Order("o", 1, 7, "ann", at(1))], [Told("a", 2, 7, True, None)]
    spec = saying(product, label={"positive": positive})
    assert fates(con, product, spec, orders, told, cut_off=2)["o"][1] is label


def test_who_a_row_is_of_is_told_by_all_groups_together_and_a_row_of_nobody_is_its_own(
    con: duckdb.DuckDBPyConnection, product: Product
) -> None:
    orders = [Order("o", 1, 1, "ann", at(1)), Order("p", 1, 2, "ann", at(1)), Order("q", 1, 3, None, at(1))]
    fill(con, orders, [])
    con.execute("UPDATE orders SET region = CASE row_id WHEN 'p' THEN 'south' WHEN 'q' THEN NULL ELSE region END")
    spec = saying(product, groups=["customer", "region"])
    looked = Looked(con, product, spec, key(1), "orders", "told")
    looked.find_labels()
    people = dict(con.execute(f"SELECT row_id, person FROM {looked.fates(None)}").fetchall())
    assert people == {"o": "ann\x1fnorth", "p": "ann\x1fsouth", "q": "q"}


def test_a_day_counts_from_its_first_instant_and_is_known_at_its_end(con: duckdb.DuckDBPyConnection, product: Product) -> None:
    assert product.model is not None
    said = saying(product, label={"known_at": "told_on"}, time="told_on", groups=[], holdout_days=1)
    spec = replace(said, scored=product.model.labels)
    told = [Told("a", 2, 7, True, 1), Told("b", 2, 8, False, 2), Told("c", 2, 9, True, 3), Told("d", 2, 10, True, None)]
    fill(con, [], told)
    looked = Looked(con, product, spec, key(2), "told", "told")
    looked.find_labels()
    assert looked.holdout_from() == at(2)
    found = con.execute(f"SELECT row_id, fate, time FROM {looked.fates(looked.holdout_from())} ORDER BY row_id").fetchall()
    assert found == [("a", "train", at(1)), ("b", "holdout", at(2)), ("c", "not_yet", at(3)), ("d", "no_time", None)]
