"""What predictions are worth by the labels that are known: of a window beside its reference, and of slices of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.family import STANDARD_ERROR
from readiness_pipelines.drift.rows import is_class
from readiness_pipelines.drift.statistics.performance import Loss, Performance, accuracy, accuracy_loss, auc, auc_loss
from readiness_pipelines.flow import Kind, Measurement, Mode, TableVersion, Test
from readiness_pipelines.gates.columns import is_number, quoted
from readiness_pipelines.lakehouse import Lakehouse, relation

if TYPE_CHECKING:
    import numpy as np

MOST_GROUPS = 20  # slices of one column that are told, the largest ones
LEAST_OF_CLASS = 20  # positives, and negatives: of fewer, the variance of an AUC is far too small, and chance looks certain
_TOO_FEW = Mode.INSUFFICIENT_SAMPLE
_EVERY = ""  # name of the slice of all rows


@dataclass(frozen=True)
class Worth:
    """The metric of some rows: AUC or accuracy with its interval, or None; `right` counts for accuracy, `n` labelled rows."""

    metric: Performance | None
    n: int
    right: int | None = None


Slices = Mapping[tuple[str, str], Worth]  # by (column, value); of all rows by ("", "")


def worth_of(lake: Lakehouse, monitor: Monitor, versions: Sequence[TableVersion]) -> Slices:
    """Return what the predictions of these versions are worth, of all rows and by group; nothing where none is declared.

    Only rows whose label is known and which have a prediction count. Scores are read into memory: 10 bytes a row.
    """
    said = monitor.words
    if said.label is None or (said.score or said.prediction) is None:
        return {}
    columns = list(dict.fromkeys([said.score or said.prediction or "", said.label, *said.groups]))
    rows = relation(lake, versions, columns=columns)
    return _by_score(lake, monitor, rows) if said.score is not None else _by_class(lake, monitor, rows)


def compared_worth(monitor: Monitor, reference: Slices, window: Slices) -> Iterator[Measurement]:
    """Yield what was lost: of all rows, then of each group with `min_rows` labelled rows on both sides, the largest first.

    effect = max(0, metric of the reference - metric of the window); p is one-sided, of no loss: only a loss is an alarm.
    A value of a column that is not public is told by its place (`race=#1`), by its rows in the reference.
    """
    if ("", _EVERY) not in reference or ("", _EVERY) not in window:
        return
    yield _loss(monitor, reference["", _EVERY], window["", _EVERY], "")
    for column in monitor.words.groups:
        here = [key for key in reference if key[0] == column]
        ordered = sorted(here, key=lambda key: (-reference[key].n, key[1]))[:MOST_GROUPS]
        is_public = monitor.table.table.column(column).classification == "public"
        for place, key in enumerate(ordered, start=1):
            sides = reference[key], window.get(key, Worth(None, 0))
            if min(side.n for side in sides) >= monitor.words.min_rows:
                yield _loss(monitor, *sides, f"{column}={key[1] if is_public else f'#{place}'}")


def _loss(monitor: Monitor, reference: Worth, window: Worth, group: str) -> Measurement:
    name = monitor.words.score or monitor.words.prediction or ""
    lost = _lost(reference, window)
    if lost is None or reference.metric is None or window.metric is None:
        note = f"fewer than {LEAST_OF_CLASS} known labels of one class" if reference.n and window.n else "no label is known"
        return Measurement(
            name, Kind.CONCEPT, Test.PERFORMANCE, None, None, reference.n, window.n, group=group, mode=_TOO_FEW, note=note
        )
    one_sided = lost.p / 2 if lost.value > 0 else 1 - lost.p / 2
    more = {"loss": lost.value, STANDARD_ERROR: lost.standard_error}
    for side, metric in (("reference", reference.metric), ("window", window.metric)):
        more |= {f"metric_{side}": metric.value, f"metric_{side}_low": metric.low, f"metric_{side}_high": metric.high}
    effect = max(0.0, lost.value)
    return Measurement(name, Kind.CONCEPT, Test.PERFORMANCE, effect, one_sided, reference.n, window.n, group=group, more=more)


def _lost(reference: Worth, window: Worth) -> Loss | None:
    if reference.right is not None and window.right is not None:
        return accuracy_loss(reference.right, reference.n, window.right, window.n)
    if reference.metric is None or window.metric is None:
        return None
    return auc_loss(reference.metric, window.metric)


def _by_score(lake: Lakehouse, monitor: Monitor, rows: str) -> Slices:
    said = monitor.words
    score, label = quoted(said.score or ""), quoted(said.label or "")
    known = f"FROM {rows} WHERE {label} IS NOT NULL AND {score} IS NOT NULL AND NOT isnan(CAST({score} AS DOUBLE))"
    groups = "".join(f", CAST({quoted(group)} AS VARCHAR)" for group in said.groups)
    found: dict[tuple[str, str], Worth] = {}
    with lake.connect() as con:
        table = con.sql(f"SELECT CAST({score} AS DOUBLE) AS s, {_is_positive(monitor)} AS y{groups} {known}").to_arrow_table()
    scores, labels = table.column(0).to_numpy(), table.column(1).to_numpy(zero_copy_only=False).astype(bool)
    found["", _EVERY] = _auc(scores, labels)
    for place, group in enumerate(said.groups, start=2):
        encoded = table.column(place).combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy()
        for code, value in enumerate(encoded.dictionary.to_pylist()):
            mine = codes == code
            found[group, value] = _auc(scores[mine], labels[mine])
    return found


def _auc(scores: np.ndarray, labels: np.ndarray) -> Worth:
    positives = int(labels.sum())
    is_enough = min(positives, len(labels) - positives) >= LEAST_OF_CLASS
    return Worth(auc(scores, labels) if is_enough else None, len(scores))


def _by_class(lake: Lakehouse, monitor: Monitor, rows: str) -> Slices:
    said = monitor.words
    prediction, label = said.prediction or "", said.label or ""
    as_ = "DOUBLE" if all(is_number(monitor.table.table.column(name).type) for name in (prediction, label)) else "VARCHAR"
    right = f"count_if(CAST({quoted(prediction)} AS {as_}) = CAST({quoted(label)} AS {as_}))"
    known = f"FROM {rows} WHERE {quoted(label)} IS NOT NULL AND {quoted(prediction)} IS NOT NULL"
    found: dict[tuple[str, str], Worth] = {}
    with lake.connect() as con:
        for column in ("", *said.groups):
            value = f"CAST({quoted(column)} AS VARCHAR)" if column else "''"
            for name, n, hits in con.execute(f"SELECT {value} AS v, count(*), {right} {known} GROUP BY v").fetchall():
                if name is not None:
                    found[column, name] = Worth(accuracy(hits, n), n, hits)
    return found


def _is_positive(monitor: Monitor) -> str:
    """Return SQL that is true where the label is the value that the score is the probability of."""
    label = monitor.words.label or ""
    return is_class(quoted(label), monitor.table.table.column(label).type, monitor.words.positive)
