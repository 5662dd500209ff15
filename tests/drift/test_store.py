"""What is kept of versions comes back equal, and adds up to what a scan of all rows finds."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from readiness_pipelines.drift.layout import layout_of
from readiness_pipelines.drift.profile import Profile, empty, total
from readiness_pipelines.drift.scan import profile
from readiness_pipelines.drift.store import store, stored, stored_layout
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.upkeep import maintain_product
from tests.drift.rows import relation
from tests.lakehouse.publisher import Place
from tests.shop import Shop

TABLE = "shop.gold.features"


def test_profiles_of_days_come_back_and_add_up_to_that_of_all_rows(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    lake, random = Place(tmp_path).open(), np.random.default_rng(2)
    columns = {
        "x": np.where(random.random(3000) < 0.1, np.nan, random.standard_normal(3000)),
        "w": random.choice(["a", "b", "rare"], 3000, p=[0.6, 0.399, 0.001]),
        "day": random.integers(0, 5, 3000),
    }
    source = relation(con, columns)
    layout = layout_of(con, f"(SELECT * FROM {source} WHERE day < 2)", ["x", "w"], told=["x"])
    days = {(f"2025-01-0{day}", f"k{day}"): profile(con, f"(FROM {source} WHERE day = {day})", layout) for day in range(5)}
    assert store(lake, "shop", TABLE, days, layout) == 5
    found = stored(lake, "shop", TABLE, list(days), layout)
    assert found == days
    assert [list(each.columns) for each in found.values()] == [["x", "w"]] * 5
    whole, sum_ = profile(con, source, layout), total(layout, found.values())
    assert sum_.rows == whole.rows == 3000
    assert sum_.columns["w"] == whole.columns["w"]
    assert (sum_.columns["x"].counts, sum_.columns["x"].nulls) == (whole.columns["x"].counts, whole.columns["x"].nulls)
    assert store(lake, "shop", TABLE, days, layout) == 0


def test_a_layout_is_found_by_its_id(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    lake = Place(tmp_path).open()
    layout = layout_of(con, relation(con, {"x": [1.0, 2.5, 1e-300], "w": ["é", "'", None]}), ["x", "w"], told=["w"])
    assert stored_layout(lake, "shop", layout.id) is None
    store(lake, "shop", TABLE, {("2025-01-01", "k"): empty(layout)}, layout)
    assert stored_layout(lake, "shop", layout.id) == layout
    assert stored(lake, "shop", TABLE, [("2025-01-01", "k"), ("2025-01-02", "k")], layout) == {("2025-01-01", "k"): empty(layout)}


def test_of_a_column_that_is_not_public_no_end_and_no_rare_category_is_kept(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    lake = Place(tmp_path).open()
    source = relation(con, {"x": [123456.75, *[1.0] * 20], "w": ["rare name", *["often"] * 20]})
    layout = layout_of(con, source, ["x", "w"])
    store(lake, "shop", TABLE, {("2025-01-01", "k"): profile(con, source, layout)}, layout)
    files = list(Path(lake.settings.warehouse).rglob("*.parquet")) + list(Path(lake.settings.staging).rglob("*.parquet"))
    text = str(con.execute(f"SELECT * FROM read_parquet({[str(file) for file in files]}, union_by_name=true)").fetchall())
    assert "often" in text
    assert "rare name" not in text and "123456.75" not in text


def test_the_maintenance_of_a_product_takes_its_profiles_along(shop: Shop, con: duckdb.DuckDBPyConnection) -> None:
    from readiness_pipelines.lakehouse import Lakehouse

    lake = Lakehouse.open(shop.settings)
    assert [each.table for each in maintain_product(shop.product, lake, now=clock())][-1] == "shop.drift.profiles"
    layout = layout_of(con, relation(con, {"x": [1.0]}), ["x"])
    for day in range(3):
        store(lake, "shop", TABLE, {(f"2025-01-0{day + 1}", "k"): Profile(layout.id, 0, empty(layout).columns)}, layout)
    done = {each.table: each for each in maintain_product(shop.product, lake, now=clock())}
    assert done["shop.drift.profiles"].snapshots == 3  # the root, and two commits before the newest
