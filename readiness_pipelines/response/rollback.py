"""Whether the champion before was better on the very window in which this one disappoints.

The loss of a window says that something is wrong, not that the champion is: rows may have become harder for every model. So
both score the window's rows again whose labels are known, and which are later than all that either has learned from or was tried
on: labels come after their rows, and what lies between is news to both, whatever their cut-offs. Nothing is promoted here.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.drift.concept import LEAST_OF_CLASS
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import DriftReport, ModelVersion, TrainingSet
from readiness_pipelines.gates.columns import quoted
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.response.policy import Comparison

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def compared(product: Product, lake: Lakehouse, report: DriftReport, *, cut_off: str) -> Comparison | None:
    """Compare the champion before with the champion on the window of this report; None where there is no champion.

    Better is: the lower bound of the one-sided 95% interval of the paired difference is above 0 (`models/judging/better.py`), over
    persons, or over days where the model has no `groups`. Labels are those known by the end of `cut_off`. Nobody can tell with
    fewer than 20 rows of a class, where the monitor's rows cannot be matched with what was scored, or where a model cannot score
    them: its artifact is gone, it was made of other features, versions are not kept any more, MLflow cannot be reached. It is said
    then, and not raised: an event must take effect whether or not anybody can compare. The rows are those of the training set at
    `cut_off`, which the retrain that follows uses too; it is pinned and recorded.
    """
    from readiness_pipelines.models.succession import earlier

    spec, models = product.model, lake.ledger.models
    champion = models.champion(product.name)
    if spec is None or champion is None:
        return None
    previous = models.model(product.name, earlier(models.promotions(product.name)))
    if previous is None:
        return Comparison(0, None, "there is no champion before it", champion.number)
    try:
        found = _found(product, lake, spec, report, cut_off=cut_off, champion=champion, previous=previous)
    except ReadinessError as error:
        found = str(error)
    if isinstance(found, str):
        why = f"whether model {previous.number} is better cannot be told: {found}"
        return Comparison(previous.number, None, why, champion.number)
    return found


def _found(
    product: Product,
    lake: Lakehouse,
    spec: ModelSpec,
    report: DriftReport,
    *,
    cut_off: str,
    champion: ModelVersion,
    previous: ModelVersion,
) -> Comparison | str:
    from readiness_pipelines.models.registry import Registry
    from readiness_pipelines.models.scores import score_or_why
    from readiness_pipelines.models.training_set import learned_by

    learned = {each.number: learned_by(lake, each) for each in (champion, previous)}
    after = max(each.holdout_to for each in learned.values())
    rows = _rows(product, lake, spec, report, cut_off=cut_off, after=after)
    if isinstance(rows, str):
        return rows
    positives = int(rows["label"].sum())
    if min(positives, len(rows) - positives) < LEAST_OF_CLASS:
        found = f"{len(rows):,} rows with a label that are later than {after[:19]}, {positives:,} of them positive"
        return f"{found}; {LEAST_OF_CLASS} of each class are needed"
    load = Registry.open(lake.settings).load
    said: dict[int, np.ndarray] = {}
    for each in (champion, previous):
        scores = score_or_why(each, load, spec, rows, trained_on=learned[each.number])
        if isinstance(scores, str):
            return f"model {each.number} cannot score the window's rows: {scores}"
        said[each.number] = scores
    return _compared(spec, rows, said, champion=champion.number, previous=previous.number)


def has_news(
    product: Product, lake: Lakehouse, spec: ModelSpec, report: DriftReport, learned: TrainingSet, *, cut_off: str
) -> bool:
    """Return whether the window has rows with a label that are later than all that a model has learned from or was tried on.

    Labels are those known by the end of `cut_off`. Where the rows cannot be read or matched it has: no alarm is passed over.
    """
    try:
        rows = _rows(product, lake, spec, report, cut_off=cut_off, after=learned.holdout_to)
    except ReadinessError:
        return True
    return isinstance(rows, str) or len(rows) > 0


def _rows(
    product: Product, lake: Lakehouse, spec: ModelSpec, report: DriftReport, *, cut_off: str, after: str
) -> pd.DataFrame | str:
    """Return the window's rows with a label and a time after `after` (UTC), or why they cannot be found."""
    from readiness_pipelines.models.training_set import lay_out, select

    by = spec.words.label.by
    watched = next((table.table for table in product.tables if table.full_name == report.measured.table), None)
    if watched is None:
        return f"{report.measured.table} is not declared any more"
    if lacking := [name for name in by if name not in {column.name for column in watched.columns}]:
        return f"{report.measured.table} has no column {', '.join(lacking)}, by which its rows are matched with what was scored"
    training_set = select(product, lake, cut_off=cut_off)
    with lake.connect() as con:
        name = lay_out(con, lake, product, training_set)
        window = f"SELECT DISTINCT {_list(by)} FROM {relation(lake, report.measured.versions, columns=by)}"
        query = (
            f"SELECT l.* FROM {name} AS l JOIN {_scored(lake, spec, training_set)} AS s USING (row_id) "
            f"JOIN ({window}) AS w USING ({_list(by)}) WHERE l.time > ? ORDER BY l.time, l.row_id, l.partition_key"
        )
        return con.execute(query, [datetime.datetime.fromisoformat(after)]).df()


def _scored(lake: Lakehouse, spec: ModelSpec, training_set: TrainingSet) -> str:
    versions = [version for version in training_set.versions if version.table == spec.scored.full_name]
    return relation(lake, versions, columns=["row_id", *spec.words.label.by])


def _list(names: list[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def _compared(spec: ModelSpec, rows: pd.DataFrame, said: dict[int, np.ndarray], *, champion: int, previous: int) -> Comparison:
    import math

    from readiness_pipelines.models.judging.better import paired

    labels = rows["label"].to_numpy(dtype=bool)
    value, low, _ = paired(spec.words.metric, labels, said[previous], said[champion], _blocks(spec, rows), seed=spec.words.seed)
    told = f"model {previous} against model {champion} on {len(rows):,} rows: {spec.words.metric} {value:+.3f}"
    if not math.isfinite(low):
        return Comparison(previous, None, f"{told}, and too few {'persons' if spec.words.groups else 'days'} to tell", champion)
    return Comparison(previous, low > 0, f"{told}, with 95% confidence more than {low:+.3f}", champion)


def _blocks(spec: ModelSpec, rows: pd.DataFrame) -> np.ndarray:
    """Return whose, or of which day, each row is: rows of one block depend on each other."""
    return rows["person"].to_numpy() if spec.words.groups else rows["time"].to_numpy(dtype="datetime64[D]")
