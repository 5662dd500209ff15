"""A model as a person reads it: where it stands, what was found of it, what was decided, and the commands to decide."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from readiness_pipelines.cli.place import console, show
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Judged, ModelVerdict, Status, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models.grounds import Case
from readiness_pipelines.models.overview import Standing, Stands, State, standing

_NAMED = 3  # rules that a verdict in short names


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


def tell(lake: Lakehouse, at: Stands) -> None:
    """Print all that is on record about a model."""
    model = at.model
    console.print(f"{model.name}: {at.state}{': ' if at.why else ''}{'; '.join(at.why)}", markup=False)
    console.print(f"  artifact {model.artifact}", markup=False, soft_wrap=True)
    if (used := lake.ledger.models.training_set(model.product, model.training_set)) is not None:
        for line in _training_set_lines(used):
            console.print(f"  {line}", markup=False)
    if at.case is None:
        return
    said, evidence = at.case.judgement.verdict, at.case.judgement.evidence
    against = said.against_name if said.against else "the declared baseline"
    console.print(f"  compared with {against} on {said.rows:,} rows", markup=False)
    console.print(f"  evidence {evidence.digest}, recorded {minute(at.case.judgement.recorded_at)}", markup=False, soft_wrap=True)
    console.print(
        f"  contract {evidence.contract}, risk tier {evidence.tier}, asked for by {evidence.severity} drift"
        if evidence.severity != "none"
        else f"  contract {evidence.contract}, risk tier {evidence.tier}, asked for by no drift",
        markup=False,
    )
    title = f"The promotion gate: {in_short(said)}"
    show([_rule_row(each) for each in said.judged], as_json=False, title=title, empty="No rule was judged.")
    decisions = [_decision_row(each) for each in lake.ledger.models.reviews(evidence.digest)]
    show(
        decisions,
        as_json=False,
        title="Decisions about this evidence, oldest first",
        empty="Nobody has decided about this evidence.",
    )


def as_dict(lake: Lakehouse, at: Stands) -> dict[str, Any]:
    """Return all that is on record about a model, for --json."""
    used = lake.ledger.models.training_set(at.model.product, at.model.training_set)
    said: dict[str, Any] = {"state": at.state, "why": list(at.why), "name": at.model.name, "model": asdict(at.model)}
    said["training_set"] = json.loads(used.to_json()) if used else None
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
    interval = "" if each.low is None and each.high is None else f"{_number(each.low)} to {_number(each.high)}"
    return {
        "rule": each.rule,
        "about": each.about,
        "status": each.status.value,
        "value": _number(each.value),
        "interval": interval,
        "limit": _number(each.limit),
        "rows": f"{each.n:,}",
        "why": each.note,
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _decision_row(said: Any) -> Mapping[str, Any]:
    until = minute(said.expires_at) if said.decision == "approved" else ""
    return {"when": minute(said.decided_at), "decided": said.decision, "until": until, "by": said.by, "why": said.reason}
