"""What a run did, as one page of Markdown: counts, what to look at and what to do about it, the KPI, the chart."""

import base64
from collections.abc import Mapping, Sequence

from readiness_pipelines.declarations import Bronze, Product, TableDeclaration
from readiness_pipelines.flow import Counts
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers import StandingKind, Standings, StepResult
from readiness_pipelines.layers.calendar import clock, first_key, keys_between
from readiness_pipelines.layers.chart import MOST_PARTITIONS, Bar, rows_chart
from readiness_pipelines.layers.rows import quoted

_NAMED = 10  # partitions to look at that are told
_REASON = 200  # characters of why one of them is held

Results = Mapping[str, Sequence[StepResult]]  # leaf name of a table -> its partitions in this run, oldest first


def summary(product: Product, lake: Lakehouse, results: Results, refused: Mapping[str, str]) -> str:
    """Return the page about one run. `refused` are places that could not be run at all, with why.

    Bounded: the chart has at most 60 partitions, the list at most 10. No value of any row but the KPI's.
    """
    parts = [_table(product, results), _to_look_at(product, results, refused), _kpi(product, lake, results)]
    chart = rows_chart(_bars(product, lake, results))
    parts.append(image(chart, "rows of each partition by what became of them"))
    return "\n\n".join(part for part in parts if part)


def image(svg: str, said: str) -> str:
    """Return Markdown that shows an SVG by itself, without asking for a file."""
    return f"![{said}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _table(product: Product, results: Results) -> str:
    heads = ("table", "partitions", "rows in", "admitted", "quarantined", "duplicates", "dropped", "held")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, steps in results.items():
        kinds = [step.kind for step in steps]
        told = ", ".join(f"{kinds.count(kind)} {kind.replace('_', ' ')}" for kind in dict.fromkeys(kinds)) or "none"
        c = _sum([step.verdict.counts for step in steps if step.verdict is not None])
        numbers = (c.rows_in, c.admitted, c.quarantined, c.duplicates, sum(c.dropped.values()), c.held)
        lines.append(f"| {product.by_name[name].layer} {name} | {told} | " + " | ".join(f"{n:,}" for n in numbers) + " |")
    return "\n".join(lines)


def _sum(counts: Sequence[Counts]) -> Counts:
    return Counts(
        rows_in=sum(c.rows_in for c in counts),
        admitted=sum(c.admitted for c in counts),
        quarantined=sum(c.quarantined for c in counts),
        duplicates=sum(c.duplicates for c in counts),
        dropped={"all": sum(sum(c.dropped.values()) for c in counts)},
        held=sum(c.held for c in counts),
    )


def _to_look_at(product: Product, results: Results, refused: Mapping[str, str]) -> str:
    lines = []
    for name, steps in results.items():
        full = product.by_name[name].full_name
        for step in steps:
            if step.kind == "held":
                look = f"`readiness held show {full} {step.partition}`"
                lines.append(f"- **{step.partition} {name} is held**: {_short(step.why)}. Look: {look}")
            elif step.kind == "missing":
                lines.append(f"- **{step.partition} {name} is missing**: ask the source, land the file; it is run by itself")
    lines += [f"- **{place}**: {_short(why)}" for place, why in refused.items()]
    if not lines:
        return "Nothing to look at."
    more = [f"- ... and {len(lines) - _NAMED} more: `readiness status {product.name}`"] if len(lines) > _NAMED else []
    call = f"Owner: {product.contract.owner}; steward: {product.contract.steward}."
    return "\n".join(["**To look at**", "", *lines[:_NAMED], *more, "", call])


def _short(text: str) -> str:
    return text if len(text) <= _REASON else f"{text[:_REASON]} ..."


def _kpi(product: Product, lake: Lakehouse, results: Results) -> str:
    kpi = product.declaration.kpi
    versions = [s.version for s in results.get(kpi.table, ()) if s.is_published and s.version is not None]
    if not versions:
        return ""
    with lake.connect() as con:
        rows = con.execute(f"SELECT {quoted(kpi.column)} FROM {relation(lake, versions[-1:])} LIMIT 2").fetchall()
    value = rows[0][0] if len(rows) == 1 else None
    shown = f"{value:.4g}" if isinstance(value, float) else "not one value" if len(rows) > 1 else str(value)
    return f"**KPI** `{kpi.table}.{kpi.column}` on {versions[-1].partition}: **{shown}**"


def _bars(product: Product, lake: Lakehouse, results: Results) -> dict[str, list[Bar]]:
    """Return the bars of the tables in this run, up to its newest partition."""
    newest = max((step.partition for steps in results.values() for step in steps), default=first_key(product))
    keys = keys_between(product, first_key(product), newest)[-MOST_PARTITIONS:]
    standings = Standings(product, lake, now=clock())
    return {name: _strip(lake, standings, product.by_name[name], keys) for name in results}


def _strip(lake: Lakehouse, standings: Standings, table: TableDeclaration, keys: Sequence[str]) -> list[Bar]:
    verdicts = lake.ledger.latest_verdicts(table.full_name, keys)
    bars = []
    for key in keys:
        if key in verdicts:
            c = verdicts[key].counts
            left_out = c.duplicates + sum(c.dropped.values())
            rows = {"admitted": c.admitted, "quarantined": c.quarantined, "left out": left_out, "held": c.held}
            bars.append(Bar(key, rows))
        else:
            is_missing = isinstance(table, Bronze) and standings.of(table.name, key).kind is StandingKind.MISSING
            bars.append(Bar(key, {}, missing=is_missing))
    return bars
