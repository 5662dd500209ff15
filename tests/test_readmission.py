"""The shipped product from landing files to the KPI: the sample against its manifest, the real set against its own file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.flow import GateVerdict
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from readiness_pipelines.layers import StepResult, run_step
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.samples import readmission, uci
from readiness_pipelines.samples.manifest import Manifest
from readiness_pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
PRODUCT = load_product(PROJECT / "readiness_pipelines" / "defs" / "readmission")
REAL = PROJECT.parent / "shared" / "data" / "diabetes_readmission" / "dev_first_half.parquet"
DAYS = keys_between(PRODUCT, "2025-01-01", "2025-03-31")

pytestmark = pytest.mark.slow


class Ran:
    """All 90 delivery days, run through every table in order."""

    def __init__(self, settings: Settings, product: Product = PRODUCT) -> None:
        self.lake, self.product = Lakehouse.open(settings), product
        self.results: dict[tuple[str, str], StepResult] = {}
        for table in product.tables:
            for day in DAYS:
                self.results[table.full_name, day] = run_step(self.lake, settings, product, table.name, day)

    def rows(self, table: str, sql: str) -> list[tuple[object, ...]]:
        """Return what `sql` (with {table} for the admitted rows) gives."""
        versions = list(self.lake.ledger.current_versions(table).values())
        with self.lake.connect() as con:
            return con.execute(sql.format(table=relation(self.lake, versions))).fetchall()

    def verdicts(self) -> Iterator[GateVerdict]:
        for table in self.product.tables:
            yield from self.lake.ledger.latest_verdicts(table.full_name).values()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Ran]:
    root = tmp_path_factory.mktemp("sample")
    settings = Settings(state=root / "state", landing=root / "landing")
    manifest = readmission.write(settings.landing)
    return manifest, Ran(settings)


def test_every_partition_of_the_sample_ends_as_the_manifest_says(sample: tuple[Manifest, Ran]) -> None:
    manifest, ran = sample
    wrong = []
    for table, days in manifest.expected.items():
        for day, expected in days.items():
            result = ran.results[table, day]
            counts = result.verdict.counts if result.verdict else None
            found = (
                result.kind,
                (counts.rows_in, counts.admitted, counts.quarantined, counts.duplicates, counts.held) if counts else (0,) * 5,
                dict(counts.dropped) if counts else {},
                dict(result.verdict.quarantine_reasons) if result.verdict else {},
            )
            wanted = (
                expected.state,
                (expected.rows_in, expected.admitted, expected.quarantined, expected.duplicates, expected.held),
                dict(expected.dropped),
                dict(expected.reasons),
            )
            if found != wanted:
                wrong.append((table, day, found, wanted))
    assert wrong == []


def test_no_partition_that_the_manifest_does_not_know_has_anything(sample: tuple[Manifest, Ran]) -> None:
    manifest, ran = sample
    other = {k: r.kind for k, r in ran.results.items() if k[1] not in manifest.expected.get(k[0], {})}
    assert set(other.values()) <= {"not_due"}


def test_each_quarantined_row_is_a_planted_defect_with_exactly_its_reasons(sample: tuple[Manifest, Ran]) -> None:
    manifest, ran = sample
    sha = {file.file: file.sha256[:32] for file in manifest.files}
    planted = {
        (d.table, f"{sha[d.file]}:{d.record}"): tuple(sorted(d.reasons)) for d in manifest.defects if d.outcome == "quarantined"
    }
    found = {}
    with ran.lake.connect() as con:
        for table in PRODUCT.tables:
            source = quarantined(ran.lake, table.full_name)
            for row_id, reasons in con.execute(f"SELECT row_id, reasons FROM {source}").fetchall():
                found[table.full_name, row_id] = tuple(sorted(reasons))
    assert found == planted
    assert len(planted) > 1000


def test_the_kpi_of_the_sample_is_the_one_the_generator_knows(sample: tuple[Manifest, Ran]) -> None:
    manifest, ran = sample
    sql = (
        "SELECT partition_key, outcomes_known, outcomes_matched, outcomes_unmatched, readmitted_30d, readmission_rate FROM {table}"
    )
    rows = ran.rows("readmission.gold.readmission_rate_30d", sql)
    assert {row[0]: row[1:5] for row in rows} == {
        day: (k.outcomes_known, k.outcomes_matched, k.outcomes_unmatched, k.readmitted_30d) for day, k in manifest.kpi.items()
    }
    rates = {row[0]: row[5] for row in rows}
    assert rates == pytest.approx({day: k.readmission_rate for day, k in manifest.kpi.items()}, abs=1e-12)


def test_rows_are_conserved_at_every_gate(sample: tuple[Manifest, Ran]) -> None:
    _, ran = sample
    assert [v.table for v in ran.verdicts() if not v.counts.conserved] == []


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    if not REAL.exists():
        pytest.skip("the real data set is not beside the project (../shared)")
    root = tmp_path_factory.mktemp("real")
    settings = Settings(state=root / "state", landing=root / "landing")
    uci.replay(REAL, settings.landing)
    return Ran(settings)


def test_the_real_set_runs_end_to_end_and_every_row_is_accounted_for(real: Ran) -> None:
    assert {r.kind for r in real.results.values()} == {"admitted", "not_due"}
    assert all(v.counts.conserved for v in real.verdicts())
    rows_in = sum(v.counts.rows_in for v in real.verdicts() if v.table == "readmission.bronze.raw_encounters")
    assert rows_in == 50_883


def test_the_kpi_of_the_real_set_equals_a_query_on_the_original_file(real: Ran) -> None:
    with real.lake.connect() as con:
        bad = [
            row[0]
            for table in ("raw_encounters", "raw_outcomes", "encounters", "outcomes")
            for row in con.execute(
                f"SELECT json_extract_string(row_values, '$.encounter_id') FROM "
                f"{quarantined(real.lake, PRODUCT.by_name[table].full_name)}"
            ).fetchall()
        ]
    # the file itself: encounters in order, cut into 60 days of equal size, the outcome known 30 days later
    expected = (
        duckdb.connect()
        .execute(
            """
            SELECT CAST(DATE '2025-01-01' + CAST(day + 30 AS INTEGER) AS VARCHAR) AS known_on,
                   count(*) FILTER (readmitted = '<30') AS readmitted, count(*) AS discharges
            FROM (
                SELECT *, (row_number() OVER (ORDER BY CAST(encounter_id AS BIGINT)) * 60 - 1) // 50883 AS day
                FROM read_parquet($path)
            )
            WHERE discharge_disposition_id NOT IN ('11', '13', '14', '19', '20', '21')
              AND NOT list_contains($bad, encounter_id)
            GROUP BY ALL
            """,
            {"path": str(REAL), "bad": [str(b) for b in bad] or ["none"]},
        )
        .fetchall()
    )
    sql = "SELECT partition_key, readmitted_30d, outcomes_matched FROM {table}"
    found = real.rows("readmission.gold.readmission_rate_30d", sql)
    assert sorted(found) == sorted(expected)
    assert len(expected) == 60
