"""A small product whose silver table is watched for drift: some 500 rows a day, a known day from which they drift."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import numpy as np

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.settings import Settings
from tests.services import settings_at

START = datetime.date(2025, 1, 1)
TABLE = "metrics.silver.readings"
MONITOR = """\
    - table: readings
      window: {days: 2, step: 2}
      reference: {from: 2025-01-01, to: 2025-01-04}
      features: [size, weight, colour, site]
      score: score
      label: outcome
      groups: [colour]
"""
# What a monitor needs that is compared with a training set; nothing is trained.
MODEL = """\
  model:
    table: sizes
    time: day
    label: {table: sizes, column: readings, positive: 500, by: [day]}
    features: [size]
"""


def unlabelled(monitor: str) -> str:
    """Return the words of a monitor without what is asked about outcomes: with a training set as reference that is refused."""
    return monitor.replace("      label: outcome\n", "").replace("      groups: [colour]\n", "")


_DEFS = """\
type: readiness_pipelines.product.DataProduct
attributes:
  product: metrics
  partitions: {every: $every, start: 2025-01-01}
  kpi: {table: sizes, column: size}
  bronze:
    - name: raw_readings
      feed: {files: "readings_$stamp*.csv", first_due: 2025-01-01}
  silver:
    - {name: readings, from: raw_readings, sql: silver/readings.sql}
  gold:
    - {name: sizes, key: [day], inputs: {readings: {read: same}}, sql: gold/sizes.sql}
  drift:
$monitors"""

_COLUMNS = {
    "reading_id": ("integer", "confidential"),
    "size": ("number", "public"),
    "weight": ("integer", "confidential"),
    "colour": ("string", "public"),
    "site": ("string", "confidential"),
    "score": ("number", "public"),
    "guess": ("integer", "public"),
    "outcome": ("integer", "public"),
}
HEADER = ",".join(_COLUMNS)


def _contract(frequency: str) -> str:
    def schema(table: str, columns: dict[str, tuple[str, str]], key: str) -> str:
        lines = [f"  - name: {table}", "    description: One row per reading.", "    properties:"]
        for name, (logical, classification) in columns.items():
            keyed = ", primaryKey: true, primaryKeyPosition: 1" if name == key else ""
            lines.append(f"      - {{name: {name}, logicalType: {logical}, classification: {classification}{keyed}}}")
        return "\n".join(lines)

    raw = {name: ("string", classification) for name, (_, classification) in _COLUMNS.items()}
    sizes = {"day": ("date", "public"), "size": ("number", "public"), "readings": ("integer", "public")}
    return f"""\
apiVersion: v3.1.0
kind: DataContract
id: metrics
name: metrics
version: 1.0.0
status: active
team:
  members:
    - {{username: metrics@example.com, role: owner}}
    - {{username: steward@example.com, role: Data Steward}}
slaProperties:
  - {{property: frequency, value: {frequency}}}
schema:
{schema("raw_readings", raw, "")}
{schema("readings", _COLUMNS, "reading_id")}
{schema("sizes", sizes, "day")}
"""


_SQL = {
    "silver/readings.sql": "SELECT " + ", ".join(f"nullif({name}, '') AS {name}" for name in _COLUMNS) + " FROM raw_readings",
    "gold/sizes.sql": "SELECT CAST(getvariable('partition_key') AS DATE) AS day, avg(size) AS size, "
    "count(*) AS readings FROM readings",
}
_SUITES = {
    "bronze_raw_readings": "expectations:\n  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 1}}\n",
    "silver_readings": "meta: {max_quarantine_fraction: 0.2}\nexpectations:\n"
    "  - {type: expect_column_values_to_be_between, kwargs: {column: size, min_value: -100, max_value: 100}}\n",
    "gold_sizes": "expectations:\n  - {type: expect_table_row_count_to_equal, kwargs: {value: 1}}\n",
}


@dataclass(frozen=True)
class Scene:
    """The product's folder and settings, and what lands for it."""

    root: Path
    lake: Lakehouse = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lake", Lakehouse.open(self.settings))

    @property
    def settings(self) -> Settings:
        return settings_at(self.root, {})

    @property
    def folder(self) -> Path:
        return self.root / "defs" / "metrics"

    @property
    def product(self) -> Product:
        return load_product(self.folder)

    def day(self, number: int) -> str:
        """Return the key of the `number`th day, counted from 1."""
        return str(START + datetime.timedelta(days=number - 1))

    def days(self, numbers: Iterable[int]) -> list[str]:
        return [self.day(number) for number in numbers]

    def hour(self, number: int) -> str:
        """Return the key of the `number`th hour of an hourly product, counted from 0."""
        return (datetime.datetime.combine(START, datetime.time()) + datetime.timedelta(hours=number)).strftime("%Y-%m-%d-%H:%M")

    def land(self, number: int, rows: dict[str, np.ndarray], *, suffix: str = "") -> None:
        """Write the file of a day."""
        self._write(f"readings_{self.day(number)}{suffix}.csv", rows)

    def land_hour(self, number: int, rows: dict[str, np.ndarray]) -> None:
        self._write(f"readings_{self.hour(number)[:10]}_{self.hour(number)[11:13]}.csv", rows)

    def _write(self, name: str, rows: dict[str, np.ndarray]) -> None:
        path = self.settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [["" if value is None else str(value) for value in rows[column]] for column in _COLUMNS]
        path.write_text(HEADER + "\n" + "".join(",".join(row) + "\n" for row in zip(*cells, strict=True)), encoding="utf-8")

    def run(self, numbers: Iterable[int]) -> None:
        """Bring these days into silver."""
        self._run(self.days(numbers))

    def run_hours(self, numbers: Iterable[int]) -> None:
        self._run([self.hour(number) for number in numbers])

    def _run(self, partitions: Iterable[str]) -> None:
        product = self.product
        for partition in partitions:
            for name in ("raw_readings", "readings"):
                run_step(self.lake, self.settings, product, name, partition)

    def declare(self, old: str, new: str) -> None:
        """Change the words of the declaration."""
        path = self.folder / "defs.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


def rows_of(number: int, *, rows: int = 500, **drift: float) -> dict[str, np.ndarray]:
    """Return the rows of a day: the same for the same number and drift.

    `size_by` moves size (sd 1), `lost` is the share of weights without a value (usually .02), `blue` the share of colours
    that are blue (usually .2), `green` the share that the first days do not have, `noise` how much of the score is none of
    the outcome's business (usually 1), `known` the share of outcomes that are known.
    """
    how = {"size_by": 0.0, "lost": 0.02, "blue": 0.2, "green": 0.0, "noise": 1.0, "known": 1.0} | drift
    random = np.random.default_rng(number)
    size = random.normal(how["size_by"], 1.0, rows)
    weight = random.poisson(20, rows).astype(object)
    weight[random.random(rows) < how["lost"]] = None
    shares = [how["blue"], how["green"], 0.9 - how["blue"] - how["green"], 0.1]
    outcome = (random.random(rows) < 0.3).astype(object)
    score = 1 / (1 + np.exp(-(outcome.astype(float) * 2 - 1 + random.normal(0, how["noise"], rows))))
    known = random.random(rows) < how["known"]
    return {
        "reading_id": number * 100_000 + np.arange(rows),
        "size": np.round(size, 4),
        "weight": weight,
        "colour": random.choice(["blue", "green", "red", "grey"], rows, p=shares),
        "site": random.choice([f"site {i}" for i in range(5)], rows),
        "score": np.round(score, 4),
        "guess": (score > 0.5).astype(int),
        "outcome": np.where(known, outcome.astype(int).astype(object), None),
    }


def build_scene(root: Path, *, monitors: str = MONITOR, every: str = "day") -> Scene:
    """Write the declarations under `root`; nothing has landed yet."""
    frequency = "daily" if every == "day" else "hourly"
    defs = Template(_DEFS).substitute(every=every, stamp="%Y-%m-%d" if every == "day" else "%Y-%m-%d_%H", monitors=monitors)
    files = {"defs.yaml": defs, "contract.yaml": _contract(frequency), **_SQL}
    for name, text in files.items():
        path = root / "defs" / "metrics" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    suites = root / "quality_suites" / "metrics"
    suites.mkdir(parents=True, exist_ok=True)
    for name, text in _SUITES.items():
        (suites / f"{name}.yaml").write_text(f"name: {name}\n{text}", encoding="utf-8")
    return Scene(root)
