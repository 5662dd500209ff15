"""What rules are learned from: the admitted versions of a table, or the blocks of a file of any format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.history import History, history_of_file, history_of_table, learned
from tests.shop import Shop, build_shop

ROWS = 1_200


def rows(n: int = ROWS) -> list[dict[str, Any]]:
    return [
        {
            "id": f"R{i:05}",
            "kind": "ab"[i % 2],
            "amount": i % 40,
            "day": f"2025-01-{1 + i % 28:02}",
            "note": None if i % 10 == 0 else "x",
        }
        for i in range(n)
    ]


def as_csv(path: Path, some: list[dict[str, Any]], *, delimiter: str = ",") -> Path:
    lines = [delimiter.join(some[0])] + [delimiter.join("" if v is None else str(v) for v in row.values()) for row in some]
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def names(known: History) -> dict[str, Any]:
    found, _ = learned(known)
    return {rule.name: dict(rule.kwargs) for rule, _ in found.rules}


def test_a_csv_is_cut_into_twenty_blocks_by_position_and_typed_where_every_value_keeps_its_meaning(tmp_path: Path) -> None:
    with history_of_file(as_csv(tmp_path / "orders.csv", rows(), delimiter=";")) as known:
        assert known.types == {"id": "VARCHAR", "kind": "VARCHAR", "amount": "BIGINT", "day": "DATE", "note": "VARCHAR"}
        counts = [known.con.execute(f"SELECT count(*) FROM {part.source}").fetchall()[0][0] for part in known.parts]
        assert counts == [60] * 20
        assert known.parts[1].label == "rows 61 to 120"
        first = known.con.execute(f"SELECT min(id), max(id) FROM {known.parts[1].source}").fetchall()[0]
        assert first == ("R00060", "R00119")
        found = names(known)
    assert found["id_form"]["regex"] == "^[A-Z][0-9]{5}$"
    assert found["kind_known"] == {"column": "kind", "value_set": ["a", "b"]}
    assert found["note_present"]["mostly"] == 0.9  # 6 of 60 in every block
    assert "blocks of its rows, by position, stand in for partitions" in known.about[0]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv.gz"])
def test_the_same_rows_in_another_format_propose_the_same_rules(tmp_path: Path, kind: str) -> None:
    with history_of_file(as_csv(tmp_path / "orders.csv", rows())) as known:
        expected = names(known)
    path = tmp_path / f"other.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    elif kind == "parquet":
        duckdb.sql(f"COPY (FROM '{tmp_path / 'orders.csv'}') TO '{path}'")
    else:
        as_csv(path, rows())
    with history_of_file(path) as known:
        assert names(known) == expected


def test_records_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "orders.csv", rows())
    path.write_text(path.read_text() + "one,two\n")
    with history_of_file(path) as known:
        assert known.rows == ROWS
        assert "1 records could not be read and are left out." in known.about


def test_a_value_that_does_not_cast_after_the_sample_makes_the_column_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from readiness_pipelines.declarations import sample
    from readiness_pipelines.layers import history

    monkeypatch.setattr(history, "read_sample", lambda path: sample.read_sample(path, at_most=10))
    odd = rows(30_000)
    odd[-1]["amount"] = "many"
    with history_of_file(as_csv(tmp_path / "orders.csv", odd)) as known:
        assert (known.types["amount"], known.types["day"]) == ("VARCHAR", "DATE")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "is empty, expected a header"),
        ("a.parquet", "no parquet", "cannot be read as parquet"),
        ("a.jsonl", '{"a": 1}\nnot json\n', "cannot be read as jsonl"),
        ("missing.csv", None, "found no such file, expected csv, JSON lines or Parquet"),
        ("few.csv", "a,b\n1,2\n", "found 1 readable rows, expected at least 1,000"),
    ],
)
def test_a_file_that_nothing_can_be_learned_from_is_refused(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(ReadinessError, match=said) as told, history_of_file(path):
        pass
    assert "not json" not in str(told.value)


def test_the_least_number_of_rows_can_be_lowered(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "orders.csv", rows(100))
    with history_of_file(path, rows_at_least=100) as known:
        assert known.rows == 100
    with pytest.raises(ReadinessError, match="expected at least 101"), history_of_file(path, rows_at_least=101):
        pass


@pytest.fixture(scope="module")
def eight_days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Lakehouse]:
    shop, days = build_shop(tmp_path_factory.mktemp("shop")), 8
    for day in range(1, days + 1):
        key = shop.day(day)
        shop.land(day, [f"{day * 100 + i},c{i},{10 + i % 5},{key}" for i in range(20)])
    lake = Lakehouse.open(shop.settings)
    for table in ("raw_orders", "orders"):
        for day in range(1, days + 1):
            run_step(lake, shop.settings, shop.product, table, shop.day(day))
    return shop, lake


@pytest.mark.slow
def test_a_table_is_learned_from_its_admitted_partitions_and_hides_what_is_classified(eight_days: tuple[Shop, Lakehouse]) -> None:
    shop, lake = eight_days
    table = shop.product.by_name["orders"]
    known = history_of_table(lake, table, rows_at_least=100)
    assert [part.label for part in known.parts] == [shop.day(n) for n in range(1, 9)]
    assert known.hidden == {"customer": "PII in the contract"}
    found, _ = learned(known)
    told = {rule.name: rule for rule, _ in found.rules}
    assert told["amount_in_range"].kwargs == {"column": "amount", "min_value": 10, "max_value": 14}
    assert told["ordered_on_in_range"].kwargs == {"column": "ordered_on", "min_value": "2024-12-28"}  # the last day moves on
    assert told["order_id_unique"].severity == "critical"
    assert told["customer_present"].evidence == "0 of 160 rows null; none in 8 of 8 partitions"
    assert not any("value_set" in rule.kwargs for rule in told.values())
    assert found.together.judged == 4


@pytest.mark.slow
def test_learning_can_stop_at_a_partition_and_too_little_is_refused(eight_days: tuple[Shop, Lakehouse]) -> None:
    shop, lake = eight_days
    table = shop.product.by_name["orders"]
    assert len(history_of_table(lake, table, rows_at_least=1, until=shop.day(6)).parts) == 6
    with pytest.raises(ReadinessError, match="found 5 partitions with admitted rows, expected at least 6"):
        history_of_table(lake, table, rows_at_least=1, until=shop.day(5))
    with pytest.raises(ReadinessError, match="found 160 admitted rows, expected at least 1,000"):
        history_of_table(lake, table)
    with pytest.raises(ReadinessError, match="found 0 admitted rows"):
        history_of_table(lake, shop.product.by_name["daily_revenue"])
