"""`readiness tick`: what has landed is run by the shipped sensors, without a daemon; and the story of a loop as the ledger has it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from readiness_pipelines.cli.story import tell_story
from readiness_pipelines.flow import Status
from readiness_pipelines.lakehouse import Lakehouse
from tests import challenged
from tests.cli.said import Said
from tests.modelled import build_parcels
from tests.shop import Shop


@pytest.mark.slow
def test_tick_runs_what_has_landed_and_then_has_nothing_to_do(shop: Shop, readiness: Said) -> None:
    settled = time.time() - 60
    os.utime(shop.land(1), (settled, settled))
    code, said = readiness("tick", "shop", "--json")
    (ran,) = json.loads(said)
    assert (code, ran["sensor"], ran["job"], ran["succeeded"]) == (0, "shop_landed", "shop_job", True)
    assert set(Lakehouse.open(shop.settings).ledger.current_versions("shop.gold.paid_orders")) == {shop.day(1)}
    code, said = readiness("tick", "shop")
    assert code == 0 and "Nothing was to be done." in said


@pytest.mark.slow
def test_tick_ends_with_1_where_a_run_failed_and_says_where_dagsters_words_are(shop: Shop, readiness: Said) -> None:
    settled = time.time() - 60
    os.utime(shop.land_broken(1), (settled, settled))
    code, said = readiness("tick", "shop")
    assert code == 1
    assert "shop_job, asked for by shop_landed: failed after " in said and shop.day(1) in said and "tick.log" in said


def test_a_product_that_is_none_is_told_before_anything_is_started(readiness: Said) -> None:
    code, said = readiness("tick", "shoop")
    assert code == 2 and "found no product 'shoop'" in said


def test_the_story_tells_in_order_what_was_asked_for_judged_decided_and_promoted_and_how_to_decide_what_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parcels = build_parcels(tmp_path)
    parcels.declare("risk_tier: low", "risk_tier: medium")
    product, ledger = parcels.product, parcels.lake.ledger
    ledger.retrains.request(challenged.retrain("e1", product="parcels"))
    challenged.enthrone(product, ledger, "a1")
    challenged.challenge(product, ledger, "a2", status=Status.FAILED)
    challenged.challenge(product, ledger, "a3")
    tell_story(product, parcels.lake)
    said = capsys.readouterr().out
    told = [
        "retrain 1 asked for by policy",
        "model 1 judged beside the baseline",
        "model 1 approved by ann",
        "model 1 promoted",
        "model 2 judged beside parcels/1@a1",
        "failed: better",
        "model 3 judged beside parcels/1@a1",
        "model 3 of parcels waits for a person",
        "readiness review approve parcels 3 --evidence",
    ]
    places = [said.index(each) for each in told]
    assert places == sorted(places)
    assert f" {ledger.models.promotions(product.name)[0].promoted_at[5:10]} " in said, "the day, not the time of day alone"


def test_of_a_product_whose_loop_has_done_nothing_the_story_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parcels = build_parcels(tmp_path)
    tell_story(parcels.product, parcels.lake)
    assert "parcels: nothing has happened yet." in capsys.readouterr().out
