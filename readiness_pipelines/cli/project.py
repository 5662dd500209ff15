"""Which products a command speaks of: those of the dg project it is run in, else those that come with this package.

The project is the nearest parent of the working directory whose `pyproject.toml` has `[tool.dg.project]` (or which has a
`dg.toml`). Its products are the `defs.yaml` files of our type below its defs folder, at any depth.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness_pipelines import located
from readiness_pipelines.errors import ReadinessError

TYPE = "readiness_pipelines.product.DataProduct"
_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Project:
    """A folder of products, and how Dagster loads it: a module, and the folder that it is imported from."""

    defs: Path
    definitions: str
    imported_from: Path

    def products(self) -> dict[str, Path]:
        """Return the folder of each product, by its name. Raises ReadinessError if two have one name."""
        found: dict[str, Path] = {}
        for path in sorted(self.defs.rglob("defs.yaml")):
            data = located.read(path).data
            if not isinstance(data, dict) or data.get("type") != TYPE:
                continue
            name = str((data.get("attributes") or {}).get("product") or path.parent.name)
            if name in found:
                raise ReadinessError(f"{path}: found a second product {name!r} beside {found[name]}, expected names that differ")
            found[name] = path.parent
        return found


def shipped() -> Project:
    """Return the products that come with this package."""
    return Project(_PACKAGE / "defs", "readiness_pipelines.definitions", _PACKAGE.parent)


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
    for name, keys in (("dg.toml", ("project",)), ("pyproject.toml", ("tool", "dg", "project"))):
        path = folder / name
        if not path.is_file():
            continue
        try:
            found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ReadinessError(f"{path}: is no TOML ({error})") from None
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            return found
    return None


def _project(folder: Path, told: Mapping[str, Any]) -> Project:
    root = told.get("root_module")
    if not isinstance(root, str):
        raise ReadinessError(f"{folder}: its dg project has no root_module, expected the name of its package")
    imported_from = next((p for p in (folder / "src", folder) if (p / root.replace(".", "/")).is_dir()), folder)
    defs = str(told.get("defs_module") or f"{root}.defs")
    definitions = str(told.get("code_location_target_module") or f"{root}.definitions")
    return Project(imported_from / defs.replace(".", "/"), definitions, imported_from)
