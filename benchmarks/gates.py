"""What a gate costs: 21 expectations over 12 columns, beside a scan, a copy, Great Expectations and pandera, in one run.

    python benchmarks/gates.py [--rows 1000000] [--bad 0 0.001 0.05] [--repeat 3] [--only WORK ...] [--profile]

Each piece of work runs in a process of its own: CPU seconds (user and system) and wall seconds without its imports, which
stand apart, and the process's peak of resident memory; medians of `--repeat` runs, taken in turns. `scan floor` decodes all
columns; `plain copy` writes the rows as they are staged, unjudged; `gate and split` is the product's own step from a
candidate to its verdict: stage, judge, set bad rows aside, write them to the quarantine table. Great Expectations reads the
file into pandas (counted). The goals stand at the end of each table (that of memory at 10,000,000 rows, that of keys with 5%
bad rows), then, with `--profile`, the seconds of DuckDB's operators in what judges the whole suite. 10,000,000 rows need 6 GB
of memory and a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

WORK = {
    "floor": "scan floor",
    "counts": "counts, no uniqueness",
    "unique_1": "unique(id)",
    "unique_2": "unique(id, line_no)",
    "unique_both": "both of them",
    "all": "counts, all rules",
    "keys": "counts, bad rows' keys",
    "copy": "plain copy",
    "gate": "gate and split",
    "pandera": "pandera on polars",
    "gx": "GX on pandas, SUMMARY",
    "gx_complete": "GX on pandas, COMPLETE, keys",
}
_SLOW = ("gx", "gx_complete")  # run once where rows are many: they take minutes

Found = Mapping[str, float]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--bad", type=float, nargs="+", default=[0.0, 0.001, 0.05], help="shares of bad rows")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--only", nargs="+", choices=WORK, default=list(WORK), metavar="WORK", help=", ".join(WORK))
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    for bad in given.bad:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "orders.parquet"
            _make(file, given.rows, bad)
            size = file.stat().st_size / 1e6
            _tell(f"{given.rows:,} rows of 12 columns, {size:.0f} MB, {bad:.1%} bad; 21 expectations; medians of {given.repeat}")
            found = _measure(file, given.only, given.repeat, given.rows)
            for line in goals(found, rows=given.rows, bad=bad):
                _tell(line)
            if given.profile:
                _tell(subprocess.run(_command("profile", file), check=True, stdout=subprocess.PIPE, text=True).stdout)


def _make(file: Path, rows: int, bad: float) -> None:
    """In another process: this one stays small, so that no measured one begins with its memory."""
    code = "import sys; from pathlib import Path; from benchmarks.orders import make; "
    code += f"make(Path({str(file)!r}), rows={rows}, bad={bad})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)


def _command(work: str, file: Path) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("gates_work.py")), work, str(file)]


def _measure(file: Path, works: Sequence[str], repeat: int, rows: int) -> dict[str, Found]:
    runs: dict[str, list[dict[str, float]]] = {work: [] for work in works}
    said = {}
    for turn in range(repeat):
        for work in works:
            if turn and work in _SLOW and rows > 2_000_000:
                continue
            sys.stderr.write(f"\r  run {turn + 1} of {repeat}: {WORK[work]:32}")
            done = json.loads(subprocess.run(_command(work, file), check=True, stdout=subprocess.PIPE, text=True).stdout)
            said[work] = done.pop("said")
            runs[work] += [done] if done else []
    sys.stderr.write("\r" + " " * 60 + "\r")
    found: dict[str, Found] = {}
    for work in works:
        if runs[work]:
            m = found[work] = {key: statistics.median(run[key] for run in runs[work]) for key in runs[work][0]}
            numbers = f"{m['cpu']:7.2f} s CPU {m['wall']:7.2f} s wall {m['peak']:6.0f} MB  imports {m['imports']:4.1f} s CPU"
            _tell(f"  {WORK[work]:29}{numbers}  {said[work]}")
        else:
            _tell(f"  {WORK[work]:29}{said[work]}")
    return found


def goals(found: Mapping[str, Found], *, rows: int, bad: float) -> Iterator[str]:
    """Yield a line per goal whose pieces were measured: what is wanted, what was found, met or missed."""

    def goal(work: str, of: str, wanted: float, *, least: bool = False, key: str = "cpu", counts: bool = True) -> str | None:
        """Return the line of `wanted` times `of`: at most so much, or with `least` that `work` costs so much more."""
        if not counts or work not in found or of not in found:
            return None
        measured = found[work][key] / found[of][key]
        met = measured >= wanted if least else measured <= wanted
        return (
            f"  goal {'memory' if key == 'peak' else 'CPU'} of {WORK[work]} {'>=' if least else '<='} {wanted:g}x {WORK[of]}: "
            f"measured {measured:.2f}x, {'met' if met else 'missed'}"
        )

    lines = (
        goal("counts", "floor", 2.5),
        goal("unique_1", "floor", 1.0),
        goal("unique_2", "floor", 1.0),
        goal("gate", "copy", 1.2),
        goal("gx", "all", 4, least=True),
        goal("gx", "all", 5, least=True, key="peak", counts=rows >= 10_000_000),
        goal("gx_complete", "keys", 20, least=True, counts=bad >= 0.05),
    )
    yield from (line for line in lines if line)


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
