"""Fixtures for the sample tests: the contract as it is written, and the real half where it is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.samples.second_opinion import PRODUCT, REAL_HALF


@pytest.fixture(scope="session")
def contract() -> Mapping[str, Any]:
    return yaml.safe_load((PRODUCT / "contract.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture
def real_half() -> Path:
    if not REAL_HALF.is_file():
        pytest.skip("the real half of the UCI set lies in ../shared, which is not here")
    return REAL_HALF
