"""`readiness trace` in a project of two products: which of them is meant, and what is said where that is not clear."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import run_step
from tests.cli.said import Said, commands_in
from tests.shop import Shop, build_shop


def run(shop: Shop) -> None:
    for table in ("raw_orders", "orders"):
        run_step(Lakehouse.open(shop.settings), shop.settings, shop.product, table, shop.day(1))


@pytest.fixture
def shops(tmp_path: Path) -> tuple[Shop, Shop]:
    """Two shops in one project; the same file has landed for both."""
    found = build_shop(tmp_path, "north"), build_shop(tmp_path, "south")
    for shop in found:
        shop.land(1)
        run(shop)
    return found


@pytest.fixture
def trace(shops: tuple[Shop, Shop], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    readiness = commands_in(shops[0].root, shops[0].environment, monkeypatch, capsys)
    return lambda *arguments: readiness("trace", *arguments)


def test_a_misspelt_table_or_file_is_told_as_such(trace: Said) -> None:
    code, said = trace("order/2025-01-01")
    assert (code, "found 'order/2025-01-01' in none of north, south, expected TABLE/PARTITION" in said) == (2, True), said
    code, said = trace("north_orders/orders_1999-01-01.csv", "--forward")
    told = "found 'north_orders/orders_1999-01-01.csv' in none of north, south, expected the name of a delivered file below landing"
    assert (code, told in said) == (2, True), said
    assert "or a delivered file with --forward" in trace("north_orders/orders_2025-01-01.csv")[1]


def test_what_several_products_have_is_asked_for_by_product(shops: tuple[Shop, Shop], trace: Said) -> None:
    landed = shops[0].settings.landing / "north_orders" / "orders_2025-01-01.csv"
    sha256 = hashlib.sha256(landed.read_bytes()).hexdigest()[:12]
    for arguments in (("orders/2025-01-01",), (sha256, "--forward")):
        code, said = trace(*arguments)
        told = f"found '{arguments[0]}' in north, south, expected one of them: say which with --product"
        assert (code, told in said) == (2, True), said
        code, said = trace(*arguments, "--product", "south")
        assert (code, "south.silver.orders/2025-01-01@" in said, "north" in said) == (0, True, False), said


def test_what_one_product_has_needs_no_more(trace: Said) -> None:
    for arguments in (("north.silver.orders/2025-01-01",), ("north_orders/orders_2025-01-01.csv", "--forward")):
        code, said = trace(*arguments)
        assert (code, "north.silver.orders/2025-01-01@" in said) == (0, True), said


def test_a_name_of_several_contents_is_told_with_these(shops: tuple[Shop, Shop], trace: Said) -> None:
    """And not as one that nobody knows."""
    shops[0].land(1, ["1,c1,10,2025-01-01"])
    run(shops[0])
    code, said = trace("north_orders/orders_2025-01-01.csv", "--forward")
    told = "found 2 deliveries 'north_orders/orders_2025-01-01.csv' in north, expected one of its contents: "
    assert (code, told in said) == (2, True), said


def test_a_row_that_is_not_there_is_told_with_how_its_key_is_written(trace: Said) -> None:
    code, said = trace("north.silver.orders/2025-01-01", "no such order")
    assert (code, "its row_id or key (order_id), a time as 2025-03-01 10:00:00+00" in said) == (2, True), said


def test_the_help_says_what_forward_follows(trace: Said) -> None:
    code, said = trace("--help")
    flat = " ".join(said.replace("│", " ").split())
    assert (
        code == 0 and "what was made from it, the models that learned from it, what they scored, and what was made of that" in flat
    )
