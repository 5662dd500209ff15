"""What the loop has done with a product's model, as the ledger tells it: when, what, and why."""

from __future__ import annotations

from collections.abc import Iterator

from readiness_pipelines.cli.model_told import commands_of, in_short, standing_now
from readiness_pipelines.cli.place import console, show
from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import Severity, Test
from readiness_pipelines.lakehouse import Lakehouse

_WHY = 110  # characters of a reason that are shown


def tell_story(product: Product, lake: Lakehouse) -> None:
    """Print what happened, oldest first, what predictions were worth meanwhile, and what waits with the commands to decide."""
    happened = sorted(_happened(product, lake), key=lambda each: each[0])
    rows = [{"at": at[5:16].replace("T", " "), "what": what, "why": why[:_WHY]} for at, what, why in happened]
    show(rows, as_json=False, title=f"{product.name}: the loop (times are UTC)", empty=f"{product.name}: nothing has happened yet.")
    if worth := list(_worth(product, lake)):
        show(worth, as_json=False, title=f"{product.name}: what predictions were worth", empty="")
    for each in standing_now(product, lake).waiting:
        if each.case is not None:
            console.print(f"model {each.model.number} of {product.name} waits for a person: {'; '.join(each.why)}", markup=False)
            for command in commands_of(product.name, each.case).values():
                console.print(f"  {command}", markup=False, soft_wrap=True)


def _happened(product: Product, lake: Lakehouse) -> Iterator[tuple[str, str, str]]:
    """Yield (when, what, why); of drift only what somebody had to do something about."""
    ledger, models = lake.ledger, lake.ledger.models
    for at, said in ledger.drift.decisions(product.name):
        if said.severity.is_at_least(Severity.MEDIUM):
            columns = ", ".join(said.columns[:3])
            yield at, f"{said.severity} drift in {said.window} -> {said.action}", f"{said.monitor}: {columns}; {said.why}"
    for retrain in ledger.retrains.retrains(product.name):
        yield retrain.requested_at, f"retrain {retrain.id} asked for by {retrain.by}", f"up to {retrain.cut_off}: {retrain.reason}"
    for judgement in models.judgements(product.name):
        number, verdict = judgement.evidence.number, judgement.verdict
        beside = verdict.against_name if verdict.against else "the baseline"
        yield judgement.recorded_at, f"model {number} judged beside {beside}", in_short(verdict)
        for review in models.reviews(judgement.evidence.digest):
            yield review.decided_at, f"model {number} {review.decision} by {review.by}", review.reason
    for promotion in models.promotions(product.name):
        yield promotion.promoted_at, f"model {promotion.number} {promotion.kind.replace('_', ' ')}", promotion.reason


def _worth(product: Product, lake: Lakehouse) -> Iterator[dict[str, str]]:
    """Yield the metric of each window whose labels are known, with its interval."""
    for monitor in product.monitors:
        for report in lake.ledger.drift.reports(product.name, monitor.name):
            for each in report.measured.measurements:
                if each.test is Test.PERFORMANCE and not each.group and "metric_window" in each.more:
                    more = each.more
                    yield {
                        "window": str(report.measured.window),
                        "rows": f"{each.n_window:,}",
                        "metric": f"{more['metric_window']:.3f}",
                        "interval": f"{more['metric_window_low']:.3f} to {more['metric_window_high']:.3f}",
                        "reference": f"{more['metric_reference']:.3f}",
                        "severity": report.severity.value,
                    }
