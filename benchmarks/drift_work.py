"""What `benchmarks/drift.py` measures of ours, of DuckDB and of scipy: each piece of work in a process of its own.

    python benchmarks/drift_work.py WORK FOLDER

FOLDER has reference.parquet, window.parquet and, once `keep` has run, a lakehouse with the reference's profile. Prints one JSON
line: CPU and wall seconds of the work, CPU seconds of its imports, the process's peak of resident memory, and what it says.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.windows import CATEGORIES, NUMBERS

if TYPE_CHECKING:
    from readiness_pipelines.drift.profile import Layout, Profile
    from readiness_pipelines.lakehouse import Lakehouse

PRODUCT, TABLE, REFERENCE = "benchmark", "benchmark.gold.windows", [("reference", "r")]
COLUMNS = (*NUMBERS, *CATEGORIES)


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    cpu = time.process_time()
    work = _import(name)
    imports = time.process_time() - cpu
    cpu, begun = time.process_time(), time.monotonic()
    said = work(folder)
    found = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - begun, "imports": imports, "peak": peak(), "said": said}
    sys.stdout.write(json.dumps(found))


def peak() -> float:
    """Return MB of resident memory at the peak. Linux: of this program alone, not of the one that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


_OURS = (
    *("numpy", "scipy.stats", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow"),
    *(f"readiness_pipelines.drift.{name}" for name in ("binning", "decide", "exact", "measurements", "store")),
)
_IMPORTS = {"floor": ("duckdb",), "scipy_ks": ("pyarrow.parquet", "scipy.stats")}
_IMPORTS["scipy"] = (*_IMPORTS["scipy_ks"], "scipy.spatial.distance", "pyarrow.compute")


def _import(name: str) -> Callable[[Path], str]:
    """Import what the work uses, and what that imports only when it is used."""
    for module in _IMPORTS.get(name, _OURS):
        importlib.import_module(module)
    return {
        "floor": _floor,
        "keep": _keep,
        "window": _window,
        "window_kept": lambda folder: _window(folder, keep=True),
        "exact": _exact,
        "scipy_ks": _scipy_ks,
        "scipy": _scipy,
    }[name]


def _floor(folder: Path) -> str:
    """Sum every number and count every category of the window."""
    import duckdb

    with duckdb.connect() as con:
        wanted = ", ".join([*(f"sum({name})" for name in NUMBERS), *(f"count({name})" for name in CATEGORIES)])
        con.execute(f"SELECT {wanted} FROM {_file(folder, 'window')}").fetchall()
    return "sum or count of every column of the window"


def _file(folder: Path, side: str) -> str:
    return f"read_parquet('{folder / side}.parquet')"


def _lake(folder: Path) -> Lakehouse:
    from readiness_pipelines.lakehouse import Lakehouse
    from readiness_pipelines.settings import Settings

    return Lakehouse.open(Settings(state=folder / "state", landing=folder / "landing"))


def _keep(folder: Path) -> str:
    """Lay out and profile the reference, and keep both, as is done once per reference."""
    from readiness_pipelines.drift.layout import layout_of
    from readiness_pipelines.drift.scan import profile
    from readiness_pipelines.drift.store import store

    lake = _lake(folder)
    with lake.connect() as con:
        layout = layout_of(con, _file(folder, "reference"), COLUMNS, told=COLUMNS)
        store(lake, PRODUCT, TABLE, {REFERENCE[0]: profile(con, _file(folder, "reference"), layout)}, layout)
    (folder / "layout").write_text(layout.id)
    return f"{sum(each.bins for each in layout.columns):,} bins"


def _window(folder: Path, *, keep: bool = False) -> str:
    """Profile the window over the layout that is kept, and judge it against the profile that is kept."""
    from readiness_pipelines.drift.scan import profile
    from readiness_pipelines.drift.store import store, stored, stored_layout

    lake = _lake(folder)
    layout = stored_layout(lake, PRODUCT, (folder / "layout").read_text())
    assert layout is not None
    reference = stored(lake, PRODUCT, TABLE, REFERENCE, layout)[REFERENCE[0]]
    with lake.connect() as con:
        window = profile(con, _file(folder, "window"), layout)
    if keep:
        store(lake, PRODUCT, TABLE, {("window", str(time.time_ns())): window}, layout)
    return _judged(layout, reference, window)


def _judged(layout: Layout, reference: Profile, window: Profile) -> str:
    from readiness_pipelines.declarations.monitors import Watched
    from readiness_pipelines.drift.decide import ambiguous, decide
    from readiness_pipelines.drift.measurements import compared
    from readiness_pipelines.drift.rule import Rule
    from readiness_pipelines.flow import Kind, Measured, Reference, Window

    watched = [Watched(each.column, each.kind.value, Kind.DATA, True) for each in layout.columns]
    found = tuple(compared(watched, layout, reference, window))
    against = Reference("r", "the reference", (), layout.id)
    rows = (window.rows, reference.rows)
    measured = Measured(PRODUCT, "windows", TABLE, Window("w", "w"), against, (), (), *rows, measurements=found)
    report = decide(measured, Rule())
    alarms = sorted({each.column for each in report.findings if each.severity.rank})
    return f"{report.severity}: {', '.join(alarms)}; {len(ambiguous(measured, Rule()))} columns left open"


def _exact(folder: Path) -> str:
    """D, its p and the Wasserstein distance of every column of numbers, from the rows of both sides."""
    import duckdb

    from readiness_pipelines.drift.exact import distances
    from readiness_pipelines.drift.statistics import ks

    worst = ("", 0.0)
    with duckdb.connect() as con:
        for name in NUMBERS:
            found = distances(con, _file(folder, "reference"), _file(folder, "window"), name)
            assert found.ks is not None
            ks.p_value(found.ks, found.n_reference, found.n_window)
            worst = max(worst, (name, found.ks), key=lambda each: each[1])
    return f"largest D {worst[1]:.4f}, {worst[0]}"


def _scipy_ks(folder: Path) -> str:
    """D and its p of every column of numbers, both sides in memory."""
    import numpy as np
    import pyarrow.parquet as pq
    from scipy.stats import ks_2samp

    sides, worst = [pq.read_table(folder / f"{side}.parquet", columns=list(NUMBERS)) for side in ("reference", "window")], 0.0
    for name in NUMBERS:
        a, b = (side[name].drop_null().to_numpy() for side in sides)
        worst = max(worst, float(ks_2samp(a, b, method="asymp").statistic))
    return f"largest D {worst:.4f}" if np.isfinite(worst) else ""


def _scipy(folder: Path) -> str:
    """The same, and Wasserstein, PSI and Jensen-Shannon over deciles, chi-squared of categories."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

    sides = [pq.read_table(folder / f"{side}.parquet") for side in ("reference", "window")]
    for name in NUMBERS:
        a, b = (side[name].drop_null().to_numpy() for side in sides)
        ks_2samp(a, b, method="asymp"), wasserstein_distance(a, b)
        edges = np.quantile(a, np.arange(1, 10) / 10)
        p, q = (np.maximum(np.bincount(np.searchsorted(edges, x), minlength=10) / len(x), 1e-4) for x in (a, b))
        jensenshannon(p, q, base=2), ((q - p) * np.log(q / p)).sum()
    for name in CATEGORIES:
        counts = [{c["values"]: c["counts"] for c in pc.value_counts(side[name]).to_pylist()} for side in sides]
        values = sorted(counts[0].keys() | counts[1].keys())
        chi2_contingency([[side.get(value, 0) for value in values] for side in counts], correction=False)
    return f"{len(COLUMNS)} columns"


if __name__ == "__main__":
    main()
