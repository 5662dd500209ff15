"""Where a whole product stands: totals per table, and the partitions somebody has to look at."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass, field

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import GateVerdict
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import first_key, keys_between, last_key
from readiness_pipelines.layers.standing import Standing, StandingKind, Standings


@dataclass
class TableOverview:
    """Totals over the newest verdict of every partition of one table."""

    table: str
    standings: Counter[str] = field(default_factory=Counter)
    rows_in: int = 0
    admitted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    dropped: int = 0
    held: int = 0
    conserved: bool = True
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: GateVerdict) -> None:
        counts = verdict.counts
        self.rows_in += counts.rows_in
        self.admitted += counts.admitted
        self.quarantined += counts.quarantined
        self.duplicates += counts.duplicates
        self.dropped += sum(counts.dropped.values())
        self.held += counts.held
        self.conserved &= counts.conserved
        self.reasons.update(verdict.quarantine_reasons)


@dataclass(frozen=True)
class Overview:
    """One product at one moment. `attention` lists held and missing partitions with why, oldest first."""

    product: str
    tables: tuple[TableOverview, ...]
    attention: tuple[tuple[Standing, str], ...]


def overview(product: Product, lake: Lakehouse, *, now: datetime.datetime) -> Overview:
    """Return where every partition that has ended by `now` stands. Reads ledger and landing folder, no data."""
    keys = keys_between(product, first_key(product), last_key(product, now=now))
    standings, tables, attention = Standings(product, lake, now=now, everything=True), [], []
    for table in product.tables:
        seen = TableOverview(table.full_name)
        verdicts = lake.ledger.latest_verdicts(table.full_name)
        for verdict in verdicts.values():
            seen.add(verdict)
        for key in keys:
            standing = standings.of(table.name, key)
            seen.standings[standing.kind.value] += 1
            if standing.kind is StandingKind.HELD:
                attention.append((standing, "; ".join(verdicts[key].held_because)))
            elif standing.kind in (StandingKind.MISSING, StandingKind.STALE):
                attention.append((standing, standing.why))
        tables.append(seen)
    attention.sort(key=lambda found: (found[0].partition, found[0].table))
    return Overview(product.name, tuple(tables), tuple(attention))
