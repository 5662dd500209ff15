"""`readiness gates report` as an operator meets it: a page per product, where it was asked for."""

from __future__ import annotations

from pathlib import Path

from tests.cli.said import Said
from tests.reports.scene import add_rule, rows, run
from tests.shop import Shop, build_shop


def test_the_page_is_written_where_it_is_asked_for_and_its_first_sentence_is_said(shop: Shop, readiness: Said) -> None:
    add_rule(shop, "  - {type: expect_column_values_to_be_unique, kwargs: {column: order_id}, meta: {name: once}}\n")
    shop.land(1, rows(shop, 1))
    run(shop, 1)
    code, said = readiness("gates", "report", "shop", "--from", shop.day(1), "--to", shop.day(2), "--output", "some page.html")
    assert code == 0
    assert "shop: Of the 2 days from 2025-01-01 to 2025-01-02, 1 is admitted, 0 admitted with quarantine, 0 held" in said
    assert "written to some page.html" in said
    page = Path("some page.html").read_text(encoding="utf-8")
    assert "once" in page and "2025-01-04" not in page


def test_every_product_of_the_project_gets_a_page_of_its_own(shop: Shop, readiness: Said) -> None:
    build_shop(shop.root, "kiosk")
    code, _ = readiness("gates", "report")
    assert code == 0
    assert [path.name for path in sorted(Path().glob("*.html"))] == ["kiosk_gates.html", "shop_gates.html"]


def test_what_cannot_be_is_one_line(shop: Shop, readiness: Said) -> None:
    build_shop(shop.root, "kiosk")
    code, said = readiness("gates", "report", "--output", "x.html")
    assert (code, said.strip()) == (2, "readiness: found one --output for 2 products, expected the name of one: kiosk, shop")
    code, said = readiness("gates", "report", "shop", "--output", "no/such/folder.html")
    assert (code, "no/such/folder.html: cannot be written: No such file or directory; expected a place" in said) == (2, True)
    code, said = readiness("gates", "report", "shop", "--from", "2024-01-01")
    assert (code, "expected a range within 2025-01-01 to 2025-01-10" in said) == (2, True)
