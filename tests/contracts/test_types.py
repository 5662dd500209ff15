"""A cast keeps the meaning of a value to the last digit, or gives NULL: never a neighbour of it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from readiness_pipelines.contracts.types import castable, physical_type_problem, strict_cast

_EXACT = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_NUMBERLIKE = st.text(alphabet="0123456789+-.eE _,１٣", max_size=25)


@pytest.fixture(scope="module", params=["UTC", "America/New_York", "Asia/Kolkata"])
def con(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session in some zone: no cast may depend on it."""
    with duckdb.connect() as con:
        con.execute(f"SET TimeZone = '{request.param}'")
        yield con


def cast(con: duckdb.DuckDBPyConnection, value: Any, given: str, wanted: str, *, as_text: bool = False) -> Any:
    sql = strict_cast("x", given=given, wanted=wanted)
    sql = f"CAST({sql} AS VARCHAR)" if as_text else sql
    row = con.execute(f"SELECT {sql} FROM (SELECT CAST(? AS {given}) AS x)", [value]).fetchone()
    assert row is not None
    return row[0]


@given(text=_NUMBERLIKE)
@example("-0")
@example("+1")
@example("007")
@example("9223372036854775807")
@example("9223372036854775808")
@example("１")
@_EXACT
def test_a_text_that_is_an_integer_is_that_integer(con: duckdb.DuckDBPyConnection, text: str) -> None:
    found = cast(con, text, "VARCHAR", "BIGINT")
    is_integer = re.fullmatch("[+-]?[0-9]+", text, re.ASCII) and -(2**63) <= int(text) < 2**63
    assert found == (int(text) if is_integer else None)


@given(text=_NUMBERLIKE, scale=st.integers(0, 6))
@example("1.25", 1)
@example("1.", 2)
@example(".5", 2)
@example("1.0", 0)
@example("-0", 2)
@_EXACT
def test_a_text_that_is_a_decimal_is_that_decimal(con: duckdb.DuckDBPyConnection, text: str, scale: int) -> None:
    found = cast(con, text, "VARCHAR", f"DECIMAL(12,{scale})")
    form = re.fullmatch(r"[+-]?([0-9]*)(?:\.([0-9]*))?", text, re.ASCII)
    said = form is not None and any(form.groups()) and len(form[2] or "") <= scale
    fits = said and abs(Decimal(text)) < Decimal(10) ** (12 - scale)
    assert found == (Decimal(text) if fits else None)


@pytest.mark.parametrize("text", ["1.255", "99.995", "1.000", "100", "1e2", "NaN", "inf", "1,5", " 1", "1 ", "", "-", ".", "٣"])
def test_a_text_that_needs_rounding_or_room_is_no_decimal(con: duckdb.DuckDBPyConnection, text: str) -> None:
    assert cast(con, text, "VARCHAR", "DECIMAL(4,2)") is None


@given(text=_NUMBERLIKE)
@example("9" * 400)
@example("1e5")
@_EXACT
def test_a_text_that_is_a_number_is_that_float(con: duckdb.DuckDBPyConnection, text: str) -> None:
    found = cast(con, text, "VARCHAR", "DOUBLE")
    plain = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text, re.ASCII)
    assert found == (float(text) if plain and float(text) not in (float("inf"), float("-inf")) else None)


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("FALSE", False), ("tRuE", True), ("1", None), ("t", None), ("yes", None)]
)
def test_only_true_and_false_are_boolean(con: duckdb.DuckDBPyConnection, text: str, expected: bool | None) -> None:
    assert cast(con, text, "VARCHAR", "BOOLEAN") is expected


@given(text=st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True) | st.dates().map(str))
@example("2025-02-29")
@example("2024-02-29")
@example("0000-01-01")
@example("1900-02-29")
@_EXACT
def test_a_text_that_is_a_day_is_that_day(con: duckdb.DuckDBPyConnection, text: str) -> None:
    try:
        expected: datetime.date | None = datetime.date.fromisoformat(text) if text.isascii() else None
    except ValueError:
        expected = None
    assert cast(con, text, "VARCHAR", "DATE") == expected


@pytest.mark.parametrize(
    "text", ["2025-1-5", "20250105", "2025-01-05 ", "2025-01-05T00:00:00", "05.01.2025", "10000-01-01", "infinity"]
)
def test_another_way_to_write_a_day_is_no_day(con: duckdb.DuckDBPyConnection, text: str) -> None:
    assert cast(con, text, "VARCHAR", "DATE") is None


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2025-01-01T00:00:00Z", 1735689600000000),
        ("2025-01-01 00:00:00", 1735689600000000),  # without an offset it is UTC, in whatever zone the session is
        ("2025-01-01T00:00:00+05:30", 1735669800000000),
        ("2025-01-01T00:00:00+0530", 1735669800000000),
        ("2025-01-01T00:00:00-05", 1735707600000000),
        ("2025-01-01T00:00:00.123456", 1735689600123456),
        ("2025-01-01T00:00:00.1234567", None),
        ("2025-01-01T23:59:60", None),
        ("2025-01-01T24:00:00", None),
        ("2025-02-30T00:00:00", None),
        ("2025-01-01T00:00:00+24:00", None),
        ("2025-01-01T00:00", None),
        ("2025-01-01", None),
    ],
)
def test_a_text_that_is_a_time_is_that_instant(con: duckdb.DuckDBPyConnection, text: str, micros: int | None) -> None:
    sql = strict_cast("x", given="VARCHAR", wanted="TIMESTAMPTZ")
    row = con.execute(f"SELECT epoch_us({sql}) FROM (SELECT ?::VARCHAR AS x)", [text]).fetchone()
    assert row == (micros,)


@given(value=st.floats())
@_EXACT
def test_a_double_is_a_decimal_only_if_nothing_is_rounded(con: duckdb.DuckDBPyConnection, value: float) -> None:
    found = cast(con, value, "DOUBLE", "DECIMAL(18,4)")
    assert found is None or float(found) == value


@given(value=st.integers(-(2**63), 2**63 - 1))
@example(2**53)
@example(2**53 + 1)
@_EXACT
def test_an_integer_is_a_double_only_if_the_double_is_that_integer(con: duckdb.DuckDBPyConnection, value: int) -> None:
    found = cast(con, value, "BIGINT", "DOUBLE")
    try:
        exact = int(float(value)) == value and int(float(value)) < 2**63
    except OverflowError:
        exact = False
    assert found == (float(value) if exact else None)


@pytest.mark.parametrize(
    ("value", "given_type", "wanted", "expected"),
    [
        (1.5, "DOUBLE", "BIGINT", None),
        (3.0, "DOUBLE", "BIGINT", 3),
        (float("nan"), "DOUBLE", "BIGINT", None),
        (float("inf"), "DOUBLE", "DECIMAL(4,2)", None),
        (0.1, "DOUBLE", "DECIMAL(4,2)", Decimal("0.10")),
        (0.125, "DOUBLE", "DECIMAL(4,2)", None),
        (Decimal("1.25"), "DECIMAL(4,2)", "DECIMAL(4,1)", None),
        (Decimal("1.20"), "DECIMAL(4,2)", "DECIMAL(4,1)", Decimal("1.2")),
        (Decimal("1.20"), "DECIMAL(4,2)", "BIGINT", None),
        (2**64, "HUGEINT", "BIGINT", None),
        (1000, "BIGINT", "DECIMAL(4,2)", None),
        (99, "BIGINT", "DECIMAL(4,2)", Decimal("99.00")),
    ],
)
def test_a_number_of_another_type_keeps_its_value_or_is_null(
    con: duckdb.DuckDBPyConnection, value: Any, given_type: str, wanted: str, expected: Any
) -> None:
    assert cast(con, value, given_type, wanted) == expected


@pytest.mark.parametrize(
    ("value", "given_type", "wanted", "expected"),
    [
        ("2025-01-01 05:00:00", "TIMESTAMP", "DATE", None),
        ("2025-01-01 00:00:00", "TIMESTAMP", "DATE", "2025-01-01"),
        ("2025-01-01 00:00:00+00", "TIMESTAMP WITH TIME ZONE", "DATE", "2025-01-01"),
        ("2025-01-01 00:00:00+01", "TIMESTAMP WITH TIME ZONE", "DATE", None),
        ("2025-01-01 00:00:00+01", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "2024-12-31 23:00:00+00"),
        ("2025-01-01", "DATE", "VARCHAR", "2025-01-01"),
    ],
)
def test_a_time_is_a_day_only_at_midnight_in_utc(
    con: duckdb.DuckDBPyConnection, value: str, given_type: str, wanted: str, expected: str | None
) -> None:
    assert cast(con, value, given_type, wanted, as_text=True) == expected


@pytest.mark.parametrize(
    ("value", "given_type"), [("2025-01-01 00:00:00", "TIMESTAMP"), ("2025-01-01", "DATE"), ("2025-01-01", "TIMESTAMP_NS")]
)
def test_a_time_without_a_zone_is_utc_in_every_session(con: duckdb.DuckDBPyConnection, value: str, given_type: str) -> None:
    sql = strict_cast("x", given=given_type, wanted="TIMESTAMPTZ")
    row = con.execute(f"SELECT epoch_us({sql}) FROM (SELECT ?::{given_type} AS x)", [value]).fetchone()
    assert row == (1735689600000000,)


@pytest.mark.parametrize(
    ("given_type", "wanted", "expected"),
    [
        ("BOOLEAN", "BIGINT", False),
        ("BIGINT", "BOOLEAN", False),
        ("DATE", "BIGINT", False),
        ("BIGINT[]", "VARCHAR", False),
        ("INTEGER", "DATE", False),
        ("HUGEINT", "BIGINT", True),
        ('"NULL"', "DATE", True),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", True),
        ("UUID", "VARCHAR", True),
    ],
)
def test_types_that_have_nothing_in_common_are_known_beforehand(given_type: str, wanted: str, expected: bool) -> None:
    assert castable(given_type, wanted) is expected


def test_a_value_of_a_type_that_has_nothing_in_common_is_null(con: duckdb.DuckDBPyConnection) -> None:
    assert cast(con, True, "BOOLEAN", "BIGINT") is None


@pytest.mark.parametrize(
    ("logical", "physical", "wrong"),
    [
        ("number", "decimal(10,2)", False),
        ("number", "DECIMAL(38, 38)", False),
        ("number", "decimal(39,2)", True),
        ("number", "decimal(4,8)", True),
        ("number", "decimal", True),
        ("number", "numeric(10,2)", True),
        ("integer", "decimal(10,0)", True),
        ("number", "double", False),
        ("string", "varchar(20)", False),
    ],
)
def test_a_physical_type_that_cannot_be_meant_is_told(logical: str, physical: str, wrong: bool) -> None:
    assert (physical_type_problem(logical, physical) is not None) is wrong


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        *(("infinity", "DATE"), ("-infinity", "DATE"), ("10000-01-01", "DATE"), ("0000-12-31", "DATE")),
        *(("infinity", "TIMESTAMPTZ"), ("-infinity", "TIMESTAMPTZ"), ("10000-01-01 00:00:00+00", "TIMESTAMPTZ")),
    ],
)
def test_a_day_or_time_that_no_other_reader_could_take_is_null_whatever_made_it(
    con: duckdb.DuckDBPyConnection, value: str, type_: str
) -> None:
    assert cast(con, value, type_, type_, as_text=True) is None
    local = "TIMESTAMP" if type_ == "DATE" else "DATE"
    assert cast(con, value.removesuffix("+00"), local, type_, as_text=True) is None


def test_the_first_and_the_last_day_and_time_of_the_calendar_pass(con: duckdb.DuckDBPyConnection) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        assert cast(con, day, "DATE", "DATE") == datetime.date.fromisoformat(day)
        assert cast(con, f"{day} 00:00:00", "TIMESTAMP", "DATE") == datetime.date.fromisoformat(day)
        assert cast(con, f"{day} 23:59:59.999999+00", "TIMESTAMPTZ", "TIMESTAMPTZ", as_text=True) is not None
