"""The skeleton of a product: it says what is true of a csv, and admits the very file it was made from."""

from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_pipelines.declarations import load_product, skeleton
from readiness_pipelines.declarations.sample import Sample, read_sample
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.settings import Settings

DAY = datetime.date(2025, 3, 5)


def sample(tmp_path: Path, text: str) -> Sample:
    path = tmp_path / "given.csv"
    path.write_bytes(text.encode())
    return read_sample(path)


def build(tmp_path: Path, name: str, read: Sample) -> Path:
    folder = tmp_path / "defs" / name
    for inside, text in skeleton.declarations(name, read, DAY).items():
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        (folder / inside).write_text(text)
    suites = tmp_path / "quality_suites" / name
    suites.mkdir(parents=True)
    for inside, text in skeleton.suites(name, read).items():
        (suites / inside).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("orders", "Order ID,Amount,when,select\n1,2.50,2025-03-04,x\n2,,2025-03-05,\n", [(1, 2.5), (2, None)]),
        ("order", 'id;"a;b"\n1;x\n2;y\n', [(1, "x"), (2, "y")]),  # both the product and its delimiter are awkward
        ("group", "id,yes\n1,no\n", [(1, "no")]),
        ("odd", 'id,"two\nlines","tab\there","☕ \'a\' {b}: #c"\n1,x,y,z\n', [(1, "x")]),
    ],
)
def test_the_skeleton_admits_the_file_it_was_made_from(
    tmp_path: Path, name: str, text: str, rows: list[tuple[object, ...]]
) -> None:
    read = sample(tmp_path, text)
    product = load_product(build(tmp_path, name, read))
    settings = Settings(state=tmp_path / "state", landing=tmp_path / "landing")
    landed = settings.landing / name / f"{name}_{DAY}.csv"
    landed.parent.mkdir(parents=True)
    landed.write_text(text)
    lake = Lakehouse.open(settings)
    kinds = [run_step(lake, settings, product, table.name, str(DAY)).kind for table in product.tables]
    assert kinds == ["admitted"] * 3
    version = lake.ledger.current_version(f"{name}.silver.{name}", str(DAY))
    counted = lake.ledger.current_version(f"{name}.gold.{name}_daily", str(DAY))
    assert version is not None and counted is not None
    first, second = (f.name for f in read.fields[:2])
    with lake.connect() as con:
        assert con.execute(f'SELECT "{first}", "{second}" FROM {relation(lake, [version])} ORDER BY 1').fetchall() == rows
        assert con.execute(f"SELECT row_count FROM {relation(lake, [counted])}").fetchall() == [(len(rows),)]


def test_the_example_is_a_sample_of_its_own(tmp_path: Path) -> None:
    read = sample(tmp_path, skeleton.example(DAY))
    assert [(f.name, f.logical_type) for f in read.fields] == [
        ("order_id", "integer"),
        ("amount", "number"),
        ("ordered_on", "date"),
    ]


def text_of(tmp_path: Path, csv: str, name: str) -> str:
    read = sample(tmp_path, csv)
    return {**skeleton.declarations("orders", read, DAY), **skeleton.suites("orders", read)}[name]


def test_only_what_is_true_of_the_file_becomes_a_rule(tmp_path: Path) -> None:
    suite = text_of(tmp_path, "id,note,zip\n1,,04711\n2,x,04711\n", "silver_orders.yaml")
    assert [line.strip() for line in suite.splitlines() if "name:" in line][1:] == [
        "meta: {name: id_present}",
        "meta: {name: zip_present}",
        "meta: {name: id_unique}",
    ]
    assert "all 2 records" in suite
    assert "expectations: []" in text_of(tmp_path, "id,note\n,\n", "silver_orders.yaml")


def test_a_first_column_that_repeats_or_has_gaps_is_not_said_to_be_unique(tmp_path: Path) -> None:
    for rows in ("1,a\n1,b\n", "1,a\n,b\n"):
        assert "be_unique" not in text_of(tmp_path, f"id,n\n{rows}", "silver_orders.yaml")


def test_every_column_is_confidential_until_somebody_has_looked(tmp_path: Path) -> None:
    contract = text_of(tmp_path, "id,note\n1,x\n", "contract.yaml")
    assert contract.count("classification: confidential") == 6  # two as delivered, two typed, day and row_count
    assert "review each" in contract and "change both" in contract


def test_the_feed_says_its_delimiter_only_where_it_is_no_comma(tmp_path: Path) -> None:
    assert "delimiter" not in text_of(tmp_path, "id,note\n1,x\n", "defs.yaml")
    assert 'delimiter: ";"' in text_of(tmp_path, "id;note\n1;x\n", "defs.yaml")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5),
    records=st.lists(st.lists(st.text(max_size=8), min_size=5, max_size=5), min_size=1, max_size=4),
)
def test_whatever_a_csv_calls_its_columns_it_is_refused_or_makes_a_product_without_mistakes(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], records: list[list[str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([header, *(record[: len(header)] for record in records)])
    folder = tmp_path_factory.mktemp("odd")
    try:
        read = sample(folder, text.getvalue().encode("utf-8", "replace").decode())
    except ReadinessError:
        return
    product = load_product(build(folder, "odd", read))
    assert [column.name for column in product.by_name["raw_odd"].table.columns] == [field.delivered for field in read.fields]
