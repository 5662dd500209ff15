"""A query for unexpected rows is one SELECT over the batch: what it says, and what it may not do."""

from __future__ import annotations

import pyarrow as pa
import pytest

from readiness_pipelines.errors import DeclarationError
from readiness_pipelines.flow import Outcome, Status
from readiness_pipelines.gates import examine
from readiness_pipelines.gates.query import query_problem

TABLE = pa.table({"id": [1, 2, 3], "low": [1, 5, 2], "high": [3, 4, 9]})


def rule(query: str, **more: object) -> dict[str, object]:
    return {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}, **more}


def test_every_row_that_the_query_gives_is_unexpected() -> None:
    examined = examine(TABLE, [rule("SELECT * FROM {batch} WHERE low > high;", meta={"name": "in_order"})])
    (found,) = examined.results
    assert (found.status, found.unexpected_count, found.observed_value) == (Status.FAILED, 1, 1)
    assert examined.verdict.outcome is Outcome.HELD
    assert examined.verdict.held_because == ("in_order failed: its query gives 1 row, expected none",)
    (shown,) = examined.to_gx()["results"]
    assert (shown["success"], shown["result"]["observed_value"]) == (False, 1)
    assert examine(TABLE, [rule("SELECT * FROM {batch} WHERE low = high")]).verdict.outcome is Outcome.ADMITTED


def test_a_warning_holds_nothing() -> None:
    examined = examine(TABLE, [rule("SELECT 1 FROM {batch}", severity="warning")])
    assert (examined.results[0].unexpected_count, examined.verdict.outcome) == (3, Outcome.ADMITTED)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("WITH b AS (SELECT * FROM {batch}) SELECT x.id FROM b AS x JOIN {batch} AS y ON x.low = y.high", 0),
        ("SELECT id FROM {batch} UNION ALL SELECT low FROM {batch}", 6),
        ("SELECT high FROM {batch} -- to the end of the line", 3),
        ("SELECT count(*) FROM {batch} HAVING count(*) > 5", 0),
        ("SELECT {{'a': id}} FROM {batch} WHERE id IN (SELECT unnest([1, 2]))", 2),
        ("FROM {batch} WHERE id = 3", 1),
        ("SELECT * FROM {batch} ORDER BY id LIMIT 2", 2),
        ("TABLE {batch}", 3),
        ("SELECT {batch}.id FROM {batch} WHERE {batch}.low > 1", 2),
        ("WITH _whole AS (SELECT 1 AS id WHERE false), candidate AS (FROM _whole) SELECT id FROM {batch}", 3),
        ("WITH a AS (SELECT id FROM {batch}), b AS (FROM a) SELECT * FROM b, (WITH c AS (FROM a) FROM c)", 9),
        ("SELECT id, row_number() OVER (ORDER BY id) AS n FROM {batch} QUALIFY n > 2", 1),
        ("SELECT split_part('a-b', '-', id::INT), age(DATE '2025-01-01', DATE '2024-01-01') FROM {batch}", 3),
        ("SELECT id FROM {batch}, unnest([1, 2]) t(y) WHERE list_transform([id], lambda x: x + 1)[1] = 3 AND 'a' LIKE 'a%'", 2),
        ("SELECT id FROM {batch} /* /* */ UNION ALL SELECT 1 FROM read_csv('/etc/passwd') -- */", 3),
    ],
)
def test_a_query_may_be_any_one_select(query: str, rows: int) -> None:
    assert examine(TABLE, [rule(query)]).results[0].unexpected_count == rows


def test_a_query_that_does_not_bind_is_undecided_and_no_other_rule_suffers() -> None:
    other = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}
    first, second = examine(TABLE, [rule("SELECT total FROM {batch}"), other]).results
    assert (first.status, second.status) == (Status.UNDECIDED, Status.PASSED)


ELSEWHERE = [
    rule("SELECT 1 FROM {batch}, {orders}"),
    {"type": "expect_table_row_count_to_equal_other_table", "kwargs": {"other_table_name": "orders"}},
    {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "id"},
        "meta": {"value_set_from": {"table": "orders", "column": "id"}},
    },
    {"type": "expect_column_sum_to_be_between", "kwargs": {"column": "id"}, "meta": {"bounds_from": {"history": {}}}},
    {
        "type": "expect_column_max_to_be_between",
        "kwargs": {"column": "id"},
        "meta": {"bounds_from": {"partition_end": {"oldest": "6h"}}},
    },
]


@pytest.mark.parametrize("given", ELSEWHERE, ids=lambda r: r["type"])
def test_what_one_table_by_itself_has_not_is_undecided_and_holds(given: dict[str, object]) -> None:
    examined = examine(TABLE, [given])
    (found,) = examined.results
    assert (found.status, found.note) == (Status.UNDECIDED, "it takes from elsewhere what one table by itself has not")
    assert examined.verdict.outcome is Outcome.UNDECIDED
    assert examined.to_gx()["results"][0]["exception_info"]["raised_exception"]


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT * FROM {batch}) TO 'out.csv'",
        "CREATE TABLE t AS SELECT * FROM {batch}",
        "ATTACH 'x.db'",
        "SET threads = 1",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "CALL pragma_version()",
        "EXPLAIN SELECT * FROM {batch}",
        "SELECT * FROM {batch}, glob('*')",
        "SELECT * FROM {batch}, 's3://bucket/x.parquet'",
        'SELECT * FROM {batch}, "/etc/passwd"',
        "SELECT * FROM {batch} WHERE id IN (SELECT id FROM read_csv('x.csv'))",
        "WITH x AS (SELECT * FROM read_text('x')) SELECT * FROM {batch}, x",
        "SELECT (SELECT content FROM read_text('x') LIMIT 1) FROM {batch}",
        "SELECT * FROM {batch}, query('SELECT 1')",
        "SELECT * FROM {batch}, query_table('orders')",
        "SELECT * FROM {batch}, information_schema.tables",
        "SELECT * FROM {batch}, duckdb_tables",
        "SELECT * FROM {batch}, pg_catalog.pg_tables",
        "SELECT * FROM {batch} WHERE current_date > DATE '2020-01-01'",
        "SELECT * FROM {batch} WHERE CURRENT_TIMESTAMP > TIMESTAMP '2020-01-01'",
        "SELECT * FROM {batch} WHERE get_current_timestamp() IS NULL",
        "SELECT * FROM {batch} WHERE today() IS NULL",
        'SELECT * FROM {batch} WHERE "random"() > 0.5',
        "SELECT * FROM {batch} WHERE ago(INTERVAL 1 DAY) IS NULL",
        "SELECT nextval('s') FROM {batch}",
        "SELECT setseed(0.5) FROM {batch}",
        "SELECT write_log('x') FROM {batch}",
        "SELECT version() FROM {batch}",
        "SELECT gen_random_uuid() FROM {batch}",
        "SELECT * FROM {batch} USING SAMPLE 10%",
        "SELECT * FROM {batch} TABLESAMPLE 10%",
        "WITH duckdb_tables AS (FROM duckdb_tables) SELECT 1 FROM duckdb_tables, {batch}",
        "WITH a AS (WITH duckdb_views AS (SELECT 1) FROM duckdb_views) SELECT 1 FROM duckdb_views, a, {batch}",
        "SELECT 1 FROM {batch}, (WITH duckdb_views AS (SELECT 1) FROM duckdb_views) UNION ALL SELECT 1 FROM duckdb_views",
        "WITH a AS (FROM duckdb_views), duckdb_views AS (SELECT 1) SELECT 1 FROM a, {batch}",
        "WITH _readiness_of_batch AS (SELECT 1) SELECT 1 FROM {batch}",
        "SELECT 1 FROM {batch}, _readiness_of_orders",
        "WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t WHERE a < 3) SELECT 1 FROM t, {batch}",
        "WITH t AS (DELETE FROM {batch} RETURNING 1) SELECT 1 FROM t, {batch}",
        "SELECT 1 FROM {batch}, (SHOW TABLES)",
        "SELECT 1 FROM {batch}, (DESCRIBE {batch})",
        "SELECT 1 FROM {batch} AT (VERSION => 1)",
        "SELECT 1 FROM {batch!r}",
        "SELECT 1 FROM {batch} WHERE age(TIMESTAMP '2020-01-01') > INTERVAL 1 DAY",
        "SELECT 1 FROM {batch} WHERE pg_postmaster_start_time() IS NULL",
        "SELECT 1 FROM {batch} WHERE pg_sleep(1) IS NULL",
        'SELECT 1 FROM {batch} WHERE "current_timestamp" IS NULL',
        'SELECT 1 FROM {batch} WHERE "Current_Date" IS NULL',
        "SELECT 1 FROM {batch} WHERE \"current_user\" = 'duckdb'",
        "SELECT 1 FROM {batch} WHERE system.main.random() > 0.5",
        "SELECT 1 FROM {batch} WHERE low.random() > 0.5",
        "SELECT 1 FROM {batch} WHERE list_transform([1], lambda x: random()) IS NULL",
        "SELECT 1 FROM {batch} ORDER BY random() LIMIT 1",
        "SELECT reservoir_quantile(low, 0.5) FROM {batch}",
        "SELECT 1 FROM {batch} WHERE nobody_knows_it(low)",
    ],
)
def test_a_query_reads_nothing_but_its_tables_and_does_nothing(query: str) -> None:
    assert query_problem(query), query
    with pytest.raises(DeclarationError, match="unexpected_rows_query"):
        examine(TABLE, [rule(query)])
