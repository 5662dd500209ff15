"""A first product for one csv file: the declarations a person would write who had looked at it for ten minutes.

Pure values in, text out: nothing is written here. Types and rules are those of `read_sample`, so that the skeleton
admits the file it was made from.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from functools import cache

import duckdb

from readiness_pipelines.declarations.sample import Field, Sample

_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
_YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
_WIDTH = 120


def example(day: datetime.date) -> str:
    """Return a small csv to begin with, for whoever has none at hand."""
    return f"order_id,amount,ordered_on\n1001,19.90,{day}\n1002,5.00,{day}\n1003,120.00,{day}\n"


def declarations(product: str, sample: Sample, day: datetime.date) -> Mapping[str, str]:
    """Return the product's own files, by path within its folder."""
    feed = "" if sample.delimiter == "," else f"\n        delimiter: {_yaml(sample.delimiter)}"
    return {
        "defs.yaml": _DEFS.format(product=product, day=day, feed=feed),
        "contract.yaml": _contract(product, sample),
        f"silver/{product}.sql": _silver(product, sample),
        f"gold/{product}_daily.sql": _GOLD.format(upstream=_sql(product)),
    }


def suites(product: str, sample: Sample) -> Mapping[str, str]:
    """Return the product's suites, by file name."""
    return {
        f"bronze_raw_{product}.yaml": _BRONZE_SUITE.format(product=product),
        f"silver_{product}.yaml": _silver_suite(product, sample),
        f"gold_{product}_daily.yaml": _GOLD_SUITE.format(product=product),
    }


def _contract(product: str, sample: Sample) -> str:
    raw = [_column(field.delivered, "string") for field in sample.fields]
    return _CONTRACT.format(product=product, raw="\n".join(raw), typed="\n".join(map(_typed, sample.fields)))


def _typed(field: Field) -> str:
    renamed = f"{field.delivered}, as delivered." if field.name != field.delivered else ""
    return _column(field.name, field.logical_type, required=field.full, description=renamed)


def _column(name: str, logical_type: str, *, required: bool = False, description: str = "") -> str:
    """Return one column of the contract, on one line where that is not too long."""
    needed = ", required: true" if required else ""
    line = f"      - {{name: {_yaml(name)}, logicalType: {logical_type}{needed}, classification: confidential"
    if not description:
        return f"{line}}}"
    more = f"description: {_yaml(description)}}}"
    return f"{line}, {more}" if len(line) + len(more) + 2 <= _WIDTH else f"{line},\n         {more}"


def _yaml(text: str) -> str:
    """Return text as YAML: plain where that is safe, else in double quotes, escaping what an editor would not show."""
    if _PLAIN.fullmatch(text) and text not in _YAML_WORDS:
        return text
    return '"' + "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in text) + '"'


def _silver(product: str, sample: Sample) -> str:
    columns = ",\n".join(f"    nullif({_sql(f.delivered)}, '') AS {_sql(f.name)}" for f in sample.fields)
    return _SILVER.format(columns=columns, upstream=_sql(f"raw_{product}"))


def _sql(name: str) -> str:
    """Return a name as SQL: plain where it is one and no keyword, else in double quotes."""
    escaped = name.replace('"', '""')
    return name if _PLAIN.fullmatch(name) and name not in _keywords() else f'"{escaped}"'


@cache
def _keywords() -> frozenset[str]:
    with duckdb.connect() as con:
        found = con.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'").fetchall()
    return frozenset(str(name) for (name,) in found)


def _silver_suite(product: str, sample: Sample) -> str:
    first, full = sample.fields[0], [field for field in sample.fields if field.full]
    groups = []
    if full:
        rules = [_rule("expect_column_values_to_not_be_null", f.name, f"{f.name}_present") for f in full]
        groups += ["  # No value was empty. Take a rule away where an empty value is good news.", *rules]
    if first.full and first.unique:
        rule = _rule("expect_column_values_to_be_unique", first.name, f"{first.name}_unique")
        groups += [
            "  # No value came twice. Where it names a row and may be sent again, say `deduplicate` in defs.yaml instead.",
            rule,
        ]
    head = _SILVER_SUITE.format(product=product, looked_at=f"{'all' if sample.whole else 'the first'} {sample.records:,}")
    return head + ("\n".join(["expectations:", *groups]) if groups else "expectations: []") + "\n"


def _rule(expectation: str, column: str, name: str) -> str:
    return f"  - type: {expectation}\n    kwargs: {{column: {_yaml(column)}}}\n    meta: {{name: {name}}}"


_DEFS = """\
# What this product is made of: a file a day -> raw_{product} -> {product} -> {product}_daily, with a gate behind each arrow.
# Its promises are in contract.yaml, its gates in quality_suites/{product}/. `readiness validate` checks them together.
type: readiness_pipelines.product.DataProduct
attributes:
  product: {product}
  description: Rows per day of {product}. Say here what it is for, and for whom.
  contract: contract.yaml
  partitions: {{every: day, start: {day}}}
  # The one number the product exists for. Rows per day is where most begin; replace it when you know better.
  kpi: {{table: {product}_daily, column: row_count}}

  # Who is told when a day is held, missing or failed. The log is told always.
  # alerts: {{to: ["mailtos://user:$MAIL_KEY@example.com?to={{owner}}"]}}

  bronze:
    - name: raw_{product}
      # The * lets a corrected file stand beside the first one ({product}_{day}_corrected.csv): the newest name counts.
      # Take last_due away when the feed goes on: from then a day without a file is missing, and its owner is told.
      feed:
        files: "{product}/{product}_%Y-%m-%d*.csv"
        first_due: {day}
        last_due: {day}
        delivery: replace{feed}

  silver:
    - name: {product}
      from: raw_{product}
      sql: silver/{product}.sql
      # When a later record is the truth about an earlier one, name what they have in common:
      # deduplicate: {{by: [...], keep: last}}

  gold:
    - name: {product}_daily
      key: [day]
      # `same`: a day reads the same day. Also {{last: 7}} (days) or all_until.
      inputs: {{{product}: {{read: same}}}}
      sql: gold/{product}_daily.sql
"""

_CONTRACT = """\
# What is promised, and by whom: Open Data Contract Standard 3.1 (Bitol). Column order is table order.
# Every column names who may see it: public, confidential, PII (names a person) or PHI (says something of their health).
# Columns start as confidential, because nobody has looked yet: review each, and say what it means (description: ...).
apiVersion: v3.1.0
kind: DataContract
id: {product}
name: {product}
version: 0.1.0
status: draft
team:
  # Who answers for the data, and who knows what it means: change both. Dagster shows the owner, and alerts go there.
  members:
    - {{username: "team:data", role: owner}}
    - {{username: "team:data", role: Data Steward}}
slaProperties:
  # hourly, daily, weekdays, weekly or monthly. A delivery is due when its day has ended and the latency has passed.
  - {{property: frequency, value: daily}}
  - {{property: latency, value: 6, unit: h}}
schema:
  - name: raw_{product}
    description: What arrived, every value as text. A file with other columns is held as a whole.
    properties:
{raw}
  - name: {product}
    description: One row per delivered record, typed. A value that does not fit its type puts its row in quarantine.
    properties:
{typed}
  - name: {product}_daily
    description: One row per day.
    properties:
      - {{name: day, logicalType: date, required: true, classification: confidential, primaryKey: true,
         description: "The day that the rows were delivered for."}}
      - {{name: row_count, logicalType: integer, required: true, classification: confidential,
         description: "Rows that the gate of {product} admitted."}}
"""

_SILVER = """\
-- One row per delivered record: empty text becomes NULL, everything else stays text here. The engine casts it to the
-- contract's types, strictly: a value that does not fit is the reason cast:<column>, never a NULL.
SELECT
{columns}
FROM {upstream}
"""

_GOLD = """\
-- How many rows a day has: the KPI to begin with. Any SELECT may stand here; its inputs are named in defs.yaml.
SELECT
    CAST(getvariable('partition_key') AS DATE) AS day,
    count(*) AS row_count
FROM {upstream}
"""

_BRONZE_SUITE = """\
# Bronze judges the delivery and not its values. Settled before any rule: a record that cannot be read goes to quarantine
# (parse:<kind>), and a file whose columns are not the contract's holds its day.
name: bronze_raw_{product}
meta: {{max_quarantine_fraction: 0.05}}
expectations:
  # A header and nothing else is a failed export, not a day on which nothing happened. Next: how many rows a day has.
  - type: expect_table_row_count_to_be_between
    kwargs: {{min_value: 1}}
    meta: {{name: has_rows}}
"""

_SILVER_SUITE = """\
# What was true of {looked_at} records it was made from. A row that breaks a rule goes to quarantine, with every
# rule it breaks; more than max_quarantine_fraction of such rows is a broken delivery, and holds the day.
# Next: the ranges, sets and formats that you know of, in Great Expectations' words.
name: silver_{product}
meta: {{max_quarantine_fraction: 0.05}}
"""

_GOLD_SUITE = """\
# The day has exactly one row. Next: the range in which you would believe the number; `severity: warning` only tells.
name: gold_{product}_daily
expectations:
  - type: expect_table_row_count_to_equal
    kwargs: {{value: 1}}
    meta: {{name: one_row_a_day}}
"""
