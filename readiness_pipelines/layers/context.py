"""What the rules of a table take from elsewhere: the admitted versions that it reads, and its own before this partition.

The versions of other tables are inputs, and in the version key. The table's own past is not: a correction of one day would
else make every later day another version. So an admitted version is never judged again because the past changed, its
verdict names what it was learned from, and a held candidate is judged again once its past is another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import duckdb

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver, TableDeclaration
from readiness_pipelines.flow import GateVerdict, Status, TableVersion, digest
from readiness_pipelines.gates import Past, Source, Surroundings, resolve
from readiness_pipelines.gates.elsewhere import OfHistory, OfTable, OfTables
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.calendar import STEPS, end_of, first_key, key_of, keys_between, start_of
from readiness_pipelines.layers.inputs import Inputs
from readiness_pipelines.layers.rows import literal

LEARNED_FROM = "learned_from"  # in a verdict's details: by which past its rules judged
_WEEK = 7 * STEPS["day"]


def resolved(
    con: duckdb.DuckDBPyConnection,
    lake: Lakehouse,
    product: Product,
    table: Bronze | Silver | Gold,
    partition: str,
    inputs: Inputs | None,
) -> TableDeclaration:
    """Return the table with a suite whose rules know what they take from elsewhere: bounds are values, sets lie in `con`.

    `inputs` are the versions that the candidate is made from; None for bronze, whose rules look at its own past alone.
    """
    con.execute(f"SET VARIABLE partition_key = {literal(partition)}")
    around = Surroundings(
        types={c.name: c.type for c in table.table.columns},
        ended=end_of(product, partition),
        past=lambda back: _past(lake, product, table, partition, back),
        tables=_tables(lake, product, table, inputs) if inputs else {},
    )
    return dataclasses.replace(table, suite=resolve(con, table.suite, around))


def learned_from(lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, partition: str) -> dict[str, str]:
    """Return a digest of the versions that rules learn from, by how many partitions they look back."""
    backs = {rule.elsewhere.partitions for rule in table.suite.rules if isinstance(rule.elsewhere, OfHistory)}
    return {str(back): digest([str(v) for v in _versions(lake, product, table, partition, back)]) for back in sorted(backs)}


def is_learned_anew(lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, partition: str, verdict: GateVerdict) -> bool:
    """Return whether a rule that failed was learned, and the past is another now than when the verdict was made."""
    learned = {rule.name for rule in table.suite.rules if isinstance(rule.elsewhere, OfHistory)}
    if not any(result.rule in learned and result.status is Status.FAILED for result in verdict.rules):
        return False
    return bool(verdict.details.get(LEARNED_FROM) != learned_from(lake, product, table, partition))


def _tables(lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, inputs: Inputs) -> dict[str, Source]:
    """Return the tables that any rule names, those without an admitted version left out."""
    wanted = [rule.elsewhere for rule in table.suite.rules]
    names = {name for of in wanted if isinstance(of, OfTables) for name in of.tables}
    names |= {of.table for of in wanted if isinstance(of, OfTable)}
    there = {name: inputs.versions[name] for name in sorted(names) if inputs.versions[name]}
    return {
        name: Source(_relation(lake, product.by_name[name], versions), tuple(str(v) for v in versions))
        for name, versions in there.items()
    }


def _relation(lake: Lakehouse, table: Bronze | Silver | Gold, versions: Sequence[TableVersion]) -> str:
    """Return the rows of these versions: of bronze those of the deliveries that count, as its own rules see them."""
    rows = relation(lake, versions)
    if not isinstance(table, Bronze):
        return rows
    counted = []
    for version in versions:
        verdict = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
        effective = verdict.details.get("effective", ()) if verdict else ()
        counted += [f"({literal(version.partition)}, {literal(sha256)})" for sha256 in effective]
    return f"(SELECT * FROM {rows} WHERE (partition_key, delivery_sha256) IN ({', '.join(counted) or '(NULL, NULL)'}))"


def _past(lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, partition: str, back: int) -> Past | None:
    versions = _versions(lake, product, table, partition, back)
    if not versions:
        return None
    start = start_of(product, partition)
    weekly = frozenset(v.partition for v in versions if not (start - start_of(product, v.partition)) % _WEEK)
    return Past(_relation(lake, table, versions), {v.partition: str(v) for v in versions}, weekly)


def _versions(lake: Lakehouse, product: Product, table: Bronze | Silver | Gold, partition: str, back: int) -> list[TableVersion]:
    """Return what is admitted of the `back` partitions before this one, oldest first: they ended before it began."""
    step = STEPS[product.declaration.partitions.every]
    newest = start_of(product, partition) - step
    oldest = max(newest - (back - 1) * step, start_of(product, first_key(product)))
    if newest < oldest:
        return []
    keys = keys_between(product, key_of(product, oldest), key_of(product, newest))
    current = lake.ledger.current_versions(table.full_name, keys)
    return [current[key] for key in keys if key in current and not current[key].is_nothing]
