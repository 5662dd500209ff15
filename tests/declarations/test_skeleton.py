"""The skeleton of a product: what it reads of a csv, and that it admits the very file it was made from."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product, skeleton
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.settings import Settings

DAY = datetime.date(2025, 3, 5)


def sample(tmp_path: Path, text: str) -> skeleton.Sample:
    path = tmp_path / "given.csv"
    path.write_bytes(text.encode())
    return skeleton.read_sample(path)


def build(tmp_path: Path, name: str, read: skeleton.Sample) -> Path:
    folder = tmp_path / "defs" / name
    for inside, text in skeleton.declarations(name, read, DAY).items():
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        (folder / inside).write_text(text)
    suites = tmp_path / "quality_suites" / name
    suites.mkdir(parents=True)
    for inside, text in skeleton.suites(name, read).items():
        (suites / inside).write_text(text)
    return folder


def test_types_are_what_every_value_casts_to(tmp_path: Path) -> None:
    read = sample(
        tmp_path,
        "n,amount,flag,on,at,zip,word,empty,mixed\n"
        "1,2.5,true,2025-01-31,2025-01-31T10:00:00Z,01234,a,,1\n"
        "-7,3,FALSE,2024-02-29,2025-01-31 10:00:00,99999,,,x\n",
    )
    assert [(f.name, f.logical_type, f.full) for f in read.fields] == [
        ("n", "integer", True),
        ("amount", "number", True),
        ("flag", "boolean", True),
        ("on", "date", True),
        ("at", "timestamp", True),
        ("zip", "string", True),  # an integer would lose the leading zero
        ("word", "string", False),
        ("empty", "string", False),
        ("mixed", "string", True),
    ]


@pytest.mark.parametrize(("delimiter", "found"), [(",", ","), (";", ";"), ("\t", "\t"), ("|", "|")])
def test_the_delimiter_is_the_one_that_splits_the_header(tmp_path: Path, delimiter: str, found: str) -> None:
    read = sample(tmp_path, f"a{delimiter}b\n1{delimiter}2\n")
    assert (read.delimiter, [f.delivered for f in read.fields]) == (found, ["a", "b"])


def test_names_become_sql_names_and_stay_what_they_were_in_bronze(tmp_path: Path) -> None:
    read = sample(tmp_path, '\ufeffOrder ID,customerName,2nd,"with ""quote""",größe\n1,2,3,4,5\n')
    assert [(f.delivered, f.name) for f in read.fields] == [
        ("Order ID", "order_id"),
        ("customerName", "customer_name"),
        ("2nd", "column_3_2nd"),
        ('with "quote"', "with_quote"),
        ("größe", "gr_e"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found no header"),
        ("a,b\n", "found a header and no record"),
        ("a,a\n1,2\n", r"found the column \['a'\] more than once"),
        ("Order ID,order_id\n1,2\n", r"as SQL would name it, \['order_id'\] more than once"),
        ("a,b\n1\n", "record 1: found 1 fields, expected 2"),
        ("a,\n1,2\n", "more than once or empty"),
    ],
)
def test_a_file_that_cannot_be_declared_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ReadinessError, match=said) as error:
        sample(tmp_path, text)
    assert "\n" not in str(error.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadinessError, match="FileNotFoundError"):
        skeleton.read_sample(tmp_path / "nowhere.csv")
    (tmp_path / "b.csv").write_bytes(b"a,b\n\xff\xfe,2\n")
    with pytest.raises(ReadinessError, match="UnicodeDecodeError"):
        skeleton.read_sample(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("orders", "Order ID,Amount,when,select\n1,2.50,2025-03-04,x\n2,,2025-03-05,\n", [(1, 2.5), (2, None)]),
        ("order", 'id;"a;b"\n1;x\n2;y\n', [(1, "x"), (2, "y")]),  # both the product and its delimiter are awkward
        ("group", "id,yes\n1,no\n", [(1, "no")]),
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
