"""The examples in the docstrings of the statistics."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from readiness_pipelines.drift import statistics

MODULES = [each.name for each in pkgutil.iter_modules(statistics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_what_a_docstring_shows_is_what_comes_out(name: str) -> None:
    module = importlib.import_module(f"{statistics.__name__}.{name}")
    assert doctest.testmod(module).failed == 0
