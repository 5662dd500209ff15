"""What lands in the demo's loop, and in which order. The loop itself is run by `readiness demo` alone: it takes minutes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from readiness_pipelines.cli.demo_loop import _ACTS, _FIRST, _TRIAL, _in_short, _Landing
from readiness_pipelines.declarations import load_product
from readiness_pipelines.declarations.drift import ReferenceRange
from readiness_pipelines.declarations.words import Last
from readiness_pipelines.samples import power_price

FOLDER = Path(__file__).parents[2] / "readiness_pipelines" / "defs" / "power_price"


def test_days_land_act_by_act_each_file_once_and_as_if_nobody_were_still_writing(tmp_path: Path) -> None:
    landed = tmp_path / "landing"
    landing = _Landing(landed, tmp_path / "sample")
    assert landing.land(_FIRST)
    files = {path: path.stat().st_mtime_ns for path in landed.rglob("*.csv")}
    assert len(files) == 27 + 27  # one day of the market has no file, and the first day is settled on the second
    assert max(files.values()) < (time.time() - 30) * 1e9
    assert not landing.land(_FIRST)
    assert landing.land(_ACTS[0][0])
    assert {path: path.stat().st_mtime_ns for path in files} == files  # what has landed is not touched: it would be run again
    assert len(list(landed.rglob("*.csv"))) == len(files) + 14
    assert landing.land(_ACTS[-1][0])
    whole = power_price.write(tmp_path / "whole")
    assert {path.relative_to(landed).as_posix() for path in landed.rglob("*.csv")} == {file.file for file in whole.files}
    assert all((landed / file.file).read_bytes() == (tmp_path / "whole" / file.file).read_bytes() for file in whole.files)


def test_the_days_that_are_scored_for_comparison_are_the_reference_of_the_monitor_and_the_last_of_the_first_act() -> None:
    product = load_product(FOLDER)
    (worth,) = [monitor for monitor in product.monitors if monitor.words.score is not None]
    assert isinstance(worth.words.reference, ReferenceRange)
    assert (str(worth.words.reference.from_), str(worth.words.reference.to)) == _TRIAL
    assert _FIRST == power_price.CHANGED
    read = product.by_name["price_prediction_outcomes"].upstream["price_predictions"].read
    assert isinstance(read, Last) and read.last == 2


@pytest.mark.parametrize(
    ("sensor", "succeeded", "said"),
    [
        ("power_price_landed", True, "power_price_landed -> job: 2 s"),
        ("power_price_landed", False, "power_price_landed -> job: 2 s, which names what is held or missing"),
        ("power_price_loop", False, "power_price_loop -> job: 2 s, FAILED: the disk is full"),
    ],
)
def test_a_run_is_told_in_a_line_with_what_is_wrong(sensor: str, succeeded: bool, said: str) -> None:
    ran = {"sensor": sensor, "job": "job", "seconds": 2.1, "succeeded": succeeded, "why": "the disk is full"}
    assert _in_short(ran) == said
