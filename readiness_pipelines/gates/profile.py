"""What one partition (or block of a file) shows of its columns: counts, ends, few values, forms of text. Nothing is decided here.

Grain: one profile per relation. NaN is null, as in every rule. Of a `hidden` column no value is ever read: it has counts and
forms, no ends and no values. A few scans, each out of core.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

from readiness_pipelines.gates.columns import family, one_row, quoted, without_nan

if TYPE_CHECKING:
    import duckdb

MOST_VALUES = 50  # more different values than that are no vocabulary
_MOST_FORMS = 60
_LONGEST_CODE = 40  # characters: longer text is prose, whose forms are as many as its rows
_MOST_PAIRS = 300
_COLUMNS_PER_SCAN = 20  # planning a wide statement grows faster than linearly
_NEARLY = 0.9  # counts of different values are estimates, a few percent off: below this a column is not unique
_AWAY = 0.382  # of a partition: no simple part of it, so that what repeats itself does not meet itself
_ORDERED = ("integer", "float", "decimal", "date", "time")
_UPPER, _LOWER, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"


@dataclass(frozen=True)
class ColumnProfile:
    """One column of one partition.

    `low`, `high`: its ends; `values`: all of them and their rows, where they are few; `forms`: its texts with each letter
    as A or a and each digit as 9, where these are few. None where there is none, or nobody looked.
    """

    rows: int
    nulls: int
    distinct: int
    unique: bool = False
    low: Any = None
    high: Any = None
    values: Mapping[str, int] | None = None
    forms: frozenset[str] | None = None

    @property
    def present(self) -> int:
        return self.rows - self.nulls


@dataclass(frozen=True)
class PairProfile:
    """Rows where A and B both are: in how many A is above B, in how many they differ, and in how many A would be above the B of
    another row, which is how often the order would be broken if it were none."""

    both: int
    broken: int
    differ: int
    by_chance: int


@dataclass(frozen=True)
class Profile:
    """One partition: its rows, columns, ordered pairs that can be in order, and keys of several columns (unique or not)."""

    label: str
    rows: int
    types: Mapping[str, str]
    columns: Mapping[str, ColumnProfile]
    pairs: Mapping[tuple[str, str], PairProfile]
    keys: Mapping[tuple[str, ...], bool]


def profile(
    con: duckdb.DuckDBPyConnection,
    source: str,
    types: Mapping[str, str],
    *,
    label: str,
    row_key: str,
    hidden: Collection[str] = (),
    keys: Sequence[tuple[str, ...]] = (),
) -> Profile:
    """Look at `source` (SQL for FROM), columns `types` (name -> DuckDB type). `row_key` orders its rows, for chance alone."""
    names = list(types)
    rows = int(one_row(con, f"SELECT count(*) FROM {source}")[0])
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(names), _COLUMNS_PER_SCAN):
        some = names[start : start + _COLUMNS_PER_SCAN]
        found |= _counted(con, source, {n: types[n] for n in some}, rows, hidden)
    for name in names:
        if family(types[name]) in ("text", "integer", "other") and found[name]["distinct"] >= _NEARLY * _present(found[name]) > 0:
            found[name]["unique"] = _is_unique(con, source, (name,), types)
    texts = [n for n in names if family(types[n]) == "text" and _present(found[n])]
    for name in [n for n in texts if n not in hidden and found[n]["distinct"] <= 2 * MOST_VALUES]:
        counts = _counts(con, source, quoted(name))
        found[name]["values"] = counts if len(counts) <= MOST_VALUES else None
    _look_at_forms(con, source, [n for n in texts if found[n].get("values") is None], found)
    columns = {n: ColumnProfile(**{k: v for k, v in found[n].items() if k != "longest"}) for n in names}
    pairs = dict(_pairs(con, source, types, columns, row_key, rows, hidden))
    return Profile(label, rows, dict(types), columns, pairs, {key: _is_unique(con, source, key, types) for key in keys})


def key_candidates(con: duckdb.DuckDBPyConnection, source: str, types: Mapping[str, str], rows: int) -> Sequence[tuple[str, ...]]:
    """Return pairs of columns that may name a row together, and not by mere chance, fewest values first; at most three.

    By chance alone n rows with a and b different values agree in n^2 / 2ab pairs of rows: only where that would be many
    does it say something that none agree.
    """
    able = [n for n, t in types.items() if family(t) in ("text", "integer", "date")]
    if len(able) < 2 or not rows:
        return []
    each = one_row(con, f"SELECT {', '.join(f'approx_count_distinct({quoted(n)})' for n in able)} FROM {source}")
    distinct = dict(zip(able, (int(n) for n in each), strict=True))
    if max(distinct.values()) >= 0.97 * rows:
        return []  # one column names the rows already
    widest = sorted((n for n in able if distinct[n] > 1), key=lambda n: -distinct[n])[:8]
    pairs = [(a, b) for a in widest for b in widest if able.index(a) < able.index(b)]
    pairs = [(a, b) for a, b in pairs if distinct[a] * distinct[b] >= rows and rows**2 / (2 * distinct[a] * distinct[b]) >= 5]
    if not pairs:
        return []
    sql = ", ".join(f"approx_count_distinct(({quoted(a)}, {quoted(b)}))" for a, b in pairs)
    nearly = [pair for pair, n in zip(pairs, one_row(con, f"SELECT {sql} FROM {source}"), strict=True) if n >= _NEARLY * rows]
    exact = [pair for pair in nearly if _is_unique(con, source, pair, types)]
    return sorted(exact, key=lambda pair: distinct[pair[0]] * distinct[pair[1]])[:3]


def _present(found: Mapping[str, Any]) -> int:
    return int(found["rows"] - found["nulls"])


def _counted(
    con: duckdb.DuckDBPyConnection, source: str, types: Mapping[str, str], rows: int, hidden: Collection[str]
) -> dict[str, dict[str, Any]]:
    wanted: list[str] = []
    for name, type_ in types.items():
        cell, kind = without_nan(name, types), family(type_)
        ends = kind in _ORDERED and name not in hidden
        wanted += [
            f"count({cell})",
            f"approx_count_distinct({cell})",
            f"min({cell})" if ends else "NULL",
            f"max({cell})" if ends else "NULL",
            f"max(length({cell}))" if kind == "text" else "NULL",
        ]
    got = one_row(con, f"SELECT {', '.join(wanted)} FROM {source}")
    keys = ("distinct", "low", "high", "longest")
    return {
        name: {"rows": rows, "nulls": rows - int(got[5 * i]), **dict(zip(keys, got[5 * i + 1 : 5 * i + 5], strict=True))}
        for i, name in enumerate(types)
    }


def _is_unique(con: duckdb.DuckDBPyConnection, source: str, names: Sequence[str], types: Mapping[str, str]) -> bool:
    """Say whether no two rows agree in these columns; rows where one of them is null are left out."""
    cells = [without_nan(n, types) for n in names]
    there = " AND ".join(f"({cell}) IS NOT NULL" for cell in cells)
    counted = f"SELECT count(*) AS n FROM {source} WHERE {there} GROUP BY {', '.join(cells)}"
    return not int(one_row(con, f"SELECT count(*) FROM ({counted}) WHERE n > 1")[0])


def _counts(con: duckdb.DuckDBPyConnection, source: str, sql: str) -> dict[str, int]:
    some = f"SELECT {sql} AS v, count(*) FROM {source} WHERE v IS NOT NULL GROUP BY v LIMIT {4 * MOST_VALUES}"
    return {str(value): int(n) for value, n in con.execute(some).fetchall()}


def _look_at_forms(con: duckdb.DuckDBPyConnection, source: str, names: Sequence[str], found: Mapping[str, dict[str, Any]]) -> None:
    short = [n for n in names if (found[n]["longest"] or 0) <= _LONGEST_CODE]
    if not short:
        return
    same = f"'{'A' * 26}{'a' * 26}{'9' * 10}'"
    form = {n: f"translate({quoted(n)}, '{_UPPER}{_LOWER}{_DIGITS}', {same})" for n in short}
    counts = one_row(con, f"SELECT {', '.join(f'approx_count_distinct({form[n]})' for n in short)} FROM {source}")
    for name, n in zip(short, counts, strict=True):
        if n <= _MOST_FORMS:
            found[name]["forms"] = frozenset(_counts(con, source, form[name]))


def _pairs(
    con: duckdb.DuckDBPyConnection,
    source: str,
    types: Mapping[str, str],
    columns: Mapping[str, ColumnProfile],
    row_key: str,
    rows: int,
    hidden: Collection[str],
) -> Iterator[tuple[tuple[str, str], PairProfile]]:
    able = [n for n, t in types.items() if family(t) in _ORDERED and columns[n].present]
    comparable = [(a, b) for a, b in permutations(able, 2) if _kind(types[a]) == _kind(types[b])]
    chosen = [pair for pair in comparable if _is_possible(columns, pair, hidden)][:_MOST_PAIRS]
    for start in range(0, len(chosen), _COLUMNS_PER_SCAN):
        some = chosen[start : start + _COLUMNS_PER_SCAN]
        asked = []
        for a, b in some:
            x, y = quoted(a), quoted(b)
            asked += [f"count(*) FILTER ({x} <= {y} OR {x} > {y})", f"count(*) FILTER ({x} > {y})", f"count(*) FILTER ({x} <> {y})"]
        counts = one_row(con, f"SELECT {', '.join(asked)} FROM {source}")
        each = [(pair, *counts[3 * i : 3 * i + 3]) for i, pair in enumerate(some)]
        kept = [(pair, both, differ) for pair, both, broken, differ in each if both and not broken]
        chance = _by_chance(con, source, [pair for pair, _, _ in kept], row_key, rows)
        for pair, both, broken, differ in each:
            yield pair, PairProfile(int(both), int(broken), int(differ), chance.get(pair, 0))


def _is_possible(columns: Mapping[str, ColumnProfile], pair: tuple[str, str], hidden: Collection[str]) -> bool:
    """Say whether A <= B can hold in every row, and is no mere matter of their ranges. Of hidden columns no range is known."""
    a, b = columns[pair[0]], columns[pair[1]]
    if pair[0] in hidden or pair[1] in hidden:
        return True
    return bool(a.low <= b.low and a.high <= b.high and a.high > b.low)


def _kind(type_: str) -> str:
    kind = family(type_)
    return {"integer": "number", "float": "number"}.get(kind, type_ if kind == "decimal" else kind)


def _by_chance(
    con: duckdb.DuckDBPyConnection, source: str, pairs: Sequence[tuple[str, str]], row_key: str, rows: int
) -> dict[tuple[str, str], int]:
    """Return, per pair, in how many rows A is above the B of a row well before it."""
    if not pairs:
        return {}
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    seconds = list(dict.fromkeys(b for _, b in pairs))
    away = max(round(rows * _AWAY), 1)
    lagged = ", ".join(f"lag({quoted(b)}, {away}) OVER (ORDER BY {row_key}) AS {quoted(f'before {b}')}" for b in seconds)
    inner = f"SELECT {', '.join(map(quoted, names))}, {lagged} FROM {source}"
    counts = ", ".join(f"count(*) FILTER ({quoted(a)} > {quoted(f'before {b}')})" for a, b in pairs)
    return {pair: int(n) for pair, n in zip(pairs, one_row(con, f"SELECT {counts} FROM ({inner})"), strict=True)}
