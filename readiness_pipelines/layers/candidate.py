"""A candidate: rows that propose to become a version, laid out in DuckDB for the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from readiness_pipelines.flow import RESERVED, RuleResult, StagedFile

ROWS = "_candidate"  # view: the table's columns, DELIVERED, and a flag per column that is cast; dropped and duplicate rows left out
# column of ROWS, STRUCT(row_values STRUCT, delivery_sha256 VARCHAR, record_number BIGINT): the row as it came
DELIVERED = f"{RESERVED}delivered"


@dataclass(frozen=True)
class Candidate:
    """What a layer hands to the gate. The rows are those of the connection's view `_candidate`: looked at, never held.

    `rows` counts them. `uncast` names, for each column that is cast, the column of the view that is true where a cell
    could not be. `rejects` is SQL giving ready quarantine rows that are in no candidate row (bronze's unparseable
    records); `kept` are files already on `main` that stay part of the version; `judged` is the SQL condition for the
    rows that the rules over the table look at (bronze: the effective deliveries); `refused` says why the candidate is
    held whatever the suite says. `rows_in` counts every row before anything was decided; `judged_rows` those that
    `judged` speaks of (None: all): what was superseded makes a bad delivery look neither better nor worse.
    """

    version_key: str
    inputs: tuple[str, ...]
    expected: str | None
    rows_in: int
    rows: int
    uncast: Mapping[str, str] = field(default_factory=dict)
    duplicates: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    rejects: str | None = None
    reject_reasons: Mapping[str, int] = field(default_factory=dict)
    kept: tuple[StagedFile, ...] = ()
    kept_rows: int = 0
    judged: str = "true"
    judged_rows: int | None = None
    refused: tuple[str, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
