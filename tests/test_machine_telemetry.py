"""The second product, by the hour: its sample against its manifest, the genuine series, and a run in Dagster."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from dagster import AssetKey, DagsterInstance

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import clock, first_key, keys_between, last_key
from readiness_pipelines.layers.standing import Standings
from readiness_pipelines.samples import machine_telemetry, nab
from readiness_pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
FOLDER = PROJECT / "readiness_pipelines" / "defs" / "machine_telemetry"
REAL = PROJECT.parent / "shared" / "data" / "nab_machine_temperature" / "nab_machine_temperature.parquet"


@pytest.fixture(scope="module")
def product() -> Product:
    return load_product(FOLDER)


def run_all(lake: Lakehouse, product: Product, keys: list[str]) -> None:
    for table in product.tables:
        for key in keys:
            run_step(lake, lake.settings, product, table.name, key)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, product: Product) -> tuple[Lakehouse, machine_telemetry.Manifest]:
    """Two days and a half of the sample, with the missing, the stopped and the shifted hour, through all layers."""
    root = tmp_path_factory.mktemp("telemetry")
    settings = Settings(state=root / "state", landing=root / "landing")
    manifest = machine_telemetry.write(settings.landing, hours=36)
    lake = Lakehouse.open(settings)
    run_all(lake, product, keys_between(product, "2025-01-06-00:00", "2025-01-07-11:00"))
    return lake, manifest


def test_a_product_is_a_folder_of_yaml_and_sql() -> None:
    assert {path.suffix for path in FOLDER.rglob("*") if path.is_file()} == {".yaml", ".sql"}


def test_every_hour_of_every_table_becomes_what_the_manifest_says(
    sample: tuple[Lakehouse, machine_telemetry.Manifest], product: Product
) -> None:
    lake, manifest = sample
    standings = Standings(product, lake, now=clock())
    for table in product.tables:
        for key, expected in manifest.expected[table.full_name].items():
            place = f"{key} {table.name}"
            assert standings.of(table.name, key).kind.value == expected.state, place
            verdict = lake.ledger.latest_verdict(table.full_name, key)
            if expected.state in ("missing", "blocked"):
                assert verdict is None, place
                continue
            assert verdict is not None
            counts = verdict.counts
            assert (counts.rows_in, counts.admitted, counts.quarantined, counts.duplicates, counts.held) == (
                expected.rows_in,
                expected.admitted,
                expected.quarantined,
                expected.duplicates,
                expected.held,
            ), place
            assert counts.conserved
            assert dict(verdict.quarantine_reasons) == expected.reasons, place


def test_the_quarantine_holds_exactly_the_planted_records(sample: tuple[Lakehouse, machine_telemetry.Manifest]) -> None:
    lake, manifest = sample
    with lake.connect() as con:
        rows = con.execute(
            f"SELECT partition_key, record_number, reasons FROM {quarantined(lake, machine_telemetry.SILVER)}"
        ).fetchall()
    assert {(key, record): sorted(reasons) for key, record, reasons in rows} == {
        (key, record): sorted(reasons) for key, records in manifest.bad.items() for record, reasons in records.items()
    }
    assert len(rows) > 40


def test_the_kpi_of_every_hour_is_the_generators_own(sample: tuple[Lakehouse, machine_telemetry.Manifest]) -> None:
    lake, manifest = sample
    versions = list(lake.ledger.current_versions(machine_telemetry.KPI).values())
    with lake.connect() as con:
        found = con.execute(f"SELECT partition_key, completeness FROM {relation(lake, versions)}").fetchall()
    assert dict(found) == pytest.approx(dict(manifest.kpi), abs=1e-12)
    assert len(found) == 36 - 3


def test_a_feed_that_stopped_is_held_for_its_freshness_and_says_so(sample: tuple[Lakehouse, machine_telemetry.Manifest]) -> None:
    lake, _ = sample
    verdict = lake.ledger.latest_verdict(machine_telemetry.SILVER, "2025-01-06-20:00")
    assert verdict is not None
    assert verdict.held_because == ("fresh_within_5_minutes failed: observed 1500, expected max_value 300",)  # last read at :35


def test_the_same_arguments_write_the_same_bytes_and_the_seed_and_the_start_matter(tmp_path: Path) -> None:
    def content(name: str, **arguments: object) -> dict[str, bytes]:
        machine_telemetry.write(tmp_path / name, hours=12, **arguments)  # type: ignore[arg-type]
        return {p.relative_to(tmp_path / name).as_posix(): p.read_bytes() for p in (tmp_path / name).rglob("*.csv")}

    import datetime

    first = content("a")
    assert content("b") == first
    assert content("c", seed=8) != first
    assert "telemetry/readings_2025-03-01T00.csv" in content("d", start=datetime.date(2025, 3, 1))
    assert len(first) == 11  # the 11th hour is missing
    with pytest.raises(ValueError, match="found 0 hours"):
        machine_telemetry.write(tmp_path / "e", hours=0)
    told = json.loads((tmp_path / "a" / machine_telemetry.MANIFEST).read_text())
    assert told["hours"] == 12


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason="needs ../shared/data/nab_machine_temperature")
def test_the_real_series_is_admitted_hour_by_hour_and_its_kpi_is_one_query_on_the_original(
    tmp_path: Path, product: Product
) -> None:
    settings = Settings(state=tmp_path / "state", landing=tmp_path / "landing")
    told = nab.replay(REAL, settings.landing, hours=48)
    lake = Lakehouse.open(settings)
    keys = keys_between(product, told.first_hour, told.last_hour)
    run_all(lake, product, keys)
    with duckdb.connect() as con:
        original = con.execute(
            "SELECT count(*), sum(CAST(value AS DOUBLE)), min(CAST(value AS DOUBLE)) FROM read_parquet(?) WHERE CAST(timestamp AS TIMESTAMP)"
            " < date_trunc('hour', (SELECT min(CAST(timestamp AS TIMESTAMP)) FROM read_parquet(?))) + INTERVAL 48 HOUR",
            [str(REAL), str(REAL)],
        ).fetchall()[0]
    silver = list(lake.ledger.current_versions(machine_telemetry.SILVER).values())
    gold = list(lake.ledger.current_versions(machine_telemetry.KPI).values())
    with lake.connect() as con:
        found = con.execute(f"SELECT count(*), sum(temperature), min(temperature) FROM {relation(lake, silver)}").fetchall()[0]
        kpi = con.execute(f"SELECT sum(readings), sum(readings_expected) FROM {relation(lake, gold)}").fetchall()[0]
    assert found == (told.readings, pytest.approx(original[1], abs=1e-6), original[2])
    assert (told.readings, told.repeated, told.files) == (original[0], 0, 48)
    assert kpi == (original[0], 48 * 12)
    for table in product.tables:
        verdicts = lake.ledger.latest_verdicts(table.full_name).values()
        assert len(verdicts) == 48 and all(v.counts.conserved for v in verdicts)


def test_a_file_that_is_not_the_series_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for name in ("other.csv", "nowhere.csv", "nowhere.parquet"):
        with pytest.raises(nab.NotTheNabFile, match="expected columns timestamp and value"):
            nab.replay(tmp_path / name, tmp_path / "landing")


def test_a_csv_of_the_series_is_moved_by_whole_hours_and_cut_at_the_last(tmp_path: Path) -> None:
    given = tmp_path / "series.csv"
    given.write_text(
        "timestamp,value\n2013-12-02 21:50:00,1.50\n2013-12-02 21:55:00,2\n2013-12-02 21:55:00,2\n2013-12-02 23:00:00,3\n"
    )
    told = nab.replay(given, tmp_path / "landing", hours=2)
    assert (told.readings, told.repeated, told.files, told.empty_hours) == (3, 1, 1, 1)
    assert (tmp_path / "landing" / "telemetry" / "readings_2025-01-06T00.csv").read_text() == (
        "machine,read_at,temperature\n"
        "press_1,2025-01-06T00:50:00Z,1.50\npress_1,2025-01-06T00:55:00Z,2\npress_1,2025-01-06T00:55:00Z,2\n"
    )


@pytest.mark.slow
def test_a_range_of_hours_in_dagster_records_the_good_ones_and_names_the_held_one(tmp_path: Path, product: Product) -> None:
    import dagster as dg

    from readiness_pipelines.product import definitions_of
    from readiness_pipelines.product.resources import Readiness

    machine_telemetry.write(tmp_path / "landing", hours=24)
    definitions = definitions_of(product)
    readiness = Readiness(state=str(tmp_path / "state"), landing=str(tmp_path / "landing"))
    hours = keys_between(product, "2025-01-06-18:00", "2025-01-06-22:00")
    with DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            list(definitions.assets or []),  # type: ignore[arg-type]
            instance=instance,
            resources={"readiness": readiness},
            tags={"dagster/asset_partition_range_start": hours[0], "dagster/asset_partition_range_end": hours[-1]},
            raise_on_error=False,
        )
        silver = AssetKey(["machine_telemetry", "silver", "readings"])
        assert not result.success
        assert set(instance.get_materialized_partitions(silver)) == set(hours) - {"2025-01-06-20:00"}
    assert first_key(product) == "2025-01-06-00:00"
    assert last_key(product, now=clock()) == "2025-01-08-23:00"
