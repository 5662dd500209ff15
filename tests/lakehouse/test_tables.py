"""Tables are made once, and change only so that old rows keep their meaning."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from readiness_pipelines.errors import CatalogBehindLedger, ReadinessError
from readiness_pipelines.lakehouse import ColumnSpec, Lakehouse, TableSpec, ensure_table
from readiness_pipelines.settings import Settings
from tests.lakehouse.publisher import SPEC, Place, T, put

A = "2025-01-01"


@pytest.fixture
def lake(local_lake: Lakehouse) -> Lakehouse:
    """What is tested here is the same wherever tables lie, or loses files of a local folder."""
    return local_lake


def with_columns(*columns: ColumnSpec) -> TableSpec:
    return TableSpec("shop.silver.other", (*SPEC.columns[:2], *columns))


def types(lake: Lakehouse, spec: TableSpec) -> dict[str, str]:
    return {f.name: str(f.field_type) for f in ensure_table(lake, spec).schema().fields}


def test_a_new_table_has_its_columns_partitioning_and_one_empty_root_snapshot(lake: Lakehouse) -> None:
    table = lake.load(T)
    assert [(f.name, str(f.field_type), f.required) for f in table.schema().fields] == [
        ("row_id", "string", True),
        ("partition_key", "string", True),
        ("amount", "long", False),
        ("tags", "list<string>", False),
    ]
    assert [(f.name, str(f.transform)) for f in table.spec().fields] == [("partition_key", "identity")]
    assert table.format_version == 2
    assert len(table.metadata.snapshots) == 1
    assert list(table.scan().plan_files()) == []
    assert table.location() == f"file://{lake.settings.warehouse}/shop/silver/orders"


def test_a_table_can_be_partitioned_by_other_columns(lake: Lakehouse) -> None:
    spec = dataclasses.replace(with_columns(ColumnSpec("day", "string")), partitioned_by=("partition_key", "day"))
    assert [f.name for f in ensure_table(lake, spec).spec().fields] == ["partition_key", "day"]


def test_descriptions_are_kept_with_the_columns(lake: Lakehouse) -> None:
    table = ensure_table(lake, with_columns(ColumnSpec("amount", "long", doc="in cents")))
    assert table.schema().find_field("amount").doc == "in cents"


def test_ensuring_what_is_there_changes_nothing(lake: Lakehouse) -> None:
    before = lake.load(T).metadata_location
    assert ensure_table(lake, SPEC).metadata_location == before


def test_new_optional_columns_are_added(lake: Lakehouse) -> None:
    ensure_table(lake, with_columns(ColumnSpec("a", "long")))
    wider = with_columns(ColumnSpec("b", "list<string>", doc="new"), ColumnSpec("a", "long"))
    assert types(lake, wider) == {"row_id": "string", "partition_key": "string", "a": "long", "b": "list<string>"}


@pytest.mark.parametrize(("old", "new"), [("int", "long"), ("float", "double"), ("decimal(5, 2)", "decimal(9, 2)")])
def test_a_type_that_holds_every_old_value_replaces_the_old_one(lake: Lakehouse, old: str, new: str) -> None:
    ensure_table(lake, with_columns(ColumnSpec("a", old)))
    assert types(lake, with_columns(ColumnSpec("a", new)))["a"] == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("long", "int"),
        ("string", "long"),
        ("string", "binary"),  # pyiceberg would allow this and the next
        ("decimal(5, 2)", "decimal(9, 4)"),
        ("list<string>", "list<long>"),
    ],
)
def test_any_other_change_of_type_is_refused(lake: Lakehouse, old: str, new: str) -> None:
    ensure_table(lake, with_columns(ColumnSpec("a", old)))
    with pytest.raises(ReadinessError, match="shop.silver.other: column 'a' is .* in the table and declared as"):
        ensure_table(lake, with_columns(ColumnSpec("a", new)))


def test_dropped_required_and_newly_required_columns_are_refused_together(lake: Lakehouse) -> None:
    ensure_table(lake, with_columns(ColumnSpec("a", "long"), ColumnSpec("b", "long")))
    with pytest.raises(ReadinessError) as caught:
        ensure_table(lake, with_columns(ColumnSpec("b", "long", required=True), ColumnSpec("c", "long", required=True)))
    message = str(caught.value)
    assert "column 'a' is in the table and not declared any more" in message
    assert "column 'b' is optional in the table, declared required" in message
    assert "column 'c' is new and required" in message


def test_a_catalog_that_is_gone_stops_everything(lake: Lakehouse) -> None:
    put(lake, A, [1], key="k1")
    lake.settings.catalog_file.unlink()
    behind = Lakehouse.open(lake.settings)
    with pytest.raises(CatalogBehindLedger, match="there is no catalog, but the ledger says that"):
        ensure_table(behind, SPEC)


def test_a_catalog_that_is_an_older_copy_stops_everything(lake: Lakehouse) -> None:
    older = lake.settings.catalog_file.read_bytes()
    put(lake, A, [1], key="k1")
    lake.settings.catalog_file.write_bytes(older)
    behind = Lakehouse.open(lake.settings)
    with pytest.raises(CatalogBehindLedger, match="the catalog does not know snapshot"):
        put(behind, "2025-01-02", [1], key="k1")


def test_a_warehouse_whose_metadata_is_gone_stops_everything(lake: Lakehouse) -> None:
    put(lake, A, [1], key="k1")
    for file in Path(lake.settings.warehouse).joinpath("shop", "silver", "orders", "metadata").glob("*.json"):
        file.unlink()
    with pytest.raises(CatalogBehindLedger, match="metadata files of shop.silver.orders"):
        Lakehouse.open(lake.settings).load(T)


def test_opening_makes_only_the_ledger(tmp_path: Path) -> None:
    Place(tmp_path).open()
    assert {p.name.split("-")[0] for p in (tmp_path / "state").iterdir()} == {"ledger.db"}


def test_a_state_folder_that_a_file_pattern_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadinessError, match=r"has \* in its path"):
        Place(tmp_path / "a*b").open()


def test_a_state_folder_with_blanks_and_accents_works(tmp_path: Path) -> None:
    lake = Place(tmp_path / "mein Zustand ä'").open()
    ensure_table(lake, SPEC)
    assert put(lake, A, [1], key="k1").version_key == "k1"


def test_connections_are_utc_limited_and_apart(tmp_path: Path) -> None:
    lake = Lakehouse.open(Settings(state=tmp_path / "state", landing=tmp_path, duckdb_memory="512MB"))
    with lake.connect() as one, lake.connect() as two:
        one.execute("CREATE TEMP TABLE mine AS SELECT 1")
        assert two.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'").fetchone() == (0,)
        found = two.execute(
            "SELECT current_setting('TimeZone'), current_setting('memory_limit'), current_setting('temp_directory')"
        ).fetchone()
    assert found == ("UTC", "488.2 MiB", str(tmp_path / "state" / "duckdb"))


def test_importing_the_lakehouse_does_not_import_pyiceberg() -> None:
    code = "import sys, readiness_pipelines.lakehouse; sys.exit('pyiceberg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
