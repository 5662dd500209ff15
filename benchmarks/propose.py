"""Suites proposed from a history, and how often they alarm on the days that follow, beside what they claimed.

    python benchmarks/propose.py [--real PATH] [--days 60]

Four histories: the real UCI file (skipped without it: ../shared) as one csv file, learned from its first half and judged on
blocks of the second; silver `encounters` of the readmission product over the real file's days; the same as if nothing were
classified, for more rules (sets and ranges; nothing is written); and silver of the sample, its planted defects in quarantine.
Each learns from its first half. Prints every rule that alarmed or claimed to, then the rules together;
`overlap` says whether the 95% intervals of the claimed rate and of that of the following days do.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import duckdb

import readiness_pipelines
from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.flow import Status
from readiness_pipelines.gates.rehearsal import Part, Rehearsal, Tally, judged
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.layers.history import History, history_of_file, history_of_table, learned
from readiness_pipelines.samples import readmission, uci
from readiness_pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
PRODUCT = load_product(Path(readiness_pipelines.__file__).parent / "defs" / "readmission")
REAL = PROJECT.parent / "shared" / "data" / "diabetes_readmission" / "dev_first_half.parquet"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--real", type=Path, default=REAL)
    options.add_argument("--days", type=int, default=60)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if given.real.exists():
            of_the_file(root, given.real, given.days)
            settings = Settings(state=root / "real" / "state", landing=root / "real" / "landing")
            uci.replay(given.real, settings.landing, days=given.days)
            of_silver(settings, "the real file's days, silver", given.days, classified=True)
            of_silver(settings, "the same, as if nothing were classified", given.days, classified=False)
        else:
            sys.stdout.write(f"no {given.real.name} beside the project: the real file is left out\n")
        settings = Settings(state=root / "sample" / "state", landing=root / "sample" / "landing")
        readmission.write(settings.landing)
        of_silver(settings, "the sample's days, silver", 60, classified=True)


def of_the_file(root: Path, real: Path, days: int) -> None:
    """Learn from the first half of the file, judge the second in as many blocks as the first had (20)."""
    source = f"read_parquet('{real}')"
    with duckdb.connect() as con:
        rows = con.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
        numbered = f"(SELECT *, row_number() OVER () AS n FROM {source})"
        for name, condition in (("first", f"n <= {rows // 2}"), ("second", f"n > {rows // 2}")):
            sql = f"SELECT * EXCLUDE (n) FROM {numbered} WHERE {condition} ORDER BY n"
            con.execute(f"COPY ({sql}) TO '{root / name}.csv' (HEADER)")
    with history_of_file(root / "first.csv") as known, history_of_file(root / "second.csv") as later:
        started = time.monotonic()
        found, _ = learned(known)
        compare("the real file as csv, its first half", found, known, later, later.parts, time.monotonic() - started)


def of_silver(settings: Settings, title: str, days: int, *, classified: bool) -> None:
    product = PRODUCT
    lake = Lakehouse.open(settings)
    keys = keys_between(product, "2025-01-01", "2025-12-31")[:days]
    if not lake.ledger.current_versions("readmission.silver.encounters"):
        run(lake, product, keys)
    table = product.by_name["encounters"]
    known = history_of_table(lake, table, until=keys[days // 2 - 1])
    everything = history_of_table(lake, table)
    if not classified:
        known = dataclasses.replace(known, hidden={})
    started = time.monotonic()
    found, _ = learned(known)
    after = everything.parts[len(known.parts) :]
    compare(title, found, known, everything, after, time.monotonic() - started)


def run(lake: Lakehouse, product: Product, keys: list[str]) -> None:
    for name in ("raw_encounters", "encounters"):
        for key in keys:
            run_step(lake, lake.settings, product, name, key)


def compare(
    title: str, found: Rehearsal, known: History, later: History, parts: tuple[Part, ...] | list[Part], seconds: float
) -> None:
    rules = [rule for rule, _ in found.rules]
    after: dict[tuple[str, ...], Tally] = {rule.about: Tally() for rule in rules}
    together, critical = Tally(), Tally()
    for part in parts:
        alerts = {rule.about for rule, result in judged(later.con, part, rules) if result.status is not Status.PASSED}
        together.add(alert=bool(alerts))
        critical.add(alert=any(rule.about in alerts for rule in rules if rule.severity == "critical"))
        for rule in rules:
            after[rule.about].add(alert=rule.about in alerts)
    kinds = ", ".join(f"{n} {kind.removeprefix('expect_')}" for kind, n in Counter(r.expectation for r in rules).most_common())
    sys.stdout.write(f"\n## {title}\n{known.rows:,} rows in {len(known.parts)} partitions learned from in {seconds:.0f} s; ")
    sys.stdout.write(f"{len(rules)} rules ({kinds}), judged on {len(parts)} later partitions\n\n")
    sys.stdout.write(f"{'rule':<45}{'severity':<10}{'claimed':>9}{'95%':>14}{'after':>9}{'95%':>14}  overlap\n")
    calm = Counter()
    for rule, tally in found.rules:
        seen = after[rule.about]
        if not tally.alerts and not seen.alerts:
            calm[tally.judged] += 1
            continue
        line(rule.name, rule.severity, tally, seen)
    for judged_on, n in sorted(calm.items()):
        line(f"each of {n} others", "", Tally(judged_on, 0), Tally(len(parts), 0))
    line("ANY CRITICAL RULE", "critical", found.critical, critical)
    line("ANY RULE", "", found.together, together)
    sums = [sum(t.alerts for _, t in found.rules), sum(t.judged for _, t in found.rules), sum(t.alerts for t in after.values())]
    wanted = len(rules) * len(parts)
    sys.stdout.write(f"rule-partitions that alarmed: claimed {sums[0] / max(sums[1], 1):.3%}, after {sums[2] / wanted:.3%}\n")
    sys.stdout.writelines(f"not proposed: {reason}\n" for reason in found.unlearned if "in the contract" not in reason)


def line(name: str, severity: str, claimed: Tally, after: Tally) -> None:
    low, high = claimed.interval
    others = after.interval
    kept = "yes" if others[0] <= high and low <= others[1] else "NO"
    sys.stdout.write(f"{name[:44]:<45}{severity:<10}{claimed.alerts:>5}/{claimed.judged:<3}{low:>7.0%} to{high:>4.0%}")
    sys.stdout.write(f"{after.alerts:>6}/{after.judged:<3}{others[0]:>7.0%} to{others[1]:>4.0%}  {kept}\n")


if __name__ == "__main__":
    main()
