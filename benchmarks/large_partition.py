"""One large partition through all layers, out of core: a csv file of 50 million rows with DuckDB's memory limit at 1 GB.

    python benchmarks/large_partition.py [--rows 50000000] [--memory 1GB] [--bad 0.001]

Prints CPU, wall and peak resident memory of each layer's step, each in a process of its own, beside the size of the file;
and checks that the rows add up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import duckdb

from benchmarks.layers import COLUMNS, MADE, PARTITION, declare, measured, settings_of
from readiness_pipelines.declarations import load_product
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=50_000_000)
    options.add_argument("--memory", default="1GB")
    options.add_argument("--bad", type=float, default=0.001)
    options.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.step:
        table, root = given.step
        sys.stdout.write(json.dumps(measured(lambda: _step(Path(root), table, given.memory))))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        declare(root)
        size = _land(root, given.rows, given.bad, given.memory)
        tell(
            f"{given.rows:,} rows of {len(COLUMNS)} columns, {size / 1e9:.1f} GB of csv, {given.bad:.1%} bad, limit {given.memory}"
        )
        for table in ("raw_sales", "sales", "daily_sales"):
            command = [sys.executable, __file__, "--step", table, str(root), "--memory", given.memory]
            m = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            tell(f"  {table:12} {m['cpu']:8.1f} s CPU  {m['wall']:8.1f} s wall  peak {m['peak']:6.0f} MB  {m['said']}")


def _land(root: Path, rows: int, bad: float, memory: str) -> int:
    path = root / "landing" / f"sales_{PARTITION}.csv"
    path.parent.mkdir(parents=True)
    with duckdb.connect(config={"memory_limit": memory, "temp_directory": str(root / "spill")}) as con:
        con.execute("SET preserve_insertion_order = false")
        made = MADE.format(first=10_000_000, rows=rows, bad=round(bad * 1_000_000))
        con.execute(f"COPY (SELECT CAST(price AS VARCHAR) AS price, * EXCLUDE (price) FROM ({made})) TO '{path}' (HEADER)")
    return path.stat().st_size


def _step(root: Path, table: str, memory: str) -> str:
    settings = settings_of(root, memory)
    product = load_product(root / "defs" / "sales")
    result = run_step(Lakehouse.open(settings), settings, product, table, PARTITION)
    assert result.verdict is not None and result.verdict.counts.conserved, result
    counts = result.verdict.counts
    return f"{result.kind}: {counts.rows_in:,} in, {counts.admitted:,} admitted, {counts.quarantined:,} quarantined"


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
