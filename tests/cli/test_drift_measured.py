"""`readiness drift measure|redecide|calibrate|register|report` over days that really landed: a fixed day from which they drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.said import Said, commands_in
from tests.drift.scene import MONITOR, Scene, build_scene, rows_of
from tests.services import variables

DAILY = MONITOR.replace("days: 2, step: 2", "days: 1").replace("to: 2025-01-04", "to: 2025-01-02")
SITES = "site 1", "site 2"  # categories of a column that is not public


def land(scene: Scene, *days: int, **drift: float) -> None:
    for day in days:
        scene.land(day, rows_of(day, **drift))
    scene.run(days)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Three days at rest, of which two are the reference; the rows of day 4 are bluer and larger."""
    scene = build_scene(tmp_path, monitors=DAILY)
    land(scene, 1, 2, 3)
    land(scene, 4, blue=0.5, size_by=0.6)
    return scene


@pytest.fixture
def readiness(scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    return commands_in(scene.root, variables(scene.root, {}), monkeypatch, capsys)


def test_what_is_due_is_measured_once_and_what_was_found_is_told(readiness: Said) -> None:
    code, said = readiness("drift", "measure", "metrics")
    assert code == 1
    assert "metrics/readings 2025-01-04: critical in size, colour" in said
    assert "metrics: 2 windows measured: 1 critical, 1 insufficient sample" in said
    code, said = readiness("drift", "measure", "metrics")
    assert (code, said.strip()) == (1, "metrics: 0 windows measured")


def test_windows_that_are_due_are_told_until_they_are_measured(scene: Scene, readiness: Said) -> None:
    code, said = readiness("drift", "show", "metrics")
    assert (code, "2 windows are due and were not measured: `readiness drift measure metrics`" in said) == (0, True)
    readiness("drift", "measure", "metrics")
    land(scene, 5)
    code, said = readiness("drift", "show", "metrics")
    assert (code, "1 window is due and was not measured" in said) == (1, True)


def test_why_nothing_could_be_told_of_a_column_is_said(scene: Scene, readiness: Said) -> None:
    scene.declare("      label: outcome\n", "      label: outcome\n      positive: 7\n")  # no outcome is 7
    readiness("drift", "measure", "metrics")
    why = "fewer than 20 known labels of one class"
    _, said = readiness("drift", "show", "metrics")
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines()]
    assert ["score", "performance", why] in lines
    _, said = readiness("drift", "show", "metrics", "--json")
    found = {(each["column"], each["test"]): each for each in json.loads(said)[0]["columns"]}
    assert (found["score", "performance"]["level"], found["score", "performance"]["note"]) == ("insufficient sample", why)
    assert (found["size", "ks"]["level"], found["size", "ks"]["note"]) == ("high", "")
    readiness("drift", "report", "metrics", "--output", "page.html")
    assert f">{why}</td>" in Path("page.html").read_text(encoding="utf-8")


def test_a_range_limits_where_changes_are_looked_for(scene: Scene, readiness: Said) -> None:
    readiness("drift", "measure", "metrics")
    for day in (3, 4):
        scene.land(day, rows_of(day, size_by=0.1), suffix="_late")
    scene.run([3, 4])
    code, said = readiness("drift", "measure", "metrics", "--to", "2025-01-03")
    assert (code, "metrics: 1 window measured" in said) == (1, True)
    assert "metrics: 1 window measured" in readiness("drift", "measure", "metrics")[1]
    code, said = readiness("drift", "measure", "metrics", "--from", "yesterday")
    assert (code, "expected partitions as in 2025-01-01" in said) == (2, True)


def test_before_the_reference_is_complete_it_is_said_what_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = build_scene(tmp_path, monitors=DAILY)
    land(scene, 1)
    readiness = commands_in(tmp_path, variables(tmp_path, {}), monkeypatch, capsys)
    why = "its reference 2025-01-01...2025-01-02 is complete when 2025-01-02 has been run; the newest is 2025-01-01"
    code, said = readiness("drift", "measure")
    assert (code, f"metrics/readings: {why}" in " ".join(said.split())) == (0, True)
    code, said = readiness("drift", "show")
    assert (code, " ".join(said.split())) == (0, f"readings: learning: {why}.")


def test_other_thresholds_are_tried_and_then_declared_without_reading_data(scene: Scene, readiness: Said) -> None:
    readiness("drift", "measure", "metrics")
    code, said = readiness("drift", "calibrate", "metrics", "--json")
    tried = {each["rule"]: [window["severity"] for window in each["windows"]] for each in json.loads(said)}
    assert (code, tried["as declared"][-1], tried["twice the thresholds"][-1]) == (0, "critical", "high")
    scene.declare("    - table: readings\n", "    - table: readings\n      thresholds: {psi: {critical: 0.9}}\n")
    code, said = readiness("drift", "redecide", "metrics")
    assert code == 0
    assert "2025-01-04 │ critical │ high" in said
    assert "metrics: 2 windows judged by the rule of today, 1 of them otherwise than before" in " ".join(said.split())
    code, said = readiness("drift", "redecide", "metrics", "--json")
    assert (code, json.loads(said)) == (0, [])


def test_candidates_are_a_line_each(readiness: Said) -> None:
    readiness("drift", "measure", "metrics")
    code, said = readiness("drift", "calibrate", "metrics", "--monitor", "readings")
    assert code == 0
    for rule in ("as declared", "2 of 3 windows", "half the thresholds", "twice the thresholds", "any effect", "PSI above .2"):
        assert sum(line.startswith(f"│ {rule} ") for line in said.splitlines()) == 1
    assert " 2025-01-04 " in said
    code, said = readiness("drift", "calibrate", "--monitor", "nothing")
    assert (code, "metrics: found no monitor 'nothing', expected one of: readings" in said) == (2, True)


def test_which_monitor_candidates_are_tried_on_is_said_and_is_asked_for_among_several(scene: Scene, readiness: Said) -> None:
    code, said = readiness("drift", "calibrate", "--help")
    words = " ".join(said.replace("│", " ").split())
    assert (code, "The monitor; it can be left out where the product has one." in words) == (0, True)
    assert "all of the product" not in words
    scene.declare(
        "    - table: readings\n",
        "    - {name: sizes, table: sizes, window: {days: 1}, reference: previous_window}\n    - table: readings\n",
    )
    code, said = readiness("drift", "calibrate", "metrics")
    assert code == 2
    assert "metrics: found 2 monitors, expected the name of one with --monitor: sizes, readings" in " ".join(said.split())


def test_a_reference_is_registered_by_somebody_for_a_reason(scene: Scene, readiness: Said) -> None:
    readiness("drift", "measure", "metrics")
    scene.land(2, rows_of(2, size_by=0.3), suffix="_late")
    scene.run([2])
    code, said = readiness("drift", "register", "metrics", "readings", "--by", "ann", "--reason", "day 2 was corrected")
    assert (code, "metrics/readings: 2025-01-01...2025-01-02, 2 partitions, is the reference" in said) == (0, True)
    newest = scene.lake.ledger.drift.reference("metrics", "readings")
    assert newest is not None and (newest.by, newest.reason) == ("ann", "day 2 was corrected")
    code, said = readiness("drift", "measure", "metrics")
    assert "metrics: 2 windows measured" in said
    assert readiness("drift", "register", "metrics", "readings", "--by", "ann", "--reason", " ")[0] == 2


def test_the_page_shows_the_worst_columns_beside_their_reference(readiness: Said) -> None:
    readiness("drift", "measure", "metrics")
    code, said = readiness("drift", "report", "metrics", "--output", "some page.html")
    assert code == 0
    assert "metrics: readings: 2025-01-04 (500 rows, against 2025-01-01...2025-01-02): critical drift in" in said
    assert "written to some page.html" in said
    page = Path("some page.html").read_text(encoding="utf-8")
    assert page.count('class="plot"') == 6 and ">blue</text>" in page and ">#1</text>" in page
    assert not any(site in page for site in SITES)
    code, said = readiness("drift", "report", "metrics", "--output", "no/such/folder.html")
    assert (code, "no/such/folder.html: cannot be written: No such file or directory; expected a place" in said) == (2, True)
