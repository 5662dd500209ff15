"""The readmission sample, decided about, then run again as a whole: nothing that was decided may be undone.

Of every tenth day bad rows are released with values, by a waiver, and discarded; the held day is admitted; a version is taken
back. Then all 90 days run twice more. Prints, per table, what came of each run. Usage: python benchmarks/decisions.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import readiness_pipelines
from readiness_pipelines.declarations import load_product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import decisions, run_step
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.layers.quarantine import Signed, rows_of
from readiness_pipelines.samples import readmission
from readiness_pipelines.settings import Settings

PRODUCT = load_product(Path(readiness_pipelines.__file__).parent / "defs" / "readmission")
DAYS = keys_between(PRODUCT, "2025-01-01", "2025-03-31")
ENCOUNTERS = PRODUCT.by_name["encounters"]
SIGNED = Signed("benchmark", "to see whether it stays")


def run(lake: Lakehouse, title: str) -> int:
    """Run all days through all tables, print what came of it, and return how many versions were published."""
    started, before = time.monotonic(), published(lake)
    for table in PRODUCT.tables:
        results = [run_step(lake, lake.settings, PRODUCT, table.name, day) for day in DAYS]
        counts = [r.verdict.counts for r in results if r.verdict is not None]
        assert all(c.conserved for c in counts)
        kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(r.kind for r in results).items())
        numbers = (
            f"{sum(c.rows_in for c in counts):>7,}{sum(c.admitted for c in counts):>9,}{sum(c.quarantined for c in counts):>6,}"
        )
        discarded = sum(c.dropped.get("discarded", 0) for c in counts)
        sys.stdout.write(f"{title:<22}{table.name:<22}{numbers}{discarded:>5}  {kinds}\n")
    sys.stdout.write(f"{title:<22}{published(lake) - before} versions published, {time.monotonic() - started:.0f} s\n\n")
    return published(lake) - before


def published(lake: Lakehouse) -> int:
    return sum(len(lake.ledger.publications(table.full_name, day)) for table in PRODUCT.tables for day in DAYS) // 2


def decide(lake: Lakehouse) -> Counter[str]:
    """Decide about rows of every tenth day, about the held day, and about the last version of a day."""
    for day in DAYS[:60:10]:
        rows = {row.row_id: row.reasons for row in rows_of(lake, ENCOUNTERS.full_name, day)}
        typed = {row for row, reasons in rows.items() if any(reason.startswith("cast:num_") for reason in reasons)}
        ranged = {row for row, reasons in rows.items() if reasons == ("time_in_hospital_in_range",)}
        others = sorted(set(rows) - typed - ranged)
        cells = {"num_lab_procedures": "10", "num_medications": "10", "num_procedures": "1"}
        decisions.release_values(lake, ENCOUNTERS, day, dict.fromkeys(typed, cells), signed=SIGNED)
        decisions.release_waived(lake, ENCOUNTERS, day, ranged, ["time_in_hospital_in_range"], signed=SIGNED)
        decisions.discard(lake, ENCOUNTERS, day, others, signed=SIGNED)
        raw = PRODUCT.by_name["raw_encounters"]
        decisions.discard(lake, raw, day, [row.row_id for row in rows_of(lake, raw.full_name, day)], signed=SIGNED)
    decisions.admit(lake, ENCOUNTERS, "2025-02-11", signed=SIGNED)
    first = lake.ledger.current_version(ENCOUNTERS.full_name, DAYS[1])
    bad = [row.row_id for row in rows_of(lake, ENCOUNTERS.full_name, DAYS[1])]
    decisions.discard(lake, ENCOUNTERS, DAYS[1], bad, signed=SIGNED)
    run_step(lake, lake.settings, PRODUCT, ENCOUNTERS.name, DAYS[1])
    assert first is not None
    decisions.withdraw(lake, ENCOUNTERS, DAYS[1], to=first.version_key, signed=SIGNED)
    return Counter(each.kind for table in PRODUCT.tables for each in lake.ledger.corrections.of(table.full_name))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder) / "state", landing=Path(folder) / "landing")
        readmission.write(settings.landing)
        lake = Lakehouse.open(settings)
        sys.stdout.write(f"{'run':<22}{'table':<22}{'rows in':>7}{'admitted':>9}{'quar':>6}{'disc':>5}\n")
        run(lake, "delivered")
        sys.stdout.write(f"decided: {dict(decide(lake))}\n\n")
        run(lake, "decided")
        again = run(lake, "the whole range again")
        sys.stdout.write(f"versions published by the last run: {again} (0: nothing was undone, nothing done twice)\n")
        sys.exit(1 if again else 0)


if __name__ == "__main__":
    main()
