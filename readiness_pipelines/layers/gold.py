"""Gold: free SQL over admitted versions. A row is named by its key; a row made from one input row carries that row's id."""

from __future__ import annotations

import duckdb

from readiness_pipelines.declarations import Gold, Product
from readiness_pipelines.flow import RuleResult, Status
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.candidate import ROWS, Candidate
from readiness_pipelines.layers.corrections import Corrections, add_discarded
from readiness_pipelines.layers.inputs import Inputs
from readiness_pipelines.layers.rows import count, delivered, lay_out, literal, quoted
from readiness_pipelines.layers.scored import Scoring, lay_scores


def propose(
    con: duckdb.DuckDBPyConnection,
    lake: Lakehouse,
    product: Product,
    table: Gold,
    inputs: Inputs,
    *,
    partition: str,
    version_key: str,
    expected: str | None,
    corrections: Corrections,
    scoring: Scoring | None = None,
) -> Candidate:
    """Lay the candidate out in `con` and return it. Rows in: the rows the SELECT gives, before declared drops.

    With `scoring`, the SELECT finds the rows of the model's table with their scores.
    """
    for name in table.inputs:
        versions = inputs.versions[name]
        source = relation(lake, versions) if versions else _no_rows(product, name)
        if scoring is not None and name == scoring.spec.scored.name:
            source = lay_scores(con, source, scoring)
        con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS SELECT * FROM {source}")
    con.execute(f"SET VARIABLE partition_key = {literal(partition)}")
    selected = f"SELECT {_row_id(table)} AS row_id, * FROM (\n{table.sql.rstrip().rstrip(';')}\n)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE _selected AS {selected}")  # a table: the SELECT may be dear
    rows_in = count(con, "_selected")
    columns = [c.name for c in table.table.columns]
    as_it_came = delivered(columns, sha256="CAST(NULL AS VARCHAR)", record_number="CAST(NULL AS BIGINT)")
    selected = f"(SELECT *, {literal(partition)} AS partition_key, {as_it_came} FROM _selected)"
    con.execute(f"CREATE OR REPLACE TEMP VIEW _mapped AS FROM {corrections.kept(selected)}")
    discarded = rows_in - count(con, "_mapped") if corrections.discards else 0
    system = ["row_id", "partition_key", *(["source_row_id"] if table.carries_source_row_id else [])]
    laid = lay_out(con, mapped="_mapped", rows_in=rows_in, system=system, table=table.table, drop_where=table.drop_where)
    key_rule = _key_rule(con, table)
    dropped = add_discarded(laid.dropped, discarded)
    refused = (key_rule.note,) if key_rule.status is Status.FAILED else ()
    return Candidate(
        version_key=version_key,
        inputs=tuple(str(v) for v in inputs.all),
        expected=expected,
        rows_in=rows_in,
        rows=rows_in - sum(dropped.values()),
        uncast=laid.uncast,
        dropped=dropped,
        rules=(key_rule,),
        refused=refused,
        notes=inputs.notes,
        details=scoring.details if scoring is not None else {},
    )


def _row_id(table: Gold) -> str:
    """A null in the key hashes as a character that text cannot hold; the key rule holds such a candidate anyway."""
    parts = ", ".join(f"coalesce(CAST({quoted(c)} AS VARCHAR), chr(0))" for c in table.key)
    return f"substr(sha256(concat_ws(chr(31), {literal(table.full_name)}, {parts})), 1, 32)"


def _key_rule(con: duckdb.DuckDBPyConnection, table: Gold) -> RuleResult:
    """A gold row is named by its key, so a key that is null or repeated holds the candidate."""
    keys = ", ".join(quoted(c) for c in table.key)
    null = " OR ".join(f"{quoted(c)} IS NULL" for c in table.key)
    found = con.execute(f"SELECT count(*), count(*) - count(DISTINCT ({keys})), count(*) FILTER ({null}) FROM {ROWS}").fetchone()
    rows, repeated, nulls = found if found else (0, 0, 0)
    failed = repeated + nulls > 0
    note = (
        f"key ({', '.join(table.key)}) names {repeated} rows twice and is null in {nulls} of {rows}; expected one row per key: "
        f"mend {table.sql_path.name}"
    )
    return RuleResult(
        rule="key_names_one_row",
        expectation="expect_compound_columns_to_be_unique",
        kwargs={"column_list": list(table.key)},
        severity="critical",
        on_fail="hold",
        status=Status.FAILED if failed else Status.PASSED,
        element_count=rows,
        missing_count=0,
        unexpected_count=repeated + nulls,
        unexpected_percent=100.0 * (repeated + nulls) / rows if rows else None,
        note=note if failed else "",
    )


def _no_rows(product: Product, name: str) -> str:
    """A relation with the table's columns and no row: every partition of this input was left out."""
    columns = [f"CAST(NULL AS {c.type}) AS {quoted(c.name)}" for c in product.by_name[name].table.columns]
    return f"(SELECT CAST(NULL AS VARCHAR) AS row_id, CAST(NULL AS VARCHAR) AS partition_key, {', '.join(columns)} WHERE false)"
