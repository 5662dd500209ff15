"""From a prediction to the delivered file and back: every link is held against the tables by a query of the test's own."""

from __future__ import annotations

import csv
import hashlib
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines import response
from readiness_pipelines.errors import ReadinessError, VersionNotFound
from readiness_pipelines.lakehouse import relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.models.scoring import scorer_of
from readiness_pipelines.trace import Chain, Fact, Kind, in_lines, of_file, of_model, of_row, of_version, parsed, picture
from tests.modelled import SCORED, WATCHED, Parcels, build_parcels

pytestmark = pytest.mark.slow
SCORES, ORDERS, RAW = "parcels.gold.order_scores", "parcels.silver.orders", "parcels.bronze.raw_orders"
SHARE = "parcels.gold.score_share"  # made from the scores
DAY, NEXT = "2025-01-15", 15


def declare_share(parcels: Parcels) -> None:
    """Declare a table that is made from the scores of a day."""
    lines = (
        "    - name: score_share\n      key: [day]\n      inputs: {order_scores: {read: same}}\n      sql: gold/score_share.sql\n"
    )
    parcels.declare(SCORED, SCORED + lines)
    with (parcels.folder / "contract.yaml").open("a", encoding="utf-8") as contract:
        contract.write(
            "  - name: score_share\n    description: How many orders, and what they score.\n    properties:\n"
            "      - {name: day, logicalType: date, classification: public, primaryKey: true, primaryKeyPosition: 1}\n"
            "      - {name: orders, logicalType: integer, classification: public}\n"
            "      - {name: share, logicalType: number, classification: public}\n"
        )
    sql = "SELECT CAST(getvariable('partition_key') AS DATE) AS day, count(*) AS orders, avg(score) AS share FROM order_scores"
    (parcels.folder / "gold" / "score_share.sql").write_text(sql, encoding="utf-8")
    suite = "name: gold_score_share\nexpectations:\n  - {type: expect_table_row_count_to_equal, kwargs: {value: 1}}\n"
    (parcels.root / "quality_suites" / "parcels" / "gold_score_share.yaml").write_text(suite, encoding="utf-8")


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parcels]:
    made = build_parcels(tmp_path_factory.mktemp("parcels"), scored=True, watched=WATCHED)
    declare_share(made)
    made.fill(range(1, NEXT))
    asked = response.request(made.product, made.lake, by="ann", reason="the first one", now=clock())
    ended = response.carry_out(
        made.product, made.lake, retrain=asked.id, run="run", is_over=lambda _: True, say=lambda _: None, now=clock()
    )
    assert ended.outcome == "promoted"
    made.fill([NEXT])
    scorer = scorer_of(made.product, made.settings)
    assert run_step(made.lake, made.settings, made.product, "order_scores", DAY, scorer=scorer).kind == "admitted"
    assert run_step(made.lake, made.settings, made.product, "score_share", DAY).kind == "admitted"
    yield made


def prediction(parcels: Parcels) -> dict[str, Any]:
    version = parcels.lake.ledger.current_version(SCORES, DAY)
    assert version is not None
    with parcels.lake.connect() as con:
        rows = con.execute(f"SELECT * FROM {relation(parcels.lake, [version])} ORDER BY order_id LIMIT 1")
        names = [each[0] for each in rows.description or ()]
        return dict(zip(names, rows.fetchone() or (), strict=True))


def facts(chain: Chain, kind: Kind) -> list[Fact]:
    return [fact for fact in chain.facts.values() if fact.kind is kind]


def test_a_prediction_leads_to_the_record_of_the_delivered_file(parcels: Parcels) -> None:
    row = prediction(parcels)
    chain = of_row(parcels.product, parcels.lake, SCORES, DAY, str(row["order_id"]))
    assert [f.name.partition(" of ")[2].partition("/")[0] for f in facts(chain, Kind.ROW)] == [SCORES, ORDERS, RAW]
    (how, delivered), *_ = [
        (how, fact) for above in facts(chain, Kind.ROW) for how, fact in chain.rests_on(above.id) if fact.kind is Kind.DELIVERY
    ]
    landed = parcels.settings.landing / delivered.name
    assert delivered.told["sha256"] == hashlib.sha256(landed.read_bytes()).hexdigest()
    number = int(how.removeprefix("record ").removesuffix(" of"))
    with landed.open(encoding="utf-8", newline="") as file:
        record = list(csv.DictReader(file))[number - 1]
    assert int(record["order_id"]) == row["order_id"]
    assert float(record["amount"]) == row["amount"]


def test_a_prediction_leads_to_its_model_and_to_all_that_this_rests_on(parcels: Parcels) -> None:
    row = prediction(parcels)
    chain = of_row(parcels.product, parcels.lake, SCORES, DAY, str(row["row_id"]))
    (model,) = facts(chain, Kind.MODEL)
    assert model.name == row["model_version"]
    (training_set,) = facts(chain, Kind.TRAINING_SET)
    selected = [fact for how, fact in chain.rests_on(training_set.id) if how == "selected from"]
    listed = [str(fact.told["versions"]).split(", ") for fact in selected]
    for table, versions in zip((ORDERS, "parcels.silver.returns"), listed, strict=True):
        current = parcels.lake.ledger.current_versions(table)
        there = [f"{key}@{version.version_key[:12]}" for key, version in current.items() if key < DAY]
        assert versions == there
    below = {fact.kind: how for how, fact in chain.rests_on(model.id)}
    assert below == {
        Kind.TRAINING_SET: "trained on",
        Kind.VERDICT: "judged by",
        Kind.PROMOTION: "served by",
        Kind.RETRAIN: "made in",
    }
    (review,) = facts(chain, Kind.REVIEW)
    assert (review.name, review.told["by"]) == ("approved", "policy")


def test_a_model_and_a_version_are_traced_by_name(parcels: Parcels) -> None:
    model = of_model(parcels.product, parcels.lake, "parcels/1")
    assert model.facts[model.subject].kind is Kind.MODEL
    version = parcels.lake.ledger.current_version(ORDERS, DAY)
    assert version is not None
    by_key = of_version(parcels.product, parcels.lake, *parsed(parcels.product, f"orders/{DAY}@{version.version_key[:8]}"))
    assert [fact.name for _, fact in by_key.rests_on(by_key.subject)] == [str(parcels.lake.ledger.current_version(RAW, DAY))]
    assert facts(of_version(parcels.product, parcels.lake, SCORES, DAY), Kind.MODEL) != []


def test_a_delivered_file_leads_to_everything_it_has_touched(parcels: Parcels) -> None:
    chain = of_file(parcels.product, parcels.lake, "orders_2025-01-05.csv")
    with parcels.lake.connect() as con:
        gold = parcels.lake.ledger.current_versions(SCORES)
        models = {
            r[0]
            for r in con.execute(f"SELECT DISTINCT model_version FROM {relation(parcels.lake, list(gold.values()))}").fetchall()
        }
    assert {fact.name for fact in facts(chain, Kind.MODEL)} == models
    made = [fact.name.partition("@")[0] for fact in facts(chain, Kind.VERSIONS)]
    assert made == [f"{RAW}/2025-01-05", f"{ORDERS}/2025-01-05", f"1 of {SCORES}/{DAY}", f"1 of {SHARE}/{DAY}"]
    assert len(facts(chain, Kind.TRAINING_SET)) == len(facts(chain, Kind.PROMOTION)) == 1
    of_today = of_file(parcels.product, parcels.lake, f"orders_{DAY}.csv")
    assert facts(of_today, Kind.MODEL) == []  # it came after the cut-off
    today = [fact.name.partition("@")[0] for fact in facts(of_today, Kind.VERSIONS)]
    assert today == [f"{table}/{DAY}" for table in (RAW, ORDERS, SCORES, SHARE)]
    sha = str(of_today.facts[of_today.subject].told["sha256"])
    assert of_file(parcels.product, parcels.lake, sha[:12]).subject == of_today.subject


def test_what_was_made_from_a_models_scores_is_told_by_version_and_rests_on_them(parcels: Parcels) -> None:
    chain = of_file(parcels.product, parcels.lake, "orders_2025-01-05.csv")
    scored, made = (next(f for f in facts(chain, Kind.VERSIONS) if f" of {table}/" in f.name) for table in (SCORES, SHARE))
    (model,) = facts(chain, Kind.MODEL)
    for fact, table, above in ((scored, SCORES, (model, "scored by")), (made, SHARE, (scored, "made from"))):
        version = parcels.lake.ledger.current_version(table, DAY)
        assert version is not None and fact.told["versions"] == f"{DAY}@{version.version_key[:12]}"
        assert [(below.id, how) for how, below in chain.rests_on(fact.id)] == [(above[0].id, above[1])]


def test_a_chain_is_text_json_and_a_picture(parcels: Parcels, tmp_path: Path) -> None:
    chain = of_row(parcels.product, parcels.lake, SCORES, DAY, str(prediction(parcels)["order_id"]))
    lines = in_lines(chain)
    assert lines[0] == f"row {chain.facts[chain.subject].name}"
    assert max(len(line) for line in lines) < 200
    told = json.loads(chain.to_json())
    assert {link["to"] for link in told["links"]} <= {fact["id"] for fact in told["facts"]}
    assert told["subject"] == chain.subject
    drawn = ElementTree.fromstring(picture(chain))
    assert len(drawn.findall(".//{http://www.w3.org/2000/svg}title")) == len(chain.facts)
    (tmp_path / "chain.svg").write_text(picture(chain), encoding="utf-8")


@pytest.mark.parametrize("named", ["parcels/9", "parcels/1@ffffffffffff"])
def test_a_model_that_is_not_there_is_told_with_those_that_are(parcels: Parcels, named: str) -> None:
    with pytest.raises(ReadinessError, match=r"found no model .* expected one of: parcels/1@"):
        of_model(parcels.product, parcels.lake, named)


def test_what_is_not_there_is_told(parcels: Parcels) -> None:
    with pytest.raises(VersionNotFound, match="found no version parcels.silver.orders/2025-01-15@abcd"):
        of_version(parcels.product, parcels.lake, ORDERS, DAY, "abcd")
    with pytest.raises(ReadinessError, match=r"found no row .* its row_id or key \(order_id\)"):
        of_row(parcels.product, parcels.lake, SCORES, DAY, "no such order")
    with pytest.raises(ReadinessError, match="found 0 deliveries 'orders_1999.csv'"):
        of_file(parcels.product, parcels.lake, "orders_1999.csv")
    with pytest.raises(ReadinessError, match="expected TABLE/PARTITION"):
        parsed(parcels.product, "orders")
