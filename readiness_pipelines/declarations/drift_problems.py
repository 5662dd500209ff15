"""What can be wrong under `drift:` although each of its words is allowed: tables, names, the reference, the order of thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pydantic

from readiness_pipelines.contracts import Reading
from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.drift import USUAL_THRESHOLDS, DriftMonitor, ReferenceRange, Thresholds
from readiness_pipelines.declarations.drift_columns import Told, Where, column_problems
from readiness_pipelines.declarations.known import known_table, layers_of
from readiness_pipelines.declarations.matching import Matching
from readiness_pipelines.declarations.shape import Layer, Shape
from readiness_pipelines.declarations.sql_models import Visible
from readiness_pipelines.flow import Severity, Test
from readiness_pipelines.located import unknown


def drift_problems(
    shape: Shape, found: Matching, contract: Reading | None, visible: Visible, partitions: words.Partitions | None
) -> Iterator[str]:
    """Yield what is wrong with the monitors, each mistake once. Of a table that is not understood only its name is judged."""
    raw = shape.attribute("drift")
    layers, has_model = layers_of(shape, found), shape.attribute("model") is not None
    first: set[str] = set()
    for i, item in enumerate(raw if isinstance(raw, list) else []):
        said = _shaped(item)
        if said is None:
            continue
        told = [*_table_problems(said, layers, all_known=shape.names_every_table), *_name_problems(said, first)]
        told += _reference_problems(said, partitions, has_model=has_model)
        told += [*_order_problems(said), *_persistence_problems(said)]
        seen = known_table(said.table, shape, found, contract, visible)
        if seen is not None and layers.get(said.table) != "bronze":
            told += column_problems(said, seen)
        for where, message in told:
            yield shape.document.problem(["attributes", "drift", i, *where], message)


def _shaped(item: Any) -> DriftMonitor | None:
    try:
        return DriftMonitor.model_validate(item)
    except pydantic.ValidationError:
        return None


def _table_problems(said: DriftMonitor, layers: Mapping[str, Layer], *, all_known: bool) -> Told:
    able = [name for name, layer in layers.items() if layer != "bronze"]
    if layers.get(said.table) == "bronze":
        yield ["table"], f"found {said.table!r}, a bronze table: what arrived as text, expected one of {', '.join(able[:8])}"
    elif said.table not in layers and all_known:
        yield ["table"], unknown(said.table, able)


def _name_problems(said: DriftMonitor, first: set[str]) -> Told:
    name = said.name or said.table
    if name in first:
        where: Where = ["name" if said.name else "table"]
        yield where, f"found the monitor {name!r} twice, expected a name of its own for each (name: ...)"
    first.add(name)


def _reference_problems(said: DriftMonitor, partitions: words.Partitions | None, *, has_model: bool) -> Told:
    days = said.reference
    if days == "training_set" and not has_model:
        yield ["reference"], "found training_set in a product without a model, expected `model:`, {from, to} or previous_window"
    elif days == "training_set" and said.label is not None and (said.score or said.prediction) is not None:
        why = (
            "of the days that a champion was trained on there are the scores of earlier ones alone, so what it loses would not show"
        )
        yield (
            ["reference"],
            f"found training_set for what predictions are worth (label), expected {{from, to}} or previous_window: {why}",
        )
    if not isinstance(days, ReferenceRange):
        return
    length = (days.to - days.from_).days + 1
    if length < 1:
        yield ["reference", "to"], f"found {days.to}, expected a day from {days.from_} (from) on"
    elif length < said.window.days:
        yield ["reference"], f"found {length} days, expected as many as a window has ({said.window.days}) or more"
    if partitions is not None and days.from_ < partitions.start:
        yield ["reference", "from"], f"found {days.from_}, expected a day from partitions.start ({partitions.start}) on"


_DEFAULT = " (the default)"


def _order_problems(said: DriftMonitor) -> Told:
    """Yield severities that could never be given, because a higher one is given from the same effect on."""
    for test, given in said.thresholds.items():
        where: Where = ["thresholds", test.value]
        whole = {"": given, _DEFAULT: USUAL_THRESHOLDS[test]}
        yield from list(_above_one(where, test, given)) or _not_increasing(where, whole)
    for name, column in said.columns.items():
        for test, given in column.thresholds.items():
            where = ["columns", name, "thresholds", test.value]
            usual = {" (the monitor's)": said.thresholds[test]} if test in said.thresholds else {}
            whole = {"": given, **usual, _DEFAULT: USUAL_THRESHOLDS[test]}
            yield from list(_above_one(where, test, given)) or _not_increasing(where, whole)


def _above_one(where: Where, test: Test, said: Thresholds) -> Told:
    """Every effect but PSI is a share, or a difference of two."""
    for severity in Severity.alarms():
        value = getattr(said, severity.value)
        if value is not None and value > 1 and test is not Test.PSI:
            yield [*where, severity.value], f"found {value:g}, expected 1 or less"


def _not_increasing(where: Where, said: Mapping[str, Thresholds]) -> Told:
    """Yield the first that is not above the one before it: of what is said here, or else of that and what it leaves to others.

    `said`: by whose words they are, the nearest first; what they leave out is taken from the next.
    """
    own = said[""]
    for known in ({"": own}, said):
        for (lower, bound, whose), (higher, value, whose_higher) in pairwise(_rising(known)):
            if value <= bound and not (whose and whose_higher):  # those of others are told where they were said
                found = f"found {lower} from {bound:g}{whose} and {higher} from {value:g}{whose_higher}"
                here = lower if whose_higher else higher
                yield [*where, here], f"{found}, expected {higher} above {lower}: one of them could never be given"
                return


def _rising(said: Mapping[str, Thresholds]) -> Iterator[tuple[str, float, str]]:
    """Yield (severity, effect, whose word it is), the lowest severity first; one without an effect is left out."""
    for severity in Severity.alarms():
        given = ((getattr(each, severity.value), whose) for whose, each in said.items())
        value, whose = next(((value, whose) for value, whose in given if value is not None), (None, ""))
        if value is not None:
            yield severity.value, value, whose


def _persistence_problems(said: DriftMonitor) -> Told:
    for severity, wanted in said.persistence.items():
        if severity is Severity.NONE:
            yield ["persistence", "none"], "found 'none', expected one of low, medium, high, critical"
        elif wanted.windows > wanted.of:
            message = f"found {wanted.windows} windows of the newest {wanted.of}, expected at most {wanted.of}"
            yield ["persistence", severity.value, "windows"], message
