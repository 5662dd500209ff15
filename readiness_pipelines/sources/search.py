"""Which records of a delivered file speak of somebody who is looked for: one pass, a batch at a time."""

from __future__ import annotations

import csv as csv_module
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from readiness_pipelines.sources.formats import Format, open_records
from readiness_pipelines.sources.json_lines import JsonLinesReader
from readiness_pipelines.sources.reader import CARRY, RAW, RECORD_NUMBER, FileProblem, RecordReader, is_text
from readiness_pipelines.sources.records import CsvFormat, CsvReader
from readiness_pipelines.sources.subject import names_somebody, tokens
from readiness_pipelines.sources.unpacked import readable_part

_LONGEST = 1 << 20  # of a line whose tokens are looked at together

Looked = Callable[[set[str]], set[str]]  # of some texts those that are looked for
Said = Callable[[str], set[str]]  # what could be a subject in the text of one record


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
    form: Format,
    csv: CsvFormat,
    column: str,
    looked: Looked,
    linked: Sequence[str] = (),
) -> Hits:
    """Return the records of the file at `path` in whose `column` one who is looked for stands.

    Which other columns the file has does not matter. A record in which the column cannot be read, because nothing of it
    can, or because the file has no such column, is found by its text: if what is looked for stands between two delimiters,
    quotes or spaces, wherever that is.
    """
    there = columns_there(path, [column, *linked], name=name, form=form, csv=csv)
    if form == "parquet" and column not in there:
        return Hits(is_whole=bool(there) or bool(_parquet_names(path)))
    if column not in there:
        return _by_text(path, name=name, form=form, csv=csv, column=column, looked=looked)

    def opened() -> RecordReader:
        return open_records(path, name=name, columns=there, form=form, csv=csv, extra_columns="ignore")

    def said(raw: str) -> set[str]:
        return _of_json(raw, column, delimiter=csv.delimiter) if form == "jsonl" else tokens(raw, delimiter=csv.delimiter)

    reader, hits = opened(), Hits(links={link: set() for link in linked if link in there})
    for batch in reader.batches():
        _in_batch(batch, column, looked, hits, said)
    for batch in opened().batches() if any(hits.links.values()) else ():
        others = batch.filter(pc.invert(_is_one_of(batch.column(column), hits.met)))
        for link, values in hits.links.items():
            values -= set(pc.unique(others.column(link)).to_pylist())
    if not reader.problems:
        return hits
    if form == "parquet":
        return Hits(hits.records, hits.met, hits.links, is_whole=False)
    return _by_text(path, name=name, form=form, csv=csv, column=column, looked=looked)


def columns_there(path: Path, wanted: Sequence[str], *, name: str, form: Format, csv: CsvFormat) -> list[str]:
    """Return those of the columns that a file has; none where its header cannot be read, all where each record has its own."""
    if form == "jsonl":
        return list(wanted)
    if form == "parquet":
        return [column for column in wanted if column in _parquet_names(path)]
    reader = CsvReader(path, name=name, columns=[], fmt=csv, extra_columns="ignore")
    try:
        next(reader.raw(), None)
    except (FileProblem, UnicodeError):
        return []
    return [column for column in wanted if column in reader.header]


def _in_batch(batch: pa.RecordBatch, column: str, looked: Looked, hits: Hits, said: Said) -> None:
    values, numbers = batch.column(column), batch.column(RECORD_NUMBER)
    met = looked({value for value in pc.unique(values).to_pylist() if value is not None})
    hits.met |= met
    is_met = _is_one_of(values, met)
    hits.records += numbers.filter(is_met).to_pylist()
    for link in hits.links:
        hits.links[link] |= {v for v in pc.unique(batch.column(link).filter(is_met)).to_pylist() if v and names_somebody(v)}
    raws = batch.column(RAW)
    for number, raw in zip(numbers.filter(raws.is_valid()).to_pylist(), raws.drop_null().to_pylist(), strict=True):
        if met := looked(said(raw)):
            hits.met |= met
            hits.records.append(number)


def _is_one_of(values: pa.Array, wanted: set[str]) -> pa.Array:
    return pc.is_in(values, value_set=pa.array(sorted(wanted), pa.string()))


def _by_text(path: Path, *, name: str, form: Format, csv: CsvFormat, column: str, looked: Looked) -> Hits:
    """Look into a file that is wrong as a whole: record by record, at the subject's column wherever that can be read."""
    hits = Hits()
    reader = JsonLinesReader(path, name=name, columns=[]) if form == "jsonl" else CsvReader(path, name=name, columns=[], fmt=csv)
    try:
        for number, raw in reader.raw():
            if isinstance(reader, CsvReader):
                said = (
                    _of_csv(raw, column, reader.header, delimiter=csv.delimiter) if number or column not in reader.header else set()
                )
            else:
                said = _of_json(raw, column, delimiter=csv.delimiter)
            if met := looked(said):
                hits.met |= met
                hits.records.append(number)
    except (FileProblem, UnicodeError):
        return _by_bytes(path, delimiter=csv.delimiter, looked=looked)
    return hits


def _of_csv(raw: str, column: str, header: Sequence[str], *, delimiter: str) -> set[str]:
    """Return what stands in the column of a record, or, where that cannot be told, all that could be a subject in its text."""
    if column in header and is_text(raw) and "\0" not in raw:
        try:
            fields = next(csv_module.reader(io.StringIO(raw, newline=""), delimiter=delimiter, strict=True), [])
        except csv_module.Error:
            fields = []
        if len(fields) == len(header):
            return {value for named, value in zip(header, fields, strict=True) if named == column}
    return tokens(raw, delimiter=delimiter)


def _of_json(raw: str, column: str, *, delimiter: str) -> set[str]:
    """Return what an object has under the key, or, where that cannot be told, all that could be a subject in its text."""
    try:
        found = json.loads(raw, parse_int=str, parse_float=str, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(value := found.get(column), str) and "\0" not in value and is_text(value):
        return {value}
    return tokens(raw, delimiter=delimiter)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key.lower() for key, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _by_bytes(path: Path, *, delimiter: str, looked: Looked) -> Hits:
    """Look into what can be had of a file that cannot be read to its end; who is met is in no record with a number."""
    met, rest = set[str](), b""
    for piece in readable_part(path):
        whole, _, rest = (rest + piece).rpartition(b"\n") if len(rest) < _LONGEST else (rest + piece, b"", b"")
        met |= looked(tokens(whole.decode("utf-8", CARRY), delimiter=delimiter))
    met |= looked(tokens(rest.decode("utf-8", CARRY), delimiter=delimiter))
    return Hits([0] if met else [], met, is_whole=False)


def _parquet_names(path: Path) -> list[str]:
    """Return the columns of a Parquet file; none where it cannot be read."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError):
        return []
