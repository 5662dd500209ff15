"""What a report over years costs: CPU, peak memory and the page's size, by default 3,650 days of a table with 200 rules.

    python benchmarks/gates_report.py [--partitions 3650] [--rules 200] [--to FILE]

The verdicts are recorded straight in a ledger, with failures by a seed; the facts and the page are timed, the ledger is not.
"""

from __future__ import annotations

import argparse
import datetime
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent.parent))

from readiness_pipelines.flow import Counts, GateVerdict, Outcome, RuleResult, Status, TableVersion, digest
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.reports import GateReport, gate_report, page
from tests.shop import Shop, build_shop

Result = TypeVar("Result")
_FIRST = datetime.date(2015, 1, 1)
_KWARGS = {"column": "amount", "min_value": 0, "max_value": 1000}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--partitions", type=int, default=3650)
    options.add_argument("--rules", type=int, default=200)
    options.add_argument("--to", type=Path, help="keep the page here, to look at it in a browser")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = build_shop(Path(folder), start=_FIRST, last_due=None)
        lake = Lakehouse.open(shop.settings)
        for n in range(given.partitions):
            _record(lake, str(_FIRST + datetime.timedelta(days=n)), given.rules, random.Random(n))
        found = _timed(lambda: _facts(shop, lake, given.partitions), "facts")
        text = _timed(lambda: page(found), "page")
    sys.stdout.write(f"{len(found.columns.periods)} columns, each a {found.columns.unit}; {len(text.encode()) / 1e6:.1f} MB\n")
    if given.to:
        given.to.write_text(text, encoding="utf-8")


def _facts(shop: Shop, lake: Lakehouse, partitions: int) -> GateReport:
    now = datetime.datetime.combine(_FIRST, datetime.time()) + datetime.timedelta(days=partitions)
    return gate_report(shop.product, lake, now=now)


def _record(lake: Lakehouse, key: str, rules: int, chance: random.Random) -> None:
    results = []
    for n in range(rules):
        bad = chance.randrange(1, 50) if chance.random() < 0.002 * (n % 17) else 0
        status = Status.FAILED if bad else Status.PASSED
        share = bad / 10
        of = (f"rule_{n}_of_a_column", "expect_column_values_to_be_between", _KWARGS, "critical", "quarantine", status)
        results.append(RuleResult(*of, 1000, 0, bad, share))
    reasons = {r.rule: r.unexpected_count or 0 for r in results if r.status is Status.FAILED}
    counts = Counts(1000, admitted=1000 - max(reasons.values(), default=0), quarantined=max(reasons.values(), default=0))
    outcome = Outcome.ADMITTED_WITH_QUARANTINE if reasons else Outcome.ADMITTED
    table, version = "shop.silver.orders", digest(key)
    lake.ledger.record_verdict(GateVerdict(table, key, version, outcome, counts, rules=tuple(results), quarantine_reasons=reasons))
    lake.ledger.record_done(TableVersion(table, key, version, 1))


def _timed(work: Callable[[], Result], what: str) -> Result:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{what}: {time.process_time() - cpu:.1f} s CPU, {time.perf_counter() - wall:.1f} s wall, {peak:.0f} MB peak so far\n"
    )
    return found


if __name__ == "__main__":
    main()
