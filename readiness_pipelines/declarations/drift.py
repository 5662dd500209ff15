"""The words of `drift:` in `defs.yaml`: what is compared with what, and what counts as drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from readiness_pipelines.declarations.kinds import Day, Declared, Name
from readiness_pipelines.flow import Severity, Test

Columns = list[str]
Effect = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]
REFERENCE_WORD, REFERENCE_RANGE = "(a word for the reference)", "(a range of the reference)"


class DriftWindow(Declared):
    """Which days are looked at together, and how often."""

    days: int = Field(ge=1, strict=True, description="how many days a window is long")
    step: int = Field(default=1, ge=1, strict=True, description="days from the end of one window to the end of the next")


class ReferenceRange(Declared):
    """Fixed partitions: those of these days."""

    from_: Day = Field(alias="from", description="first day, inclusive")
    to: Day = Field(description="last day, inclusive")


def _class(value: Any) -> Any:
    """One message for whatever is no class; a union would tell one for each of its members."""
    if isinstance(value, str | int):
        return value
    raise PydanticCustomError("no_class", "expected a class")


Class = Annotated[str | int | bool, BeforeValidator(_class)]


def _form(value: Any) -> str:
    return REFERENCE_RANGE if isinstance(value, dict | ReferenceRange) else REFERENCE_WORD


ReferenceWords = Annotated[
    Annotated[Literal["previous_window", "training_set"], Tag(REFERENCE_WORD)] | Annotated[ReferenceRange, Tag(REFERENCE_RANGE)],
    Discriminator(_form),
]


class Thresholds(Declared):
    """The effect from which on each severity is given; one that is left out keeps its default. Only PSI can be above 1."""

    low: Effect | None = Field(default=None, description="effect from which on it is low, inclusive")
    medium: Effect | None = Field(default=None, description="effect from which on it is medium, inclusive")
    high: Effect | None = Field(default=None, description="effect from which on it is high, inclusive")
    critical: Effect | None = Field(default=None, description="effect from which on it is critical, inclusive")


# The smallest effects that matter to most readers; performance has no low: what it loses is lost in money or health.
USUAL_THRESHOLDS: Mapping[Test, Thresholds] = {
    Test.KS: Thresholds(low=0.05, medium=0.1, high=0.2, critical=0.3),
    Test.PSI: Thresholds(low=0.02, medium=0.1, high=0.2, critical=0.3),
    Test.NULLS: Thresholds(low=0.05, medium=0.1, high=0.2, critical=0.3),
    Test.UNSEEN: Thresholds(low=0.05, medium=0.1, high=0.2, critical=0.3),
    Test.PERFORMANCE: Thresholds(medium=0.03, high=0.05, critical=0.1),
}


class MonitoredColumn(Declared):
    """What is different about one column."""

    as_: Literal["number", "category"] | None = Field(
        default=None, alias="as", description="default: by its type; whole numbers that are codes are categories"
    )
    weight: float = Field(
        default=1, gt=0, strict=True, description="how much of the false-alarm rate it may use, beside the others' 1"
    )
    thresholds: dict[Test, Thresholds] = Field(default_factory=dict, description="of this column alone")


class Persistence(Declared):
    """A severity is given only where it was reached in `windows` of the newest `of`, this one included."""

    windows: int = Field(ge=1, strict=True, description="in how many windows it must be reached")
    of: int = Field(ge=1, strict=True, description="of how many of the newest, this one included")


class DriftMonitor(Declared):
    """One table that is watched: windows of its admitted partitions, each compared with the reference."""

    name: Name | None = Field(default=None, description="default: the table's name")
    table: Name = Field(description="a table of this product, of any layer but bronze")
    window: DriftWindow
    reference: ReferenceWords = Field(
        description="{from, to}: the admitted versions of these days; previous_window; training_set: the champion's"
    )
    features: Columns | None = Field(
        default=None, description="default: every column but keys, days, times, PII, and those named below"
    )
    score: str | None = Field(default=None, description="column with the predicted probability of the positive class")
    prediction: str | None = Field(default=None, description="column with the predicted class")
    label: str | None = Field(default=None, description="column with the true class; null: not known yet")
    positive: Class = Field(default=1, description="the value of the label that the score is the probability of; 1 is true")
    groups: Columns = Field(default_factory=list, description="columns whose values are slices: performance is told for each")
    min_rows: int = Field(default=200, ge=2, strict=True, description="below that, on either side, nothing is judged")
    false_alarm_rate: float = Field(
        default=0.05, gt=0, lt=1, strict=True, description="of a window without drift, over all its tests"
    )
    thresholds: dict[Test, Thresholds] = Field(default_factory=dict, description="effects, by test")
    columns: dict[str, MonitoredColumn] = Field(default_factory=dict, description="what is different about a column")
    persistence: dict[Severity, Persistence] = Field(default_factory=dict, description="by severity; default: one window is enough")
