"""Windows: where they begin and end, which are whole, which are left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.drift import DriftWindow
from readiness_pipelines.drift.windows import (
    measured_windows,
    overlap,
    partitions_of,
    shifted,
    window_before,
    windows_until,
)
from readiness_pipelines.flow import Window
from tests.drift.scene import MONITOR, build_scene


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> Product:
    return build_scene(tmp_path_factory.mktemp("daily")).product


@pytest.fixture(scope="module")
def hourly(tmp_path_factory: pytest.TempPathFactory) -> Product:
    return build_scene(tmp_path_factory.mktemp("hourly"), every="hour").product


def said(days: int, step: int) -> DriftWindow:
    return DriftWindow(days=days, step=step)


def test_windows_begin_at_the_first_partition_and_every_step_after_it(daily: Product) -> None:
    found = [str(window) for window in windows_until(daily, said(7, 3), "2025-01-14")]
    assert found == ["2025-01-01...2025-01-07", "2025-01-04...2025-01-10", "2025-01-07...2025-01-13"]


def test_a_window_that_is_not_over_is_not_there(daily: Product) -> None:
    assert list(windows_until(daily, said(7, 7), "2025-01-06")) == []
    assert [window.last for window in windows_until(daily, said(7, 7), "2025-01-07")] == ["2025-01-07"]


def test_a_day_of_an_hourly_product_is_24_partitions(hourly: Product) -> None:
    first, second = windows_until(hourly, said(1, 1), "2025-01-02-23:00")
    assert (first.first, first.last) == ("2025-01-01-00:00", "2025-01-01-23:00")
    assert len(partitions_of(hourly, second)) == 24
    assert len(list(windows_until(hourly, said(1, 1), "2025-01-02-22:00"))) == 1


def test_what_shares_a_partition_with_a_fixed_reference_is_not_measured(tmp_path: Path) -> None:
    product = build_scene(tmp_path, monitors=MONITOR.replace("{days: 2, step: 2}", "{days: 3, step: 1}")).product
    found = [str(window) for window in measured_windows(product, product.monitors[0], "2025-01-09")]
    assert found == ["2025-01-05...2025-01-07", "2025-01-06...2025-01-08", "2025-01-07...2025-01-09"]


def test_what_is_compared_with_the_window_before_is_measured_from_the_first_on(tmp_path: Path) -> None:
    words = MONITOR.replace("{from: 2025-01-01, to: 2025-01-04}", "previous_window")
    product = build_scene(tmp_path, monitors=words).product
    assert [w.last for w in measured_windows(product, product.monitors[0], "2025-01-05")] == ["2025-01-02", "2025-01-04"]


def test_the_window_before_ends_where_this_one_begins_and_is_as_long(daily: Product) -> None:
    window = Window("2025-01-08", "2025-01-10")
    assert window_before(daily, window, said(3, 1)) == Window("2025-01-05", "2025-01-07")
    assert window_before(daily, Window("2025-01-03", "2025-01-05"), said(3, 1)) is None


@given(days=st.integers(1, 9), step=st.integers(1, 9), many=st.integers(0, 40))
def test_every_window_is_as_long_as_declared_and_whole(daily: Product, days: int, step: int, many: int) -> None:
    newest = shifted(daily, Window("2025-01-01", "2025-01-01"), many).last
    windows = list(windows_until(daily, said(days, step), newest))
    assert len(windows) == max(0, (many + 1 - days) // step + 1 if many + 1 >= days else 0)
    assert all(len(partitions_of(daily, window)) == days and window.last <= newest for window in windows)
    assert all(shifted(daily, a, step) == b for a, b in zip(windows, windows[1:], strict=False))


@given(days=st.integers(1, 9), step=st.integers(1, 9))
def test_neighbours_overlap_exactly_where_the_step_is_shorter_than_the_window(daily: Product, days: int, step: int) -> None:
    a, b = list(windows_until(daily, said(days, step), "2025-02-28"))[:2]
    assert overlap(a, b) == overlap(b, a) == (step < days)
