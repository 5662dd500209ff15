"""Which records of a delivered file speak of somebody who is looked for: one pass, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from readiness_pipelines.sources.formats import Format, open_records
from readiness_pipelines.sources.json_lines import JsonLinesReader
from readiness_pipelines.sources.reader import CARRY, RAW, RECORD_NUMBER, FileProblem, RecordReader
from readiness_pipelines.sources.records import CsvFormat, CsvReader
from readiness_pipelines.sources.subject import names_somebody, tokens
from readiness_pipelines.sources.unpacked import readable_part

_LONGEST = 1 << 20  # of a line whose tokens are looked at together

Looked = Callable[[set[str]], set[str]]  # of some texts those that are looked for


@dataclass
class Hits:
    """What was found: numbers of records (0: the header of a file that is wrong as a whole), and who was met.

    `links`: of each linked column the values that stand with whom was found, and with nobody else in this file.
    `is_whole`: whether the file could be read to its end.
    """

    records: list[int] = field(default_factory=list)
    met: set[str] = field(default_factory=set)
    links: dict[str, set[str]] = field(default_factory=dict)
    is_whole: bool = True


def search(
    path: Path,
    *,
    name: str,
    columns: Sequence[str],
    form: Format,
    csv: CsvFormat,
    column: str,
    looked: Looked,
    linked: Sequence[str] = (),
) -> Hits:
    """Return the records of the file at `path` in whose `column` one who is looked for stands.

    A record that cannot be read, and any record of a file whose columns are not the declared ones, is found by its text:
    if what is looked for stands between two delimiters, quotes or spaces, wherever that is.
    """
    if form == "parquet":
        columns = _there(path, [column, *linked])
        if column not in columns:
            return Hits(is_whole=bool(columns))

    def opened() -> RecordReader:
        return open_records(path, name=name, columns=columns, form=form, csv=csv, extra_columns="ignore")

    reader, hits = opened(), Hits(links={link: set() for link in linked if link in columns})
    for batch in reader.batches():
        _in_batch(batch, column, looked, hits, delimiter=csv.delimiter)
    for batch in opened().batches() if any(hits.links.values()) else ():
        others = batch.filter(pc.invert(_is_one_of(batch.column(column), hits.met)))
        for link, values in hits.links.items():
            values -= set(pc.unique(others.column(link)).to_pylist())
    if not reader.problems:
        return hits
    if form == "parquet":
        return Hits(hits.records, hits.met, hits.links, is_whole=False)
    return _by_text(path, name=name, form=form, csv=csv, looked=looked)


def _in_batch(batch: pa.RecordBatch, column: str, looked: Looked, hits: Hits, *, delimiter: str) -> None:
    values, numbers = batch.column(column), batch.column(RECORD_NUMBER)
    met = looked({value for value in pc.unique(values).to_pylist() if value is not None})
    hits.met |= met
    is_met = _is_one_of(values, met)
    hits.records += numbers.filter(is_met).to_pylist()
    for link in hits.links:
        hits.links[link] |= {v for v in pc.unique(batch.column(link).filter(is_met)).to_pylist() if v and names_somebody(v)}
    raws = batch.column(RAW)
    for number, raw in zip(numbers.filter(raws.is_valid()).to_pylist(), raws.drop_null().to_pylist(), strict=True):
        if met := looked(tokens(raw, delimiter=delimiter)):
            hits.met |= met
            hits.records.append(number)


def _is_one_of(values: pa.Array, wanted: set[str]) -> pa.Array:
    return pc.is_in(values, value_set=pa.array(sorted(wanted), pa.string()))


def _by_text(path: Path, *, name: str, form: Format, csv: CsvFormat, looked: Looked) -> Hits:
    hits = Hits()
    reader = JsonLinesReader(path, name=name, columns=[]) if form == "jsonl" else CsvReader(path, name=name, columns=[], fmt=csv)
    try:
        for number, raw in reader.raw():
            if met := looked(tokens(raw, delimiter=csv.delimiter)):
                hits.met |= met
                hits.records.append(number)
    except (FileProblem, UnicodeError):
        return _by_bytes(path, delimiter=csv.delimiter, looked=looked)
    return hits


def _by_bytes(path: Path, *, delimiter: str, looked: Looked) -> Hits:
    """Look into what can be had of a file that cannot be read to its end; who is met is in no record with a number."""
    met, rest = set[str](), b""
    for piece in readable_part(path):
        whole, _, rest = (rest + piece).rpartition(b"\n") if len(rest) < _LONGEST else (rest + piece, b"", b"")
        met |= looked(tokens(whole.decode("utf-8", CARRY), delimiter=delimiter))
    met |= looked(tokens(rest.decode("utf-8", CARRY), delimiter=delimiter))
    return Hits([0] if met else [], met, is_whole=False)


def _there(path: Path, wanted: Sequence[str]) -> list[str]:
    """Return those of the columns that a Parquet file has; none where it cannot be read."""
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowException, OSError, ValueError):
        return []
    return [column for column in wanted if column in names]
