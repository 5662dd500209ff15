"""`readiness review list|show|approve|reject`: what waits for a person, and what the person says."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.carried_out import By, Reason
from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.model_told import (
    as_dict,
    commands_of,
    in_short,
    minute,
    next_step,
    standing_now,
    stands_at,
    tell,
    write_json,
)
from readiness_pipelines.cli.place import console, lakehouse, product_with_model, products_named, show
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.models.overview import Standing, Stands
from readiness_pipelines.models.reviewing import decide
from readiness_pipelines.models.training_set import spec_of

app = typer.Typer(help="Models that wait for a person's decision.", no_args_is_help=True, add_completion=False)

Product = Annotated[str, typer.Argument(help="The product.")]
OneOrAll = Annotated[str | None, typer.Argument(help="The product; default: all of the project.")]
Number = Annotated[int, typer.Argument(help="The model's number in its product.")]
Evidence = Annotated[
    str,
    typer.Option(
        "--evidence",
        help="What you have looked at, as `show` names it, six digits or more: refused where it is not the newest any more. "
        "An approval needs it.",
    ),
]


@app.command("list", help="Models that only a person's decision is missing for, and how to decide; exit code 1 if one waits.")
def list_(product: OneOrAll = None, as_json: Json = False) -> None:
    lake = lakehouse()
    declared = [each for each in products_named(product) if each.model is not None]
    waiting = [each for one in declared for each in standing_now(one, lake).waiting]
    if as_json:
        write_json([_row(each) | {"commands": _commands(each)} for each in waiting])
    else:
        show([_row(each) for each in waiting], as_json=False, title="Waiting for a person", empty="Nothing waits for a person.")
        for each in waiting:
            for command in _commands(each).values():
                console.print(f"  {command}", markup=False, soft_wrap=True)
    raise typer.Exit(1 if waiting else 0)


@app.command("show", help="All that is on record about a model: verdict, evidence, decisions.")
def show_(
    product: Product,
    number: Annotated[int | None, typer.Argument(help="The model's number; it can be left out where one waits.")] = None,
    as_json: Json = False,
) -> None:
    declared, lake = product_with_model(product), lakehouse()
    found = standing_now(declared, lake)
    at = stands_at(found, number) if number is not None else _only(found)
    if as_json:
        write_json(as_dict(lake, found, at))
        return
    tell(lake, found, at)
    if at in found.waiting:
        most = spec_of(declared).words.approvals_expire_days
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=most)
        console.print(f"to decide: an approval counts until {until:%Y-%m-%d} ({most} days), or for fewer days by --days")
        for command in list(_commands(at).values())[1:]:
            console.print(f"  {command}", markup=False, soft_wrap=True)


@app.command("approve", help="Let a model be promoted, on exactly this evidence; new evidence needs a new decision.")
def approve(
    product: Product,
    number: Number,
    by: By,
    reason: Reason,
    evidence: Evidence = "",
    days: Annotated[int | None, typer.Option("--days", help="How long it counts; default and most: approvals_expire_days.")] = None,
) -> None:
    if not evidence:
        raise ReadinessError(
            f"{product}: found no --evidence, expected what you have looked at: it may have been judged again since; "
            f"`readiness review show {product} {number}` names it"
        )
    _decide(product, number, by=by, reason=reason, evidence=evidence, approve=True, days=days)


@app.command("reject", help="Let a model not be promoted on this evidence, whoever approved it before.")
def reject(product: Product, number: Number, by: By, reason: Reason, evidence: Evidence = "") -> None:
    _decide(product, number, by=by, reason=reason, evidence=evidence, approve=False, days=None)


def _decide(product: str, number: int, *, by: str, reason: str, evidence: str, approve: bool, days: int | None) -> None:
    declared, lake = product_with_model(product), lakehouse()
    said = decide(declared, lake, number=number, approve=approve, by=by, reason=reason, days=days, evidence=evidence)
    until = f" until {minute(said.expires_at)}" if approve else ""
    what = f"model {number} of {declared.name} {said.decision}{until}, evidence {said.evidence[:12]}"
    console.print(f"recorded: {what}, by {said.by}: {said.reason}", markup=False, soft_wrap=True)
    at = stands_at(standing_now(declared, lake), number)
    console.print(next_step(declared.name, at), markup=False, soft_wrap=True)


def _only(found: Standing) -> Stands:
    if len(found.waiting) == 1:
        return found.waiting[0]
    numbers = ", ".join(str(each.model.number) for each in found.waiting) or "none"
    raise ReadinessError(
        f"{found.product}: found {len(found.waiting)} models that wait ({numbers}), expected the number of one: "
        f"`readiness model list {found.product}`"
    )


def _commands(at: Stands) -> dict[str, str]:
    return commands_of(at.model.product, at.case) if at.case else {}


def _row(at: Stands) -> dict[str, Any]:
    assert at.case is not None  # what waits was judged
    judgement = at.case.judgement
    return {
        "model": f"{at.model.product} {at.model.number}",
        "evidence": judgement.evidence.digest[:12],
        "since": minute(judgement.recorded_at),
        "tier": judgement.evidence.tier.value,
        "drift": judgement.evidence.severity.value,
        "verdict": in_short(judgement.verdict),
        "why": "; ".join(at.why),
    }
