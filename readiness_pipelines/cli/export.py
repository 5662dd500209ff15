"""`readiness gates export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from readiness_pipelines.gates.written import as_gx_json


def export(suite: Annotated[Path, typer.Argument(help="A suite file, YAML or JSON.")]) -> None:
    """Print a suite as the JSON that Great Expectations keeps suites in; saved under its name, it is a suite here too."""
    sys.stdout.write(as_gx_json(suite))
