"""Where somebody is still to be found: every file of the warehouse and the archive is looked into, and what lies beside them.

In tables, the columns that name subjects are compared by keyed hash, and row ids with those of the erased records. In all
other text cells, and elsewhere, the subject is looked for as text, between characters that are no letter or digit.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.lakehouse.corrected import unnamed_values
from readiness_pipelines.lakehouse.maintenance.places import files_of_table
from readiness_pipelines.lakehouse.quarantine import quarantine_table
from readiness_pipelines.layers.erasures import Wanted, key_in_use
from readiness_pipelines.layers.rows import literal, quoted
from readiness_pipelines.ledger.erasures import Redaction
from readiness_pipelines.sources.landing import INCOMING
from readiness_pipelines.sources.reader import CARRY, shown
from readiness_pipelines.sources.subject import readings
from readiness_pipelines.sources.unpacked import readable_part

# columns of ours: nothing in them was delivered
_NO_TEXT = ("filename", "row_id", "source_row_id", "version_key", "partition_key", "delivery_sha256", "received_at")
_OURS = ("warehouse", "archive", "ledger.db", "catalog.db")  # in the state folder: looked into by other means


@dataclass(frozen=True)
class Trace:
    """One place, and what was found there, without saying whom."""

    place: str
    found: str

    def __str__(self) -> str:
        return f"{self.place}: {self.found}"


def traces(lake: Lakehouse, product: Product, subject: str, found: Sequence[Redaction]) -> list[Trace]:
    """Return where the subject still is in the product's tables, quarantines and staged files, and in the archive."""
    left = [
        trace
        for table in product.tables
        for name in _tables(lake, table.full_name)
        for trace in _in_table(lake, product, name, subject, found)
    ]
    return [*left, *_in_archive(lake, product, subject, found)]


def left_outside(lake: Lakehouse, product: Product, subject: str, found: Sequence[Redaction]) -> list[Trace]:
    """Return what is not ours to change: landed files that were redacted here, logs, and what the ledger's verdicts quote."""
    files = {each.sha256 for each in found}
    names = {
        delivery.name
        for table in product.tables
        if isinstance(table, Bronze)
        for partition, shas in lake.ledger.erasures.deliveries(table.full_name).items()
        if not files.isdisjoint(shas)
        for delivery in lake.ledger.arrivals(table.full_name, partition)
        if delivery.sha256 in files
    }
    landed = [lake.settings.landing / name for name in sorted(names)]
    told = [Trace(str(path), "the delivered file itself; it is not taken in again") for path in landed if path.exists()]
    if quoted_in := lake.ledger.erasures.verdicts_with(subject):
        told.append(
            Trace("ledger", f"{quoted_in} verdicts have a text like it, perhaps as an observed value; rows there are never changed")
        )
    state = lake.settings.state
    for path in sorted(p for p in state.rglob("*") if p.is_file() and not p.relative_to(state).parts[0].startswith(_OURS)):
        if _mentions(path, subject):
            told.append(Trace(str(path), "has a text like it"))
    return told


def _tables(lake: Lakehouse, table: str) -> list[str]:
    return [name for name in (table, quarantine_table(table)) if lake.find(name) is not None]


def _in_table(lake: Lakehouse, product: Product, name: str, subject: str, found: Sequence[Redaction]) -> Iterator[Trace]:
    paths = sorted(f.path for f in files_of_table(lake, name) if f.path.endswith(".parquet"))
    if not paths:
        return
    source = f"read_parquet([{', '.join(map(literal, paths))}], filename=true, union_by_name=true)"
    with lake.connect() as con:
        types = {str(r[0]): str(r[1]) for r in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        con.register("_erased", pa.table({"row_id": pa.array(_row_ids(found), pa.string())}))
        texts = [c for c, type_ in types.items() if type_ == "VARCHAR" and c not in _NO_TEXT]
        wanted = [_has(quoted(c), subject) for c in texts]
        wanted += [f"{quoted(c)} IN (SELECT row_id FROM _erased)" for c in ("row_id", "source_row_id") if c in types]
        wanted += _hashed(con, lake, product, source, types)
        sql = f"SELECT filename, count(*) FROM {source} WHERE {' OR '.join(wanted)} GROUP BY ALL ORDER BY ALL"
        for path, rows in con.execute(sql).fetchall():
            yield Trace(str(path), f"{rows} rows of {name}")


def _hashed(con: duckdb.DuckDBPyConnection, lake: Lakehouse, product: Product, source: str, types: dict[str, str]) -> Iterator[str]:
    """Yield conditions for the columns that name subjects: who stands there is known by hash, whoever asks."""
    key = key_in_use(lake, product)
    for table in (t for t in product.tables if isinstance(t, Bronze) and t.table.subject is not None):
        column, known = table.table.subject.column if table.table.subject else "", Wanted.of(lake, table).erasures
        if column not in types or not known:
            continue
        text = f"CAST({quoted(column)} AS VARCHAR)"
        rows = con.execute(f"SELECT DISTINCT {text} FROM {source} WHERE {quoted(column)} IS NOT NULL")
        met = [value for (value,) in rows.fetchall() if key.hash(value) in known]
        yield f"{text} IN ({', '.join(map(literal, met)) or 'NULL'})"


def _row_ids(found: Sequence[Redaction]) -> list[str]:
    return [f"{each.sha256[:32]}:{record}" for each in found for record in each.records]


def _has(text: str, subject: str) -> str:
    """Return SQL: the subject stands in the text, in any of its forms, between characters that are no letter or digit."""
    forms = "|".join(re.escape(form) for form in _forms(subject))
    return f"regexp_matches({text}, {literal(f'(^|[^0-9A-Za-z])({forms})($|[^0-9A-Za-z])')})"


def _forms(subject: str) -> list[str]:
    """Return the subject as text may have it: as it is, in csv quotes, in JSON (in csv quotes, too), and as `shown` escapes it."""
    found = {subject, subject.replace('"', '""')}
    for encoding in ("cp1252", "latin-1"):
        found.add(shown(subject.encode(encoding, "ignore").decode("utf-8", CARRY)))
    found |= {json.dumps(form, ensure_ascii=ascii)[1:-1] for form in tuple(found) for ascii in (True, False)}
    return sorted(found | {json.dumps(form)[1:-1] for form in tuple(found)})


def _in_archive(lake: Lakehouse, product: Product, subject: str, found: Sequence[Redaction]) -> Iterator[Trace]:
    """Look into every file of the archive but those of other products: nobody has asked to be erased from these."""
    ours, theirs = set[str](), set[str]()
    encodings = {table.feed.encoding for table in product.tables if isinstance(table, Bronze)}
    said = [(delivery.table, delivery.sha256) for delivery in lake.ledger.upkeep.all_arrivals()]
    said += [(table, sha256) for table, _, sha256 in lake.ledger.corrections.all_values()]
    for table, sha256 in said:
        (ours if table.startswith(f"{product.name}.") else theirs).add(sha256)
    for path in sorted(p for p in lake.settings.archive.rglob("*") if p.is_file()):
        if path.name.partition(".")[0] not in theirs - ours and _mentions(path, subject, encodings):
            is_cut = path.name.startswith(INCOMING)
            yield Trace(
                str(path), "a copy that was cut short: delete it, if no run is under way" if is_cut else "has a text like it"
            )
    named = {sha256 for _, _, sha256 in lake.ledger.corrections.all_values()}
    for path in unnamed_values(lake.settings.archive, named, before=math.inf):
        text = path.read_text(encoding="utf-8", errors="replace")
        if any(row in text for row in _row_ids(found)):
            yield Trace(str(path), "corrected values of erased rows that no decision names: readiness doctor --repair deletes it")


def _mentions(path: Path, subject: str, encodings: Collection[str] = ()) -> bool:
    """Return whether the subject stands in a file as text, in UTF-8, UTF-16, Windows-1252 or one of `encodings`, escaped as JSON
    has it or not, or in a cell or the metadata of a Parquet file."""
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        return _in_parquet(path, subject) if is_parquet else _in_bytes(readable_part(path), subject, encodings)
    except (FileNotFoundError, duckdb.Error):
        return False  # gone meanwhile, or damaged so that nobody can read it


def _in_parquet(path: Path, subject: str) -> bool:
    with duckdb.connect() as con:
        source = f"read_parquet({literal(str(path))})"
        columns = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        texts = [_has(f"CAST({quoted(str(c[0]))} AS VARCHAR)", subject) for c in columns]
        if con.execute(f"SELECT 1 FROM {source} WHERE {' OR '.join(texts)} LIMIT 1").fetchone() is not None:
            return True
        said = con.execute(f"SELECT key, value FROM parquet_kv_metadata({literal(str(path))})").fetchall()
    return any(_in_bytes([bytes(text)], subject, ()) for both in said for text in both)


def _in_bytes(pieces: Iterable[bytes], subject: str, encodings: Collection[str]) -> bool:
    wide = {subject.encode(encoding) for encoding in ("utf-16-le", "utf-16-be")}
    plain = {form.encode() for form in _forms(subject)}
    for encoding in {"cp1252", *encodings}:
        try:
            (wide if "16" in encoding or "32" in encoding else plain).add(subject.encode(encoding))
        except (UnicodeError, LookupError):
            continue  # in this encoding nobody can have written it
    either = b"|".join(map(re.escape, sorted(plain, key=len, reverse=True)))
    pattern = re.compile(rb"(?<![0-9A-Za-z])(?:" + either + rb")(?![0-9A-Za-z])|" + b"|".join(map(re.escape, wide)), re.DOTALL)
    overlap, rest = 6 * max(map(len, plain | wide)) + 2, b""  # a character may be written as \uXXXX
    for piece in pieces:
        data = rest + piece
        if (found := pattern.search(data)) and found.end() < len(data):  # else the text may go on in the next piece
            return True
        if _in_escapes(pattern, data):
            return True
        rest = data[-overlap:]
    return pattern.search(rest) is not None or _in_escapes(pattern, rest)


def _in_escapes(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Return whether the subject is in a text in which JSON has written characters as their numbers."""
    if b"\\u" not in data:
        return False
    return any(pattern.search(text.encode("utf-8", "replace")) for text in readings(data.decode("utf-8", "replace")))
