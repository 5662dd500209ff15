"""The loop on real data: where a model that is left alone dies, where it lives without, and what each retrain came to."""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines import response
from readiness_pipelines.declarations import Product
from readiness_pipelines.drift import measure
from readiness_pipelines.flow import Metric, Retrain, Severity, Status
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.models.metrics import measure as metric_of
from readiness_pipelines.models.promotion import promote
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.models.reviewing import decide
from readiness_pipelines.models.scores import score
from readiness_pipelines.models.scoring import scorer_of
from readiness_pipelines.settings import Settings
from tests.drift.real import CLAIMS, ELECTRICITY, Real, build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
LATER = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
MODEL = {
    "label": {"table": "facts", "column": "class", "by": ["row"], "positive": "UP"},
    "features": ["day", "period", "nswdemand", "vicprice", "vicdemand", "transfer"],  # the label is made from nswprice
    "columns": {"day": "category"},
    "groups": ["date"],  # half hours of one day of the market are much alike: days are what is drawn again
    "risk_tier": "low",
    "holdout_days": 2,
    "retraining": {"cooldown_days": 0, "per_week": 20},
}
MARKET = dataclasses.replace(
    ELECTRICITY,
    numbers=("period", *ELECTRICITY.numbers),
    categories=("day", "date", "class"),
    day="row * 50 // 45312",
    window_days=5,  # of 50: the ten windows of the set
    monitor={"features": list(ELECTRICITY.numbers), "label": "class"},
    model=MODEL,
)

_MONTHS = "['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']"
FRAUD = dataclasses.replace(
    CLAIMS,
    day=f"(CAST(Year AS INTEGER) - 1994) * 12 + list_position({_MONTHS}, Month) - 1",  # a month each, and a half-year is a window
    window_days=6,
    monitor={"features": [name for name in CLAIMS.categories if name != "FraudFound_P"]},
    model={
        "label": {"table": "facts", "column": "FraudFound_P", "by": ["row"], "positive": "1"},
        "features": ["Age", *(name for name in CLAIMS.categories if name != "FraudFound_P")],
        "risk_tier": "low",
        "holdout_days": 6,
        "retraining": {"cooldown_days": 0, "per_week": 20},
    },
)


@dataclass
class Loop:
    """A product whose windows land one after the other. `told` are the retrains, with who has approved what."""

    product: Product
    lake: Lakehouse
    settings: Settings
    partitions: tuple[str, ...]
    days: int
    told: list[tuple[int, Retrain, str]] = field(default_factory=list)

    @classmethod
    def of(cls, root: Path, real: Real) -> Loop:
        settings, product, partitions = build(root, real)
        return cls(product, Lakehouse.open(settings), settings, partitions, real.window_days)

    def run(self, window: int) -> None:
        scorer = scorer_of(self.product, self.settings)
        for partition in self.partitions[window * self.days : (window + 1) * self.days]:
            for table in self.product.tables:
                run_step(self.lake, self.settings, self.product, table.name, partition, scorer=scorer)

    def begin(self) -> None:
        asked = response.request(self.product, self.lake, by="ann", reason="the first champion", now=clock())
        self._carry_out(0, asked, first=True)
        (_, ended, by), *_ = self.told
        assert by, ended

    def answer(self, window: int) -> None:
        """Measure, let every event take effect, and carry out what was asked for; a person approves what the gate has passed."""
        list(measure(self.product, self.lake, now=LATER))
        for waiting in self.lake.ledger.drift.waiting(self.product.name):
            response.take_effect(self.product, self.lake, waiting.event, f"run of {window}", is_over=lambda _: True, now=clock())
        asked = self.lake.ledger.retrains.in_flight(self.product.name)
        if asked is not None:
            self._carry_out(window, asked)

    def _carry_out(self, window: int, asked: Retrain, *, first: bool = False) -> None:
        """Carry a retrain out; ann approves what the gate has passed, and of the first also what it could not decide."""
        ended = response.carry_out(
            self.product, self.lake, retrain=asked.id, run=f"retrain {asked.id}", is_over=lambda _: True, now=clock()
        )
        by = "policy" if ended.outcome == "promoted" else ""
        judgement = self.lake.ledger.models.judgement(self.product.name, ended.number) if ended.number else None
        is_sound = judgement is not None and (judgement.verdict.status is Status.PASSED or (first and not judgement.verdict.failed))
        if ended.outcome == "waits" and judgement is not None and is_sound:
            why = f"{judgement.evidence.severity} drift, and the gate has not failed it"
            decide(self.product, self.lake, number=ended.number, approve=True, by="ann", reason=why)
            promote(self.product, self.lake, number=ended.number, by="ann", reason=why)
            by = "ann"
        self.told.append((window, ended, by))

    def labels(self, window: int) -> Any:
        return self._rows(window, "facts", "\"class\" = 'UP'")

    def served(self, window: int) -> Any:
        """Return what the champion of the time gave the rows of a window."""
        return self._rows(window, "scores", "score")

    def by_model(self, window: int, number: int) -> Any:
        """Return what a model gives the rows of a window."""
        spec, model = self.product.model, self.lake.ledger.models.model(self.product.name, number)
        assert spec is not None and model is not None
        with self.lake.connect() as con:
            cells = ", ".join(each.sql for each in spec.features)
            rows = con.execute(f'SELECT {cells} FROM {self._relation(window, "facts")} ORDER BY "row"').df()
        return score(Registry.open(self.settings).load(model), spec, rows)

    def _rows(self, window: int, table: str, sql: str) -> Any:
        with self.lake.connect() as con:
            return con.execute(f'SELECT {sql} AS x FROM {self._relation(window, table)} ORDER BY "row"').df()["x"].to_numpy()

    def _relation(self, window: int, table: str) -> str:
        full_name, keys = self.product.by_name[table].full_name, self.partitions[window * self.days : (window + 1) * self.days]
        return relation(self.lake, list(self.lake.ledger.current_versions(full_name, keys).values()))


def test_the_loop_keeps_a_model_of_the_electricity_market_alive_where_one_left_alone_dies(tmp_path: Path) -> None:
    loop = Loop.of(tmp_path, MARKET)
    alone, kept = [], []
    loop.run(0)
    loop.begin()
    for window in range(1, 10):
        loop.run(window)
        labels = loop.labels(window)
        alone.append(metric_of(Metric.ROC_AUC, labels, loop.by_model(window, 1)))
        kept.append(metric_of(Metric.ROC_AUC, labels, loop.served(window)))
        loop.answer(window)
    print("\nwindow  alone  loop")  # noqa: T201 what this test is for
    for window, (left, right) in enumerate(zip(alone, kept, strict=True), start=1):
        print(f"{window:6} {left:6.3f} {right:5.3f}")  # noqa: T201
    for window, ended, by in loop.told:
        print(f"window {window}: retrain {ended.id}, {ended.severity}: {ended.outcome} {ended.why} {by}")  # noqa: T201
    assert kept[-1] >= 0.85
    assert alone[-1] == pytest.approx(0.67, abs=0.03)
    assert all(ended.severity.is_at_least(Severity.MEDIUM) for window, ended, _ in loop.told if window)


def test_nothing_in_claims_asks_for_a_retrain_but_what_their_labels_say(tmp_path: Path) -> None:
    loop = Loop.of(tmp_path, FRAUD)
    loop.run(0)
    loop.run(1)
    loop.begin()
    for window in range(2, 6):
        loop.run(window)
        loop.answer(window)
    asked = [event for _, ended, _ in loop.told[1:] for event in ended.events]
    reports = [report for event in asked if (report := loop.lake.ledger.drift.report_of(event)) is not None]
    for report in reports:
        print(report.measured.monitor, report.measured.window, report.severity, report.columns)  # noqa: T201
    for window, ended, by in loop.told:
        print(f"window {window}: retrain {ended.id}, {ended.severity}: {ended.outcome} {ended.why} {by}")  # noqa: T201
    assert [report.measured.monitor for report in reports if report.measured.monitor != "scores"] == []
