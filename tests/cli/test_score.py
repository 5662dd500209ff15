"""`readiness score` as an operator meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from readiness_pipelines.flow import ModelVersion
from readiness_pipelines.lakehouse import relation
from readiness_pipelines.layers import decisions
from readiness_pipelines.layers.quarantine import Signed
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.models.train import train
from readiness_pipelines.models.training_set import select
from tests.cli.said import Said, commands_in
from tests.layers.scorers import promote
from tests.modelled import Parcels, build_parcels
from tests.services import variables

SCORES = "parcels.gold.order_scores"
_DEFINITIONS = """\
from pathlib import Path
from readiness_pipelines.declarations import load_product
from readiness_pipelines.product import definitions_of

defs = definitions_of(load_product(Path(__file__).parent.parent / "defs" / "parcels"))
"""


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return build_parcels(tmp_path, scored=True)


@pytest.fixture
def readiness(parcels: Parcels, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The command in a project whose only product is the parcels."""
    (parcels.root / "shops").mkdir()
    for name, text in (("__init__.py", ""), ("definitions.py", _DEFINITIONS)):
        (parcels.root / "shops" / name).write_text(text)
    return commands_in(parcels.root, variables(parcels.root, {}), monkeypatch, capsys)


def two_models(parcels: Parcels) -> list[ModelVersion]:
    """Train a model of the first days, record it twice: two artifacts. The second was the champion before the first."""
    product, lake, registry = parcels.product, parcels.lake, Registry.open(parcels.settings)
    assert product.model is not None
    training_set = select(product, lake, cut_off=parcels.day(8))
    trained, found = train(product.model, lake, product, training_set), []
    for _ in range(2):
        found.append(lake.ledger.models.record_model(registry.record(product.model, training_set, trained, by="tests")))
        registry.number(found[-1])
    promote(lake, found[1])
    promote(lake, found[0])
    return found


def scored_by(parcels: Parcels, day: int) -> set[str]:
    version = parcels.lake.ledger.current_version(SCORES, parcels.day(day))
    assert version is not None
    with parcels.lake.connect() as con:
        return {name for (name,) in con.execute(f"SELECT model_version FROM {relation(parcels.lake, [version])}").fetchall()}


@pytest.mark.slow
def test_partitions_are_scored_on_purpose_and_dagster_is_told(parcels: Parcels, mlflow: Path, readiness: Said) -> None:
    parcels.fill(range(1, 9))
    first, second = two_models(parcels)
    code, said = readiness("score", "parcels", "--from", parcels.day(2), "--to", parcels.day(3), "--no-run", "--json")
    rows, end = json.JSONDecoder().raw_decode(said)
    assert said[end:].strip() == ""  # nor does a library say anything beside it
    assert (code, [(row["partition"], row["result"], row["rows"]) for row in rows]) == (
        0,
        [(parcels.day(2), "admitted", 300), (parcels.day(3), "admitted", 300)],  # although they were trained on
    )
    assert scored_by(parcels, 2) == scored_by(parcels, 3) == {first.name}
    promote(parcels.lake, second)
    code, said = readiness("score", "parcels", "--partition", parcels.day(3))
    assert code == 0, said
    assert f"Scored with {second.name}" in said
    assert (scored_by(parcels, 2), scored_by(parcels, 3)) == ({first.name}, {second.name})
    assert "order_scores" in (parcels.settings.state / "score.log").read_text()  # a run kept what was scored, and told of it
    assert len(parcels.lake.ledger.verdicts(SCORES, parcels.day(3))) == 2
    table = parcels.product.by_name["order_scores"]
    decisions.withdraw(parcels.lake, table, parcels.day(3), to="nothing", signed=Signed("ann", "wrong"))
    code, said = readiness("score", "parcels", "--partition", parcels.day(3), "--no-run")
    assert (code, "held" in said) == (1, True)


def test_what_cannot_be_meant_is_told(parcels: Parcels, readiness: Said) -> None:
    day = parcels.day(1)
    for arguments, told in (
        ((), "expected --partition, or --from (and --to)"),
        (("--partition", day, "--from", day), "expected --partition, or --from (and --to)"),
        (("--partition", "yesterday"), "expected partitions as in 2025-01-01"),
        (("--partition", day), "parcels has no champion yet: `readiness model list parcels` says what there is"),
    ):
        code, said = readiness("score", "parcels", *arguments)
        assert (code, told in said) == (2, True), said


def test_a_product_without_scored_tables_has_nothing_to_score(parcels: Parcels, readiness: Said) -> None:
    parcels.declare("      scored: true\n", "")
    sql = parcels.folder / "gold" / "order_scores.sql"
    sql.write_text(
        "SELECT row_id AS source_row_id, order_id, ordered_at, amount, 0.5 AS score, true AS prediction, "
        "'none' AS model_version, 'none' AS input_version FROM orders"
    )
    code, said = readiness("score", "parcels", "--partition", parcels.day(1))
    assert (code, "found no scored table in parcels, expected one with `scored: true`" in said) == (2, True)


def test_a_partition_whose_rows_were_never_run_is_named(parcels: Parcels, readiness: Said) -> None:
    made = ModelVersion("parcels", 0, "training set", "recipe", "code", "artifact", "scores", 0.5, "run", "tests")
    promote(parcels.lake, parcels.lake.ledger.models.record_model(made))
    parcels.land([1])
    code, said = readiness("score", "parcels", "--partition", parcels.day(1), "--json")
    (row,) = json.loads(said)
    assert (code, row["result"]) == (1, "blocked")
    assert "reads parcels.silver.orders/2025-01-01, which has no admitted version; run that partition first" in row["why"]
