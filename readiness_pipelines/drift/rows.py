"""The rows that a monitor looks at, as SQL: every watched column in the form in which it is compared."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.declarations.monitors import Monitor, Watched
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.gates.columns import is_number, quoted
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.rows import literal


def compared_rows(
    lake: Lakehouse, monitor: Monitor, versions: Sequence[TableVersion], *, columns: Sequence[str] | None = None
) -> str:
    """Return SQL to select FROM: the watched columns (or those of them in `columns`) of exactly these versions.

    Text that is watched as a number is one, null where it cannot be. Which numbers are categories says the layout.
    Raises as `relation` does.
    """
    watched = [each for each in monitor.columns if columns is None or each.name in columns]
    rows = relation(lake, versions, columns=[each.name for each in watched])
    return f"(SELECT {', '.join(_cell(monitor, each) for each in watched)} FROM {rows})"


def is_class(name: str, type_: str, positive: str | int | bool) -> str:
    """Return SQL that is true where the column (quoted) of this type holds the class `positive`, and null where it is null."""
    if is_number(type_):
        return f"CAST({name} AS DOUBLE) = {float(positive)!r}"
    if type_ == "BOOLEAN":
        return name if str(positive).lower() in ("true", "1") else f"NOT {name}"
    return f"{name} = {literal(str(positive).lower() if isinstance(positive, bool) else str(positive))}"


def _cell(monitor: Monitor, watched: Watched) -> str:
    name, type_ = quoted(watched.name), monitor.table.table.column(watched.name).type
    is_text = watched.kind == "number" and not is_number(type_)
    return f"TRY_CAST({name} AS DOUBLE) AS {name}" if is_text else name
