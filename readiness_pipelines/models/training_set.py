"""The rows that a model is trained on and judged on: selected from admitted versions of the partitions up to a cut-off.

Nothing of a row is kept but the versions that hold it, which are pinned before they are read. So the same training set gives
the same rows for as long as it is kept, whatever is published after it.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from readiness_pipelines.declarations import Gold, ModelSpec, Product, Silver
from readiness_pipelines.errors import BrokenInvariant, ReadinessError, VersionExpired, VersionNotFound
from readiness_pipelines.flow import ModelVersion, TableVersion, TrainingSet
from readiness_pipelines.gates.columns import one_row, quoted
from readiness_pipelines.lakehouse import Lakehouse, pin, reached, relation
from readiness_pipelines.layers.calendar import first_key, start_of
from readiness_pipelines.models.kept import pin_name, turn
from readiness_pipelines.models.leakage import leaks
from readiness_pipelines.models.point_in_time import HOLDOUT, TRAIN, Looked

if TYPE_CHECKING:
    import pandas as pd

_LOOKS = 3  # at what is current: another run may publish between our look and our pin


def spec_of(product: Product) -> ModelSpec:
    """Return the product's model. Raises ReadinessError where none is declared."""
    if product.model is None:
        raise ReadinessError(f"{product.name} has no model, expected `model:` in its defs.yaml")
    return product.model


def learned_by(lake: Lakehouse, model: ModelVersion) -> TrainingSet:
    """Return the training set that the model was made of. Raises BrokenInvariant where the ledger does not have it."""
    found = lake.ledger.models.training_set(model.product, model.training_set)
    if found is None:
        raise BrokenInvariant(f"the ledger has {model.name} and not the training set {model.training_set[:12]} that it was made of")
    return found


def select(product: Product, lake: Lakehouse, *, cut_off: str) -> TrainingSet:
    """Return the training set of what is admitted now of the partitions up to `cut_off`, inclusive; pinned and recorded.

    Partitions and labels that are later than the cut-off are not in it. A partition up to it is read as it is admitted now: what
    was corrected, redacted or delivered late since then is in it, as if it had been so.
    The same versions and declaration give the same one, with nothing added. Leaks are looked for in the rows that are trained
    on, and told in `leaks`: a result, not an error. So is a training set without rows. Safe to kill and to repeat.
    Raises ReadinessError where no model is declared or `cut_off` is no partition.
    """
    spec = spec_of(product)
    _require_partition(product, cut_off)
    with turn(lake, product):
        begun = _pinned(spec, lake, cut_off)
        reached("training_set_pinned")
        known = lake.ledger.models.training_set(product.name, begun.id)
        if known is not None:
            return known
        found = _computed(product, spec, lake, begun)
        lake.ledger.models.record_training_set(found)
        reached("training_set_recorded")
    return found


def lay_out(con: duckdb.DuckDBPyConnection, lake: Lakehouse, product: Product, training_set: TrainingSet) -> str:
    """Lay the training set's rows out in a temporary table of `con`, and return its name.

    A row per row that is trained on or held out: row_id, partition_key, `part` ('train' or 'holdout'), `label` BOOLEAN (true:
    the positive class), `time` TIMESTAMP (UTC), `person` VARCHAR (row_id where it names nobody), `baseline` DOUBLE (the declared
    score, by default the share of positives in training), and every feature as the model sees it (`Feature.sql`). Slices and
    protected attributes that are no features are there as VARCHAR. Works out of core.
    Raises ReadinessError if the model is declared otherwise than when the training set was selected, or a training set of these
    words means something else in this release, VersionExpired if its
    versions are not kept any more, BrokenInvariant if they give other rows than were counted.
    """
    spec = spec_of(product)
    if training_set.selection != spec.selection:
        found = f"{product.name}: the training set {training_set.id[:12]} was selected for a model that was declared otherwise"
        raise ReadinessError(f"{found}, or by an older release; select it anew")
    looked = _looked(con, lake, product, spec, training_set)
    name = _laid(
        looked,
        f"_training_{training_set.id[:12]}",
        _moment(training_set.holdout_from),
        _share(training_set.positives_train, training_set.rows_train),
    )
    counted = one_row(con, f"SELECT count(*) FILTER (part = '{TRAIN}'), count(*) FILTER (part = '{HOLDOUT}') FROM {name}")
    if counted != (training_set.rows_train, training_set.rows_holdout):
        wanted = f"{training_set.rows_train} to train on and {training_set.rows_holdout} held out"
        raise BrokenInvariant(
            f"{product.name}: the training set {training_set.id[:12]} has {counted[0]} and {counted[1]} rows, expected {wanted}"
        )
    return name


def frame(lake: Lakehouse, product: Product, training_set: TrainingSet, *, part: str) -> pd.DataFrame:
    """Return the rows of one part ('train' or 'holdout') as `lay_out` has them, in order of (time, row_id). Raises as it does."""
    with lake.connect() as con:
        name = lay_out(con, lake, product, training_set)
        rows = f"SELECT * FROM {name} WHERE part = ? ORDER BY time, row_id, partition_key"
        return con.execute(rows, [part]).df()


def _pinned(spec: ModelSpec, lake: Lakehouse, cut_off: str) -> TrainingSet:
    """Return the training set without its numbers, its versions pinned."""
    for look in range(_LOOKS):
        begun = _begun(spec, _admitted(lake, spec, cut_off), cut_off)
        try:
            for table in sorted({version.table for version in begun.versions}):
                pin(lake, [version for version in begun.versions if version.table == table], name=pin_name(begun))
        except VersionExpired:
            raise
        except VersionNotFound:  # another run published meanwhile: look again at what is current
            if look == _LOOKS - 1:
                raise
        else:
            return begun
    raise AssertionError("unreachable: the loop ends by return or raise")


def _admitted(lake: Lakehouse, spec: ModelSpec, cut_off: str) -> tuple[TableVersion, ...]:
    tables = sorted({spec.scored.full_name, spec.labels.full_name})
    current = [(key, version) for table in tables for key, version in sorted(lake.ledger.current_versions(table).items())]
    return tuple(version for key, version in current if key <= cut_off and not version.is_nothing)


def _begun(spec: ModelSpec, versions: Sequence[TableVersion], cut_off: str) -> TrainingSet:
    return TrainingSet(spec.product, spec.selection, cut_off, tuple(versions), 0, "", "", "", 0, 0, 0, 0, question=spec.question)


def _computed(product: Product, spec: ModelSpec, lake: Lakehouse, begun: TrainingSet) -> TrainingSet:
    with lake.connect() as con:
        looked = _looked(con, lake, product, spec, begun)
        holdout_from = looked.holdout_from()
        of_each = "fate, count(*), count_if(label), min(time), max(time)"
        rows = con.execute(f"SELECT {of_each} FROM {looked.fates(holdout_from)} GROUP BY fate ORDER BY fate").fetchall()
        parts: dict[str, tuple[Any, ...]] = {fate: tuple(said) for fate, *said in rows}
        train, holdout = parts.pop(TRAIN, (0, 0, None, None)), parts.pop(HOLDOUT, (0, 0, None, None))
        name = _laid(looked, "_training_rows", holdout_from, _share(train[1], train[0]))
        trained_on = con.execute(f"SELECT DISTINCT partition_key FROM {name} WHERE part = '{TRAIN}' ORDER BY ALL").fetchall()
        return dataclasses.replace(
            begun,
            rows=sum(said[1] for said in rows),
            train_from=_text(train[2]),
            holdout_from=_text(holdout_from),
            holdout_to=_text(holdout[3]),
            rows_train=train[0],
            rows_holdout=holdout[0],
            positives_train=train[1],
            positives_holdout=holdout[1],
            left_out={fate: said[0] for fate, said in parts.items()},
            leaks=leaks(con, name, spec),
            trained_on=tuple(key for (key,) in trained_on),
        )


def _looked(con: duckdb.DuckDBPyConnection, lake: Lakehouse, product: Product, spec: ModelSpec, of: TrainingSet) -> Looked:
    scored, labels = (_rows(lake, table, of.versions) for table in (spec.scored, spec.labels))
    looked = Looked(con, product, spec, of.cut_off, scored, labels)
    looked.find_labels()
    return looked


def _rows(lake: Lakehouse, table: Silver | Gold, versions: Sequence[TableVersion]) -> str:
    mine = [version for version in versions if version.table == table.full_name]
    if mine:
        return relation(lake, mine)
    columns = [f"CAST(NULL AS {c.type}) AS {quoted(c.name)}" for c in table.table.columns]
    return f"(SELECT CAST(NULL AS VARCHAR) AS row_id, CAST(NULL AS VARCHAR) AS partition_key, {', '.join(columns)} WHERE false)"


def _laid(looked: Looked, name: str, holdout_from: datetime.datetime | None, share: float) -> str:
    """Make the table that `lay_out` promises under this name, and return the name."""
    spec = looked.spec
    features = [feature.name for feature in spec.features]
    beside = {*(said.column for said in spec.words.slices), *(said.column for said in spec.words.protected)}.difference(features)
    texts = [f"CAST({quoted(column)} AS VARCHAR) AS {quoted(column)}" for column in sorted(beside)]
    columns = [*(feature.sql for feature in spec.features), *texts]
    baseline = spec.words.baseline.sql or f"{share!r}"
    rows = looked.fates(holdout_from, columns=columns, baseline=baseline)
    named = ", ".join(quoted(column) for column in [*features, *sorted(beside)])
    told = f"row_id, partition_key, fate AS part, label, time, person, baseline, {named}"
    kept = f"WHERE fate IN ('{TRAIN}', '{HOLDOUT}')"
    looked.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {told} FROM {rows} {kept}")
    return name


def _require_partition(product: Product, cut_off: str) -> None:
    try:
        start_of(product, cut_off)
    except ValueError:
        raise ReadinessError(
            f"found the cut-off {cut_off!r}, expected a partition of {product.name} as in {first_key(product)}"
        ) from None


def _share(positives: int, rows: int) -> float:
    return positives / rows if rows else 0.0


def _moment(text: str) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(text) if text else None


def _text(moment: datetime.datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""
