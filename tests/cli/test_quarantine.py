"""The commands of the quarantine as an operator meets them; what they record is run by `readiness backfill`, or here by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.quarantine import rows_of
from tests.cli.said import Said
from tests.shop import Shop

SIGNED = ("--by", "ann", "--reason", "typed wrongly")
ORDERS = "shop.silver.orders"


DEFINITIONS = """
from pathlib import Path
from readiness_pipelines.declarations import load_product
from readiness_pipelines.product import definitions_of
defs = definitions_of(load_product(Path(__file__).parent.parent / "defs" / "shop"))
"""


@pytest.fixture
def bad(shop: Shop) -> Shop:
    """A day with two bad rows in silver, and one that is held."""
    day = shop.day(1)
    shop.land(1, [*[f"{i},c{i},10,{day}" for i in range(18)], f"101,c,99999,{day}", f"102,c,ten,{day}"])
    shop.land_broken(2)
    run(shop)
    return shop


def run(shop: Shop) -> None:
    for table in ("raw_orders", "orders"):
        for day in (1, 2):
            run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, table, shop.day(day))


def listed(readiness: Said, *filters: str) -> list[tuple[str, int]]:
    code, said = readiness("quarantine", "list", "--json", *filters)
    assert code == 0
    return [(each["reason"], each["rows"]) for each in json.loads(said)]


def test_list_filters_by_product_table_partition_rule_and_age(bad: Shop, readiness: Said) -> None:
    first = ("--partition", bad.day(1))
    assert listed(readiness) == [("cast:amount", 11), ("amount_in_range", 1)]
    assert listed(readiness, *first) == [("amount_in_range", 1), ("cast:amount", 1)]
    assert listed(readiness, *first, "--rule", "cast:amount") == [("cast:amount", 1)]
    assert listed(readiness, "--table", "raw_orders") == []
    assert listed(readiness, "--older-than", "1") == []
    code, said = readiness("quarantine", "list", "--product", "nonsense")
    assert (code, "found no product 'nonsense', expected one of: shop" in said) == (2, True)


def test_a_row_is_exported_released_and_shown_with_who_and_why(bad: Shop, readiness: Said, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    assert readiness("quarantine", "export", "orders", bad.day(1), "--to", str(path))[0] == 0
    assert readiness("quarantine", "export", "orders", bad.day(1))[1] == path.read_text()
    path.write_text(path.read_text().replace(",99999,", ",999,"))
    release = ("quarantine", "release", "orders", bad.day(1), *SIGNED, "--no-run", "--values", str(path))
    code, said = readiness(*release)
    assert code == 0
    assert f"recorded: {ORDERS}/{bad.day(1)} 1 rows released with corrected values, by ann" in said
    assert "known already" in readiness(*release)[1]
    run(bad)
    code, said = readiness("quarantine", "show", "orders", bad.day(1), "--all")
    assert "released with corrected values" in said and "typed wrongly" in said
    states = [each["state"] for each in json.loads(readiness("quarantine", "show", "orders", bad.day(1), "--all", "--json")[1])]
    assert states == ["quarantined", "released", "superseded"]


def test_what_is_neither_values_nor_waiver_is_refused(bad: Shop, readiness: Said, tmp_path: Path) -> None:
    release = ("quarantine", "release", "orders", bad.day(1), *SIGNED)
    for wrong in ((), ("--values", "x.csv", "--waive", "amount_in_range"), ("--values", "x.csv", "--row", "r")):
        assert readiness(*release, *wrong)[1].startswith("readiness: found neither or both, expected --values FILE")
    assert "found 0 rows and 1 rules" in readiness(*release, "--waive", "amount_in_range")[1]
    code, said = readiness("quarantine", "discard", "orders", bad.day(1), "--by", " ", "--reason", "x", "--row", "r")
    assert (code, "found an empty by" in said) == (2, True)


def test_admit_and_withdraw_are_shown_by_held_show(bad: Shop, readiness: Said) -> None:
    day = bad.day(2)
    assert "max_quarantine_fraction" not in readiness("held", "show", "orders", day)[1]
    code, said = readiness("admit", "orders", day, *SIGNED, "--no-run")
    assert code == 0 and "admitted waiving max_quarantine_fraction, by ann" in said
    run(bad)
    code, said = readiness("held", "show", "orders", day)
    assert code == 0 and "is not held" in said and "admitted waiving max_quarantine_fraction" in said
    code, said = readiness("withdraw", "orders", day, "--to", "nothing", *SIGNED, "--no-run")
    assert code == 0 and "Nothing was made from it." in said and "withdrawn to nothing" in said
    run(bad)
    code, said = readiness("held", "show", "orders", day)
    assert code == 0 and "was withdrawn by ann" in said
    assert readiness("withdraw", "orders", day, "--to", "123456", *SIGNED)[0] == 2
    code, said = readiness("quarantine", "purge", "--older-than", "0", *SIGNED)
    assert (code, said.splitlines()[-1]) == (0, "10 rows purged from 1 partitions")  # of the candidate that was held


@pytest.mark.parametrize("command", [["list"], ["purge", "--older-than", "0", *SIGNED], ["show", "orders"], ["export", "orders"]])
def test_a_partition_or_rule_that_is_misspelt_is_refused_with_those_there_are(
    command: list[str], bad: Shop, readiness: Said, tmp_path: Path
) -> None:
    takes_option = command[0] in ("list", "purge")
    to = ("--to", str(tmp_path / "x.csv")) if command[0] == "export" else ()
    code, said = readiness("quarantine", *command, *(["--partition"] if takes_option else []), "2025-1-1", *to)
    assert (code, "found no partition '2025-1-1', expected one that was run of: 2025-01-01, 2025-01-02" in said) == (2, True)
    assert list(tmp_path.glob("*.csv")) == []
    if command[0] == "purge":
        return
    here = () if takes_option else (bad.day(1),)
    code, said = readiness("quarantine", *command, *here, "--rule", "amount_in_rang", *to)
    assert (code, "found no rule or reason 'amount_in_rang', expected one of: amount_in_range" in said) == (2, True)
    assert list(tmp_path.glob("*.csv")) == []
    for reason in ("customer_known", "cast:order_id"):  # no row is in quarantine for it, and one could be
        assert readiness("quarantine", *command, *here, "--rule", reason)[0] == 0


@pytest.mark.slow
def test_the_exit_code_says_whether_a_decision_is_in_effect(bad: Shop, readiness: Said) -> None:
    (bad.root / "shops").mkdir()
    (bad.root / "shops" / "__init__.py").touch()
    (bad.root / "shops" / "definitions.py").write_text(DEFINITIONS)
    first, second = [r.row_id for r in rows_of(Lakehouse.open(bad.settings), ORDERS, bad.day(1))]
    code, said = readiness("quarantine", "discard", "orders", bad.day(1), *SIGNED, "--row", first)
    assert (code, "recorded, and not in effect" in said) == (0, False)
    bad.land(1, ["1,2"], header="a,b\n", suffix="_2")
    code, said = readiness("quarantine", "discard", "orders", bad.day(1), *SIGNED, "--row", second)
    assert code == 1
    last = said.splitlines()[-1]
    assert last.startswith(
        "the decision is recorded, and not in effect: no candidate was made with it: 2025-01-01 bronze raw_orders"
    )
