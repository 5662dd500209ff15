"""Silver: each delivered row mapped, typed, and de-duplicated. A row map, so that no row can vanish unseen."""

from __future__ import annotations

import duckdb
from sqlglot import expressions as exp

from readiness_pipelines.declarations import Product, Silver
from readiness_pipelines.declarations.sql import parse
from readiness_pipelines.flow import RESERVED
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.candidate import DELIVERED, Candidate
from readiness_pipelines.layers.corrections import Corrections, add_discarded
from readiness_pipelines.layers.inputs import Inputs
from readiness_pipelines.layers.rows import count, deduplicate, delivered, lay_out, literal, quoted

_ARRIVED = f"{RESERVED}arrived"
_ORDER = (f"{RESERVED}delivery", f"{RESERVED}record")


def propose(
    con: duckdb.DuckDBPyConnection,
    lake: Lakehouse,
    product: Product,
    table: Silver,
    inputs: Inputs,
    *,
    version_key: str,
    expected: str | None,
    corrections: Corrections,
) -> Candidate:
    """Lay the candidate out in `con` and return it. Rows in: the rows of the effective deliveries.

    Corrected values take the place of the delivered ones before the SQL sees them, so that nothing of the step is left out.
    """
    (version,) = inputs.versions[table.source]
    upstream = product.by_name[table.source]
    bronze = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
    effective: list[str] = list(bronze.details["effective"]) if bronze else []
    counted = ", ".join(literal(sha) for sha in effective) or "NULL"
    arrived = f"(SELECT * FROM {relation(lake, [version])} WHERE delivery_sha256 IN ({counted}))"
    columns = [c.name for c in upstream.table.columns]
    rows_in = count(con, arrived)
    if corrections.rows:
        as_it_came = delivered(columns, sha256="s.delivery_sha256", record_number="s.record_number", of="s", name=_ARRIVED)
        source = corrections.applied(arrived, columns, arrived=as_it_came)
    else:
        source = arrived
    con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(table.source)} AS FROM {source}")
    discarded = rows_in - count(con, quoted(table.source)) if corrections.discards else 0
    con.execute(f"SET VARIABLE partition_key = {literal(version.partition)}")
    identified = _with_identity(table, effective, columns, is_corrected=bool(corrections.rows))
    con.execute(f"CREATE OR REPLACE TEMP VIEW _mapped AS {identified}")
    system = ("row_id", "partition_key")
    laid = lay_out(
        con, mapped="_mapped", rows_in=rows_in, system=system, table=table.table, drop_where=table.drop_where, order=_ORDER
    )
    duplicates = deduplicate(con, table.deduplicate, uncast=laid.uncast, order=_ORDER) if table.deduplicate else 0
    dropped = add_discarded(laid.dropped, discarded)
    return Candidate(
        version_key=version_key,
        inputs=tuple(str(v) for v in inputs.all),
        expected=expected,
        rows_in=rows_in,
        rows=rows_in - duplicates - sum(dropped.values()),
        uncast=laid.uncast,
        duplicates=duplicates,
        dropped=dropped,
        notes=inputs.notes,
    )


def _with_identity(table: Silver, effective: list[str], columns: list[str], *, is_corrected: bool) -> str:
    """Return the model's SELECT with row_id, partition_key, delivery order and the row as it came added to what it gives.

    `is_corrected`: the source carries the row as it came, because its columns have other values.
    """
    statement = parse(table.sql)
    assert isinstance(statement, exp.Select)
    source = quoted(next(statement.find_all(exp.Table)).alias_or_name)
    arrival = f"list_position([{', '.join(literal(s) for s in effective)}], {source}.delivery_sha256)"
    extra = (
        f"{source}.row_id AS row_id",
        f"{source}.partition_key AS partition_key",
        f"{arrival} AS {_ORDER[0]}",
        f"{source}.record_number AS {_ORDER[1]}",
        f"{source}.{_ARRIVED} AS {DELIVERED}"
        if is_corrected
        else delivered(columns, sha256=f"{source}.delivery_sha256", record_number=f"{source}.record_number", of=source),
    )
    return statement.select(*extra, append=True, dialect="duckdb").sql(dialect="duckdb")
