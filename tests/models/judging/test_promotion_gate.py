"""Two equal models over 200 holdouts: at most 15 promotions, whether rows are of as many people, of few, or of 14 days."""

from __future__ import annotations

import pytest

from benchmarks.promotion_gate import WAYS, promoted

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("way", list(WAYS))
def test_of_two_equal_models_hardly_any_is_promoted(way: str) -> None:
    assert promoted(way, 500, 0.0, False, 1, 0, 200) <= 15


def test_one_that_is_much_better_is_found() -> None:
    assert promoted("rows of as many people", 500, 0.12, False, 1, 0, 20) >= 18
