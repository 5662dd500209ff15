"""The gate: a suite in Great Expectations' words, compiled to DuckDB, and the verdict it leads to."""

from readiness_pipelines.gates.examination import Examination, examine
from readiness_pipelines.gates.resolve import Past, Source, Surroundings, resolve
from readiness_pipelines.gates.rows import RowExamination, examine_rows
from readiness_pipelines.gates.sift import Sifted, lost_anyway
from readiness_pipelines.gates.suite import Rule, Suite, SuiteReading, load_suite, parse_suite, read_suite
from readiness_pipelines.gates.verdict import decide
from readiness_pipelines.gates.whole import aggregates_of, examine_table

__all__ = [
    "Examination",
    "Past",
    "RowExamination",
    "Rule",
    "Sifted",
    "Source",
    "Suite",
    "SuiteReading",
    "Surroundings",
    "aggregates_of",
    "decide",
    "examine",
    "examine_rows",
    "examine_table",
    "load_suite",
    "lost_anyway",
    "parse_suite",
    "read_suite",
    "resolve",
]
