"""The gate, as one step: examine the candidate, stage what may pass, quarantine what may not, then publish or hold.

Nothing here depends on the layer. A row that breaks a quarantining rule, or could not be cast, is kept in quarantine
with all its reasons; the rules over the table are judged on the staged files, which the verdict names by digest and an
admission publishes unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import duckdb

from readiness_pipelines.declarations import Gold, TableDeclaration
from readiness_pipelines.errors import BrokenInvariant
from readiness_pipelines.flow import Counts, GateVerdict, Outcome, RuleResult, StagedFile
from readiness_pipelines.gates import decide, examine_rows, examine_table
from readiness_pipelines.lakehouse import Lakehouse, reached, stage, write_quarantine
from readiness_pipelines.layers.candidate import DELIVERED, ROWS, Candidate
from readiness_pipelines.layers.rows import literal, quoted

_REJECTED = "_rejected"  # temp table: row_id, reasons


def examine(
    con: duckdb.DuckDBPyConnection, lake: Lakehouse, table: TableDeclaration, candidate: Candidate, *, partition: str, attempt: str
) -> GateVerdict:
    """Return the verdict on the candidate, after its good rows are staged and its bad rows are in quarantine.

    Raises BrokenInvariant when the rows do not add up; nothing is published then.
    """
    row_rules = _judge_rows(con, table)
    files = stage(
        con,
        lake,
        table.full_name,
        f"SELECT {', '.join(_columns(table))} FROM {ROWS} ANTI JOIN {_REJECTED} USING (row_id)",
        partition=partition,
        version_key=candidate.version_key,
        attempt=attempt,
    )
    reached("staged")
    # a file that was refused as a whole has no rows to judge: what is wrong with it is the one reason to read
    table_rules = () if candidate.refused else examine_table(con, _published(table, candidate, files), table.suite)
    reached("examined")
    reasons = _reasons(con, candidate)
    rules = (*candidate.rules, *row_rules, *table_rules)
    verdict = _verdict(con, table, candidate, partition, files, rules, reasons)
    write_quarantine(
        lake,
        con,
        table.full_name,
        _quarantine_rows(candidate),
        partition=partition,
        version_key=candidate.version_key,
    )
    reached("quarantined")
    return verdict


def _columns(table: TableDeclaration) -> list[str]:
    system = ["row_id", "partition_key"]
    if table.layer == "bronze":
        system += ["delivery_sha256", "delivery_name", "record_number", "received_at"]
    if isinstance(table, Gold) and table.carries_source_row_id:
        system.append("source_row_id")
    return system + [quoted(c.name) for c in table.table.columns]


def _judge_rows(con: duckdb.DuckDBPyConnection, table: TableDeclaration) -> tuple[RuleResult, ...]:
    """Judge every candidate row and create `_rejected`: one row per bad row, cast reasons first, then rules."""
    uncast = con.execute(f"SELECT count(*) FROM {ROWS} WHERE len(cast_failures) > 0").fetchone()
    any_uncast = bool(uncast and uncast[0])
    judged = examine_rows(con, ROWS, table.suite, unjudged="cast_failures" if any_uncast else None)
    cast = (
        f"SELECT row_id, list_transform(cast_failures, lambda c: 'cast:' || c) AS reasons FROM {ROWS} WHERE len(cast_failures) > 0"
    )
    parts = [f"SELECT row_id, reasons, 0 AS place FROM ({cast})"] if any_uncast else []
    bad = judged.bad_rows_sql()
    if bad is not None:
        parts.append(f"SELECT row_id, reasons, 1 AS place FROM ({bad})")
    if parts:
        union = " UNION ALL ".join(parts)
        rows = f"SELECT row_id, flatten(list(reasons ORDER BY place)) AS reasons FROM ({union}) GROUP BY row_id"
    else:
        rows = "SELECT CAST(NULL AS VARCHAR) AS row_id, CAST([] AS VARCHAR[]) AS reasons WHERE false"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_REJECTED} AS {rows}")
    return tuple(judged.results)


def _published(table: TableDeclaration, candidate: Candidate, files: Sequence[StagedFile]) -> str:
    """Return what an admission would publish, as a relation with the contract's columns (rules speak of those alone)."""
    columns = ", ".join(quoted(c.name) for c in table.table.columns)
    paths = [f.path for f in (*candidate.kept, *files)]
    if not paths:
        return f"(SELECT {columns} FROM {ROWS} WHERE false)"
    return f"(SELECT {columns} FROM read_parquet([{', '.join(literal(p) for p in paths)}]) WHERE {candidate.judged})"


def _reasons(con: duckdb.DuckDBPyConnection, candidate: Candidate) -> dict[str, int]:
    found = con.execute(
        f"SELECT reason, count(*) FROM (SELECT unnest(reasons) AS reason FROM {_REJECTED}) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    counts = dict(candidate.reject_reasons)
    for reason, n in found:
        counts[str(reason)] = counts.get(str(reason), 0) + int(n)
    return counts


def _quarantine_rows(candidate: Candidate) -> str:
    bad = (
        "SELECT r.row_id, r.reasons, d.row_values, d.delivery_sha256, d.record_number "
        f"FROM {_REJECTED} r JOIN {DELIVERED} d USING (row_id)"
    )
    return f"{bad} UNION ALL {candidate.rejects}" if candidate.rejects else bad


def _judged_quarantined(con: duckdb.DuckDBPyConnection, candidate: Candidate) -> int:
    """Return how many of the rows that count are bad."""
    sql = f"SELECT count(*) FROM {_REJECTED} JOIN {ROWS} USING (row_id) WHERE {candidate.judged}"
    if candidate.rejects:
        sql = f"SELECT ({sql}) + (SELECT count(*) FROM ({candidate.rejects}) WHERE {candidate.judged})"
    found = con.execute(sql).fetchone()
    return int(found[0]) if found else 0


def _verdict(
    con: duckdb.DuckDBPyConnection,
    table: TableDeclaration,
    candidate: Candidate,
    partition: str,
    files: Sequence[StagedFile],
    rules: tuple[RuleResult, ...],
    reasons: dict[str, int],
) -> GateVerdict:
    rejected = con.execute(f"SELECT count(*) FROM {_REJECTED}").fetchone()
    unparsed = con.execute(f"SELECT count(*) FROM ({candidate.rejects})").fetchone() if candidate.rejects else (0,)
    quarantined = (int(rejected[0]) if rejected else 0) + (int(unparsed[0]) if unparsed else 0)
    outcome, held_because = decide(
        rules=rules,
        rows_in=candidate.rows_in if candidate.judged_rows is None else candidate.judged_rows,
        quarantined=quarantined if candidate.judged_rows is None else _judged_quarantined(con, candidate),
        max_quarantine_fraction=table.suite.max_quarantine_fraction,
    )
    if candidate.refused:
        outcome, held_because = Outcome.HELD, (*candidate.refused, *held_because)
    good = sum(f.rows for f in files) + candidate.kept_rows
    admitted = outcome.is_admitted
    counts = Counts(
        rows_in=candidate.rows_in,
        admitted=good if admitted else 0,
        held=0 if admitted else candidate.rows_in - quarantined - candidate.duplicates - sum(candidate.dropped.values()),
        quarantined=quarantined,
        duplicates=candidate.duplicates,
        dropped=candidate.dropped,
    )
    verdict = GateVerdict(
        table=table.full_name,
        partition=partition,
        version_key=candidate.version_key,
        outcome=outcome,
        counts=counts,
        inputs=candidate.inputs,
        files=(*candidate.kept, *files),
        rules=rules,
        held_because=held_because,
        quarantine_reasons=reasons,
        notes=candidate.notes,
        details=candidate.details,
    )
    if not counts.conserved or (not candidate.refused and counts.held not in (0, good)):
        raise BrokenInvariant(
            f"{partition} {table.layer} {table.name}: {counts.rows_in} rows in, but {dataclasses.asdict(counts)} adds up to "
            f"{counts.accounted} with {good} staged; nothing was published: please report this"
        )
    return verdict
