"""SIGKILL at every step of a promotion and of a roll back: what recovers them agrees with the ledger, and nothing is doubled."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any, Literal

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.errors import NotApproved
from readiness_pipelines.lakehouse import Lakehouse, steps
from readiness_pipelines.models import promotion
from readiness_pipelines.settings import Settings
from tests.promoted import EARLIER, LATER, Promoted

pytestmark = pytest.mark.slow

WARM = multiprocessing.get_context("forkserver")  # its children begin with what takes long to import, and share no connection
WARM.set_forkserver_preload(["mlflow.pyfunc", "mlflow.sklearn", "readiness_pipelines.models.promotion", "tests.promoted"])
Act = Literal["promote", "roll_back", "repair"]


def _act(root: Path, act: Act, number: int, stop_at: str, barrier: Any = None) -> None:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    lake = Lakehouse.open(Settings(state=root / "state", landing=root / "landing"))
    product = load_product(root / "defs" / "parcels")
    if barrier is not None:
        barrier.wait(120)
    if act == "promote":
        promotion.promote(product, lake, number=number, by="ann", reason="it is better")
    elif act == "roll_back":
        promotion.roll_back(product, lake, by="ann", reason="it disappoints", to=number or None)
    else:
        promotion.repair(product, lake)


def child(promoted: Promoted, act: Act, number: int, stop_at: str = "", barrier: Any = None) -> Any:
    process = WARM.Process(target=_act, args=(promoted.parcels.root, act, number, stop_at, barrier))
    process.start()
    return process


def ended(process: Any) -> int | None:
    process.join(240)
    return process.exitcode  # type: ignore[no-any-return]


STEPS = ["artifact_checked", "promotion_recorded", "alias_set", "aliases_followed", "reference_registered", "references_followed"]
assert set(steps.PROMOTION_NAMES) <= set(STEPS)


@pytest.mark.parametrize("act", ["promote", "roll_back"])
@pytest.mark.parametrize("stop_at", STEPS)
def test_killed_at_any_step_ledger_aliases_and_reference_agree_after_recovery(stop_at: str, act: Act, promoted: Promoted) -> None:
    old = promoted.champion(cut_off=EARLIER)
    other = promoted.champion(cut_off=LATER) if act == "roll_back" else promoted.challenger(cut_off=LATER)
    wanted, cut_off = (old, EARLIER) if act == "roll_back" else (other, LATER)
    promotion.repair(promoted.product, promoted.lake)  # the challenger gets its alias
    before, rows = promoted.where(), len(promoted.history)
    assert ended(child(promoted, act, wanted, stop_at)) == -signal.SIGKILL, f"{stop_at} was never reached"
    told = promotion.repair(promoted.product, promoted.lake)
    assert bool(told) == (stop_at in ("promotion_recorded", "alias_set", "aliases_followed"))
    if stop_at == "artifact_checked":
        assert (promoted.where(), len(promoted.history)) == (before, rows), "nothing has changed"
    else:
        assert promoted.where() == promoted.agreed(wanted, cut_off=cut_off)
    again(promoted, act, wanted)
    assert promoted.where() == promoted.agreed(wanted, cut_off=cut_off)
    assert len(promoted.history) == rows + 1, "once"
    assert promotion.repair(promoted.product, promoted.lake) == ()


def test_a_roll_back_without_a_number_that_is_killed_and_repeated_goes_back_once(promoted: Promoted) -> None:
    promoted.champion(cut_off=LATER)
    wanted = promoted.champion(cut_off=EARLIER)
    promoted.champion(cut_off=LATER)
    rows = len(promoted.history)
    assert ended(child(promoted, "roll_back", 0, "promotion_recorded")) == -signal.SIGKILL
    assert ended(child(promoted, "roll_back", 0)) == 0
    assert promoted.where() == promoted.agreed(wanted, cut_off=EARLIER)
    assert len(promoted.history) == rows + 1


def again(promoted: Promoted, act: Act, number: int) -> None:
    if act == "promote":
        promoted.promote(number)
    else:
        promotion.roll_back(promoted.product, promoted.lake, by="ann", reason="it disappoints", to=number)


def test_killed_again_while_it_is_repaired_it_is_repaired_all_the_same(promoted: Promoted) -> None:
    promoted.champion(cut_off=EARLIER)
    number = promoted.challenger(cut_off=LATER)
    assert ended(child(promoted, "promote", number, "promotion_recorded")) == -signal.SIGKILL
    for stop_at in ("alias_set", "aliases_followed"):
        assert ended(child(promoted, "repair", 0, stop_at)) == -signal.SIGKILL
    promotion.repair(promoted.product, promoted.lake)
    assert promoted.where() == promoted.agreed(number, cut_off=LATER)


def test_of_four_processes_that_promote_four_models_one_does_and_all_follow_it(promoted: Promoted) -> None:
    """Each was judged against the same champion: whoever comes second finds another one, and its verdict void."""
    promoted.champion()
    numbers = [promoted.challenger() for _ in range(4)]
    rows, barrier = len(promoted.history), WARM.Barrier(4)
    running = [child(promoted, "promote", number, barrier=barrier) for number in numbers]
    codes = [ended(process) for process in running]
    assert sorted(code != 0 for code in codes) == [False, True, True, True]
    winner = numbers[codes.index(0)]
    assert [each.number for each in promoted.history[rows:]] == [winner]
    assert promoted.where() == promoted.agreed(winner, cut_off=LATER)
    for number in set(numbers) - {winner}:
        with pytest.raises(NotApproved, match="it was judged against"):
            promoted.promote(number)


def test_of_four_processes_that_promote_the_same_model_one_row_comes(promoted: Promoted) -> None:
    promoted.champion()
    number, rows, barrier = promoted.challenger(), len(promoted.history), WARM.Barrier(4)
    running = [child(promoted, "promote", number, barrier=barrier) for _ in range(4)]
    assert [ended(process) for process in running] == [0, 0, 0, 0]
    assert [each.number for each in promoted.history[rows:]] == [number]
    assert promoted.where() == promoted.agreed(number, cut_off=LATER)
