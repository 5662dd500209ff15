"""What a response depends on, gathered from ledger and calendar: nothing is changed here, and nothing is decided."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.flow import DriftReport, Mode, Retrain, Severity, Test, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import Standing, StandingKind, Standings
from readiness_pipelines.layers.calendar import STEPS, partitions_read, start_of
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.response.policy import (
    ROLL_BACK_FROM,
    TOLD_FROM,
    URGENT_FROM,
    Action,
    Comparison,
    Facts,
    performance_loss,
)
from readiness_pipelines.response.rollback import compared, has_news

_WEEK = datetime.timedelta(days=7)
_QUIET = 4  # windows without drift, after which a table is watched as before
_RULES = 5  # of a held candidate that are named
_CHANGES = (Action.RETRAIN, Action.REVIEW, Action.ROLL_BACK)


def gather(product: Product, lake: Lakehouse, report: DriftReport, *, now: datetime.datetime) -> Facts:
    """Return what is known at `now` (UTC) of a report, the gates over its window, and the product's models and retrains."""
    spec, ledger = product.model, lake.ledger
    if spec is None:
        return Facts(report)
    mine = ledger.retrains.retrains(product.name)
    cut_off = newest_partition(spec, ledger) or report.measured.window.last
    looked = next((each for each in reversed(mine) if each.state == "ended" and each.outcome != "broken"), None)
    champion = ledger.models.champion(product.name)
    learned = ledger.models.training_set(product.name, champion.training_set) if champion is not None else None
    paused, held = ledger.retrains.paused(product.name), tuple(gates(product, lake, report, now=now))
    return Facts(
        report,
        words=spec.words.retraining,
        gates=held,
        champion=champion.number if champion is not None else 0,
        learned_to=_learned_to(product, lake, report, learned, cut_off=cut_off) if learned is not None else "",
        cut_off=cut_off,
        looked_to=looked.cut_off if looked else "",
        looked_by=looked.id if looked else 0,
        days_since=_days(product, looked.cut_off, cut_off) if looked else 0,
        in_flight=mine[-1].id if mine and mine[-1].state != "ended" else 0,
        asked=next((each.id for each in mine if report.event in each.events), 0),
        waits_until=waits_until(mine, per_week=spec.words.retraining.per_week, now=now),
        paused_by=paused.by if paused else "",
        previous=_previous(product, lake, report, cut_off=cut_off) if not held else None,
        returned_to=_returned_to(product, ledger, report.event),
    )


def newest_partition(spec: ModelSpec, ledger: Ledger) -> str | None:
    """Return the newest partition with admitted rows to score or with admitted labels: what a retrain looks at by default."""
    tables = {spec.scored.full_name, spec.labels.full_name}
    current = [each for name in tables for each in ledger.current_versions(name).values()]
    return max((version.partition for version in current if not version.is_nothing), default=None)


def waits_until(retrains: list[Retrain], *, per_week: int, now: datetime.datetime) -> str:
    """Return when the next retrain may begin by itself (UTC, ISO 8601), empty for now: `per_week` were in the 7 days before.

    What has not begun counts nothing, whatever it waits for, nor does what a person has asked for.
    """
    begun = sorted(max(each.requested_at, each.not_before) for each in retrains if each.attempt and each.is_by_itself)
    if len(begun) < per_week:
        return ""
    free = datetime.datetime.fromisoformat(begun[-per_week]) + _WEEK
    return free.isoformat(timespec="milliseconds") if free > now.replace(tzinfo=datetime.UTC) else ""


def gates(product: Product, lake: Lakehouse, report: DriftReport, *, now: datetime.datetime) -> Iterator[str]:
    """Yield what holds or misses a partition that the window should have rested on: table, partition, and rules of the gate."""
    if not report.measured.absent:
        return
    standings = Standings(product, lake, now=now, everything=True)
    name, seen = report.measured.table.rpartition(".")[2], set[tuple[str, str]]()
    for partition in report.measured.absent:
        for standing in _causes(product, standings, name, partition, seen):
            yield _told(lake, standing)


def _causes(product: Product, standings: Standings, name: str, partition: str, seen: set[tuple[str, str]]) -> Iterator[Standing]:
    """Yield where the partitions stand that are held or missing themselves, and that block this one; each once."""
    standing = standings.of(name, partition)
    if (name, partition) in seen or not standing.blocks:
        return
    seen.add((name, partition))
    table = product.by_name[name]
    if standing.kind is not StandingKind.BLOCKED or isinstance(table, Bronze):
        yield standing
        return
    for upstream, given in table.upstream.items():
        for key in partitions_read(product, given, partition) if given.unavailable == "hold" else ():
            yield from _causes(product, standings, upstream, key, seen)


def _told(lake: Lakehouse, standing: Standing) -> str:
    if standing.kind is StandingKind.MISSING:
        return standing.why
    verdict = lake.ledger.latest_verdict(standing.table, standing.partition)
    because = verdict.held_because if verdict is not None else ()
    return f"{standing.table}/{standing.partition} is held: {', '.join(because[:_RULES])}"


def _days(product: Product, before: str, after: str) -> int:
    return (start_of(product, after) - start_of(product, before)) // STEPS["day"]


def _learned_to(product: Product, lake: Lakehouse, report: DriftReport, learned: TrainingSet, *, cut_off: str) -> str:
    """Return the newest partition that the champion has looked at, as far as this report is about what it has looked at.

    Empty where the predictions were found to be worth less on rows that it has neither learned from nor was tried on: their
    partitions it has looked at, and their labels became known after that.
    """
    spec, is_of_worth = product.model, any(f.test is Test.PERFORMANCE and f.severity is not Severity.NONE for f in report.findings)
    if spec is None or not is_of_worth or report.mode is not Mode.DECIDED or report.measured.window.last > learned.cut_off:
        return learned.cut_off
    if not report.severity.is_at_least(spec.words.retraining.from_):  # nothing is begun for it: no need to look
        return learned.cut_off
    return "" if has_news(product, lake, spec, report, learned, cut_off=cut_off) else learned.cut_off


def _previous(product: Product, lake: Lakehouse, report: DriftReport, *, cut_off: str) -> Comparison | None:
    """Compare the champion before with the champion, where the champion may be the fault of a critical event."""
    may_be_its_fault = report.severity is Severity.CRITICAL and performance_loss(report) > ROLL_BACK_FROM
    if not may_be_its_fault or _returned_to(product, lake.ledger, report.event):
        return None
    return compared(product, lake, report, cut_off=cut_off)


def event_mark(event: str) -> str:
    """Return how the reason of a roll back names the event that has led to it."""
    return f"event {event[:12]}"


def _returned_to(product: Product, ledger: Ledger, event: str) -> int:
    mine = [p for p in ledger.models.promotions(product.name) if p.kind == "rolled_back" and event_mark(event) in p.reason]
    return mine[-1].number if mine else 0


# what lasts beyond an event


def told_from(product: Product, ledger: Ledger, table: str) -> Severity:
    """Return from which severity on the owner is told of this table: after a high event from low on.

    Until a model is promoted, or the newest four windows of the monitor that had the event are without drift.
    """
    if product.model is None:
        return TOLD_FROM
    monitors = {monitor.name for monitor in product.monitors if monitor.table.full_name == table}
    promotions = ledger.models.promotions(product.name)
    for at, said in reversed(ledger.drift.decisions(product.name)):
        if promotions and promotions[-1].promoted_at > at:
            return TOLD_FROM
        if said.monitor in monitors and said.severity.is_at_least(URGENT_FROM) and said.action in _CHANGES:
            newest = ledger.drift.reports(product.name, said.monitor, last=_QUIET)
            is_quiet = len(newest) == _QUIET and all(each.severity is Severity.NONE for each in newest)
            return TOLD_FROM if is_quiet else Severity.LOW
    return TOLD_FROM
