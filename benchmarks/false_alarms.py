"""How often windows without drift raise an alarm, and how often drift that matters is found: `decide` on simulated windows.

1,000 windows without drift at 500, 5,000, 100,000 and 1,000,000 rows on both sides, each with a reference of its own; 10, 25 and 50
columns, independent and correlated, normal, heavy-tailed and categorical, every fifth column with 2% nulls. Then windows with
drift. Columns and kinds of one setting come from the same draws, so the rows of the table are not independent of each other; the
1,000 windows of one number are. Prints the tables, each number beside its limit, and what was missed; ends with status 1 then.

Usage: python benchmarks/false_alarms.py [--quick] [--markdown]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from drift_windows import COLUMNS, SHARES, Move, Side, cuts, side
from scipy.stats import binom

from readiness_pipelines.drift.decide import ambiguous, decide
from readiness_pipelines.drift.rule import Rule
from readiness_pipelines.drift.statistics import binned, ks
from readiness_pipelines.drift.statistics.proportions import difference
from readiness_pipelines.drift.statistics.unseen import unseen
from readiness_pipelines.flow import DriftReport, Kind, Measured, Measurement, Mode, Reference, Severity, Test, Window

ROWS = (500, 5_000, 100_000, 1_000_000)
WIDTHS = (10, 25, 50)
KINDS = ("normal", "heavy-tailed", "categorical")
NULLS, MORE_NULLS = 0.02, 0.08
WINDOWS, DRIFTED = 1_000, 300
RULE = Rule()
FOUND_LIMIT = 0.95

SHIFT, WIDER, TINY = "+0.25 sd", "sd x 1.3", "+0.01 sd, every column"
MOVED, MOVED_OF_MANY, NULLED = "10 points to another of 2 categories", "10 points to another of 1,000 categories", "nulls 2% -> 8%"
MOVES: dict[str, Move] = {SHIFT: lambda z: z + 0.25, WIDER: lambda z: z * 1.3, TINY: lambda z: z + 0.01}
DRIFTS = (SHIFT, WIDER, NULLED, MOVED, MOVED_OF_MANY)


@dataclass
class Tally:
    """Counts of windows by what they are of: (rows, correlated, kind or drift, width) and a word."""

    counts: Counter[tuple[object, ...]] = field(default_factory=Counter)

    def add(self, key: tuple[object, ...], report: DriftReport, *, of: str | None = None) -> None:
        """Count a window; as found where `of` is a column that is at low or above, or where anything is if none is named."""
        here = report.severity if of is None else Severity.worst(f.severity for f in report.findings if f.column == of)
        self.counts[*key, "windows"] += 1
        self.counts[*key, "low"] += here.is_at_least(Severity.LOW)
        self.counts[*key, "high"] += here.is_at_least(Severity.HIGH)
        self.counts[*key, "undecided"] += any(f.mode is Mode.UNDECIDED for f in report.findings)
        self.counts[*key, "insufficient"] += report.mode is Mode.INSUFFICIENT_SAMPLE


# measurements of simulated columns, as the product makes them of profiles


def of_number(name: str, reference: Side, window: Side, nulls: tuple[int, int], rows: int) -> list[Measurement]:
    n, m = rows - nulls[0], rows - nulls[1]
    low, high = reference.bracket(window)  # type: ignore[arg-type]
    ends = {} if low == high else {"effect_high": high, "p_low": ks.p_value(high, n, m)}
    edges = reference.deciles()
    compared = binned.numbers(reference.counts(edges), window.counts(edges), nulls=nulls)
    return [
        Measurement(name, Kind.DATA, Test.KS, low, ks.p_value(low, n, m), n, m, **ends),  # type: ignore[arg-type]
        _psi(name, compared, rows),
        *_nulls(name, nulls, rows),
    ]


def of_category(name: str, before: np.ndarray, after: np.ndarray, nulls: tuple[int, int], rows: int) -> list[Measurement]:
    """The reference's 50 most frequent categories have a bin each."""
    order = np.argsort(-before, kind="stable")
    top, rest = order[:50], order[50:]
    top, known, new = top[before[top] > 0], rest[before[rest] > 0], before == 0
    hits, n, m = int(after[new].sum()), rows - nulls[0], rows - nulls[1]
    other = int(before[known].sum()), int(after[known].sum())
    compared = binned.categories(before[top], after[top], other=other, unseen=hits, nulls=nulls)
    more = unseen(int((before == 1).sum()), n, hits, m)
    assert more is not None
    return [
        _psi(name, compared, rows),
        Measurement(name, Kind.DATA, Test.UNSEEN, max(0.0, more.change), more.p, n, m),
        *_nulls(name, nulls, rows),
    ]


def _psi(name: str, compared: binned.Binned | None, rows: int) -> Measurement:
    assert compared is not None
    return Measurement(
        name, Kind.DATA, Test.PSI, compared.effect, compared.p, rows, rows, more={"degrees": float(compared.degrees)}
    )


def _nulls(name: str, nulls: tuple[int, int], rows: int) -> Iterator[Measurement]:
    if any(nulls):
        found = difference(nulls[0], rows, nulls[1], rows)
        assert found is not None
        yield Measurement(name, Kind.MISSINGNESS, Test.NULLS, abs(found.change), found.p, rows, rows)


# windows


@dataclass(frozen=True)
class Setting:
    """What windows are drawn of."""

    rows: int
    correlated: bool


Column = tuple[Side, Side, tuple[int, int]]  # reference, window, rows without a value


def columns_of(draw: np.random.Generator, setting: Setting, *, move: Move | None = None, rate: float | None = None) -> list[Column]:
    """Draw all columns of a reference and a window; `move` drifts every one, `rate` is the window's null rate."""
    rates = np.where(np.arange(COLUMNS) % 5 == 0, NULLS, 0.0)
    before = draw.binomial(setting.rows, rates)
    after = draw.binomial(setting.rows, rates if rate is None else np.where(rates > 0, rate, 0))
    sides = [
        side(draw, [setting.rows - int(k) for k in nulls], correlated=setting.correlated, move=each)
        for nulls, each in ((before, None), (after, move))
    ]
    return [(a, b, (int(k), int(j))) for a, b, k, j in zip(*sides, before, after, strict=True)]


def measurements_of(kind: str, at: int, column: Column, rows: int, *, moved: bool = False) -> list[Measurement]:
    reference, window, nulls = column
    name = f"c{at:02}"
    if kind == "normal":
        return of_number(name, reference, window, nulls, rows)
    if kind == "heavy-tailed":
        return of_number(name, reference.heavy(), window.heavy(), nulls, rows)
    shares = np.sort(SHARES[at % len(SHARES)])
    after = np.append(shares[:-2], [shares[-2] + 0.1, shares[-1] - 0.1]) if moved else shares
    return of_category(name, reference.counts(cuts(shares)), window.counts(cuts(after)), nulls, rows)


def judged(measurements: list[Measurement], columns: list[Column], rows: int, *, kind: str) -> DriftReport:
    """Decide about a window, the columns whose bracket does not say enough measured exactly first."""
    reference = Reference("r", "simulated", (), "l")
    measured = Measured("p", "m", "p.silver.t", Window("w", "w"), reference, (), (), rows, rows, tuple(measurements))
    while asked := ambiguous(measured, RULE):
        exact = tuple(_exactly(m, columns, kind) if m.column in asked else m for m in measured.measurements)
        measured = replace(measured, measurements=exact)
    return decide(measured, RULE)


def _exactly(m: Measurement, columns: list[Column], kind: str) -> Measurement:
    if m.is_exact:
        return m
    reference, window, _ = columns[int(m.column[1:])]
    if kind == "heavy-tailed":
        reference, window = reference.heavy(), window.heavy()
    d = reference.exact(window)  # type: ignore[arg-type]
    return replace(m, effect=d, p=ks.p_value(d, m.n_reference, m.n_window), effect_high=None, p_low=None)


def simulate(setting: Setting, seed: int, first: int, windows: int, drifted: int) -> Tally:
    """Count what comes of `windows` windows without drift, and of those with drift numbered below `drifted`."""
    tally = Tally()
    for number in range(first, first + windows):
        draw = np.random.default_rng([seed, setting.rows, setting.correlated, number])
        columns = columns_of(draw, setting)
        calm = {kind: [measurements_of(kind, at, c, setting.rows) for at, c in enumerate(columns)] for kind in KINDS}
        for kind in KINDS:
            for width in WIDTHS:
                report = judged(sum(calm[kind][:width], []), columns, setting.rows, kind=kind)
                tally.add((setting, kind, width), report)
        if number < drifted:
            _drift(tally, draw, setting, columns, calm)
    return tally


def _drift(
    tally: Tally, draw: np.random.Generator, setting: Setting, columns: list[Column], calm: dict[str, list[list[Measurement]]]
) -> None:
    for drift in DRIFTS:
        kind, at = ("categorical", {MOVED: 0, MOVED_OF_MANY: 9}[drift]) if drift in (MOVED, MOVED_OF_MANY) else ("normal", 0)
        rate = MORE_NULLS if drift == NULLED else None
        nulls = columns[at][2][0], int(draw.binomial(setting.rows, rate)) if rate else columns[at][2][1]
        reference = columns[at][0]
        (window,) = side(draw, [setting.rows - nulls[1]], correlated=setting.correlated, move=MOVES.get(drift))
        now = [*columns]
        now[at] = reference, window, nulls
        changed = measurements_of(kind, at, now[at], setting.rows, moved=kind == "categorical")
        for width in WIDTHS:
            rest = [m for i, each in enumerate(calm[kind][:width]) if i != at for m in each]
            tally.add((setting, drift, width), judged([*changed, *rest], now, setting.rows, kind=kind), of=f"c{at:02}")
    if setting.rows == ROWS[-1]:
        now = columns_of(draw, setting, move=MOVES[TINY])
        for kind in KINDS:
            measurements = [m for at, c in enumerate(now) for m in measurements_of(kind, at, c, setting.rows)]
            tally.add((setting, TINY, kind), judged(measurements, now, setting.rows, kind=kind))


# the tables


def told(setting: Setting) -> str:
    return "correlated" if setting.correlated else "independent"


def alarm_rows(counts: Counter[tuple[object, ...]], rows: tuple[int, ...]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield table rows of windows without drift (low or above / high or above, of 1,000) and what of them was missed."""
    for kind in KINDS:
        for correlated in (False, True):
            for width in WIDTHS:
                cells, missed = [], []
                for n in rows:
                    key = Setting(n, correlated), kind, width
                    windows, low, high = (counts[*key, word] for word in ("windows", "low", "high"))
                    cells.append(f"{low} / {high}")
                    if low > limit(windows, 0.05) or high > limit(windows, 0.01):
                        missed.append(f"{kind}, {told(key[0])}, {width} columns, {n:,} rows: {low} / {high} of {windows:,}")
                yield [kind, "correlated" if correlated else "independent", str(width), *cells], missed


def limit(windows: int, rate: float) -> int:
    """How many of so many windows a true rate gives at most, in 95% of all cases: 62 and 15 of 1,000."""
    return int(binom.ppf(0.95, windows, rate))


def found_rows(counts: Counter[tuple[object, ...]], rows: tuple[int, ...]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield table rows of the drifts: the least share that was found over widths and dependence, and what was missed."""
    for drift in DRIFTS:
        cells, missed = [], []
        for n in rows:
            shares = {
                key: counts[*key, "low"] / counts[*key, "windows"]
                for key in ((Setting(n, c), drift, w) for c in (False, True) for w in WIDTHS)
                if counts[*key, "windows"]
            }
            worst = min(shares, key=lambda key: shares[key])
            cells.append(f"{shares[worst]:.1%}")
            if n >= 5_000 and shares[worst] < FOUND_LIMIT:
                missed.append(f"{drift}, {told(worst[0])}, {worst[2]} columns, {n:,} rows: found in {shares[worst]:.1%}")
        yield [drift, *cells], missed


def table(head: list[str], rows: list[list[str]], *, markdown: bool) -> None:
    if markdown:
        lines = [head, ["---"] * len(head), *rows]
        sys.stdout.write("".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n")
        return
    wide = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    for line in [head, *rows]:
        sys.stdout.write("  ".join(cell.ljust(w) for cell, w in zip(line, wide, strict=True)).rstrip() + "\n")
    sys.stdout.write("\n")


def show(counts: Counter[tuple[object, ...]], rows: tuple[int, ...], *, markdown: bool) -> list[str]:
    """Print all tables and return what was missed."""
    heads = [f"{n:,}" for n in rows]
    alarms, found = list(alarm_rows(counts, rows)), list(found_rows(counts, rows))
    windows = max(v for k, v in counts.items() if k[-1] == "windows")
    limits = f"limits {limit(windows, 0.05)} and {limit(windows, 0.01)}"
    sys.stdout.write(f"Windows of {windows:,} without drift with an alarm, low or above / high or above ({limits})\n\n")
    table(["columns are", "and", "columns", *heads], [row for row, _ in alarms], markdown=markdown)
    sys.stdout.write(
        f"Drift of one column found at low or above; the worst of 10, 25, 50 columns ({FOUND_LIMIT:.0%} from 5,000 on)\n\n"
    )
    table(["drift", *heads], [row for row, _ in found], markdown=markdown)
    missed = [each for _, some in [*alarms, *found] for each in some]
    silent = [(k, v) for k, v in counts.items() if k[1] == TINY and k[-1] in ("low", "windows")]
    if silent:
        loud, all_of_them = sum(v for k, v in silent if k[-1] == "low"), sum(v for k, v in silent if k[-1] == "windows")
        sys.stdout.write(f"{TINY}, 1,000,000 rows: {loud} of {all_of_them} windows with an alarm (limit 0)\n")
        missed += [f"{TINY}: {loud} of {all_of_them} windows with an alarm"] if loud else []
    for n in rows:
        keys = [(Setting(n, c), kind, w) for c in (False, True) for kind in KINDS for w in WIDTHS]
        unseen_yet = sum(counts[*k, "insufficient"] for k in keys) / max(1, sum(counts[*k, "windows"] for k in keys))
        undecided = sum(counts[*k, "undecided"] for k in keys)
        sys.stdout.write(f"{n:,} rows without drift: {unseen_yet:.0%} told as insufficient_sample, {undecided} undecided\n")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 windows, up to 5,000 rows, and 10 of 1,000,000")
    parser.add_argument("--markdown", action="store_true", help="tables as in docs/drift.md")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = tuple(n for n in ROWS if not arguments.quick or n != 100_000)
    started, tally, jobs = time.monotonic(), Tally(), []
    with ProcessPoolExecutor(max_workers=2) as pool:
        for n in reversed(rows):
            windows = WINDOWS if not arguments.quick else 10 if n > 5_000 else 100
            part = max(1, windows // 20)
            for correlated in (False, True):
                for first in range(0, windows, part):
                    drifted = DRIFTED if not arguments.quick else windows
                    jobs.append(pool.submit(simulate, Setting(n, correlated), arguments.seed, first, part, drifted))
        for job in jobs:
            tally.counts.update(job.result().counts)
    missed = show(tally.counts, rows, markdown=arguments.markdown)
    sys.stdout.write("\nmissed: " + ("nothing\n" if not missed else "\n  " + "\n  ".join(missed) + "\n"))
    sys.stdout.write(f"{time.monotonic() - started:.0f} s\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
