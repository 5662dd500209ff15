"""The words of `model:` in `defs.yaml`: what is predicted from what, what a model must prove, and who may promote it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from readiness_pipelines.declarations.drift import Class, Columns
from readiness_pipelines.declarations.kinds import Declared, Name
from readiness_pipelines.flow import Metric, Severity, Tier

Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Positive = Annotated[int, Field(ge=1, strict=True)]


class Label(Declared):
    """What is to be predicted, and where it is written down when it has become known."""

    table: Name = Field(description="a silver or gold table; its rows are matched with what is scored by `by`")
    column: str = Field(description="column with the true class; null: not known yet")
    positive: Class = Field(default=True, description="the class whose probability is predicted")
    by: Columns = Field(min_length=1, description="columns that both tables have, which name what is scored")
    known_at: str | None = Field(default=None, description="when it became known; default: when its partition had ended")


class Baseline(Declared):
    """What the first champion must beat."""

    sql: str | None = Field(
        default=None, description="a score over the table's columns, higher is more likely; default: the same for everybody"
    )


class Slice(Declared):
    """Rows that share a value of a column: on none of them may a challenger lose what it wins elsewhere."""

    column: str = Field(description="a column of the table")
    margin: Share = Field(default=0.05, description="of the metric: how much worse than the champion is still borne")
    min_rows: Positive = Field(default=200, description="values with fewer rows of the holdout are judged together")


class Protected(Declared):
    """An attribute by which nobody may be treated worse."""

    column: str = Field(description="a column of the table")
    measure: Literal["demographic_parity", "equal_opportunity", "equalized_odds"] = Field(
        default="equal_opportunity", description="what must not differ: share predicted positive; share of positives found; both"
    )
    limit: Share = Field(default=0.2, description="largest difference between two groups that is borne")
    min_rows: Positive = Field(default=100, description="of a group: the rows of the holdout that the measure counts")


class Limits(Declared):
    """What else a challenger must keep to."""

    calibration: Share = Field(default=0.1, description="expected calibration error, at most")
    perturbed: Share = Field(default=0.1, description="loss of the metric under noise, missing values, or inputs out of range")
    latency_ms: float = Field(default=5.0, gt=0, strict=True, description="per row, scored in batches of 1,000, at most")


class Retraining(Declared):
    """When a challenger is trained."""

    from_: Severity = Field(default=Severity.MEDIUM, alias="from", description="drift of this severity or worse asks for one")
    cooldown_days: int = Field(
        default=7, ge=0, strict=True, description="of data between two of them; high and critical do not wait"
    )
    per_week: Positive = Field(default=5, description="at most, by the clock, of what no person asked for")
    every: str | None = Field(
        default=None, description="also by a cron schedule, in UTC; default: only when drift or a person asks"
    )


class ModelBlock(Declared):
    """A model that predicts one class of each row of a table."""

    table: Name = Field(description="the silver or gold table whose rows are scored: what is known when a score is wanted")
    time: str = Field(description="its column with the time a row speaks of: a score is wanted then")
    known_at: str | None = Field(default=None, description="when a row became known; default: `time`")
    label: Label = Field(description="what is to be predicted")
    features: Columns | None = Field(default=None, description="default: every column but keys, times, groups and PII")
    columns: dict[str, Literal["number", "category"]] = Field(
        default_factory=dict, description="what a feature is; default: by its type; whole numbers that are codes are categories"
    )
    groups: Columns = Field(
        default_factory=list, description="columns that name a person: nobody has rows both in training and in the holdout"
    )
    slices: list[Slice] = Field(default_factory=list, description="on which rows it must not lose what it wins on others")
    protected: list[Protected] = Field(default_factory=list, description="by which attributes nobody may be treated worse")
    estimator: str = Field(
        default="gradient_boosting", description="gradient_boosting, logistic, or module:function that returns an estimator"
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="of the estimator")
    balance: bool = Field(default=False, description="weigh the classes alike in training; scores are calibrated afterwards")
    seed: int = Field(default=0, ge=0, strict=True, description="of what chance decides in training")
    train_days: Positive | None = Field(default=None, description="days before the holdout that are trained on; default: all")
    holdout_days: Positive = Field(default=14, description="the newest days with labels, which nothing is trained on")
    metric: Metric = Field(default=Metric.ROC_AUC, description="what better means")
    at_least: Literal["better", "not_worse"] = Field(default="better", description="what a challenger must be")
    margin: Share = Field(default=0.0, description="better by more than this; not worse by as much")
    decide_at: Share | None = Field(
        default=None,
        description="score from which the class is predicted; default: the share of positives predicted is as in training",
    )
    min_rows: Positive = Field(default=500, description="to train on; the holdout needs a fifth of it")
    min_positives: Positive = Field(default=30, description="to train on; the holdout needs a third of it")
    baseline: Baseline = Field(default_factory=Baseline, description="what the first champion must beat")
    limits: Limits = Field(default_factory=Limits, description="what else a challenger must keep to")
    risk_tier: Literal["low", "medium", "high"] | None = Field(
        default=None, description="what harm a wrong score can do; only at low a policy may promote. Default: unknown, as high"
    )
    approvals_expire_days: Positive = Field(default=30, description="an approval counts for this long")
    retraining: Retraining = Field(default_factory=Retraining, description="when a challenger is trained")

    @property
    def tier(self) -> Tier:
        return Tier(self.risk_tier) if self.risk_tier is not None else Tier.UNKNOWN
