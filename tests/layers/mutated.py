"""Is what the shipped product made of a harmed file right, to the row? Told by a reader and casts of the tests' own.

The file is framed by the slow reader of tests/sources, mapped by the product's SELECT in an empty DuckDB, cast and judged
in plain Python (tests/samples/second_opinion.py). The two shares with the pipeline: the contract, suites and SQL, which
say what is right, and DuckDB's reading of that SELECT.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from readiness_pipelines.declarations import Bronze, Product, load_product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, quarantined, relation
from readiness_pipelines.layers import StepResult, run_step
from readiness_pipelines.settings import Settings
from tests.layers.mutator import Mutated
from tests.samples.second_opinion import PRODUCT, columns_of, run_model, settle
from tests.sources.independent_reader import Found, read_all

MOST_BAD = 0.05  # what all four suites say
SILVER = {"raw_encounters": "encounters", "raw_outcomes": "outcomes"}


@dataclass
class Findings:
    """What was found about one file: how its day ended, and everything that is wrong with that."""

    kinds: tuple[str, ...]
    bronze: str = ""
    silver: str = ""
    records: int = 0
    rejects: int = 0
    quarantined: int = 0
    admitted: int = 0
    wrong: tuple[str, ...] = ()
    crashed: str = ""

    def expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.wrong += (f"{what}: found {_cut(found, expected)}, expected {_cut(expected, found)}",)


@cache
def product() -> Product:
    """The shipped product; its feeds take compressed files too."""
    shipped = load_product(PRODUCT)
    tables = [
        replace(t, feed=t.feed.model_copy(update={"files": f"{t.feed.files}*"})) if isinstance(t, Bronze) else t
        for t in shipped.tables
    ]
    return replace(shipped, tables=tuple(tables))


@cache
def contract() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((PRODUCT / "contract.yaml").read_text(encoding="utf-8"))
    return found


def run_file(settings: Settings, mutated: Mutated, *, table: str, partition: str) -> Findings:
    """Land the file as the only one of its partition, run bronze and silver, and compare all that came of it."""
    findings = Findings(mutated.kinds)
    folder = table.removeprefix("raw_")
    path = settings.landing / folder / f"{folder}_{partition}.csv{mutated.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mutated.data)
    lake = Lakehouse.open(settings)
    try:
        first = run_step(lake, settings, product(), table, partition)
        second = run_step(lake, settings, product(), SILVER[table], partition) if first.kind == "admitted" else None
    except ReadinessError as error:
        findings.crashed = str(error)
        return findings
    except Exception as error:  # noqa: BLE001 a traceback is what is looked for
        findings.crashed = f"{type(error).__name__}: {error}"
        return findings
    good = _judge_bronze(lake, findings, first, mutated, table, partition)
    if second is not None and good is not None:
        _judge_silver(lake, findings, second, good, table, partition)
    return findings


def unpacked(mutated: Mutated) -> bytes | None:
    """Return the bytes of the csv text, or None where the archive is not whole."""
    if mutated.suffix == ".zst":
        try:
            return bytes(pa.CompressedInputStream(pa.BufferReader(mutated.data), "zstd").read())
        except OSError:
            return None
    if mutated.suffix != ".gz":
        return mutated.data
    text, rest = b"", mutated.data
    while rest.strip(b"\0"):
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(rest)
        except zlib.error:
            return None
        if not member.eof:
            return None
        rest = member.unused_data
    return text


def _judge_bronze(
    lake: Lakehouse, findings: Findings, result: StepResult, mutated: Mutated, table: str, partition: str
) -> list[Found] | None:
    """Compare bronze, and return the good records in the order of the contract's columns where the day was admitted."""
    findings.bronze = result.kind
    verdict = result.verdict
    if verdict is None:
        findings.wrong += (f"bronze {result.kind} without a verdict",)
        return None
    findings.expect("bronze rows are accounted for", verdict.counts.accounted, verdict.counts.rows_in)
    columns = [c["name"] for t in contract()["schema"] if t["name"] == table for c in t["properties"]]
    text = unpacked(mutated)
    header, unreadable, records = (None, None, []) if text is None else read_all(text)
    findings.records = len(records)
    if text is None or unreadable or header is None or sorted(header) != sorted(columns) or not records:
        findings.expect("bronze of a file that does not fit", result.kind, "held")
        findings.expect("its reasons, one line each", [why for why in verdict.held_because if "\n" in why or not why], [])
        if text is not None:
            findings.expect("its records", verdict.counts.rows_in, len(records))
        _nothing_on_main(lake, findings, result)
        return None
    bad = {r.number: r for r in records if r.problem}
    good = [replace(r, fields=tuple(r.fields[header.index(c)] for c in columns)) for r in records if r.fields is not None]
    findings.rejects = len(bad)
    findings.expect("bronze rows in", verdict.counts.rows_in, len(records))
    findings.expect("rejects by kind", dict(verdict.quarantine_reasons), dict(Counter(f"parse:{r.problem}" for r in bad.values())))
    quarantine = _quarantine(lake, f"readmission.bronze.{table}", partition)
    findings.expect(
        "rejects", {n: reasons for n, (reasons, _) in quarantine.items()}, {n: [f"parse:{r.problem}"] for n, r in bad.items()}
    )
    findings.expect(
        "their text", {n: json.loads(row)["raw"] for n, (_, row) in quarantine.items()}, {n: _raw(r) for n, r in bad.items()}
    )
    is_held = len(bad) / len(records) > MOST_BAD or (not good and table == "raw_encounters")
    findings.expect("bronze", result.kind, "held" if is_held else "admitted")
    if result.version is None:
        _nothing_on_main(lake, findings, result)
        return None
    with lake.connect() as con:
        listed = ", ".join(f'"{c}"' for c in columns)
        rows = con.execute(f"SELECT record_number, {listed} FROM {relation(lake, [result.version])} ORDER BY 1").fetchall()
    findings.expect("bronze values", [(n, tuple(row)) for n, *row in rows], [(r.number, r.fields) for r in good])
    return good


def _judge_silver(lake: Lakehouse, findings: Findings, result: StepResult, good: list[Found], table: str, partition: str) -> None:
    name = SILVER[table]
    findings.silver = result.kind
    verdict = result.verdict
    assert verdict is not None
    columns = [c["name"] for t in contract()["schema"] if t["name"] == table for c in t["properties"]]
    mapped = run_model(f"silver/{name}.sql", {table: (columns, [r.fields or () for r in good])}, partition)
    for row, record in zip(mapped, good, strict=True):
        row["_number"] = record.number
    types = columns_of(contract(), name)
    admitted, duplicates, bad = settle(mapped, types, f"silver_{name}")
    findings.quarantined, is_held = len(bad), bool(mapped) and len(bad) / len(mapped) > MOST_BAD
    expected = (len(mapped), 0 if is_held else len(admitted), len(bad), duplicates, len(admitted) if is_held else 0)
    counts = verdict.counts
    found = (counts.rows_in, counts.admitted, counts.quarantined, counts.duplicates, counts.held)
    findings.expect("silver rows in, admitted, quarantined, duplicates, held", found, expected)
    quarantine = _quarantine(lake, f"readmission.silver.{name}", partition)
    findings.expect(
        "silver reasons",
        {n: sorted(reasons) for n, (reasons, _) in quarantine.items()},
        {r["_number"]: sorted(why) for r, why in bad},
    )
    findings.expect("silver", result.kind, "held" if is_held else "admitted")
    if result.version is None:
        _nothing_on_main(lake, findings, result)
        return
    with lake.connect() as con:
        listed = ", ".join(f'"{c}"' for c in types)
        number = "CAST(split_part(row_id, ':', 2) AS BIGINT)"
        rows = con.execute(f"SELECT {number}, {listed} FROM {relation(lake, [result.version])} ORDER BY 1").fetchall()
    findings.admitted = len(rows)
    findings.expect("silver values", [tuple(row) for row in rows], [(r["_number"], *(r[c] for c in types)) for r in admitted])


def _quarantine(lake: Lakehouse, table: str, partition: str) -> dict[int, tuple[list[str], str]]:
    with lake.connect() as con:
        rows = con.execute(
            f"SELECT record_number, reasons, row_values FROM {quarantined(lake, table, partition=partition)}"
        ).fetchall()
    found = {int(number): (list(reasons), str(values)) for number, reasons, values in rows}
    assert len(found) == len(rows), "a record is in quarantine twice"
    return found


def _nothing_on_main(lake: Lakehouse, findings: Findings, result: StepResult) -> None:
    iceberg = lake.find(result.table)
    paths = [t.file.file_path for t in iceberg.scan().plan_files()] if iceberg is not None else []
    with duckdb.connect() as con:
        sql = f"SELECT count(*) FROM read_parquet({[p.removeprefix('file://') for p in paths]}) WHERE partition_key = ?"
        rows = con.execute(sql, [result.partition]).fetchall()[0][0] if paths else 0
    findings.expect(f"rows of a {result.kind} day on main", rows, 0)


def _raw(record: Found) -> str:
    return record.raw.decode("utf-8", "backslashreplace").rstrip("\r\n").replace("\0", "\\x00")


def _cut(value: object, other: object) -> str:
    """Return a value for a message; of long ones, where they differ."""
    if isinstance(value, list) and isinstance(other, list):
        return repr([v for v in value if v not in other][:2])[:600]
    if isinstance(value, dict) and isinstance(other, dict):
        return repr({k: v for k, v in value.items() if other.get(k) != v})[:600]
    return repr(value)[:300]
