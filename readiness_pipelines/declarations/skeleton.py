"""A first product from one csv file: the declarations a person would write who had looked at it for ten minutes.

Pure text in, text out: nothing is written here. Types are what the contract's own strict casts can read in full, so
that the skeleton admits the file it was made from; rules are only what is true of that file.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import duckdb

from readiness_pipelines.contracts.types import LOGICAL_TYPES, strict_cast
from readiness_pipelines.errors import ReadinessError

_LOOKED_AT = 100_000  # records that types and rules are read from
_TRIED = ("integer", "number", "boolean", "date", "timestamp")
_DELIMITERS = ",;\t|"
_EXAMPLE = "order_id,amount,ordered_on\n1001,19.90,{day}\n1002,5.00,{day}\n1003,120.00,{day}\n"


@dataclass(frozen=True)
class Field:
    """One column of the file: as delivered, and as silver calls it; `full`: no value was empty."""

    delivered: str
    name: str
    logical_type: str
    full: bool
    unique: bool


@dataclass(frozen=True)
class Sample:
    """What was read of the file."""

    fields: tuple[Field, ...]
    delimiter: str
    records: int


def example(day: datetime.date) -> str:
    """Return a small csv to begin with, for whoever has none at hand."""
    return _EXAMPLE.format(day=day)


def read_sample(path: Path) -> Sample:
    """Look at the first 100,000 records of a csv file with a header. Raises ReadinessError saying what is wrong with it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = max(_DELIMITERS, key=file.readline().count)
            file.seek(0)
            rows = csv.reader(file, delimiter=delimiter)
            header = next(rows, [])
            records = list(islice(rows, _LOOKED_AT))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadinessError(f"{path}: cannot be read as a csv file in UTF-8 ({type(error).__name__}: {error})") from None
    if not header or not records:
        raise ReadinessError(f"{path}: found {'no header' if not header else 'a header and no record'}, expected both")
    names = [_sql_name(column, at) for at, column in enumerate(header, start=1)]
    for what, given in (("column", header), ("column, as SQL would name it,", names)):
        repeated = sorted({column for column in given if given.count(column) > 1})
        if repeated or "" in given:
            raise ReadinessError(f"{path}: found the {what} {repeated or ['']} more than once or empty, expected names that differ")
    if wrong := next((n for n, record in enumerate(records, start=1) if len(record) != len(header)), None):
        found = len(records[wrong - 1])
        raise ReadinessError(f"{path}: record {wrong}: found {found} fields, expected {len(header)} as in the header")
    return Sample(tuple(_fields(header, names, records)), delimiter, len(records))


def _sql_name(column: str, at: int) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower()).strip("_")
    return name if re.match(r"[a-z]", name) else f"column_{at}_{name}".rstrip("_")


def _fields(header: Sequence[str], names: Sequence[str], records: Sequence[Sequence[str]]) -> list[Field]:
    with duckdb.connect() as con:
        fields = []
        for at, (column, name) in enumerate(zip(header, names, strict=True)):
            values = [record[at] for record in records]
            given = [value for value in values if value != ""]
            logical = _type_of(con, given)
            fields.append(Field(column, name, logical, len(given) == len(values), len(set(values)) == len(values)))
        return fields


def _type_of(con: duckdb.DuckDBPyConnection, values: Sequence[str]) -> str:
    """Return the first logical type that every value casts to; text where none does, or leading zeros would be lost."""
    if not values or any(re.fullmatch(r"0[0-9]+", value) for value in values):
        return "string"
    for logical in _TRIED:
        cast = strict_cast("value", given="VARCHAR", wanted=LOGICAL_TYPES[logical])
        found = con.execute(f"SELECT bool_and(({cast}) IS NOT NULL) FROM (SELECT unnest(?::VARCHAR[]) AS value)", [list(values)])
        if found.fetchall() == [(True,)]:
            return logical
    return "string"


def declarations(product: str, sample: Sample, day: datetime.date) -> Mapping[str, str]:
    """Return the product's own files, by path within its folder."""
    return {
        "defs.yaml": _defs(product, sample, day),
        "contract.yaml": _contract(product, sample),
        f"silver/{product}.sql": _silver(product, sample),
        f"gold/{product}_daily.sql": _gold(product),
    }


def suites(product: str, sample: Sample) -> Mapping[str, str]:
    """Return the product's suites, by file name."""
    return {
        f"bronze_raw_{product}.yaml": _BRONZE_SUITE.format(product=product),
        f"silver_{product}.yaml": _silver_suite(product, sample),
        f"gold_{product}_daily.yaml": _GOLD_SUITE.format(product=product),
    }


def _defs(product: str, sample: Sample, day: datetime.date) -> str:
    delimiter = "" if sample.delimiter == "," else f", delimiter: {_quoted(sample.delimiter)}"
    return _DEFS.format(product=product, day=day, delimiter=delimiter)


def _contract(product: str, sample: Sample) -> str:
    raw = [_column(f.delivered, "string", required=False, said="As delivered.") for f in sample.fields]
    typed = [_column(f.name, f.logical_type, required=f.full, said=f"From {f.delivered}.") for f in sample.fields]
    return _CONTRACT.format(product=product, raw="\n".join(raw), typed="\n".join(typed))


def _column(name: str, logical: str, *, required: bool, said: str) -> str:
    required_ = "true" if required else "false"
    return (
        f"      - {{name: {_quoted(name)}, logicalType: {logical}, required: {required_}, classification: confidential,\n"
        f"         description: {_quoted(said)}}}"
    )


def _quoted(text: str) -> str:
    """Return text as YAML: plain where that is safe, else in double quotes."""
    if re.fullmatch(r"[a-z][a-z0-9_]*", text) and text not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def _silver(product: str, sample: Sample) -> str:
    columns = ",\n".join(f"  nullif({_sql(f.delivered)}, '') AS {_sql(f.name)}" for f in sample.fields)
    return (
        "-- Each delivered row, mapped: empty text is null. The engine casts to the contract's types, strictly: a value\n"
        f"-- that does not fit puts its row in quarantine with the reason cast:<column>.\nSELECT\n{columns}\nFROM raw_{product}\n"
    )


def _gold(product: str) -> str:
    return (
        "-- The KPI to begin with: how many rows a day has. Replace it by the one number this product exists for.\n"
        "SELECT\n  CAST(getvariable('partition_key') AS DATE) AS day,\n  count(*) AS row_count\n"
        f"FROM {_sql(product)}\n"
    )


def _sql(name: str) -> str:
    """Return a name as SQL: plain where it is one and no keyword, else in double quotes."""
    escaped = name.replace('"', '""')
    return name if re.fullmatch(r"[a-z][a-z0-9_]*", name) and name not in _keywords() else f'"{escaped}"'


@cache
def _keywords() -> frozenset[str]:
    with duckdb.connect() as con:
        found = con.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'").fetchall()
    return frozenset(str(name) for (name,) in found)


def _silver_suite(product: str, sample: Sample) -> str:
    rules = [_rule("expect_column_values_to_not_be_null", f.name, f"{f.name}_present") for f in sample.fields if f.full]
    first = sample.fields[0]
    if first.full and first.unique:
        rules.append(_rule("expect_column_values_to_be_unique", first.name, f"{first.name}_unique"))
    body = "\n".join(rules)
    head = _SILVER_SUITE.format(product=product, records=sample.records)
    return f"{head}expectations:\n{body}\n" if rules else f"{head}expectations: []\n"


def _rule(expectation: str, column: str, name: str) -> str:
    return f"  - type: {expectation}\n    kwargs: {{column: {_quoted(column)}}}\n    meta: {{name: {name}}}"


_DEFS = """\
# What this product is made of. `readiness validate` checks this folder and its suites; so does Dagster when it loads.
type: readiness_pipelines.product.DataProduct
attributes:
  product: {product}
  description: Say here what this product is for, and for whom.
  contract: contract.yaml
  partitions: {{every: day, start: {day}}}
  # The one number the product exists for.
  kpi: {{table: {product}_daily, column: row_count}}

  bronze:
    - name: raw_{product}
      # One file a day. Take last_due away when the feed goes on: then a day without a file is missing, and is told.
      feed: {{files: "{product}/{product}_%Y-%m-%d*.csv", first_due: {day}, last_due: {day}, delivery: replace{delimiter}}}

  silver:
    - name: {product}
      from: raw_{product}
      sql: silver/{product}.sql
      # Where a later record replaces an earlier one: deduplicate: {{by: [...], keep: last}}

  gold:
    - name: {product}_daily
      key: [day]
      inputs: {{{product}: {{read: same}}}}
      sql: gold/{product}_daily.sql
"""

_CONTRACT = """\
# What is promised, and by whom: Open Data Contract Standard 3.1. Column order is table order.
# Every column says who may see it: public, confidential, PII (names a person) or PHI (says something of their health).
# All of them are confidential here until somebody has looked.
apiVersion: v3.1.0
kind: DataContract
id: {product}
name: {product}
version: 0.1.0
status: draft
team:
  # Who answers for the data, and who knows what it means. Alerts name both.
  members:
    - {{username: "team:data", role: owner}}
    - {{username: "team:data", role: Data Steward}}
slaProperties:
  # hourly, daily, weekdays, weekly or monthly; a delivery is due when its day has ended and the latency has passed.
  - {{property: frequency, value: daily}}
  - {{property: latency, value: 6, unit: h}}
schema:
  - name: raw_{product}
    description: What arrived, every value as text.
    properties:
{raw}
  - name: {product}
    description: One row per delivered record, typed.
    properties:
{typed}
  - name: {product}_daily
    description: One row per day.
    properties:
      - {{name: day, logicalType: date, required: true, classification: public, primaryKey: true, primaryKeyPosition: 1,
         description: "The day the rows were delivered for."}}
      - {{name: row_count, logicalType: integer, required: true, classification: public,
         description: "Rows that the gate of {product} admitted."}}
"""

_BRONZE_SUITE = """\
# An empty file is a broken delivery, and no day without data.
name: bronze_raw_{product}
expectations:
  - type: expect_table_row_count_to_be_between
    kwargs: {{min_value: 1}}
    meta: {{name: has_rows}}
"""

_SILVER_SUITE = """\
# Rules that held for all of the first {records} records. A row that breaks one goes to quarantine with every rule it
# breaks; more than max_quarantine_fraction of such rows holds the day. Next: ranges, sets and formats that you know of,
# in Great Expectations' words.
name: silver_{product}
meta: {{max_quarantine_fraction: 0.05}}
"""

_GOLD_SUITE = """\
name: gold_{product}_daily
expectations:
  - type: expect_table_row_count_to_equal
    kwargs: {{value: 1}}
    meta: {{name: one_row_a_day}}
"""
