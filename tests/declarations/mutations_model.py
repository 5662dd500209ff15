"""Mistakes under `model:`, of the tables that it scores, and of a reference that needs one: edits of the parcels product."""

from __future__ import annotations

from tests.declarations.mutations import DEFS, Mutation
from tests.declarations.mutations_drift import monitor

_TABLE, _TIME, _BY = "    table: orders\n    time:", "    time: ordered_at\n", "column: returned, by: [order_id]"
_LABEL = "table: returns, column: returned"
_FEATURES = "    features: [amount, items, weight, channel, region]\n    holdout"
_LAST = "    risk_tier: low\n"
_INPUTS = "      inputs: {orders: {read: same}}\n      sql: gold/order_scores.sql\n"
_WHOLE = "  model:\n    table: orders\n"


def _edit(name: str, old: str, new: str, at: str | int, *words: str) -> Mutation:
    return Mutation(f"model: {name}", DEFS, old, new, at, words, None, "parcels")


def _more(name: str, line: str, *words: str) -> Mutation:
    """One more line of the model, which is the one that is told."""
    return _edit(name, _LAST, f"{_LAST}    {line}\n", line, *words)


def _label(name: str, new: str, *words: str) -> Mutation:
    return _edit(name, _LABEL, new, "label: {", *words)


def _features(name: str, new: str, *words: str) -> Mutation:
    return _edit(name, _FEATURES, f"    features: {new}\n    holdout", f"    features: {new}", *words)


_SHAPED = [
    _edit(
        "a misspelt word", "    holdout_days: 3\n", "    holdout_day: 3\n", "holdout_day", "unknown key 'holdout_day'", "expected"
    ),
    _edit("no label", "    label: {table", "    labels: {table", "labels", "unknown key 'labels'", "expected 'label'?"),
    _edit("no columns to match by", _BY, "column: returned, by: []", "label: {", "label.by", "found none, expected at least one"),
    _more("another metric", "metric: auc", "model.metric", "found 'auc'", "expected 'roc_auc'?"),
    _more("half a day of holdout", "train_days: 0.5", "train_days", "found 0.5", "expected a whole number"),
    _more("no rows at all", "min_rows: 0", "min_rows: found 0", "expected 1 or more"),
    _more("a share of two", "margin: 2", "margin: found 2", "expected 1 or less"),
    _more("a balance of text", "balance: much", "balance: found 'much'", "expected true or false"),
    _more("a word for the baseline", "baseline: {sq: amount}", "baseline.sq", "unknown key 'sq'", "expected 'sql'?"),
    _more("another measure", "limits: {latency: 5}", "limits.latency", "unknown key 'latency'", "expected 'latency_ms'?"),
    _edit("a tier that is none", _LAST, "    risk_tier: lowest\n", "risk_tier", "found 'lowest'", "expected 'low'?"),
    _edit("an unknown protection", "age_band, min", "age_band, measure: parity, min", "protected", "measure", "found 'parity'"),
]

_TABLES = [
    _edit("no such table", _TABLE, "    table: ordrs\n    time:", "table: ordrs", "model.table: found 'ordrs'", "'orders'?"),
    _edit("a bronze table", _TABLE, "    table: raw_orders\n    time:", "table: raw_orders", "a bronze table", "one of orders"),
    _edit("a table that it scores", _TABLE, "    table: order_scores\n    time:", "    table: order_scores", "this model scores"),
    _label("no such labels", "table: retrns, column: returned", "label.table: found 'retrns'", "expected 'returns'?"),
    _label("bronze labels", "table: raw_returns, column: returned", "label.table: found 'raw_returns', a bronze table"),
    _label("labels that it scores", "table: order_scores, column: prediction", "label.table: found 'order_scores'", "scores"),
]

_COLUMNS = [
    _edit("no such time", _TIME, "    time: orderd_at\n", "orderd_at", "model.time: found 'orderd_at'", "expected 'ordered_at'?"),
    _edit("a time that is no time", _TIME, "    time: amount\n", "time: amount", "'amount' of type DOUBLE", "DATE, TIMESTAMPTZ"),
    _more("no such knowledge", "known_at: told_on", "known_at: found 'told_on', which 'orders' does not have"),
    _more("a known_at of text", "known_at: region", "known_at: found 'region' of type VARCHAR", "expected a day or a time"),
    _label("no such label", "table: returns, column: returnd", "label.column: found 'returnd'", "expected 'returned'?"),
    _label("a day for a label", "table: returns, column: told_on", "label.column", "of type DATE", "expected a class"),
    _label("a label that matches", "table: returns, column: order_id", "label.column: found 'order_id', by which rows are matched"),
    _label("no such day of it", f"{_LABEL}, known_at: tld_on", "label.known_at: found 'tld_on'", "expected 'told_on'?"),
    _label("a number for a day", f"{_LABEL}, known_at: returned", "label.known_at: found 'returned' of type BOOLEAN"),
    _label("a text for true or false", f"{_LABEL}, positive: 'yes'", "label.positive: found 'yes'", "true or false"),
    _edit(
        "a class that is text, without a word of which",
        f"label: {{{_LABEL}",
        "label: {table: orders, column: customer",
        "label: {",
        "label.column: found 'customer' of type VARCHAR without positive",
        ": text",
    ),
    _edit(
        "no such columns to match by",
        _BY,
        "column: returned, by: [orderid]",
        "label: {",
        "by[0]: found 'orderid', which 'orders' does not have",
    ),
    _edit(
        "matched by what labels have not",
        _BY,
        "column: returned, by: [amount]",
        "label: {",
        "by[0]: found 'amount', which 'returns' does not",
    ),
    _edit(
        "matched by a column twice",
        _BY,
        "column: returned, by: [order_id, order_id]",
        "label: {",
        "label.by[1]: found 'order_id' twice",
    ),
    _features("no such feature", "[amont, items]", "features[0]: found 'amont'", "expected 'amount'?"),
    _features("a feature twice", "[amount, amount]", "features[1]: found 'amount' twice"),
    _features("no feature", "[]", "model.features: found no column of 'orders' to learn from"),
    _features("the time", "[amount, ordered_at]", "features[1]: found 'ordered_at', which is the time"),
    _features("the key", "[order_id]", "features[0]: found 'order_id', "),
    _features("a person", "[customer]", "features[0]: found 'customer', which names a person (groups)"),
    _edit(
        "the label itself",
        f"label: {{{_LABEL}",
        "label: {table: orders, column: channel, positive: web",
        33,
        "features[3]: found 'channel', which is the label",
    ),
    _more("a column that is no feature", "columns: {age_band: category}", "columns.age_band", "which is no feature", "expected"),
    _more("a text as a number", "columns: {channel: number}", "columns.channel", "of type VARCHAR, expected category"),
    _more("another kind", "columns: {items: numeric}", "columns.items: found 'numeric'", "expected 'number'?"),
    _edit("no such group", "groups: [customer]", "groups: [custmer]", "groups", "groups[0]: found 'custmer'", "'customer'?"),
    _edit("a group twice", "groups: [customer]", "groups: [customer, customer]", "groups", "groups[1]: found 'customer' twice"),
    _edit(
        "no such slice", "slices: [{column: region", "slices: [{column: regon", "slices", "slices[0].column", "expected 'region'?"
    ),
    _edit("slices of money", "slices: [{column: region", "slices: [{column: amount", "slices", "'amount' of type DOUBLE", "text"),
    _edit("a slice per row", "slices: [{column: region", "slices: [{column: order_id", "slices", "the key: no two rows"),
    _edit(
        "a slice twice", "slices: [{column: region", "slices: [{column: region}, {column: region", "slices", "slices[1]", "twice"
    ),
    _edit("no such protection", "{column: age_band", "{column: age", "protected", "protected[0].column: found 'age', which"),
    _edit("a protected time", "{column: age_band", "{column: ordered_at", "protected", "of type TIMESTAMPTZ", "expected text"),
    _more("a baseline of no column", "baseline: {sql: amont / 100}", "baseline.sql", "expected 'amount'?"),
    _more("a baseline of text", "baseline: {sql: channel}", "baseline.sql: found a value of type VARCHAR, expected a number"),
    _more("a baseline over many rows", "baseline: {sql: avg(amount)}", "baseline.sql", "expected a number over one row"),
    _more("a baseline of chance", "baseline: {sql: random()}", "baseline.sql: found random()", "the same value at each run"),
    _more("a baseline of nothing", "baseline: {sql: ''}", "baseline.sql: found nothing, expected a number"),
]

_SENSE = [
    _more("no such estimator", "estimator: logistc", "estimator: found 'logistc'", "expected 'logistic'?"),
    _more("a path that is none", "estimator: 'ours.models:'", "estimator: found 'ours.models:', expected module:function"),
    _more("a parameter that is a day", "parameters: {since: 2025-01-01}", "parameters.since: found 2025-01-01", "expected text"),
    _more("more positives than rows", "min_positives: 600", "found 600, expected less than min_rows (500, the default)"),
    _more("fewer rows than positives", "min_rows: 30", "min_rows: found 30, expected more than min_positives (30, the default)"),
    _edit(
        "days to draw from, too few of them",
        "    groups: [customer]\n",
        "",
        "holdout_days: 3",
        "holdout_days: found 3, expected 5 or more: where no groups",
    ),
    _more("not worse by nothing", "at_least: not_worse", "at_least: found not_worse without a margin", "expected"),
    _more("retraining without drift", "retraining: {from: none}", "retraining.from: found 'none'", "expected one of low"),
    _more("no cron", "retraining: {every: monday}", "retraining.every: found 'monday'", "expected five fields"),
    _more("an hour that is none", "retraining: {every: '0 25 * * *'}", "found '25' for the hour, expected 0 to 23"),
    _more("a day that is none", "retraining: {every: '0 6 * * mo'}", "for the day of the week", "0 to 7 or sun to sat"),
    _more("a day that never comes", "retraining: {every: '0 6 31 2,4 *'}", "found day 31 of months that are shorter"),
]

_SCORED = [
    _edit(
        "scored without the model's table",
        _INPUTS,
        _INPUTS.replace("orders", "returns"),
        "      inputs: {returns",
        "found no input 'orders'",
    ),
    _edit("scored over days", _INPUTS, _INPUTS.replace("same", "all_until"), "all_until", "orders.read: found other partitions"),
    _edit(
        "scored what may be left out",
        _INPUTS,
        _INPUTS.replace("same}", "same, unavailable: ignore}"),
        "ignore",
        "orders.unavailable: found ignore, expected hold",
    ),
    _edit("a word for scored", "      scored: true\n", "      scored: maybe\n", "maybe", "scored: found 'maybe'", "true or false"),
    Mutation(
        "model: a score that the model's table has",
        "gold/order_scores.sql",
        "score, prediction",
        "scor AS score, prediction",
        1,
        ("does not bind", "expected 'score'?"),
        None,
        "parcels",
    ),
    *(
        Mutation(
            f"model: a score that does not name its {what}",
            "gold/order_scores.sql",
            name,
            f"\n'none' AS {name}",
            2,
            (f"order_scores: found no {name} from what is scored, expected the column {name}",),
            None,
            "parcels",
        )
        for name, what in (("model_version", "model"), ("input_version", "rows"))
    ),
]

_WITHOUT = [
    Mutation(
        "model: scored without a model",
        DEFS,
        "      sql: gold/paid_orders.sql\n",
        "      sql: gold/paid_orders.sql\n      scored: true\n",
        "scored",
        ("gold[0].scored: found true in a product without a model", "expected `model:`"),
    ),
    Mutation(
        "model: a training set without a model",
        DEFS,
        "      sql: gold/daily_revenue.sql\n",
        "      sql: gold/daily_revenue.sql\n  drift:\n" + monitor(reference="training_set"),
        "reference",
        ("drift[0].reference: found training_set in a product without a model", "expected `model:`, {from, to}"),
    ),
]

_WATCHED = [
    _edit(
        f"what predictions are worth beside a training set, by {lines.split(':')[0]}",
        "      reference: training_set\n      features: [amount, items, weight, channel, region]\n",
        f"      reference: training_set\n      features: [amount]\n      {lines}      label: channel\n",
        "      reference: training_set",
        "drift[0].reference: found training_set for what predictions are worth (label)",
        "expected {from, to} or previous_window: of the days that a champion was trained on",
    )
    for lines in ("score: weight\n      positive: web\n", "prediction: region\n")
]

MODEL = [*_SHAPED, *_TABLES, *_COLUMNS, *_SENSE, *_SCORED, *_WITHOUT, *_WATCHED]
