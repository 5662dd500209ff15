"""Which products a command speaks of: those of the dg project it is run in, else those that come with this package.

The project is the nearest folder, from the working directory upwards, whose `pyproject.toml` has `[tool.dg.project]`
or whose `dg.toml` has `[project]`. Its modules lie under `src/` or beside that file. Its products are the `defs.yaml`
files of our type below its defs folder (`defs_module`, by default `<root_module>.defs`), at any depth. Dagster loads it
as `code_location_target_module`, by default `<root_module>.definitions`, under the name `code_location_name`, by default
that of the project's folder. These are the rules of dg.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness_pipelines.declarations.check import name_of, products_below
from readiness_pipelines.errors import ReadinessError

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Project:
    """A folder of products, and how Dagster loads it: a module, the folder that it is imported from, and the name of the
    code location. Sensors keep their cursors under that name, so that every command that serves it must say the same.
    """

    defs: Path
    definitions: str
    imported_from: Path
    location: str

    def products(self) -> dict[str, Path]:
        """Return the folder of each product, by its name. Raises ReadinessError if two have one name."""
        found: dict[str, Path] = {}
        for folder in products_below(self.defs):
            name = name_of(folder) or folder.name  # what cannot be read is told when it is asked for
            if name in found:
                message = f"found a second product {name!r} beside {found[name]}, expected names that differ"
                raise ReadinessError(f"{folder / 'defs.yaml'}: {message}")
            found[name] = folder
        return found


def shipped() -> Project:
    """Return the products that come with this package."""
    return Project(_PACKAGE / "defs", "readiness_pipelines.definitions", _PACKAGE.parent, "readiness_pipelines")


def project(start: Path | None = None) -> Project:
    """Return the project of `start` (default: the working directory), else what comes with this package."""
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        told = _told(folder)
        if told is not None:
            return _project(folder, told)
    return shipped()


def _told(folder: Path) -> Mapping[str, Any] | None:
    """Return the project part of a folder's dg configuration, or None if it has none."""
    own = (folder / "dg.toml").is_file()  # then dg does not look into pyproject.toml
    path, keys = (folder / "dg.toml", ["project"]) if own else (folder / "pyproject.toml", ["tool", "dg", "project"])
    if not path.is_file():
        return None
    try:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReadinessError(f"{path}: is no TOML ({error})") from None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _project(folder: Path, told: Mapping[str, Any]) -> Project:
    root = told.get("root_module")
    if not isinstance(root, str):
        raise ReadinessError(f"{folder}: its dg project has no root_module, expected the name of its package")
    imported_from = next((p for p in (folder / "src", folder) if (p / root.replace(".", "/")).is_dir()), folder)
    module = str(told.get("defs_module") or f"{root}.defs")
    defs = imported_from / module.replace(".", "/")
    if "defs_module" not in told and not defs.exists() and (defs.parent / "definitions").is_dir():
        defs = defs.parent / "definitions"  # dg's other default
    definitions = str(told.get("code_location_target_module") or f"{root}.definitions")
    return Project(defs, definitions, imported_from, str(told.get("code_location_name") or folder.name))
