"""What is decided about models, as jobs with typed config: promote, review, roll back. The ledger checks; these only carry."""

import functools
from collections.abc import Callable
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Promotion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.product.keys import champion_key
from readiness_pipelines.product.model_events import tell_champion
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.vital import at_work


class Verb(Enum):
    APPROVE = "approve"
    REJECT = "reject"


class Signed(dg.Config):
    """Who decides, and why."""

    by: str = Field(description="Who decides, as typed; kept with the decision.")
    reason: str = Field(description="Why; kept with the decision.")


class Promote(Signed):
    """A model that is to be the champion: only with an approval of its evidence."""

    model: int = Field(description="Number of the model.")


class Review(Signed):
    """A decision about the newest evidence of a model."""

    model: int = Field(description="Number of the model.")
    decision: Verb = Field(description="approve or reject.")
    days: int = Field(default=0, description="An approval counts for this many days; 0: as the product declares.")
    evidence: str = Field(
        default="",
        description="What was looked at, its first 12 digits: an approval needs it, and another than the newest is refused.",
    )


class RollBack(Signed):
    """An earlier champion that is to be champion again."""

    champion: int = Field(default=0, description="Number of the champion that disappoints: another one is not gone back from.")
    to: int = Field(default=0, description="Number of the model; 0: the champion before this one.")


def promotion_job(product: Product) -> dg.JobDefinition:
    """Return the job `<product>_promotion`."""

    @dg.op(name=f"promote_{product.name}")
    def promote_(context: dg.OpExecutionContext, config: Promote, readiness: Readiness) -> None:
        from readiness_pipelines.models.promotion import promote

        signed = {"by": config.by, "reason": config.reason}
        _decide(context, product, readiness, lambda lake: _words(promote(product, lake, number=config.model, **signed)))

    return _job(product, promote_, "promotion", "Make a model the champion, if a decision about its evidence lets it through.")


def review_job(product: Product) -> dg.JobDefinition:
    """Return the job `<product>_review`."""

    @dg.op(name=f"review_{product.name}")
    def review_(context: dg.OpExecutionContext, config: Review, readiness: Readiness) -> None:
        _decide(context, product, readiness, functools.partial(_reviewed, product, config))

    words = (
        'Approve or reject a model by its evidence, with the config `{model: 3, decision: APPROVE, evidence: "5d1c0e7ab394", '
        f"by: NAME, reason: WHY}}`. The check `nothing_waits` and `readiness review show {product.name} 3` name the evidence. "
        "What is approved is promoted within a minute, unless the loop is paused or something stands against it."
    )
    return _job(product, review_, "review", words)


def roll_back_job(product: Product) -> dg.JobDefinition:
    """Return the job `<product>_roll_back`."""

    @dg.op(name=f"roll_back_{product.name}")
    def roll_back_(context: dg.OpExecutionContext, config: RollBack, readiness: Readiness) -> None:
        from readiness_pipelines.models.promotion import roll_back

        def rolled_back(lake: Lakehouse) -> dict[str, Any]:
            to, champion = config.to or None, config.champion or None
            return _words(roll_back(product, lake, by=config.by, reason=config.reason, to=to, champion=champion))

        _decide(context, product, readiness, rolled_back)

    return _job(product, roll_back_, "roll_back", "Make an earlier champion champion again, on its own decision.")


def _job(product: Product, op: dg.OpDefinition, name: str, description: str) -> dg.JobDefinition:
    @dg.job(
        name=f"{product.name}_{name}",
        description=f"{description} Who and why are kept in the ledger.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        op()

    return job


def _decide(
    context: dg.OpExecutionContext, product: Product, readiness: Readiness, act: Callable[[Lakehouse], dict[str, Any]]
) -> None:
    """Do it, then tell Dagster how the champion stands. What the ledger refuses fails the run in one line."""
    settings = readiness.settings()
    try:
        with at_work(settings.state, context.run.run_id):
            lake = Lakehouse.open(settings)
            done = act(lake)
            tell_champion(context, product, lake)
    except ReadinessError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.add_output_metadata(done)


def _reviewed(product: Product, config: Review, lake: Lakehouse) -> dict[str, Any]:
    from readiness_pipelines.models.reviewing import decide

    approve = config.decision is Verb.APPROVE
    if approve and not config.evidence:
        raise ReadinessError(
            f"{product.name}: found no evidence, expected the first 12 digits of what was looked at: it may have been judged again "
            f"since; `readiness review show {product.name} {config.model}` names it, and so does the check nothing_waits of "
            f"{champion_key(product).to_user_string()}"
        )
    review = decide(
        product,
        lake,
        number=config.model,
        approve=approve,
        by=config.by,
        reason=config.reason,
        days=config.days or None,
        evidence=config.evidence,
    )
    return {"readiness/decision": review.decision, "readiness/evidence": review.evidence, "readiness/until": review.expires_at}


def _words(promotion: Promotion) -> dict[str, Any]:
    return {
        "readiness/champion": promotion.number,
        "readiness/instead_of": promotion.previous,
        "readiness/kind": promotion.kind,
        "readiness/evidence": promotion.evidence,
    }
