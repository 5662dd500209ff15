"""`readiness model list|card|promote|roll-back|repair`: a product's models, and which of them is the champion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.carried_out import By, Reason
from readiness_pipelines.cli.held import Json
from readiness_pipelines.cli.model_told import in_short, minute, standing_now, write_json
from readiness_pipelines.cli.place import console, lakehouse, product_with_model, show, write_page
from readiness_pipelines.cli.review import Number, Product
from readiness_pipelines.flow import Promotion, Retrain
from readiness_pipelines.governance import signed
from readiness_pipelines.models import promotion as promotions
from readiness_pipelines.models.overview import Standing, Stands
from readiness_pipelines.models.succession import earlier

app = typer.Typer(help="A product's models, and which of them is the champion.", no_args_is_help=True, add_completion=False)

_LISTED, _RETRAINS = 30, 20  # --json has all


@app.command("list", help="Every model, the newest first, where it stands and why; the promotions; what came of each retrain.")
def list_(product: Product, as_json: Json = False) -> None:
    declared, lake = product_with_model(product), lakehouse()
    found = standing_now(declared, lake)
    rows, asked = [_row(each) for each in reversed(found.models)], lake.ledger.retrains.retrains(declared.name)
    if as_json:
        promotions = [_promotion_row(each) for each in found.promotions]
        retrains = [_retrain_row(each) | {"reason": each.reason, "events": each.events} for each in reversed(asked)]
        write_json({"models": rows, "promotions": promotions, "retrains": retrains, "previous": found.previous})
        return
    show(rows[:_LISTED], as_json=False, title=f"Models of {declared.name}", empty=f"{declared.name} has no model yet.")
    if len(rows) > _LISTED:
        console.print(f"... and {len(rows) - _LISTED:,} older ones: --json has all")
    history = [_promotion_row(each) for each in reversed(found.promotions)]
    show(history[:_LISTED], as_json=False, title="Promotions, the newest first", empty="No model was promoted yet.")
    newest = [_retrain_row(each) for each in reversed(asked)][:_RETRAINS]
    show(newest, as_json=False, title="Retrains, the newest first", empty="No retrain was asked for yet.")
    if len(asked) > _RETRAINS:
        console.print(f"... and {len(asked) - _RETRAINS:,} older ones: --json has all")
    _tell_loop(found)


@app.command(
    "card", help="Write a model's card, one HTML page: what it is for and made of, what was found of it, who let it be used."
)
def card(
    product: Product,
    number: Number,
    output: Annotated[Path | None, typer.Option("--output", help="File to write; default: <product>_model_<number>.html.")] = None,
) -> None:
    from readiness_pipelines.reports.model_card import card_of

    declared, lake = product_with_model(product), lakehouse()
    write_page(output or Path(f"{declared.name}_model_{number}.html"), card_of(declared, lake, number))


@app.command("promote", help="Make an approved model the champion now, without waiting for the product's sensor.")
def promote(product: Product, number: Number, by: By, reason: Reason) -> None:
    declared, lake = product_with_model(product), lakehouse()
    who, why = signed(by, reason)
    before = lake.ledger.models.promotions(declared.name)
    made = promotions.promote(declared, lake, number=number, by=who, reason=why)
    _tell(made, is_news=made not in before)


@app.command("roll-back", help="Make an earlier champion the champion again; its own approval must still count.")
def roll_back(
    product: Product,
    by: By,
    reason: Reason,
    to: Annotated[
        int | None, typer.Option("--to", help="Number of an earlier champion; default: the one before the present one.")
    ] = None,
    champion: Annotated[
        int | None, typer.Option("--from", help="Number of the champion that disappoints: refused where another one is by now.")
    ] = None,
) -> None:
    declared, lake = product_with_model(product), lakehouse()
    who, why = signed(by, reason)
    before = lake.ledger.models.promotions(declared.name)
    made = promotions.roll_back(declared, lake, by=who, reason=why, to=to, champion=champion)
    _tell(made, is_news=made not in before)
    if made in before:
        console.print(_one_step_further(made, before), markup=False, soft_wrap=True)


@app.command("repair", help="Let aliases in MLflow and drift references follow the ledger; a line for each that did not.")
def repair(product: Product) -> None:
    declared = product_with_model(product)
    mended = promotions.repair(declared, lakehouse())
    for line in mended or ("aliases and drift references follow the ledger",):
        console.print(line, markup=False, soft_wrap=True)


def _tell(made: Promotion, *, is_news: bool) -> None:
    """Say who is the champion since when, and by whom; of what was so before the command that it did nothing."""
    before = f", in the place of model {made.previous}" if made.previous else ""
    nothing, already = ("", "") if is_news else ("nothing was done: ", " already")
    console.print(
        f"{made.product}: {nothing}model {made.number} is the champion since {minute(made.promoted_at)}{already}{before}: "
        f"{made.kind.replace('_', ' ')} by {made.by}, {made.reason}",
        markup=False,
        soft_wrap=True,
    )


def _one_step_further(newest: Promotion, history: Sequence[Promotion]) -> str:
    """Say how to go back from the champion of now, where somebody wanted that and asked for what was done already."""
    if not (number := earlier(history)):
        return f"no champion stood before model {newest.number}: there is none to go back to"
    signed_ = '--by NAME --reason "WHY"'
    return f"one step further, to model {number}: readiness model roll-back {newest.product} --from {newest.number} {signed_}"


def _tell_loop(found: Standing) -> None:
    if found.previous:
        console.print(f"a roll back goes back to model {found.previous}")
    if found.retrain is not None:
        console.print(f"retrain {found.retrain.id} is {found.retrain.state}: {found.retrain.reason}", markup=False)
    if found.pause is not None:
        console.print(f"paused by {found.pause.by} since {minute(found.pause.at)}: {found.pause.reason}", markup=False)


def _row(at: Stands) -> dict[str, Any]:
    judgement = at.case.judgement if at.case else None
    return {
        "model": at.model.number,
        "state": at.state.value,
        "artifact": at.model.artifact[:12],
        "judged": minute(judgement.recorded_at) if judgement else "",
        "verdict": in_short(judgement.verdict) if judgement else "",
        "why": "; ".join(at.why),
    }


def _retrain_row(said: Retrain) -> dict[str, Any]:
    """Return a retrain as a row: `why` says how it ended as it did, else what it was asked for."""
    return {
        "retrain": said.id,
        "asked_for": minute(said.requested_at),
        "by": said.by,
        "up_to": said.cut_off,
        "outcome": said.outcome or said.state,
        "model": said.number or "",
        "why": said.why or said.reason,
    }


def _promotion_row(said: Promotion) -> dict[str, Any]:
    return {
        "when": minute(said.promoted_at),
        "model": said.number,
        "before": said.previous or "",
        "how": said.kind.replace("_", " "),
        "evidence": said.evidence[:12],
        "by": said.by,
        "why": said.reason,
    }
