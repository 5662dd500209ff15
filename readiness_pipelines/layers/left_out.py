"""Whom a release left out: released rows that are duplicates of others, and others that became duplicates of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.quarantine import rows_of
from readiness_pipelines.ledger import Correction

_NAMED = 5  # rows that a line names
_WHY = "as a duplicate or by a declared filter"


def left_out(lake: Lakehouse, said: Correction, before: TableVersion | None) -> list[str]:
    """Return a line each about released rows that are not in the version now, and about rows of the version `before` that
    are in it no more; empty where there are none, and for any other decision. Rows in quarantine are not meant.

    Rows of `before` are looked for only if both versions were made from the same: else a delivery has taken their place.
    """
    now = lake.ledger.current_version(said.table, said.partition)
    if said.kind != "release" or now is None or now.is_nothing:
        return []
    there = _ids(lake, now) | {row.row_id for row in rows_of(lake, said.table, said.partition)}
    found = list(_line(sorted(set(said.subjects) - there), "released, and left out {why}"))
    if before is None or before.is_nothing or _inputs(lake, before) != _inputs(lake, now):
        return found
    others = sorted(_ids(lake, before) - there - set(said.subjects))
    undo = f"`readiness withdraw {said.table} {said.partition} --to {before.version_key[:12]}` takes the release back"
    return [*found, *_line(others, "admitted before, and left out now {why}", f"; {undo}")]


def _line(rows: Sequence[str], words: str, more: str = "") -> Iterator[str]:
    if rows:
        noun = "row was" if len(rows) == 1 else "rows were"
        yield f"{len(rows)} {noun} {words.format(why=_WHY)}: {', '.join(rows[:_NAMED])}{more}"


def _ids(lake: Lakehouse, version: TableVersion) -> set[str]:
    with lake.connect() as con:
        found = con.execute(f"SELECT row_id FROM {relation(lake, [version], columns=['row_id'])}").fetchall()
    return {str(row[0]) for row in found}


def _inputs(lake: Lakehouse, version: TableVersion) -> tuple[str, ...]:
    verdict = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
    return verdict.inputs if verdict is not None else ()
