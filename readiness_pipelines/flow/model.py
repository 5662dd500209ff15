"""From a training set to a champion: every value names what it rests on, by digest.

    TableVersion -> TrainingSet -> ModelVersion -> ModelVerdict -> Evidence -> Review -> Promotion

A model version is a proposal too: the promotion gate judges it on a holdout that neither it nor the champion has seen, and
nothing is promoted without a decision about exactly this evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

from readiness_pipelines.flow.drift import Severity
from readiness_pipelines.flow.gate import Status, TableVersion, digest


class Tier(StrEnum):
    """What harm a wrong score of a model can do: of its use, not of drift. An undeclared one counts as high."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


class Metric(StrEnum):
    """What better means. All are told so that higher is better: a loss is told as its negative."""

    ROC_AUC = "roc_auc"
    AVERAGE_PRECISION = "average_precision"
    BRIER = "brier"
    LOG_LOSS = "log_loss"


@dataclass(frozen=True)
class TrainingSet:
    """Which admitted rows a model is trained on, and on which it is judged. No row is in it: they are read from `versions`.

    `selection` is the digest of what is declared about it, `question` of that part which says what is predicted from which
    columns: a model answers no other one. Partitions up to `cut_off`, inclusive, were looked at, as they were
    admitted when it was selected, and of their labels those that were known when that partition had ended. Rows with a time
    from `holdout_from` (UTC, ISO 8601) on are held out. `left_out` counts by reason what is in neither: rows = train + holdout
    + all that was left out. `leaks` say what of the features must not be known when a score is wanted; with any of them
    nothing is trained. `trained_on` are the partitions of the model's table that have rows which are trained on, sorted: such
    rows are not scored by themselves.
    """

    product: str
    selection: str
    cut_off: str
    versions: tuple[TableVersion, ...]
    rows: int
    train_from: str
    holdout_from: str
    holdout_to: str
    rows_train: int
    rows_holdout: int
    positives_train: int
    positives_holdout: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    leaks: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()
    question: str = ""

    @property
    def id(self) -> str:
        keys = [[v.table, v.partition, v.version_key] for v in self.versions]
        return digest(self.product, self.selection, self.cut_off, keys)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> TrainingSet:
        raw = json.loads(text)
        raw["versions"] = tuple(TableVersion(**v) for v in raw["versions"])
        raw["leaks"], raw["trained_on"] = tuple(raw["leaks"]), tuple(raw["trained_on"])
        return cls(**raw)


@dataclass(frozen=True)
class ModelVersion:
    """A trained model. `number` counts the product's models from 1; `artifact` is the sha256 of what was saved.

    `recipe` is the digest of how it was made of its training set, `code` of the code that made it; the same training set, recipe
    and code give the same `scores`: a digest of its scores on the holdout, rounded to 1e-12. `decide_at` is the score from which
    it predicts the positive class. `run` is MLflow's run.
    """

    product: str
    number: int
    training_set: str
    recipe: str
    code: str
    artifact: str
    scores: str
    decide_at: float
    run: str
    trained_by: str

    @property
    def name(self) -> str:
        """How tables and people name it: unique among all products and all times."""
        return f"{self.product}/{self.number}@{self.artifact[:12]}"

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ModelVersion:
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Judged:
    """What one rule of the promotion gate says, and from what. `about` names a slice or group (`race=Asian`), empty for all.

    `value` is what was measured and [`low`, `high`] its interval, None where there is none; `limit` is what it
    was compared with. `n` are the rows it was measured on. A failed rule names itself in `note`.
    """

    rule: str
    status: Status
    about: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    n: int = 0
    note: str = ""


@dataclass(frozen=True)
class ModelVerdict:
    """What the promotion gate says of a challenger, whole: a table that anyone can read.

    `against` is the champion's artifact, or empty for the declared baseline. `more` are numbers for a reader: the metric of both
    sides, their calibration curves, latencies.
    """

    product: str
    challenger: str
    against: str
    against_name: str
    training_set: str
    demands: str
    judged: tuple[Judged, ...]
    rows: int
    blocks: int
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """Failed where any rule did; undecided where one could not be judged; passed only where all passed."""
        found = {each.status for each in self.judged}
        if Status.FAILED in found:
            return Status.FAILED
        return Status.PASSED if found == {Status.PASSED} else Status.UNDECIDED

    @property
    def failed(self) -> tuple[Judged, ...]:
        return tuple(each for each in self.judged if each.status is Status.FAILED)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ModelVerdict:
        raw = json.loads(text)
        raw["judged"] = tuple(Judged(**{**each, "status": Status(each["status"])}) for each in raw["judged"])
        return cls(**raw)


@dataclass(frozen=True)
class Evidence:
    """All that a promotion rests on. A decision names its digest: other evidence needs another decision.

    `model` is the artifact, `verdict` the digest of the whole verdict, `contract` the contract's version, `policy` the digest of
    what the policy decides by. `severity` is the worst of the drift that asked for the model, none where nobody did.
    """

    product: str
    number: int
    model: str
    training_set: str
    verdict: str
    contract: str
    policy: str
    tier: Tier
    severity: Severity

    @property
    def digest(self) -> str:
        return digest(asdict(self))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        raw = json.loads(text)
        return cls(**{**raw, "tier": Tier(raw["tier"]), "severity": Severity(raw["severity"])})


@dataclass(frozen=True)
class Review:
    """A decision about evidence: approved until `expires_at` (UTC, ISO 8601, exclusive), or rejected; by a person or `policy`."""

    product: str
    evidence: str
    decision: Literal["approved", "rejected"]
    by: str
    reason: str
    expires_at: str
    decided_at: str = ""


@dataclass(frozen=True)
class Promotion:
    """A model version became the champion. `previous` is the number of the one before, 0 for none.

    A roll back is a promotion of an earlier version: `kind` tells it. `evidence` is what its review was about.
    """

    product: str
    number: int
    previous: int
    kind: Literal["promoted", "rolled_back"]
    evidence: str
    reason: str
    by: str
    id: int = 0
    promoted_at: str = ""


POLICY, SCHEDULE = "policy", "schedule"  # who asks, decides or promotes by itself, where no person does


@dataclass(frozen=True)
class Retrain:
    """A challenger that is to be trained, is being trained, or was. `id` is the number of its request.

    `cut_off` is the newest partition it looks at. `severity` is the worst of the events that asked for it, and makes it urgent
    from high on. `not_before` (UTC, ISO 8601) is when it may begin; empty: at once. `outcome` is empty until it has ended, and
    then `promoted`, `waits` (for a person), `rejected`, `refused` (it could not be trained, `why` says what for) or `broken`.
    """

    product: str
    id: int
    state: Literal["requested", "started", "ended"]
    cut_off: str
    severity: Severity
    events: tuple[str, ...]
    reason: str
    by: str
    not_before: str = ""
    run: str = ""
    attempt: int = 0
    outcome: Literal["", "promoted", "waits", "rejected", "refused", "broken"] = ""
    why: str = ""
    number: int = 0
    requested_at: str = ""

    @property
    def is_by_itself(self) -> bool:
        """Whether no person has asked for it."""
        return self.by in (POLICY, SCHEDULE)
