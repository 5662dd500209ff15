"""What a csv file shows of itself: its columns, the narrowest type that every value keeps its meaning in, what is full.

Records are framed by the reader that bronze uses, and values are tried with the casts that silver uses: what is said
here of a file is what the pipeline will make of it.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from readiness_pipelines.contracts.needs import is_taken
from readiness_pipelines.contracts.types import LOGICAL_TYPES, strict_cast
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.sources.reader import PARSE_PROBLEM, FileProblem, is_text
from readiness_pipelines.sources.records import CsvFormat, CsvReader
from readiness_pipelines.sources.unpacked import unpacked

AT_MOST = 1_000_000  # records looked at: seconds, whatever the size of the file
_HEADER = 1_000_000  # characters that a header is looked for in
_DELIMITERS = ",;\t|"
_TRIED = ("integer", "number", "boolean", "date", "timestamp")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # not tab and line feed, which SQL and YAML carry unchanged
# Text that a number would not give back: leading zeros, a plus sign, more digits than a double keeps.
_NO_NUMBER = r"[+-]?0[0-9].*|\+.*|[^0-9]*([0-9][^0-9]*){16,}"


@dataclass(frozen=True)
class Field:
    """One column: as delivered, and as silver calls it. `full`: no value was empty; `unique`: no two were equal."""

    delivered: str
    name: str
    logical_type: str
    full: bool
    unique: bool


@dataclass(frozen=True)
class Sample:
    """What was read: `records` good ones, `rejects` that no reader could take, and whether that was the `whole` file."""

    fields: tuple[Field, ...]
    delimiter: str
    records: int
    rejects: int
    whole: bool


def read_sample(path: Path, *, at_most: int = AT_MOST) -> Sample:
    """Look at the first `at_most` records (rounded up to a batch) of a csv file with a header, in UTF-8.

    Empty text is no value. Raises ReadinessError, in one line, for a file that bronze could never admit.
    """
    header, delimiter = _header(path)
    reader = CsvReader(path, name=path.name, columns=header, fmt=CsvFormat(delimiter))
    with duckdb.connect() as con:
        looked = _Looked(con, len(header))
        whole = True
        for batch in reader.batches():
            looked.take(batch)
            if reader.records >= at_most:
                whole = False
                break
        if reader.problems:
            raise ReadinessError(f"{path}: {reader.problems[0].removeprefix(f'{path.name}: ')}")
        if not looked.records:
            raise ReadinessError(f"{path}: found no record of {len(header)} fields, expected records as wide as the header")
        names = silver_names(header)
        fields = tuple(looked.field(at, *both) for at, both in enumerate(zip(header, names, strict=True)))
        return Sample(fields, delimiter, looked.records, sum(reader.rejects.values()), whole)


def _header(path: Path) -> tuple[list[str], str]:
    """Return the column names and the delimiter: the one most often between them, what is in quotes left out."""
    if not path.is_file():
        raise ReadinessError(f"{path}: found {'a folder' if path.is_dir() else 'no such file'}, expected a csv file with a header")
    try:
        with unpacked(path, name=path.name, so_far=lambda: 0) as binary:
            head = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="").read(_HEADER)
        lines = re.sub('"[^"]*"', "", head).splitlines()
        delimiter = max(_DELIMITERS, key=next(filter(None, lines), "").count)
        header = next(filter(None, csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)), [])
    except (OSError, csv.Error, FileProblem) as error:
        raise ReadinessError(f"{path}: cannot be read ({type(error).__name__}), expected csv text in UTF-8") from None
    if not all(map(is_text, header)):  # in a record such a byte makes that record alone unreadable
        raise ReadinessError(f"{path}: found a header that is no UTF-8, expected csv text in UTF-8")
    if not header:
        raise ReadinessError(f"{path}: is empty, expected a header and at least one record")
    if nameless := [n for n, column in enumerate(header, start=1) if not column.strip()]:
        raise ReadinessError(f"{path}: found no name for column {nameless[0]} in the header, expected one for each")
    if odd := [n for n, column in enumerate(header, start=1) if _CONTROL.search(column)]:
        raise ReadinessError(f"{path}: found a control character in the name of column {odd[0]}, expected text")
    if taken := [column for column in header if is_taken(column)]:
        raise ReadinessError(f"{path}: found the column {taken[0]!r}, which every table has already; expected another name")
    return header, delimiter


def silver_names(header: Sequence[str]) -> list[str]:
    """Return a snake_case name for each delivered one: SQL needs no quotes for it, and no other column has it."""
    names: list[str] = []
    for at, column in enumerate(header, start=1):
        base = name = _snake(column) or f"column_{at}"
        n = 1
        while name in names or is_taken(name):
            n += 1
            name = f"{base}_{n}"
        names.append(name)
    return names


def _snake(column: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    plain = unicodedata.normalize("NFKD", parted.casefold())  # ö is o and a mark, ß is ss
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"[\u0300-\u036f]", "", plain)).strip("_")
    return f"column_{name}" if re.match(r"[0-9]", name) else name


class _Looked:
    """What is known of each column after some batches."""

    def __init__(self, con: duckdb.DuckDBPyConnection, width: int) -> None:
        self._con, self._width = con, width
        self._fits = [set(_TRIED) for _ in range(width)]
        self._empty: Counter[int] = Counter()
        self.records = 0
        con.execute("CREATE TABLE firsts (value VARCHAR)")

    def take(self, batch: pa.RecordBatch) -> None:
        good = batch.filter(pc.is_null(batch[PARSE_PROBLEM]))
        if not good.num_rows:
            return
        self.records += good.num_rows
        names = [f"c{at}" for at in range(self._width)]
        self._con.register("batch", pa.table(dict(zip(names, good.columns[3:], strict=True))))
        self._con.execute("INSERT INTO firsts SELECT c0 FROM batch")
        asked = list(self._questions())
        (answers,) = self._con.execute(f"SELECT {', '.join(sql for _, _, sql in asked)} FROM batch").fetchall()
        for (at, logical, _), answer in zip(asked, answers, strict=True):
            if logical is None:
                self._empty[at] += answer
            elif answer:  # values that would not be the same
                self._fits[at].discard(logical)

    def _questions(self) -> Iterator[tuple[int, str | None, str]]:
        for at in range(self._width):
            yield at, None, f"count_if(c{at} = '')"
            for logical in sorted(self._fits[at]):
                bad = f"({strict_cast(f'c{at}', given='VARCHAR', wanted=LOGICAL_TYPES[logical])}) IS NULL"
                if logical in ("integer", "number"):
                    bad = f"({bad} OR regexp_full_match(c{at}, '{_NO_NUMBER}'))"
                yield at, logical, f"count_if(c{at} <> '' AND {bad})"

    def field(self, at: int, delivered: str, name: str) -> Field:
        """Return what a column is; only the first one is looked at for being unique."""
        given = self.records - self._empty[at]
        logical = next((t for t in _TRIED if t in self._fits[at] and given), "string")
        return Field(delivered, name, logical, given == self.records, at == 0 and self._distinct() == self.records)

    def _distinct(self) -> int:
        ((distinct,),) = self._con.execute("SELECT count(DISTINCT value) FROM firsts").fetchall()
        return int(distinct)
