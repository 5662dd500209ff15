"""Who is erased is nowhere any more: not in the archive, not in a table, not in quarantine or history, and does not come back."""

from __future__ import annotations

import gzip
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import NOTHING
from readiness_pipelines.lakehouse import Lakehouse, pin, relation
from readiness_pipelines.lakehouse.doctor import examine, mend
from readiness_pipelines.layers import decisions, run_step
from readiness_pipelines.layers.erase import Account, erase
from readiness_pipelines.layers.erasures import key_in_use
from readiness_pipelines.layers.quarantine import Signed, rows_of
from readiness_pipelines.ledger.corrections import EVERY
from tests.shop import Shop, build_shop

SIGNED = Signed("ann", "asked by letter")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return with_subject(build_shop(tmp_path))


def with_subject(shop: Shop, subject: str = "customer") -> Shop:
    """Say in the contract that an order is its customer's."""
    contract = shop.folder / "contract.yaml"
    text = contract.read_text()
    said = f"    customProperties: [{{property: subject, value: {subject}}}]\n"
    contract.write_text(text.replace("  - name: raw_orders\n", f"  - name: raw_orders\n{said}"))
    return shop


def lake_of(shop: Shop) -> Lakehouse:
    return Lakehouse.open(shop.settings)


def run(shop: Shop, *keys: str) -> None:
    """Run every table over these partitions: by default those that something has landed for."""
    lake, product = lake_of(shop), shop.product
    for table in product.tables:
        for key in keys or [shop.day(n) for n in (1, 2) if list(shop.settings.landing.rglob(f"*{shop.day(n)}*"))]:
            result = run_step(lake, shop.settings, product, table.name, key)
            assert result.verdict is None or result.verdict.counts.conserved


def erased(shop: Shop, subject: str = "ZYX-7") -> Account:
    account = erase(lake_of(shop), shop.product, subject, signed=SIGNED, run=lambda keys: run(shop, *keys))
    assert account.traces == ()
    return account


def order(number: int, customer: str = "ZYX-7", amount: object = 10, day: int = 1) -> str:
    return f"{day * 1000 + number},{customer},{amount},2025-01-{day:02}"


def others(n: int, day: int = 1) -> list[str]:
    return [order(i, f"c{i}", day=day) for i in range(n)]


def customers(shop: Shop, day: int = 1, name: str = "orders") -> list[str]:
    lake, table = lake_of(shop), shop.product.by_name[name].full_name
    version = lake.ledger.current_version(table, shop.day(day))
    assert version is not None
    with lake.connect() as con:
        return [row[0] for row in con.execute(f"SELECT customer FROM {relation(lake, [version])} ORDER BY row_id").fetchall()]


def row_ids(shop: Shop, day: int = 1) -> dict[str, str]:
    lake = lake_of(shop)
    version = lake.ledger.current_version("shop.bronze.raw_orders", shop.day(day))
    assert version is not None
    with lake.connect() as con:
        return dict(con.execute(f"SELECT row_id, order_id FROM {relation(lake, [version])}").fetchall())


def counts(shop: Shop, name: str, day: int = 1) -> tuple[int, int, int, dict[str, int]]:
    verdict = lake_of(shop).ledger.latest_verdict(shop.product.by_name[name].full_name, shop.day(day))
    assert verdict is not None
    return verdict.counts.rows_in, verdict.counts.admitted, verdict.counts.quarantined, dict(verdict.counts.dropped)


def nowhere(shop: Shop, subject: str = "ZYX-7") -> None:
    """No byte of archive and warehouse has the subject, by a search that is not the package's own."""
    for folder in (shop.settings.archive, Path(shop.settings.warehouse)):
        for path in (p for p in folder.rglob("*") if p.is_file()):
            data = path.read_bytes()
            if data[:4] == b"PAR1":
                data = repr(pq.read_table(path).to_pylist()).encode()
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            assert subject.encode() not in data, path


def nothing_moves(shop: Shop) -> None:
    lake = lake_of(shop)
    before = {t.full_name: lake.ledger.current_versions(t.full_name) for t in shop.product.tables}
    run(shop)
    assert {t.full_name: lake.ledger.current_versions(t.full_name) for t in shop.product.tables} == before


def test_a_subject_is_taken_out_of_archive_tables_quarantine_and_history(shop: Shop) -> None:
    original = shop.land(1, [order(90), *others(18), order(91, amount="ten"), "lost,ZYX-7"])
    shop.land(2, [*others(19, 2), order(92, day=2)])
    run(shop)
    ids = row_ids(shop)
    assert "ZYX-7" in customers(shop)
    account = erased(shop)
    assert (account.deliveries, account.records) == (2, 4)
    assert account.partitions["raw_orders"] == [shop.day(1), shop.day(2)]
    nowhere(shop)
    assert sorted(customers(shop)) == sorted(f"c{i}" for i in range(18))
    assert counts(shop, "raw_orders") == (21, 18, 0, {"erased": 3})
    assert counts(shop, "orders", 2) == (19, 19, 0, {})
    assert {row: number for row, number in row_ids(shop).items()} == {r: n for r, n in ids.items() if n not in ("1090", "1091")}
    assert rows_of(lake_of(shop), "shop.silver.orders", shop.day(1), everything=True) == []
    assert [str(t).split(":")[0] for t in account.outside][0] == str(original)
    assert [str(found) for found in examine(shop.settings).findings] == []
    nothing_moves(shop)
    nowhere(shop)  # the landed file is still there, and is not archived again


def test_who_was_erased_is_kept_as_a_keyed_hash_under_a_key_that_is_not_in_the_ledger(shop: Shop) -> None:
    shop.land(1, [order(91), *others(9)])
    run(shop)
    account = erased(shop)
    key = shop.settings.state / "erasure.key"
    assert key.stat().st_mode & 0o777 == 0o600
    begun, ended = lake_of(shop).ledger.corrections.of("shop.bronze.raw_orders", EVERY)
    assert (begun.kind, begun.by, begun.reason, len(begun.subjects[0])) == ("erase", "ann", "asked by letter", 64)
    assert (ended.kind, ended.payload["records"], ended.payload["versions_expired"]) == ("erased", 1, account.removed.versions)
    ledger = b"".join(p.read_bytes() for p in shop.settings.state.glob("ledger.db*"))
    assert b"ZYX-7" not in ledger and key.read_bytes().strip() not in ledger


def test_a_delivery_that_lands_later_is_redacted_when_it_is_taken_in(shop: Shop) -> None:
    shop.land(1, [order(91), *others(9)])
    run(shop)
    erased(shop)
    shop.land(1, [*others(9), order(95)], suffix="_corrected")
    shop.land(2, others(9, 2))
    run(shop)
    nowhere(shop)
    assert counts(shop, "raw_orders") == (20, 18, 0, {"erased": 2})
    assert counts(shop, "raw_orders", 2) == (9, 9, 0, {})
    nothing_moves(shop)


def test_a_later_read_of_what_was_looked_through_needs_no_key(shop: Shop) -> None:
    shop.land(1, [order(91), *others(9)])
    run(shop)
    erased(shop)
    key = shop.settings.state / "erasure.key"
    key.rename(key.with_name("away"))
    suite = shop.root / "quality_suites" / "shop" / "bronze_raw_orders.yaml"
    suite.write_text(suite.read_text().replace("min_value: 1", "min_value: 2"))  # so all of it is read anew
    run(shop)
    assert counts(shop, "raw_orders") == (10, 9, 0, {"erased": 1})
    shop.land(2, others(9, 2))
    with pytest.raises(ReadinessError, match="expected the key by which subjects were erased"):
        run(shop)
    key.write_text("0" * 64)
    with pytest.raises(ReadinessError, match="subjects were erased with .*: put the first key back"):
        run(shop)


def test_the_key_may_come_from_the_environment_and_then_there_is_no_file(shop: Shop) -> None:
    shop.land(1, [order(91), *others(9)])
    run(shop)
    with pytest.raises(ReadinessError, match="has 5 characters, expected at least 32"):
        key_in_use(Lakehouse.open(replace(shop.settings, erasure_key="short")), shop.product)
    lake = Lakehouse.open(replace(shop.settings, erasure_key="k" * 32))
    erase(lake, shop.product, "ZYX-7", signed=SIGNED, run=lambda keys: run(shop, *keys))
    (said,) = lake.ledger.corrections.of("shop.bronze.raw_orders", EVERY, kinds=("erase",))
    assert said.subjects == (hmac.new(b"k" * 32, b"ZYX-7", "sha256").hexdigest(),)
    assert not (shop.settings.state / "erasure.key").exists()


def test_the_same_erasure_again_changes_nothing_and_another_one_is_added(shop: Shop) -> None:
    shop.land(1, [order(91), order(92, "OTHER-1"), *others(9)])
    run(shop)
    erased(shop)
    again = erased(shop)
    assert (again.is_news, again.records, again.removed.versions, again.removed.files) == (False, 1, 0, 0)
    erased(shop, "OTHER-1")
    nowhere(shop)
    nowhere(shop, "OTHER-1")
    assert counts(shop, "raw_orders") == (11, 9, 0, {"erased": 2})
    assert len(list(shop.settings.archive.rglob("*.redacted-*"))) == 1


def test_values_that_were_corrected_for_a_subject_go_too(shop: Shop) -> None:
    shop.land(1, [*others(18), order(91, amount="ten"), order(92, "c2", "ten")])
    run(shop)
    lake, table = lake_of(shop), shop.product.by_name["orders"]
    rows = [row.row_id for row in rows_of(lake, table.full_name, shop.day(1))]
    decisions.release_values(
        lake, table, shop.day(1), {row: {"amount": "7", "customer": "ZYX-7 or so"} for row in rows}, signed=SIGNED
    )
    decisions.release_values(lake, table, shop.day(1), {row: {"amount": "8"} for row in rows}, signed=SIGNED)
    run(shop)
    assert counts(shop, "orders") == (20, 20, 0, {})
    account = erase(lake, shop.product, "ZYX-7", signed=SIGNED, run=lambda keys: run(shop, *keys))
    assert [t.found for t in account.traces] == ["has a text like it"]  # in the words of another row's correction
    assert counts(shop, "orders") == (19, 19, 0, {})
    assert customers(shop).count("c2") == 2  # as corrected last, and this was kept
    assert ["and left the subject in 1 places" in str(found) for found in examine(shop.settings).findings] == [True]


def test_admit_and_withdraw_outlast_an_erasure(shop: Shop) -> None:
    shop.land(1, [*others(9), *[order(50 + i, f"d{i}", "ten") for i in range(9)], order(91)])
    shop.land(2, [*others(9, 2), order(92, day=2)])
    run(shop)
    lake, table = lake_of(shop), shop.product.by_name["orders"]
    decisions.admit(lake, table, shop.day(1), signed=SIGNED)
    decisions.withdraw(lake, table, shop.day(2), to="nothing", signed=SIGNED)
    run(shop)
    assert counts(shop, "orders") == (19, 10, 9, {})
    account = erased(shop)  # gold of the second day is blocked by the withdrawal, and was made before it
    assert account.emptied == (f"shop.gold.paid_orders/{shop.day(2)}", f"shop.gold.daily_revenue/{shop.day(2)}")
    assert counts(shop, "orders") == (18, 9, 9, {})
    version = lake.ledger.current_version(table.full_name, shop.day(2))
    assert version is not None and version.version_key == NOTHING
    nothing_moves(shop)
    erased(shop, "c3")
    assert counts(shop, "orders") == (17, 8, 9, {})
    nothing_moves(shop)
    nowhere(shop)


def test_what_a_withdrawal_put_back_with_the_subject_in_it_gives_way_to_nothing(shop: Shop) -> None:
    shop.land(1, [*others(9), order(91)])
    run(shop)
    lake, table = lake_of(shop), shop.product.by_name["orders"]
    first = lake.ledger.current_version(table.full_name, shop.day(1))
    assert first is not None
    shop.land(1, [*others(8), order(91)], suffix="_b")
    run(shop)
    decisions.withdraw(lake, table, shop.day(1), to=first.version_key, signed=SIGNED)
    run(shop)
    erased(shop)
    nowhere(shop)
    version = lake.ledger.current_version(table.full_name, shop.day(1))
    assert version is not None and version.version_key == NOTHING
    nothing_moves(shop)


def test_what_is_held_without_the_subject_is_taken_off_main(shop: Shop) -> None:
    suite = shop.root / "quality_suites" / "shop" / "bronze_raw_orders.yaml"
    suite.write_text(suite.read_text().replace("min_value: 1", "min_value: 10"))
    shop.land(1, [*others(9), order(91)])
    run(shop)
    account = erased(shop)
    assert account.emptied == tuple(
        f"shop.{t}/{shop.day(1)}" for t in ("bronze.raw_orders", "silver.orders", "gold.paid_orders", "gold.daily_revenue")
    )
    nowhere(shop)
    held = lake_of(shop).ledger.latest_verdict("shop.bronze.raw_orders", shop.day(1))
    assert held is not None and "was withdrawn" not in held.held_because[0]
    assert [str(found) for found in examine(shop.settings).findings] == []
    shop.land(1, others(12), suffix="_more")
    run(shop)
    assert len(customers(shop)) == 12


def test_a_pin_on_what_held_the_subject_is_taken_away_and_named_and_a_foreign_branch_stops_it_all(shop: Shop) -> None:
    shop.land(1, [*others(9), order(91)])
    run(shop)
    lake = lake_of(shop)
    version = lake.ledger.current_version("shop.silver.orders", shop.day(1))
    assert version is not None
    pin(lake, [version], name="training-1")
    iceberg = lake.load("shop.silver.orders")
    head = iceberg.metadata.refs["main"].snapshot_id
    iceberg.manage_snapshots().create_branch(head, "somebody").commit()
    with pytest.raises(ReadinessError, match="branch or tag 'somebody'"):
        erased(shop)
    assert (lake.settings.archive / lake.ledger.arrivals("shop.bronze.raw_orders", shop.day(1))[0].archived).exists()
    lake.load("shop.silver.orders").manage_snapshots().remove_branch("somebody").commit()
    assert erased(shop).removed.pins == ("shop.silver.orders: training-1",)
    nowhere(shop)


def test_the_original_that_is_back_is_found_and_taken_by_the_doctor(shop: Shop) -> None:
    path = shop.land(1, [order(91), *others(9)])
    run(shop)
    (archived,) = [p for p in shop.settings.archive.rglob("*") if p.is_file()]
    erased(shop)
    archived.write_bytes(path.read_bytes())
    (finding,) = examine(shop.settings).findings
    assert "has rows of somebody who was erased; readiness doctor --repair deletes it" in str(finding)
    assert len(mend(shop.settings)[0]) == 1
    nowhere(shop)
    (redacted,) = shop.settings.archive.rglob("*.redacted-*")
    redacted.write_bytes(redacted.read_bytes()[:-1])
    (finding,) = examine(shop.settings).findings
    assert "the redacted form" in str(finding) and finding.repair is None


def landed_as(shop: Shop, ending: str, write: Callable[[Path], None]) -> None:
    defs = shop.folder / "defs.yaml"
    defs.write_text(defs.read_text().replace("*.csv", f"*{ending}"))
    path = shop.settings.landing / shop.feed / f"orders_{shop.day(1)}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)


def as_json(path: Path) -> None:
    lines = [f'{{"order_id": "{i}", "customer": "c{i}", "amount": 10, "ordered_on": "2025-01-01"}}' for i in range(29)]
    lines[3] = '{"order_id": "3", "customer": "ZYX-7", "amount": 10, "ordered_on": "2025-01-01"}'
    lines[5] = '{"order_id": "5", "customer": "ZYX-7", "amount": 10'
    path.write_text("\n".join([*lines[:2], "", *lines[2:]]))


def as_gzip(path: Path) -> None:
    text = "order_id,customer,amount,ordered_on\n" + "".join(f'{i},"c{i}, the ""old""\none",10,2025-01-01\r\n' for i in range(27))
    path.write_bytes(gzip.compress(f'{text}8,ZYX-7,10,2025-01-01\n9,"ZYX-7\n'.encode()))


def as_parquet(path: Path) -> None:
    named = [f"c{i}" for i in range(27)] + ["ZYX-7", "ZYX-7"]
    columns = {"order_id": pa.array(range(29)), "customer": pa.array(named).dictionary_encode(), "amount": pa.array([10] * 29)}
    pq.write_table(pa.table({**columns, "ordered_on": pa.array(["2025-01-01"] * 29)}), path)


@pytest.mark.parametrize(("ending", "write"), [(".jsonl", as_json), (".csv.gz", as_gzip), (".parquet", as_parquet)])
def test_every_format_keeps_its_other_records_at_their_numbers(shop: Shop, ending: str, write: Callable[[Path], None]) -> None:
    landed_as(shop, ending, write)
    run(shop)
    ids = row_ids(shop)
    gone = erased(shop).records
    assert gone == 2
    nowhere(shop)
    assert counts(shop, "raw_orders") == (29, 27, 0, {"erased": 2})
    assert set(row_ids(shop)) <= set(ids) and len(row_ids(shop)) == 27
    assert [str(found) for found in examine(shop.settings).findings] == []


def test_a_file_whose_columns_are_wrong_is_redacted_by_its_text(shop: Shop) -> None:
    shop.land(1, [order(91), *others(9)], header="order_id,who,amount,ordered_on\n")
    run(shop)
    again = erased(shop)
    assert (again.deliveries, again.records) == (1, 1)
    nowhere(shop)
    verdict = lake_of(shop).ledger.latest_verdict("shop.bronze.raw_orders", shop.day(1))
    assert verdict is not None and "columns missing: 'customer'" in verdict.held_because[0]


def test_a_file_that_ends_too_early_is_not_kept_at_all_if_the_subject_is_in_it(shop: Shop) -> None:
    text = "order_id,customer,amount,ordered_on\n" + "".join(f"{i},ZYX-7,{i * 7919 % 1000},2025-01-01\n" for i in range(20_000))
    landed_as(shop, ".csv.gz", lambda path: path.write_bytes(gzip.compress(text.encode())[:-400]) and None)
    run(shop)
    erased(shop)
    assert [p for p in shop.settings.archive.rglob("*") if p.is_file()] == []
    run(shop)
    verdict = lake_of(shop).ledger.latest_verdict("shop.bronze.raw_orders", shop.day(1))
    assert verdict is not None and "was not kept, because it could not be read to its end" in verdict.held_because[0]


def test_a_product_without_a_subject_and_a_subject_that_names_nobody_are_refused(shop: Shop, tmp_path: Path) -> None:
    other = build_shop(tmp_path / "other")
    with pytest.raises(ReadinessError, match="shop names no subject, expected the custom property `subject`"):
        erased(other)
    with pytest.raises(ReadinessError, match="names nobody"):
        erased(shop, "?")


def two_feeds(root: Path) -> Shop:
    """A shop whose payments are delivered by themselves, and say of which order they are, and not of whom."""
    shop = with_subject(build_shop(root))
    defs, contract = shop.folder / "defs.yaml", shop.folder / "contract.yaml"
    feed = '    - name: raw_payments\n      feed: {files: "paid/%Y-%m-%d*.csv", first_due: 2025-01-01, last_due: 2025-01-10}\n'
    defs.write_text(defs.read_text().replace("  silver:\n", f"{feed}  silver:\n"))
    contract.write_text(
        contract.read_text()
        + "  - name: raw_payments\n"
        + "    customProperties: [{property: subject, value: {column: order_id, of: raw_orders}}]\n"
        + "    properties:\n"
        + "      - {name: order_id, logicalType: string, classification: confidential}\n"
        + "      - {name: paid, logicalType: string, classification: confidential}\n"
    )
    suite = shop.root / "quality_suites" / "shop" / "bronze_raw_payments.yaml"
    suite.write_text("name: bronze_raw_payments\nexpectations: []\n")
    return shop


def pay(shop: Shop, day: int, orders: list[object]) -> None:
    path = shop.settings.landing / "paid" / f"{shop.day(day)}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("order_id,paid\n" + "".join(f"{order},yes\n" for order in orders))


def test_records_of_another_feed_go_by_what_they_share_with_the_subjects_own_also_when_they_come_later(tmp_path: Path) -> None:
    shop = two_feeds(tmp_path)
    shop.land(1, [order(70), order(71, "c1"), "?,ZYX-7,10,2025-01-01", *others(9)])
    pay(shop, 1, [1070, 1071, "?"])
    run(shop)
    account = erased(shop)
    assert counts(shop, "raw_orders") == (12, 10, 0, {"erased": 2})
    assert counts(shop, "raw_payments") == (3, 2, 0, {"erased": 1})  # `?` is the order of nobody in particular
    assert account.partitions["raw_payments"] == [shop.day(1)]
    nowhere(shop)
    nowhere(shop, "1070")
    pay(shop, 2, [1070, 1072])
    run(shop)
    assert counts(shop, "raw_payments", 2) == (2, 1, 0, {"erased": 1})
    nowhere(shop, "1070")
    assert [str(found) for found in examine(shop.settings).findings] == []


def with_note(shop: Shop) -> None:
    """Say in the contract that orders have one column more."""
    contract = shop.folder / "contract.yaml"
    column = "      - {name: ordered_on, logicalType: string, classification: public}\n"
    note = "      - {name: note, logicalType: string, classification: public}\n"
    contract.write_text(contract.read_text().replace(column, f"{column}{note}", 1))


def test_a_delivery_of_an_older_contract_is_compared_by_the_subjects_column_alone(shop: Shop) -> None:
    shop.land(1, [*others(18), order(91, "10", 30)])  # of 18 others the amount is 10
    run(shop)
    shop.land(1, [f"{row},x" for row in others(18)], suffix="_2", header="order_id,customer,amount,ordered_on,note\n")
    with_note(shop)
    run(shop)
    account = erase(lake_of(shop), shop.product, "10", signed=SIGNED, run=lambda keys: run(shop, *keys))
    assert (account.deliveries, account.records, account.emptied) == (1, 1, ())
    (redacted,) = shop.settings.archive.rglob("*.redacted-*")
    assert redacted.read_text().splitlines()[1:] == [*others(18), "*,*,*,*"]
    assert len(customers(shop)) == 18


def test_what_would_be_held_by_a_newer_contract_stops_the_command_before_it_changes_anything(shop: Shop) -> None:
    shop.land(1, [*others(18), order(91)])
    run(shop)
    with_note(shop)
    run(shop)  # held, and the 19 rows of before stand
    with pytest.raises(ReadinessError, match=rf"in 1 deliveries .*raw_orders/{shop.day(1)} .*columns missing: 'note'"):
        erased(shop)
    assert len(customers(shop)) == 19
    assert lake_of(shop).ledger.corrections.of("shop.bronze.raw_orders", EVERY) == ()
    shop.land(1, [f"{row},x" for row in others(18)], suffix="_2", header="order_id,customer,amount,ordered_on,note\n")
    run(shop)
    assert erased(shop).emptied == ()
    assert len(customers(shop)) == 18
    nowhere(shop)


@pytest.mark.parametrize("by", ["none", "the column order_id"])
def test_who_was_erased_does_not_come_back_by_an_edit_of_the_contract(shop: Shop, by: str) -> None:
    shop.land(1, [order(91), *others(9)])
    run(shop)
    erased(shop)
    contract = shop.folder / "contract.yaml"
    said, text = "    customProperties: [{property: subject, value: customer}]\n", contract.read_text()
    contract.write_text(text.replace(said, "" if by == "none" else said.replace("customer", "order_id")))
    shop.land(1, [order(95), *others(9)], suffix="_2")
    with pytest.raises(ReadinessError, match=f"1 subjects were erased by the column customer, .* names {by}: nobody"):
        run(shop)
    assert "ZYX-7" not in customers(shop)
    contract.write_text(text)
    run(shop)
    assert counts(shop, "raw_orders") == (20, 18, 0, {"erased": 2})
    nowhere(shop)


def test_where_the_subjects_column_was_renamed_each_subject_is_erased_again(shop: Shop) -> None:
    shop.land(1, [order(91), order(92, "OTHER-1"), *others(9)])
    run(shop)
    erased(shop)
    erased(shop, "OTHER-1")
    contract = shop.folder / "contract.yaml"
    contract.write_text(contract.read_text().replace("value: customer", "value: order_id"))
    with pytest.raises(ReadinessError, match="2 subjects"):
        run(shop)
    erased(shop)
    with pytest.raises(ReadinessError, match="1 subjects"):
        run(shop)
    erased(shop, "OTHER-1")
    run(shop)


NAMED = ("order_id", "customer", "amount", "ordered_on")


def left(shop: Shop, subject: str) -> set[str]:
    """Erase; return in what kinds of places the subject still is."""
    account = erase(lake_of(shop), shop.product, subject, signed=SIGNED, run=lambda keys: run(shop, *keys))
    archive = str(shop.settings.archive)
    return {"archive" if each.place.startswith(archive) else each.found.rpartition(" ")[2] for each in account.traces}


@pytest.mark.parametrize("form", ["csv", "cp1252", "jsonl", "parquet"])
def test_free_text_with_the_subject_in_it_is_named_in_every_format(shop: Shop, form: str) -> None:
    rows = [(f"{i}", f"c{i}", "10", "2025-01-01") for i in range(19)]
    rows += [("500", "seen with Zo\u00eb-7, twice", "10", "2025-01-01"), ("501", "Zo\u00eb-7", "10", "2025-01-01")]

    def write(path: Path) -> None:
        if form == "parquet":
            pq.write_table(pa.table(dict(zip(NAMED, map(list, zip(*rows, strict=True)), strict=True))), path)
        elif form == "jsonl":
            path.write_text("\n".join(json.dumps(dict(zip(NAMED, row, strict=True))) for row in rows))  # \u00eb is escaped
        else:
            text = "".join(f'{a},"{b}",{c},{d}\n' for a, b, c, d in (NAMED, *rows))
            path.write_bytes(text.encode("cp1252" if form == "cp1252" else "utf-8"))

    if form == "cp1252":
        defs = shop.folder / "defs.yaml"
        defs.write_text(defs.read_text().replace(", first_due", ", encoding: cp1252, first_due"))
    landed_as(shop, f".{form}" if form in ("jsonl", "parquet") else ".csv", write)
    run(shop)
    assert left(shop, "Zo\u00eb-7") == {"archive", "shop.bronze.raw_orders", "shop.silver.orders"}
    assert counts(shop, "raw_orders") == (21, 20, 0, {"erased": 1})
    (finding,) = examine(shop.settings).findings
    assert "and left the subject in" in str(finding)


def test_records_that_cannot_be_read_are_found_however_the_subject_is_written_in_them(shop: Shop) -> None:
    path = shop.land(1, others(95))
    name = "M\u00fcller, Ann"
    odd = [f'1,"{name}",10', f"2,{name},10,2025-01-01", f'3,"{name}\0",10,2025-01-01', f'4,"{name}"x']
    path.write_bytes(path.read_bytes() + "".join(f"{line}\n" for line in odd).encode() + f'5,"{name}",1\n'.encode("latin-1"))
    run(shop)
    assert counts(shop, "raw_orders") == (100, 95, 5, {})
    assert erased(shop, name).records == 5
    nowhere(shop, "ller")


def test_escapes_in_lines_that_are_no_json_and_metadata_of_parquet_hide_nobody(shop: Shop, tmp_path: Path) -> None:
    lines = [json.dumps(dict(zip(NAMED, (i, f"c{i}", 10, "2025-01-01"), strict=True))) for i in range(19)]
    lines += ['{"order_id": 5, "customer": "\\u005aYX-7", "amount": 10', '{"order_id": 6, "customer": {"id": "ZYX-7"}}']
    landed_as(shop, ".jsonl", lambda path: path.write_text("\n".join(lines)) and None)
    run(shop)
    assert erased(shop).records == 2
    nowhere(shop)
    nowhere(shop, "005aYX-7")
    other = with_subject(build_shop(tmp_path / "other"))

    def write(path: Path) -> None:
        as_parquet(path)
        pq.write_table(pq.read_table(path).replace_schema_metadata({"who": "c3 and ZYX-7"}), path)

    landed_as(other, ".parquet", write)
    run(other)
    erased(other)
    (redacted,) = other.settings.archive.rglob("*.redacted-*")
    assert b"ZYX-7" not in redacted.read_bytes() and b"c3 and" not in redacted.read_bytes()


@pytest.mark.parametrize("signed", [Signed("ann", "zyx-7 asked by letter"), Signed("ZYX-7", "asked")])
def test_a_reason_with_the_subject_in_it_is_refused(shop: Shop, signed: Signed) -> None:
    with pytest.raises(ReadinessError, match="found the subject in --(reason|by), expected words that do not name it"):
        erase(lake_of(shop), shop.product, "ZYX-7", signed=signed, run=lambda keys: run(shop, *keys))
    assert lake_of(shop).ledger.corrections.of("shop.bronze.raw_orders", EVERY) == ()


def test_a_release_that_is_refused_leaves_no_values_behind_and_those_of_a_stopped_one_are_found(shop: Shop) -> None:
    shop.land(1, [*others(19), order(91, amount="ten")])
    run(shop)
    lake, table = lake_of(shop), shop.product.by_name["orders"]
    (row,) = [row.row_id for row in rows_of(lake, table.full_name, shop.day(1))]
    decisions.release_values(lake, table, shop.day(1), {row: {"amount": "7"}}, signed=SIGNED)
    run(shop)
    with pytest.raises(ReadinessError, match="not in quarantine now"):
        decisions.release_values(lake, table, shop.day(1), {row: {"amount": "12345"}}, signed=SIGNED)
    folder = shop.settings.archive / "corrections"
    assert len(list(folder.iterdir())) == 1
    stray = folder / f"{'0' * 64}.json"
    stray.write_text(f'{{"{row}":{{"amount":"12345"}}}}')
    account = erase(lake, shop.product, "ZYX-7", signed=SIGNED, run=lambda keys: run(shop, *keys))
    assert [each.place for each in account.traces] == [str(stray)]
    os.utime(stray, (0, 0))
    assert [f"{stray}, corrected values that no decision names" in str(f) for f in examine(shop.settings).findings].count(True) == 1
    mend(shop.settings)
    assert not stray.exists()
    erased(shop)
    assert [str(found) for found in examine(shop.settings).findings] == []


def test_a_row_that_is_the_subjects_by_a_correction_goes_with_its_values(shop: Shop) -> None:
    shop.land(1, [*others(18), order(91, "ZY-7", "ten"), order(92, "c2", "ten")])
    run(shop)
    lake, table = lake_of(shop), shop.product.by_name["orders"]
    rows = {row.row_values: row.row_id for row in rows_of(lake, table.full_name, shop.day(1))}
    (hers,), (other,) = ([row for text, row in rows.items() if name in text] for name in ("ZY-7", "c2"))
    for customer in ("ZYX-7", "c2"):  # the second time the other row is c2's again
        given = {hers: {"amount": "7", "customer": "ZYX-7"}, other: {"amount": "8", "customer": customer}}
        decisions.release_values(lake, table, shop.day(1), given, signed=SIGNED)
    run(shop)
    assert "ZYX-7" in customers(shop)
    account = erased(shop)
    assert (account.deliveries, account.records) == (1, 1)
    assert counts(shop, "raw_orders") == (20, 19, 0, {"erased": 1})
    assert counts(shop, "orders") == (19, 19, 0, {}) and customers(shop).count("c2") == 2
    nowhere(shop)
    assert [str(found) for found in examine(shop.settings).findings] == []
    nothing_moves(shop)
    again = erased(shop)
    assert (again.deliveries, again.records) == (1, 1)


def test_an_order_that_comes_later_leaves_its_earlier_payment_open_until_the_subject_is_erased_again(tmp_path: Path) -> None:
    shop = two_feeds(tmp_path)
    shop.land(1, [order(70), *others(9)])
    pay(shop, 1, [1070, 2090, 1001])
    run(shop)
    erased(shop)
    assert counts(shop, "raw_payments") == (3, 2, 0, {"erased": 1})
    assert [str(found) for found in examine(shop.settings).findings] == []
    shop.land(2, [order(90, day=2), *others(9, 2)])
    run(shop, shop.day(2))
    (finding,) = examine(shop.settings).findings
    assert "shop.bronze.raw_payments: an erasure was begun by ann" in str(finding)
    assert "has reached order_id since, for which earlier deliveries were not looked through" in str(finding)
    erased(shop)
    assert counts(shop, "raw_payments") == (3, 1, 0, {"erased": 2})
    nowhere(shop, "2090")
    assert [str(found) for found in examine(shop.settings).findings] == []
