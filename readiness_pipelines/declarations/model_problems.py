"""What can be wrong under `model:`, and of the tables that it scores, although each of the words is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from readiness_pipelines.contracts import Reading
from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.binding import Binder
from readiness_pipelines.declarations.cron import cron_problem
from readiness_pipelines.declarations.drift_columns import Told
from readiness_pipelines.declarations.known import KnownTable, known_table, layers_of
from readiness_pipelines.declarations.matching import Matching
from readiness_pipelines.declarations.model import ModelBlock
from readiness_pipelines.declarations.model_columns import model_column_problems
from readiness_pipelines.declarations.shape import Entry, Layer, Shape
from readiness_pipelines.declarations.sql_models import SCORED, Visible
from readiness_pipelines.flow import Severity
from readiness_pipelines.located import shown, unknown

ESTIMATORS = ("gradient_boosting", "logistic")
LEAST_DAYS = 5  # of which the promotion gate can draw days: models/judging/replicates.py has the same of persons
_DOTTED = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"


def model_table(shape: Shape) -> str:
    """Return the leaf name that `model.table` says, also where another word of the model is wrong; '' for none."""
    raw = shape.attribute("model")
    name = raw.get("table") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else ""


def model_block_problems(
    shape: Shape, found: Matching, contract: Reading | None, visible: Visible, binder: Binder
) -> Iterator[str]:
    """Yield what is wrong with the model and with the tables it scores, each mistake once.

    Of a table that is not understood only its name is judged. An estimator that cannot be imported is told when it is trained:
    whoever reads declarations runs none of their code.
    """
    for where, message in _scored_problems(shape, found):
        yield shape.document.problem(where, message)
    said: ModelBlock | None = shape.shaped("model", ModelBlock)
    if said is None:
        return
    able = _able(shape, found)
    told = [*_table_problems(said, layers_of(shape, found), _made_from_scores(shape, found), all_known=shape.names_every_table)]
    named = [name for name in (said.table, said.label.table) if name in able]
    tables = {name: known_table(name, shape, found, contract, visible) for name in named}
    told += [*_number_problems(said), *_estimator_problems(said), *_retraining_problems(said)]
    told += model_column_problems(said, tables.get(said.table), tables.get(said.label.table), binder)
    told += _name_problems(shape, tables.get(said.table))
    for where, message in told:
        yield shape.document.problem(["attributes", "model", *where], message)


def _able(shape: Shape, found: Matching) -> list[str]:
    """Return the tables that a model can be of: typed, and not made from its own scores."""
    made = _made_from_scores(shape, found)
    return [name for name, layer in layers_of(shape, found).items() if layer != "bronze" and name not in made]


def _table_problems(said: ModelBlock, layers: Mapping[str, Layer], made_from_scores: Mapping[str, str], *, all_known: bool) -> Told:
    able = [name for name, layer in layers.items() if layer != "bronze" and name not in made_from_scores]
    some = ", ".join(able[:8])
    named = {said.table: ["table"]}
    named.setdefault(said.label.table, ["label", "table"])  # the same name is one mistake
    for name, where in named.items():
        if layers.get(name) == "bronze":
            yield [*where], f"found {name!r}, a bronze table: what arrived as text, expected one of {some}"
        elif name in made_from_scores:
            scored = made_from_scores[name]
            how = "which this model scores" if scored == name else f"which is made from {scored!r}, which this model scores"
            yield [*where], f"found {name!r}, {how}, expected one of {some}"
        elif name not in layers and all_known:
            yield [*where], unknown(name, able)


def _number_problems(said: ModelBlock) -> Told:
    if said.min_positives >= said.min_rows:
        key, other = ("min_positives", "min_rows") if "min_positives" in said.model_fields_set else ("min_rows", "min_positives")
        default = "" if other in said.model_fields_set else ", the default"
        relation = "less" if key == "min_positives" else "more"
        yield [key], f"found {getattr(said, key)}, expected {relation} than {other} ({getattr(said, other)}{default})"
    if said.holdout_days < LEAST_DAYS and not said.groups:
        why = "where no groups are declared, a model is judged by drawing days, and of fewer nothing can be said"
        yield ["holdout_days"], f"found {said.holdout_days}, expected {LEAST_DAYS} or more: {why}"
    if said.at_least == "not_worse" and said.margin == 0:
        yield ["at_least"], "found not_worse without a margin, expected how much worse is still borne (margin: ...)"


def _estimator_problems(said: ModelBlock) -> Told:
    if said.estimator not in ESTIMATORS and re.fullmatch(_DOTTED, said.estimator) is None:
        if ":" in said.estimator:
            yield ["estimator"], f"found {shown(said.estimator)}, expected module:function, as in ours.models:forest"
        else:
            yield ["estimator"], unknown(said.estimator, [*ESTIMATORS, "module:function"])
    for name, value in said.parameters.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            yield (
                ["parameters", name],
                f"found {shown(value)}, expected text, numbers, true, false, lists or mappings",
            )


def _retraining_problems(said: ModelBlock) -> Told:
    if said.retraining.from_ is Severity.NONE:
        yield ["retraining", "from"], "found 'none', expected one of low, medium, high, critical"
    message = cron_problem(said.retraining.every) if said.retraining.every is not None else None
    if message is not None:
        yield ["retraining", "every"], message


def _name_problems(shape: Shape, table: KnownTable | None) -> Told:
    """Yield the columns of the model's table whose names are those of scores, if any table finds both."""
    taken = [name for name in SCORED if table is not None and name in table.columns]
    if taken and any(_is_scored(entry) for entry in shape.entries) and table is not None:
        found = f"found a column {taken[0]!r} in {table.name!r}"
        yield ["table"], f"{found}, expected another name for it: a scored table finds {', '.join(SCORED)} beside its columns"


# tables that are scored


def _is_scored(entry: Entry) -> bool:
    return isinstance(entry.words, words.GoldTable) and entry.words.scored


def _scored_problems(shape: Shape, found: Matching) -> Told:
    name, layers, able = model_table(shape), layers_of(shape, found), _able(shape, found)
    for entry in shape.entries:
        if not isinstance(entry.words, words.GoldTable) or not entry.words.scored:
            continue
        inputs = entry.words.inputs
        if shape.attribute("model") is None:
            yield [*entry.where, "scored"], "found true in a product without a model, expected `model:`, or no `scored`"
        elif name in inputs:
            if inputs[name].read != "same":
                message = f"found other partitions of {name!r} than the same, expected read: same: each row is scored once"
                yield [*entry.where, "inputs", name, "read"], message
            if inputs[name].unavailable != "hold":
                message = f"found ignore, expected hold: without rows of {name!r} there is nothing to score"
                yield [*entry.where, "inputs", name, "unavailable"], message
        elif name in able and all(each in layers for each in inputs):
            message = f"found no input {name!r}, the model's table, expected it with read: same: its rows are scored"
            yield [*entry.where, "inputs"], message


def _made_from_scores(shape: Shape, found: Matching) -> Mapping[str, str]:
    """Return each table that is scored, or made from one that is, with the name of that one."""
    made: dict[str, str] = {}
    for entry in shape.entries:
        name, said = found.meant.get(entry.where), entry.words
        if name is None or not isinstance(said, words.GoldTable):
            continue
        above = next((made[each] for each in (*said.inputs, *said.checked_against) if each in made), None)
        if said.scored or above is not None:
            made[name] = name if said.scored else str(above)
    return made
