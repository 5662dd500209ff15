"""Predictions follow what they were made from, as any gold table does: withdrawn, erased, corrected; and no other champion moves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.flow import NOTHING, ModelVersion
from readiness_pipelines.lakehouse import Lakehouse, relation, steps
from readiness_pipelines.lakehouse.doctor import examine
from readiness_pipelines.layers import StandingKind, Standings, decisions, run_step
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.erase import erase
from readiness_pipelines.layers.quarantine import Signed
from readiness_pipelines.layers.scored import scored_by
from tests.layers.scorers import Fitted, promote, step, train
from tests.modelled import ORDERS, Parcels, build_parcels, orders_of

SCORES = "parcels.gold.order_scores"
SIGNED = Signed("ann", "asked by letter")


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    made = build_parcels(tmp_path, scored=True)
    made.land(range(1, 6))
    return made


def rows_of(parcels: Parcels, table: str, day: int) -> pa.Table:
    version = parcels.lake.ledger.current_version(table, parcels.day(day))
    assert version is not None
    with parcels.lake.connect() as con:
        return con.sql(f"FROM {relation(parcels.lake, [version])} ORDER BY order_id").to_arrow_table()


def key(parcels: Parcels, table: str, day: int) -> str:
    version = parcels.lake.ledger.current_version(table, parcels.day(day))
    assert version is not None
    return version.version_key


def correct(parcels: Parcels, day: int) -> None:
    """Deliver the day again, with one order less."""
    parcels.land_orders(day, {name: cells[1:] for name, cells in orders_of(day).items()}, suffix="_corrected")
    parcels.run([day], tables=("raw_orders", "orders"))


def test_a_withdrawn_input_takes_its_predictions_with_it(parcels: Parcels) -> None:
    scorer = Fitted()
    promote(parcels.lake, train(parcels, scorer, [1, 2]))
    before = step(parcels, "order_scores", 3, scorer).version
    first = key(parcels, ORDERS, 3)
    correct(parcels, 3)
    assert step(parcels, "order_scores", 3, scorer).kind == "admitted"
    assert rows_of(parcels, SCORES, 3).num_rows == 299
    promote(parcels.lake, train(parcels, scorer, [1, 2, 3, 4]))
    decisions.withdraw(parcels.lake, parcels.product.by_name["orders"], parcels.day(3), to=first, signed=SIGNED)
    parcels.run([3], tables=("orders",))
    standings = Standings(parcels.product, Lakehouse.open(parcels.settings), now=clock(), everything=True)
    assert standings.of("order_scores", parcels.day(3)).kind is StandingKind.STALE
    result = step(parcels, "order_scores", 3, scorer)
    assert result.version is not None and before is not None
    assert result.version.version_key == before.version_key  # the same rows, scored by the same model: the same version
    assert rows_of(parcels, SCORES, 3).num_rows == 300


def test_predictions_that_were_withdrawn_stay_so_whoever_is_the_champion(parcels: Parcels) -> None:
    scorer = Fitted()
    promote(parcels.lake, train(parcels, scorer, [1, 2]))
    step(parcels, "order_scores", 4, scorer)
    decisions.withdraw(parcels.lake, parcels.product.by_name["order_scores"], parcels.day(4), to="nothing", signed=SIGNED)
    assert step(parcels, "order_scores", 4, scorer).kind == "held"
    second = train(parcels, scorer, [1, 2, 3])
    promote(parcels.lake, second)
    assert step(parcels, "order_scores", 4, scorer).kind == "held"
    assert key(parcels, SCORES, 4) == NOTHING
    assert step(parcels, "order_scores", 4, scorer, second).kind == "admitted"  # on purpose
    assert set(rows_of(parcels, SCORES, 4)["model_version"].to_pylist()) == {second.name}


def test_who_is_erased_has_no_prediction_any_more_and_nobody_elses_changes(parcels: Parcels) -> None:
    contract = parcels.folder / "contract.yaml"
    said = "  - name: raw_orders\n    customProperties: [{property: subject, value: customer}]\n"
    contract.write_text(contract.read_text().replace("  - name: raw_orders\n", said))
    scorer = Fitted()
    first = train(parcels, scorer, [1, 2])
    promote(parcels.lake, first)
    step(parcels, "order_scores", 3, scorer)
    promote(parcels.lake, train(parcels, scorer, [1, 2, 3, 4]))
    before, orders = rows_of(parcels, SCORES, 3), rows_of(parcels, ORDERS, 3)
    person = orders["customer"][0].as_py()
    theirs = {row["row_id"] for row in orders.to_pylist() if row["customer"] == person}

    def run(keys: list[str] | tuple[str, ...]) -> None:
        for name in ("raw_orders", "orders", "order_scores"):
            for partition in keys:
                run_step(parcels.lake, parcels.settings, parcels.product, name, partition, scorer=scorer)

    account = erase(parcels.lake, parcels.product, person, signed=SIGNED, run=lambda keys: run(tuple(keys)))
    assert account.traces == ()
    after = rows_of(parcels, SCORES, 3)
    columns = ["source_row_id", "order_id", "prediction", "model_version"]
    left = before.filter(pc.invert(pc.is_in(before["source_row_id"], pa.array(theirs))))
    assert after.select(columns).equals(left.select(columns)) and left.num_rows == 300 - len(theirs) < 300
    assert np.abs(after["score"].to_numpy() - left["score"].to_numpy()).max() < 1e-12  # a batch of others: the last digit
    assert set(after["model_version"].to_pylist()) == {first.name}


class CutShort(BaseException):
    """Ends a step as nothing in it expects."""


@pytest.mark.parametrize("stop_at", steps.NAMES)
def test_a_step_cut_short_and_another_champion_leave_one_version_by_one_model(
    parcels: Parcels, monkeypatch: pytest.MonkeyPatch, stop_at: str
) -> None:
    scorer = Fitted()
    first, second = train(parcels, scorer, [1, 2]), train(parcels, scorer, [1, 2, 3])
    promote(parcels.lake, first)
    parcels.run([5], tables=("raw_orders", "orders"))

    def cut_short(name: str) -> None:
        if name == stop_at:
            raise CutShort

    with monkeypatch.context() as stopped, pytest.raises(CutShort):
        stopped.setattr(steps, "on_reached", cut_short)
        step(parcels, "order_scores", 5, scorer)
    promote(parcels.lake, second)
    result = step(parcels, "order_scores", 5, scorer)
    assert result.is_published and result.version is not None
    said = scored_by(parcels.lake.ledger.verdict_of(SCORES, parcels.day(5), result.version.version_key))
    assert said is not None
    is_committed = stop_at in ("committed", "done_recorded")
    assert said["model"] == (first if is_committed else second).name  # what is on main is kept, by whomever it was scored
    rows = rows_of(parcels, SCORES, 5)
    assert (rows.num_rows, set(rows["model_version"].to_pylist())) == (300, {said["model"]})
    assert step(parcels, "order_scores", 5, scorer).kind == "unchanged"
    assert parcels.lake.ledger.open_intent(SCORES, parcels.day(5)) is None
    assert [str(found) for found in examine(parcels.settings).findings] == []


MOVES = st.lists(st.sampled_from(["promote", "run", "purpose", "correct"]), min_size=1, max_size=6)


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_whatever_happens_a_second_run_changes_nothing_and_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, moves: list[str]
) -> None:
    parcels, scorer = build_parcels(tmp_path_factory.mktemp("parcels"), scored=True), Fitted()
    parcels.land_orders(5, orders_of(5, rows=40))
    models = [train(parcels, scorer, [1, day]) for day in (2, 3, 4)]
    champion: ModelVersion | None = None
    for number, move in enumerate(moves):
        match move:
            case "promote":
                champion = models[number % len(models)]
                promote(parcels.lake, champion)
            case "purpose":
                step(parcels, "order_scores", 5, scorer, models[(number + 1) % len(models)])
            case "correct":
                fewer = {name: cells[number + 1 :] for name, cells in orders_of(5, rows=40).items()}
                parcels.land_orders(5, fewer, suffix=f"_{number}")
                parcels.run([5], tables=("raw_orders", "orders"))
        once, twice = step(parcels, "order_scores", 5, scorer), step(parcels, "order_scores", 5, scorer)
        assert twice.kind == ("not_due" if once.kind == "not_due" else "unchanged") and twice.version == once.version
        assert (once.kind == "not_due") == (champion is None and "purpose" not in moves[: number + 1])
        if once.verdict is not None:
            assert once.verdict.counts.conserved and once.verdict.counts.rows_in == rows_of(parcels, ORDERS, 5).num_rows
            rows = rows_of(parcels, SCORES, 5)
            assert set(rows["model_version"].to_pylist()) == {scored_by(once.verdict)["model"]}  # type: ignore[index]
            assert set(rows["input_version"].to_pylist()) == {key(parcels, ORDERS, 5)}
