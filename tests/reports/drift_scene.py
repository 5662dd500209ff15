"""A shop whose patients drift: its monitors are declared, and its reports put into the ledger by hand.

Every number below is chosen, none is measured, so that what is told of them can be compared with what was chosen.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from random import Random

from readiness_pipelines.flow import (
    DriftReport,
    Finding,
    Kind,
    Measured,
    Measurement,
    Mode,
    Reference,
    ResponseDecision,
    Severity,
    TableVersion,
    Test,
    Trend,
    Window,
    worst_of_columns,
)
from readiness_pipelines.lakehouse import Lakehouse
from tests.shop import Shop

NOW = datetime.datetime(2025, 3, 1)
TABLE = "shop.gold.paid_orders"
SECRET = "Zanzibar"  # a category of a column that is not public: it may be nowhere
FEATURES = ("age", "stay", "payer_code", "city")

_DRIFT = """\
  drift:
    - name: patients
      table: paid_orders
      window: {days: 2}
      reference: {from: 2025-01-01, to: 2025-01-02}
      features: [age, stay, payer_code, city]
      score: score
      label: readmitted
      groups: [city]
    - name: orders
      window: {days: 1}
      table: orders
      reference: previous_window
"""
_COLUMNS = """\
      - {name: age, logicalType: integer, classification: public}
      - {name: stay, logicalType: number, classification: public}
      - {name: payer_code, logicalType: string, classification: public}
      - {name: city, logicalType: string, classification: PII}
      - {name: score, logicalType: number, classification: public}
      - {name: readmitted, logicalType: integer, classification: public}
"""
_SQL = (
    "SELECT orders.row_id AS source_row_id, order_id, amount, amount % 90 AS age, CAST(amount AS DOUBLE) / 7 AS stay,"
    f" 'BC' AS payer_code, '{SECRET}' AS city, amount / 1000.0 AS score, 1 AS readmitted FROM orders"
)
THRESHOLDS = {
    **dict.fromkeys((Test.KS, Test.NULLS, Test.UNSEEN), (0.05, 0.10, 0.20, 0.30)),
    Test.PSI: (0.02, 0.10, 0.20, 0.30),
    Test.PERFORMANCE: (0.03, 0.03, 0.05, 0.10),
}


def build(shop: Shop) -> Shop:
    """Declare the monitors and their columns."""
    defs, contract = shop.folder / "defs.yaml", shop.folder / "contract.yaml"
    defs.write_text(defs.read_text() + _DRIFT)
    before, found, after = contract.read_text().partition("  - name: daily_revenue\n")
    contract.write_text(before + _COLUMNS + found + after)
    (shop.folder / "gold" / "paid_orders.sql").write_text(_SQL)
    return shop


def measurement(
    column: str, test: Test, effect: float | None, *, p: float | None = 1e-6, n: int = 1000, **more: float
) -> Measurement:
    kind = {Test.NULLS: Kind.MISSINGNESS, Test.PERFORMANCE: Kind.CONCEPT}.get(test, Kind.DATA)
    return Measurement(column, kind, test, effect, p, n, n, more=more)


def performance(window: float, *, reference: float = 0.8, n: int = 1000, group: str = "") -> Measurement:
    ends = {"metric_window_low": window - 0.02, "metric_window_high": window + 0.02}
    more = {"metric_window": window, "metric_reference": reference, **ends}
    return Measurement("score", Kind.CONCEPT, Test.PERFORMANCE, max(0.0, reference - window), 0.001, n, n, group=group, more=more)


def report(
    last: str,
    measurements: Sequence[Measurement],
    *,
    monitor: str = "patients",
    days: int = 2,
    key: str = "a",
    mode: Mode = Mode.DECIDED,
    trends: Sequence[Trend] = (),
    absent: Sequence[str] = (),
    superseded: str = "",
    notes: Sequence[str] = (),
) -> DriftReport:
    """Judge by the default thresholds: a p below .05, and the effect. `key` tells versions, and so events, apart."""
    end = datetime.date.fromisoformat(last)
    keys = [str(end - datetime.timedelta(days=n)) for n in reversed(range(days))]
    versions = tuple(TableVersion(TABLE, each, key * 64, 1) for each in keys if each not in absent)
    days_of_reference = tuple(TableVersion(TABLE, f"2025-01-0{n}", "r" * 64, 1) for n in (1, 2))
    reference = Reference("ref", "2025-01-01...2025-01-02", days_of_reference, "layout")
    measured = Measured(
        "shop", monitor, TABLE, Window(keys[0], last), reference, versions, tuple(absent), 2000, 2000, tuple(measurements)
    )
    findings = tuple(_finding(each, mode) for each in measurements)
    alarming = [each for each in findings if not each.group]
    worst = Severity.worst(each.severity for each in alarming)
    names = tuple(worst_of_columns(alarming, worst)) if worst is not Severity.NONE else ()
    return DriftReport(measured, "rule", worst, mode, findings, tuple(trends), names, superseded, tuple(notes))


def _finding(m: Measurement, mode: Mode) -> Finding:
    limits = THRESHOLDS[m.test]
    passed = sum(m.effect >= limit for limit in limits) if m.effect is not None and (m.p or 0) < 0.05 and not m.group else 0
    severity = list(Severity)[passed]
    return Finding(m.column, m.kind, m.test, severity, mode, m.effect, m.p, limits[max(passed - 1, 0)], group=m.group)


def put(shop: Shop, *reports: DriftReport) -> Lakehouse:
    """Record and judge each, in this order."""
    lake = Lakehouse.open(shop.settings)
    for each in reports:
        lake.ledger.drift.record(each.measured)
        lake.ledger.drift.judge(each)
    return lake


def decision(about: DriftReport, *, why: str = "recorded and told", run: str = "run-1") -> ResponseDecision:
    m = about.measured
    said = (about.severity, about.columns, "observe", why, "policy", run)
    return ResponseDecision(about.event, m.product, m.monitor, m.window, *said)


def decide(lake: Lakehouse, about: DriftReport, *, why: str = "recorded and told", run: str = "run-1") -> None:
    """Claim the event for the run, and record what it decides."""
    assert lake.ledger.drift.claim(about.event, run, is_over=lambda _: False).state == "mine"
    assert lake.ledger.drift.decide(decision(about, why=why, run=run))


def day(number: int) -> str:
    return str(datetime.date(2025, 1, 1) + datetime.timedelta(days=number - 1))


def columns(**ks: float) -> list[Measurement]:
    """A measurement by KS of each named column."""
    return [measurement(name, Test.KS, effect) for name, effect in ks.items()]


def play(shop: Shop) -> Lakehouse:
    """Six windows of `patients`: quiet, quiet, low, too few rows, medium (decided), high in two columns; `orders` has none."""
    build(shop)
    quiet: Mapping[str, float] = {"age": 0.01, "stay": 0.02, "score": 0.015}
    nulls = [measurement("payer_code", Test.NULLS, 0.004, p=0.6), measurement("payer_code", Test.PSI, 0.001, p=0.7)]
    trend = Trend("score", Test.PERFORMANCE, 6, -0.0125, 0.003, 0.008, crosses_at=day(15))
    by_city = [performance(0.75, n=300, group="city=#1"), performance(0.6, n=250, group=f"city={SECRET}")]
    medium = report(day(7), [*columns(**{**quiet, "age": 0.12}), *nulls, performance(0.79)])
    late = report(day(8), [*columns(**quiet), *nulls], key="b")
    newest = [
        *columns(age=0.22, stay=0.06, score=0.02),
        measurement("payer_code", Test.NULLS, 0.26),
        measurement("payer_code", Test.PSI, 0.15),
        measurement("city", Test.UNSEEN, 0.0, p=None),
        performance(0.78),
        *by_city,
    ]
    lake = put(
        shop,
        report(day(4), [*columns(**quiet), *nulls, performance(0.81)]),
        report(day(5), [*columns(**quiet), *nulls, performance(0.8)]),
        report(day(6), [*columns(**{**quiet, "stay": 0.07}), *nulls, performance(0.8)]),
        medium,
        late,
        report(day(8), columns(**quiet), mode=Mode.INSUFFICIENT_SAMPLE, absent=[day(7)], superseded=late.event, key="c"),
        report(day(9), newest, trends=[trend], notes=["2025-01-02 of the reference is not current any more"]),
    )
    decide(lake, medium, why="medium: recorded & told")
    return lake


def a_year(*, windows: int = 365, features: int = 200, seed: int = 6) -> list[DriftReport]:
    """Windows of two days, one a day: most columns rest, some move slowly, some at once, some now and then; the score wears off."""
    random, start = Random(seed), datetime.date(2025, 1, 8)
    moves = [(random.choice((0, 0, 0, 0, 1, 2, 3)), random.random(), random.randrange(windows)) for _ in range(features)]
    reports = []
    for n in range(windows):
        found = []
        for i, (move, size, since) in enumerate(moves):
            noise = abs(random.gauss(0, 0.012))
            moved = (0.0, 0.16 * size * n / windows, 0.25 * size * (n > since), 0.2 * size * ((n * 7 + i) % 41 < 3))[move]
            name, p = f"{_NOUNS[i % len(_NOUNS)]}_{i}" if i >= len(_NOUNS) else _NOUNS[i], 1e-5 if moved > 0.03 else 0.5
            found.append(measurement(name, Test.KS if i % 4 else Test.UNSEEN, noise + moved, p=p, n=1000))
            found.append(measurement(name, Test.PSI, (noise + moved) ** 1.6, p=p, n=1000))
            if i % 3 == 0:
                found.append(measurement(name, Test.NULLS, noise / 2, p=0.7, n=1000))
        worth = 0.79 - 0.05 * n / windows
        found.append(performance(worth + random.gauss(0, 0.008), reference=0.79, n=1400))
        for group in ("payer_code=MC", "payer_code=HM", "payer_code=self-pay", "city=#1", "city=#2"):
            less = 0.03 * (group.endswith("pay") and n > windows / 2)
            found.append(performance(worth - less + random.gauss(0, 0.012), reference=0.79, n=420, group=group))
        last = str(start + datetime.timedelta(days=n))
        mode = Mode.INSUFFICIENT_SAMPLE if n % 53 == 20 else Mode.DECIDED
        absent = [str(start + datetime.timedelta(days=n - k)) for k in range(2) if (n - k) % 90 == 60]
        trends = [Trend("score", Test.PERFORMANCE, 24, -0.0021, 0.0004, 0.0011, str(start + datetime.timedelta(days=n + 12)))]
        trends += [Trend("stay", Test.KS, 24, 0.0031, 0.002, 0.004)]
        reports.append(report(last, found, mode=mode, absent=absent, trends=trends if n > 100 else ()))
    return reports


_NOUNS = [
    "age",
    "stay",
    "payer_code",
    "diagnosis",
    "medications",
    "procedures",
    "visits_before",
    "emergencies",
    "inpatient",
    "outpatient",
    "insulin",
    "a1c",
    "weight",
    "admission_type",
    "discharge_to",
    "specialty",
    "lab_tests",
    "glucose",
    "change_of_medication",
    "sex",
    "race",
    "time_in_hospital",
    "number_diagnoses",
    "metformin",
    "glipizide",
    "rosiglitazone",
    "acarbose",
]
