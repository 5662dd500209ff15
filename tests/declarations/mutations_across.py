"""Mistakes in rules that take something from elsewhere: each is the one rule of gold paid_orders, or a word of defs.yaml."""

from __future__ import annotations

from tests.declarations.mutations import DEFS, ORDERS_SUITE, PAID_SUITE, Mutation

_RULE = "{type: expect_column_values_to_be_unique, kwargs: {column: order_id}}"
_SET, _SUM, _MAX = (f"expect_column_{what}" for what in ("values_to_be_in_set", "sum_to_be_between", "max_to_be_between"))
_FROM_ORDERS = "value_set_from: {table: orders, column: order_id}"


def _paid(name: str, type_: str, kwargs: str, meta: str, *words: str, product: str = "shop") -> Mutation:
    rule = f"{{type: {type_}, kwargs: {{{kwargs}}}, meta: {{{meta}}}}}"
    return Mutation(name, PAID_SUITE, _RULE, rule, 3, words, product=product)


def _query(name: str, sql: str, *words: str) -> Mutation:
    rule = f'{{type: unexpected_rows_expectation, kwargs: {{unexpected_rows_query: "{sql}"}}}}'
    return Mutation(name, PAID_SUITE, _RULE, rule, 3, ("unexpected_rows_query", *words))


def _checked(name: str, checked_against: str, *words: str) -> Mutation:
    new = f"sql: silver/orders.sql\n      checked_against: {checked_against}\n"
    return Mutation(name, DEFS, "sql: silver/orders.sql\n", new, "checked_against:", words)


ACROSS = [
    _checked("checked against a later table", "{paid_orders: {read: same}}", "checked_against.paid_orders", "declared after this table"),
    _checked("checked against itself", "{orders: {read: same}}", "found 'orders', the table itself", "declared before it"),
    _checked("checked against no table", "{custmers: {read: same}}", "checked_against.custmers", "found 'custmers'", "raw_orders"),
    _checked("checked against what the sql reads", "{raw_orders: {read: same}}", "which the SQL reads", "expected another"),
    _checked("checked against with a strange reading", "{raw_orders: {read: some}}", "found 'some'", "expected 'same'?"),
    _checked("checked against with a strange key", "{raw_orders: {reed: same}}", "unknown key 'reed'", "expected"),
    Mutation(
        "a bronze table checked against another",
        DEFS,
        "    - name: raw_orders\n",
        "    - name: raw_orders\n      checked_against: {orders: {}}\n",
        "checked_against:",
        ("unknown key 'checked_against'", "expected"),
    ),
    _paid("a set from a table that is not read", _SET, "column: order_id", "value_set_from: {table: raw_orders, column: order_id}",
          "meta.value_set_from.table", "found 'raw_orders'", "expected 'orders'?", "one it is checked against"),
    _paid("a set from a column that is not there", _SET, "column: order_id", "value_set_from: {table: orders, column: order}",
          "meta.value_set_from.column", "found 'order'", "expected 'order_id'?"),
    _paid("a set of another type", _SET, "column: order_id", "value_set_from: {table: orders, column: customer}",
          "found customer of type VARCHAR", "expected the type of order_id, BIGINT"),
    _paid("a set twice", _SET, "column: order_id, value_set: [1]", _FROM_ORDERS, "kwargs.value_set", "beside meta.value_set_from"),
    _paid("a set from nowhere", _SET, "column: order_id", "value_set_from: {}", "found none of table, history", "expected one of them"),
    _paid("a set from a word", _SET, "column: order_id", "value_set_from: orders", "found 'orders'", "expected a mapping"),
    _paid("a set without its column", _SET, "column: order_id", "value_set_from: {table: orders}", "found no 'column'", "expected it"),
    _paid("a set with a misspelt column", _SET, "column: order_id", "value_set_from: {table: orders, colum: order_id}",
          "unknown key 'colum'", "expected 'column'?"),
    _paid("a set with a tolerance", _SET, "column: order_id", "value_set_from: {table: orders, column: order_id, tolerance: 0.1}",
          "unknown key 'tolerance'", "expected"),
    _paid("a set for a rule without one", _MAX, "column: amount, max_value: 5", _FROM_ORDERS,
          f"found value_set_from on {_MAX}", f"expected it on one of {_SET}"),
    _paid("a set from a table that is a number", _SET, "column: order_id", "value_set_from: {table: 5, column: order_id}",
          "found 5", "expected an input"),
    _paid("a column of a set that is a list", _SET, "column: order_id", "value_set_from: {table: orders, column: [order_id]}",
          "found a list", "expected a column name"),
    _paid("a pair from one column", "expect_column_pair_values_to_be_in_set", "column_A: order_id, column_B: amount",
          "value_set_from: {table: orders, columns: [order_id]}", "columns", "found a list", "expected two columns"),
    _paid("a pair of other types", "expect_column_pair_values_to_be_in_set", "column_A: order_id, column_B: amount",
          "value_set_from: {table: orders, columns: [order_id, customer]}", "columns[1]", "VARCHAR", "expected the type of amount"),
    _paid("bounds twice", _SUM, "column: amount, min_value: 1", "bounds_from: {table: orders}", "kwargs.min_value", "beside meta.bounds_from"),
    _paid("bounds on a rule without any", _SET, "column: amount, value_set: [1]", "bounds_from: {table: orders}",
          f"found bounds_from on {_SET}", "expected it on one of expect_table_row_count_to_be_between"),
    _paid("bounds from two places", _SUM, "column: amount", "bounds_from: {table: orders, history: {}}", "unknown key 'history'", "expected"),
    _paid("bounds from a misspelt place", _SUM, "column: amount", "bounds_from: {hystory: {}}", "unknown key 'hystory'", "expected 'history'?"),
    _paid("bounds from a column that the other has not", _MAX, "column: amount", "bounds_from: {table: orders, column: total}",
          "bounds_from.column", "found 'total'", "expected"),
    _paid("bounds of another type", _MAX, "column: amount", "bounds_from: {table: orders, column: ordered_on}",
          "found ordered_on of type DATE", "expected the type of amount"),
    _paid("a sum of text", "expect_column_sum_to_be_between", "column: customer", "bounds_from: {table: orders}", "found 'customer'", "expected"),
    _paid("a column of a count of rows", "expect_table_row_count_to_be_between", "", "bounds_from: {table: orders, column: amount}",
          "unknown key 'column'", "expected tolerance"),
    _paid("a tolerance in percent", _SUM, "column: amount", "bounds_from: {table: orders, tolerance: 5}", "found 5", "expected a share"),
    _paid("a tolerance that is text", _SUM, "column: amount", "bounds_from: {table: orders, tolerance: little}", "found 'little'", "expected a share"),
    _paid("a history with a misspelt word", _SUM, "column: amount", "bounds_from: {history: {partition: 5}}",
          "unknown key 'partition'", "expected 'partitions'?"),
    _paid("a history of no partitions", _SUM, "column: amount", "bounds_from: {history: {partitions: 0}}", "found 0", "expected a whole number from 1"),
    _paid("a history of one", _SUM, "column: amount", "bounds_from: {history: {minimum: 1}}", "found 1", "expected a whole number from 2"),
    _paid("a history of fewer than it needs", _SUM, "column: amount", "bounds_from: {history: {partitions: 5}}",
          "history.partitions", "found a minimum of 7 among 5 partitions", "expected at most as many"),
    _paid("a history without width", _SUM, "column: amount", "bounds_from: {history: {width: 0}}", "found 0", "expected a number above 0"),
    _paid("a weekday that is a word", _SUM, "column: amount", "bounds_from: {history: {weekday: monday}}", "found 'monday'", "expected true or false"),
    _paid("too few weekdays", _SUM, "column: amount", "bounds_from: {history: {weekday: true}}", "history.weekday",
          "found weekday among 28 partitions, of which 4", "expected at least 49"),
    _paid("a history of days", _MAX, "column: amount", "bounds_from: {history: 28}", "found 28", "expected a mapping with partitions"),
    Mutation("a history of text", ORDERS_SUITE, "{type: expect_column_values_to_not_be_null, kwargs: {column: customer}, severity: warning, meta: {name: customer_known}}",
             f"{{type: {_MAX}, kwargs: {{column: customer}}, meta: {{bounds_from: {{history: {{}}}}}}}}", 5,
             ("kwargs.column", "found a column of type VARCHAR", "expected numbers")),
    _paid("the end of a sum", _SUM, "column: amount", "bounds_from: {partition_end: {oldest: 6h}}", "found partition_end on", f"expected it on {_MAX}"),
    _paid("the end of a number", _MAX, "column: amount", "bounds_from: {partition_end: {oldest: 6h}}", "found a column of type BIGINT", "expected days or times"),
    _paid("an end without a side", _MAX, "column: amount", "bounds_from: {partition_end: {}}", "found neither oldest nor newest", "expected"),
    _paid("a duration without its unit", _MAX, "column: amount", "bounds_from: {partition_end: {oldest: 6}}", "oldest", "found 6", "expected a duration as in 6h"),
    _paid("an end the wrong way round", _MAX, "column: amount", "bounds_from: {partition_end: {oldest: 1h, newest: 6h}}",
          "found '1h'", "less than newest '6h'", "expected"),
    _paid("a misspelt side", _MAX, "column: amount", "bounds_from: {partition_end: {eldest: 6h}}", "unknown key 'eldest'", "expected 'oldest'?"),
    _paid("as many rows as a table that is not read", "expect_table_row_count_to_equal_other_table", "other_table_name: raw_orders", "",
          "other_table_name", "found 'raw_orders'", "expected 'orders'?"),
    _query("a query that deletes", "DELETE FROM {batch}", "found DELETE", "expected one SELECT"),
    _query("two queries", "SELECT 1 FROM {batch}; SELECT 2 FROM {batch}", "found 2 statements", "expected one SELECT"),
    _query("a query that does not parse", "SELEC 1 FROM {batch}", "does not parse", "expected one SELECT"),
    _query("a query without the batch", "SELECT 1 FROM {orders}", "without {batch}", "expected"),
    _query("a query over a table that is not read", "SELECT 1 FROM {batch}, {raw_orders}", "found 'raw_orders'", "expected 'orders'?"),
    _query("a query over a plain name", "SELECT 1 FROM {batch}, orders", "found FROM orders", "expected {orders}"),
    _query("a query over a file", "SELECT 1 FROM {batch}, 'x.csv'", "found FROM", "expected {batch} and tables in braces only"),
    _query("a query over another file", "SELECT 1 FROM {batch}, read_parquet('x')", "found FROM", "expected {batch} and tables in braces only"),
    _query("a query over the settings", "SELECT 1 FROM {batch}, duckdb_settings()", "found FROM", "expected {batch} and tables in braces only"),
    _query("a query by the clock", "SELECT 1 FROM {batch} WHERE now() > DATE '2020-01-01'", "found now()", "the same answer at each run"),
    _query("a query by chance", "SELECT 1 FROM {batch} WHERE random() > 0.5", "found random()", "the same answer at each run"),
    _query("a query over the environment", "SELECT 1 FROM {batch} WHERE getenv('HOME') = ''", "found getenv()", "the same answer"),
    _query("a query over the engine's settings", "SELECT 1 FROM {batch} WHERE current_setting('threads') = 1", "found current_setting()", "same answer"),
    _query("a query by a column that is not there", "SELECT total FROM {batch}", "total", "does not bind", "expected"),
    _query("a query by a column of the other table", "SELECT customer FROM {batch}", "customer", "does not bind", "expected"),
    _query("a query whose brace never pairs", "SELECT 1 FROM {batch WHERE 1=1", "a brace that never pairs", "expected {batch}"),
    _query("a query with a name that is none", "SELECT 1 FROM {batch}, {a-b}", "found {a-b}", "expected the name of a table"),
    _query("a batch where no table stands", "SELECT '{batch}' FROM {orders}", "where no table stands", "expected"),
]  # fmt: skip
