"""What rules take from other tables and from the past: are the tables readable for them, and do the types fit?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from readiness_pipelines.declarations.binding import Binder, near_column
from readiness_pipelines.gates import Rule
from readiness_pipelines.gates.columns import family, is_number, is_time
from readiness_pipelines.gates.elsewhere import OTHER_TABLE, PAIRS, QUERY, SETS, OfHistory, OfPartitionEnd, OfTable, OfTables
from readiness_pipelines.gates.query import BATCH, filled, stand_in, tables_of
from readiness_pipelines.located import unknown

Columns = Mapping[str, str]  # name -> DuckDB type
Where = list[str | int]
_A_WEEK = {"day": 7, "hour": 168}
_COUNTED = ("row_count", "unique_value_count", "proportion")  # of any type of column
_KINDLESS = "other"


def elsewhere_problem(
    rule: Rule, types: Columns, others: Mapping[str, Columns], binder: Binder, *, every: str | None
) -> tuple[Where, str] | None:
    """Return (where below the rule, what is wrong with what it takes from elsewhere), or None.

    `types` are the columns of its own table; `others` those of its inputs and of what it is checked against.
    `every` is how long a partition is, None where that is not understood.
    """
    return next(_problems(rule, types, others, binder, every), None)


def _problems(
    rule: Rule, types: Columns, others: Mapping[str, Columns], binder: Binder, every: str | None
) -> Iterator[tuple[Where, str]]:
    strange = next((c for c in rule.columns if c not in types), None)
    if strange is not None and rule.elsewhere is not None:
        yield ["kwargs"], near_column(strange, list(types))
        return
    if rule.elsewhere is not None and _needs_numbers(rule) and not is_number(types[rule.kwargs["column"]]):
        yield ["kwargs", "column"], f"found a column of type {types[rule.kwargs['column']]}, expected numbers"
        return
    match rule.elsewhere:
        case OfTable():
            yield from _table_problems(rule, rule.elsewhere, types, others)
        case OfHistory():
            yield from _history_problems(rule, rule.elsewhere, types, every)
        case OfPartitionEnd():
            if not is_time(types[rule.kwargs["column"]]):
                yield ["kwargs", "column"], f"found a column of type {types[rule.kwargs['column']]}, expected days or times"
        case OfTables():
            for name in rule.elsewhere.tables:
                if name not in others:
                    yield ["kwargs", "unexpected_rows_query"], _no_table(name, others)
    if rule.expectation == QUERY:
        yield from _query_problems(rule, types, others, binder)


def _no_table(name: str, others: Mapping[str, Columns]) -> str:
    return f"{unknown(name, others)}: an input of the table, or one it is checked against (`checked_against` in defs.yaml)"


def _table_problems(rule: Rule, of: OfTable, types: Columns, others: Mapping[str, Columns]) -> Iterator[tuple[Where, str]]:
    key = "value_set_from" if rule.expectation in SETS else "bounds_from"
    if of.table not in others:
        where: Where = ["kwargs", "other_table_name"] if rule.expectation == OTHER_TABLE else ["meta", key, "table"]
        yield where, _no_table(of.table, others)
        return
    there, own = others[of.table], rule.domain
    for i, column in enumerate(of.columns):
        place: Where = ["meta", key, *(["columns", i] if rule.expectation == PAIRS else ["column"])]
        if column not in there:
            yield place, near_column(column, list(there))
        elif not _alike(types[own[i]], there[column]) and not _is_counted(rule):
            found = f"found {column} of type {there[column]}, expected the type of {own[i]}, {types[own[i]]}"
            yield place, found
        elif of.tolerance and not (is_number(there[column]) or _is_counted(rule)):
            yield ["meta", key, "tolerance"], f"found a share of a {there[column]}, expected it on numbers only"


def _alike(own: str, other: str) -> bool:
    """Values of the two are equal where they are the same value: 1 is 1.00, and no text is a number."""
    return own == other or family(own) == family(other) != _KINDLESS


def _needs_numbers(rule: Rule) -> bool:
    return any(f"_{word}_to_be" in rule.expectation for word in ("mean", "sum", "median", "stdev"))


def _is_counted(rule: Rule) -> bool:
    return any(word in rule.expectation for word in _COUNTED)


def _history_problems(rule: Rule, history: OfHistory, types: Columns, every: str | None) -> Iterator[tuple[Where, str]]:
    key = "value_set_from" if rule.expectation in SETS else "bounds_from"
    if key == "bounds_from" and not _is_counted(rule) and not is_number(types[rule.kwargs["column"]]):
        found = types[rule.kwargs["column"]]
        yield ["kwargs", "column"], f"found a column of type {found}, expected numbers: bounds are learned of them alone"
    a_week = _A_WEEK.get(every or "", 0)
    if history.weekday and history.partitions < history.minimum * a_week:
        where: Where = ["meta", key, "history", "weekday"]
        yield (
            where,
            (
                f"found weekday among {history.partitions} partitions, of which {history.partitions // a_week} lie whole weeks "
                f"before, expected at least {history.minimum * a_week}: {history.minimum} such ones"
            ),
        )


def _query_problems(rule: Rule, types: Columns, others: Mapping[str, Columns], binder: Binder) -> Iterator[tuple[Where, str]]:
    query = rule.kwargs["unexpected_rows_query"]
    names = tables_of(query)
    for name in names:
        binder.add(stand_in(name), types if name == BATCH else others[name])
    message = binder.query_problem(filled(query, {name: stand_in(name) for name in names}))
    if message:
        yield ["kwargs", "unexpected_rows_query"], message.replace(stand_in(""), "")
