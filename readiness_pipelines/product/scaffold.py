"""`dg scaffold defs readiness_pipelines.product.DataProduct NAME [--csv FILE] [--day yyyy-mm-dd]`."""

import contextlib
import datetime
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import dagster as dg
from pydantic import BaseModel, Field

from readiness_pipelines.declarations import skeleton
from readiness_pipelines.declarations.kinds import is_name
from readiness_pipelines.declarations.sample import Sample, read_sample
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.settings import Settings

_DAY = re.compile(r"(?<![0-9])([0-9]{4})([-_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])(?![0-9])")


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
            params = request.params or Params()
            places = _places(request.target_path, request.project_root, _day(params, today=_today()))
            with _file_of(params, places.day) as file:
                _scaffold(places, file)
        except ReadinessError as error:
            with contextlib.suppress(OSError):
                request.target_path.rmdir()  # made before we were asked; stays if anything is in it
            raise click.ClickException(str(error)) from None


@dataclass(frozen=True)
class _Places:
    """Where everything of one product goes."""

    product: str
    day: datetime.date
    folder: Path
    suites: Path
    landed: Path


def _places(folder: Path, root: Path | None, day: datetime.date) -> _Places:
    """Return the places of a new product. Raises ReadinessError if its name is none, or any of them is taken."""
    name, folder = folder.name, folder.absolute()
    if not is_name(name):
        raise ReadinessError(f"found the name {name!r}, expected lower case letters, digits and _, a letter first")
    landing = Settings.from_environment().landing
    places = _Places(name, day, folder, _suite_root(folder, root) / name, landing / name / f"{name}_{day}.csv")
    for taken in (folder / "defs.yaml", places.suites, places.landed):
        if taken.exists():
            raise ReadinessError(f"found {taken}, expected nothing there; choose another name, or remove it")
    return places


def _suite_root(folder: Path, root: Path | None) -> Path:
    """Return the nearest quality_suites folder within the project; there is none: the one to be, at the project's root."""
    top = root or next((p for p in folder.parents if (p / "pyproject.toml").exists()), folder.parent)
    within = [p for p in folder.parents if p.is_relative_to(top.absolute())]
    return next((p / "quality_suites" for p in within if (p / "quality_suites").is_dir()), top.absolute() / "quality_suites")


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _day(params: Params, *, today: datetime.date) -> datetime.date:
    """Return the day of the first file: the given one, else the one in its name, else yesterday."""
    named = _DAY.search(Path(params.csv).name) if params.csv and not params.day else None
    text = params.day or ("-".join((named[1], named[3], named[4])) if named else None)
    if text is None:
        return today - datetime.timedelta(days=1)
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError(text)
        day = datetime.date.fromisoformat(text)
    except ValueError:
        if named:
            return today - datetime.timedelta(days=1)  # 2025-02-31 in a name is no day
        raise ReadinessError(f"found --day {text!r}, expected yyyy-mm-dd") from None
    if day >= today:
        raise ReadinessError(f"found the day {day}, expected one that has ended (UTC): its partition can run then; say --day")
    return day


@contextlib.contextmanager
def _file_of(params: Params, day: datetime.date) -> Iterator[Path]:
    """Yield the csv that is given, else the example, for as long as it is needed."""
    if params.csv:
        yield Path(params.csv)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.csv"
        path.write_text(skeleton.example(day), encoding="utf-8")
        yield path


def _scaffold(places: _Places, file: Path) -> None:
    sample = read_sample(file)
    incoming = places.landed.with_suffix(".incoming")  # no feed's pattern: nobody runs it before the product is whole
    try:
        incoming.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, incoming)
        _write(places.suites, skeleton.suites(places.product, sample))
        _write(places.folder, skeleton.declarations(places.product, sample, places.day))
        incoming.rename(places.landed)
    except OSError as error:
        with contextlib.suppress(OSError):
            incoming.unlink()
        for folder in (places.folder, places.suites):
            shutil.rmtree(folder, ignore_errors=True)  # neither was there before
        raise ReadinessError(f"cannot write {error.filename}: {error.strerror}; nothing was kept") from None
    _tell(places, sample)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _tell(places: _Places, sample: Sample) -> None:
    kinds = ", ".join(f"{field.name} {field.logical_type}" for field in sample.fields[:8])
    more = f", and {len(sample.fields) - 8} more" if len(sample.fields) > 8 else ""
    looked_at = f"{sample.records} records looked at" if sample.whole else f"the first {sample.records} records looked at"
    click.echo(f"{looked_at}: {kinds}{more}")
    if sample.rejects:
        click.echo(f"{sample.rejects} more cannot be read: they go to quarantine, and above 5% they hold the day")
    click.echo(f"declared in {_short(places.folder)}, its suites in {_short(places.suites)}")
    click.echo(f"landed as {_short(places.landed)}")
    click.echo("Next:")
    for command in (
        "readiness validate",
        "dg check defs",
        f"dg launch --job {places.product}_job --partition {places.day}",
        f"readiness status {places.product}",
    ):
        click.echo(f"  {command}")


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
