"""A model as a person reads it: where it stands, what was found of it, what was decided, and the commands to decide."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from readiness_pipelines.cli.place import console, show
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Judged, ModelVerdict, ModelVersion, Retrain, Status, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models.grounds import Case
from readiness_pipelines.models.overview import Standing, Stands, State, standing

_NAMED = 3  # rules that a verdict in short names
_WINDOWS = 3  # of those that have asked for a model


def standing_now(product: Product, lake: Lakehouse) -> Standing:
    """Return how the product's models stand now."""
    return standing(product, lake, now=datetime.datetime.now(datetime.UTC))


def stands_at(found: Standing, number: int) -> Stands:
    """Return the model with this number. Raises ReadinessError naming those there are."""
    for each in found.models:
        if each.model.number == number:
            return each
    there = f"one of 1 to {len(found.models)}" if found.models else f"one that was trained: `readiness retrain {found.product}`"
    raise ReadinessError(f"{found.product}: found no model {number}, expected {there}")


def in_short(verdict: ModelVerdict) -> str:
    """Return a verdict in one line: its status, and the rules that are not passed."""
    open_ = [each for each in verdict.judged if each.status is not Status.PASSED]
    if not open_:
        return f"{verdict.status}: all {len(verdict.judged)} rules" if verdict.judged else "undecided: no rule was judged"
    named = ", ".join(f"{each.rule} {each.about}".strip() for each in open_[:_NAMED])
    more = f" and {len(open_) - _NAMED} more" if len(open_) > _NAMED else ""
    return f"{verdict.status}: {named}{more}"


def commands_of(product: str, case: Case) -> dict[str, str]:
    """Return the commands that look at and decide about this evidence; a person puts in the name and the reason."""
    of, evidence = f"{product} {case.model.number}", f"--evidence {case.judgement.evidence.digest[:12]}"
    signed = '--by NAME --reason "WHY"'
    return {
        "show": f"readiness review show {of}",
        "approve": f"readiness review approve {of} {evidence} {signed}",
        "reject": f"readiness review reject {of} {evidence} {signed}",
    }


def next_step(product: str, at: Stands) -> str:
    """Return in one line what comes next of this model."""
    number = at.model.number
    match at.state:
        case State.APPROVED:
            return (
                f"next: the sensor {product}_loop promotes it; without a daemon: "
                f'readiness model promote {product} {number} --by NAME --reason "WHY"'
            )
        case State.WAITS | State.REJECTED:
            return f"it {'waits' if at.state is State.WAITS else 'is not promoted'}: {'; '.join(at.why)}"
        case State.CHAMPION:
            return "; ".join(["it is the champion", *at.why])
    return f"it is not promoted: {'; '.join(at.why)}"


def tell(lake: Lakehouse, found: Standing, at: Stands) -> None:
    """Print all that is on record about a model."""
    console.print(f"{at.model.name}: {at.state}{': ' if at.why else ''}{'; '.join(at.why)}", markup=False, soft_wrap=True)
    for line in (*_origin(lake, found, at), *(_found(at.case) if at.case is not None else ())):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if at.case is None:
        return
    said, evidence = at.case.judgement.verdict, at.case.judgement.evidence
    title = f"The promotion gate: {in_short(said)}"
    show([_rule_row(each) for each in said.judged], as_json=False, title=title, empty="No rule was judged.")
    for each in said.judged:
        if each.note:  # a sentence needs more room than a column has
            console.print(f"  {each.rule} {each.status}: {each.note}", markup=False, soft_wrap=True)
    decisions = [_decision_row(each) for each in lake.ledger.models.reviews(evidence.digest)]
    show(
        decisions,
        as_json=False,
        title="Decisions about this evidence, oldest first",
        empty="Nobody has decided about this evidence.",
    )


def _origin(lake: Lakehouse, found: Standing, at: Stands) -> Iterator[str]:
    """Yield what a model is, in whose place it would come, why it was trained, and on what."""
    model, champion = at.model, found.champion
    yield f"artifact {model.artifact}"
    if champion != model:
        yield f"the champion is {champion.name}" if champion is not None else "there is no champion yet"
    if (retrain := retrain_of(lake, model)) is not None:
        yield f"asked for by {retrain.by} in retrain {retrain.id}, {minute(retrain.requested_at)}: {retrain.reason}"
        yield from _windows(lake, retrain)
    if (used := lake.ledger.models.training_set(model.product, model.training_set)) is not None:
        yield from _training_set_lines(used)


def retrain_of(lake: Lakehouse, model: ModelVersion) -> Retrain | None:
    """Return the newest retrain that came to this model, or the one that has trained it and is not at its end; None for none."""
    asked = lake.ledger.retrains.retrains(model.product)
    return next((r for r in reversed(asked) if r.number == model.number or f"retrain {r.id}" == model.trained_by), None)


def _windows(lake: Lakehouse, retrain: Retrain) -> Iterator[str]:
    """Yield how to look at the windows whose drift has asked for it, the newest first."""
    reports = [each for event in retrain.events if (each := lake.ledger.drift.report_of(event)) is not None]
    for report in reversed(reports[-_WINDOWS:]):
        at = report.measured
        command = f"readiness drift show {at.product} --monitor {at.monitor} --window {at.window.last}"
        yield f"  {report.severity} drift of {at.monitor} in {at.window}: {command}"
    if len(reports) > _WINDOWS:
        yield f"  and {len(reports) - _WINDOWS} earlier windows"


def _found(case: Case) -> Iterator[str]:
    """Yield what the verdict rests on and what its rules do not say: both sides' metric, what was left out or not judged."""
    said, evidence, more = case.judgement.verdict, case.judgement.evidence, case.judgement.verdict.more
    against = said.against_name if said.against else "the declared baseline"
    of = f" of {said.blocks:,} {more['blocks_are']}" if "blocks_are" in more else ""
    yield f"compared with {against} on {said.rows:,} rows{of} that neither has seen"
    if more.get("challenger") is not None and more.get("against") is not None:
        yield f"{more['metric']}: this model {_number(more['challenger'])}, {against} {_number(more['against'])}"
    if more.get("left_out"):
        yield f"{more['left_out']:,} rows of the holdout left out: of people whom the champion has learned from"
    yield from more.get("not_judged", ())
    drift = f"{evidence.severity} drift" if evidence.severity.rank else "no drift"
    yield f"contract {evidence.contract}, risk tier {evidence.tier}, asked for by {drift}"
    yield f"evidence {evidence.digest}, recorded {minute(case.judgement.recorded_at)}"
    yield f"card, with plots: readiness model card {said.product} {case.model.number}"


def as_dict(lake: Lakehouse, found: Standing, at: Stands) -> dict[str, Any]:
    """Return all that is on record about a model, for --json."""
    retrain = retrain_of(lake, at.model)
    used = lake.ledger.models.training_set(at.model.product, at.model.training_set)
    said: dict[str, Any] = {"state": at.state, "why": list(at.why), "name": at.model.name, "model": asdict(at.model)}
    said["training_set"] = json.loads(used.to_json()) if used else None
    said["champion"] = found.champion.name if found.champion else None
    said["retrain"] = asdict(retrain) if retrain else None
    if at.case is not None:
        judgement = at.case.judgement
        said["verdict"] = {"status": judgement.verdict.status, **json.loads(judgement.verdict.to_json())}
        said["evidence"] = {"digest": judgement.evidence.digest, **json.loads(judgement.evidence.to_json())}
        said["judged_at"] = judgement.recorded_at
        said["decisions"] = [asdict(each) for each in lake.ledger.models.reviews(judgement.evidence.digest)]
    return said


def minute(at: str) -> str:
    """Return a time of the ledger as tables tell it."""
    return f"{at[:16].replace('T', ' ')} UTC" if at else ""


def write_json(said: object) -> None:
    sys.stdout.write(json.dumps(said, indent=2, default=str) + "\n")


def _training_set_lines(used: TrainingSet) -> list[str]:
    left_out = ", ".join(f"{rows:,} {reason.replace('_', ' ')}" for reason, rows in used.left_out.items() if rows)
    return [
        f"training set {used.id[:12]}: {len(used.versions)} admitted versions up to {used.cut_off}",
        f"trained on {used.rows_train:,} rows ({used.positives_train:,} positive) from {used.train_from[:10]}, judged on "
        f"{used.rows_holdout:,} ({used.positives_holdout:,}) from {used.holdout_from[:10]} to {used.holdout_to[:10]}",
        f"of {used.rows:,} rows left out: {left_out or 'none'}",
    ]


def _rule_row(each: Judged) -> Mapping[str, Any]:
    bounds = "" if each.low is None and each.high is None else f"{_number(each.low)} to {_number(each.high)}"
    return {
        "rule": each.rule,
        "about": each.about,
        "status": each.status.value,
        "value": _number(each.value),
        "95% bounds": bounds,
        "limit": _number(each.limit),
        "rows": f"{each.n:,}",
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _decision_row(said: Any) -> Mapping[str, Any]:
    until = minute(said.expires_at) if said.decision == "approved" else ""
    return {"when": minute(said.decided_at), "decided": said.decision, "until": until, "by": said.by, "why": said.reason}
