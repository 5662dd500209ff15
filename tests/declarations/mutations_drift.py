"""Mistakes under `drift:`: what is appended to the shop's defs.yaml, or an edit of the readmission product's monitor."""

from __future__ import annotations

from tests.declarations.mutations import DEFS, Mutation

_LAST = "      sql: gold/daily_revenue.sql\n"  # the last line of the shop's defs.yaml
_RANGE = "{from: 2025-01-01, to: 2025-01-07}"


def monitor(
    *more: str, table: str = "orders", window: str = "{days: 7}", reference: str = _RANGE, features: str = "[amount]"
) -> str:
    """Return the text of one monitor: these words, and `more` lines below them."""
    said = [f"table: {table}", f"window: {window}", f"reference: {reference}", f"features: {features}", *more]
    return "    - " + "\n      ".join(said) + "\n"


def _drift(name: str, text: str, at: str, *words: str) -> Mutation:
    return Mutation(f"drift: {name}", DEFS, _LAST, f"{_LAST}  drift:\n{text}", at, words)


def _more(name: str, line: str, *words: str, table: str = "orders", features: str = "[amount]") -> Mutation:
    """A monitor with one more line, which is the one that is told."""
    return _drift(name, monitor(line, table=table, features=features), line, *words)


def _among(name: str, lines: tuple[str, ...], at: str, *words: str, table: str = "orders", features: str = "[]") -> Mutation:
    """A monitor with more lines, one of which (or of all others) is told: the first that has the text `at`."""
    return _drift(name, monitor(*lines, table=table, features=features), at, *words)


_SHAPED = [
    _drift("no list", "    table: orders\n", "drift:", "attributes.drift", "found a mapping", "expected a list"),
    _drift("a misspelt key", monitor("featres: [amount]"), "featres", "unknown key 'featres'", "expected"),
    _drift("no table", "    - window: {days: 7}\n      reference: previous_window\n", "- window", "drift[0]", "no key 'table'"),
    _drift("no days", monitor(window="{day: 7}"), "window", "window.day", "unknown key 'day'", "expected 'days'?"),
    _drift("a window of no days", monitor(window="{days: 0}"), "window", "window.days", "found 0", "expected 1 or more"),
    _drift("a step of no days", monitor(window="{days: 7, step: 0}"), "window", "window.step", "found 0", "expected 1 or more"),
    _drift("another reference", monitor(reference="previous"), "reference", "found 'previous'", "expected 'previous_window'?"),
    _drift("half a range", monitor(reference="{from: 2025-01-01}"), "reference", "drift[0].reference", "no key 'to'"),
    _drift("a range of a word", monitor(reference="{from: 2025-01-01, to: last}"), "reference", "reference.to", "found 'last'"),
    _more("no test of that name", "thresholds: {kss: {low: 0.1}}", "thresholds.kss", "found 'kss'", "expected 'ks'?"),
    _more("a threshold above one", "thresholds: {ks: {low: 2}}", "ks.low", "found 2", "expected 1 or less"),
    _more("a column's threshold above one", "columns: {amount: {thresholds: {ks: {critical: 2}}}}", "ks.critical", "found 2"),
    _more("a threshold below nothing", "thresholds: {ks: {low: -0.1}}", "ks.low", "found -0.1", "expected 0 or more"),
    _more("a threshold of text", "thresholds: {ks: {low: '0.1'}}", "ks.low", "found '0.1'", "expected a number"),
    _more("a threshold of no severity", "thresholds: {ks: {mild: 0.1}}", "unknown key 'mild'", "expected one of low"),
    _more("a severity that is none", "persistence: {hgh: {windows: 2, of: 3}}", "found 'hgh'", "expected 'high'?"),
    _more("every window is a false alarm", "false_alarm_rate: 1", "found 1", "expected less than 1"),
    _more("no false alarm at all", "false_alarm_rate: 0", "found 0", "expected more than 0"),
    _more("one row", "min_rows: 1", "min_rows", "found 1", "expected 2 or more"),
    _more("another kind", "columns: {amount: {as: numeric}}", "columns.amount.as", "found 'numeric'", "expected 'number'?"),
    _more("a weight of nothing", "columns: {amount: {weight: 0}}", "amount.weight", "found 0", "expected more than 0"),
    _more("a positive list", "positive: [1]", "positive: found a list", "expected text, a whole number, or true or false"),
    _more("a positive fraction", "positive: 0.5", "positive: found 0.5", "expected text, a whole number"),
]

_TABLES = [
    _drift("no such table", monitor(table="ordrs"), "table: ordrs", "drift[0].table", "found 'ordrs'", "expected 'orders'?"),
    _drift("bronze", monitor(table="raw_orders"), "table: raw_orders", "a bronze table", "expected one of orders, paid_orders"),
    _drift(
        "a table twice",
        monitor() + monitor(table="'orders'"),
        "table: 'orders'",
        "found the monitor 'orders' twice",
        "expected a name of its own",
    ),
    _drift(
        "a name twice",
        monitor("name: money") + monitor("name:  money", table="paid_orders"),
        "name:  money",
        "drift[1].name",
        "found the monitor 'money' twice",
    ),
    _drift(
        "a name that is a table's", monitor() + monitor("name:  orders", table="paid_orders"), "name:  orders", "'orders' twice"
    ),
    _drift("an empty name", monitor("name: 'Money'"), "name: 'Money'", "found 'Money'", "expected a name of lower case"),
    _drift(
        "nothing to watch", monitor(features="[]"), "table: orders", "found no column of 'orders'", "expected features, a score"
    ),
]

_COLUMNS = [
    _drift("no such feature", monitor(features="[amont]"), "features", "features[0]", "found 'amont'", "expected 'amount'?"),
    _drift("a feature twice", monitor(features="[amount, amount]"), "features", "features[1]", "'amount' twice"),
    _drift("a feature that is the key", monitor(features="[order_id]"), "features", "the key: no two rows", "expected another"),
    _drift("a feature that is a day", monitor(features="[ordered_on]"), "features", "of type DATE", "which only grows"),
    _more("no such score", "score: amont", "score: found 'amont'", "expected 'amount'?"),
    _more("no such prediction", "prediction: paid", "prediction: found 'paid'", "expected one of its columns"),
    _more("no such label", "label: custmer", "label: found 'custmer'", "expected 'customer'?"),
    _more("no such group", "groups: [custmer]", "groups[0]: found 'custmer'", "expected 'customer'?"),
    _more("no such column", "columns: {amont: {weight: 2}}", "columns.amont", "found 'amont'", "expected 'amount'?"),
    _more("a column that is not watched", "columns: {customer: {weight: 2}}", "which is not watched", "expected amount"),
    _among("the score is a feature", ("score: amount",), "features", "features[0]", "which is the score", features="[amount]"),
    _among("the label is the score", ("score: amount", "label: amount"), "label:", "label: found 'amount', which is the score"),
    _among(
        "a group is the label", ("label: customer", "score: amount", "positive: a", "groups: [customer]"), "groups", "the label"
    ),
]

_PAID = ("score: amount", "label: customer", "positive: a")  # a label of text, and what is said of it

_SENSE = [
    _more("a score of text", "score: customer", "score: found 'customer' of type VARCHAR", "expected a number"),
    _more("a day for a label", "label: ordered_on", "label: found 'ordered_on' of type DATE", "expected a class"),
    _more("a day for a class", "prediction: ordered_on", "prediction: found 'ordered_on' of type DATE", "expected a class"),
    _among("another type than the label", ("label: customer", "prediction: amount"), "prediction", "of type BIGINT", "VARCHAR"),
    _among("a text that is positive by itself", _PAID[:2], "label:", "found 'customer' without positive", "expected", ": text"),
    _among("a number for a text", (*_PAID[:2], "positive: 2"), "positive", "found 2", "a value of 'customer': text"),
    _more("positive without a label", "positive: 1", "positive: found it without a label and a score", "expected both"),
    _more("groups without a label", "groups: [customer]", "groups: found groups without a label and a score", "expected both"),
    _among("groups by the key", (*_PAID, "groups: [order_id]"), "groups", "groups[0]", "the key: no two rows"),
    _among("groups by day", (*_PAID, "groups: [ordered_on]"), "groups", "of type DATE", "which only grows"),
    _more(
        "a text as a number",
        "columns: {customer: {as: number}}",
        "customer.as",
        "VARCHAR",
        "expected category",
        features="[customer]",
    ),
    _among("a score in classes", ("score: amount", "columns: {amount: {as: category}}"), "columns", "category for the score"),
    _more(
        "a test that no column has",
        "thresholds: {ks: {low: 0.06}}",
        "thresholds.ks",
        "expected one of psi, nulls, unseen",
        features="[customer]",
    ),
    _more("performance of no label", "thresholds: {performance: {high: 0.06}}", "thresholds.performance", "no watched column has"),
    _more(
        "ks of text",
        "columns: {customer: {thresholds: {ks: {low: 0.06}}}}",
        "thresholds.ks",
        "a category does not have",
        features="[customer]",
    ),
    _more("unseen numbers", "columns: {amount: {thresholds: {unseen: {low: 0.06}}}}", "a number does not have", "ks, psi, nulls"),
    _among(
        "nulls of a label",
        ("label: customer", "columns: {customer: {thresholds: {nulls: {low: 0.06}}}}"),
        "columns:",
        "found nulls, which a label does not have, expected one of psi, unseen",
    ),
    _more(
        "low above medium", "thresholds: {ks: {low: 0.1, medium: 0.06}}", "ks.medium", "low from 0.1 and medium from 0.06", "above"
    ),
    _more(
        "low at the usual medium",
        "thresholds: {ks: {low: 0.1}}",
        "ks.low",
        "low from 0.1 and medium from 0.1 (the default)",
        "never",
    ),
    _more(
        "critical below the usual high",
        "thresholds: {psi: {critical: 0.2}}",
        "psi.critical",
        "high from 0.2 (the default) and crit",
    ),
    _more(
        "high below low, beside a usual medium",
        "thresholds: {ks: {low: 0.3, high: 0.1}}",
        "ks.high: found low from 0.3 and high from 0.1, expected high above low",
    ),
    _more(
        "a column's low above its medium", "columns: {amount: {thresholds: {ks: {low: 0.2}}}}", "ks.low", "expected medium above"
    ),
    _among(
        "a column against the monitor's own",
        ("thresholds: {ks: {low: 0.01, medium: 0.02}}", "columns: {amount: {thresholds: {ks: {low: 0.05}}}}"),
        "columns",
        "columns.amount.thresholds.ks.low",
        "low from 0.05 and medium from 0.02 (the monitor's)",
        features="[amount]",
    ),
    _more("three of two windows", "persistence: {high: {windows: 3, of: 2}}", "high.windows", "found 3 windows of the newest 2"),
    _more("no alarm that lasts", "persistence: {none: {windows: 1, of: 2}}", "persistence.none", "expected one of low, medium"),
    _drift(
        "a range that ends before it begins",
        monitor(reference="{from: 2025-01-07, to: 2025-01-01}"),
        "reference",
        "reference.to",
        "expected a day from 2025-01-07",
    ),
    _drift(
        "a range before the first day",
        monitor(reference="{from: 2024-12-01, to: 2025-01-07}"),
        "reference",
        "reference.from",
        "partitions.start (2025-01-01)",
    ),
    _drift(
        "a range shorter than a window",
        monitor(reference="{from: 2025-01-01, to: 2025-01-03}"),
        "reference",
        "found 3 days",
        "as many as a window has (7)",
    ),
]

_SHIPPED = [
    Mutation(
        "drift: a number with a fraction for a label",
        DEFS,
        "  drift:\n",
        "  drift:\n    - {table: readmission_rate_30d, window: {days: 7}, reference: previous_window, label: readmission_rate}\n",
        "label: readmission_rate",
        ("label: found 'readmission_rate' of type DOUBLE", "expected a class"),
        None,
        "readmission",
    ),
    Mutation(
        "drift: a truth that is text",
        DEFS,
        "  drift:\n",
        "  drift:\n    - {table: encounters, name: x, window: {days: 7}, reference: previous_window, label: medication_changed,"
        " score: num_medications, positive: 'yes'}\n",
        "name: x",
        ("positive: found 'yes'", "a value of 'medication_changed': true or false"),
        None,
        "readmission",
    ),
    Mutation(
        "drift: a column of the shipped product",
        DEFS,
        "        - payer_code\n",
        "        - payer_cod\n",
        "payer_cod",
        ("found 'payer_cod'", "expected 'payer_code'?"),
        None,
        "readmission",
    ),
]

DRIFT = [*_SHAPED, *_TABLES, *_COLUMNS, *_SENSE, *_SHIPPED]
