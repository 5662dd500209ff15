"""DuckDB's own account of where the time of some statements went: the seconds of each operator, added up by its kind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb


class Noted:
    """A connection that notes, per statement, the seconds of each kind of operator. Statements that cost nothing are left out."""

    _LEAST = 0.02  # seconds

    def __init__(self, con: duckdb.DuckDBPyConnection, file: Path) -> None:
        self._con, self._file = con, file
        self.lines: list[str] = []
        con.execute("SET enable_profiling = 'json'")

    def execute(self, sql: str, *given: Any) -> _Answer:
        self._con.execute(f"SET profiling_output = '{self._file}'")
        rows = self._con.execute(sql, *given).fetchall()
        self._con.execute("SET profiling_output = ''")
        self._note(sql)
        return _Answer(rows)

    def _note(self, sql: str) -> None:
        seconds: Counter[str] = Counter()
        if not self._file.exists():  # DESCRIBE
            return
        found = json.loads(self._file.read_text())
        self._file.unlink()
        for kind, timing in _operators(found.get("operator") or []):
            seconds[kind.strip()] += timing
        if seconds.total() >= self._LEAST:
            each = ", ".join(f"{kind.lower()} {s:.2f}" for kind, s in seconds.most_common() if s >= 0.005)
            self.lines.append(f"  {seconds.total():6.2f} s  {' '.join(sql.split())[:60]}...\n            {each}")


class _Answer:
    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


def _operators(nodes: list[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for node in nodes:
        yield str(node.get("type", "")), float(node.get("timing", 0.0))
        yield from _operators(node.get("children", []))
