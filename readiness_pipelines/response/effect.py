"""An event takes effect: claimed, carried out, decided, exactly once, however many runs try and wherever one of them dies.

What an event leads to is done before it is recorded as decided. A retrain's request and a roll back name the event, so whoever
takes the claim over after a kill finds them, does nothing twice, and records the same decision: none is ever on record undone.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import AnotherChampion, NotApproved
from readiness_pipelines.flow import POLICY, ResponseDecision, Retrain, Severity
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.response.facts import event_mark, gather
from readiness_pipelines.response.policy import Action, Comparison, Facts, Response, fingerprint, performance_loss, respond


@dataclass(frozen=True)
class Effect:
    """What became of an event when a run tried to let it take effect.

    `decided`: this run has decided it. `decided_before`: run `by` had. `taken`: run `by` is at it. `superseded`: its window
    was measured again, `by` names the newer event. `no_alarm`: it is not judged to be drift. `unknown`: nothing was measured
    and judged under it for this product.
    """

    state: Literal["decided", "decided_before", "taken", "superseded", "no_alarm", "unknown"]
    event: str
    by: str = ""
    decision: ResponseDecision | None = None

    def __str__(self) -> str:
        said, event = self.decision, f"event {self.event[:12]}"
        match self.state:
            case "decided" | "decided_before" if said is not None:
                what = f"{said.action} for {said.severity} drift of {said.monitor} in {said.window}: {said.why}"
                return f"{event}: {what}" if self.state == "decided" else f"{event} was decided by run {self.by}: {what}"
            case "taken":
                return f"{event} is being worked on by run {self.by}: nothing to do here"
            case "superseded":
                return f"{event} is superseded: its window was measured again, as event {self.by[:12]}"
            case "no_alarm":
                return f"{event} is not judged to be drift: nothing to do"
        return f"found no event {self.event!r}, expected one that was measured: `readiness drift show` names them"


def take_effect(
    product: Product, lake: Lakehouse, event: str, run: str, *, is_over: Callable[[str], bool], now: datetime.datetime
) -> Effect:
    """Let an event take effect at `now` (UTC): exactly one `ResponseDecision` is ever recorded for it.

    The first transaction claims the event for `run`; whoever holds the newest claim decides. Safe to call again by the same
    run, by several runs at once, and after a kill at any instant: `is_over` says of another run that it has ended or died,
    and then its unfinished claim is taken over. One event of a product is decided at a time.
    """
    drift = lake.ledger.drift
    before = drift.report_of(event)
    if before is None or before.measured.product != product.name:
        return Effect("unknown", event)
    if before.severity is Severity.NONE and drift.decision_of(event) is None:
        return Effect("no_alarm", event)
    while (claim := drift.claim(event, run, is_over=is_over)).state == "mine":
        reached("event_claimed")
        with lake.ledger.responding(product.name):
            if drift.decision_of(event) is not None:
                continue  # by who took the claim over meanwhile
            report = drift.report_of(event) or before  # as it is judged now: what is decided is what is on record
            try:
                decision = _carried_out(product, lake, gather(product, lake, report, now=now), run)
            except AnotherChampion:  # promoted while two others were compared: it is looked at anew
                continue
            if drift.decide(decision):
                reached("event_decided")
                return Effect("decided", event, run, decision)
    if claim.state == "decided":
        return Effect("decided_before", event, claim.by, drift.decision_of(event))
    return Effect("taken" if claim.state == "taken" else "superseded", event, claim.by)


def _carried_out(product: Product, lake: Lakehouse, facts: Facts, run: str) -> ResponseDecision:
    """Do what follows from the facts, and return the decision that says so."""
    response, report, asked = respond(facts), facts.report, facts.asked
    if response.asks and (retrain := _asked(lake, facts)) is not None:
        asked, facts = retrain.id, replace(facts, looks_to=retrain.cut_off)
        response = respond(facts)
    if response.action is Action.ROLL_BACK:
        response = _rolled_back(product, lake, facts, response)
    return ResponseDecision(
        event=report.event,
        product=product.name,
        monitor=report.measured.monitor,
        window=report.measured.window,
        severity=report.severity,
        columns=report.columns,
        action=response.action.value,
        why=response.why,
        policy=fingerprint(facts.words),
        decided_by=run,
        retrain=asked,
    )


def _asked(lake: Lakehouse, facts: Facts) -> Retrain | None:
    """Return the retrain that this event has asked for: by a run that died, or now. It may have joined one that has begun."""
    report = facts.report
    if facts.asked:
        return lake.ledger.retrains.retrain(report.measured.product, facts.asked)
    wanted = Retrain(
        product=report.measured.product,
        id=0,
        state="requested",
        cut_off=facts.cut_off,
        severity=report.severity,
        events=(report.event,),
        reason=f"{report.severity} drift of {report.measured.monitor} in {report.measured.window}",
        by=POLICY,
        not_before=facts.waits_until,
    )
    asked = lake.ledger.retrains.request(wanted)
    reached("retrain_requested")
    return asked


def _rolled_back(product: Product, lake: Lakehouse, facts: Facts, response: Response) -> Response:
    """Make the earlier version champion again, and return what is then so: its own decision may not let it be.

    Raises AnotherChampion, with nothing rolled back, where the champion is not the one that was compared any more.
    """
    from readiness_pipelines.models.promotion import repair, roll_back

    report = facts.report
    if facts.returned_to:  # by a run that died, and may have left aliases and references behind
        repair(product, lake)
        return response
    reason = f"{event_mark(report.event)}: performance fell by {performance_loss(report):.3f} in {report.measured.window}"
    compared = facts.previous.champion if facts.previous is not None else facts.champion
    try:
        roll_back(product, lake, by=POLICY, reason=reason, to=response.to, champion=compared)
    except NotApproved as error:
        return respond(replace(facts, previous=Comparison(response.to, None, str(error), compared)))
    reached("rolled_back")
    return response
