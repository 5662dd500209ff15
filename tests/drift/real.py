"""Real data sets as products in a temporary folder: dealt out to partitions, landed, and run through every gate.

A data set has no day that it was delivered on, so its rows are dealt out, in their order in time, to days from START on:
each day stands for a tenth of elec2, a quarter of claims, a year of weather or of census. Values are delivered as they
are; only columns that are declared are taken in.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.flow import DriftReport, Outcome
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.samples import uci
from readiness_pipelines.settings import Settings

SHARED = Path(__file__).parents[3] / "shared" / "data"
_READMISSION = Path(__file__).parents[2] / "readiness_pipelines" / "defs" / "readmission"
START = datetime.date(2025, 1, 1)
_QUARTER = "list_position(['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'], Month) - 1) // 3"


@dataclass(frozen=True)
class Real:
    """A data set: its columns by kind, the number of the day (from 0) that a row belongs to, and what is watched."""

    name: str
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    day: str  # SQL over the file's columns and `row`, the place of a row from 0
    window_days: int
    monitor: Mapping[str, Any] = field(default_factory=dict)
    reference_days: int | None = None  # the first ones; None: as many as a window has
    rows: int | None = None  # the first ones; None: all
    model: Mapping[str, Any] = field(
        default_factory=dict
    )  # of what is then scored and timed: facts have `happened`, scores a table

    @property
    def path(self) -> Path:
        return SHARED / self.name / f"{self.name}.parquet"


CLAIMS = Real(
    "vehicle_claim_fraud",
    numbers=("Age",),
    categories=(
        *("WeekOfMonth", "DayOfWeek", "Make", "AccidentArea", "DayOfWeekClaimed", "WeekOfMonthClaimed", "Sex", "MaritalStatus"),
        *("Fault", "PolicyType", "VehicleCategory", "VehiclePrice", "RepNumber", "Deductible", "DriverRating"),
        *("Days_Policy_Accident", "Days_Policy_Claim", "PastNumberOfClaims", "AgeOfVehicle", "AgeOfPolicyHolder"),
        *("PoliceReportFiled", "WitnessPresent", "AgentType", "NumberOfSuppliments", "AddressChange_Claim", "NumberOfCars"),
        *("BasePolicy", "FraudFound_P"),
    ),
    day=f"(CAST(Year AS INTEGER) - 1994) * 4 + ({_QUARTER}",
    window_days=2,
    monitor={"label": "FraudFound_P"},
)
ELECTRICITY = Real(
    "elec2",
    numbers=("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"),
    categories=("class",),
    day="row * 10 // 45312",
    window_days=1,
    monitor={"label": "class"},
)
WEATHER = Real(
    "noaa_weather",
    numbers=(
        *("temperature", "dew_point", "sea_level_pressure", "visibility", "avg_wind_speed", "max_sustained_wind_speed"),
        *("max_temperature", "min_temperature"),
    ),
    categories=("rain",),
    day="CAST(floor(row / 365.25) AS INTEGER)",
    window_days=1,
    rows=17_897,  # 49 whole years: a part of one would differ from all others by its seasons
    reference_days=10,
    monitor={"label": "rain"},
)
CENSUS = Real(
    "acs_employment_ma",
    numbers=("AGEP", "predicted_probability"),
    categories=(
        *("SCHL", "MAR", "RELP", "DIS", "ESP", "CIT", "MIG", "MIL", "ANC", "NATIVITY", "DEAR", "DEYE", "DREM", "SEX", "RAC1P"),
        *("employed", "prediction"),
    ),
    day="year - 2015",
    window_days=1,
    monitor={
        "score": "predicted_probability",
        "prediction": "prediction",
        "label": "employed",
        "positive": "1",
        "groups": ["RAC1P"],
    },
)


@dataclass(frozen=True)
class Ran:
    """A data set as a product whose partitions have all been run."""

    product: Product
    lake: Lakehouse
    settings: Settings
    partitions: tuple[str, ...]

    def reports(self) -> list[DriftReport]:
        """Measure what is due and return a report per window, oldest first."""
        from readiness_pipelines.drift import measure

        now = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
        return [seen.report for seen in measure(self.product, self.lake, now=now)]


def key_of_day(number: int) -> str:
    """Return the partition of the `number`th day, from 0."""
    return str(START + datetime.timedelta(days=number))


def build(root: Path, real: Real) -> tuple[Settings, Product, tuple[str, ...]]:
    """Write the product and land the data set under `root`. Skips the test where the data set is not beside the project."""
    if not real.path.is_file():
        pytest.skip(f"the data set {real.name} is not beside the project (../shared)")
    settings = Settings(state=root / "state", landing=root / "landing")
    reference = {"from": str(START), "to": key_of_day((real.reference_days or real.window_days) - 1)}
    watch = {"table": "facts", "window": {"days": real.window_days, "step": real.window_days}}
    watch["reference"] = "training_set" if real.model else reference
    _declare(root, real, {**watch, **real.monitor})
    partitions = _land(settings.landing, real)
    return settings, load_product(root / "defs" / real.name), partitions


def ran(root: Path, real: Real) -> Ran:
    """Build the product, and run every partition through every table: all rows must be admitted."""
    settings, product, partitions = build(root, real)
    return _run(settings, product, partitions, [table.name for table in product.tables], but_for=())


def replayed(root: Path, *, until: str) -> Ran:
    """Replay the UCI set as 60 days of the shipped readmission product, and run its features up to the day `until`.

    Skips the test where the set is not beside the project.
    """
    path = SHARED / "diabetes_readmission" / "dev_first_half.parquet"
    if not path.is_file():
        pytest.skip("the real half of the UCI set is not beside the project (../shared)")
    settings = Settings(state=root / "state", landing=root / "landing")
    uci.replay(path, settings.landing)
    product = load_product(_READMISSION)
    tables = ["raw_encounters", "encounters", "readmission_features"]
    partitions = keys_between(product, str(START), until)
    return _run(settings, product, partitions, tables, but_for=(Outcome.ADMITTED_WITH_QUARANTINE,))


def _run(
    settings: Settings, product: Product, partitions: Sequence[str], tables: Sequence[str], *, but_for: tuple[Outcome, ...]
) -> Ran:
    lake = Lakehouse.open(settings)
    for partition in partitions:
        for name in tables:
            verdict = run_step(lake, settings, product, name, partition).verdict
            assert verdict is not None and verdict.outcome in (Outcome.ADMITTED, *but_for), f"{name} {partition}: {verdict}"
    return Ran(product, lake, settings, tuple(partitions))


def _land(landing: Path, real: Real) -> tuple[str, ...]:
    """Write a Parquet file per day, values as they are; `row` says which row of the file it was."""
    (landing / real.name).mkdir(parents=True)
    columns = ", ".join(f'"{name}"' for name in (*real.numbers, *real.categories))
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE facts AS SELECT file_row_number AS row, * EXCLUDE (file_row_number) "
            f"FROM read_parquet('{real.path}', file_row_number = true) "
            f"WHERE file_row_number < {real.rows if real.rows is not None else 'CAST(1e18 AS BIGINT)'}"
        )
        days = [int(day) for (day,) in con.execute(f"SELECT DISTINCT {real.day} AS day FROM facts ORDER BY day").fetchall()]
        for day in days:
            path, key = landing / real.name / f"{key_of_day(day)}.parquet", key_of_day(day)
            into_it = "CAST(86400 * (row_number() OVER (ORDER BY row) - 1) / count(*) OVER () AS INTEGER)"
            at = f"strftime(TIMESTAMP '{key}' + to_seconds({into_it}), '%Y-%m-%dT%H:%M:%SZ') AS happened, " if real.model else ""
            con.execute(
                f"COPY (SELECT row, {at}{columns} FROM facts WHERE {real.day} = {day} ORDER BY row) TO '{path}' (FORMAT parquet)"
            )
    return tuple(key_of_day(day) for day in days)


def _declare(root: Path, real: Real, monitor: Mapping[str, Any]) -> None:
    folder, suites = root / "defs" / real.name, root / "quality_suites" / real.name
    columns = [*real.numbers, *real.categories]
    # 5e-05 is a number where the model says so; by itself the contract takes plain decimals only
    typed = [f'CAST("{name}" AS DOUBLE) AS "{name}"' for name in real.numbers]
    selected = ", ".join([*typed, *(f'nullif("{name}", \'?\') AS "{name}"' for name in real.categories)])
    at = '"happened", ' if real.model else ""
    attributes: dict[str, Any] = {
        "product": real.name,
        "partitions": {"every": "day", "start": str(START)},
        "kpi": {"table": "facts", "column": "row"},
        "bronze": [{"name": "raw", "feed": {"files": f"{real.name}/%Y-%m-%d.parquet", "first_due": str(START)}}],
        "silver": [{"name": "rows", "from": "raw", "sql": "silver/rows.sql"}],
        "gold": [{"name": "facts", "key": ["row"], "inputs": {"rows": {"read": "same"}}, "sql": "gold/facts.sql"}],
        "drift": [dict(monitor)],
    }
    if real.model:
        inputs = {"facts": {"read": "same"}}
        scores = {"name": "scores", "key": ["row"], "inputs": inputs, "sql": "gold/scores.sql", "scored": True}
        attributes["gold"].append(scores)
        attributes["model"] = {"table": "facts", "time": "happened", **real.model}
        label = real.model["label"]
        watch = {"table": "scores", "window": monitor["window"], "reference": "previous_window", "features": [], "score": "score"}
        attributes["drift"].append({**watch, "label": label["column"], "positive": label["positive"]})
        columns_of_scores = f'"row", score, model_version, input_version, "{label["column"]}"'
        _write(folder / "gold" / "scores.sql", f"SELECT facts.row_id AS source_row_id, {columns_of_scores} FROM facts\n")
    _write(folder / "defs.yaml", yaml.safe_dump({"type": "readiness_pipelines.product.DataProduct", "attributes": attributes}))
    _write(folder / "contract.yaml", yaml.safe_dump(_contract(real)))
    _write(folder / "silver" / "rows.sql", f'SELECT "row", {at}{selected} FROM raw\n')
    named = ", ".join(f'"{name}"' for name in (["happened"] if real.model else []) + columns)
    _write(folder / "gold" / "facts.sql", f'SELECT rows.row_id AS source_row_id, "row", {named} FROM rows\n')
    for name in ("bronze_raw", "silver_rows", "gold_facts", *(["gold_scores"] if real.model else [])):
        rule = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
        _write(suites / f"{name}.yaml", yaml.safe_dump({"name": name, "expectations": [rule]}))


def _contract(real: Real) -> dict[str, Any]:
    types = {"row": "integer", **dict.fromkeys(real.numbers, "number"), **dict.fromkeys(real.categories, "string")}
    timed = {"row": "integer", "happened": "timestamp", **types} if real.model else types
    label = {real.model["label"]["column"]: "string"} if real.model else {}
    scored = {"row": "integer", "score": "number", "model_version": "string", "input_version": "string", **label}

    def table(name: str, types: Mapping[str, str], *, is_typed: bool) -> dict[str, Any]:
        columns = [
            {"name": column, "logicalType": type_ if is_typed else "string", "classification": "public"}
            | ({"primaryKey": True, "primaryKeyPosition": 1} if is_typed and column == "row" else {})
            for column, type_ in types.items()
        ]
        return {"name": name, "description": f"{name}.", "properties": columns}

    people = [{"username": f"{role[0]}@example.com", "role": role} for role in ("owner", "Data Steward")]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        **{"id": real.name, "name": real.name, "version": "1.0.0", "status": "active"},
        "team": {"members": people},
        "slaProperties": [{"property": "frequency", "value": "daily"}],
        "schema": [
            table("raw", timed, is_typed=False),
            *(table(name, timed, is_typed=True) for name in ("rows", "facts")),
            *([table("scores", scored, is_typed=True)] if real.model else []),
        ],
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
