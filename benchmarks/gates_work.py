"""What `benchmarks/gates.py` measures: each piece of work on one Parquet file of orders, in a process of its own.

    python benchmarks/gates_work.py WORK FILE

Prints one JSON line: CPU and wall seconds of the work, CPU seconds of its imports, the process's peak of resident memory,
and what the work says of itself.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.orders import KEY, OTHERS, SUITE, UNIQUE, WRITTEN

Work = Callable[[Path], str]


def main() -> None:
    work, file = sys.argv[1], Path(sys.argv[2])
    if work == "profile":
        sys.stdout.write(_profile(file))
        return
    cpu = time.process_time()
    imported = _import(work)
    imports = time.process_time() - cpu
    cpu, begun = time.process_time(), time.monotonic()
    said = imported(file) if imported else "not installed"
    found = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - begun, "imports": imports, "peak": _peak(), "said": said}
    sys.stdout.write(json.dumps(found if imported else {"said": said}))


def _peak() -> float:
    """Return MB of resident memory at the peak. Linux: of this program alone, not of the one that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def _import(work: str) -> Work | None:
    if work.startswith("gx"):
        return _import_gx(complete=work == "gx_complete")
    if work == "pandera":
        return _import_pandera()
    import duckdb  # noqa: F401
    import pyiceberg.catalog.sql  # noqa: F401

    import readiness_pipelines.layers.admission  # noqa: F401

    ours: dict[str, Work] = {
        "floor": _floor,
        "copy": _copy,
        "counts": lambda file: _judged(file, OTHERS),
        "unique_1": lambda file: _judged(file, UNIQUE[:1]),
        "unique_2": lambda file: _judged(file, UNIQUE[1:]),
        "unique_both": lambda file: _judged(file, UNIQUE),
        "all": lambda file: _judged(file, SUITE),
        "keys": lambda file: _judged(file, SUITE, keys=True),
        "gate": _gate,
    }
    return ours[work]


def _floor(file: Path) -> str:
    """Decode every column: chance keeps DuckDB from answering out of the file's statistics."""
    import duckdb

    with duckdb.connect() as con:
        columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()]
        least = ", ".join(f"min({name})" for name in columns)
        rows = con.execute(f"SELECT count(*), {least} FROM '{file}' WHERE random() >= 0").fetchall()[0][0]
    return f"{rows:,} rows"


def _copy(file: Path) -> str:
    import duckdb

    with duckdb.connect() as con, tempfile.TemporaryDirectory(dir=file.parent) as folder:
        con.execute(f"COPY (SELECT {_with_identity()} FROM {_numbered(file)}) TO '{folder}/copy.parquet' {WRITTEN}")
        return f"{os.path.getsize(f'{folder}/copy.parquet') / 1e6:.0f} MB"


def _with_identity() -> str:
    return "CAST(number AS VARCHAR) AS row_id, '2025-01-01' AS partition_key, * EXCLUDE (number)"


def _numbered(file: Path) -> str:
    return f"(SELECT *, file_row_number AS number FROM read_parquet('{file}', file_row_number=true))"


def _judged(file: Path, suite: Sequence[dict[str, Any]], *, keys: bool = False) -> str:
    """Count by the suite; with `keys`, write key and reasons of every bad row too."""
    import duckdb

    from readiness_pipelines.gates import aggregates_of, examine_rows, parse_suite
    from readiness_pipelines.gates.whole import examine_whole

    with duckdb.connect() as con, tempfile.TemporaryDirectory(dir=file.parent) as folder:
        source, parsed = _numbered(file), parse_suite(suite)
        rows = examine_rows(con, source, parsed, row_key="number", also=aggregates_of(con, source, parsed))
        table = examine_whole(con, source, parsed, read=rows.read)
        failed = [r.rule for r in (*rows.results, *table.results) if r.status.value != "passed"]
        said = f"{len(rows.results) + len(table.results)} rules, {len(failed)} failed"
        bad = rows.bad_rows_sql() if keys else None
        if bad:
            joined = f"SELECT {KEY}, reasons FROM ({bad}) JOIN {_numbered(file)} USING (number)"
            written = con.execute(f"COPY ({joined}) TO '{folder}/bad.parquet' {WRITTEN}").fetchall()[0][0]
            said += f", {written:,} bad rows"
    return said


def _profile(file: Path) -> str:
    """Return DuckDB's account of the statements that judge the whole suite: seconds of each operator."""
    import duckdb

    from benchmarks.operators import Noted
    from readiness_pipelines.gates import aggregates_of, examine_rows, parse_suite
    from readiness_pipelines.gates.whole import examine_whole

    with duckdb.connect() as con, tempfile.TemporaryDirectory() as folder:
        noted: Any = Noted(con, Path(folder) / "profile.json")
        source, parsed = _numbered(file), parse_suite(SUITE)
        rows = examine_rows(noted, source, parsed, row_key="number", also=aggregates_of(noted, source, parsed))
        examine_whole(noted, source, parsed, read=rows.read)
    return "\n".join(["  seconds of all threads, by operator:", *noted.lines]) + "\n"


def _gate(file: Path) -> str:
    """The product's own step between a candidate and its verdict: stage, judge, split, quarantine."""
    from dataclasses import replace

    from readiness_pipelines.contracts.contract import Column, Table
    from readiness_pipelines.declarations import TableDeclaration
    from readiness_pipelines.gates import parse_suite
    from readiness_pipelines.lakehouse import ColumnSpec, Lakehouse, TableSpec, ensure_table
    from readiness_pipelines.layers.admission import examine
    from readiness_pipelines.layers.candidate import ROWS, Candidate
    from readiness_pipelines.layers.corrections import Corrections
    from readiness_pipelines.layers.rows import delivered
    from readiness_pipelines.settings import Settings

    words = {"BIGINT": "long", "INTEGER": "int", "VARCHAR": "string", "TIMESTAMP": "timestamp", "DOUBLE": "double"}
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        lake = Lakehouse.open(Settings(state=Path(folder) / "state", landing=Path(folder) / "landing"))
        with lake.connect() as con:
            suite = replace(parse_suite(SUITE), max_quarantine_fraction=0.1)
            types = con.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
            columns = tuple(Column(row[0], row[1], False, "public", "") for row in types)
            table = TableDeclaration("shop", "silver", "orders", Table("orders", "", columns), suite, "1.0.0")
            identity = [ColumnSpec("row_id", "string"), ColumnSpec("partition_key", "string")]
            spec = TableSpec(table.full_name, (*identity, *(ColumnSpec(row[0], words[row[1]]) for row in types)))
            ensure_table(lake, spec)
            came = delivered([c.name for c in columns], sha256="'0'", record_number="number")
            con.execute(f"CREATE TEMP VIEW {ROWS} AS SELECT {_with_identity()}, {came} FROM {_numbered(file)}")
            rows = int(con.execute(f"SELECT count(*) FROM '{file}'").fetchall()[0][0])
            verdict = examine(
                con,
                lake,
                table,
                Candidate("made", (), None, rows, rows),
                partition="2025-01-01",
                attempt="1",
                corrections=Corrections(),
                candidate_key="made",
            )
    return f"{verdict.outcome.value}, {verdict.counts.quarantined:,} quarantined"


def _import_gx(*, complete: bool) -> Work:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import warnings

    warnings.simplefilter("ignore")
    import pandas as pd
    from great_expectations.core.batch import Batch
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.validator.validator import Validator

    form: dict[str, Any] = {"result_format": "SUMMARY"}
    if complete:
        form = {"result_format": "COMPLETE", "unexpected_index_column_names": [KEY]}

    def judge(file: Path) -> str:
        batch = Batch(data=pd.read_parquet(file))  # type: ignore[arg-type]
        validator = Validator(execution_engine=PandasExecutionEngine(), batches=[batch])
        validator.metrics_calculator.show_progress_bars = False
        wanted = [ExpectationConfiguration(type=one["type"], kwargs=dict(one["kwargs"])) for one in SUITE]
        runtime = {"catch_exceptions": True, "result_format": form}
        results = validator.graph_validate(configurations=wanted, runtime_configuration=runtime)
        failed = sum(not r.success for r in results)
        keys = sum(len(r.result.get("unexpected_index_list") or ()) for r in results) if complete else None
        return f"{len(results)} rules, {failed} failed" + (f", {keys:,} keys" if keys is not None else "")

    return judge


def _import_pandera() -> Work | None:
    try:
        import pandera.polars as pa
        import polars as pl
        from pandera.errors import SchemaErrors
    except ImportError:
        return None
    text, number = pl.String, pl.Float64
    schema = pa.DataFrameSchema(
        {
            "id": pa.Column(pl.Int64, nullable=False, unique=True),
            "customer": pa.Column(text, pa.Check.str_length(2, 12), nullable=False),
            "email": pa.Column(text, pa.Check.str_matches(r"^[^@ ]+@[a-z]+\.(com|org)$")),
            "sku": pa.Column(text, pa.Check.str_matches("^[A-Z]{2}-[0-9]{4}$")),
            "country": pa.Column(text, pa.Check.isin(SUITE[7]["kwargs"]["value_set"])),
            "status": pa.Column(text, pa.Check.notin(["lost", "stolen"])),
            "line_no": pa.Column(pl.Int32, pa.Check.in_range(1, 9)),
            "quantity": pa.Column(pl.Int32, pa.Check.in_range(1, 100)),
            "price": pa.Column(number, pa.Check.in_range(0, 10_000)),
            "discount": pa.Column(number, pa.Check.in_range(0, 0.9), nullable=True),
        },
        unique=["id", "line_no"],
    )

    def judge(file: Path) -> str:
        frame = pl.read_parquet(file)
        try:
            schema.validate(frame, lazy=True)
        except SchemaErrors as error:
            return f"13 checks, {len(error.failure_cases):,} failure cases"
        return "13 checks, none failed"

    return judge


if __name__ == "__main__":
    main()
