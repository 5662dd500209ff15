"""What it costs to look for drift: a window against a stored reference, beside a scan, scipy, NannyML and Evidently, in one run.

    python benchmarks/drift.py [--rows 1000000 10000000] [--repeat 5] [--only WORK ...] [--environments FOLDER]

20 columns of numbers, 5 of categories, as many rows in the window as in the reference, all from the same two Parquet files.
Each piece of work runs in a process of its own: CPU seconds (user and system) and wall seconds without its imports,
which stand apart, and the process's peak of resident memory; medians of `--repeat` runs, taken in turns. `scan floor` sums
every number and counts every category of the window. `window and decision` reads the reference's profile from the lakehouse,
profiles the window, tests and decides. `full exact` takes D, p and the Wasserstein distance of every column of numbers from the
rows of both sides. NannyML and Evidently pin an older pandas: each has an environment below `--environments`, which is made
if it is not there (a minute or two each). They and scipy run once, and not above 2,000,000 rows: they hold both sides in
memory several times over. Together ten minutes on two idle cores, 3 GB of disk and of memory.
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

HERE = Path(__file__).parent
WORK = {
    "floor": "scan floor",
    "window": "window and decision",
    "window_kept": "the same, profile kept",
    "keep": "reference, once",
    "exact": "full exact: KS, W1",
    "scipy_ks": "scipy KS",
    "scipy": "scipy, all statistics",
    "nannyml": "NannyML",
    "evidently": "Evidently",
}
PEERS = {
    "nannyml": ("nannyml==0.13.*", "statsmodels", "pyarrow"),  # it imports statsmodels and does not ask for it
    "evidently": ("evidently==0.7.*", "pandas<3", "pyarrow"),
}
_ONCE = ("scipy_ks", "scipy", *PEERS)
_MOST_ROWS = 2_000_000  # of those

Found = Mapping[str, float]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--only", nargs="+", choices=WORK, default=list(WORK), metavar="WORK", help=", ".join(WORK))
    options.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "readiness-benchmark-environments")
    given = options.parse_args()
    pythons = {name: environment(given.environments / name, PEERS[name]) for name in PEERS if name in given.only}
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as folder:
            for side in ("reference", "window"):
                _make(Path(folder) / f"{side}.parquet", rows, window=side == "window")
            size = (Path(folder) / "window.parquet").stat().st_size / 1e6
            _tell(f"{rows:,} rows against {rows:,}, 20 numbers and 5 categories, {size:.0f} MB a side; medians of {given.repeat}")
            works = [work for work in given.only if work not in _ONCE or rows <= _MOST_ROWS]
            found = _measure(Path(folder), works, given.repeat, pythons)
            for line in goals(found, rows=rows):
                _tell(line)


def environment(folder: Path, packages: Sequence[str]) -> Path:
    """Return the Python of an environment with these packages, made if it is not there whole."""
    python, is_whole = folder / "bin" / "python", folder / "installed"
    if not is_whole.exists():
        sys.stderr.write(f"\r  installing {packages[0]} into {folder}\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True)
        is_whole.touch()
    return python


def _make(file: Path, rows: int, *, window: bool) -> None:
    """In another process: this one stays small, so that no measured one begins with its memory."""
    code = "from pathlib import Path; from benchmarks.windows import make; "
    code += f"make(Path({str(file)!r}), rows={rows}, window={window})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parent)


def _measure(folder: Path, works: Sequence[str], repeat: int, pythons: Mapping[str, Path]) -> dict[str, Found]:
    runs: dict[str, list[Found]] = {work: [] for work in works}
    said: dict[str, str] = {}
    for turn in range(repeat):
        for work in ["keep", *(each for each in works if each != "keep")]:  # the others need what it keeps
            if turn and (work in _ONCE or work not in works):
                continue
            sys.stderr.write(f"\r  run {turn + 1} of {repeat}: {WORK[work]:32}")
            script = "drift_peers.py" if work in PEERS else "drift_work.py"
            command = [str(pythons.get(work, sys.executable)), str(HERE / script), work, str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            one = json.loads(done.splitlines()[-1])
            said[work] = one.pop("said")
            runs.setdefault(work, []).append(one)
    sys.stderr.write("\r" + " " * 60 + "\r")
    return {work: _told(work, runs[work], said[work]) for work in works}


def _told(work: str, runs: Sequence[Found], said: str) -> Found:
    """Print a piece's line, and return its medians."""
    m = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    numbers = f"{m['cpu']:7.2f} s CPU {m['wall']:7.2f} s wall {m['peak']:6.0f} MB  imports {m['imports']:4.1f} s CPU"
    _tell(f"  {WORK[work]:24}{numbers}  {said}")
    return m


def goals(found: Mapping[str, Found], *, rows: int) -> Iterator[str]:
    """Yield a line per goal whose pieces were measured: what is wanted, what was found, met or missed."""
    for work, of, wanted, is_least in (
        ("window", "floor", 4, False),
        ("evidently", "window", 50, True),
        ("nannyml", "window", 15, True),
        ("scipy_ks", "exact", 5, True),
    ):
        if work in found and of in found:
            ratio = found[work]["cpu"] / found[of]["cpu"]
            met = ratio >= wanted if is_least else ratio <= wanted
            sign = ">=" if is_least else "<="
            yield f"  goal CPU of {WORK[work]} {sign} {wanted}x {WORK[of]}: measured {ratio:.1f}x, {'met' if met else 'missed'}"
    if rows >= 10_000_000:
        for work in ("window", "window_kept", "keep", "exact"):
            if work in found:
                met = found[work]["peak"] <= 1000
                yield f"  goal peak memory of {WORK[work]} <= 1000 MB: {found[work]['peak']:.0f} MB, {'met' if met else 'missed'}"


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
