"""`readiness gates propose`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.cli.held import ProductName
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.gates import Suite
from readiness_pipelines.layers.history import LEAST_ROWS, History, history_of_file, history_of_table, learned
from readiness_pipelines.settings import Settings

_FILES = (".csv", ".jsonl", ".parquet", ".gz", ".zst")


def propose(
    target: Annotated[
        str, typer.Argument(metavar="TABLE|FILE", help="A table, by full or leaf name: its admitted versions. Or a data file.")
    ],
    output: Annotated[Path | None, typer.Option("--output", help="Write the suite to this file (.yaml) too.")] = None,
    rows_at_least: Annotated[int, typer.Option(min=1, help="Refuse to learn from fewer rows than this.")] = LEAST_ROWS,
    until: Annotated[str | None, typer.Option(help="Learn from the partitions up to this one, inclusive. Of a table only.")] = None,
    product: ProductName = None,
) -> None:
    """Propose rules with their evidence and the alert rate they would have had. Exit code 0: proposed; 2: nothing to learn from."""
    if output is not None and (output.suffix not in (".yaml", ".yml") or not output.parent.is_dir()):
        raise ReadinessError(f"found --output {output}, expected a .yaml file in a folder that exists")
    with _history(target, product, rows_at_least=rows_at_least, until=until) as (known, suite):
        _tell(known, suite, output)


@contextmanager
def _history(target: str, product: str | None, *, rows_at_least: int, until: str | None) -> Iterator[tuple[History, Suite | None]]:
    path = Path(target)
    if path.is_file() or path.suffix in _FILES:
        if until is not None or product is not None:
            raise ReadinessError("found --until or --product beside a file, expected them beside a table")
        memory = Settings.from_environment().duckdb_memory
        with history_of_file(path, rows_at_least=rows_at_least, memory=memory) as known:
            yield known, None
        return
    from readiness_pipelines.cli.place import lakehouse, table_named

    _, table = table_named(target, product)
    yield history_of_table(lakehouse(), table, rows_at_least=rows_at_least, until=until), table.suite


def _tell(known: History, suite: Suite | None, output: Path | None) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from readiness_pipelines.gates.against import differences, told
    from readiness_pipelines.gates.written import as_yaml, comment, rule_as_yaml, together

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"{known.rows:,} rows", total=known.steps)
        found, _ = learned(known, progress=lambda: progress.advance(bar))
    text = as_yaml(output.stem if output else known.name, found, about=known.about)  # a suite has its file's name
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if suite is None or not suite.rules:
        sys.stdout.write(text if output is None else f"{len(found.rules)} rules written to {output}\n")
        return
    sys.stdout.write(f"# {known.name}: its suite beside what its history speaks for\n")
    sys.stdout.writelines(f"{comment(line, indent='')}\n" for line in (*known.about[:2], *together(found)))
    lines = told(differences(suite, found), {rule.name: rule_as_yaml(rule, tally) for rule, tally in found.rules})
    sys.stdout.writelines(f"{line}\n" for line in lines)
