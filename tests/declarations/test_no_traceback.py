"""Whatever value stands in whatever place: the product loads, or its mistakes are told. Never a traceback."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from readiness_pipelines.declarations import load_product
from readiness_pipelines.errors import DeclarationError
from tests.declarations.mutations import build

_FILES = ("defs.yaml", "contract.yaml", "suites/silver_orders.yaml", "suites/gold_paid_orders.yaml")
_VALUES = st.sampled_from([None, 3, -1, 1.5, float("nan"), "x", "", "%", [], {}, [1], [[]], True, {"a": 1}, {1: 2}])


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from places(child, (*at, step))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[Path, str]]]:
    folder, suites = build(tmp_path_factory.mktemp("shop"), "shop")
    paths = {f: suites / f.removeprefix("suites/") if f.startswith("suites/") else folder / f for f in _FILES}
    return folder, {file: (path, path.read_text(encoding="utf-8")) for file, path in paths.items()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(_FILES), pick=st.floats(0, 0.999), value=_VALUES, remove=st.booleans())
@example(file="contract.yaml", pick=0.3, value=[], remove=False)
def test_a_strange_value_is_told(
    shop: tuple[Path, dict[str, tuple[Path, str]]], file: str, pick: float, value: Any, remove: bool
) -> None:
    folder, files = shop
    path, text = files[file]
    data = copy.deepcopy(yaml.safe_load(text))
    all_places = list(places(data))
    at = all_places[int(pick * len(all_places))]
    parent = data
    for step in at[:-1]:
        parent = parent[step]
    if not at:
        data = value
    elif remove:
        del parent[at[-1]]
    else:
        parent[at[-1]] = value
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    try:
        load_product(folder)
    except DeclarationError as error:
        assert all("expected" in problem and "\n" not in problem for problem in error.problems)
        assert all(Path(problem.split(":")[0]).is_file() or "no such file" in problem for problem in error.problems)
    finally:
        path.write_text(text, encoding="utf-8")
