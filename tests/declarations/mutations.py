"""Mistakes that people make in declarations: an edit of a product that is all right, and where it must be told.

`at` is text that stands on the line that must be named (in the file after the edit), or the line's number; `told_in` is
the file that must be named where it is not the edited one; `words` must all be in the message.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.modelled import WATCHED, build_parcels
from tests.shop import build_shop

READMISSION = Path(__file__).parents[2] / "readiness_pipelines" / "defs" / "readmission"
SUITES = Path(__file__).parents[2] / "quality_suites" / "readmission"

DEFS, CONTRACT = "defs.yaml", "contract.yaml"
ORDERS_SQL, PAID_SQL, DAILY_SQL = "silver/orders.sql", "gold/paid_orders.sql", "gold/daily_revenue.sql"
ORDERS_SUITE, DAILY_SUITE = "suites/silver_orders.yaml", "suites/gold_daily_revenue.yaml"
BRONZE_SUITE, PAID_SUITE = "suites/bronze_raw_orders.yaml", "suites/gold_paid_orders.yaml"


@dataclass(frozen=True)
class Mutation:
    name: str
    file: str
    old: str  # "" : the whole file
    new: str | None  # None: the file is deleted
    at: str | int
    words: tuple[str, ...]
    told_in: str | None = None
    product: str = "shop"


def build(root: Path, product: str) -> tuple[Path, Path]:
    """Write the product under `root` and return (its folder, its suites)."""
    if product == "shop":
        shop = build_shop(root)
        return shop.folder, root / "quality_suites" / "shop"
    if product == "parcels":
        parcels = build_parcels(root, watched=WATCHED, scored=True)
        return parcels.folder, root / "quality_suites" / "parcels"
    folder, suites = root / "defs" / "readmission", root / "quality_suites" / "readmission"
    shutil.copytree(READMISSION, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SUITES, suites)
    return folder, suites


def path_of(folder: Path, suites: Path, file: str) -> Path:
    return suites / file.removeprefix("suites/") if file.startswith("suites/") else folder / file


def apply(mutation: Mutation, folder: Path, suites: Path) -> tuple[Path, int]:
    """Edit the product and return the path and line that must be told."""
    path = path_of(folder, suites, mutation.file)
    if mutation.new is None:
        path.unlink()
    elif not mutation.old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(mutation.new, encoding="utf-8")
    else:
        text = path.read_text(encoding="utf-8")
        assert text.count(mutation.old) >= 1, f"{mutation.name}: {mutation.old!r} is not in {path.name}"
        path.write_text(text.replace(mutation.old, mutation.new, 1), encoding="utf-8")
    told = path_of(folder, suites, mutation.told_in or mutation.file)
    if isinstance(mutation.at, int):
        return told, mutation.at
    lines = [i for i, line in enumerate(told.read_text(encoding="utf-8").splitlines(), 1) if mutation.at in line]
    assert lines, f"{mutation.name}: {mutation.at!r} is on no line of {told.name}"
    return told, lines[0]


def _defs(name: str, old: str, new: str, at: str | int, *words: str, told_in: str | None = None) -> Mutation:
    return Mutation(name, DEFS, old, new, at, words, told_in)


def _contract(name: str, old: str, new: str, at: str | int, *words: str, told_in: str | None = None) -> Mutation:
    return Mutation(name, CONTRACT, old, new, at, words, told_in)


def _suite(name: str, old: str, new: str, at: str | int, *words: str) -> Mutation:
    return Mutation(name, ORDERS_SUITE, old, new, at, words)


def _silver(name: str, new: str, at: int, *words: str) -> Mutation:
    return Mutation(name, ORDERS_SQL, "", new, at, words)


def _daily(name: str, new: str, at: int, *words: str) -> Mutation:
    return Mutation(name, DAILY_SQL, "", new, at, words)


_RANGE = "{type: expect_column_values_to_be_between, kwargs: {column: amount, min_value: 0, max_value: 1000}, meta: {name: amount_in_range}}"
_COLUMNS = "SELECT\n  order_id,\n  customer,\n  amount,\n  ordered_on\nFROM raw_orders\n"

SYNTAX = [
    _defs("a tab indents", "  gold:", "\tgold:", "\tgold:", "YAML syntax", "\\t", "expected"),
    _defs("a bracket is not closed", "by: [order_id]", "by: [order_id", "by: [order_id", "YAML syntax", "expected ',' or ']'"),
    _defs(
        "a quote is not closed",
        'drop_where: [{reason: free, sql: "amount = 0"}]',
        'drop_where: [{reason: free, sql: "amount = 0}]',
        "amount = 0}]",
        "YAML syntax",
        "quoted scalar",
    ),
    _defs(
        "a key is indented too far",
        "      sql: silver",
        "       sql: silver",
        "sql: silver",
        "YAML syntax",
        "mapping values are not allowed",
    ),
    _defs(
        "an item is indented too little",
        "    - name: daily_revenue",
        "  - name: daily_revenue",
        "- name: daily_revenue",
        "YAML syntax",
        "block end",
    ),
    _defs(
        "a key stands twice",
        "  product: shop\n",
        "  product: shop\n  product: ship\n",
        "product: ship",
        "'product' twice",
        "first in line 3",
        "expected it once",
    ),
    _defs(
        "a key stands twice far inside",
        "keep: last",
        "keep: first, keep: last",
        "keep: last",
        "attributes.silver[0].deduplicate.keep",
        "twice",
    ),
    _defs("a second document follows", "type: readiness", "---\n---\ntype: readiness", 2, "second document", "expected one"),
    Mutation("defs.yaml is empty", DEFS, "", "", 1, ("found an empty file", "expected a mapping")),
    Mutation("defs.yaml is a list", DEFS, "", "- type: x\n", 1, ("found a list", "expected a mapping")),
    Mutation("the contract is empty", CONTRACT, "", "# later\n", 1, ("found an empty file", "expected an ODCS contract")),
    Mutation("a suite is text", ORDERS_SUITE, "", "name\n", 1, ("found 'name'", "expected a mapping")),
    Mutation(
        "an alias contains itself",
        ORDERS_SUITE,
        "meta: {max_quarantine_fraction: 0.2}",
        "meta: &m {max_quarantine_fraction: 0.2, notes: [*m]}",
        1,
        ("aliases", "expected plain values"),
    ),
]

SHAPE = [
    _defs("an unknown key at the top", "type: readiness", "typ: readiness", 1, "found the unknown key 'typ'", "expected 'type'"),
    _defs(
        "a key that is unknown beside attributes",
        "attributes:",
        "attribute: {}\nattributes:",
        "attribute: {}",
        "unknown key 'attribute'",
        "expected one of",
    ),
    _defs("another type", "DataProduct", "DataProdukt", 1, "DataProdukt", "expected 'readiness_pipelines.product.DataProduct'"),
    _defs(
        "an unknown attribute",
        "  product: shop\n",
        "  product: shop\n  owner: me\n",
        "owner: me",
        "attributes.owner",
        "unknown key 'owner'",
        "expected one of description",
    ),
    _defs(
        "a misspelt key deep inside",
        "first_due: 2025-01-01",
        "first_duee: 2025-01-01",
        "first_duee",
        "attributes.bronze[0].feed.first_duee",
        "expected 'first_due'?",
    ),
    _defs(
        "a misspelt optional key",
        "unavailable: ignore",
        "unavailble: ignore",
        "unavailble",
        "unknown key 'unavailble'",
        "expected 'unavailable'?",
    ),
    _defs("a misspelt layer", "  silver:\n", "  silvr:\n", "silvr", "unknown key 'silvr'", "expected 'silver'?"),
    _defs(
        "a required key is missing",
        "      from: raw_orders\n",
        "",
        "- name: orders",
        "attributes.silver[0]",
        "no key 'from'",
        "expected it",
    ),
    _defs("the product has no name", "  product: shop\n", "", "attributes:", "no key 'product'"),
    _defs("no calendar", "  partitions: {every: day, start: 2025-01-01}\n", "", "attributes:", "no key 'partitions'"),
    _defs("a list is text", "key: [day]", "key: day", "key: day", "attributes.gold[1].key", "found 'day'", "expected a list"),
    _defs("an empty list", "key: [day]", "key: []", "key: []", "attributes.gold[1].key", "found none", "expected at least one"),
    _defs(
        "a mapping is text",
        "deduplicate: {by: [order_id], keep: last}",
        "deduplicate: order_id",
        "deduplicate:",
        "found 'order_id'",
        "expected a mapping",
    ),
    _defs("a number is no name", "product: shop", "product: 7", "product: 7", "found 7", "expected text"),
    _defs(
        "upper case in a name", "product: shop", "product: Shop", "product: Shop", "found 'Shop'", "expected a name of lower case"
    ),
    _defs(
        "a word that is none of the enum",
        "keep: last",
        "keep: newest",
        "keep: newest",
        "found 'newest'",
        "expected one of first, last",
    ),
    _defs("a near word", "every: day", "every: dya", "dya", "found 'dya'", "expected 'day'?"),
    _defs("a seconds-since-1970 day", "start: 2025-01-01", "start: 0", "start: 0", "found 0", "expected a day as in 2025-01-31"),
    _defs("a day that never was", "start: 2025-01-01", "start: 2025-02-30", "2025-02-30", "found '2025-02-30'", "expected a day"),
    _defs("a time for a day", "first_due: 2025-01-01", "first_due: 2025-01-01 10:00:00", "10:00:00", "expected a day"),
    _defs(
        "a misspelt key in a union",
        "{last: 3}",
        "{lst: 3}",
        "{lst: 3}",
        "inputs.paid_orders.read.lst",
        "unknown key 'lst'",
        "expected 'last'?",
    ),
    _defs("no word of a union", "{last: 3}", "sometime", "sometime", "found 'sometime'", "expected one of same, all_until"),
    _defs("zero partitions", "{last: 3}", "{last: 0}", "{last: 0}", "found 0", "expected 1 or more"),
    _defs("true is no number", "{last: 3}", "{last: true}", "{last: true}", "found true", "expected a whole number"),
    _defs(
        "a delimiter of two characters",
        "last_due: 2025-01-10",
        "last_due: 2025-01-10, delimiter: ';;'",
        "delimiter",
        "found ';;'",
        "expected one character",
    ),
    _defs(
        "a format that is not read",
        "last_due: 2025-01-10",
        "last_due: 2025-01-10, format: excel",
        "format: excel",
        "feed.format",
        "found 'excel', expected one of csv, parquet, jsonl",
    ),
    _defs(
        "a policy for extra columns that does not exist",
        "last_due: 2025-01-10",
        "last_due: 2025-01-10, extra_columns: drop",
        "extra_columns: drop",
        "feed.extra_columns",
        "found 'drop', expected one of hold, ignore",
    ),
    _defs(
        "requirements of another kind",
        "attributes:",
        "requirements: {envs: [A]}\nattributes:",
        "envs",
        "unknown key 'envs'",
        "expected 'env'?",
    ),
    _defs(
        "an address that is none",
        "  product: shop\n",
        "  product: shop\n  alerts: {to: ['nowhere://x']}\n",
        "alerts",
        "alerts.to[0]",
        "nowhere",
        "expected an address",
    ),
]

SENSE = [
    _defs(
        "the last day before the first",
        "last_due: 2025-01-10",
        "last_due: 2024-12-31",
        "last_due",
        "feed.last_due",
        "found 2024-12-31",
        "expected a day from first_due (2025-01-01) on",
    ),
    _defs(
        "due before the calendar begins",
        "first_due: 2025-01-01",
        "first_due: 2024-12-31",
        "first_due",
        "feed.first_due",
        "found 2024-12-31",
        "partitions.start (2025-01-01)",
    ),
    _defs(
        "a pattern without codes",
        "orders_%Y-%m-%d*.csv",
        "orders*.csv",
        "orders*.csv",
        "feed.files",
        "without %Y %d %m",
        "expected %Y %m %d",
    ),
    _defs("a pattern without the day", "orders_%Y-%m-%d*.csv", "orders_%Y-%m*.csv", "orders_%Y-%m*.csv", "without %d", "expected"),
    _defs(
        "an hourly calendar without hours in the pattern",
        "every: day",
        "every: hour",
        "files:",
        "without %H",
        "a file's name says its hour",
    ),
    _defs(
        "a code that no name can be read back from",
        "orders_%Y-%m-%d*.csv",
        "orders_%y-%m-%d*.csv",
        "files:",
        "found %y",
        "expected one of",
    ),
    _defs(
        "an absolute pattern",
        '"orders/orders_',
        '"/orders/orders_',
        "files:",
        "found '/orders",
        "expected the pattern of files under the landing folder",
    ),
    _defs("a pattern that leads out", '"orders/orders_', '"../orders_', "files:", "found '../orders", "under the landing folder"),
    _defs(
        "a pattern through this folder",
        '"orders/orders_',
        '"orders/./orders_',
        "files:",
        "found 'orders/./",
        "under the landing folder",
    ),
    _defs(
        "a pattern with an empty folder",
        '"orders/orders_',
        '"orders//orders_',
        "files:",
        "found 'orders//",
        "under the landing folder",
    ),
    _defs(
        "a delimiter beside parquet",
        '*.csv", first_due',
        "*.parquet\", delimiter: ';', first_due",
        "files:",
        "feed.delimiter",
        "found it beside files of the format parquet, expected it beside csv only",
    ),
    _defs(
        "an encoding beside json lines",
        "last_due: 2025-01-10",
        "last_due: 2025-01-10, format: jsonl, encoding: latin-1",
        "format: jsonl",
        "feed.encoding",
        "found it beside files of the format jsonl, expected it beside csv only",
    ),
    _defs(
        "an encoding that does not exist",
        "last_due: 2025-01-10",
        "last_due: 2025-01-10, encoding: utf8x",
        "utf8x",
        "found 'utf8x'",
        "expected",
    ),
    _defs(
        "an encoding that gives no text",
        "last_due: 2025-01-10",
        "last_due: 2025-01-10, encoding: base64",
        "base64",
        "found 'base64'",
        "expected one of",
    ),
    _defs(
        "no such SQL file",
        "sql: silver/orders.sql",
        "sql: silver/order.sql",
        "silver/order.sql",
        "attributes.silver[0].sql",
        "no file silver/order.sql",
        "expected a SELECT",
    ),
    Mutation(
        "the SQL file is gone", PAID_SQL, "", None, "sql: gold/paid_orders.sql", ("no file gold/paid_orders.sql", "expected"), DEFS
    ),
    _defs(
        "no such contract",
        "  product: shop\n",
        "  product: shop\n  contract: contrat.yaml\n",
        "contrat.yaml",
        "no file contrat.yaml",
        "expected an ODCS contract",
    ),
    Mutation("the contract is gone", CONTRACT, "", None, 1, ("found no such file", "expected"), CONTRACT),
    Mutation("a suite is gone", PAID_SUITE, "", None, 1, ("found no such file", "expected the suite of that table"), PAID_SUITE),
    Mutation(
        "a suite of no table",
        "suites/silver_orders_old.yaml",
        "",
        "expectations: []\n",
        1,
        ("the suite of no table", "expected <layer>_<table>.yaml"),
    ),
    _defs(
        "no such suite folder",
        "  product: shop\n",
        "  product: shop\n  suites: ../../quality\n",
        "suites:",
        "no folder ../../quality",
        "expected suites",
    ),
    _defs(
        "a product that no suites lie for",
        "product: shop",
        "product: shoppe",
        "product: shoppe",
        "no folder quality_suites/shoppe",
        "expected one suite per table",
    ),
    _defs(
        "an unknown upstream",
        "from: raw_orders",
        "from: raw_order",
        "from: raw_order",
        "attributes.silver[0].from",
        "found 'raw_order'",
        "expected 'raw_orders'?",
    ),
    _defs(
        "silver reads itself",
        "from: raw_orders",
        "from: orders",
        "from: orders",
        "the table itself",
        "expected one declared before",
    ),
    _defs(
        "silver reads gold",
        "from: raw_orders",
        "from: paid_orders",
        "from: paid_orders",
        "a gold table",
        "expected a bronze one",
    ),
    _defs(
        "gold reads what comes later",
        "inputs: {orders: {read: same}}",
        "inputs: {daily_revenue: {read: same}}",
        "inputs: {daily_revenue",
        "declared after this table",
        "expected one declared before",
    ),
    _defs(
        "an unknown input",
        "inputs: {orders: {read: same}}",
        "inputs: {ordrs: {read: same}}",
        "ordrs",
        "inputs.ordrs",
        "found 'ordrs'",
        "expected 'orders'?",
    ),
    _defs(
        "two tables of one name",
        "- name: daily_revenue",
        "- name: paid_orders",
        20,
        "table 'paid_orders' twice",
        "expected 'daily_revenue'?",
    ),
    _defs(
        "a table that the contract has otherwise",
        "- name: daily_revenue",
        "- name: daily_revenues",
        "daily_revenues",
        "found 'daily_revenues'",
        "expected 'daily_revenue'?",
    ),
    _defs(
        "a key column that is not in the contract",
        "key: [day]",
        "key: [dy]",
        "key: [dy]",
        "attributes.gold[1].key[0]",
        "found 'dy'",
        "expected",
    ),
    _defs("a key column twice", "key: [day]", "key: [day, day]", "key: [day, day]", "found 'day' twice"),
    _defs(
        "a deduplicate column that is not in the contract",
        "by: [order_id]",
        "by: [orderid]",
        "by: [orderid]",
        "found 'orderid'",
        "expected 'order_id'?",
    ),
    _defs(
        "a reason twice",
        'sql: "amount = 0"}',
        'sql: "amount = 0"}, {reason: free, sql: "amount < 0"}',
        "amount < 0",
        "drop_where[1].reason",
        "'free' twice",
        "expected one reason",
    ),
    _defs(
        "a condition that does not parse",
        "amount = 0",
        "amount = = 0",
        "amount = = 0",
        "drop_where[0].sql",
        "does not parse",
        "expected a condition",
    ),
    _defs(
        "a condition over an unknown column",
        "amount = 0",
        "amont = 0",
        "amont = 0",
        "drop_where[0].sql",
        '"amont"',
        "expected 'amount'?",
    ),
    _defs(
        "a condition that is a number",
        "amount = 0",
        "amount + 0",
        "amount + 0",
        "found a value of type BIGINT",
        "expected a condition",
    ),
    _defs(
        "a condition that looks at all rows",
        "amount = 0",
        "sum(amount) = 0",
        "sum(amount)",
        "UNGROUPED_AGGREGATE",
        "expected a condition over one row",
    ),
    _defs(
        "a condition that looks at the clock",
        "amount = 0",
        "amount < epoch(now())",
        "now()",
        "found now()",
        "expected the same value at each run",
    ),
    _defs(
        "no such KPI table",
        "kpi: {table: daily_revenue",
        "kpi: {table: daily_revenu",
        "kpi:",
        "attributes.kpi.table",
        "found 'daily_revenu'",
        "expected 'daily_revenue'?",
    ),
    _defs(
        "a KPI table that is not gold",
        "kpi: {table: daily_revenue, column: revenue}",
        "kpi: {table: orders, column: amount}",
        "kpi:",
        "found 'orders', a silver table",
        "expected a gold one",
    ),
    _defs(
        "no such KPI column",
        "column: revenue}",
        "column: revenu}",
        "kpi:",
        "attributes.kpi.column",
        "found 'revenu'",
        "expected 'revenue'?",
    ),
]

MODELS = [
    _silver(
        "SQL that does not parse",
        "SELECT order_id,\n  customer amount x\nFROM raw_orders",
        2,
        "does not parse",
        "expected one SELECT",
    ),
    _silver(
        "a string that does not end", "SELECT order_id,\n  'x AS customer\nFROM raw_orders", 2, "does not parse", "unterminated"
    ),
    _silver("empty SQL", "-- later\n", 1, "found no statement", "expected one SELECT"),
    _silver("two statements", _COLUMNS + ";\nSELECT 1", 8, "found 2 statements", "expected one SELECT"),
    _silver("no SELECT", "DELETE FROM raw_orders", 1, "found DELETE", "expected one SELECT"),
    _silver("WHERE", _COLUMNS + "WHERE amount > '0'\n", 7, "found WHERE", "expected a row map"),
    _silver("DISTINCT", _COLUMNS.replace("SELECT", "SELECT DISTINCT"), 1, "found DISTINCT", "expected a row map"),
    _silver("GROUP BY", _COLUMNS + "GROUP BY ALL\n", 7, "found GROUP BY", "expected a row map"),
    _silver("HAVING beside GROUP BY", _COLUMNS + "GROUP BY ALL\nHAVING count(*) > 1\n", 7, "found GROUP BY", "expected a row map"),
    _silver(
        "QUALIFY", _COLUMNS + "QUALIFY row_number() OVER (PARTITION BY order_id) = 1\n", 7, "found QUALIFY", "expected a row map"
    ),
    _silver("LIMIT", _COLUMNS + "LIMIT 10\n", 7, "found LIMIT", "expected a row map"),
    _silver("OFFSET", _COLUMNS + "OFFSET 10\n", 7, "found OFFSET", "expected a row map"),
    _silver("USING SAMPLE", _COLUMNS + "USING SAMPLE 10%\n", 7, "found USING SAMPLE", "expected a row map"),
    _silver("TABLESAMPLE", _COLUMNS.rstrip() + " TABLESAMPLE 10%\n", 6, "found TABLESAMPLE", "expected a row map"),
    _silver("a join", _COLUMNS + "CROSS JOIN raw_orders AS b\n", 7, "found a join", "expected a row map"),
    _silver("a comma join", _COLUMNS.rstrip() + ",\n  raw_orders AS b\n", 6, "found a join", "expected a row map"),
    _silver(
        "a lateral join", _COLUMNS.rstrip() + ",\n  LATERAL (SELECT 1 AS one)\n", 7, "found a subquery", "expected no other SELECT"
    ),
    _silver("a union", _COLUMNS + "UNION ALL\n" + _COLUMNS, 7, "found UNION", "expected one SELECT"),
    _silver(
        "a CTE",
        "WITH a AS (SELECT * FROM raw_orders)\n" + _COLUMNS.replace("raw_orders", "a"),
        1,
        "found WITH",
        "expected a row map",
    ),
    _silver(
        "a subquery in FROM",
        _COLUMNS.replace("FROM raw_orders", "FROM (\n  SELECT * FROM raw_orders)"),
        7,
        "found a subquery",
        "expected no other SELECT",
    ),
    _silver(
        "a subquery in a column",
        _COLUMNS.replace("  amount", "  (SELECT 1) AS amount"),
        4,
        "found a subquery",
        "expected no other SELECT",
    ),
    _silver("unnest", _COLUMNS.replace("  amount", "  unnest([1, 2]) AS amount"), 4, "found UNNEST()", "expected a row map"),
    _silver(
        "generate_series as a table",
        _COLUMNS.replace("raw_orders", "raw_orders, generate_series(1, 3)"),
        6,
        "found a join",
        "expected a row map",
    ),
    _silver("an aggregate", _COLUMNS.replace("  amount", "  max(amount) AS amount"), 4, "found MAX()", "expected a row map"),
    _silver(
        "a window function",
        _COLUMNS.replace("  amount", "  lag(amount) OVER (ORDER BY record_number) AS amount"),
        4,
        "found a window function",
        "expected a row map",
    ),
    _silver("a star", "SELECT *\nFROM raw_orders", 1, "found *", "expected every column by name"),
    _silver(
        "another table",
        _COLUMNS.replace("FROM raw_orders", "FROM raw_order"),
        6,
        "found FROM raw_order",
        "expected FROM raw_orders",
    ),
    _silver(
        "a file", _COLUMNS.replace("FROM raw_orders", "FROM read_csv('orders.csv')"), 6, "READ_CSV", "expected FROM raw_orders"
    ),
    _silver(
        "another database",
        _COLUMNS.replace("FROM raw_orders", "FROM other.raw_orders"),
        6,
        "found FROM other.raw_orders",
        "expected",
    ),
    _silver("an unknown column", _COLUMNS.replace("  amount", "  amont AS amount"), 4, '"amont"', "expected 'amount'?"),
    _silver("an unknown function", _COLUMNS.replace("  amount", "  trimm(amount) AS amount"), 4, "trimm", "expected 'trim'?"),
    _silver(
        "a type mistake",
        _COLUMNS.replace("  amount", "  amount + 1 AS amount"),
        4,
        "does not bind",
        "expected SQL that DuckDB can bind",
    ),
    _silver(
        "a type that is not the contract's",
        _COLUMNS.replace("  ordered_on", "  [ordered_on] AS ordered_on"),
        5,
        "found ordered_on as VARCHAR[]",
        "expected DATE",
    ),
    _silver(
        "the clock",
        _COLUMNS.replace("  ordered_on", "  CAST(now() AS DATE) AS ordered_on"),
        5,
        "found now()",
        "expected the same value at each run",
    ),
    _silver(
        "chance",
        _COLUMNS.replace("  amount", "  CAST(random() * 9 AS BIGINT) AS amount"),
        4,
        "found random()",
        "expected the same value",
    ),
    _silver("a column is missing", _COLUMNS.replace("  amount,\n", ""), 1, "no column 'amount'", "expected it"),
    _silver(
        "a column that the contract has not",
        _COLUMNS.replace("  amount,", "  amount,\n  record_number,"),
        5,
        "found the column 'record_number'",
        "expected a declared column",
    ),
    _silver(
        "a misspelt output", _COLUMNS.replace("  amount", "  amount AS amout"), 4, "found the column 'amout'", "expected 'amount'?"
    ),
    _silver(
        "a column twice", _COLUMNS.replace("  amount,", "  amount, amount,"), 4, "the column 'amount' twice", "expected it once"
    ),
    _daily(
        "gold reads a table that is no input",
        "SELECT CAST(getvariable('partition_key') AS DATE) AS day, 1 AS orders, 2 AS revenue\nFROM paid_orders, orders,\n  raw_orders",
        3,
        "found FROM raw_orders",
        "expected one of its inputs",
    ),
    _daily(
        "gold leaves an input unread",
        "SELECT CAST(getvariable('partition_key') AS DATE) AS day, 1 AS orders,\n  2 AS revenue\nFROM paid_orders",
        1,
        "no FROM orders",
        "expected its declared input to be read",
    ),
    _daily(
        "gold reads a file",
        "SELECT CAST(getvariable('partition_key') AS DATE) AS day, 1 AS orders, 2 AS revenue\nFROM paid_orders, orders,\n  read_csv('x.csv')",
        3,
        "found read_csv()",
        "expected FROM its declared inputs only",
    ),
    _daily(
        "gold reads the settings",
        "SELECT CAST(current_setting('TimeZone') AS DATE) AS day, 1 AS orders, 2 AS revenue\nFROM paid_orders, orders",
        1,
        "found current_setting()",
        "expected the same value",
    ),
    _daily(
        "gold gives a truth for a day",
        "SELECT\n  true AS day, 1 AS orders, 2 AS revenue\nFROM paid_orders, orders",
        2,
        "found day as BOOLEAN",
        "expected DATE",
    ),
    Mutation(
        "a column of the shipped product",
        "silver/outcomes.sql",
        "nullif(nullif(known_on, '?'), '') AS known_on",
        "nullif(nullif(known_at, '?'), '') AS known_on",
        "known_at",
        ('"known_at"', "expected"),
        None,
        "readmission",
    ),
    Mutation(
        "a clause in the shipped product",
        "silver/encounters.sql",
        "FROM raw_encounters",
        "FROM raw_encounters\nWHERE encounter_id IS NOT NULL",
        "WHERE encounter_id",
        ("found WHERE", "expected a row map"),
        None,
        "readmission",
    ),
    Mutation(
        "a column of a CTE in the shipped product",
        "gold/readmission_rate_30d.sql",
        "known.outcomes_matched AS outcomes_matched",
        "known.outcomes_match AS outcomes_matched",
        "known.outcomes_match AS",
        ("outcomes_match", "expected"),
        None,
        "readmission",
    ),
]

CONTRACTS = [
    _contract(
        "a misspelt key of the standard", "status: active", "statsu: active", "statsu", "unknown key 'statsu'", "expected 'status'?"
    ),
    _contract(
        "a subject that is no column",
        "  - name: raw_orders\n",
        "  - name: raw_orders\n    customProperties: [{property: subject, value: custmer}]\n",
        "custmer",
        "found 'custmer'",
        "expected a column of the table: order_id",
    ),
    _contract(
        "two subjects",
        "  - name: raw_orders\n",
        "  - name: raw_orders\n    customProperties: [{property: subject, value: customer}, {property: subject, value: order_id}]\n",
        "order_id}]",
        "found a second subject",
        "expected one",
    ),
    _contract(
        "a subject without a value",
        "  - name: raw_orders\n",
        "  - name: raw_orders\n    customProperties: [{property: subject, value: [customer]}]\n",
        "[customer]",
        "expected a column, or a mapping with column and of",
    ),
    _contract(
        "a subject by way of no table",
        "  - name: raw_orders\n",
        "  - name: raw_orders\n    customProperties: [{property: subject, value: {column: order_id, of: raw_payments}}]\n",
        "raw_payments",
        "found 'raw_payments'",
        "expected a table whose subject is a column",
    ),
    _contract(
        "a subject where nothing is delivered",
        "  - name: orders\n",
        "  - name: orders\n    customProperties: [{property: subject, value: customer}]\n",
        "{property: subject",
        "found the subject of a silver table",
        "expected it in the bronze table",
    ),
    _contract(
        "a retention that is no number",
        "{property: frequency, value: daily}",
        "{property: frequency, value: daily}\n  - {property: retention, value: long, unit: d}",
        "{property: retention, value: long, unit: d}",
        "found 'long'",
        "expected a number from 0 up",
    ),
    _contract(
        "a retention beyond every calendar",
        "{property: frequency, value: daily}",
        "{property: frequency, value: daily}\n  - {property: retention, value: 3000, unit: y}",
        "{property: retention, value: 3000, unit: y}",
        "found 3000 y",
        "expected 100 years at most",
    ),
    _contract(
        "a retention without a unit",
        "{property: frequency, value: daily}",
        "{property: frequency, value: daily}\n  - {property: retention, value: 30}",
        "{property: retention, value: 30}",
        "found None",
        "expected d or y",
    ),
    _contract(
        "a retention of one table",
        "{property: frequency, value: daily}",
        "{property: frequency, value: daily}\n  - {property: retention, value: 30, unit: d, element: orders}",
        "{property: retention, value: 30, unit: d, element: orders}",
        "found 'orders'",
        "versions of all tables are kept alike",
    ),
    _contract("no id", "id: shop\n", "", 1, "no key 'id'", "expected it"),
    _contract(
        "another kind", "kind: DataContract", "kind: DataContrac", "kind:", "found 'DataContrac'", "expected 'DataContract'?"
    ),
    _contract("a version that is a number", "version: 1.0.0", "version: 1.0", "version: 1.0", "found 1.0", "expected text"),
    _contract(
        "an unknown version of the standard", "apiVersion: v3.1.0", "apiVersion: v3.9", "apiVersion", "found 'v3.9'", "expected"
    ),
    _contract(
        "an unknown classification",
        "classification: PII}",
        "classification: personal}",
        "personal",
        "found 'personal'",
        "expected one of public, confidential, PII, PHI",
    ),
    _contract(
        "no classification",
        "logicalType: date, classification: public}",
        "logicalType: date}",
        "logicalType: date}",
        "no key 'classification'",
        "expected it",
    ),
    _contract(
        "a misspelt classification key",
        "logicalType: date, classification",
        "logicalType: date, clasification",
        "clasification",
        "unknown key 'clasification'",
        "expected 'classification'?",
    ),
    _contract(
        "an unknown logical type", "logicalType: date,", "logicalType: dat,", "logicalType: dat,", "found 'dat'", "expected 'date'?"
    ),
    _contract(
        "a logical type that no table can hold",
        "logicalType: date,",
        "logicalType: array,",
        "logicalType: array",
        "found 'array'",
        "expected one of string",
    ),
    _contract(
        "no owner",
        "    - {username: shop@example.com, role: owner}\n",
        "",
        "members:",
        "no member with role 'owner'",
        "expected one",
    ),
    _contract(
        "no steward", "role: Data Steward", "role: Analyst", "members:", "no member with role 'data steward'", "found 'analyst'"
    ),
    _contract(
        "two owners",
        "  members:\n",
        "  members:\n    - {username: other@example.com, role: Owner}\n",
        "shop@example.com",
        "found a second owner",
        "expected one",
    ),
    _contract(
        "an owner without a name",
        "{username: shop@example.com, role: owner}",
        "{name: Shop, role: owner}",
        "name: Shop, role: owner",
        "no key 'username'",
        "expected it",
    ),
    _contract("a misspelt key of a member", "role: owner", "rol: owner", "rol: owner", "unknown key 'rol'", "expected 'role'?"),
    _contract(
        "a column that every table has",
        "      - {name: ordered_on, logicalType: string",
        "      - {name: row_id, logicalType: string, classification: public}\n      - {name: ordered_on, logicalType: string",
        "row_id",
        "found 'row_id'",
        "expected another name",
    ),
    _contract(
        "a column twice",
        "      - {name: ordered_on, logicalType: string",
        "      - {name: Amount, logicalType: string, classification: public}\n      - {name: ordered_on, logicalType: string",
        "name: Amount",
        "'Amount' twice",
        "expected names that differ by more than case",
    ),
    _contract(
        "a table twice",
        "  - name: raw_orders\n",
        "  - {name: raw_orders, properties: [{name: x, logicalType: string, classification: public}]}\n  - name: raw_orders\n",
        "  - name: raw_orders",
        "table 'raw_orders' twice",
        "expected it once",
    ),
    _contract(
        "a bad decimal",
        "{name: revenue, logicalType: integer,",
        "{name: revenue, logicalType: number, physicalType: 'decimal(4,8)',",
        "decimal(4,8)",
        "found 'decimal(4,8)'",
        "expected decimal(p,s)",
    ),
    _contract(
        "a decimal that is an integer",
        "{name: revenue, logicalType: integer,",
        "{name: revenue, logicalType: integer, physicalType: 'decimal(10,2)',",
        "decimal(10,2)",
        "beside logicalType integer",
        "expected it beside number",
    ),
    _contract(
        "a key position twice",
        "{name: amount, logicalType: integer, classification: confidential}\n  - name: daily",
        "{name: amount, logicalType: integer, classification: confidential, primaryKey: true, primaryKeyPosition: 1}\n  - name: daily",
        "name: amount, logicalType: integer, classification: confidential, primaryKey",
        "position 1 twice",
        "expected each once",
    ),
    _contract(
        "a key position that is text",
        "primaryKeyPosition: 1}\n      - {name: orders,",
        "primaryKeyPosition: one}\n      - {name: orders,",
        "primaryKeyPosition: one",
        "found 'one'",
        "expected a whole number",
    ),
    _contract(
        "a table that nobody makes",
        "  - name: daily_revenue\n",
        "  - {name: weekly, properties: [{name: x, logicalType: string, classification: public}]}\n  - name: daily_revenue\n",
        "weekly",
        "found 'weekly', which the product does not make",
        "expected one of its tables",
    ),
    _contract(
        "a misspelt table",
        "  - name: paid_orders\n",
        "  - name: paid_order\n",
        "paid_order",
        "found 'paid_order', which the product does not make",
        "expected 'paid_orders'?",
    ),
    _contract("a table without a name", "  - name: paid_orders\n", "  - nme: paid_orders\n", "nme", "nme", "expected"),
    _contract(
        "a table without columns",
        "    description: Revenue of the last three days.\n    properties:\n",
        "    description: Revenue of the last three days.\n    propertie:\n",
        "propertie:",
        "unknown key 'propertie'",
        "expected 'properties'?",
    ),
    _contract(
        "a quality rule that is none",
        "{name: amount, logicalType: string, classification: confidential}",
        "{name: amount, logicalType: string, classification: confidential, quality: [{type: sql}]}",
        "quality:",
        "quality[0]",
        "expected",
    ),
    _contract(
        "columns as text",
        "      - {name: order_id, logicalType: string, classification: confidential}\n",
        "      - order_id\n",
        "- order_id",
        "found 'order_id'",
        "expected a mapping",
    ),
    _contract(
        "a description that is a list",
        "description: Orders as delivered.",
        "description: [Orders]",
        "description: [Orders]",
        "found a list",
        "expected text",
    ),
    _contract("a contract without tables", "schema:\n", "schemas:\n", "schemas:", "unknown key 'schemas'", "expected 'schema'?"),
]

RULES = [
    _suite(
        "an unknown expectation",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_be_nul",
        "be_nul,",
        "expectations[1].type",
        "expected 'expect_column_values_to_not_be_null'?",
    ),
    _suite(
        "an expectation without a type",
        "{type: expect_column_values_to_not_be_null, kwargs",
        "{kwargs",
        "{kwargs",
        "no key 'type'",
        "expected",
    ),
    _suite(
        "a misspelt argument",
        "kwargs: {column: customer}",
        "kwargs: {colum: customer}",
        "colum: customer",
        "unknown argument 'colum'",
        "expected 'column'?",
    ),
    _suite(
        "an unknown argument",
        "kwargs: {column: customer}",
        "kwargs: {column: customer, row_filter: x}",
        "row_filter",
        "unknown argument 'row_filter'",
        "expected",
    ),
    _suite(
        "another argument in its place",
        "kwargs: {column: customer}",
        "kwargs: {field: customer}",
        "field: customer",
        "unknown argument 'field'",
        "expected 'column'?",
    ),
    _suite("a missing argument", "kwargs: {column: customer}", "kwargs: {}", "kwargs: {}", "no 'column'", "expected it"),
    _suite(
        "arguments as text",
        "kwargs: {column: customer}",
        "kwargs: customer",
        "kwargs: customer",
        "found 'customer'",
        "expected a mapping",
    ),
    _suite(
        "no bounds",
        ", min_value: 0, max_value: 1000",
        "",
        "column: amount",
        "neither min_value nor max_value",
        "expected at least one",
    ),
    _suite(
        "a bound that is text",
        "min_value: 0",
        "min_value: zero",
        "min_value: zero",
        "found 'zero'",
        "expected a number or an ISO date",
    ),
    _suite(
        "a bound above the other",
        "min_value: 0",
        "min_value: 2000",
        "min_value: 2000",
        "found 2000 above max_value 1000",
        "expected it below",
    ),
    _suite(
        "a day where a number is",
        "min_value: 0, max_value: 1000",
        "min_value: 2025-01-01",
        "2025-01-01",
        "found 2025-01-01",
        "expected a number",
    ),
    _suite(
        "a column that the table has not",
        "column: amount",
        "column: amont",
        "column: amont",
        "kwargs.column",
        "found 'amont'",
        "expected 'amount'?",
    ),
    _suite(
        "bounds on text",
        "column: amount",
        "column: customer",
        "column: customer, min",
        "column of type VARCHAR",
        "expected a number or time",
    ),
    _suite(
        "a bad pattern",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_match_regex, kwargs: {column: customer, regex: '['}",
        "match_regex",
        "kwargs.regex",
        "expected SQL that DuckDB can bind",
    ),
    _suite(
        "an empty set",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_be_in_set, kwargs: {column: customer, value_set: []}",
        "value_set: []",
        "found an empty list",
        "expected at least one",
    ),
    _suite(
        "a set of another kind",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_be_in_set, kwargs: {column: customer, value_set: [yes, c1]}",
        "value_set",
        "value_set[0]",
        "found true",
        "expected text",
    ),
    _suite(
        "a condition that compares a number with text",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer, row_condition: {type: comparison, column: {name: amount}, operator: '==', parameter: '1e16'}}",
        "row_condition",
        "row_condition.parameter",
        "found '1e16', expected a number: the column is BIGINT",
    ),
    _suite(
        "a condition in a condition that compares text with a number",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer, row_condition: {type: and, conditions: [{type: comparison, column: {name: customer}, operator: IN, parameter: [1e6]}]}}",
        "row_condition",
        "row_condition.conditions[0].parameter[0]",
        "found 1000000.0, expected text",
    ),
    _suite(
        "an old condition over no column",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer, row_condition: 'amont > 1', condition_parser: pandas}",
        "row_condition",
        "kwargs.row_condition",
        "found 'amont'",
        "expected 'amount'?",
    ),
    _suite(
        "pairs of another kind",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_pair_values_to_be_in_set, kwargs: {column_A: customer, column_B: amount, value_pairs_set: [[c1, 1], [c2, two]]}",
        "value_pairs_set",
        "value_pairs_set[1][1]",
        "found 'two', expected a number",
    ),
    _suite(
        "a set of days with a text that is none",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_be_in_set, kwargs: {column: ordered_on, value_set: ['2025-01-01', '2025-02-30']}",
        "value_set",
        "value_set[1]",
        "found '2025-02-30', expected a day or time",
    ),
    _suite(
        "a set that is text",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}",
        "{type: expect_column_values_to_be_in_set, kwargs: {column: customer, value_set: c1}",
        "value_set: c1",
        "found 'c1'",
        "expected a list",
    ),
    _suite(
        "more than all rows",
        "kwargs: {column: customer}",
        "kwargs: {column: customer, mostly: 1.5}",
        "mostly: 1.5",
        "found 1.5",
        "expected 0 to 1",
    ),
    _suite(
        "no number of rows",
        "meta: {max_quarantine_fraction: 0.2}",
        "meta: {max_quarantine_fraction: 0.2, fallback_max_rows: many}",
        "fallback_max_rows",
        "found 'many'",
        "expected a number of rows",
    ),
    _suite("an unknown severity", "severity: warning", "severity: warn", "severity: warn,", "found 'warn'", "expected 'warning'?"),
    _suite(
        "an unknown effect",
        "meta: {name: customer_known}",
        "meta: {name: customer_known, on_fail: qarantine}",
        "qarantine",
        "found 'qarantine'",
        "expected 'quarantine'?",
    ),
    _suite(
        "a misspelt meta key",
        "meta: {name: customer_known}",
        "meta: {nam: customer_known}",
        "nam: customer",
        "unknown key 'nam'",
        "expected 'name'?",
    ),
    _suite(
        "a rule's name twice",
        "meta: {name: customer_known}",
        "meta: {name: amount_in_range}",
        "warning, meta: {name: amount_in_range}",
        "'amount_in_range' twice",
        "expected another",
    ),
    _suite(
        "a fraction above one",
        "max_quarantine_fraction: 0.2",
        "max_quarantine_fraction: 20",
        "fraction: 20",
        "found 20",
        "expected 0 to 1",
    ),
    _suite(
        "a misspelt fraction",
        "max_quarantine_fraction: 0.2",
        "max_quarantine_fracton: 0.2",
        "fracton",
        "unknown key 'max_quarantine_fracton'",
        "expected 'max_quarantine_fraction'?",
    ),
    _suite(
        "another suite's name",
        "name: silver_orders\n",
        "name: silver_order\n",
        1,
        "found 'silver_order'",
        "expected the file's own name, 'silver_orders'",
    ),
    _suite(
        "an unknown suite key",
        "expectations:\n",
        "expectation:\n",
        "expectation:",
        "unknown key 'expectation'",
        "expected 'expectations'?",
    ),
    Mutation(
        "expectations as a mapping",
        BRONZE_SUITE,
        "expectations:\n  - {type",
        "expectations:\n  {type",
        "expectations:",
        ("found a mapping", "expected a list of expectations"),
    ),
    Mutation(
        "a whole-table rule that quarantines",
        DAILY_SUITE,
        "kwargs: {value: 1}",
        "kwargs: {value: 1}, meta: {on_fail: quarantine}",
        "on_fail",
        ("found quarantine", "expected hold or warn"),
    ),
    Mutation(
        "a compound key over an unknown column",
        PAID_SUITE,
        "expect_column_values_to_be_unique, kwargs: {column: order_id}",
        "expect_compound_columns_to_be_unique, kwargs: {column_list: [order_id, day]}",
        "column_list",
        ("column_list[1]", "found 'day'", "expected"),
    ),
    Mutation(
        "a bound of the shipped product",
        "suites/gold_readmission_features.yaml",
        "column: age_band_order, min_value: 0",
        "column: age_band_order, min_vale: 0",
        "min_vale",
        ("unknown argument 'min_vale'", "expected 'min_value'?"),
        None,
        "readmission",
    ),
    Mutation(
        "a set of the shipped product",
        "suites/silver_outcomes.yaml",
        '["NO", ',
        "[NO, ",
        "value_set: [NO, ",
        ("found false", "expected text"),
        None,
        "readmission",
    ),
    Mutation(
        "a column of the shipped product's contract",
        CONTRACT,
        "name: readmission_rate, ",
        "name: readmision_rate, ",
        "readmission_rate",
        ("'readmission_rate'", "expected 'readmision_rate'"),
        "gold/readmission_rate_30d.sql",
        "readmission",
    ),
]

MUTATIONS = [*SYNTAX, *SHAPE, *SENSE, *MODELS, *CONTRACTS, *RULES]
