"""What a table or a file has been so far, partition by partition, for rules to be learned from."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from readiness_pipelines.contracts.types import LOGICAL_TYPES, strict_cast
from readiness_pipelines.declarations import TableDeclaration
from readiness_pipelines.declarations.sample import Sample, read_sample
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import RESERVED
from readiness_pipelines.gates.columns import quoted
from readiness_pipelines.gates.profile import Profile, key_candidates, profile
from readiness_pipelines.gates.propose import Proposals, propose
from readiness_pipelines.gates.rehearsal import LEAST_PARTITIONS, Part, Rehearsal, first, rehearse
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.rows import literal
from readiness_pipelines.sources import CsvFormat, CsvReader, format_of
from readiness_pipelines.sources.reader import PARSE_PROBLEM, RECORD_NUMBER

LEAST_ROWS = 1_000
BLOCKS = 20  # of a file: ten to learn from before the first is judged, ten to judge
_ROW = f"{RESERVED}row"


@dataclass(frozen=True)
class History:
    """Partitions of one relation, oldest first. `hidden` columns are not to show a value, and why; `about` is for a reader."""

    con: duckdb.DuckDBPyConnection
    name: str
    types: Mapping[str, str]
    parts: tuple[Part, ...]
    rows: int
    hidden: Mapping[str, str]
    keys: tuple[tuple[str, ...], ...]
    about: tuple[str, ...]
    whole: Part | None = None

    @property
    def steps(self) -> int:
        """How often `learned` calls its progress."""
        n = len(self.parts)
        return n + (n - first(n)) + n + (1 if self.whole else 0)


def learned(history: History, *, progress: Callable[[], None] = lambda: None) -> tuple[Rehearsal, list[Profile]]:
    """Return the rules that the history speaks for, tried on it, and its profiles. A few passes over the rows, out of core."""
    profiles = []
    for part in history.parts:
        profiles.append(
            profile(
                history.con,
                part.source,
                history.types,
                label=part.label,
                row_key=part.row_key,
                hidden=set(history.hidden),
                keys=history.keys,
            )
        )
        progress()
    of_file = history.whole is not None

    def learn(past: Sequence[Profile]) -> Proposals:
        return propose(past, hidden=history.hidden, ordered=of_file, counted=not of_file)

    found = rehearse(history.con, history.parts, profiles, learn, whole=history.whole, progress=progress)
    return found, profiles


def history_of_table(
    lake: Lakehouse, table: TableDeclaration, *, rows_at_least: int = LEAST_ROWS, until: str | None = None
) -> History:
    """Return the admitted versions of a table, one partition each, in the order of their keys, up to `until` (inclusive).

    Columns that the contract calls PII or PHI are hidden. Raises ReadinessError for fewer than `rows_at_least` rows, or
    fewer than six partitions with rows.
    """
    versions = lake.ledger.current_versions(table.full_name)
    keys = [k for k in sorted(versions) if not versions[k].is_nothing and (until is None or k <= until)]
    columns = [c.name for c in table.table.columns]
    con = lake.connect()
    con.execute("SET enable_progress_bar = false")
    named = "row_id", *columns
    parts = [Part(key, relation(lake, [versions[key]], columns=named), "row_id") for key in keys]
    counts = {part.label: int(con.execute(f"SELECT count(*) FROM {part.source}").fetchall()[0][0]) for part in parts}
    filled = tuple(part for part in parts if counts[part.label])
    rows = sum(counts.values())
    _require(table.full_name, rows, len(filled), rows_at_least, "admitted")
    about = (
        f"Proposed from {rows:,} admitted rows of {table.full_name} in {len(filled)} partitions, {filled[0].label} to "
        f"{filled[-1].label}. Rows that the gate refused are not among them, so its present rules were never seen broken.",
        *_HOW,
        "No rule about the columns themselves: the contract has them, and every candidate is made to fit it.",
    )
    return History(
        con,
        f"{table.layer}_{table.name}",
        {c.name: c.type for c in table.table.columns},
        filled,
        rows,
        {c.name: f"{c.classification} in the contract" for c in table.table.columns if c.is_sensitive},
        (table.table.key,) if len(table.table.key) > 1 else (),
        about,
    )


_HOW = (
    "Alert rates: the rules learned from the partitions before each one were judged on it, from the middle of the history on.",
    "Severity critical where the history shows a hard limit, warning where a bound is an estimate. They are yours to decide.",
)


def _require(name: str, rows: int, partitions: int, rows_at_least: int, word: str) -> None:
    if rows < rows_at_least:
        raise ReadinessError(
            f"{name}: found {rows:,} {word} rows, expected at least {rows_at_least:,} to learn rules from; wait for more, or "
            "lower --rows-at-least and trust the intervals"
        )
    if partitions < LEAST_PARTITIONS:
        raise ReadinessError(
            f"{name}: found {partitions} partitions with {word} rows, expected at least {LEAST_PARTITIONS}: a margin and an "
            "alert rate need several; wait for more"
        )


@contextmanager
def history_of_file(path: Path, *, rows_at_least: int = LEAST_ROWS, memory: str | None = None) -> Iterator[History]:
    """Give the rows of a csv, JSON-lines or Parquet file, cut into 20 blocks by position, which stand in for partitions.

    A csv file is read as bronze reads it and typed where every value keeps its meaning; empty text is null. The file may be
    larger than memory: it is copied to a temporary folder first, which goes with the context. Raises ReadinessError for a
    file that cannot be read, and for fewer than `rows_at_least` rows.
    """
    if not path.is_file():
        raise ReadinessError(f"{path}: found no such file, expected csv, JSON lines or Parquet")
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(config=_config(Path(folder), memory)) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_progress_bar = false")  # it would write among the suite
        copy = Path(folder) / "rows.parquet"
        form = format_of(path.name)
        told = _copy_csv(con, path, copy) if form == "csv" else _copy(con, path, copy, form)
        yield _cut(con, path, copy, rows_at_least, told)


def _config(folder: Path, memory: str | None) -> dict[str, str | bool | int | float | list[str]]:
    return {"temp_directory": str(folder), **({"memory_limit": memory} if memory else {})}


def _cut(con: duckdb.DuckDBPyConnection, path: Path, copy: Path, rows_at_least: int, told: Sequence[str]) -> History:
    source = f"read_parquet({literal(str(copy))})"
    rows = int(con.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])
    _require(str(path), rows, BLOCKS if rows >= BLOCKS else 0, rows_at_least, "readable")
    described = con.execute(f"DESCRIBE SELECT * EXCLUDE ({_ROW}) FROM {source}").fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    ends = [rows * block // BLOCKS for block in range(BLOCKS + 1)]
    parts = tuple(
        Part(f"rows {low + 1} to {high}", f"(SELECT * FROM {source} WHERE {_ROW} > {low} AND {_ROW} <= {high})", _ROW)
        for low, high in zip(ends, ends[1:], strict=False)
    )
    about = (
        f"Proposed from {rows:,} rows of {path.name}. It is one file, so {BLOCKS} blocks of its rows, by position, stand in for "
        "partitions: a new file can differ more from this one than its blocks do from each other.",
        *_HOW,
        *told,
        "There is no contract beside a file: see that no set or range below shows personal data before you share it.",
    )
    keys = tuple(key_candidates(con, parts[0].source, types, ends[1]))
    name = re.sub(r"[^A-Za-z0-9_]", "_", path.name.split(".")[0])
    return History(con, name, types, parts, rows, {}, keys, about, Part("the whole file", source, _ROW))


def _copy(con: duckdb.DuckDBPyConnection, path: Path, copy: Path, form: str) -> tuple[str, ...]:
    words = "" if form == "parquet" else ", format = 'newline_delimited', sample_size = -1"
    reader = f"{'read_parquet' if form == 'parquet' else 'read_json'}({literal(str(path))}{words})"
    try:
        _numbered(con, f"SELECT * FROM {reader}", copy)
    except duckdb.Error as error:
        why = str(error).splitlines()[0][:60] if isinstance(error, duckdb.IOException) else type(error).__name__
        raise ReadinessError(f"{path}: cannot be read as {form} ({why}), expected one whole file") from None
    return ()


def _numbered(con: duckdb.DuckDBPyConnection, select: str, copy: Path) -> None:
    """Copy rows with their positions, from 1: in the order of the file, so that a block is read without the others."""
    con.execute(f"COPY (SELECT *, row_number() OVER () AS {_ROW} FROM ({select})) TO {literal(str(copy))} (FORMAT parquet)")


def _copy_csv(con: duckdb.DuckDBPyConnection, path: Path, copy: Path) -> tuple[str, ...]:
    sample = read_sample(path)
    text = copy.with_name("text.parquet")
    names = [field.delivered for field in sample.fields]
    reader = CsvReader(path, name=path.name, columns=names, fmt=CsvFormat(sample.delimiter))
    with pq.ParquetWriter(text, reader.schema) as writer:
        for batch in reader.batches():
            writer.write_batch(batch)
    if reader.problems:
        raise ReadinessError(reader.problems[0])
    source = f"read_parquet({literal(str(text))}) WHERE {PARSE_PROBLEM} IS NULL"
    wanted = _types(con, source, sample)
    cells = ", ".join(f"{_cell(name, wanted[name])} AS {quoted(name)}" for name in names)
    _numbered(con, f"SELECT {cells} FROM {source} ORDER BY {RECORD_NUMBER}", copy)
    text.unlink()
    rejects = sum(reader.rejects.values())
    return (f"{rejects:,} records could not be read and are left out.",) if rejects else ()


def _cell(name: str, logical: str) -> str:
    value = f"nullif({quoted(name)}, '')"
    return value if logical == "string" else strict_cast(value, given="VARCHAR", wanted=LOGICAL_TYPES[logical])


def _types(con: duckdb.DuckDBPyConnection, source: str, sample: Sample) -> dict[str, str]:
    """Return the type of each column: that of the sample, where all other values of the file keep their meaning in it too."""
    found = {field.delivered: field.logical_type for field in sample.fields}
    tried = [name for name, logical in found.items() if logical != "string"] if not sample.whole else []
    if tried:
        lost = ", ".join(f"count_if({quoted(n)} <> '' AND ({_cell(n, found[n])}) IS NULL)" for n in tried)
        counts = con.execute(f"SELECT {lost} FROM {source}").fetchall()[0]
        found |= {name: "string" for name, n in zip(tried, counts, strict=True) if n}
    return found
