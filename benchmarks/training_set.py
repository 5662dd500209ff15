"""What selecting a training set costs: labels, the holdout, the fate of every row, the rows laid out, leaks.

    python benchmarks/training_set.py [--rows 10000000] [--memory 1GB]

Made-up stays in the columns of the readmission product, a third as many patients as stays, each outcome known 30 days later.
Prints seconds of each step and the most memory that the process has had, DuckDB's limit being `--memory`.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

import readiness_pipelines
from readiness_pipelines.declarations import Gold, ModelSpec, Silver, load_product
from readiness_pipelines.models.leakage import leaks
from readiness_pipelines.models.point_in_time import Looked

PRODUCT = load_product(Path(readiness_pipelines.__file__).parent / "defs" / "readmission")
DAYS, KNOWN_AFTER = 100, 30
OF_TYPE = {"VARCHAR": "'v' || h % 50", "BIGINT": "(h % 100)::BIGINT", "DOUBLE": "h % 100000 / 100.0", "BOOLEAN": "h % 9 = 0"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--memory", default="1GB")
    given = options.parse_args()
    spec = PRODUCT.model
    assert spec is not None
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect(config={"memory_limit": given.memory, "temp_directory": f"{folder}/spill"}) as con,
    ):
        con.execute("SET TimeZone = 'UTC'")
        scored, labels = (made(con, table, f"{folder}/{table.name}.parquet", given.rows) for table in (spec.scored, spec.labels))
        measure(con, spec, Looked(con, PRODUCT, spec, "2025-05-10", scored, labels))
    told("most memory, GB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


def made(con: duckdb.DuckDBPyConnection, table: Silver | Gold, path: str, rows: int) -> str:
    """Write rows for the table, and return SQL to select FROM."""
    day, late = f"(DATE '2025-01-01' + (i * {DAYS} // {rows})::INTEGER)", table is not PRODUCT.by_name["readmission_features"]
    own = {"encounter_id": "i", "patient_nbr": f"(hash(i) % {rows // 3})::BIGINT", "known_on": f"{day} + {KNOWN_AFTER}"}
    cells = [
        f"{own.get(c.name) or (day if c.type == 'DATE' else OF_TYPE[c.type].replace('h', f'hash(i + {k})', 1))} AS {c.name}"
        for k, c in enumerate(table.table.columns, start=1)
    ]
    key = f"strftime({day} + {KNOWN_AFTER if late else 0}, '%Y-%m-%d') AS partition_key"
    con.execute(f"COPY (SELECT md5(i::VARCHAR) AS row_id, {key}, {', '.join(cells)} FROM range({rows}) made(i)) TO '{path}'")
    return f"read_parquet('{path}')"


def measure(con: duckdb.DuckDBPyConnection, spec: ModelSpec, looked: Looked) -> None:
    timed("labels matched", looked.find_labels)
    begin = timed("holdout found", looked.holdout_from)
    timed("fates counted", lambda: con.execute(f"SELECT fate, count(*) FROM {looked.fates(begin)} GROUP BY fate").fetchall())
    rows = looked.fates(begin, columns=[feature.sql for feature in spec.features])
    kept = f"CREATE TEMP TABLE laid AS SELECT * RENAME (fate AS part) FROM {rows} WHERE fate IN ('train', 'holdout')"
    timed("rows laid out", lambda: con.execute(kept))
    timed(f"leaks of {len(spec.features)} features", lambda: leaks(con, "laid", spec))


def timed(what: str, work: Callable[[], Any]) -> Any:
    begun = time.perf_counter()
    found = work()
    told(what, time.perf_counter() - begun)
    return found


def told(what: str, number: float) -> None:
    sys.stdout.write(f"{what:<24}{number:>8.1f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
