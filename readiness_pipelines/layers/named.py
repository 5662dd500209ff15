"""Partitions and reasons that somebody names: there is one of that name, or the mistake names some that there are."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from readiness_pipelines.declarations import TableDeclaration
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, quarantined

_NAMED = 5


def require_known(lake: Lakehouse, tables: Sequence[TableDeclaration], *, partition: str | None, reason: str | None) -> None:
    """Raise ReadinessError if none of the tables was ever judged for the partition, or could have or ever had a row in
    quarantine for the reason. None asks for nothing."""
    if partition is not None:
        judged = {key for table in tables for key in lake.ledger.latest_keys(table.full_name)}
        _require(partition, judged, "no partition", "one that was run")
    if reason is None or (reason.startswith("parse:") and any(table.layer == "bronze" for table in tables)):
        return  # what can be wrong with a record is a matter of its format, and not listed
    declared = {each for table in tables for each in _declared(table)}
    if reason not in declared:
        _require(reason, declared | {each for table in tables for each in _had(lake, table)}, "no rule or reason", "one")


def _declared(table: TableDeclaration) -> set[str]:
    return {rule.name for rule in table.suite.rules if rule.is_row_rule} | {f"cast:{c.name}" for c in table.table.columns}


def _had(lake: Lakehouse, table: TableDeclaration) -> set[str]:
    """Return the reasons of all rows that were ever in quarantine: of rules that were renamed since, too."""
    with lake.connect() as con:
        found = con.execute(f"SELECT DISTINCT unnest(reasons) FROM {quarantined(lake, table.full_name)}").fetchall()
    return {str(row[0]) for row in found}


def _require(name: str, known: set[str], what: str, expected: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, sorted(known), n=_NAMED, cutoff=0.7) or sorted(known)[-_NAMED:]
    more = f" and {len(known) - len(near)} others" if len(known) > len(near) else ""
    raise ReadinessError(f"found {what} {name[:80]!r}, expected {expected} of: {', '.join(near) or 'none'}{more}")
