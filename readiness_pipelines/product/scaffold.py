"""`dg scaffold defs readiness_pipelines.product.DataProduct NAME [--csv FILE] [--day yyyy-mm-dd]`."""

import contextlib
import datetime
import re
from collections.abc import Mapping
from pathlib import Path

import click
import dagster as dg
from pydantic import BaseModel, Field

from readiness_pipelines.declarations import skeleton
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.settings import Settings

_DAY = re.compile(r"(?<![0-9])(20[0-9]{2})[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12][0-9]|3[01])(?![0-9])")


class Params(BaseModel):
    """What a first product is made from."""

    csv: str | None = Field(default=None, description="csv file with a header to make it for; default: a small example")
    day: str | None = Field(default=None, description="day of the file, yyyy-mm-dd; default: the one in its name, else yesterday")


class ProductScaffolder(dg.Scaffolder[Params]):
    """Writes a product that runs at once: its declarations, its suites, and the csv as the first landing file.

    Everything is checked before anything is written, and nothing is overwritten.
    """

    @classmethod
    def get_scaffold_params(cls) -> type[Params]:
        return Params

    def scaffold(self, request: dg.ScaffoldRequest[Params]) -> None:
        try:
            _scaffold(request.target_path, request.project_root, request.params or Params())
        except ReadinessError as error:
            with contextlib.suppress(OSError):
                request.target_path.rmdir()  # made before we were asked; stays if anything is in it
            raise click.ClickException(str(error)) from None


def _scaffold(folder: Path, root: Path | None, params: Params) -> None:
    product = folder.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", product):
        raise ReadinessError(f"found the name {product!r}, expected lower case letters, digits and _, a letter first")
    given = Path(params.csv) if params.csv else None
    day = _day(params.day, given)
    landing = Settings.from_environment().landing / product / f"{product}_{day}.csv"
    suites = (root or _root_of(folder)) / "quality_suites" / product
    for taken in (folder / "defs.yaml", suites, landing):
        if taken.exists():
            raise ReadinessError(f"{taken} exists already; nothing was written. Choose another name, or remove it")
    content = given.read_bytes() if given and given.is_file() else skeleton.example(day).encode()
    if given and not given.is_file():
        raise ReadinessError(f"{given}: found no such file, expected a csv file with a header")
    landing.parent.mkdir(parents=True, exist_ok=True)
    incoming = landing.with_suffix(".incoming")  # no feed's pattern: nobody runs it before the product is whole
    incoming.write_bytes(content)
    try:
        sample = skeleton.read_sample(given or incoming)
        _write(folder, skeleton.declarations(product, sample, day))
        _write(suites, skeleton.suites(product, sample))
        incoming.rename(landing)
    finally:
        incoming.unlink(missing_ok=True)
    _tell(product, folder, suites, landing, sample, day)


def _day(said: str | None, csv: Path | None) -> datetime.date:
    if said:
        try:
            return datetime.date.fromisoformat(said)
        except ValueError:
            raise ReadinessError(f"found --day {said!r}, expected yyyy-mm-dd") from None
    found = _DAY.search(csv.name) if csv else None
    if found:
        try:
            return datetime.date(*(int(part) for part in found.groups()))
        except ValueError:
            pass  # 2025-02-31 in a name is no day
    return datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=1)


def _root_of(folder: Path) -> Path:
    """Return the project that `folder` lies in: the nearest parent with a pyproject.toml, else its defs folder's parent."""
    return next((p for p in folder.absolute().parents if (p / "pyproject.toml").exists()), folder.absolute().parent)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _tell(product: str, folder: Path, suites: Path, landing: Path, sample: skeleton.Sample, day: datetime.date) -> None:
    kinds = ", ".join(f"{field.name} {field.logical_type}" for field in sample.fields[:8])
    more = f", and {len(sample.fields) - 8} more" if len(sample.fields) > 8 else ""
    for line in (
        f"{sample.records} records looked at: {kinds}{more}",
        f"declared in {_short(folder)}, its suites in {_short(suites)}",
        f"landed as {_short(landing)}",
        f"Next: dg check defs; dg launch --assets group:{product} --partition {day}; readiness status {product}",
    ):
        click.echo(line)


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
