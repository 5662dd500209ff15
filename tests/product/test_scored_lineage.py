"""What Dagster is told of a scored table: where its scores come from."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from readiness_pipelines.product.component import definitions_of
from readiness_pipelines.product.definition import static_metadata
from tests.modelled import build_parcels

FEATURES = ["amount", "channel", "items", "region", "weight"]
ORDERS = dg.AssetKey(["parcels", "silver", "orders"])


def test_a_score_comes_from_the_features_of_the_models_table(tmp_path: Path) -> None:
    product = build_parcels(tmp_path, scored=True).product
    metadata = static_metadata(product, product.by_name["order_scores"])
    lineage = metadata["dagster/column_lineage"].deps_by_column
    assert {each.asset_key for deps in lineage.values() for each in deps} == {ORDERS}
    names = {column: sorted(each.column_name for each in deps) for column, deps in lineage.items()}
    assert names["score"] == names["prediction"] == FEATURES
    assert (names["model_version"], names["input_version"]) == ([], ["partition_key"])
    assert (names["amount"], names["order_id"]) == (["amount"], ["order_id"])
    columns = [column.name for column in metadata["dagster/column_schema"].columns]
    assert columns == ["order_id", "ordered_at", "amount", "score", "prediction", "model_version", "input_version"]
    assert "where each column of order_scores comes from" in metadata["readiness/lineage"].value


def test_a_scored_table_is_an_asset_of_the_product_like_any_other(tmp_path: Path) -> None:
    definitions = definitions_of(build_parcels(tmp_path, scored=True).product)
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    assert {dg.AssetKey(["parcels", "gold", "order_scores"]), ORDERS} <= set(keys)
