"""Whether a decision about rows fits what is in quarantine and what others have decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.corrections import Corrections, RowCorrection
from readiness_pipelines.layers.decided import ABOUT_ROWS, in_short
from readiness_pipelines.layers.quarantine import OPEN, QuarantinedRow
from readiness_pipelines.ledger import Correction

_NAMED = 5  # rows that a message names


def refuse_unless_fitting(lake: Lakehouse, wanted: Correction, known: Mapping[str, QuarantinedRow]) -> None:
    """Raise ReadinessError if a decision about rows cannot be taken; `known` is the newest of each row that was refused.

    A row has to be in quarantine now, or discarded if it is to be released. What another person decided about it and nobody has
    run is not overruled unseen. Values take a row that could be read; waived rules one that is in quarantine for them.
    """
    corrections, rows = Corrections.of(lake, wanted.table, wanted.partition), wanted.subjects
    place = f"{wanted.table}/{wanted.partition}"
    for other in corrections.not_judged(lake.ledger.latest_verdict(wanted.table, wanted.partition)):
        both = sorted(set(rows) & set(other.subjects))
        if both and other.by != wanted.by and other.content != wanted.content and not _goes_beside(wanted, other):
            raise ReadinessError(
                f"{place}: {len(both)} of {len(rows)} rows were {_who(other)}; nobody has run that yet. Run it first: "
                f"`readiness backfill {wanted.table.partition('.')[0]} --from {wanted.partition} --to {wanted.partition}`, "
                "then decide about what is left"
            )
    states = (OPEN, "discarded") if wanted.kind == "release" else (OPEN,)
    if away := [row for row in rows if row not in known or known[row].state not in states]:
        raise ReadinessError(
            f"{place}: {len(away)} of {len(rows)} rows are not in quarantine now: {_named(away)}; "
            f"{_decided(corrections, away)}`readiness quarantine show {place.replace('/', ' ')} --all` says what became of them"
        )
    unread = [row for row in rows if any(reason.startswith("parse:") for reason in known[row].reasons)]
    if unread and wanted.kind == "release":
        raise ReadinessError(
            f"{place}: {len(unread)} of {len(rows)} rows could not be read, so there are no values to release: "
            f"{_named(unread)}; discard them, or have them delivered anew"
        )
    if "rules" in wanted.payload:
        reasons = {row: {*known[row].reasons, *corrections.rows.get(row, RowCorrection()).waived} for row in rows}
        _refuse_rules(place, reasons, wanted.payload["rules"])


def _refuse_rules(place: str, reasons: Mapping[str, Collection[str]], rules: Sequence[str]) -> None:
    idle = [rule for rule in rules if not any(rule in each for each in reasons.values())]
    if idle:
        raise ReadinessError(
            f"{place}: found the rules {', '.join(idle)}, expected some that these rows are in quarantine for: "
            f"{', '.join(sorted({reason for each in reasons.values() for reason in each}))}"
        )
    if others := [row for row, each in reasons.items() if set(rules).isdisjoint(each)]:
        raise ReadinessError(
            f"{place}: {len(others)} of {len(reasons)} rows are in quarantine for none of {', '.join(rules)}: {_named(others)}"
        )


def _goes_beside(wanted: Correction, other: Correction) -> bool:
    """Return whether a waiver is added to a release, and leaves it in force."""
    return "rules" in wanted.payload and other.kind == "release"


def _decided(corrections: Corrections, rows: Sequence[str]) -> str:
    about = (each for each in reversed(corrections.said) if each.kind in ABOUT_ROWS and not set(rows).isdisjoint(each.subjects))
    newest = next(about, None)
    return f"{len(set(rows) & set(newest.subjects))} were {_who(newest)}; " if newest is not None else ""


def _who(said: Correction) -> str:
    return f"{in_short(said)} by {said.by} on {said.recorded_at[:16].replace('T', ' ')} ({said.reason})"


def _named(rows: Sequence[str]) -> str:
    return ", ".join(row[:80] for row in rows[:_NAMED])
