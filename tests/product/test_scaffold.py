"""The scaffolder: which day, which folder, and nothing written when it is refused."""

import datetime
from pathlib import Path

import click
import dagster as dg
import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.product.scaffold import Params, ProductScaffolder

TYPE = "readiness_pipelines.product.DataProduct"


def yesterday() -> datetime.date:
    """Return it as it is now: a run of all tests may last past midnight."""
    return datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=1)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an empty defs folder, and the working directory in it."""
    for name in ("READINESS_LANDING", "READINESS_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "acme" / "defs").mkdir(parents=True)
    return tmp_path


def scaffold(root: Path, name: str = "orders", *, project_root: Path | None = None, **params: str) -> Path:
    folder = root / "acme" / "defs" / name
    folder.mkdir(parents=True)  # as dg does before it asks
    request = dg.ScaffoldRequest(
        type_name=TYPE,
        target_path=folder,
        scaffold_format="yaml",
        project_root=project_root,
        params=Params(**params),
        append=False,
    )
    ProductScaffolder().scaffold(request)
    return folder


def landed(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "data" / "landing").rglob("*") if path.is_file())


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.mark.parametrize(
    ("name", "day", "found"),
    [
        ("orders_2025-03-05.csv", None, "2025-03-05"),
        ("20250305-orders.csv", None, "2025-03-05"),
        ("orders_2025_03_05_v2.csv", None, "2025-03-05"),
        ("orders_2025-03-05.csv", "2024-02-29", "2024-02-29"),
        ("orders.csv", None, None),
        ("orders_2025-02-31.csv", None, None),  # no day
        ("orders_2025-0305.csv", None, None),  # two ways of writing one
        ("orders_120250305.csv", None, None),  # a number that goes on
    ],
)
def test_the_day_is_the_given_one_else_that_of_the_name_else_yesterday(
    root: Path, name: str, day: str | None, found: str | None
) -> None:
    found = found or str(yesterday())
    (root / name).write_text("a,b\n1,2\n")
    folder = scaffold(root, csv=name, **({"day": day} if day else {}))
    assert landed(root) == [f"orders_{found}.csv"]
    declared = load_product(folder).declaration
    assert (str(declared.partitions.start), declared.bronze[0].feed.files) == (found, "orders/orders_%Y-%m-%d*.csv")
    assert (str(declared.bronze[0].feed.first_due), str(declared.bronze[0].feed.last_due)) == (found, found)


def test_a_file_of_today_is_refused_because_its_partition_cannot_run_yet(root: Path) -> None:
    today = yesterday() + datetime.timedelta(days=1)
    (root / f"orders_{today}.csv").write_text("a,b\n1,2\n")
    before = files(root)
    with pytest.raises(click.ClickException, match=f"found the day {today}, expected one that has ended"):
        scaffold(root, csv=f"orders_{today}.csv")
    assert files(root) == before


def test_without_a_csv_an_example_of_three_columns_is_landed(root: Path) -> None:
    product = load_product(scaffold(root))
    assert [column.name for column in product.by_name["orders"].table.columns] == ["order_id", "amount", "ordered_on"]
    assert landed(root) == [f"orders_{yesterday()}.csv"]


def test_the_landing_folder_is_that_of_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINESS_LANDING", str(root / "elsewhere"))
    scaffold(root)
    assert [path.name for path in (root / "elsewhere" / "orders").iterdir()] == [f"orders_{yesterday()}.csv"]


def test_suites_lie_at_the_root_of_the_project(root: Path) -> None:
    scaffold(root)
    assert sorted(path.name for path in (root / "quality_suites" / "orders").iterdir()) == [
        "bronze_raw_orders.yaml",
        "gold_orders_daily.yaml",
        "silver_orders.yaml",
    ]


def test_a_suites_folder_nearer_than_the_root_is_used_and_one_beyond_is_not(root: Path) -> None:
    (root / "acme" / "quality_suites").mkdir()
    scaffold(root, "near")
    assert (root / "acme" / "quality_suites" / "near").is_dir()
    (root / "acme" / "quality_suites").rename(root / "quality_suites")
    scaffold(root, "far", project_root=root / "acme")
    assert (root / "acme" / "quality_suites" / "far").is_dir()


def test_a_landing_place_that_is_no_folder_leaves_nothing(root: Path) -> None:
    (root / "data").write_text("a file")
    before = files(root)
    with pytest.raises(click.ClickException, match="cannot write .*data/landing.*nothing was kept"):
        scaffold(root)
    assert files(root) == before


def test_records_that_cannot_be_read_are_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "o.csv").write_text("a,b\n1,2\n3\n")
    scaffold(root, csv="o.csv")
    told = capsys.readouterr().out
    assert "1 records looked at: a integer, b integer" in told
    assert "1 more cannot be read: they go to quarantine, and above 5% they hold the day" in told


def test_next_steps_are_told_as_they_are_to_be_typed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scaffold(root, day="2025-03-05")
    assert capsys.readouterr().out.splitlines()[-5:] == [
        "Next:",
        "  readiness validate",
        "  dg check defs",
        "  dg launch --job orders_job --partition 2025-03-05",
        "  readiness status orders",
    ]
