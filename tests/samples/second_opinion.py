"""A slow second opinion on a landing folder: plain Python over the bytes, the product's SQL, and nothing of the engine.

Files are split by hand, values are cast by hand, and the suites' row rules are judged one row at a time.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "readiness_pipelines" / "defs" / "readmission"
SUITES = ROOT / "quality_suites" / "readmission"
REAL_HALF = ROOT.parent / "shared" / "data" / "diabetes_readmission" / "dev_first_half.parquet"
TYPES = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE"}
Row = dict[str, Any]


def read_records(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], Counter[str]]:
    """Return header, (number, fields) of each readable record, and bronze's reasons. No field of a sample is quoted."""
    first, *lines = path.read_bytes().rstrip(b"\n").split(b"\n")
    header = first.decode().split(",")
    rows: list[tuple[int, list[str]]] = []
    reasons: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        fields = line.decode("latin-1").split(",")
        if b"\0" in line:
            reasons["parse:nul_byte"] += 1
        elif not _is_utf8(line):
            reasons["parse:not_utf8"] += 1
        elif len(fields) != len(header):
            reasons["parse:too_few_fields" if len(fields) < len(header) else "parse:too_many_fields"] += 1
        else:
            rows.append((number, fields))
    return header, rows, reasons


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def run_model(sql: str, tables: Mapping[str, tuple[Sequence[str], Iterable[Sequence[Any]]]], partition: str) -> list[Row]:
    """Return the rows that the model in `sql` gives over in-memory `tables`: name -> (columns, perhaps typed, rows)."""
    with duckdb.connect() as con:
        for name, (columns, rows) in tables.items():
            typed = [c if " " in c else f'"{c}" VARCHAR' for c in columns]
            con.execute(f"CREATE TABLE {name} (row_id VARCHAR, partition_key VARCHAR, {', '.join(typed)})")
            filled = [(f"r{n}", partition, *row) for n, row in enumerate(rows, start=1)]
            for start in range(0, len(filled), 500):
                block = filled[start : start + 500]
                marks = "(" + ", ".join("?" * len(block[0])) + ")"
                con.execute(f"INSERT INTO {name} VALUES {', '.join([marks] * len(block))}", [v for r in block for v in r])
        con.execute(f"SET VARIABLE partition_key = '{partition}'")
        found = con.execute((PRODUCT / sql).read_text(encoding="utf-8"))
        names = [d[0] for d in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def columns_of(contract: Mapping[str, Any], table: str) -> dict[str, str]:
    schema = next(t for t in contract["schema"] if t["name"] == table)
    return {p["name"]: p["logicalType"] for p in schema["properties"]}


def cast(row: Row, types: Mapping[str, str]) -> tuple[Row, list[str]]:
    """Return the row with text turned into values, and the columns in which that could not be done."""
    typed, failed = dict(row), []
    for column, logical in types.items():
        try:
            typed[column] = _cast(row[column], logical)
        except ValueError:
            typed[column] = None
            failed.append(column)
    return typed, failed


def _cast(value: Any, logical: str) -> Any:
    if not isinstance(value, str) or logical == "string":
        return value
    if logical == "integer" and re.fullmatch("[+-]?[0-9]+", value) and -(2**63) <= int(value) < 2**63:
        return int(value)
    if logical == "date" and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return datetime.date.fromisoformat(value)
    if logical == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError(value)


def row_rules(suite: str) -> list[tuple[str, tuple[str, ...], Callable[..., bool]]]:
    """Return (name, columns, holds) of each quarantining row rule. `holds` gets the columns' values, never all null."""
    found = []
    for rule in yaml.safe_load((SUITES / f"{suite}.yaml").read_text(encoding="utf-8"))["expectations"]:
        judge = _judge(rule["type"], rule["kwargs"])
        if judge and rule.get("severity", "critical") == "critical":
            found.append((rule["meta"]["name"], *judge))
    return found


def _judge(kind: str, kwargs: Mapping[str, Any]) -> tuple[tuple[str, ...], Callable[..., bool]] | None:
    column = (kwargs.get("column", ""),)
    match kind:
        case "expect_column_values_to_not_be_null":
            return column, lambda v: v is not None
        case "expect_column_values_to_be_in_set":
            return column, lambda v: v is None or v in kwargs["value_set"]
        case "expect_column_values_to_be_between":
            return column, lambda v: v is None or kwargs["min_value"] <= v <= kwargs["max_value"]
        case "expect_column_values_to_match_regex":
            return column, lambda v: v is None or re.search(kwargs["regex"], v) is not None
        case "expect_column_value_lengths_to_be_between":
            return column, lambda v: v is None or kwargs["min_value"] <= len(v) <= kwargs["max_value"]
        case "expect_column_pair_values_to_be_equal":
            return (kwargs["column_A"], kwargs["column_B"]), lambda a, b: None in (a, b) or a == b
    return None


def settle(rows: Sequence[Row], types: Mapping[str, str], suite: str) -> tuple[list[Row], int, list[tuple[Row, tuple[str, ...]]]]:
    """Return (admitted, duplicates, [(bad row, its reasons)]): first casts, then the last of an id, then rules."""
    typed = [cast(row, types) for row in rows]
    last = {row["encounter_id"]: i for i, (row, failed) in enumerate(typed) if not failed and row["encounter_id"] is not None}
    rules = row_rules(suite)
    admitted: list[Row] = []
    bad: list[tuple[Row, tuple[str, ...]]] = []
    duplicates = 0
    for i, (row, failed) in enumerate(typed):
        if not failed and row["encounter_id"] is not None and last[row["encounter_id"]] != i:
            duplicates += 1
            continue
        broken = [n for n, columns, holds in rules if not set(columns) & set(failed) and not holds(*(row[c] for c in columns))]
        reasons = (*(f"cast:{c}" for c in failed), *broken)
        if reasons:
            bad.append((row, reasons))
        else:
            admitted.append(row)
    return admitted, duplicates, bad
