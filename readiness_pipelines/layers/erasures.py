"""Erasures as an input of bronze: every delivery is looked through once for those who were erased, and redacted if one is in it.

What was found is kept by record number, so that a later read leaves the records out without knowing anybody. All that is
needed of a delivery is asked here: which form of it is kept, and which of its records are gone.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Delivery
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.lakehouse.corrected import other_forms
from readiness_pipelines.lakehouse.maintenance.compaction import proof
from readiness_pipelines.ledger.corrections import EVERY, Correction
from readiness_pipelines.ledger.erasures import Redaction
from readiness_pipelines.sources import CsvFormat, RecordReader, open_records
from readiness_pipelines.sources.reader import RECORD_NUMBER
from readiness_pipelines.sources.redacted import redact
from readiness_pipelines.sources.search import Hits, Looked, columns_there, search
from readiness_pipelines.sources.subject import SubjectKey, sha256_of, subject_key

Brought = Mapping[int, Correction]  # numbers of records, and the erasure of whom a correction made them
NOBODY: Mapping[str, Brought] = {}
ERASED = "erased"  # reason under which erased records are counted as dropped


@dataclass(frozen=True)
class Wanted:
    """Who was erased from a table: each keyed hash with the number of its erasure; `newest` is the last of these numbers.

    `elsewhere`: those who were erased by another column than the one that names the subject now. A hash says nothing about
    the values of any other column, so they are looked for no more.
    """

    erasures: Mapping[str, Correction]
    newest: int
    elsewhere: Mapping[str, Correction]

    @classmethod
    def of(cls, lake: Lakehouse, table: Bronze) -> Wanted:
        said = lake.ledger.corrections.of(table.full_name, EVERY, kinds=("erase",))
        everybody = {subject: each for each in said for subject in each.subjects}
        column = table.table.subject.column if table.table.subject else None
        here = {subject: each for subject, each in everybody.items() if each.payload["column"] == column}
        elsewhere = {subject: each for subject, each in everybody.items() if subject not in here}
        return cls(here, max((each.id for each in said), default=0), elsewhere)

    @property
    def looked_for(self) -> int:
        """The number of the erasure up to which a file is looked through: of no use where not all are looked for."""
        return 0 if self.elsewhere else self.newest


def refuse_other_subject(lake: Lakehouse, table: Bronze) -> None:
    """Raise ReadinessError where somebody was erased by a column that does not name the table's subject any more."""
    elsewhere = Wanted.of(lake, table).elsewhere
    if elsewhere:
        columns = ", ".join(sorted({str(each.payload["column"]) for each in elsewhere.values()}))
        found = f"the column {table.table.subject.column}" if table.table.subject else "none"
        raise ReadinessError(
            f"{table.full_name}: {len(elsewhere)} subjects were erased by the column {columns}, and the contract's custom property "
            f"`subject` names {found}: nobody of them would be found in a delivery, so none is taken in. Put the property back; "
            "where the column was renamed, erase each of them again by the new name"
        )


def is_touched(lake: Lakehouse, product: Product) -> bool:
    """Return whether anybody was ever erased from the product."""
    return any(Wanted.of(lake, table).newest for table in product.tables if isinstance(table, Bronze))


def key_in_use(lake: Lakehouse, product: Product) -> SubjectKey:
    """Return the key of the keyed hashes; made where nobody was erased before. Raises as `subject_key` does."""
    wanted = [Wanted.of(lake, table) for table in product.tables if isinstance(table, Bronze)]
    known = {str(said.payload["key"]) for each in wanted for said in (*each.erasures.values(), *each.elsewhere.values())}
    return subject_key(lake.settings, is_new=not known, known=known)


def is_redacted(lake: Lakehouse, sha256: str) -> bool:
    """Return whether bytes are kept in a redacted form only."""
    found = lake.ledger.erasures.of([sha256]).get(sha256)
    return found is not None and found.is_other


def erased_records(lake: Lakehouse, deliveries: Iterable[Delivery]) -> dict[str, tuple[int, ...]]:
    """Return the numbers of the erased records of each delivery (by sha256) that has some."""
    found = lake.ledger.erasures.of(delivery.sha256 for delivery in deliveries)
    return {sha256: each.records for sha256, each in found.items() if each.records}


def kept_form(lake: Lakehouse, delivery: Delivery) -> Path | None:
    """Return the archived file to read: as it came, or its redacted form; None where nothing of it could be kept."""
    found = lake.ledger.erasures.of([delivery.sha256]).get(delivery.sha256)
    if found is None or not found.is_other:
        return lake.settings.archive / delivery.archived
    return lake.settings.archive / found.archived if found.archived else None


def look_through(
    lake: Lakehouse,
    product: Product,
    table: Bronze,
    deliveries: Sequence[Delivery],
    *,
    is_noted: bool = True,
    brought: Mapping[str, Brought] = NOBODY,
) -> None:
    """Redact those of the deliveries in which somebody is who was erased; a delivery is looked through once for each erasure.

    `is_noted`: it is recorded of those too in which nobody is; whoever looks through all deliveries records that at the end.
    `brought`: by sha256, records that are somebody's only since a person corrected them.
    Raises ReadinessError where the key is not the one that they were erased with, or a file cannot be redacted without
    changing what others' records say.
    """
    wanted = Wanted.of(lake, table)
    by_sha = {delivery.sha256: delivery for delivery in deliveries}
    for found in lake.ledger.erasures.of(by_sha).values():
        _clear(lake, found)
    if not wanted.erasures:
        return
    key: SubjectKey | None = None
    for sha256, delivery in by_sha.items():
        if lake.ledger.erasures.looked_for(table.full_name, sha256) >= wanted.newest and sha256 not in brought:
            continue
        key = key or key_in_use(lake, product)
        with lake.ledger.erasures.alone(sha256):
            redaction = _look(lake, product, table, delivery, wanted, key, brought.get(sha256, {}))
            if redaction is not None or is_noted:
                lake.ledger.erasures.record(redaction or _unchanged(lake, table, delivery, wanted.looked_for))
            if redaction is not None:
                reached("redaction_recorded")
                lake.ledger.upkeep.make_durable()
                _clear(lake, redaction)
                reached("original_deleted")


def _unchanged(lake: Lakehouse, table: Bronze, delivery: Delivery, looked_for: int) -> Redaction:
    before = lake.ledger.erasures.of([delivery.sha256]).get(delivery.sha256)
    at = (table.full_name, delivery.partition, delivery.sha256, looked_for)
    if before is None:
        return Redaction(*at, delivery.archived, delivery.bytes, delivery.sha256)
    return Redaction(*at, before.archived, before.bytes, before.kept_sha256, before.records, before.erasures)


def _look(
    lake: Lakehouse, product: Product, table: Bronze, delivery: Delivery, wanted: Wanted, key: SubjectKey, brought: Brought
) -> Redaction | None:
    """Write the redacted form of a delivery in which somebody is found, and describe it; None where nobody new is."""
    source = kept_form(lake, delivery)
    if source is None:
        return None
    if not source.is_file():
        raise ReadinessError(f"{source}, delivered as {delivery.name}, is gone; put it back from the backup of the archive")
    before = _unchanged(lake, table, delivery, wanted.looked_for)
    linked = linked_to(product, table)
    hits = _search(table, delivery, source, wanted, key, sorted({column for _, column in linked}))
    records = {*before.records, *hits.records, *brought}
    if len(records) == len(before.records):
        return None
    met = [*(wanted.erasures[key.hash(each)] for each in hits.met), *brought.values()]
    _link(lake, linked, hits, met, key)
    ids = {*before.erasures, *(each.id for each in met)}
    now = replace(before, records=tuple(sorted(records)), erasures=tuple(sorted(ids)))
    now = _redacted(lake, table, delivery, source, now) if hits.is_whole else _gone(now)
    reached("redacted")
    return now


def _search(table: Bronze, delivery: Delivery, source: Path, wanted: Wanted, key: SubjectKey, linked: Sequence[str]) -> Hits:
    def looked(texts: set[str]) -> set[str]:
        return {text for text, hashed in key.hash_each(texts).items() if hashed in wanted.erasures}

    return searched(table, delivery, source, looked, linked)


def searched(table: Bronze, delivery: Delivery, source: Path, looked: Looked, linked: Sequence[str]) -> Hits:
    """Return which records of a delivery, kept at `source`, speak of one who is looked for."""
    subject = table.table.subject
    assert subject is not None  # else nobody is looked for in it
    return search(
        source,
        name=delivery.name,
        form=table.feed.form,
        csv=CsvFormat(table.feed.delimiter, table.feed.encoding),
        column=subject.column,
        looked=looked,
        linked=linked,
    )


def linked_to(product: Product, table: Bronze) -> list[tuple[Bronze, str]]:
    """Return the tables whose records are this table's subjects' by a column that both have, and that column."""
    subjects = [(each, each.table.subject) for each in product.tables if isinstance(each, Bronze)]
    return [(each, subject.column) for each, subject in subjects if subject is not None and subject.of == table.name]


def _link(
    lake: Lakehouse, linked: Sequence[tuple[Bronze, str]], hits: Hits, erasures: Sequence[Correction], key: SubjectKey
) -> None:
    """Record, of tables that know the subject by another column, which values of it were the subject's: soon nobody can tell."""
    said = max(erasures, key=lambda each: each.id)
    for table, column in linked:
        known = Wanted.of(lake, table).erasures
        if new := sorted({key.hash(value) for value in hits.links.get(column, ())} - set(known)):
            payload = {"column": column, "key": key.fingerprint, "through": sorted(each.id for each in erasures)}
            lake.ledger.corrections.record(Correction(table.full_name, EVERY, "erase", tuple(new), payload, said.reason, said.by))


def _redacted(lake: Lakehouse, table: Bronze, delivery: Delivery, source: Path, now: Redaction) -> Redaction:
    """Write the redacted form beside the file, prove that nobody else's record reads otherwise in it, and describe it."""
    archive = lake.settings.archive
    draft = archive / f".incoming-{secrets.token_hex(8)}"
    form = CsvFormat(table.feed.delimiter, table.feed.encoding)
    try:
        redact(source, draft, name=delivery.name, form=table.feed.form, csv=form, records=frozenset(now.records))
        _refuse_changed(lake, table, delivery, source, draft, now.records)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        sha256, size = sha256_of(draft), draft.stat().st_size
        kept = archive / f"{delivery.archived}.redacted-{sha256[:16]}"
        draft.replace(kept)
    finally:
        draft.unlink(missing_ok=True)
    return replace(now, archived=kept.relative_to(archive).as_posix(), bytes=size, kept_sha256=sha256)


def _gone(now: Redaction) -> Redaction:
    """Nothing is kept of a file that cannot be read to its end and in which somebody was found: no record of it is of use."""
    return replace(now, archived="", bytes=0, kept_sha256="")


def _refuse_changed(lake: Lakehouse, table: Bronze, delivery: Delivery, before: Path, after: Path, records: Sequence[int]) -> None:
    said = []
    form = CsvFormat(table.feed.delimiter, table.feed.encoding)
    declared = [c.name for c in table.table.columns]
    there = columns_there(before, declared, name=delivery.name, form=table.feed.form, csv=form) or declared
    for path in (before, after):
        reader = open_records(path, name=delivery.name, columns=there, form=table.feed.form, csv=form, extra_columns="ignore")
        with lake.connect() as con:
            con.register("_read", pa.RecordBatchReader.from_batches(reader.schema, reader.batches()))
            rows = proof(con, f"(SELECT * FROM _read WHERE {RECORD_NUMBER} NOT IN ({', '.join(map(str, records))}))")
        said.append((rows, reader.records, bool(reader.problems)))
    if said[0] != said[1]:
        raise ReadinessError(
            f"{delivery.name} ({delivery.partition}): cannot be redacted without changing what records of others say; nothing of "
            "it was changed: have it delivered anew without the subject, and report this"
        )


def opened(table: Bronze, delivery: Delivery, path: Path) -> RecordReader:
    """Return the reader of a delivery, or of its redacted form, as bronze reads it."""
    return open_records(
        path,
        name=delivery.name,
        columns=[c.name for c in table.table.columns],
        form=table.feed.form,
        csv=CsvFormat(table.feed.delimiter, table.feed.encoding),
        extra_columns=table.feed.extra_columns,
    )


def _clear(lake: Lakehouse, found: Redaction) -> None:
    """Delete every form of the file but the one that is kept: also what a killed process has left, or put there again."""
    for path in other_forms(lake.settings.archive, found):
        path.unlink(missing_ok=True)
