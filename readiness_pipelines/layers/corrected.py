"""Corrected values with somebody in them who is erased: the rows are theirs, whoever was delivered, and the values go."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.declarations import Product
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.lakehouse.corrected import Values, other_forms, read_values, redact_values
from readiness_pipelines.layers.corrections import Corrections, values_of
from readiness_pipelines.layers.erasures import Brought
from readiness_pipelines.ledger.corrections import Correction
from readiness_pipelines.ledger.erasures import Redaction


def brought_in(lake: Lakehouse, product: Product, subject: str, said: Correction) -> dict[str, Brought]:
    """Return the records, by the sha256 of their delivery, that are the subject's by corrected values that are in force."""
    rows = {
        row
        for table, partition, sha256 in _values(lake, product)
        for row in _with(values_of(lake, sha256), subject)
        if (given := Corrections.of(lake, table, partition).rows.get(row)) is not None and given.values == sha256
    }
    found: dict[str, dict[int, Correction]] = {}
    arrived = {each.sha256[:32]: each.sha256 for each in lake.ledger.upkeep.all_arrivals()} if rows else {}
    for row in rows:
        prefix, _, record = row.partition(":")
        if prefix in arrived and record.isdecimal():
            found.setdefault(arrived[prefix], {})[int(record)] = said
    return dict(found)


def redact_corrected(lake: Lakehouse, product: Product, subject: str, found: Sequence[Redaction], ids: set[int]) -> None:
    """Take the erased rows, and all values that are the subject, out of files of corrected values."""
    rows = {f"{each.sha256[:32]}:{record}" for each in found for record in each.records}
    for table, partition, sha256 in _values(lake, product):
        there = values_of(lake, sha256)
        going = {*rows.intersection(there), *_with(there, subject)}
        if going:
            left = {row: cells for row, cells in there.items() if row not in going}
            where, own, size = redact_values(lake.settings.archive, sha256, left)
            lake.ledger.erasures.record(Redaction(table, partition, sha256, 0, where, size, own, erasures=tuple(sorted(ids))))
            lake.ledger.upkeep.make_durable()
        redaction = lake.ledger.erasures.of([sha256]).get(sha256)
        if redaction is not None:
            read_values(lake.settings.archive, sha256, kept=(redaction.archived, redaction.kept_sha256))  # before the other goes
            for path in other_forms(lake.settings.archive, redaction):
                path.unlink(missing_ok=True)
            reached("values_redacted")


def _values(lake: Lakehouse, product: Product) -> list[tuple[str, str, str]]:
    """Return table, partition and sha256 of every file of corrected values of the product."""
    names = {table.full_name for table in product.tables}
    return [each for each in lake.ledger.corrections.all_values() if each[0] in names]


def _with(values: Values, subject: str) -> set[str]:
    """Return the rows in whose values the subject is one."""
    return {row for row, cells in values.items() if subject in cells.values()}
