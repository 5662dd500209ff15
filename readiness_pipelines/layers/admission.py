"""The gate, as one step: examine the candidate, stage what may pass, quarantine what may not, then publish or hold.

Nothing here depends on the layer. A row that breaks a quarantining rule, or could not be cast, is kept in quarantine
with all its reasons; the rules over the table are judged on the staged files, which the verdict names by digest and an
admission publishes unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from readiness_pipelines.declarations import Gold, TableDeclaration
from readiness_pipelines.errors import BrokenInvariant
from readiness_pipelines.flow import RESERVED, Counts, GateVerdict, Outcome, RuleResult, StagedFile
from readiness_pipelines.gates import RowExamination, Sifted, aggregates_of, decide, examine_rows, examine_table, lost_anyway
from readiness_pipelines.lakehouse import Lakehouse, reached, stage, write_quarantine
from readiness_pipelines.layers.candidate import DELIVERED, ROWS, Candidate
from readiness_pipelines.layers.corrections import FRACTION, Corrections, in_words, waive
from readiness_pipelines.layers.keys import Keys
from readiness_pipelines.layers.rows import count, literal, quoted
from readiness_pipelines.layers.tellable import tellable
from readiness_pipelines.ledger import Correction

_SET_ASIDE = "_set_aside"  # temp table: rows of the candidate, whole, that were not staged
_LOST = f"{RESERVED}lost"
_REJECTED = "_rejected"  # temp table: row_id, reasons
_WAIVED = "_waived"  # temp table: row_id, rules waived for the row
_NO_WAIVERS = "SELECT CAST(NULL AS VARCHAR) AS row_id, CAST([] AS VARCHAR[]) AS waived WHERE false"


def examine(
    con: duckdb.DuckDBPyConnection,
    lake: Lakehouse,
    table: TableDeclaration,
    candidate: Candidate,
    *,
    partition: str,
    attempt: str,
    corrections: Corrections,
    keys: Keys,
) -> GateVerdict:
    """Return the verdict on the candidate, after its good rows are staged and its bad rows are in quarantine.

    `corrections` are those that the candidate was made with, `keys` its keys before and after rules were waived for it.
    Raises BrokenInvariant when the rows do not add up; nothing is published then.
    """
    place = _Place(lake, table, partition, candidate.version_key, attempt)
    is_waiving = corrections.is_waiving
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_WAIVED} AS {corrections.waivers() if is_waiving else _NO_WAIVERS}")
    sifted, settled = _sift(con, place, candidate, is_waiving=is_waiving)
    judged = _judge_rows(con, table, candidate, sifted, settled, is_waiving=is_waiving)
    files = _as_judged(con, place, sifted)
    reached("staged")
    read = judged.read if files == sifted else {}
    # a file that was refused as a whole has no rows to judge: what is wrong with it is the one reason to read
    table_rules = () if candidate.refused else examine_table(con, _published(table, candidate, files), table.suite, read=read)
    reached("examined")
    reasons = _reasons(con, candidate)
    rules = (*candidate.rules, *judged.results, *table_rules)
    verdict = _verdict(con, table, candidate, partition, files, rules, reasons, corrections.waived(keys.plain_candidate))
    details = {**verdict.details, **keys.details, **corrections.as_details}
    verdict = dataclasses.replace(verdict, notes=(*verdict.notes, *corrections.notes()), details=details)
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


@dataclass(frozen=True)
class _Place:
    """Where a candidate's files belong."""

    lake: Lakehouse
    table: TableDeclaration
    partition: str
    version_key: str
    attempt: str

    def stage(self, con: duckdb.DuckDBPyConnection, rows: str, *, again: bool = False) -> tuple[StagedFile, ...]:
        select = f"SELECT {', '.join(_columns(self.table))} FROM {rows}"
        attempt = f"{self.attempt}-again" if again else self.attempt
        key = self.version_key
        return stage(con, self.lake, self.table.full_name, select, partition=self.partition, version_key=key, attempt=attempt)


def _columns(table: TableDeclaration) -> list[str]:
    system = ["row_id", "partition_key"]
    if table.layer == "bronze":
        system += ["delivery_sha256", "delivery_name", "record_number", "received_at"]
    if isinstance(table, Gold) and table.carries_source_row_id:
        system.append("source_row_id")
    return system + [quoted(c.name) for c in table.table.columns]


def _sift(
    con: duckdb.DuckDBPyConnection, place: _Place, candidate: Candidate, *, is_waiving: bool = False
) -> tuple[tuple[StagedFile, ...], dict[str, str]]:
    """Stage the rows that nothing speaks against by themselves, in one pass, and set the others aside, in `_set_aside`.

    Return the files, and by reason the SQL that is true for none of their rows. Rules that look at other rows too are
    judged later, on what was staged, which is typed and cheap to read again. So are rows for which a rule is waived; but
    not cells that could not be cast: there is nothing to admit.
    """
    lost = lost_anyway(con, ROWS, place.table.suite, uncast=candidate.uncast)
    cells = {reason: sql for reason, sql in lost.items() if sql in [quoted(flag) for flag in candidate.uncast.values()]}
    settled, condition = lost, _any(lost)
    if is_waiving:
        settled, condition = cells, f"({_any(cells)}) OR (({condition}) AND row_id NOT IN (SELECT row_id FROM {_WAIVED}))"
    try:
        files = place.stage(con, _unless(condition))
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException):
        # a rule that cannot be judged: the examination will say which, and only the cells are left to set rows aside for
        settled, condition = cells, _any(cells)
        files = place.stage(con, _unless(condition))
    is_whole = sum(f.rows for f in files) == candidate.rows
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_SET_ASIDE} AS FROM {ROWS} WHERE {'false' if is_whole else condition}")
    return files, settled


def _any(conditions: Mapping[str, str]) -> str:
    return " OR ".join(conditions.values()) or "false"


def _unless(lost: str) -> str:
    """Return the candidate's rows without the lost ones, as a relation.

    With chance in it the condition stays above the casts. Else the optimizer moves it below, and computes each cast twice.
    """
    return f"(SELECT *, ({lost}) AND random() >= 0 AS {_LOST} FROM {ROWS}) WHERE NOT {_LOST}"


def _judge_rows(
    con: duckdb.DuckDBPyConnection,
    table: TableDeclaration,
    candidate: Candidate,
    files: Sequence[StagedFile],
    settled: Mapping[str, str],
    *,
    is_waiving: bool = False,
) -> RowExamination:
    """Judge every candidate row and create `_rejected`: one row per bad row, cast reasons first, then rules.

    A rule that is waived for a row is counted as broken by it, and is no reason. Aggregates of the rules over the table
    are read on the way, over what was staged, if that is all they would be judged on.
    """
    sifted = _staged_and_set_aside(con, table, candidate, files, settled)
    source = " UNION ALL ".join(f"FROM {part}" for part in (sifted.kept, sifted.aside) if part)
    con.execute(f"CREATE OR REPLACE TEMP VIEW _judged AS {source}")
    is_alone = not candidate.refused and not candidate.kept and candidate.judged == "true"
    also = aggregates_of(con, _published(table, candidate, files), table.suite) if is_alone else ()
    judged = examine_rows(con, "_judged", table.suite, uncast=candidate.uncast, sifted=sifted, also=also)
    rows = judged.bad_rows_sql() or "SELECT CAST(NULL AS VARCHAR) AS row_id, CAST([] AS VARCHAR[]) AS reasons WHERE false"
    if is_waiving:
        left = "list_filter(r.reasons, lambda reason: NOT coalesce(list_contains(w.waived, reason), false))"
        rows = f"SELECT row_id, {left} AS reasons FROM ({rows}) AS r LEFT JOIN {_WAIVED} AS w USING (row_id)"
        rows = f"FROM ({rows}) WHERE len(reasons) > 0"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_REJECTED} AS {rows}")
    return judged


def _staged_and_set_aside(
    con: duckdb.DuckDBPyConnection,
    table: TableDeclaration,
    candidate: Candidate,
    files: Sequence[StagedFile],
    settled: Mapping[str, str],
) -> Sifted:
    columns = ["row_id", *(quoted(c.name) for c in table.table.columns)]
    flags = [quoted(flag) for flag in candidate.uncast.values()]
    kept = f"(SELECT {', '.join([*columns, *(f'false AS {flag}' for flag in flags)])} FROM {_parquet(files)})" if files else None
    is_aside = not files or count(con, _SET_ASIDE) > 0
    aside = f"(SELECT {', '.join([*columns, *flags])} FROM {_SET_ASIDE})" if is_aside else None
    return Sifted(kept, aside, settled)


def _as_judged(con: duckdb.DuckDBPyConnection, place: _Place, files: tuple[StagedFile, ...]) -> tuple[StagedFile, ...]:
    """Return the files that hold exactly the rows which were not rejected: those staged, unless the judgement came out otherwise.

    It does where a rule looks at other rows, and where one for which rows were set aside could not be judged after all.
    """
    late = f"(SELECT row_id FROM {_REJECTED} ANTI JOIN {_SET_ASIDE} USING (row_id))"
    back = f"(FROM {_SET_ASIDE} ANTI JOIN {_REJECTED} USING (row_id))"
    if count(con, late) == count(con, back) == 0:
        return files
    columns = ", ".join(_columns(place.table))
    kept = [f"SELECT {columns} FROM {_parquet(files)} ANTI JOIN {_REJECTED} USING (row_id)"] if files else []
    staged = place.stage(con, f"({' UNION ALL '.join([*kept, f'SELECT {columns} FROM {back}'])})", again=True)
    con.execute(f"DELETE FROM {_SET_ASIDE} WHERE row_id NOT IN (SELECT row_id FROM {_REJECTED})")
    con.execute(f"INSERT INTO {_SET_ASIDE} FROM {ROWS} SEMI JOIN {late} USING (row_id)")
    for file in files:
        place.lake.storage.delete(file.path)
    return staged


def _parquet(files: Sequence[StagedFile]) -> str:
    return f"read_parquet([{', '.join(literal(f.path) for f in files)}])"


def _published(table: TableDeclaration, candidate: Candidate, files: Sequence[StagedFile]) -> str:
    """Return what an admission would publish, as a relation with the contract's columns (rules speak of those alone)."""
    columns = ", ".join(quoted(c.name) for c in table.table.columns)
    there = (*candidate.kept, *files)
    if not there:
        return f"(SELECT {columns} FROM {ROWS} WHERE false)"
    return f"(SELECT {columns} FROM {_parquet(there)} WHERE {candidate.judged})"


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
        f"SELECT row_id, r.reasons, CAST(to_json({DELIVERED}.row_values) AS VARCHAR) AS row_values, "
        f"{DELIVERED}.delivery_sha256 AS delivery_sha256, {DELIVERED}.record_number AS record_number "
        f"FROM {_REJECTED} AS r JOIN (SELECT row_id, {DELIVERED} FROM {_SET_ASIDE}) AS s USING (row_id)"
    )
    return f"{bad} UNION ALL {candidate.rejects}" if candidate.rejects else bad


def _judged_quarantined(con: duckdb.DuckDBPyConnection, candidate: Candidate) -> int:
    """Return how many of the rows that count are bad."""
    sql = f"SELECT count(*) FROM {_REJECTED} JOIN (FROM {_SET_ASIDE} WHERE {candidate.judged}) USING (row_id)"
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
    waived: Mapping[str, Correction],
) -> GateVerdict:
    quarantined = count(con, _REJECTED) + (count(con, f"({candidate.rejects})") if candidate.rejects else 0)
    rules = waive(tuple(tellable(rule, table.table) for rule in rules), waived)
    rows_in = candidate.rows_in if candidate.judged_rows is None else candidate.judged_rows
    bad = quarantined if candidate.judged_rows is None else _judged_quarantined(con, candidate)
    most = table.suite.max_quarantine_fraction
    is_exceeded = bool(rows_in) and bad / rows_in > most
    outcome, held_because = decide(
        rules=rules, rows_in=rows_in, quarantined=bad, max_quarantine_fraction=1.0 if FRACTION in waived else most
    )
    notes = (f"{FRACTION} waived {in_words(waived[FRACTION])}",) if FRACTION in waived else ()
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
        notes=(*candidate.notes, *notes),
        details={**candidate.details, FRACTION: "exceeded"} if is_exceeded else candidate.details,
    )
    if not counts.conserved or (not candidate.refused and counts.held not in (0, good)):
        raise BrokenInvariant(
            f"{partition} {table.layer} {table.name}: {counts.rows_in} rows in, but {dataclasses.asdict(counts)} adds up to "
            f"{counts.accounted} with {good} staged; nothing was published: please report this"
        )
    return verdict
