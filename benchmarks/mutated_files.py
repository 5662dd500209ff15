"""Harmed landing files through bronze and silver of the shipped product: is every record accounted for, and no row wrong?

    python benchmarks/mutated_files.py [--files 1000] [--seed 1] [--processes 2] [--uci PATH]

The days are those of the real UCI set, about 100 encounters each. Every file is harmed in one to five ways
(tests/layers/mutator.py), landed and run; what comes of it is compared with what an independent reader and plain
Python make of the same bytes (tests/layers/mutated.py). Prints a summary and the seed; exits with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from readiness_pipelines.samples import uci
from readiness_pipelines.settings import Settings
from tests.layers.mutated import Findings, run_file
from tests.layers.mutator import mutate

DAYS = 480
_TOGETHER = 20  # files that share a state folder
_SHOWN = 20


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    project = Path(__file__).resolve().parent.parent
    real = project.parent / "shared" / "data" / "diabetes_readmission" / "dev_first_half.parquet"
    options.add_argument("--uci", type=Path, default=real)
    given = options.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        days = Path(folder) / "days"
        uci.replay(given.uci, days, days=DAYS)
        tasks = [(days, given.seed, n, min(n + _TOGETHER, given.files)) for n in range(0, given.files, _TOGETHER)]
        with ProcessPoolExecutor(given.processes, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = [one for some in pool.map(run_some, tasks) for one in some]
    _print_summary(found, seed=given.seed, took=time.monotonic() - started)
    return 1 if any(f.wrong or f.crashed for _, f in found) else 0


def run_some(task: tuple[Path, int, int, int]) -> list[tuple[str, Findings]]:
    """Run the files `first` to `last` (exclusive) of a seed in a state folder of their own."""
    days, seed, first, last = task
    found = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder) / "state", landing=Path(folder) / "landing")
        for n in range(first, last):
            kind = "outcomes" if n % 3 == 2 else "encounters"
            files = sorted((days / kind).iterdir())
            file = files[(seed * 7919 + n) % len(files)]
            mutated = mutate(file.read_bytes(), f"{seed}/{n}")
            partition = file.stem.removeprefix(f"{kind}_")
            found.append((f"{n} {file.name}", run_file(settings, mutated, table=f"raw_{kind}", partition=partition)))
    return found


def _print_summary(found: list[tuple[str, Findings]], *, seed: int, took: float) -> None:
    each = [f for _, f in found]
    ends = Counter(f"bronze {f.bronze or 'crashed'}" + (f", silver {f.silver}" if f.silver else "") for f in each)
    kinds = Counter(kind for f in each for kind in f.kinds)
    lines = [
        f"seed {seed}: {len(each)} mutated files, {took:.0f} s",
        *(f"  {n:>7}  {end}" for end, n in ends.most_common()),
        f"  {sum(f.records for f in each):>7}  records found by the independent reader",
        f"  {sum(f.rejects for f in each):>7}  of them unreadable, of files whose header fits",
        f"  {sum(f.quarantined for f in each):>7}  rows in quarantine of silver",
        f"  {sum(f.admitted for f in each):>7}  rows admitted to silver, each equal to the independent reading",
        f"  {sum(bool(f.crashed) for f in each):>7}  exceptions",
        f"  {sum(bool(f.wrong) for f in each):>7}  files with anything wrong",
        "  harm: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()),
    ]
    for name, f in [(name, f) for name, f in found if f.wrong or f.crashed][:_SHOWN]:
        lines.append(f"  WRONG {name} ({', '.join(f.kinds)}): {f.crashed or '; '.join(f.wrong)}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
