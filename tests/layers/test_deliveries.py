"""Bad input, row by row of the table in docs/what_can_go_wrong.md: what becomes of a delivery, counted by hand."""

from __future__ import annotations

import datetime
import gzip
import json
import os
import random
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from readiness_pipelines.declarations import Bronze
from readiness_pipelines.errors import DeclarationError, StorageFailed
from readiness_pipelines.flow import GateVerdict
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from readiness_pipelines.layers import StepResult, bronze, run_step
from readiness_pipelines.layers.standing import StandingKind, Standings
from tests.shop import HEADER, Shop

NOW = datetime.datetime(2025, 2, 1)
COLUMNS = ["order_id", "customer", "amount", "ordered_on"]


def step(shop: Shop, name: str = "raw_orders", day: int = 1) -> StepResult:
    return run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, name, shop.day(day), now=NOW)


def declare(shop: Shop, words: str, files: str | None = None) -> None:
    """Add words to the feed, or give its files another ending."""
    path = shop.folder / "defs.yaml"
    text = path.read_text().replace("first_due:", f"{words}, first_due:", 1) if words else path.read_text()
    path.write_text(text.replace("*.csv", files) if files else text)


def land(shop: Shop, data: bytes, name: str = "orders_2025-01-01.csv") -> Path:
    path = shop.settings.landing / "orders" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def csv(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return (header.strip() + end + "".join(row + end for row in rows)).encode()


def orders(first: int, count: int, amount: object = 10) -> list[str]:
    return [f"{n},c{n},{amount},2025-01-01" for n in range(first, first + count)]


def verdict_of(result: StepResult) -> GateVerdict:
    assert result.verdict is not None
    assert result.verdict.counts.conserved
    return result.verdict


def numbers(result: StepResult) -> tuple[int, int, int, int]:
    """Return rows in, admitted, quarantined and held."""
    counts = verdict_of(result).counts
    return counts.rows_in, counts.admitted, counts.quarantined, counts.held


def rows(shop: Shop, table: str = "shop.bronze.raw_orders", day: int = 1) -> list[dict[str, Any]]:
    """Return what a reader of `main` sees of a day."""
    lake = Lakehouse.open(shop.settings)
    version = lake.ledger.current_version(table, shop.day(day))
    if version is None:
        return []
    with lake.connect() as con:
        found: list[dict[str, Any]] = (
            con.sql(f"SELECT * FROM {relation(lake, [version])} ORDER BY row_id").to_arrow_table().to_pylist()
        )
        return found


def rejects(shop: Shop, table: str = "shop.bronze.raw_orders", day: int = 1) -> dict[int, tuple[list[str], dict[str, Any]]]:
    lake = Lakehouse.open(shop.settings)
    with lake.connect() as con:
        found = con.execute(f"SELECT record_number, reasons, row_values FROM {quarantined(lake, table, partition=shop.day(day))}")
        return {number: (reasons, json.loads(values)) for number, reasons, values in found.fetchall()}


def is_held(result: StepResult, *words: str) -> bool:
    """Whether the day is held for a reason in one line that says the file and all of `words`; on main is nothing of it."""
    assert result.kind == "held", result
    (why,) = verdict_of(result).held_because
    assert "\n" not in why and "Traceback" not in why
    missing = [word for word in words if word not in why]
    assert missing == [], why
    return verdict_of(result).counts.admitted == 0


# The same day again


def test_the_same_bytes_under_any_name_are_recorded_and_add_no_row(shop: Shop) -> None:
    for delivery in ("replace", "append"):
        declare(shop, f"delivery: {delivery}") if delivery == "append" else None
        land(shop, csv(*orders(1, 5)))
        first = step(shop)
        land(shop, csv(*orders(1, 5)), "orders_2025-01-01_copy.csv")
        again = step(shop)
        assert (again.kind, again.version, len(rows(shop))) == ("unchanged", first.version, 5)
    arrivals = Lakehouse.open(shop.settings).ledger.arrivals("shop.bronze.raw_orders", shop.day(1))
    assert [a.name for a in arrivals] == ["orders/orders_2025-01-01.csv", "orders/orders_2025-01-01_copy.csv"]


def test_new_bytes_under_the_same_name_supersede_and_both_stay_in_bronze(shop: Shop) -> None:
    land(shop, csv(*orders(1, 5)))
    step(shop)
    land(shop, csv(*orders(11, 3)))
    result = step(shop)
    assert (result.kind, len(rows(shop))) == ("admitted", 8)
    step(shop, "orders")
    assert [r["order_id"] for r in rows(shop, "shop.silver.orders")] == [11, 12, 13]


@pytest.mark.parametrize(("delivery", "read"), [("replace", [11, 12]), ("append", [1, 2, 3, 11, 12])])
def test_a_further_file_of_the_day_replaces_or_adds_as_declared(shop: Shop, delivery: str, read: list[int]) -> None:
    declare(shop, f"delivery: {delivery}")
    land(shop, csv(*orders(1, 3)))
    step(shop)
    land(shop, csv(*orders(11, 2)), "orders_2025-01-01_more.csv")
    assert step(shop).kind == "admitted" and len(rows(shop)) == 5
    step(shop, "orders")
    assert sorted(r["order_id"] for r in rows(shop, "shop.silver.orders")) == read


@pytest.mark.parametrize("again", ["under its own name", "in place of the correction", "under a third name"])
def test_a_file_landed_again_after_a_correction_was_held_counts_again(shop: Shop, again: str) -> None:
    first = land(shop, csv(*orders(1, 5)))
    admitted = step(shop)
    in_place = again == "in place of the correction"
    wrong = land(
        shop,
        csv(*orders(1, 5), header="order_id,customer,amount"),
        "orders_2025-01-01.csv" if in_place else "orders_2025-01-01_b.csv",
    )
    assert is_held(step(shop), "columns missing")
    time.sleep(0.01)
    target = {"under a third name": first.with_name("orders_2025-01-01_c.csv"), "under its own name": first}.get(again, wrong)
    target.write_bytes(csv(*orders(1, 5)))
    os.utime(target)
    result = step(shop)
    assert (result.kind, result.version, len(rows(shop))) == ("unchanged", admitted.version, 5)
    assert [step(shop).kind for _ in range(2)] == ["unchanged"] * 2, "and it stays so"
    lake = Lakehouse.open(shop.settings)
    assert Standings(shop.product, lake, now=NOW).of("raw_orders", shop.day(1)).kind is StandingKind.ADMITTED
    assert step(shop, "orders").kind == "admitted"


def test_an_old_file_that_just_still_lies_there_does_not_count_again(shop: Shop) -> None:
    first = land(shop, csv(*orders(1, 5)))
    os.utime(first, (time.time() - 3600,) * 2)
    step(shop)
    correction = land(shop, csv(*orders(1, 4)), "orders_2025-01-01_b.csv")
    step(shop)
    correction.unlink()
    result = step(shop)
    assert result.kind == "unchanged"
    assert [d[:12] for d in verdict_of(result).details["effective"]] == [_sha(csv(*orders(1, 4)))[:12]]


def test_a_file_whose_time_is_still_to_come_does_not_count_again_once_it_has_come(shop: Shop) -> None:
    first = land(shop, csv(*orders(1, 5)))
    soon = time.time() + 0.5
    os.utime(first, (soon, soon))
    lake = Lakehouse.open(shop.settings)
    taken = step(shop)
    lake.ledger.record_sightings(taken.files)  # as a run does at its end
    land(shop, csv(*orders(1, 4)), "orders_2025-01-01_b.csv")
    step(shop)
    time.sleep(0.6)
    assert verdict_of(step(shop)).details["effective"] == [_sha(csv(*orders(1, 4)))]


def _sha(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_the_same_bytes_for_two_days_are_two_deliveries_each_row_named_by_its_day_and_id(shop: Shop) -> None:
    data = csv(*orders(1, 20), "too,few")
    land(shop, data)
    land(shop, data, "orders_2025-01-02.csv")
    for day in (1, 2):
        assert numbers(step(shop, day=day)) == (21, 20, 1, 0)
        assert numbers(step(shop, "orders", day))[:2] == (20, 20)
        assert list(rejects(shop, day=day)) == [21]
    one, two = (rows(shop, day=day) for day in (1, 2))
    assert [r["row_id"] for r in one] == [r["row_id"] for r in two], "the id of a row is of the bytes it came in"
    assert {r["partition_key"] for r in one} == {"2025-01-01"} and {r["partition_key"] for r in two} == {"2025-01-02"}
    silver = [(r["partition_key"], r["row_id"]) for day in (1, 2) for r in rows(shop, "shop.silver.orders", day)]
    assert len(silver) == len(set(silver)) == 40


# Nothing, or nothing in it


def test_no_delivery_is_missing_when_one_is_due(shop: Shop) -> None:
    result = step(shop)
    assert (result.kind, result.why) == ("missing", "2025-01-01 bronze raw_orders: a delivery was due and none came")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty, expected a header with 4 columns"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n\n", "is empty"),
        (HEADER.encode(), "has a header and no record, expected at least one"),
    ],
)
def test_an_empty_file_and_one_with_a_header_alone_are_held(shop: Shop, data: bytes, told: str) -> None:
    land(shop, data)
    assert is_held(step(shop), "orders/orders_2025-01-01.csv: ", told, "deliver it again")
    assert rows(shop) == []


# A record that cannot be read


@pytest.mark.parametrize(
    ("line", "reason", "raw"),
    [
        (b"900,c", "parse:too_few_fields", "900,c"),
        (b"900,c,10,2025-01-01,more", "parse:too_many_fields", "900,c,10,2025-01-01,more"),
        (b"900,c\0,10,2025-01-01", "parse:nul_byte", "900,c\\x00,10,2025-01-01"),
        (b"900,\xffc\xe9,10,2025-01-01", "parse:not_utf8", "900,\\xffc\\xe9,10,2025-01-01"),
        (b'900,"c"x,10,2025-01-01', "parse:malformed_quotes", '900,"c"x,10,2025-01-01'),
        (b'900,"c,10,2025-01-01', "parse:malformed_quotes", '900,"c,10,2025-01-01'),
    ],
)
def test_a_record_that_cannot_be_read_is_in_quarantine_with_its_raw_text_and_number(
    shop: Shop, line: bytes, reason: str, raw: str
) -> None:
    land(shop, csv(*orders(1, 30)) + line + b"\n" + b"".join(f"{o}\n".encode() for o in orders(50, 9)))
    result = step(shop)
    assert (result.kind, numbers(result)) == ("admitted", (40, 39, 1, 0))
    assert rejects(shop) == {31: ([reason], {"raw": raw})}
    assert sorted(r["record_number"] for r in rows(shop)) == [n for n in range(1, 41) if n != 31]


def test_more_such_records_than_the_suite_allows_hold_the_day(shop: Shop) -> None:
    suite = shop.root / "quality_suites" / "shop" / "bronze_raw_orders.yaml"
    suite.write_text("meta: {max_quarantine_fraction: 0.1}\n" + suite.read_text())
    land(shop, csv(*orders(1, 18), "a,b", "c,d"))
    assert numbers(step(shop)) == (20, 18, 2, 0), "just as many as it allows"
    land(shop, csv(*orders(1, 17), "a,b", "c,d", "e,f"))
    result = step(shop)
    assert is_held(result, "3 of 20 rows are bad (15.00%)")
    assert (verdict_of(result).counts.held, len(rejects(shop)), len(rows(shop))) == (35, 3, 18)


# What is written in another way


@pytest.mark.parametrize(
    ("words", "files", "data"),
    [
        ("", None, b"\xef\xbb\xbf" + csv(*orders(1, 3))),
        ("", None, csv(*orders(1, 3), end="\r\n")),
        ("", None, csv(*orders(1, 3), end="\r")),
        ('delimiter: ";"', None, csv(*orders(1, 3)).replace(b",", b";")),
        ('delimiter: "\\t"', None, csv(*orders(1, 3)).replace(b",", b"\t")),
        ("encoding: utf-16", None, csv(*orders(1, 3)).decode().encode("utf-16")),
        ("encoding: latin-1", None, csv(*orders(1, 3))),
        ("", "*.csv.gz", gzip.compress(csv(*orders(1, 3)))),
        ("", "*.csv.zst", pa.compress(csv(*orders(1, 3)), codec="zstd", asbytes=True)),
        ("", "*.jsonl", b"".join(json.dumps(dict(zip(COLUMNS, o.split(","), strict=True))).encode() + b"\n" for o in orders(1, 3))),
        (
            "format: jsonl",
            "*.txt",
            b"".join(json.dumps(dict(zip(COLUMNS, o.split(","), strict=True))).encode() + b"\n" for o in orders(1, 3)),
        ),
    ],
)
def test_the_same_orders_are_read_from_every_way_to_write_them(shop: Shop, words: str, files: str | None, data: bytes) -> None:
    declare(shop, words, files)
    land(shop, data, "orders_2025-01-01" + (files or ".csv").removeprefix("*"))
    result = step(shop)
    assert (result.kind, numbers(result)) == ("admitted", (3, 3, 0, 0)), result.why
    assert [[r[c] for c in COLUMNS] for r in rows(shop)] == [o.split(",") for o in orders(1, 3)]
    step(shop, "orders")
    assert [r["amount"] for r in rows(shop, "shop.silver.orders")] == [10, 10, 10]


def test_orders_are_read_from_parquet_typed_or_as_text_and_null_stays_null(shop: Shop) -> None:
    declare(shop, "", "*.parquet")
    typed = {
        "ordered_on": [datetime.date(2025, 1, 1)] * 3,
        "order_id": [1, 2, 3],
        "amount": [10.0, 20.0, None],
        "customer": ["c", "", None],
    }
    pq.write_table(pa.table(typed), land(shop, b"", "orders_2025-01-01.parquet"))
    assert numbers(step(shop)) == (3, 3, 0, 0)
    assert [(r["amount"], r["customer"], r["ordered_on"]) for r in rows(shop)] == [
        ("10", "c", "2025-01-01"),
        ("20", "", "2025-01-01"),
        (None, None, "2025-01-01"),
    ]
    step(shop, "orders")
    assert [r["amount"] for r in rows(shop, "shop.silver.orders")] == [10, 20, None]


def test_line_ends_in_quotes_and_a_field_of_one_megabyte_are_values(shop: Shop) -> None:
    long = "x" * 1_000_000
    land(shop, csv('1,"two\r\nlines",10,2025-01-01', f"2,{long},10,2025-01-01", f'3,"{long}\n",10,2025-01-01'))
    assert numbers(step(shop)) == (3, 3, 0, 0)
    assert [r["customer"] for r in rows(shop)] == ["two\r\nlines", long, f"{long}\n"]


# What is no such file, or not whole


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("orders_2025-01-01.csv.gz", gzip.compress(csv(*orders(1, 500)))[:-20], "cannot be decompressed after record"),
        ("orders_2025-01-01.csv.gz", gzip.compress(csv(*orders(1, 5))) + b"more", "cannot be decompressed after record"),
        ("orders_2025-01-01.csv.zst", pa.compress(csv(*orders(1, 500)), codec="zstd", asbytes=True)[:-9], "cannot be decompressed"),
        ("orders_2025-01-01.csv.gz", csv(*orders(1, 5)), "cannot be decompressed after record 0"),
        ("orders_2025-01-01.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "is a PDF document, expected csv text in utf-8"),
        ("orders_2025-01-01.csv", b"PK\x03\x04" + bytes(range(256)), "is a zip archive or an Excel workbook"),
        ("orders_2025-01-01.csv", random.Random(1).randbytes(64) + b"\n", "expected"),
    ],
)
def test_a_file_that_is_not_whole_or_something_else_is_held_and_none_of_it_is_anywhere(
    shop: Shop, name: str, data: bytes, told: str
) -> None:
    declare(shop, "", "*.csv*")
    land(shop, data, name)
    result = step(shop)
    assert result.kind == "held" and told in result.why and f"orders/{name}: " in result.why
    counts = verdict_of(result).counts
    assert (counts.admitted, counts.quarantined) == (0, 0) and counts.held == counts.rows_in
    assert (rows(shop), rejects(shop), verdict_of(result).files) == ([], {}, ())


@pytest.mark.parametrize("end", [".csv", ".csv.gz", ".csv.zst", ".jsonl", ".parquet"])
def test_an_archive_that_cannot_be_read_is_told_in_one_line_and_is_not_the_files_fault(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    declare(shop, "", f"*{end}")
    land(shop, csv(*orders(1, 3)), f"orders_2025-01-01{end}")
    plan = bronze.plan

    def lost_after(*given: Any) -> bronze.Plan:
        shutil.rmtree(shop.settings.archive)
        return plan(*given)

    with monkeypatch.context() as patch:
        patch.setattr(bronze, "plan", lost_after)
        with pytest.raises(StorageFailed, match="nothing was published: see that it can be read") as error:
            step(shop)
    assert "\n" not in str(error.value)
    assert Lakehouse.open(shop.settings).ledger.verdicts("shop.bronze.raw_orders", shop.day(1)) == []


@pytest.mark.parametrize("harm", ["cut", "columns", "nested"])
def test_parquet_that_is_not_whole_or_does_not_fit_is_held(shop: Shop, harm: str) -> None:
    declare(shop, "", "*.parquet")
    table = pa.table(
        {c: [["1"]] if harm == "nested" and c == "amount" else ["1"] for c in COLUMNS if harm != "columns" or c != "amount"}
    )
    path = land(shop, b"", "orders_2025-01-01.parquet")
    pq.write_table(table, path)
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    told = {
        "cut": "cannot be read as Parquet",
        "columns": "columns missing: 'amount'",
        "nested": "no plain values: 'amount is list<",
    }[harm]
    assert is_held(step(shop), "orders/orders_2025-01-01.parquet: ", told)
    assert rows(shop) == []


def test_a_json_line_that_is_none_is_in_quarantine_with_its_text(shop: Shop) -> None:
    declare(shop, "", "*.jsonl")
    good = [json.dumps(dict(zip(COLUMNS, o.split(","), strict=True))) for o in orders(1, 30)]
    land(shop, "\n".join([*good, '{"order_id": 31, "customer'] + [good[0]]).encode(), "orders_2025-01-01.jsonl")
    assert numbers(step(shop)) == (32, 31, 1, 0)
    assert rejects(shop) == {31: (["parse:malformed_json"], {"raw": '{"order_id": 31, "customer'})}


@pytest.mark.parametrize("what", ["folder", "pipe", "link to nothing", "link that leads out", "name"])
def test_what_can_be_no_file_holds_its_day_and_no_other(shop: Shop, what: str) -> None:
    bad = land(shop, b"")
    bad.unlink()
    match what:
        case "folder":
            bad.mkdir()
        case "pipe":
            os.mkfifo(bad)
        case "link to nothing":
            bad.symlink_to("nowhere")
        case "link that leads out":
            bad.symlink_to(shop.folder / "contract.yaml")
        case "name":
            Path(os.fsdecode(os.fsencode(bad.parent) + b"/orders_2025-01-01\xff.csv")).write_bytes(csv(*orders(1, 3)))
    land(shop, csv(*orders(1, 3)), "orders_2025-01-02.csv")
    assert is_held(step(shop), "orders/orders_2025-01-01", ": ", "expected")
    assert step(shop, day=2).kind == "admitted"
    assert step(shop).kind == "held", "and again"
    lake = Lakehouse.open(shop.settings)
    assert len(lake.ledger.verdicts("shop.bronze.raw_orders", shop.day(1))) == 1
    assert Standings(shop.product, lake, now=NOW).of("orders", shop.day(1)).kind is StandingKind.BLOCKED
    for path in bad.parent.glob("orders_2025-01-01*"):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    land(shop, csv(*orders(1, 3)))
    assert step(shop).kind == "admitted"


def test_what_can_be_no_file_counts_as_a_delivery_would(shop: Shop) -> None:
    land(shop, csv(*orders(1, 5)))
    admitted = step(shop)
    folder = shop.settings.landing / "orders" / "orders_2025-01-01_b.csv"
    folder.mkdir()
    result = step(shop)
    assert is_held(result, "orders_2025-01-01_b.csv: is a folder") and len(rows(shop)) == 5, "the day that was admitted stays"
    os.utime(folder, (0, 0))  # older than the file
    assert (step(shop).kind, step(shop).version) == ("unchanged", admitted.version)
    declare(shop, "delivery: append")
    assert is_held(step(shop), "is a folder"), "where every file counts, so does this"


# Columns


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("order_id,customer,amount", "columns missing: 'ordered_on'"),
        ("Order_ID,customer,amount,ordered_on", "columns missing: 'order_id'"),
        ("order_id,customer,amount,ordered_on,Amount", "columns named twice (case apart): 'amount', 'Amount'"),
        ("order_id,customer,amount,ordered_on,note", "columns the contract does not know: 'note'"),
    ],
)
def test_a_header_that_does_not_fit_holds_the_day(shop: Shop, header: str, told: str) -> None:
    width = header.count(",") + 1
    land(shop, csv(*(",".join(["1"] * width) for _ in range(7)), header=header))
    result = step(shop)
    assert result.kind == "held" and told in result.why and "\n" not in result.why
    assert numbers(result) == (7, 0, 0, 7) and rows(shop) == []


def test_an_extra_column_is_left_out_with_a_warning_where_that_is_declared(shop: Shop) -> None:
    land(shop, csv("x,1,c,10,2025-01-01", header="note,order_id,customer,amount,ordered_on"))
    assert step(shop).kind == "held"
    declare(shop, "extra_columns: ignore")
    result = step(shop)
    assert (result.kind, numbers(result)) == ("admitted", (1, 1, 0, 0))
    warning = "orders/orders_2025-01-01.csv: warning: left out columns that the contract does not know: 'note'"
    assert verdict_of(result).notes == (warning,)
    land(shop, csv(*orders(5, 2)), "orders_2025-01-01_b.csv")
    assert verdict_of(step(shop)).notes == (), "of a delivery that does not count any more nothing is said"


def test_columns_in_another_order_are_read_by_name(shop: Shop) -> None:
    land(shop, csv("2025-01-01,10,1,c", header="ordered_on,amount,order_id,customer"))
    step(shop)
    assert [[r[c] for c in COLUMNS] for r in rows(shop)] == [["1", "c", "10", "2025-01-01"]]


_ODD = (
    *("raw", "Parse_Problem", "rowid", "_dropped", "_record_number", "_delivery_order", "reasons", "place", "row_values", "reason"),
    *("version_key", "quarantined_at", "r", "d", "candidate", "_incoming", "value", "select", "a b", 'say "hi"', "it's", "file"),
)


def test_columns_may_have_any_name_that_is_not_one_of_ours(shop: Shop) -> None:
    quoted = ['"' + name.replace('"', '""') + '"' for name in _ODD]
    contract, sql, defs = shop.folder / "contract.yaml", shop.folder / "silver" / "orders.sql", shop.folder / "defs.yaml"
    more = "".join(f"      - {{name: {json.dumps(n)}, logicalType: string, classification: public}}\n" for n in _ODD)
    contract.write_text(re.sub(r"(?=      - \{name: customer, )", lambda _: more, contract.read_text(), count=2))
    sql.write_text(
        f"SELECT {', '.join(f'upper({q}) AS {q}' for q in quoted)}, order_id, customer, amount, ordered_on FROM raw_orders"
    )
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    rules = [
        f"  - {{type: expect_column_values_to_not_be_in_set, kwargs: {{column: {json.dumps(n)}, value_set: [BAD]}}}}\n"
        for n in _ODD
    ]
    suite.write_text(suite.read_text() + "".join(rules))
    text = defs.read_text().replace(
        "by: [order_id], keep: last}", f"by: [order_id, {', '.join(map(json.dumps, _ODD))}], keep: last}}"
    )
    drop = json.dumps(" AND ".join(f"{q} = 'FREE'" for q in quoted))
    defs.write_text(text.replace("  gold:", f"      drop_where: [{{reason: free, sql: {drop}}}]\n  gold:"))
    header = ",".join([*quoted, HEADER.strip()])
    good = [",".join(["x"] * len(_ODD) + [order]) for order in orders(1, 40)]
    odd = [good[0].replace("x", "bad"), good[0].replace("x", "free"), good[0].replace(",10,", ",ten,"), good[5], "few"]
    land(shop, csv(*good, *odd, header=header))
    assert numbers(step(shop)) == (45, 44, 1, 0)
    result = step(shop, "orders")
    counts = verdict_of(result).counts
    assert (counts.admitted, counts.quarantined, counts.duplicates, dict(counts.dropped)) == (40, 2, 1, {"free": 1}), result.why
    found = rejects(shop, "shop.silver.orders")
    assert set(found) == {41, 43} and len(found[41][0]) == len(_ODD) and found[43][0] == ["cast:amount"]
    assert [found[41][1][name] for name in _ODD] == ["bad"] * len(_ODD)
    assert [rows(shop, "shop.silver.orders")[0][name] for name in _ODD] == ["X"] * len(_ODD)


@pytest.mark.parametrize("name", ["row_id", "Record_Number", "cast_failures", "_readiness_raw", "_Readiness_x"])
def test_a_column_named_as_one_of_ours_is_refused_at_load_in_one_line(shop: Shop, name: str) -> None:
    path = shop.folder / "contract.yaml"
    path.write_text(path.read_text().replace("{name: customer, logicalType", f"{{name: {name}, logicalType", 1))
    with pytest.raises(DeclarationError) as error:
        _ = shop.product
    assert f"found {name!r}, which every table has already; expected another name" in error.value.problems[0]


# Values


_NO_INTEGERS = (
    *("9223372036854775808", "-9223372036854775809", "1e5", "1E400", "1.234,56", "Infinity", "-inf", "NaN", "10.5", " 10", "1_000"),
)
_NO_DAYS = (
    "2025-02-30",
    "2025-13-01",
    "0000-01-01",
    "10000-01-01",
    "infinity",
    "31.01.2025",
    "2025-1-1",
    "20250101",
    "2025-01-01 ",
)


def test_numbers_and_days_that_do_not_fit_are_in_quarantine_by_the_name_of_their_column(shop: Shop) -> None:
    bad = [*(f'99,c,"{text}",2025-01-01' for text in _NO_INTEGERS), *(f"99,c,10,{text}" for text in _NO_DAYS)]
    land(shop, csv(*bad, *orders(1, 200)))
    step(shop)
    assert numbers(step(shop, "orders")) == (200 + len(bad), 200, len(bad), 0)
    reasons = ["cast:amount"] * len(_NO_INTEGERS) + ["cast:ordered_on"] * len(_NO_DAYS)
    found = rejects(shop, "shop.silver.orders")
    assert [found[n][0] for n in sorted(found)] == [[reason] for reason in reasons]
    assert [found[n + 1][1]["amount"] for n in range(len(_NO_INTEGERS))] == list(_NO_INTEGERS), "as they came"


def test_european_and_scientific_numbers_are_read_where_the_models_sql_says_so_and_what_is_neither_keeps_its_reason(
    shop: Shop,
) -> None:
    sql = shop.folder / "silver" / "orders.sql"
    sql.write_text(
        "SELECT order_id, customer, CASE\n"
        "  WHEN regexp_full_match(amount, '[+-]?[0-9]{1,3}([.][0-9]{3})*(,[0-9]+)?') THEN replace(replace(amount, '.', ''), ',', '.')\n"
        "  WHEN regexp_full_match(amount, '[0-9]+([.][0-9]+)?[eE][0-9]') THEN CAST(CAST(amount AS DECIMAL(18, 2)) AS VARCHAR)\n"
        "  ELSE amount END AS amount, ordered_on FROM raw_orders"
    )
    path = shop.folder / "contract.yaml"
    old = "      - {name: amount, logicalType: integer,"
    path.write_text(path.read_text().replace(old, '      - {name: amount, logicalType: number, physicalType: "decimal(18,2)",'))
    land(shop, csv(*orders(1, 30), '97,c,"1.234,56",2025-01-01', "98,c,1.5e3,2025-01-01", '99,c,"1,2,3",2025-01-01'))
    step(shop)
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    suite.write_text(suite.read_text().replace("max_value: 1000", "max_value: 10000"))
    assert numbers(step(shop, "orders")) == (33, 32, 1, 0)
    found = {r["order_id"]: str(r["amount"]) for r in rows(shop, "shop.silver.orders")}
    assert (found[1], found[97], found[98]) == ("10.00", "1234.56", "1500.00")
    assert rejects(shop, "shop.silver.orders")[33][0] == ["cast:amount"]


def test_a_drop_that_spells_a_column_in_another_case_does_not_drop_the_null_of_a_failed_cast(shop: Shop) -> None:
    path = shop.folder / "defs.yaml"
    drop = 'drop_where: [{reason: no_amount, sql: "AMOUNT IS NULL"}]'
    path.write_text(path.read_text().replace("deduplicate: {by: [order_id], keep: last}", drop))
    land(shop, csv(*orders(1, 30), "99,c,ten,2025-01-01"))
    step(shop)
    assert numbers(step(shop, "orders")) == (31, 30, 1, 0)


# What a feed may say


def test_the_format_is_what_the_pattern_ends_with_unless_it_is_declared(shop: Shop) -> None:
    def form(words: str, files: str) -> str:
        path = shop.folder / "defs.yaml"
        before = path.read_text()
        declare(shop, words, files)
        table = shop.product.by_name["raw_orders"]
        path.write_text(before)
        assert isinstance(table, Bronze)
        return table.feed.form

    assert [form("", f) for f in ("*.csv", "*.parquet", "*.jsonl", "*.jsonl.gz", "*.csv*", "*.jsonl.zst*", "*.txt", "*")] == [
        *("csv", "parquet", "jsonl", "jsonl", "csv", "jsonl", "csv", "csv")
    ]
    assert form("format: parquet", "*") == "parquet"


def test_words_that_change_nothing_keep_the_versions_of_a_table_and_others_do_not(shop: Shop) -> None:
    def fingerprint() -> str:
        return shop.product.by_name["raw_orders"].fingerprint

    usual = fingerprint()
    declare(shop, "format: csv, extra_columns: hold")
    assert fingerprint() == usual
    path = shop.folder / "defs.yaml"
    path.write_text(path.read_text().replace("extra_columns: hold", "extra_columns: ignore"))
    assert fingerprint() != usual
