"""A decision of a person in words, for whoever lists decisions."""

from __future__ import annotations

from readiness_pipelines.ledger import Correction

_DECIDED = {
    "release": "released",
    "discard": "discarded",
    "admit": "admitted",
    "withdraw": "withdrawn",
    "purge": "purged",
    "erase": "erased",
}
ABOUT_ROWS = ("release", "discard")


def in_short(said: Correction) -> str:
    """Return what was decided, without about what, by whom and why: `released with corrected values`. No value of a row."""
    return _DECIDED.get(said.kind, said.kind) + _details(said)


def told(said: Correction) -> str:
    """Return a decision in one line."""
    rows = f"{len(said.subjects)} rows " if said.kind in ABOUT_ROWS else ""
    return f"{said.table}/{said.partition} {rows}{in_short(said)}, by {said.by} on {said.recorded_at[:16]}: {said.reason}"


def _details(said: Correction) -> str:
    if "rules" in said.payload:
        return f" waiving {', '.join(said.payload['rules'])}"
    if "values" in said.payload:
        return " with corrected values"
    if said.kind == "withdraw":
        return f" to {said.payload['to'][:12].rstrip('0') or 'nothing'}"
    return f" of {said.payload['rows']} rows" if said.kind == "purge" else ""
