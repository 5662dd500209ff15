"""All rules over one holdout: rows, scores and what is known of both trainings in, the verdict out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.flow import Judged, Metric, ModelVerdict, Status, TrainingSet
from readiness_pipelines.models.judging import robustness as perturbing
from readiness_pipelines.models.judging.better import better, difference
from readiness_pipelines.models.judging.calibration import bins_of, calibration
from readiness_pipelines.models.judging.case import BASELINE, Case
from readiness_pipelines.models.judging.delong import delong
from readiness_pipelines.models.judging.fairness import fairness
from readiness_pipelines.models.judging.latency import latency
from readiness_pipelines.models.judging.limits import told
from readiness_pipelines.models.judging.names import BETTER, CALIBRATION, FAIRNESS, ROBUSTNESS, SCORES, SLICE, rules_of
from readiness_pipelines.models.judging.replicates import Interval
from readiness_pipelines.models.judging.scored import Scored
from readiness_pipelines.models.judging.slices import Sides, slices
from readiness_pipelines.models.judging.untouched import Rows, known, untouched
from readiness_pipelines.models.judging.versions import leakage, versions
from readiness_pipelines.models.judging.weighted import measured

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trained:
    """Which rows both sides were trained on, as far as it is known, and which training versions nobody may learn from any more."""

    challenger: Rows
    champion: Rows | None = None
    versions_gone: Mapping[str, str] = field(default_factory=dict)


def verdict_of(
    spec: ModelSpec,
    holdout: pd.DataFrame,
    *,
    challenger: Scored,
    champion: Scored | None,
    training_set: TrainingSet,
    trained: Trained,
    score: perturbing.Score,
) -> ModelVerdict:
    """Return what every rule says of the challenger.

    `holdout` is as `training_set.frame` lays it out, both sides' scores in its order; `score` gives the challenger's scores of
    other rows. Rows of whoever the champion was trained on are left out first, and counted: people come back. What cannot be
    judged for want of rows is undecided. Seeded by both artifacts and the training set: the same again, the same verdict.
    """
    known_to_champion = known(holdout["person"].to_numpy(), trained.champion)
    case = Case.of(spec, holdout, challenger, champion, ~known_to_champion, training_set, score)
    judged, more = list(_provenance(case, challenger, champion, trained)), dict[str, Any]()
    why = case.cannot_be_judged
    if not why:
        judged = [*_judged(case, more), *judged]
    judged += _left(spec, judged, why or case.cannot_be_compared)
    more |= {"metric": spec.words.metric.value, "blocks_are": "persons" if spec.words.groups else "days"}
    more |= {"left_out": int(known_to_champion.sum()), "positives": int(case.labels.sum()), "decide_at": told(challenger.decide_at)}
    order = {rule: place for place, rule in enumerate(rules_of(spec))}
    return ModelVerdict(
        product=spec.product,
        challenger=challenger.artifact,
        against=champion.artifact if champion else "",
        against_name=champion.name if champion else BASELINE,
        training_set=training_set.id,
        demands=spec.demands,
        judged=tuple(sorted(judged, key=lambda each: order[each.rule])),
        rows=len(case.labels),
        blocks=case.blocks,
        more=more,
    )


def _judged(case: Case, more: dict[str, Any]) -> Iterator[Judged]:
    said, score = case.spec.words, case.score
    found = _difference(case, more)
    yield Judged(SCORES, Status.PASSED, value=0, limit=0, n=len(case.labels))
    yield found
    theirs = case.theirs if case.against_model and not case.cannot_be_compared else None
    yield calibration(case.labels, case.ours, theirs, case.block, limit=said.limits.calibration, draw=case.draw(CALIBRATION))
    more["calibration"] = _curves(case)
    yield from _slices(case)
    yield from _fairness(case, more)
    rows = case.frame, case.spec.features, case.labels, case.ours, case.block
    for how in perturbing.WAYS:
        draw = case.draw(f"{ROBUSTNESS}:{how}")
        yield perturbing.robustness(how, *rows, score=score, metric=said.metric, limit=said.limits.perturbed, draw=draw)
    yield latency(case.frame, score=score, limit_ms=said.limits.latency_ms)


def _difference(case: Case, more: dict[str, Any]) -> Judged:
    said, positives = case.spec.words, int(case.labels.sum())
    if case.cannot_be_compared:
        return Judged(BETTER, Status.UNDECIDED, n=len(case.labels), note=case.cannot_be_compared)
    found = difference(said.metric, case.labels, case.ours, case.theirs, case.block, draw=case.draw(BETTER))
    for side, scores in (("challenger", case.ours), ("against", case.theirs)):
        more[side] = told(measured(said.metric, case.labels, scores))
    if said.metric is Metric.ROC_AUC and case.blocks == len(case.labels):
        more["delong"] = _ends(delong(case.labels, case.ours, case.theirs))
    return better(
        found,
        margin=said.margin,
        is_not_worse_enough=said.at_least == "not_worse" and case.against_model,
        rows=len(case.labels),
        positives=positives,
        least_rows=-(-said.min_rows // 5),
        least_of_class=-(-said.min_positives // 3),
    )


def _ends(found: Interval | None) -> list[float | None]:
    return [told(found.value), told(found.low), told(found.high)] if found else []


def _curves(case: Case) -> dict[str, list[list[float | None]]]:
    from readiness_pipelines.models.metrics import calibration_curve

    sides = {"challenger": case.ours} | ({"champion": case.theirs} if case.against_model and not case.cannot_be_compared else {})
    curves = {side: calibration_curve(case.labels, scores, bins=bins_of(len(scores))) for side, scores in sides.items()}
    return {side: [[told(each.score), told(each.positives), each.rows] for each in curve] for side, curve in curves.items()}


def _slices(case: Case) -> Iterator[Judged]:
    sides = Sides(case.labels, case.ours, case.theirs, case.block)
    if case.cannot_be_compared:
        return
    for each in case.spec.words.slices:
        yield from slices(
            each.column,
            case.texts(each.column),
            sides,
            metric=case.spec.words.metric,
            margin=each.margin,
            min_rows=each.min_rows,
            is_public=case.is_public(each.column),
            draw=case.draw(f"{SLICE}:{each.column}"),
        )


def _fairness(case: Case, more: dict[str, Any]) -> Iterator[Judged]:
    for each in case.spec.words.protected:
        judged, groups = fairness(
            each.column,
            case.texts(each.column),
            case.labels,
            case.ours >= case.decide_at,
            case.block,
            measure=each.measure,
            limit=each.limit,
            min_rows=each.min_rows,
            is_public=case.is_public(each.column),
            draw=case.draw(f"{FAIRNESS}:{each.column}"),
        )
        yield judged
        more.setdefault("groups", {})[each.column] = {"measure": each.measure, "groups": [dict(group) for group in groups]}


def _provenance(case: Case, challenger: Scored, champion: Scored | None, trained: Trained) -> Iterator[Judged]:
    if wrong := perturbing.unusable(case.ours):
        yield Judged(SCORES, Status.FAILED, limit=0, n=len(case.ours), note=wrong)
    yield leakage(case.training_set)
    yield versions(case.training_set, trained.versions_gone)
    ids, persons = case.frame["row_id"].to_numpy(), case.frame["person"].to_numpy()
    other = (champion.training_set, trained.champion) if champion else None
    yield untouched(ids, persons, case.training_set, challenger=(challenger.training_set, trained.challenger), champion=other)


def _left(spec: ModelSpec, judged: list[Judged], why: str) -> list[Judged]:
    """Return the rules that nothing was said of, as undecided: never passed."""
    there = {each.rule for each in judged}
    note = f"not judged: {why or 'there is nothing to compare with'}"
    return [Judged(rule, Status.UNDECIDED, note=note) for rule in rules_of(spec) if rule not in there]
