"""A defs folder as Dagster definitions; where it cannot be loaded, our lines instead of Dagster's."""

from pathlib import Path

import dagster as dg

from readiness_pipelines.declarations.check import check_products, product_folders
from readiness_pipelines.errors import DeclarationError, ReadinessError


def load_defs(path_within_project: Path, *, defs_folder: Path) -> dg.Definitions:
    """Return what `dg.load_from_defs_folder` gives. Raises DeclarationError with a line for every mistake in every
    product of `defs_folder`, where there is one.

    A component tells its own mistakes, but YAML syntax and keys beside `attributes` are Dagster's to read, before any
    component is asked; and Dagster stops at the first product that is wrong.
    """
    try:
        return dg.load_from_defs_folder(path_within_project=path_within_project)
    except Exception as error:
        problems = _problems(defs_folder)
        if problems:
            raise DeclarationError(problems) from error
        raise


def _problems(defs_folder: Path) -> list[str]:
    try:
        return list(check_products(product_folders([defs_folder])).problems)
    except ReadinessError:
        return []  # there is no product: what went wrong is not ours to tell
