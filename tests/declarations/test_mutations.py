"""Every mistake is told once: one line, at the right file and line, with what was found and what was expected."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.errors import DeclarationError
from tests.declarations.mutations import MUTATIONS as PLAIN
from tests.declarations.mutations import Mutation, apply, build
from tests.declarations.mutations_across import ACROSS
from tests.declarations.mutations_drift import DRIFT
from tests.declarations.mutations_model import MODEL

MUTATIONS = [*PLAIN, *ACROSS, *DRIFT, *MODEL]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name.replace(" ", "_"))
def test_a_mistake_is_one_line_at_its_place(mutation: Mutation, tmp_path: Path) -> None:
    folder, suites = build(tmp_path, mutation.product)
    path, line = apply(mutation, folder, suites)
    with pytest.raises(DeclarationError) as error:
        load_product(folder)
    problems = error.value.problems
    assert len(problems) == 1, "\n".join(problems)
    (problem,) = problems
    assert problem.startswith(f"{path}:{line}: "), problem
    assert "\n" not in problem
    assert "found" in problem or "YAML syntax" in problem
    assert "expected" in problem
    for word in mutation.words:
        assert word in problem, problem


@pytest.mark.parametrize("product", ["shop", "readmission", "parcels"])
def test_a_product_without_mistakes_loads(product: str, tmp_path: Path) -> None:
    folder, _ = build(tmp_path, product)
    assert load_product(folder).name == product


def test_the_list_has_no_mistake_twice() -> None:
    edits = Counter((m.product, m.file, m.old, m.new) for m in MUTATIONS)
    assert len(MUTATIONS) >= 60
    assert [edit for edit, n in edits.items() if n > 1] == []
