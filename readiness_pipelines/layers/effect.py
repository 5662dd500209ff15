"""Whether a recorded decision is in effect: in what was judged last of its partition, and not decided otherwise since."""

from __future__ import annotations

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver
from readiness_pipelines.flow import GateVerdict
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.corrections import Corrections, RowCorrection
from readiness_pipelines.layers.decided import in_short
from readiness_pipelines.layers.keys import Keys
from readiness_pipelines.layers.quarantine import rows_of
from readiness_pipelines.layers.standing import Standings
from readiness_pipelines.ledger import Correction

_NAMED = 5  # rows that a message names


def why_not_in_effect(lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, said: Correction) -> str:
    """Return in one line why a recorded decision is not in effect, and what to do; an empty string where it is.

    A decision about rows is in effect if it is still in force, the newest verdict was made with it and admitted, and none of
    the rows waits in quarantine. An `admit` is, if its candidate is the newest and was admitted; a withdrawal, if `main` holds
    the version it says.
    """
    why, next_step = _short_of(lake, product, table, said)
    return f"the decision is recorded, and not in effect: {why}; {next_step}" if why else ""


def _short_of(lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, said: Correction) -> tuple[str, str]:
    place, partition = f"{table.full_name}/{said.partition}", said.partition
    corrections = Corrections.of(lake, table.full_name, partition)
    if otherwise := _decided_otherwise(corrections, said):
        return otherwise, f"`readiness quarantine show {table.name} {partition} --all` says what stands"
    verdict = lake.ledger.latest_verdict(table.full_name, partition)
    current = lake.ledger.current_version(table.full_name, partition)
    on_main = current.version_key if current is not None else None
    if said.kind == "withdraw":
        if on_main == said.payload["to"]:
            return "", ""
        return f"{place} holds another version", _mend(product, partition)
    if verdict is None or not _was_made_with(verdict, corrections, said):
        above = Standings(product, lake, now=clock()).of(table.name, partition)
        why = above.why if above.blocks else f"{place} was not judged with it"
        return f"no candidate was made with it: {why}" if above.blocks else why, _mend(product, partition)
    if not verdict.outcome.is_admitted:
        held = "; ".join(verdict.held_because) or verdict.outcome.value
        return f"{place} is held: {held[:500]}", f"`readiness held show {table.name} {partition}` says what can be decided"
    if on_main != verdict.version_key:
        return f"{place} was admitted and not published", _mend(product, partition)
    still = [r for r in rows_of(lake, table.full_name, partition) if r.row_id in said.subjects]
    if still and said.kind != "admit":
        named = ", ".join(f"{r.row_id} ({', '.join(r.reasons)})" for r in still[:_NAMED])
        return (
            f"{len(still)} of {len(said.subjects)} rows are still in quarantine: {named}",
            "correct them, waive these rules too, or discard them",
        )
    return "", ""


def _mend(product: Product, partition: str) -> str:
    backfill = f"readiness backfill {product.name} --from {partition} --to {partition}"
    return f"`readiness status {product.name}` says what is held or missing; mend that, and `{backfill}` carries it out"


def _was_made_with(verdict: GateVerdict, corrections: Corrections, said: Correction) -> bool:
    if said.kind == "admit":
        return Keys.in_verdict(verdict).plain_candidate in said.subjects
    return corrections.are_in(verdict)


def _decided_otherwise(corrections: Corrections, said: Correction) -> str:
    """Return who decided otherwise about rows of this decision since; nothing if nobody did."""
    if said.kind not in ("release", "discard"):
        return ""
    lost = [row for row in said.subjects if not _is_in_force(corrections.rows.get(row, RowCorrection()), said)]
    if not lost:
        return ""
    newest = next(each for each in reversed(corrections.said) if lost[0] in each.subjects)
    return (
        f"{len(lost)} of {len(said.subjects)} rows were {in_short(newest)} by {newest.by} "
        f"on {newest.recorded_at[:16].replace('T', ' ')}: {newest.reason}"
    )


def _is_in_force(now: RowCorrection, said: Correction) -> bool:
    if said.kind == "discard":
        return now.is_discarded
    if "values" in said.payload:
        return now.values == str(said.payload["values"])
    return not now.is_discarded and set(said.payload["rules"]) <= set(now.waived)
