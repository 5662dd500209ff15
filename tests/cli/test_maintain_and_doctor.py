"""`readiness maintain` and `readiness doctor` as an operator meets them: words, tables, exit codes, and no traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from readiness_pipelines.cli import main
from readiness_pipelines.lakehouse import Lakehouse, steps
from readiness_pipelines.layers import run_step
from tests.shop import Shop
from tests.shops_project import write_project


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Readiness = Callable[..., Done]


@pytest.fixture
def readiness(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Readiness:
    """The command in a project whose only product is the shop."""
    (shop.root / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "shops"\ndefs_module = "defs"\n')
    monkeypatch.chdir(shop.root)
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["readiness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """One day with two deliveries in bronze, and a superseded silver version."""
    day = shop.day(1)
    shop.land(1)
    _run(shop)
    shop.land(1, [f"{i},c{i},20,{day}" for i in range(10)], suffix="_b")
    _run(shop)
    return shop


def _run(shop: Shop) -> None:
    for table in ("raw_orders", "orders"):
        assert run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, table, shop.day(1)).is_published


def test_a_dry_run_says_what_a_run_then_does(busy: Shop, readiness: Readiness) -> None:
    dry = readiness("maintain", "--dry-run", "--keep-days", "0")
    assert dry.returncode == 0, dry.stderr
    assert "would have expired shop.silver.orders/2025-01-01@" in dry.stdout
    assert "would have deleted " in dry.stdout and " bytes)" in dry.stdout
    whole = {line.split("would have deleted ")[1].rpartition(" (")[0] for line in dry.stdout.splitlines() if "deleted /" in line}
    assert whole and all(Path(path).exists() for path in whole)
    told = json.loads(readiness("maintain", "shop", "--dry-run", "--keep-days", "0", "--json").stdout)
    done = json.loads(readiness("maintain", "shop", "--keep-days", "0", "--json").stdout)
    one = {row["table"]: (row["compacted"], row["expired"]) for row in told}
    other = {row["table"]: (row["compacted"], row["expired"]) for row in done}
    assert one == other
    assert other["shop.bronze.raw_orders"] == (1, 1) and other["shop.silver.orders"] == (0, 1)
    assert readiness("doctor").stdout.startswith("2 tables, ledger, catalog, warehouse and archive agree")


def test_bronze_goes_on_from_a_compacted_partition(busy: Shop, readiness: Readiness) -> None:
    assert readiness("maintain", "--keep-days", "0").returncode == 0
    busy.land(1, [f"{i},c{i},30,{busy.day(1)}" for i in range(5)], suffix="_c")
    lake = Lakehouse.open(busy.settings)
    result = run_step(lake, busy.settings, busy.product, "raw_orders", busy.day(1))
    assert result.kind == "admitted" and result.verdict is not None
    assert result.verdict.counts.admitted == 20 + 10 + 5
    silver = run_step(lake, busy.settings, busy.product, "orders", busy.day(1))
    assert silver.verdict is not None and silver.verdict.counts.admitted == 5


def test_wrong_options_are_one_line_and_exit_code_2(busy: Shop, readiness: Readiness) -> None:
    for arguments in (["--older-than", "0.5"], ["--keep-days", "-1"], ["nothing"]):
        done = readiness("maintain", *arguments)
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr


COMMANDS = [
    ["status"],
    ["incidents"],
    ["held", "list"],
    ["quarantine", "list"],
    ["maintain"],
    ["backfill", "shop", "--from", "2025-01-01", "--to", "2025-01-01"],
]


@pytest.mark.parametrize("damage", ["missing", "emptied", "garbage", "older"])
def test_every_command_stops_where_the_catalog_cannot_be_believed(busy: Shop, readiness: Readiness, damage: str) -> None:
    file = busy.settings.catalog_file
    if damage == "missing":
        file.unlink()
    elif damage == "older":
        copy = file.read_bytes()
        busy.land(1, [f"{i},c{i},40,{busy.day(1)}" for i in range(5)], suffix="_z")
        _run(busy)
        file.write_bytes(copy)
    else:
        file.write_bytes(b"" if damage == "emptied" else b"nothing of the kind" * 500)
    for arguments in COMMANDS:
        done = readiness(*arguments)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert done.stderr.count("\n") == 1 and "`readiness doctor`" in done.stderr, (arguments, done.stderr)
    found = readiness("doctor")
    assert found.returncode == 1 and "readiness doctor --repair " in found.stdout
    mended = readiness("doctor", "--repair")
    assert mended.returncode == 0 and mended.stdout.startswith("repaired: "), mended.stdout + mended.stderr
    assert readiness("held", "list").returncode == 0


def test_a_mistyped_state_folder_is_exit_code_2_and_named(readiness: Readiness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINESS_STATE", "/nowhere/.readines")
    for arguments in (["doctor"], ["doctor", "--repair"]):
        done = readiness(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert (
            done.stderr.startswith("readiness: found nothing in /nowhere/.readines (no such folder)")
            and done.stderr.count("\n") == 1
        )


class Ended(BaseException):
    """A process that is killed."""


@pytest.mark.slow
def test_the_command_that_the_doctor_names_can_be_run_as_it_is_printed(
    shop: Shop, readiness: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(step: str) -> None:
        if step == "intent_recorded":
            raise Ended

    told = (shop.root / "pyproject.toml").read_text()
    write_project(shop.root, sensors=False, theirs=False)
    (shop.root / "pyproject.toml").write_text(told)
    shop.land(1)
    shop.land_broken(2)
    shop.land(3)
    lake = Lakehouse.open(shop.settings)
    for table, day in (("raw_orders", 1), ("raw_orders", 2), ("raw_orders", 3), ("orders", 2), ("orders", 3)):
        run_step(lake, shop.settings, shop.product, table, shop.day(day))
    with monkeypatch.context() as patch, pytest.raises(Ended):
        patch.setattr(steps, "on_reached", die)
        run_step(lake, shop.settings, shop.product, "orders", shop.day(1))
    held = lake.ledger.latest_verdict("shop.silver.orders", shop.day(2))
    assert held is not None
    Path(held.files[0].path).unlink()
    found = readiness("doctor")
    begun, gone, last = found.stdout.splitlines()
    assert "was begun, and its commit is not on main" in begun and "a file of the held candidate, is gone" in gone
    assert found.returncode == 1 and last == "3 tables, 2 disagreements"
    for line, code in ((begun, 0), (gone, 1)):  # the second is held again
        done = readiness(*line.partition("run the partition again: readiness ")[2].split())
        assert done.returncode == code and done.stderr == "", done.stdout + done.stderr
    found = readiness("doctor")
    assert found.returncode == 0, found.stdout
