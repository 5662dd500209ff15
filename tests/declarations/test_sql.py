"""A silver model that is accepted computes each row by itself; what could do otherwise is refused by name."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.declarations.binding import Binder
from readiness_pipelines.declarations.sql import Model, Problem, read_model, row_map_problems, select_problems

_COLUMNS = {"row_id": "VARCHAR", "partition_key": "VARCHAR", "a": "VARCHAR", "b": "VARCHAR"}
_EXPRESSIONS = (
    *("a", "upper(b)", "TRY_CAST(a AS BIGINT)", "a || b", "CASE WHEN a = '1' THEN b END", "coalesce(a, 'x')", "a IN ('1', '2')"),
    *(
        "list_transform([a, b], lambda v: upper(v))",
        "{'a': a}",
        "string_split(a, ',')",
        "a IS NULL",
        "raw.b",
        "generate_series(1, 2)",
    ),
    *("unnest([1, 2])", "max(a)", "count(*)", "lag(a) OVER ()", "row_number() OVER (PARTITION BY a)", "(SELECT 1)", "list(a)"),
    *(
        "unnest(string_split(a, ','))",
        "(SELECT max(b) FROM raw)",
        "a.upper()",
        "b.max()",
        "first(a)",
        "any_value(b)",
        "histogram(a)",
    ),
    *("exists(SELECT 1)", "count(*) FILTER (a = '1')", "a = ANY (SELECT b FROM raw)", "generate_subscripts([1, 2], 1)", "random()"),
)
_SOURCES = (
    *("raw", "raw AS r", "raw TABLESAMPLE 50%", "raw, raw AS s", "raw JOIN raw AS s USING (a)", "raw LEFT JOIN raw AS s ON true"),
    *("(SELECT * FROM raw)", "raw, unnest([1, 2])", "raw, LATERAL (SELECT 1)", "raw POSITIONAL JOIN raw AS s", "raw AS r(x, y)"),
    *("(FROM raw)", "(VALUES (1))", "raw SEMI JOIN raw AS s USING (a)", "generate_series(1, 3)"),
)
_CLAUSES = (
    *(
        "",
        "",
        "",
        "WHERE a = '1'",
        "GROUP BY ALL",
        "HAVING true",
        "QUALIFY true",
        "LIMIT 1",
        "OFFSET 1",
        "USING SAMPLE 1",
        "ORDER BY 1",
    ),
    *("UNION ALL SELECT a FROM raw", "EXCEPT SELECT a FROM raw", "LIMIT 50%", "FETCH FIRST 1 ROW ONLY", "WHERE false"),
)
_CELL = st.none() | st.sampled_from(["1", "2", "x", "1,2", ""])


@pytest.fixture(scope="module")
def binder() -> Iterator[Binder]:
    binder = Binder()
    binder.add("raw", _COLUMNS)
    yield binder
    binder.close()


def model(sql: str) -> Model:
    found = read_model(sql)
    assert isinstance(found, Model), found
    return found


def accepted(binder: Binder, sql: str) -> bool:
    found = read_model(sql)
    if isinstance(found, Problem) or list(row_map_problems(found, "raw")):
        return False
    return not list(binder.model_problems(found, {}, row_map=True))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    expressions=st.lists(st.sampled_from(_EXPRESSIONS), min_size=1, max_size=3),
    distinct=st.sampled_from(["", "", "", "DISTINCT "]),
    source=st.sampled_from([*["raw"] * 12, *_SOURCES]),
    clause=st.sampled_from([*[""] * 12, *_CLAUSES]),
    rows=st.lists(st.tuples(_CELL, _CELL), max_size=5),
)
def test_an_accepted_model_gives_each_row_what_it_gives_it_alone(
    binder: Binder, expressions: list[str], distinct: str, source: str, clause: str, rows: list[tuple[str | None, str | None]]
) -> None:
    sql = f"SELECT {distinct}{', '.join(f'{e} AS c{i}' for i, e in enumerate(expressions))} FROM {source} {clause}"
    if not accepted(binder, sql):
        return
    with duckdb.connect() as con:
        con.execute("CREATE TABLE raw (row_id VARCHAR, partition_key VARCHAR, a VARCHAR, b VARCHAR)")
        alone = []
        for i, row in enumerate(rows):
            con.execute("INSERT INTO raw VALUES (?, 'p', ?, ?)", [str(i), *row])
            alone += con.execute(sql).fetchall()
            con.execute("DELETE FROM raw")
        for i, row in enumerate(rows):
            con.execute("INSERT INTO raw VALUES (?, 'p', ?, ?)", [str(i), *row])
        together = con.execute(sql).fetchall()
    assert len(together) == len(rows)
    assert sorted(map(repr, together)) == sorted(map(repr, alone))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, b FROM raw",
        "SELECT raw.a AS x FROM raw",
        "SELECT r.a AS x FROM raw AS r",
        "FROM raw SELECT a",
        "SELECT list_transform([a], lambda v: upper(v)) AS x FROM raw",
        "SELECT a FROM raw;",
        "-- why\nSELECT a /* what */ FROM raw",
        "SELECT CASE WHEN a = 'union' THEN 'where' END AS x FROM raw",
        "SELECT getvariable('partition_key') AS x FROM raw",
    ],
)
def test_what_computes_each_row_by_itself_is_accepted(binder: Binder, sql: str) -> None:
    assert accepted(binder, sql)


@pytest.mark.parametrize(
    ("sql", "line", "found"),
    [
        ("SELECT a\nFROM raw\nWHERE true", 3, "WHERE"),
        ("SELECT\n  count(*) AS n\nFROM raw", 2, "COUNT()"),
        ("SELECT a,\n  sum(1) OVER () AS n\nFROM raw", 2, "a window function"),
        ("SELECT a\nFROM raw\nJOIN raw AS s USING (a)", 3, "a join"),
        ("SELECT a\nFROM raw AS r(x, y)", 2, "FROM raw AS r(x, y)"),
        ("PIVOT raw ON a USING count(*)", 1, "PIVOT"),
        ("SELECT a\nFROM raw\nEXCEPT\nSELECT a FROM raw", 3, "EXCEPT"),
    ],
)
def test_what_does_not_is_refused_where_it_stands(sql: str, line: int, found: str) -> None:
    (problem,) = row_map_problems(model(sql), "raw")
    assert problem.line == line
    assert problem.message.startswith(f"found {found}")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM read_text('/etc/hostname')",
        "SELECT a FROM '/etc/hostname'",
        "SELECT a FROM glob('*')",
        "SELECT 1 FROM duckdb_settings()",
    ],
)
def test_nothing_outside_is_read_not_even_to_bind(binder: Binder, sql: str) -> None:
    assert list(binder.model_problems(model(sql), {}, row_map=False))


def test_gold_may_name_its_own_parts(binder: Binder) -> None:
    sql = "WITH x AS (SELECT a, count(*) AS n FROM raw GROUP BY a) SELECT a, n FROM x ORDER BY n LIMIT 3"
    assert list(select_problems(model(sql), ["raw"])) == []
    assert list(binder.model_problems(model(sql), {"a": "VARCHAR", "n": "BIGINT"}, row_map=False)) == []


def test_an_input_that_is_not_read_is_told() -> None:
    (problem,) = select_problems(model("SELECT a FROM raw"), ["raw", "other"])
    assert problem.message == "found no FROM other, expected its declared input to be read"


def test_the_partition_at_hand_may_be_asked_for_and_the_clock_may_not(binder: Binder) -> None:
    assert binder.condition_problem("a = getvariable('partition_key')", _COLUMNS) is None
    assert "found now()" in str(binder.condition_problem("now() > TIMESTAMPTZ '2025-01-01'", _COLUMNS))
