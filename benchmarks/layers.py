"""A layer step of 20 million rows against a plain copy of the same data, side by side in one run.

    python benchmarks/layers.py [--rows 20000000] [--repeat 1] [--memory 1GB] [--bad 0 0.001]

Each measurement runs in a process of its own: CPU seconds, wall seconds, and the peak of resident memory beyond what the
process held before. `copy` is DuckDB's COPY of the same bronze rows to one Parquet file (zstd, V2) with plain casts to the
types of silver: nothing is judged. `step` is the silver step: read, strict casts, ten row rules and two table rules, stage,
quarantine, publish. The goal is 1.4 times the CPU and 300 MB more memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from readiness_pipelines.declarations import load_product
from readiness_pipelines.flow import Counts, GateVerdict, Outcome
from readiness_pipelines.lakehouse import Lakehouse, publish, relation, stage
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.tables import ensure
from readiness_pipelines.settings import Settings

PARTITION = "2025-01-01"
COLUMNS = {
    "sale_id": "integer",
    "customer": "string",
    "store": "string",
    "channel": "string",
    "sold_on": "date",
    "sold_at": "timestamp",
    "quantity": "integer",
    "price": "decimal",
    "discount": "number",
    "weight": "number",
    "is_gift": "boolean",
    "note": "string",
}
DUCKDB = {
    "integer": "BIGINT",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "number": "DOUBLE",
    "decimal": "DECIMAL(12,2)",
    "boolean": "BOOLEAN",
}
MADE = """
    SELECT CAST({first} + i AS VARCHAR) AS sale_id,
      'c' || hash(i) % 1000000 AS customer,
      'store_' || hash(i + 1) % 400 AS store,
      ['web', 'shop', 'phone'][CAST(1 + hash(i + 2) % 3 AS BIGINT)] AS channel,
      '2025-01-01' AS sold_on,
      strftime(TIMESTAMP '2025-01-01' + to_seconds(CAST(hash(i + 3) % 86400 AS BIGINT)), '%Y-%m-%dT%H:%M:%SZ') AS sold_at,
      CASE WHEN hash(i + 9) % 1000000 < {bad} THEN '-1' ELSE CAST(1 + hash(i + 4) % 20 AS VARCHAR) END AS quantity,
      CAST(CAST(hash(i + 5) % 100000 AS DECIMAL(12, 2)) / 100 AS DECIMAL(12, 2)) AS price,
      CAST(hash(i + 6) % 50 / 100 AS VARCHAR) AS discount,
      CAST(round(hash(i + 7) % 100000 / 997, 4) AS VARCHAR) AS weight,
      CASE WHEN hash(i + 8) % 10 = 0 THEN 'true' ELSE 'false' END AS is_gift,
      CASE WHEN hash(i + 10) % 4 = 0 THEN 'handled with care ' || hash(i) % 5000 END AS note
    FROM range({rows}) made(i)
"""
RULES = (
    ("sale_id_present", "values_to_not_be_null", "column: sale_id"),
    ("quantity_in_range", "values_to_be_between", "column: quantity, min_value: 1, max_value: 20"),
    ("price_in_range", "values_to_be_between", "column: price, min_value: 0, max_value: 1000"),
    ("discount_in_range", "values_to_be_between", "column: discount, min_value: 0, max_value: 0.5"),
    ("weight_is_positive", "values_to_be_between", "column: weight, min_value: 0"),
    ("channel_known", "values_to_be_in_set", "column: channel, value_set: [web, shop, phone]"),
    ("customer_present", "values_to_not_be_null", "column: customer"),
    ("customer_is_short", "value_lengths_to_be_between", "column: customer, min_value: 2, max_value: 8"),
    ("sold_at_present", "values_to_not_be_null", "column: sold_at"),
    ("store_is_named", "values_to_match_regex", 'column: store, regex: "^store_[0-9]+$"'),
    ("price_on_average", "mean_to_be_between", "column: price, min_value: 0, max_value: 1000"),
    ("price_at_most", "max_to_be_between", "column: price, max_value: 1000"),
)
SUITE = "name: silver_sales\nmeta: {max_quarantine_fraction: 0.1}\nexpectations:\n" + "".join(
    f"  - {{type: expect_column_{rule}, kwargs: {{{kwargs}}}, meta: {{name: {name}}}}}\n" for name, rule, kwargs in RULES
)
DAILY = """\
  - name: daily_sales
    description: Revenue of each store.
    properties:
      - {name: store, logicalType: string, classification: public, primaryKey: true, primaryKeyPosition: 1}
      - {name: revenue, logicalType: number, physicalType: "decimal(38,2)", classification: public}
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=20_000_000)
    options.add_argument("--repeat", type=int, default=1)
    options.add_argument("--memory", default="1GB")
    options.add_argument("--bad", type=float, nargs="+", default=[0.0, 0.001])
    options.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        work = {"copy": _copy, "step": _step}[given.measure[0]]
        sys.stdout.write(json.dumps(measured(lambda: work(Path(given.measure[1]), given.memory))))
        return
    for bad in given.bad:
        with tempfile.TemporaryDirectory() as folder:
            _prepare(Path(folder), rows=given.rows, bad=bad, memory=given.memory)
            _compare(Path(folder), given.rows, bad, repeat=given.repeat, memory=given.memory)


def settings_of(root: Path, memory: str | None) -> Settings:
    return Settings(state=root / "state", landing=root / "landing", duckdb_memory=memory)


def declare(root: Path) -> None:
    folder = root / "defs" / "sales"
    for layer in ("silver", "gold"):
        (folder / layer).mkdir(parents=True)
    (root / "quality_suites" / "sales").mkdir(parents=True)
    columns = ", ".join(COLUMNS)
    (folder / "silver" / "sales.sql").write_text(f"SELECT {columns} FROM raw_sales")
    (folder / "gold" / "daily_sales.sql").write_text("SELECT store, sum(price * quantity) AS revenue FROM sales GROUP BY store")
    suites = root / "quality_suites" / "sales"
    for name in ("bronze_raw_sales", "gold_daily_sales"):
        rule = "{type: expect_table_row_count_to_be_between, kwargs: {min_value: 1}}"
        (suites / f"{name}.yaml").write_text(f"name: {name}\nexpectations:\n  - {rule}\n")
    (suites / "silver_sales.yaml").write_text(SUITE)
    (folder / "defs.yaml").write_text(
        "type: readiness_pipelines.product.DataProduct\n"
        "attributes:\n"
        "  product: sales\n"
        "  partitions: {every: day, start: 2025-01-01}\n"
        "  kpi: {table: daily_sales, column: revenue}\n"
        "  bronze:\n"
        '    - {name: raw_sales, feed: {files: "sales_%Y-%m-%d.csv", first_due: 2025-01-01, last_due: 2025-01-01}}\n'
        "  silver:\n"
        "    - {name: sales, from: raw_sales, sql: silver/sales.sql}\n"
        "  gold:\n"
        "    - {name: daily_sales, key: [store], inputs: {sales: {read: same}}, sql: gold/daily_sales.sql}\n"
    )
    (folder / "contract.yaml").write_text(
        "apiVersion: v3.1.0\nkind: DataContract\nid: sales\nname: sales\nversion: 1.0.0\nstatus: active\n"
        "team:\n  members:\n    - {username: sales@example.com, role: owner}\n"
        "    - {username: data@example.com, role: Data Steward}\n"
        "slaProperties:\n  - {property: frequency, value: daily}\n"
        "schema:\n" + _schema("raw_sales", typed=False) + _schema("sales", typed=True) + DAILY
    )


def _schema(name: str, *, typed: bool) -> str:
    def column(column: str, kind: str) -> str:
        logical = ("number, physicalType: 'decimal(12,2)'" if kind == "decimal" else kind) if typed else "string"
        key = ", primaryKey: true, primaryKeyPosition: 1" if typed and column == "sale_id" else ""
        return f"      - {{name: {column}, logicalType: {logical}, classification: public{key}}}\n"

    rows = "".join(column(*each) for each in COLUMNS.items())
    return f"  - name: {name}\n    description: Sales.\n    properties:\n{rows}"


def _prepare(root: Path, *, rows: int, bad: float, memory: str) -> None:
    """Publish a bronze partition of so many rows, without the files it would have come from."""
    declare(root)
    product = load_product(root / "defs" / "sales")
    lake = Lakehouse.open(settings_of(root, memory))
    bronze = product.by_name["raw_sales"]
    ensure(lake, bronze)
    sha = "0" * 64
    with lake.connect() as con:
        made = MADE.format(first=10_000_000, rows=rows, bad=round(bad * 1_000_000))
        files = stage(
            con,
            lake,
            bronze.full_name,
            f"SELECT substr('{sha}', 1, 32) || ':' || row_number() OVER () AS row_id, '{PARTITION}' AS partition_key, "
            f"'{sha}' AS delivery_sha256, 'sales_{PARTITION}.csv' AS delivery_name, row_number() OVER () AS record_number, "
            f"'2025-01-02T00:00:00.000+00:00' AS received_at, CAST(price AS VARCHAR) AS price, * EXCLUDE (price) FROM ({made})",
            partition=PARTITION,
            version_key="made",
            attempt="made",
        )
    details = {"deliveries": [{"sha256": sha, "records": rows}], "effective": [sha], "fingerprint": bronze.fingerprint}
    verdict = GateVerdict(
        bronze.full_name, PARTITION, "made", Outcome.ADMITTED, Counts(rows, admitted=rows), files=files, details=details
    )
    lake.ledger.record_verdict(verdict)
    publish(lake, verdict, expected=None)


def _copy(root: Path, memory: str) -> str:
    lake = Lakehouse.open(settings_of(root, memory))
    versions = list(lake.ledger.current_versions("sales.bronze.raw_sales").values())
    casts = ", ".join(f"CAST({name} AS {DUCKDB[kind]}) AS {name}" for name, kind in COLUMNS.items())
    target = root / "copy.parquet"
    with lake.connect() as con:
        con.execute(
            f"COPY (SELECT row_id, partition_key, {casts} FROM {relation(lake, versions)}) TO '{target}' "
            "(FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd)"
        )
    size = target.stat().st_size
    target.unlink()
    return f"{size / 1e6:.0f} MB"


def _step(root: Path, memory: str) -> str:
    """Run the step in a copy of nothing: the table silver is new, so that each repetition publishes it anew."""
    settings = settings_of(root, memory)
    lake = Lakehouse.open(settings)
    result = run_step(lake, settings, load_product(root / "defs" / "sales"), "sales", PARTITION)
    assert result.kind == "admitted" and result.verdict is not None, result
    return f"{result.verdict.counts.admitted} admitted, {result.verdict.counts.quarantined} quarantined"


def measured(work: Callable[[], str]) -> dict[str, object]:
    """Run it, and return CPU and wall seconds, MB of resident memory at the peak and beyond the beginning, and what it says."""
    import psutil
    import pyiceberg.catalog.sql  # noqa: F401 imports are the process's, not the step's

    process, done = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    peak = before

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun, cpu = time.monotonic(), time.process_time()
    said = work()
    wall, cpu = time.monotonic() - begun, time.process_time() - cpu
    done.set()
    watcher.join()
    top = max(peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return {"cpu": cpu, "wall": wall, "memory": (top - before) / 1e6, "peak": top / 1e6, "said": said}


def _compare(root: Path, rows: int, bad: float, *, repeat: int, memory: str) -> None:
    found: dict[str, list[dict[str, float]]] = {"copy": [], "step": []}
    said = ""
    for turn in range(repeat):
        if turn:
            _forget_silver(root, memory)
        for name, results in found.items():
            command = [sys.executable, __file__, "--measure", name, str(root), "--memory", memory]
            results.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        said = str(found["step"][-1]["said"])
    middle = {n: {k: statistics.median(r[k] for r in rs) for k in ("cpu", "wall", "memory")} for n, rs in found.items()}
    sys.stdout.write(f"{rows:,} rows of {len(COLUMNS)} columns, {bad:.1%} bad; DuckDB's limit {memory}; step: {said}\n")
    for name, m in middle.items():
        sys.stdout.write(f"  {name}: {m['cpu']:7.1f} s CPU  {m['wall']:7.1f} s wall  +{m['memory']:6.0f} MB\n")
    ratio, more = middle["step"]["cpu"] / middle["copy"]["cpu"], middle["step"]["memory"] - middle["copy"]["memory"]
    sys.stdout.write(f"  step / copy: {ratio:.2f}x CPU (goal 1.4x), {more:+.0f} MB (goal +300 MB)\n")
    sys.stdout.flush()


def _forget_silver(root: Path, memory: str) -> None:
    """Let the next step find other rules, so that it is done again."""
    path = root / "quality_suites" / "sales" / "silver_sales.yaml"
    path.write_text(
        path.read_text() + "\n  - {type: expect_table_column_count_to_equal, kwargs: {value: 12}, meta: {name: columns_"
        f"{time.time_ns()}" + "}}\n"
    )


if __name__ == "__main__":
    main()
