"""`readiness gates propose` and `export`, as somebody who writes a gate meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from readiness_pipelines.cli import main
from readiness_pipelines.gates import load_suite
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from tests.cli.said import Said
from tests.shop import Shop


@pytest.fixture
def lines(shop: Shop) -> Path:
    path = shop.root / "order lines.csv"
    rows = [f"{i // 4},{i % 4},{'ab'[i % 2]},{i % 9}" for i in range(1_200)]
    path.write_text("order,line,kind,amount\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_a_file_becomes_a_suite_on_the_screen_or_in_a_file_that_loads(readiness: Said, lines: Path) -> None:
    code, said = readiness("gates", "propose", lines.name)
    assert code == 0
    assert "name: order_lines\n" in said
    assert said.startswith("# Proposed from 1,200 rows of order lines.csv.")
    code, told = readiness("gates", "propose", lines.name, "--output", "bronze_lines.yaml")
    suite = load_suite(Path("bronze_lines.yaml"))
    assert (code, suite.name) == (0, "bronze_lines")
    assert told.strip() == f"{len(suite.rules)} rules written to bronze_lines.yaml"
    assert {"columns", "order_line_unique", "kind_known", "amount_in_range"} <= {rule.name for rule in suite.rules}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.csv"], "missing.csv: found no such file"),
        (["nothing"], "found 0 tables 'nothing', expected one of: shop.bronze.raw_orders"),
        (["order lines.csv", "--rows-at-least", "2000"], "found 1,200 readable rows, expected at least 2,000"),
        (["order lines.csv", "--output", "suite.txt"], "found --output suite.txt, expected a .yaml file"),
        (["order lines.csv", "--until", "2025-01-01"], "found --until or --product beside a file"),
        (["orders"], "shop.silver.orders: found 0 admitted rows, expected at least 1,000"),
    ],
)
def test_what_cannot_be_learned_from_ends_with_two_and_one_line(
    readiness: Said,
    lines: Path,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["readiness", "gates", "propose", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert (ended.value.code, told.out, said in told.err) == (2, "", True)


@pytest.mark.slow
def test_beside_a_suite_that_is_there_a_diff_is_told_and_what_is_written_validates(readiness: Said, shop: Shop) -> None:
    for day in range(1, 7):
        key = shop.day(day)
        shop.land(day, [f"{day * 100 + i},c{i},{10 + i % 5},{key}" for i in range(20)])
        for table in ("raw_orders", "orders"):
            run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, table, key)
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    code, said = readiness("gates", "propose", "orders", "--rows-at-least", "100", "--output", str(suite))
    assert code == 0
    assert "# Any rule at all: alerts: " in said and " of 3 later partitions (95%: 0% to " in said
    assert "~ amount_in_range: min_value 0 -> 10; max_value 1000 -> 14\n" in said
    assert "# rules it would write otherwise" not in said
    assert "~ customer_known: on_fail warn -> quarantine\n" in said
    assert "+   - type: expect_column_values_to_be_unique\n" in said
    assert load_suite(suite).name == "silver_orders"
    assert "# customer: PII in the contract, so neither set nor range: they would show values" in suite.read_text()
    assert readiness("validate") == (0, "1 products, 4 tables, all right\n")


def test_a_suite_is_exported_as_great_expectations_keeps_it(readiness: Said, shop: Shop) -> None:
    suite = shop.root / "quality_suites" / "shop" / "silver_orders.yaml"
    code, said = readiness("gates", "export", str(suite))
    assert code == 0
    assert json.loads(said)["meta"] == {"max_quarantine_fraction": 0.2}
    (shop.root / "silver_orders.json").write_text(said)
    assert load_suite(shop.root / "silver_orders.json") == load_suite(suite)


def test_help_names_both_commands(readiness: Said) -> None:
    code, said = readiness("gates", "--help")
    assert code == 0
    assert "propose" in said and "export" in said
