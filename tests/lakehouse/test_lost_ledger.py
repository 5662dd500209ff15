"""A ledger that was lost, or is an older copy, is no reason to take away what only the lost one knew."""

from __future__ import annotations

import datetime
import os
import shutil
from pathlib import Path

import pytest

from readiness_pipelines.errors import LedgerBehindCatalog
from readiness_pipelines.lakehouse import Lakehouse, ensure_table
from readiness_pipelines.lakehouse.maintenance import maintain
from tests.lakehouse.publisher import SPEC, Place, T, put, step

A, B = "2025-01-01", "2025-01-02"


def without_ledger(lake: Lakehouse, *, instead: Path | None = None) -> Lakehouse:
    """The same place, its ledger gone or an older copy, and every file of the warehouse old enough to go."""
    lake.ledger.upkeep._database.engine.dispose()
    for file in lake.settings.state.glob("ledger.db*"):
        file.unlink()
    if instead is not None:
        shutil.copy(instead, lake.settings.ledger_file)
    for place, _, names in os.walk(lake.settings.warehouse):
        for name in names:
            os.utime(Path(place, name), (1, 1))
    return Lakehouse.open(lake.settings)


def upkeep(lake: Lakehouse, table: str = T) -> int:
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    return maintain(lake, table, keep_days=30, older_than_hours=1, now=now).orphans


def everything(lake: Lakehouse) -> list[Path]:
    return sorted(path for path in Path(lake.settings.warehouse).rglob("*") if path.is_file())


def test_a_blank_ledger_beside_a_full_catalog_stops_everything(local_lake: Lakehouse) -> None:
    local_lake.require_catalog()  # a table that was made, and nothing published: nothing is wrong
    put(local_lake, A, [1], key="k1")
    with pytest.raises(LedgerBehindCatalog, match=r"holds 1 tables that were published to, such as shop.silver.orders"):
        without_ledger(local_lake).require_catalog()


def test_a_ledger_without_verdicts_stops_the_maintenance_of_a_table(local_lake: Lakehouse) -> None:
    put(local_lake, A, [1], key="k1")
    put(local_lake, A, [2], key="k2", expected="k1")
    lake = without_ledger(local_lake)
    before = everything(lake)
    with pytest.raises(LedgerBehindCatalog, match=r"no verdict about 1 versions on main, such as .*@k2.*readiness doctor"):
        upkeep(lake)
    assert everything(lake) == before


def test_an_older_ledger_stops_it_too_before_and_after_its_publications_are_repaired(tmp_path: Path, local_lake: Lakehouse) -> None:
    from readiness_pipelines.lakehouse.snapshots import settle

    put(local_lake, A, [1], key="k1")
    local_lake.ledger.upkeep._database.engine.dispose()
    shutil.copy(local_lake.settings.ledger_file, tmp_path / "copy.db")
    put(local_lake, B, [2], key="k1")
    lake = without_ledger(local_lake, instead=tmp_path / "copy.db")
    before = everything(lake)
    for _ in range(2):
        with pytest.raises(LedgerBehindCatalog, match=f"such as .*{B}@k1"):
            upkeep(lake)
        settle(lake, lake.load(T), T)
    assert everything(lake) == before


def test_a_quarantine_needs_no_verdicts(tmp_path: Path) -> None:
    lake = Place(tmp_path).open()
    ensure_table(lake, SPEC)
    step(lake, A, [1, 2, 3, 4], key="k1")
    assert upkeep(lake, f"{T}_quarantine") == 0
