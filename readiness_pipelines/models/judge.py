"""The promotion gate: a challenger against the champion, on rows that neither has seen; rule by rule, whole, and by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import VersionNotFound
from readiness_pipelines.flow import ModelVerdict, ModelVersion, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models.judging.names import rules_of
from readiness_pipelines.models.judging.scored import Scored
from readiness_pipelines.models.point_in_time import HOLDOUT, TRAIN
from readiness_pipelines.models.training_set import frame, lay_out, learned_by, spec_of

if TYPE_CHECKING:
    import pandas as pd

    from readiness_pipelines.models.judging.untouched import Rows

__all__ = ["Scored", "champion_scored", "judge", "rules_of", "scored"]


def scored(product: Product, lake: Lakehouse, *, model: ModelVersion, estimator: Any, holdout: pd.DataFrame) -> Scored:
    """Return a challenger with its scores of the holdout of its training set.

    Raises BrokenInvariant where the ledger does not have the model's training set.
    """
    from readiness_pipelines.models.scores import score

    scores = score(estimator, spec_of(product), holdout)
    return Scored(model.name, model.artifact, estimator, model.decide_at, learned_by(lake, model), scores)


def champion_scored(
    product: Product, lake: Lakehouse, *, model: ModelVersion, load: Callable[[ModelVersion], Any], holdout: pd.DataFrame
) -> Scored:
    """Return the champion with its scores of a challenger's holdout; `load` gives a model's estimator.

    One that cannot score these rows must not stand in the way of the next: its scores are all missing, `why` says what for,
    and the verdict leaves the comparison to a person. So it is where its artifact is gone, damaged or cannot be read any more, or
    where it was made of other features than are declared now. Raises as `scored` does, and whatever else `load` raises.
    """
    import numpy as np

    from readiness_pipelines.models.scores import score_or_why

    trained_on = learned_by(lake, model)
    found = score_or_why(model, load, spec_of(product), holdout, trained_on=trained_on)
    why, scores = (found, np.full(len(holdout), np.nan)) if isinstance(found, str) else ("", found)
    return Scored(model.name, model.artifact, None, model.decide_at, trained_on, scores, why)


def judge(
    product: Product,
    lake: Lakehouse,
    *,
    challenger: Scored,
    champion: Scored | None,
    training_set: TrainingSet,
    versions_gone: Mapping[str, str],
) -> ModelVerdict:
    """Return what every rule says of the challenger, on the holdout of `training_set`, which it was trained on.

    `champion` is None where there is none yet: then the declared baseline is what must be beaten. Both sides' scores are of
    `frame(..., part="holdout")`. `versions_gone` names versions of the training set that nobody may learn from any more,
    each with why (`withdrawn.withdrawn_since`). Reads rows, and records nothing. Raises as `training_set.frame` does.
    """
    from readiness_pipelines.models.judging.verdict import Trained, verdict_of
    from readiness_pipelines.models.scores import score

    spec = spec_of(product)
    seen = _rows_of(product, lake, challenger.training_set)
    before = _rows_if_kept(product, lake, champion.training_set) if champion else None
    return verdict_of(
        spec,
        frame(lake, product, training_set, part=HOLDOUT),
        challenger=challenger,
        champion=champion,
        training_set=training_set,
        trained=Trained(seen, before, versions_gone),
        score=partial(score, challenger.estimator, spec),
    )


def _rows_of(product: Product, lake: Lakehouse, training_set: TrainingSet) -> Rows:
    from readiness_pipelines.models.judging.untouched import Rows

    with lake.connect() as con:
        name = lay_out(con, lake, product, training_set)
        rows = con.execute(f"SELECT row_id, person FROM {name} WHERE part = ?", [TRAIN]).df()
    return Rows(rows["row_id"].to_numpy(dtype=object), rows["person"].to_numpy(dtype=object))


def _rows_if_kept(product: Product, lake: Lakehouse, training_set: TrainingSet) -> Rows | None:
    """Return the rows, or None where nobody can read them any more: they were erased from, or selected by other words."""
    if training_set.selection != spec_of(product).selection:
        return None
    try:
        return _rows_of(product, lake, training_set)
    except VersionNotFound:
        return None
