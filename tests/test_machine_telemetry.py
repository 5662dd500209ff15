"""The second product, by the hour: its sample against its manifest, the genuine series, and a run in Dagster."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import clock, first_key, keys_between, last_key
from readiness_pipelines.layers.standing import Standings
from readiness_pipelines.samples import machine_telemetry, nab
from readiness_pipelines.samples.machine_telemetry import HOURS, KPI, RAW, SILVER, TelemetryManifest
from readiness_pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
FOLDER = PROJECT / "readiness_pipelines" / "defs" / "machine_telemetry"
REAL = PROJECT.parent / "shared" / "data" / "nab_machine_temperature" / "nab_machine_temperature.parquet"
MISSING, STOPPED, AHEAD = "2025-01-06-10:00", "2025-01-06-20:00", "2025-01-07-06:00"

Ran = tuple[Lakehouse, TelemetryManifest]


@pytest.fixture(scope="module")
def product() -> Product:
    return load_product(FOLDER)


def run_all(lake: Lakehouse, product: Product, keys: list[str]) -> None:
    for table in product.tables:
        for key in keys:
            run_step(lake, lake.settings, product, table.name, key)


def rows(lake: Lakehouse, table: str, columns: str) -> list[tuple[Any, ...]]:
    versions = list(lake.ledger.current_versions(table).values())
    with lake.connect() as con:
        return con.execute(f"SELECT {columns} FROM {relation(lake, versions)} ORDER BY ALL").fetchall()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, product: Product) -> Ran:
    """The whole sample, three days by the hour, through all layers."""
    root = tmp_path_factory.mktemp("telemetry")
    settings = Settings(state=root / "state", landing=root / "landing")
    manifest = machine_telemetry.write(settings.landing)
    lake = Lakehouse.open(settings)
    run_all(lake, product, keys_between(product, first_key(product), last_key(product, now=clock())))
    return lake, manifest


def test_a_product_is_a_folder_of_yaml_and_sql() -> None:
    assert {path.suffix for path in FOLDER.rglob("*") if path.is_file()} == {".yaml", ".sql"}


def test_the_calendar_is_the_three_days_of_the_sample(product: Product) -> None:
    keys = keys_between(product, first_key(product), last_key(product, now=clock()))
    assert (len(keys), keys[0], keys[23], keys[24], keys[-1]) == (
        72,
        "2025-01-06-00:00",
        "2025-01-06-23:00",
        "2025-01-07-00:00",
        "2025-01-08-23:00",
    )


@pytest.mark.slow
def test_every_hour_of_every_table_becomes_what_the_manifest_says(sample: Ran, product: Product) -> None:
    lake, manifest = sample
    standings = Standings(product, lake, now=clock(), everything=True)
    wrong = []
    for table in product.tables:
        assert len(manifest.expected[table.full_name]) == 72
        for key, expected in manifest.expected[table.full_name].items():
            verdict = lake.ledger.latest_verdict(table.full_name, key)
            counts = verdict.counts if verdict else None
            found = (
                standings.of(table.name, key).kind.value,
                (counts.rows_in, counts.admitted, counts.quarantined, counts.duplicates, counts.held) if counts else (0,) * 5,
                dict(verdict.quarantine_reasons) if verdict else {},
                not counts or counts.conserved,
            )
            numbers = (expected.rows_in, expected.admitted, expected.quarantined, expected.duplicates, expected.held)
            wanted = (expected.state, numbers, dict(expected.reasons), True)
            if found != wanted:
                wrong.append((table.name, key, found, wanted))
    assert wrong == []


@pytest.mark.slow
def test_each_quarantined_row_is_a_planted_defect_with_exactly_its_reasons(sample: Ran, product: Product) -> None:
    lake, manifest = sample
    sha = {file.file: file.sha256[:32] for file in manifest.files}
    planted = {
        (d.table, f"{sha[d.file]}:{d.record}"): tuple(sorted(d.reasons)) for d in manifest.defects if d.outcome == "quarantined"
    }
    found = {}
    with lake.connect() as con:
        for table in product.tables:
            source = quarantined(lake, table.full_name)
            for row_id, reasons in con.execute(f"SELECT row_id, reasons FROM {source}").fetchall():
                found[table.full_name, row_id] = tuple(sorted(reasons))
    assert found == planted
    assert len(planted) > 80  # 36 of them in the hour whose clock was ahead


@pytest.mark.slow
def test_the_kpi_of_every_hour_is_the_generators_own(sample: Ran) -> None:
    lake, manifest = sample
    found = {key: tuple(said) for key, *said in rows(lake, KPI, "partition_key, readings, readings_expected, completeness")}
    assert found == {
        key: (k.readings, k.readings_expected, pytest.approx(k.completeness, abs=1e-12)) for key, k in manifest.kpi.items()
    }
    assert len(found) == 72 - 3


@pytest.mark.slow
def test_a_machine_that_falls_silent_is_expected_for_24_hours_and_then_no_more(sample: Ran) -> None:
    lake, _ = sample
    due = dict(rows(lake, KPI, "partition_key, readings_expected"))
    assert due["2025-01-07-19:00"] == due["2025-01-07-20:00"] == 36  # the lathe was last heard in the hour of 19:00
    assert due["2025-01-08-18:00"] == 36
    assert due["2025-01-08-19:00"] == due["2025-01-08-23:00"] == 24
    heard = dict(rows(lake, HOURS, "partition_key, machine"))  # the last of each hour, by name
    assert {heard["2025-01-07-19:00"], heard["2025-01-07-20:00"]} == {"press_2"}
    assert len(rows(lake, HOURS, "*")) == 41 * 3 + 28 * 2  # 44 hours without three, and 28 with the presses alone


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hour", "because"),
    [
        (
            STOPPED,
            [
                "fresh_within_5_minutes failed: observed not kept (confidential), expected min_value 2025-01-06 20:55:00, max_value 2025-01-06 21:00:00"
            ],
        ),  # last read at :35
        (
            AHEAD,
            [
                "one_reading_at_a_time failed: observed 0, expected min_value 1",  # no reading of this hour is left
                "fresh_within_5_minutes failed: observed None, expected min_value 2025-01-07 06:55:00, max_value 2025-01-07 07:00:00",
                "36 of 36 rows are bad (100.00%), more than the 10.00% that the suite allows",
            ],
        ),
    ],
)
def test_an_hour_that_is_held_says_why(sample: Ran, hour: str, because: list[str]) -> None:
    lake, _ = sample
    verdict = lake.ledger.latest_verdict(SILVER, hour)
    assert verdict is not None
    assert list(verdict.held_because) == because
    assert hour not in lake.ledger.current_versions(SILVER)


@pytest.mark.slow
def test_an_incomplete_machine_hour_is_a_warning_and_admitted(sample: Ran) -> None:
    lake, _ = sample
    warned = [
        v.partition
        for v in lake.ledger.latest_verdicts(HOURS).values()
        if any(r.rule == "nearly_complete" and r.unexpected_count for r in v.rules)
    ]
    by_hand = {key for key, readings in rows(lake, HOURS, "partition_key, readings") if readings < 10}
    assert set(warned) == by_hand
    assert all(v.outcome.is_admitted for v in lake.ledger.latest_verdicts(HOURS).values())


def test_a_reading_belongs_to_its_instant_however_its_time_is_written(tmp_path: Path, product: Product) -> None:
    settings = Settings(state=tmp_path / "state", landing=tmp_path / "landing")
    whole = [f"{machine},2025-01-06T00:{at:02}:00Z,80" for machine in ("press_1", "press_2") for at in range(0, 60, 5)]
    written = [
        "lathe_1,2025-01-06T02:00:00+02:00,70",  # the hour's first instant
        "lathe_1,2025-01-05T19:30:00-05:00,71",
        "lathe_1,2025-01-06T00:30:00Z,72",  # the same instant again: the later one stands
        "lathe_1,2025-01-06T00:59:59.500Z,73",  # its last half second
        "lathe_1,2025-01-06T00:10:00+02:00,74",  # of two hours before
        "lathe_1,2025-01-06T01:00:00Z,75",  # the next hour's first instant
    ]
    file = settings.landing / "telemetry" / "readings_2025-01-06T00.csv"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(["machine,read_at,temperature", *whole, *written, ""]))
    lake = Lakehouse.open(settings)
    for table in ("raw_readings", "readings"):
        run_step(lake, settings, product, table, "2025-01-06-00:00")
    verdict = lake.ledger.latest_verdict(SILVER, "2025-01-06-00:00")
    assert verdict is not None and verdict.held_because == ()
    assert (verdict.counts.rows_in, verdict.counts.duplicates, dict(verdict.quarantine_reasons)) == (
        30,
        1,
        {"reading_of_this_hour": 2},
    )
    lathe = [row for row in rows(lake, SILVER, "temperature, seconds_to_end, reading, machine") if row[3] == "lathe_1"]
    assert [row[:3] for row in lathe] == [
        (70, 3600, "lathe_1 1736121600000000"),
        (72, 1800, "lathe_1 1736123400000000"),
        (73, 1, "lathe_1 1736125199500000"),
    ]


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason="needs ../shared/data/nab_machine_temperature")
@pytest.mark.parametrize(
    ("skip", "hours", "readings", "repeated", "held", "missing"),
    [
        (0, 12, 9 + 11 * 12, 0, [], []),  # begins at a quarter past
        (840, 12, 11 * 12 + 24, 12, [], []),  # with the hour in which the clock was set back
        (1886, 7, 4 * 12 + 6, 0, ["2025-01-06-04:00"], ["2025-01-06-05:00", "2025-01-06-06:00"]),  # ends at 15:25
    ],
)
def test_the_real_series_is_accounted_for_at_every_gate_and_its_kpi_is_one_query_on_the_original(
    tmp_path: Path,
    product: Product,
    skip: int,
    hours: int,
    readings: int,
    repeated: int,
    held: list[str],
    missing: list[str],
) -> None:
    settings = Settings(state=tmp_path / "state", landing=tmp_path / "landing")
    told = nab.replay(REAL, settings.landing, hours=hours, skip=skip)
    assert (told.readings, told.repeated, told.empty_hours, told.stale_hours) == (readings, repeated, len(missing), len(held))
    lake = Lakehouse.open(settings)
    keys = keys_between(product, told.first_hour, told.last_hour)
    run_all(lake, product, keys)

    for table in product.tables:
        verdicts = lake.ledger.latest_verdicts(table.full_name).values()
        assert all(v.counts.conserved and v.counts.quarantined == 0 for v in verdicts), table.name
    silver = lake.ledger.latest_verdicts(SILVER).values()
    assert sum(v.counts.rows_in for v in silver) == readings
    assert sum(v.counts.duplicates for v in silver) == repeated
    assert [v.partition for v in silver if not v.outcome.is_admitted] == held
    standings = Standings(product, lake, now=clock())
    assert [key for key in keys if standings.of("raw_readings", key).kind.value == "missing"] == missing

    with duckdb.connect() as con:  # no model, no gate: hours of the file itself, the later of two values for one time
        original = con.execute(
            """
            WITH given AS (
                SELECT CAST(timestamp AS TIMESTAMP) AS moment, CAST(value AS DOUBLE) AS value, file_row_number AS place,
                       date_trunc('hour', min(CAST(timestamp AS TIMESTAMP)) OVER ()) + to_hours($skip) AS first
                FROM read_parquet($path, file_row_number = true)
            ), kept AS (SELECT moment, first, arg_max(value, place) AS value FROM given GROUP BY moment, first)
            SELECT strftime(TIMESTAMP '2025-01-06' + (date_trunc('hour', moment) - first), '%Y-%m-%d-%H:%M') AS hour,
                   count(*), 12, count(*) / 12, avg(value), min(value), max(value)
            FROM kept
            WHERE moment >= first AND moment < first + to_hours($hours)
            GROUP BY hour HAVING max(minute(moment)) >= 55
            ORDER BY hour
            """,
            {"path": str(REAL), "skip": skip, "hours": hours},
        ).fetchall()
    kpi = rows(lake, KPI, "partition_key, readings, readings_expected, completeness")
    assert kpi == [row[:4] for row in original]
    temperatures = rows(lake, HOURS, "partition_key, mean_temperature, lowest_temperature, highest_temperature")
    assert temperatures == [(row[0], pytest.approx(row[4], abs=1e-9), row[5], row[6]) for row in original]
    assert len(kpi) == hours - len(held) - len(missing)


@pytest.mark.slow
def test_a_range_of_hours_in_dagster_records_the_good_ones_alone_and_a_resent_hour_joins_them(
    tmp_path: Path, product: Product
) -> None:
    from readiness_pipelines.product import definitions_of
    from readiness_pipelines.product.resources import Readiness

    landing = tmp_path / "landing"
    manifest = machine_telemetry.write(landing, hours=24)
    definitions = definitions_of(product)
    readiness = Readiness(state=str(tmp_path / "state"), landing=str(landing))
    hours = keys_between(product, "2025-01-06-00:00", "2025-01-06-21:00")
    good = set(hours) - {MISSING, STOPPED}

    with dg.DagsterInstance.ephemeral() as instance:

        def materialise(**run: object) -> dg.ExecuteInProcessResult:
            return dg.materialize(
                list(definitions.assets or []),  # type: ignore[arg-type]
                instance=instance,
                resources={"readiness": readiness},
                raise_on_error=False,
                **run,  # type: ignore[arg-type]
            )

        def recorded(table: str) -> set[str]:
            return set(instance.get_materialized_partitions(dg.AssetKey(table.split("."))))

        first = materialise(tags={"dagster/asset_partition_range_start": hours[0], "dagster/asset_partition_range_end": hours[-1]})
        assert not first.success
        assert recorded(RAW) == good | {STOPPED}
        assert recorded(SILVER) == recorded(HOURS) == recorded(KPI) == good
        for hour in good:
            (event,) = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=dg.AssetKey(SILVER.split(".")), asset_partitions=[hour]), limit=10
            ).records
            assert event.asset_materialization is not None
            admitted = event.asset_materialization.metadata["readiness/rows_admitted"].value
            assert (hour, admitted) == (hour, manifest.expected[SILVER][hour].admitted)

        whole = [
            f"{machine},{moment:%Y-%m-%dT%H:%M:%SZ},80"
            for machine in machine_telemetry.MACHINES
            for moment in (datetime.datetime(2025, 1, 6, 20) + n * datetime.timedelta(minutes=5) for n in range(12))
        ]
        text = "machine,read_at,temperature\n" + "\n".join(whole) + "\n"
        (landing / "telemetry" / "readings_2025-01-06T20_resent.csv").write_text(text)
        assert materialise(partition_key=STOPPED).success
        assert recorded(SILVER) == recorded(HOURS) == recorded(KPI) == good | {STOPPED}
