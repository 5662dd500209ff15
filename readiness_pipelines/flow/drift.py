"""From admitted versions to a decision: what was measured of a window, what the rule says of it, what is done about it.

A `Measured` holds numbers and no judgement, so that other thresholds can be tried on it without reading a row. A
`DriftReport` is one judgement of it by one rule. A `ResponseDecision` is the one effect of its event.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from readiness_pipelines.flow.gate import TableVersion, digest


class Severity(StrEnum):
    """How much a window differs from its reference. Ordered by `rank`; `none` is no drift that was found."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for none to 4 for critical."""
        return list(Severity).index(self)

    def is_at_least(self, other: Severity) -> bool:
        return self.rank >= other.rank

    @classmethod
    def worst(cls, of: Iterable[Severity]) -> Severity:
        """Return the highest of them, none if there are none."""
        return max(of, key=lambda each: each.rank, default=cls.NONE)

    @classmethod
    def alarms(cls) -> tuple[Severity, ...]:
        """Return all but none, the lowest first."""
        return tuple(each for each in cls if each is not cls.NONE)


class Kind(StrEnum):
    """What it is that differs."""

    DATA = "data"  # a feature
    PREDICTION = "prediction"  # a score or a predicted class
    LABEL = "label"  # the share of the labels
    MISSINGNESS = "missingness"  # how often a column has no value
    CONCEPT = "concept"  # what the prediction is worth, by the labels that are known


class Test(StrEnum):
    """What was tested; its effect is what thresholds are declared for."""

    KS = "ks"  # effect: D, the largest distance of the two distribution functions
    PSI = "psi"  # effect: debiased PSI over bins or categories; p: chi-squared of the two rows of counts
    NULLS = "nulls"  # effect: absolute change of the share without a value
    UNSEEN = "unseen"  # effect: share of rows in categories that the reference has not
    PERFORMANCE = "performance"  # effect: absolute loss of the metric

    __test__ = False  # no test of pytest's


class Mode(StrEnum):
    """What became of a measurement or of its judgement. Only `decided` is one, and only it can say that nothing is wrong."""

    DECIDED = "decided"
    INSUFFICIENT_SAMPLE = "insufficient_sample"  # too few rows to have found the low effect, had it been there
    LEARNING = "learning"  # no reference yet, or too short a past
    UNDECIDED = "undecided"  # the bracket allows more than one answer, and the rows were not read


@dataclass(frozen=True)
class Window:
    """Partitions `first` to `last`, both inclusive, of one monitor's table."""

    first: str
    last: str

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}...{self.last}"


@dataclass(frozen=True)
class Measurement:
    """One statistic of one column of one window against its reference.

    `effect` is what thresholds are compared with. Where it is known as a bracket only, `effect` is its lower end and
    `effect_high` its upper one, and `p` (of the lower end) is the larger, `p_low` the smaller p; else both are None. `n` are
    the rows that the test used on either side. `p` is None where there is no test. `group` names a slice of the rows
    (`race=asian`), empty for all; slices are shown and never alarm. `more` are other numbers for a reader: jensen_shannon,
    wasserstein, mean and sd of both sides, the metric of both sides with its interval ... `note` says why something is not
    measured.
    """

    column: str
    kind: Kind
    test: Test
    effect: float | None
    p: float | None
    n_reference: int
    n_window: int
    effect_high: float | None = None
    p_low: float | None = None
    group: str = ""
    mode: Mode = Mode.DECIDED
    note: str = ""
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        return self.effect_high is None


@dataclass(frozen=True)
class Reference:
    """What a window was compared with: these versions, binned by this layout. `name` says in words which they are.

    `id` is a digest of monitor, versions and layout. `layout` is the digest of bin edges and categories.
    """

    id: str
    name: str
    versions: tuple[TableVersion, ...]
    layout: str


@dataclass(frozen=True)
class Measured:
    """All numbers of one window against one reference, without a judgement.

    `versions` are the admitted versions it was computed from, oldest partition first; `absent` the partitions of the window
    that have none (held, missing, not due). `event` is a digest of monitor, reference, window and versions: the same event,
    the same numbers. `rows` are those of the window, `rows_reference` those of the reference.
    """

    product: str
    monitor: str
    table: str
    window: Window
    reference: Reference
    versions: tuple[TableVersion, ...]
    absent: tuple[str, ...]
    rows: int
    rows_reference: int
    measurements: tuple[Measurement, ...]

    @property
    def event(self) -> str:
        keys = [[v.partition, v.version_key] for v in self.versions]
        return digest(self.product, self.monitor, self.reference.id, self.window.first, self.window.last, keys)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Measured:
        return _measured(json.loads(text))


@dataclass(frozen=True)
class Finding:
    """What the rule says of one measurement: `corrected_p` after all tests of the window, `threshold` that was passed.

    `missable` is the highest severity that could have been there without being found (power below .8).
    """

    column: str
    kind: Kind
    test: Test
    severity: Severity
    mode: Mode
    effect: float | None = None
    corrected_p: float | None = None
    threshold: float | None = None
    group: str = ""
    note: str = ""
    missable: Severity = Severity.NONE

    @property
    def share(self) -> float:
        """Effect in thresholds: 1 and more has passed it. 0 where nothing was measured."""
        return self.effect / self.threshold if self.effect and self.threshold else 0.0


@dataclass(frozen=True)
class Trend:
    """A sustained movement of one series over the windows before, and when it would cross the low threshold if it goes on.

    `slope` is per window; `p_regression` and `p_mann_kendall` of no trend; `crosses_at` the last partition of the projected
    window, empty where it has been crossed already or lies beyond the horizon.
    """

    column: str
    test: Test
    windows: int
    slope: float
    p_regression: float
    p_mann_kendall: float
    crosses_at: str = ""


@dataclass(frozen=True)
class DriftReport:
    """The judgement of one window by one rule. Stored whether it alarms or not.

    `rule` is the digest of thresholds, correction and whatever else the judgement depends on. `severity` is the worst of
    the findings, `columns` those at that severity, the worst first (`worst_first`). `superseded` is the event of an older
    measurement of the same window (late data), empty if there is none.
    """

    measured: Measured
    rule: str
    severity: Severity
    mode: Mode
    findings: tuple[Finding, ...]
    trends: tuple[Trend, ...] = ()
    columns: tuple[str, ...] = ()
    superseded: str = ""
    notes: tuple[str, ...] = ()

    @property
    def event(self) -> str:
        return self.measured.event

    def rules_out(self, severity: Severity) -> bool:
        """Return whether the window is known to be below this severity: nothing reached it, and nothing could have unseen."""
        worst = Severity.worst([self.severity, *(each.missable for each in self.findings)])
        return bool(self.findings) and not worst.is_at_least(severity)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> DriftReport:
        raw = json.loads(text)
        raw["measured"] = _measured(raw["measured"])
        raw["severity"], raw["mode"] = Severity(raw["severity"]), Mode(raw["mode"])
        raw["findings"] = tuple(_finding(f) for f in raw["findings"])
        raw["trends"] = tuple(Trend(**{**t, "test": Test(t["test"])}) for t in raw["trends"])
        raw["columns"], raw["notes"] = tuple(raw["columns"]), tuple(raw["notes"])
        return cls(**raw)


@dataclass(frozen=True)
class ResponseDecision:
    """What is done about one event: the one effect that it has. `action` is a word of the response policy.

    `policy` is the digest of what the decision depends on besides the report; `decided_by` the run that took it. `retrain` is the
    number of the retrain that it asked for or joined, 0 for none.
    """

    event: str
    product: str
    monitor: str
    window: Window
    severity: Severity
    columns: tuple[str, ...]
    action: str
    why: str
    policy: str
    decided_by: str
    retrain: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ResponseDecision:
        raw = json.loads(text)
        raw["window"], raw["severity"] = Window(**raw["window"]), Severity(raw["severity"])
        raw["columns"] = tuple(raw["columns"])
        return cls(**raw)


def _measured(raw: dict[str, Any]) -> Measured:
    reference = raw["reference"]
    raw["window"] = Window(**raw["window"])
    raw["reference"] = Reference(**{**reference, "versions": tuple(TableVersion(**v) for v in reference["versions"])})
    raw["versions"] = tuple(TableVersion(**v) for v in raw["versions"])
    raw["absent"] = tuple(raw["absent"])
    raw["measurements"] = tuple(
        Measurement(**{**m, "kind": Kind(m["kind"]), "test": Test(m["test"]), "mode": Mode(m["mode"])}) for m in raw["measurements"]
    )
    return Measured(**raw)


def _finding(raw: dict[str, Any]) -> Finding:
    severities = {"severity": Severity(raw["severity"]), "missable": Severity(raw.get("missable", "none"))}
    return Finding(**{**raw, **severities, "kind": Kind(raw["kind"]), "test": Test(raw["test"]), "mode": Mode(raw["mode"])})
