"""`readiness validate`: every mistake in every declaration, one line each; nothing of Dagster or the lakehouse is loaded."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

_PER_FILE = 50  # lines: a file with more mistakes than that has one mistake that explains them


def validate(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Folders of products, or defs.yaml files; default: all products of the project.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Check declarations. Exit code 0: all right; 1: mistakes; 2: there is nothing to check."""
    from readiness_pipelines.cli.project import project
    from readiness_pipelines.declarations.check import check_products, product_folders

    folders = product_folders(paths or [project().defs])
    found = check_products(folders)
    problems = [_relative(problem) for problem in found.problems]
    if as_json:
        said = {"products": found.products, "tables": found.tables, "problems": [_parts(p) for p in problems]}
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _bounded(problems))
        if not problems:
            sys.stdout.write(f"{found.products} products, {found.tables} tables, all right\n")
    raise typer.Exit(1 if problems else 0)


def _relative(problem: str) -> str:
    """Name the file as the reader of this terminal would."""
    return problem.removeprefix(f"{Path.cwd()}/")


def _bounded(problems: list[str]) -> list[str]:
    """Return at most 50 lines per file, then how many more there are."""
    shown: Counter[str] = Counter()
    lines = []
    for problem in problems:
        path = _parts(problem)["path"]
        shown[str(path)] += 1
        if shown[str(path)] <= _PER_FILE:
            lines.append(problem)
    return lines + [f"{path}: and {n - _PER_FILE} more" for path, n in shown.items() if n > _PER_FILE]


def _parts(problem: str) -> dict[str, str | int]:
    """Return a problem line as path, line, where and message."""
    place, _, message = problem.partition(": ")
    where, _, message = message.partition(": ")
    path, _, line = place.rpartition(":")
    return {"path": path, "line": int(line), "where": where, "message": message}
