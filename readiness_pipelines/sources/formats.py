"""Which reader a feed's files need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from readiness_pipelines.sources.json_lines import JsonLinesReader
from readiness_pipelines.sources.parquet import ParquetReader
from readiness_pipelines.sources.reader import ExtraColumns, RecordReader
from readiness_pipelines.sources.records import CsvFormat, CsvReader
from readiness_pipelines.sources.unpacked import COMPRESSED

Format = Literal["csv", "parquet", "jsonl"]


def format_of(pattern: str) -> Format:
    """Return the format that the end of a feed's pattern names, before .gz and .zst; csv where it names none."""
    end = pattern.lower().rstrip("*")
    for suffix in COMPRESSED:
        end = end.removesuffix(suffix).rstrip("*")
    return next((word for word in get_args(Format) if end.endswith(f".{word}")), "csv")


def open_records(
    path: Path, *, name: str, columns: Sequence[str], form: Format, csv: CsvFormat, extra_columns: ExtraColumns
) -> RecordReader:
    """Return the reader of the file at `path`, which was delivered under `name`; nothing is read yet."""
    if form == "parquet":
        return ParquetReader(path, name=name, columns=columns, extra_columns=extra_columns)
    if form == "jsonl":
        return JsonLinesReader(path, name=name, columns=columns, extra_columns=extra_columns)
    return CsvReader(path, name=name, columns=columns, fmt=csv, extra_columns=extra_columns)
