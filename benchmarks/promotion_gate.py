"""How often the promotion gate lets a model through that is no better, and how often one that is.

A/A: champion and challenger have the same true AUC, and err independently. A true rate of 5% promotes at most 15 of 200 in 95% of
all cases, and at most 19 in all of nine kinds of holdout; more than that, or too many of all together, is missed. Power: the
challenger's AUC is higher by .02 in truth. Promoted is what passes the rule `better`; the other rules only let fewer through.

Rows come in three ways: each of another person; of people who have several, alike among themselves; and over 14 days, days alike
within themselves. As a warning the last table does the same with rows for blocks, which is what the gate does not do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, norm

from readiness_pipelines.flow import Metric, Status
from readiness_pipelines.models.judging.better import better, difference
from readiness_pipelines.models.judging.replicates import blocks_of

ROWS = (500, 2_000, 10_000)
HOLDOUTS = 200
AUC, MORE = 0.75, 0.02  # of the champion; what a better challenger has on top
POSITIVE = 0.2
RATE = 0.05
ALIKE = 0.5  # of a score's variance that is the person's or the day's

Draw = np.random.Generator


@dataclass(frozen=True)
class Holdout:
    """Rows that were held out, what both models say of them, and who or when each is."""

    labels: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    block: np.ndarray


def alone(draw: Draw, rows: int) -> np.ndarray:
    return np.arange(rows)


def people(draw: Draw, rows: int) -> np.ndarray:
    """A few rows of most, many of some: on average six."""
    share = draw.gamma(0.7, size=max(1, rows // 6))
    return draw.choice(len(share), size=rows, p=share / share.sum())


def days(draw: Draw, rows: int) -> np.ndarray:
    return np.arange(rows) * 14 // rows


WAYS: dict[str, Callable[[Draw, int], np.ndarray]] = {
    "rows of as many people": alone,
    "about six rows a person": people,
    "14 days": days,
}


def holdout(draw: Draw, rows: int, way: str, *, more: float) -> Holdout:
    """Draw a holdout. A score is normal about 0, about d for positives: AUC = Phi(d / sqrt(2)); both models err by themselves."""
    block = blocks_of(WAYS[way](draw, rows))
    labels = draw.random(rows) < POSITIVE
    sides = []
    for auc in (AUC + more, AUC):
        alike = draw.normal(size=int(block.max()) + 1)[block]
        noise = np.sqrt(ALIKE) * alike + np.sqrt(1 - ALIKE) * draw.normal(size=rows) if way != "rows of as many people" else alike
        sides.append(labels * np.sqrt(2) * norm.ppf(auc) + noise)
    return Holdout(labels, sides[0], sides[1], block)


def is_promoted(found: Holdout, draw: Draw, *, by_rows: bool = False) -> bool:
    block = np.arange(len(found.labels), dtype=np.int32) if by_rows else found.block
    said = difference(Metric.ROC_AUC, found.labels, found.ours, found.theirs, block, draw=draw)
    judged = better(
        said,
        margin=0.0,
        is_not_worse_enough=False,
        rows=len(found.labels),
        positives=int(found.labels.sum()),
        least_rows=100,
        least_of_class=10,
    )
    return judged.status is Status.PASSED


def promoted(way: str, rows: int, more: float, by_rows: bool, seed: int, first: int, last: int) -> int:
    """Count the promotions over the holdouts numbered `first` to `last`, exclusive: each seeded by its own number."""
    count = 0
    for number in range(first, last):
        draw = np.random.default_rng([seed, list(WAYS).index(way), rows, number])
        count += is_promoted(holdout(draw, rows, way, more=more), draw, by_rows=by_rows)
    return count


def limit(holdouts: int, *, kinds: int = 1) -> int:
    """How many of so many holdouts a true rate of 5% promotes at most, in 95% of all cases for all `kinds`: 15 of 200, for one."""
    return int(binom.ppf(1 - 0.05 / kinds, holdouts, RATE))


def counts(pool: ProcessPoolExecutor, arguments: argparse.Namespace, way: str, more: float, *, by_rows: bool) -> list[int]:
    """Return the promotions of one kind of rows, by how many there are."""
    half = arguments.holdouts // 2
    jobs = [
        [pool.submit(promoted, way, n, more, by_rows, arguments.seed, *part) for part in ((0, half), (half, arguments.holdouts))]
        for n in arguments.rows
    ]
    return [sum(job.result() for job in some) for some in jobs]


def table(pool: ProcessPoolExecutor, arguments: argparse.Namespace, title: str, more: float, *, by_rows: bool) -> dict[str, int]:
    """Print a line for each kind of rows as it is known, and return the promotions by what they are of."""
    sys.stdout.write(f"{title}\n{'':28}" + "".join(f"{n:>9,}" for n in arguments.rows) + " rows\n")
    cells: dict[str, int] = {}
    for way in WAYS:
        found = counts(pool, arguments, way, more, by_rows=by_rows)
        cells |= {f"{way}, {n:,} rows": k for n, k in zip(arguments.rows, found, strict=True)}
        sys.stdout.write(f"  {way:26}" + "".join(f"{n:>9}" for n in found) + "\n")
        sys.stdout.flush()
    sys.stdout.write("\n")
    return cells


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holdouts", type=int, default=HOLDOUTS)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started, of = time.monotonic(), f"promoted of {arguments.holdouts}"
    with ProcessPoolExecutor(max_workers=2) as pool:
        equal = table(pool, arguments, f"A/A: {of}", 0.0, by_rows=False)
        table(pool, arguments, f"{MORE} AUC better in truth: {of}", MORE, by_rows=False)
        table(pool, arguments, f"A/A with rows for blocks, which the gate does not do: {of}", 0.0, by_rows=True)
    highest = limit(arguments.holdouts, kinds=len(equal))
    together, most = sum(equal.values()), limit(arguments.holdouts * len(equal))
    missed = [f"{kind}: {k}" for kind, k in equal.items() if k > highest] + (["all together"] if together > most else [])
    sys.stdout.write(f"A/A: the most of one kind {max(equal.values())} (limit {highest}), of all {together} (limit {most})\n")
    sys.stdout.write(f"missed: {'; '.join(missed) or 'nothing'}\n{time.monotonic() - started:.0f} s\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
